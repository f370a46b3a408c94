#include "contract/request.h"

#include <string.h>

#define NO_MEMBER PV_LIT("")

static enum pv_err
fail(struct pv_fault *fault, enum pv_fault_kind kind, struct pv_slice member)
{
    pv_fault_set(fault, kind, member);
    return PV_EINVAL;
}

/* Before jansson recurses: how deep do brackets outside strings go? */
static bool
is_shallow(struct pv_slice body)
{
    size_t depth = 0;
    bool   in_string = false;

    for (size_t i = 0; i < body.len; i++) {
        char c = body.ptr[i];

        if (in_string) {
            if (c == '\\') {
                i++;
            } else if (c == '"') {
                in_string = false;
            }
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > PV_BODY_DEPTH_MAX) {
                return false;
            }
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return true;
}

/* A member's name may be said back only when it looks like one. */
static struct pv_slice
sayable(const char *name)
{
    struct pv_slice s = pv_slice_from(name);

    if (s.len == 0 || s.len > PV_NAME_MAX || s.ptr[0] < 'a' || s.ptr[0] > 'z') {
        return NO_MEMBER;
    }
    for (size_t i = 0; i < s.len; i++) {
        if ((s.ptr[i] < 'a' || s.ptr[i] > 'z') && s.ptr[i] != '_') {
            return NO_MEMBER;
        }
    }
    return s;
}

/* jansson ends its text with the name; only a declared one is said back */
static struct pv_slice
duplicate_name(const struct pv_method *method, const json_error_t *error)
{
    for (size_t i = 0; i < method->input_count; i++) {
        char quoted[PV_NAME_MAX + 3];
        int  len =
            snprintf(quoted, sizeof(quoted), "\"%s\"", method->input[i].name);

        if (len > 0 && strstr(error->text, quoted) != NULL) {
            return pv_slice_from(method->input[i].name);
        }
    }
    return NO_MEMBER;
}

static enum pv_err
parse_body(const struct pv_method *method, struct pv_slice body, json_t **ret,
           struct pv_fault *fault)
{
    json_error_t error;
    json_t      *root;

    if (body.len > PV_BODY_MAX) {
        return fail(fault, PV_FAULT_TOO_LARGE, NO_MEMBER);
    }
    if (!is_shallow(body)) {
        return fail(fault, PV_FAULT_TOO_DEEP, NO_MEMBER);
    }
    root = json_loadb(body.len == 0 ? "" : body.ptr, body.len,
                      JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        enum json_error_code code = json_error_code(&error);

        if (code == json_error_out_of_memory) {
            return PV_ENOMEM;
        }
        if (code == json_error_duplicate_key) {
            return fail(fault, PV_FAULT_DUPLICATE,
                        duplicate_name(method, &error));
        }
        return fail(fault, PV_FAULT_NOT_JSON, NO_MEMBER);
    }
    *ret = root;
    return PV_OK;
}

/* {"type": ..., "value": ...} for an input that accepts several types */
static enum pv_err
take_alternative(const struct pv_input *input, const json_t *object,
                 struct pv_value *value, struct pv_fault *fault)
{
    struct pv_slice            name = pv_slice_from(input->name);
    const json_t              *type = json_object_get(object, "type");
    const json_t              *text = json_object_get(object, "value");
    const struct pv_data_item *member;
    enum pv_fault_kind         kind;

    if (input->type->any_count == 0) {
        return fail(fault, PV_FAULT_NOT_STRING, name);
    }
    if (json_object_size(object) != 2 || !json_is_string(type) ||
        !json_is_string(text)) {
        return fail(fault, PV_FAULT_ALTERNATIVE, name);
    }
    member = pv_data_item_member(
        input->type,
        (struct pv_slice){json_string_value(type), json_string_length(type)});
    if (member == NULL) {
        return fail(fault, PV_FAULT_TYPE, name);
    }
    value->text =
        (struct pv_slice){json_string_value(text), json_string_length(text)};
    kind = pv_data_item_check(member, value->text, &value->type);
    return kind == PV_FAULT_NONE ? PV_OK : fail(fault, kind, name);
}

static enum pv_err
take_value(const struct pv_input *input, const json_t *json,
           struct pv_value *value, struct pv_fault *fault)
{
    enum pv_fault_kind kind;

    if (json_is_object(json)) {
        return take_alternative(input, json, value, fault);
    }
    if (!json_is_string(json)) {
        return fail(fault, PV_FAULT_NOT_STRING, pv_slice_from(input->name));
    }
    value->text =
        (struct pv_slice){json_string_value(json), json_string_length(json)};
    kind = pv_data_item_check(input->type, value->text, &value->type);
    return kind == PV_FAULT_NONE
               ? PV_OK
               : fail(fault, kind, pv_slice_from(input->name));
}

static enum pv_err
take_members(const struct pv_method *method, struct pv_request *request,
             struct pv_fault *fault)
{
    size_t found = 0;

    for (size_t i = 0; i < method->input_count; i++) {
        const struct pv_input *input = &method->input[i];
        struct pv_value       *value = &request->value[i];
        const json_t *json = json_object_get(request->root, input->name);
        enum pv_err   err;

        if (json == NULL) {
            if (input->required) {
                return fail(fault, PV_FAULT_MISSING,
                            pv_slice_from(input->name));
            }
            continue;
        }
        err = take_value(input, json, value, fault);
        if (err != PV_OK) {
            return err;
        }
        value->text = pv_data_item_canonical(value->type, value->text);
        value->present = true;
        found++;
    }
    return found == json_object_size(request->root) ? PV_OK : PV_ENOTFOUND;
}

/* Which member is none of the inputs? Called when there is one. */
static enum pv_err
unknown_member(const struct pv_method *method, json_t *root,
               struct pv_fault *fault)
{
    for (void *at = json_object_iter(root); at != NULL;
         at = json_object_iter_next(root, at)) {
        const char *name = json_object_iter_key(at);
        bool        known = false;

        for (size_t i = 0; i < method->input_count; i++) {
            known = known || strcmp(method->input[i].name, name) == 0;
        }
        if (!known) {
            return fail(fault, PV_FAULT_UNKNOWN, sayable(name));
        }
    }
    return fail(fault, PV_FAULT_UNKNOWN, NO_MEMBER);
}

enum pv_err
pv_request_parse(const struct pv_method *method, struct pv_slice body,
                 struct pv_request *ret, struct pv_fault *ret_fault)
{
    struct pv_request request;
    enum pv_err       err;

    memset(&request, 0, sizeof(request));
    err = parse_body(method, body, &request.root, ret_fault);
    if (err != PV_OK) {
        return err;
    }
    if (!json_is_object(request.root)) {
        err = fail(ret_fault, PV_FAULT_NOT_OBJECT, NO_MEMBER);
    } else if (json_object_size(request.root) > PV_FIELDS_MAX) {
        err = fail(ret_fault, PV_FAULT_TOO_MANY, NO_MEMBER);
    } else {
        err = take_members(method, &request, ret_fault);
    }
    if (err == PV_ENOTFOUND) {
        err = unknown_member(method, request.root, ret_fault);
    }
    if (err == PV_OK) {
        *ret = request;
        request.root = NULL;
    }
    pv_request_clear(&request);
    return err;
}

void
pv_request_clear(struct pv_request *request)
{
    if (request == NULL) {
        return;
    }
    json_decref(request->root); /* accepts NULL */
    explicit_bzero(request, sizeof(*request));
}

bool
pv_request_bind(const struct pv_request *request, const struct pv_bind *bind,
                struct pv_slice *ret)
{
    const struct pv_value *value = &request->value[bind->input];

    if (!value->present) {
        return false;
    }
    *ret = bind->type ? pv_slice_from(value->type->id) : value->text;
    return true;
}
