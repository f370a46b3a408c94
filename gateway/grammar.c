/* grammar.c - how the value of each header must look. */

#include "grammar.h"

#include "header.h"
#include "scan.h"

#define CHARSET_MAX 20
#define SF_PARAMS_MAX 16  /* of one item */
#define LIST_ITEMS_MAX 16 /* of Accept and Accept-Language */

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
        if (peek(scan) == '"' ? !pv_sf_string(scan)
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

bool
pv_is_accept(struct pv_slice value)
{
    return list_of(value, media_range);
}

bool
pv_is_accept_language(struct pv_slice value)
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

bool
pv_is_content_type(struct pv_slice value)
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

bool
pv_is_content_length(struct pv_slice value)
{
    return is_digits(value, PV_UINT_DIGITS_MAX);
}

/* Seconds only: the dates of RFC 9110 10.2.3 say when a provider answered. */
bool
pv_is_retry_after(struct pv_slice value)
{
    return is_digits(value, PV_RETRY_DIGITS_MAX);
}

/* Visible characters, or a string of structured fields. */
bool
pv_is_idempotency_key(struct pv_slice value)
{
    struct scan scan = {value.ptr, value.ptr + value.len};
    size_t      i = 0;

    while (i < value.len && value.ptr[i] > 0x20 && value.ptr[i] < 0x7f) {
        i++;
    }
    if (i == value.len) {
        return i <= PV_HEADER_IDEMPOTENCY_KEY_MAX;
    }
    return pv_sf_string(&scan) && is_at_end(&scan);
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
bool
pv_is_traceparent(struct pv_slice value)
{
    const char *at = value.ptr;

    return value.len == 55 && is_lower_hex_run(at, 2, true) &&
           memcmp(at, "ff", 2) != 0 && at[2] == '-' &&
           is_lower_hex_run(at + 3, 32, false) && at[35] == '-' &&
           is_lower_hex_run(at + 36, 16, false) && at[52] == '-' &&
           is_lower_hex_run(at + 53, 2, true);
}

bool
pv_is_purpose(struct pv_slice value)
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
bool
pv_is_consent(struct pv_slice value)
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
bool
pv_is_uuid(struct pv_slice value)
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
bool
pv_is_base64url_32(struct pv_slice value)
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
bool
pv_is_word(struct pv_slice value)
{
    for (size_t i = 0; i < value.len; i++) {
        if (!is_lower(value.ptr[i])) {
            return false;
        }
    }
    return value.len > 0;
}

bool
pv_is_chunked(struct pv_slice value)
{
    return equals_ignoring_case(value, PV_LIT("chunked"));
}
