/*
 * reader_tiles.c - the log as C2SP tlog-tiles publishes it: checkpoint and hash
 * tiles for everybody, entry bundles for operators and auditors.
 */
#include "reader.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "trace/checkpoint.h"

#define CHECKPOINT_NAME "checkpoint"
#define TREE_NAME "tree"
#define CACHE_SHORT "max-age=1"                      /* it changes */
#define CACHE_FOR_EVER "max-age=31536000, immutable" /* it cannot */

static enum pv_err
read_checkpoint(struct reader *reader, char *room, size_t room_len,
                size_t *ret_len)
{
    int     fd = openat(reader->logfd, CHECKPOINT_NAME,
                        O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t n;

    if (fd == -1) {
        return errno == ENOENT ? PV_ENOTFOUND : PV_ESYS;
    }
    n = read(fd, room, room_len); /* replaced by rename: whole or not at all */
    (void)close(fd);              /* read-only: nothing to lose */
    if (n == -1) {
        return PV_ESYS;
    }
    if ((size_t)n == room_len) {
        return PV_ERANGE;
    }
    *ret_len = (size_t)n;
    return PV_OK;
}

static enum pv_err
read_note(struct reader *reader)
{
    struct published *kept = &reader->published;
    /* asked before the file is read: what is kept is never the older one */
    uint64_t    size = state_get(&reader->state->published_size);
    uint64_t    ms = state_get(&reader->state->published_ms);
    enum pv_err err;

    if (kept->size != 0 && kept->size == size && kept->ms == ms) {
        return PV_OK;
    }
    kept->size = 0;
    kept->in_tree = false;
    err = read_checkpoint(reader, kept->note, sizeof(kept->note), &kept->len);
    if (err == PV_OK) {
        kept->size = size;
        kept->ms = ms;
    }
    return err;
}

static enum pv_err
open_tree(struct reader *reader)
{
    int         fd = openat(reader->logfd, TREE_NAME,
                            O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    enum pv_err err;

    if (fd == -1) {
        return PV_ESYS;
    }
    err = pv_tiles_open(fd, false, &reader->tiles);
    if (err == PV_OK) { /* proofs are made at sizes that were published */
        err = pv_tiles_keep_nodes(reader->tiles);
    }
    (void)close(fd); /* a directory: nothing to lose */
    return err;
}

/* Its size, and a tree that reaches as far: that was on disk before. */
static enum pv_err
find_in_tree(struct reader *reader)
{
    struct published    *kept = &reader->published;
    struct pv_checkpoint checkpoint = {.size = 0};
    struct pv_note       note;
    enum pv_err          err =
        pv_note_parse((struct pv_slice){kept->note, kept->len}, &note);

    if (err == PV_OK) {
        err = pv_checkpoint_parse(note.text, &checkpoint);
    }
    if (err == PV_OK && checkpoint.size > 0 && reader->tiles == NULL) {
        err = open_tree(reader);
    }
    if (err == PV_OK && checkpoint.size > 0 &&
        checkpoint.size > pv_tiles_size(reader->tiles)) {
        err = pv_tiles_refresh(reader->tiles);
    }
    if (err == PV_OK && checkpoint.size > 0 &&
        checkpoint.size > pv_tiles_size(reader->tiles)) {
        err = PV_ECORRUPT; /* the tree of another time, or half of one */
    }
    if (err == PV_OK) {
        kept->leaves = checkpoint.size;
        kept->in_tree = true;
    }
    return err;
}

/* What could not be used is read anew at the next question. */
static void
forget(struct reader *reader)
{
    reader->published.size = 0;
    pv_tiles_close(reader->tiles); /* accepts NULL */
    reader->tiles = NULL;
}

enum pv_err
reader_published(struct reader *reader, const struct published **ret_published)
{
    struct published *kept = &reader->published;
    enum pv_err       err = read_note(reader);

    if (err == PV_OK && !kept->in_tree) {
        err = find_in_tree(reader);
        if (err != PV_OK) {
            forget(reader);
        }
    }
    if (err == PV_OK) {
        *ret_published = kept;
    }
    return err;
}

void
reader_checkpoint(struct pv_server_call *call)
{
    const struct published *kept = &reader_of(call)->published;
    enum pv_err             err;

    if (!reader_may_fetch(call)) {
        return;
    }
    err = read_note(reader_of(call));
    if (err == PV_OK) {
        err =
            pv_buf_add(&call->answer, (struct pv_slice){kept->note, kept->len});
    }
    if (err == PV_ENOTFOUND) {
        pv_server_problem(call, 404, "no-checkpoint",
                          "There is no checkpoint yet",
                          "هنوز نقطه بازبینی امضا نشده است");
    } else if (err != PV_OK) {
        reader_fails(call, "checkpoint", err);
    } else {
        call->cache = CACHE_SHORT;
        pv_server_answer(call, 200, "text/plain; charset=utf-8");
    }
}

/* The size that the published checkpoint signs; 0 when there is none. */
static enum pv_err
published_size(struct reader *reader, uint64_t *ret_size)
{
    const struct published *published;
    enum pv_err             err = reader_published(reader, &published);

    if (err == PV_OK) {
        *ret_size = published->leaves;
    } else if (err == PV_ENOTFOUND) {
        *ret_size = 0;
        err = PV_OK;
    }
    return err;
}

static void
no_such_tile(struct pv_server_call *call)
{
    pv_server_problem(
        call, 404, "no-tile", "The published tree has no such tile",
        "درخت منتشرشده چنین کاشی‌ای ندارد");
}

/*
 * The tile of a path, when the published tree has all of it. False: an answer
 * stands already.
 */
static bool
tile_of(struct pv_server_call *call, struct pv_tile *ret_tile)
{
    struct pv_slice path = {call->path.ptr + 1, call->path.len - 1};
    struct pv_tile  tile;
    uint64_t        size;
    enum pv_err     err;

    if (pv_tile_parse(path, &tile) != PV_OK) {
        no_such_tile(call);
        return false;
    }
    err = reader_refresh(reader_of(call), reader_durable(reader_of(call)));
    if (err == PV_OK) {
        err = published_size(reader_of(call), &size);
    }
    if (err != PV_OK) {
        reader_fails(call, "tile", err);
        return false;
    }
    if (tile.level >= PV_TILE_LEVELS ||
        tile.width > pv_tile_width(tile.level, tile.n, size)) {
        no_such_tile(call);
        return false;
    }
    *ret_tile = tile;
    return true;
}

static void
give_bytes(struct pv_server_call *call)
{
    call->cache = CACHE_FOR_EVER;
    pv_server_answer(call, 200, "application/octet-stream");
}

void
reader_tile(struct pv_server_call *call)
{
    struct reader *reader = reader_of(call);
    struct pv_hash hash[PV_TILE_WIDTH];
    struct pv_tile tile;
    enum pv_err    err;

    if (!reader_may_fetch(call) || !tile_of(call, &tile)) {
        return;
    }
    if (reader->tiles == NULL) {
        no_such_tile(call);
        return;
    }
    err = pv_tiles_read(reader->tiles, tile.level, tile.n, tile.width, hash);
    if (err == PV_OK) {
        err = pv_buf_add(&call->answer,
                         (struct pv_slice){(const char *)hash,
                                           tile.width * sizeof(hash[0])});
    }
    if (err == PV_OK) {
        give_bytes(call);
    } else {
        reader_fails(call, "tile", err);
    }
}

void
reader_bundle(struct pv_server_call *call)
{
    struct reading reading = {.what = WHAT_BUNDLE};
    struct pv_tile tile;
    struct who     who;
    enum pv_err    err;

    if (!who_asks(call, &who)) {
        return;
    }
    if (who.role < ROLE_AUDITOR) {
        reader_refuses_role(call, &who);
        return;
    }
    if (!tile_of(call, &tile)) {
        return;
    }
    err =
        pv_log_bundle(reader_of(call)->log, tile.n, tile.width, &call->answer);
    if (err == PV_EPRUNED && !reading_record(call, &who, &reading)) {
        return; /* an attempt is recorded too */
    }
    if (err == PV_EPRUNED) {
        pv_server_problem(
            call, 410, "entries-pruned",
            "These entries were removed by a decision; their "
            "hashes are kept",
            "این رکوردها با تصمیم نگهداری حذف شده‌اند؛ درهم‌سازی "
            "آن‌ها باقی است");
        return;
    }
    if (err == PV_ENOTFOUND) {
        no_such_tile(call);
        return;
    }
    if (err != PV_OK) {
        reader_fails(call, "bundle", err);
        return;
    }
    reading.count = tile.width;
    if (reading_record(call, &who, &reading)) {
        give_bytes(call);
        call->cache = NULL; /* who sees it again is recorded again */
    }
}
