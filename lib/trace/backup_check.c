/* backup_check.c - each leaf that is kept is the one in the tree. */
#include <fcntl.h>
#include <unistd.h>

#include "trace/backup_private.h"

#define SAY_EVERY 64 /* bundles */

struct check {
    struct pv_backup *backup;
    struct pv_why    *why;
    struct pv_sha256 *sha;
    struct pv_tiles  *tiles;
    struct pv_log    *log;
    int               tree_fd;
};

static enum pv_err
check_bundle(struct check *check, uint64_t n)
{
    struct pv_backup       *backup = check->backup;
    const struct pv_bundle *bundle;
    struct pv_hash          in_tree[PV_TILE_WIDTH];
    uint64_t                at = n * PV_BUNDLE_LEAVES;
    uint64_t                last = at + PV_BUNDLE_LEAVES - 1;
    unsigned                width = pv_tile_width(0, n, backup->size);
    enum pv_err             err = pv_log_view(check->log, n, &bundle);

    if (err != PV_OK || bundle->width < width) {
        err = err == PV_OK || err == PV_ENOTFOUND ? PV_ECORRUPT : err;
        pv_why_set(check->why, "leaves %llu to %llu cannot be read (%s)",
                   (unsigned long long)at, (unsigned long long)last,
                   pv_err_text(err));
        return err;
    }
    if (width == 0) {
        return PV_OK; /* behind the checkpoint: read, and that is all */
    }
    err = pv_tiles_read(check->tiles, 0, n, width, in_tree);
    for (unsigned i = 0; err == PV_OK && i < width; i++) {
        struct pv_hash hash;

        err = pv_merkle_leaf(check->sha, pv_bundle_line(bundle, i), &hash);
        if (err == PV_OK && !pv_hash_eq(&hash, &in_tree[i])) {
            at += i;
            pv_why_set(check->why, "leaf %llu is not the one in the tree",
                       (unsigned long long)at);
            return PV_EVERIFY;
        }
    }
    return err == PV_OK ? err : backup_failed(check->why, err, "the tree");
}

static enum pv_err
check_root(struct check *check)
{
    struct pv_backup    *backup = check->backup;
    struct pv_checkpoint checkpoint;
    struct pv_buf        note;
    struct pv_hash       root;
    enum pv_err          err;

    pv_buf_init(&note, PV_CHECKPOINT_NOTE_MAX);
    err = backup_read_checkpoint(backup->log_dirfd, CHECKPOINT_FILE, &note,
                                 &checkpoint);
    if (err != PV_OK) {
        (void)backup_failed(check->why, err, "the log's checkpoint");
        goto out;
    }
    backup->size = checkpoint.size;
    backup->root = checkpoint.root;
    err = pv_tiles_root(check->tiles, checkpoint.size, &root);
    if (err != PV_OK) {
        (void)backup_failed(check->why, err,
                            "the tree does not reach the checkpoint");
    } else if (!pv_hash_eq(&root, &checkpoint.root)) {
        pv_why_set(check->why,
                   "the tree of %llu leaves has another root than the "
                   "checkpoint says",
                   (unsigned long long)checkpoint.size);
        err = PV_EVERIFY;
    }

out:
    pv_buf_clear(&note);
    return err;
}

static enum pv_err
check_leaves(struct check *check)
{
    struct pv_backup *backup = check->backup;
    uint64_t          last;
    enum pv_err       err = PV_OK;

    pv_log_range(check->log, &backup->first, &backup->end);
    if (backup->end < backup->size) {
        pv_why_set(check->why,
                   "leaves %llu to %llu are in the checkpoint and nowhere in "
                   "the log",
                   (unsigned long long)backup->end,
                   (unsigned long long)(backup->size - 1));
        return PV_ECORRUPT;
    }
    last = (backup->end + PV_BUNDLE_LEAVES - 1) / PV_BUNDLE_LEAVES;
    for (uint64_t n = backup->first / PV_BUNDLE_LEAVES;
         err == PV_OK && n < last; n++) {
        err = check_bundle(check, n);
        if (n % SAY_EVERY == 0 || n + 1 == last) {
            backup_say(backup, "check", (n + 1) * PV_BUNDLE_LEAVES,
                       last * PV_BUNDLE_LEAVES);
        }
    }
    return err;
}

enum pv_err
pv_log_check(struct pv_backup *backup, struct pv_why *why)
{
    struct check check = {.backup = backup, .why = why};
    enum pv_err  err;

    check.tree_fd = openat(backup->log_dirfd, TREE_DIR,
                           O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    err = check.tree_fd == -1 ? PV_ESYS : pv_sha256_new(&check.sha);
    if (err == PV_OK) {
        err = pv_tiles_open(check.tree_fd, false, &check.tiles);
    }
    if (err != PV_OK) {
        (void)backup_failed(why, err, "the tree");
        goto out;
    }
    err = check_root(&check);
    if (err != PV_OK) {
        goto out;
    }
    err = pv_log_open(backup->journal_dirfd, backup->log_dirfd, &check.log);
    if (err != PV_OK) {
        (void)backup_failed(why, err, "the log");
        goto out;
    }
    err = check_leaves(&check);

out:
    pv_log_close(check.log);
    pv_tiles_close(check.tiles);
    pv_sha256_free(check.sha);
    if (check.tree_fd != -1) {
        (void)close(check.tree_fd); /* a directory */
    }
    return err;
}
