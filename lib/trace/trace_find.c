/* trace_find.c - walking a journal in order, and finding one request in it. */
#include <string.h>

#include "base/num.h"
#include "trace/journal_read.h"
#include "trace/wire.h"

#define USUAL_BEFORE_MS 100 /* most are written soon after their id is made */
#define ID_MEMBER_LEN (6 + PV_TRACKING_ID_LEN + 1) /* "id":"..." */

/* Open segment i of the list, and learn where its commits end. */
static enum pv_err
enter(struct pv_journal_cursor *cursor, size_t i)
{
    struct pv_segment_reader next;
    enum pv_err              err;

    pv_segment_close(&cursor->reader);
    err =
        pv_segment_open(cursor->dirfd, cursor->list.number[i], &cursor->reader);
    if (err != PV_OK) {
        return err;
    }
    cursor->i = i;
    cursor->at = PV_SEGMENT_HEAD_LEN;
    cursor->end = cursor->reader.size;
    cursor->ended = false;
    if (i + 1 < cursor->list.count) {
        err = pv_segment_open(cursor->dirfd, cursor->list.number[i + 1], &next);
        if (err != PV_OK) {
            return err;
        }
        cursor->end = next.head.before_end;
        cursor->ended = true;
        pv_segment_close(&next);
    }
    return PV_OK;
}

/* The last segment whose commits may begin before when_ms. */
static enum pv_err
choose(struct pv_journal_cursor *cursor, int64_t when_ms, size_t *ret_i)
{
    size_t low = 0;
    size_t high = cursor->list.count;

    while (high - low > 1) {
        size_t                   middle = low + (high - low) / 2;
        struct pv_segment_reader reader;
        enum pv_err              err;

        err = pv_segment_open(cursor->dirfd, cursor->list.number[middle],
                              &reader);
        if (err != PV_OK) {
            return err;
        }
        if (reader.head.made_ms < when_ms) {
            low = middle;
        } else {
            high = middle;
        }
        pv_segment_close(&reader);
    }
    *ret_i = low;
    return PV_OK;
}

enum pv_err
pv_journal_cursor_open(struct pv_journal_cursor *cursor, int dirfd,
                       int64_t when_ms)
{
    enum pv_err err;
    size_t      i = 0;

    memset(cursor, 0, sizeof(*cursor));
    cursor->dirfd = dirfd;
    cursor->reader.fd = -1;
    err = pv_segment_list_read(dirfd, &cursor->list);
    if (err == PV_OK && cursor->list.count == 0) {
        err = PV_ENOTFOUND;
    }
    if (err == PV_OK) {
        err = choose(cursor, when_ms, &i);
    }
    if (err == PV_OK) {
        err = enter(cursor, i);
    }
    if (err == PV_OK && when_ms > 0) {
        err = pv_segment_seek(&cursor->reader, when_ms, &cursor->at);
    }
    if (err != PV_OK) {
        pv_journal_cursor_close(cursor);
    }
    return err;
}

void
pv_journal_cursor_close(struct pv_journal_cursor *cursor)
{
    if (cursor != NULL) {
        pv_segment_close(&cursor->reader);
        pv_segment_list_clear(&cursor->list);
    }
}

/* At the end of the last segment known: did a later one begin? */
static enum pv_err
look_for_more(struct pv_journal_cursor *cursor)
{
    struct pv_segment_list list;
    uint64_t               number = cursor->list.number[cursor->i];
    uint64_t               at = cursor->at;
    enum pv_err            err;

    err = pv_segment_list_read(cursor->dirfd, &list);
    if (err != PV_OK) {
        return err;
    }
    if (list.count == 0 || list.number[list.count - 1] == number) {
        pv_segment_list_clear(&list);
        return PV_ENOTFOUND;
    }
    pv_segment_list_clear(&cursor->list);
    cursor->list = list;
    for (size_t i = 0; i < list.count; i++) {
        if (list.number[i] == number) {
            err = enter(cursor, i);
            cursor->at = at;
            return err;
        }
    }
    return PV_ECORRUPT; /* the segment that is being read was removed */
}

enum pv_err
pv_journal_cursor_next(struct pv_journal_cursor *cursor,
                       struct pv_commit_view    *ret_view)
{
    for (;;) {
        enum pv_err err = PV_ENOTFOUND;

        if (cursor->at < cursor->end) {
            err =
                pv_segment_commit(&cursor->reader, cursor->at, ret_view, NULL);
            if (err == PV_OK) {
                cursor->at = ret_view->next;
                return PV_OK;
            }
            if (cursor->ended || (err != PV_ENOTFOUND && err != PV_ECORRUPT)) {
                return err == PV_ENOTFOUND ? PV_ECORRUPT : err;
            }
        } else if (cursor->ended) {
            err = enter(cursor, cursor->i + 1);
            if (err != PV_OK) {
                return err;
            }
            continue;
        }
        /* what is being written reads as not there yet */
        err = look_for_more(cursor);
        if (err == PV_ENOTFOUND && cursor->at < cursor->end) {
            err = pv_segment_judge_end(&cursor->reader, cursor->at);
        }
        if (err != PV_OK) {
            return err;
        }
    }
}

/* ---- one request ------------------------------------------------------- */

struct hunt {
    struct pv_trace_found *found;
    char                   member[ID_MEMBER_LEN];   /* "id":"..." */
    char                   of[PV_U64_TEXT_MAX + 2]; /* [index, */
    size_t                 of_len;
};

/* The request in this commit. */
static enum pv_err
find_request(struct hunt *hunt, const struct pv_commit_view *view)
{
    struct pv_trace_found *found = hunt->found;
    struct pv_frame        frame;
    struct pv_slice        line;
    size_t                 at = 0;

    while (pv_commit_next_frame(view->bytes, &at, &frame) == PV_OK) {
        uint64_t index = frame.first_index;

        if (memmem(frame.records.ptr, frame.records.len, hunt->member,
                   sizeof(hunt->member)) == NULL) {
            continue;
        }
        for (; pv_frame_next_record(&frame.records, &line) == PV_OK; index++) {
            if (line.len > sizeof(found->line) ||
                memmem(line.ptr, line.len, hunt->member,
                       sizeof(hunt->member)) == NULL) {
                continue;
            }
            memcpy(found->line, line.ptr, line.len);
            found->line_len = line.len;
            found->index = index;
            found->epoch = frame.epoch;
            found->written_ms = view->head.time_ms;
            return pv_record_parse(
                (struct pv_slice){found->line, found->line_len},
                &found->record);
        }
    }
    return PV_ENOTFOUND;
}

static enum pv_err
find_between(struct hunt *hunt, struct pv_journal_cursor *cursor, int dirfd,
             int64_t from_ms, int64_t until_ms)
{
    struct pv_commit_view view;
    enum pv_err           err = pv_journal_cursor_open(cursor, dirfd, from_ms);

    if (err != PV_OK) {
        return err;
    }
    while ((err = pv_journal_cursor_next(cursor, &view)) == PV_OK) {
        if (view.head.time_ms > until_ms) {
            err = PV_ENOTFOUND;
            break;
        }
        err = find_request(hunt, &view);
        if (err != PV_ENOTFOUND) {
            break;
        }
    }
    if (err != PV_OK) {
        pv_journal_cursor_close(cursor);
    }
    return err;
}

/* True when the frame ends the call or tells that nobody will. */
static bool
end_in_frame(struct hunt *hunt, const struct pv_frame *frame, bool *lost)
{
    struct pv_slice  records = frame->records;
    struct pv_slice  line;
    struct pv_record record;

    if (frame->epoch != 0 &&
        (frame->epoch != hunt->found->epoch ||
         memmem(records.ptr, records.len, hunt->of, hunt->of_len) == NULL)) {
        return false;
    }
    while (pv_frame_next_record(&records, &line) == PV_OK) {
        struct pv_completion completion;
        struct pv_slice      rest;

        if (pv_record_parse(line, &record) != PV_OK) {
            continue; /* of a later version; what is known is told */
        }
        if (record.type == PV_RECORD_WORKER_LOST &&
            record.worker_lost.epoch == hunt->found->epoch) {
            *lost = true;
        }
        if (record.type != PV_RECORD_COMPLETIONS) {
            continue;
        }
        rest = record.completions;
        while (pv_record_next_completion(&rest, &completion) == PV_OK) {
            if (completion.of == hunt->found->index) {
                hunt->found->completion = completion;
                return true;
            }
        }
    }
    return false;
}

static enum pv_err
find_end(struct hunt *hunt, struct pv_journal_cursor *cursor, int64_t now_ms)
{
    struct pv_trace_found *found = hunt->found;
    int64_t                until = found->written_ms + PV_TRACE_CALL_MAX_MS;
    struct pv_commit_view  view;
    struct pv_frame        frame;
    bool                   lost = false;
    enum pv_err            err;

    found->state = PV_TRACE_RECEIVED;
    while ((err = pv_journal_cursor_next(cursor, &view)) == PV_OK &&
           view.head.time_ms <= until) {
        size_t at = 0;

        while (pv_commit_next_frame(view.bytes, &at, &frame) == PV_OK) {
            bool was_lost = lost;

            if (end_in_frame(hunt, &frame, &lost)) {
                found->state = PV_TRACE_DONE;
                return PV_OK;
            }
            if (lost && !was_lost) {
                until = view.head.time_ms + PV_TRACE_LATE_MS;
            }
        }
    }
    if (lost || now_ms > found->written_ms + PV_TRACE_CALL_MAX_MS) {
        found->state = PV_TRACE_UNKNOWN;
    }
    return err == PV_ENOTFOUND ? PV_OK : err;
}

enum pv_err
pv_trace_find(int dirfd, const struct pv_tracking_id *id, int64_t now_ms,
              struct pv_trace_found *ret_found)
{
    struct pv_journal_cursor cursor;
    struct hunt              hunt = {.found = ret_found};
    int64_t                  when = pv_tracking_id_when_ms(id);
    enum pv_err              err;

    memcpy(hunt.member, "\"id\":\"", 6);
    pv_tracking_id_text(id, hunt.member + 6);
    hunt.member[ID_MEMBER_LEN - 1] = '"';

    err = find_between(&hunt, &cursor, dirfd, when - USUAL_BEFORE_MS,
                       when + PV_WIRE_SKEW_MAX_MS);
    if (err == PV_ENOTFOUND) {
        err = find_between(&hunt, &cursor, dirfd, when - PV_WIRE_SKEW_MAX_MS,
                           when - USUAL_BEFORE_MS);
    }
    if (err != PV_OK) {
        return err;
    }
    if (ret_found->record.request.reason.len > 0) {
        ret_found->state = PV_TRACE_DECIDED;
    } else {
        hunt.of[0] = '[';
        hunt.of_len = 1 + pv_u64_text(ret_found->index, hunt.of + 1);
        hunt.of[hunt.of_len++] = ',';
        err = find_end(&hunt, &cursor, now_ms);
    }
    pv_journal_cursor_close(&cursor);
    return err;
}
