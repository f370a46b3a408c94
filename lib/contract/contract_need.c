/* contract_need.c - what a call needs: consent, order, a key, a time, a caller.
 */
#include <string.h>

#include "contract/contract_private.h"

#define VALID_MONTHS_MAX 24
#define USES_MAX 1000
#define AFTER_S_MAX (366 * 24 * 3600)
#define KEEP_DAYS_MAX 366
#define CONSUMERS_MAX 200

static enum pv_err
take_consent(struct pv_taker *taker, const json_t *object,
             struct pv_contract_method *method)
{
    static const char *const keywords[] = {"valid_months", "uses", "shared",
                                           NULL};
    const json_t            *consent = json_object_get(object, "consent");
    struct pv_consent       *to = &method->consent;
    size_t                   mark;
    enum pv_err              err;

    if (consent == NULL) {
        return PV_OK;
    }
    mark = pv_taker_enter(taker, "consent");
    to->valid_months = 1;
    to->uses = 2;
    to->shared = true;
    err = pv_taker_only(taker, consent, keywords);
    if (err == PV_OK) {
        err = pv_taker_number(taker, consent, "valid_months", 1,
                              VALID_MONTHS_MAX, &to->valid_months);
    }
    if (err == PV_OK) {
        err = pv_taker_number(taker, consent, "uses", 1, USES_MAX, &to->uses);
    }
    if (err == PV_OK) {
        err = pv_taker_bool(taker, consent, "shared", &to->shared);
    }
    to->is_set = err == PV_OK;
    pv_taker_leave(taker, mark);
    return err;
}

/* A yes can bring one token, for one method behind it. */
static enum pv_err
unlock(const struct pv_taker *taker, struct pv_contract *contract,
       const struct pv_contract_method *method)
{
    struct pv_contract_method *first =
        &contract->method[method->after.method - contract->method];

    if (!pv_method_is_yes_no(first)) {
        return pv_taker_refuse(taker, "method", "\"%s\" gives no yes or no",
                               first->id);
    }
    if (first->unlocks != NULL) {
        return pv_taker_refuse(taker, "method", "\"%s\" is after it already",
                               first->unlocks->id);
    }
    first->unlocks = method;
    if (pv_pad_needed(first) > first->pad_to) {
        return pv_taker_refuse(taker, "method",
                               "the answer yes of \"%s\" with its token is "
                               "longer than its \"pad_to\"",
                               first->id);
    }
    return PV_OK;
}

static enum pv_err
take_after(struct pv_taker *taker, const json_t *object,
           struct pv_contract *contract, struct pv_contract_method *method)
{
    static const char *const keywords[] = {"method", "same", "valid_s", NULL};
    const json_t            *after = json_object_get(object, "after");
    struct pv_after         *to = &method->after;
    const char              *text;
    size_t                   mark;
    enum pv_err              err;

    if (after == NULL) {
        return PV_OK;
    }
    mark = pv_taker_enter(taker, "after");
    err = pv_taker_only(taker, after, keywords);
    if (err == PV_OK) {
        err = pv_taker_text(taker, after, "method", PV_NAME_MAX, &text);
    }
    if (err == PV_OK) {
        to->method = pv_contract_method(contract, pv_slice_from(text));
        if (to->method == NULL || to->method >= method) {
            to->method = NULL;
            err =
                pv_taker_refuse(taker, "method",
                                "\"%.64s\" is no method before this one", text);
        }
    }
    if (err == PV_OK) {
        err = pv_take_input_names(taker, method, after, "same", to->same,
                                  &to->same_count);
    }
    for (size_t i = 0; err == PV_OK && i < to->same_count; i++) {
        const struct pv_field *field = &method->input[to->same[i]];

        if (pv_field_find(to->method->input, to->method->input_count,
                          pv_slice_from(field->name)) == NULL) {
            err = pv_taker_refuse(taker, "same", "\"%s\" is no input of \"%s\"",
                                  field->name, to->method->id);
        }
    }
    if (err == PV_OK && !pv_has(after, "valid_s")) {
        err = pv_taker_refuse(taker, NULL, "\"valid_s\" is missing");
    }
    if (err == PV_OK) {
        err = pv_taker_number(taker, after, "valid_s", 1, AFTER_S_MAX,
                              &to->valid_s);
    }
    if (err == PV_OK) {
        err = unlock(taker, contract, method);
    }
    pv_taker_leave(taker, mark);
    return err;
}

/* somebody who is no member gets a refusal, not an empty answer. */
static enum pv_err
take_member(struct pv_taker *taker, const json_t *object,
            struct pv_contract_method *method)
{
    static const char *const keywords[] = {"input", "text_fa", "text_en", NULL};
    const json_t            *member = json_object_get(object, "member");
    const char              *name;
    size_t                   mark;
    enum pv_err              err;

    if (member == NULL) {
        return PV_OK;
    }
    if (method->pattern == PV_CALL_COMMAND) {
        return pv_taker_refuse(taker, "member",
                               "a command's first step says "
                               "for whom it is done");
    }
    mark = pv_taker_enter(taker, "member");
    err = pv_taker_only(taker, member, keywords);
    if (err == PV_OK) {
        err = pv_taker_text(taker, member, "input", PV_NAME_MAX, &name);
    }
    if (err == PV_OK) {
        method->member = pv_field_find(method->input, method->input_count,
                                       pv_slice_from(name));
        if (method->member == NULL || !method->member->required) {
            err = pv_taker_refuse(taker, "input",
                                  "\"%.64s\" is no required input", name);
        }
    }
    if (err == PV_OK) {
        err = pv_taker_words(taker, member, "text", true);
    }
    pv_taker_leave(taker, mark);
    return err;
}

static enum pv_err
take_idempotency(struct pv_taker *taker, const json_t *object,
                 struct pv_contract_method *method)
{
    static const char *const keywords[] = {"keep_days", NULL};
    const json_t            *keep = json_object_get(object, "idempotency");
    size_t                   mark;
    enum pv_err              err;

    if (method->pattern != PV_CALL_COMMAND) {
        return keep == NULL ? PV_OK
                            : pv_taker_refuse(taker, "idempotency",
                                              "\"idempotency\" is for "
                                              "commands");
    }
    if (keep == NULL) {
        return pv_taker_refuse(taker, NULL,
                               "a command needs \"idempotency\" (R-046)");
    }
    mark = pv_taker_enter(taker, "idempotency");
    err = pv_taker_only(taker, keep, keywords);
    if (err == PV_OK && !pv_has(keep, "keep_days")) {
        err = pv_taker_refuse(taker, NULL, "\"keep_days\" is missing");
    }
    if (err == PV_OK) {
        err = pv_taker_number(taker, keep, "keep_days", 1, KEEP_DAYS_MAX,
                              &method->keep_days);
    }
    pv_taker_leave(taker, mark);
    return err;
}

static enum pv_err
take_consumers(struct pv_taker *taker, const json_t *object)
{
    const json_t *list;
    enum pv_err   err;

    if (!pv_has(object, "consumers")) {
        return PV_OK;
    }
    err = pv_taker_list(taker, object, "consumers", CONSUMERS_MAX, &list);
    for (size_t i = 0; err == PV_OK && i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));

        if (text == NULL || !pv_is_id(pv_slice_from(text))) {
            err = pv_taker_refuse(taker, "consumers",
                                  "\"consumers\" must be ids of agencies");
        }
    }
    return err;
}

/* "07:30": a time of the day */
static bool
is_clock(const char *text)
{
    return text != NULL && strlen(text) == 5 && text[0] >= '0' &&
           text[0] <= '2' && text[1] >= '0' && text[1] <= '9' &&
           (text[0] < '2' || text[1] <= '4') && text[2] == ':' &&
           text[3] >= '0' && text[3] <= '5' && text[4] >= '0' && text[4] <= '9';
}

static enum pv_err
take_hours(struct pv_taker *taker, const json_t *object)
{
    static const char *const keywords[] = {"from", "until", "days", NULL};
    static const char *const days[] = {"sat", "sun", "mon", "tue",
                                       "wed", "thu", "fri"};
    const json_t            *hours = json_object_get(object, "hours");
    const json_t            *list;
    size_t                   mark;
    enum pv_err              err;

    if (hours == NULL) {
        return PV_OK;
    }
    mark = pv_taker_enter(taker, "hours");
    err = pv_taker_only(taker, hours, keywords);
    for (int i = 0; err == PV_OK && i < 2; i++) {
        if (!is_clock(json_string_value(json_object_get(hours, keywords[i])))) {
            err =
                pv_taker_refuse(taker, keywords[i], "must be a time as 07:30");
        }
    }
    if (err == PV_OK) {
        err = pv_taker_list(taker, hours, "days", 7, &list);
    }
    for (size_t i = 0; err == PV_OK && i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        size_t      day = 0;

        while (day < 7 && (text == NULL || strcmp(days[day], text) != 0)) {
            day++;
        }
        if (day == 7) {
            err = pv_taker_refuse(taker, "days", "days are sat, sun ... fri");
        }
    }
    pv_taker_leave(taker, mark);
    return err;
}

enum pv_err
pv_take_needs(struct pv_taker *taker, const json_t *object,
              struct pv_contract *contract, struct pv_contract_method *method)
{
    enum pv_err err = take_consent(taker, object, method);

    if (err == PV_OK) {
        err = take_after(taker, object, contract, method);
    }
    if (err == PV_OK) {
        err = take_member(taker, object, method);
    }
    if (err == PV_OK) {
        err = take_idempotency(taker, object, method);
    }
    if (err == PV_OK) {
        err = take_consumers(taker, object);
    }
    return err == PV_OK ? take_hours(taker, object) : err;
}
