/* journal_recover.c - making a writer ready to go on behind what is there. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "trace/journal_private.h"

struct walk {
    struct pv_journal  *journal;
    struct pv_recovery *recovery;
    struct pv_why      *why;
    uint64_t            last_at; /* of the last commit in the last segment */
    size_t              last_len;
};

static enum pv_err
damaged(struct walk *walk, uint64_t number, uint64_t at, const char *what)
{
    char name[PV_SEGMENT_NAME_LEN + 1];

    pv_segment_name(number, name);
    pv_why_set(walk->why,
               "damage in the journal: %s at offset %llu: %s; nothing was "
               "changed. Restore this file from a copy, or move the journal "
               "away and keep it as evidence",
               name, (unsigned long long)at, what);
    return PV_ECORRUPT;
}

static enum pv_err
failed(struct walk *walk, uint64_t number, enum pv_err err)
{
    char name[PV_SEGMENT_NAME_LEN + 1];

    pv_segment_name(number, name);
    if (err == PV_ECORRUPT || err == PV_EVERSION) {
        pv_why_set(walk->why,
                   "damage in the journal: %s at offset 0: its head does not "
                   "read (%s)",
                   name, pv_err_text(err));
    } else {
        pv_why_set(walk->why, "cannot read the segment %s: %s%s%s", name,
                   pv_err_text(err), err == PV_ESYS ? ": " : "",
                   err == PV_ESYS ? strerror(errno) : "");
    }
    return err;
}

/* Hand the frames of a commit on. */
static enum pv_err
walk_frames(struct walk *walk, uint64_t number,
            const struct pv_commit_view *view)
{
    struct pv_frame frame;
    size_t          at = 0;
    enum pv_err     err;

    while ((err = pv_commit_next_frame(view->bytes, &at, &frame)) == PV_OK) {
        walk->recovery->frame_count++;
        if (walk->recovery->on_frame != NULL &&
            number >= walk->recovery->from_number) {
            err = walk->recovery->on_frame(walk->recovery->context, &frame,
                                           view->head.time_ms);
            if (err == PV_ECORRUPT) {
                return damaged(walk, number, view->at,
                               "a record of this commit is not of the closed "
                               "list, or a later program's");
            }
            if (err != PV_OK) {
                return failed(walk, number, err);
            }
        }
    }
    return err == PV_ENOTFOUND ? PV_OK : err;
}

/*
 * Commits from the start of a segment up to end (0: up to what reads). Gives
 * PV_ENOTFOUND at zeros, PV_ECORRUPT at something else, PV_OK at end.
 */
static enum pv_err
walk_segment(struct walk *walk, struct pv_segment_reader *reader, uint64_t end)
{
    struct pv_journal    *journal = walk->journal;
    struct pv_commit_view view;
    uint64_t              number = reader->head.number;
    uint64_t              bad = 0;
    enum pv_err           err;

    journal->at = PV_SEGMENT_HEAD_LEN;
    while (end == 0 || journal->at < end) {
        err = pv_segment_commit(reader, journal->at, &view, &bad);
        if (err == PV_ESYS) {
            return failed(walk, number, err);
        }
        if (err != PV_OK) {
            if (end != 0) {
                return damaged(walk, number,
                               err == PV_ECORRUPT ? bad : journal->at,
                               "a commit that was acknowledged does not read");
            }
            return err;
        }
        if (view.head.number != journal->next_commit ||
            view.head.first_index != journal->next_index ||
            view.head.before_crc != journal->last_crc ||
            view.head.time_ms < journal->time_ms) {
            return damaged(walk, number, journal->at,
                           "a commit does not follow the one before it");
        }
        err = walk_frames(walk, number, &view);
        if (err != PV_OK) {
            return err;
        }
        journal->next_commit++;
        journal->next_index += view.head.leaf_count;
        journal->last_crc = view.head.head_crc;
        journal->time_ms = view.head.time_ms;
        journal->marked = view.head.frame_count == 0;
        walk->last_at = journal->at;
        walk->last_len = view.head.len;
        journal->at = view.next;
    }
    return journal->at == end
               ? PV_OK
               : damaged(walk, number, end, "a commit reaches over the end");
}

/* Start from what a segment's head says of all before it. */
static void
begin_at(struct pv_journal *journal, const struct pv_segment_head *head)
{
    journal->next_index = head->first_index;
    journal->next_commit = head->first_commit;
    journal->last_crc = head->before_crc;
    journal->time_ms = head->made_ms;
}

/*
 * Behind the last commit that reads, in the last segment: zeros, or one torn
 * commit, or damage. Law and reasons: journal.h.
 */
static enum pv_err
judge_tail(struct walk *walk, struct pv_segment_reader *reader, bool *ret_torn)
{
    struct pv_journal    *journal = walk->journal;
    uint64_t              at = journal->at;
    uint64_t              last = 0; /* behind the last byte that is not 0 */
    struct pv_commit_head head;
    uint64_t              found;
    enum pv_err           err;

    for (uint64_t from = at; from < reader->size; from += SEGMENT_SCAN_CHUNK) {
        uint64_t len = reader->size - from < SEGMENT_SCAN_CHUNK
                           ? reader->size - from
                           : SEGMENT_SCAN_CHUNK;

        err = segment_read_at(reader->fd, reader->buf, (size_t)len, from);
        if (err != PV_OK) {
            return failed(walk, reader->head.number, err);
        }
        if (reader->buf[0] == 0 &&
            memcmp(reader->buf, reader->buf + 1, (size_t)len - 1) == 0) {
            continue; /* all zeros */
        }
        while (reader->buf[len - 1] == 0) {
            len--;
        }
        last = from + len;
    }
    if (last == 0) {
        *ret_torn = false;
        return PV_OK;
    }
    found = at + reader->head.align;
    while ((err = segment_find_head(reader, found, reader->size, false, &head,
                                    &found)) == PV_OK) {
        if (head.number > journal->next_commit) {
            return damaged(walk, reader->head.number, at,
                           "a commit does not read, and later ones do");
        }
        found += reader->head.align;
    }
    if (err != PV_ENOTFOUND) {
        return failed(walk, reader->head.number, err);
    }
    if (last > at + PV_COMMIT_LEN_MAX) {
        return damaged(walk, reader->head.number, at,
                       "bytes stand where no torn commit can have put them");
    }
    walk->recovery->torn_number = reader->head.number;
    walk->recovery->torn_at = at;
    *ret_torn = true;
    return PV_OK;
}

/* Write the last commit's own bytes once more and sync them. */
static enum pv_err
make_durable(struct walk *walk, struct pv_segment_reader *reader)
{
    struct pv_journal *journal = walk->journal;
    size_t             len = walk->last_len;
    enum pv_err        err = PV_OK;

    if (len > 0) {
        err = segment_read_at(reader->fd, reader->buf, len, walk->last_at);
    }
    if (err == PV_OK && len > 0) {
        uint8_t *bytes = reader->buf;
        uint64_t at = walk->last_at;

        while (len > 0) {
            ssize_t n = pwrite(journal->fd, bytes, len, (off_t)at);

            if (n == -1 && errno == EINTR) {
                continue;
            }
            if (n <= 0) {
                err = PV_ESYS;
                break;
            }
            bytes += n;
            at += (uint64_t)n;
            len -= (size_t)n;
        }
    }
    if (err == PV_OK && fdatasync(journal->fd) == -1) {
        err = PV_ESYS;
    }
    if (err == PV_OK && fsync(journal->dirfd) == -1) {
        err = PV_ESYS;
    }
    if (err != PV_OK) {
        pv_why_set(walk->why, "cannot write the end of the journal again: %s",
                   strerror(errno));
    }
    return err;
}

/* Open the last segment for writing behind its last commit. */
static enum pv_err
go_on(struct walk *walk, struct pv_segment_reader *reader, bool torn)
{
    struct pv_journal *journal = walk->journal;
    char               name[PV_SEGMENT_NAME_LEN + 1];
    enum pv_err        err;

    pv_segment_name(reader->head.number, name);
    journal->fd = openat(journal->dirfd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (journal->fd == -1) {
        pv_why_set(walk->why, "cannot open %s for writing: %s", name,
                   strerror(errno));
        return PV_ESYS;
    }
    err = make_durable(walk, reader);
    if (err == PV_OK) {
        pv_journal_go_direct(journal);
    }
    if (err != PV_OK || !torn) {
        return err;
    }
    err = pv_journal_next(journal, -1, PV_SEGMENT_TORN);
    if (err != PV_OK) {
        pv_why_set(walk->why,
                   "cannot begin a segment behind the torn end of %s: %s", name,
                   strerror(errno));
    }
    return err;
}

/* Check that b follows a, by their heads alone. */
static enum pv_err
check_heads(struct walk *walk, const struct pv_segment_head *a,
            const struct pv_segment_head *b)
{
    if (b->number != a->number + 1) {
        char name[PV_SEGMENT_NAME_LEN + 1];

        pv_segment_name(a->number + 1, name);
        pv_why_set(walk->why,
                   "damage in the journal: the segment %s is missing", name);
        return PV_ECORRUPT;
    }
    if (b->first_index < a->first_index || b->first_commit < a->first_commit ||
        b->made_ms < a->made_ms || b->before_end < PV_SEGMENT_HEAD_LEN ||
        b->before_end > a->size || b->why == PV_SEGMENT_FIRST ||
        memcmp(a->journal_id, b->journal_id, PV_JOURNAL_ID_LEN) != 0) {
        return damaged(walk, b->number, 0,
                       "the segment does not follow the one before it");
    }
    return PV_OK;
}

/* The first segment may be missing only where that was written down. */
static enum pv_err
check_first(struct walk *walk, uint64_t number)
{
    char            text[PV_U64_TEXT_MAX + 1];
    char            name[PV_SEGMENT_NAME_LEN + 1];
    struct pv_slice line;
    struct pv_slice rest;
    uint64_t        removed = 1;
    ssize_t         len = 0;
    int             fd;

    fd = openat(walk->journal->dirfd, PV_JOURNAL_REMOVED,
                O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd == -1 && errno != ENOENT) {
        return PV_ESYS;
    }
    if (fd != -1) {
        len = read(fd, text, sizeof(text));
        (void)close(fd); /* read-only: nothing to lose */
        if (len < 0 ||
            !pv_slice_cut((struct pv_slice){text, (size_t)len}, '\n', &line,
                          &rest) ||
            pv_slice_to_u64(line, PV_SEGMENT_NUMBER_MAX, &removed) != PV_OK) {
            pv_why_set(walk->why,
                       "damage in the journal: the file " PV_JOURNAL_REMOVED
                       " does not read");
            return PV_ECORRUPT;
        }
    }
    if (number > removed) {
        pv_segment_name(removed, name);
        pv_why_set(
            walk->why,
            "damage in the journal: the segment %s is missing; it was "
            "removed behind our back. Restore it from a copy; or, when "
            "somebody decided to remove it, write the number of the "
            "first segment that is left into the file " PV_JOURNAL_REMOVED,
            name);
        return PV_ECORRUPT;
    }
    return PV_OK;
}

/* Read all heads; ret_head has list->count items. */
static enum pv_err
read_heads(struct walk *walk, const struct pv_segment_list *list,
           struct pv_segment_head *head)
{
    struct pv_segment_reader reader;
    enum pv_err              err;

    for (size_t i = 0; i < list->count; i++) {
        err = pv_segment_open(walk->journal->dirfd, list->number[i], &reader);
        if (err != PV_OK) {
            return failed(walk, list->number[i], err);
        }
        head[i] = reader.head;
        pv_segment_close(&reader);
        if (i > 0) {
            err = check_heads(walk, &head[i - 1], &head[i]);
            if (err != PV_OK) {
                return err;
            }
        }
    }
    return PV_OK;
}

/* The first segment that is read in full. */
static size_t
choose_first(const struct pv_recovery     *recovery,
             const struct pv_segment_head *head, size_t count)
{
    uint64_t len = 0;
    size_t   first = count - 1;

    while (first > 0) {
        bool needed = head[first].number > recovery->from_number;

        len += head[first].size;
        if (len >= recovery->verify_len && !needed && count - first >= 2) {
            break;
        }
        first--;
    }
    return first;
}

static enum pv_err
walk_all(struct walk *walk, const struct pv_segment_list *list,
         const struct pv_segment_head *head)
{
    struct pv_journal       *journal = walk->journal;
    struct pv_segment_reader reader = {.fd = -1};
    size_t      first = choose_first(walk->recovery, head, list->count);
    bool        torn = false;
    enum pv_err err = PV_OK;

    begin_at(journal, &head[first]);
    for (size_t i = first; i < list->count; i++) {
        bool last = i + 1 == list->count;

        if (head[i].first_index != journal->next_index ||
            head[i].first_commit != journal->next_commit ||
            head[i].before_crc != journal->last_crc ||
            head[i].made_ms < journal->time_ms) {
            return damaged(walk, head[i].number, 0,
                           "the segment does not go on where the one before "
                           "it ends");
        }
        err = pv_segment_open(journal->dirfd, list->number[i], &reader);
        if (err != PV_OK) {
            return failed(walk, list->number[i], err);
        }
        pv_segment_forget_cached(&reader, 0, reader.size);
        journal->time_ms = head[i].made_ms;
        journal->marked = true;
        walk->last_len = 0;
        walk->recovery->read_count++;
        err = walk_segment(walk, &reader, last ? 0 : head[i + 1].before_end);
        if (last && (err == PV_ENOTFOUND ||
                     (err == PV_ECORRUPT && walk->why->text[0] == '\0'))) {
            err = judge_tail(walk, &reader, &torn);
            journal->segment = head[i];
            if (err == PV_OK && !walk->recovery->check_only) {
                err = go_on(walk, &reader, torn);
            }
        }
        pv_segment_close(&reader);
        if (err != PV_OK) {
            return err;
        }
    }
    return err;
}

static enum pv_err
begin_first(struct walk *walk)
{
    struct pv_journal *journal = walk->journal;
    enum pv_err        err;

    if (walk->recovery->check_only) {
        return PV_OK;
    }
    journal->time_ms = walk->recovery->now_ms;
    err = pv_journal_next(journal, -1, PV_SEGMENT_FIRST);
    if (err != PV_OK) {
        pv_why_set(walk->why, "cannot make the first segment: %s",
                   strerror(errno));
    }
    return err;
}

enum pv_err
pv_journal_recover(struct pv_journal *journal, struct pv_recovery *recovery,
                   struct pv_why *why)
{
    struct pv_why           own_why;
    struct walk             walk = {.journal = journal,
                                    .recovery = recovery,
                                    .why = why == NULL ? &own_why : why};
    struct pv_segment_list  list = {NULL, 0};
    struct pv_segment_head *head = NULL;
    enum pv_err             err;

    walk.why->text[0] = '\0';
    recovery->segment_count = 0;
    recovery->read_count = 0;
    recovery->frame_count = 0;
    recovery->torn_number = 0;
    if (!recovery->check_only &&
        unlinkat(journal->dirfd, PV_SEGMENT_SPARE, 0) == -1 &&
        errno != ENOENT) {
        pv_why_set(walk.why, "cannot remove " PV_SEGMENT_SPARE ": %s",
                   strerror(errno));
        return PV_ESYS;
    }
    err = pv_segment_list_read(journal->dirfd, &list);
    if (err != PV_OK) {
        pv_why_set(walk.why, "cannot list the journal directory: %s",
                   pv_err_text(err));
        return err;
    }
    recovery->segment_count = list.count;
    if (list.count == 0) {
        err = begin_first(&walk);
        goto out;
    }
    head = calloc(list.count, sizeof(*head));
    if (head == NULL) {
        err = PV_ENOMEM;
        goto out;
    }
    err = check_first(&walk, list.number[0]);
    if (err == PV_OK) {
        err = read_heads(&walk, &list, head);
    }
    if (err == PV_OK && !recovery->check_only &&
        (head[0].node_len != journal->segment.node_len ||
         memcmp(head[0].node, journal->segment.node, head[0].node_len) != 0)) {
        pv_why_set(walk.why, "the journal belongs to the node %.*s",
                   (int)head[0].node_len, head[0].node);
        err = PV_EINVAL;
    }
    if (err == PV_OK) {
        err = walk_all(&walk, &list, head);
    }
out:
    free(head);
    pv_segment_list_clear(&list);
    return err;
}
