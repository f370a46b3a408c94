/* schema.c - JSON Schema 2020-12 of a method's request and answer. */
#include <string.h>

#include "contract/openapi.h"

/* pv_time_text's; `format` says nothing to a validator unless it is asked */
#define TIME_PATTERN                                                           \
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{3}Z$"

/*
 * Set a member, taking value. A NULL value is no memory: it is left out, and
 * `ok` says so at the end.
 */
static void
put(json_t *object, const char *name, json_t *value, bool *ok)
{
    *ok = json_object_set_new(object, name, value) == 0 && *ok;
}

static const char *
word(const json_t *source, const char *name)
{
    return json_string_value(json_object_get(source, name));
}

/* Titles: the field's own, or its data item's. */
static void
put_titles(json_t *schema, const struct pv_field *field, bool *ok)
{
    const char *en = word(field->source, "title_en");
    const char *fa = word(field->source, "title_fa");
    const char *note = word(field->source, "note_en");

    put(schema, "title",
        json_string(en != NULL ? en : word(field->type->source, "name_en")),
        ok);
    put(schema, "x-payvand-title-fa",
        json_string(fa != NULL ? fa : word(field->type->source, "name_fa")),
        ok);
    put(schema, "x-payvand-item", json_string(field->type->id), ok);
    put(schema, "x-payvand-basis",
        json_string(field->proposed ? "proposed" : "document"), ok);
    if (note != NULL) {
        put(schema, "description", json_string(note), ok);
        put(schema, "x-payvand-description-fa",
            json_string(word(field->source, "note_fa")), ok);
    }
    if (field->until[0] != '\0') {
        put(schema, "x-payvand-until", json_string(field->until), ok);
    }
}

static void
put_plain(json_t *schema, const struct pv_data_item *item, bool *ok)
{
    const char *rule = word(item->source, "check_rule");
    json_t     *example = json_object_get(item->source, "example");

    put(schema, "type", json_string("string"), ok);
    put(schema, "pattern", json_string(word(item->source, "pattern")), ok);
    if (json_is_string(example)) {
        put(schema, "examples", json_pack("[O]", example), ok);
    }
    if (rule != NULL) {
        put(schema, "x-payvand-check", json_string(rule), ok);
    }
}

/* A string, or {"type":...,"value":...} of one of the members. */
static void
put_union(json_t *schema, const struct pv_data_item *item, bool *ok)
{
    json_t *any = json_array();
    json_t *plain = json_object();

    put_plain(plain, item, ok);
    *ok = json_array_append_new(any, plain) == 0 && *ok;
    for (size_t i = 0; i < item->any_count; i++) {
        const struct pv_data_item *one = item->any_of[i];
        json_t                    *value = json_object();

        put_plain(value, one, ok);
        *ok =
            json_array_append_new(
                any, json_pack("{s:s,s:b,s:[s,s],s:{s:{s:s},s:o}}", "type",
                               "object", "additionalProperties", 0, "required",
                               "type", "value", "properties", "type", "const",
                               one->id, "value", value)) == 0 &&
            *ok;
    }
    put(schema, "anyOf", any, ok);
}

static void
put_binary(json_t *schema, const struct pv_field *field, bool *ok)
{
    json_t *media = json_object_get(field->source, "media");

    put(schema, "type", json_string("object"), ok);
    put(schema, "additionalProperties", json_false(), ok);
    put(schema, "required", json_pack("[s,s]", "media", "data"), ok);
    put(schema, "properties",
        json_pack("{s:{s:O},s:{s:s,s:s,s:i}}", "media", "enum", media, "data",
                  "type", "string", "contentEncoding", "base64", "maxLength",
                  (int)((field->max_bytes + 2) / 3 * 4)),
        ok);
}

/* A code, or one that has no single partner in the coding asked for. */
static void
put_coded(json_t *schema, const struct pv_field *field, bool *ok)
{
    json_t *plain = json_object();
    json_t *value = json_object();

    put_plain(plain, field->type, ok);
    put_plain(value, field->type, ok);
    put(schema, "anyOf",
        json_pack("[o,{s:s,s:b,s:[s,s,s],s:{s:{s:s},s:o,s:{s:[s,s]}}}]", plain,
                  "type", "object", "additionalProperties", 0, "required",
                  "type", "value", "partners", "properties", "type", "type",
                  "string", "value", value, "partners", "enum", "none", "many"),
        ok);
}

static void
put_geometry(json_t *schema, bool *ok)
{
    put(schema, "type", json_string("object"), ok);
    put(schema, "required", json_pack("[s,s]", "type", "coordinates"), ok);
    put(schema, "properties",
        json_pack("{s:{s:[s,s]},s:{s:s}}", "type", "enum", "Polygon",
                  "MultiPolygon", "coordinates", "type", "array"),
        ok);
}

static void put_object(json_t *schema, const struct pv_field *field,
                       size_t count, bool inputs, bool *ok);

static json_t *
schema_of(const struct pv_field *field, bool inputs, bool *ok)
{
    json_t *schema = json_object();
    json_t *items;

    put_titles(schema, field, ok);
    if (field->coded && !inputs) {
        put_coded(schema, field, ok);
        return schema;
    }
    switch (field->type->base) {
    case PV_BASE_LIST:
        items = json_object();
        put_object(items, field->item, field->item_count, inputs, ok);
        put(schema, "type", json_string("array"), ok);
        put(schema, "minItems", json_integer(field->min_items), ok);
        put(schema, "maxItems", json_integer(field->max_items), ok);
        put(schema, "items", items, ok);
        return schema;
    case PV_BASE_OBJECT:
        if (field->item_count == 0) {
            put_geometry(schema, ok);
        } else {
            put_object(schema, field->item, field->item_count, inputs, ok);
        }
        return schema;
    case PV_BASE_BINARY:
        put_binary(schema, field, ok);
        return schema;
    case PV_BASE_STRING:
    case PV_BASE_INTEGER:
    case PV_BASE_DECIMAL:
    case PV_BASE_BOOLEAN:
    case PV_BASE_DATE:
    case PV_BASE_ENUM:
        break;
    }
    if (inputs && field->type->any_count > 0) {
        put_union(schema, field->type, ok);
    } else {
        put_plain(schema, field->type, ok);
    }
    return schema;
}

/* Outputs may be absent: a null column is left out of an answer. */
static void
put_object(json_t *schema, const struct pv_field *field, size_t count,
           bool inputs, bool *ok)
{
    json_t *properties = json_object();
    json_t *required = json_array();

    for (size_t i = 0; i < count; i++) {
        json_t     *one = schema_of(&field[i], inputs, ok);
        const char *absent = word(field[i].source, "absent_en");

        if (absent != NULL) {
            put(one, "x-payvand-absent",
                json_pack("{s:s,s:s}", "en", absent, "fa",
                          word(field[i].source, "absent_fa")),
                ok);
        }
        put(properties, field[i].name, one, ok);
        if (inputs && field[i].required) {
            *ok = json_array_append_new(required, json_string(field[i].name)) ==
                      0 &&
                  *ok;
        }
    }
    put(schema, "type", json_string("object"), ok);
    put(schema, "additionalProperties", json_false(), ok);
    put(schema, "properties", properties, ok);
    if (json_array_size(required) > 0) {
        put(schema, "required", required, ok);
    } else {
        json_decref(required);
    }
}

/* Base64 of the provider's: characters are bytes. */
static json_t *
order_token(void)
{
    return json_pack("{s:s,s:s,s:i}", "type", "string", "pattern",
                     "^[0-9A-Za-z+/]*={0,2}$", "maxLength",
                     PV_ORDER_TOKEN_LEN_MAX);
}

static enum pv_err
give(json_t *schema, bool ok, json_t **ret)
{
    if (!ok || schema == NULL) {
        json_decref(schema);
        return PV_ENOMEM;
    }
    *ret = schema;
    return PV_OK;
}

enum pv_err
pv_schema_request(const struct pv_contract_method *method, json_t **ret)
{
    json_t *schema = json_object();
    bool    ok = schema != NULL;

    put_object(schema, method->input, method->input_count, true, &ok);
    if (method->after.method != NULL) {
        json_t *required = json_object_get(schema, "required");

        put(json_object_get(schema, "properties"), "order_token", order_token(),
            &ok);
        if (required == NULL) {
            required = json_array();
            put(schema, "required", required, &ok);
        }
        ok = json_array_append_new(required, json_string("order_token")) == 0 &&
             ok;
    }
    if (method->coding.type != NULL) {
        put(json_object_get(schema, "properties"), "coding",
            json_pack("{s:s,s:i,s:s}", "type", "string", "maxLength",
                      PV_CODE_LIST_MAX, "description",
                      "The list of the code map that the codes are of, and "
                      "those of the answer; without it the provider's own"),
            &ok);
    }
    return give(schema, ok, ret);
}

enum pv_err
pv_schema_answer(const struct pv_contract_method *method, json_t **ret)
{
    json_t *schema = json_object();
    json_t *properties;
    json_t *required = json_array();
    bool    ok = schema != NULL && required != NULL;

    put_object(schema, method->output, method->output_count, false, &ok);
    properties = json_object_get(schema, "properties");
    if (pv_method_says_found(method)) {
        put(properties, "found", json_pack("{s:[s,s]}", "enum", "yes", "no"),
            &ok);
        ok = json_array_append_new(required, json_string("found")) == 0 && ok;
    }
    if (pv_method_is_yes_no(method)) {
        ok = json_array_append_new(required,
                                   json_string(method->output[0].name)) == 0 &&
             ok;
    }
    if (method->unlocks != NULL) { /* with a yes */
        put(properties, "order_token", order_token(), &ok);
    }
    if (method->coding.type != NULL) { /* where another was asked for */
        put(properties, "coding", json_pack("{s:s}", "type", "string"), &ok);
        put(properties, "code_map",
            json_pack("{s:s}", "const", method->coding.map), &ok);
        put(properties, "code_map_version",
            json_pack("{s:s}", "type", "string"), &ok);
    }
    if (method->coverage_from[0] != '\0') {
        put(properties, "coverage_from",
            json_pack("{s:s}", "const", method->coverage_from), &ok);
        ok = json_array_append_new(required, json_string("coverage_from")) ==
                 0 &&
             ok;
    }
    if (method->timed) {
        put(properties, "determined_at",
            json_pack("{s:s,s:s,s:s}", "type", "string", "format", "date-time",
                      "pattern", TIME_PATTERN),
            &ok);
        ok = json_array_append_new(required, json_string("determined_at")) ==
                 0 &&
             ok;
    }
    if (json_array_size(required) > 0) {
        put(schema, "required", json_incref(required), &ok);
    }
    json_decref(required);
    return give(schema, ok, ret);
}
