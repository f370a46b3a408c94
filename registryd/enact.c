/*
 * enact.c - a resolution makes what it decides: ordered services, grants,
 * modes, commitments, all in its one decision; and its notification
 * sets them going.
 *
 * An item of a resolution:
 *   {"item":"1-1", "text_fa":"...", "text_en":"...",
 *    "orders":[{"service":{"id":...}, "version":{"id":...}}],
 *    "grants":[{"id":...}], "modes":["id"], "commitments":[{"id":...}]}
 * where the objects hold the fields of their kinds beside the id.
 */
#include <string.h>

#include "kind_tables.h"
#include "rules.h"

#define UPTAKE_PERIOD "P2M" /* two months */

/* A record with the id and fields of an object, by the change's resolution. */
static enum pv_err
make(struct pv_change *change, enum pv_kind kind, const json_t *from,
     const char *event, const char *item)
{
    json_t     *data = json_copy((json_t *)(uintptr_t)from);
    const char *id = pv_member(from, "id");
    enum pv_err err = PV_ENOMEM;

    if (data != NULL) {
        (void)json_object_del(data, "id"); /* may be absent: refused below */
        err = pv_set(data, "resolution", change->id);
    }
    if (err == PV_OK && kind == PV_KIND_GRANT) {
        err = pv_set(data, "resolution_item", item);
    }
    if (err == PV_OK && kind == PV_KIND_COMMITMENT) {
        err = pv_set(data, "item", item);
    }
    if (err == PV_OK) {
        err = pv_change_also(change, kind, id, event, data);
    }
    json_decref(data);
    return err;
}

static enum pv_err
order_one(struct pv_change *change, const json_t *order, const char *item)
{
    const json_t *service = json_object_get(order, "service");
    const json_t *version = json_object_get(order, "version");
    const char   *state = NULL;
    enum pv_err   err = pv_state_of(pv_registry_of(change), PV_KIND_SERVICE,
                                    pv_member(service, "id"), &state);

    if (err == PV_OK && state == NULL) { /* otherwise a further version */
        err = make(change, PV_KIND_SERVICE, service, "order", item);
    }
    return err == PV_OK ? make(change, PV_KIND_VERSION, version, "order", item)
                        : err;
}

static enum pv_err
grant_one(struct pv_change *change, const json_t *grant, const char *item)
{
    return make(change, PV_KIND_GRANT, grant, "decide", item);
}

static enum pv_err
mode_one(struct pv_change *change, const json_t *mode, const char *item)
{
    json_t     *data = json_pack("{s:s}", "resolution", change->id);
    const char *id = json_is_string(mode) ? json_string_value(mode) : "";
    enum pv_err err =
        data == NULL ? PV_ENOMEM
                     : pv_change_also(change, PV_KIND_MODE, id, "decide", data);

    (void)item;
    json_decref(data);
    return err;
}

/* Of a due date that counts from the resolution, the day is known now. */
static enum pv_err
commit_one(struct pv_change *change, const json_t *commitment, const char *item)
{
    const json_t *due = json_object_get(commitment, "due");
    bool          waits = strcmp(pv_member(due, "kind"), "conditional") == 0;
    json_t       *with = json_copy((json_t *)(uintptr_t)commitment);
    char          day[PV_JALALI_ROOM];
    enum pv_err   err = with == NULL ? PV_ENOMEM : PV_OK;

    if (err == PV_OK && strcmp(pv_member(due, "from"), "resolution") == 0) {
        pv_day_text(change->context->day, day);
        err = pv_set(with, "anchor_day", day);
    }
    if (err == PV_OK) {
        err = make(change, PV_KIND_COMMITMENT, with,
                   waits ? "make-waiting" : "make", item);
    }
    json_decref(with);
    return err;
}

/* What is ordered comes before who receives it. */
static const struct {
    const char *name;
    enum pv_err (*one)(struct pv_change *change, const json_t *thing,
                       const char *item);
} part[] = {{"orders", order_one},
            {"grants", grant_one},
            {"modes", mode_one},
            {"commitments", commit_one}};

enum pv_err
pv_effect_enacted(struct pv_change *change)
{
    enum pv_err err = PV_OK;

    for (size_t p = 0; p < COUNT(part); p++) {
        json_t *item;
        size_t  i;

        json_array_foreach(json_object_get(change->body, "items"), i, item)
        {
            json_t *thing;
            size_t  n;

            json_array_foreach(json_object_get(item, part[p].name), n, thing)
            {
                err = err == PV_OK
                          ? part[p].one(change, thing, pv_member(item, "item"))
                          : err;
            }
        }
    }
    return err;
}

/* ---- notification ---- */

static enum pv_err
make_uptake(struct pv_change *change, const char *grant_id, const json_t *grant,
            bool is_live)
{
    char        id[PV_RECORD_ID_MAX + 1];
    char        day[PV_JALALI_ROOM];
    json_t     *data;
    enum pv_err err;

    if (snprintf(id, sizeof(id), "uptake/%s", grant_id) >= (int)sizeof(id)) {
        return PV_ERANGE;
    }
    pv_day_text(change->context->day, day);
    data = json_pack(
        "{s:[O], s:s, s:s, s:s, s:[s], s:b, s:{s:s, s:s, s:s, s:O}}",
        "responsible", json_object_get(grant, "consumer"), "text_fa",
        "دریافت سرویس و به‌کارگیری آن در سامانه‌های ملی یا پنجره دستگاه ظرف دو "
        "ماه",
        "text_en", "obtain the service and use it within two months",
        "resolution", change->id, "grants", grant_id, "by_evidence", 1, "due",
        "kind", is_live ? "relative" : "conditional", "period", UPTAKE_PERIOD,
        "from", is_live ? "notification" : "go-live", "event",
        json_object_get(grant, "version"));
    err = data == NULL ? PV_ENOMEM : PV_OK;
    if (err == PV_OK && is_live) {
        err = pv_set(data, "anchor_day", day);
    }
    if (err == PV_OK) {
        err = pv_change_also(change, PV_KIND_COMMITMENT, id,
                             is_live ? "make" : "make-waiting", data);
    }
    json_decref(data);
    return err;
}

static enum pv_err
notify_grant(struct pv_change *change, const char *id, const json_t *empty)
{
    struct pv_record grant = {.body = NULL};
    const char      *state = NULL;
    bool             is_live;
    enum pv_err      err =
        pv_record_get(pv_registry_of(change), PV_KIND_GRANT, id, &grant);

    if (err != PV_OK || strcmp(pv_kind_row(PV_KIND_GRANT)->states[grant.state],
                               "decided") != 0) {
        pv_record_clear(&grant);
        return err;
    }
    err = pv_state_of(pv_registry_of(change), PV_KIND_VERSION,
                      pv_member(grant.body, "version"), &state);
    is_live = state != NULL && strcmp(state, "live") == 0;
    if (err == PV_OK) {
        err = pv_change_also(change, PV_KIND_GRANT, id,
                             is_live ? "notify" : "await-service", empty);
    }
    if (err == PV_OK && !pv_member_true(change->body, "without_uptake")) {
        err = make_uptake(change, id, grant.body, is_live);
    }
    pv_record_clear(&grant);
    return err;
}

static enum pv_err
notify_mode(struct pv_change *change, const char *id, const json_t *empty)
{
    const char *state = NULL;
    enum pv_err err =
        pv_state_of(pv_registry_of(change), PV_KIND_MODE, id, &state);

    return err == PV_OK && state != NULL && strcmp(state, "decided") == 0
               ? pv_change_also(change, PV_KIND_MODE, id, "notify", empty)
               : err;
}

/* Due dates that count from the notification are known from now on. */
static enum pv_err
notify_duty(struct pv_change *change, const char *id, const json_t *empty)
{
    struct pv_record duty = {.body = NULL};
    char             day[PV_JALALI_ROOM];
    json_t          *data = NULL;
    enum pv_err      err =
        pv_record_get(pv_registry_of(change), PV_KIND_COMMITMENT, id, &duty);

    (void)empty;
    if (err == PV_OK &&
        strcmp(pv_kind_row(PV_KIND_COMMITMENT)->states[duty.state], "open") ==
            0 &&
        strcmp(pv_member(json_object_get(duty.body, "due"), "from"),
               "notification") == 0 &&
        json_object_get(duty.body, "anchor_day") == NULL) {
        pv_day_text(change->context->day, day);
        data = json_pack("{s:s}", "anchor_day", day);
        err = data == NULL ? PV_ENOMEM
                           : pv_change_also(change, PV_KIND_COMMITMENT, id,
                                            "anchor", data);
    }
    json_decref(data);
    pv_record_clear(&duty);
    return err;
}

static const struct {
    enum pv_kind kind;
    enum pv_err (*one)(struct pv_change *change, const char *id,
                       const json_t *empty);
} notified[] = {{PV_KIND_COMMITMENT, notify_duty},
                {PV_KIND_MODE, notify_mode},
                {PV_KIND_GRANT, notify_grant}};

enum pv_err
pv_effect_notified(struct pv_change *change)
{
    json_t     *empty = json_object();
    enum pv_err err = empty == NULL ? PV_ENOMEM : PV_OK;

    for (size_t k = 0; k < COUNT(notified) && err == PV_OK; k++) {
        json_t *ids = NULL;
        json_t *id;
        size_t  i;

        err = pv_record_users(pv_registry_of(change), "resolution", change->id,
                              notified[k].kind, &ids);
        json_array_foreach(ids, i, id)
        {
            err = err == PV_OK
                      ? notified[k].one(change, json_string_value(id), empty)
                      : err;
        }
        json_decref(ids);
    }
    json_decref(empty);
    return err;
}
