/*
 * keeper.c - seals what is in a published checkpoint into packs.
 *
 * -P keeper:
 * Does:    for every PV_PACK_LEAVES leaves that a published checkpoint
 *          covers: checks each against the tree, writes the pack, names it in
 *          `packs`; then says so in the state page, and the journal process
 *          may remove the segments that held them. Keeps the roll-ups of what
 *          is on disk (figures.c).
 * Holds:   the journal and the tree to read, the log's directory to write.
 * Talks:   with nobody; the state page.
 * Calls:   files below the two directories (sandbox.c).
 * A thief: reads what is in the trace; may spoil packs that are not yet
 *          backed up, which every reader tells by their hashes.
 *
 * It may be killed at any byte: what was sealed stays, the rest is made again
 * to the same bytes. It is not in a hurry and lets everybody else go first.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "children.h"
#include "daemon/event.h"
#include "figures.h"
#include "sandbox.h"
#include "trace/log_read.h"
#include "trace/packs.h"
#include "trace/tiles.h"

#define LOOK_MS 500
#define RETRY_MS 5000
#define NICE 19

struct keeper {
    struct log_state *state;
    struct pv_log    *log; /* the journal alone */
    struct pv_tiles  *tiles;
    struct pv_sealer *sealer;
    struct pv_sha256 *sha;
    struct figures   *figures;
    int               tree_fd;
};

static void
pause_ms(long ms)
{
    const struct timespec wait = {.tv_sec = ms / 1000,
                                  .tv_nsec = ms % 1000 * 1000000};

    (void)nanosleep(&wait, NULL); /* shorter is as good */
}

/* Every leaf of the bundle is the one in the tree. */
static enum pv_err
check_bundle(struct keeper *keeper, const struct pv_bundle *bundle)
{
    struct pv_hash in_tree[PV_TILE_WIDTH];
    enum pv_err    err =
        pv_tiles_read(keeper->tiles, 0, bundle->n, PV_TILE_WIDTH, in_tree);

    for (unsigned i = 0; err == PV_OK && i < bundle->width; i++) {
        struct pv_hash hash;

        err = pv_merkle_leaf(keeper->sha, pv_bundle_line(bundle, i), &hash);
        if (err == PV_OK && !pv_hash_eq(&hash, &in_tree[i])) {
            uint64_t leaf = bundle->n * PV_BUNDLE_LEAVES + i;

            pv_log_event(
                "error", "traced.pack_mismatch",
                "leaf=%llu; the journal's record is not the one in the "
                "tree: one of the two was changed behind our back. "
                "Nothing is packed or removed from here on; find out "
                "with payvand verify log",
                (unsigned long long)leaf);
            err = PV_EVERIFY;
        }
    }
    return err;
}

static enum pv_err
seal_bundle(struct keeper *keeper)
{
    uint64_t                n = pv_sealer_next(keeper->sealer);
    const struct pv_bundle *bundle;
    enum pv_err             err = pv_log_view(keeper->log, n, &bundle);

    if (err == PV_OK && bundle->width != PV_BUNDLE_LEAVES) {
        err = PV_ECORRUPT; /* it is in a checkpoint, so it was there */
    }
    if (err == PV_OK) {
        err = check_bundle(keeper, bundle);
    }
    return err == PV_OK ? pv_sealer_add(keeper->sealer, bundle) : err;
}

static uint64_t
packed(const struct keeper *keeper)
{
    return pv_sealer_next(keeper->sealer) / PV_PACK_BUNDLES * PV_PACK_LEAVES;
}

/* The next pack, which is in a published checkpoint. */
static enum pv_err
seal_pack(struct keeper *keeper, uint64_t published)
{
    uint64_t    first = packed(keeper);
    enum pv_err err;

    pv_log_set_end(keeper->log, published);
    err = pv_log_refresh(keeper->log);
    if (err == PV_OK) {
        err = pv_tiles_refresh(keeper->tiles);
    }
    while (err == PV_OK && packed(keeper) == first) {
        err = seal_bundle(keeper);
    }
    if (err == PV_OK) {
        state_set(&keeper->state->packed_index, packed(keeper));
        pv_log_event("info", "traced.packed", "number=%llu leaves=%llu",
                     (unsigned long long)(first / PV_PACK_LEAVES),
                     (unsigned long long)packed(keeper));
    }
    return err;
}

/* Seal what there is; how long to wait before looking again. */
static long
seal_all(struct keeper *keeper, enum pv_err *ret_err)
{
    uint64_t    published = state_get(&keeper->state->published_size);
    enum pv_err err = PV_OK;

    while (err == PV_OK && published >= packed(keeper) + PV_PACK_LEAVES) {
        err = seal_pack(keeper, published);
        published = state_get(&keeper->state->published_size);
    }
    *ret_err = PV_OK;
    if (err == PV_OK) {
        return LOOK_MS;
    }
    if (err == PV_EVERIFY) {
        *ret_err = err;
        return 0;
    }
    pv_log_event("error", "traced.pack_failed",
                 "number=%llu err=%d (%s%s%s); nothing is lost, the segments "
                 "stay; trying again in %d ms",
                 (unsigned long long)(packed(keeper) / PV_PACK_LEAVES),
                 (int)err, pv_err_text(err), err == PV_ESYS ? ": " : "",
                 err == PV_ESYS ? strerror(errno) : "", RETRY_MS);
    return RETRY_MS;
}

/* The log process makes the tree; until it has, there is nothing to seal. */
static enum pv_err
open_tree(struct keeper *keeper)
{
    keeper->tree_fd =
        openat(FD_LOG, "tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (keeper->tree_fd == -1) {
        return errno == ENOENT ? PV_ENOTFOUND : PV_ESYS;
    }
    return pv_tiles_open(keeper->tree_fd, false, &keeper->tiles);
}

static enum pv_err
start(struct keeper *keeper)
{
    struct pv_why why;
    enum pv_err   err;

    (void)prctl(PR_SET_NAME, "pv-keeper", 0, 0, 0); /* only a name */
    (void)setpriority(PRIO_PROCESS, 0, NICE);       /* a courtesy */
    err = state_map(FD_STATE, &keeper->state);
    if (err == PV_OK) {
        err = pv_sha256_new(&keeper->sha);
    }
    if (err == PV_OK) {
        err = sandbox_enter(SANDBOX_KEEPER, &why);
        if (err != PV_OK) {
            pv_log_event("error", "traced.child_failed", "name=keeper %s",
                         why.text);
            return err;
        }
    }
    if (err == PV_OK) {
        err = pv_sealer_open(FD_LOG, &keeper->sealer);
    }
    if (err == PV_OK) {
        state_set(&keeper->state->packed_index, packed(keeper));
        state_set(&keeper->state->packed_known, 1);
        while ((err = open_tree(keeper)) == PV_ENOTFOUND) {
            (void)close(keeper->tree_fd); /* it may not be open */
            pause_ms(LOOK_MS);
        }
    }
    if (err == PV_OK) {
        err = pv_log_open(FD_JOURNAL, -1, &keeper->log);
    }
    if (err == PV_OK) {
        err = figures_new(FD_JOURNAL, FD_LOG, &keeper->figures);
    }
    if (err != PV_OK) {
        pv_log_event("error", "traced.child_failed", "name=keeper %s%s%s",
                     pv_err_text(err), err == PV_ESYS ? ": " : "",
                     err == PV_ESYS ? strerror(errno) : "");
    }
    return err;
}

static void
stop(struct keeper *keeper)
{
    figures_free(keeper->figures);
    pv_log_close(keeper->log);
    pv_tiles_close(keeper->tiles);
    pv_sealer_close(keeper->sealer);
    pv_sha256_free(keeper->sha);
    if (keeper->tree_fd != -1) {
        (void)close(keeper->tree_fd); /* read-only: nothing to lose */
    }
}

int
keeper_main(const struct options *options)
{
    struct keeper keeper = {.tree_fd = -1};
    enum pv_err   err = start(&keeper);

    (void)options; /* what it needs are its descriptors */
    while (err == PV_OK) {
        long wait_ms = seal_all(&keeper, &err);

        figures_run(keeper.figures, &keeper.state->durable_index);
        pause_ms(wait_ms);
    }
    stop(&keeper);
    return err == PV_EVERIFY ? CHILD_REFUSES : EXIT_FAILURE;
}
