/*
 * service_http.c - a method that an HTTP service answers: its "http" object,
 * checked, and made into the text that the connector's worker follows.
 *
 * That text takes the place of SQL in struct pv_statement: the object as it
 * stands in the file, with these members added:
 *
 *   binds   ["id", "id.type", ...]  the placeholders, in the order of ->bind
 *   json    ["id", ...]             those whose value is JSON text
 *   base64  ["photo", ...]          columns whose text is base64
 *   media   ["application/xml"]     what the body of "raw" may be
 */
#include <stdlib.h>
#include <string.h>

#include "contract/service_private.h"

#define BODY_DEPTH_MAX 8

struct taking {
    const struct pv_taker *taker;
    struct pv_method      *method;
    json_t                *out; /* a copy, with the members added */
    json_t                *binds;
    json_t                *json;
    struct pv_bind         bind[PV_BINDS_MAX];
    size_t                 bind_count;
};

static bool
is_structure(const struct pv_field *field)
{
    return field->type->pattern == NULL;
}

/* ---- placeholders ---- */

/* The name in "{name}"; false: the text is no placeholder. */
static bool
is_placeholder(struct pv_slice text, struct pv_slice *ret)
{
    if (text.len < 3 || text.ptr[0] != '{' || text.ptr[text.len - 1] != '}') {
        return false;
    }
    *ret = (struct pv_slice){text.ptr + 1, text.len - 2};
    return true;
}

static bool
is_known(const json_t *list, struct pv_slice name)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (pv_slice_eq(name, pv_slice_from(json_string_value(
                                  json_array_get(list, i))))) {
            return true;
        }
    }
    return false;
}

static enum pv_err
add_text(json_t *list, struct pv_slice text)
{
    return json_array_append_new(list, json_stringn(text.ptr, text.len)) == 0
               ? PV_OK
               : PV_ENOMEM;
}

/* One "{name}" or "{name.type}"; in a path it must be there and be plain. */
static enum pv_err
take_name(struct taking *taking, const char *member, struct pv_slice name,
          bool in_path)
{
    const struct pv_contract_method *contract = taking->method->contract;
    const struct pv_field           *field;
    struct pv_slice                  input = name;
    struct pv_slice                  kind = PV_LIT("");
    bool        type = pv_slice_cut(name, '.', &input, &kind);
    enum pv_err err;

    field = pv_field_find(contract->input, contract->input_count, input);
    if (field == NULL || (type && !pv_slice_eq(kind, PV_LIT("type")))) {
        return pv_taker_refuse(taking->taker, member,
                               "{%.*s} is no input of the method",
                               PV_FMT(name));
    }
    if (in_path && (!field->required || (!type && is_structure(field)))) {
        return pv_taker_refuse(taking->taker, member,
                               "{%.*s} may be absent or is a structure: it "
                               "cannot be a part of the path",
                               PV_FMT(name));
    }
    if (is_known(taking->binds, name)) {
        return PV_OK;
    }
    if (taking->bind_count == PV_BINDS_MAX) {
        return pv_taker_refuse(taking->taker, member,
                               "more than %d placeholders", PV_BINDS_MAX);
    }
    taking->bind[taking->bind_count].input =
        (uint16_t)(field - contract->input);
    taking->bind[taking->bind_count].type = type;
    taking->bind_count++;
    err = add_text(taking->binds, name);
    return err == PV_OK && !type && is_structure(field)
               ? add_text(taking->json, name)
               : err;
}

/* Every text of the value that is a placeholder as a whole. */
static enum pv_err
take_values(struct taking *taking, const char *member, json_t *value, int depth)
{
    struct pv_slice name;
    const char     *key;
    json_t         *one;
    size_t          i;
    enum pv_err     err = PV_OK;

    if (depth > BODY_DEPTH_MAX) {
        return pv_taker_refuse(taking->taker, member, "deeper than %d levels",
                               BODY_DEPTH_MAX);
    }
    if (json_is_string(value) &&
        is_placeholder(pv_slice_from(json_string_value(value)), &name)) {
        return take_name(taking, member, name, false);
    }
    if (json_is_array(value)) {
        json_array_foreach(value, i, one)
        {
            err = take_values(taking, member, one, depth + 1);
            if (err != PV_OK) {
                return err;
            }
        }
    }
    json_object_foreach(value, key, one)
    {
        err = take_values(taking, member, one, depth + 1);
        if (err != PV_OK) {
            return err;
        }
    }
    return err;
}

/* ---- what is asked ---- */

static enum pv_err
take_path(struct taking *taking, const json_t *object)
{
    const char *path;
    enum pv_err err =
        pv_taker_text(taking->taker, object, "path", PV_STATEMENT_MAX, &path);

    if (err != PV_OK) {
        return err;
    }
    if (path[0] != '/') {
        return pv_taker_refuse(taking->taker, "path", "begins with no /");
    }
    for (const char *c = path; err == PV_OK && *c != '\0'; c++) {
        const char *end;

        if (*c <= 0x20 || *c > 0x7e || strchr("?#\\}", *c) != NULL) {
            return pv_taker_refuse(taking->taker, "path",
                                   "holds a character that is none of a "
                                   "path; what comes after ? is \"query\"");
        }
        if (*c != '{') {
            continue;
        }
        end = strchr(c, '}');
        if (end == NULL) {
            return pv_taker_refuse(taking->taker, "path", "{ without }");
        }
        err = take_name(taking, "path",
                        (struct pv_slice){c + 1, (size_t)(end - c) - 1}, true);
        c = end;
    }
    return err;
}

static enum pv_err
take_query_members(struct taking *taking, json_t *query)
{
    const char *name;
    json_t     *value;

    if (query == NULL) {
        return PV_OK;
    }
    if (!json_is_object(query)) {
        return pv_taker_refuse(taking->taker, "query", "must be an object");
    }
    json_object_foreach(query, name, value)
    {
        if (!json_is_string(value)) {
            return pv_taker_refuse(taking->taker, "query",
                                   "\"%.64s\" is no text", name);
        }
    }
    return take_values(taking, "query", query, 0);
}

bool
pv_http_header_fits(const char *name, const char *value)
{
    static const char token[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";

    if (name[0] == '\0' || name[strspn(name, token)] != '\0') {
        return false;
    }
    for (; *value != '\0'; value++) {
        if (*value < 0x20 || *value > 0x7e) {
            return false;
        }
    }
    return true;
}

static enum pv_err
take_headers(struct taking *taking, json_t *headers)
{
    const char *name;
    json_t     *value;

    if (headers == NULL) {
        return PV_OK;
    }
    if (!json_is_object(headers)) {
        return pv_taker_refuse(taking->taker, "headers", "must be an object");
    }
    json_object_foreach(headers, name, value)
    {
        if (!json_is_string(value) ||
            !pv_http_header_fits(name, json_string_value(value))) {
            return pv_taker_refuse(taking->taker, "headers",
                                   "\"%.64s\" is no header", name);
        }
    }
    return PV_OK;
}

static enum pv_err
take_send(struct taking *taking, const json_t *object)
{
    const struct pv_contract_method *contract = taking->method->contract;
    const struct pv_field           *field;
    const char                      *name;
    enum pv_err                      err;

    if (json_object_get(object, "body") != NULL) {
        return pv_taker_refuse(taking->taker, "send",
                               "\"send\" and \"body\" exclude each other");
    }
    err = pv_taker_text(taking->taker, object, "send", PV_NAME_MAX, &name);
    if (err != PV_OK) {
        return err;
    }
    field = pv_field_find(contract->input, contract->input_count,
                          pv_slice_from(name));
    if (field == NULL || field->type->base != PV_BASE_BINARY) {
        return pv_taker_refuse(taking->taker, "send",
                               "\"%.64s\" is no binary input", name);
    }
    return take_name(taking, "send", pv_slice_from(name), false);
}

static enum pv_err
take_asked(struct taking *taking, const json_t *object)
{
    static const char *const verbs[] = {"GET", "POST", "PUT", NULL};
    bool has_body = json_object_get(object, "body") != NULL ||
                    json_object_get(object, "send") != NULL;
    size_t      verb;
    enum pv_err err =
        pv_taker_word(taking->taker, object, "method", verbs, &verb);

    if (err == PV_OK && has_body != (verb != 0)) {
        err = pv_taker_refuse(taking->taker, "method",
                              "GET has no body, POST and PUT have one");
    }
    if (err == PV_OK) {
        err = take_path(taking, object);
    }
    if (err == PV_OK) {
        err = take_query_members(taking, json_object_get(object, "query"));
    }
    if (err == PV_OK) {
        err = take_headers(taking, json_object_get(object, "headers"));
    }
    if (err == PV_OK && json_object_get(object, "send") != NULL) {
        return take_send(taking, object);
    }
    return err == PV_OK
               ? take_values(taking, "body", json_object_get(object, "body"), 0)
               : err;
}

/* ---- what is answered ---- */

static bool
is_pointer(const json_t *value)
{
    const char *text = json_string_value(value);

    return text != NULL && (text[0] == '\0' || text[0] == '/');
}

static enum pv_err
take_none(struct taking *taking, const json_t *none)
{
    for (size_t i = 0; none != NULL && i < json_array_size(none); i++) {
        const json_t *status = json_array_get(none, i);

        if (!json_is_integer(status) || json_integer_value(status) < 204 ||
            json_integer_value(status) > 499) {
            return pv_taker_refuse(taking->taker, "none",
                                   "must be statuses from 204 to 499");
        }
    }
    return none == NULL || json_array_size(none) > 0
               ? PV_OK
               : pv_taker_refuse(taking->taker, "none", "must be a list");
}

/* {"/pointer": value}: one member, compared as it is. */
static enum pv_err
take_condition(struct taking *taking, const json_t *object, const char *name)
{
    json_t     *condition = json_object_get(object, name);
    const char *pointer;
    json_t     *value;

    if (json_object_size(condition) != 1) {
        return pv_taker_refuse(taking->taker, name,
                               "a verify method needs \"%s\" with one "
                               "pointer and the value it must have",
                               name);
    }
    json_object_foreach(condition, pointer, value)
    {
        if (pointer[0] != '/' || json_is_object(value) ||
            json_is_array(value) || json_is_null(value)) {
            return pv_taker_refuse(taking->taker, name,
                                   "must be a pointer and a plain value");
        }
    }
    return PV_OK;
}

static enum pv_err
take_raw(struct taking *taking, const json_t *object)
{
    const struct pv_column *column = &taking->method->column[0];
    const char             *name;
    json_t                 *media;
    enum pv_err             err =
        pv_taker_text(taking->taker, object, "raw", PV_NAME_MAX, &name);

    if (err != PV_OK) {
        return err;
    }
    if (taking->method->answer != PV_ANSWER_RECORD ||
        taking->method->column_count != 1 || strcmp(column->name, name) != 0 ||
        column->field->type->base != PV_BASE_BINARY) {
        return pv_taker_refuse(taking->taker, "raw",
                               "\"%.64s\" is not the only output, or not "
                               "binary",
                               name);
    }
    media = json_object_get(column->field->source, "media");
    return json_object_set(taking->out, "media", media) == 0 ? PV_OK
                                                             : PV_ENOMEM;
}

static enum pv_err
take_pointers(struct taking *taking, const json_t *object)
{
    const json_t *columns = json_object_get(object, "columns");
    const json_t *row = json_object_get(object, "row");
    json_t       *base64 = json_object_get(taking->out, "base64");
    size_t        used = 0;
    enum pv_err   err = PV_OK;

    if (row != NULL && !is_pointer(row)) {
        return pv_taker_refuse(taking->taker, "row", "is no JSON pointer");
    }
    for (size_t i = 0; err == PV_OK && i < taking->method->column_count; i++) {
        const struct pv_column *column = &taking->method->column[i];
        const json_t           *value = json_object_get(columns, column->name);

        if (column->source == PV_FROM_CONSTANT) {
            continue;
        }
        if (column->source == PV_FROM_SCALAR) {
            return pv_taker_refuse(taking->taker, NULL,
                                   "output \"%s\" beside the list must be "
                                   "one of \"constants\"",
                                   column->name);
        }
        if (!is_pointer(value)) {
            return pv_taker_refuse(taking->taker, "columns",
                                   "output \"%s\" has no JSON pointer",
                                   column->name);
        }
        used++;
        if (column->field->type->base == PV_BASE_BINARY) {
            err = add_text(base64, pv_slice_from(column->name));
        }
    }
    if (err == PV_OK && used != json_object_size(columns)) {
        err = pv_taker_refuse(taking->taker, "columns",
                              "names something that is no output");
    }
    return err;
}

static enum pv_err
take_answered(struct taking *taking, const json_t *object)
{
    bool        verify = taking->method->answer == PV_ANSWER_YES_IF_ROW;
    enum pv_err err = take_none(taking, json_object_get(object, "none"));

    if (err == PV_OK && verify) {
        err = take_condition(taking, object, "yes_if");
        if (err == PV_OK) {
            err = take_condition(taking, object, "no_if");
        }
        return err;
    }
    if (err == PV_OK && (json_object_get(object, "yes_if") != NULL ||
                         json_object_get(object, "no_if") != NULL)) {
        err = pv_taker_refuse(taking->taker, NULL,
                              "\"yes_if\" and \"no_if\" are for verify "
                              "methods");
    }
    if (err != PV_OK) {
        return err;
    }
    return json_object_get(object, "raw") != NULL
               ? take_raw(taking, object)
               : take_pointers(taking, object);
}

/* ---- the method ---- */

static enum pv_err
make_statement(struct taking *taking)
{
    struct pv_statement *statement = &taking->method->statement;

    statement->sql = json_dumps(taking->out, JSON_COMPACT);
    if (statement->sql == NULL) {
        return PV_ENOMEM;
    }
    if (taking->bind_count == 0) {
        return PV_OK;
    }
    statement->bind = calloc(taking->bind_count, sizeof(statement->bind[0]));
    if (statement->bind == NULL) {
        return PV_ENOMEM;
    }
    memcpy(statement->bind, taking->bind,
           taking->bind_count * sizeof(statement->bind[0]));
    statement->bind_count = taking->bind_count;
    return PV_OK;
}

enum pv_err
pv_take_http(struct pv_taker *taker, const json_t *object,
             struct pv_method *method)
{
    static const char *const keywords[] = {
        "method", "path", "query",  "body",  "send",    "headers", "none",
        "row",    "raw",  "yes_if", "no_if", "columns", NULL};
    struct taking taking = {.taker = taker, .method = method};
    json_t       *http = json_object_get(object, "http");
    size_t        mark = pv_taker_enter(taker, "http");
    enum pv_err   err = pv_taker_only(taker, http, keywords);

    if (err != PV_OK) {
        return err;
    }
    taking.out = json_copy(http);
    taking.binds = json_array();
    taking.json = json_array();
    /* the object owns the lists, also those that could not be made */
    if (json_object_set_new(taking.out, "binds", taking.binds) != 0 ||
        json_object_set_new(taking.out, "json", taking.json) != 0 ||
        json_object_set_new(taking.out, "base64", json_array()) != 0) {
        err = PV_ENOMEM;
    }
    if (err == PV_OK) {
        err = take_asked(&taking, http);
    }
    if (err == PV_OK) {
        err = take_answered(&taking, http);
    }
    if (err == PV_OK) {
        err = make_statement(&taking);
    }
    json_decref(taking.out);
    pv_taker_leave(taker, mark);
    return err;
}
