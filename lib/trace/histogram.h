/*
 * histogram.h - a mergeable histogram of milliseconds, log-linear: values
 * below 16 have a bucket each; above, each power of two is split into 16.
 *
 * Error: a quantile is given as the middle of its bucket, which is at most
 *        1/32 (3.2 %) away from the true value; below 16 ms it is exact.
 *        Values from PV_HISTOGRAM_LIMIT_MS on fall into the last bucket.
 *        Merging adds nothing to the error: counts are added.
 * Threads: one at a time.  Blocks: never.  Allocates: nothing.
 */
#ifndef PV_TRACE_HISTOGRAM_H
#define PV_TRACE_HISTOGRAM_H

#include "base/buf.h"

#define PV_HISTOGRAM_LIMIT_MS (UINT64_C(1) << 20) /* 17 minutes */
#define PV_HISTOGRAM_BUCKETS 272                  /* 16 + 16 x (20 - 4) */

struct pv_histogram { /* zeroed: empty */
    uint64_t count;
    uint64_t bucket[PV_HISTOGRAM_BUCKETS];
};

unsigned pv_histogram_bucket(uint64_t ms);
uint64_t pv_histogram_low(unsigned bucket);  /* its smallest value */
uint64_t pv_histogram_next(unsigned bucket); /* the smallest one above it */

void pv_histogram_add(struct pv_histogram *histogram, uint64_t ms);
void pv_histogram_merge(struct pv_histogram       *histogram,
                        const struct pv_histogram *other);

/* The value below which per_mille of 1000 lie; 0 when empty. */
uint64_t pv_histogram_quantile(const struct pv_histogram *histogram,
                               unsigned                   per_mille);

/*
 * "bucket:count,bucket:count", ascending, without empty ones; "-" when all
 * are. Reading adds to the histogram; PV_EINVAL leaves it half filled.
 */
enum pv_err pv_histogram_write(const struct pv_histogram *histogram,
                               struct pv_buf             *out) PV_MUST_CHECK;
enum pv_err pv_histogram_read(struct pv_slice      text,
                              struct pv_histogram *histogram) PV_MUST_CHECK;

#endif
