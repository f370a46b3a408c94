/*
 * reader_state.h - do those answer who show the trace? Asked for what is
 * public, so that nothing is a reading.
 *
 * Blocks: some seconds at most.
 */
#ifndef PV_CLI_READER_STATE_H
#define PV_CLI_READER_STATE_H

#include <stdbool.h>

#include "base/err.h"

#define PV_API_CHECKPOINT "/checkpoint"
#define PV_API_REQUESTS "/trace/v1/requests?limit=1"

/* The HTTP status of the reader's socket, of a path of the API without a
   certificate; 0: no answer, why has the words. */
long pv_reader_asked(const char *socket_path, struct pv_why *why);
long pv_api_asked(const char *url, const char *ca, const char *path,
                  struct pv_why *why);

/* Of the checkpoint: there is one, or there is none yet. */
bool pv_reader_is_answer(long status);

#endif
