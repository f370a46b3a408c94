/* header.c - which HTTP headers a governed call has, and their grammar. */

#include "header.h"

#include <string.h>

#define CHARSET_MAX 20
#define SF_MEMBERS_MAX 16  /* of one dictionary */
#define SF_ITEMS_MAX 32    /* of one inner list */
#define SF_PARAMS_MAX 16   /* of one item */
#define SF_DIGITS_MAX 15   /* RFC 8941 3.3.1 */
#define LIST_ITEMS_MAX 16  /* of Accept and Accept-Language */
#define UINT_DIGITS_MAX 18 /* stays below 2^63 */
#define RETRY_DIGITS_MAX 8

/* What is left of a value while a grammar walks over it. */
struct scan {
    const char *at;
    const char *end;
};

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool
is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool
is_alpha(char c)
{
    return is_lower((char)(c | 0x20));
}

/* RFC 9110 5.6.2 */
static bool
is_tchar(char c)
{
    return is_alpha(c) || is_digit(c) ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool
is_base64url(char c)
{
    return is_alpha(c) || is_digit(c) || c == '-' || c == '_';
}

static char
peek(const struct scan *scan)
{
    return scan->at < scan->end ? *scan->at : '\0';
}

static bool
take(struct scan *scan, char c)
{
    if (scan->at < scan->end && *scan->at == c) {
        scan->at++;
        return true;
    }
    return false;
}

static void
skip_blanks(struct scan *scan)
{
    while (scan->at < scan->end && (*scan->at == ' ' || *scan->at == '\t')) {
        scan->at++;
    }
}

static void
skip_spaces(struct scan *scan)
{
    while (take(scan, ' ')) {
    }
}

static struct pv_slice
take_while(struct scan *scan, bool (*is_part)(char c))
{
    struct pv_slice part = {scan->at, 0};

    while (scan->at < scan->end && is_part(*scan->at)) {
        scan->at++;
        part.len++;
    }
    return part;
}

static bool
is_at_end(const struct scan *scan)
{
    return scan->at == scan->end;
}

static bool
equals_ignoring_case(struct pv_slice s, struct pv_slice lower)
{
    if (s.len != lower.len) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];

        if (c >= 'A' && c <= 'Z') {
            c = (char)(c | 0x20);
        }
        if (c != lower.ptr[i]) {
            return false;
        }
    }
    return true;
}

/* Structured fields, RFC 8941: section 4.2, strict, bounded. */

static bool
is_sf_key_char(char c)
{
    return is_lower(c) || is_digit(c) || c == '_' || c == '-' || c == '.' ||
           c == '*';
}

static bool
sf_key(struct scan *scan)
{
    if (!is_lower(peek(scan)) && peek(scan) != '*') {
        return false;
    }
    return take_while(scan, is_sf_key_char).len > 0;
}

static bool
sf_string(struct scan *scan)
{
    if (!take(scan, '"')) {
        return false;
    }
    while (scan->at < scan->end) {
        char c = *scan->at++;

        if (c == '"') {
            return true;
        }
        if (c == '\\' && !take(scan, '"') && !take(scan, '\\')) {
            return false;
        }
        if (c < 0x20 || c > 0x7e) {
            return false;
        }
    }
    return false;
}

static bool
is_base64(char c)
{
    return is_alpha(c) || is_digit(c) || c == '+' || c == '/' || c == '=';
}

static bool
sf_bytes(struct scan *scan)
{
    if (!take(scan, ':')) {
        return false;
    }
    (void)take_while(scan, is_base64); /* any number, also none */
    return take(scan, ':');
}

static bool
sf_number(struct scan *scan)
{
    size_t whole;
    size_t part;

    (void)take(scan, '-'); /* optional */
    whole = take_while(scan, is_digit).len;
    if (whole == 0 || whole > SF_DIGITS_MAX) {
        return false;
    }
    if (!take(scan, '.')) {
        return true;
    }
    part = take_while(scan, is_digit).len;
    return whole <= 12 && part >= 1 && part <= 3; /* RFC 8941 3.3.2 */
}

static bool
is_sf_token_char(char c)
{
    return is_tchar(c) || c == ':' || c == '/';
}

static bool
sf_bare_item(struct scan *scan)
{
    char c = peek(scan);

    if (c == '"') {
        return sf_string(scan);
    }
    if (c == ':') {
        return sf_bytes(scan);
    }
    if (c == '?') {
        scan->at++;
        return take(scan, '0') || take(scan, '1');
    }
    if (c == '-' || is_digit(c)) {
        return sf_number(scan);
    }
    if (c == '*' || is_alpha(c)) {
        return take_while(scan, is_sf_token_char).len > 0;
    }
    return false;
}

static bool
sf_params(struct scan *scan)
{
    for (int i = 0; take(scan, ';'); i++) {
        skip_spaces(scan);
        if (i == SF_PARAMS_MAX || !sf_key(scan)) {
            return false;
        }
        if (take(scan, '=') && !sf_bare_item(scan)) {
            return false;
        }
    }
    return true;
}

static bool
sf_inner_list(struct scan *scan)
{
    if (!take(scan, '(')) {
        return false;
    }
    for (int i = 0; i <= SF_ITEMS_MAX; i++) {
        skip_spaces(scan);
        if (take(scan, ')')) {
            return true;
        }
        if (!sf_bare_item(scan) || !sf_params(scan)) {
            return false;
        }
        if (peek(scan) != ' ' && peek(scan) != ')') {
            return false;
        }
    }
    return false;
}

static bool
sf_dictionary(struct pv_slice value)
{
    struct scan scan = {value.ptr, value.ptr + value.len};

    for (int i = 0; i < SF_MEMBERS_MAX; i++) {
        if (!sf_key(&scan)) {
            return false;
        }
        if (take(&scan, '=')) {
            bool ok =
                peek(&scan) == '(' ? sf_inner_list(&scan) : sf_bare_item(&scan);

            if (!ok) {
                return false;
            }
        }
        if (!sf_params(&scan)) {
            return false;
        }
        skip_blanks(&scan);
        if (is_at_end(&scan)) {
            return true;
        }
        if (!take(&scan, ',')) {
            return false;
        }
        skip_blanks(&scan);
    }
    return false;
}

/* The grammars of the table below: a whole value, already short enough. */

/* ";q=0.8": RFC 9110 12.4.2 */
static bool
weight(struct scan *scan)
{
    size_t digits = 0;
    bool   one;

    if (!take(scan, 'q') && !take(scan, 'Q')) {
        return false;
    }
    if (!take(scan, '=')) {
        return false;
    }
    one = take(scan, '1');
    if (!one && !take(scan, '0')) {
        return false;
    }
    if (take(scan, '.')) {
        while (digits < 3 && (one ? peek(scan) == '0' : is_digit(peek(scan)))) {
            scan->at++;
            digits++;
        }
    }
    return true;
}

/* type/subtype, or a range of them, with parameters */
static bool
media_range(struct scan *scan)
{
    if (take_while(scan, is_tchar).len == 0 || !take(scan, '/') ||
        take_while(scan, is_tchar).len == 0) {
        return false;
    }
    for (int i = 0; i < SF_PARAMS_MAX; i++) {
        skip_blanks(scan);
        if (!take(scan, ';')) {
            return true;
        }
        skip_blanks(scan);
        if (take_while(scan, is_tchar).len == 0 || !take(scan, '=')) {
            return false;
        }
        if (peek(scan) == '"' ? !sf_string(scan)
                              : take_while(scan, is_tchar).len == 0) {
            return false;
        }
    }
    return false;
}

static bool
is_language_char(char c)
{
    return is_alpha(c) || is_digit(c) || c == '-';
}

static bool
language_range(struct scan *scan)
{
    if (!take(scan, '*')) {
        size_t len = take_while(scan, is_language_char).len;

        if (len == 0 || len > 35) { /* RFC 5646 4.4.1 */
            return false;
        }
    }
    skip_blanks(scan);
    if (!take(scan, ';')) {
        return true;
    }
    skip_blanks(scan);
    return weight(scan);
}

static bool
list_of(struct pv_slice value, bool (*is_item)(struct scan *scan))
{
    struct scan scan = {value.ptr, value.ptr + value.len};

    for (int i = 0; i < LIST_ITEMS_MAX; i++) {
        if (!is_item(&scan)) {
            return false;
        }
        skip_blanks(&scan);
        if (is_at_end(&scan)) {
            return true;
        }
        if (!take(&scan, ',')) {
            return false;
        }
        skip_blanks(&scan);
    }
    return false;
}

static bool
is_accept(struct pv_slice value)
{
    return list_of(value, media_range);
}

static bool
is_accept_language(struct pv_slice value)
{
    return list_of(value, language_range);
}

static bool
is_charset_char(char c)
{
    return is_language_char(c) || c == '_';
}

/* One of these, with no parameter but a charset. */
static const struct pv_slice content_types[] = {
    PV_SLICE_INIT("application/json"),
    PV_SLICE_INIT("application/problem+json"),
    PV_SLICE_INIT("application/cloudevents+json"),
    PV_SLICE_INIT("application/xml"),
    PV_SLICE_INIT("application/soap+xml"),
    PV_SLICE_INIT("application/octet-stream"),
    PV_SLICE_INIT("application/pdf"),
    PV_SLICE_INIT("text/xml"),
    PV_SLICE_INIT("text/plain"),
    PV_SLICE_INIT("image/jpeg"),
    PV_SLICE_INIT("image/png"),
};

static bool
is_listed_type(struct pv_slice type)
{
    for (size_t i = 0; i < sizeof(content_types) / sizeof(content_types[0]);
         i++) {
        if (equals_ignoring_case(type, content_types[i])) {
            return true;
        }
    }
    return false;
}

static bool
is_content_type(struct pv_slice value)
{
    struct scan     scan = {value.ptr, value.ptr + value.len};
    struct pv_slice type;
    struct pv_slice charset;
    bool            quoted;

    /* most calls: no search, no parameter */
    if (pv_slice_eq(value, content_types[0])) {
        return true;
    }

    type = take_while(&scan, is_tchar);
    if (!take(&scan, '/')) {
        return false;
    }
    (void)take_while(&scan, is_tchar); /* checked by the list */
    type.len = (size_t)(scan.at - type.ptr);
    if (!is_listed_type(type)) {
        return false;
    }
    if (is_at_end(&scan)) {
        return true;
    }
    skip_blanks(&scan);
    if (!take(&scan, ';')) {
        return false;
    }
    skip_blanks(&scan);
    if (!equals_ignoring_case(take_while(&scan, is_tchar), PV_LIT("charset")) ||
        !take(&scan, '=')) {
        return false;
    }
    quoted = take(&scan, '"');
    charset = take_while(&scan, is_charset_char);
    if (charset.len == 0 || charset.len > CHARSET_MAX) {
        return false;
    }
    if (quoted && !take(&scan, '"')) {
        return false;
    }
    return is_at_end(&scan);
}

static bool
is_digits(struct pv_slice value, size_t max)
{
    if (value.len == 0 || value.len > max) {
        return false;
    }
    for (size_t i = 0; i < value.len; i++) {
        if (!is_digit(value.ptr[i])) {
            return false;
        }
    }
    return true;
}

static bool
is_content_length(struct pv_slice value)
{
    return is_digits(value, UINT_DIGITS_MAX);
}

/* Seconds only: the dates of RFC 9110 10.2.3 say when a provider answered. */
static bool
is_retry_after(struct pv_slice value)
{
    return is_digits(value, RETRY_DIGITS_MAX);
}

/* Visible characters, or a string of structured fields. */
static bool
is_idempotency_key(struct pv_slice value)
{
    struct scan scan = {value.ptr, value.ptr + value.len};
    size_t      i = 0;

    while (i < value.len && value.ptr[i] > 0x20 && value.ptr[i] < 0x7f) {
        i++;
    }
    if (i == value.len) {
        return i <= PV_HEADER_IDEMPOTENCY_KEY_MAX;
    }
    return sf_string(&scan) && is_at_end(&scan);
}

static bool
is_lower_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f');
}

static bool
is_lower_hex_run(const char *at, size_t len, bool zero_is_valid)
{
    bool has_bit = zero_is_valid;

    for (size_t i = 0; i < len; i++) {
        if (!is_lower_hex(at[i])) {
            return false;
        }
        has_bit = has_bit || at[i] != '0';
    }
    return has_bit;
}

/* W3C Trace Context 3.2.2: version - trace id - parent id - flags */
static bool
is_traceparent(struct pv_slice value)
{
    const char *at = value.ptr;

    return value.len == 55 && is_lower_hex_run(at, 2, true) &&
           memcmp(at, "ff", 2) != 0 && at[2] == '-' &&
           is_lower_hex_run(at + 3, 32, false) && at[35] == '-' &&
           is_lower_hex_run(at + 36, 16, false) && at[52] == '-' &&
           is_lower_hex_run(at + 53, 2, true);
}

static bool
is_purpose(struct pv_slice value)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];

        if (!is_lower(c) && !is_digit(c) &&
            (c != '-' || i == 0 || i + 1 == value.len)) {
            return false;
        }
    }
    return value.len > 0;
}

/* 1234567890123456, or 1234 5678 9012 3456 */
static bool
is_consent(struct pv_slice value)
{
    bool grouped = value.len == PV_HEADER_CONSENT_DIGITS + 3;

    if (!grouped && value.len != PV_HEADER_CONSENT_DIGITS) {
        return false;
    }
    for (size_t i = 0; i < value.len; i++) {
        if (grouped && i % 5 == 4 ? value.ptr[i] != ' '
                                  : !is_digit(value.ptr[i])) {
            return false;
        }
    }
    return true;
}

/* Any UUID in lower case: it becomes a field of the trace as it stands. */
static bool
is_uuid(struct pv_slice value)
{
    if (value.len != PV_HEADER_UUID_LEN) {
        return false;
    }
    for (size_t i = 0; i < value.len; i++) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (value.ptr[i] != '-') {
                return false;
            }
        } else if (!is_lower_hex(value.ptr[i])) {
            return false;
        }
    }
    return true;
}

/* 32 bytes in base64url without padding; the last two bits are zero. */
static bool
is_base64url_32(struct pv_slice value)
{
    if (value.len != PV_HEADER_BASE64URL_32_LEN) {
        return false;
    }
    for (size_t i = 0; i < value.len; i++) {
        if (!is_base64url(value.ptr[i])) {
            return false;
        }
    }
    return strchr("AEIMQUYcgkosw048", value.ptr[value.len - 1]) != NULL;
}

/* Words only; which of them a provider may say is outcome.h's business. */
static bool
is_word(struct pv_slice value)
{
    for (size_t i = 0; i < value.len; i++) {
        if (!is_lower(value.ptr[i])) {
            return false;
        }
    }
    return value.len > 0;
}

static bool
is_chunked(struct pv_slice value)
{
    return equals_ignoring_case(value, PV_LIT("chunked"));
}

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
                          is_accept},
    [PV_HEADER_ACCEPT_LANGUAGE] = {PV_SLICE_INIT("Accept-Language"), 128,
                                   PASS, DROP, is_accept_language},
    [PV_HEADER_CONTENT_DIGEST] = {PV_SLICE_INIT("Content-Digest"), 512, PASS,
                                  PASS, sf_dictionary},
    [PV_HEADER_CONTENT_LENGTH] = {PV_SLICE_INIT("Content-Length"),
                                  UINT_DIGITS_MAX, READ, READ,
                                  is_content_length},
    [PV_HEADER_CONTENT_TYPE] = {PV_SLICE_INIT("Content-Type"), 100, PASS,
                                PASS, is_content_type},
    [PV_HEADER_EXPECT] = {PV_SLICE_INIT("Expect"), 0, REFUSE, DROP, NULL},
    [PV_HEADER_IDEMPOTENCY_KEY] = {PV_SLICE_INIT("Idempotency-Key"),
                                   PV_HEADER_IDEMPOTENCY_KEY_MAX + 2, PASS,
                                   DROP, is_idempotency_key},
    [PV_HEADER_PAYVAND_CASE] = {PV_SLICE_INIT("Payvand-Case"),
                                PV_HEADER_UUID_LEN, READ, DROP, is_uuid},
    [PV_HEADER_PAYVAND_COMMITMENT] = {PV_SLICE_INIT("Payvand-Commitment"),
                                      PV_HEADER_BASE64URL_32_LEN, READ, DROP,
                                      is_base64url_32},
    [PV_HEADER_PAYVAND_CONSENT] = {PV_SLICE_INIT("Payvand-Consent"),
                                   PV_HEADER_CONSENT_DIGITS + 3, PASS, DROP,
                                   is_consent},
    [PV_HEADER_PAYVAND_EVIDENCE] = {PV_SLICE_INIT("Payvand-Evidence"),
                                    PV_HEADER_BASE64URL_32_LEN, PASS, DROP,
                                    is_base64url_32},
    [PV_HEADER_PAYVAND_OUTCOME] = {PV_SLICE_INIT("Payvand-Outcome"), 16,
                                   REFUSE, READ, is_word},
    [PV_HEADER_PAYVAND_PURPOSE] = {PV_SLICE_INIT("Payvand-Purpose"), 64, READ,
                                   DROP, is_purpose},
    [PV_HEADER_PAYVAND_RESERVED] = {PV_SLICE_INIT(""), 0, REFUSE, DROP, NULL},
    [PV_HEADER_PAYVAND_TRACKING_ID] = {PV_SLICE_INIT("Payvand-Tracking-Id"),
                                       PV_HEADER_UUID_LEN, REFUSE, READ,
                                       is_uuid},
    [PV_HEADER_RETRY_AFTER] = {PV_SLICE_INIT("Retry-After"), RETRY_DIGITS_MAX,
                               DROP, PASS, is_retry_after},
    [PV_HEADER_SIGNATURE] = {PV_SLICE_INIT("Signature"), PV_HEADER_VALUE_MAX,
                             PASS, PASS, sf_dictionary},
    [PV_HEADER_SIGNATURE_INPUT] = {PV_SLICE_INIT("Signature-Input"),
                                   PV_HEADER_VALUE_MAX, PASS, PASS,
                                   sf_dictionary},
    [PV_HEADER_TRACEPARENT] = {PV_SLICE_INIT("traceparent"), 55, PASS, DROP,
                               is_traceparent},
    [PV_HEADER_TRANSFER_ENCODING] = {PV_SLICE_INIT("Transfer-Encoding"), 7,
                                     READ, READ, is_chunked},
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
