/*
 * view_resolution.c - one resolution with everything that it says and made:
 * each of its items with its commitments, rights, orders and modes, as they
 * stand now. Of a draft, as it would make them.
 */
#include <string.h>

#include "kind_tables.h"
#include "view.h"

/* ---- the parts of an item ---- */

/* What the record says, or, before there is one, what the item says. */
static enum pv_err
body_of(struct pv_view_call *call, enum pv_kind kind, const json_t *said,
        json_t **ret_body, const char **ret_state)
{
    const char *id =
        json_is_string(said) ? json_string_value(said) : pv_member(said, "id");
    struct pv_record record = {.body = NULL};
    enum pv_err      err = pv_view_get(call, kind, id, &record);

    if (err == PV_OK) {
        *ret_body = record.body; /* taken */
        *ret_state = pv_view_state(kind, &record);
        return PV_OK;
    }
    if (err != PV_ENOTFOUND) {
        return err;
    }
    *ret_body = json_is_object(said) ? json_incref((json_t *)(uintptr_t)said)
                                     : json_object();
    *ret_state = "planned";
    return *ret_body == NULL ? PV_ENOMEM : PV_OK;
}

static enum pv_err
add_services(struct pv_view_call *call, json_t *out, const json_t *ids)
{
    json_t     *list = json_array();
    json_t     *id;
    size_t      i;
    enum pv_err err = pv_view_set(out, "services", list);

    json_array_foreach(ids, i, id)
    {
        if (err == PV_OK &&
            json_array_append_new(list, pv_view_name(call, PV_KIND_SERVICE,
                                                     json_string_value(id))) !=
                0) {
            err = PV_ENOMEM;
        }
    }
    return err;
}

static enum pv_err
fill_duty(struct pv_view_call *call, const json_t *body, json_t *out)
{
    static const char *const names[] = {
        "text_fa",     "text_en", "due",    "due_day",  "anchor_day",
        "extended_to", "grants",  "output", "basis",    "note",
        "plan",        "cites",   "item",   "evidence", NULL};
    enum pv_err err = pv_view_copy(out, body, names);

    if (err == PV_OK) {
        err = pv_view_set(
            out, "responsible",
            pv_view_parties(call, json_object_get(body, "responsible")));
    }
    if (err == PV_OK) {
        err = pv_view_set(
            out, "collaborators",
            pv_view_parties(call, json_object_get(body, "collaborators")));
    }
    return err == PV_OK
               ? add_services(call, out, json_object_get(body, "services"))
               : err;
}

static enum pv_err
fill_grant(struct pv_view_call *call, const json_t *body, json_t *out)
{
    static const char *const names[] = {
        "version",  "methods",   "purposes",   "start",
        "end",      "quota",     "conditions", "item_limits",
        "items",    "request",   "basis",      "note",
        "live_day", "dedicated", "consent",    "name_in_documents",
        NULL};
    const char *unit = pv_member(body, "unit");
    const char *system = pv_member(body, "system");
    enum pv_err err = pv_view_copy(out, body, names);

    if (err == PV_OK) {
        err = pv_view_set(
            out, "consumer",
            pv_view_name(call, PV_KIND_AGENCY, pv_member(body, "consumer")));
    }
    if (err == PV_OK && unit[0] != '\0') {
        err = pv_view_set(out, "unit", pv_view_name(call, PV_KIND_UNIT, unit));
    }
    if (err == PV_OK && system[0] != '\0') {
        err = pv_view_set(out, "system",
                          pv_view_name(call, PV_KIND_SYSTEM, system));
    }
    return err == PV_OK ? pv_view_set(out, "service",
                                      pv_view_name(call, PV_KIND_VERSION,
                                                   pv_member(body, "version")))
                        : err;
}

static enum pv_err
fill_mode(struct pv_view_call *call, const json_t *body, json_t *out)
{
    static const char *const names[] = {"version", "method", "mode",
                                        "start",   "end",    NULL};
    enum pv_err              err = pv_view_copy(out, body, names);

    if (err == PV_OK) {
        err = pv_view_set(out, "list",
                          pv_view_parties(call, json_object_get(body, "list")));
    }
    return err == PV_OK ? pv_view_set(out, "service",
                                      pv_view_name(call, PV_KIND_VERSION,
                                                   pv_member(body, "version")))
                        : err;
}

/* Its service gives name and provider; of a draft the order itself. */
static enum pv_err
add_service(struct pv_view_call *call, const json_t *service, json_t *out)
{
    static const char *const names[] = {"name_fa", "name_en", "code",
                                        "legal_basis", NULL};
    enum pv_err              err = pv_view_copy(out, service, names);

    return err == PV_OK
               ? pv_view_set(out, "provider",
                             pv_view_name(call, PV_KIND_AGENCY,
                                          pv_member(service, "provider")))
               : err;
}

static enum pv_err
fill_order(struct pv_view_call *call, const json_t *body, json_t *out)
{
    static const char *const names[] = {"methods", "needs_consent", NULL};
    struct pv_record         service = {.body = NULL};
    enum pv_err              err = pv_view_copy(out, body, names);

    if (err == PV_OK) {
        err = pv_view_get(call, PV_KIND_SERVICE, pv_member(body, "service"),
                          &service);
    }
    if (err == PV_OK) {
        err = add_service(call, service.body, out);
    }
    pv_record_clear(&service);
    return err == PV_ENOTFOUND ? PV_OK : err;
}

static const struct {
    const char  *name;
    enum pv_kind kind;
    enum pv_err (*fill)(struct pv_view_call *call, const json_t *body,
                        json_t *out);
} part[] = {{"commitments", PV_KIND_COMMITMENT, fill_duty},
            {"orders", PV_KIND_VERSION, fill_order},
            {"grants", PV_KIND_GRANT, fill_grant},
            {"modes", PV_KIND_MODE, fill_mode}};

static enum pv_err
add_thing(struct pv_view_call *call, size_t p, const json_t *said, json_t *list)
{
    const json_t *named = part[p].kind == PV_KIND_VERSION
                              ? json_object_get(said, "version")
                              : said;
    const char   *state = "";
    json_t       *body = NULL;
    json_t       *out;
    enum pv_err   err = body_of(call, part[p].kind, named, &body, &state);

    if (err != PV_OK) {
        return err;
    }
    out = json_pack("{s:s, s:s}", "id",
                    json_is_string(named) ? json_string_value(named)
                                          : pv_member(named, "id"),
                    "state", state);
    err = out == NULL ? PV_ENOMEM : part[p].fill(call, body, out);
    if (err == PV_OK && named != said && strcmp(state, "planned") == 0) {
        err = add_service(call, json_object_get(said, "service"), out);
    }
    json_decref(body);
    if (err != PV_OK) {
        json_decref(out);
        return err;
    }
    return json_array_append_new(list, out) == 0 ? PV_OK : PV_ENOMEM;
}

static enum pv_err
add_item(struct pv_view_call *call, const json_t *item, json_t *items)
{
    static const char *const names[] = {"item",    "label", "text_fa",
                                        "text_en", "note",  NULL};
    json_t                  *out = json_object();
    enum pv_err              err = pv_view_copy(out, item, names);

    for (size_t p = 0; p < COUNT(part) && err == PV_OK; p++) {
        json_t *list = json_array();
        json_t *thing;
        size_t  i;

        err = pv_view_set(out, part[p].name, list);
        json_array_foreach(json_object_get(item, part[p].name), i, thing)
        {
            err = err == PV_OK ? add_thing(call, p, thing, list) : err;
        }
    }
    if (err != PV_OK) {
        json_decref(out);
        return err;
    }
    return json_array_append_new(items, out) == 0 ? PV_OK : PV_ENOMEM;
}

/* ---- around the items ---- */

static enum pv_err
add_meeting(struct pv_view_call *call, const char *id, json_t *view)
{
    static const char *const names[] = {"number", "date", "title_fa",
                                        "title_en", NULL};
    struct pv_record         meeting = {.body = NULL};
    json_t                  *out = json_pack("{s:s}", "id", id);
    json_t                  *basis;
    enum pv_err              err;

    if (id[0] == '\0') { /* a resolution that is only cited */
        json_decref(out);
        return PV_OK;
    }
    err = pv_view_set(view, "meeting", out);
    if (err == PV_OK) {
        err = pv_view_get(call, PV_KIND_MEETING, id, &meeting);
    }
    if (err == PV_OK) {
        err = pv_view_copy(out, meeting.body, names);
    }
    basis = json_object_get(meeting.body, "legal_basis");
    if (err == PV_OK && basis != NULL &&
        json_object_get(view, "legal_basis") == NULL) {
        err = pv_view_set(view, "legal_basis", json_incref(basis));
    }
    pv_record_clear(&meeting);
    return err;
}

static enum pv_err
add_cites(struct pv_view_call *call, const json_t *ids, json_t *view)
{
    static const char *const names[] = {"title_fa", "title_en", "subject_en",
                                        NULL};
    json_t                  *list = json_array();
    json_t                  *id;
    size_t                   i;
    enum pv_err              err = pv_view_set(view, "cites", list);

    json_array_foreach(ids, i, id)
    {
        struct pv_record cited = {.body = NULL};
        json_t          *one = json_pack("{s:O}", "id", id);

        if (err == PV_OK) {
            err = pv_view_get(call, PV_KIND_RESOLUTION, json_string_value(id),
                              &cited);
        }
        if (err == PV_OK) {
            err = pv_view_copy(one, cited.body, names);
        }
        pv_record_clear(&cited);
        if (err != PV_OK) {
            json_decref(one);
        } else if (json_array_append_new(list, one) != 0) {
            err = PV_ENOMEM;
        }
    }
    return err;
}

/* {"enacted":{"day","decision"},"notified":...} for the states it reached */
static enum pv_err
add_steps(struct pv_view_call *call, const char *id, json_t *view)
{
    static const char *const states[] = {"cited",   "confirmed", "drafted",
                                         "enacted", "notified",  "replaced"};
    json_t                  *steps = json_object();
    enum pv_err              err = pv_view_set(view, "steps", steps);

    for (size_t s = 0; s < COUNT(states) && err == PV_OK; s++) {
        char    day[PV_JALALI_ROOM];
        int64_t decision = 0;

        err = pv_view_since(call, PV_KIND_RESOLUTION, id, states[s], day,
                            &decision);
        if (err == PV_OK && decision != 0) {
            err = pv_view_set(steps, states[s],
                              json_pack("{s:s, s:I}", "day", day, "decision",
                                        (json_int_t)decision));
        }
    }
    return err;
}

enum pv_err
pv_view_resolution(struct pv_view_call *call, json_t **ret)
{
    static const char *const names[] = {
        "number",  "label",      "title_fa", "title_en",    "subject_en",
        "note",    "summary_en", "clause",   "legal_basis", "letter",
        "gazette", "successor",  NULL};
    char             id[PV_RECORD_ID_MAX + 1];
    struct pv_record record = {.body = NULL};
    json_t          *view = NULL;
    json_t          *items = json_array();
    json_t          *item;
    size_t           i;
    enum pv_err      err = pv_slice_to_cstr(call->id, id, sizeof(id));

    if (err == PV_OK) {
        err = pv_view_get(call, PV_KIND_RESOLUTION, id, &record);
    }
    if (err == PV_OK) {
        view = json_pack("{s:s, s:s}", "id", id, "state",
                         pv_view_state(PV_KIND_RESOLUTION, &record));
        err = pv_view_copy(view, record.body, names);
    }
    if (err == PV_OK) {
        err = pv_view_set(view, "items", json_incref(items));
    }
    if (err == PV_OK && pv_member(record.body, "body")[0] != '\0') {
        err = pv_view_set(
            view, "body",
            pv_view_name(call, PV_KIND_BODY, pv_member(record.body, "body")));
    }
    if (err == PV_OK) {
        err = add_meeting(call, pv_member(record.body, "meeting"), view);
    }
    if (err == PV_OK) {
        err = add_cites(call, json_object_get(record.body, "cites"), view);
    }
    if (err == PV_OK) {
        err = add_steps(call, id, view);
    }
    json_array_foreach(json_object_get(record.body, "items"), i, item)
    {
        err = err == PV_OK ? add_item(call, item, items) : err;
    }
    json_decref(items);
    pv_record_clear(&record);
    if (err != PV_OK) {
        json_decref(view);
        return err;
    }
    *ret = view;
    return PV_OK;
}
