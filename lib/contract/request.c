#include "contract/request.h"

#include <stdlib.h>
#include <string.h>

#include "base/jalali.h"
#include "contract/shape.h"

#define NO_MEMBER PV_LIT("")
#define ORDER_TOKEN "order_token"
#define CODING "coding"

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

/* jansson ends its text with the name; only a declared one is said back */
static struct pv_slice
duplicate_name(const struct pv_contract_method *method,
               const json_error_t              *error)
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
parse_body(const struct pv_contract_method *method, struct pv_slice body,
           json_t **ret, struct pv_fault *fault)
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

/* A list, object, binary value or geometry becomes JSON text. */
static enum pv_err
take_structure(const struct pv_field *field, json_t *json,
               struct pv_value *value, char **dump, struct pv_fault *fault)
{
    enum pv_err err = pv_shape_take(field, json, field->name, fault);

    if (err != PV_OK) {
        return err;
    }
    *dump = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
    if (*dump == NULL) {
        return PV_ENOMEM;
    }
    value->text = pv_slice_from(*dump);
    value->type = field->type;
    return PV_OK;
}

static enum pv_err
take_members(const struct pv_contract_method *method,
             struct pv_request *request, struct pv_fault *fault)
{
    size_t found = 0;

    for (size_t i = 0; i < method->input_count; i++) {
        const struct pv_field *input = &method->input[i];
        struct pv_value       *value = &request->value[i];
        json_t     *json = json_object_get(request->root, input->name);
        enum pv_err err;

        if (json == NULL) {
            if (input->required) {
                return fail(fault, PV_FAULT_MISSING,
                            pv_slice_from(input->name));
            }
            continue;
        }
        err =
            input->type->pattern != NULL
                ? pv_shape_text(input, json, input->name, &value->text,
                                &value->type, fault)
                : take_structure(input, json, value, &request->dump[i], fault);
        if (err != PV_OK) {
            return err;
        }
        value->present = true;
        found++;
    }
    if (method->after.method != NULL) {
        const json_t *token = json_object_get(request->root, ORDER_TOKEN);

        request->order_token = (struct pv_slice){json_string_value(token),
                                                 json_string_length(token)};
        if (!json_is_string(token) ||
            !pv_order_token_fits(request->order_token)) {
            return fail(fault,
                        token == NULL ? PV_FAULT_MISSING : PV_FAULT_PATTERN,
                        PV_LIT(ORDER_TOKEN));
        }
        found++;
    }
    if (method->coding.type != NULL &&
        json_object_get(request->root, CODING) != NULL) {
        const json_t *coding = json_object_get(request->root, CODING);

        request->coding = (struct pv_slice){json_string_value(coding),
                                            json_string_length(coding)};
        if (request->coding.len == 0 ||
            request->coding.len > PV_CODE_LIST_MAX) {
            return fail(fault, PV_FAULT_CODING, PV_LIT(CODING));
        }
        found++;
    }
    /* which member is none of the inputs? */
    return found == json_object_size(request->root)
               ? PV_OK
               : pv_shape_unknown(method->input, method->input_count,
                                  request->root, "", fault);
}

/* ---- inputs together ---- */

static bool
is_earlier(const struct pv_value *a, const struct pv_value *b)
{
    /* year, month and day have their zeros: text order is order of days */
    return pv_slice_cmp(a->text, b->text) < 0;
}

static enum pv_err
check_not_future(const struct pv_contract_method *method,
                 const struct pv_rule *rule, const struct pv_request *request,
                 int64_t when_ms, struct pv_fault *fault)
{
    char            room[PV_JALALI_TEXT_LEN];
    struct pv_slice today = {room, sizeof(room)};

    pv_jalali_text(when_ms, room);
    for (size_t i = 0; i < rule->input_count; i++) {
        const struct pv_value *value = &request->value[rule->input[i]];

        if (value->present && pv_slice_cmp(value->text, today) > 0) {
            return fail(fault, PV_FAULT_FUTURE,
                        pv_slice_from(method->input[rule->input[i]].name));
        }
    }
    return PV_OK;
}

static enum pv_err
check_rule(const struct pv_contract_method *method, const struct pv_rule *rule,
           const struct pv_request *request, int64_t when_ms,
           struct pv_fault *fault)
{
    const struct pv_value *first = &request->value[rule->input[0]];
    struct pv_slice name = pv_slice_from(method->input[rule->input[0]].name);

    switch (rule->kind) {
    case PV_RULE_NOT_BEFORE: {
        const struct pv_value *second = &request->value[rule->input[1]];

        return first->present && second->present && is_earlier(first, second)
                   ? fail(fault, PV_FAULT_NOT_BEFORE, name)
                   : PV_OK;
    }
    case PV_RULE_NEEDS:
        return first->present && !request->value[rule->input[1]].present
                   ? fail(fault, PV_FAULT_NEEDS, name)
                   : PV_OK;
    case PV_RULE_ONE_OF:
        for (size_t i = 0; i < rule->input_count; i++) {
            if (request->value[rule->input[i]].present) {
                return PV_OK;
            }
        }
        break;
    case PV_RULE_NOT_FUTURE:
        return check_not_future(method, rule, request, when_ms, fault);
    case PV_RULES:
        break; /* no kind */
    }
    return fail(fault, PV_FAULT_ONE_OF, name);
}

/* with today D, the days D-oldest to D-newest */
static enum pv_err
check_window(const struct pv_contract_method *method,
             const struct pv_request *request, int64_t when_ms,
             struct pv_fault *fault)
{
    const struct pv_window *window = &method->window;
    const struct pv_value  *value = &request->value[window->input];
    int64_t                 today = pv_time_tehran_day(when_ms);
    struct pv_civil         civil;
    int64_t                 day;

    if (!window->is_set || !value->present) {
        return PV_OK;
    }
    if (pv_jalali_parse(value->text, &civil) != PV_OK ||
        pv_jalali_to_days(civil, &day) != PV_OK ||
        day < today - (int64_t)window->oldest_days ||
        day > today - (int64_t)window->newest_days) {
        return fail(fault, PV_FAULT_WINDOW,
                    pv_slice_from(method->input[window->input].name));
    }
    return PV_OK;
}

static enum pv_err
check_together(const struct pv_contract_method *method,
               const struct pv_request *request, int64_t when_ms,
               struct pv_fault *fault)
{
    enum pv_err err = PV_OK;

    for (size_t i = 0; err == PV_OK && i < method->rule_count; i++) {
        err = check_rule(method, &method->rule[i], request, when_ms, fault);
    }
    return err == PV_OK ? check_window(method, request, when_ms, fault) : err;
}

enum pv_err
pv_request_parse(const struct pv_contract_method *method, struct pv_slice body,
                 int64_t when_ms, struct pv_request *ret,
                 struct pv_fault *ret_fault)
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
    if (err == PV_OK) {
        err = check_together(method, &request, when_ms, ret_fault);
    }
    if (err == PV_OK) {
        *ret = request;
        memset(&request, 0, sizeof(request));
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
    for (size_t i = 0; i < PV_FIELDS_MAX; i++) {
        if (request->dump[i] != NULL) {
            explicit_bzero(request->dump[i], strlen(request->dump[i]));
            free(request->dump[i]);
        }
    }
    explicit_bzero(request, sizeof(*request));
}

bool
pv_request_bind(const struct pv_request *request, const struct pv_bind *bind,
                struct pv_slice *ret)
{
    const struct pv_value *value;

    if (bind->input >= PV_BIND_CALL) {
        *ret = request->call[bind->input - PV_BIND_CALL];
        return true;
    }
    if (bind->input >= PV_FIELDS_MAX) {
        return false; /* no input that there could be */
    }
    value = &request->value[bind->input];
    if (!value->present) {
        return false;
    }
    *ret = bind->type ? pv_slice_from(value->type->id) : value->text;
    return true;
}
