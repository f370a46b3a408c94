/* backup.c - making a backup. */
#include "trace/backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "trace/backup_private.h"
#include "trace/packs.h"
#include "trace/raw.h"

/* ---- export: the journal ------------------------------------------------- */

/* Behind the last whole commit of a segment that may still be written. */
static enum pv_err
live_end(struct pv_segment_reader *reader, uint64_t *ret_end)
{
    struct pv_commit_view view;
    uint64_t              at;
    enum pv_err           err = pv_segment_last(reader, &at);

    *ret_end = PV_SEGMENT_HEAD_LEN;
    if (err == PV_OK) {
        err = pv_segment_commit(reader, at, &view, NULL);
        *ret_end = err == PV_OK ? view.next : at;
        err = err == PV_ECORRUPT ? PV_OK : err; /* still being written */
    }
    return err == PV_ENOTFOUND ? PV_OK : err;
}

static enum pv_err
copy_segment(struct copier *copier, const struct pv_segment_list *list,
             size_t i, int to_dirfd)
{
    struct pv_segment_reader reader;
    struct pv_segment_reader next;
    char                     name[PV_SEGMENT_NAME_LEN + 1];
    char                     path[PATH_ROOM];
    uint64_t                 end = 0;
    enum pv_err              err;

    pv_segment_name(list->number[i], name);
    (void)snprintf(path, sizeof(path), "journal/%s", name); /* fits */
    err = pv_segment_open(copier->backup->journal_dirfd, list->number[i],
                          &reader);
    if (err != PV_OK) {
        return err == PV_ENOTFOUND ? err
                                   : backup_failed(copier->why, err, path);
    }
    if (i + 1 < list->count) {
        err = pv_segment_open(copier->backup->journal_dirfd,
                              list->number[i + 1], &next);
        if (err == PV_OK) {
            end = next.head.before_end;
            pv_segment_close(&next);
            err = end > reader.size ? PV_ECORRUPT : PV_OK;
        }
    } else {
        err = live_end(&reader, &end);
    }
    if (err == PV_OK) {
        err = backup_copy_file(copier, reader.fd, end, reader.size, to_dirfd,
                               name, path, NULL);
    } else if (err != PV_ENOTFOUND) {
        (void)backup_failed(copier->why, err, path);
    }
    pv_segment_close(&reader);
    return err;
}

struct copied { /* up to some moment */
    size_t   manifest_len;
    uint64_t file_count;
    uint64_t len;
};

/*
 * A segment was packed and removed before it was copied, and so were those
 * before it, the oldest go first: their copies would leave a gap.
 */
static enum pv_err
drop_segments(struct copier *copier, const struct copied *before,
              const struct pv_segment_list *list, size_t count, int to_dirfd)
{
    copier->manifest.len = before->manifest_len;
    copier->backup->file_count = before->file_count;
    copier->backup->len = before->len;
    for (size_t i = 0; i < count; i++) {
        char name[PV_SEGMENT_NAME_LEN + 1];

        pv_segment_name(list->number[i], name);
        if (unlinkat(to_dirfd, name, 0) == -1 && errno != ENOENT) {
            return backup_failed(copier->why, PV_ESYS, name);
        }
    }
    return PV_OK;
}

static enum pv_err
copy_journal(struct copier *copier)
{
    const struct copied before = {
        copier->manifest.len, copier->backup->file_count, copier->backup->len};
    struct pv_segment_list list = {NULL, 0};
    int                    to = -1;
    enum pv_err            err;

    err = pv_segment_list_read(copier->backup->journal_dirfd, &list);
    if (err == PV_OK) {
        err = backup_make_dir(copier->backup->dirfd, "journal", &to);
    }
    if (err != PV_OK) {
        (void)backup_failed(copier->why, err, "the journal");
    }
    for (size_t i = 0; err == PV_OK && i < list.count; i++) {
        err = copy_segment(copier, &list, i, to);
        if (err == PV_ENOTFOUND) {
            err = drop_segments(copier, &before, &list, i, to);
        }
    }
    pv_segment_list_clear(&list);
    backup_close(to);
    return err;
}

/* ---- export: the log's directory ----------------------------------------- */

static enum pv_err
copy_named(struct copier *copier, int from_dirfd, const char *name,
           uint64_t max_len, int to_dirfd, const char *path,
           struct pv_hash *ret_hash)
{
    struct stat st;
    uint64_t    len;
    enum pv_err err;
    int fd = openat(from_dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd == -1) {
        return backup_failed(copier->why, PV_ESYS, path);
    }
    if (fstat(fd, &st) == -1) {
        err = backup_failed(copier->why, PV_ESYS, path);
    } else {
        len = (uint64_t)st.st_size < max_len ? (uint64_t)st.st_size : max_len;
        err = backup_copy_file(copier, fd, len, len, to_dirfd, name, path,
                               ret_hash);
    }
    backup_close(fd);
    return err;
}

/* A small file of the journal's directory, if it is there. */
static enum pv_err
copy_small(struct copier *copier, const char *name, const char *path)
{
    int         to = -1;
    enum pv_err err;

    if (faccessat(copier->backup->journal_dirfd, name, F_OK, 0) == -1) {
        return errno == ENOENT ? PV_OK
                               : backup_failed(copier->why, PV_ESYS, path);
    }
    err = backup_make_dir(copier->backup->dirfd, "journal", &to);
    err = err == PV_OK ? copy_named(copier, copier->backup->journal_dirfd, name,
                                    UINT64_MAX, to, path, NULL)
                       : backup_failed(copier->why, err, "journal");
    backup_close(to);
    return err;
}

/* The level files, as far as a tree of size leaves needs them. */
static enum pv_err
copy_tree(struct copier *copier, int to_dirfd, uint64_t size)
{
    enum pv_err err;
    int         from = openat(copier->backup->log_dirfd, TREE_DIR,
                              O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    int         to = -1;

    err = from == -1 ? PV_ESYS : backup_make_dir(to_dirfd, TREE_DIR, &to);
    if (err != PV_OK) {
        (void)backup_failed(copier->why, err, "the tree");
    }
    for (unsigned level = 0; err == PV_OK && level < PV_TILE_LEVELS; level++) {
        uint64_t count = pv_tile_count(level, size);
        char     name[4];
        char     path[PATH_ROOM];

        if (count == 0 && level > 0) {
            break;
        }
        (void)snprintf(name, sizeof(name), "%u", level);          /* fits */
        (void)snprintf(path, sizeof(path), "log/tree/%u", level); /* fits */
        err =
            copy_named(copier, from, name, count * PV_HASH_LEN, to, path, NULL);
    }
    backup_close(from);
    backup_close(to);
    return err;
}

/* The packs that the copied list names, each by its hash. */
static enum pv_err
copy_packs(struct copier *copier, int to_dirfd)
{
    struct pv_packs packs;
    int             from = -1;
    int             to = -1;
    enum pv_err     err;

    pv_packs_init(&packs, copier->backup->log_dirfd);
    err = pv_packs_refresh(&packs);
    if (err != PV_OK || packs.count == 0) {
        goto out;
    }
    err = backup_make_dir(to_dirfd, PV_PACK_DIR, &to);
    from = openat(copier->backup->log_dirfd, PV_PACK_DIR,
                  O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (err == PV_OK && from == -1) {
        err = PV_ESYS;
    }
    if (err == PV_OK) {
        err = copy_named(copier, packs.dirfd, PV_PACKS_FILE,
                         packs.count * PV_PACK_LINE_LEN, to_dirfd,
                         "log/" PV_PACKS_FILE, NULL);
    }
    for (uint64_t i = packs.pruned; err == PV_OK && i < packs.count; i++) {
        struct pv_pack_line line;
        struct pv_hash      hash;
        char                name[PV_PACK_NAME_LEN + 1];
        char                path[PATH_ROOM];

        err = pv_packs_line(&packs, i, &line);
        if (err != PV_OK) {
            break;
        }
        pv_pack_name(&line.hash, name);
        (void)snprintf(path, sizeof(path), "log/pack/%s", name); /* fits */
        err = copy_named(copier, from, name, line.len, to, path, &hash);
        if (err == PV_OK && !pv_hash_eq(&hash, &line.hash)) {
            pv_why_set(copier->why,
                       "%s is not what its name says: the pack was changed",
                       path);
            err = PV_EVERIFY;
        }
    }

out:
    if (err != PV_OK && copier->why != NULL && copier->why->text[0] == '\0') {
        (void)backup_failed(copier->why, err, "the packs");
    }
    pv_packs_clear(&packs);
    backup_close(from);
    backup_close(to);
    return err;
}

static bool
is_copied_apart(const char *name)
{
    struct pv_slice text = pv_slice_from(name);

    return name[0] == '.' || strcmp(name, "lock") == 0 ||
           strcmp(name, CHECKPOINT_FILE) == 0 ||
           strcmp(name, PV_PACKS_FILE) == 0 ||
           (text.len > 4 && strcmp(name + text.len - 4, ".tmp") == 0) ||
           text.len > PV_BACKUP_PATH_MAX - 32;
}

/* The plain files of a directory that nothing above has copied. */
static enum pv_err
copy_rest(struct copier *copier, int from_dirfd, int to_dirfd,
          const char *prefix)
{
    int  fd = openat(from_dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd == -1 ? NULL : fdopendir(fd);
    struct dirent *entry;
    enum pv_err    err = PV_OK;

    if (dir == NULL) {
        return backup_failed(copier->why, PV_ESYS, prefix);
    }
    while (err == PV_OK && (entry = readdir(dir)) != NULL) {
        struct stat st;
        char        path[PATH_ROOM];

        if (is_copied_apart(entry->d_name) ||
            fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == -1 ||
            !S_ISREG(st.st_mode)) {
            continue;
        }
        (void)snprintf(path, sizeof(path), "%s/%s", prefix,
                       entry->d_name); /* fits: the name's length was asked */
        err = copy_named(copier, fd, entry->d_name, UINT64_MAX, to_dirfd, path,
                         NULL);
    }
    (void)closedir(dir); /* read-only: nothing to lose */
    return err;
}

static enum pv_err
copy_rollups(struct copier *copier, int to_dirfd)
{
    enum pv_err err;
    int         from = openat(copier->backup->log_dirfd, "rollup",
                              O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    int         to = -1;

    if (from == -1) {
        return errno == ENOENT ? PV_OK
                               : backup_failed(copier->why, PV_ESYS, "rollup");
    }
    err = backup_make_dir(to_dirfd, "rollup", &to);
    err = err == PV_OK ? copy_rest(copier, from, to, "log/rollup")
                       : backup_failed(copier->why, err, "rollup");
    backup_close(from);
    backup_close(to);
    return err;
}

static enum pv_err
finish_manifest(struct copier *copier)
{
    struct pv_slice text = pv_buf_view(&copier->manifest);
    struct pv_hash  hash;
    char            hex[2 * PV_HASH_LEN];
    enum pv_err     err = pv_sha256(copier->sha, &text, 1, &hash);

    if (err == PV_OK) {
        pv_hex_text(hash.bytes, PV_HASH_LEN, hex);
        err =
            pv_buf_addf(&copier->manifest, "%.*s end\n", (int)sizeof(hex), hex);
    }
    /* what the manifest names is on disk before it is */
    if (err == PV_OK && syncfs(copier->backup->dirfd) == -1) {
        err = PV_ESYS;
    }
    if (err == PV_OK) {
        err = backup_write_file(copier->backup->dirfd, PV_BACKUP_MANIFEST,
                                pv_buf_view(&copier->manifest));
    }
    if (err == PV_OK && fsync(copier->backup->dirfd) == -1) {
        err = PV_ESYS;
    }
    return err == PV_OK ? err
                        : backup_failed(copier->why, err, PV_BACKUP_MANIFEST);
}

static enum pv_err
copy_log(struct copier *copier, const struct pv_buf *note, uint64_t size)
{
    struct pv_slice bytes = pv_buf_view(note);
    struct pv_hash  hash;
    int             to = -1;
    enum pv_err     err = backup_make_dir(copier->backup->dirfd, "log", &to);

    if (err == PV_OK) {
        err = backup_write_file(to, CHECKPOINT_FILE, bytes);
    }
    if (err == PV_OK) {
        err = pv_sha256(copier->sha, &bytes, 1, &hash);
    }
    if (err != PV_OK) {
        backup_close(to);
        return backup_failed(copier->why, err, "log/" CHECKPOINT_FILE);
    }
    err = backup_note_file(copier, &hash, bytes.len, "log/" CHECKPOINT_FILE);
    if (err == PV_OK) {
        err = copy_tree(copier, to, size);
    }
    if (err == PV_OK) {
        err = copy_packs(copier, to);
    }
    if (err == PV_OK) {
        err = copy_rest(copier, copier->backup->log_dirfd, to, "log");
    }
    if (err == PV_OK) {
        err = copy_rollups(copier, to);
    }
    backup_close(to);
    return err;
}

/* Check the copy, by reading it as any reader would. */
enum pv_err
backup_check_copy(struct pv_backup *backup, int journal_dirfd, int log_dirfd,
                  struct pv_why *why)
{
    struct pv_backup copy = *backup;
    enum pv_err      err;

    copy.journal_dirfd = journal_dirfd;
    copy.log_dirfd = log_dirfd;
    err = journal_dirfd == -1 || log_dirfd == -1
              ? backup_failed(why, PV_ESYS, "the copy")
              : pv_log_check(&copy, why);
    backup->first = copy.first;
    backup->end = copy.end;
    backup->size = copy.size;
    backup->root = copy.root;
    return err;
}

enum pv_err
pv_backup_export(struct pv_backup *backup, struct pv_why *why)
{
    struct copier        copier;
    struct pv_checkpoint checkpoint;
    struct pv_buf        note;
    enum pv_err err = backup_need_empty(backup->dirfd, "the backup", why);

    pv_buf_init(&note, PV_CHECKPOINT_NOTE_MAX);
    if (err != PV_OK) {
        return err;
    }
    why->text[0] = '\0';
    backup->file_count = 0;
    backup->len = 0;
    err = copier_init(&copier, backup, why);
    if (err != PV_OK) {
        goto out;
    }
    err = pv_buf_add(&copier.manifest, PV_LIT(HEAD_LINE));
    if (err == PV_OK) {
        err = backup_read_checkpoint(backup->log_dirfd, CHECKPOINT_FILE, &note,
                                     &checkpoint);
    }
    if (err != PV_OK) {
        (void)backup_failed(why, err, "the log's checkpoint");
        goto out;
    }
    copier.total = checkpoint.size * PV_HASH_LEN;
    /* before the segments: they reach from its own to a later end */
    err = copy_small(&copier, PV_JOURNAL_STATE, "journal/" PV_JOURNAL_STATE);
    if (err == PV_OK) {
        err = copy_journal(&copier);
    }
    /* which segments are gone on purpose, else the copy's journal would be
       refused; behind them, so that it says no less than they need */
    if (err == PV_OK) {
        err = copy_small(&copier, PV_JOURNAL_REMOVED,
                         "journal/" PV_JOURNAL_REMOVED);
    }
    if (err == PV_OK) {
        err = copy_log(&copier, &note, checkpoint.size);
    }
    if (err == PV_OK) {
        int journal = openat(backup->dirfd, "journal", O_RDONLY | O_CLOEXEC);
        int log = openat(backup->dirfd, "log", O_RDONLY | O_CLOEXEC);

        err = backup_check_copy(backup, journal, log, why);
        backup_close(journal);
        backup_close(log);
    }
    if (err == PV_OK) {
        err = finish_manifest(&copier);
    }

out:
    copier_clear(&copier);
    pv_buf_clear(&note);
    return err;
}
