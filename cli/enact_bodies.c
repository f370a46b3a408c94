/*
 * enact_bodies.c - meetings with their agenda, and resolutions with what they
 * order, grant and oblige.
 */
#include <string.h>

#include "enact.h"

const char *
pv_enact_resolution_day(const struct pv_enact *enact, const char *resolution)
{
    json_t *meeting;
    json_t *row;
    size_t  i;
    size_t  n;

    json_array_foreach(json_object_get(enact->resolutions, "meetings"), i,
                       meeting)
    {
        json_array_foreach(json_object_get(meeting, "resolutions"), n, row)
        {
            if (strcmp(pv_enact_text(row, "id"), resolution) == 0) {
                return json_string_value(
                    json_object_get(meeting, "date_jalali"));
            }
        }
    }
    return NULL;
}

/* ---- meetings ---- */

/* The printed agenda, or one item for each resolution. */
static json_t *
agenda_of(struct pv_enact *enact, const json_t *meeting)
{
    json_t *printed = json_object_get(meeting, "agenda");
    json_t *agenda = json_array();
    json_t *row;
    size_t  i;

    if (json_array_size(printed) > 0) {
        json_decref(agenda);
        return json_incref(printed);
    }
    json_array_foreach(json_object_get(meeting, "resolutions"), i, row)
    {
        if (json_array_append_new(
                agenda, json_pack("{s:I, s:O, s:O}", "row", (json_int_t)i + 1,
                                  "text_fa", json_object_get(row, "title_fa"),
                                  "outcome", json_object_get(row, "id"))) !=
            0) {
            enact->err = PV_ENOMEM;
        }
    }
    return agenda;
}

static json_t *
outcomes_of(struct pv_enact *enact, const json_t *agenda)
{
    json_t *outcomes = json_array();
    json_t *row;
    size_t  i;

    json_array_foreach(agenda, i, row)
    {
        json_t *outcome = json_object_get(row, "outcome");
        json_t *one = json_pack(
            "{s:O, s:s}", "row", json_object_get(row, "row"), "outcome",
            json_is_string(outcome) ? "resolution" : "none");

        if (json_is_string(outcome)) {
            pv_enact_set(enact, one, "resolutions", json_pack("[O]", outcome));
        }
        if (json_array_append_new(outcomes, one) != 0) {
            enact->err = PV_ENOMEM;
        }
    }
    return outcomes;
}

void
pv_enact_meeting(struct pv_enact *enact, const json_t *meeting)
{
    static const char *const names[] = {"body", "number", "title_fa",
                                        "title_en", NULL};
    const char              *id = pv_enact_text(meeting, "id");
    const char              *day = pv_enact_text(meeting, "date_jalali");
    json_t                  *agenda = agenda_of(enact, meeting);
    json_t                  *data = json_pack("{s:s}", "date", day);
    json_t                  *basis = json_object_get(meeting, "legal_basis_fa");

    pv_enact_copy(enact, data, meeting, names);
    if (json_is_array(basis)) {
        pv_enact_set(enact, data, "legal_basis", json_incref(basis));
    }
    pv_enact_add(enact, day, PV_ENACT_MEETINGS, PV_ENACT_SECRETARIAT, "meeting",
                 id, "plan", data);
    pv_enact_add(
        enact, day, PV_ENACT_MEETINGS, PV_ENACT_SECRETARIAT, "meeting", id,
        "set-agenda",
        json_pack("{s:O, s:s}", "agenda", agenda, "basis",
                  json_array_size(json_object_get(meeting, "agenda")) > 0
                      ? "document"
                      : "proposed"));
    pv_enact_add(enact, day, PV_ENACT_MEETINGS, PV_ENACT_SECRETARIAT, "meeting",
                 id, "invite", json_object());
    pv_enact_add(enact, day, PV_ENACT_HELD,
                 (struct pv_enact_who){"chair", pv_enact_text(meeting, "body")},
                 "meeting", id, "hold", json_object());
    pv_enact_add(enact, day, PV_ENACT_MINUTES, PV_ENACT_SECRETARIAT, "meeting",
                 id, "minute",
                 json_pack("{s:o}", "outcomes", outcomes_of(enact, agenda)));
    pv_enact_add(enact, day, PV_ENACT_MINUTES, PV_ENACT_SECRETARIAT, "meeting",
                 id, "close", json_object());
    json_decref(agenda);
}

/* ---- items ---- */

static void
append(struct pv_enact *enact, json_t *list, json_t *thing)
{
    if (json_array_append_new(list, thing) != 0 && enact->err == PV_OK) {
        enact->err = PV_ENOMEM;
    }
}

/* Duties of the council's tables: cited, no right. */
static json_t *
cited_duty(struct pv_enact *enact, const json_t *grant)
{
    const json_t *service =
        json_object_get(enact->service, pv_enact_text(grant, "service"));
    bool    joins = strcmp(pv_enact_text(grant, "mode"), "join-system") == 0;
    char    id[256];
    json_t *data;

    if (snprintf(id, sizeof(id), "duty/%s", pv_enact_text(grant, "id")) < 0) {
        enact->err = PV_ERANGE;
    }
    data = json_pack("{s:s, s:[s], s:[s], s:s, s:s, s:[s]}", "id", id,
                     "responsible",
                     joins ? pv_enact_text(grant, "consumer")
                           : pv_enact_text(service, "provider"),
                     "collaborators",
                     joins ? pv_enact_text(service, "provider")
                           : pv_enact_text(grant, "consumer"),
                     "text_fa", pv_enact_text(service, "name_fa"), "text_en",
                     pv_enact_text(grant, "basis"), "services",
                     pv_enact_text(grant, "service"));
    return data;
}

static void
add_grants(struct pv_enact *enact, json_t *item, const json_t *ids)
{
    json_t *grants = json_array();
    json_t *duties = json_object_get(item, "commitments");
    json_t *id;
    size_t  i;

    json_array_foreach(ids, i, id)
    {
        const json_t *grant =
            json_object_get(enact->grant, json_string_value(id));
        const char *status = pv_enact_text(grant, "status");
        bool joins = strcmp(pv_enact_text(grant, "mode"), "join-system") == 0;

        if (strcmp(status, "cited") == 0 || joins) {
            append(enact, duties, cited_duty(enact, grant));
        } else if (strcmp(status, "approved") == 0) {
            append(enact, grants, pv_enact_grant(enact, grant));
        } /* what is pending gives no right yet */
    }
    pv_enact_set(enact, item, "grants", grants);
}

/* Is the service ordered here? Its code says which resolution was first. */
static bool
is_ordered_by(const struct pv_enact *enact, const char *service,
              const char *resolution, const char *meeting, bool is_first)
{
    const json_t *row = json_object_get(enact->service, service);
    const json_t *code = json_object_get(enact->code, service);
    const char   *by = pv_enact_text(code, "resolution");

    if (strcmp(pv_enact_text(row, "status"), "existing") == 0) {
        return false;
    }
    return by[0] != '\0' ? strcmp(by, resolution) == 0
                         : is_first && strcmp(pv_enact_text(code, "meeting"),
                                              meeting) == 0;
}

static void
add_orders(struct pv_enact *enact, json_t *items, const char *resolution,
           const char *meeting, bool is_first)
{
    json_t     *orders = json_array();
    const char *service;
    json_t     *row;

    json_object_foreach(enact->service, service, row)
    {
        if (is_ordered_by(enact, service, resolution, meeting, is_first)) {
            append(enact, orders, pv_enact_order(enact, service));
        }
    }
    if (json_array_size(orders) > 0) {
        append(
            enact, items,
            json_pack(
                "{s:s, s:s, s:O}", "item", "orders", "text_fa",
                "سرویس‌هایی که این مصوبه سفارش داده است",
                "orders", orders));
    }
    json_decref(orders);
}

/* One item for each bullet, in their order. */
static json_t *
items_of(struct pv_enact *enact, const json_t *resolution)
{
    json_t *items = json_array();
    json_t *commitment;
    size_t  i;

    json_array_foreach(json_object_get(resolution, "commitments"), i,
                       commitment)
    {
        const char *id = pv_enact_text(commitment, "id");
        const char *last = strrchr(id, '/');
        const char *label = pv_enact_text(commitment, "item");
        json_t     *item =
            json_pack("{s:s, s:s, s:s, s:s, s:[o]}", "item",
                      last == NULL ? id : last + 1, "label", label, "text_fa",
                      pv_enact_text(commitment, "text_fa_short"), "text_en",
                      pv_enact_text(commitment, "text_en"), "commitments",
                      pv_enact_duty(enact, commitment));

        add_grants(enact, item, json_object_get(commitment, "grants"));
        append(enact, items, item);
    }
    return items;
}

/* ---- the council's tables and the projects of 1393 (R-313) ---- */

static json_t *
table_row(struct pv_enact *enact, const json_t *row)
{
    static const char *const names[] = {"responsible", "collaborators", NULL};
    const json_t            *obligated = json_object_get(row, "obligated");
    json_t                  *duty = pv_enact_duty(enact, row);

    pv_enact_copy(enact, duty, row, names);
    if (json_array_size(obligated) > 0) {
        pv_enact_set(enact, duty, "responsible",
                     json_copy((json_t *)(uintptr_t)obligated));
    } else if (pv_enact_text(row, "agency")[0] != '\0') {
        pv_enact_set(enact, duty, "responsible",
                     json_pack("[O]", json_object_get(row, "agency")));
    } else if (json_array_size(json_object_get(duty, "responsible")) == 0) {
        pv_enact_set(enact, duty, "responsible",
                     json_incref(json_object_get(row, "responsible_clusters")));
    }
    if (json_object_get(row, "planned_percent_h1_1393") != NULL) {
        pv_enact_set(
            enact, duty, "plan",
            json_pack("{s:O, s:O}", "h1_1393",
                      json_object_get(row, "planned_percent_h1_1393"),
                      "h2_1393",
                      json_object_get(row, "planned_percent_h2_1393")));
    }
    if (pv_enact_text(row, "title_en")[0] != '\0') {
        pv_enact_set(enact, duty, "text_en",
                     json_incref(json_object_get(row, "title_en")));
    }
    return json_pack("{s:s, s:O, s:[o]}", "item", pv_enact_text(row, "id"),
                     "text_fa", json_object_get(duty, "text_fa"), "commitments",
                     duty);
}

static void
add_tables(struct pv_enact *enact, json_t *items, const char *resolution)
{
    static const struct {
        const char *resolution;
        const char *rows;
    } table[] = {{"c23/annex", "council_23"},
                 {"rules-1393/a51", "projects_1393"}};
    json_t *row;
    size_t  i;

    for (size_t t = 0; t < sizeof(table) / sizeof(table[0]); t++) {
        if (strcmp(table[t].resolution, resolution) != 0) {
            continue;
        }
        json_array_foreach(json_object_get(enact->obligations, table[t].rows),
                           i, row)
        {
            append(enact, items, table_row(enact, row));
        }
    }
}

/* ---- resolutions ---- */

static const char *
notified_day(const json_t *meeting)
{
    const char *letter =
        pv_enact_text(json_object_get(meeting, "letter"), "date_jalali");
    const char *gazette =
        pv_enact_text(json_object_get(meeting, "gazette"), "date_jalali");

    return letter[0] != '\0'    ? letter
           : gazette[0] != '\0' ? gazette
                                : pv_enact_text(meeting, "date_jalali");
}

static void
add_resolution(struct pv_enact *enact, const json_t *meeting,
               const json_t *resolution, bool is_first)
{
    static const char *const names[] = {"title_fa", "summary_en", "clause",
                                        "note", NULL};
    const char              *id = pv_enact_text(resolution, "id");
    const char              *day = pv_enact_text(meeting, "date_jalali");
    const char *cites = pv_enact_text(resolution, "basis_resolution");
    const char *notified = notified_day(meeting);
    json_t     *letter = json_object_get(meeting, "letter");
    json_t     *gazette = json_object_get(meeting, "gazette");
    json_t     *items = items_of(enact, resolution);
    json_t     *data = json_pack("{s:s, s:o}", "meeting",
                                 pv_enact_text(meeting, "id"), "items", items);

    add_tables(enact, items, id);
    add_orders(enact, items, id, pv_enact_text(meeting, "id"), is_first);
    pv_enact_copy(enact, data, resolution, names);
    if (json_object_get(resolution, "number") != NULL) { /* "a3" of rules */
        pv_enact_set(enact, data,
                     json_is_integer(json_object_get(resolution, "number"))
                         ? "number"
                         : "label",
                     json_incref(json_object_get(resolution, "number")));
    }
    if (cites[0] != '\0') {
        pv_enact_set(enact, data, "cites", json_pack("[s]", cites));
    }
    pv_enact_add(enact, day, PV_ENACT_RESOLUTIONS, PV_ENACT_SECRETARIAT,
                 "resolution", id, "draft", data);
    pv_enact_add(enact, day, PV_ENACT_RESOLUTIONS,
                 (struct pv_enact_who){"chair", pv_enact_text(meeting, "body")},
                 "resolution", id, "enact", json_object());
    data = json_object();
    if (json_is_object(letter)) {
        pv_enact_set(enact, data, "letter", json_incref(letter));
    }
    pv_enact_add(enact, notified, PV_ENACT_NOTIFIED, PV_ENACT_SECRETARIAT,
                 "resolution", id, "notify", data);
    if (json_is_object(gazette)) {
        pv_enact_add(enact, pv_enact_text(gazette, "date_jalali"),
                     PV_ENACT_NOTIFIED, PV_ENACT_SECRETARIAT, "resolution", id,
                     "print", json_pack("{s:O}", "gazette", gazette));
    }
    pv_enact_set(enact, enact->notified, id, json_string(notified));
}

static void
add_cited(struct pv_enact *enact)
{
    static const char *const names[] = {"title_en", "subject_en", NULL};
    json_t                  *row;
    size_t                   i;

    json_array_foreach(
        json_object_get(enact->resolutions, "referenced_resolutions"), i, row)
    {
        json_t *data = json_object();

        pv_enact_copy(enact, data, row, names);
        pv_enact_add(enact, "1393-06-11", PV_ENACT_MEETINGS,
                     PV_ENACT_SECRETARIAT, "resolution",
                     pv_enact_text(row, "id"), "cite", data);
    }
}

void
pv_enact_meetings(struct pv_enact *enact)
{
    json_t *meeting;
    json_t *row;
    size_t  i;
    size_t  n;

    add_cited(enact);
    json_array_foreach(json_object_get(enact->resolutions, "meetings"), i,
                       meeting)
    {
        pv_enact_meeting(enact, meeting);
        json_array_foreach(json_object_get(meeting, "resolutions"), n, row)
        {
            add_resolution(enact, meeting, row, n == 0);
        }
    }
}
