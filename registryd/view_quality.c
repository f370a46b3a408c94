/*
 * view_quality.c - breaches of agreements by provider, consumer and exchange
 * and live rights that no agreement in force names.
 */
#include <string.h>

#include "kind_tables.h"
#include "rules.h"
#include "view.h"

/* ---- breaches ---- */

struct asked {
    char party[PV_RECORD_ID_MAX + 1]; /* "" for all */
    char side[PV_RECORD_ID_MAX + 1];
};

static json_t *
make_breach(struct pv_view_call *call, const char *id, const json_t *body,
            const json_t *breach)
{
    static const char *const names[] = {"measure", "side", "unit",  "value",
                                        "limit",   "from", "until", NULL};
    json_t                  *row = json_pack(
                         "{s:s, s:s, s:o, s:o}", "id", id, "version", pv_member(body, "version"),
                         "service",
                         pv_view_name(call, PV_KIND_VERSION, pv_member(body, "version")),
                         "party", pv_view_party(call, pv_member(breach, "party")));

    if (row == NULL || pv_view_copy(row, breach, names) != PV_OK) {
        json_decref(row);
        return NULL;
    }
    return row;
}

static enum pv_err
take_agreement(struct pv_view_call *call, const char *id,
               const struct pv_record *record, void *context, json_t **ret)
{
    const struct asked *asked = context;
    json_t             *rows = json_array();
    json_t             *breach;
    size_t              i;
    enum pv_err         err = rows == NULL ? PV_ENOMEM : PV_OK;

    json_array_foreach(json_object_get(record->body, "breaches"), i, breach)
    {
        bool wanted =
            strcmp(pv_view_state(PV_KIND_AGREEMENT, record), "in-force") == 0 &&
            (asked->party[0] == '\0' ||
             strcmp(pv_member(breach, "party"), asked->party) == 0) &&
            (asked->side[0] == '\0' ||
             strcmp(pv_member(breach, "side"), asked->side) == 0);

        if (err == PV_OK && wanted &&
            json_array_append_new(
                rows, make_breach(call, id, record->body, breach)) != 0) {
            err = PV_ENOMEM;
        }
    }
    if (err == PV_OK && json_array_size(rows) > 0) {
        *ret = json_incref(rows);
    }
    json_decref(rows); /* accepts NULL */
    return err;
}

/* One row for each breach, though an agreement may have many. */
static enum pv_err
flatten(json_t *view)
{
    json_t     *flat = json_array();
    json_t     *rows;
    size_t      i;
    enum pv_err err = flat == NULL ? PV_ENOMEM : PV_OK;

    json_array_foreach(json_object_get(view, "breaches"), i, rows)
    {
        if (err == PV_OK && json_array_extend(flat, rows) != 0) {
            err = PV_ENOMEM;
        }
    }
    if (err == PV_OK) {
        err = pv_view_set(view, "breaches", json_incref(flat));
    }
    json_decref(flat); /* accepts NULL */
    return err;
}

enum pv_err
pv_view_breaches(struct pv_view_call *call, json_t **ret)
{
    static const char *const sides[] = {"", "provider", "consumer", "exchange",
                                        NULL};
    struct asked             asked;
    json_t                  *view = NULL;
    enum pv_err err = pv_view_text(call, PV_VIEW_PARTY, asked.party);

    if (err == PV_OK) {
        err = pv_view_text(call, PV_VIEW_STATE, asked.side);
    }
    if (err == PV_OK && !pv_is_one_of(asked.side, sides)) {
        err = PV_EINVAL;
    }
    if (err == PV_OK) {
        err = pv_view_list(call, PV_KIND_AGREEMENT, take_agreement, &asked,
                           "breaches", &view);
    }
    if (err == PV_OK) {
        err = flatten(view);
    }
    if (err != PV_OK) {
        json_decref(view); /* accepts NULL */
        return err;
    }
    *ret = view;
    return PV_OK;
}

/* ---- rights without an agreement ---- */

struct unagreed {
    json_t *agreed; /* grant -> true */
    char    party[PV_RECORD_ID_MAX + 1];
};

static enum pv_err
note_agreed(struct pv_view_call *call, const char *id,
            const struct pv_record *record, void *context)
{
    json_t     *grant;
    size_t      i;
    enum pv_err err = PV_OK;

    (void)call;
    (void)id;
    json_array_foreach(json_object_get(record->body, "grants"), i, grant)
    {
        if (err == PV_OK &&
            strcmp(pv_view_state(PV_KIND_AGREEMENT, record), "in-force") == 0) {
            err = pv_view_set(context, json_string_value(grant), json_true());
        }
    }
    return err;
}

static enum pv_err
take_grant(struct pv_view_call *call, const char *id,
           const struct pv_record *record, void *context, json_t **ret)
{
    const struct unagreed *unagreed = context;
    const json_t          *body = record->body;

    if (strcmp(pv_view_state(PV_KIND_GRANT, record), "live") != 0 ||
        json_object_get(unagreed->agreed, id) != NULL ||
        (unagreed->party[0] != '\0' &&
         strcmp(unagreed->party, pv_member(body, "consumer")) != 0 &&
         strcmp(unagreed->party, pv_member(body, "provider")) != 0)) {
        return PV_OK;
    }
    *ret =
        json_pack("{s:s, s:o, s:o, s:s}", "id", id, "consumer",
                  pv_view_party(call, pv_member(body, "consumer")), "provider",
                  pv_view_party(call, pv_member(body, "provider")), "version",
                  pv_member(body, "version"));
    return *ret == NULL ? PV_ENOMEM : PV_OK;
}

enum pv_err
pv_view_no_agreement(struct pv_view_call *call, json_t **ret)
{
    struct unagreed unagreed = {.agreed = json_object()};
    enum pv_err     err = unagreed.agreed == NULL
                              ? PV_ENOMEM
                              : pv_view_text(call, PV_VIEW_PARTY, unagreed.party);

    if (err == PV_OK) {
        err =
            pv_view_each(call, PV_KIND_AGREEMENT, note_agreed, unagreed.agreed);
    }
    if (err == PV_OK) {
        err = pv_view_list(call, PV_KIND_GRANT, take_grant, &unagreed, "grants",
                           ret);
    }
    json_decref(unagreed.agreed); /* accepts NULL */
    return err;
}
