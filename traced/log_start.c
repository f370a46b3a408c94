/*
 * log_start.c - is what is there what was signed? Checked before anything is
 * added: the key, the published checkpoint, the tree, the journal.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/event.h"
#include "daemon/file.h"
#include "log.h"
#include "trace/log_read.h"

#define BATCH 256

/* The key of this log, once and for ever. */
static enum pv_err
check_vkey(struct log *log)
{
    struct pv_buf   held;
    struct pv_buf   vkey;
    struct pv_slice line;
    struct pv_slice rest;
    enum pv_err     err;

    pv_buf_init(&held, PV_NOTE_VKEY_MAX + 1);
    pv_buf_init(&vkey, PV_NOTE_VKEY_MAX + 1);
    err = pv_note_key_write(&log->signer.key, &vkey);
    if (err != PV_OK) {
        goto out;
    }
    err = pv_file_read(FD_LOG, LOG_VKEY, &held);
    if (err == PV_ENOTFOUND && !pv_file_is_there(FD_LOG, LOG_CHECKPOINT)) {
        err = pv_buf_add_char(&vkey, '\n');
        if (err == PV_OK) {
            err = pv_file_replace(FD_LOG, LOG_VKEY, pv_buf_view(&vkey),
                                  PV_FILE_MODE_GROUP);
        }
        goto out;
    }
    (void)pv_slice_cut(pv_buf_view(&held), '\n', &line, &rest);
    if (err == PV_ENOTFOUND ||
        (err == PV_OK && !pv_slice_eq(line, pv_buf_view(&vkey)))) {
        pv_why_set(&log->why,
                   "the log's directory belongs to %s%.*s, the signer's key is "
                   "%.*s: restore the signer's directory of this log. A log "
                   "never changes its key: for another, begin another log",
                   err == PV_OK ? "" : "no key (its vkey is missing)",
                   PV_FMT(line), PV_FMT(pv_buf_view(&vkey)));
        err = PV_EVERIFY;
    }

out:
    if (err != PV_OK && err != PV_EVERIFY) {
        pv_why_set(&log->why, "cannot use the log's vkey: %s%s%s",
                   pv_err_text(err), err == PV_ESYS ? ": " : "",
                   err == PV_ESYS ? strerror(errno) : "");
    }
    pv_buf_clear(&held);
    pv_buf_clear(&vkey);
    return err;
}

/* ---- the tree -------------------------------------------------------------
 */

static enum pv_err
tree_failed(struct log *log, enum pv_err err, const char *what)
{
    if (err != PV_OK && log->why.text[0] == '\0') {
        pv_why_set(&log->why, "cannot %s the tree: %s%s%s", what,
                   pv_err_text(err), err == PV_ESYS ? ": " : "",
                   err == PV_ESYS ? strerror(errno) : "");
    }
    return err;
}

static enum pv_err
open_tree(struct log *log)
{
    if (mkdirat(FD_LOG, LOG_TREE, 0750) == -1 && errno != EEXIST) {
        return tree_failed(log, PV_ESYS, "make");
    }
    log->treefd = openat(FD_LOG, LOG_TREE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (log->treefd == -1 || fsync(FD_LOG) == -1) {
        return tree_failed(log, PV_ESYS, "open");
    }
    return tree_failed(log, pv_tiles_open(log->treefd, true, &log->tiles),
                       "open");
}

/* Leaves that the tree lacks, from packs and journal. */
static enum pv_err
compute_from_store(struct log *log, uint64_t from)
{
    struct pv_log     *store = NULL;
    struct pv_log_leaf leaf;
    struct pv_hash     hash;
    enum pv_err        err = pv_log_open(FD_JOURNAL, FD_LOG, &store);

    for (uint64_t i = from; err == PV_OK && i < log->signer.size; i++) {
        err = pv_log_leaf(store, i, &leaf);
        if (err == PV_OK) {
            err = pv_merkle_leaf(log->sha, leaf.line, &hash);
        }
        if (err == PV_OK) {
            err = pv_tiles_append(log->tiles, &hash, 1);
        }
        if (err != PV_OK) {
            pv_why_set(&log->why,
                       "the tree holds %llu of %llu signed leaves, and leaf "
                       "%llu cannot be computed again (%s): restore the log's "
                       "directory tree/ or what is missing",
                       (unsigned long long)from,
                       (unsigned long long)log->signer.size,
                       (unsigned long long)i, pv_err_text(err));
        }
    }
    pv_log_close(store);
    return err == PV_ENOTFOUND || err == PV_EPRUNED ? PV_EVERIFY : err;
}

static enum pv_err
check_root(struct log *log)
{
    struct pv_hash root;
    enum pv_err    err = pv_tiles_root(log->tiles, log->signer.size, &root);

    if (err == PV_OK && !pv_hash_eq(&root, &log->signer.root)) {
        pv_why_set(&log->why,
                   "the tree is not the one that was signed at %llu leaves: "
                   "its files, or records of the journal, were changed. Find "
                   "out where with payvand verify log. If only the tree is "
                   "wrong, move tree/ away: it is computed again",
                   (unsigned long long)log->signer.size);
        return PV_EVERIFY;
    }
    return tree_failed(log, err, "read");
}

/* The tree of exactly the leaves that were signed, or a reason. */
static enum pv_err
check_tree(struct log *log)
{
    uint64_t    held = pv_tiles_size(log->tiles);
    enum pv_err err = PV_OK;

    if (held < log->signer.size) {
        pv_log_event("warning", "log.tree_short",
                     "leaves=%llu signed=%llu; computing the others again",
                     (unsigned long long)held,
                     (unsigned long long)log->signer.size);
        err = tree_failed(log, pv_tiles_truncate(log->tiles, held), "cut");
        if (err == PV_OK) {
            err = compute_from_store(log, held);
        }
    }
    if (err == PV_OK && held < log->signer.size) {
        err = tree_failed(log, pv_tiles_sync(log->tiles), "write");
    }
    if (err == PV_OK) {
        err = check_root(log);
    }
    if (err == PV_OK && held >= log->signer.size) {
        /* what stands behind was never signed: it is computed anew */
        err = tree_failed(log, pv_tiles_truncate(log->tiles, log->signer.size),
                          "cut");
        if (err == PV_OK) {
            err = tree_failed(log, pv_tiles_sync(log->tiles), "write");
        }
    }
    return err;
}

/* ---- the journal ----------------------------------------------------------
 */

/*
 * The records of the segment in which the tree ends, against their hashes:
 * those are the ones that a machine had last in its hands.
 */
static enum pv_err
compare_commit(struct log *log, const struct pv_commit_view *view, uint64_t end)
{
    static struct pv_hash held[PV_TILE_WIDTH];
    static uint64_t       held_tile = UINT64_MAX;
    struct pv_frame       frame;
    size_t                at = 0;
    uint64_t              index = view->head.first_index;

    while (pv_commit_next_frame(view->bytes, &at, &frame) == PV_OK) {
        struct pv_slice line;

        while (index < end &&
               pv_frame_next_record(&frame.records, &line) == PV_OK) {
            uint64_t       tile = index / PV_TILE_WIDTH;
            struct pv_hash hash;
            enum pv_err    err = pv_merkle_leaf(log->sha, line, &hash);

            if (err == PV_OK && tile != held_tile) {
                err = pv_tiles_read(log->tiles, 0, tile,
                                    pv_tile_width(0, tile, log->signer.size),
                                    held);
                held_tile = tile;
            }
            if (err != PV_OK) {
                return tree_failed(log, err, "read");
            }
            if (!pv_hash_eq(&hash, &held[index % PV_TILE_WIDTH])) {
                pv_why_set(&log->why,
                           "record %llu of the journal is not the one that was "
                           "hashed and signed: segment %llu offset %llu was "
                           "changed. Restore it from a copy",
                           (unsigned long long)index,
                           (unsigned long long)log->follow.reader.head.number,
                           (unsigned long long)view->at);
                return PV_EVERIFY;
            }
            index++;
        }
    }
    return PV_OK;
}

/* Stand behind the last leaf of the tree. */
static enum pv_err
find_place(struct log *log)
{
    struct pv_commit_view view;
    enum pv_err           err;

    if (state_get(&log->state->durable_index) < log->signer.size) {
        pv_why_set(&log->why,
                   "the journal ends at leaf %llu, but %llu were signed: "
                   "records are lost, or the journal was rolled back. Restore "
                   "the newer journal. When it is gone, keep all of this as "
                   "evidence and begin another log in new directories",
                   (unsigned long long)state_get(&log->state->durable_index),
                   (unsigned long long)log->signer.size);
        return PV_EVERIFY;
    }
    err = follow_open(&log->follow, FD_JOURNAL, log->state, log->signer.size);
    if (err == PV_ENOTFOUND) {
        pv_why_set(&log->why,
                   "the journal begins behind leaf %llu, the end of the tree: "
                   "segments were removed before they were hashed. Restore "
                   "them from a copy",
                   (unsigned long long)log->signer.size);
        return PV_EVERIFY;
    }
    while (err == PV_OK && log->follow.next_index < log->signer.size) {
        err = follow_next(&log->follow, &view);
        if (err == PV_OK) {
            err = compare_commit(log, &view, log->signer.size);
        }
        if (err == PV_OK && log->follow.next_index > log->signer.size) {
            err = log_add_commit(log, &view, log->signer.size);
        }
    }
    if (err != PV_OK && log->why.text[0] == '\0') {
        pv_why_set(&log->why,
                   "cannot read the journal: segment %llu offset "
                   "%llu: %s",
                   (unsigned long long)log->follow.reader.head.number,
                   (unsigned long long)log->follow.at, pv_err_text(err));
    }
    return err;
}

enum pv_err
log_start(struct log *log)
{
    enum pv_err err = pv_signer_last(&log->signer);

    if (err == PV_OK) {
        err = check_vkey(log);
    } else {
        log->why = log->signer.why;
    }
    if (err == PV_OK) {
        err = log_check_published(log);
    }
    if (err == PV_OK) {
        err = open_tree(log);
    }
    if (err == PV_OK) {
        err = check_tree(log);
    }
    if (err == PV_OK) {
        err = log_check_public(log);
    }
    if (err == PV_OK) {
        err = find_place(log);
    }
    return err;
}
