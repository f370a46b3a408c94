#include "contract/service.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* What a loader needs everywhere; place is where in the file it stands. */
struct loader {
    const struct pv_data_items *items;
    struct pv_service          *service;
    struct pv_method           *method;
    struct pv_why              *why;
    char                        place[256];
};

static enum pv_err PV_PRINTF(2, 3)
    refuse(const struct loader *loader, const char *format, ...)
{
    char    text[PV_WHY_MAX / 2];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args); /* a cut text will do */
    va_end(args);
    pv_why_set(loader->why, "%s: %s", loader->place, text);
    return PV_EINVAL;
}

static void PV_PRINTF(2, 3)
    set_place(struct loader *loader, const char *format, ...)
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

/* a-z first, then a-z, 0-9, _ : the names of inputs and outputs */
static bool
is_member_name(struct pv_slice name)
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

static enum pv_err
take_text(const struct loader *loader, const json_t *object, const char *name,
          size_t max, const char **ret)
{
    const json_t *value = json_object_get(object, name);

    if (!json_is_string(value) || json_string_length(value) == 0) {
        return refuse(loader, "\"%s\" is missing or is no text", name);
    }
    if (json_string_length(value) > max) {
        return refuse(loader, "\"%s\" is longer than %zu bytes", name, max);
    }
    *ret = json_string_value(value);
    return PV_OK;
}

static enum pv_err
take_id(const struct loader *loader, const json_t *object, const char *name,
        char room[PV_NAME_MAX + 1])
{
    const char *text;
    enum pv_err err = take_text(loader, object, name, PV_NAME_MAX, &text);

    if (err != PV_OK) {
        return err;
    }
    if (!pv_service_id_is_valid(pv_slice_from(text))) {
        return refuse(loader, "\"%s\" must be lower-case letters, digits and -",
                      name);
    }
    return pv_slice_to_cstr(pv_slice_from(text), room, PV_NAME_MAX + 1);
}

static enum pv_err
take_number(const struct loader *loader, const json_t *object, const char *name,
            uint32_t min, uint32_t max, uint32_t *ret)
{
    const json_t *value = json_object_get(object, name);
    json_int_t    n = json_integer_value(value);

    if (value == NULL) {
        return PV_OK; /* the default stays */
    }
    if (!json_is_integer(value) || n < min || n > max) {
        return refuse(loader, "\"%s\" must be a number from %u to %u", name,
                      min, max);
    }
    *ret = (uint32_t)n;
    return PV_OK;
}

static enum pv_err
take_word(const struct loader *loader, const json_t *object, const char *name,
          const char *const *words, size_t *ret)
{
    const char *text;
    enum pv_err err = take_text(loader, object, name, PV_NAME_MAX, &text);

    if (err != PV_OK) {
        return err;
    }
    for (size_t i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], text) == 0) {
            *ret = i;
            return PV_OK;
        }
    }
    return refuse(loader, "\"%s\" is \"%.40s\", which is not known here", name,
                  text);
}

static enum pv_err
take_only(const struct loader *loader, const json_t *object,
          const char *const *keywords)
{
    if (!json_is_object(object)) {
        return refuse(loader, "must be a JSON object");
    }
    return pv_json_only(object, keywords, loader->place, loader->why);
}

static enum pv_err
take_type(const struct loader *loader, const json_t *object,
          const struct pv_data_item **ret)
{
    const char                *text;
    const struct pv_data_item *type;
    enum pv_err err = take_text(loader, object, "type", PV_ITEM_ID_MAX, &text);

    if (err != PV_OK) {
        return err;
    }
    type = pv_data_items_find(loader->items, pv_slice_from(text));
    if (type == NULL) {
        return refuse(loader, "type \"%s\" is no data item", text);
    }
    if (type->base == PV_BASE_BINARY) {
        return refuse(loader,
                      "type \"%s\" is binary, which format 1 does not carry",
                      text);
    }
    *ret = type;
    return PV_OK;
}

/* ---- inputs ---- */

static enum pv_err
take_input(struct loader *loader, const json_t *object)
{
    static const char *const keywords[] = {"name", "type", "required", NULL};
    struct pv_method        *method = loader->method;
    struct pv_input         *input = &method->input[method->input_count];
    const json_t            *required;
    const char              *name;
    enum pv_err              err = take_only(loader, object, keywords);

    if (err == PV_OK) {
        err = take_text(loader, object, "name", PV_NAME_MAX, &name);
    }
    if (err != PV_OK) {
        return err;
    }
    if (!is_member_name(pv_slice_from(name))) {
        return refuse(loader, "\"name\" must be a-z, 0-9 and _");
    }
    for (size_t i = 0; i < method->input_count; i++) {
        if (strcmp(method->input[i].name, name) == 0) {
            return refuse(loader, "input \"%s\" is there already", name);
        }
    }
    err = take_type(loader, object, &input->type);
    if (err != PV_OK) {
        return err;
    }
    if (input->type->pattern == NULL) {
        return refuse(loader,
                      "input \"%s\" is a structure, which cannot be "
                      "bound to a statement",
                      name);
    }
    required = json_object_get(object, "required");
    if (required != NULL && !json_is_boolean(required)) {
        return refuse(loader, "\"required\" must be true or false");
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
        return refuse(loader, "\"inputs\" is missing or is no list");
    }
    if (json_array_size(list) > PV_FIELDS_MAX) {
        return refuse(loader, "more than %d inputs", PV_FIELDS_MAX);
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        enum pv_err err;

        set_place(loader, "%.200s, input %zu", place, i + 1);
        err = take_input(loader, json_array_get(list, i));
        if (err != PV_OK) {
            return err;
        }
    }
    set_place(loader, "%s", place);
    return PV_OK;
}

/* ---- outputs ---- */

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
        if (!is_member_name(part) || ++parts > 3) {
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
        return refuse(loader, "more than %d outputs", PV_FIELDS_MAX);
    }
    if (!is_dotted_name(pv_slice_from(name))) {
        return refuse(loader, "\"name\" must be a-z, 0-9 and _, with dots "
                              "between the levels of an object");
    }
    len = snprintf(column->name, sizeof(column->name), "%s%s%s", prefix,
                   prefix[0] == '\0' ? "" : ".", name);
    if (len < 0 || (size_t)len >= sizeof(column->name)) {
        return refuse(loader, "the name of an output is too long");
    }
    for (size_t i = 0; i < method->column_count; i++) {
        /* a row's members and the scalars beside it are different objects */
        if ((method->column[i].source == source ||
             method->answer != PV_ANSWER_ROWS) &&
            names_collide(pv_slice_from(method->column[i].name),
                          pv_slice_from(column->name))) {
            return refuse(loader, "output \"%s\" is there already",
                          column->name);
        }
    }
    if (names_collide(pv_slice_from(column->name), PV_LIT("found")) &&
        method->answer != PV_ANSWER_YES_IF_ROW &&
        !(method->answer == PV_ANSWER_ROWS && source == PV_FROM_STATEMENT)) {
        return refuse(loader, "\"found\" is the connector's own member");
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
        return refuse(loader, "a list or object needs its \"items\"");
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t              *object = json_array_get(list, i);
        const struct pv_data_item *type;
        const char                *name;
        enum pv_err                err = take_only(loader, object, keywords);

        if (err == PV_OK) {
            err = take_text(loader, object, "name", PV_NAME_MAX, &name);
        }
        if (err == PV_OK) {
            err = take_type(loader, object, &type);
        }
        if (err != PV_OK) {
            return err;
        }
        if (type->pattern == NULL) {
            return refuse(loader, "item \"%s\" is a structure in a structure",
                          name);
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
    enum pv_err                err = take_only(loader, object, keywords);

    if (err == PV_OK) {
        err = take_text(loader, object, "name", PV_MEMBER_MAX - 1, &name);
    }
    if (err == PV_OK) {
        err = take_type(loader, object, &type);
    }
    if (err != PV_OK) {
        return err;
    }
    items = json_object_get(object, "items");
    if (items != NULL && type->pattern != NULL) {
        return refuse(loader, "only a list or object has \"items\"");
    }
    if (type->base == PV_BASE_LIST) {
        if (method->answer != PV_ANSWER_ROWS ||
            strcmp(method->rows_as, name) != 0) {
            return refuse(loader, "list \"%s\" needs answer rows and rows_as",
                          name);
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

static enum pv_err
take_outputs(struct loader *loader, const json_t *object)
{
    const json_t     *list = json_object_get(object, "outputs");
    struct pv_method *method = loader->method;
    bool              has_list = false;
    char              place[256];

    (void)snprintf(place, sizeof(place), "%s", loader->place); /* same size */
    if (!json_is_array(list) || json_array_size(list) == 0) {
        return refuse(loader, "\"outputs\" is missing or empty");
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        enum pv_err err;

        set_place(loader, "%.200s, output %zu", place, i + 1);
        err = take_output(loader, json_array_get(list, i));
        if (err != PV_OK) {
            return err;
        }
    }
    set_place(loader, "%s", place);
    for (size_t i = 0; i < method->column_count; i++) {
        has_list = has_list || method->column[i].source == PV_FROM_STATEMENT;
        if (method->answer == PV_ANSWER_ROWS &&
            method->column[i].source != PV_FROM_STATEMENT &&
            names_collide(pv_slice_from(method->column[i].name),
                          pv_slice_from(method->rows_as))) {
            return refuse(loader, "output \"%s\" is there already",
                          method->column[i].name);
        }
    }
    if (method->answer == PV_ANSWER_ROWS && !has_list) {
        return refuse(loader, "rows_as \"%s\" is no output of type list",
                      method->rows_as);
    }
    if (method->answer == PV_ANSWER_YES_IF_ROW &&
        (method->column_count != 1 ||
         strcmp(method->column[0].type->id, "yes_no") != 0)) {
        return refuse(loader,
                      "yes-if-row needs exactly one output of type yes_no");
    }
    if (method->answer == PV_ANSWER_YES_IF_ROW &&
        strlen(method->column[0].name) + strlen("{'':'yes'}") >
            method->pad_to) {
        return refuse(loader, "the answer yes is longer than \"pad_to\"");
    }
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
        return refuse(loader, "\"constants\" is an object, for answer rows");
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
            return refuse(loader, "constant \"%s\" is no %s", column->name,
                          column->type->id);
        }
        column->constant = strdup(text);
        if (column->constant == NULL) {
            return PV_ENOMEM;
        }
        column->source = PV_FROM_CONSTANT;
        used++;
    }
    if (used != json_object_size(constants)) {
        return refuse(loader, "\"constants\" names something that is no "
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
    enum pv_err err = take_text(loader, object, name, PV_STATEMENT_MAX, &text);

    if (err != PV_OK) {
        return err;
    }
    pv_why_set(&why, "%s", "");
    err = pv_statement_init(statement, pv_slice_from(text), find_input,
                            loader->method, &why);
    if (err == PV_EINVAL || err == PV_ERANGE) {
        return refuse(loader, "\"%s\": %s", name,
                      why.text[0] == '\0' ? pv_err_text(err) : why.text);
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
            return refuse(loader, "\"scalar_statement\" gives no output");
        }
        return take_statement(loader, object, "scalar_statement",
                              &method->scalar);
    }
    if (scalars > 0) {
        return refuse(loader, "the outputs beside the list need "
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
        return meaning == NULL ? PV_OK
                               : refuse(loader, "\"meaning\" is for verify");
    }
    if (meaning == NULL) {
        return refuse(loader, "verify needs \"meaning\" of yes and of no");
    }
    err = take_only(loader, meaning, keywords);
    if (err == PV_OK) {
        err = take_text(loader, meaning, "yes", PV_STATEMENT_MAX, &text);
    }
    if (err == PV_OK) {
        err = take_text(loader, meaning, "no", PV_STATEMENT_MAX, &text);
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
    enum pv_err err = take_word(loader, object, "pattern", patterns, &word);

    method->pattern = (enum pv_call_pattern)word;
    if (err == PV_OK) {
        err = take_word(loader, object, "answer", answers, &word);
    }
    if (err != PV_OK) {
        return err;
    }
    method->answer = (enum pv_answer_kind)word;
    if ((method->pattern == PV_CALL_VERIFY) !=
        (method->answer == PV_ANSWER_YES_IF_ROW)) {
        return refuse(loader, "pattern verify and answer yes-if-row belong "
                              "together");
    }
    if (method->answer == PV_ANSWER_ROWS) {
        err = take_text(loader, object, "rows_as", PV_NAME_MAX, &rows_as);
        if (err == PV_OK && !is_member_name(pv_slice_from(rows_as))) {
            err = refuse(loader, "\"rows_as\" must be a-z, 0-9 and _");
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
        return refuse(loader, "\"rows_as\", \"max_rows\" and "
                              "\"scalar_statement\" are for answer rows");
    }
    if (method->answer != PV_ANSWER_YES_IF_ROW &&
        json_object_get(object, "pad_to") != NULL) {
        return refuse(loader, "\"pad_to\" is for answer yes-if-row");
    }
    return PV_OK;
}

static enum pv_err
take_limits(struct loader *loader, const json_t *object)
{
    struct pv_method *method = loader->method;
    enum pv_err       err;

    if (json_object_get(object, "deadline_ms") == NULL) {
        return refuse(loader, "\"deadline_ms\" is missing");
    }
    method->max_rows =
        method->answer == PV_ANSWER_ROWS ? PV_METHOD_ROWS_DEFAULT : 1;
    method->pad_to = PV_PAD_DEFAULT;
    err = take_number(loader, object, "deadline_ms", PV_DEADLINE_MIN_MS,
                      PV_DEADLINE_MAX_MS, &method->deadline_ms);
    if (err == PV_OK) {
        err = take_number(loader, object, "max_rows", 1, PV_METHOD_ROWS_MAX,
                          &method->max_rows);
    }
    if (err == PV_OK) {
        err = take_number(loader, object, "pad_to", PV_PAD_MIN, PV_PAD_MAX,
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
    enum pv_err        err = take_only(loader, object, keywords);

    if (err == PV_OK) {
        err = take_id(loader, object, "id", method->id);
    }
    if (err != PV_OK) {
        return err;
    }
    set_place(loader, "method %s", method->id);
    for (const struct pv_method *other = service->method; other != method;
         other++) {
        if (strcmp(other->id, method->id) == 0) {
            return refuse(loader, "is there already");
        }
    }
    len = snprintf(method->path, sizeof(method->path), "/x/%s/%s/%s/%s",
                   service->provider, service->service, service->version,
                   method->id);
    if (len < 0 || (size_t)len >= sizeof(method->path)) {
        return refuse(loader, "its path is too long");
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
        err = take_outputs(loader, object);
    }
    if (err == PV_OK) {
        err = take_constants(loader, object);
    }
    if (err == PV_OK) {
        err = take_statements(loader, object);
    }
    return err;
}

static enum pv_err
take_methods(struct loader *loader, const json_t *root)
{
    const json_t *list = json_object_get(root, "methods");

    if (!json_is_array(list) || json_array_size(list) == 0 ||
        json_array_size(list) > PV_METHODS_MAX) {
        return refuse(loader, "\"methods\" must be a list of 1 to %d",
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
        set_place(loader, "method number %zu", i + 1);
        err = take_method_body(loader, json_array_get(list, i));
        if (err != PV_OK) {
            return err;
        }
    }
    return PV_OK;
}

/* ---- the service ---- */

static enum pv_err
take_version(const struct loader *loader, const json_t *root)
{
    struct pv_service *service = loader->service;
    const char        *text;
    enum pv_err        err =
        take_text(loader, root, "version", sizeof(service->version) - 1, &text);

    if (err != PV_OK) {
        return err;
    }
    if (text[0] != 'v' || text[1] < '1' || text[1] > '9' ||
        strlen(text + 1) > 4 ||
        strspn(text + 1, "0123456789") != strlen(text + 1)) {
        return refuse(loader, "\"version\" must be v1 to v9999");
    }
    return pv_slice_to_cstr(pv_slice_from(text), service->version,
                            sizeof(service->version));
}

static enum pv_err
take_head(struct loader *loader, const json_t *root)
{
    static const char *const keywords[] = {"format",   "service", "version",
                                           "provider", "basis",   "title_fa",
                                           "title_en", "methods", NULL};
    static const char *const bases[] = {"proposed", "document", NULL};
    struct pv_service       *service = loader->service;
    const json_t            *format = json_object_get(root, "format");
    const char              *title;
    size_t                   basis = 0;
    enum pv_err              err = take_only(loader, root, keywords);

    if (err != PV_OK) {
        return err;
    }
    if (!json_is_integer(format) || json_integer_value(format) != 1) {
        (void)refuse(loader, "\"format\" must be 1"); /* a better err below */
        return PV_EVERSION;
    }
    err = take_id(loader, root, "service", service->service);
    if (err == PV_OK) {
        err = take_id(loader, root, "provider", service->provider);
    }
    if (err == PV_OK) {
        err = take_version(loader, root);
    }
    if (err == PV_OK) {
        err = take_word(loader, root, "basis", bases, &basis);
    }
    if (err == PV_OK) {
        err = take_text(loader, root, "title_fa", PV_TITLE_MAX, &title);
    }
    if (err == PV_OK) {
        err = take_text(loader, root, "title_en", PV_TITLE_MAX, &title);
    }
    service->proposed = basis == 0;
    return err;
}

enum pv_err
pv_service_load(const json_t *root, const struct pv_data_items *items,
                struct pv_service **ret, struct pv_why *why)
{
    struct loader loader = {.items = items, .why = why};
    enum pv_err   err;

    loader.service = calloc(1, sizeof(*loader.service));
    if (loader.service == NULL) {
        return PV_ENOMEM;
    }
    set_place(&loader, "service file");
    err = take_head(&loader, root);
    if (err == PV_OK) {
        err = take_methods(&loader, root);
    }
    if (err == PV_OK) {
        *ret = loader.service;
        loader.service = NULL;
    }
    pv_service_free(loader.service);
    return err;
}

enum pv_err
pv_service_load_file(const char *path, const struct pv_data_items *items,
                     struct pv_service **ret, struct pv_why *why)
{
    struct pv_why inner;
    json_t       *root = NULL;
    enum pv_err   err = pv_json_load_file(path, &root, why);

    if (err != PV_OK) {
        return err;
    }
    pv_why_set(&inner, "%s", "");
    err = pv_service_load(root, items, ret, &inner);
    if (err != PV_OK) {
        pv_why_set(why, "%s: %s", path,
                   inner.text[0] == '\0' ? pv_err_text(err) : inner.text);
    }
    json_decref(root);
    return err;
}

static void
method_clear(struct pv_method *method)
{
    for (size_t i = 0; i < method->column_count; i++) {
        free(method->column[i].constant);
    }
    pv_statement_clear(&method->statement);
    pv_statement_clear(&method->scalar);
}

void
pv_service_free(struct pv_service *service)
{
    if (service == NULL) {
        return;
    }
    for (size_t i = 0; i < service->method_count; i++) {
        method_clear(&service->method[i]);
    }
    free(service->method);
    free(service);
}
