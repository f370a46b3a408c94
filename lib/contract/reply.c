#include "contract/reply.h"

#include <stdio.h>
#include <string.h>

#include "base/jalali.h"
#include "contract/coding.h"
#include "contract/shape.h"

static enum pv_err
fail(struct pv_fault *fault, enum pv_fault_kind kind, const char *member)
{
    pv_fault_set(fault, kind, pv_slice_from(member));
    return PV_EINVAL;
}

/* ---- what stands beside the outputs ---- */

static bool
is_text(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static bool
is_yes_or_no(const char *text)
{
    return is_text(text) &&
           (strcmp(text, "yes") == 0 || strcmp(text, "no") == 0);
}

/* Take a member away, if the contract has it; else it is left, and unknown. */
static enum pv_err
take_found(const struct pv_contract_method *method, json_t *object,
           struct pv_fault *fault)
{
    if (!pv_method_says_found(method)) {
        return PV_OK;
    }
    if (!is_yes_or_no(json_string_value(json_object_get(object, "found")))) {
        return fail(fault, PV_FAULT_MISSING, "found");
    }
    (void)json_object_del(object, "found"); /* it is there */
    return PV_OK;
}

static enum pv_err
take_coverage(const struct pv_contract_method *method, json_t *object,
              struct pv_fault *fault)
{
    const char *said =
        json_string_value(json_object_get(object, "coverage_from"));

    if (method->coverage_from[0] == '\0') {
        return PV_OK;
    }
    if (!is_text(said) || strcmp(said, method->coverage_from) != 0) {
        return fail(fault, PV_FAULT_MISSING, "coverage_from");
    }
    (void)json_object_del(object, "coverage_from"); /* it is there */
    return PV_OK;
}

static enum pv_err
take_time(const struct pv_contract_method *method, json_t *object,
          struct pv_fault *fault)
{
    const char *said =
        json_string_value(json_object_get(object, "determined_at"));
    int64_t unused;

    if (!method->timed) {
        return PV_OK;
    }
    if (pv_time_from_text(pv_slice_from(said), &unused) != PV_OK) {
        return fail(fault, PV_FAULT_MISSING, "determined_at");
    }
    (void)json_object_del(object, "determined_at"); /* it is there */
    return PV_OK;
}

static enum pv_err
take_token(const struct pv_contract_method *method, json_t *object,
           struct pv_fault *fault)
{
    const json_t *token = json_object_get(object, "order_token");

    if (method->unlocks == NULL || token == NULL) {
        return PV_OK;
    }
    if (!json_is_string(token) ||
        !pv_order_token_fits((struct pv_slice){json_string_value(token),
                                               json_string_length(token)})) {
        return fail(fault, PV_FAULT_PATTERN, "order_token");
    }
    (void)json_object_del(object, "order_token"); /* it is there */
    return PV_OK;
}

/* ---- items whose last day has passed (R-178) ---- */

static enum pv_err
check_days(const struct pv_field *field, size_t count, const json_t *value,
           const char today[PV_JALALI_TEXT_LEN], struct pv_fault *fault)
{
    enum pv_err err = PV_OK;

    for (size_t i = 0; err == PV_OK && i < json_array_size(value); i++) {
        err = check_days(field, count, json_array_get(value, i), today, fault);
    }
    for (size_t i = 0; err == PV_OK && i < count; i++) {
        const json_t *inner = json_object_get(value, field[i].name);

        if (inner == NULL) {
            continue;
        }
        if (field[i].until[0] != '\0' &&
            memcmp(field[i].until, today, PV_JALALI_TEXT_LEN) < 0) {
            return fail(fault, PV_FAULT_OVER, field[i].name);
        }
        err =
            check_days(field[i].item, field[i].item_count, inner, today, fault);
    }
    return err;
}

/* ---- an answer ---- */

static enum pv_err
parse(struct pv_slice body, json_t **ret, struct pv_fault *fault)
{
    json_t *object = json_loadb(body.len == 0 ? "" : body.ptr, body.len,
                                JSON_REJECT_DUPLICATES, NULL);

    if (object == NULL) {
        return fail(fault, PV_FAULT_NOT_JSON, "");
    }
    if (!json_is_object(object)) {
        json_decref(object);
        return fail(fault, PV_FAULT_NOT_OBJECT, "");
    }
    *ret = object;
    return PV_OK;
}

enum pv_err
pv_reply_check(const struct pv_contract_method *method, struct pv_slice body,
               int64_t when_ms, struct pv_fault *ret_fault)
{
    char        today[PV_JALALI_TEXT_LEN];
    json_t     *object = NULL;
    enum pv_err err = parse(body, &object, ret_fault);

    pv_jalali_text(when_ms, today);
    if (err == PV_OK) {
        err = take_found(method, object, ret_fault);
    }
    if (err == PV_OK) {
        err = take_coverage(method, object, ret_fault);
    }
    if (err == PV_OK) {
        err = take_time(method, object, ret_fault);
    }
    if (err == PV_OK) {
        err = take_token(method, object, ret_fault);
    }
    if (err == PV_OK) {
        err = pv_coding_reply(method, object, ret_fault);
    }
    if (err == PV_OK) {
        err = check_days(method->output, method->output_count, object, today,
                         ret_fault);
    }
    if (err == PV_OK) {
        err = pv_shape_take_object(method->output, method->output_count, object,
                                   "", ret_fault);
    }
    if (err == PV_OK && pv_method_is_yes_no(method) &&
        json_object_size(object) != 1) {
        err = fail(ret_fault, PV_FAULT_MISSING, method->output[0].name);
    }
    json_decref(object); /* accepts NULL */
    return err;
}

const char *
pv_reply_meaning(const struct pv_contract_method *method, struct pv_slice body,
                 const char *language)
{
    struct pv_fault unused = {PV_FAULT_NONE, ""};
    json_t         *object = NULL;
    const char     *said;
    const char     *meaning = NULL;
    char            name[sizeof("yes_fa")];

    if (!pv_method_is_yes_no(method) ||
        parse(body, &object, &unused) != PV_OK) {
        return NULL;
    }
    said = json_string_value(json_object_get(object, method->output[0].name));
    if (is_yes_or_no(said)) {
        (void)snprintf(name, sizeof(name), "%s_%.2s", said,
                       language); /* fits */
        meaning = json_string_value(
            json_object_get(json_object_get(method->source, "meaning"), name));
    }
    json_decref(object);
    return meaning;
}
