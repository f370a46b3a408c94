/*
 * enact_probes.c - the synthetic rights that tests call, with the history
 * that such rights have: a meeting of their own, requests, proposals, a
 * resolution, readiness, going live, suspension. All of it is proposed.
 */
#include <string.h>

#include "enact.h"

#define MEETING "probe-meeting"

static const json_t *
resolution_of(const struct pv_enact *enact)
{
    json_t *probe;
    size_t  i;

    json_array_foreach(json_object_get(enact->enactment, "probes"), i, probe)
    {
        if (strcmp(pv_enact_text(probe, "kind"), "resolution") == 0) {
            return probe;
        }
    }
    return NULL;
}

static struct pv_enact_who
representative(const char *agency)
{
    return (struct pv_enact_who){"representative", agency};
}

static const char *
provider_of(const struct pv_enact *enact, const json_t *probe)
{
    return pv_enact_text(
        json_object_get(enact->service, pv_enact_text(probe, "service")),
        "provider");
}

static json_t *
proposed(void)
{
    return json_pack("{s:s}", "basis", "proposed");
}

/* Version and terms: what rights and modes have in common. */
static json_t *
terms_of(struct pv_enact *enact, const json_t *probe)
{
    static const char *const names[] = {"purposes", "quota", NULL};
    char                     version[PV_ENACT_ID_ROOM];
    json_t                  *data;

    pv_enact_version(enact, pv_enact_text(probe, "service"), version);
    data = json_pack("{s:s, s:s}", "version", version, "basis", "proposed");
    pv_enact_copy(enact, data, probe, names);
    if (pv_enact_day(probe, "start") != NULL) {
        pv_enact_set(enact, data, "start",
                     json_string(pv_enact_day(probe, "start")));
    }
    if (pv_enact_day(probe, "end") != NULL) {
        pv_enact_set(enact, data, "end",
                     json_string(pv_enact_day(probe, "end")));
    }
    return data;
}

/* ---- grants ---- */

static json_t *
request_data(struct pv_enact *enact, const json_t *probe)
{
    static const char *const names[] = {"consumer", "unit", NULL};
    json_t                  *data = terms_of(enact, probe);

    pv_enact_copy(enact, data, probe, names);
    pv_enact_set(enact, data, "methods",
                 json_pack("[s]", pv_enact_text(probe, "method")));
    (void)json_object_del(data, "quota"); /* the resolution says these */
    (void)json_object_del(data, "start");
    (void)json_object_del(data, "end");
    return data;
}

/* A right to a service that was live when the meeting was held. */
static bool
was_live(const struct pv_enact *enact, const json_t *probe, const char *day)
{
    const char *live = pv_enact_day(
        json_object_get(enact->live, pv_enact_text(probe, "service")), "live");

    return live != NULL && strcmp(live, day) <= 0;
}

void
pv_enact_probe_request(struct pv_enact *enact, const char *day, const char *id,
                       const char *provider, json_t *data)
{
    pv_enact_add(enact, day, PV_ENACT_REQUESTS,
                 representative(pv_enact_text(data, "consumer")), "request", id,
                 "file", data);
    pv_enact_add(enact, day, PV_ENACT_REQUESTS, representative(provider),
                 "request", id, "agree", json_object());
    pv_enact_add(enact, day, PV_ENACT_REQUESTS, PV_ENACT_SECRETARIAT, "request",
                 id, "endorse", json_object());
}

static json_t *
grant_of(struct pv_enact *enact, const json_t *probe, const char *day)
{
    static const char *const names[] = {"consumer", "unit", NULL};
    json_t                  *data = terms_of(enact, probe);

    pv_enact_copy(enact, data, probe, names);
    pv_enact_set(enact, data, "id", json_incref(json_object_get(probe, "id")));
    pv_enact_set(enact, data, "methods",
                 json_pack("[s]", pv_enact_text(probe, "method")));
    if (was_live(enact, probe, day)) {
        pv_enact_set(enact, data, "request",
                     json_incref(json_object_get(probe, "id")));
    }
    return data;
}

/* Ready and live on the day of the notification, unless the probe says no. */
static void
go_live(struct pv_enact *enact, const json_t *probe, const char *day)
{
    const json_t *readiness = json_object_get(probe, "readiness");
    const json_t *suspension = json_object_get(probe, "suspension");
    const char   *id = pv_enact_text(probe, "id");
    bool          provider =
        readiness == NULL || pv_enact_day(readiness, "provider") != NULL;
    bool consumer =
        readiness == NULL || pv_enact_day(readiness, "consumer") != NULL;

    if (provider) {
        pv_enact_add(enact, day, PV_ENACT_PROVIDER_READY,
                     representative(provider_of(enact, probe)), "grant", id,
                     "provider-ready", proposed());
    }
    if (consumer) {
        pv_enact_add(enact, day, PV_ENACT_CONSUMER_READY,
                     representative(pv_enact_text(probe, "consumer")), "grant",
                     id, "consumer-ready", proposed());
    }
    if (provider && consumer && was_live(enact, probe, day)) {
        pv_enact_add(enact, day, PV_ENACT_GRANT_LIVE, PV_ENACT_OPERATOR,
                     "grant", id, "go-live", proposed());
    }
    if (suspension != NULL) {
        pv_enact_add(enact, pv_enact_day(suspension, "from"),
                     PV_ENACT_GRANT_LIVE, PV_ENACT_SECRETARIAT, "grant", id,
                     "suspend", proposed());
    }
}

/* ---- modes and suspensions ---- */

static void
propose(struct pv_enact *enact, const json_t *probe, const char *day)
{
    static const char *const names[] = {"method", "mode", "list", NULL};
    json_t                  *data = terms_of(enact, probe);

    pv_enact_copy(enact, data, probe, names);
    if (json_array_size(json_object_get(data, "list")) == 0) {
        (void)json_object_del(data, "list"); /* may be absent */
    }
    pv_enact_add(enact, day, PV_ENACT_REQUESTS,
                 representative(provider_of(enact, probe)), "mode",
                 pv_enact_text(probe, "id"), "propose", data);
}

static void
suspend(struct pv_enact *enact, const json_t *probe)
{
    char version[PV_ENACT_ID_ROOM];

    pv_enact_version(enact, pv_enact_text(probe, "service"), version);
    pv_enact_add(enact,
                 pv_enact_day(json_object_get(probe, "suspension"), "from"),
                 PV_ENACT_GRANT_LIVE, PV_ENACT_SECRETARIAT, "suspension",
                 pv_enact_text(probe, "id"), "impose",
                 json_pack("{s:s, s:s, s:s}", "consumer",
                           pv_enact_text(probe, "consumer"), "version", version,
                           "basis", "proposed"));
}

/* ---- the meeting that decides them ---- */

static void
add_meeting(struct pv_enact *enact, const char *id, const json_t *resolution,
            const char *day)
{
    json_t *title = json_object_get(resolution, "title_fa");
    json_t *meeting =
        json_pack("{s:s, s:s, s:O, s:s, s:[{s:O, s:O}]}", "id", id, "body",
                  pv_enact_text(resolution, "body"), "title_fa", title,
                  "date_jalali", day, "resolutions", "id",
                  json_object_get(resolution, "id"), "title_fa", title);

    if (meeting == NULL) {
        pv_enact_fail(enact, "the probes' resolution has no title");
        return;
    }
    pv_enact_meeting(enact, meeting);
    json_decref(meeting);
}

void
pv_enact_probe_resolution(struct pv_enact *enact, const char *meeting,
                          const json_t *resolution, json_t *grants,
                          json_t *modes)
{
    const char *id = pv_enact_text(resolution, "id");
    const char *day = pv_enact_day(resolution, "date");
    json_t     *data =
        json_pack("{s:s, s:O, s:s, s:[{s:s, s:O, s:O, s:O}]}", "meeting",
                  meeting, "title_fa", json_object_get(resolution, "title_fa"),
                  "basis", "proposed", "items", "item", "1", "text_fa",
                  json_object_get(resolution, "title_fa"), "grants", grants,
                  "modes", modes);

    add_meeting(enact, meeting, resolution, day);
    pv_enact_add(enact, day, PV_ENACT_RESOLUTIONS, PV_ENACT_SECRETARIAT,
                 "resolution", id, "draft", data);
    pv_enact_add(
        enact, day, PV_ENACT_RESOLUTIONS,
        (struct pv_enact_who){"chair", pv_enact_text(resolution, "body")},
        "resolution", id, "enact", json_object());
    pv_enact_add(enact, pv_enact_day(resolution, "notified"), PV_ENACT_NOTIFIED,
                 PV_ENACT_SECRETARIAT, "resolution", id, "notify",
                 json_pack("{s:b}", "without_uptake", 1));
}

static void
add_probe(struct pv_enact *enact, const json_t *probe, const json_t *resolution,
          json_t *grants, json_t *modes)
{
    const char *kind = pv_enact_text(probe, "kind");
    const char *day = pv_enact_day(resolution, "date");
    bool        failed = false;

    if (strcmp(kind, "grant") == 0) {
        if (was_live(enact, probe, day)) {
            pv_enact_probe_request(enact, day, pv_enact_text(probe, "id"),
                                   provider_of(enact, probe),
                                   request_data(enact, probe));
        }
        failed = json_array_append_new(grants, grant_of(enact, probe, day));
        go_live(enact, probe, pv_enact_day(resolution, "notified"));
    } else if (strcmp(kind, "mode") == 0) {
        propose(enact, probe, day);
        if (pv_enact_text(probe, "resolution")[0] != '\0') {
            failed =
                json_array_append(modes, json_object_get(probe, "id")) != 0;
        }
    } else if (strcmp(kind, "suspension") == 0) {
        suspend(enact, probe);
    } else if (strcmp(kind, "resolution") != 0) {
        pv_enact_fail(enact, "%s: unknown kind of probe \"%s\"",
                      pv_enact_text(probe, "id"), kind);
    }
    if (failed && enact->err == PV_OK) {
        enact->err = PV_ENOMEM;
    }
}

void
pv_enact_probes(struct pv_enact *enact)
{
    const json_t *resolution = resolution_of(enact);
    const char   *day = pv_enact_day(resolution, "date");
    json_t       *grants = json_array();
    json_t       *modes = json_array();
    json_t       *probe;
    size_t        i;

    if (day == NULL || pv_enact_day(resolution, "notified") == NULL) {
        pv_enact_fail(enact, "the probes have no resolution with its days");
    } else {
        json_array_foreach(json_object_get(enact->enactment, "probes"), i,
                           probe)
        {
            add_probe(enact, probe, resolution, grants, modes);
        }
        pv_enact_probe_resolution(enact, MEETING, resolution, grants, modes);
    }
    json_decref(grants);
    json_decref(modes);
}
