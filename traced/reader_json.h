/* reader_json.h - requests as JSON, the same for every route. */
#ifndef PV_TRACED_READER_JSON_H
#define PV_TRACED_READER_JSON_H

#include "base/json.h"
#include "trace/log_read.h"

/* The word for what became of it: a decision, an outcome or "received". */
struct pv_slice json_state(const struct pv_trace_found *found);

/* Two members, UTC and the Jalali day in Tehran; none for 0. */
void json_time(struct pv_json *json, const char *name, const char *jalali_name,
               int64_t when_ms);

/* A member whose value is JSON already: a record's line. */
void json_line(struct pv_json *json, const char *name, struct pv_slice line);

/* The object that `payvand trace --json` shows. */
void json_request(struct pv_json *json, const struct pv_trace_found *found);

#endif
