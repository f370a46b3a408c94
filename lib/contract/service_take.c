/* service_take.c - members of a service file, checked as they are taken. */
#include "contract/service_private.h"

#include <stdarg.h>
#include <string.h>

enum pv_err
pv_loader_refuse(const struct loader *loader, const char *format, ...)
{
    char    text[PV_WHY_MAX / 2];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args); /* a cut text will do */
    va_end(args);
    pv_why_set(loader->why, "%s: %s", loader->place, text);
    return PV_EINVAL;
}

void
pv_loader_place(struct loader *loader, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    /* a cut place is still a place */
    (void)vsnprintf(loader->place, sizeof(loader->place), format, args);
    va_end(args);
}

bool
pv_service_id_is_valid(struct pv_slice id)
{
    if (id.len == 0 || id.len > PV_NAME_MAX || id.ptr[0] < 'a' ||
        id.ptr[0] > 'z') {
        return false;
    }
    for (size_t i = 0; i < id.len; i++) {
        char c = id.ptr[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) {
            return false;
        }
    }
    return true;
}

bool
pv_is_member_name(struct pv_slice name)
{
    if (name.len == 0 || name.len > PV_NAME_MAX || name.ptr[0] < 'a' ||
        name.ptr[0] > 'z') {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) {
            return false;
        }
    }
    return true;
}

enum pv_err
pv_loader_text(const struct loader *loader, const json_t *object,
               const char *name, size_t max, const char **ret)
{
    const json_t *value = json_object_get(object, name);

    if (!json_is_string(value) || json_string_length(value) == 0) {
        return pv_loader_refuse(loader, "\"%s\" is missing or is no text",
                                name);
    }
    if (json_string_length(value) > max) {
        return pv_loader_refuse(loader, "\"%s\" is longer than %zu bytes", name,
                                max);
    }
    *ret = json_string_value(value);
    return PV_OK;
}

enum pv_err
pv_loader_id(const struct loader *loader, const json_t *object,
             const char *name, char room[PV_NAME_MAX + 1])
{
    const char *text;
    enum pv_err err = pv_loader_text(loader, object, name, PV_NAME_MAX, &text);

    if (err != PV_OK) {
        return err;
    }
    if (!pv_service_id_is_valid(pv_slice_from(text))) {
        return pv_loader_refuse(
            loader, "\"%s\" must be lower-case letters, digits and -", name);
    }
    return pv_slice_to_cstr(pv_slice_from(text), room, PV_NAME_MAX + 1);
}

enum pv_err
pv_loader_number(const struct loader *loader, const json_t *object,
                 const char *name, uint32_t min, uint32_t max, uint32_t *ret)
{
    const json_t *value = json_object_get(object, name);
    json_int_t    n = json_integer_value(value);

    if (value == NULL) {
        return PV_OK; /* the default stays */
    }
    if (!json_is_integer(value) || n < min || n > max) {
        return pv_loader_refuse(loader, "\"%s\" must be a number from %u to %u",
                                name, min, max);
    }
    *ret = (uint32_t)n;
    return PV_OK;
}

enum pv_err
pv_loader_word(const struct loader *loader, const json_t *object,
               const char *name, const char *const *words, size_t *ret)
{
    const char *text;
    enum pv_err err = pv_loader_text(loader, object, name, PV_NAME_MAX, &text);

    if (err != PV_OK) {
        return err;
    }
    for (size_t i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], text) == 0) {
            *ret = i;
            return PV_OK;
        }
    }
    return pv_loader_refuse(
        loader, "\"%s\" is \"%.40s\", which is not known here", name, text);
}

enum pv_err
pv_loader_only(const struct loader *loader, const json_t *object,
               const char *const *keywords)
{
    if (!json_is_object(object)) {
        return pv_loader_refuse(loader, "must be a JSON object");
    }
    return pv_json_only(object, keywords, loader->place, loader->why);
}

enum pv_err
pv_loader_type(const struct loader *loader, const json_t *object,
               const struct pv_data_item **ret)
{
    const char                *text;
    const struct pv_data_item *type;
    enum pv_err                err =
        pv_loader_text(loader, object, "type", PV_ITEM_ID_MAX, &text);

    if (err != PV_OK) {
        return err;
    }
    type = pv_data_items_find(loader->items, pv_slice_from(text));
    if (type == NULL) {
        return pv_loader_refuse(loader, "type \"%s\" is no data item", text);
    }
    if (type->base == PV_BASE_BINARY) {
        return pv_loader_refuse(
            loader, "type \"%s\" is binary, which format 1 does not carry",
            text);
    }
    *ret = type;
    return PV_OK;
}
