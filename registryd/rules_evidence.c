/*
 * rules_evidence.c - what happens to commitments when the registry itself
 * sees that something came about: a meeting is planned, a service goes live.
 */
#include <string.h>

#include "base/num.h"
#include "kind_tables.h"
#include "rules.h"

/* ---- what a commitment can be found by ---- */

/* The body whose meeting it waits for; "" when it waits for none. */
static enum pv_err
waits_for(struct pv_change *change, char room[PV_RECORD_ID_MAX + 1])
{
    const char *from = pv_member(json_object_get(change->body, "due"), "from");
    struct pv_record resolution = {.body = NULL};
    enum pv_err      err;

    room[0] = '\0';
    if (strcmp(from, "meeting") != 0 ||
        json_object_get(change->body, "anchor_day") != NULL) {
        return PV_OK;
    }
    err = pv_record_get(pv_registry_of(change), PV_KIND_RESOLUTION,
                        pv_member(change->body, "resolution"), &resolution);
    if (err == PV_OK) {
        (void)snprintf(room, PV_RECORD_ID_MAX + 1, "%s",
                       pv_member(resolution.body, "body")); /* an id fits */
    }
    pv_record_clear(&resolution);
    return err == PV_ENOTFOUND ? PV_OK : err;
}

/* The service or version whose go-live it waits for; "" for none. */
static const char *
waits_live(const json_t *body)
{
    const json_t *due = json_object_get(body, "due");

    return strcmp(pv_member(due, "from"), "go-live") == 0 &&
                   json_object_get(body, "anchor_day") == NULL
               ? pv_member(due, "event")
               : "";
}

bool
pv_duty_is_delivery(const json_t *body)
{
    return strcmp(pv_member(body, "output"), "service") == 0 &&
           (json_array_size(json_object_get(body, "services")) > 0 ||
            json_array_size(json_object_get(body, "grants")) > 0);
}

static enum pv_err
refer_list(struct pv_change *change, const char *name, const char *as)
{
    json_t     *id;
    size_t      i;
    enum pv_err err = PV_OK;

    json_array_foreach(json_object_get(change->body, name), i, id)
    {
        err = err == PV_OK
                  ? pv_record_refer(change, name, as, json_string_value(id))
                  : err;
    }
    return err;
}

enum pv_err
pv_refer_commitment(struct pv_change *change)
{
    char        body[PV_RECORD_ID_MAX + 1];
    const char *live = waits_live(change->body);
    enum pv_err err = waits_for(change, body);

    if (err == PV_OK && body[0] != '\0') {
        err = pv_record_refer(change, "due", "waits-meeting", body);
    }
    if (err == PV_OK && live[0] != '\0') {
        err = pv_record_refer(change, "due", "waits-live", live);
    }
    if (err == PV_OK && pv_duty_is_delivery(change->body)) {
        err = refer_list(change, "services", "delivers");
        err = err == PV_OK ? refer_list(change, "grants", "delivers") : err;
    }
    return err;
}

/* ---- a meeting is planned: what is due there has a day now ---- */

/* Is this the meeting meant: "next-meeting", or one that ends in "-25"? */
static bool
is_meant(const char *event, json_int_t number, json_int_t made_at)
{
    const char *dash = strrchr(event, '-');
    uint64_t    named = 0;

    if (dash != NULL &&
        pv_slice_to_u64(pv_slice_from(dash + 1), INT64_MAX, &named) == PV_OK) {
        return number == (json_int_t)named;
    }
    return number == 0 || made_at == 0 || number == made_at + 1;
}

/* The number of the meeting whose resolution made the commitment; 0. */
static enum pv_err
made_at(struct pv_change *change, const json_t *duty, json_int_t *ret)
{
    struct pv_record resolution = {.body = NULL};
    struct pv_record meeting = {.body = NULL};
    enum pv_err err = pv_record_get(pv_registry_of(change), PV_KIND_RESOLUTION,
                                    pv_member(duty, "resolution"), &resolution);

    if (err == PV_OK) {
        err = pv_record_get(pv_registry_of(change), PV_KIND_MEETING,
                            pv_member(resolution.body, "meeting"), &meeting);
    }
    *ret = json_integer_value(json_object_get(meeting.body, "number"));
    pv_record_clear(&resolution);
    pv_record_clear(&meeting);
    return err == PV_ENOTFOUND ? PV_OK : err;
}

static enum pv_err
anchor_one(struct pv_change *change, const char *id)
{
    struct pv_record duty = {.body = NULL};
    const char      *event;
    json_int_t       before = 0;
    json_t          *data = NULL;
    enum pv_err      err =
        pv_record_get(pv_registry_of(change), PV_KIND_COMMITMENT, id, &duty);

    if (err == PV_OK) {
        err = made_at(change, duty.body, &before);
    }
    event = pv_member(json_object_get(duty.body, "due"), "event");
    /* one that was decided on later days keeps waiting for the next plan */
    if (err == PV_OK && duty.from_day <= change->context->day &&
        strcmp(pv_kind_row(PV_KIND_COMMITMENT)->states[duty.state], "open") ==
            0 &&
        is_meant(event,
                 json_integer_value(json_object_get(change->body, "number")),
                 before)) {
        data = json_pack("{s:O}", "anchor_day",
                         json_object_get(change->body, "date"));
        err = data == NULL ? PV_ENOMEM
                           : pv_change_also(change, PV_KIND_COMMITMENT, id,
                                            "anchor", data);
    }
    json_decref(data); /* accepts NULL */
    pv_record_clear(&duty);
    return err;
}

enum pv_err
pv_effect_meeting_planned(struct pv_change *change)
{
    json_t     *ids = NULL;
    json_t     *id;
    size_t      i;
    enum pv_err err = pv_record_users(pv_registry_of(change), "waits-meeting",
                                      pv_member(change->body, "body"),
                                      PV_KIND_COMMITMENT, &ids);

    json_array_foreach(ids, i, id)
    {
        err = err == PV_OK ? anchor_one(change, json_string_value(id)) : err;
    }
    json_decref(ids);
    return err;
}

/* ---- a service or a right goes live ---- */

static const char *
state_word(enum pv_kind kind, const struct pv_record *record)
{
    return pv_kind_row(kind)->states[record->state];
}

/* What waited for it starts, or has its day now. */
static enum pv_err
start_one(struct pv_change *change, const char *id)
{
    struct pv_record duty = {.body = NULL};
    char             day[PV_JALALI_ROOM];
    const char      *event;
    json_t          *data = NULL;
    enum pv_err      err =
        pv_record_get(pv_registry_of(change), PV_KIND_COMMITMENT, id, &duty);

    if (err != PV_OK) {
        return err;
    }
    event =
        strcmp(state_word(PV_KIND_COMMITMENT, &duty), "waiting") == 0 ? "start"
        : strcmp(state_word(PV_KIND_COMMITMENT, &duty), "open") == 0  ? "anchor"
                                                                      : "";
    if (event[0] != '\0') {
        pv_day_text(change->context->day, day);
        data = json_pack("{s:s}", "anchor_day", day);
        err = data == NULL
                  ? PV_ENOMEM
                  : pv_change_also(change, PV_KIND_COMMITMENT, id, event, data);
    }
    json_decref(data);
    pv_record_clear(&duty);
    return err;
}

static enum pv_err
start_waiting(struct pv_change *change, const char *what)
{
    json_t     *ids = NULL;
    json_t     *id;
    size_t      i;
    enum pv_err err = pv_record_users(pv_registry_of(change), "waits-live",
                                      what, PV_KIND_COMMITMENT, &ids);

    json_array_foreach(ids, i, id)
    {
        err = err == PV_OK ? start_one(change, json_string_value(id)) : err;
    }
    json_decref(ids);
    return err;
}

/* Has the service a version that is live? */
static enum pv_err
is_service_live(struct pv_change *change, const char *service, bool *ret)
{
    json_t     *ids = NULL;
    json_t     *id;
    size_t      i;
    enum pv_err err = pv_record_users(pv_registry_of(change), "service",
                                      service, PV_KIND_VERSION, &ids);

    *ret = false;
    json_array_foreach(ids, i, id)
    {
        const char *state = NULL;

        err = err == PV_OK
                  ? pv_state_of(pv_registry_of(change), PV_KIND_VERSION,
                                json_string_value(id), &state)
                  : err;
        *ret = *ret || (state != NULL && strcmp(state, "live") == 0);
    }
    json_decref(ids);
    return err;
}

static enum pv_err
is_grant_live(struct pv_change *change, const char *grant, bool *ret)
{
    const char *state = NULL;
    enum pv_err err =
        pv_state_of(pv_registry_of(change), PV_KIND_GRANT, grant, &state);

    *ret = state != NULL && strcmp(state, "live") == 0;
    return err;
}

static enum pv_err
all_live(struct pv_change *change, const json_t *body, bool *ret)
{
    json_t     *id;
    size_t      i;
    enum pv_err err = PV_OK;

    *ret = true;
    json_array_foreach(json_object_get(body, "services"), i, id)
    {
        bool live = false;

        err = err == PV_OK
                  ? is_service_live(change, json_string_value(id), &live)
                  : err;
        *ret = *ret && live;
    }
    json_array_foreach(json_object_get(body, "grants"), i, id)
    {
        bool live = false;

        err = err == PV_OK ? is_grant_live(change, json_string_value(id), &live)
                           : err;
        *ret = *ret && live;
    }
    return err;
}

static enum pv_err
deliver_one(struct pv_change *change, const char *id)
{
    static const char *const open[] = {"open", "reported", NULL};
    struct pv_record         duty = {.body = NULL};
    char                     day[PV_JALALI_ROOM];
    bool                     done = false;
    json_t                  *data = NULL;
    enum pv_err              err =
        pv_record_get(pv_registry_of(change), PV_KIND_COMMITMENT, id, &duty);

    if (err == PV_OK && duty.from_day <= change->context->day &&
        pv_is_one_of(state_word(PV_KIND_COMMITMENT, &duty), open)) {
        err = all_live(change, duty.body, &done);
    }
    if (err == PV_OK && done) {
        pv_day_text(change->context->day, day);
        data = json_pack("{s:{s:s, s:s, s:s, s:s}}", "evidence", "kind", "live",
                         "day", day, "of", change->row->name, "id", change->id);
        err = data == NULL ? PV_ENOMEM
                           : pv_change_also(change, PV_KIND_COMMITMENT, id,
                                            "evidence", data);
    }
    json_decref(data);
    pv_record_clear(&duty);
    return err;
}

static enum pv_err
deliver(struct pv_change *change, const char *what)
{
    json_t     *ids = NULL;
    json_t     *id;
    size_t      i;
    enum pv_err err = pv_record_users(pv_registry_of(change), "delivers", what,
                                      PV_KIND_COMMITMENT, &ids);

    json_array_foreach(ids, i, id)
    {
        err = err == PV_OK ? deliver_one(change, json_string_value(id)) : err;
    }
    json_decref(ids);
    return err;
}

enum pv_err
pv_duties_of_service(struct pv_change *change, const char *service)
{
    enum pv_err err = start_waiting(change, change->id);

    if (err == PV_OK) {
        err = start_waiting(change, service);
    }
    return err == PV_OK ? deliver(change, service) : err;
}

enum pv_err
pv_effect_grant_live(struct pv_change *change)
{
    return deliver(change, change->id);
}

/* ---- evidence of use (R-120) ---- */

/* Did the consumer say in which system or window it is used? */
static enum pv_err
is_declared(struct pv_change *change, bool *ret)
{
    const char *state = change->row->states[change->before];
    json_t     *id;
    size_t      i;
    enum pv_err err = PV_OK;

    *ret = strcmp(state, "reported") == 0;
    json_array_foreach(json_object_get(change->body, "grants"), i, id)
    {
        struct pv_record grant = {.body = NULL};

        if (err == PV_OK && !*ret) {
            err = pv_record_get(pv_registry_of(change), PV_KIND_GRANT,
                                json_string_value(id), &grant);
            *ret =
                err == PV_OK && (pv_member(grant.body, "used_in")[0] != '\0' ||
                                 pv_member(grant.body, "system")[0] != '\0');
            pv_record_clear(&grant);
        }
    }
    return err;
}

enum pv_err
pv_rule_evidence(struct pv_change *change)
{
    static const char *const kinds[] = {"live", "calls", "other", NULL};
    const json_t            *said = json_object_get(change->body, "evidence");
    bool        is_use = pv_member_true(change->body, "by_evidence");
    bool        declared = false;
    enum pv_err err;

    if (!pv_is_one_of(pv_member(said, "kind"), kinds) ||
        (is_use && (strcmp(pv_member(said, "kind"), "calls") != 0 ||
                    json_integer_value(json_object_get(said, "count")) < 1))) {
        return pv_refuse(
            change->context->refusal, "R-120", "no-calls",
            "%s: evidence has a kind; of use, it is calls and "
            "their count",
            "%s: شاهد نوع دارد؛ شاهد به‌کارگیری، فراخوانی‌ها و "
            "شمار آن است",
            change->id);
    }
    if (!is_use) {
        return PV_OK;
    }
    err = is_declared(change, &declared);
    if (err == PV_OK && !declared) {
        return pv_refuse(
            change->context->refusal, "R-120", "not-declared",
            "%s: the system or window where it is used is not "
            "declared",
            "%s: سامانه یا پنجره‌ای که در آن به کار می‌رود اعلام "
            "نشده است",
            change->id);
    }
    return err;
}
