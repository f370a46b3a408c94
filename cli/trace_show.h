/* trace_show.h - requests and records for people. */
#ifndef PV_CLI_TRACE_SHOW_H
#define PV_CLI_TRACE_SHOW_H

#include <jansson.h>

#include "cmd.h"

/* One request (pv_json_request's object), a row a field. An exit code. */
int pv_show_request(const json_t *request, enum pv_lang lang);

/* One request in one line. */
void pv_show_line(const json_t *request, enum pv_lang lang);

/* One item of `follow`: a record, or the end of a call. */
void pv_show_item(const json_t *item);

/* What was written to stdout is there; otherwise says so. An exit code. */
int pv_show_flush(void);

#endif
