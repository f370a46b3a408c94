/* submit.c - which decisions a new service needs, and sending them. */
#include "submit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/jalali.h"
#include "base/time.h"
#include "contract/document.h"
#include "registry.h"

#define PATH_ROOM 512
#define ROLE_ROOM 64

static const char *const kind_of[PV_SUBMIT_RECORDS] = {
    [PV_SUBMIT_SERVICE] = "service",
    [PV_SUBMIT_VERSION] = "version",
    [PV_SUBMIT_SERVICE_PASSPORT] = "passport",
    [PV_SUBMIT_DATA_PASSPORT] = "passport",
};

static bool
is_in_state(const struct pv_submit *submit, enum pv_submit_record record,
            const char *state)
{
    return strcmp(submit->state[record], state) == 0;
}

/* ---- what the registry has ---- */

/* *ret is NULL when there is no such record. */
static enum pv_err
ask(const struct pv_submit *submit, const char *kind, const char *id,
    json_t **ret, struct pv_why *why)
{
    char        path[PATH_ROOM];
    enum pv_err err;

    (void)snprintf(path, sizeof(path), "/registry/v1/%s/%s", kind,
                   id); /* ids are short */
    err = pv_registry_get_json(submit->socket, path, ret, why);
    if (err == PV_ENOTFOUND) {
        *ret = NULL;
        return PV_OK;
    }
    return err;
}

static enum pv_err
read_states(struct pv_submit *submit, struct pv_why *why)
{
    for (size_t i = 0; i < PV_SUBMIT_RECORDS; i++) {
        json_t     *record = NULL;
        const char *state;
        enum pv_err err = ask(submit, kind_of[i], submit->id[i], &record, why);

        if (err != PV_OK) {
            return err;
        }
        state = json_string_value(json_object_get(record, "state"));
        (void)snprintf(submit->state[i], sizeof(submit->state[i]), "%s",
                       state == NULL ? "" : state); /* words are short */
        if (i == PV_SUBMIT_VERSION && record != NULL) {
            submit->other_contract =
                json_equal(json_object_get(json_object_get(record, "body"),
                                           "contract"),
                           submit->document) == 0;
        }
        json_decref(record);
    }
    return PV_OK;
}

/* ---- decisions ---- */

/* Takes data. */
static enum pv_err
decide(struct pv_submit *submit, enum pv_submit_record record,
       const char *event, json_t *data)
{
    char        today[PV_JALALI_TEXT_LEN + 1] = "";
    const char *slash = strchr(submit->as, '/');
    json_t     *one;

    pv_jalali_text(pv_time_wall_ms(), today);
    one =
        json_pack("{s:s, s:s%, s:s, s:s, s:s, s:s, s:s, s:o}", "actor",
                  submit->as, "role", submit->as, (size_t)(slash - submit->as),
                  "of", slash + 1, "date", today, "kind", kind_of[record], "id",
                  submit->id[record], "event", event, "data", data);
    return json_array_append_new(submit->decisions, one) == 0 ? PV_OK
                                                              : PV_ENOMEM;
}

static enum pv_err
decide_service(struct pv_submit *submit)
{
    const json_t *root = submit->contract->root;

    if (submit->state[PV_SUBMIT_SERVICE][0] != '\0') {
        return PV_OK;
    }
    return decide(submit, PV_SUBMIT_SERVICE, "register",
                  json_pack("{s:s, s:O, s:O}", "provider",
                            submit->contract->provider, "name_fa",
                            json_object_get(root, "title_fa"), "name_en",
                            json_object_get(root, "title_en")));
}

/* Each data item of the fields once, lists and objects by what is in them. */
static enum pv_err
add_items(struct pv_submit *submit, const struct pv_field *field, size_t count,
          json_t *items, struct pv_why *why)
{
    enum pv_err err = PV_OK;

    for (size_t i = 0; err == PV_OK && i < count; i++) {
        const char *id = field[i].type->id;
        json_t     *record = NULL;
        json_t     *known;
        size_t      at;
        bool        is_new = field[i].item_count == 0;

        json_array_foreach(items, at, known)
        {
            is_new = is_new && strcmp(json_string_value(known), id) != 0;
        }
        if (is_new && !submit->list) {
            err = ask(submit, "data-item", id, &record, why);
        }
        if (err == PV_OK && is_new &&
            json_array_append_new(
                record != NULL || submit->list ? items : submit->unknown_items,
                json_string(id)) != 0) {
            err = PV_ENOMEM;
        }
        json_decref(record);
        if (err == PV_OK) {
            err = add_items(submit, field[i].item, field[i].item_count, items,
                            why);
        }
    }
    return err;
}

static json_t *
method_of(const struct pv_contract_method *method)
{
    json_t *one = json_pack("{s:s, s:s}", "id", method->id, "pattern",
                            pv_call_pattern_word(method->pattern));

    if (method->after.method != NULL &&
        json_object_set_new(one, "requires_prior",
                            json_string(method->after.method->id)) != 0) {
        json_decref(one);
        return NULL;
    }
    return one;
}

static enum pv_err
version_data(struct pv_submit *submit, json_t **ret, struct pv_why *why)
{
    const struct pv_contract *contract = submit->contract;
    json_t                   *methods = json_array();
    json_t                   *inputs = json_array();
    json_t                   *outputs = json_array();
    bool                      consent = false;
    enum pv_err               err = PV_OK;

    for (size_t i = 0; err == PV_OK && i < contract->method_count; i++) {
        const struct pv_contract_method *method = &contract->method[i];

        consent = consent || method->consent.is_set;
        err = json_array_append_new(methods, method_of(method)) == 0
                  ? PV_OK
                  : PV_ENOMEM;
        if (err == PV_OK) {
            err = add_items(submit, method->input, method->input_count, inputs,
                            why);
        }
        if (err == PV_OK) {
            err = add_items(submit, method->output, method->output_count,
                            outputs, why);
        }
    }
    *ret = json_pack("{s:s, s:o, s:o, s:o, s:O, s:b}", "service",
                     contract->service, "methods", methods, "inputs", inputs,
                     "outputs", outputs, "contract", submit->document,
                     "needs_consent", consent);
    return err == PV_OK && *ret == NULL ? PV_ENOMEM : err;
}

static enum pv_err
decide_version(struct pv_submit *submit, struct pv_why *why)
{
    bool is_new = submit->state[PV_SUBMIT_VERSION][0] == '\0';
    bool is_open = is_in_state(submit, PV_SUBMIT_VERSION, "ordered") ||
                   is_in_state(submit, PV_SUBMIT_VERSION, "designed");
    json_t     *data = NULL;
    enum pv_err err;

    if (!is_new && (!is_open || !submit->other_contract)) {
        return PV_OK;
    }
    err = version_data(submit, &data, why);
    if (err == PV_OK && !is_new) { /* set when it was made */
        err = json_object_del(data, "service") == 0 ? PV_OK : PV_ENOMEM;
    }
    if (err != PV_OK) {
        json_decref(data);
        return err;
    }
    submit->other_contract = false;
    return decide(submit, PV_SUBMIT_VERSION, is_new ? "declare" : "design",
                  data);
}

/* ---- passports ---- */

/* What is said of a form; the names of what is not go to ->missing. */
static enum pv_err
take_form(struct pv_submit *submit, const char *of, const json_t *form,
          json_t **ret, bool *ret_whole)
{
    json_t     *said = json_object();
    const char *name;
    json_t     *value;
    bool        whole = true;

    json_object_foreach((json_t *)(uintptr_t)form, name, value)
    {
        char field[PATH_ROOM];

        if (!json_is_null(value)) {
            if (json_object_set(said, name, value) != 0) {
                json_decref(said);
                return PV_ENOMEM;
            }
            continue;
        }
        whole = false;
        (void)snprintf(field, sizeof(field), "%s.%.100s", of,
                       name); /* it fits */
        if (json_array_append_new(submit->missing, json_string(field)) != 0) {
            json_decref(said);
            return PV_ENOMEM;
        }
    }
    *ret = said;
    *ret_whole = whole;
    return said == NULL ? PV_ENOMEM : PV_OK;
}

static enum pv_err
decide_passport(struct pv_submit *submit, enum pv_submit_record record,
                const char *of, const json_t *form, const char *subject,
                const char *subject_id)
{
    json_t     *said = NULL;
    bool        whole = false;
    enum pv_err err;

    if (submit->state[record][0] != '\0' &&
        !is_in_state(submit, record, "draft") &&
        !is_in_state(submit, record, "returned")) {
        return PV_OK;
    }
    err = take_form(submit, of, form, &said, &whole);
    if (err == PV_OK) {
        err = decide(submit, record, "write",
                     json_pack("{s:s, s:s, s:s, s:o}", "of", of, "agency",
                               submit->contract->provider, subject, subject_id,
                               "form", said));
    }
    if (err == PV_OK && whole) {
        err = decide(submit, record, "submit", json_object());
    }
    return err;
}

static enum pv_err
decide_passports(struct pv_submit *submit, struct pv_why *why)
{
    static const char *const keywords[] = {"service", "data", "system", NULL};
    json_t                  *root = NULL;
    const json_t            *service;
    const json_t            *data;
    char                     system[PV_SUBMIT_ID_MAX];
    const char              *named;
    enum pv_err err = pv_json_load_file(submit->passport, &root, why);

    if (err == PV_OK) {
        err = pv_json_only(root, keywords, submit->passport, why);
    }
    service = json_object_get(root, "service");
    data = json_object_get(root, "data");
    named = json_string_value(json_object_get(root, "system"));
    (void)snprintf(system, sizeof(system), "%.64s-connector",
                   submit->contract->provider); /* it fits */
    if (err == PV_OK && (!json_is_object(service) || !json_is_object(data))) {
        pv_why_set(why, "%s: must have the forms \"service\" and \"data\"",
                   submit->passport);
        err = PV_EINVAL;
    }
    if (err == PV_OK) {
        err = decide_passport(submit, PV_SUBMIT_SERVICE_PASSPORT, "service",
                              service, "service", submit->contract->service);
    }
    if (err == PV_OK) {
        err = decide_passport(submit, PV_SUBMIT_DATA_PASSPORT, "data", data,
                              "system", named == NULL ? system : named);
    }
    json_decref(root);
    return err;
}

json_t *
pv_submit_form(const char *provider, const char *title_fa, const char *items)
{
    json_t *service = json_pack(
        "{s:s, s:n, s:n, s:n, s:[s], s:s, s:[s], s:[s], s:[s], s:n, s:n}",
        "service_title", title_fa, "service_nature", "service_description",
        "recipients", "current_channels", "other", "other_channels_text",
        "مرکز ملی تبادل اطلاعات", "electronic_method", "transactional",
        "electronic_level", "national", "service_kind", "G2G",
        "needs_cooperation", "base_registry_needs");
    json_t *data =
        json_pack("{s:s, s:s, s:s, s:n, s:n, s:b}", "definition", title_fa,
                  "custodian", provider, "format", items, "classification",
                  "legal_basis", "open_data", false);

    return json_pack("{s:o, s:o}", "service", service, "data", data);
}

/* ---- sending ---- */

static enum pv_err
refused(const struct pv_submit *submit, const json_t *answer,
        struct pv_why *why)
{
    const json_t *one = json_array_get(
        submit->decisions,
        (size_t)json_integer_value(json_object_get(answer, "index")));
    const char *rule = json_string_value(json_object_get(answer, "rule"));
    const char *title = json_string_value(json_object_get(
        answer, submit->lang == PV_LANG_FA ? "title_fa" : "title"));

    if (one == NULL) {
        one = json_array_get(submit->decisions, 0);
    }
    pv_why_set(
        why, "%s %s %s: %s %s", json_string_value(json_object_get(one, "kind")),
        json_string_value(json_object_get(one, "event")),
        json_string_value(json_object_get(one, "id")), rule == NULL ? "" : rule,
        title == NULL ? "the registry failed" : title);
    return PV_EINVAL;
}

static enum pv_err
send_all(struct pv_submit *submit, struct pv_why *why)
{
    char         *text = json_dumps(submit->decisions, JSON_COMPACT);
    json_t       *said = NULL;
    struct pv_buf answer;
    long          status = 0;
    enum pv_err   err = text == NULL ? PV_ENOMEM : PV_OK;

    pv_buf_init(&answer, PV_REGISTRY_ANSWER_MAX);
    if (err == PV_OK) {
        err = pv_registry_ask(submit->socket, "/registry/v1/decisions",
                              pv_slice_from(text), &status, &answer, why);
    }
    if (err == PV_OK) {
        said = json_loadb(answer.ptr, answer.len, JSON_REJECT_DUPLICATES, NULL);
        err = status == 200 ? PV_OK : refused(submit, said, why);
    }
    if (err == PV_OK) {
        submit->last = json_integer_value(json_object_get(said, "last"));
    }
    json_decref(said);
    pv_buf_clear(&answer);
    free(text);
    return err;
}

static enum pv_err
begin(struct pv_submit *submit, struct pv_why *why)
{
    const char *service = submit->contract->service;
    const char *slash = submit->as == NULL ? NULL : strchr(submit->as, '/');

    if (slash == NULL || slash - submit->as >= ROLE_ROOM) {
        pv_why_set(why, "who decides? --as representative/%s",
                   submit->contract->provider);
        return PV_EINVAL;
    }
    for (size_t i = 0; i < PV_SUBMIT_RECORDS; i++) {
        static const char *const before[] = {"", "", "service/", "data/"};

        (void)snprintf(submit->id[i], sizeof(submit->id[i]), "%s%s%s%s",
                       before[i], service, i == PV_SUBMIT_VERSION ? "/" : "",
                       i == PV_SUBMIT_VERSION ? submit->contract->version
                                              : ""); /* it fits */
    }
    submit->decisions = json_array();
    submit->missing = json_array();
    submit->unknown_items = json_array();
    if (pv_document_make(submit->contract, submit->items, &submit->document) !=
        PV_OK) {
        return PV_ENOMEM;
    }
    return submit->decisions == NULL || submit->missing == NULL ||
                   submit->unknown_items == NULL
               ? PV_ENOMEM
               : PV_OK;
}

enum pv_err
pv_submit_run(struct pv_submit *submit, struct pv_why *why)
{
    enum pv_err err = begin(submit, why);

    if (err == PV_OK && !submit->list) {
        err = read_states(submit, why);
    }
    if (err == PV_OK) {
        err = decide_service(submit);
    }
    if (err == PV_OK) {
        err = decide_version(submit, why);
    }
    if (err == PV_OK) {
        err = decide_passports(submit, why);
    }
    if (err == PV_OK && !submit->list &&
        json_array_size(submit->decisions) > 0) {
        err = send_all(submit, why);
        if (err == PV_OK) {
            err = read_states(submit, why);
        }
    }
    return err;
}

void
pv_submit_clear(struct pv_submit *submit)
{
    json_decref(submit->document);
    json_decref(submit->decisions);
    json_decref(submit->missing);
    json_decref(submit->unknown_items);
    submit->document = NULL;
    submit->decisions = NULL;
    submit->missing = NULL;
    submit->unknown_items = NULL;
}
