/*
 * view_findings.c - what the registry finds among its records: two paths for
 * the same data, services that a passport needs and nobody asked for
 * (R-253).
 */
#include <string.h>

#include "kind_tables.h"
#include "rules.h"
#include "view_findings.h"

/* ---- shared ---- */

static enum pv_err
make_view(struct pv_view_call *call, enum pv_kind kind, pv_view_row_fn *fn,
          const char *name, json_t **ret)
{
    struct pv_asked asked;
    enum pv_err     err = pv_view_text(call, PV_VIEW_PARTY, asked.party);

    if (err == PV_OK) {
        err = pv_view_text(call, PV_VIEW_STATE, asked.state);
    }
    return err == PV_OK ? pv_view_list(call, kind, fn, &asked, name, ret) : err;
}

enum pv_err
pv_findings_backlog(struct pv_view_call *call, enum pv_kind kind,
                    pv_view_row_fn *fn, const char *name, const char *member,
                    json_t **ret)
{
    json_t     *view = NULL;
    enum pv_err err = make_view(call, kind, fn, name, &view);

    if (err == PV_OK) {
        err = pv_view_custodians_first(call, view, name, member);
    }
    if (err != PV_OK) {
        json_decref(view); /* accepts NULL */
        return err;
    }
    *ret = view;
    return PV_OK;
}

/* A right that is asked for, decided or live; not one that is over. */
static bool
stands(enum pv_kind kind, const struct pv_record *record)
{
    static const char *const over[] = {"withdrawn", "ended", "declined",
                                       "refused", NULL};

    return !pv_is_one_of(pv_view_state(kind, record), over);
}

static bool
has_end(const json_t *body, const char *party)
{
    return strcmp(pv_member(body, "consumer"), party) == 0 ||
           strcmp(pv_member(body, "provider"), party) == 0;
}

/* ---- two paths for the same data (R-017) ---- */

/* "yes" or a list are no data of their own: which they are, it does not say. */
static enum pv_err
is_data(struct pv_view_call *call, const char *item, bool *ret)
{
    static const char *const carriers[] = {"boolean", "list", "object", NULL};
    struct pv_record         record = {.body = NULL};
    enum pv_err err = pv_view_get(call, PV_KIND_DATA_ITEM, item, &record);

    *ret = err == PV_OK &&
           !pv_is_one_of(pv_member(json_object_get(record.body, "definition"),
                                   "base_type"),
                         carriers);
    pv_record_clear(&record);
    return err == PV_ENOTFOUND ? PV_OK : err;
}

/* Items of data that both give; all: the other gives every one of the first. */
static enum pv_err
compare_items(struct pv_view_call *call, const json_t *version,
              const json_t *other, json_t *common, bool *ret_all)
{
    json_t     *item;
    size_t      i;
    enum pv_err err = PV_OK;

    *ret_all = true;
    json_array_foreach(json_object_get(version, "outputs"), i, item)
    {
        bool data = false;

        err =
            err == PV_OK ? is_data(call, json_string_value(item), &data) : err;
        if (!data) {
            continue;
        }
        if (!pv_list_has(json_object_get(other, "outputs"),
                         json_string_value(item))) {
            *ret_all = false;
        } else if (json_array_append(common, item) != 0) {
            err = PV_ENOMEM;
        }
    }
    *ret_all = *ret_all && json_array_size(common) > 0;
    return err;
}

/* Another standing right of the same two to that version; "" for none. */
static enum pv_err
find_other(struct pv_view_call *call, const char *id, const json_t *body,
           const char *version, char room[PV_RECORD_ID_MAX + 1])
{
    char        place[4 * PV_RECORD_ID_MAX + 4];
    json_t     *ids = NULL;
    json_t     *other;
    size_t      i;
    enum pv_err err;

    room[0] = '\0';
    if (snprintf(place, sizeof(place), "%s %s %s %s", version,
                 pv_member(body, "consumer"), pv_member(body, "unit"),
                 pv_member(body, "system")) >= (int)sizeof(place)) {
        return PV_ERANGE;
    }
    err = pv_record_users(call->registry, "place", place, PV_KIND_GRANT, &ids);
    json_array_foreach(ids, i, other)
    {
        struct pv_record grant = {.body = NULL};

        if (err != PV_OK || room[0] != '\0' ||
            strcmp(json_string_value(other), id) == 0) {
            continue;
        }
        err =
            pv_view_get(call, PV_KIND_GRANT, json_string_value(other), &grant);
        if (err == PV_OK && stands(PV_KIND_GRANT, &grant)) {
            (void)snprintf(room, PV_RECORD_ID_MAX + 1, "%s",
                           json_string_value(other)); /* an id fits */
        }
        pv_record_clear(&grant);
        err = err == PV_ENOTFOUND ? PV_OK : err;
    }
    json_decref(ids);
    return err;
}

/* A row for the first right that gives the same as this one. */
static enum pv_err
compare_with(struct pv_view_call *call, const char *id, const json_t *body,
             const json_t *version, const char *other_id, json_t **ret)
{
    struct pv_record other = {.body = NULL};
    char             same[PV_RECORD_ID_MAX + 1] = "";
    json_t          *common = json_array();
    bool             all = false;
    enum pv_err      err =
        common == NULL ? PV_ENOMEM : find_other(call, id, body, other_id, same);

    if (err != PV_OK || same[0] == '\0') { /* nearly always, and cheap */
        json_decref(common);
        return err;
    }
    err = pv_view_get(call, PV_KIND_VERSION, other_id, &other);
    if (err == PV_OK) {
        err = compare_items(call, version, other.body, common, &all);
    }
    if (err == PV_OK &&
        (all || strcmp(pv_member(version, "service"),
                       pv_member(other.body, "service")) == 0)) {
        *ret = json_pack(
            "{s:s, s:o, s:o, s:s, s:s, s:O}", "id", id, "consumer",
            pv_view_party(call, pv_member(body, "consumer")), "provider",
            pv_view_party(call, pv_member(body, "provider")), "version",
            pv_member(body, "version"), "same_as", same, "common", common);
        err = *ret == NULL ? PV_ENOMEM : PV_OK;
    }
    json_decref(common);
    pv_record_clear(&other);
    return err == PV_ENOTFOUND ? PV_OK : err; /* not there at that moment */
}

static enum pv_err
take_grant(struct pv_view_call *call, const char *id,
           const struct pv_record *record, void *context, json_t **ret)
{
    const struct pv_asked *asked = context;
    const json_t          *body = record->body;
    struct pv_record       version = {.body = NULL};
    json_t                *ids = NULL;
    json_t                *other;
    size_t                 i;
    enum pv_err            err;

    if (!stands(PV_KIND_GRANT, record) ||
        (asked->party[0] != '\0' && !has_end(body, asked->party))) {
        return PV_OK;
    }
    err = pv_view_get(call, PV_KIND_VERSION, pv_member(body, "version"),
                      &version);
    if (err == PV_OK) {
        err =
            pv_record_users(call->registry, "agency",
                            pv_member(body, "provider"), PV_KIND_VERSION, &ids);
    }
    json_array_foreach(ids, i, other)
    {
        if (err == PV_OK && *ret == NULL &&
            strcmp(json_string_value(other), pv_member(body, "version")) != 0) {
            err = compare_with(call, id, body, version.body,
                               json_string_value(other), ret);
        }
    }
    json_decref(ids);
    pv_record_clear(&version);
    return err == PV_ENOTFOUND ? PV_OK : err; /* not there at that moment */
}

enum pv_err
pv_view_duplicate_paths(struct pv_view_call *call, json_t **ret)
{
    return make_view(call, PV_KIND_GRANT, take_grant, "paths", ret);
}

/* ---- needed, and not asked for (R-253) ---- */

/* Services that the agency has, or has asked for: id -> true. */
static enum pv_err
add_asked_for(struct pv_view_call *call, enum pv_kind kind, const char *agency,
              json_t *found)
{
    json_t     *ids = NULL;
    json_t     *id;
    size_t      i;
    enum pv_err err =
        pv_record_users(call->registry, "agency", agency, kind, &ids);

    json_array_foreach(ids, i, id)
    {
        struct pv_record right = {.body = NULL};
        char             service[PV_RECORD_ID_MAX + 1];

        if (err != PV_OK) {
            break;
        }
        err = pv_view_get(call, kind, json_string_value(id), &right);
        if (err == PV_OK && stands(kind, &right) &&
            strcmp(pv_member(right.body, "consumer"), agency) == 0) {
            (void)snprintf(service, sizeof(service), "%s",
                           pv_member(right.body, "version")); /* an id fits */
            service[strcspn(service, "/")] = '\0';
            err = pv_view_set(found, service, json_true());
        }
        pv_record_clear(&right);
        err = err == PV_ENOTFOUND ? PV_OK : err;
    }
    json_decref(ids);
    return err;
}

/* Services on the register, unless one of them is the agency's or asked for. */
static enum pv_err
services_of(struct pv_view_call *call, const char *register_id,
            const char *agency, const json_t *asked_for, json_t *needs)
{
    json_t     *services = json_array();
    json_t     *ids = NULL;
    json_t     *id;
    size_t      i;
    bool        met = false;
    enum pv_err err = services == NULL
                          ? PV_ENOMEM
                          : pv_record_users(call->registry, "register",
                                            register_id, PV_KIND_SERVICE, &ids);

    json_array_foreach(ids, i, id)
    {
        struct pv_record service = {.body = NULL};

        if (err != PV_OK || met) {
            break;
        }
        err =
            pv_view_get(call, PV_KIND_SERVICE, json_string_value(id), &service);
        met = err == PV_OK &&
              (strcmp(pv_member(service.body, "provider"), agency) == 0 ||
               json_object_get(asked_for, json_string_value(id)) != NULL);
        if (err == PV_OK && json_array_append(services, id) != 0) {
            err = PV_ENOMEM;
        }
        pv_record_clear(&service);
        err = err == PV_ENOTFOUND ? PV_OK : err;
    }
    json_decref(ids);
    if (err == PV_OK && !met &&
        json_array_append_new(needs,
                              json_pack("{s:s, s:O}", "register", register_id,
                                        "services", services)) != 0) {
        err = PV_ENOMEM;
    }
    json_decref(services);
    return err;
}

/* What the form names: registers, and services of other agencies. */
static enum pv_err
find_needs(struct pv_view_call *call, const json_t *body, json_t *needs)
{
    const char   *agency = pv_member(body, "agency");
    const json_t *form = json_object_get(body, "form");
    json_t       *asked_for = json_object();
    json_t       *one;
    size_t        i;
    enum pv_err   err = asked_for == NULL ? PV_ENOMEM
                                          : add_asked_for(call, PV_KIND_GRANT,
                                                          agency, asked_for);

    if (err == PV_OK) {
        err = add_asked_for(call, PV_KIND_REQUEST, agency, asked_for);
    }
    json_array_foreach(json_object_get(form, "base_registry_needs"), i, one)
    {
        err = err == PV_OK ? services_of(call, json_string_value(one), agency,
                                         asked_for, needs)
                           : err;
    }
    json_array_foreach(json_object_get(form, "cooperation_services"), i, one)
    {
        if (err == PV_OK &&
            json_object_get(asked_for, json_string_value(one)) == NULL &&
            json_array_append_new(needs,
                                  json_pack("{s:[O]}", "services", one)) != 0) {
            err = PV_ENOMEM;
        }
    }
    json_decref(asked_for);
    return err;
}

static enum pv_err
take_passport(struct pv_view_call *call, const char *id,
              const struct pv_record *record, void *context, json_t **ret)
{
    static const char *const over[] = {"replaced", NULL};
    const struct pv_asked   *asked = context;
    const json_t            *body = record->body;
    json_t                  *needs;
    enum pv_err              err;

    if (strcmp(pv_member(body, "of"), "service") != 0 ||
        pv_is_one_of(pv_view_state(PV_KIND_PASSPORT, record), over) ||
        (asked->party[0] != '\0' &&
         strcmp(pv_member(body, "agency"), asked->party) != 0)) {
        return PV_OK;
    }
    needs = json_array();
    err = needs == NULL ? PV_ENOMEM : find_needs(call, body, needs);
    if (err == PV_OK && json_array_size(needs) > 0) {
        *ret = json_pack(
            "{s:s, s:o, s:o, s:O}", "id", id, "agency",
            pv_view_party(call, pv_member(body, "agency")), "service",
            pv_view_name(call, PV_KIND_SERVICE, pv_member(body, "service")),
            "needs", needs);
        err = *ret == NULL ? PV_ENOMEM : PV_OK;
    }
    json_decref(needs);
    return err;
}

enum pv_err
pv_view_missing_requests(struct pv_view_call *call, json_t **ret)
{
    return pv_findings_backlog(call, PV_KIND_PASSPORT, take_passport,
                               "passports", "agency", ret);
}
