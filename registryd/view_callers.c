/*
 * view_callers.c - who could call what, on the day that is asked about: rights
 * that were live for a service that was live, within their days and not
 * suspended; modes in force; and the suspensions that hold under both. Whether
 * a system had a certificate then, its own records say.
 */
#include <string.h>

#include "kind_tables.h"
#include "project.h"
#include "rules.h"
#include "view.h"

struct callers {
    char    party[PV_RECORD_ID_MAX + 1];
    json_t *live;        /* version -> was it offered? */
    json_t *suspensions; /* rows */
};

static bool
is_about(const struct callers *callers, const json_t *body)
{
    return callers->party[0] == '\0' ||
           strcmp(callers->party, pv_member(body, "consumer")) == 0 ||
           strcmp(callers->party, pv_member(body, "provider")) == 0;
}

/* The day has begun that a member names; one that is absent has. */
static bool
has_begun(const struct pv_view_call *call, const json_t *body, const char *name)
{
    int64_t day = 0;

    return pv_member_day(body, name, &day) != PV_OK || day <= call->today;
}

/* A version goes live with a confirmed passport and a code alone. */
static enum pv_err
was_live(struct pv_view_call *call, struct callers *callers, const char *id,
         bool *ret)
{
    const json_t    *known = json_object_get(callers->live, id);
    struct pv_record version = {.body = NULL};
    enum pv_err      err = PV_OK;

    if (known != NULL) {
        *ret = json_is_true(known);
        return PV_OK;
    }
    err = pv_view_get(call, PV_KIND_VERSION, id, &version);
    *ret = err == PV_OK &&
           strcmp(pv_view_state(PV_KIND_VERSION, &version), "live") == 0 &&
           has_begun(call, version.body, "live_day");
    pv_record_clear(&version);
    return err == PV_OK || err == PV_ENOTFOUND
               ? pv_view_set(callers->live, id, json_boolean(*ret))
               : err;
}

/* Some moment of the day lies within its terms. */
static bool
is_in_time(const struct pv_view_call *call, const char *id, const json_t *body)
{
    struct pv_grant_row row = {.kind = 0};
    struct pv_refusal   refusal;

    return pv_terms_row(id, body, &refusal, &row) == PV_OK &&
           row.start_ms < pv_day_start_ms(call->today + 1) &&
           (row.end_ms == 0 || row.end_ms > pv_day_start_ms(call->today)) &&
           has_begun(call, body, "live_day");
}

/* ---- suspensions ---- */

static enum pv_err
take_suspension(struct pv_view_call *call, const char *id,
                const struct pv_record *record, void *context)
{
    static const char *const names[] = {"version", "unit", "system", NULL};
    struct callers          *callers = context;
    const char              *consumer = pv_member(record->body, "consumer");
    json_t                  *row;

    if (strcmp(pv_view_state(PV_KIND_SUSPENSION, record), "in-force") != 0) {
        return PV_OK;
    }
    row = json_pack("{s:s, s:o}", "id", id, "consumer",
                    pv_view_party(call, consumer));
    if (row == NULL || pv_view_copy(row, record->body, names) != PV_OK) {
        json_decref(row);
        return PV_ENOMEM;
    }
    return json_array_append_new(callers->suspensions, row) == 0 ? PV_OK
                                                                 : PV_ENOMEM;
}

/* Of the whole agency, or of just that unit or system. */
static bool
is_suspended(const struct callers *callers, const json_t *body)
{
    json_t *row;
    size_t  i;

    json_array_foreach(callers->suspensions, i, row)
    {
        const json_t *consumer = json_object_get(row, "consumer");
        const char   *unit = pv_member(row, "unit");
        const char   *system = pv_member(row, "system");

        if (strcmp(pv_member(consumer, "id"), pv_member(body, "consumer")) ==
                0 &&
            strcmp(pv_member(row, "version"), pv_member(body, "version")) ==
                0 &&
            (unit[0] == '\0' || strcmp(unit, pv_member(body, "unit")) == 0) &&
            (system[0] == '\0' ||
             strcmp(system, pv_member(body, "system")) == 0)) {
            return true;
        }
    }
    return false;
}

/* ---- rights and modes ---- */

static json_t *
make_row(struct pv_view_call *call, const char *id, const json_t *body)
{
    static const char *const names[] = {"version", "method",     "methods",
                                        "unit",    "system",     "mode",
                                        "list",    "resolution", NULL};
    json_t                  *row = json_pack(
                         "{s:s, s:o, s:o}", "id", id, "provider",
                         pv_view_party(call, pv_member(body, "provider")), "service",
                         pv_view_name(call, PV_KIND_VERSION, pv_member(body, "version")));

    if (row == NULL || pv_view_copy(row, body, names) != PV_OK) {
        json_decref(row);
        return NULL;
    }
    return row;
}

static enum pv_err
take_grant(struct pv_view_call *call, const char *id,
           const struct pv_record *record, void *context, json_t **ret)
{
    struct callers *callers = context;
    const json_t   *body = record->body;
    bool            live = false;
    enum pv_err     err;

    if (strcmp(pv_view_state(PV_KIND_GRANT, record), "live") != 0 ||
        !is_about(callers, body) || !is_in_time(call, id, body) ||
        is_suspended(callers, body)) {
        return PV_OK;
    }
    err = was_live(call, callers, pv_member(body, "version"), &live);
    if (err != PV_OK || !live) {
        return err;
    }
    *ret = make_row(call, id, body);
    return *ret == NULL
               ? PV_ENOMEM
               : pv_view_set(*ret, "consumer",
                             pv_view_party(call, pv_member(body, "consumer")));
}

static bool
covers(const json_t *mode, const char *agency)
{
    const char *word = pv_member(mode, "mode");
    bool        named = pv_list_has(json_object_get(mode, "list"), agency);

    return strcmp(word, "all") == 0 ||
           named == (strcmp(word, "allow-list") == 0);
}

struct modes {
    struct callers *callers;
    json_t         *list;
};

static enum pv_err
take_mode(struct pv_view_call *call, const char *id,
          const struct pv_record *record, void *context)
{
    struct modes *modes = context;
    const json_t *body = record->body;
    bool          live = false;
    enum pv_err   err;

    if (strcmp(pv_view_state(PV_KIND_MODE, record), "in-force") != 0 ||
        (!is_about(modes->callers, body) &&
         !covers(body, modes->callers->party)) ||
        !is_in_time(call, id, body)) {
        return PV_OK;
    }
    err = was_live(call, modes->callers, pv_member(body, "version"), &live);
    if (err != PV_OK || !live) {
        return err;
    }
    return json_array_append_new(modes->list, make_row(call, id, body)) == 0
               ? PV_OK
               : PV_ENOMEM;
}

/* They are few, and stand on the first page. */
static enum pv_err
add_modes(struct pv_view_call *call, struct callers *callers, json_t *view)
{
    struct modes modes = {callers, json_array()};
    enum pv_err  err = modes.list == NULL
                           ? PV_ENOMEM
                           : pv_view_each(call, PV_KIND_MODE, take_mode, &modes);

    if (err == PV_OK) {
        err = pv_view_set(view, "modes", json_incref(modes.list));
    }
    if (err == PV_OK) {
        err =
            pv_view_set(view, "suspensions", json_incref(callers->suspensions));
    }
    json_decref(modes.list); /* accepts NULL */
    return err;
}

enum pv_err
pv_view_callers(struct pv_view_call *call, json_t **ret)
{
    struct callers callers = {.live = json_object(),
                              .suspensions = json_array()};
    json_t        *view = NULL;
    enum pv_err    err = pv_view_text(call, PV_VIEW_PARTY, callers.party);

    if (err == PV_OK) {
        err = pv_view_each(call, PV_KIND_SUSPENSION, take_suspension, &callers);
    }
    if (err == PV_OK) {
        err = pv_view_list(call, PV_KIND_GRANT, take_grant, &callers, "grants",
                           &view);
    }
    if (err == PV_OK && call->after[0] == '\0') {
        err = add_modes(call, &callers, view);
    }
    json_decref(callers.live); /* accepts NULL */
    json_decref(callers.suspensions);
    if (err != PV_OK) {
        json_decref(view);
        return err;
    }
    *ret = view;
    return PV_OK;
}
