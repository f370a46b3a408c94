/*
 * log.h - one line an event on stderr: level event_id key=value ...
 *
 * Values come from closed sets or are checked ids: bodies, values of data
 * items and driver texts never get here. Anything that is not a visible
 * ASCII character or blank is written as ?. errno survives.
 *
 * Threads: one.  Blocks: as stderr does.
 */
#ifndef PV_CONNECTORD_LOG_H
#define PV_CONNECTORD_LOG_H

#include "base/slice.h"

void pv_log_info(const char *event, const char *format, ...) PV_PRINTF(2, 3);
void pv_log_warn(const char *event, const char *format, ...) PV_PRINTF(2, 3);
void pv_log_error(const char *event, const char *format, ...) PV_PRINTF(2, 3);

#endif
