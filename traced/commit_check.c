/*
 * commit_check.c - is a frame right, and what follows from it once it is on
 * disk; of frames that workers send, and of those that a start reads.
 */
#include "traced.h"

int64_t
commit_append_ms(const struct traced *traced)
{
    return traced->wall_ms > traced->journal.time_ms ? traced->wall_ms
                                                     : traced->journal.time_ms;
}

struct effect *
commit_effect(struct traced *traced, enum effect_kind kind, struct epoch *epoch,
              uint32_t key, uint64_t n)
{
    struct effect *e = &traced->effect[traced->effect_count++];

    e->kind = (uint16_t)kind;
    e->position = 0;
    e->epoch = epoch;
    e->key = key;
    e->n = n;
    return e;
}

static bool
check_request(struct check *check, const struct pv_request_record *r)
{
    struct traced        *traced = check->traced;
    struct pv_tracking_id id;

    check->calls = true;
    if (check->live) {
        int64_t skew;

        if (pv_tracking_id_parse(r->id, &id) != PV_OK) {
            return false;
        }
        skew = pv_tracking_id_when_ms(&id) - commit_append_ms(traced);
        if (skew > PV_WIRE_SKEW_MAX_MS || skew < -PV_WIRE_SKEW_MAX_MS) {
            pv_log_event("warning", "traced.skew", "id=%.*s ms=%lld; refusing",
                         PV_FMT(r->id), (long long)skew);
            return false;
        }
    }
    if (r->reason.len == 0) { /* allowed */
        check->granted = true;
        counts_gather(&traced->counts, r,
                      &commit_effect(traced, EFFECT_OPEN, check->epoch,
                                     COUNT_NONE, check->index)
                           ->key);
    }
    if (r->max_answered > 0) {
        commit_effect(traced, EFFECT_USE, check->epoch,
                      uses_key(&traced->uses, r), check->index)
            ->position = (uint16_t)(check->index - check->first);
    }
    return true;
}

static bool
check_completions(struct check *check, const struct pv_record *record)
{
    struct pv_slice      rest = record->completions;
    struct pv_completion completion;

    check->ended = true;
    check->granted = true;
    while (pv_record_next_completion(&rest, &completion) == PV_OK) {
        if (completion.of >= check->durable) {
            return false; /* nobody was told that index */
        }
        if (completion.forwarded_ms == 0) { /* no provider was reached */
            commit_effect(check->traced, EFFECT_TAKE_BACK, NULL, 0,
                          completion.of);
        }
        if (check->traced->uses.open_count > 0 &&
            uses_is_open(&check->traced->uses, completion.of)) {
            commit_effect(check->traced, EFFECT_USED, NULL,
                          (uint32_t)completion.outcome, completion.of);
        }
    }
    commit_effect(check->traced, EFFECT_END, check->epoch, 0,
                  record->completion_count);
    return true;
}

static bool
check_record(struct check *check, struct pv_slice line)
{
    struct pv_record record;
    bool             good = false;

    if (pv_record_parse(line, &record) != PV_OK || check->ended ||
        (check->live &&
         !pv_slice_eq(record.node, pv_slice_from(check->traced->node)))) {
        return false;
    }
    switch (record.type) {
    case PV_RECORD_REQUEST:
        good = check_request(check, &record.request);
        break;
    case PV_RECORD_COMPLETIONS:
        good = check_completions(check, &record);
        break;
    case PV_RECORD_REFUSALS:
    case PV_RECORD_READING:
    case PV_RECORD_PRUNED:
        good = true;
        break;
    case PV_RECORD_WORKER_LOST:
        good = !check->live;
        if (good) {
            struct epoch *lost =
                epochs_get(&check->traced->epochs, record.worker_lost.epoch,
                           check->when_ms);

            commit_effect(check->traced, EFFECT_LOST, lost, 0, 0);
        }
        break;
    }
    check->index++;
    return good;
}

bool
commit_check(struct check *check, struct pv_slice records, uint32_t count)
{
    struct pv_slice line;
    uint32_t        n = 0;
    enum pv_err     err;

    counts_begin(&check->traced->counts);
    while ((err = pv_frame_next_record(&records, &line)) == PV_OK) {
        if (n == PV_WIRE_RECORDS_MAX || !check_record(check, line)) {
            return false;
        }
        n++;
    }
    if (err != PV_ENOTFOUND || n != count || n == 0) {
        return false;
    }
    counts_find(&check->traced->counts);
    return true;
}

bool
commit_again(struct traced *traced, uint64_t index, uint32_t count, size_t len)
{
    size_t           room_len;
    const uint8_t   *room = pv_commit_room(&traced->commit, &room_len);
    struct pv_slice  records = {(const char *)room, len};
    struct pv_slice  line;
    struct pv_record record;
    uint32_t         n = 0;
    enum pv_err      err;

    while ((err = pv_frame_next_record(&records, &line)) == PV_OK) {
        if (n == PV_WIRE_RECORDS_MAX ||
            pv_record_parse(line, &record) != PV_OK) {
            return false;
        }
        if (record.type == PV_RECORD_REQUEST &&
            record.request.max_answered > 0) {
            uses_again(&traced->uses, uses_key(&traced->uses, &record.request),
                       index + n, index);
        }
        n++;
    }
    return err == PV_ENOTFOUND && n == count;
}

/* ---- effects ----------------------------------------------------------- */

void
commit_apply(struct traced *traced)
{
    for (uint32_t i = 0; i < traced->effect_count; i++) {
        const struct effect *e = &traced->effect[i];
        struct epoch        *epoch = e->epoch;

        switch ((enum effect_kind)e->kind) {
        case EFFECT_OPEN:
            if (epoch != NULL) {
                epoch->open++;
            }
            counts_add(&traced->counts, e->key, e->n);
            break;
        case EFFECT_END:
            if (epoch != NULL) {
                epoch->open -= e->n < epoch->open ? e->n : epoch->open;
            }
            break;
        case EFFECT_TAKE_BACK:
            counts_take_back(&traced->counts, e->n);
            break;
        case EFFECT_LOST:
            if (epoch != NULL) {
                epoch->open = 0;
                uses_lost(&traced->uses, epoch->id);
            }
            break;
        case EFFECT_USE:
            uses_begin(&traced->uses, e->key, e->n, e->n - e->position,
                       epoch == NULL ? 0 : epoch->id);
            break;
        case EFFECT_USED:
            uses_end(&traced->uses, e->n, (enum pv_outcome)e->key);
            break;
        }
    }
    traced->effect_count = 0;
}

enum pv_err
commit_recover_frame(void *context, const struct pv_frame *frame,
                     int64_t time_ms)
{
    struct traced *traced = context;
    int64_t        age_ms = traced->wall_ms - time_ms;
    struct check   check = {.traced = traced,
                            .index = frame->first_index,
                            .first = frame->first_index,
                            .durable = frame->first_index};
    enum pv_err    err = PV_OK;

    /* as old as its commit: where the table is full, the oldest one goes */
    check.when_ms = traced->now_ms - (age_ms > 0 ? age_ms : 0);
    if (frame->epoch != 0) {
        check.epoch = epochs_get(&traced->epochs, frame->epoch, check.when_ms);
    }
    if (!commit_check(&check, frame->records, frame->count)) {
        return PV_ECORRUPT;
    }
    commit_apply(traced);
    uses_forget_late(&traced->uses); /* who asks again is told then */
    if (check.epoch == NULL) {
        return PV_OK;
    }
    /* of whatever age: its worker may have waited all the while */
    err = epoch_hold(check.epoch);
    if (err == PV_OK) {
        epoch_keep(check.epoch, frame->sequence, frame->first_index);
    }
    return err;
}
