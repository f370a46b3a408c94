/* contract_field.c - the inputs and outputs of a contract, as a tree. */
#include <stdlib.h>
#include <string.h>

#include "contract/contract_private.h"

struct level {
    bool   inputs;
    bool   proposed;
    size_t depth;
};

static enum pv_err take_fields_at(struct pv_taker *taker, const json_t *object,
                                  const char *name, struct level level,
                                  struct pv_field **ret, size_t *ret_count);

void
pv_fields_free(struct pv_field *field, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        pv_fields_free(field[i].item, field[i].item_count);
    }
    free(field);
}

const struct pv_field *
pv_field_find(const struct pv_field *field, size_t count, struct pv_slice name)
{
    for (size_t i = 0; i < count; i++) {
        if (pv_slice_eq(pv_slice_from(field[i].name), name)) {
            return &field[i];
        }
    }
    return NULL;
}

static enum pv_err
take_list(struct pv_taker *taker, const json_t *object, struct level level,
          struct pv_field *field)
{
    bool        list = field->type->base == PV_BASE_LIST;
    bool        object_type = field->type->base == PV_BASE_OBJECT;
    enum pv_err err = PV_OK;

    if (!list && (pv_has(object, "min_items") || pv_has(object, "max_items"))) {
        return pv_taker_refuse(taker, NULL,
                               "\"min_items\" and \"max_items\" are for lists");
    }
    if (!list && !object_type && pv_has(object, "items")) {
        return pv_taker_refuse(taker, "items",
                               "only a list or object has \"items\"");
    }
    if (list || pv_has(object, "items")) {
        level.depth++;
        err = take_fields_at(taker, object, "items", level, &field->item,
                             &field->item_count);
    } else if (object_type && strcmp(field->type->id, "object") == 0) {
        err = pv_taker_refuse(taker, NULL, "an object needs its \"items\"");
    }
    field->min_items = 0;
    field->max_items = level.inputs ? 100 : PV_METHOD_ROWS_MAX;
    if (err == PV_OK) {
        err = pv_taker_number(taker, object, "min_items", 0, field->max_items,
                              &field->min_items);
    }
    if (err == PV_OK) {
        err = pv_taker_number(taker, object, "max_items", 1,
                              level.inputs ? PV_FIELD_ITEMS_MAX
                                           : PV_METHOD_ROWS_MAX,
                              &field->max_items);
    }
    if (err == PV_OK && field->min_items > field->max_items) {
        err = pv_taker_refuse(taker, "min_items",
                              "\"min_items\" is more than \"max_items\"");
    }
    return err;
}

/* type/subtype of RFC 6838's characters */
static bool
is_media_type(struct pv_slice text)
{
    struct pv_slice part[2];

    if (!pv_slice_cut(text, '/', &part[0], &part[1])) {
        return false;
    }
    for (int i = 0; i < 2; i++) {
        if (part[i].len == 0 || part[i].len > 127 ||
            strspn(part[i].ptr, "abcdefghijklmnopqrstuvwxyz0123456789.+-") <
                part[i].len) {
            return false;
        }
    }
    return true;
}

static enum pv_err
take_binary(struct pv_taker *taker, const json_t *object,
            struct pv_field *field)
{
    const json_t *media;
    enum pv_err   err;

    if (field->type->base != PV_BASE_BINARY) {
        return pv_has(object, "media") || pv_has(object, "max_bytes")
                   ? pv_taker_refuse(taker, NULL,
                                     "\"media\" and \"max_bytes\" are for "
                                     "binary items")
                   : PV_OK;
    }
    if (!pv_has(object, "max_bytes")) {
        return pv_taker_refuse(taker, NULL,
                               "a binary item needs \"max_bytes\" (R-047)");
    }
    err = pv_taker_number(taker, object, "max_bytes", 1, PV_FIELD_BYTES_MAX,
                          &field->max_bytes);
    if (err == PV_OK) {
        err = pv_taker_list(taker, object, "media", PV_MEDIA_MAX, &media);
    }
    for (size_t i = 0; err == PV_OK && i < json_array_size(media); i++) {
        const char *text = json_string_value(json_array_get(media, i));

        if (text == NULL || !is_media_type(pv_slice_from(text))) {
            err = pv_taker_refuse(taker, "media",
                                  "\"media\" must be types as image/jpeg");
        }
    }
    return err;
}

static enum pv_err
take_presence(struct pv_taker *taker, const json_t *object, struct level level,
              struct pv_field *field)
{
    enum pv_err err = PV_OK;

    if (level.inputs) {
        if (pv_has(object, "until")) {
            return pv_taker_refuse(taker, "until", "\"until\" is for outputs");
        }
        field->required = true;
        err = pv_taker_bool(taker, object, "required", &field->required);
        if (err == PV_OK) {
            err = pv_taker_words(taker, object, "absent", !field->required);
        }
        if (err == PV_OK && field->required && pv_has(object, "absent_en")) {
            err = pv_taker_refuse(taker, "absent_en",
                                  "a required input is never absent");
        }
        return err;
    }
    if (pv_has(object, "absent_en") || pv_has(object, "required")) {
        return pv_taker_refuse(taker, NULL,
                               "\"required\" and \"absent\" are for inputs");
    }
    return pv_has(object, "until")
               ? pv_taker_day(taker, object, "until", field->until)
               : PV_OK;
}

static enum pv_err
take_field(struct pv_taker *taker, const json_t *object, struct level level,
           struct pv_field *field)
{
    static const char *const keywords[] = {
        "name",     "type",      "required",  "basis",     "title_fa",
        "title_en", "note_fa",   "note_en",   "absent_fa", "absent_en",
        "items",    "min_items", "max_items", "media",     "max_bytes",
        "until",    NULL};
    static const char *const bases[] = {"document", "proposed", NULL};
    size_t                   basis = level.proposed;
    enum pv_err              err = pv_taker_only(taker, object, keywords);

    field->source = object;
    field->input = level.inputs;
    if (err == PV_OK) {
        err = pv_taker_name(taker, object, "name", field->name,
                            sizeof(field->name));
    }
    if (err == PV_OK) {
        err = pv_taker_type(taker, object, &field->type);
    }
    if (err == PV_OK && pv_has(object, "basis")) {
        err = pv_taker_word(taker, object, "basis", bases, &basis);
    }
    field->proposed = basis == 1;
    if (err == PV_OK) {
        err = pv_taker_words(taker, object, "title", false);
    }
    if (err == PV_OK) {
        err = pv_taker_words(taker, object, "note", false);
    }
    if (err == PV_OK) {
        err = take_presence(taker, object, level, field);
    }
    if (err == PV_OK) {
        err = take_list(taker, object, level, field);
    }
    return err == PV_OK ? take_binary(taker, object, field) : err;
}

static enum pv_err
take_fields_at(struct pv_taker *taker, const json_t *object, const char *name,
               struct level level, struct pv_field **ret, size_t *ret_count)
{
    const json_t    *list = NULL;
    struct pv_field *field;
    enum pv_err      err;

    if (level.depth > PV_FIELD_DEPTH_MAX) {
        return pv_taker_refuse(taker, name, "more than %d levels of structures",
                               PV_FIELD_DEPTH_MAX);
    }
    err = pv_taker_list(taker, object, name, PV_FIELDS_MAX, &list);
    if (err != PV_OK) {
        return err;
    }
    field = calloc(json_array_size(list), sizeof(*field));
    if (field == NULL) {
        return PV_ENOMEM;
    }
    *ret = field; /* freed with its owner from here on */
    *ret_count = json_array_size(list);
    for (size_t i = 0; err == PV_OK && i < json_array_size(list); i++) {
        size_t mark = pv_taker_enter_index(taker, name, i);

        err = take_field(taker, json_array_get(list, i), level, &field[i]);
        if (err == PV_OK && strcmp(field[i].name, "order_token") == 0) {
            err = pv_taker_refuse(taker, "name",
                                  "\"order_token\" is the connector's own");
        }
        if (err == PV_OK &&
            pv_field_find(field, i, pv_slice_from(field[i].name)) != NULL) {
            err = pv_taker_refuse(taker, "name", "\"%s\" is there already",
                                  field[i].name);
        }
        pv_taker_leave(taker, mark);
    }
    return err;
}

enum pv_err
pv_take_fields(struct pv_taker *taker, const json_t *object, const char *name,
               bool inputs, bool proposed, struct pv_field **ret,
               size_t *ret_count)
{
    struct level level = {.inputs = inputs, .proposed = proposed, .depth = 0};

    return take_fields_at(taker, object, name, level, ret, ret_count);
}
