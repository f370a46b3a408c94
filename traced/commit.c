/*
 * commit.c - frames are gathered, written, made durable, and only then counted
 * and acknowledged.
 */
#include "traced.h"

#include <errno.h>
#include <string.h>

#include "base/num.h"

#define ACKS_MAX 2048 /* in one packet */

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
    } else if (!commit_check(&check, (struct pv_slice){(const char *)room, len},
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
    err = pv_journal_commit(journal, &traced->commit, commit_append_ms(traced));
    if (err == PV_ESYS) {
        pv_log_event(
            "error", "traced.write_failed",
            "segment=%llu offset=%llu errno=%d (%s); ending the segment",
            (unsigned long long)journal->segment.number,
            (unsigned long long)journal->at, errno, strerror(errno));
        if (next_segment(traced, PV_SEGMENT_FAILED)) {
            err = pv_journal_commit(journal, &traced->commit,
                                    commit_append_ms(traced));
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
            commit_apply(traced);
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
            .time_ms = (uint64_t)commit_append_ms(traced),
        };
        room = pv_commit_room(&traced->commit, &room_len);
        if (pv_record_write_worker_lost(&lost, (char *)room + 2, room_len - 2,
                                        &len) != PV_OK) {
            continue; /* cannot be: the node id was checked at start */
        }
        room[0] = (uint8_t)len;
        room[1] = (uint8_t)(len >> 8);
        pv_commit_add(&traced->commit, 0, 0, 1, len + 2);
        commit_effect(traced, EFFECT_LOST, epoch, 0, 0);
        pv_log_event("warning", "traced.worker_lost", "epoch=%016llx open=%llu",
                     (unsigned long long)epoch->id,
                     (unsigned long long)epoch->open);
        epoch->gone_ms = traced->now_ms; /* not again before it is written */
    }
}
