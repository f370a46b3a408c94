#include "contract/opened.h"

#include <stdio.h>
#include <string.h>

#define PLACE_MAX ((PV_FIELD_DEPTH_MAX + 1) * (PV_NAME_MAX + 1))

struct right {
    const struct pv_contract_method *method;
    const json_t                    *open;
    const json_t                    *over;
};

/* Where a field stands: "list.object.item". */
struct place {
    char                   name[PLACE_MAX];
    const struct pv_field *list; /* the outermost that it is in, or NULL */
};

bool
pv_opens(const json_t *names, const char *name)
{
    size_t  i;
    json_t *item;

    json_array_foreach((json_t *)(uintptr_t)names, i, item)
    {
        const char *open = json_string_value(item);
        size_t      len = json_string_length(item);

        if (len > 0 && strncmp(name, open, len) == 0 &&
            (name[len] == '\0' || name[len] == '.')) {
            return true;
        }
    }
    return false;
}

/* ---- one place ---- */

/* Does it begin with an output beside the list? */
static bool
is_beside(const struct right *right, const struct pv_field *list,
          const char *name)
{
    size_t len = strcspn(name, ".");

    for (size_t i = 0; i < right->method->output_count; i++) {
        const struct pv_field *output = &right->method->output[i];

        if (output != list && strlen(output->name) == len &&
            strncmp(output->name, name, len) == 0) {
            return true;
        }
    }
    return false;
}

static bool
names_open(const struct right *right, const json_t *names,
           const struct place *place)
{
    const char *below;

    if (place->list == NULL || pv_opens(names, place->name)) {
        return pv_opens(names, place->name);
    }
    below = place->name + strlen(place->list->name) + 1;
    return !is_beside(right, place->list, below) && pv_opens(names, below);
}

static struct place
place_of(const struct place *outer, const struct pv_field *field)
{
    struct place place = {.list = outer->list};
    int len = snprintf(place.name, sizeof(place.name), "%s%s%s", outer->name,
                       outer->name[0] == '\0' ? "" : ".", field->name);

    if (len < 0 || (size_t)len >= sizeof(place.name)) {
        place.name[0] = '\0'; /* deeper than a contract may be */
    }
    return place;
}

/* What is in a field: its place, or in a list. */
static struct place
inside_of(const struct place *place, const struct pv_field *field)
{
    struct place inside = *place;

    if (inside.list == NULL && field->type->base == PV_BASE_LIST) {
        inside.list = field;
    }
    return inside;
}

/* An item, or a list or object that has an open one. */
static bool
is_open(const struct right *right, const struct pv_field *field,
        const struct place *place)
{
    struct place inside = inside_of(place, field);

    if (field->item_count == 0) {
        return (right->open == NULL || names_open(right, right->open, place)) &&
               !names_open(right, right->over, place);
    }
    for (size_t i = 0; i < field->item_count; i++) {
        struct place at = place_of(&inside, &field->item[i]);

        if (is_open(right, &field->item[i], &at)) {
            return true;
        }
    }
    return false;
}

/* ---- an answer ---- */

static enum pv_err
check_object(const struct right *right, const struct pv_field *field,
             size_t count, const json_t *object, const struct place *outer,
             struct pv_fault *fault)
{
    enum pv_err err = PV_OK;

    for (size_t i = 0; err == PV_OK && i < json_array_size(object); i++) {
        err = check_object(right, field, count, json_array_get(object, i),
                           outer, fault);
    }
    for (size_t i = 0; err == PV_OK && i < count; i++) {
        const json_t *value = json_object_get(object, field[i].name);
        struct place  place = place_of(outer, &field[i]);
        struct place  inside = inside_of(&place, &field[i]);

        if (value == NULL) {
            continue;
        }
        if (!is_open(right, &field[i], &place)) {
            pv_fault_set(fault, PV_FAULT_CLOSED, pv_slice_from(place.name));
            return PV_EINVAL;
        }
        err = check_object(right, field[i].item, field[i].item_count, value,
                           &inside, fault);
    }
    return err;
}

enum pv_err
pv_reply_check_items(const struct pv_contract_method *method,
                     struct pv_slice body, const json_t *open,
                     const json_t *over, struct pv_fault *ret_fault)
{
    const struct right right = {method, open, over};
    const struct place top = {.list = NULL};
    json_t            *object;
    enum pv_err        err;

    if (pv_method_is_yes_no(method) || (open == NULL && over == NULL)) {
        return PV_OK; /* a yes or no is no item of data */
    }
    object = json_loadb(body.ptr, body.len, JSON_REJECT_DUPLICATES, NULL);
    if (object == NULL) {
        return PV_ENOMEM; /* it has been JSON before */
    }
    err = check_object(&right, method->output, method->output_count, object,
                       &top, ret_fault);
    json_decref(object);
    return err;
}
