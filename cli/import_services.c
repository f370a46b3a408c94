/*
 * import_services.c - services and their methods: which path, which state,
 * which endpoint.
 */
#include <string.h>

#include "import_private.h"

#define CONNECT_MS 1000
#define DEADLINE_MS 3000
#define LONG_DEADLINE_MS 30000 /* lists and files */
#define CONNECTOR_MARGIN_MS                                                    \
    500 /* the connector times out first, and says so                          \
         */
#define ANSWER_MAX (1u << 20)
#define LONG_ANSWER_MAX (64u << 20)

bool
pv_method_path(const struct pv_import *import, const char *service,
               const char *method, char room[PV_POLICY_PATH_MAX + 1])
{
    const json_t *row = json_object_get(import->service, service);
    const json_t *methods = json_object_get(import->methods, service);
    int           len;

    if (row == NULL || methods == NULL) {
        return false;
    }
    len = snprintf(room, PV_POLICY_PATH_MAX + 1, "/x/%s/%s/%s/%s",
                   pv_cstr(row, "provider"), service,
                   pv_cstr(methods, "version"), method);
    return len > 0 && len <= PV_POLICY_PATH_MAX;
}

static uint8_t
pattern_of(const char *word)
{
    static const char *const words[] = {"inquiry", "verify", "list",
                                        "command", "file",   "events"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(words[i], word) == 0) {
            return (uint8_t)(PV_PATTERN_INQUIRY + i);
        }
    }
    return 0;
}

bool
pv_service_is_live(const struct pv_import *import, const char *service)
{
    const json_t *live = json_object_get(import->live, service);

    return json_is_object(json_object_get(live, "live")) &&
           json_is_object(json_object_get(live, "provider_ready"));
}

/*
 * What keeps the service from being called: first the passport, then the
 * code, then going live. A go-live row carries the approval of its own
 * passport, so it outweighs what the code list says about an order.
 */
static bool
set_state(struct pv_import *import, const char *service,
          struct pv_method_row *method)
{
    const json_t *code = json_object_get(import->code, service);
    const json_t *live = json_object_get(import->live, service);
    int64_t       passport = 0;
    int64_t       when = 0;

    import->file = "enactment.json";
    if (live != NULL &&
        (!pv_to_when(import, service, "passport_approved",
                     json_object_get(live, "passport_approved"), false,
                     &passport) ||
         !pv_to_when(import, service, "live", json_object_get(live, "live"),
                     false, &when))) {
        return false;
    }
    if (code == NULL) {
        method->state = PV_REASON_SERVICE_CODE_MISSING;
    } else if (passport == 0 &&
               strcmp(pv_cstr(code, "passport"), "approved") != 0) {
        method->state = PV_REASON_PASSPORT_NOT_APPROVED;
    } else if (passport == 0 &&
               strcmp(pv_cstr(code, "code_state"), "issued") != 0) {
        method->state = PV_REASON_SERVICE_CODE_MISSING;
    } else if (!pv_service_is_live(import, service)) {
        method->state = PV_REASON_SERVICE_NOT_LIVE;
    } else {
        method->state = PV_REASON_SERVICE_NOT_LIVE;
        method->state_until_ms = when;
    }
    if (passport != 0 && when != 0 && when < passport) {
        pv_complain(import, service, "went live before its passport");
    }
    return true;
}

/* The connector that answers for an agency, with an endpoint if there is. */
static const char *
connector_of(const struct pv_import *import, const char *provider)
{
    const char *found = NULL;
    json_t     *row;
    size_t      i;

    json_array_foreach(json_object_get(import->enactment, "systems"), i, row)
    {
        const char *id = pv_cstr(row, "id");
        const char *kind = pv_cstr(row, "kind");
        bool        own = strcmp(pv_cstr(row, "agency"), provider) == 0;
        json_t     *serves = json_object_get(row, "serves_agencies");
        json_t     *one;
        size_t      n;

        if (json_object_get(import->endpoint, id) == NULL ||
            json_is_false(json_object_get(row, "active"))) {
            continue;
        }
        if (strcmp(kind, "connector") == 0 && own &&
            json_object_get(row, "serves_only") == NULL) {
            return id;
        }
        json_array_foreach(serves, n, one)
        {
            if (json_is_string(one) &&
                strcmp(json_string_value(one), provider) == 0) {
                found = id;
            }
        }
    }
    return found;
}

/* deadline_ms of the contract, if the catalogue has one. */
static uint32_t
contract_deadline(struct pv_import *import, const char *provider,
                  const char *service, const char *method)
{
    char     path[4096];
    json_t  *file;
    json_t  *row;
    size_t   i;
    uint32_t deadline = 0;
    int      len;

    len = snprintf(path, sizeof(path), "%s/contracts/%s/%s.json",
                   import->options->catalogue, provider, service);
    if (len < 0 || len >= (int)sizeof(path)) {
        return 0;
    }
    file = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
    json_array_foreach(json_object_get(file, "methods"), i, row)
    {
        json_int_t n = json_integer_value(json_object_get(row, "deadline_ms"));

        if (strcmp(pv_cstr(row, "id"), method) == 0 && n > 0 && n < 600000) {
            deadline = (uint32_t)n;
        }
    }
    json_decref(file); /* accepts NULL: there need not be such a file */
    return deadline;
}

static void
set_limits(struct pv_import *import, const char *provider, const char *service,
           const char *id, struct pv_method_row *method)
{
    bool big = method->pattern == PV_PATTERN_LIST ||
               method->pattern == PV_PATTERN_FILE;
    uint32_t deadline = contract_deadline(import, provider, service, id);

    method->connect_timeout_ms = CONNECT_MS;
    method->deadline_ms = big ? LONG_DEADLINE_MS : DEADLINE_MS;
    if (deadline != 0) {
        method->deadline_ms = deadline + CONNECTOR_MARGIN_MS;
    }
    method->answer_max_len = big ? LONG_ANSWER_MAX : ANSWER_MAX;
}

static bool
set_names(struct pv_import *import, const char *service, const char *id,
          struct pv_method_row *method)
{
    const json_t *row = json_object_get(import->service, service);
    const json_t *methods = json_object_get(import->methods, service);

    return pv_to_id(import, service, pv_text(row, "provider"),
                    &method->provider) &&
           pv_to_id(import, service, pv_slice_from(service),
                    &method->service) &&
           pv_to_id(import, service, pv_text(methods, "version"),
                    &method->version) &&
           pv_to_id(import, service, pv_slice_from(id), &method->method);
}

/* The one system that a method is for; null: any. */
static enum pv_err
set_dedicated(struct pv_import *import, const char *service, const json_t *row,
              struct pv_method_row *method)
{
    const json_t *only = json_object_get(row, "dedicated_to");
    const char   *id = pv_cstr(row, "dedicated_to");

    if (only == NULL) {
        return PV_OK;
    }
    if (json_object_get(import->system, id) == NULL) {
        import->file = "enactment.json";
        pv_complain(import, service,
                    "%s is dedicated to \"%s\", which is no system",
                    pv_cstr(row, "id"), id);
        return PV_OK;
    }
    return pv_image_number(import->image, PV_IMAGE_SYSTEM, pv_slice_from(id),
                           &method->dedicated);
}

static enum pv_err
import_method(struct pv_import *import, const char *service, const json_t *row)
{
    const json_t *service_row = json_object_get(import->service, service);
    const json_t *code = json_object_get(import->code, service);
    const char   *id = pv_cstr(row, "id");
    const char   *provider = pv_cstr(service_row, "provider");
    const char   *connector = connector_of(import, provider);
    struct pv_image_method out = {.row = {.number = 0}};
    char                   path[PV_POLICY_PATH_MAX + 1];
    enum pv_err            err;

    import->file = "enactment.json";
    out.row.pattern = pattern_of(pv_cstr(row, "pattern"));
    if (out.row.pattern == 0) {
        pv_complain(import, service, "unknown pattern \"%s\"",
                    pv_cstr(row, "pattern"));
        return PV_OK;
    }
    if (!set_names(import, service, id, &out.row) ||
        !set_state(import, service, &out.row)) {
        return PV_OK;
    }
    if (!pv_method_path(import, service, id, path)) {
        pv_complain(import, service, "the path of %s is too long", id);
        return PV_OK;
    }
    out.row.proposed = true; /* names of methods are ours: see the catalogue */
    if (strcmp(pv_cstr(json_object_get(import->methods, service), "basis"),
               "document") == 0) {
        out.row.proposed = false;
    }
    out.row.needs_consent = pv_true(service_row, "requires_consent_token");
    out.row.reason_hidden =
        out.row.needs_consent || json_object_get(row, "requires_prior") != NULL;
    if (json_is_string(json_object_get(code, "code")) &&
        !pv_to_id(import, service, pv_text(code, "code"), &out.code)) {
        return PV_OK;
    }
    set_limits(import, provider, service, id, &out.row);
    import->file = "deployment";
    pv_method_settings(
        import, path, json_object_get(import->deployed_method, path), &out.row);

    err = pv_image_number(import->image, PV_IMAGE_METHOD, pv_slice_from(path),
                          &out.row.number);
    if (err == PV_OK) {
        err = set_dedicated(import, service, row, &out.row);
    }
    if (err == PV_OK && connector != NULL) {
        err =
            pv_image_number(import->image, PV_IMAGE_SYSTEM,
                            pv_slice_from(connector), &out.row.endpoint_number);
        import->report->methods_with_endpoint++;
    }
    import->report->methods++;
    import->report->proposed += out.row.proposed;
    return err != PV_OK
               ? err
               : pv_image_put_method(import->image, pv_slice_from(path), &out);
}

/* Deployed methods must be there: a wrong path would be silently open. */
static void
check_deployed_methods(struct pv_import *import)
{
    static const char *const names[] = {"path",
                                        "deadline_ms",
                                        "connect_timeout_ms",
                                        "answer_max_len",
                                        "hours",
                                        "notices",
                                        NULL};
    const char              *path;
    json_t                  *row;
    struct pv_image_method   method;

    import->file = "deployment";
    json_object_foreach(import->deployed_method, path, row)
    {
        pv_known(import, path, row, names);
        if (pv_image_get_method(import->image, pv_slice_from(path), &method) !=
            PV_OK) {
            pv_complain(import, path, "no such method");
        }
    }
}

enum pv_err
pv_import_services(struct pv_import *import)
{
    enum pv_err err = PV_OK;
    const char *id;
    json_t     *row;
    json_t     *method;
    size_t      i;

    json_object_foreach(import->service, id, row)
    {
        json_t *methods =
            json_object_get(json_object_get(import->methods, id), "methods");

        import->file = "services.json";
        if (json_object_get(import->agency, pv_cstr(row, "provider")) == NULL) {
            pv_complain(import, id, "its provider \"%s\" is unknown",
                        pv_cstr(row, "provider"));
        }
        if (json_array_size(methods) == 0) {
            pv_complain(import, id, "enactment.json names no method of it");
        }
        json_array_foreach(methods, i, method)
        {
            if (err == PV_OK) {
                err = import_method(import, id, method);
            }
        }
        import->report->services++;
        import->report->services_live += pv_service_is_live(import, id);
    }
    import->file = "enactment.json";
    json_object_foreach(import->methods, id, row)
    {
        if (json_object_get(import->service, id) == NULL) {
            pv_complain(import, id, "methods of an unknown service");
        }
    }
    json_object_foreach(import->live, id, row)
    {
        if (json_object_get(import->service, id) == NULL) {
            pv_complain(import, id, "an unknown service goes live");
        }
    }
    if (err == PV_OK) {
        check_deployed_methods(import);
    }
    return err;
}
