/*
 * log_read.h - reading the stored log: sealed packs and behind them the raw
 * segments of the journal, as one row of leaves 0, 1, 2 ... A leaf is a
 * record's line (record.h).
 *
 * Reading needs read permission and takes no lock; it goes on beside the live
 * writers. Nothing is kept but a few bundles and one open file of each kind:
 * memory does not grow with the log.
 *
 * Ownership: the two directories stay the caller's and must stay open. What a
 *            function gives in ret_x or in an item is borrowed until the next
 *            call on the same log, unless it says otherwise.
 * Threads:   one at a time on one log; open one for each thread.
 * Blocks:    on the disk.
 * Errors:    PV_ESYS, PV_ENOMEM, PV_ECORRUPT (stored bytes are not what was
 *            written) and PV_EVERSION may come from every function below.
 *            PV_EPRUNED: the leaf was removed by a decision; its hash is kept
 *            in the tree. PV_ENOTFOUND: no such leaf.
 *
 * What the journal holds is not all on disk: a commit can be read before its
 * fdatasync has returned. Whoever must not see one too early (all but tools on
 * a log at rest) sets the end that payvand-traced gives (pv_log_set_end).
 */
#ifndef PV_TRACE_LOG_READ_H
#define PV_TRACE_LOG_READ_H

#include "base/buf.h"
#include "trace/bundle.h"
#include "trace/record.h"

struct pv_log;

/*
 * log_dirfd -1: the journal alone; journal_dirfd -1: the packs alone. A log
 * without a single leaf opens well.
 */
enum pv_err pv_log_open(int journal_dirfd, int log_dirfd,
                        struct pv_log **ret_log) PV_MUST_CHECK;
void        pv_log_close(struct pv_log *log);

/*
 * See what came since: new leaves, segments, packs, prunings. With an end set,
 * only what is new up to there is read, so set it first.
 */
enum pv_err pv_log_refresh(struct pv_log *log) PV_MUST_CHECK;

/*
 * Leaves from end on are not there for this reader; those before it are known
 * to be on disk. UINT64_MAX: no limit.
 */
void pv_log_set_end(struct pv_log *log, uint64_t end);

/*
 * What can be read: leaves *ret_first to *ret_end - 1. All before first are
 * pruned (or, without a log directory, no longer in the journal).
 */
void pv_log_range(const struct pv_log *log, uint64_t *ret_first,
                  uint64_t *ret_end);

/* What the journal knows of a leaf beside its line. */
struct pv_log_leaf {
    uint64_t        index;
    uint64_t        epoch; /* of the worker's frame; 0: payvand-traced's own */
    int64_t         written_ms; /* when its commit was written; never back */
    struct pv_slice line;
};

/* One leaf; PV_ENOTFOUND at and behind the end. */
enum pv_err pv_log_leaf(struct pv_log *log, uint64_t index,
                        struct pv_log_leaf *ret_leaf) PV_MUST_CHECK;

/*
 * The first width entries of bundle n, as tlog-tiles has them, added to out.
 * PV_ENOTFOUND: there are not that many yet.
 */
enum pv_err pv_log_bundle(struct pv_log *log, uint64_t n, unsigned width,
                          struct pv_buf *out) PV_MUST_CHECK;

/* The same, with what pv_bundle has beside the entries. */
enum pv_err pv_log_view(struct pv_log *log, uint64_t n,
                        const struct pv_bundle **ret_bundle) PV_MUST_CHECK;

/* ---- one request (log_find.c) ------------------------------------------ */

#define PV_TRACE_CALL_MAX_MS INT64_C(600000) /* no call is open for longer */
#define PV_TRACE_LATE_MS INT64_C(60000)      /* a lost worker may still speak */

enum pv_trace_state {
    PV_TRACE_RECEIVED = 1, /* recorded; no end of it is recorded yet */
    PV_TRACE_DECIDED,      /* decided against; see decision and reason */
    PV_TRACE_DONE,         /* see the completion */
    PV_TRACE_UNKNOWN,      /* its worker was lost, or no end was recorded */
};

struct pv_trace_found { /* owns all it holds */
    enum pv_trace_state  state;
    uint64_t             index;
    uint64_t             epoch;
    int64_t              written_ms;       /* when its commit was written */
    struct pv_record     record;           /* its slices point into ->line */
    struct pv_completion completion;       /* when DONE */
    uint64_t             completion_index; /* its leaf; when DONE */
    size_t               line_len;
    char                 line[PV_RECORD_MAX];
};

/*
 * Find one request by the time in its id, without an index: its commit was
 * written within PV_WIRE_SKEW_MAX_MS of that. PV_ENOTFOUND. PV_EPRUNED: its
 * time is in a part of the log that was removed. A completion past the end
 * (pv_log_set_end) is not seen: the state is then RECEIVED.
 */
enum pv_err pv_log_find(struct pv_log *log, const struct pv_tracking_id *id,
                        int64_t                now_ms,
                        struct pv_trace_found *ret_found) PV_MUST_CHECK;

/*
 * The same among the newest commits alone, which were passed by refreshing
 * since the log was opened: cheap. PV_ENOTFOUND says nothing of the others.
 */
enum pv_err pv_log_find_newest(struct pv_log               *log,
                               const struct pv_tracking_id *id, int64_t now_ms,
                               struct pv_trace_found *ret_found) PV_MUST_CHECK;

/* The end of a request whose leaf is known; as above. */
enum pv_err pv_log_find_index(struct pv_log *log, uint64_t index,
                              int64_t                now_ms,
                              struct pv_trace_found *ret_found) PV_MUST_CHECK;

/* ---- many (log_walk.c) -------------------------------------------------- */

struct pv_log_query {
    int64_t         from_ms;    /* written at or later */
    int64_t         until_ms;   /* and before; 0: no limit */
    uint64_t        from_index; /* leaves at or behind */
    uint64_t        end_index;  /* and before; 0: no limit. For the next page */
    struct pv_slice consumer;   /* empty: any. Requests and refusals */
    struct pv_slice provider;   /* requests */
    struct pv_slice service;    /* requests */
    /*
     * "allowed" and the words of a decision: the requests decided so. Words
     * of an end (answered, failed ...) too: the requests that ended so, at
     * their completion's place in the order. Both when a word is both.
     */
    struct pv_slice outcome;
    uint32_t        types; /* 1u << enum pv_record_type, or'ed; 0: all */
    uint64_t        limit; /* items at most; 0: all */
    bool            newest_first;
};

struct pv_log_item {
    struct pv_log_leaf          leaf;
    const struct pv_record     *record;
    const struct pv_completion *completion; /* when the outcome was its; NULL */
    uint64_t                    at; /* leaf of the completion, or ->leaf.index:
                                       where the walk is, for the next page */
};

/* Anything but PV_OK ends the walk and is what it gives. */
typedef enum pv_err pv_log_fn(void *context, const struct pv_log_item *item);

/*
 * The leaves that a walk would look at: *ret_from to *ret_end - 1. So that a
 * long walk can be cut into pieces (from_index, end_index) by its caller.
 */
enum pv_err pv_log_bounds(struct pv_log *log, const struct pv_log_query *query,
                          uint64_t *ret_from, uint64_t *ret_end) PV_MUST_CHECK;

/*
 * Give the matching records in order. Bundles that cannot match are skipped by
 * what their pack says of them. Pruned leaves are passed over. A line that
 * does not parse (a later version's) matches only a query that asks for
 * nothing but time and index, with ->record NULL.
 */
enum pv_err pv_log_walk(struct pv_log *log, const struct pv_log_query *query,
                        pv_log_fn *fn, void *context) PV_MUST_CHECK;

#endif
