/*
 * view_keys.c - which certificates and keys end soon, or have ended while
 * their system shows no other.
 */
#include <string.h>

#include "base/num.h"
#include "kind_tables.h"
#include "rules.h"
#include "view.h"

#define WITHIN 30 /* days, when nobody says how many */

struct ending {
    char    party[PV_RECORD_ID_MAX + 1]; /* "" for all */
    int64_t within;
    json_t *authorities; /* owned by the view */
};

static enum pv_err
read_ending(const struct pv_view_call *call, struct ending *ending)
{
    uint64_t    within = WITHIN;
    enum pv_err err = pv_slice_to_cstr(call->param[PV_VIEW_PARTY],
                                       ending->party, sizeof(ending->party));

    if (err == PV_OK && call->param[PV_VIEW_WITHIN].len > 0) {
        err = pv_slice_to_u64(call->param[PV_VIEW_WITHIN], 100000, &within);
    }
    ending->within = (int64_t)within;
    return err == PV_OK ? PV_OK : PV_EINVAL;
}

/* The last day on which it is good, in both calendars. */
static enum pv_err
set_day(const struct pv_view_call *call, json_t *row, int64_t day)
{
    char        text[PV_TIME_TEXT_LEN + 1];
    enum pv_err err;

    pv_day_text(day, text); /* the shorter of the two */
    err = pv_set(row, "last_day", text);
    if (err == PV_OK) {
        pv_time_text(day * PV_DAY_MS, text);
        text[PV_JALALI_TEXT_LEN] = '\0'; /* the date of it */
        err = pv_set(row, "last_gregorian", text);
    }
    return err == PV_OK
               ? pv_view_set(row, "days_left", json_integer(day - call->today))
               : err;
}

/*
 * Until when the system's key lets the certificate be used: the old one of two
 * to the end of the overlap. ret_used: not at all when it is neither.
 */
static enum pv_err
limit_by_key(struct pv_view_call *call, const json_t *body, int64_t *day,
             bool *ret_used, bool *ret_renewed)
{
    const char      *key = pv_member(body, "spki_sha256");
    struct pv_record system = {.body = NULL};
    int64_t          until;
    enum pv_err      err =
        pv_view_get(call, PV_KIND_SYSTEM, pv_member(body, "system"), &system);

    *ret_renewed = false;
    *ret_used =
        err == PV_OK && strcmp(pv_member(system.body, "spki_sha256"), key) == 0;
    if (err == PV_OK && !*ret_used &&
        strcmp(pv_member(system.body, "old_spki_sha256"), key) == 0 &&
        pv_member_day(system.body, "old_until", &until) == PV_OK) {
        *ret_used = *ret_renewed = true;
        *day = until < *day ? until : *day;
    }
    pv_record_clear(&system);
    return err == PV_ENOTFOUND ? PV_OK : err;
}

static enum pv_err
take_certificate(struct pv_view_call *call, const char *id,
                 const struct pv_record *record, void *context, json_t **ret)
{
    const struct ending *ending = context;
    const json_t        *body = record->body;
    int64_t              day;
    bool                 used;
    bool                 renewed;
    json_t              *row;
    enum pv_err          err;

    if (strcmp(pv_view_state(PV_KIND_CERTIFICATE, record), "valid") != 0 ||
        (ending->party[0] != '\0' &&
         strcmp(pv_member(body, "agency"), ending->party) != 0) ||
        pv_member_day(body, "last_day", &day) != PV_OK) {
        return PV_OK;
    }
    err = limit_by_key(call, body, &day, &used, &renewed);
    if (err != PV_OK || !used || day - call->today > ending->within ||
        (renewed && day < call->today)) {
        return err;
    }
    row =
        json_pack("{s:s, s:o, s:o, s:b}", "id", id, "agency",
                  pv_view_party(call, pv_member(body, "agency")), "system",
                  pv_view_name(call, PV_KIND_SYSTEM, pv_member(body, "system")),
                  "renewed", renewed);
    err = row == NULL ? PV_ENOMEM : set_day(call, row, day);
    if (err != PV_OK) {
        json_decref(row);
        return err;
    }
    *ret = row;
    return PV_OK;
}

static enum pv_err
take_authority(struct pv_view_call *call, const char *id,
               const struct pv_record *record, void *context)
{
    const struct ending *ending = context;
    int64_t              day;
    json_t              *row;
    enum pv_err          err;

    if (strcmp(pv_view_state(PV_KIND_AUTHORITY, record), "registered") != 0 ||
        pv_member_day(record->body, "last_day", &day) != PV_OK ||
        day - call->today > ending->within) {
        return PV_OK;
    }
    row = json_pack("{s:s, s:s}", "id", id, "name_fa",
                    pv_member(record->body, "name_fa"));
    err = row == NULL ? PV_ENOMEM : set_day(call, row, day);
    if (err == PV_OK && json_array_append(ending->authorities, row) != 0) {
        err = PV_ENOMEM;
    }
    json_decref(row);
    return err;
}

enum pv_err
pv_view_ending(struct pv_view_call *call, json_t **ret)
{
    struct ending ending = {.authorities = NULL};
    char          day[PV_JALALI_ROOM];
    json_t       *view;
    enum pv_err   err = read_ending(call, &ending);

    pv_day_text(call->today, day);
    view = json_pack("{s:s, s:I, s:[]}", "day", day, "within",
                     (json_int_t)ending.within, "authorities");
    ending.authorities = json_object_get(view, "authorities");
    if (err == PV_OK && view == NULL) {
        err = PV_ENOMEM;
    }
    /* an authority is of no agency */
    if (err == PV_OK && ending.party[0] == '\0') {
        err = pv_view_each(call, PV_KIND_AUTHORITY, take_authority, &ending);
    }
    if (err == PV_OK) {
        err = pv_view_rows(call, PV_KIND_CERTIFICATE, take_certificate, &ending,
                           "certificates", view);
    }
    if (err != PV_OK) {
        json_decref(view);
        return err;
    }
    *ret = view;
    return PV_OK;
}
