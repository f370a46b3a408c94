/*
 * fault.h - how input or an answer breaks its contract: a kind and the name
 * of the member, never its value, and the words for both in two languages.
 *
 * Threads: any.  Blocks: never.
 */
#ifndef PV_CONTRACT_FAULT_H
#define PV_CONTRACT_FAULT_H

#include "base/buf.h"

#define PV_MEMBER_MAX 96 /* bytes of a member's dotted name */

enum pv_fault_kind {
    PV_FAULT_NONE = 0,
    /* the body */
    PV_FAULT_TOO_LARGE,
    PV_FAULT_NOT_JSON,
    PV_FAULT_NOT_OBJECT,
    PV_FAULT_TOO_DEEP,
    PV_FAULT_TOO_MANY,
    /* a member */
    PV_FAULT_DUPLICATE,
    PV_FAULT_UNKNOWN,
    PV_FAULT_MISSING,
    PV_FAULT_NOT_STRING,
    PV_FAULT_ALTERNATIVE, /* not {"type":"...","value":"..."} */
    PV_FAULT_TYPE,        /* an identifier type that is not among those */
    PV_FAULT_AMBIGUOUS,   /* plain text that fits more than one type */
    PV_FAULT_TOO_LONG,
    PV_FAULT_NOT_UTF8,
    PV_FAULT_PATTERN,
    PV_FAULT_CHECK_DIGIT,
    PV_FAULT_NO_SUCH_DAY,
    PV_FAULT_RULE, /* another rule of the data item */
    PV_FAULT_NOT_LIST,
    PV_FAULT_ITEMS,    /* too few or too many elements */
    PV_FAULT_BINARY,   /* not {"media":"...","data":"<base64>"} */
    PV_FAULT_MEDIA,    /* not of an allowed type */
    PV_FAULT_BYTES,    /* more bytes than allowed */
    PV_FAULT_GEOMETRY, /* no GeoJSON polygon */
    /* members together */
    PV_FAULT_NOT_BEFORE, /* earlier than the date it must not precede */
    PV_FAULT_NEEDS,      /* only allowed together with another */
    PV_FAULT_ONE_OF,     /* none of those of which one is needed */
    PV_FAULT_FUTURE,     /* after today */
    PV_FAULT_WINDOW,     /* a day outside the window */
    /* codes (coding.h) */
    PV_FAULT_CODING,     /* a coding that this method does not speak */
    PV_FAULT_NO_PARTNER, /* not exactly one in the provider's list */
    /* only in answers */
    PV_FAULT_COLUMN_MISSING,
    PV_FAULT_COLUMN_UNKNOWN,
    PV_FAULT_ROWS,   /* more rows than the contract allows */
    PV_FAULT_ORDER,  /* the keys of a page do not ascend (pages.h) */
    PV_FAULT_OVER,   /* sent after its last day */
    PV_FAULT_CLOSED, /* not opened by the consumer's right */
    PV_FAULT_END
};

struct pv_fault {
    enum pv_fault_kind kind;
    char               member[PV_MEMBER_MAX]; /* "" when it has no name */
};

/* Set kind and member; a member that does not fit is left out. */
void pv_fault_set(struct pv_fault *fault, enum pv_fault_kind kind,
                  struct pv_slice member);

/* "pattern", "check-digit" ...: a stable word for logs and programs. */
struct pv_slice pv_fault_word(enum pv_fault_kind kind);

/*
 * The problem+json body of outcome `invalid` (RFC 9457), appended to out.
 * tracking_id may be empty. PV_ENOMEM, PV_ERANGE.
 */
enum pv_err pv_fault_problem(const struct pv_fault *fault,
                             struct pv_slice        tracking_id,
                             struct pv_buf         *out) PV_MUST_CHECK;

#endif
