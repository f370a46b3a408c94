#include "canonical.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

#define MEMBERS_ON_STACK 32
#define ESCAPE_MAX 6 /* \u001F */

struct member {
    const char   *name;
    const json_t *value;
};

static enum pv_err write_value(const json_t *value, struct pv_buf *out,
                               int depth);

/* ---- texts ---- */

/* As jansson has it: short where JSON has a short one. */
static size_t
escape(unsigned char c, char room[ESCAPE_MAX])
{
    static const char plain[] = "\"\\\b\f\n\r\t";
    static const char letter[] = "\"\\bfnrt";
    static const char hex[] = "0123456789ABCDEF";
    const char       *at = c == 0 ? NULL : strchr(plain, c);

    room[0] = '\\';
    if (at != NULL) {
        room[1] = letter[at - plain];
        return 2;
    }
    memcpy(room + 1, "u00", 3);
    room[4] = hex[c >> 4];
    room[5] = hex[c & 15];
    return ESCAPE_MAX;
}

static enum pv_err
write_text(const char *text, size_t len, struct pv_buf *out)
{
    enum pv_err err = pv_buf_reserve(out, len + 2);
    size_t      from = 0;

    if (err != PV_OK) {
        return err;
    }
    out->ptr[out->len++] = '"';
    for (size_t i = 0; i < len && err == PV_OK; i++) {
        unsigned char c = (unsigned char)text[i];
        char          room[ESCAPE_MAX];

        if (c >= ' ' && c != '"' && c != '\\') {
            continue;
        }
        err = pv_buf_add(out, (struct pv_slice){text + from, i - from});
        if (err == PV_OK) {
            err = pv_buf_add(out, (struct pv_slice){room, escape(c, room)});
        }
        from = i + 1;
    }
    if (err == PV_OK) {
        err = pv_buf_add(out, (struct pv_slice){text + from, len - from});
    }
    return err == PV_OK ? pv_buf_add_char(out, '"') : err;
}

/* ---- objects ---- */

static int
by_name(const void *a, const void *b)
{
    return strcmp(((const struct member *)a)->name,
                  ((const struct member *)b)->name);
}

/* Objects are small, and most of them are in order already. */
static void
sort(struct member *list, size_t count)
{
    if (count > MEMBERS_ON_STACK) {
        qsort(list, count, sizeof(*list), by_name);
        return;
    }
    for (size_t i = 1; i < count; i++) {
        struct member one = list[i];
        size_t        at = i;

        for (; at > 0 && by_name(&list[at - 1], &one) > 0; at--) {
            list[at] = list[at - 1];
        }
        list[at] = one;
    }
}

static enum pv_err
write_members(const struct member *list, size_t count, struct pv_buf *out,
              int depth)
{
    enum pv_err err = PV_OK;

    for (size_t i = 0; i < count && err == PV_OK; i++) {
        err = pv_buf_add_char(out, i == 0 ? '{' : ',');
        if (err == PV_OK) {
            err = write_text(list[i].name, strlen(list[i].name), out);
        }
        if (err == PV_OK) {
            err = pv_buf_add_char(out, ':');
        }
        if (err == PV_OK) {
            err = write_value(list[i].value, out, depth);
        }
    }
    if (err == PV_OK && count == 0) {
        err = pv_buf_add_char(out, '{');
    }
    return err == PV_OK ? pv_buf_add_char(out, '}') : err;
}

static enum pv_err
write_object(json_t *object, struct pv_buf *out, int depth)
{
    struct member  room[MEMBERS_ON_STACK];
    struct member *list = room;
    size_t         count = json_object_size(object);
    size_t         i = 0;
    enum pv_err    err;

    if (count > MEMBERS_ON_STACK) {
        list = calloc(count, sizeof(*list));
        if (list == NULL) {
            return PV_ENOMEM;
        }
    }
    for (void *at = json_object_iter(object); at != NULL && i < count;
         at = json_object_iter_next(object, at)) {
        list[i++] = (struct member){json_object_iter_key(at),
                                    json_object_iter_value(at)};
    }
    sort(list, i);
    err = write_members(list, i, out, depth);
    if (list != room) {
        free(list);
    }
    return err;
}

/* ---- values ---- */

static enum pv_err
write_array(const json_t *array, struct pv_buf *out, int depth)
{
    enum pv_err err = pv_buf_add_char(out, '[');
    size_t      count = json_array_size(array);

    for (size_t i = 0; i < count && err == PV_OK; i++) {
        if (i > 0) {
            err = pv_buf_add_char(out, ',');
        }
        if (err == PV_OK) {
            err = write_value(json_array_get(array, i), out, depth);
        }
    }
    return err == PV_OK ? pv_buf_add_char(out, ']') : err;
}

static enum pv_err
write_integer(json_int_t n, struct pv_buf *out)
{
    enum pv_err err = n < 0 ? pv_buf_add_char(out, '-') : PV_OK;

    return err == PV_OK
               ? pv_buf_add_u64(out, n < 0 ? 0 - (uint64_t)n : (uint64_t)n)
               : err;
}

static int
add_bytes(const char *bytes, size_t len, void *context)
{
    return pv_buf_add(context, (struct pv_slice){bytes, len}) == PV_OK ? 0 : -1;
}

static enum pv_err
write_value(const json_t *value, struct pv_buf *out, int depth)
{
    if (depth == 0) {
        return PV_ERANGE;
    }
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return write_object((json_t *)(uintptr_t)value, out, depth - 1);
    case JSON_ARRAY:
        return write_array(value, out, depth - 1);
    case JSON_STRING:
        return write_text(json_string_value(value), json_string_length(value),
                          out);
    case JSON_INTEGER:
        return write_integer(json_integer_value(value), out);
    case JSON_REAL: /* in views alone: no decision holds one */
        return json_dump_callback(value, add_bytes, out, JSON_ENCODE_ANY) == 0
                   ? PV_OK
                   : PV_ERANGE;
    case JSON_TRUE:
        return pv_buf_add(out, PV_LIT("true"));
    case JSON_FALSE:
        return pv_buf_add(out, PV_LIT("false"));
    case JSON_NULL:
        return pv_buf_add(out, PV_LIT("null"));
    }
    return PV_EINVAL;
}

enum pv_err
pv_canonical(const json_t *value, struct pv_buf *out)
{
    return value == NULL ? PV_EINVAL
                         : write_value(value, out, PV_CANONICAL_DEPTH_MAX);
}

enum pv_err
pv_text_json(struct pv_slice text, struct pv_buf *out)
{
    return pv_utf8_is_valid(text) ? write_text(text.ptr, text.len, out)
                                  : PV_EINVAL;
}
