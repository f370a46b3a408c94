/* openapi.c - the OpenAPI 3.1 document around the schemas. */
#include "contract/openapi.h"

#include <string.h>

#include "contract/example.h"

#define MEDIA_JSON "application/json"
#define MEDIA_PROBLEM "application/problem+json"

static void
put(json_t *object, const char *name, json_t *value, bool *ok)
{
    *ok = json_object_set_new(object, name, value) == 0 && *ok;
}

static const char *
word(const json_t *source, const char *name)
{
    return json_string_value(json_object_get(source, name));
}

/* ---- headers ---- */

static json_t *
header_in(const char *name, bool required, const char *text)
{
    return json_pack("{s:s,s:s,s:b,s:s,s:{s:s}}", "name", name, "in", "header",
                     "required", (int)required, "description", text, "schema",
                     "type", "string");
}

static json_t *
parameters(const struct pv_contract_method *method)
{
    json_t *list = json_array();
    bool    ok;

    ok = json_array_append_new(
             list, header_in("Payvand-Purpose", false,
                             "One of the grant's purposes, where it lists more "
                             "than one")) == 0;
    ok = json_array_append_new(list, header_in("Payvand-Case", false,
                                               "UUID of a citizen's case")) ==
             0 &&
         ok;
    if (method->consent.is_set) {
        ok = json_array_append_new(
                 list, header_in("Payvand-Consent", true,
                                 "The person's consent number")) == 0 &&
             ok;
    }
    if (method->keep_days > 0) {
        ok = json_array_append_new(
                 list, header_in("Idempotency-Key", true,
                                 "A repeated call with the same key acts "
                                 "once")) == 0 &&
             ok;
    }
    if (!ok) {
        json_decref(list);
        return NULL;
    }
    return list;
}

static json_t *
answer_headers(void)
{
    return json_pack(
        "{s:{s:s,s:b,s:{s:[s,s,s,s,s,s,s,s,s]}},"
        "s:{s:s,s:b,s:{s:s,s:s}}}",
        "Payvand-Outcome", "description", "What became of the call", "required",
        1, "schema", "enum", "answered", "invalid", "refused", "limited",
        "closed", "failed", "timeout", "unavailable", "unknown",
        "Payvand-Tracking-Id", "description", "Names the call", "required", 1,
        "schema", "type", "string", "format", "uuid");
}

/* ---- an operation ---- */

/* The members of a contract that no schema can say, with their own words. */
static void
put_rules(json_t *operation, const struct pv_contract_method *method, bool *ok)
{
    static const char *const member[] = {
        "meaning",   "rules",  "coverage",       "window",      "consent",
        "after",     "member", "never",          "idempotency", "pages",
        "consumers", "hours",  "aggregate_only", NULL};
    char name[64];

    for (int i = 0; member[i] != NULL; i++) {
        json_t *value = json_object_get(method->source, member[i]);

        if (value == NULL) {
            continue;
        }
        (void)snprintf(name, sizeof(name), "x-payvand-%s", member[i]);
        for (char *c = name; *c != '\0'; c++) {
            *c = (char)(*c == '_' ? '-' : *c);
        }
        put(operation, name, json_incref(value), ok);
    }
}

static void
put_description(json_t *operation, const struct pv_contract_method *method,
                bool *ok)
{
    const json_t *meaning = json_object_get(method->source, "meaning");
    const char   *note = word(method->source, "note_en");
    json_t       *text;

    if (meaning != NULL) {
        text = json_sprintf("Yes: %s. No: %s.%s%s", word(meaning, "yes_en"),
                            word(meaning, "no_en"), note == NULL ? "" : " ",
                            note == NULL ? "" : note);
        put(operation, "x-payvand-description-fa",
            json_sprintf("بلی: %s. خیر: %s.", word(meaning, "yes_fa"),
                         word(meaning, "no_fa")),
            ok);
    } else {
        text = json_string(note == NULL ? "" : note);
    }
    put(operation, "description", text, ok);
}

static json_t *
body_of(json_t *schema, json_t *example)
{
    return json_pack("{s:{s:o,s:o}}", MEDIA_JSON, "schema", schema, "example",
                     example);
}

static void
put_bodies(json_t *operation, const struct pv_contract_method *method,
           int64_t when_ms, bool *ok)
{
    json_t *part[4] = {NULL, NULL, NULL, NULL};

    if (pv_schema_request(method, &part[0]) != PV_OK ||
        pv_example_request(method, true, when_ms, &part[1]) != PV_OK ||
        pv_schema_answer(method, &part[2]) != PV_OK ||
        pv_example_answer(method, when_ms, &part[3]) != PV_OK) {
        for (int i = 0; i < 4; i++) {
            json_decref(part[i]);
        }
        *ok = false;
        return;
    }
    put(operation, "requestBody",
        json_pack("{s:b,s:o}", "required", 1, "content",
                  body_of(part[0], part[1])),
        ok);
    put(operation, "responses",
        json_pack("{s:{s:s,s:o,s:o},s:{s:s},s:{s:s}}", "200", "description",
                  "answered", "headers", answer_headers(), "content",
                  body_of(part[2], part[3]), "4XX", "$ref",
                  "#/components/responses/Asked", "default", "$ref",
                  "#/components/responses/Other"),
        ok);
}

static json_t *
operation_of(const struct pv_contract        *contract,
             const struct pv_contract_method *method, int64_t when_ms, bool *ok)
{
    json_t     *operation = json_object();
    const char *title = word(method->source, "title_en");
    const char *title_fa = word(method->source, "title_fa");

    put(operation, "operationId", json_string(method->id), ok);
    put(operation, "tags", json_pack("[s]", contract->service), ok);
    put(operation, "summary",
        json_string(title != NULL ? title : word(contract->root, "title_en")),
        ok);
    put(operation, "x-payvand-summary-fa",
        json_string(title_fa != NULL ? title_fa
                                     : word(contract->root, "title_fa")),
        ok);
    put_description(operation, method, ok);
    put(operation, "x-payvand-pattern",
        json_string(pv_call_pattern_word(method->pattern)), ok);
    put(operation, "x-payvand-basis",
        json_string(method->proposed ? "proposed" : "document"), ok);
    put(operation, "x-payvand-deadline-ms", json_integer(method->deadline_ms),
        ok);
    put_rules(operation, method, ok);
    put(operation, "parameters", parameters(method), ok);
    put_bodies(operation, method, when_ms, ok);
    return operation;
}

/* ---- the document ---- */

static json_t *
problem_schema(void)
{
    static const char *const text[] = {"type",   "title",      "title_fa",
                                       "detail", "detail_fa",  "fault",
                                       "member", "tracking_id"};
    json_t *properties = json_pack("{s:{s:s}}", "status", "type", "integer");
    bool    ok = properties != NULL;

    for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
        put(properties, text[i], json_pack("{s:s}", "type", "string"), &ok);
    }
    if (!ok) {
        json_decref(properties);
        return NULL;
    }
    return json_pack("{s:s,s:[s,s],s:o}", "type", "object", "required", "type",
                     "title", "properties", properties);
}

static json_t *
problem_response(const char *description)
{
    return json_pack("{s:s,s:o,s:{s:{s:{s:s}}}}", "description", description,
                     "headers", answer_headers(), "content", MEDIA_PROBLEM,
                     "schema", "$ref", "#/components/schemas/Problem");
}

static json_t *
components(void)
{
    return json_pack(
        "{s:{s:{s:s,s:s}},s:{s:o},s:{s:o,s:o}}", "securitySchemes", "system",
        "type", "mutualTLS", "description",
        "the registered certificate of an agency's system", "schemas",
        "Problem", problem_schema(), "responses", "Asked",
        problem_response("invalid, refused or limited: another question, a "
                         "right or time is needed"),
        "Other",
        problem_response("any other outcome; the status and Payvand-Outcome "
                         "say which"));
}

static json_t *
paths(const struct pv_contract *contract, int64_t when_ms, bool *ok)
{
    json_t *all = json_object();

    for (size_t i = 0; i < contract->method_count; i++) {
        const struct pv_contract_method *method = &contract->method[i];

        put(all, method->path,
            json_pack("{s:o}", "post",
                      operation_of(contract, method, when_ms, ok)),
            ok);
    }
    return all;
}

enum pv_err
pv_openapi(const struct pv_contract *contract, const char *server,
           int64_t when_ms, json_t **ret)
{
    json_t *root = json_object();
    bool    ok = root != NULL;

    put(root, "openapi", json_string("3.1.0"), &ok);
    put(root, "jsonSchemaDialect",
        json_string("https://json-schema.org/draft/2020-12/schema"), &ok);
    put(root, "info",
        json_pack("{s:s,s:s,s:s,s:s}", "title",
                  word(contract->root, "title_en"), "x-payvand-title-fa",
                  word(contract->root, "title_fa"), "version",
                  contract->version, "x-payvand-provider", contract->provider),
        &ok);
    if (server != NULL) {
        put(root, "servers", json_pack("[{s:s}]", "url", server), &ok);
    }
    put(root, "security", json_pack("[{s:[]}]", "system"), &ok);
    put(root, "tags",
        json_pack("[{s:s,s:s}]", "name", contract->service, "description",
                  word(contract->root, "title_en")),
        &ok);
    put(root, "paths", paths(contract, when_ms, &ok), &ok);
    put(root, "components", components(), &ok);
    if (!ok) {
        json_decref(root);
        return PV_ENOMEM;
    }
    *ret = root;
    return PV_OK;
}
