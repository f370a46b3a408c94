#include "httpsig/input.h"

#include <string.h>

#include "base/base64.h"
#include "base/num.h"

/* The rest of a value; every take_ moves it on, or says no. */
struct cursor {
    struct pv_slice rest;
};

static void
skip(struct cursor *cursor, size_t len)
{
    cursor->rest.ptr += len;
    cursor->rest.len -= len;
}

static bool
take(struct cursor *cursor, char c)
{
    if (cursor->rest.len == 0 || cursor->rest.ptr[0] != c) {
        return false;
    }
    skip(cursor, 1);
    return true;
}

static bool
is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A key of RFC 9651 3.1.2 that begins with a letter. */
static bool
take_key(struct cursor *cursor, struct pv_slice *ret)
{
    size_t len = 0;

    while (len < cursor->rest.len) {
        char c = cursor->rest.ptr[len];

        if (!is_lower(c) &&
            (len == 0 || (!is_digit(c) && c != '_' && c != '-' && c != '.'))) {
            break;
        }
        len++;
    }
    if (len == 0 || len > PV_HTTPSIG_TEXT_MAX) {
        return false;
    }
    *ret = (struct pv_slice){cursor->rest.ptr, len};
    skip(cursor, len);
    return true;
}

/* A string that is not empty and has nothing to escape. */
static bool
take_string(struct cursor *cursor, struct pv_slice *ret)
{
    struct pv_slice text;
    struct pv_slice rest;

    if (!take(cursor, '"') || !pv_slice_cut(cursor->rest, '"', &text, &rest) ||
        text.len == 0 || text.len > PV_HTTPSIG_TEXT_MAX) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < 0x20 || text.ptr[i] > 0x7e || text.ptr[i] == '\\') {
            return false;
        }
    }
    *ret = text;
    cursor->rest = rest;
    return true;
}

static bool
take_seconds(struct cursor *cursor, int64_t *ret)
{
    uint64_t seconds;
    size_t   len = 0;

    while (len < cursor->rest.len && is_digit(cursor->rest.ptr[len])) {
        len++;
    }
    if (pv_slice_to_u64((struct pv_slice){cursor->rest.ptr, len},
                        PV_HTTPSIG_TIME_MAX, &seconds) != PV_OK) {
        return false;
    }
    *ret = (int64_t)seconds;
    skip(cursor, len);
    return true;
}

/* A field's name is a token in lower case; a derived one begins with @. */
static bool
is_name(struct pv_slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];

        if (!is_lower(c) && !is_digit(c) && c != '-' && c != '_' &&
            (c != '@' || i > 0 || name.len == 1)) {
            return false;
        }
    }
    return true;
}

bool
pv_httpsig_covers(const struct pv_httpsig_input *input, struct pv_slice name,
                  bool req)
{
    for (size_t i = 0; i < input->component_count; i++) {
        if (input->component[i].req == req &&
            pv_slice_eq(input->component[i].name, name)) {
            return true;
        }
    }
    return false;
}

static enum pv_err
take_component(struct cursor *cursor, struct pv_httpsig_input *input)
{
    struct pv_httpsig_component component = {.req = false};
    struct pv_slice             key;

    if (!take_string(cursor, &component.name) || !is_name(component.name)) {
        return PV_EINVAL;
    }
    if (take(cursor, ';')) {
        if (!take_key(cursor, &key) || !pv_slice_eq(key, PV_LIT("req"))) {
            return PV_EINVAL;
        }
        component.req = true;
    }
    if (pv_httpsig_covers(input, component.name, component.req)) {
        return PV_EINVAL;
    }
    if (input->component_count == PV_HTTPSIG_COMPONENTS_MAX) {
        return PV_ERANGE;
    }
    input->component[input->component_count++] = component;
    return PV_OK;
}

static enum pv_err
take_components(struct cursor *cursor, struct pv_httpsig_input *input)
{
    enum pv_err err = PV_OK;

    if (!take(cursor, '(')) {
        return PV_EINVAL;
    }
    if (take(cursor, ')')) {
        return PV_OK;
    }
    do {
        err = take_component(cursor, input);
    } while (err == PV_OK && take(cursor, ' '));
    if (err != PV_OK) {
        return err;
    }
    return take(cursor, ')') ? PV_OK : PV_EINVAL;
}

static bool
take_time(struct cursor *cursor, int64_t *time)
{
    return *time == PV_HTTPSIG_NO_TIME && take_seconds(cursor, time);
}

static bool
take_text(struct cursor *cursor, struct pv_slice *text)
{
    return text->len == 0 && take_string(cursor, text);
}

static bool
take_parameter(struct cursor *cursor, struct pv_httpsig_input *input)
{
    struct pv_slice key;

    if (!take_key(cursor, &key) || !take(cursor, '=')) {
        return false;
    }
    if (pv_slice_eq(key, PV_LIT("created"))) {
        return take_time(cursor, &input->created);
    }
    if (pv_slice_eq(key, PV_LIT("expires"))) {
        return take_time(cursor, &input->expires);
    }
    if (pv_slice_eq(key, PV_LIT("keyid"))) {
        return take_text(cursor, &input->keyid);
    }
    if (pv_slice_eq(key, PV_LIT("nonce"))) {
        return take_text(cursor, &input->nonce);
    }
    if (pv_slice_eq(key, PV_LIT("alg"))) {
        return take_text(cursor, &input->alg);
    }
    return pv_slice_eq(key, PV_LIT("tag")) && take_text(cursor, &input->tag);
}

enum pv_err
pv_httpsig_input_read(struct pv_slice value, struct pv_httpsig_input *ret)
{
    struct pv_httpsig_input input;
    struct cursor           cursor = {value};
    enum pv_err             err;

    if (value.len > PV_HTTPSIG_INPUT_MAX) {
        return PV_ERANGE;
    }
    memset(&input, 0, sizeof(input));
    input.created = PV_HTTPSIG_NO_TIME;
    input.expires = PV_HTTPSIG_NO_TIME;
    if (!take_key(&cursor, &input.label) || !take(&cursor, '=')) {
        return PV_EINVAL;
    }
    input.params = cursor.rest;
    err = take_components(&cursor, &input);
    if (err != PV_OK) {
        return err;
    }
    while (take(&cursor, ';')) {
        if (!take_parameter(&cursor, &input)) {
            return PV_EINVAL;
        }
    }
    if (cursor.rest.len != 0) {
        return PV_EINVAL;
    }
    *ret = input;
    return PV_OK;
}

enum pv_err
pv_httpsig_signature_read(struct pv_slice value, struct pv_slice label,
                          uint8_t ret[PV_HTTPSIG_SIGNATURE_LEN])
{
    struct cursor   cursor = {value};
    struct pv_slice key;
    struct pv_slice base64;
    uint8_t         bytes[PV_HTTPSIG_SIGNATURE_LEN];

    if (!take_key(&cursor, &key) || !pv_slice_eq(key, label) ||
        !take(&cursor, '=') || !take(&cursor, ':') ||
        !pv_slice_cut(cursor.rest, ':', &base64, &cursor.rest) ||
        cursor.rest.len != 0 ||
        pv_base64_exactly(base64, bytes, sizeof(bytes)) != PV_OK) {
        return PV_EINVAL;
    }
    memcpy(ret, bytes, sizeof(bytes));
    return PV_OK;
}
