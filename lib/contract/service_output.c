/* service_output.c - the outputs of a method. */
#include "contract/service_private.h"

#include <string.h>

/* A prefix of another's name, up to a dot, would be two things at once. */
static bool
names_collide(struct pv_slice a, struct pv_slice b)
{
    struct pv_slice shorter = a.len <= b.len ? a : b;
    struct pv_slice longer = a.len <= b.len ? b : a;

    return pv_slice_starts(longer, shorter) &&
           (longer.len == shorter.len || longer.ptr[shorter.len] == '.');
}

static bool
is_dotted_name(struct pv_slice name)
{
    struct pv_slice part;
    size_t          parts = 0;
    bool            more = true;

    while (more) {
        more = pv_slice_cut(name, '.', &part, &name);
        if (!pv_is_member_name(part) || ++parts > 3) {
            return false;
        }
    }
    return true;
}

static enum pv_err
add_column(struct loader *loader, const char *prefix, const char *name,
           const struct pv_data_item *type, enum pv_column_source source)
{
    struct pv_method *method = loader->method;
    struct pv_column *column = &method->column[method->column_count];
    int               len;

    if (method->column_count == PV_FIELDS_MAX) {
        return pv_loader_refuse(loader, "more than %d outputs", PV_FIELDS_MAX);
    }
    if (!is_dotted_name(pv_slice_from(name))) {
        return pv_loader_refuse(loader,
                                "\"name\" must be a-z, 0-9 and _, with dots "
                                "between the levels of an object");
    }
    len = snprintf(column->name, sizeof(column->name), "%s%s%s", prefix,
                   prefix[0] == '\0' ? "" : ".", name);
    if (len < 0 || (size_t)len >= sizeof(column->name)) {
        return pv_loader_refuse(loader, "the name of an output is too long");
    }
    for (size_t i = 0; i < method->column_count; i++) {
        /* a row's members and the scalars beside it are different objects */
        if ((method->column[i].source == source ||
             method->answer != PV_ANSWER_ROWS) &&
            names_collide(pv_slice_from(method->column[i].name),
                          pv_slice_from(column->name))) {
            return pv_loader_refuse(loader, "output \"%s\" is there already",
                                    column->name);
        }
    }
    if (names_collide(pv_slice_from(column->name), PV_LIT("found")) &&
        method->answer != PV_ANSWER_YES_IF_ROW &&
        !(method->answer == PV_ANSWER_ROWS && source == PV_FROM_STATEMENT)) {
        return pv_loader_refuse(loader,
                                "\"found\" is the connector's own member");
    }
    column->type = type;
    column->source = source;
    method->column_count++;
    return PV_OK;
}

static enum pv_err
take_output_items(struct loader *loader, const json_t *list, const char *prefix,
                  enum pv_column_source source)
{
    static const char *const keywords[] = {"name", "type", NULL};

    if (!json_is_array(list) || json_array_size(list) == 0) {
        return pv_loader_refuse(loader, "a list or object needs its \"items\"");
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t              *object = json_array_get(list, i);
        const struct pv_data_item *type;
        const char                *name;
        enum pv_err err = pv_loader_only(loader, object, keywords);

        if (err == PV_OK) {
            err = pv_loader_text(loader, object, "name", PV_NAME_MAX, &name);
        }
        if (err == PV_OK) {
            err = pv_loader_type(loader, object, &type);
        }
        if (err != PV_OK) {
            return err;
        }
        if (type->pattern == NULL) {
            return pv_loader_refuse(
                loader, "item \"%s\" is a structure in a structure", name);
        }
        err = add_column(loader, prefix, name, type, source);
        if (err != PV_OK) {
            return err;
        }
    }
    return PV_OK;
}

static enum pv_err
take_output(struct loader *loader, const json_t *object)
{
    static const char *const   keywords[] = {"name", "type", "items", NULL};
    struct pv_method          *method = loader->method;
    enum pv_column_source      source = PV_FROM_STATEMENT;
    const struct pv_data_item *type;
    const json_t              *items;
    const char                *name;
    enum pv_err                err = pv_loader_only(loader, object, keywords);

    if (err == PV_OK) {
        err = pv_loader_text(loader, object, "name", PV_MEMBER_MAX - 1, &name);
    }
    if (err == PV_OK) {
        err = pv_loader_type(loader, object, &type);
    }
    if (err != PV_OK) {
        return err;
    }
    items = json_object_get(object, "items");
    if (items != NULL && type->pattern != NULL) {
        return pv_loader_refuse(loader, "only a list or object has \"items\"");
    }
    if (type->base == PV_BASE_LIST) {
        if (method->answer != PV_ANSWER_ROWS ||
            strcmp(method->rows_as, name) != 0) {
            return pv_loader_refuse(
                loader, "list \"%s\" needs answer rows and rows_as", name);
        }
        return take_output_items(loader, items, "", PV_FROM_STATEMENT);
    }
    if (method->answer == PV_ANSWER_ROWS) {
        source = PV_FROM_SCALAR;
    }
    if (type->pattern == NULL) {
        return take_output_items(loader, items, name, source);
    }
    return add_column(loader, "", name, type, source);
}

enum pv_err
pv_loader_outputs(struct loader *loader, const json_t *object)
{
    const json_t     *list = json_object_get(object, "outputs");
    struct pv_method *method = loader->method;
    bool              has_list = false;
    char              place[256];

    (void)snprintf(place, sizeof(place), "%s", loader->place); /* same size */
    if (!json_is_array(list) || json_array_size(list) == 0) {
        return pv_loader_refuse(loader, "\"outputs\" is missing or empty");
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        enum pv_err err;

        pv_loader_place(loader, "%.200s, output %zu", place, i + 1);
        err = take_output(loader, json_array_get(list, i));
        if (err != PV_OK) {
            return err;
        }
    }
    pv_loader_place(loader, "%s", place);
    for (size_t i = 0; i < method->column_count; i++) {
        has_list = has_list || method->column[i].source == PV_FROM_STATEMENT;
        if (method->answer == PV_ANSWER_ROWS &&
            method->column[i].source != PV_FROM_STATEMENT &&
            names_collide(pv_slice_from(method->column[i].name),
                          pv_slice_from(method->rows_as))) {
            return pv_loader_refuse(loader, "output \"%s\" is there already",
                                    method->column[i].name);
        }
    }
    if (method->answer == PV_ANSWER_ROWS && !has_list) {
        return pv_loader_refuse(loader,
                                "rows_as \"%s\" is no output of type list",
                                method->rows_as);
    }
    if (method->answer == PV_ANSWER_YES_IF_ROW &&
        (method->column_count != 1 ||
         strcmp(method->column[0].type->id, "yes_no") != 0)) {
        return pv_loader_refuse(
            loader, "yes-if-row needs exactly one output of type yes_no");
    }
    if (method->answer == PV_ANSWER_YES_IF_ROW &&
        strlen(method->column[0].name) + strlen("{'':'yes'}") >
            method->pad_to) {
        return pv_loader_refuse(loader,
                                "the answer yes is longer than \"pad_to\"");
    }
    return PV_OK;
}
