/*
 * csv.h - rows as CSV (RFC 4180): CRLF, every field that needs it quoted, a
 * line of names first. It begins with a byte order mark, because spreadsheets
 * take UTF-8 without one for something else. A text that a spreadsheet would
 * run as a formula (= + - @, tab, CR first) gets an apostrophe before it.
 * Private to registryd.
 */
#ifndef PV_REGISTRYD_CSV_H
#define PV_REGISTRYD_CSV_H

#include <jansson.h>

#include "base/buf.h"

/*
 * columns are paths ("due_day", "responsible.id"), NULL ends them. A path
 * goes through lists: their values stand in one field, "; " between.
 */
enum pv_err pv_csv(const json_t *rows, const char *const *columns,
                   struct pv_buf *out) PV_MUST_CHECK;

#endif
