/*
 * import_parties.c - agencies, groups, units, systems, their endpoints.
 */
#include <string.h>

#include "base/num.h"
#include "import_private.h"

/* ---- who belongs to a group ---- */

static bool
is_group(const struct pv_import *import, const char *agency)
{
    return pv_true(json_object_get(import->enacted, agency), "is_group");
}

static bool
is_participant(const struct pv_import *import, const char *agency)
{
    const json_t *row = json_object_get(import->enacted, agency);

    return row != NULL && !json_is_false(json_object_get(row, "participant"));
}

/* The value equals the wanted string, or one of the wanted strings. */
static bool
matches(const char *value, const json_t *wanted)
{
    json_t *one;
    size_t  i;

    if (json_is_string(wanted)) {
        return strcmp(value, json_string_value(wanted)) == 0;
    }
    json_array_foreach(wanted, i, one)
    {
        if (json_is_string(one) && strcmp(value, json_string_value(one)) == 0) {
            return true;
        }
    }
    return false;
}

static bool
is_base_custodian(const struct pv_import *import, const char *agency)
{
    json_t *row;
    size_t  i;

    json_array_foreach(import->registries, i, row)
    {
        if (pv_true(row, "is_base") &&
            matches(agency, json_object_get(row, "custodian"))) {
            return true;
        }
    }
    return false;
}

static bool
is_provider(const struct pv_import *import, const char *agency,
            const char *status)
{
    json_t *row;
    size_t  i;

    json_array_foreach(import->services, i, row)
    {
        if (strcmp(pv_cstr(row, "provider"), agency) == 0 &&
            strcmp(pv_cstr(row, "status"), status) == 0) {
            return true;
        }
    }
    return false;
}

/* One member of the rule; false also for a word not known here. */
static bool
rule_holds(struct pv_import *import, const char *group, const char *agency,
           const json_t *rule, const char *name, const json_t *wanted)
{
    const json_t *enacted = json_object_get(import->enacted, agency);
    const json_t *row = json_object_get(import->agency, agency);

    if (strcmp(name, "is_group") == 0) {
        return pv_true(enacted, "is_group") == json_is_true(wanted);
    }
    if (strcmp(name, "participant") == 0) {
        return is_participant(import, agency) == json_is_true(wanted);
    }
    if (strcmp(name, "branch") == 0 || strcmp(name, "legal_type") == 0) {
        return matches(pv_cstr(enacted, name), wanted);
    }
    if (strcmp(name, "parent") == 0) {
        return matches(pv_cstr(row, name), wanted);
    }
    if (strcmp(name, "custodian_of") == 0) {
        return is_base_custodian(import, agency);
    }
    if (strcmp(name, "provider_of") == 0) {
        return is_provider(import, agency, pv_cstr(rule, "status"));
    }
    if (strcmp(name, "is_base") == 0 || strcmp(name, "status") == 0) {
        return true; /* read with the two above */
    }
    pv_complain(import, group, "unknown member \"%s\" of members_rule", name);
    return false;
}

static bool
belongs(struct pv_import *import, const char *group, const char *agency)
{
    json_t     *rule = json_object_get(json_object_get(import->enacted, group),
                                       "members_rule");
    const char *name;
    json_t     *wanted;

    if (!json_is_object(rule) || json_object_size(rule) == 0) {
        return false;
    }
    json_object_foreach(rule, name, wanted)
    {
        if (!rule_holds(import, group, agency, rule, name, wanted)) {
            return false;
        }
    }
    return true;
}

static enum pv_err
set_groups(struct pv_import *import, const char *agency,
           struct pv_image_system *row)
{
    const char *group;
    json_t     *value;
    enum pv_err err;

    json_object_foreach(import->enacted, group, value)
    {
        if (!pv_true(value, "is_group") || !belongs(import, group, agency)) {
            continue;
        }
        if (row->group_count == PV_POLICY_GROUPS_MAX) {
            pv_complain(import, agency, "belongs to more than %d groups",
                        PV_POLICY_GROUPS_MAX);
            return PV_OK;
        }
        err = pv_image_number(import->image, PV_IMAGE_AGENCY,
                              pv_slice_from(group),
                              &row->group[row->group_count]);
        if (err != PV_OK) {
            return err;
        }
        row->group_count++;
    }
    return PV_OK;
}

/* ---- systems ---- */

static uint8_t
kind_of(const char *kind)
{
    static const struct {
        const char *word;
        uint8_t     kind;
    } word[] = {{"application", PV_SYSTEM_APPLICATION},
                {"connector", PV_SYSTEM_CONNECTOR},
                {"exchange", PV_SYSTEM_EXCHANGE},
                {"gateway", PV_SYSTEM_GATEWAY}};

    for (size_t i = 0; i < sizeof(word) / sizeof(word[0]); i++) {
        if (strcmp(word[i].word, kind) == 0) {
            return word[i].kind;
        }
    }
    return 0;
}

void
pv_system_settings(struct pv_import *import, const char *row,
                   const json_t *settings, struct pv_image_system *system_row)
{
    const json_t *networks = json_object_get(settings, "networks");
    const json_t *key = json_object_get(settings, "spki_sha256");
    json_t       *network;
    size_t        i;

    if (key != NULL) {
        if (pv_hex_bytes(pv_text(settings, "spki_sha256"), system_row->key_hash,
                         PV_KEY_HASH_LEN) != PV_OK) {
            pv_complain(import, row, "spki_sha256 must be 64 hex digits");
            return;
        }
        system_row->has_key = true;
    }
    if (json_object_get(settings, "suspended") != NULL) {
        system_row->row.suspended = pv_true(settings, "suspended");
    }
    if (networks == NULL) {
        return;
    }
    if (json_array_size(networks) > PV_POLICY_NETWORKS_MAX) {
        pv_complain(import, row, "at most %d networks", PV_POLICY_NETWORKS_MAX);
        return;
    }
    system_row->row.network_count = 0;
    json_array_foreach(networks, i, network)
    {
        if (!pv_to_network(pv_slice_from(json_string_value(network)),
                           &system_row->row.network[i])) {
            pv_complain(import, row, "\"%s\" is no network",
                        json_is_string(network) ? json_string_value(network)
                                                : "");
            return;
        }
        system_row->row.network_count++;
    }
}

/* One key belongs to one system. */
static enum pv_err
note_key(struct pv_import *import, const char *id,
         const struct pv_image_system *row)
{
    char    hex[2 * PV_KEY_HASH_LEN + 1];
    json_t *holder;

    pv_hex_text(row->key_hash, PV_KEY_HASH_LEN, hex);
    hex[2 * PV_KEY_HASH_LEN] = '\0';
    holder = json_object_get(import->key_holder, hex);
    if (holder != NULL) {
        pv_complain(import, id, "has the same key as %s",
                    json_string_value(holder));
        return PV_OK;
    }
    return json_object_set_new(import->key_holder, hex, json_string(id)) == 0
               ? PV_OK
               : PV_ENOMEM;
}

static enum pv_err
number_of(struct pv_import *import, enum pv_image_what what, const char *id,
          uint32_t *ret)
{
    return pv_image_number(import->image, what, pv_slice_from(id), ret);
}

/* Its names and numbers; PV_ENOTFOUND when a complaint was made. */
static enum pv_err
name_system(struct pv_import *import, const json_t *row,
            struct pv_image_system *ret)
{
    const char   *id = pv_cstr(row, "id");
    const char   *agency = pv_cstr(row, "agency");
    const char   *unit = pv_cstr(row, "unit");
    const json_t *unit_row = json_object_get(import->unit, unit);
    enum pv_err   err;

    import->file = "enactment.json";
    if (json_object_get(import->agency, agency) == NULL) {
        pv_complain(import, id, "its agency \"%s\" is unknown", agency);
        return PV_ENOTFOUND;
    }
    if (is_group(import, agency)) {
        pv_complain(import, id, "a group (%s) holds no key", agency);
        return PV_ENOTFOUND;
    }
    if (unit[0] != '\0' && strcmp(pv_cstr(unit_row, "agency"), agency) != 0) {
        pv_complain(import, id, "its unit \"%s\" is none of %s", unit, agency);
        return PV_ENOTFOUND;
    }
    ret->row.kind = kind_of(pv_cstr(row, "kind"));
    if (ret->row.kind == 0) {
        pv_complain(import, id, "unknown kind of system \"%s\"",
                    pv_cstr(row, "kind"));
        return PV_ENOTFOUND;
    }
    if (!pv_to_id(import, id, pv_slice_from(id), &ret->row.system) ||
        !pv_to_id(import, id, pv_slice_from(agency), &ret->row.agency) ||
        (unit[0] != '\0' &&
         !pv_to_id(import, id, pv_slice_from(unit), &ret->row.unit))) {
        return PV_ENOTFOUND;
    }
    err = number_of(import, PV_IMAGE_SYSTEM, id, &ret->row.number);
    if (err == PV_OK) {
        err =
            number_of(import, PV_IMAGE_AGENCY, agency, &ret->row.agency_number);
    }
    if (err == PV_OK && unit[0] != '\0') {
        err = number_of(import, PV_IMAGE_UNIT, unit, &ret->row.unit_number);
    }
    return err;
}

static enum pv_err
import_system(struct pv_import *import, const json_t *row)
{
    const char            *id = pv_cstr(row, "id");
    const json_t          *settings = json_object_get(import->deployed, id);
    struct pv_image_system out = {.has_key = false};
    enum pv_err            err;

    if (pv_true(row, "probe_only") && !import->options->probes) {
        return PV_OK;
    }
    err = name_system(import, row, &out);
    if (err == PV_ENOTFOUND) {
        return PV_OK; /* complained */
    }
    if (err == PV_OK) {
        err = set_groups(import, pv_cstr(row, "agency"), &out);
    }
    if (err != PV_OK) {
        return err;
    }
    out.row.proposed = strcmp(pv_cstr(row, "basis"), "proposed") == 0;
    out.row.suspended = json_is_false(json_object_get(row, "active"));
    import->file = "deployment";
    pv_system_settings(import, id, settings, &out);
    if (out.has_key) {
        err = note_key(import, id, &out);
        import->report->systems_with_key++;
    }
    import->report->systems++;
    import->report->proposed += out.row.proposed;
    if (err != PV_OK || import->report->complaint_count > 0) {
        return err;
    }
    err = pv_image_put_system(import->image, &out);
    if (err == PV_OK && import->deployment != NULL) {
        err = pv_image_put_home(import->image, out.row.agency_number,
                                pv_text(import->deployment, "node"));
    }
    return err;
}

/* ---- endpoints ---- */

static enum pv_err
import_endpoint(struct pv_import *import, const json_t *settings)
{
    const char              *id = pv_cstr(settings, "system");
    const json_t            *row = json_object_get(import->system, id);
    struct pv_image_system   owner = {.has_key = false};
    struct pv_image_endpoint endpoint;
    enum pv_err              err;
    uint32_t                 number;

    import->file = "deployment";
    if (row == NULL) {
        pv_complain(import, id, "an endpoint of an unknown system");
        return PV_OK;
    }
    if (kind_of(pv_cstr(row, "kind")) == PV_SYSTEM_APPLICATION) {
        pv_complain(import, id, "an application answers no calls");
        return PV_OK;
    }
    pv_system_settings(import, id, json_object_get(import->deployed, id),
                       &owner);
    if (!pv_endpoint_row(import, id, settings, owner.row.network,
                         owner.row.network_count, &endpoint)) {
        return PV_OK;
    }
    err = number_of(import, PV_IMAGE_SYSTEM, id, &number);
    return err != PV_OK
               ? err
               : pv_image_put_endpoint(import->image, number, &endpoint);
}

/* ---- all of them ---- */

static void
check_units(struct pv_import *import)
{
    const char *id;
    json_t     *row;

    import->file = "enactment.json";
    json_object_foreach(import->unit, id, row)
    {
        if (json_object_get(import->agency, pv_cstr(row, "agency")) == NULL) {
            pv_complain(import, id, "its agency \"%s\" is unknown",
                        pv_cstr(row, "agency"));
        }
        import->report->units++;
    }
    json_object_foreach(import->enacted, id, row)
    {
        if (json_object_get(import->agency, id) == NULL) {
            pv_complain(import, id, "no such agency in agencies.json");
        }
        import->report->groups += pv_true(row, "is_group");
    }
    import->report->agencies = json_object_size(import->agency);
}

static void
check_deployed(struct pv_import *import)
{
    static const char *const names[] = {"system", "spki_sha256", "networks",
                                        "suspended", NULL};
    const char              *id;
    json_t                  *row;

    import->file = "deployment";
    json_object_foreach(import->deployed, id, row)
    {
        pv_known(import, id, row, names);
        if (json_object_get(import->system, id) == NULL) {
            pv_complain(import, id, "no such system in enactment.json");
        }
    }
}

enum pv_err
pv_import_parties(struct pv_import *import)
{
    enum pv_err err = PV_OK;
    json_t     *row;
    size_t      i;

    check_units(import);
    check_deployed(import);
    json_array_foreach(json_object_get(import->enactment, "systems"), i, row)
    {
        if (err == PV_OK) {
            err = import_system(import, row);
        }
    }
    json_array_foreach(json_object_get(import->deployment, "endpoints"), i, row)
    {
        if (err == PV_OK) {
            err = import_endpoint(import, row);
        }
    }
    import->file = "deployment";
    if (err == PV_OK) {
        err = pv_import_revoked(import,
                                json_object_get(import->deployment, "revoked"));
    }
    return err;
}
