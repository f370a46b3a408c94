/*
 * statement.h - a SQL text with named parameters, made ready for ODBC.
 *
 * `:name` and `:name.type` become `?`, except inside quotes ('', "", ``) and
 * comments, and except `::` (a cast in PostgreSQL). A `?` of the text's own
 * and a second statement behind `;` are refused.
 *
 * Ownership: the statement owns its text and its list until _clear.
 * Threads: any.  Blocks: never.  Limits: below.
 */
#ifndef PV_CONTRACT_STATEMENT_H
#define PV_CONTRACT_STATEMENT_H

#include "base/slice.h"

#define PV_STATEMENT_MAX (16 * 1024)
#define PV_BINDS_MAX 128

/* What the call of a command brings beside its inputs. */
enum pv_call_value {
    PV_CALL_TRACKING_ID = 0, /* :payvand_tracking_id */
    PV_CALL_CONSUMER,        /* :payvand_consumer */
    PV_CALL_TIME,            /* :payvand_time, in UTC as time.h writes it */
    PV_CALL_VALUES,
};

#define PV_BIND_CALL 1024 /* a bind's input from here on is a call's value */

struct pv_bind {
    uint16_t input; /* index of the input, or PV_BIND_CALL + a call's value */
    bool     type;  /* :name.type, the identifier type, not the value */
};

struct pv_statement {
    char           *sql; /* NUL-ended, or NULL for no statement */
    struct pv_bind *bind;
    size_t          bind_count;
};

/* The index of an input by name; PV_ENOTFOUND. */
typedef enum pv_err pv_input_find_fn(const void *context, struct pv_slice name,
                                     uint16_t *ret);

/* PV_EINVAL with the reason in why, PV_ERANGE, PV_ENOMEM. */
enum pv_err pv_statement_init(struct pv_statement *statement,
                              struct pv_slice text, pv_input_find_fn *find,
                              const void    *context,
                              struct pv_why *why) PV_MUST_CHECK;
void        pv_statement_clear(struct pv_statement *statement);

#endif
