/*
 * rules_evidence.c - what happens to commitments when the registry itself
 * sees that something came about: a meeting is planned, a service goes live.
 */
#include <string.h>

#include "base/num.h"
#include "kind_tables.h"
#include "rules.h"

static struct pv_registry *
registry_of(struct pv_change *change)
{
    return change->context->registry;
}

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
    err = pv_record_get(registry_of(change), PV_KIND_RESOLUTION,
                        pv_member(change->body, "resolution"), &resolution);
    if (err == PV_OK) {
        (void)snprintf(room, PV_RECORD_ID_MAX + 1, "%s",
                       pv_member(resolution.body, "body")); /* an id fits */
    }
    pv_record_clear(&resolution);
    return err == PV_ENOTFOUND ? PV_OK : err;
}

enum pv_err
pv_refer_commitment(struct pv_change *change)
{
    char        body[PV_RECORD_ID_MAX + 1];
    json_t     *id;
    size_t      i;
    enum pv_err err = waits_for(change, body);

    if (err == PV_OK && body[0] != '\0') {
        err = pv_record_refer(change, "due", "waits-meeting", body);
    }
    json_array_foreach(json_object_get(change->body, "services"), i, id)
    {
        err = err == PV_OK ? pv_record_refer(change, "services", "delivers",
                                             json_string_value(id))
                           : err;
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
    enum pv_err err = pv_record_get(registry_of(change), PV_KIND_RESOLUTION,
                                    pv_member(duty, "resolution"), &resolution);

    if (err == PV_OK) {
        err = pv_record_get(registry_of(change), PV_KIND_MEETING,
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
        pv_record_get(registry_of(change), PV_KIND_COMMITMENT, id, &duty);

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
    enum pv_err err = pv_record_users(registry_of(change), "waits-meeting",
                                      pv_member(change->body, "body"),
                                      PV_KIND_COMMITMENT, &ids);

    json_array_foreach(ids, i, id)
    {
        err = err == PV_OK ? anchor_one(change, json_string_value(id)) : err;
    }
    json_decref(ids);
    return err;
}
