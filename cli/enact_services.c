/*
 * enact_services.c - services, their versions and passports, and how they go
 * live. A service that exists is declared; one to be created is ordered by
 * the resolution that names it first.
 */
#include <string.h>

#include "enact.h"

#define COLLECTOR "administrative-employment-organisation" /* */
#define OTHER_COLLECTOR "ministry-ict"

bool
pv_enact_is_existing(const json_t *service)
{
    return strcmp(pv_enact_text(service, "status"), "existing") == 0;
}

void
pv_enact_version(const struct pv_enact *enact, const char *service,
                 char room[PV_ENACT_ID_ROOM])
{
    /* ids of the catalogue are far shorter */
    (void)snprintf(
        room, PV_ENACT_ID_ROOM, "%s/%s", service,
        pv_enact_text(json_object_get(enact->methods, service), "version"));
}

static json_t *
service_data(struct pv_enact *enact, const json_t *row)
{
    static const char *const names[] = {"provider",    "name_fa", "name_en",
                                        "legal_basis", "note",    NULL};
    static const char *const contract[] = {
        "pattern",       "inputs",
        "outputs",       "yes_no_meaning",
        "constraints",   "operations",
        "windows",       "schedule",
        "fields_stated", "requires_consent_token",
        "as_of",         NULL};
    const char *id = pv_enact_text(row, "id");
    const char *code = pv_enact_text(json_object_get(enact->code, id), "code");
    json_t     *terms = json_object();
    json_t     *data = json_pack("{s:o}", "contract", terms);
    json_t     *one;
    size_t      i;

    pv_enact_copy(enact, data, row, names);
    pv_enact_copy(enact, terms, row, contract);
    if (json_object_get(row, "base_registry") != NULL) {
        pv_enact_set(enact, data, "register",
                     json_incref(json_object_get(row, "base_registry")));
    }
    if (code[0] != '\0') {
        pv_enact_set(enact, data, "code", json_string(code));
    }
    json_array_foreach(json_object_get(enact->enactment, "named_consumers"), i,
                       one)
    {
        if (strcmp(pv_enact_text(one, "service"), id) == 0) {
            pv_enact_set(enact, data, "only_consumers",
                         json_incref(json_object_get(one, "consumers")));
        }
    }
    return data;
}

/* Methods with what they need; the file's other members stay there. */
/* Data items of fields, each once; what is no registered item is left out. */
static void
add_items(struct pv_enact *enact, json_t *items, const json_t *fields)
{
    json_t *field;
    json_t *known;
    size_t  i;
    size_t  n;

    json_array_foreach(fields, i, field)
    {
        json_t *type = json_object_get(field, "type");
        bool    add = false;

        json_array_foreach(enact->data_items, n, known)
        {
            add = add || json_equal(json_object_get(known, "id"), type);
        }
        json_array_foreach(items, n, known)
        {
            add = add && !json_equal(known, type);
        }
        if (add && json_array_append(items, type) != 0) {
            enact->err = PV_ENOMEM;
        }
    }
}

/* Of a service and of all its operations: where an item is used. */
static void
set_items(struct pv_enact *enact, json_t *data, const json_t *row)
{
    static const char *const names[] = {"inputs", "outputs"};

    for (size_t s = 0; s < sizeof(names) / sizeof(names[0]); s++) {
        json_t *items = json_array();
        json_t *one;
        size_t  i;

        add_items(enact, items, json_object_get(row, names[s]));
        json_array_foreach(json_object_get(row, "operations"), i, one)
        {
            add_items(enact, items, json_object_get(one, names[s]));
        }
        pv_enact_set(enact, data, names[s], items);
    }
}

static json_t *
version_data(struct pv_enact *enact, const json_t *row)
{
    static const char *const names[] = {"id", "pattern", "requires_prior",
                                        "dedicated_to", NULL};
    const char              *id = pv_enact_text(row, "id");
    const json_t            *from = json_object_get(enact->methods, id);
    json_t                  *methods = json_array();
    json_t                  *data = json_pack(
                         "{s:s, s:o, s:s}", "service", id, "methods", methods, "basis",
        strcmp(pv_enact_text(from, "basis"), "document") == 0 ? "document"
                                                                               : "proposed");
    json_t *contract;
    json_t *method;
    size_t  i;

    json_array_foreach(json_object_get(from, "methods"), i, method)
    {
        json_t *one = json_object();

        pv_enact_copy(enact, one, method, names);
        if (json_array_append_new(methods, one) != 0) {
            enact->err = PV_ENOMEM;
        }
    }
    set_items(enact, data, row);
    contract = pv_enact_contract(enact, pv_enact_text(row, "provider"), id);
    if (contract != NULL) {
        pv_enact_set(enact, data, "contract", contract);
    }
    if (json_is_true(json_object_get(row, "requires_consent_token"))) {
        pv_enact_set(enact, data, "needs_consent", json_true());
    }
    return data;
}

json_t *
pv_enact_order(struct pv_enact *enact, const char *service)
{
    const json_t *row = json_object_get(enact->service, service);
    json_t       *service_part = service_data(enact, row);
    json_t       *version_part = version_data(enact, row);
    char          id[PV_ENACT_ID_ROOM];

    pv_enact_version(enact, service, id);
    pv_enact_set(enact, service_part, "id", json_string(service));
    pv_enact_set(enact, version_part, "id", json_string(id));
    return json_pack("{s:o, s:o}", "service", service_part, "version",
                     version_part);
}

/* ---- passports: written, submitted, evaluated, confirmed (R-248) ---- */

static void
add_passport(struct pv_enact *enact, const char *day, enum pv_enact_phase phase,
             const json_t *service)
{
    const char         *id = pv_enact_text(service, "id");
    const char         *provider = pv_enact_text(service, "provider");
    struct pv_enact_who owner = {"representative", provider};
    struct pv_enact_who collector = {
        "representative",
        strcmp(provider, COLLECTOR) == 0 ? OTHER_COLLECTOR : COLLECTOR};
    struct pv_enact_who chair = {"chair", PV_ENACT_WG};
    char                passport[PV_ENACT_ID_ROOM];

    if (snprintf(passport, sizeof(passport), "service/%s", id) < 0) {
        enact->err = PV_ERANGE;
    }
    pv_enact_add(enact, day, phase, owner, "passport", passport, "write",
                 json_pack("{s:s, s:s, s:s, s:{s:O, s:[s]}, s:s}", "of",
                           "service", "agency", provider, "service", id, "form",
                           "service_title", json_object_get(service, "name_fa"),
                           "service_kind", "G2G", "basis", "proposed"));
    pv_enact_add(enact, day, phase, owner, "passport", passport, "submit",
                 json_object());
    pv_enact_add(enact, day, phase, collector, "passport", passport, "evaluate",
                 json_object());
    pv_enact_add(enact, day, phase, chair, "passport", passport, "confirm",
                 json_object());
}

static void
declare(struct pv_enact *enact, const json_t *service, const char *day)
{
    const char         *id = pv_enact_text(service, "id");
    struct pv_enact_who owner = {"representative",
                                 pv_enact_text(service, "provider")};
    json_t             *data = version_data(enact, service);
    char                version[PV_ENACT_ID_ROOM];

    pv_enact_version(enact, id, version);
    pv_enact_set(enact, data, "existing", json_true());
    pv_enact_add(enact, day, PV_ENACT_SERVICES, owner, "service", id,
                 "register", service_data(enact, service));
    pv_enact_add(enact, day, PV_ENACT_SERVICES, owner, "version", version,
                 "declare", data);
    add_passport(enact, day, PV_ENACT_SERVICES, service);
}

void
pv_enact_services(struct pv_enact *enact)
{
    const char *id;
    json_t     *service;

    json_object_foreach(enact->service, id, service)
    {
        const json_t *code = json_object_get(enact->code, id);

        if (code == NULL || json_object_get(enact->methods, id) == NULL) {
            pv_enact_fail(enact, "%s has no code or no method", id);
        } else if (pv_enact_is_existing(service)) {
            declare(enact, service, pv_enact_day(code, "date"));
        }
    }
}

/* ---- going live: designed, tested, live; then the grants of it ---- */

static void
add_grant_live(struct pv_enact *enact, const char *id, const json_t *row,
               const char *service_live)
{
    const json_t *grant = json_object_get(enact->grant, id);
    const json_t *service =
        json_object_get(enact->service, pv_enact_text(grant, "service"));
    const char *notified = json_string_value(
        json_object_get(enact->notified, pv_enact_text(grant, "resolution")));
    const char *provider_ready = pv_enact_day(row, "provider_ready");
    const char *consumer_ready = pv_enact_day(row, "consumer_ready");
    const char *live = pv_enact_day(row, "live");
    const char *unit = pv_enact_text(
        json_object_get(enact->enacted, pv_enact_text(grant, "consumer")),
        "replaced_by_unit");
    struct pv_enact_who owner = {"representative",
                                 pv_enact_text(service, "provider")};
    struct pv_enact_who user = {
        "representative",
        unit[0] == '\0'
            ? pv_enact_text(grant, "consumer")
            : pv_enact_text(json_object_get(enact->unit, unit), "agency")};

    (void)service_live;
    if (notified == NULL || grant == NULL) {
        pv_enact_fail(enact, "%s goes live but was never decided", id);
        return;
    }
    /* a provider that is ready for earlier grants is so for later ones */
    if (provider_ready != NULL && strcmp(provider_ready, notified) < 0) {
        provider_ready = notified;
    }
    if (provider_ready != NULL) {
        pv_enact_add(enact, provider_ready, PV_ENACT_PROVIDER_READY, owner,
                     "grant", id, "provider-ready",
                     json_pack("{s:s}", "basis", "proposed"));
    }
    if (consumer_ready != NULL) {
        pv_enact_add(enact, consumer_ready, PV_ENACT_CONSUMER_READY, user,
                     "grant", id, "consumer-ready",
                     json_pack("{s:s}", "basis", "proposed"));
    }
    if (live != NULL) {
        pv_enact_add(enact, live, PV_ENACT_GRANT_LIVE, PV_ENACT_OPERATOR,
                     "grant", id, "go-live",
                     json_pack("{s:s}", "basis", "proposed"));
    }
}

void
pv_enact_service_live(struct pv_enact *enact, const json_t *row)
{
    const char         *id = pv_enact_text(row, "service");
    const json_t       *service = json_object_get(enact->service, id);
    const char         *passport = pv_enact_day(row, "passport_approved");
    const char         *ready = pv_enact_day(row, "provider_ready");
    const char         *live = pv_enact_day(row, "live");
    struct pv_enact_who owner = {"representative",
                                 pv_enact_text(service, "provider")};
    char                version[PV_ENACT_ID_ROOM];
    json_t             *grant;
    size_t              i;

    pv_enact_version(enact, id, version);
    if (!pv_enact_is_existing(service)) {
        pv_enact_add(enact, passport, PV_ENACT_PASSPORTS, owner, "version",
                     version, "design",
                     json_pack("{s:s}", "basis", "proposed"));
        add_passport(enact, passport, PV_ENACT_PASSPORTS, service);
    }
    pv_enact_add(enact, ready, PV_ENACT_TESTED, owner, "version", version,
                 "test", json_pack("{s:s}", "basis", "proposed"));
    pv_enact_add(enact, live, PV_ENACT_SERVICE_LIVE, PV_ENACT_OPERATOR,
                 "version", version, "go-live",
                 json_pack("{s:s}", "basis", "proposed"));
    json_array_foreach(json_object_get(row, "grants"), i, grant)
    {
        add_grant_live(enact, pv_enact_text(grant, "grant"), grant, live);
    }
}

void
pv_enact_go_live(struct pv_enact *enact)
{
    json_t *row;
    size_t  i;

    json_array_foreach(json_object_get(enact->enactment, "go_live"), i, row)
    {
        pv_enact_service_live(enact, row);
    }
}
