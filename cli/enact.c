/*
 * enact.c - reading the catalogue, and the list of decisions in order.
 */
#include "enact.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/jalali.h"

#define PATH_MAX_LEN 4096
#define STEPS_MAX 100000

/* ---- members ---- */

const char *
pv_enact_text(const json_t *row, const char *name)
{
    const char *text = json_string_value(json_object_get(row, name));

    return text == NULL ? "" : text;
}

const char *
pv_enact_day(const json_t *row, const char *name)
{
    return json_string_value(
        json_object_get(json_object_get(row, name), "jalali"));
}

void
pv_enact_fail(struct pv_enact *enact, const char *format, ...)
{
    char    text[PV_WHY_MAX];
    va_list args;

    if (enact->err != PV_OK) {
        return;
    }
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args); /* cut when too long */
    va_end(args);
    enact->err = PV_EINVAL;
    pv_why_set(&enact->why, "%s", text);
}

void
pv_enact_set(struct pv_enact *enact, json_t *data, const char *name,
             json_t *value)
{
    if (json_object_set_new(data, name, value) != 0 && enact->err == PV_OK) {
        enact->err = PV_ENOMEM;
    }
}

void
pv_enact_copy(struct pv_enact *enact, json_t *data, const json_t *from,
              const char *const *names)
{
    for (size_t i = 0; names[i] != NULL; i++) {
        json_t *value = json_object_get(from, names[i]);

        if (value != NULL && !json_is_null(value)) {
            pv_enact_set(enact, data, names[i], json_incref(value));
        }
    }
}

/* ---- the list ---- */

static bool
grow(struct pv_enact *enact)
{
    size_t                room = enact->room == 0 ? 1024 : enact->room * 2;
    struct pv_enact_step *more;

    if (enact->count < enact->room) {
        return true;
    }
    more = room > STEPS_MAX ? NULL
                            : reallocarray(enact->step, room, sizeof(*more));
    if (more == NULL) {
        enact->err = PV_ENOMEM;
        return false;
    }
    enact->step = more;
    enact->room = room;
    return true;
}

void
pv_enact_add(struct pv_enact *enact, const char *day, enum pv_enact_phase phase,
             struct pv_enact_who who, const char *kind, const char *id,
             const char *event, json_t *data)
{
    struct pv_enact_step step = {.phase = phase, .number = enact->count};
    struct pv_civil      date;
    char                 key[512];
    char                 actor[256];

    if (enact->err != PV_OK) {
        json_decref(data);
        return;
    }
    if (data == NULL || day == NULL ||
        pv_jalali_parse(pv_slice_from(day), &date) != PV_OK ||
        pv_jalali_to_days(date, &step.day) != PV_OK) {
        pv_enact_fail(enact, "%s %s: %s has no day or no data", kind, id,
                      event);
        json_decref(data);
        return;
    }
    if (snprintf(key, sizeof(key), "%s/%s/%s/%s",
                 enact->source == NULL ? "" : enact->source, kind, id,
                 event) < 0 ||
        snprintf(actor, sizeof(actor), "%s/%s", who.role, who.of) < 0) {
        enact->err = PV_ERANGE;
    }
    step.decision =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:s*}", "actor",
                  actor, "role", who.role, "of", who.of, "date", day, "kind",
                  kind, "id", id, "event", event, "data", data, "key",
                  enact->source == NULL ? NULL : key);
    if (step.decision == NULL || !grow(enact)) {
        enact->err = enact->err == PV_OK ? PV_ENOMEM : enact->err;
        json_decref(step.decision);
        return;
    }
    enact->step[enact->count++] = step;
}

static int
compare(const void *a, const void *b)
{
    const struct pv_enact_step *left = a;
    const struct pv_enact_step *right = b;

    if (left->day != right->day) {
        return left->day < right->day ? -1 : 1;
    }
    if (left->phase != right->phase) {
        return left->phase < right->phase ? -1 : 1;
    }
    return left->number < right->number ? -1 : 1;
}

/* ---- files ---- */

/* A day said in both calendars is one day. */
static void
check_day(struct pv_enact *enact, const char *name, const char *row,
          const json_t *date)
{
    const char     *jalali = pv_enact_text(date, "jalali");
    const char     *gregorian = pv_enact_text(date, "gregorian");
    struct pv_civil day;
    int64_t         days = 0;
    int64_t         when = 0;

    if (pv_jalali_parse(pv_slice_from(jalali), &day) != PV_OK ||
        pv_jalali_to_days(day, &days) != PV_OK) {
        pv_enact_fail(enact, "%s: %s: \"%s\" is no Jalali date", name, row,
                      jalali);
    } else if (gregorian[0] != '\0' &&
               (pv_time_from_date(pv_slice_from(gregorian), &when) != PV_OK ||
                pv_time_tehran_day(when) != days)) {
        pv_enact_fail(enact, "%s: %s: %s is not the same day as %s", name, row,
                      jalali, gregorian);
    }
}

/* The depth is that of the file, which jansson bounds. */
static void
check_days(struct pv_enact *enact, const char *name, const char *row,
           const json_t *value)
{
    static const char *const ids[] = {"id", "grant", "service"};
    const char              *member;
    json_t                  *inner;
    size_t                   i;

    for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        if (pv_enact_text(value, ids[i])[0] != '\0') {
            row = pv_enact_text(value, ids[i]);
            break;
        }
    }
    if (json_is_string(json_object_get(value, "jalali"))) {
        check_day(enact, name, row, value);
    }
    json_object_foreach((json_t *)(uintptr_t)value, member, inner)
    {
        check_days(enact, name, row, inner);
    }
    json_array_foreach(value, i, inner)
    {
        check_days(enact, name, row, inner);
    }
}

static json_t *
load(struct pv_enact *enact, const char *name)
{
    char         path[PATH_MAX_LEN];
    json_error_t error;
    json_t      *file;

    if (enact->err != PV_OK) {
        return NULL;
    }
    if (snprintf(path, sizeof(path), "%s/%s", enact->dir, name) >=
        (int)sizeof(path)) {
        enact->err = PV_ERANGE;
        return NULL;
    }
    file = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (file == NULL) {
        pv_enact_fail(enact, "%s: line %d: %s", path, error.line, error.text);
    }
    check_days(enact, name, "-", file);
    return file;
}

static json_t *
index_by(struct pv_enact *enact, const json_t *rows, const char *member)
{
    json_t *index = json_object();
    json_t *row;
    size_t  i;

    json_array_foreach(rows, i, row)
    {
        pv_enact_set(enact, index, pv_enact_text(row, member),
                     json_incref(row));
    }
    return index;
}

/* The grants of all go-live rows. */
static json_t *
live_grants(struct pv_enact *enact, const json_t *rows)
{
    json_t *index = json_object();
    json_t *row;
    json_t *grant;
    size_t  i;
    size_t  n;

    json_array_foreach(rows, i, row)
    {
        json_array_foreach(json_object_get(row, "grants"), n, grant)
        {
            pv_enact_set(enact, index, pv_enact_text(grant, "grant"),
                         json_incref(grant));
        }
    }
    return index;
}

static void
load_all(struct pv_enact *enact)
{
    json_t *in;

    enact->agencies = load(enact, "agencies.json");
    enact->clusters = load(enact, "clusters.json");
    enact->registries = load(enact, "base_registries.json");
    enact->data_items = load(enact, "data_items.json");
    enact->services = load(enact, "services.json");
    enact->grants = load(enact, "grants.json");
    enact->resolutions = load(enact, "resolutions.json");
    enact->obligations = load(enact, "obligations.json");
    enact->enactment = load(enact, "enactment.json");
    in = enact->enactment;
    enact->enacted = index_by(enact, json_object_get(in, "agencies"), "id");
    enact->unit = index_by(enact, json_object_get(in, "units"), "id");
    enact->service = index_by(enact, enact->services, "id");
    enact->methods = index_by(enact, json_object_get(in, "methods"), "service");
    enact->code = index_by(
        enact, json_object_get(json_object_get(in, "service_codes"), "codes"),
        "service");
    enact->live = index_by(enact, json_object_get(in, "go_live"), "service");
    enact->live_grant = live_grants(enact, json_object_get(in, "go_live"));
    enact->term = index_by(enact, json_object_get(in, "grant_terms"), "grant");
    enact->grant = index_by(enact, enact->grants, "id");
    enact->notified = json_object();
}

enum pv_err
pv_enact_read(const char *dir, bool probes, bool probe_services,
              struct pv_enact *ret)
{
    *ret = (struct pv_enact){.dir = dir,
                             .probes = probes,
                             .probe_services = probe_services,
                             .source = "catalogue"};
    load_all(ret);
    if (ret->err == PV_OK) {
        pv_enact_parties(ret);
        pv_enact_services(ret);
        pv_enact_requests(ret);
        pv_enact_meetings(ret);
        pv_enact_go_live(ret);
    }
    if (ret->err == PV_OK && probes) {
        pv_enact_probes(ret);
    }
    if (ret->err == PV_OK && probe_services) {
        pv_enact_probe_services(ret);
    }
    if (ret->err == PV_OK) {
        qsort(ret->step, ret->count, sizeof(*ret->step), compare);
    }
    return ret->err;
}

void
pv_enact_clear(struct pv_enact *enact)
{
    json_t *const owned[] = {
        enact->agencies,    enact->clusters,  enact->registries,
        enact->data_items,  enact->services,  enact->grants,
        enact->resolutions, enact->enactment, enact->obligations,
        enact->enacted,     enact->unit,      enact->service,
        enact->methods,     enact->code,      enact->live,
        enact->live_grant,  enact->term,      enact->grant,
        enact->notified};

    for (size_t i = 0; i < sizeof(owned) / sizeof(owned[0]); i++) {
        json_decref(owned[i]); /* accepts NULL */
    }
    for (size_t i = 0; i < enact->count; i++) {
        json_decref(enact->step[i].decision);
    }
    free(enact->step);
    pv_data_items_free(enact->items); /* accepts NULL */
    *enact = (struct pv_enact){.dir = NULL};
}
