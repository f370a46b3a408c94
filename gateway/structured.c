/* structured.c - structured fields, RFC 8941 section 4.2: strict, bounded. */

#include "grammar.h"
#include "scan.h"

#define SF_MEMBERS_MAX 16 /* of one dictionary */
#define SF_ITEMS_MAX 32   /* of one inner list */
#define SF_PARAMS_MAX 16  /* of one item */
#define SF_DIGITS_MAX 15  /* RFC 8941 3.3.1 */

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

bool
pv_sf_string(struct scan *scan)
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
        return pv_sf_string(scan);
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

bool
pv_sf_dictionary(struct pv_slice value)
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
