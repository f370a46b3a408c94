/*
 * header.h - which HTTP headers a governed call has, which way they go, how
 * long they may be and how they must look.
 *
 * There is no deny-list: a header that is not in the table is silently left
 * out, both ways. A header in the table that breaks its length or grammar, or
 * comes twice, is refused (from a consumer) or makes the answer `failed`
 * (from a provider). Every Payvand-* header that is not in the table is
 * refused from a consumer: those are the gate's to set.
 *
 * Ownership: slices are borrowed.  Threads: any.  Blocks: never.
 * Errors:    none; pv_header_is_valid says yes or no.
 * Limits:    each header's own, below PV_HEADER_VALUE_MAX.
 */
#ifndef PV_GATEWAY_HEADER_H
#define PV_GATEWAY_HEADER_H

#include "base/slice.h"

#define PV_HEADER_VALUE_MAX 2048
#define PV_HEADER_IDEMPOTENCY_KEY_MAX 128
#define PV_HEADER_CONSENT_DIGITS 16
#define PV_HEADER_UUID_LEN 36
#define PV_HEADER_BASE64URL_32_LEN 43 /* 32 bytes */

enum pv_header {
    PV_HEADER_OTHER = 0, /* not in the table: never passed on */
    PV_HEADER_ACCEPT,
    PV_HEADER_ACCEPT_LANGUAGE,
    PV_HEADER_CONTENT_DIGEST,
    PV_HEADER_CONTENT_LENGTH,
    PV_HEADER_CONTENT_TYPE,
    PV_HEADER_EXPECT,
    PV_HEADER_IDEMPOTENCY_KEY,
    PV_HEADER_PAYVAND_CASE,
    PV_HEADER_PAYVAND_COMMITMENT,
    PV_HEADER_PAYVAND_CONSENT,
    PV_HEADER_PAYVAND_EVIDENCE,
    PV_HEADER_PAYVAND_OUTCOME,
    PV_HEADER_PAYVAND_PURPOSE,
    PV_HEADER_PAYVAND_RESERVED, /* any other Payvand-* */
    PV_HEADER_PAYVAND_TRACKING_ID,
    PV_HEADER_RETRY_AFTER,
    PV_HEADER_SIGNATURE,
    PV_HEADER_SIGNATURE_INPUT,
    PV_HEADER_TRACEPARENT,
    PV_HEADER_TRANSFER_ENCODING,
    PV_HEADER_UPGRADE,
    PV_HEADER_END
};

/* What becomes of a header that comes from one side. Zero is "not passed". */
enum pv_header_fate {
    PV_HEADER_DROP = 0, /* silently left out */
    PV_HEADER_PASS,     /* passed on when valid */
    PV_HEADER_READ,     /* read by the gate when valid, not passed on */
    PV_HEADER_REFUSE,   /* the message is refused for carrying it */
};

/* Which header is it? The name is in lower case, as nginx keeps it. */
enum pv_header pv_header_find(struct pv_slice lower_name);

enum pv_header_fate pv_header_from_consumer(enum pv_header header);
enum pv_header_fate pv_header_from_provider(enum pv_header header);

/* The name as it is sent; empty for PV_HEADER_OTHER and _RESERVED. */
struct pv_slice pv_header_name(enum pv_header header);

/* Does value keep the length and the grammar of its header? */
bool pv_header_is_valid(enum pv_header header, struct pv_slice value);

#endif
