/* follow.c - reading the journal behind its writer. */
#include "follow.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define WINDOW ((size_t)PV_COMMIT_LEN_MAX + PV_COMMIT_ALIGN_MAX)

static void
enter(struct follow *follow, struct pv_segment_reader *reader)
{
    pv_segment_close(&follow->reader);
    follow->reader = *reader;
    follow->at = PV_SEGMENT_HEAD_LEN;
    follow->next_index = reader->head.first_index;
    follow->next_commit = reader->head.first_commit;
    follow->last_crc = reader->head.before_crc;
    follow->end = 0;
    follow->window_at = follow->at;
    follow->window_len = 0;
    /* pages read ahead would be old when their turn comes; a hint */
    (void)posix_fadvise(reader->fd, 0, 0, POSIX_FADV_RANDOM);
}

enum pv_err
follow_open(struct follow *follow, int dirfd, const struct log_state *state,
            uint64_t index)
{
    struct pv_segment_list   list = {NULL, 0};
    struct pv_segment_reader reader = {.fd = -1};
    enum pv_err              err = pv_segment_list_read(dirfd, &list);
    size_t                   i = list.count;

    if (err != PV_OK) {
        return err;
    }
    memset(follow, 0, sizeof(*follow));
    follow->reader.fd = -1;
    follow->dirfd = dirfd;
    follow->state = state;
    err = PV_ENOTFOUND;
    while (i > 0) {
        err = pv_segment_open(dirfd, list.number[--i], &reader);
        if (err != PV_OK || reader.head.first_index <= index) {
            break;
        }
        pv_segment_close(&reader);
        err = PV_ENOTFOUND;
    }
    pv_segment_list_clear(&list);
    if (err == PV_OK) {
        enter(follow, &reader);
    }
    return err;
}

void
follow_close(struct follow *follow)
{
    pv_segment_close(&follow->reader);
}

/*
 * Where the durable commits of this segment end. A segment with a successor
 * ends where that says: what a failed write left behind is not looked at.
 */
static enum pv_err
find_end(struct follow *follow, uint64_t *ret_end, bool *ret_ended)
{
    struct pv_segment_reader next;
    uint64_t                 place = state_get(&follow->state->durable_place);
    enum pv_err              err;

    if (follow->end == 0 &&
        place >> STATE_PLACE_BITS < follow->reader.head.number) {
        *ret_end = follow->at; /* it was begun, and no commit is in it yet */
        *ret_ended = false;
        return PV_OK;
    }
    if (follow->end == 0 &&
        place >> STATE_PLACE_BITS == follow->reader.head.number) {
        *ret_end = (place & STATE_PLACE_MASK) * PV_COMMIT_ALIGN_MIN;
        *ret_ended = false;
        return PV_OK;
    }
    if (follow->end == 0) {
        err = pv_segment_open(follow->dirfd, follow->reader.head.number + 1,
                              &next);
        if (err != PV_OK) {
            return err == PV_ENOTFOUND ? PV_ECORRUPT : err;
        }
        follow->end = next.head.before_end;
        pv_segment_close(&next);
    }
    *ret_end = follow->end;
    *ret_ended = true;
    return PV_OK;
}

/* Bytes from ->at on, as many as fit before end. */
static enum pv_err
fill(struct follow *follow, uint64_t end, bool anew)
{
    uint64_t len = end - follow->at < WINDOW ? end - follow->at : WINDOW;
    size_t   have = 0;

    if (anew) {
        uint64_t page = follow->at & ~(uint64_t)(PV_COMMIT_ALIGN_MAX - 1);

        /* the writer goes past the page cache; ask the disk; a hint */
        (void)posix_fadvise(follow->reader.fd, (off_t)page,
                            (off_t)(follow->at + len - page),
                            POSIX_FADV_DONTNEED);
    }
    while (have < len) {
        ssize_t n = pread(follow->reader.fd, follow->reader.buf + have,
                          (size_t)len - have, (off_t)(follow->at + have));

        if (n == -1 && errno == EINTR) {
            continue;
        }
        if (n == -1) {
            return PV_ESYS;
        }
        if (n == 0) {
            break;
        }
        have += (size_t)n;
    }
    follow->window_at = follow->at;
    follow->window_len = have;
    return PV_OK;
}

/* The commit at ->at, from the window. PV_EAGAIN: not all of it is there. */
static enum pv_err
take(struct follow *follow, struct pv_commit_view *ret_view)
{
    size_t         skip = (size_t)(follow->at - follow->window_at);
    size_t         have = follow->window_len - skip;
    const uint8_t *bytes = follow->reader.buf + skip;
    uint64_t       align = follow->reader.head.align;
    enum pv_err    err;

    if (follow->window_len < skip + PV_COMMIT_HEAD_LEN) {
        return PV_EAGAIN;
    }
    err = pv_commit_head_read(bytes, &ret_view->head);
    if (err != PV_OK) {
        return PV_ECORRUPT;
    }
    if (have < ret_view->head.len) {
        return PV_EAGAIN;
    }
    ret_view->bytes =
        (struct pv_slice){(const char *)bytes, ret_view->head.len};
    err = pv_commit_check(ret_view->bytes, &ret_view->head, NULL);
    if (err != PV_OK || ret_view->head.number != follow->next_commit ||
        ret_view->head.first_index != follow->next_index ||
        ret_view->head.before_crc != follow->last_crc) {
        return PV_ECORRUPT;
    }
    ret_view->at = follow->at;
    ret_view->next =
        (follow->at + ret_view->head.len + align - 1) & ~(align - 1);
    return PV_OK;
}

static enum pv_err
read_commit(struct follow *follow, uint64_t end,
            struct pv_commit_view *ret_view)
{
    enum pv_err err = take(follow, ret_view);

    for (int tries = 0; tries < 2 && err != PV_OK; tries++) {
        err = fill(follow, end, tries > 0);
        if (err != PV_OK) {
            return err;
        }
        err = take(follow, ret_view);
    }
    if (err != PV_OK || ret_view->next > end) {
        return PV_ECORRUPT;
    }
    follow->at = ret_view->next;
    follow->next_index += ret_view->head.leaf_count;
    follow->next_commit++;
    follow->last_crc = ret_view->head.head_crc;
    return PV_OK;
}

enum pv_err
follow_next(struct follow *follow, struct pv_commit_view *ret_view)
{
    for (;;) {
        struct pv_segment_reader next;
        uint64_t                 index = follow->next_index;
        uint64_t                 end = 0;
        bool                     ended = false;
        enum pv_err              err = find_end(follow, &end, &ended);

        if (err != PV_OK) {
            return err;
        }
        if (follow->at < end) {
            return read_commit(follow, end, ret_view);
        }
        if (!ended) {
            return PV_ENOTFOUND;
        }
        err = pv_segment_open(follow->dirfd, follow->reader.head.number + 1,
                              &next);
        if (err != PV_OK) {
            return err == PV_ENOTFOUND ? PV_ECORRUPT : err;
        }
        if (follow->at != end || next.head.first_index != index ||
            next.head.first_commit != follow->next_commit ||
            next.head.before_crc != follow->last_crc) {
            pv_segment_close(&next);
            return PV_ECORRUPT;
        }
        enter(follow, &next);
    }
}
