#include "contract/person.h"

#include <stdio.h>
#include <string.h>

static bool
is_person_id(const char *id)
{
    return strcmp(id, "national_id") == 0 ||
           strcmp(id, "legal_person_id") == 0 ||
           strcmp(id, "foreigner_code") == 0;
}

bool
pv_item_is_person(const struct pv_data_item *item)
{
    for (size_t i = 0; i < item->any_count; i++) {
        if (is_person_id(item->any_of[i]->id)) {
            return true;
        }
    }
    return is_person_id(item->id);
}

enum pv_err
pv_method_person(const struct pv_contract_method *method, size_t *ret)
{
    size_t found = 0;
    size_t at = 0;

    for (size_t i = 0; i < method->input_count; i++) {
        if (pv_item_is_person(method->input[i].type)) {
            found++;
            at = i;
        }
    }
    if (found != 1 || !method->input[at].required) {
        return PV_ENOTFOUND;
    }
    *ret = at;
    return PV_OK;
}

static enum pv_err walk(const struct pv_field *field, size_t count,
                        const json_t *object, pv_person_fn *fn, void *context);

/* Of a union the value's own type stands beside it; shape.h. */
static bool
names_person(const struct pv_field *field, const json_t *object)
{
    char        name[PV_NAME_MAX + sizeof(".type")];
    const char *type;

    (void)snprintf(name, sizeof(name), "%s.type", field->name); /* it fits */
    type = json_string_value(json_object_get(object, name));
    return type == NULL ? is_person_id(field->type->id) : is_person_id(type);
}

static enum pv_err
walk_field(const struct pv_field *field, const json_t *object, pv_person_fn *fn,
           void *context)
{
    const json_t *value = json_object_get(object, field->name);
    enum pv_err   err = PV_OK;

    if (json_is_string(value)) {
        return names_person(field, object)
                   ? fn(context, (struct pv_slice){json_string_value(value),
                                                   json_string_length(value)})
                   : PV_OK;
    }
    if (json_is_object(value)) {
        return walk(field->item, field->item_count, value, fn, context);
    }
    for (size_t i = 0; err == PV_OK && i < json_array_size(value); i++) {
        err = walk(field->item, field->item_count, json_array_get(value, i), fn,
                   context);
    }
    return err;
}

/* At most PV_FIELD_DEPTH_MAX deep, as the contract's fields are. */
static enum pv_err
walk(const struct pv_field *field, size_t count, const json_t *object,
     pv_person_fn *fn, void *context)
{
    enum pv_err err = PV_OK;

    for (size_t i = 0; err == PV_OK && i < count; i++) {
        err = walk_field(&field[i], object, fn, context);
    }
    return err;
}

enum pv_err
pv_request_persons(const struct pv_contract_method *method,
                   const struct pv_request *request, pv_person_fn *fn,
                   void *context)
{
    enum pv_err err = PV_OK;

    for (size_t i = 0; err == PV_OK && i < method->input_count; i++) {
        const struct pv_value *value = &request->value[i];

        if (!value->present) {
            continue;
        }
        if (method->input[i].type->pattern == NULL) {
            err = walk_field(&method->input[i], request->root, fn, context);
        } else if (is_person_id(value->type->id)) {
            err = fn(context, value->text);
        }
    }
    return err;
}
