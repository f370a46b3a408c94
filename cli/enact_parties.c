/*
 * enact_parties.c - bodies, roles, agencies, clusters, registers, systems:
 * all of the day of the first document, the rules of 1393.
 */
#include <string.h>

#include "enact.h"

#define FIRST_DAY "1393-06-11"
#define CONSOLE ((struct pv_enact_who){"console", "console"})

static void
appoint(struct pv_enact *enact, struct pv_enact_who by,
        enum pv_enact_phase phase, const char *role, const char *of)
{
    char person[256];

    if (snprintf(person, sizeof(person), "%s/%s", role, of) < 0) {
        enact->err = PV_ERANGE;
    }
    pv_enact_add(enact, FIRST_DAY, phase, by, "appointment", person, "appoint",
                 json_pack("{s:s, s:s, s:s, s:s}", "person", person, "role",
                           role, "of", of, "basis", "proposed"));
}

static void
add_bodies(struct pv_enact *enact)
{
    static const char *const names[] = {"name_fa", "name_en", NULL};
    json_t *rows = json_object_get(enact->resolutions, "bodies");
    json_t *row;
    size_t  i;

    json_array_foreach(rows, i, row)
    {
        json_t *data = json_pack("{s:s}", "basis", "document");

        pv_enact_copy(enact, data, row, names);
        pv_enact_add(enact, FIRST_DAY, PV_ENACT_BODIES, CONSOLE, "body",
                     pv_enact_text(row, "id"), "register", data);
    }
    appoint(enact, CONSOLE, PV_ENACT_BODIES, "secretariat", PV_ENACT_WG);
    json_array_foreach(rows, i, row)
    {
        appoint(enact, PV_ENACT_SECRETARIAT, PV_ENACT_BODIES, "chair",
                pv_enact_text(row, "id"));
    }
}

/* The rule's words here speak of records, not of files. */
static json_t *
members_rule(struct pv_enact *enact, const json_t *rule)
{
    json_t     *out = json_object();
    const char *name;
    json_t     *value;

    json_object_foreach((json_t *)(uintptr_t)rule, name, value)
    {
        if (strcmp(name, "custodian_of") == 0) {
            pv_enact_set(enact, out, "custodian_of_base", json_true());
        } else if (strcmp(name, "provider_of") == 0) {
            pv_enact_set(enact, out, "provider_of_coded", json_true());
        } else if (strcmp(name, "is_base") != 0 &&
                   strcmp(name, "status") != 0) {
            pv_enact_set(enact, out, name, json_incref(value));
        }
    }
    return out;
}

static void
add_agency(struct pv_enact *enact, const json_t *row)
{
    static const char *const names[] = {
        "name_fa", "name_en", "kind", "names_in_documents",
        "note",    "parent",  NULL};
    static const char *const more[] = {
        "branch",   "legal_type",  "inside_executive",
        "is_group", "participant", "replaced_by_unit",
        "basis",    NULL};
    const char   *id = pv_enact_text(row, "id");
    const json_t *enacted = json_object_get(enact->enacted, id);
    const json_t *rule = json_object_get(enacted, "members_rule");
    json_t       *data = json_object();

    pv_enact_copy(enact, data, row, names);
    pv_enact_copy(enact, data, enacted, more);
    if (rule != NULL) {
        pv_enact_set(enact, data, "members_rule", members_rule(enact, rule));
    }
    pv_enact_add(enact, FIRST_DAY, PV_ENACT_AGENCIES, PV_ENACT_SECRETARIAT,
                 "agency", id, "register", data);
}

/* A parent is registered before its children. */
static void
add_with_parent(struct pv_enact *enact, const json_t *index, const char *id,
                json_t *done, int depth)
{
    const json_t *row = json_object_get(index, id);
    const char   *parent = pv_enact_text(row, "parent");

    if (row == NULL || json_object_get(done, id) != NULL || depth > 8) {
        return;
    }
    pv_enact_set(enact, done, id, json_true());
    if (parent[0] != '\0') {
        add_with_parent(enact, index, parent, done, depth + 1);
    }
    add_agency(enact, row);
}

static void
add_agencies(struct pv_enact *enact)
{
    json_t     *index = json_object();
    json_t     *done = json_object();
    json_t     *row;
    const char *id;
    size_t      i;

    json_array_foreach(enact->agencies, i, row)
    {
        pv_enact_set(enact, index, pv_enact_text(row, "id"), json_incref(row));
    }
    json_object_foreach(index, id, row)
    {
        add_with_parent(enact, index, id, done, 0);
    }
    json_object_foreach(index, id, row)
    {
        appoint(enact, PV_ENACT_SECRETARIAT, PV_ENACT_PARTS, "representative",
                id);
    }
    appoint(enact, PV_ENACT_SECRETARIAT, PV_ENACT_PARTS, "operator",
            PV_ENACT_OPERATOR.of);
    json_decref(index);
    json_decref(done);
}

static void
add_parts(struct pv_enact *enact)
{
    static const char *const unit_names[] = {"agency", "name_fa", "name_en",
                                             "basis",  "source",  NULL};
    static const char *const cluster_names[] = {"number",  "name_fa", "name_en",
                                                "members", "note",    NULL};
    static const char *const register_names[] = {
        "name_fa",    "name_en",          "is_base",
        "custodian",  "co_custodians",    "custodian_note",
        "note",       "custodian_1393",   "part_of",
        "needed_for", "needed_for_basis", NULL};
    json_t *row;
    size_t  i;

    json_array_foreach(json_object_get(enact->enactment, "units"), i, row)
    {
        json_t *data = json_object();

        pv_enact_copy(enact, data, row, unit_names);
        pv_enact_add(enact, FIRST_DAY, PV_ENACT_PARTS, PV_ENACT_SECRETARIAT,
                     "unit", pv_enact_text(row, "id"), "register", data);
    }
    json_array_foreach(enact->clusters, i, row)
    {
        json_t *data = json_pack("{s:s, s:s}", "basis", "document", "lead",
                                 pv_enact_text(row, "lead_agency"));

        pv_enact_copy(enact, data, row, cluster_names);
        pv_enact_add(enact, FIRST_DAY, PV_ENACT_PARTS, PV_ENACT_SECRETARIAT,
                     "cluster", pv_enact_text(row, "id"), "register", data);
    }
    json_array_foreach(enact->registries, i, row)
    {
        const char *candidate = pv_enact_text(row, "custodian_candidate");
        json_t     *data = json_object();

        pv_enact_copy(enact, data, row, register_names);
        if (json_object_get(data, "custodian") == NULL &&
            candidate[0] != '\0') {
            pv_enact_set(enact, data, "custodian", json_string(candidate));
            pv_enact_set(enact, data, "basis", json_string("proposed"));
        }
        pv_enact_add(enact, FIRST_DAY, PV_ENACT_PARTS, PV_ENACT_SECRETARIAT,
                     "register", pv_enact_text(row, "id"), "register", data);
    }
}

static void
add_items(struct pv_enact *enact, const json_t *rows)
{
    static const char *const names[] = {"name_fa", "name_en", "note", "basis",
                                        NULL};
    json_t                  *row;
    size_t                   i;

    json_array_foreach(rows, i, row)
    {
        json_t *definition = json_copy(row);
        json_t *data = json_pack("{s:o}", "definition", definition);

        if (!json_is_string(json_object_get(definition, "example"))) {
            (void)json_object_del(definition, "example"); /* no floats */
        }
        pv_enact_copy(enact, data, row, names);
        pv_enact_add(enact, FIRST_DAY, PV_ENACT_PARTS, PV_ENACT_SECRETARIAT,
                     "data-item", pv_enact_text(row, "id"), "register", data);
    }
}

/* The secretariat has the document; the agency that is named agrees. */
static void
add_served(struct pv_enact *enact, const json_t *row)
{
    static const char *const names[] = {"agency", "note", "basis", "source",
                                        NULL};
    const char              *system = pv_enact_text(row, "id");
    json_t                  *agency;
    size_t                   i;

    json_array_foreach(json_object_get(row, "serves_agencies"), i, agency)
    {
        const char *of = json_string_value(agency);
        json_t     *data =
            json_pack("{s:s, s:s}", "system", system, "provider", of);
        char id[PV_ENACT_ID_ROOM];

        if (snprintf(id, sizeof(id), "%s/%s", system, of) >= (int)sizeof(id)) {
            pv_enact_fail(enact, "%s: the id is too long", system);
        }
        pv_enact_copy(enact, data, row, names);
        pv_enact_add(enact, FIRST_DAY, PV_ENACT_SYSTEMS, PV_ENACT_SECRETARIAT,
                     "representation", id, "propose", data);
        pv_enact_add(enact, FIRST_DAY, PV_ENACT_SYSTEMS,
                     (struct pv_enact_who){"representative", of},
                     "representation", id, "confirm",
                     json_pack("{s:s}", "basis", "proposed"));
    }
}

static void
add_systems(struct pv_enact *enact)
{
    static const char *const names[] = {
        "agency",  "unit",     "kind",        "name_fa",
        "name_en", "level",    "role",        "cluster",
        "note",    "basis",    "host_agency", "serves_only",
        "service", "services", "source",      NULL};
    json_t *row;
    size_t  i;

    json_array_foreach(json_object_get(enact->enactment, "systems"), i, row)
    {
        json_t *data = json_object();

        if (!enact->probes && !enact->probe_services &&
            json_is_true(json_object_get(row, "probe_only"))) {
            json_decref(data);
            continue;
        }
        pv_enact_copy(enact, data, row, names);
        pv_enact_add(enact, FIRST_DAY, PV_ENACT_SYSTEMS, PV_ENACT_SECRETARIAT,
                     "system", pv_enact_text(row, "id"),
                     json_is_false(json_object_get(row, "active")) ? "plan"
                                                                   : "register",
                     data);
        add_served(enact, row);
    }
}

void
pv_enact_parties(struct pv_enact *enact)
{
    add_bodies(enact);
    add_agencies(enact);
    add_parts(enact);
    add_items(enact, enact->data_items);
    add_items(enact, json_object_get(enact->enactment, "data_items_extra"));
    add_systems(enact);
}
