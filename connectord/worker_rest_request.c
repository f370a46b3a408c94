/* worker_rest_request.c - a fixed request with a call's values in it. */
#include "connectord/worker_rest.h"

#include <stdlib.h>
#include <string.h>

#include "contract/binary.h"

static const char *
text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static bool
has(const json_t *list, struct pv_slice name)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (pv_slice_eq(name, pv_slice_from(json_string_value(
                                  json_array_get(list, i))))) {
            return true;
        }
    }
    return false;
}

/* The value of "{name}"; false: it is absent. */
static bool
value_of(const struct pv_asking *asking, struct pv_slice name,
         struct pv_slice *ret)
{
    const json_t *binds = json_object_get(asking->spec, "binds");

    for (size_t i = 0; i < json_array_size(binds); i++) {
        if (pv_slice_eq(name, pv_slice_from(json_string_value(
                                  json_array_get(binds, i))))) {
            *ret = asking->parameter[i].text;
            return asking->parameter[i].indicator != SQL_NULL_DATA;
        }
    }
    return false;
}

static bool
is_placeholder(const json_t *value, struct pv_slice *ret)
{
    size_t      len = json_string_length(value);
    const char *text = json_string_value(value);

    if (text == NULL || len < 3 || text[0] != '{' || text[len - 1] != '}') {
        return false;
    }
    *ret = (struct pv_slice){text + 1, len - 2};
    return true;
}

/* RFC 3986: everything but the unreserved is encoded. */
static enum pv_err
put_encoded(struct pv_buf *out, struct pv_slice text)
{
    static const char hex[] = "0123456789ABCDEF";
    enum pv_err       err = PV_OK;

    for (size_t i = 0; err == PV_OK && i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     (c >= '0' && c <= '9') || c == '-' || c == '_' ||
                     c == '.' || c == '~';

        err = plain ? pv_buf_add_char(out, (char)c)
                    : pv_buf_addf(out, "%%%c%c", hex[c >> 4], hex[c & 15]);
    }
    return err;
}

static bool
is_dots(struct pv_slice text)
{
    return pv_slice_eq(text, PV_LIT(".")) || pv_slice_eq(text, PV_LIT(".."));
}

static enum pv_err
put_path(struct worker *worker, struct pv_asking *asking)
{
    struct pv_slice left = pv_slice_from(text_of(asking->spec, "path"));
    bool            more = true;
    enum pv_err     err = PV_OK;

    while (err == PV_OK && more) {
        struct pv_slice part;
        struct pv_slice name;
        struct pv_slice value;

        more = pv_slice_cut(left, '{', &part, &left);
        err = pv_buf_add(&asking->url, part);
        if (err != PV_OK || !more) {
            break;
        }
        if (!pv_slice_cut(left, '}', &name, &left) ||
            !value_of(asking, name, &value) || value.len == 0 ||
            is_dots(value)) {
            return pv_rest_fail(worker, "PVARG");
        }
        err = put_encoded(&asking->url, value);
    }
    return err;
}

static enum pv_err
put_query(struct pv_asking *asking)
{
    json_t     *query = json_object_get(asking->spec, "query");
    char        mark = '?';
    const char *name;
    json_t     *value;
    enum pv_err err = PV_OK;

    json_object_foreach(query, name, value)
    {
        struct pv_slice placeholder;
        struct pv_slice text = pv_slice_from(json_string_value(value));

        if (is_placeholder(value, &placeholder) &&
            !value_of(asking, placeholder, &text)) {
            continue;
        }
        err = pv_buf_add_char(&asking->url, mark);
        mark = '&';
        if (err == PV_OK) {
            err = put_encoded(&asking->url, pv_slice_from(name));
        }
        if (err == PV_OK) {
            err = pv_buf_add_char(&asking->url, '=');
        }
        if (err == PV_OK) {
            err = put_encoded(&asking->url, text);
        }
        if (err != PV_OK) {
            return err;
        }
    }
    return err;
}

/* A copy with the values in their places; NULL: absent, or no memory. */
static json_t *
filled(const struct pv_asking *asking, json_t *pattern)
{
    struct pv_slice name;
    struct pv_slice text;
    const char     *key;
    json_t         *one;
    json_t         *made;
    size_t          i;

    if (is_placeholder(pattern, &name)) {
        if (!value_of(asking, name, &text)) {
            return NULL;
        }
        return has(json_object_get(asking->spec, "json"), name)
                   ? json_loadb(text.ptr, text.len, JSON_DECODE_ANY, NULL)
                   : json_stringn(text.ptr, text.len);
    }
    if (json_is_array(pattern)) {
        made = json_array();
        json_array_foreach(pattern, i, one)
        {
            /* an absent one is left out */
            (void)json_array_append_new(made, filled(asking, one));
        }
        return made;
    }
    if (json_is_object(pattern)) {
        made = json_object();
        json_object_foreach(pattern, key, one)
        {
            (void)json_object_set_new(made, key, filled(asking, one));
        }
        return made;
    }
    return json_incref(pattern);
}

static enum pv_err
add_header(struct pv_asking *asking, const char *name, const char *value)
{
    char               line[1024];
    struct curl_slist *more;
    int len = snprintf(line, sizeof(line), "%s: %s", name, value);

    if (len < 0 || (size_t)len >= sizeof(line) ||
        strpbrk(line, "\r\n") != NULL) {
        return PV_EINVAL;
    }
    more = curl_slist_append(asking->headers, line);
    if (more == NULL) {
        return PV_ENOMEM;
    }
    asking->headers = more;
    return PV_OK;
}

static enum pv_err
add_headers(struct pv_asking *asking, json_t *headers)
{
    const char *name;
    json_t     *value;
    enum pv_err err = PV_OK;

    json_object_foreach(headers, name, value)
    {
        if (err == PV_OK) {
            err = add_header(asking, name, json_string_value(value));
        }
    }
    return err;
}

/* A document is sent as its bytes are, by its own media type. */
static enum pv_err
put_document(struct pv_asking *asking, struct pv_slice name)
{
    struct pv_slice text;
    json_t         *document;
    const json_t   *data;
    enum pv_err     err = PV_EINVAL;

    if (!value_of(asking, name, &text)) {
        return PV_EINVAL;
    }
    document = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, NULL);
    data = json_object_get(document, "data");
    if (data != NULL) {
        err = pv_binary_from_base64((struct pv_slice){json_string_value(data),
                                                      json_string_length(data)},
                                    &asking->body);
    }
    if (err == PV_OK) {
        err = add_header(asking, "Content-Type", text_of(document, "media"));
    }
    json_decref(document);
    return err;
}

static enum pv_err
put_body(struct pv_asking *asking)
{
    json_t     *body = json_object_get(asking->spec, "body");
    const char *document = text_of(asking->spec, "send");
    json_t     *made;
    char       *text;
    enum pv_err err;

    if (document != NULL) {
        return put_document(asking, pv_slice_from(document));
    }
    if (body == NULL) {
        return PV_OK;
    }
    made = filled(asking, body);
    text = json_dumps(made, JSON_COMPACT | JSON_ENCODE_ANY);
    json_decref(made);
    if (text == NULL) {
        return PV_ENOMEM;
    }
    err = pv_buf_add(&asking->body, pv_slice_from(text));
    explicit_bzero(text, strlen(text));
    free(text);
    return err == PV_OK ? add_header(asking, "Content-Type", "application/json")
                        : err;
}

enum pv_err
pv_rest_build(struct worker *worker, struct pv_asking *asking)
{
    const json_t *settings = worker->rest->settings;
    enum pv_err   err =
        pv_buf_add(&asking->url, pv_slice_from(text_of(settings, "url")));

    if (err == PV_OK) {
        err = put_path(worker, asking);
    }
    if (err == PV_OK) {
        err = put_query(asking);
    }
    if (err == PV_OK) {
        err = put_body(asking);
    }
    if (err == PV_OK) {
        err = add_headers(asking, json_object_get(settings, "headers"));
    }
    if (err == PV_OK) {
        err = add_headers(asking, json_object_get(asking->spec, "headers"));
    }
    return err == PV_OK ? add_header(asking, "Expect", "") : err;
}
