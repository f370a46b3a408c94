/* event.h - one line an event to stderr; event ids are in the README. */
#ifndef PV_DAEMON_EVENT_H
#define PV_DAEMON_EVENT_H

#include "base/err.h"

void pv_log_event(const char *level, const char *event, const char *format, ...)
    PV_PRINTF(3, 4);

#endif
