/*
 * view_backlog.c - who is still to be brought to the exchange, and what still
 * goes another way: agencies without a system, services that are not live,
 * inquiries on paper, links of their own. Custodians first.
 */
#include <string.h>

#include "kind_tables.h"
#include "rules.h"
#include "view.h"

/* ---- what each agency has: id -> {"systems","services","live",...} ---- */

struct backlog {
    json_t *of;   /* agency -> what was counted */
    json_t *live; /* service -> true */
};

static json_t *
counts_of(json_t *of, const char *agency)
{
    json_t *counts = json_object_get(of, agency);

    if (counts == NULL) {
        counts = json_pack("{s:i, s:[], s:[], s:[]}", "systems", 0, "services",
                           "paper", "links");
        if (json_object_set_new(of, agency, counts) != 0) {
            return NULL;
        }
    }
    return counts;
}

static enum pv_err
add_to(json_t *of, const char *agency, const char *list, const char *id)
{
    json_t *counts = counts_of(of, agency);

    return json_array_append_new(json_object_get(counts, list),
                                 json_string(id)) == 0
               ? PV_OK
               : PV_ENOMEM;
}

static enum pv_err
note_system(struct pv_view_call *call, const char *id,
            const struct pv_record *record, void *context)
{
    const char *agency = pv_member(record->body, "agency");
    json_t     *of = context;
    json_t     *counts;

    (void)call;
    (void)id;
    if (agency[0] == '\0' ||
        strcmp(pv_view_state(PV_KIND_SYSTEM, record), "registered") != 0) {
        return PV_OK;
    }
    counts = counts_of(of, agency);
    return counts == NULL
               ? PV_ENOMEM
               : pv_view_set(counts, "systems",
                             json_integer(json_integer_value(json_object_get(
                                              counts, "systems")) +
                                          1));
}

static enum pv_err
note_version(struct pv_view_call *call, const char *id,
             const struct pv_record *record, void *context)
{
    (void)call;
    (void)id;
    return strcmp(pv_view_state(PV_KIND_VERSION, record), "live") == 0
               ? pv_view_set(context, pv_member(record->body, "service"),
                             json_true())
               : PV_OK;
}

static enum pv_err
note_service(struct pv_view_call *call, const char *id,
             const struct pv_record *record, void *context)
{
    struct backlog *backlog = context;
    const char     *provider = pv_member(record->body, "provider");

    (void)call;
    return strcmp(pv_view_state(PV_KIND_SERVICE, record), "registered") != 0 ||
                   json_object_get(backlog->live, id) != NULL
               ? PV_OK
               : add_to(backlog->of, provider, "services", id);
}

static enum pv_err
note_inquiry(struct pv_view_call *call, const char *id,
             const struct pv_record *record, void *context)
{
    (void)call;
    return strcmp(pv_view_state(PV_KIND_INQUIRY, record), "electronic") == 0
               ? PV_OK
               : add_to(context, pv_member(record->body, "agency"), "paper",
                        id);
}

static enum pv_err
note_link(struct pv_view_call *call, const char *id,
          const struct pv_record *record, void *context)
{
    static const char *const there[] = {"declared", "permitted",
                                        "decommissioning", NULL};
    json_t                  *party;
    size_t                   i;
    enum pv_err              err = PV_OK;

    (void)call;
    json_array_foreach(json_object_get(record->body, "parties"), i, party)
    {
        if (err == PV_OK &&
            pv_is_one_of(pv_view_state(PV_KIND_LINK, record), there)) {
            err = add_to(context, json_string_value(party), "links", id);
        }
    }
    return err;
}

static enum pv_err
note_all(struct pv_view_call *call, struct backlog *backlog)
{
    enum pv_err err =
        pv_view_each(call, PV_KIND_SYSTEM, note_system, backlog->of);

    if (err == PV_OK) {
        err = pv_view_each(call, PV_KIND_VERSION, note_version, backlog->live);
    }
    if (err == PV_OK) {
        err = pv_view_each(call, PV_KIND_SERVICE, note_service, backlog);
    }
    if (err == PV_OK) {
        err = pv_view_each(call, PV_KIND_INQUIRY, note_inquiry, backlog->of);
    }
    return err == PV_OK
               ? pv_view_each(call, PV_KIND_LINK, note_link, backlog->of)
               : err;
}

/* ---- the rows ---- */

struct rows {
    struct backlog backlog;
    json_t        *custodians;
};

/* A group of agencies has no system of its own. */
static bool
is_open(const json_t *counts, const json_t *body)
{
    return strcmp(pv_member(body, "legal_type"), "group") != 0 &&
           (json_integer_value(json_object_get(counts, "systems")) == 0 ||
            json_array_size(json_object_get(counts, "services")) > 0 ||
            json_array_size(json_object_get(counts, "paper")) > 0 ||
            json_array_size(json_object_get(counts, "links")) > 0);
}

static enum pv_err
take_agency(struct pv_view_call *call, const char *id,
            const struct pv_record *record, void *context, json_t **ret)
{
    static const char *const names[] = {"services", "paper", "links", NULL};
    const struct rows       *rows = context;
    const json_t            *counts = json_object_get(rows->backlog.of, id);
    const json_t            *registers = json_object_get(rows->custodians, id);
    json_t                  *row;
    enum pv_err              err = PV_OK;

    if (strcmp(pv_view_state(PV_KIND_AGENCY, record), "registered") != 0 ||
        !is_open(counts, record->body)) {
        return PV_OK;
    }
    row = json_pack(
        "{s:o, s:b, s:b}", "agency", pv_view_party(call, id), "custodian",
        (int)(registers != NULL), "connected",
        (int)(json_integer_value(json_object_get(counts, "systems")) > 0));
    err = row == NULL      ? PV_ENOMEM
          : counts == NULL ? PV_OK
                           : pv_view_copy(row, counts, names);
    if (err == PV_OK && registers != NULL) {
        err = pv_view_set(row, "registers",
                          json_incref((json_t *)(uintptr_t)registers));
    }
    if (err != PV_OK) {
        json_decref(row);
        return err;
    }
    *ret = row;
    return PV_OK;
}

enum pv_err
pv_view_backlog(struct pv_view_call *call, json_t **ret)
{
    struct rows rows = {{json_object(), json_object()}, NULL};
    json_t     *view = NULL;
    enum pv_err err = rows.backlog.of == NULL || rows.backlog.live == NULL
                          ? PV_ENOMEM
                          : note_all(call, &rows.backlog);

    if (err == PV_OK) {
        err = pv_view_custodians(call, &rows.custodians);
    }
    if (err == PV_OK) {
        err = pv_view_list(call, PV_KIND_AGENCY, take_agency, &rows, "agencies",
                           &view);
    }
    if (err == PV_OK) {
        err = pv_view_custodians_first(call, view, "agencies", "agency");
    }
    json_decref(rows.backlog.of); /* accept NULL */
    json_decref(rows.backlog.live);
    json_decref(rows.custodians);
    if (err != PV_OK) {
        json_decref(view);
        return err;
    }
    *ret = view;
    return PV_OK;
}
