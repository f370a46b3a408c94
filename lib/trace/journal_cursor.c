/* journal_cursor.c - walking the commits of a journal in order. */
#include <string.h>

#include "trace/journal_read.h"

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
