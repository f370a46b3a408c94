#include "contract/shape.h"

#include <string.h>

#include "contract/binary.h"
#include "contract/take.h"

static enum pv_err
fail(struct pv_fault *fault, enum pv_fault_kind kind, const char *name)
{
    pv_fault_set(fault, kind, pv_slice_from(name));
    return PV_EINVAL;
}

/* ---- plain values ---- */

/* {"type": ..., "value": ...} for an input that accepts several types */
static enum pv_err
take_alternative(const struct pv_field *field, const json_t *object,
                 const char *name, struct pv_slice *text,
                 const struct pv_data_item **type, struct pv_fault *fault)
{
    const struct pv_data_item *item = field->type;
    const json_t              *type_name = json_object_get(object, "type");
    const json_t              *value = json_object_get(object, "value");
    const struct pv_data_item *member;
    enum pv_fault_kind         kind;

    if (!field->input || item->any_count == 0) {
        return fail(fault, PV_FAULT_NOT_STRING, name);
    }
    if (json_object_size(object) != 2 || !json_is_string(type_name) ||
        !json_is_string(value)) {
        return fail(fault, PV_FAULT_ALTERNATIVE, name);
    }
    member = pv_data_item_member(
        item, (struct pv_slice){json_string_value(type_name),
                                json_string_length(type_name)});
    if (member == NULL) {
        return fail(fault, PV_FAULT_TYPE, name);
    }
    *text =
        (struct pv_slice){json_string_value(value), json_string_length(value)};
    kind = pv_data_item_check(member, *text, type);
    return kind == PV_FAULT_NONE ? PV_OK : fail(fault, kind, name);
}

enum pv_err
pv_shape_text(const struct pv_field *field, const json_t *value,
              const char *name, struct pv_slice *ret_text,
              const struct pv_data_item **ret_type, struct pv_fault *ret_fault)
{
    const struct pv_data_item *type = field->type;
    struct pv_slice            text = {NULL, 0};
    enum pv_err                err = PV_OK;

    if (json_is_object(value)) {
        err = take_alternative(field, value, name, &text, &type, ret_fault);
    } else if (!json_is_string(value)) {
        err = fail(ret_fault, PV_FAULT_NOT_STRING, name);
    } else {
        enum pv_fault_kind kind;

        text = (struct pv_slice){json_string_value(value),
                                 json_string_length(value)};
        kind = pv_data_item_check(field->type, text, &type);
        err = kind == PV_FAULT_NONE ? PV_OK : fail(ret_fault, kind, name);
    }
    if (err == PV_OK) {
        *ret_text = pv_data_item_canonical(type, text);
        *ret_type = type;
    }
    return err;
}

/* ---- binary values ---- */

static enum pv_err
check_media(const struct pv_field *field, struct pv_slice media,
            struct pv_slice bytes, const char *name, struct pv_fault *fault)
{
    const json_t *list = json_object_get(field->source, "media");
    bool          allowed = false;

    for (size_t i = 0; i < json_array_size(list); i++) {
        allowed = allowed ||
                  pv_slice_eq(
                      pv_slice_from(json_string_value(json_array_get(list, i))),
                      media);
    }
    if (!allowed || !pv_media_fits(media, bytes)) {
        return fail(fault, PV_FAULT_MEDIA, name);
    }
    return bytes.len <= field->max_bytes ? PV_OK
                                         : fail(fault, PV_FAULT_BYTES, name);
}

static enum pv_err
take_binary(const struct pv_field *field, const json_t *value, const char *name,
            struct pv_fault *fault)
{
    const json_t   *media = json_object_get(value, "media");
    const json_t   *data = json_object_get(value, "data");
    struct pv_slice text;
    struct pv_buf   bytes;
    enum pv_err     err;

    if (json_object_size(value) != 2 || !json_is_string(media) ||
        !json_is_string(data)) {
        return fail(fault, PV_FAULT_BINARY, name);
    }
    text = (struct pv_slice){json_string_value(data), json_string_length(data)};
    pv_buf_init(&bytes, PV_FIELD_BYTES_MAX);
    err = pv_binary_from_base64(text, &bytes);
    if (err == PV_EINVAL) {
        err = fail(fault, PV_FAULT_BINARY, name);
    } else if (err == PV_ERANGE) {
        err = fail(fault, PV_FAULT_BYTES, name);
    }
    if (err == PV_OK) {
        err = check_media(field,
                          (struct pv_slice){json_string_value(media),
                                            json_string_length(media)},
                          pv_buf_view(&bytes), name, fault);
    }
    pv_buf_wipe(&bytes);
    return err;
}

/* The first allowed type whose signature the bytes have. */
static struct pv_slice
media_of(const struct pv_field *field, struct pv_slice bytes)
{
    const json_t *list = json_object_get(field->source, "media");

    for (size_t i = 0; i < json_array_size(list); i++) {
        struct pv_slice media =
            pv_slice_from(json_string_value(json_array_get(list, i)));

        if (pv_media_fits(media, bytes)) {
            return media;
        }
    }
    return PV_LIT("");
}

enum pv_err
pv_shape_binary(const struct pv_field *field, struct pv_slice hex,
                const char *name, json_t **ret, struct pv_fault *ret_fault)
{
    struct pv_buf   bytes;
    struct pv_buf   text;
    struct pv_slice media;
    enum pv_err     err;

    pv_buf_init(&bytes, field->max_bytes);
    pv_buf_init(&text, 2 * (size_t)PV_FIELD_BYTES_MAX);
    err = pv_binary_from_hex(hex, &bytes);
    if (err == PV_EINVAL) {
        err = fail(ret_fault, PV_FAULT_BINARY, name);
    } else if (err == PV_ERANGE) {
        err = fail(ret_fault, PV_FAULT_BYTES, name);
    }
    if (err != PV_OK) {
        goto out;
    }
    media = media_of(field, pv_buf_view(&bytes));
    if (media.len == 0) {
        err = fail(ret_fault, PV_FAULT_MEDIA, name);
        goto out;
    }
    err = pv_binary_to_base64(pv_buf_view(&bytes), &text);
    if (err == PV_OK) {
        *ret = json_pack("{s:s%,s:s%}", "media", media.ptr, media.len, "data",
                         text.ptr == NULL ? "" : text.ptr, text.len);
        err = *ret == NULL ? PV_ENOMEM : PV_OK;
    }

out:
    pv_buf_wipe(&bytes);
    pv_buf_wipe(&text);
    return err;
}

/* ---- structures ---- */

static enum pv_err
take_geometry(const json_t *value, const char *name, struct pv_fault *fault)
{
    const char *type = json_string_value(json_object_get(value, "type"));

    if (type == NULL ||
        (strcmp(type, "Polygon") != 0 && strcmp(type, "MultiPolygon") != 0) ||
        !json_is_array(json_object_get(value, "coordinates"))) {
        return fail(fault, PV_FAULT_GEOMETRY, name);
    }
    return PV_OK;
}

static enum pv_err
take_list(const struct pv_field *field, json_t *value, const char *name,
          struct pv_fault *fault)
{
    size_t      count = json_array_size(value);
    enum pv_err err = PV_OK;

    if (!json_is_array(value)) {
        return fail(fault, PV_FAULT_NOT_LIST, name);
    }
    if (count < field->min_items || count > field->max_items) {
        return fail(fault, PV_FAULT_ITEMS, name);
    }
    for (size_t i = 0; err == PV_OK && i < count; i++) {
        char element[PV_MEMBER_MAX];

        /* a cut name will do */
        (void)snprintf(element, sizeof(element), "%.80s[%zu]", name, i);
        err = pv_shape_take_object(field->item, field->item_count,
                                   json_array_get(value, i), element, fault);
    }
    return err;
}

/* Put the canonical text in its place, and in a request the type beside it. */
static enum pv_err
put_plain(const struct pv_field *field, json_t *object, const char *name,
          struct pv_fault *fault)
{
    char                       type_name[PV_NAME_MAX + sizeof(".type")];
    const struct pv_data_item *type;
    struct pv_slice            text;
    json_t                    *string;
    enum pv_err err = pv_shape_text(field, json_object_get(object, field->name),
                                    name, &text, &type, fault);

    if (err != PV_OK) {
        return err;
    }
    string = json_stringn(text.ptr, text.len);
    if (json_object_set_new(object, field->name, string) != 0) {
        return PV_ENOMEM;
    }
    if (!field->input || field->type->any_count == 0) {
        return PV_OK; /* an answer holds the values alone */
    }
    (void)snprintf(type_name, sizeof(type_name), "%s.type",
                   field->name); /* fits */
    return json_object_set_new(object, type_name, json_string(type->id)) == 0
               ? PV_OK
               : PV_ENOMEM;
}

enum pv_err
pv_shape_take(const struct pv_field *field, json_t *value, const char *name,
              struct pv_fault *ret_fault)
{
    switch (field->type->base) {
    case PV_BASE_LIST:
        return take_list(field, value, name, ret_fault);
    case PV_BASE_OBJECT:
        if (field->item_count == 0) {
            return take_geometry(value, name, ret_fault);
        }
        return pv_shape_take_object(field->item, field->item_count, value, name,
                                    ret_fault);
    case PV_BASE_BINARY:
        return take_binary(field, value, name, ret_fault);
    case PV_BASE_STRING:
    case PV_BASE_INTEGER:
    case PV_BASE_DECIMAL:
    case PV_BASE_BOOLEAN:
    case PV_BASE_DATE:
    case PV_BASE_ENUM:
        break;
    }
    {
        const struct pv_data_item *type;
        struct pv_slice            text;

        return pv_shape_text(field, value, name, &text, &type, ret_fault);
    }
}

enum pv_err
pv_shape_take_object(const struct pv_field *field, size_t count, json_t *object,
                     const char *name, struct pv_fault *ret_fault)
{
    size_t found = 0;
    size_t members = json_object_size(object);

    if (!json_is_object(object)) {
        return fail(ret_fault, PV_FAULT_NOT_OBJECT, name);
    }
    for (size_t i = 0; i < count; i++) {
        json_t     *value = json_object_get(object, field[i].name);
        char        member[PV_MEMBER_MAX];
        enum pv_err err;

        /* a cut name will do */
        (void)snprintf(member, sizeof(member), "%s%s%s", name,
                       name[0] == '\0' ? "" : ".", field[i].name);
        if (value == NULL) {
            if (field[i].required) {
                return fail(ret_fault, PV_FAULT_MISSING, member);
            }
            continue;
        }
        err = field[i].type->pattern != NULL
                  ? put_plain(&field[i], object, member, ret_fault)
                  : pv_shape_take(&field[i], value, member, ret_fault);
        if (err != PV_OK) {
            return err;
        }
        found++;
    }
    return found == members
               ? PV_OK
               : pv_shape_unknown(field, count, object, name, ret_fault);
}

/* A name that a caller made up is said back only when it looks like one: it
 * could be a value put in the wrong place. */
static enum pv_err
fail_unknown(struct pv_fault *fault, const char *prefix, const char *name)
{
    char            full[PV_MEMBER_MAX];
    struct pv_slice said = pv_slice_from(name);
    int             len;

    for (size_t i = 0; i < said.len; i++) {
        if ((name[i] < 'a' || name[i] > 'z') && name[i] != '_') {
            return fail(fault, PV_FAULT_UNKNOWN, prefix);
        }
    }
    len = snprintf(full, sizeof(full), "%s%s%s", prefix,
                   prefix[0] == '\0' ? "" : ".", name);
    return fail(fault, PV_FAULT_UNKNOWN,
                len < 0 || (size_t)len >= sizeof(full) ? prefix : full);
}

enum pv_err
pv_shape_unknown(const struct pv_field *field, size_t count, json_t *object,
                 const char *name, struct pv_fault *ret_fault)
{
    for (void *at = json_object_iter(object); at != NULL;
         at = json_object_iter_next(object, at)) {
        const char *key = json_object_iter_key(at);

        /* `<name>.type` was put there by pv_shape_take_object */
        if (pv_field_find(field, count, pv_slice_from(key)) == NULL &&
            strchr(key, '.') == NULL) {
            return fail_unknown(ret_fault, name, key);
        }
    }
    return fail(ret_fault, PV_FAULT_UNKNOWN, name);
}
