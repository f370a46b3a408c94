/*
 * day.c - today's calls, counted again from the log when the saved state was
 * lost and the oldest segments are in packs only. Without them a daily maximum
 * would begin anew in the middle of the day.
 */
#include "day.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/time.h"

void
day_count(struct counts *counts, const struct pv_log_item *item)
{
    const struct pv_record *record = item->record;
    struct pv_slice         rest;
    struct pv_completion    completion;
    uint32_t                key = COUNT_NONE;

    if (record->type == PV_RECORD_REQUEST && record->request.reason.len == 0) {
        counts_begin(counts);
        counts_gather(counts, &record->request, &key);
        counts_find(counts);
        counts_add(counts, key, item->leaf.index);
    } else if (record->type == PV_RECORD_COMPLETIONS) {
        rest = record->completions;
        while (pv_record_next_completion(&rest, &completion) == PV_OK) {
            if (completion.forwarded_ms == 0) { /* no provider was reached */
                counts_take_back(counts, completion.of);
            }
        }
    }
}

static enum pv_err
on_record(void *context, const struct pv_log_item *item)
{
    struct traced *traced = context;

    if (item->record != NULL) { /* else of a later version, and no call */
        day_count(&traced->counts, item);
    }
    return PV_OK;
}

/* PV_EPRUNED: records of today may stand before those that can be read. */
static enum pv_err
count_before(struct traced *traced, struct pv_log *log, uint64_t journal_first)
{
    int64_t day = pv_time_tehran_day(traced->wall_ms);
    /* a call's own time and its record's are so far apart at most */
    struct pv_log_query query = {
        .from_ms = day * PV_DAY_MS - PV_TEHRAN_OFFSET_MS - PV_WIRE_SKEW_MAX_MS,
        .end_index = journal_first,
    };
    struct pv_log_leaf leaf;
    uint64_t           first;
    uint64_t           end;
    enum pv_err        err = PV_OK;

    pv_log_range(log, &first, &end);
    if (first > 0) {
        err = pv_log_leaf(log, first, &leaf);
        if (err == PV_ENOTFOUND ||
            (err == PV_OK && leaf.written_ms >= query.from_ms)) {
            err = PV_EPRUNED;
        }
    }
    if (err == PV_OK && end < journal_first) {
        err = PV_EPRUNED;
    }
    return err == PV_OK ? pv_log_walk(log, &query, on_record, traced) : err;
}

enum pv_err
day_recount(struct traced *traced, const char *log_dir, uint64_t journal_first,
            struct pv_why *why)
{
    struct pv_log *log = NULL;
    int            log_dirfd = -1;
    enum pv_err    err;

    if (log_dir != NULL) {
        log_dirfd = open(log_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (log_dirfd == -1) {
            pv_why_set(why, "cannot open the log directory %s: %s", log_dir,
                       strerror(errno));
            return PV_ESYS;
        }
    }
    err = pv_log_open(traced->journal.dirfd, log_dirfd, &log);
    if (err == PV_OK) {
        err = count_before(traced, log, journal_first);
    }
    if (err != PV_OK) {
        pv_why_set(why,
                   "`state` was lost, and today's calls before leaf %llu, the "
                   "first one of the journal, cannot be counted again (%s): "
                   "daily maxima would begin anew. Restore `state` from a copy "
                   "or the packs of today; or start once with "
                   "--counts-from-journal and let them begin anew",
                   (unsigned long long)journal_first, pv_err_text(err));
    }
    pv_log_close(log);
    if (log_dirfd != -1) {
        (void)close(log_dirfd); /* read-only: nothing to lose */
    }
    return err;
}
