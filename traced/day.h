/*
 * day.h - today's calls, counted again from the log.
 *
 * Blocks: on the disk, as long as a day's records take to read.
 */
#ifndef PV_TRACED_DAY_H
#define PV_TRACED_DAY_H

#include "trace/log_read.h"
#include "traced.h"

/* What one record adds to the counts, as commit.c counts it when it comes. */
void day_count(struct counts *counts, const struct pv_log_item *item);

/*
 * Count all of today before the journal's first leaf; log_dir NULL: there are
 * no packs. PV_EPRUNED and others: they cannot be read, why has the way out.
 */
enum pv_err day_recount(struct traced *traced, const char *log_dir,
                        uint64_t       journal_first,
                        struct pv_why *why) PV_MUST_CHECK;

#endif
