/*
 * api_log.c - the log of decisions for others: its head and hash tiles in the
 * layout of C2SP tlog-tiles, proofs, and the feed for the nodes.
 */
#include <string.h>

#include "api.h"
#include "base/num.h"
#include "base/time.h"
#include "decide.h"
#include "feed.h"
#include "merkle/tile.h"
#include "trace/tiles.h"

#define CACHE_SHORT "max-age=1"                      /* it changes */
#define CACHE_FOR_EVER "max-age=31536000, immutable" /* it cannot */
#define WAIT_MAX_S 30
#define LOOK_MS 5000 /* whether who waits is still there */

static struct pv_registry *
registry_of(const struct pv_server_call *call)
{
    return ((struct pv_api *)call->context)->registry;
}

/* The signed head; false: there is none, and that is the answer. */
static bool
head_of(struct pv_server_call *call, struct pv_slice *ret_note,
        uint64_t *ret_size)
{
    *ret_note = pv_registry_head(registry_of(call), ret_size);
    if (ret_note->len == 0) {
        pv_server_problem(
            call, 404, "no-checkpoint",
            "the decision log has no signed head yet",
            "دفتر تصمیم‌ها هنوز سر امضاشده ندارد");
    }
    return ret_note->len > 0;
}

static void
fails(struct pv_server_call *call)
{
    pv_server_problem(call, 500, "registry-failed",
                      "the registry failed; its log says why",
                      "دفتر ثبت خطا داد؛ علت در رویدادنگار آن است");
}

void
pv_api_checkpoint(struct pv_server_call *call)
{
    struct pv_slice note;
    uint64_t        size;

    if (!head_of(call, &note, &size)) {
        return;
    }
    if (pv_buf_add(&call->answer, note) != PV_OK) {
        fails(call);
        return;
    }
    call->cache = CACHE_SHORT;
    pv_server_answer(call, 200, "text/plain; charset=utf-8");
}

/* Hashes only: a document may be longer than a bundle's entries can be, and
   not everybody may read each one. */
void
pv_api_tile(struct pv_server_call *call)
{
    static const struct pv_slice above = PV_SLICE_INIT("/registry/v1/log/");
    struct pv_registry          *registry = registry_of(call);
    struct pv_slice              path = {call->path.ptr + above.len,
                                         call->path.len - above.len};
    struct pv_hash               hash[PV_TILE_WIDTH];
    struct pv_tile               tile;
    struct pv_slice              note;
    uint64_t                     size;
    enum pv_err                  err;

    if (!head_of(call, &note, &size)) {
        return;
    }
    if (pv_tile_parse(path, &tile) != PV_OK || tile.entries ||
        tile.level >= PV_TILE_LEVELS ||
        tile.width > pv_tile_width(tile.level, tile.n, size)) {
        pv_server_problem(
            call, 404, "no-tile", "the signed tree has no such tile",
            "درخت امضاشده چنین کاشی‌ای ندارد");
        return;
    }
    err = pv_tiles_read(pv_decision_log_tiles(registry->log), tile.level,
                        tile.n, tile.width, hash);
    if (err == PV_OK) {
        err = pv_buf_add(&call->answer,
                         (struct pv_slice){(const char *)hash,
                                           tile.width * sizeof(hash[0])});
    }
    if (err != PV_OK) {
        fails(call);
        return;
    }
    call->cache = CACHE_FOR_EVER;
    pv_server_answer(call, 200, "application/octet-stream");
}

/* ---- the feed ---- */

struct wanted {
    uint64_t from;
    uint64_t wait_s;
};

static enum pv_err
read_wanted(const struct pv_server_call *call, struct wanted *ret)
{
    struct pv_server_param param[] = {{PV_LIT("from"), {"", 0}},
                                      {PV_LIT("wait"), {"", 0}}};
    enum pv_err            err = pv_server_query(call->query, param, 2);

    *ret = (struct wanted){0, 0};
    if (err == PV_OK && param[0].value.len > 0) {
        err = pv_slice_to_u64(param[0].value, INT64_MAX, &ret->from);
    }
    if (err == PV_OK && param[1].value.len > 0) {
        err = pv_slice_to_u64(param[1].value, WAIT_MAX_S, &ret->wait_s);
    }
    return err;
}

static void
stop_waiting(void *state)
{
    struct pv_api_feeder *feeder = state; /* its first member */

    feeder->waits = false;
}

/* A place for the call, which it has until it ends. False: there is none. */
static bool
take_place(struct pv_server_call *call)
{
    struct pv_api        *api = call->context;
    const char           *system = api->caller.system;
    struct pv_api_feeder *free_one = NULL;
    size_t                of_one = 0;

    if (call->state != NULL) {
        return true;
    }
    for (size_t i = 0; i < PV_API_FEEDS_MAX; i++) {
        struct pv_api_feeder *feeder = &api->feeder[i];

        if (!feeder->waits) {
            free_one = feeder;
        } else {
            of_one += system[0] != '\0' && strcmp(feeder->system, system) == 0;
        }
    }
    if (free_one == NULL || of_one >= PV_API_FEEDS_OF_ONE_MAX) {
        return false;
    }
    *free_one = (struct pv_api_feeder){.state = {stop_waiting}, .waits = true};
    memcpy(free_one->system, system, strlen(system) + 1); /* of one size */
    call->state = free_one;
    return true;
}

/* Until then, or until a head is signed. */
static void
wait_for_news(struct pv_server_call *call, int64_t now_ms, int64_t until_ms)
{
    if (!take_place(call)) {
        pv_api_too_many(call);
        return;
    }
    pv_server_wait(call,
                   until_ms < now_ms + LOOK_MS ? until_ms : now_ms + LOOK_MS);
}

/*
 * What was decided behind `from` and is signed. With nothing new it waits for
 * as many seconds as asked for, and then says so: the node hears that we live.
 */
void
pv_api_feed(struct pv_server_call *call)
{
    struct wanted   wanted;
    struct pv_slice note;
    uint64_t        size;
    int64_t         now_ms = pv_time_monotonic_ms();
    int64_t         until_ms;

    if (read_wanted(call, &wanted) != PV_OK) {
        pv_server_problem(call, 400, "registry-request",
                          "the request is not right; see payvand-registryd(8)",
                          "درخواست درست نیست؛ راهنما را ببینید");
        return;
    }
    if (!head_of(call, &note, &size)) {
        return;
    }
    until_ms = call->begun_ms + (int64_t)wanted.wait_s * 1000;
    if (wanted.from >= size && now_ms < until_ms) {
        wait_for_news(call, now_ms, until_ms);
        return;
    }
    if (pv_feed_give(registry_of(call), note, size, (int64_t)wanted.from,
                     &call->answer) != PV_OK) {
        fails(call);
        return;
    }
    pv_server_answer(call, 200, "application/json");
}
