/*
 * enact_probe_services.c - every service live that a connector of the
 * catalogue can answer, by a synthetic resolution: with the grants that the
 * documents decided, or with a synthetic right where there is none. All of it
 * is proposed.
 */
#include <string.h>

#include "enact.h"

#define MEETING "probe-meeting-2"

/* The days of going live: {"jalali": ...} each, borrowed. */
struct days {
    json_t *resolution;
    json_t *notified;
};

static json_t *
live_row(const struct days *days, const char *service, json_t *grants)
{
    return json_pack("{s:s, s:O, s:O, s:O, s:o}", "service", service,
                     "passport_approved", days->resolution, "provider_ready",
                     days->notified, "live", days->notified, "grants", grants);
}

static json_t *
live_grant(const struct days *days, const char *grant)
{
    return json_pack("[{s:s, s:O, s:O, s:O}]", "grant", grant, "provider_ready",
                     days->notified, "consumer_ready", days->notified, "live",
                     days->notified);
}

static void
go_live(struct pv_enact *enact, const struct days *days, const char *service,
        json_t *grants)
{
    json_t *row = live_row(days, service, grants);

    if (row == NULL) {
        pv_enact_fail(enact, "%s cannot go live: no such day", service);
    } else {
        pv_enact_service_live(enact, row);
    }
    json_decref(row); /* accepts NULL */
}

/* A right that the documents decided. */
static void
add_decided(struct pv_enact *enact, const struct days *days, const char *id)
{
    const json_t *grant = json_object_get(enact->grant, id);

    if (grant == NULL) {
        pv_enact_fail(enact, "probe_services: there is no grant \"%s\"", id);
        return;
    }
    go_live(enact, days, pv_enact_text(grant, "service"), live_grant(days, id));
}

static json_t *
right(struct pv_enact *enact, const json_t *probe, const char *service)
{
    static const char *const names[] = {"consumer", "purposes", NULL};
    char                     version[PV_ENACT_ID_ROOM];
    json_t                  *data;

    pv_enact_version(enact, service, version);
    data = json_pack("{s:s, s:s}", "version", version, "basis", "proposed");
    pv_enact_copy(enact, data, probe, names);
    return data;
}

/* What is granted; a right to what exists already begins with a request. */
static json_t *
granted(struct pv_enact *enact, const json_t *probe, const json_t *service,
        const char *id)
{
    static const char *const names[] = {"quota", NULL};
    const char              *name = pv_enact_text(service, "id");
    json_t                  *data = right(enact, probe, name);

    pv_enact_copy(enact, data, probe, names);
    pv_enact_set(enact, data, "id", json_string(id));
    pv_enact_set(enact, data, "start",
                 json_string(pv_enact_day(probe, "notified")));
    if (pv_enact_is_existing(service)) {
        pv_enact_probe_request(enact, pv_enact_day(probe, "date"), id,
                               pv_enact_text(service, "provider"),
                               right(enact, probe, name));
        pv_enact_set(enact, data, "request", json_string(id));
    }
    return data;
}

static void
say_ready(struct pv_enact *enact, const char *day, enum pv_enact_phase phase,
          struct pv_enact_who who, const char *id, const char *event)
{
    pv_enact_add(enact, day, phase, who, "grant", id, event,
                 json_pack("{s:s}", "basis", "proposed"));
}

/* A synthetic right, where the documents decided none. */
static void
add_right(struct pv_enact *enact, const json_t *probe, const struct days *days,
          const char *service, json_t *grants)
{
    const json_t *row = json_object_get(enact->service, service);
    const char   *day = pv_enact_day(probe, "notified");
    char          id[PV_ENACT_ID_ROOM];

    if (row == NULL || snprintf(id, sizeof(id), "probe-live-%s", service) < 0) {
        pv_enact_fail(enact, "probe_services: there is no service \"%s\"",
                      service);
        return;
    }
    if (json_array_append_new(grants, granted(enact, probe, row, id)) != 0) {
        enact->err = PV_ENOMEM;
        return;
    }
    go_live(enact, days, service, json_array());
    say_ready(
        enact, day, PV_ENACT_PROVIDER_READY,
        (struct pv_enact_who){"representative", pv_enact_text(row, "provider")},
        id, "provider-ready");
    say_ready(enact, day, PV_ENACT_CONSUMER_READY,
              (struct pv_enact_who){"representative",
                                    pv_enact_text(probe, "consumer")},
              id, "consumer-ready");
    say_ready(enact, day, PV_ENACT_GRANT_LIVE, PV_ENACT_OPERATOR, id,
              "go-live");
}

/* Two documents name two custodians: both may offer it. */
static void
add_custodians(struct pv_enact *enact, const json_t *probe)
{
    static const char *const names[] = {"co_custodians", NULL};
    json_t                  *row;
    size_t                   i;

    json_array_foreach(json_object_get(probe, "co_custodians"), i, row)
    {
        json_t *data = json_pack("{s:s}", "basis", "proposed");

        pv_enact_copy(enact, data, row, names);
        pv_enact_add(enact, pv_enact_day(probe, "date"), PV_ENACT_RESOLUTIONS,
                     PV_ENACT_SECRETARIAT, "register",
                     pv_enact_text(row, "register"), "change", data);
    }
}

static const char *
text_of(const json_t *value)
{
    return json_is_string(value) ? json_string_value(value) : "";
}

void
pv_enact_probe_services(struct pv_enact *enact)
{
    const json_t *probe = json_object_get(enact->enactment, "probe_services");
    struct days   days = {json_object_get(probe, "date"),
                          json_object_get(probe, "notified")};
    json_t       *grants = json_array();
    json_t       *modes = json_array();
    json_t       *one;
    size_t        i;

    if (pv_enact_day(probe, "date") == NULL ||
        pv_enact_day(probe, "notified") == NULL) {
        pv_enact_fail(enact, "probe_services has no resolution with its days");
    } else {
        json_array_foreach(json_object_get(probe, "grants"), i, one)
        {
            add_decided(enact, &days, text_of(one));
        }
        json_array_foreach(json_object_get(probe, "without_grant"), i, one)
        {
            add_right(enact, probe, &days, text_of(one), grants);
        }
        add_custodians(enact, probe);
        pv_enact_probe_resolution(enact, MEETING, probe, grants, modes);
    }
    json_decref(grants);
    json_decref(modes);
}
