/*
 * project_parties.c - systems into the image: their key and networks, the
 * groups of their agency, their endpoint; and revoked certificates.
 */
#include <string.h>

#include "kind_tables.h"
#include "project.h"
#include "rules.h"

bool
pv_text_id(const char *text, struct pv_id *ret)
{
    size_t len = strlen(text);

    if (len > PV_POLICY_ID_MAX) {
        return false;
    }
    ret->len = (uint8_t)len;
    memcpy(ret->text, text, len);
    return true;
}

int64_t
pv_day_start_ms(int64_t day)
{
    return day * PV_DAY_MS - PV_TEHRAN_OFFSET_MS;
}

/* ---- groups: who belongs follows from a rule, also later (R-117) ---- */

static enum pv_err
load_groups(struct pv_projection *projection)
{
    json_t     *ids = NULL;
    json_t     *id;
    size_t      i;
    enum pv_err err;

    if (projection->groups != NULL) {
        return PV_OK;
    }
    projection->groups = json_object();
    err = projection->groups == NULL
              ? PV_ENOMEM
              : pv_record_all(projection->registry, PV_KIND_AGENCY, &ids);
    json_array_foreach(ids, i, id)
    {
        struct pv_record agency = {.body = NULL};

        if (err == PV_OK) {
            err = pv_record_get(projection->registry, PV_KIND_AGENCY,
                                json_string_value(id), &agency);
        }
        if (err == PV_OK && pv_member_true(agency.body, "is_group") &&
            json_object_set(projection->groups, json_string_value(id),
                            agency.body) != 0) {
            err = PV_ENOMEM;
        }
        pv_record_clear(&agency);
    }
    json_decref(ids);
    return err;
}

static bool
matches(const char *value, const json_t *wanted)
{
    return json_is_string(wanted)
               ? strcmp(value, json_string_value(wanted)) == 0
               : pv_list_has(wanted, value);
}

/* Does a record of the kind name the agency in the member? */
static enum pv_err
is_named(struct pv_projection *projection, enum pv_kind kind,
         const char *member, const char *flag, const char *agency, bool *ret)
{
    json_t     *ids = NULL;
    json_t     *id;
    size_t      i;
    bool        found = false;
    enum pv_err err =
        pv_record_users(projection->registry, "agency", agency, kind, &ids);

    json_array_foreach(ids, i, id)
    {
        struct pv_record record = {.body = NULL};

        if (err == PV_OK && !found) {
            err = pv_record_get(projection->registry, kind,
                                json_string_value(id), &record);
            found = err == PV_OK &&
                    strcmp(pv_member(record.body, member), agency) == 0 &&
                    (flag == NULL || pv_member_true(record.body, flag));
            pv_record_clear(&record);
        }
    }
    json_decref(ids);
    if (err == PV_OK) {
        *ret = found;
    }
    return err;
}

/* One member of a group's rule. A word not known here covers nobody. */
static enum pv_err
rule_holds(struct pv_projection *projection, const char *id,
           const json_t *agency, const char *name, const json_t *wanted,
           bool *ret)
{
    bool participant = !json_is_false(json_object_get(agency, "participant"));

    *ret = false;
    if (strcmp(name, "is_group") == 0) {
        *ret = pv_member_true(agency, "is_group") == json_is_true(wanted);
    } else if (strcmp(name, "participant") == 0) {
        *ret = participant == json_is_true(wanted);
    } else if (strcmp(name, "branch") == 0 || strcmp(name, "legal_type") == 0 ||
               strcmp(name, "parent") == 0) {
        *ret = matches(pv_member(agency, name), wanted);
    } else if (strcmp(name, "custodian_of_base") == 0) {
        return is_named(projection, PV_KIND_REGISTER, "custodian", "is_base",
                        id, ret);
    } else if (strcmp(name, "provider_of_coded") == 0) {
        return is_named(projection, PV_KIND_SERVICE, "provider",
                        "code_is_issued", id, ret);
    }
    return PV_OK;
}

static enum pv_err
belongs(struct pv_projection *projection, const json_t *group, const char *id,
        const json_t *agency, bool *ret)
{
    json_t     *rule = json_object_get(group, "members_rule");
    bool        holds = json_object_size(rule) > 0;
    enum pv_err err = PV_OK;
    const char *name;
    json_t     *wanted;

    json_object_foreach(rule, name, wanted)
    {
        if (holds && err == PV_OK) {
            err = rule_holds(projection, id, agency, name, wanted, &holds);
        }
    }
    *ret = holds;
    return err;
}

enum pv_err
pv_project_groups(struct pv_projection *projection, const char *agency_id,
                  json_t *out)
{
    struct pv_record agency = {.body = NULL};
    enum pv_err      err = load_groups(projection);
    const char      *group;
    json_t          *body;

    if (err == PV_OK) {
        err = pv_record_get(projection->registry, PV_KIND_AGENCY, agency_id,
                            &agency);
    }
    json_object_foreach(projection->groups, group, body)
    {
        bool is_member = false;

        if (err == PV_OK) {
            err = belongs(projection, body, agency_id, agency.body, &is_member);
        }
        if (err == PV_OK && is_member &&
            json_array_append_new(out, json_string(group)) != 0) {
            err = PV_ENOMEM;
        }
    }
    pv_record_clear(&agency);
    return err;
}

static enum pv_err
set_groups(struct pv_projection *projection, const char *agency_id,
           struct pv_image_system *out)
{
    json_t     *groups = json_array();
    json_t     *group;
    size_t      i;
    enum pv_err err = groups == NULL
                          ? PV_ENOMEM
                          : pv_project_groups(projection, agency_id, groups);

    if (err == PV_OK && json_array_size(groups) > PV_POLICY_GROUPS_MAX) {
        err = PV_ERANGE;
    }
    json_array_foreach(groups, i, group)
    {
        if (err == PV_OK) {
            err = pv_image_number(projection->image, PV_IMAGE_AGENCY,
                                  pv_slice_from(json_string_value(group)),
                                  &out->group[i]);
            out->group_count = (uint8_t)(i + 1); /* within the maximum */
        }
    }
    json_decref(groups); /* accepts NULL */
    return err;
}

/* ---- systems ---- */

static uint8_t
kind_of(const char *kind)
{
    static const char *const words[] = {"application", "connector", "exchange",
                                        "gateway"};

    for (size_t i = 0; i < COUNT(words); i++) {
        if (strcmp(words[i], kind) == 0) {
            return (uint8_t)(PV_SYSTEM_APPLICATION + i);
        }
    }
    return 0;
}

static enum pv_err
set_numbers(struct pv_projection *projection, const char *id,
            const json_t *body, struct pv_image_system *out)
{
    const char *agency = pv_member(body, "agency");
    const char *unit = pv_member(body, "unit");
    enum pv_err err;

    if (!pv_text_id(id, &out->row.system) ||
        !pv_text_id(agency, &out->row.agency) ||
        !pv_text_id(unit, &out->row.unit)) {
        return PV_ERANGE;
    }
    err = pv_image_number(projection->image, PV_IMAGE_SYSTEM, pv_slice_from(id),
                          &out->row.number);
    if (err == PV_OK) {
        err = pv_image_number(projection->image, PV_IMAGE_AGENCY,
                              pv_slice_from(agency), &out->row.agency_number);
    }
    if (err == PV_OK && unit[0] != '\0') {
        err = pv_image_number(projection->image, PV_IMAGE_UNIT,
                              pv_slice_from(unit), &out->row.unit_number);
    }
    return err;
}

enum pv_err
pv_project_system(struct pv_projection *projection, const char *id,
                  const struct pv_record *record)
{
    const char *state = pv_kind_row(PV_KIND_SYSTEM)->states[record->state];
    const char *node = projection->registry->config.node;
    struct pv_image_system   out = {.has_key = false};
    struct pv_image_endpoint endpoint = {.version = 0};
    struct pv_refusal        refusal;
    bool                     has_endpoint = false;
    enum pv_err err = set_numbers(projection, id, record->body, &out);

    if (err == PV_OK && strcmp(state, "retired") == 0) {
        err = pv_image_del_system(projection->image, out.row.number);
        if (err == PV_OK || err == PV_ENOTFOUND) {
            err = pv_image_del_endpoint(projection->image, out.row.number);
        }
        return err == PV_ENOTFOUND ? PV_OK : err;
    }
    if (err == PV_OK) {
        err = pv_system_rows(id, record->body,
                             projection->registry->config.loopback, &refusal,
                             &out, &endpoint, &has_endpoint);
    }
    if (err == PV_OK) {
        err = set_groups(projection, pv_member(record->body, "agency"), &out);
    }
    if (err != PV_OK) {
        return err;
    }
    out.row.kind = kind_of(pv_member(record->body, "kind"));
    out.row.suspended = strcmp(state, "registered") != 0;
    out.row.proposed =
        strcmp(pv_member(record->body, "basis"), "proposed") == 0;
    err = pv_image_put_system(projection->image, &out);
    if (err == PV_OK && has_endpoint) {
        err =
            pv_image_put_endpoint(projection->image, out.row.number, &endpoint);
    } else if (err == PV_OK) {
        err = pv_image_del_endpoint(projection->image, out.row.number);
        err = err == PV_ENOTFOUND ? PV_OK : err;
    }
    if (err == PV_OK && node != NULL) {
        err = pv_image_put_home(projection->image, out.row.agency_number,
                                pv_slice_from(node));
    }
    return err;
}

/* ---- certificates ---- */

enum pv_err
pv_project_certificate(struct pv_projection *projection, const char *id,
                       const struct pv_record *record)
{
    struct pv_certificate certificate = {.serial_len = 0};
    const char *state = pv_kind_row(PV_KIND_CERTIFICATE)->states[record->state];

    if (strcmp(state, "revoked") != 0) {
        return PV_OK; /* a good one is known by its key alone */
    }
    return pv_certificate_of(id, &certificate)
               ? pv_image_put_revoked(projection->image, &certificate,
                                      pv_day_start_ms(record->from_day))
               : PV_ECORRUPT;
}
