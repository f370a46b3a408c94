/*
 * view_counts.c - figures made of records: passports by agency, which
 * way access was opened, how much a service is asked for,
 * agencies without a representative.
 */
#include <string.h>

#include "kind_tables.h"
#include "rules.h"
#include "view.h"

#define PERMILLE 1000
#define REPRESENTATIVE_DAYS 15 /* within which one is named */

static json_int_t
number_of(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static enum pv_err
count_up(json_t *of, const char *id, const char *name)
{
    json_t *counts = json_object_get(of, id);

    if (counts == NULL) {
        counts = json_object();
        if (json_object_set_new(of, id, counts) != 0) {
            return PV_ENOMEM;
        }
    }
    return pv_view_set(counts, name, json_integer(number_of(counts, name) + 1));
}

/* Set a count; a count that was never made is 0. */
static enum pv_err
put_count(json_t *row, const json_t *counts, const char *name)
{
    return pv_view_set(row, name, json_integer(number_of(counts, name)));
}

/* ---- passports (R-258) ---- */

static enum pv_err
note_passport(struct pv_view_call *call, const char *id,
              const struct pv_record *record, void *context)
{
    const char *agency = pv_member(record->body, "agency");
    const char *state = pv_view_state(PV_KIND_PASSPORT, record);
    enum pv_err err;

    (void)call;
    (void)id;
    if (strcmp(state, "replaced") == 0) {
        return PV_OK;
    }
    err = count_up(context, agency, "passports");
    return err == PV_OK
               ? count_up(context, agency,
                          strcmp(state, "confirmed") == 0 ? "confirmed"
                                                          : "under_way")
               : err;
}

static enum pv_err
note_service(struct pv_view_call *call, const char *id,
             const struct pv_record *record, void *context)
{
    (void)call;
    (void)id;
    return strcmp(pv_view_state(PV_KIND_SERVICE, record), "registered") == 0
               ? count_up(context, pv_member(record->body, "provider"),
                          "services")
               : PV_OK;
}

static const char *const passport_count[] = {"services", "passports",
                                             "confirmed", "under_way"};

static enum pv_err
take_agency(struct pv_view_call *call, const char *id,
            const struct pv_record *record, void *context, json_t **ret)
{
    const json_t *counts = json_object_get(context, id);
    enum pv_err   err = PV_OK;

    (void)record;
    if (counts == NULL) {
        return PV_OK;
    }
    *ret = json_pack("{s:o}", "agency", pv_view_party(call, id));
    for (size_t i = 0; i < COUNT(passport_count) && err == PV_OK; i++) {
        err = *ret == NULL ? PV_ENOMEM
                           : put_count(*ret, counts, passport_count[i]);
    }
    return err;
}

static enum pv_err
add_totals(json_t *view, const json_t *of)
{
    json_t     *totals = json_object();
    const char *id;
    json_t     *counts;
    enum pv_err err = pv_view_set(view, "totals", totals);

    for (size_t i = 0; i < COUNT(passport_count) && err == PV_OK; i++) {
        json_int_t sum = 0;

        json_object_foreach((json_t *)(uintptr_t)of, id, counts)
        {
            sum += number_of(counts, passport_count[i]);
        }
        err = pv_view_set(totals, passport_count[i], json_integer(sum));
    }
    return err;
}

enum pv_err
pv_view_passport_counts(struct pv_view_call *call, json_t **ret)
{
    json_t     *of = json_object();
    json_t     *view = NULL;
    enum pv_err err =
        of == NULL ? PV_ENOMEM
                   : pv_view_each(call, PV_KIND_PASSPORT, note_passport, of);

    if (err == PV_OK) {
        err = pv_view_each(call, PV_KIND_SERVICE, note_service, of);
    }
    if (err == PV_OK) {
        err = pv_view_list(call, PV_KIND_AGENCY, take_agency, of, "agencies",
                           &view);
    }
    if (err == PV_OK) {
        err = add_totals(view, of);
    }
    json_decref(of); /* accepts NULL */
    if (err != PV_OK) {
        json_decref(view);
        return err;
    }
    *ret = view;
    return PV_OK;
}

/* ---- by resolution or by mode (R-290) ---- */

struct paths {
    json_int_t agencies;
    json_int_t grants;
    json_int_t by_resolution; /* agency x method */
    json_int_t modes;
    json_int_t by_mode;
};

/* A group is no agency that calls. */
static enum pv_err
note_agency(struct pv_view_call *call, const char *id,
            const struct pv_record *record, void *context)
{
    struct paths *paths = context;

    (void)call;
    (void)id;
    paths->agencies +=
        strcmp(pv_view_state(PV_KIND_AGENCY, record), "registered") == 0 &&
        strcmp(pv_member(record->body, "legal_type"), "group") != 0;
    return PV_OK;
}

static enum pv_err
note_grant(struct pv_view_call *call, const char *id,
           const struct pv_record *record, void *context)
{
    struct paths *paths = context;

    (void)call;
    (void)id;
    if (strcmp(pv_view_state(PV_KIND_GRANT, record), "live") == 0) {
        paths->grants++;
        paths->by_resolution += (json_int_t)json_array_size(
            json_object_get(record->body, "methods"));
    }
    return PV_OK;
}

/* "all" opens a method to everybody but the provider itself. */
static enum pv_err
note_mode(struct pv_view_call *call, const char *id,
          const struct pv_record *record, void *context)
{
    struct paths *paths = context;
    const char   *mode = pv_member(record->body, "mode");
    json_int_t    listed =
        (json_int_t)json_array_size(json_object_get(record->body, "list"));
    json_int_t others = paths->agencies > 0 ? paths->agencies - 1 : 0;
    json_int_t opened = strcmp(mode, "allow-list") == 0 ? listed
                        : strcmp(mode, "all") == 0      ? others
                        : others > listed               ? others - listed
                                                        : 0;

    (void)call;
    (void)id;
    if (strcmp(pv_view_state(PV_KIND_MODE, record), "in-force") == 0) {
        paths->modes++;
        paths->by_mode += opened;
    }
    return PV_OK;
}

enum pv_err
pv_view_access_paths(struct pv_view_call *call, json_t **ret)
{
    struct paths paths = {.agencies = 0};
    char         day[PV_JALALI_ROOM];
    json_int_t   all;
    enum pv_err  err = pv_view_each(call, PV_KIND_AGENCY, note_agency, &paths);

    if (err == PV_OK) {
        err = pv_view_each(call, PV_KIND_GRANT, note_grant, &paths);
    }
    if (err == PV_OK) {
        err = pv_view_each(call, PV_KIND_MODE, note_mode, &paths);
    }
    if (err != PV_OK) {
        return err;
    }
    all = paths.by_resolution + paths.by_mode;
    pv_day_text(call->today, day);
    *ret = json_pack(
        "{s:s, s:I, s:[{s:s, s:I, s:I, s:I}, {s:s, s:I, s:I, s:I}]}", "day",
        day, "accesses", all, "paths", "path", "resolution", "decisions",
        paths.grants, "accesses", paths.by_resolution, "permille",
        all == 0 ? 0 : paths.by_resolution * PERMILLE / all, "path", "mode",
        "decisions", paths.modes, "accesses", paths.by_mode, "permille",
        all == 0 ? 0 : paths.by_mode * PERMILLE / all);
    return *ret == NULL ? PV_ENOMEM : PV_OK;
}

/* ---- demand (R-118) ---- */

static const char *
service_of(const char *version, char *room)
{
    (void)snprintf(room, PV_RECORD_ID_MAX + 1, "%.*s",
                   (int)strcspn(version, "/"), version); /* an id fits */
    return room;
}

static enum pv_err
note_request(struct pv_view_call *call, const char *id,
             const struct pv_record *record, void *context)
{
    static const char *const closed[] = {"granted", "refused", "withdrawn",
                                         NULL};
    const char              *state = pv_view_state(PV_KIND_REQUEST, record);
    char                     service[PV_RECORD_ID_MAX + 1];
    enum pv_err              err = count_up(
                     context, service_of(pv_member(record->body, "version"), service),
                     "requests");

    (void)call;
    (void)id;
    if (err == PV_OK && !pv_is_one_of(state, closed)) {
        err = count_up(context, service, "open_requests");
    }
    return err;
}

static enum pv_err
note_right(struct pv_view_call *call, const char *id,
           const struct pv_record *record, void *context)
{
    static const char *const over[] = {"withdrawn", "ended", NULL};
    char                     service[PV_RECORD_ID_MAX + 1];

    (void)call;
    (void)id;
    return pv_is_one_of(pv_view_state(PV_KIND_GRANT, record), over)
               ? PV_OK
               : count_up(
                     context,
                     service_of(pv_member(record->body, "version"), service),
                     "grants");
}

static enum pv_err
note_opened(struct pv_view_call *call, const char *id,
            const struct pv_record *record, void *context)
{
    static const char *const open[] = {"proposed", "decided", "in-force", NULL};
    char                     service[PV_RECORD_ID_MAX + 1];

    (void)call;
    (void)id;
    return !pv_is_one_of(pv_view_state(PV_KIND_MODE, record), open)
               ? PV_OK
               : count_up(
                     context,
                     service_of(pv_member(record->body, "version"), service),
                     "modes");
}

struct demand {
    json_t *of; /* service -> counts */
    char    party[PV_RECORD_ID_MAX + 1];
};

static enum pv_err
take_service(struct pv_view_call *call, const char *id,
             const struct pv_record *record, void *context, json_t **ret)
{
    static const char *const names[] = {"requests", "open_requests", "grants",
                                        "modes"};
    const struct demand     *demand = context;
    const char              *provider = pv_member(record->body, "provider");
    const json_t            *counts = json_object_get(demand->of, id);
    enum pv_err              err = PV_OK;

    if (strcmp(pv_view_state(PV_KIND_SERVICE, record), "registered") != 0 ||
        (demand->party[0] != '\0' && strcmp(demand->party, provider) != 0)) {
        return PV_OK;
    }
    *ret = json_pack("{s:s, s:o, s:o}", "id", id, "service",
                     pv_view_name(call, PV_KIND_SERVICE, id), "provider",
                     pv_view_party(call, provider));
    for (size_t i = 0; i < COUNT(names) && err == PV_OK; i++) {
        err = *ret == NULL ? PV_ENOMEM : put_count(*ret, counts, names[i]);
    }
    return err;
}

enum pv_err
pv_view_demand(struct pv_view_call *call, json_t **ret)
{
    struct demand demand = {.of = json_object()};
    enum pv_err   err = demand.of == NULL
                            ? PV_ENOMEM
                            : pv_view_text(call, PV_VIEW_PARTY, demand.party);

    if (err == PV_OK) {
        err = pv_view_each(call, PV_KIND_REQUEST, note_request, demand.of);
    }
    if (err == PV_OK) {
        err = pv_view_each(call, PV_KIND_GRANT, note_right, demand.of);
    }
    if (err == PV_OK) {
        err = pv_view_each(call, PV_KIND_MODE, note_opened, demand.of);
    }
    if (err == PV_OK) {
        err = pv_view_list(call, PV_KIND_SERVICE, take_service, &demand,
                           "services", ret);
    }
    json_decref(demand.of); /* accepts NULL */
    return err;
}

/* ---- representatives (R-315) ---- */

struct representatives {
    json_t *in_force; /* agency -> true */
    json_t *ended;    /* agency -> the last day of one, as a count of days */
};

static enum pv_err
note_appointment(struct pv_view_call *call, const char *id,
                 const struct pv_record *record, void *context)
{
    struct representatives *known = context;
    const char             *of = pv_member(record->body, "of");

    (void)call;
    (void)id;
    if (strcmp(pv_member(record->body, "role"), "representative") != 0) {
        return PV_OK;
    }
    if (strcmp(pv_view_state(PV_KIND_APPOINTMENT, record), "in-force") == 0) {
        return pv_view_set(known->in_force, of, json_true());
    }
    return record->from_day > number_of(known->ended, of)
               ? pv_view_set(known->ended, of, json_integer(record->from_day))
               : PV_OK;
}

static enum pv_err
take_unrepresented(struct pv_view_call *call, const char *id,
                   const struct pv_record *record, void *context, json_t **ret)
{
    const struct representatives *known = context;
    char                          since[PV_JALALI_ROOM];
    char                          due_text[PV_JALALI_ROOM];
    json_t                       *day = NULL;
    int64_t                       decision = 0;
    int64_t                       from = number_of(known->ended, id);
    int64_t                       due;
    enum pv_err                   err;

    if (strcmp(pv_view_state(PV_KIND_AGENCY, record), "registered") != 0 ||
        strcmp(pv_member(record->body, "legal_type"), "group") == 0 ||
        json_object_get(known->in_force, id) != NULL) {
        return PV_OK;
    }
    err =
        pv_view_since(call, PV_KIND_AGENCY, id, "registered", since, &decision);
    if (err == PV_OK && from == 0) {
        day = json_pack("{s:s}", "day", since);
        err = day == NULL ? PV_ENOMEM : pv_member_day(day, "day", &from);
        json_decref(day);
    }
    if (err != PV_OK) {
        return err;
    }
    due = from + REPRESENTATIVE_DAYS;
    pv_day_text(from, since);
    pv_day_text(due, due_text);
    *ret = json_pack("{s:o, s:s, s:s, s:I}", "agency", pv_view_party(call, id),
                     "since", since, "due_day", due_text, "days_over",
                     (json_int_t)(call->today > due ? call->today - due : 0));
    return *ret == NULL ? PV_ENOMEM : PV_OK;
}

enum pv_err
pv_view_representatives(struct pv_view_call *call, json_t **ret)
{
    struct representatives known = {json_object(), json_object()};
    enum pv_err            err =
        known.in_force == NULL || known.ended == NULL
                       ? PV_ENOMEM
                       : pv_view_each(call, PV_KIND_APPOINTMENT, note_appointment, &known);

    if (err == PV_OK) {
        err = pv_view_list(call, PV_KIND_AGENCY, take_unrepresented, &known,
                           "agencies", ret);
    }
    json_decref(known.in_force); /* accept NULL */
    json_decref(known.ended);
    return err;
}
