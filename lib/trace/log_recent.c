/* log_recent.c - one request among the newest commits: no bundle is made. */
#include <string.h>

#include "trace/log_private.h"

#define TRIES 16 /* commits behind the id's time that are looked into */

static bool
is_pruned(const struct pv_log *log, uint64_t index)
{
    return index / PV_PACK_LEAVES < log->packs.pruned;
}

enum pv_err
log_recent_leaf(struct pv_log *log, uint64_t index,
                struct pv_log_leaf *ret_leaf)
{
    struct pv_log_leaf leaf = {.index = index};
    enum pv_err        err;

    if (index >= log->set_end || is_pruned(log, index)) {
        return PV_ENOTFOUND;
    }
    err = pv_raw_recent_leaf(&log->raw, index, &leaf.line, &leaf.epoch,
                             &leaf.written_ms);
    if (err == PV_OK) {
        *ret_leaf = leaf;
    }
    return err;
}

static bool
has(struct pv_slice text, const char *part, size_t len)
{
    return memmem(text.ptr, text.len, part, len) != NULL;
}

/* ---- the request --------------------------------------------------------- */

static enum pv_err
request_in_frame(struct log_hunt *hunt, const struct pv_frame *frame)
{
    struct pv_slice    rest = frame->records;
    struct pv_log_leaf leaf = {
        .index = frame->first_index,
        .epoch = frame->epoch,
        .written_ms = hunt->log->raw.view.head.time_ms,
    };

    for (; pv_frame_next_record(&rest, &leaf.line) == PV_OK &&
           leaf.index < hunt->log->set_end;
         leaf.index++) {
        enum pv_err err;

        if (!has(leaf.line, hunt->member, sizeof(hunt->member))) {
            continue;
        }
        err = log_take(hunt->found, &leaf);
        if (err != PV_ENOTFOUND) {
            return err;
        }
    }
    return PV_ENOTFOUND;
}

static enum pv_err
request_in_view(struct log_hunt *hunt)
{
    struct pv_slice bytes = hunt->log->raw.view.bytes;
    struct pv_frame frame;
    size_t          at = 0;

    while (pv_commit_next_frame(bytes, &at, &frame) == PV_OK) {
        enum pv_err err = PV_ENOTFOUND;

        if (has(frame.records, hunt->member, sizeof(hunt->member))) {
            err = request_in_frame(hunt, &frame);
        }
        if (err != PV_ENOTFOUND) {
            return err;
        }
    }
    return PV_ENOTFOUND;
}

enum pv_err
log_recent_request(struct log_hunt *hunt)
{
    struct pv_raw *raw = &hunt->log->raw;
    uint64_t       n = pv_raw_place_since(raw, hunt->id_ms);

    for (int i = 0; i < TRIES && n < raw->place_end; i++, n++) {
        enum pv_err err = pv_raw_enter_place(raw, n);

        if (err == PV_OK) {
            err = request_in_view(hunt);
        }
        if (err == PV_OK && is_pruned(hunt->log, hunt->found->index)) {
            return PV_ENOTFOUND; /* which will be said */
        }
        if (err != PV_ENOTFOUND) {
            return err;
        }
    }
    return PV_ENOTFOUND;
}

/* ---- its end ------------------------------------------------------------- */

/*
 * The lowest and highest request of a record of ends, without reading the rest
 * of it: each end begins with `[` and its number, and no word has a `[`.
 */
static void
note_ends(struct pv_raw_place *place, struct pv_slice line)
{
    const char *at = line.ptr + sizeof(LOG_ENDS_BEGIN) - 1;
    const char *end = line.ptr + line.len;

    while ((at = memchr(at, '[', (size_t)(end - at))) != NULL) {
        uint64_t of = 0;

        for (at++; at < end && *at >= '0' && *at <= '9'; at++) {
            of = of * 10 + (uint64_t)(*at - '0');
        }
        place->of_low = of < place->of_low ? of : place->of_low;
        place->of_high = of > place->of_high ? of : place->of_high;
    }
}

/* What the commit in ->view says of ends. */
static void
look_at_ends(const struct pv_raw *raw, struct pv_raw_place *place)
{
    struct pv_frame frame;
    struct pv_slice line;
    size_t          at = 0;

    place->ends = PV_RAW_READ;
    place->of_low = UINT64_MAX;
    place->of_high = 0;
    while (pv_commit_next_frame(raw->view.bytes, &at, &frame) == PV_OK) {
        if (frame.epoch == 0) {
            place->ends = PV_RAW_OWN;
        }
        while (pv_frame_next_record(&frame.records, &line) == PV_OK) {
            if (pv_slice_starts(line, PV_LIT(LOG_ENDS_BEGIN))) {
                note_ends(place, line);
            }
        }
    }
}

static bool
end_in_view(struct log_hunt *hunt)
{
    struct pv_frame frame;
    struct pv_slice line;
    size_t          at = 0;

    while (pv_commit_next_frame(hunt->log->raw.view.bytes, &at, &frame) ==
           PV_OK) {
        uint64_t index = frame.first_index;

        for (; pv_frame_next_record(&frame.records, &line) == PV_OK &&
               index < hunt->log->set_end;
             index++) {
            if (log_take_end(hunt, index, line)) {
                return true;
            }
        }
    }
    return false;
}

enum pv_err
log_recent_end(struct log_hunt *hunt)
{
    struct pv_log *log = hunt->log;
    struct pv_raw *raw = &log->raw;
    uint64_t       index = hunt->found->index;
    uint64_t       n;
    enum pv_err    err = pv_raw_place_of(raw, index, &n);

    for (; err == PV_OK && n < raw->place_end; n++) {
        struct pv_raw_place *place = pv_raw_place(raw, n);

        if (place->first >= log->set_end) {
            break;
        }
        if (place->ends == PV_RAW_UNREAD) {
            err = pv_raw_enter_place(raw, n);
            if (err != PV_OK) {
                return err;
            }
            look_at_ends(raw, place);
        }
        if (place->ends == PV_RAW_OWN) {
            return PV_ENOTFOUND; /* maybe its worker was lost */
        }
        if (index < place->of_low || index > place->of_high) {
            continue;
        }
        err = pv_raw_enter_place(raw, n);
        if (err == PV_OK && end_in_view(hunt)) {
            return PV_OK;
        }
    }
    return err;
}
