/* service_method.c - how one method finds its answer. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "contract/person.h"
#include "contract/service_private.h"

/* ---- the answer ---- */

static enum pv_err
take_rows_as(const struct pv_taker *taker, const json_t *object,
             struct pv_method *method)
{
    const struct pv_contract_method *contract = method->contract;
    const char                      *name;
    enum pv_err                      err;

    if (method->answer != PV_ANSWER_ROWS) {
        return json_object_get(object, "rows_as") == NULL &&
                       json_object_get(object, "constants") == NULL &&
                       json_object_get(object, "scalar_statement") == NULL
                   ? PV_OK
                   : pv_taker_refuse(
                         taker, NULL,
                         "\"rows_as\", \"constants\" and "
                         "\"scalar_statement\" are for answer rows");
    }
    err = pv_taker_text(taker, object, "rows_as", PV_NAME_MAX, &name);
    if (err != PV_OK) {
        return err;
    }
    method->rows_as = pv_field_find(contract->output, contract->output_count,
                                    pv_slice_from(name));
    if (method->rows_as == NULL ||
        method->rows_as->type->base != PV_BASE_LIST) {
        return pv_taker_refuse(taker, "rows_as",
                               "\"%.64s\" is no output of type list", name);
    }
    return PV_OK;
}

static bool
fits(enum pv_call_pattern pattern, enum pv_answer_kind answer)
{
    switch (pattern) {
    case PV_CALL_VERIFY:
        return answer == PV_ANSWER_YES_IF_ROW;
    case PV_CALL_INQUIRY:
        return answer == PV_ANSWER_RECORD || answer == PV_ANSWER_ROWS;
    case PV_CALL_LIST:
        return answer == PV_ANSWER_ROWS;
    case PV_CALL_COMMAND:
        return answer == PV_ANSWER_RECORD || answer == PV_ANSWER_YES_IF_DONE;
    case PV_CALL_FILE:
    case PV_CALL_EVENTS:
        break; /* no statement answers these */
    }
    return false;
}

static enum pv_err
take_answer(const struct pv_taker *taker, const json_t *object,
            struct pv_method *method)
{
    static const char *const answers[] = {"yes-if-row", "record", "rows",
                                          "yes-if-done", NULL};
    const struct pv_contract_method *contract = method->contract;
    size_t                           word = 0;
    enum pv_err err = pv_taker_word(taker, object, "answer", answers, &word);

    method->answer = (enum pv_answer_kind)word;
    if (err == PV_OK && !fits(contract->pattern, method->answer)) {
        err = pv_taker_refuse(
            taker, "answer", "pattern %s has no answer \"%s\"",
            pv_call_pattern_word(contract->pattern), answers[word]);
    }
    if (err == PV_OK && contract->pattern == PV_CALL_COMMAND &&
        (method->answer == PV_ANSWER_YES_IF_DONE) !=
            pv_method_is_yes_no(contract)) {
        err = pv_taker_refuse(taker, "answer",
                              "a command that answers yes or no has answer "
                              "\"yes-if-done\", another one \"record\"");
    }
    return err == PV_OK ? take_rows_as(taker, object, method) : err;
}

/* ---- constants and statements ---- */

static enum pv_err
take_constants(const struct pv_taker *taker, const json_t *object,
               struct pv_method *method)
{
    const json_t *constants = json_object_get(object, "constants");
    size_t        used = 0;

    for (size_t i = 0; constants != NULL && i < method->column_count; i++) {
        struct pv_column          *column = &method->column[i];
        const struct pv_data_item *member;
        const char                *text =
            json_string_value(json_object_get(constants, column->name));

        if (text == NULL || column->source != PV_FROM_SCALAR ||
            column->field->type->pattern == NULL) {
            continue;
        }
        if (pv_data_item_check(column->field->type, pv_slice_from(text),
                               &member) != PV_FAULT_NONE) {
            return pv_taker_refuse(taker, "constants",
                                   "constant \"%s\" is no %s", column->name,
                                   column->field->type->id);
        }
        column->constant = strdup(text);
        if (column->constant == NULL) {
            return PV_ENOMEM;
        }
        column->source = PV_FROM_CONSTANT;
        used++;
    }
    if (constants != NULL &&
        (!json_is_object(constants) || used != json_object_size(constants))) {
        return pv_taker_refuse(taker, "constants",
                               "\"constants\" names something that is no "
                               "plain output, or is no text");
    }
    return PV_OK;
}

static const char *const call_value[PV_CALL_VALUES] = {
    [PV_CALL_TRACKING_ID] = "payvand_tracking_id",
    [PV_CALL_CONSUMER] = "payvand_consumer",
    [PV_CALL_TIME] = "payvand_time",
};

static enum pv_err
find_input(const void *context, struct pv_slice name, uint16_t *ret)
{
    const struct pv_contract_method *contract = context;
    const struct pv_field           *field =
        pv_field_find(contract->input, contract->input_count, name);

    if (field != NULL) {
        *ret = (uint16_t)(field - contract->input);
        return PV_OK;
    }
    for (size_t i = 0;
         contract->pattern == PV_CALL_COMMAND && i < PV_CALL_VALUES; i++) {
        if (pv_slice_eq(name, pv_slice_from(call_value[i]))) {
            *ret = (uint16_t)(PV_BIND_CALL + i);
            return PV_OK;
        }
    }
    return PV_ENOTFOUND;
}

enum pv_err
pv_take_statement(const struct pv_taker *taker, const json_t *object,
                  const char *name, const struct pv_method *method,
                  struct pv_statement *statement)
{
    const char   *text;
    struct pv_why why;
    enum pv_err   err =
        pv_taker_text(taker, object, name, PV_STATEMENT_MAX, &text);

    if (err != PV_OK) {
        return err;
    }
    pv_why_set(&why, "%s", "");
    err = pv_statement_init(statement, pv_slice_from(text), find_input,
                            method->contract, &why);
    if (err == PV_EINVAL || err == PV_ERANGE) {
        return pv_taker_refuse(taker, name, "\"%s\": %s", name,
                               why.text[0] == '\0' ? pv_err_text(err)
                                                   : why.text);
    }
    return err;
}

/* Does it look at where a page begins, if there are pages? */
static bool
goes_on(const struct pv_method *method)
{
    const struct pv_pages *pages = &method->contract->pages;
    bool                   does = !pages->is_set;

    for (size_t i = 0; i < method->statement.bind_count; i++) {
        does = does || method->statement.bind[i].input == pages->after;
    }
    return does;
}

/*
 * Rows of a page in another order than the key's would leave some out: is the
 * last ORDER BY of the statement one by the key alone?
 */
static bool
pages_end_elsewhere(const struct pv_method *method)
{
    static const char *const behind[] = {"COLLATE", "LIMIT", "OFFSET", "FETCH"};
    const struct pv_pages   *pages = &method->contract->pages;
    const char              *at = method->statement.sql;
    const char              *order = NULL;
    size_t                   len;

    if (!pages->is_set) {
        return false;
    }
    while ((at = strcasestr(at, "ORDER BY ")) != NULL) {
        at += strlen("ORDER BY ");
        order = at;
    }
    len = strlen(pages->key->name);
    if (order == NULL || strncmp(order, pages->key->name, len) != 0) {
        return true;
    }
    order += len;
    if (order[0] == '\0') {
        return false;
    }
    for (size_t i = 0; i < sizeof(behind) / sizeof(behind[0]); i++) {
        if (order[0] == ' ' &&
            strncasecmp(order + 1, behind[i], strlen(behind[i])) == 0) {
            return false;
        }
    }
    return true;
}

/* who is no member is refused before anything is looked up. */
static enum pv_err
take_member(const struct pv_taker *taker, const json_t *object,
            struct pv_method *method)
{
    const struct pv_contract_method *contract = method->contract;
    bool        there = json_object_get(object, "member_statement") != NULL;
    bool        asked = false;
    enum pv_err err;

    if (there != (contract->member != NULL)) {
        return pv_taker_refuse(taker, "member_statement",
                               "\"member_statement\" stands where the "
                               "contract has \"member\"");
    }
    if (!there) {
        return PV_OK;
    }
    err = pv_take_statement(taker, object, "member_statement", method,
                            &method->member);
    for (size_t i = 0; i < method->member.bind_count; i++) {
        asked = asked || &contract->input[method->member.bind[i].input] ==
                             contract->member;
    }
    return err == PV_OK && !asked
               ? pv_taker_refuse(taker, "member_statement",
                                 "\"member_statement\" must look at :%s",
                                 contract->member->name)
               : err;
}

static enum pv_err
take_statements(const struct pv_taker *taker, const json_t *object,
                struct pv_method *method)
{
    size_t      scalars = 0;
    enum pv_err err;

    if (json_object_get(object, "steps") != NULL) {
        return pv_taker_refuse(taker, "steps", "\"steps\" are for commands");
    }
    err = take_member(taker, object, method);
    if (err == PV_OK) {
        err = pv_take_statement(taker, object, "statement", method,
                                &method->statement);
    }
    if (err != PV_OK) {
        return err;
    }
    if (pages_end_elsewhere(method)) {
        return pv_taker_refuse(taker, "statement",
                               "\"statement\" must end with ORDER BY %s, and "
                               "may have COLLATE and LIMIT behind it, the "
                               "contract has pages",
                               method->contract->pages.key->name);
    }
    if (!goes_on(method)) {
        return pv_taker_refuse(
            taker, "statement",
            "\"statement\" must begin behind :%s, the "
            "contract has pages",
            method->contract->input[method->contract->pages.after].name);
    }
    for (size_t i = 0; i < method->column_count; i++) {
        scalars += method->column[i].source == PV_FROM_SCALAR;
    }
    if (json_object_get(object, "scalar_statement") != NULL) {
        if (scalars == 0) {
            return pv_taker_refuse(taker, "scalar_statement",
                                   "\"scalar_statement\" gives no output");
        }
        return pv_take_statement(taker, object, "scalar_statement", method,
                                 &method->scalar);
    }
    if (scalars > 0) {
        return pv_taker_refuse(taker, NULL,
                               "the outputs beside the list need "
                               "\"scalar_statement\" or \"constants\"");
    }
    return PV_OK;
}

/* ---- the method ---- */

static enum pv_err
find_method(const struct pv_taker *taker, const json_t *object,
            const struct pv_service *service, struct pv_method *method)
{
    const char *id;
    size_t      person;
    enum pv_err err = pv_taker_text(taker, object, "id", PV_NAME_MAX, &id);

    if (err != PV_OK) {
        return err;
    }
    method->contract = pv_contract_method(service->contract, pv_slice_from(id));
    if (method->contract == NULL) {
        return pv_taker_refuse(taker, "id", "the contract has no method \"%s\"",
                               id);
    }
    if (method->contract->consent.is_set &&
        pv_method_person(method->contract, &person) != PV_OK) {
        return pv_taker_refuse(taker, "id",
                               "\"%s\" needs a consent number, so it must have "
                               "one required input that is a person",
                               id);
    }
    for (const struct pv_method *other = service->method; other != method;
         other++) {
        if (other->contract == method->contract) {
            return pv_taker_refuse(taker, "id", "\"%s\" is there already", id);
        }
    }
    return PV_OK;
}

static enum pv_err
take_http(struct pv_taker *taker, const json_t *object,
          struct pv_method *method)
{
    if (json_object_get(object, "statement") != NULL ||
        json_object_get(object, "scalar_statement") != NULL ||
        json_object_get(object, "steps") != NULL) {
        return pv_taker_refuse(taker, "http",
                               "a statement and \"http\" exclude each other");
    }
    if (method->contract->pattern == PV_CALL_COMMAND) {
        return pv_taker_refuse(taker, "http",
                               "a command acts in a database: no HTTP service "
                               "keeps its key in the same transaction");
    }
    if (method->contract->member != NULL) {
        return pv_taker_refuse(taker, "http",
                               "no HTTP service is asked for members");
    }
    method->http = true;
    return pv_take_http(taker, object, method);
}

enum pv_err
pv_take_method(struct pv_taker *taker, const json_t *object,
               struct pv_service *service, struct pv_method *method)
{
    static const char *const keywords[] = {
        "id",      "statement", "answer",
        "rows_as", "constants", "scalar_statement",
        "steps",   "http",      "member_statement",
        NULL};
    enum pv_err err = pv_taker_only(taker, object, keywords);

    if (err == PV_OK) {
        err = find_method(taker, object, service, method);
    }
    if (err == PV_OK) {
        err = take_answer(taker, object, method);
    }
    if (err == PV_OK) {
        err = pv_take_columns(taker, method);
    }
    if (err == PV_OK) {
        err = take_constants(taker, object, method);
    }
    if (err != PV_OK) {
        return err;
    }
    if (json_object_get(object, "http") != NULL) {
        return take_http(taker, object, method);
    }
    return method->contract->pattern == PV_CALL_COMMAND
               ? pv_take_steps(taker, object, method)
               : take_statements(taker, object, method);
}
