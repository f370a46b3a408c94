/*
 * view_public.c - what everybody may read: who may ask whom and by which
 * resolution, and the passports of services that were confirmed
 * those of systems and data are for agencies. What was exempted is in
 * neither, and nothing says that it is missing.
 */
#include <string.h>

#include "kind_tables.h"
#include "rules.h"
#include "view.h"

struct public
{
    json_t *agencies; /* that are exempt as a whole: id -> true */
    json_t *services;
    char    party[PV_RECORD_ID_MAX + 1];
};

static enum pv_err
note_exempt(struct pv_view_call *call, const char *id,
            const struct pv_record *record, void *context)
{
    const struct public *public = context;
    const char *service = pv_member(record->body, "service");

    (void)id;
    if (!pv_is_exempting(record, call->today)) {
        return PV_OK;
    }
    return service[0] == '\0'
               ? pv_view_set(public->agencies,
                             pv_member(record->body, "agency"), json_true())
               : pv_view_set(public->services, service, json_true());
}

/* The reader may not see exemptions; what they hide is hidden all the same. */
static enum pv_err
read_exempt(struct pv_view_call *call, struct public *public)
{
    uint64_t    hidden = call->hidden;
    enum pv_err err = PV_OK;

    public->agencies = json_object();
    public->services = json_object();
    if (public->agencies == NULL || public->services == NULL) {
        return PV_ENOMEM;
    }
    call->hidden &= ~(UINT64_C(1) << PV_KIND_EXEMPTION);
    err = pv_view_each(call, PV_KIND_EXEMPTION, note_exempt, public);
    call->hidden = hidden;
    return err;
}

/* They are the same for everybody, until the next decision. */
static enum pv_err
find_exempt(struct pv_view_call *call, struct public *public)
{
    struct pv_public_kept *kept = &call->registry->kept;
    int64_t                last;
    int64_t                image;
    enum pv_err err = pv_registry_numbers(call->registry, &last, &image);

    if (err == PV_OK && kept->agencies != NULL && kept->last == last &&
        kept->day == call->today) {
        public->agencies = json_incref(kept->agencies);
        public->services = json_incref(kept->services);
        return PV_OK;
    }
    if (err == PV_OK) {
        err = read_exempt(call, public);
    }
    if (err != PV_OK) {
        return err;
    }
    json_decref(kept->agencies); /* accept NULL */
    json_decref(kept->services);
    json_decref(kept->modes);
    *kept = (struct pv_public_kept){last, call->today,
                                    json_incref(public->agencies),
                                    json_incref(public->services), NULL};
    return PV_OK;
}

static bool
is_exempt(const struct public *public, const char *agency, const char *version)
{
    char service[PV_RECORD_ID_MAX + 1];

    (void)snprintf(service, sizeof(service), "%.*s", (int)strcspn(version, "/"),
                   version); /* an id fits */
    return json_object_get(public->agencies, agency) != NULL ||
           json_object_get(public->services, service) != NULL;
}

/*
 * Only the present is public, since what is exempt now was not always, or will
 * not be; and always by page, since anybody may ask.
 */
static enum pv_err
begin(struct pv_view_call *call, struct public *public)
{
    enum pv_err err =
        call->param[PV_VIEW_AS_OF].len > 0 || call->param[PV_VIEW_AT].len > 0
            ? PV_EINVAL
            : pv_view_text(call, PV_VIEW_PARTY, public->party);

    if (call->count == 0) {
        call->count = PV_VIEW_PAGE;
    }
    return err == PV_OK ? find_exempt(call, public) : err;
}

/* The ids of a list that may be told, as another list. */
static json_t *
without_exempt(const json_t *ids, const json_t *exempt)
{
    json_t *told = json_array();
    json_t *id;
    size_t  i;

    json_array_foreach((json_t *)(uintptr_t)ids, i, id)
    {
        const char *text = json_string_value(id);

        if ((text == NULL || json_object_get(exempt, text) == NULL) &&
            json_array_append(told, id) != 0) { /* told may be NULL */
            json_decref(told);
            return NULL;
        }
    }
    return told;
}

static void
clear(struct public *public)
{
    json_decref(public->agencies); /* accepts NULL */
    json_decref(public->services);
}

/* ---- rights (R-128) ---- */

static bool
is_about(const struct public *public, const json_t *body)
{
    return public->party[0] == '\0' ||
           strcmp(public->party, pv_member(body, "consumer")) == 0 ||
           strcmp(public->party, pv_member(body, "provider")) == 0;
}

static json_t *
make_right(struct pv_view_call *call, const char *id, const char *state,
           const json_t *body)
{
    static const char *const names[] = {"version", "method",     "methods",
                                        "mode",    "resolution", "live_day",
                                        "start",   "end",        NULL};
    json_t                  *row = json_pack(
                         "{s:s, s:s, s:o, s:o}", "id", id, "state", state, "provider",
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
    static const char *const over[] = {"decided", "withdrawn", "ended", NULL};
    const struct public *public = context;
    const json_t *body = record->body;
    const char   *state = pv_view_state(PV_KIND_GRANT, record);

    if (pv_is_one_of(state, over) || !is_about(public, body) ||
        is_exempt(public, pv_member(body, "provider"),
                  pv_member(body, "version")) ||
        is_exempt(public, pv_member(body, "consumer"), "")) {
        return PV_OK;
    }
    *ret = make_right(call, id, state, body);
    return *ret == NULL
               ? PV_ENOMEM
               : pv_view_set(*ret, "consumer",
                             pv_view_party(call, pv_member(body, "consumer")));
}

static enum pv_err
take_mode(struct pv_view_call *call, const char *id,
          const struct pv_record *record, void *context)
{
    struct {
        const struct public *public;
        json_t *list;
    } *to = context;
    const json_t *body = record->body;
    json_t       *row;
    json_t       *told = NULL;
    enum pv_err   err = PV_OK;

    if (strcmp(pv_view_state(PV_KIND_MODE, record), "in-force") != 0 ||
        is_exempt(to->public, pv_member(body, "provider"),
                  pv_member(body, "version"))) {
        return PV_OK;
    }
    row = make_right(call, id, "in-force", body);
    if (row != NULL && json_object_get(body, "list") != NULL) {
        told =
            without_exempt(json_object_get(body, "list"), to->public->agencies);
        err = told == NULL
                  ? PV_ENOMEM
                  : pv_view_set(row, "list", pv_view_parties(call, told));
        json_decref(told); /* accepts NULL */
    }
    if (row == NULL || err != PV_OK || json_array_append(to->list, row) != 0) {
        err = PV_ENOMEM;
    }
    json_decref(row); /* accepts NULL */
    return err;
}

/* All that may be told, kept with what is exempt. */
static enum pv_err
find_modes(struct pv_view_call *call, const struct public *public, json_t **ret)
{
    struct pv_public_kept *kept = &call->registry->kept;
    struct {
        const struct public *public;
        json_t *list;
    } to = {public, json_array()};
    enum pv_err err = to.list == NULL ? PV_ENOMEM : PV_OK;

    if (err == PV_OK && kept->modes == NULL) {
        err = pv_view_each(call, PV_KIND_MODE, take_mode, &to);
        kept->modes = err == PV_OK ? json_incref(to.list) : NULL;
    }
    json_decref(to.list); /* accepts NULL */
    *ret = kept->modes;
    return err;
}

/* Modes open a service to many, and are as public as rights of one; they are
   few, and stand on the first page. */
static enum pv_err
add_modes(struct pv_view_call *call, const struct public *public, json_t *view)
{
    json_t     *list = json_array();
    json_t     *modes = NULL;
    json_t     *row;
    size_t      i;
    enum pv_err err = pv_view_set(view, "modes", list);

    if (err == PV_OK) {
        err = find_modes(call, public, &modes);
    }
    json_array_foreach(modes, i, row)
    {
        const json_t *provider = json_object_get(row, "provider");

        if (err == PV_OK &&
            (public->party[0] == '\0' ||
             strcmp(public->party, pv_member(provider, "id")) == 0) &&
            json_array_append(list, row) != 0) {
            err = PV_ENOMEM;
        }
    }
    return err;
}

enum pv_err
pv_view_public_grants(struct pv_view_call *call, json_t **ret)
{
    struct public public = {.agencies = NULL};
    json_t     *view = NULL;
    enum pv_err err = begin(call, &public);

    if (err == PV_OK) {
        err = pv_view_list(call, PV_KIND_GRANT, take_grant, &public, "grants",
                           &view);
    }
    if (err == PV_OK && call->after[0] == '\0') {
        err = add_modes(call, &public, view);
    }
    if (err == PV_OK && public.party[0] != '\0') {
        err = pv_view_set(view, "party", json_string(public.party));
    }
    clear(&public);
    if (err != PV_OK) {
        json_decref(view); /* accepts NULL */
        return err;
    }
    *ret = view;
    return PV_OK;
}

/* ---- passports (R-255) ---- */

/* The form, but for services in it that may not be told. */
static enum pv_err
tell_form(const struct public *public, json_t *row)
{
    static const char *const services = "cooperation_services";
    const json_t            *form = json_object_get(row, "form");
    json_t                  *told;
    json_t                  *copy;

    if (json_object_get(form, services) == NULL) {
        return PV_OK;
    }
    copy = json_copy((json_t *)(uintptr_t)form); /* the record keeps its own */
    told = without_exempt(json_object_get(form, services), public->services);
    if (copy == NULL || told == NULL ||
        json_object_set(copy, services, told) != 0 ||
        json_object_set(row, "form", copy) != 0) {
        json_decref(told);
        json_decref(copy);
        return PV_ENOMEM;
    }
    json_decref(told);
    json_decref(copy);
    return PV_OK;
}

static enum pv_err
take_passport(struct pv_view_call *call, const char *id,
              const struct pv_record *record, void *context, json_t **ret)
{
    static const char *const names[] = {"of", "form", "format", "code", NULL};
    const struct public *public = context;
    const json_t *body = record->body;
    const char   *agency = pv_member(body, "agency");
    const char   *service = pv_member(body, "service");
    char          day[PV_JALALI_ROOM];
    int64_t       decision = 0;
    enum pv_err   err;

    if (strcmp(pv_view_state(PV_KIND_PASSPORT, record), "confirmed") != 0 ||
        strcmp(pv_member(body, "of"), "service") != 0 ||
        (public->party[0] != '\0' && strcmp(public->party, agency) != 0) ||
        is_exempt(public, agency, service)) {
        return PV_OK;
    }
    err =
        pv_view_since(call, PV_KIND_PASSPORT, id, "confirmed", day, &decision);
    if (err != PV_OK) {
        return err;
    }
    *ret = json_pack("{s:s, s:o, s:s}", "id", id, "agency",
                     pv_view_party(call, agency), "confirmed", day);
    err = *ret == NULL ? PV_ENOMEM : pv_view_copy(*ret, body, names);
    if (err == PV_OK) {
        err = tell_form(public, *ret);
    }
    if (err == PV_OK && service[0] != '\0') {
        err = pv_view_set(*ret, "service",
                          pv_view_name(call, PV_KIND_SERVICE, service));
    }
    return err;
}

enum pv_err
pv_view_public_passports(struct pv_view_call *call, json_t **ret)
{
    struct public public = {.agencies = NULL};
    enum pv_err err = begin(call, &public);

    if (err == PV_OK) {
        err = pv_view_list(call, PV_KIND_PASSPORT, take_passport, &public,
                           "passports", ret);
    }
    if (err == PV_OK && public.party[0] != '\0') {
        err = pv_view_set(*ret, "party", json_string(public.party));
    }
    clear(&public);
    return err;
}
