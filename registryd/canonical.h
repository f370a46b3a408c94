/*
 * canonical.h - the one text of a JSON value, as decisions and records have it.
 *
 * Names in order of their bytes, no blanks, no escape that is not needed: the
 * text that jansson writes with JSON_COMPACT | JSON_SORT_KEYS, which is that of
 * RFC 8785 for what a decision may hold (whole numbers, no control characters,
 * ASCII names). It is written by walking the value once, for a resolution
 * makes thousands of records.
 *
 * Ownership: the value is borrowed.
 * Errors:    PV_ENOMEM; PV_ERANGE past the buffer's maximum, and for a value
 *            that is deeper than PV_CANONICAL_DEPTH_MAX. What was added before
 *            an error stays in the buffer.
 * Threads:   none held.  Blocks: never.
 */
#ifndef PV_REGISTRYD_CANONICAL_H
#define PV_REGISTRYD_CANONICAL_H

#include <jansson.h>

#include "base/buf.h"

#define PV_CANONICAL_DEPTH_MAX 64

enum pv_err pv_canonical(const json_t *value, struct pv_buf *out) PV_MUST_CHECK;

/* A text as a JSON string; PV_EINVAL when it is not UTF-8. */
enum pv_err pv_text_json(struct pv_slice text,
                         struct pv_buf  *out) PV_MUST_CHECK;

#endif
