/*
 * figures.h - keeps the roll-ups of a log's directory up to date.
 *
 * Ownership: the descriptors stay the caller's. Blocks: on the disk.
 * Memory:    what lib/trace/rollup.h says; some MB.
 */
#ifndef PV_TRACED_FIGURES_H
#define PV_TRACED_FIGURES_H

#include "state.h"

struct figures;

enum pv_err figures_new(int journalfd, int logfd,
                        struct figures **ret_figures) PV_MUST_CHECK;
void        figures_free(struct figures *figures);

/*
 * Count what came on disk since the last time, and write the minutes that
 * ended. What fails is said in the log and tried again later.
 */
void figures_run(struct figures *figures, const state_number *durable_index);

#endif
