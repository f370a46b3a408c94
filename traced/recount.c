/*
 * recount.c - count again how many answers each grant has had, and the calls
 * of the last day, from all that was ever written, and save it: the way out
 * when `state` was lost and the oldest segments are in packs only. A tool:
 * nothing else writes meanwhile.
 */
#include "recount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/time.h"
#include "daemon/file.h"
#include "day.h"
#include "trace/log_read.h"
#include "traced.h"

static enum pv_err
on_record(void *context, const struct pv_log_item *item)
{
    struct traced          *traced = context;
    struct uses            *uses = &traced->uses;
    const struct pv_record *record = item->record;
    struct pv_slice         rest;
    struct pv_completion    completion;

    if (record == NULL) {
        return PV_EVERSION; /* of a later version: it may count */
    }
    day_count(&traced->counts, item);
    if (record->type == PV_RECORD_REQUEST && record->request.max_answered > 0) {
        uses_begin(uses, uses_key(uses, &record->request), item->leaf.index,
                   item->leaf.index, item->leaf.epoch);
        uses_forget_late(uses);
    } else if (record->type == PV_RECORD_WORKER_LOST) {
        uses_lost(uses, record->worker_lost.epoch);
    } else if (record->type == PV_RECORD_COMPLETIONS) {
        rest = record->completions;
        while (pv_record_next_completion(&rest, &completion) == PV_OK) {
            uses_end(uses, completion.of, completion.outcome);
        }
    }
    return PV_OK;
}

/* All leaves before the journal's first segment. */
static enum pv_err
count_all(struct traced *traced, int log_dirfd, struct pv_why *why)
{
    struct pv_log_query query = {.end_index = traced->journal.next_index};
    struct pv_log      *log = NULL;
    uint64_t            first;
    uint64_t            end;
    enum pv_err         err;

    err = pv_log_open(traced->journal.dirfd, log_dirfd, &log);
    if (err == PV_OK) {
        pv_log_range(log, &first, &end);
        if (first > 0 || end < query.end_index) {
            pv_why_set(why,
                       "the log does not have all records: %llu to %llu are "
                       "left; nobody can say what was answered before",
                       (unsigned long long)first, (unsigned long long)end);
            err = PV_EPRUNED;
        } else if (query.end_index > 0) { /* 0 would mean no limit */
            err = pv_log_walk(log, &query, on_record, traced);
        }
    }
    pv_log_close(log);
    return err;
}

/* The state is that of the beginning of the journal's first segment. */
static enum pv_err
first_segment(struct pv_journal *journal, struct pv_why *why)
{
    struct pv_segment_list   list;
    struct pv_segment_reader reader = {.fd = -1};
    enum pv_err              err = pv_segment_list_read(journal->dirfd, &list);

    if (err != PV_OK) {
        return err;
    }
    if (list.count == 0) {
        pv_why_set(why, "there is no segment in the journal's directory");
        err = PV_ENOTFOUND;
    } else {
        err = pv_segment_open(journal->dirfd, list.number[0], &reader);
    }
    if (err == PV_OK) {
        journal->segment = reader.head;
        journal->next_index = reader.head.first_index;
        pv_segment_close(&reader);
    }
    pv_segment_list_clear(&list);
    return err;
}

static enum pv_err
recount_into(struct traced *traced, const struct options *options,
             int log_dirfd, struct pv_why *why)
{
    struct pv_buf bytes;
    enum pv_err   err;

    pv_buf_init(&bytes, SNAPSHOT_MAX);
    err =
        pv_journal_open(options->dir, &options->journal, &traced->journal, why);
    if (err == PV_OK) {
        err = first_segment(&traced->journal, why);
    }
    if (err == PV_OK) {
        err = count_all(traced, log_dirfd, why);
    }
    if (err == PV_OK) {
        err = snapshot_fill(traced, &bytes);
    }
    if (err == PV_OK) {
        err = pv_file_replace(traced->journal.dirfd, PV_JOURNAL_STATE,
                              pv_buf_view(&bytes), PV_FILE_MODE_GROUP);
    }
    pv_buf_clear(&bytes);
    return err;
}

int
recount(struct traced *traced, const struct options *options)
{
    struct pv_why why = {""};
    enum pv_err   err = PV_ESYS;
    int           log_dirfd;

    traced->wall_ms = pv_time_wall_ms();
    traced->now_ms = pv_time_monotonic_ms();
    log_dirfd = open(options->log_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (log_dirfd != -1) {
        err = counts_init(&traced->counts);
        if (err == PV_OK) {
            err = uses_init(&traced->uses);
        }
        if (err == PV_OK) {
            err = recount_into(traced, options, log_dirfd, &why);
        }
        (void)close(log_dirfd); /* read-only: nothing to lose */
    }
    if (err != PV_OK) {
        (void)fprintf(stderr, "payvand-traced: %s\n", /* as the exit code */
                      why.text[0] != '\0' ? why.text
                      : err == PV_ESYS    ? strerror(errno)
                                          : pv_err_text(err));
        return 1;
    }
    return printf("grants=%u open=%u records=%llu\n", traced->uses.use_count,
                  traced->uses.open_count,
                  (unsigned long long)traced->journal.next_index) < 0
               ? 1
               : 0;
}
