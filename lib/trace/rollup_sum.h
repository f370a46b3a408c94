/*
 * rollup_sum.h - roll-ups added up: by minute, hour, day or in all; and the
 * volumes that are unlike those of the days before.
 *
 * Ownership: what a function gives is borrowed until it returns.
 * Errors:    those of pv_rollup_read, and PV_EFULL above rows_max.
 * Threads:   any.  Blocks: on the disk.
 */
#ifndef PV_TRACE_ROLLUP_SUM_H
#define PV_TRACE_ROLLUP_SUM_H

#include "trace/rollup.h"

#define PV_ROLLUP_ROWS_MAX 20000
#define PV_ROLLUP_SPAN_MAX_MS (INT64_C(400) * 86400000)

enum pv_rollup_step {
    PV_ROLLUP_MINUTE = 0,
    PV_ROLLUP_HOUR, /* of Tehran's clock */
    PV_ROLLUP_DAY,  /* civil, of Tehran */
    PV_ROLLUP_ALL,
};

struct pv_rollup_query {
    int64_t             from_ms; /* minutes that begin at or later */
    int64_t             until_ms;
    enum pv_rollup_step step;
    struct pv_slice     consumer; /* empty: any */
    struct pv_slice     provider; /* first part of the method */
    struct pv_slice     service;  /* its second part */
    enum pv_outcome     outcome;  /* NONE: any */
};

struct pv_rollup_sum {
    int64_t                    begin_ms; /* of the step; from_ms for ALL */
    struct pv_slice            consumer;
    struct pv_slice            method;
    enum pv_outcome            outcome;
    uint64_t                   count;
    const struct pv_histogram *histogram; /* its count may be below ->count */
};

/* Anything but PV_OK ends the walk and is what it gives. */
typedef enum pv_err pv_rollup_sum_fn(void                       *context,
                                     const struct pv_rollup_sum *sum);

/*
 * Give the sums in the order of time, consumer, method, outcome. PV_ERANGE: a
 * span above PV_ROLLUP_SPAN_MAX_MS.
 */
enum pv_err pv_rollup_sums(int dirfd, const struct pv_rollup_query *query,
                           size_t rows_max, pv_rollup_sum_fn *fn,
                           void *context) PV_MUST_CHECK;

/* ---- unusual volumes ------------------------------------------------------
 */

/*
 * One hour against the same hour of the 7 days before, for each consumer and
 * method. Days without a single call in that hour are left out, and with
 * fewer than 3 left nothing is unusual.
 *
 *   high     at least 50 calls, more than 3 times the most of those days
 *   refused  the same for the calls that were refused, at least 20
 *   low      on each of those days at least 50 calls, now under a quarter of
 *            the fewest
 *
 * Plain counts and one factor: a person can check it with the roll-ups in
 * hand. It is a hint to look, never a reason to refuse a call.
 */
#define PV_VOLUME_DAYS 7
#define PV_VOLUME_DAYS_MIN 3
#define PV_VOLUME_CALLS_MIN 50
#define PV_VOLUME_REFUSED_MIN 20
#define PV_VOLUME_HIGH 3 /* times the most */
#define PV_VOLUME_LOW 4  /* the fewest, divided by */

enum pv_volume {
    PV_VOLUME_USUAL = 0,
    PV_VOLUME_HIGH_CALLS,
    PV_VOLUME_HIGH_REFUSED,
    PV_VOLUME_LOW_CALLS,
};

struct pv_volume_row {
    struct pv_slice consumer;
    struct pv_slice method;
    enum pv_volume  verdict;
    uint64_t        calls; /* in the hour */
    uint64_t        refused;
    uint64_t        usual_low; /* calls, the fewest and the most */
    uint64_t        usual_high;
    uint64_t        usual_refused; /* the most */
};

typedef enum pv_err pv_volume_fn(void                       *context,
                                 const struct pv_volume_row *row);

/* The word: "usual", "high", "refused", "low". */
struct pv_slice pv_volume_word(enum pv_volume volume);

/*
 * Judge the hour that begins at query->from_ms; its until, step and outcome
 * are not looked at. Gives every consumer and method that was seen in any of
 * the hours, in order; *ret_days is how many days it was compared with.
 */
enum pv_err pv_rollup_volumes(int dirfd, const struct pv_rollup_query *query,
                              size_t rows_max, pv_volume_fn *fn, void *context,
                              unsigned *ret_days) PV_MUST_CHECK;

#endif
