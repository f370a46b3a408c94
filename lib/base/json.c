#include "base/json.h"

#include <string.h>

#include "base/num.h"

void
pv_json_init(struct pv_json *json, struct pv_buf *out)
{
    *json = (struct pv_json){.out = out, .err = PV_OK};
}

static void
put(struct pv_json *json, struct pv_slice s)
{
    if (json->err == PV_OK) {
        json->err = pv_buf_add(json->out, s);
    }
}

static void
put_char(struct pv_json *json, char c)
{
    put(json, (struct pv_slice){&c, 1});
}

static bool
is_plain(unsigned char c)
{
    return c >= ' ' && c != '"' && c != '\\';
}

/* Not zero: one of the eight bytes is not plain, or perhaps one above 127. */
static uint64_t
not_plain(uint64_t eight)
{
    const uint64_t one = UINT64_C(0x0101010101010101);
    uint64_t       quote = eight ^ one * '"';
    uint64_t       slash = eight ^ one * '\\';

    return ((eight - one * ' ') | (quote - one) | (slash - one)) & one * 0x80;
}

/* How much of the text needs no escape: a record has far more than it needs. */
static size_t
plain_len(struct pv_slice s)
{
    size_t   len = 0;
    uint64_t eight;

    while (s.len - len >= sizeof(eight)) {
        memcpy(&eight, s.ptr + len, sizeof(eight));
        if (not_plain(eight) != 0) {
            break;
        }
        len += sizeof(eight);
    }
    while (len < s.len && is_plain((unsigned char)s.ptr[len])) {
        len++;
    }
    return len;
}

static void
put_escaped(struct pv_json *json, unsigned char c)
{
    static const char digit[] = "0123456789abcdef";
    static const char letter[] = "btn?fr"; /* 8, 9, 10, (11), 12, 13 */
    char   text[6] = {'\\', 'u', '0', '0', digit[c >> 4], digit[c & 15]};
    size_t len = 2;

    if (c == '"' || c == '\\') {
        text[1] = (char)c;
    } else if (c >= 8 && c <= 13 && c != 11) {
        text[1] = letter[c - 8];
    } else {
        len = sizeof(text);
    }
    put(json, (struct pv_slice){text, len});
}

static void
put_quoted(struct pv_json *json, struct pv_slice s)
{
    put_char(json, '"');
    while (s.len > 0) {
        size_t len = plain_len(s);

        put(json, (struct pv_slice){s.ptr, len});
        if (len < s.len) {
            put_escaped(json, (unsigned char)s.ptr[len]);
            len++;
        }
        s.ptr += len;
        s.len -= len;
    }
    put_char(json, '"');
}

static void
start(struct pv_json *json, const char *name)
{
    if (json->has_item[json->depth]) {
        put_char(json, ',');
    }
    json->has_item[json->depth] = true;
    if (name != NULL) {
        put_quoted(json, pv_slice_from(name));
        put_char(json, ':');
    }
}

static void
open_level(struct pv_json *json, const char *name, char bracket)
{
    start(json, name);
    put_char(json, bracket);
    if (json->depth + 1 >= PV_JSON_DEPTH_MAX) {
        json->err = json->err == PV_OK ? PV_ERANGE : json->err;
        return;
    }
    json->depth++;
    json->has_item[json->depth] = false;
}

static void
close_level(struct pv_json *json, char bracket)
{
    if (json->depth == 0) {
        json->err = json->err == PV_OK ? PV_ESTATE : json->err;
        return;
    }
    json->depth--;
    put_char(json, bracket);
}

void
pv_json_object(struct pv_json *json, const char *name)
{
    open_level(json, name, '{');
}

void
pv_json_array(struct pv_json *json, const char *name)
{
    open_level(json, name, '[');
}

void
pv_json_end_object(struct pv_json *json)
{
    close_level(json, '}');
}

void
pv_json_end_array(struct pv_json *json)
{
    close_level(json, ']');
}

void
pv_json_string(struct pv_json *json, const char *name, struct pv_slice value)
{
    start(json, name);
    put_quoted(json, value);
}

void
pv_json_text(struct pv_json *json, const char *name, const char *value)
{
    pv_json_string(json, name, pv_slice_from(value));
}

void
pv_json_u64(struct pv_json *json, const char *name, uint64_t value)
{
    char   text[PV_U64_TEXT_MAX];
    size_t len = pv_u64_text(value, text);

    start(json, name);
    put(json, (struct pv_slice){text, len});
}

void
pv_json_i64(struct pv_json *json, const char *name, int64_t value)
{
    char   text[PV_U64_TEXT_MAX];
    size_t len = pv_u64_text(
        value < 0 ? (uint64_t)(-(value + 1)) + 1 : (uint64_t)value, text);

    start(json, name);
    if (value < 0) {
        put_char(json, '-');
    }
    put(json, (struct pv_slice){text, len});
}

void
pv_json_bool(struct pv_json *json, const char *name, bool value)
{
    start(json, name);
    put(json, value ? PV_LIT("true") : PV_LIT("false"));
}

void
pv_json_null(struct pv_json *json, const char *name)
{
    start(json, name);
    put(json, PV_LIT("null"));
}

enum pv_err
pv_json_finish(const struct pv_json *json)
{
    if (json->err != PV_OK) {
        return json->err;
    }
    return json->depth == 0 ? PV_OK : PV_ESTATE;
}
