/* raw_recent.c - where the newest commits of a journal stand. */
#include <stdlib.h>

#include "trace/raw.h"

struct pv_raw_place *
pv_raw_place(const struct pv_raw *raw, uint64_t n)
{
    return &raw->place[n % PV_RAW_PLACES];
}

void
raw_forget_places(struct pv_raw *raw)
{
    raw->place_first = raw->place_end;
}

enum pv_err
raw_keep_place(struct pv_raw *raw, uint64_t segment, uint64_t at,
               const struct pv_commit_head *head)
{
    if (raw->place == NULL) {
        raw->place = calloc(PV_RAW_PLACES, sizeof(*raw->place));
        if (raw->place == NULL) {
            return PV_ENOMEM;
        }
    }
    *pv_raw_place(raw, raw->place_end) = (struct pv_raw_place){
        .segment = segment,
        .at = at,
        .first = head->first_index,
        .time_ms = head->time_ms,
    };
    raw->place_end++;
    if (raw->place_end - raw->place_first > PV_RAW_PLACES) {
        raw->place_first = raw->place_end - PV_RAW_PLACES;
    }
    return PV_OK;
}

uint64_t
pv_raw_place_since(const struct pv_raw *raw, int64_t when_ms)
{
    uint64_t low = raw->place_first;
    uint64_t high = raw->place_end;

    while (low < high) {
        uint64_t middle = low + (high - low) / 2;

        if (pv_raw_place(raw, middle)->time_ms < when_ms) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

enum pv_err
pv_raw_place_of(const struct pv_raw *raw, uint64_t index, uint64_t *ret_n)
{
    uint64_t low = raw->place_first;
    uint64_t high = raw->place_end;

    if (low == high || index < pv_raw_place(raw, low)->first ||
        index >= raw->end) {
        return PV_ENOTFOUND;
    }
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;

        if (pv_raw_place(raw, middle)->first <= index) {
            low = middle;
        } else {
            high = middle;
        }
    }
    *ret_n = low;
    return PV_OK;
}

/* The segment's place in the list. PV_ENOTFOUND: it was removed. */
static enum pv_err
find_segment(const struct pv_raw *raw, uint64_t number, size_t *ret_i)
{
    size_t i = raw->list.count;

    while (i > 0 && raw->list.number[i - 1] > number) {
        i--; /* the newest ones stand at the end */
    }
    if (i == 0 || raw->list.number[i - 1] != number) {
        return PV_ENOTFOUND;
    }
    *ret_i = i - 1;
    return PV_OK;
}

enum pv_err
pv_raw_enter_place(struct pv_raw *raw, uint64_t n)
{
    const struct pv_raw_place *here = pv_raw_place(raw, n);
    size_t                     i;
    enum pv_err                err = find_segment(raw, here->segment, &i);

    if (err != PV_OK) {
        return err;
    }
    err = raw_enter(raw, i); /* which leaves the view of another one */
    if (err != PV_OK || (raw->has_view && raw->view.at == here->at)) {
        return err;
    }
    err = raw_read_commit(raw, here->at);
    if (err == PV_OK && raw->view.head.first_index != here->first) {
        raw->has_view = false;
        err = PV_ENOTFOUND; /* the segment ended before it after all */
    }
    return err;
}

enum pv_err
pv_raw_recent_leaf(struct pv_raw *raw, uint64_t index,
                   struct pv_slice *ret_line, uint64_t *ret_epoch,
                   int64_t *ret_written_ms)
{
    struct pv_frame frame;
    struct pv_slice line;
    size_t          at = 0;
    uint64_t        n;
    enum pv_err     err = pv_raw_place_of(raw, index, &n);

    if (err == PV_OK) {
        err = pv_raw_enter_place(raw, n);
    }
    do {
        if (err == PV_OK) {
            err = pv_commit_next_frame(raw->view.bytes, &at, &frame);
        }
    } while (err == PV_OK && frame.first_index + frame.count <= index);
    for (uint64_t i = 0; err == PV_OK && i <= index - frame.first_index; i++) {
        err = pv_frame_next_record(&frame.records, &line);
    }
    if (err == PV_OK) {
        *ret_line = line;
        *ret_epoch = frame.epoch;
        *ret_written_ms = raw->view.head.time_ms;
    }
    return err;
}
