/*
 * scan.h - steps of a walk over a header's value, for grammar.c and
 * structured.c. Borrowed bytes; nothing here allocates or fails.
 */
#ifndef PV_GATEWAY_SCAN_H
#define PV_GATEWAY_SCAN_H

#include <string.h>

#include "base/slice.h"

/* What is left of a value while a grammar walks over it. */
struct scan {
    const char *at;
    const char *end;
};

static inline bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool
is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static inline bool
is_alpha(char c)
{
    return is_lower((char)(c | 0x20));
}

/* RFC 9110 5.6.2 */
static inline bool
is_tchar(char c)
{
    return is_alpha(c) || is_digit(c) ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static inline bool
is_base64url(char c)
{
    return is_alpha(c) || is_digit(c) || c == '-' || c == '_';
}

static inline char
peek(const struct scan *scan)
{
    return scan->at < scan->end ? *scan->at : '\0';
}

static inline bool
take(struct scan *scan, char c)
{
    if (scan->at < scan->end && *scan->at == c) {
        scan->at++;
        return true;
    }
    return false;
}

static inline void
skip_blanks(struct scan *scan)
{
    while (scan->at < scan->end && (*scan->at == ' ' || *scan->at == '\t')) {
        scan->at++;
    }
}

static inline void
skip_spaces(struct scan *scan)
{
    while (take(scan, ' ')) {
    }
}

static inline struct pv_slice
take_while(struct scan *scan, bool (*is_part)(char c))
{
    struct pv_slice part = {scan->at, 0};

    while (scan->at < scan->end && is_part(*scan->at)) {
        scan->at++;
        part.len++;
    }
    return part;
}

static inline bool
is_at_end(const struct scan *scan)
{
    return scan->at == scan->end;
}

static inline bool
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

#endif
