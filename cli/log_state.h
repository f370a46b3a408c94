/*
 * log_state.h - what the log of this machine says of itself: its file
 * `status` (payvand-traced), with what follows from it.
 */
#ifndef PV_CLI_LOG_STATE_H
#define PV_CLI_LOG_STATE_H

#include <jansson.h>

#include "cmd.h"

#define PV_LOG_LATE_MS 5000   /* a receipt is promised in 1 s */
#define PV_LOG_QUIET_MS 30000 /* it writes every 10 s, also when idle */

enum pv_log_state_what {
    PV_LOG_WELL = 0,
    PV_LOG_UNWITNESSED, /* well, but nobody outside watches it */
    PV_LOG_LATE,        /* records wait too long for their checkpoint */
    PV_LOG_UNREADABLE, /* its file cannot be read by this user, or is not one */
    PV_LOG_QUIET,      /* the log process does not run */
    PV_LOG_SPLIT,      /* a witness has seen another history */
    PV_LOG_FORGOTTEN,  /* a witness was put back from an old copy */
    PV_LOG_UNCOUNTED,  /* answers under max_calls_answered are not known */
    PV_LOG_REFUSES,    /* it does not go on: member "refusal" says why */
};

/*
 * Members: origin, durable, signed, published, checkpoint_age_ms,
 * staleness_ms, witness_count; refusal where there is one; said, a sentence
 * where ret_what is not WELL. NULL: no memory.
 */
json_t *pv_log_state(const char *dir, enum pv_lang lang,
                     enum pv_log_state_what *ret_what);

#endif
