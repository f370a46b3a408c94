/*
 * enact_rights.c - requests and grants with their terms, and due dates.
 */
#include <string.h>

#include "enact.h"

#define SERVICE_ROOM 128

static const char *
consumer_of(const struct pv_enact *enact, const json_t *grant,
            const char **ret_unit)
{
    const char   *consumer = pv_enact_text(grant, "consumer");
    const json_t *binding =
        json_object_get(json_object_get(enact->enactment, "grant_bindings"),
                        pv_enact_text(grant, "id"));
    const char *unit = pv_enact_text(binding, "unit");
    const char *own = pv_enact_text(json_object_get(enact->enacted, consumer),
                                    "replaced_by_unit");

    *ret_unit = unit[0] == '\0' ? own : unit;
    if (own[0] != '\0') { /* the documents name the unit as an agency */
        return pv_enact_text(json_object_get(enact->unit, *ret_unit), "agency");
    }
    return consumer;
}

/* What a request and its grant have in common. */
static json_t *
right(struct pv_enact *enact, const json_t *grant)
{
    static const char *const names[] = {"purposes", "items", NULL};
    const char              *id = pv_enact_text(grant, "id");
    const char              *service = pv_enact_text(grant, "service");
    const json_t            *binding = json_object_get(
                   json_object_get(enact->enactment, "grant_bindings"), id);
    const char *system = pv_enact_text(binding, "system");
    const char *operation = pv_enact_text(grant, "operation");
    const char *unit;
    const char *consumer = consumer_of(enact, grant, &unit);
    char        version[256];
    json_t     *data;

    if (snprintf(version, sizeof(version), "%s/%s", service,
                 pv_enact_text(json_object_get(enact->methods, service),
                               "version")) < 0) {
        enact->err = PV_ERANGE;
    }
    data = json_pack("{s:s, s:s}", "consumer", consumer, "version", version);
    if (unit[0] != '\0') {
        pv_enact_set(enact, data, "unit", json_string(unit));
    }
    if (system[0] != '\0') {
        pv_enact_set(enact, data, "system", json_string(system));
    }
    if (operation[0] != '\0') {
        pv_enact_set(enact, data, "methods", json_pack("[s]", operation));
    }
    pv_enact_copy(enact, data, json_object_get(enact->term, id), names);
    return data;
}

/* ---- terms ---- */

static void
set_quota(struct pv_enact *enact, json_t *data, const json_t *term)
{
    json_t *from = json_object_get(term, "quota");
    json_t *quota = json_is_object(from) ? json_copy(from) : json_object();
    json_t *in_all = json_object_get(term, "max_calls_answered");

    if (json_is_integer(in_all)) {
        pv_enact_set(enact, quota, "in_all", json_incref(in_all));
    }
    if (strcmp(pv_enact_text(term, "quota_per"), "member") == 0) {
        pv_enact_set(enact, quota, "per_member", json_true());
    }
    pv_enact_set(enact, data, "quota", quota);
}

json_t *
pv_enact_grant(struct pv_enact *enact, const json_t *grant)
{
    static const char *const names[] = {"mode", "conditions", "note", "source",
                                        NULL};
    static const char *const terms[] = {"item_limits", "consent", NULL};
    const char              *id = pv_enact_text(grant, "id");
    const json_t            *term = json_object_get(enact->term, id);
    json_t                  *data = right(enact, grant);

    if (term == NULL) {
        pv_enact_fail(enact, "%s: an approved grant without terms", id);
    } else if (json_object_get(term, "start") == NULL ||
               json_object_get(term, "end") == NULL ||
               json_object_get(term, "quota") == NULL) {
        pv_enact_fail(enact,
                      "%s: its terms need start, end and quota; null where "
                      "open",
                      id);
    }
    pv_enact_set(enact, data, "id", json_string(id));
    pv_enact_copy(enact, data, grant, names);
    pv_enact_copy(enact, data, term, terms);
    set_quota(enact, data, term);
    if (pv_enact_day(term, "start") != NULL) {
        pv_enact_set(enact, data, "start",
                     json_string(pv_enact_day(term, "start")));
    }
    if (pv_enact_day(term, "end") != NULL) {
        pv_enact_set(enact, data, "end",
                     json_string(pv_enact_day(term, "end")));
    }
    pv_enact_set(
        enact, data, "basis",
        json_string(strcmp(pv_enact_text(term, "basis"), "proposed") == 0
                        ? "proposed"
                        : "document"));
    if (pv_enact_needs_request(enact, grant)) {
        pv_enact_set(enact, data, "request", json_string(id));
    }
    return data;
}

/* ---- requests (R-112) ---- */

bool
pv_enact_needs_request(struct pv_enact *enact, const json_t *grant)
{
    const char   *service = pv_enact_text(grant, "service");
    const json_t *row = json_object_get(enact->service, service);
    const char   *live =
        pv_enact_day(json_object_get(enact->live, service), "live");
    const char *day =
        pv_enact_resolution_day(enact, pv_enact_text(grant, "resolution"));

    return strcmp(pv_enact_text(row, "status"), "existing") == 0 ||
           (live != NULL && day != NULL && strcmp(live, day) <= 0);
}

static void
add_request(struct pv_enact *enact, const json_t *grant, const char *day,
            bool pending)
{
    const char   *id = pv_enact_text(grant, "id");
    const json_t *service =
        json_object_get(enact->service, pv_enact_text(grant, "service"));
    const char         *unit;
    struct pv_enact_who user = {"representative",
                                consumer_of(enact, grant, &unit)};
    struct pv_enact_who owner = {"representative",
                                 pv_enact_text(service, "provider")};
    /* what the next meeting decides comes after this one's orders */
    enum pv_enact_phase phase = pending ? PV_ENACT_MINUTES : PV_ENACT_REQUESTS;
    json_t             *data = right(enact, grant);

    pv_enact_set(enact, data, "basis", json_string("proposed"));
    pv_enact_add(enact, day, phase, user, "request", id, "file", data);
    pv_enact_add(enact, day, phase, owner, "request", id, "agree",
                 json_object());
    pv_enact_add(enact, day, phase, PV_ENACT_SECRETARIAT, "request", id,
                 pending ? "report" : "endorse", json_object());
}

void
pv_enact_requests(struct pv_enact *enact)
{
    const char *id;
    json_t     *grant;

    json_object_foreach(enact->grant, id, grant)
    {
        const char *status = pv_enact_text(grant, "status");
        const char *day =
            pv_enact_resolution_day(enact, pv_enact_text(grant, "resolution"));
        bool pending = strcmp(status, "pending-next-meeting") == 0;

        if (pending ||
            (strcmp(status, "approved") == 0 &&
             strcmp(pv_enact_text(grant, "mode"), "join-system") != 0 &&
             pv_enact_needs_request(enact, grant))) {
            add_request(enact, grant, day, pending);
        }
    }
}

/* ---- commitments ---- */

/* "notification of the rules" is a notification; words of the registry. */
static const char *
anchor_of(const char *from)
{
    static const char *const words[] = {"notification", "resolution",
                                        "approval", "formation", NULL};

    if (strcmp(from, "notification of the principles") == 0) {
        return "principles";
    }
    for (size_t i = 0; words[i] != NULL; i++) {
        if (strncmp(from, words[i], strlen(words[i])) == 0) {
            return words[i];
        }
    }
    return "event";
}

/* "student-photo-in-operation": the service that must go live for it. */
static bool
service_of_event(const struct pv_enact *enact, const char *event,
                 char room[SERVICE_ROOM])
{
    static const char end[] = "-in-operation";
    size_t            len = strlen(event);
    size_t            cut = sizeof(end) - 1;

    if (len <= cut || len - cut >= SERVICE_ROOM ||
        strcmp(event + len - cut, end) != 0) {
        return false;
    }
    memcpy(room, event, len - cut);
    room[len - cut] = '\0';
    return json_object_get(enact->service, room) != NULL;
}

/* What stands behind "event:"; NULL when it is no event. */
static const char *
event_in(const char *value)
{
    const char *colon = strchr(value, ':');

    return colon != NULL && strncmp(value, "event:", 6) == 0 ? colon + 1 : NULL;
}

static json_t *
due_of(const struct pv_enact *enact, const json_t *commitment)
{
    const json_t *due = json_object_get(commitment, "due");
    const char   *value = pv_enact_text(due, "value");
    const char   *from = pv_enact_text(due, "from");
    const char   *every = pv_enact_text(commitment, "recurring");
    const char   *event = event_in(value);
    char          service[SERVICE_ROOM];

    if (!json_is_object(due) && every[0] != '\0') {
        return json_pack("{s:s, s:s, s:s}", "kind", "recurring", "period",
                         every, "from", "notification");
    }
    if (!json_is_object(due)) {
        return json_pack("{s:s}", "kind", "open");
    }
    if (strcmp(pv_enact_text(due, "kind"), "absolute") == 0) {
        return json_pack("{s:s, s:s}", "kind", "absolute", "day", value);
    }
    if (strcmp(from, "recurring") == 0) {
        return json_pack("{s:s, s:s, s:s}", "kind", "recurring", "period",
                         value, "from", "notification");
    }
    if (event != NULL && service_of_event(enact, event, service)) {
        return json_pack("{s:s, s:s, s:s, s:s}", "kind", "conditional",
                         "period", "P0D", "from", "go-live", "event", service);
    }
    if (event != NULL) {
        return json_pack("{s:s, s:s, s:s, s:s}", "kind", "conditional",
                         "period", "P0D", "from", "event", "event", event);
    }
    if (value[0] != 'P') { /* at a meeting whose day is not known yet */
        return json_pack("{s:s, s:s, s:s, s:s}", "kind", "relative", "period",
                         "P0D", "from", "meeting", "event", value);
    }
    return json_pack("{s:s, s:s, s:s}", "kind", "relative", "period", value,
                     "from", anchor_of(from));
}

json_t *
pv_enact_duty(struct pv_enact *enact, const json_t *commitment)
{
    static const char *const names[] = {
        "responsible", "collaborators", "text_en", "services",
        "grants",      "note",          "source",  NULL};
    const char *text = pv_enact_text(commitment, "text_fa_short");
    json_t     *data = json_pack(
            "{s:s, s:s, s:o}", "id", pv_enact_text(commitment, "id"), "text_fa",
        text[0] == '\0' ? pv_enact_text(commitment, "title_fa") : text, "due",
            due_of(enact, commitment));

    pv_enact_copy(enact, data, commitment, names);
    if (json_array_size(json_object_get(commitment, "grants")) > 0) {
        pv_enact_set(enact, data, "output", json_string("service"));
    }
    return data;
}
