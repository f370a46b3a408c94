/*
 * grammar.h - the grammars of the table in header.c: each judges a whole
 * value, which is not longer than its header may be.
 *
 * Slices are borrowed. Threads: any. Blocks: never. Fails: never.
 */
#ifndef PV_GATEWAY_GRAMMAR_H
#define PV_GATEWAY_GRAMMAR_H

#include "base/slice.h"

#define PV_UINT_DIGITS_MAX 18 /* stays below 2^63 */
#define PV_RETRY_DIGITS_MAX 8

struct scan;

bool pv_is_accept(struct pv_slice value);
bool pv_is_accept_language(struct pv_slice value);
bool pv_is_content_length(struct pv_slice value);
bool pv_is_content_type(struct pv_slice value);
bool pv_is_idempotency_key(struct pv_slice value);
bool pv_is_uuid(struct pv_slice value);
bool pv_is_base64url_32(struct pv_slice value);
bool pv_is_consent(struct pv_slice value);
bool pv_is_word(struct pv_slice value);
bool pv_is_purpose(struct pv_slice value);
bool pv_is_retry_after(struct pv_slice value);
bool pv_is_traceparent(struct pv_slice value);
bool pv_is_chunked(struct pv_slice value);

/* structured.c: RFC 8941 */
bool pv_sf_dictionary(struct pv_slice value);
bool pv_sf_string(struct scan *scan); /* steps over it */

#endif
