/*
 * request_json.h - one request as people's programs read it: what became of
 * it, its times in UTC and the Jalali day in Tehran, its record as it is.
 *
 * Threads: any.  Blocks: never.  Errors: those of the struct pv_json.
 */
#ifndef PV_TRACE_REQUEST_JSON_H
#define PV_TRACE_REQUEST_JSON_H

#include "base/json.h"
#include "trace/log_read.h"

/* The word for what became of it: a decision, an outcome or "received". */
struct pv_slice pv_request_state(const struct pv_trace_found *found);

/* Two members, UTC and the Jalali day in Tehran; none for 0. */
void pv_json_time(struct pv_json *json, const char *name,
                  const char *jalali_name, int64_t when_ms);

/* A member whose value is JSON already: a record's line. */
void pv_json_line(struct pv_json *json, const char *name, struct pv_slice line);

/* The object that `payvand trace --json` shows. */
void pv_json_request(struct pv_json *json, const struct pv_trace_found *found);

#endif
