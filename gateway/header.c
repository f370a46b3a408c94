/* header.c - which HTTP headers a governed call has. */

#include "header.h"

#include <string.h>

#include "grammar.h"

struct rule {
    struct pv_slice     name;
    size_t              max_len;
    enum pv_header_fate from_consumer;
    enum pv_header_fate from_provider;
    bool (*is_valid)(struct pv_slice value); /* NULL: never */
};

#define DROP PV_HEADER_DROP
#define PASS PV_HEADER_PASS
#define READ PV_HEADER_READ
#define REFUSE PV_HEADER_REFUSE

/* name, longest value, from the consumer, from the provider, grammar */
/* clang-format off */
static const struct rule rules[PV_HEADER_END] = {
    [PV_HEADER_OTHER] = {PV_SLICE_INIT(""), 0, DROP, DROP, NULL},
    [PV_HEADER_ACCEPT] = {PV_SLICE_INIT("Accept"), 256, PASS, DROP,
                          pv_is_accept},
    [PV_HEADER_ACCEPT_LANGUAGE] = {PV_SLICE_INIT("Accept-Language"), 128,
                                   PASS, DROP, pv_is_accept_language},
    [PV_HEADER_CONTENT_DIGEST] = {PV_SLICE_INIT("Content-Digest"), 512, PASS,
                                  PASS, pv_sf_dictionary},
    [PV_HEADER_CONTENT_LENGTH] = {PV_SLICE_INIT("Content-Length"),
                                  PV_UINT_DIGITS_MAX, READ, READ,
                                  pv_is_content_length},
    [PV_HEADER_CONTENT_TYPE] = {PV_SLICE_INIT("Content-Type"), 100, PASS,
                                PASS, pv_is_content_type},
    [PV_HEADER_EXPECT] = {PV_SLICE_INIT("Expect"), 0, REFUSE, DROP, NULL},
    [PV_HEADER_IDEMPOTENCY_KEY] = {PV_SLICE_INIT("Idempotency-Key"),
                                   PV_HEADER_IDEMPOTENCY_KEY_MAX + 2, PASS,
                                   DROP, pv_is_idempotency_key},
    [PV_HEADER_PAYVAND_CASE] = {PV_SLICE_INIT("Payvand-Case"),
                                PV_HEADER_UUID_LEN, READ, DROP, pv_is_uuid},
    [PV_HEADER_PAYVAND_COMMITMENT] = {PV_SLICE_INIT("Payvand-Commitment"),
                                      PV_HEADER_BASE64URL_32_LEN, READ, DROP,
                                      pv_is_base64url_32},
    [PV_HEADER_PAYVAND_CONSENT] = {PV_SLICE_INIT("Payvand-Consent"),
                                   PV_HEADER_CONSENT_DIGITS + 3, PASS, DROP,
                                   pv_is_consent},
    [PV_HEADER_PAYVAND_EVIDENCE] = {PV_SLICE_INIT("Payvand-Evidence"),
                                    PV_HEADER_BASE64URL_32_LEN, PASS, DROP,
                                    pv_is_base64url_32},
    [PV_HEADER_PAYVAND_OUTCOME] = {PV_SLICE_INIT("Payvand-Outcome"), 16,
                                   REFUSE, READ, pv_is_word},
    [PV_HEADER_PAYVAND_PURPOSE] = {PV_SLICE_INIT("Payvand-Purpose"), 64, READ,
                                   DROP, pv_is_purpose},
    [PV_HEADER_PAYVAND_RESERVED] = {PV_SLICE_INIT(""), 0, REFUSE, DROP, NULL},
    [PV_HEADER_PAYVAND_TRACKING_ID] = {PV_SLICE_INIT("Payvand-Tracking-Id"),
                                       PV_HEADER_UUID_LEN, REFUSE, READ,
                                       pv_is_uuid},
    [PV_HEADER_RETRY_AFTER] = {PV_SLICE_INIT("Retry-After"), PV_RETRY_DIGITS_MAX,
                               DROP, PASS, pv_is_retry_after},
    [PV_HEADER_SIGNATURE] = {PV_SLICE_INIT("Signature"), PV_HEADER_VALUE_MAX,
                             PASS, PASS, pv_sf_dictionary},
    [PV_HEADER_SIGNATURE_INPUT] = {PV_SLICE_INIT("Signature-Input"),
                                   PV_HEADER_VALUE_MAX, PASS, PASS,
                                   pv_sf_dictionary},
    [PV_HEADER_TRACEPARENT] = {PV_SLICE_INIT("traceparent"), 55, PASS, DROP,
                               pv_is_traceparent},
    [PV_HEADER_TRANSFER_ENCODING] = {PV_SLICE_INIT("Transfer-Encoding"), 7,
                                     READ, READ, pv_is_chunked},
    [PV_HEADER_UPGRADE] = {PV_SLICE_INIT("Upgrade"), 0, REFUSE, DROP, NULL},
};
/* clang-format on */

#undef DROP
#undef PASS
#undef READ
#undef REFUSE

#define IS(lower) (memcmp(name.ptr, lower, sizeof(lower) - 1) == 0)

static enum pv_header
find_by_length(struct pv_slice name)
{
    switch (name.len) {
    case 6:
        return IS("accept")   ? PV_HEADER_ACCEPT
               : IS("expect") ? PV_HEADER_EXPECT
                              : PV_HEADER_OTHER;
    case 7:
        return IS("upgrade") ? PV_HEADER_UPGRADE : PV_HEADER_OTHER;
    case 9:
        return IS("signature") ? PV_HEADER_SIGNATURE : PV_HEADER_OTHER;
    case 11:
        return IS("traceparent")   ? PV_HEADER_TRACEPARENT
               : IS("retry-after") ? PV_HEADER_RETRY_AFTER
                                   : PV_HEADER_OTHER;
    case 12:
        return IS("content-type") ? PV_HEADER_CONTENT_TYPE : PV_HEADER_OTHER;
    case 14:
        return IS("content-length")   ? PV_HEADER_CONTENT_LENGTH
               : IS("content-digest") ? PV_HEADER_CONTENT_DIGEST
                                      : PV_HEADER_OTHER;
    case 15:
        return IS("accept-language")   ? PV_HEADER_ACCEPT_LANGUAGE
               : IS("idempotency-key") ? PV_HEADER_IDEMPOTENCY_KEY
               : IS("signature-input") ? PV_HEADER_SIGNATURE_INPUT
                                       : PV_HEADER_OTHER;
    case 17:
        return IS("transfer-encoding") ? PV_HEADER_TRANSFER_ENCODING
                                       : PV_HEADER_OTHER;
    default:
        return PV_HEADER_OTHER;
    }
}

static enum pv_header
find_payvand(struct pv_slice name)
{
    name = (struct pv_slice){name.ptr + 8, name.len - 8};

    switch (name.len) {
    case 4:
        return IS("case") ? PV_HEADER_PAYVAND_CASE : PV_HEADER_PAYVAND_RESERVED;
    case 7:
        return IS("purpose")   ? PV_HEADER_PAYVAND_PURPOSE
               : IS("consent") ? PV_HEADER_PAYVAND_CONSENT
               : IS("outcome") ? PV_HEADER_PAYVAND_OUTCOME
                               : PV_HEADER_PAYVAND_RESERVED;
    case 8:
        return IS("evidence") ? PV_HEADER_PAYVAND_EVIDENCE
                              : PV_HEADER_PAYVAND_RESERVED;
    case 11:
        return IS("tracking-id") ? PV_HEADER_PAYVAND_TRACKING_ID
                                 : PV_HEADER_PAYVAND_RESERVED;
    case 10:
        return IS("commitment") ? PV_HEADER_PAYVAND_COMMITMENT
                                : PV_HEADER_PAYVAND_RESERVED;
    default:
        return PV_HEADER_PAYVAND_RESERVED;
    }
}

enum pv_header
pv_header_find(struct pv_slice lower_name)
{
    struct pv_slice name = lower_name;

    if (name.len >= 8 && IS("payvand-")) {
        return find_payvand(name);
    }
    return find_by_length(name);
}

enum pv_header_fate
pv_header_from_consumer(enum pv_header header)
{
    return header < PV_HEADER_END ? rules[header].from_consumer
                                  : PV_HEADER_DROP;
}

enum pv_header_fate
pv_header_from_provider(enum pv_header header)
{
    return header < PV_HEADER_END ? rules[header].from_provider
                                  : PV_HEADER_DROP;
}

struct pv_slice
pv_header_name(enum pv_header header)
{
    return header < PV_HEADER_END ? rules[header].name : PV_LIT("");
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t';
}

bool
pv_header_is_valid(enum pv_header header, struct pv_slice value)
{
    return header < PV_HEADER_END && rules[header].is_valid != NULL &&
           value.len > 0 && value.len <= rules[header].max_len &&
           !is_blank(value.ptr[0]) && !is_blank(value.ptr[value.len - 1]) &&
           rules[header].is_valid(value);
}
