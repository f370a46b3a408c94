/*
 * log.c - the documents of decisions as leaves of a tree on disk.
 */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "trace/tiles.h"

#define LEAVES_AT_ONCE 500
#define TAIL_MAX 4096 /* leaves that power loss may have left in doubt */
#define TILE_MASK (~(uint64_t)(PV_TILE_WIDTH - 1))

struct pv_decision_log {
    struct pv_tiles  *tiles;
    struct pv_sha256 *sha;
    int               dirfd;  /* locked: one writer */
    bool              failed; /* open again, for the tiles are in doubt */
};

enum pv_err
pv_decision_log_open(const char *dir, struct pv_decision_log **ret,
                     struct pv_why *why)
{
    struct pv_decision_log *log = calloc(1, sizeof(*log));
    enum pv_err             err = PV_ENOMEM;

    if (log == NULL) {
        return err;
    }
    log->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (log->dirfd == -1 || flock(log->dirfd, LOCK_EX | LOCK_NB) != 0) {
        pv_why_set(why, "the log's directory %s: %s", dir, strerror(errno));
        err = PV_ESYS;
        goto out;
    }
    err = pv_sha256_new(&log->sha);
    if (err == PV_OK) {
        err = pv_tiles_open(log->dirfd, true, &log->tiles);
    }
    if (err == PV_OK) { /* written again from the database */
        uint64_t size = pv_tiles_size(log->tiles);

        err = pv_tiles_truncate(
            log->tiles, size > TAIL_MAX ? (size - TAIL_MAX) & TILE_MASK : 0);
    }
    if (err != PV_OK) {
        pv_why_set(why, "the log in %s: %s", dir, pv_err_text(err));
        goto out;
    }
    *ret = log;
    log = NULL;

out:
    pv_decision_log_close(log);
    return err;
}

void
pv_decision_log_close(struct pv_decision_log *log)
{
    if (log == NULL) {
        return;
    }
    pv_tiles_close(log->tiles); /* accepts NULL; what counts is on disk */
    pv_sha256_free(log->sha);   /* accepts NULL */
    if (log->dirfd != -1) {
        (void)close(log->dirfd); /* gives the lock back */
    }
    free(log);
}

uint64_t
pv_decision_log_size(const struct pv_decision_log *log)
{
    return pv_tiles_size(log->tiles);
}

/* ---- following ---- */

struct leaves {
    struct pv_decision_log *log;
    int64_t                 next; /* number of the decision wanted */
    struct pv_hash          leaf[LEAVES_AT_ONCE];
    size_t                  count;
};

static enum pv_err
take_leaf(void *context, const struct pv_value *column)
{
    struct leaves *leaves = context;
    enum pv_err    err;

    if (column[0].number != leaves->next || leaves->count == LEAVES_AT_ONCE) {
        return PV_ECORRUPT; /* numbers have no gaps */
    }
    err = pv_merkle_leaf(leaves->log->sha, column[1].text,
                         &leaves->leaf[leaves->count]);
    leaves->next++;
    leaves->count++;
    return err;
}

enum pv_err
pv_decision_log_follow(struct pv_decision_log *log, struct pv_store *store,
                       int64_t last)
{
    uint64_t       size = pv_tiles_size(log->tiles);
    struct leaves *leaves;
    enum pv_err    err = PV_OK;

    if (size > (uint64_t)last) {
        return PV_ECORRUPT;
    }
    if (log->failed) {
        return PV_ESTATE;
    }
    if (size == (uint64_t)last) {
        return PV_OK;
    }
    leaves = calloc(1, sizeof(*leaves));
    if (leaves == NULL) {
        return PV_ENOMEM;
    }
    leaves->log = log;
    leaves->next = (int64_t)size + 1;
    while (err == PV_OK && leaves->next <= last) {
        struct pv_value arguments[] = {PV_INT(leaves->next - 1),
                                       PV_INT(LEAVES_AT_ONCE)};

        leaves->count = 0;
        err = pv_store_run(store, PV_STMT_DECISION_LIST, arguments, 2,
                           take_leaf, leaves);
        if (err == PV_OK && leaves->count == 0) {
            err = PV_ECORRUPT;
        }
        if (err == PV_OK) {
            err = pv_tiles_append(log->tiles, leaves->leaf, leaves->count);
            log->failed = err != PV_OK;
        }
    }
    if (err == PV_OK) {
        err = pv_tiles_sync(log->tiles);
        log->failed = err != PV_OK;
    }
    free(leaves);
    return err;
}

enum pv_err
pv_decision_log_root(struct pv_decision_log *log, struct pv_hash *ret)
{
    return pv_tiles_root(log->tiles, pv_tiles_size(log->tiles), ret);
}

enum pv_err
pv_decision_log_prove(struct pv_decision_log *log, int64_t number,
                      uint64_t size, struct pv_merkle_proof *ret)
{
    if (number < 1 || (uint64_t)number > size) {
        return PV_ENOTFOUND;
    }
    return pv_tiles_inclusion(log->tiles, (uint64_t)number - 1, size, ret);
}

enum pv_err
pv_decision_log_leaf(struct pv_decision_log *log, int64_t number,
                     struct pv_hash *ret)
{
    struct pv_hash tile[PV_TILE_WIDTH];
    uint64_t       index = (uint64_t)number - 1;
    unsigned       at = (unsigned)(index % PV_TILE_WIDTH);
    enum pv_err    err;

    if (number < 1 || index >= pv_tiles_size(log->tiles)) {
        return PV_ENOTFOUND;
    }
    err = pv_tiles_read(log->tiles, 0, index / PV_TILE_WIDTH, at + 1, tile);
    if (err == PV_OK) {
        *ret = tile[at];
    }
    return err;
}

enum pv_err
pv_decision_log_consistency(struct pv_decision_log *log, uint64_t old_size,
                            uint64_t new_size, struct pv_merkle_proof *ret)
{
    return pv_tiles_consistency(log->tiles, old_size, new_size, ret);
}

enum pv_err
pv_decision_log_root_of(struct pv_decision_log *log, uint64_t size,
                        struct pv_hash *ret)
{
    return pv_tiles_root(log->tiles, size, ret);
}

struct pv_tiles *
pv_decision_log_tiles(struct pv_decision_log *log)
{
    return log->tiles;
}

/* ---- the tree with more ---- */

struct more { /* the tree on disk, and leaves behind it */
    struct pv_decision_log *log;
    uint64_t                size; /* on disk */
    struct pv_hash         *leaf;
};

/* How many of the hashes of a level stand on disk. */
static uint64_t
on_disk(const struct more *more, unsigned level)
{
    return more->size >> (level * PV_TILE_HEIGHT);
}

static enum pv_err
read_more(void *context, unsigned level, uint64_t n, unsigned width,
          struct pv_hash out[PV_TILE_WIDTH])
{
    struct more   *more = context;
    uint64_t       first = n * PV_TILE_WIDTH;
    uint64_t       held = on_disk(more, level);
    unsigned       at = held <= first           ? 0
                        : held - first >= width ? width
                                                : (unsigned)(held - first);
    struct pv_hash below[PV_TILE_WIDTH];
    enum pv_err    err = PV_OK;

    if (at > 0) {
        err = pv_tiles_read(more->log->tiles, level, n, at, out);
    }
    for (; at < width && err == PV_OK; at++) {
        if (level == 0) {
            out[at] = more->leaf[first + at - more->size];
            continue;
        }
        err = read_more(more, level - 1, first + at, PV_TILE_WIDTH, below);
        if (err == PV_OK) {
            err =
                pv_merkle_fold(more->log->sha, below, PV_TILE_WIDTH, &out[at]);
        }
    }
    return err;
}

enum pv_err
pv_decision_log_root_with(struct pv_decision_log *log,
                          const struct pv_slice *document, size_t count,
                          struct pv_hash *ret)
{
    struct more             more = {log, pv_tiles_size(log->tiles), NULL};
    struct pv_merkle_source source = {log->sha, read_more, &more, NULL};
    enum pv_err             err = PV_OK;

    more.leaf = calloc(count + 1, sizeof(*more.leaf));
    if (more.leaf == NULL) {
        return PV_ENOMEM;
    }
    for (size_t i = 0; i < count && err == PV_OK; i++) {
        err = pv_merkle_leaf(log->sha, document[i], &more.leaf[i]);
    }
    if (err == PV_OK) {
        err = pv_merkle_root(&source, more.size + count, ret);
    }
    free(more.leaf);
    return err;
}
