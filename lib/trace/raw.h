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

#define PV_RAW_PLACES 8192 /* newest commits whose place is kept: 512 KiB */

enum pv_raw_ends { /* what a place says of ends of calls */
                   PV_RAW_UNREAD = 0,
                   PV_RAW_READ, /* of_low and of_high */
                   PV_RAW_OWN,  /* payvand-traced's own records are in it */
};

/* Where a commit stands, as it was met when the journal was followed. */
struct pv_raw_place {
    uint64_t         segment;
    uint64_t         at;
    uint64_t         first; /* its first leaf */
    int64_t          time_ms;
    uint64_t         of_low; /* requests that end here; low > high: none */
    uint64_t         of_high;
    enum pv_raw_ends ends; /* PV_RAW_UNREAD until somebody looks */
};

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
    struct pv_raw_place     *place;       /* number n at n mod PV_RAW_PLACES */
    uint64_t                 place_first; /* those before are forgotten */
    uint64_t                 place_end;   /* behind the commit before ->end */
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

/* ---- the newest commits, without a search (raw_recent.c) ----------------
 *
 * Places are kept of commits that pv_raw_follow passed, up to ->end without a
 * gap; pv_raw_refresh forgets them. They save reading, and decide nothing: who
 * does not find it here looks where he would have looked.
 */

/* The first kept commit written at when_ms or later; ->place_end: none. */
uint64_t pv_raw_place_since(const struct pv_raw *raw, int64_t when_ms);

/* The kept commit that holds the leaf. PV_ENOTFOUND. */
enum pv_err pv_raw_place_of(const struct pv_raw *raw, uint64_t index,
                            uint64_t *ret_n) PV_MUST_CHECK;

/* Kept commit n, ->place_first to ->place_end - 1. */
struct pv_raw_place *pv_raw_place(const struct pv_raw *raw, uint64_t n);

/* Have ->view be kept commit n. PV_ENOTFOUND: it is no longer there. */
enum pv_err pv_raw_enter_place(struct pv_raw *raw, uint64_t n) PV_MUST_CHECK;

/* A leaf of a kept commit, borrowed until the next read. PV_ENOTFOUND. */
enum pv_err pv_raw_recent_leaf(struct pv_raw *raw, uint64_t index,
                               struct pv_slice *ret_line, uint64_t *ret_epoch,
                               int64_t *ret_written_ms) PV_MUST_CHECK;

/* For raw.c: a commit was passed; forget all. */
enum pv_err raw_keep_place(struct pv_raw *raw, uint64_t segment, uint64_t at,
                           const struct pv_commit_head *head) PV_MUST_CHECK;
void        raw_forget_places(struct pv_raw *raw);

/* For raw_recent.c: open segment i of the list; read the commit at an offset
 * of it. */
enum pv_err raw_enter(struct pv_raw *raw, size_t i) PV_MUST_CHECK;
enum pv_err raw_read_commit(struct pv_raw *raw, uint64_t at) PV_MUST_CHECK;

#endif
