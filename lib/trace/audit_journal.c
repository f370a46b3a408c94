/* audit_journal.c - the raw journal: records, and what stands between. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "trace/audit_private.h"
#include "trace/journal_read.h"

#define HEAD_USED 256 /* journal.h; its CRC covers so much */

/* ---- what stands between: zeros ------------------------------------------ */

#define ROOM_LEN 65536

/* The bytes of a file from one offset to another are zeros. */
static enum pv_err
check_zeros(struct audit *audit, const struct pv_segment_reader *reader,
            uint64_t from, uint64_t to)
{
    static const uint8_t zero[ROOM_LEN];
    uint8_t              room[ROOM_LEN];
    char                 file[PV_SEGMENT_NAME_LEN + 1];

    while (from < to) {
        size_t  len = to - from < ROOM_LEN ? (size_t)(to - from) : ROOM_LEN;
        ssize_t n = pread(reader->fd, room, len, (off_t)from);

        if (n <= 0) {
            return n == 0 ? PV_ECORRUPT : PV_ESYS;
        }
        if (memcmp(room, zero, (size_t)n) != 0) {
            pv_segment_name(reader->head.number, file);
            audit_found(audit, "journal-gap", file, from,
                        "bytes %llu to %llu are between what was written and "
                        "are not zeros",
                        (unsigned long long)from, (unsigned long long)to - 1);
            return PV_OK;
        }
        from += (uint64_t)n;
    }
    return PV_OK;
}

/* Behind each frame of a commit, and behind the commit. */
static enum pv_err
check_commit(struct audit *audit, const struct pv_segment_reader *reader,
             const struct pv_commit_view *view)
{
    struct pv_frame frame;
    size_t          next = 0;
    enum pv_err     err = PV_OK;

    while (err == PV_OK &&
           pv_commit_next_frame(view->bytes, &next, &frame) == PV_OK) {
        size_t end =
            (size_t)(frame.records.ptr - view->bytes.ptr) + frame.records.len;

        if (next > view->bytes.len) {
            next = view->bytes.len; /* the last one's are the commit's */
        }
        err = check_zeros(audit, reader, view->at + end, view->at + next);
    }
    return err == PV_OK ? check_zeros(audit, reader, view->at + view->head.len,
                                      view->next)
                        : err;
}

/* A torn or failed end may have left anything behind it. */
static enum pv_err
check_segment(struct audit *audit, uint64_t number, bool dirty_end)
{
    struct pv_segment_reader reader;
    struct pv_commit_view    view;
    uint64_t                 at = PV_SEGMENT_HEAD_LEN;
    enum pv_err              err =
        pv_segment_open(audit->ask->journal_dirfd, number, &reader);

    if (err != PV_OK) {
        return err;
    }
    err = check_zeros(audit, &reader, HEAD_USED, PV_SEGMENT_HEAD_LEN);
    while (err == PV_OK &&
           pv_segment_commit(&reader, at, &view, NULL) == PV_OK) {
        err = check_commit(audit, &reader, &view);
        at = view.next;
    }
    if (err == PV_OK && !dirty_end) {
        err = check_zeros(audit, &reader, at, reader.size);
    }
    pv_segment_close(&reader);
    return err;
}

/* Was the segment's end left by a crash or a failed write? */
static enum pv_err
has_dirty_end(struct audit *audit, const struct pv_segment_list *list, size_t i,
              uint64_t torn_number, bool *ret)
{
    struct pv_segment_reader next;
    enum pv_err              err;

    *ret = list->number[i] == torn_number;
    if (*ret || i + 1 == list->count) {
        return PV_OK;
    }
    err =
        pv_segment_open(audit->ask->journal_dirfd, list->number[i + 1], &next);
    if (err == PV_OK) {
        *ret = next.head.why == PV_SEGMENT_TORN ||
               next.head.why == PV_SEGMENT_FAILED;
        pv_segment_close(&next);
    }
    return err;
}

static enum pv_err
check_gaps(struct audit *audit, uint64_t torn_number)
{
    struct pv_segment_list list;
    bool                   dirty_end = false;
    enum pv_err err = pv_segment_list_read(audit->ask->journal_dirfd, &list);

    if (err != PV_OK) {
        return err;
    }
    for (size_t i = 0; err == PV_OK && i < list.count; i++) {
        err = has_dirty_end(audit, &list, i, torn_number, &dirty_end);
        if (err == PV_OK) {
            err = check_segment(audit, list.number[i], dirty_end);
        }
    }
    pv_segment_list_clear(&list);
    return err;
}

/* ---- records --------------------------------------------------------------
 */

struct journal_walk {
    struct audit *audit;
    bool          begun;
    uint64_t      first; /* of the journal's records */
};

static enum pv_err
on_frame(void *context, const struct pv_frame *frame, int64_t time_ms)
{
    struct journal_walk *walk = context;
    struct pv_slice      records = frame->records;
    struct pv_slice      line;
    uint64_t             index = frame->first_index;

    (void)time_ms; /* the order of times is recovery's to check */
    if (!walk->begun) {
        walk->begun = true;
        walk->first = index;
    }
    for (; pv_frame_next_record(&records, &line) == PV_OK; index++) {
        enum pv_err err = audit_leaf(walk->audit, AUDIT_JOURNAL, index, line);

        if (err != PV_OK) {
            return err;
        }
        if (index >= walk->audit->ask->size) {
            walk->audit->ask->unsigned_count++;
        }
    }
    return PV_OK;
}

enum pv_err
audit_journal(struct audit *audit)
{
    struct journal_walk walk = {.audit = audit};
    struct pv_journal   journal = {.fd = -1, .lockfd = -1, .next_commit = 1};
    struct pv_recovery  recovery = {.verify_len = UINT64_MAX,
                                    .check_only = true,
                                    .on_frame = on_frame,
                                    .context = &walk};
    struct pv_why       why = {""};
    enum pv_err         err;

    if (audit->ask->journal_dirfd == -1) {
        return PV_OK;
    }
    journal.dirfd = fcntl(audit->ask->journal_dirfd, F_DUPFD_CLOEXEC, 0);
    if (journal.dirfd == -1) {
        return PV_ESYS;
    }
    err = pv_journal_recover(&journal, &recovery, &why);
    pv_journal_close(&journal);
    if (err == PV_OK) {
        err = check_gaps(audit, recovery.torn_number);
    }
    if (err == PV_ECORRUPT || err == PV_EVERSION) {
        audit_found(audit, "journal-damaged", AUDIT_JOURNAL, audit->seen_end,
                    "%s", why.text);
        err = PV_OK;
    }
    if (err == PV_OK && walk.begun && walk.first > audit->packed_end) {
        audit_found(audit, "leaves-missing", AUDIT_JOURNAL, audit->packed_end,
                    "leaves %llu to %llu are neither in a pack nor in the "
                    "journal",
                    (unsigned long long)audit->packed_end,
                    (unsigned long long)walk.first - 1);
    }
    return err;
}
