/*
 * view_links.c - links outside the exchange, and what each lacks (R-007,
 * permit, exemption, or that the exchange has a path beside it.
 */
#include <string.h>

#include "kind_tables.h"
#include "rules.h"
#include "view_findings.h"

/* A live right of that party and another one, "" when there is none. */
static enum pv_err
find_path_of(struct pv_view_call *call, const json_t *parties,
             const char *party, char room[PV_RECORD_ID_MAX + 1])
{
    json_t     *ids = NULL;
    json_t     *id;
    size_t      i;
    enum pv_err err =
        pv_record_users(call->registry, "agency", party, PV_KIND_GRANT, &ids);

    room[0] = '\0';
    json_array_foreach(ids, i, id)
    {
        struct pv_record grant = {.body = NULL};

        if (err != PV_OK || room[0] != '\0') {
            break;
        }
        err = pv_view_get(call, PV_KIND_GRANT, json_string_value(id), &grant);
        if (err == PV_OK &&
            strcmp(pv_view_state(PV_KIND_GRANT, &grant), "live") == 0 &&
            pv_list_has(parties, pv_member(grant.body, "consumer")) &&
            pv_list_has(parties, pv_member(grant.body, "provider"))) {
            (void)snprintf(room, PV_RECORD_ID_MAX + 1, "%s",
                           json_string_value(id)); /* an id fits */
        }
        pv_record_clear(&grant);
        err = err == PV_ENOTFOUND ? PV_OK : err; /* not yet, at that moment */
    }
    json_decref(ids);
    return err;
}

static enum pv_err
find_path(struct pv_view_call *call, const json_t *parties,
          char room[PV_RECORD_ID_MAX + 1])
{
    json_t     *party;
    size_t      i;
    enum pv_err err = PV_OK;

    room[0] = '\0';
    json_array_foreach(parties, i, party)
    {
        if (err == PV_OK && room[0] == '\0') {
            err = find_path_of(call, parties, json_string_value(party), room);
        }
    }
    return err;
}

/* Whoever may not read exemptions sees a violation all the same. */
static bool
is_exempt(const struct pv_view_call *call, const char *id)
{
    struct pv_view_call whole = *call;
    struct pv_record    record = {.body = NULL};
    bool                ret;

    whole.hidden = 0;
    ret = id[0] != '\0' &&
          pv_view_get(&whole, PV_KIND_EXEMPTION, id, &record) == PV_OK &&
          pv_is_exempting(&record, call->today);
    pv_record_clear(&record);
    return ret;
}

/* A permit does not replace an exemption, nor the other way round. */
static enum pv_err
add_violations(const struct pv_view_call *call, const json_t *body,
               const char *path, json_t *row)
{
    json_t *list = json_array();
    bool    ok = list != NULL;

    if (pv_member_true(body, "base_data") &&
        pv_member(body, "permit")[0] == '\0') {
        ok = ok && json_array_append_new(list, json_string("no-permit")) == 0;
    }
    if (!is_exempt(call, pv_member(body, "exemption"))) {
        ok =
            ok && json_array_append_new(list, json_string("no-exemption")) == 0;
    }
    if (path[0] != '\0') {
        ok = ok &&
             json_array_append_new(list, json_string("duplicate-path")) == 0;
    }
    if (!ok) {
        json_decref(list);
        return PV_ENOMEM;
    }
    return pv_view_set(row, "violations", list);
}

static enum pv_err
take_link(struct pv_view_call *call, const char *id,
          const struct pv_record *record, void *context, json_t **ret)
{
    static const char *const names[] = {"what_fa", "base_data", "since",
                                        "permit",  "exemption", "replaced_by",
                                        NULL};
    static const char *const exist[] = {"declared", "permitted",
                                        "decommissioning", NULL};
    const struct pv_asked   *asked = context;
    const char              *state = pv_view_state(PV_KIND_LINK, record);
    const json_t            *parties = json_object_get(record->body, "parties");
    char                     path[PV_RECORD_ID_MAX + 1] = "";
    json_t                  *row;
    enum pv_err              err = PV_OK;

    if ((asked->party[0] != '\0' && !pv_list_has(parties, asked->party)) ||
        (asked->state[0] != '\0' && strcmp(asked->state, state) != 0)) {
        return PV_OK;
    }
    if (pv_is_one_of(state, exist)) {
        err = find_path(call, parties, path);
    }
    row = json_pack("{s:s, s:s, s:o}", "id", id, "state", state, "parties",
                    pv_view_parties(call, parties));
    if (err == PV_OK) {
        err = row == NULL ? PV_ENOMEM : pv_view_copy(row, record->body, names);
    }
    if (err == PV_OK && path[0] != '\0') {
        err = pv_set(row, "exchange_path", path);
    }
    if (err == PV_OK && pv_is_one_of(state, exist)) {
        err = add_violations(call, record->body, path, row);
    }
    if (err != PV_OK) {
        json_decref(row);
        return err;
    }
    *ret = row;
    return PV_OK;
}

enum pv_err
pv_view_links(struct pv_view_call *call, json_t **ret)
{
    return pv_findings_backlog(call, PV_KIND_LINK, take_link, "links",
                               "parties", ret);
}
