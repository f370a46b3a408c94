/*
 * commit.c - frames are checked, gathered, written, made durable, and only
 * then counted and acknowledged.
 */
#include "traced.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"

#define ACKS_MAX 2048 /* in one packet */

static int64_t
append_ms(const struct traced *traced)
{
    return traced->wall_ms > traced->journal.time_ms ? traced->wall_ms
                                                     : traced->journal.time_ms;
}

bool
commit_has_room(const struct traced *traced)
{
    return traced->commit.cap - traced->commit.len >=
               PV_FRAME_HEAD_LEN + PV_WIRE_PACKET_MAX &&
           traced->pending_count < PENDING_MAX &&
           EFFECTS_MAX - traced->effect_count - traced->uses.late_count >=
               EFFECTS_FRAME_MAX;
}

void
commit_answer(struct traced *traced, struct peer *peer, uint64_t sequence,
              uint64_t index, uint32_t why, bool in_commit)
{
    struct pending *pending = &traced->pending[traced->pending_count++];

    *pending = (struct pending){
        .peer = peer,
        .epoch = peer == NULL ? NULL : peer->epoch,
        .sequence = sequence,
        .index = index,
        .why = why,
        .in_commit = in_commit,
    };
    if (why != 0) {
        traced->refused_count++;
    }
}

/* ---- checking ---------------------------------------------------------- */

struct check {
    struct traced *traced;
    struct epoch  *epoch;
    uint64_t       index;   /* of the record at hand */
    uint64_t       first;   /* of the frame */
    uint64_t       durable; /* completions name records before this one */
    int64_t        when_ms; /* monotonic; when the frame came */
    bool           live;    /* not while the journal is read at start */
    bool           calls;   /* holds requests */
    bool           granted; /* holds an allowed request, or completions */
    bool           ended;   /* completions were met: nothing may follow */
};

static struct effect *
effect(struct traced *traced, enum effect_kind kind, struct epoch *epoch,
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
        skew = pv_tracking_id_when_ms(&id) - append_ms(traced);
        if (skew > PV_WIRE_SKEW_MAX_MS || skew < -PV_WIRE_SKEW_MAX_MS) {
            pv_log_event("warning", "traced.skew", "id=%.*s ms=%lld; refusing",
                         PV_FMT(r->id), (long long)skew);
            return false;
        }
    }
    if (r->reason.len == 0) { /* allowed */
        check->granted = true;
        counts_gather(
            &traced->counts, r,
            &effect(traced, EFFECT_OPEN, check->epoch, COUNT_NONE, check->index)
                 ->key);
    }
    if (r->max_answered > 0) {
        effect(traced, EFFECT_USE, check->epoch, uses_key(&traced->uses, r),
               check->index)
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
            effect(check->traced, EFFECT_TAKE_BACK, NULL, 0, completion.of);
        }
        if (check->traced->uses.open_count > 0 &&
            uses_is_open(&check->traced->uses, completion.of)) {
            effect(check->traced, EFFECT_USED, NULL,
                   (uint32_t)completion.outcome, completion.of);
        }
    }
    effect(check->traced, EFFECT_END, check->epoch, 0,
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

            effect(check->traced, EFFECT_LOST, lost, 0, 0);
        }
        break;
    }
    check->index++;
    return good;
}

static bool
check_frame(struct check *check, struct pv_slice records, uint32_t count)
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

/* ---- room -------------------------------------------------------------- */

static bool
may_begin_segment(struct traced *traced)
{
    return spare_is_ready(&traced->spare) ||
           traced->space.more >= traced->journal.segment_size;
}

/* 0, or why this frame cannot be taken. */
static uint32_t
no_room_for(struct traced *traced, const struct check *check, size_t len)
{
    const struct pv_journal *journal = &traced->journal;

    if (traced->space.full && check->calls) {
        return PV_WIRE_WHY_FULL;
    }
    if (traced->space.low && !check->granted) {
        return PV_WIRE_WHY_FULL;
    }
    len += PV_FRAME_HEAD_LEN + 8;
    if (!pv_journal_fits(journal, traced->commit.len + len) &&
        !may_begin_segment(traced)) {
        space_update(traced, true);
        if (!may_begin_segment(traced)) {
            return PV_WIRE_WHY_FULL;
        }
    }
    return 0;
}

void
commit_frame(struct traced *traced, struct peer *peer, uint64_t sequence,
             uint32_t count, size_t len)
{
    struct pv_commit *commit = &traced->commit;
    uint32_t          effects = traced->effect_count;
    size_t            room_len;
    uint8_t          *room = pv_commit_room(commit, &room_len);
    uint64_t          index = commit->first_index + commit->leaf_count;
    struct check      check = {.traced = traced,
                               .epoch = peer->epoch,
                               .index = index,
                               .first = index,
                               .durable = traced->journal.next_index,
                               .when_ms = traced->now_ms,
                               .live = true};
    uint32_t          why = 0;

    if (traced->broken) {
        why = traced->no_room ? PV_WIRE_WHY_FULL : PV_WIRE_WHY_BROKEN;
    } else if (!check_frame(&check, (struct pv_slice){(const char *)room, len},
                            count)) {
        why = PV_WIRE_WHY_RECORD;
        pv_log_event("error", "traced.record_refused",
                     "pid=%d epoch=%016llx sequence=%llu", (int)peer->pid,
                     (unsigned long long)peer->epoch->id,
                     (unsigned long long)sequence);
    } else {
        why = no_room_for(traced, &check, len);
    }
    if (why != 0) {
        traced->effect_count = effects;
        commit_answer(traced, peer, sequence, 0, why, false);
        return;
    }
    pv_commit_add(commit, peer->epoch->id, sequence, count, len);
    traced->frame_count++;
    commit_answer(traced, peer, sequence, index, 0, true);
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

static void
apply_effects(struct traced *traced)
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
    if (!check_frame(&check, frame->records, frame->count)) {
        return PV_ECORRUPT;
    }
    apply_effects(traced);
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

/* ---- writing ----------------------------------------------------------- */

/* Go on in a new segment. False: the journal cannot be written now. */
static bool
next_segment(struct traced *traced, enum pv_segment_why why)
{
    struct pv_journal *journal = &traced->journal;
    int                spare = spare_take(&traced->spare);

    if (spare == -1) {
        space_update(traced, true);
        /* that may have asked for one: never two that make it at a time */
        spare = spare_take(&traced->spare);
        if (spare == -1 && traced->space.more < journal->segment_size) {
            errno = ENOSPC;
            return false;
        }
    }
    if (pv_journal_next(journal, spare, why) != PV_OK) {
        return false;
    }
    pv_log_event("info", "traced.segment",
                 "number=%llu first_index=%llu why=%s",
                 (unsigned long long)journal->segment.number,
                 (unsigned long long)journal->next_index,
                 why == PV_SEGMENT_FULL ? "full" : "failed");
    snapshot_take(traced);
    space_update(traced, true);
    return true;
}

static void
fail_closed(struct traced *traced, int error)
{
    traced->broken = true;
    traced->no_room = error == ENOSPC || error == EDQUOT;
    traced->retry_wait_ms =
        traced->retry_wait_ms == 0 ? RETRY_MIN_MS : traced->retry_wait_ms * 2;
    if (traced->retry_wait_ms > RETRY_MAX_MS || traced->no_room) {
        traced->retry_wait_ms = traced->no_room ? RETRY_MIN_MS : RETRY_MAX_MS;
    }
    traced->retry_ms = traced->now_ms + traced->retry_wait_ms;
    pv_log_event("error", "traced.closed",
                 "errno=%d (%s); every call is refused; retrying in %lld ms",
                 error, strerror(error), (long long)traced->retry_wait_ms);
    space_update(traced, false);
}

void
commit_publish(struct traced *traced)
{
    const struct pv_journal *journal = &traced->journal;

    state_set(&traced->state->durable_place,
              state_place(journal->segment.number, journal->at));
    state_set(&traced->state->durable_ms, (uint64_t)journal->time_ms);
    /* last: who sees it finds all before it */
    state_set(&traced->state->durable_index, journal->next_index);
}

/* The commit on disk, in another segment if need be. */
static bool
write_commit(struct traced *traced)
{
    struct pv_journal *journal = &traced->journal;
    enum pv_err        err;

    if ((journal->failed || !pv_journal_fits(journal, traced->commit.len)) &&
        !next_segment(traced,
                      journal->failed ? PV_SEGMENT_FAILED : PV_SEGMENT_FULL)) {
        fail_closed(traced, errno);
        return false;
    }
    err = pv_journal_commit(journal, &traced->commit, append_ms(traced));
    if (err == PV_ESYS) {
        pv_log_event(
            "error", "traced.write_failed",
            "segment=%llu offset=%llu errno=%d (%s); ending the segment",
            (unsigned long long)journal->segment.number,
            (unsigned long long)journal->at, errno, strerror(errno));
        if (next_segment(traced, PV_SEGMENT_FAILED)) {
            err =
                pv_journal_commit(journal, &traced->commit, append_ms(traced));
        }
    }
    if (err != PV_OK) {
        fail_closed(traced, err == PV_ESYS ? errno : EIO);
        return false;
    }
    commit_publish(traced);
    traced->retry_wait_ms = 0;
    traced->commit_count++;
    traced->commit_ms = traced->now_ms;
    return true;
}

/* Reached when the journal could not be written a while ago. */
static void
retry(struct traced *traced)
{
    enum pv_segment_why why =
        traced->journal.failed ? PV_SEGMENT_FAILED : PV_SEGMENT_FULL;

    space_update(traced, true);
    if (traced->no_room && traced->space.more < traced->journal.segment_size) {
        traced->retry_ms = traced->now_ms + RETRY_MIN_MS; /* without a word */
        return;
    }
    if (!next_segment(traced, why)) {
        fail_closed(traced, errno);
        return;
    }
    traced->broken = false;
    traced->no_room = false;
    pv_commit_begin(&traced->commit, traced->journal.next_index);
    pv_log_event("info", "traced.open", "the journal can be written again");
    space_update(traced, true);
}

/* ---- answers ----------------------------------------------------------- */

static void
settle(struct traced *traced, bool written)
{
    for (uint32_t i = 0; i < traced->pending_count; i++) {
        struct pending *p = &traced->pending[i];

        if (!p->in_commit) {
            continue;
        }
        if (!written) {
            p->why = traced->no_room ? PV_WIRE_WHY_FULL : PV_WIRE_WHY_BROKEN;
            traced->refused_count++;
        } else if (p->epoch != NULL) {
            epoch_keep(p->epoch, p->sequence, p->index);
        }
    }
}

static void
send_refused(struct traced *traced, const struct pending *p)
{
    uint8_t packet[20];

    pv_store_u32(packet, PV_WIRE_MAGIC);
    pv_store_u32(packet + 4, PV_WIRE_REFUSED);
    pv_store_u64(packet + 8, p->sequence);
    pv_store_u32(packet + 16, p->why);
    peer_send(traced, p->peer, packet, sizeof(packet));
}

/* Which of the frame's calls came too late; before it is acknowledged. */
static void
send_used(struct traced *traced, const struct pending *p)
{
    uint8_t                packet[24];
    uint32_t               count;
    const struct use_late *late = uses_late(&traced->uses, p->index, &count);

    for (uint32_t i = 0; i < count; i++) {
        pv_store_u32(packet, PV_WIRE_MAGIC);
        pv_store_u32(packet + 4, PV_WIRE_USED);
        pv_store_u64(packet + 8, p->sequence);
        pv_store_u32(packet + 16, late[i].position);
        pv_store_u32(packet + 20, late[i].spent ? 1 : 0);
        peer_send(traced, p->peer, packet, sizeof(packet));
    }
}

/* Answers in the order of the frames; acknowledgements in a row go together. */
static void
send_answers(struct traced *traced)
{
    static uint8_t packet[16 + 16 * ACKS_MAX];
    uint32_t       i = 0;

    uses_sort_late(&traced->uses);
    while (i < traced->pending_count) {
        const struct pending *first = &traced->pending[i];
        uint32_t              count = 0;

        if (first->peer == NULL || first->peer->dead) {
            i++;
            continue;
        }
        if (first->why != 0) {
            send_refused(traced, first);
            i++;
            continue;
        }
        while (i < traced->pending_count && count < ACKS_MAX &&
               traced->pending[i].peer == first->peer &&
               traced->pending[i].why == 0) {
            uint8_t *item = packet + 16 + (size_t)16 * count;

            send_used(traced, &traced->pending[i]);
            pv_store_u64(item, traced->pending[i].sequence);
            pv_store_u64(item + 8, traced->pending[i].index);
            count++;
            i++;
        }
        pv_store_u32(packet, PV_WIRE_MAGIC);
        pv_store_u32(packet + 4, (uint32_t)PV_WIRE_ACK | count << 16);
        pv_store_u32(packet + 8, traced->space.low ? PV_WIRE_LOW_SPACE : 0);
        pv_store_u32(packet + 12, 0);
        peer_send(traced, first->peer, packet, 16 + (size_t)16 * count);
    }
    traced->pending_count = 0;
    uses_forget_late(&traced->uses);
}

void
commit_round(struct traced *traced)
{
    if (traced->commit.frame_count > 0) {
        bool written = write_commit(traced);

        settle(traced, written);
        if (written) {
            apply_effects(traced);
        }
        traced->effect_count = 0; /* also of what could not be written */
        pv_commit_begin(&traced->commit, traced->journal.next_index);
        space_update(traced, false);
    } else if (traced->broken && traced->now_ms >= traced->retry_ms) {
        retry(traced);
    }
    send_answers(traced);
}

void
commit_lost_workers(struct traced *traced)
{
    for (uint32_t i = 0; i < traced->epochs.used; i++) {
        struct epoch                *epoch = &traced->epochs.epoch[i];
        struct pv_worker_lost_record lost;
        uint8_t                     *room;
        size_t                       room_len;
        size_t                       len = 0;

        if (epoch->open == 0 || epoch->peer != NULL || traced->broken ||
            traced->now_ms - epoch->gone_ms < WORKER_GRACE_MS ||
            traced->now_ms - traced->begun_ms < WORKER_GRACE_MS ||
            !commit_has_room(traced)) {
            continue;
        }
        lost = (struct pv_worker_lost_record){
            .epoch = epoch->id,
            .node = pv_slice_from(traced->node),
            .open = epoch->open,
            .time_ms = (uint64_t)append_ms(traced),
        };
        room = pv_commit_room(&traced->commit, &room_len);
        if (pv_record_write_worker_lost(&lost, (char *)room + 2, room_len - 2,
                                        &len) != PV_OK) {
            continue; /* cannot be: the node id was checked at start */
        }
        room[0] = (uint8_t)len;
        room[1] = (uint8_t)(len >> 8);
        pv_commit_add(&traced->commit, 0, 0, 1, len + 2);
        effect(traced, EFFECT_LOST, epoch, 0, 0);
        pv_log_event("warning", "traced.worker_lost", "epoch=%016llx open=%llu",
                     (unsigned long long)epoch->id,
                     (unsigned long long)epoch->open);
        epoch->gone_ms = traced->now_ms; /* not again before it is written */
    }
}
