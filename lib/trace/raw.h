/*
 * raw.h - the raw segments of a journal, read by leaf and in bundles. Only
 * log_read.c and what packs the log need it; others read through log_read.h.
 *
 * Ownership: the caller owns the struct; the directory stays the caller's.
 */
#ifndef PV_TRACE_RAW_H
#define PV_TRACE_RAW_H

#include "trace/bundle.h"
#include "trace/journal_read.h"

struct pv_raw {
    int                      dirfd; /* borrowed; -1: no journal */
    struct pv_segment_list   list;
    uint64_t                 first;   /* leaf of the oldest segment */
    uint64_t                 end;     /* behind the last commit that reads */
    uint64_t                 end_at;  /* its offset; 0: not known */
    bool                     damaged; /* there were more, behind a broken one */
    size_t                   i;       /* the open segment, in the list */
    uint64_t                 until;   /* first leaf of the one behind it */
    struct pv_segment_reader reader;
    struct pv_commit_view    view; /* the commit last read */
    bool                     has_view;
};

void pv_raw_init(struct pv_raw *raw, int dirfd);
void pv_raw_clear(struct pv_raw *raw);

/* Learn anew what is there. */
enum pv_err pv_raw_refresh(struct pv_raw *raw) PV_MUST_CHECK;

/*
 * Learn what was written since, as far as leaf `until`, which is known to be
 * on disk: only what is new is read.
 */
enum pv_err pv_raw_follow(struct pv_raw *raw, uint64_t until) PV_MUST_CHECK;

/*
 * Leaves of bundle n, as many as there are before end. PV_ENOTFOUND: its first
 * leaf is not, or no longer, in the journal.
 */
enum pv_err pv_raw_bundle(struct pv_raw *raw, uint64_t n, uint64_t end,
                          struct pv_bundle *bundle) PV_MUST_CHECK;

/* The first leaf written at when_ms or later; ->end when there is none. */
enum pv_err pv_raw_seek(struct pv_raw *raw, int64_t when_ms,
                        uint64_t *ret_index) PV_MUST_CHECK;

#endif
