/* worker_rest_answer.c - the body of an HTTP service's answer, as rows. */
#include "connectord/worker_rest.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/num.h"
#include "contract/binary.h"

#define POINTER_PART_MAX 256

/* ---- JSON pointers (RFC 6901) ---- */

/* ~1 is /, ~0 is ~ ; false: too long, or another ~ . */
static bool
unescape(struct pv_slice part, char room[POINTER_PART_MAX])
{
    size_t len = 0;

    for (size_t i = 0; i < part.len; i++) {
        char c = part.ptr[i];

        if (len + 1 >= POINTER_PART_MAX) {
            return false;
        }
        if (c == '~') {
            i++;
            if (i == part.len || (part.ptr[i] != '0' && part.ptr[i] != '1')) {
                return false;
            }
            c = part.ptr[i] == '0' ? '~' : '/';
        }
        room[len++] = c;
    }
    room[len] = '\0';
    return true;
}

/* NULL: it leads nowhere. */
static const json_t *
follow(const json_t *value, const char *pointer)
{
    struct pv_slice left = pv_slice_from(pointer);
    struct pv_slice part;
    char            name[POINTER_PART_MAX];
    bool            more = left.len > 0;

    if (more) {
        left = (struct pv_slice){left.ptr + 1, left.len - 1}; /* the first / */
    }
    while (more && value != NULL) {
        uint64_t index;

        more = pv_slice_cut(left, '/', &part, &left);
        if (!unescape(part, name)) {
            return NULL;
        }
        if (json_is_array(value)) {
            value = pv_slice_to_u64(part, UINT32_MAX, &index) == PV_OK
                        ? json_array_get(value, (size_t)index)
                        : NULL;
        } else {
            value = json_object_get(value, name);
        }
    }
    return value;
}

/* ---- cells ---- */

static enum pv_err
put_hex(struct pv_buf *out, struct pv_slice bytes)
{
    static const char hex[] = "0123456789abcdef";
    enum pv_err       err = pv_put_u32(out, (uint32_t)(2 * bytes.len));

    if (err == PV_OK) {
        err = pv_buf_reserve(out, 2 * bytes.len);
    }
    for (size_t i = 0; err == PV_OK && i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.ptr[i];

        out->ptr[out->len++] = hex[c >> 4];
        out->ptr[out->len++] = hex[c & 15];
    }
    return err;
}

/* A binary column: base64 in the service's JSON, hexadecimal in rows. */
static enum pv_err
put_base64(struct worker *worker, struct pv_slice text)
{
    struct pv_buf bytes;
    enum pv_err   err;

    pv_buf_init(&bytes, PV_ROWS_BYTES_MAX);
    err = pv_binary_from_base64(text, &bytes);
    err = err == PV_EINVAL ? pv_rest_fail(worker, "PVMED")
          : err == PV_OK   ? put_hex(&worker->out, pv_buf_view(&bytes))
                           : err;
    pv_buf_wipe(&bytes);
    return err;
}

static enum pv_err
put_dumped(struct pv_buf *out, const json_t *value)
{
    /* 15 digits: as many as every double gives back as they were written */
    char       *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY |
                                             JSON_REAL_PRECISION(15));
    enum pv_err err =
        text == NULL ? PV_ENOMEM : pv_put_text(out, pv_slice_from(text));

    if (text != NULL) {
        explicit_bzero(text, strlen(text));
    }
    free(text);
    return err;
}

static enum pv_err
put_cell(struct worker *worker, const json_t *value, bool base64)
{
    struct pv_slice text = {json_string_value(value),
                            json_string_length(value)};

    if (value == NULL) {
        return pv_rest_fail(worker, "PVPTR");
    }
    if (base64 && json_is_string(value)) {
        return put_base64(worker, text);
    }
    switch (json_typeof(value)) {
    case JSON_NULL:
        return pv_put_null(&worker->out);
    case JSON_TRUE:
        return pv_put_text(&worker->out, PV_LIT("yes"));
    case JSON_FALSE:
        return pv_put_text(&worker->out, PV_LIT("no"));
    case JSON_STRING:
        return pv_put_text(&worker->out, text);
    case JSON_INTEGER:
    case JSON_REAL:
    case JSON_OBJECT:
    case JSON_ARRAY:
        break;
    }
    return put_dumped(&worker->out, value);
}

/* ---- rows ---- */

static bool
is_in(const json_t *list, const char *name)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (strcmp(json_string_value(json_array_get(list, i)), name) == 0) {
            return true;
        }
    }
    return false;
}

static enum pv_err
put_row(struct worker *worker, const json_t *spec, const json_t *row)
{
    json_t       *columns = json_object_get(spec, "columns");
    const json_t *base64 = json_object_get(spec, "base64");
    const char   *name;
    json_t       *pointer;
    enum pv_err   err = PV_OK;

    json_object_foreach(columns, name, pointer)
    {
        if (err == PV_OK) {
            err = put_cell(worker, follow(row, json_string_value(pointer)),
                           is_in(base64, name));
        }
    }
    return err;
}

static enum pv_err
put_names(struct worker *worker, const json_t *spec)
{
    json_t     *columns = json_object_get(spec, "columns");
    const char *raw = json_string_value(json_object_get(spec, "raw"));
    uint32_t    count = raw == NULL ? (uint32_t)json_object_size(columns) : 1;
    const char *name;
    json_t     *pointer;
    enum pv_err err = pv_put_u32(&worker->out, count);

    if (err == PV_OK && raw != NULL) {
        return pv_put_text(&worker->out, pv_slice_from(raw));
    }
    json_object_foreach(columns, name, pointer)
    {
        if (err == PV_OK) {
            err = pv_put_text(&worker->out, pv_slice_from(name));
        }
    }
    return err;
}

/* A list gives its elements, an object itself, null nothing. */
static enum pv_err
put_rows(struct worker *worker, const struct method *method, const json_t *spec,
         const json_t *row, enum pv_query_error *kind)
{
    size_t count =
        json_is_array(row) ? json_array_size(row) : (size_t)json_is_object(row);
    enum pv_err err = PV_OK;

    if (row == NULL ||
        (!json_is_array(row) && !json_is_object(row) && !json_is_null(row))) {
        return pv_rest_fail(worker, "PVPTR");
    }
    if (count > method->max_rows) {
        *kind = PV_QUERY_ROWS;
        return PV_ERANGE;
    }
    err = put_names(worker, spec);
    if (err == PV_OK) {
        err = pv_put_u32(&worker->out, (uint32_t)count);
    }
    for (size_t i = 0; err == PV_OK && i < count; i++) {
        err = put_row(worker, spec,
                      json_is_array(row) ? json_array_get(row, i) : row);
    }
    return err;
}

enum pv_err
pv_rest_none(struct worker *worker, const struct method *method,
             const json_t *spec)
{
    enum pv_err err = method->exists_only ? pv_put_u32(&worker->out, 0)
                                          : put_names(worker, spec);

    return err == PV_OK ? pv_put_u32(&worker->out, 0) : err;
}

static bool
holds(const json_t *body, json_t *condition)
{
    const char *pointer;
    json_t     *want;

    json_object_foreach(condition, pointer, want)
    {
        const json_t *have = follow(body, pointer);

        return have != NULL && json_equal(have, want);
    }
    return false;
}

static enum pv_err
put_verdict(struct worker *worker, const json_t *spec, const json_t *body)
{
    bool yes = holds(body, json_object_get(spec, "yes_if"));
    bool no = holds(body, json_object_get(spec, "no_if"));

    enum pv_err err =
        yes == no ? pv_rest_fail(worker, "PVPTR") : pv_put_u32(&worker->out, 0);

    return err == PV_OK ? pv_put_u32(&worker->out, yes ? 1 : 0) : err;
}

/* ---- a body that is carried as it is ---- */

/* Is this the body's media type, whatever its parameters? */
static bool
is_media(const char *have, const char *want)
{
    size_t len = strlen(want);

    return strncasecmp(have, want, len) == 0 &&
           (have[len] == '\0' || have[len] == ';' || have[len] == ' ');
}

static enum pv_err
put_raw(struct worker *worker, const json_t *spec)
{
    const struct pv_rest *rest = worker->rest;
    const json_t         *media = json_object_get(spec, "media");
    bool                  fits = false;
    enum pv_err           err;

    for (size_t i = 0; i < json_array_size(media); i++) {
        fits = fits || is_media(rest->media,
                                json_string_value(json_array_get(media, i)));
    }
    if (!fits) {
        return pv_rest_fail(worker, "PVMED");
    }
    err = put_names(worker, spec);
    if (err == PV_OK) {
        err = pv_put_u32(&worker->out, 1);
    }
    return err == PV_OK ? put_hex(&worker->out, pv_buf_view(&rest->body)) : err;
}

enum pv_err
pv_rest_answer(struct worker *worker, const struct method *method,
               const json_t *spec, enum pv_query_error *kind)
{
    const struct pv_rest *rest = worker->rest;
    json_t               *body;
    const char           *row = json_string_value(json_object_get(spec, "row"));
    enum pv_err           err;

    if (json_object_get(spec, "raw") != NULL) {
        return put_raw(worker, spec);
    }
    if (rest->body.len == 0) {
        return pv_rest_fail(worker, "PVJSN");
    }
    body = json_loadb(rest->body.ptr, rest->body.len, JSON_REJECT_DUPLICATES,
                      NULL);
    if (body == NULL) {
        return pv_rest_fail(worker, "PVJSN");
    }
    err = method->exists_only
              ? put_verdict(worker, spec, body)
              : put_rows(worker, method, spec,
                         follow(body, row == NULL ? "" : row), kind);
    json_decref(body);
    return err;
}
