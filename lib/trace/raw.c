/* raw.c - finding leaves in the raw segments of a journal. */
#include "trace/raw.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

void
pv_raw_init(struct pv_raw *raw, int dirfd)
{
    memset(raw, 0, sizeof(*raw));
    raw->dirfd = dirfd;
    raw->reader.fd = -1;
}

static void
leave(struct pv_raw *raw)
{
    pv_segment_close(&raw->reader);
    raw->has_view = false;
}

void
pv_raw_clear(struct pv_raw *raw)
{
    if (raw != NULL) {
        leave(raw);
        pv_segment_list_clear(&raw->list);
        free(raw->place);
        raw->place = NULL;
        raw_forget_places(raw);
    }
}

static enum pv_err
read_head(struct pv_raw *raw, size_t i, struct pv_segment_head *ret_head)
{
    struct pv_segment_reader reader;
    enum pv_err              err;

    err = pv_segment_open(raw->dirfd, raw->list.number[i], &reader);
    if (err == PV_OK) {
        *ret_head = reader.head;
        pv_segment_close(&reader);
    }
    return err;
}

/* Open segment i; its ->size becomes where its commits end, if that is known */
enum pv_err
raw_enter(struct pv_raw *raw, size_t i)
{
    struct pv_segment_head next;
    enum pv_err            err;

    if (raw->reader.fd != -1 && raw->i == i) {
        return PV_OK;
    }
    leave(raw);
    raw->until = UINT64_MAX;
    err = pv_segment_open(raw->dirfd, raw->list.number[i], &raw->reader);
    if (err == PV_OK && i + 1 < raw->list.count) {
        err = read_head(raw, i + 1, &next);
        if (err == PV_OK && (next.before_end > raw->reader.size ||
                             next.number != raw->reader.head.number + 1)) {
            err = PV_ECORRUPT;
        }
        if (err == PV_OK) {
            raw->reader.size = next.before_end;
            raw->until = next.first_index;
        }
    }
    if (err != PV_OK) {
        leave(raw);
        return err;
    }
    if (raw->until == UINT64_MAX) {
        /* pages read ahead would be old when their turn comes; a hint */
        (void)posix_fadvise(raw->reader.fd, 0, 0, POSIX_FADV_RANDOM);
    }
    raw->i = i;
    return PV_OK;
}

static bool
holds(const struct pv_segment_head *head, int64_t when_ms, uint64_t index,
      bool by_time)
{
    return by_time ? head->made_ms < when_ms : head->first_index <= index;
}

/* Open the last segment that may hold the leaf, or the first at a time. */
static enum pv_err
choose(struct pv_raw *raw, int64_t when_ms, uint64_t index, bool by_time)
{
    size_t low = 0;
    size_t high = raw->list.count;

    while (high - low > 1) {
        size_t                 middle = low + (high - low) / 2;
        struct pv_segment_head head;
        enum pv_err            err = read_head(raw, middle, &head);

        if (err != PV_OK) {
            return err;
        }
        if (holds(&head, when_ms, index, by_time)) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return raw_enter(raw, low);
}

enum pv_err
raw_read_commit(struct pv_raw *raw, uint64_t at)
{
    enum pv_err err = pv_segment_commit(&raw->reader, at, &raw->view, NULL);

    if (err == PV_ECORRUPT) { /* or a page of it is an old one */
        pv_segment_forget_cached(&raw->reader, at, at + PV_COMMIT_LEN_MAX);
        err = pv_segment_commit(&raw->reader, at, &raw->view, NULL);
    }
    raw->has_view = err == PV_OK;
    if (err == PV_ENOTFOUND && raw->until != UINT64_MAX &&
        at < raw->reader.size) {
        err = PV_ECORRUPT; /* this segment is known to reach farther */
    }
    return err;
}

/*
 * Behind the last commit of the last segment, as far as it reads now. What is
 * torn or still being written is not there yet, unless later ones stand
 * behind it.
 */
static enum pv_err
find_end(struct pv_raw *raw)
{
    uint64_t    at = PV_SEGMENT_HEAD_LEN;
    enum pv_err err;

    leave(raw); /* it may have ended: ->size is learnt anew */
    err = raw_enter(raw, raw->list.count - 1);
    if (err != PV_OK) {
        return err;
    }
    raw->end = raw->reader.head.first_index;
    err = pv_segment_last(&raw->reader, &at);
    if (err == PV_OK) {
        struct pv_commit_head head;

        err = raw_read_commit(raw, at);
        if (err == PV_OK) {
            raw->end = raw->view.head.first_index + raw->view.head.leaf_count;
            at = raw->view.next;
        } else if (err == PV_ECORRUPT &&
                   pv_commit_head_read(raw->reader.buf, &head) == PV_OK) {
            raw->end = head.first_index;
        }
    }
    raw->end_at = err == PV_OK || err == PV_ENOTFOUND ? at : 0;
    if (err == PV_OK || err == PV_ENOTFOUND || err == PV_ECORRUPT) {
        raw->has_view = false;
        err = pv_segment_judge_end(&raw->reader, at);
    }
    raw->damaged = err == PV_ECORRUPT;
    return err == PV_ENOTFOUND || err == PV_ECORRUPT ? PV_OK : err;
}

enum pv_err
pv_raw_refresh(struct pv_raw *raw)
{
    struct pv_segment_list list;
    struct pv_segment_head head;
    enum pv_err            err;

    if (raw->dirfd == -1) {
        return PV_OK;
    }
    err = pv_segment_list_read(raw->dirfd, &list);
    if (err != PV_OK) {
        return err;
    }
    leave(raw);
    raw_forget_places(raw);
    pv_segment_list_clear(&raw->list);
    raw->list = list;
    raw->damaged = false;
    raw->end_at = 0;
    if (list.count == 0) {
        return PV_OK;
    }
    err = read_head(raw, 0, &head);
    if (err == PV_OK) {
        raw->first = head.first_index;
        err = find_end(raw);
    }
    return err;
}

/*
 * Behind the last commit of the segment that is followed: go on in the one
 * behind it. PV_ENOTFOUND: there is none yet.
 */
static enum pv_err
follow_into_next(struct pv_raw *raw)
{
    struct pv_segment_list list;
    struct pv_segment_head head;
    uint64_t               number = raw->reader.head.number + 1;
    size_t                 i = 0;
    enum pv_err            err = pv_segment_list_read(raw->dirfd, &list);

    if (err != PV_OK) {
        return err;
    }
    while (i < list.count && list.number[i] < number) {
        i++;
    }
    if (i == 0 || i == list.count || list.number[i] != number) {
        pv_segment_list_clear(&list);
        return i == 0 ? PV_ECORRUPT : PV_ENOTFOUND;
    }
    list.count = i + 1; /* those behind have their turn */
    leave(raw);
    pv_segment_list_clear(&raw->list);
    raw->list = list;
    err = read_head(raw, 0, &head);
    if (err == PV_OK) {
        raw->first = head.first_index;
        err = raw_enter(raw, i);
    }
    if (err == PV_OK && (raw->reader.head.before_end != raw->end_at ||
                         raw->reader.head.first_index != raw->end)) {
        err = PV_ECORRUPT; /* another end than the one that was read */
    }
    raw->end_at = PV_SEGMENT_HEAD_LEN;
    return err;
}

/* One commit on. */
static enum pv_err
follow_one(struct pv_raw *raw)
{
    struct pv_commit_head head;
    uint64_t              next;
    enum pv_err           err;

    err = pv_segment_commit_head(&raw->reader, raw->end_at, &head, &next);
    if (err == PV_ENOTFOUND) {
        err = follow_into_next(raw);
        if (err != PV_ENOTFOUND) {
            return err;
        }
    }
    if (err == PV_ENOTFOUND || err == PV_ECORRUPT) { /* it is on disk */
        pv_segment_forget_cached(&raw->reader, raw->end_at,
                                 raw->end_at + PV_COMMIT_HEAD_LEN);
        err = pv_segment_commit_head(&raw->reader, raw->end_at, &head, &next);
    }
    if (err == PV_OK && head.first_index != raw->end) {
        err = PV_ECORRUPT;
    }
    if (err == PV_OK && head.leaf_count > 0) {
        err = raw_keep_place(raw, raw->reader.head.number, raw->end_at, &head);
    }
    if (err == PV_OK) {
        raw->end += head.leaf_count;
        raw->end_at = next;
    }
    return err;
}

enum pv_err
pv_raw_follow(struct pv_raw *raw, uint64_t until)
{
    enum pv_err err;

    if (raw->end >= until) {
        return PV_OK;
    }
    if (raw->end_at == 0 || raw->list.count == 0) {
        return pv_raw_refresh(raw);
    }
    err = raw_enter(raw, raw->list.count - 1);
    while (err == PV_OK && raw->end < until) {
        err = follow_one(raw);
    }
    /* what stands there is in doubt */
    return err == PV_OK ? PV_OK : pv_raw_refresh(raw);
}

/* The commit behind ->view that has leaves, in a later segment if need be. */
static enum pv_err
next_commit(struct pv_raw *raw)
{
    uint64_t    at = raw->view.next;
    enum pv_err err;

    do {
        if (at >= raw->reader.size) {
            if (raw->i + 1 >= raw->list.count) {
                return PV_ENOTFOUND;
            }
            err = raw_enter(raw, raw->i + 1);
            if (err != PV_OK) {
                return err;
            }
            at = PV_SEGMENT_HEAD_LEN;
            continue;
        }
        err = raw_read_commit(raw, at);
        if (err != PV_OK) {
            return err;
        }
        at = raw->view.next;
    } while (!raw->has_view || raw->view.head.leaf_count == 0);
    return PV_OK;
}

/* Have ->view be the commit that holds a leaf. */
static enum pv_err
find_commit(struct pv_raw *raw, uint64_t index)
{
    uint64_t    at;
    enum pv_err err;

    if (raw->has_view && index >= raw->view.head.first_index) {
        uint64_t end = raw->view.head.first_index + raw->view.head.leaf_count;

        if (index < end) {
            return PV_OK;
        }
        if (index == end) {
            return next_commit(raw);
        }
    }
    if (pv_raw_place_of(raw, index, &at) == PV_OK) {
        err = pv_raw_enter_place(raw, at);
        if (err != PV_ENOTFOUND) {
            return err;
        }
    }
    if (raw->reader.fd == -1 || index < raw->reader.head.first_index ||
        index >= raw->until) {
        err = choose(raw, 0, index, false);
        if (err != PV_OK) {
            return err;
        }
    }
    raw->has_view = false; /* its bytes go */
    err = pv_segment_seek_index(&raw->reader, index, &at);
    return err == PV_OK ? raw_read_commit(raw, at) : err;
}

/* Leaves of ->view from index on, until the bundle is full or ends. */
static enum pv_err
add_leaves(const struct pv_raw *raw, uint64_t end, struct pv_bundle *bundle)
{
    uint64_t        index = bundle->n * PV_BUNDLE_LEAVES + bundle->width;
    struct pv_frame frame;
    size_t          at = 0;

    while (index < end &&
           pv_commit_next_frame(raw->view.bytes, &at, &frame) == PV_OK) {
        struct pv_slice line;

        if (frame.first_index + frame.count <= index) {
            continue;
        }
        for (uint64_t i = frame.first_index;
             index < end &&
             pv_frame_next_record(&frame.records, &line) == PV_OK;
             i++) {
            enum pv_err err;

            if (i < index) {
                continue;
            }
            err = pv_bundle_add(bundle, line, frame.epoch,
                                raw->view.head.time_ms);
            if (err != PV_OK) {
                return err;
            }
            index++;
        }
    }
    return PV_OK;
}

enum pv_err
pv_raw_bundle(struct pv_raw *raw, uint64_t n, uint64_t end,
              struct pv_bundle *bundle)
{
    uint64_t    first = n * PV_BUNDLE_LEAVES;
    uint64_t    until = first + PV_BUNDLE_LEAVES;
    enum pv_err err;

    end = end < raw->end ? end : raw->end;
    end = end < until ? end : until;
    if (raw->list.count == 0 || first < raw->first || first >= end) {
        return PV_ENOTFOUND;
    }
    pv_bundle_begin(bundle, n);
    err = find_commit(raw, first);
    if (err == PV_OK) {
        err = add_leaves(raw, end, bundle);
    }
    while (err == PV_OK && first + bundle->width < end) {
        unsigned width = bundle->width;

        err = next_commit(raw);
        if (err == PV_OK) {
            err = add_leaves(raw, end, bundle);
        }
        if (err == PV_OK && bundle->width == width) {
            err = PV_ECORRUPT; /* the leaves do not follow one another */
        }
    }
    return err;
}

enum pv_err
pv_raw_seek(struct pv_raw *raw, int64_t when_ms, uint64_t *ret_index)
{
    uint64_t    at;
    enum pv_err err;

    *ret_index = raw->end;
    if (raw->list.count == 0) {
        return PV_OK;
    }
    err = choose(raw, when_ms, 0, true);
    if (err == PV_OK) {
        raw->has_view = false; /* its bytes go */
        err = pv_segment_seek(&raw->reader, when_ms, &at);
    }
    if (err == PV_OK) {
        err = raw_read_commit(raw, at);
        if (err == PV_OK) {
            *ret_index = raw->view.head.first_index;
        } else if (err == PV_ENOTFOUND ||
                   (err == PV_ECORRUPT && raw->until == UINT64_MAX)) {
            /* the end of this segment's commits */
            *ret_index = raw->until < raw->end ? raw->until : raw->end;
            err = PV_OK;
        }
    }
    return err;
}
