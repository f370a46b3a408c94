/* backup_restore.c - bringing a backup back: only what its manifest names. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "trace/backup_private.h"

static enum pv_err
bad_manifest(struct pv_why *why, const char *what)
{
    pv_why_set(why, "the backup's " PV_BACKUP_MANIFEST " %s", what);
    return PV_ECORRUPT;
}

/* Cut the last line off, which has the hash of all before. */
static enum pv_err
check_manifest(struct copier *copier, struct pv_slice all,
               struct pv_slice *ret_lines)
{
    static const size_t last = 2 * PV_HASH_LEN + sizeof(" end\n") - 1;
    struct pv_hash      hash;
    struct pv_hash      said;
    enum pv_err         err;

    if (all.len < last + sizeof(HEAD_LINE) - 1 ||
        !pv_slice_starts(all, PV_LIT(HEAD_LINE))) {
        return bad_manifest(copier->why, "is none, or a later version's");
    }
    *ret_lines = (struct pv_slice){all.ptr, all.len - last};
    err = pv_sha256(copier->sha, ret_lines, 1, &hash);
    if (err != PV_OK) {
        return backup_failed(copier->why, err, PV_BACKUP_MANIFEST);
    }
    if (memcmp(all.ptr + all.len - 5, " end\n", 5) != 0 ||
        pv_hex_bytes(
            (struct pv_slice){all.ptr + all.len - last, 2 * PV_HASH_LEN},
            said.bytes, PV_HASH_LEN) != PV_OK ||
        !pv_hash_eq(&hash, &said)) {
        return bad_manifest(copier->why, "was changed, or is not whole");
    }
    ret_lines->ptr += sizeof(HEAD_LINE) - 1;
    ret_lines->len -= sizeof(HEAD_LINE) - 1;
    return PV_OK;
}

/* "journal/name", "log/name" or "log/dir/name"; no dots at a name's start. */
static bool
is_path(struct pv_slice path)
{
    struct pv_slice head;
    struct pv_slice rest = path;
    unsigned        depth = 0;

    if (path.len > PV_BACKUP_PATH_MAX) {
        return false;
    }
    while (pv_slice_cut(rest, '/', &head, &rest)) {
        if (head.len == 0 || head.ptr[0] == '.') {
            return false;
        }
        depth++;
    }
    for (size_t i = 0; i < path.len; i++) {
        char c = path.ptr[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c >= '0' && c <= '9') || strchr("./_-", c) != NULL)) {
            return false;
        }
    }
    /* head is what stands behind the last slash */
    return head.len > 0 && head.ptr[0] != '.' &&
           ((depth == 1 && pv_slice_starts(path, PV_LIT("journal/"))) ||
            ((depth == 1 || depth == 2) &&
             pv_slice_starts(path, PV_LIT("log/"))));
}

/* Where it goes: a directory to be closed unless it is the target itself. */
static enum pv_err
place(const struct pv_backup *backup, const char *path, int *ret_dirfd,
      bool *ret_close, const char **ret_name)
{
    const char *name = strchr(path, '/') + 1;
    const char *slash = strchr(name, '/');
    char        dir[PATH_ROOM];

    *ret_close = slash != NULL;
    *ret_name = slash == NULL ? name : slash + 1;
    if (slash == NULL) {
        *ret_dirfd = path[0] == 'j' ? backup->journal_dirfd : backup->log_dirfd;
        return PV_OK;
    }
    (void)snprintf(dir, sizeof(dir), "%.*s", (int)(slash - name),
                   name); /* fits: the path does */
    return backup_make_dir(backup->log_dirfd, dir, ret_dirfd);
}

static enum pv_err
restore_file(struct copier *copier, const struct pv_hash *said, uint64_t len,
             const char *path)
{
    struct pv_hash hash;
    struct stat    st;
    const char    *name;
    bool           must_close = false;
    int            to = -1;
    int            from;
    enum pv_err    err;

    from =
        openat(copier->backup->dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (from == -1 || fstat(from, &st) == -1) {
        backup_close(from);
        return backup_failed(copier->why, PV_ESYS, path);
    }
    err = place(copier->backup, path, &to, &must_close, &name);
    if (err != PV_OK) {
        backup_close(from);
        return backup_failed(copier->why, err, path);
    }
    if ((uint64_t)st.st_size == len) {
        err = backup_copy_file(copier, from, len, len, to, name, path, &hash);
    }
    if (err == PV_OK &&
        ((uint64_t)st.st_size != len || !pv_hash_eq(&hash, said))) {
        pv_why_set(copier->why,
                   "%s in the backup is not what was written to it", path);
        err = PV_EVERIFY;
    }
    if (must_close) {
        backup_close(to);
    }
    backup_close(from);
    return err;
}

static enum pv_err
restore_lines(struct copier *copier, struct pv_slice rest)
{
    struct pv_slice line;
    enum pv_err     err = PV_OK;

    while (err == PV_OK && rest.len > 0) {
        struct pv_slice hex;
        struct pv_slice number;
        struct pv_slice text;
        struct pv_hash  hash = {{0}};
        char            path[PATH_ROOM];
        uint64_t        len;

        if (!pv_slice_cut(rest, '\n', &line, &rest) ||
            !pv_slice_cut(line, ' ', &hex, &text) ||
            !pv_slice_cut(text, ' ', &number, &text) ||
            pv_hex_bytes(hex, hash.bytes, PV_HASH_LEN) != PV_OK ||
            pv_slice_to_u64(number, INT64_MAX, &len) != PV_OK ||
            !is_path(text) ||
            pv_slice_to_cstr(text, path, sizeof(path)) != PV_OK) {
            return bad_manifest(copier->why, "has a line that does not read");
        }
        err = restore_file(copier, &hash, len, path);
    }
    return err;
}

enum pv_err
pv_backup_restore(struct pv_backup *backup, struct pv_why *why)
{
    struct copier   copier;
    struct pv_buf   manifest;
    struct pv_slice lines;
    enum pv_err     err;

    err = backup_need_empty(backup->journal_dirfd, "the journal's directory",
                            why);
    if (err == PV_OK) {
        err = backup_need_empty(backup->log_dirfd, "the log's directory", why);
    }
    if (err != PV_OK) {
        return err;
    }
    backup->file_count = 0;
    backup->len = 0;
    pv_buf_init(&manifest, PV_BACKUP_MANIFEST_MAX);
    err = copier_init(&copier, backup, why);
    if (err == PV_OK) {
        err = backup_read_file(backup->dirfd, PV_BACKUP_MANIFEST, &manifest);
        if (err != PV_OK) {
            (void)backup_failed(why, err, "the backup's " PV_BACKUP_MANIFEST);
        }
    }
    if (err == PV_OK) {
        err = check_manifest(&copier, pv_buf_view(&manifest), &lines);
    }
    if (err == PV_OK) {
        err = restore_lines(&copier, lines);
    }
    if (err == PV_OK && (syncfs(backup->journal_dirfd) == -1 ||
                         syncfs(backup->log_dirfd) == -1)) {
        err = backup_failed(why, PV_ESYS, "the restored log");
    }
    if (err == PV_OK) {
        err = backup_check_copy(backup, backup->journal_dirfd,
                                backup->log_dirfd, why);
    }
    copier_clear(&copier);
    pv_buf_clear(&manifest);
    return err;
}
