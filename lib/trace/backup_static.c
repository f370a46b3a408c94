/* backup_static.c - a log as files that any web server can serve. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trace/backup_private.h"

struct layout {
    struct pv_backup *backup;
    struct pv_why    *why;
    struct pv_tiles  *tiles;
    struct pv_log    *log;
    int               target;
};

/* Make the directories of a path, then the file. */
static enum pv_err
put(struct layout *layout, char *path, struct pv_slice bytes)
{
    enum pv_err err;

    for (char *slash = strchr(path, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdirat(layout->target, path, 0755) == -1 && errno != EEXIST) {
            *slash = '/';
            return backup_failed(layout->why, PV_ESYS, path);
        }
        *slash = '/';
    }
    err = backup_write_file(layout->target, path, bytes);
    return err == PV_OK ? err : backup_failed(layout->why, err, path);
}

static enum pv_err
put_hashes(struct layout *layout, unsigned level, uint64_t n, unsigned width)
{
    const struct pv_tile tile = {.level = level, .n = n, .width = width};
    struct pv_hash       hash[PV_TILE_WIDTH];
    char                 path[PV_TILE_PATH_MAX];
    enum pv_err err = pv_tiles_read(layout->tiles, level, n, width, hash);

    if (err != PV_OK) {
        return backup_failed(layout->why, err, "the tree");
    }
    (void)pv_tile_path(&tile, path); /* its length is not needed */
    return put(layout, path,
               (struct pv_slice){(const char *)hash, width * PV_HASH_LEN});
}

static enum pv_err
put_entries(struct layout *layout, uint64_t n, unsigned width)
{
    const struct pv_tile tile = {.entries = true, .n = n, .width = width};
    char                 path[PV_TILE_PATH_MAX];
    struct pv_buf        out;
    enum pv_err          err;

    pv_buf_init(&out, PV_BUNDLE_ENTRIES_MAX);
    err = pv_log_bundle(layout->log, n, width, &out);
    if (err == PV_OK) {
        (void)pv_tile_path(&tile, path); /* its length is not needed */
        err = put(layout, path, pv_buf_view(&out));
    } else if (err == PV_EPRUNED) {
        err = PV_OK;
    } else {
        (void)backup_failed(layout->why, err, "the log");
    }
    pv_buf_clear(&out);
    return err;
}

static enum pv_err
put_all(struct layout *layout, uint64_t size)
{
    enum pv_err err = PV_OK;
    unsigned    width;

    for (unsigned level = 0; level < PV_TILE_LEVELS; level++) {
        for (uint64_t n = 0;
             err == PV_OK && (width = pv_tile_width(level, n, size)) > 0; n++) {
            err = put_hashes(layout, level, n, width);
            if (err == PV_OK && level == 0) {
                err = put_entries(layout, n, width);
                backup_say(layout->backup, "static",
                           n * PV_BUNDLE_LEAVES + width, size);
            }
        }
    }
    return err;
}

enum pv_err
pv_backup_static(struct pv_backup *backup, int target, struct pv_why *why)
{
    struct layout layout = {.backup = backup, .why = why, .target = target};
    struct pv_checkpoint checkpoint;
    struct pv_buf        note;
    char                 name[] = CHECKPOINT_FILE;
    int                  tree_fd = -1;
    enum pv_err          err =
        backup_need_empty(target, "the static copy's directory", why);

    if (err != PV_OK) {
        return err;
    }
    pv_buf_init(&note, PV_CHECKPOINT_NOTE_MAX);
    err = backup_read_checkpoint(backup->log_dirfd, CHECKPOINT_FILE, &note,
                                 &checkpoint);
    tree_fd = openat(backup->log_dirfd, TREE_DIR,
                     O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (err == PV_OK && tree_fd == -1) {
        err = PV_ESYS;
    }
    if (err == PV_OK) {
        err = pv_tiles_open(tree_fd, false, &layout.tiles);
    }
    if (err == PV_OK) {
        err =
            pv_log_open(backup->journal_dirfd, backup->log_dirfd, &layout.log);
    }
    if (err != PV_OK) {
        (void)backup_failed(why, err, "the log");
    } else {
        err = put_all(&layout, checkpoint.size);
    }
    if (err == PV_OK) { /* last: it names what is there */
        err = put(&layout, name, pv_buf_view(&note));
    }
    pv_log_close(layout.log);
    pv_tiles_close(layout.tiles);
    if (tree_fd != -1) {
        (void)close(tree_fd); /* a directory */
    }
    pv_buf_clear(&note);
    return err;
}
