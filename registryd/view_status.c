/*
 * view_status.c - the public page of services: which run, which are
 * disturbed now, what is announced.
 */
#include <string.h>

#include "kind_tables.h"
#include "rules.h"
#include "view.h"

#define MOMENT_ROOM 24
#define MINUTES_OF_HOUR 60

struct status {
    int64_t now_ms;
    json_t *worst;    /* version -> kind of the notice in force */
    json_t *notices;  /* in force now */
    json_t *upcoming; /* announced for later */
    json_t *services;
};

/* "1401-06-15 14:30" on Tehran's clock. */
static json_t *
moment_text(int64_t when_ms)
{
    char text[MOMENT_ROOM + PV_JALALI_TEXT_LEN];
    int  minute = pv_time_tehran_minute(when_ms);

    pv_jalali_text(when_ms, text);
    (void)snprintf(text + PV_JALALI_TEXT_LEN, MOMENT_ROOM, " %02d:%02d",
                   minute / MINUTES_OF_HOUR,
                   minute % MINUTES_OF_HOUR); /* fits */
    return json_string(text);
}

static json_t *
make_notice(struct pv_view_call *call, const char *id, const json_t *body)
{
    static const char *const names[] = {
        "version", "kind", "from_ms", "until_ms", "text_fa", "text_en", NULL};
    json_t *until = json_object_get(body, "until_ms");
    json_t *out = json_pack("{s:s}", "id", id);

    if (pv_view_copy(out, body, names) != PV_OK ||
        pv_view_set(out, "service",
                    pv_view_name(call, PV_KIND_VERSION,
                                 pv_member(body, "version"))) != PV_OK ||
        pv_view_set(out, "from",
                    moment_text(json_integer_value(
                        json_object_get(body, "from_ms")))) != PV_OK ||
        (until != NULL &&
         pv_view_set(out, "until", moment_text(json_integer_value(until))) !=
             PV_OK)) {
        json_decref(out);
        return NULL;
    }
    return out;
}

/* An outage says more than a disruption; other notices disturb nothing. */
static enum pv_err
note_worst(struct status *status, const json_t *body)
{
    const char *version = pv_member(body, "version");
    const char *kind = pv_member(body, "kind");
    const char *known = pv_member(status->worst, version);

    if (strcmp(kind, "outage") == 0 ||
        (strcmp(kind, "disruption") == 0 && known[0] == '\0')) {
        return pv_set(status->worst, version, kind);
    }
    return PV_OK;
}

static enum pv_err
take_notice(struct pv_view_call *call, const char *id,
            const struct pv_record *record, void *context)
{
    struct status *status = context;
    json_int_t     from =
        json_integer_value(json_object_get(record->body, "from_ms"));
    json_t     *until = json_object_get(record->body, "until_ms");
    bool        later = from > status->now_ms;
    enum pv_err err = PV_OK;

    if (strcmp(pv_view_state(PV_KIND_NOTICE, record), "announced") != 0 ||
        (until != NULL && json_integer_value(until) <= status->now_ms)) {
        return PV_OK;
    }
    if (!later) {
        err = note_worst(status, record->body);
    }
    if (err == PV_OK &&
        json_array_append_new(later ? status->upcoming : status->notices,
                              make_notice(call, id, record->body)) != 0) {
        err = PV_ENOMEM;
    }
    return err;
}

static enum pv_err
take_version(struct pv_view_call *call, const char *id,
             const struct pv_record *record, void *context)
{
    static const char *const offered[] = {"live", "suspended", "replaced",
                                          NULL};
    struct status           *status = context;
    const char              *state = pv_view_state(PV_KIND_VERSION, record);
    const char              *worst = pv_member(status->worst, id);
    const json_t            *settings;
    json_t                  *out;
    enum pv_err              err;

    if (!pv_is_one_of(state, offered)) {
        return PV_OK;
    }
    out = json_pack(
        "{s:s, s:s, s:s, s:o, s:o}", "id", id, "state", state, "now",
        strcmp(state, "suspended") == 0 ? "suspended"
        : worst[0] == '\0'              ? "up"
                                        : worst,
        "service", pv_view_name(call, PV_KIND_VERSION, id), "provider",
        pv_view_name(call, PV_KIND_AGENCY,
                     pv_member(record->body, "provider")));
    settings = json_object_get(record->body, "settings");
    err = out == NULL ? PV_ENOMEM : PV_OK;
    if (err == PV_OK && json_object_get(settings, "hours") != NULL) {
        err = pv_view_set(out, "hours",
                          json_incref(json_object_get(settings, "hours")));
    }
    if (err == PV_OK && json_array_append(status->services, out) != 0) {
        err = PV_ENOMEM;
    }
    json_decref(out);
    return err;
}

enum pv_err
pv_view_status(struct pv_view_call *call, json_t **ret)
{
    int64_t (*clock)(void) = call->registry->config.clock;
    struct status status = {.worst = json_object()};
    json_t       *view;
    enum pv_err   err = status.worst == NULL ? PV_ENOMEM : PV_OK;

    status.now_ms = call->at.kind == PV_ON_DAY
                        ? call->today * PV_DAY_MS + PV_DAY_MS / 2
                    : clock == NULL ? pv_time_wall_ms()
                                    : clock();
    status.notices = json_array();
    status.upcoming = json_array();
    status.services = json_array();
    view = json_pack("{s:I, s:o, s:o, s:o, s:o}", "time_ms",
                     (json_int_t)status.now_ms, "time",
                     moment_text(status.now_ms), "notices", status.notices,
                     "upcoming", status.upcoming, "services", status.services);
    if (err == PV_OK && view == NULL) {
        err = PV_ENOMEM;
    }
    if (err == PV_OK) {
        err = pv_view_each(call, PV_KIND_NOTICE, take_notice, &status);
    }
    if (err == PV_OK) {
        err = pv_view_each(call, PV_KIND_VERSION, take_version, &status);
    }
    json_decref(status.worst);
    if (err != PV_OK) {
        json_decref(view); /* accepts NULL */
        return err;
    }
    *ret = view;
    return PV_OK;
}
