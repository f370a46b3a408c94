/*
 * service_test_cases.c - what a contract lets one ask: its examples, and
 * requests that it does not take; and the examples of a file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contract/example.h"
#include "contract/request.h"
#include "service_test.h"

#define UNKNOWN_NAME "not_in_the_contract"
#define TEXT_MAX 4096

/* ---- one case ---- */

/* Takes request. PV_ERANGE: there are too many. */
static enum pv_err
add(struct pv_test_cases *cases, const struct pv_contract_method *method,
    enum pv_test_kind kind, const char *name, json_t *request,
    struct pv_test_case **ret)
{
    struct pv_test_case *one;

    if (request == NULL || cases->count == PV_TEST_CASES_MAX) {
        json_decref(request);
        return request == NULL ? PV_ENOMEM : PV_ERANGE;
    }
    one = &cases->list[cases->count++];
    one->method = method;
    one->kind = kind;
    (void)snprintf(one->name, sizeof(one->name), "%.100s", name); /* it fits */
    (void)snprintf(one->outcome, sizeof(one->outcome), "%s",
                   "answered"); /* it fits */
    one->request = request;
    if (ret != NULL) {
        *ret = one;
    }
    return PV_OK;
}

/* How the contract takes a request: the fault is NONE when it does. */
static enum pv_err
judge(const struct pv_contract_method *method, const json_t *request,
      int64_t when_ms, struct pv_fault *fault)
{
    struct pv_request parsed;
    char             *text = json_dumps(request, JSON_COMPACT);
    enum pv_err       err = PV_ENOMEM;

    *fault = (struct pv_fault){PV_FAULT_NONE, ""};
    if (text != NULL) {
        err = pv_request_parse(method, pv_slice_from(text), when_ms, &parsed,
                               fault);
    }
    if (err == PV_OK) {
        pv_request_clear(&parsed);
    }
    free(text);
    return err == PV_EINVAL ? PV_OK : err;
}

/* A request that must be refused, with the contract's own words for why. One
 * that the contract takes after all is no case. */
static enum pv_err
add_refused(struct pv_test_cases            *cases,
            const struct pv_contract_method *method, enum pv_test_kind kind,
            const char *name, json_t *request, int64_t when_ms)
{
    struct pv_test_case *one;
    struct pv_fault      fault;
    enum pv_err          err = request == NULL ? PV_ENOMEM : PV_OK;

    if (err == PV_OK) {
        err = judge(method, request, when_ms, &fault);
    }
    if (err != PV_OK || fault.kind == PV_FAULT_NONE) {
        json_decref(request);
        return err;
    }
    err = add(cases, method, kind, name, request, &one);
    if (err == PV_OK) {
        (void)snprintf(one->outcome, sizeof(one->outcome), "%s",
                       "invalid"); /* it fits */
        one->fault = fault;
    }
    return err;
}

/* ---- what follows from an example ---- */

static enum pv_err
add_missing(struct pv_test_cases            *cases,
            const struct pv_contract_method *method, const json_t *example,
            int64_t when_ms)
{
    enum pv_err err = PV_OK;

    for (size_t i = 0; err == PV_OK && i < method->input_count; i++) {
        const struct pv_field *input = &method->input[i];

        if (input->required) {
            json_t *request = json_deep_copy(example);

            (void)json_object_del(request, input->name); /* judged below */
            err = add_refused(cases, method, PV_TEST_MISSING, input->name,
                              request, when_ms);
        }
    }
    return err;
}

static enum pv_err
add_unknown(struct pv_test_cases            *cases,
            const struct pv_contract_method *method, const json_t *example,
            int64_t when_ms)
{
    json_t *request = json_deep_copy(example);

    if (json_object_set_new(request, UNKNOWN_NAME, json_string("1")) != 0) {
        json_decref(request);
        return PV_ENOMEM;
    }
    return add_refused(cases, method, PV_TEST_UNKNOWN, UNKNOWN_NAME, request,
                       when_ms);
}

/* The example's own text with one letter more; a number where any text does. */
static json_t *
misshapen(const json_t *value, bool any_text)
{
    char        text[TEXT_MAX];
    const char *said = json_string_value(value);

    if (any_text || said == NULL) {
        return any_text ? json_integer(7) : json_string("x");
    }
    (void)snprintf(text, sizeof(text), "%.*sx", TEXT_MAX - 2,
                   said); /* cut when long, and of no form then either */
    return json_string(text);
}

static enum pv_err
add_form(struct pv_test_cases *cases, const struct pv_contract_method *method,
         const json_t *example, int64_t when_ms)
{
    enum pv_err err = PV_OK;

    for (size_t i = 0; err == PV_OK && i < method->input_count; i++) {
        const char   *name = method->input[i].name;
        const json_t *value = json_object_get(example, name);
        size_t        before = cases->count;

        for (int any = 0;
             value != NULL && err == PV_OK && any < 2 && cases->count == before;
             any++) {
            json_t *request = json_deep_copy(example);

            if (json_object_set_new(request, name, misshapen(value, any)) !=
                0) {
                json_decref(request);
                return PV_ENOMEM;
            }
            err = add_refused(cases, method, PV_TEST_FORM, name, request,
                              when_ms);
        }
    }
    return err;
}

/* An example that the contract takes today, or NULL in *ret. */
static enum pv_err
example_of(const struct pv_contract_method *method, bool all, int64_t when_ms,
           json_t **ret)
{
    struct pv_fault fault = {PV_FAULT_NONE, ""};
    json_t         *request = NULL;
    enum pv_err     err = pv_example_request(method, all, when_ms, &request);

    if (err == PV_OK) {
        err = judge(method, request, when_ms, &fault);
    }
    if (err != PV_OK || fault.kind != PV_FAULT_NONE) {
        json_decref(request);
        request = NULL;
    }
    *ret = request;
    return err;
}

static enum pv_err
add_method(struct pv_test_cases *cases, const struct pv_contract_method *method,
           int64_t when_ms)
{
    json_t     *some = NULL;
    json_t     *all = NULL;
    enum pv_err err = example_of(method, false, when_ms, &some);

    if (err == PV_OK) {
        err = example_of(method, true, when_ms, &all);
    }
    if (err == PV_OK && some != NULL) {
        err = add(cases, method, PV_TEST_EXAMPLE, "", json_incref(some), NULL);
    }
    if (err == PV_OK && all != NULL && !json_equal(some, all)) {
        err =
            add(cases, method, PV_TEST_EXAMPLE_ALL, "", json_incref(all), NULL);
    }
    if (err == PV_OK && all != NULL) {
        err = add_missing(cases, method, all, when_ms);
    }
    if (err == PV_OK && all != NULL) {
        err = add_form(cases, method, all, when_ms);
    }
    if (err == PV_OK && all != NULL) {
        err = add_unknown(cases, method, all, when_ms);
    }
    if (err == PV_OK && all != NULL && method->keep_days > 0) {
        struct pv_test_case *one;

        err = add(cases, method, PV_TEST_NO_KEY, "", json_incref(all), &one);
        if (err == PV_OK) {
            (void)snprintf(one->outcome, sizeof(one->outcome), "%s",
                           "invalid"); /* it fits */
        }
    }
    json_decref(some);
    json_decref(all);
    return err;
}

/* ---- all of a configuration ---- */

/* "method", or "service/v1/method", or the whole path. */
static bool
is_named(const struct pv_contract_method *method, const char *name)
{
    size_t      len = strlen(method->path);
    size_t      end = strlen(name);
    const char *tail = end > len ? NULL : method->path + len - end;

    return tail != NULL && strcmp(tail, name) == 0 &&
           (end == len || tail[-1] == '/');
}

static enum pv_err
begin(struct pv_test_cases *cases)
{
    if (cases->list == NULL) {
        cases->list = calloc(PV_TEST_CASES_MAX, sizeof(cases->list[0]));
    }
    return cases->list == NULL ? PV_ENOMEM : PV_OK;
}

enum pv_err
pv_test_cases_make(const struct pv_connector_config *config, const char *only,
                   int64_t when_ms, struct pv_test_cases *cases,
                   struct pv_why *why)
{
    enum pv_err err = begin(cases);

    for (size_t i = 0; err == PV_OK && i < config->method_count; i++) {
        if (only == NULL || is_named(config->method[i]->contract, only)) {
            err = add_method(cases, config->method[i]->contract, when_ms);
        }
    }
    if (err == PV_OK && cases->count == 0) {
        pv_why_set(why, "no method%s%s is answered here",
                   only == NULL ? "" : " ", only == NULL ? "" : only);
        err = PV_EINVAL;
    }
    if (err == PV_ERANGE) {
        pv_why_set(why, "more than %d cases: name a method", PV_TEST_CASES_MAX);
    }
    return err;
}

/* ---- a file of examples ---- */

static const struct pv_contract_method *
find(const struct pv_connector_config *config, const char *name,
     const char *place, struct pv_why *why)
{
    const struct pv_contract_method *found = NULL;

    for (size_t i = 0; i < config->method_count; i++) {
        if (is_named(config->method[i]->contract, name)) {
            if (found != NULL) {
                pv_why_set(why, "%s: several services have a method %s", place,
                           name);
                return NULL;
            }
            found = config->method[i]->contract;
        }
    }
    if (found == NULL) {
        pv_why_set(why, "%s: no method %s is answered here", place, name);
    }
    return found;
}

static enum pv_err
take_given(const struct pv_connector_config *config, const char *only,
           const json_t *object, const char *place, struct pv_test_cases *cases,
           struct pv_why *why)
{
    static const char *const keywords[] = {"method",  "name",   "request",
                                           "outcome", "answer", NULL};
    const char *method = json_string_value(json_object_get(object, "method"));
    const char *name = json_string_value(json_object_get(object, "name"));
    const char *outcome = json_string_value(json_object_get(object, "outcome"));
    json_t     *request = json_object_get(object, "request");
    json_t     *answer = json_object_get(object, "answer");
    const struct pv_contract_method *found;
    struct pv_test_case             *one;
    enum pv_err err = pv_json_only(object, keywords, place, why);

    if (err != PV_OK) {
        return err;
    }
    if (method == NULL || !json_is_object(request) ||
        (answer != NULL && !json_is_object(answer)) ||
        (answer != NULL && outcome != NULL) ||
        (outcome != NULL && strlen(outcome) >= sizeof(one->outcome))) {
        pv_why_set(why,
                   "%s: needs \"method\" and \"request\", and \"answer\" or "
                   "\"outcome\" at most",
                   place);
        return PV_EINVAL;
    }
    found = find(config, method, place, why);
    if (found == NULL || (only != NULL && !is_named(found, only))) {
        return found == NULL ? PV_EINVAL : PV_OK;
    }
    err = add(cases, found, PV_TEST_GIVEN, name == NULL ? "" : name,
              json_incref(request), &one);
    if (err == PV_OK) {
        one->answer = json_incref(answer);
        (void)snprintf(one->outcome, sizeof(one->outcome), "%s",
                       outcome == NULL ? "answered" : outcome); /* it fits */
    }
    return err;
}

enum pv_err
pv_test_cases_read(const struct pv_connector_config *config, const char *only,
                   const char *path, struct pv_test_cases *cases,
                   struct pv_why *why)
{
    static const char *const keywords[] = {"examples", NULL};
    json_t                  *root = NULL;
    const json_t            *one;
    size_t                   i;
    enum pv_err              err = begin(cases);

    if (err == PV_OK) {
        err = pv_json_load_file(path, &root, why);
    }
    if (err == PV_OK && !json_is_array(json_object_get(root, "examples"))) {
        pv_why_set(why, "%s: must be {\"examples\": [...]}", path);
        err = PV_EINVAL;
    }
    if (err == PV_OK) {
        err = pv_json_only(root, keywords, path, why);
    }
    json_array_foreach(json_object_get(root, "examples"), i, one)
    {
        char place[PV_TEST_WHY_MAX];

        (void)snprintf(place, sizeof(place), "%.200s, example %zu", path,
                       i + 1); /* it fits */
        if (err == PV_OK) {
            err = take_given(config, only, one, place, cases, why);
        }
    }
    json_decref(root);
    return err;
}

void
pv_test_cases_clear(struct pv_test_cases *cases)
{
    for (size_t i = 0; i < cases->count; i++) {
        json_decref(cases->list[i].request);
        json_decref(cases->list[i].answer);
    }
    free(cases->list);
    cases->list = NULL;
    cases->count = 0;
}
