/*
 * trace_log.h - a log of synthetic records for the bench: what leaf i is can
 * be computed, so nothing has to be kept of it.
 *
 * Sixteen leaves are a frame and a commit, ten milliseconds apart: fifteen
 * requests, then the ends of the fifteen before; one of each fifteen ends
 * three seconds late.
 */
#ifndef PV_BENCH_TRACE_LOG_H
#define PV_BENCH_TRACE_LOG_H

#include "trace/bundle.h"

#define LOG_FRAME 16
#define LOG_FRAME_MS 10
#define LOG_LATE_FRAMES 300
#define LOG_START_MS INT64_C(1790000000000)
#define LOG_JOURNAL "journal"
#define LOG_DIR "log"

/* Leaf i is a request unless it is the last of its frame. */
static inline bool
log_is_request(uint64_t index)
{
    return index % LOG_FRAME < LOG_FRAME - 1;
}

struct pv_tracking_id log_id(uint64_t index);
int64_t               log_written_ms(uint64_t index);

/* Must be called once before the next. */
void log_prepare(void);

/* Fill the bundle with leaves of number n, width of them. */
void log_fill(struct pv_bundle *bundle, uint64_t n, unsigned width);

/* Make DIR/journal and DIR/log with so many leaves: packs, tree, a segment. */
void log_build(const char *dir, uint64_t leaves);

_Noreturn void die(const char *what);
int            open_dir(const char *dir, const char *name);

#endif
