/* service_method.c - a method: inputs, constants, statements, limits. */
#include "contract/service_private.h"

#include <stdlib.h>
#include <string.h>

/* ---- inputs ---- */

static enum pv_err
take_input(struct loader *loader, const json_t *object)
{
    static const char *const keywords[] = {"name", "type", "required", NULL};
    struct pv_method        *method = loader->method;
    struct pv_input         *input = &method->input[method->input_count];
    const json_t            *required;
    const char              *name;
    enum pv_err              err = pv_loader_only(loader, object, keywords);

    if (err == PV_OK) {
        err = pv_loader_text(loader, object, "name", PV_NAME_MAX, &name);
    }
    if (err != PV_OK) {
        return err;
    }
    if (!pv_is_member_name(pv_slice_from(name))) {
        return pv_loader_refuse(loader, "\"name\" must be a-z, 0-9 and _");
    }
    for (size_t i = 0; i < method->input_count; i++) {
        if (strcmp(method->input[i].name, name) == 0) {
            return pv_loader_refuse(loader, "input \"%s\" is there already",
                                    name);
        }
    }
    err = pv_loader_type(loader, object, &input->type);
    if (err != PV_OK) {
        return err;
    }
    if (input->type->pattern == NULL) {
        return pv_loader_refuse(loader,
                                "input \"%s\" is a structure, which cannot be "
                                "bound to a statement",
                                name);
    }
    required = json_object_get(object, "required");
    if (required != NULL && !json_is_boolean(required)) {
        return pv_loader_refuse(loader, "\"required\" must be true or false");
    }
    input->required = required == NULL || json_is_true(required);
    method->input_count++;
    return pv_slice_to_cstr(pv_slice_from(name), input->name,
                            sizeof(input->name));
}

static enum pv_err
take_inputs(struct loader *loader, const json_t *method)
{
    const json_t *list = json_object_get(method, "inputs");
    char          place[256];

    (void)snprintf(place, sizeof(place), "%s", loader->place); /* same size */
    if (!json_is_array(list)) {
        return pv_loader_refuse(loader, "\"inputs\" is missing or is no list");
    }
    if (json_array_size(list) > PV_FIELDS_MAX) {
        return pv_loader_refuse(loader, "more than %d inputs", PV_FIELDS_MAX);
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        enum pv_err err;

        pv_loader_place(loader, "%.200s, input %zu", place, i + 1);
        err = take_input(loader, json_array_get(list, i));
        if (err != PV_OK) {
            return err;
        }
    }
    pv_loader_place(loader, "%s", place);
    return PV_OK;
}

/* ---- constants and the scalar statement ---- */

static enum pv_err
take_constants(struct loader *loader, const json_t *object)
{
    const json_t     *constants = json_object_get(object, "constants");
    struct pv_method *method = loader->method;
    size_t            used = 0;

    if (constants == NULL) {
        return PV_OK;
    }
    if (!json_is_object(constants) || method->answer != PV_ANSWER_ROWS) {
        return pv_loader_refuse(loader,
                                "\"constants\" is an object, for answer rows");
    }
    for (size_t i = 0; i < method->column_count; i++) {
        struct pv_column          *column = &method->column[i];
        const struct pv_data_item *member;
        const char                *text;

        text = json_string_value(json_object_get(constants, column->name));
        if (text == NULL || column->source != PV_FROM_SCALAR) {
            continue;
        }
        if (pv_data_item_check(column->type, pv_slice_from(text), &member) !=
            PV_FAULT_NONE) {
            return pv_loader_refuse(loader, "constant \"%s\" is no %s",
                                    column->name, column->type->id);
        }
        column->constant = strdup(text);
        if (column->constant == NULL) {
            return PV_ENOMEM;
        }
        column->source = PV_FROM_CONSTANT;
        used++;
    }
    if (used != json_object_size(constants)) {
        return pv_loader_refuse(loader,
                                "\"constants\" names something that is no "
                                "plain output, or is no text");
    }
    return PV_OK;
}

static enum pv_err
find_input(const void *context, struct pv_slice name, uint16_t *ret)
{
    const struct pv_method *method = context;

    for (size_t i = 0; i < method->input_count; i++) {
        if (pv_slice_eq(pv_slice_from(method->input[i].name), name)) {
            *ret = (uint16_t)i;
            return PV_OK;
        }
    }
    return PV_ENOTFOUND;
}

static enum pv_err
take_statement(struct loader *loader, const json_t *object, const char *name,
               struct pv_statement *statement)
{
    const char   *text;
    struct pv_why why;
    enum pv_err   err =
        pv_loader_text(loader, object, name, PV_STATEMENT_MAX, &text);

    if (err != PV_OK) {
        return err;
    }
    pv_why_set(&why, "%s", "");
    err = pv_statement_init(statement, pv_slice_from(text), find_input,
                            loader->method, &why);
    if (err == PV_EINVAL || err == PV_ERANGE) {
        return pv_loader_refuse(loader, "\"%s\": %s", name,
                                why.text[0] == '\0' ? pv_err_text(err)
                                                    : why.text);
    }
    return err;
}

static enum pv_err
take_statements(struct loader *loader, const json_t *object)
{
    struct pv_method *method = loader->method;
    size_t            scalars = 0;
    enum pv_err       err =
        take_statement(loader, object, "statement", &method->statement);

    if (err != PV_OK) {
        return err;
    }
    for (size_t i = 0; i < method->column_count; i++) {
        scalars += method->column[i].source == PV_FROM_SCALAR;
    }
    if (json_object_get(object, "scalar_statement") != NULL) {
        if (scalars == 0) {
            return pv_loader_refuse(loader,
                                    "\"scalar_statement\" gives no output");
        }
        return take_statement(loader, object, "scalar_statement",
                              &method->scalar);
    }
    if (scalars > 0) {
        return pv_loader_refuse(loader,
                                "the outputs beside the list need "
                                "\"scalar_statement\" or \"constants\"");
    }
    return PV_OK;
}

/* ---- the method ---- */

static enum pv_err
take_meaning(struct loader *loader, const json_t *object)
{
    static const char *const keywords[] = {"yes", "no", NULL};
    const json_t            *meaning = json_object_get(object, "meaning");
    const char              *text;
    enum pv_err              err;

    if (loader->method->pattern != PV_CALL_VERIFY) {
        return meaning == NULL
                   ? PV_OK
                   : pv_loader_refuse(loader, "\"meaning\" is for verify");
    }
    if (meaning == NULL) {
        return pv_loader_refuse(loader,
                                "verify needs \"meaning\" of yes and of no");
    }
    err = pv_loader_only(loader, meaning, keywords);
    if (err == PV_OK) {
        err = pv_loader_text(loader, meaning, "yes", PV_STATEMENT_MAX, &text);
    }
    if (err == PV_OK) {
        err = pv_loader_text(loader, meaning, "no", PV_STATEMENT_MAX, &text);
    }
    return err;
}

static enum pv_err
take_answer(struct loader *loader, const json_t *object)
{
    static const char *const patterns[] = {"inquiry", "verify", "list", NULL};
    static const char *const answers[] = {"yes-if-row", "record", "rows", NULL};
    struct pv_method        *method = loader->method;
    const char              *rows_as;
    size_t                   word = 0;
    enum pv_err              err =
        pv_loader_word(loader, object, "pattern", patterns, &word);

    method->pattern = (enum pv_call_pattern)word;
    if (err == PV_OK) {
        err = pv_loader_word(loader, object, "answer", answers, &word);
    }
    if (err != PV_OK) {
        return err;
    }
    method->answer = (enum pv_answer_kind)word;
    if ((method->pattern == PV_CALL_VERIFY) !=
        (method->answer == PV_ANSWER_YES_IF_ROW)) {
        return pv_loader_refuse(loader,
                                "pattern verify and answer yes-if-row belong "
                                "together");
    }
    if (method->answer == PV_ANSWER_ROWS) {
        err = pv_loader_text(loader, object, "rows_as", PV_NAME_MAX, &rows_as);
        if (err == PV_OK && !pv_is_member_name(pv_slice_from(rows_as))) {
            err =
                pv_loader_refuse(loader, "\"rows_as\" must be a-z, 0-9 and _");
        }
        if (err == PV_OK) {
            err = pv_slice_to_cstr(pv_slice_from(rows_as), method->rows_as,
                                   sizeof(method->rows_as));
        }
        return err;
    }
    if (json_object_get(object, "rows_as") != NULL ||
        json_object_get(object, "max_rows") != NULL ||
        json_object_get(object, "scalar_statement") != NULL) {
        return pv_loader_refuse(loader,
                                "\"rows_as\", \"max_rows\" and "
                                "\"scalar_statement\" are for answer rows");
    }
    if (method->answer != PV_ANSWER_YES_IF_ROW &&
        json_object_get(object, "pad_to") != NULL) {
        return pv_loader_refuse(loader, "\"pad_to\" is for answer yes-if-row");
    }
    return PV_OK;
}

static enum pv_err
take_limits(struct loader *loader, const json_t *object)
{
    struct pv_method *method = loader->method;
    enum pv_err       err;

    if (json_object_get(object, "deadline_ms") == NULL) {
        return pv_loader_refuse(loader, "\"deadline_ms\" is missing");
    }
    method->max_rows =
        method->answer == PV_ANSWER_ROWS ? PV_METHOD_ROWS_DEFAULT : 1;
    method->pad_to = PV_PAD_DEFAULT;
    err = pv_loader_number(loader, object, "deadline_ms", PV_DEADLINE_MIN_MS,
                           PV_DEADLINE_MAX_MS, &method->deadline_ms);
    if (err == PV_OK) {
        err = pv_loader_number(loader, object, "max_rows", 1,
                               PV_METHOD_ROWS_MAX, &method->max_rows);
    }
    if (err == PV_OK) {
        err = pv_loader_number(loader, object, "pad_to", PV_PAD_MIN, PV_PAD_MAX,
                               &method->pad_to);
    }
    return err;
}

static enum pv_err
take_method_body(struct loader *loader, const json_t *object)
{
    static const char *const keywords[] = {
        "id",      "pattern",   "deadline_ms",      "inputs",  "outputs",
        "meaning", "statement", "answer",           "rows_as", "max_rows",
        "pad_to",  "constants", "scalar_statement", NULL};
    struct pv_service *service = loader->service;
    struct pv_method  *method = loader->method;
    int                len;
    enum pv_err        err = pv_loader_only(loader, object, keywords);

    if (err == PV_OK) {
        err = pv_loader_id(loader, object, "id", method->id);
    }
    if (err != PV_OK) {
        return err;
    }
    pv_loader_place(loader, "method %s", method->id);
    for (const struct pv_method *other = service->method; other != method;
         other++) {
        if (strcmp(other->id, method->id) == 0) {
            return pv_loader_refuse(loader, "is there already");
        }
    }
    len = snprintf(method->path, sizeof(method->path), "/x/%s/%s/%s/%s",
                   service->provider, service->service, service->version,
                   method->id);
    if (len < 0 || (size_t)len >= sizeof(method->path)) {
        return pv_loader_refuse(loader, "its path is too long");
    }
    err = take_answer(loader, object);
    if (err == PV_OK) {
        err = take_limits(loader, object);
    }
    if (err == PV_OK) {
        err = take_meaning(loader, object);
    }
    if (err == PV_OK) {
        err = take_inputs(loader, object);
    }
    if (err == PV_OK) {
        err = pv_loader_outputs(loader, object);
    }
    if (err == PV_OK) {
        err = take_constants(loader, object);
    }
    if (err == PV_OK) {
        err = take_statements(loader, object);
    }
    return err;
}

enum pv_err
pv_loader_methods(struct loader *loader, const json_t *root)
{
    const json_t *list = json_object_get(root, "methods");

    if (!json_is_array(list) || json_array_size(list) == 0 ||
        json_array_size(list) > PV_METHODS_MAX) {
        return pv_loader_refuse(loader, "\"methods\" must be a list of 1 to %d",
                                PV_METHODS_MAX);
    }
    loader->service->method =
        calloc(json_array_size(list), sizeof(struct pv_method));
    if (loader->service->method == NULL) {
        return PV_ENOMEM;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        enum pv_err err;

        loader->method = &loader->service->method[i];
        loader->service->method_count++; /* freed from here on */
        pv_loader_place(loader, "method number %zu", i + 1);
        err = take_method_body(loader, json_array_get(list, i));
        if (err != PV_OK) {
            return err;
        }
    }
    return PV_OK;
}
