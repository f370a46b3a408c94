/*
 * record_private.h - what the files of the record's codec share. Both
 * directions go through the members in their canonical order: write_x() in
 * record_write.c, read_x() in record_read.c.
 */
#ifndef PV_TRACE_RECORD_PRIVATE_H
#define PV_TRACE_RECORD_PRIVATE_H

#include "trace/record.h"

#define RECORD_EPOCH_LEN 16 /* hex digits of a worker epoch */

/* 1 for the characters of ids and words: [a-z0-9./_-] */
extern const uint8_t record_char[256];

/* Lower-case hex digits of the right number: one spelling. */
bool record_is_salt(struct pv_slice text);

/* The rules between fields, the same for both directions. */
bool record_request_holds(const struct pv_request_record *r);
bool record_reading_holds(const struct pv_reading_record *r);

#endif
