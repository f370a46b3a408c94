/*
 * rules_agreements.c - what must hold for agreements, and for links outside
 * the exchange.
 */
#include <string.h>

#include "kind_tables.h"
#include "rules.h"

#define SIGNATURES 3

/* First day of the rules of 1393: the exchange centres were founded. */
#define RULES_DAY "1393-06-11"

/* ---- agreements: three sides, three signatures ---- */

enum pv_err
pv_rule_three_parties(struct pv_change *change)
{
    if (json_array_size(json_object_get(change->body, "parties")) ==
            SIGNATURES &&
        pv_member(change->body, "kind")[0] != '\0' &&
        pv_member(change->body, "text_fa")[0] != '\0') {
        return PV_OK;
    }
    return pv_refuse(
        change->context->refusal, "R-233", "three-parties",
        "%s: an agreement has a kind, a text and three parties: "
        "source, destination, exchange",
        "%s: توافق‌نامه نوع، متن و سه طرف دارد: مبدأ، مقصد و مرکز "
        "تبادل",
        change->id);
}

enum pv_err
pv_rule_signature(struct pv_change *change)
{
    const json_t *before = json_object_get(change->body, "signed_by");
    const char   *of = change->context->of;
    json_t       *by;

    if (pv_list_has(before, of)) {
        return pv_refuse(change->context->refusal, "R-233", "signed-already",
                         "%s: %s has signed already",
                         "%s: %s پیش‌تر امضا کرده است",
                         change->id, of);
    }
    by = before == NULL ? json_array() : json_copy((json_t *)(uintptr_t)before);
    return json_array_append_new(by, json_string(of)) == 0 &&
                   json_object_set_new(change->body, "signed_by", by) == 0
               ? PV_OK
               : PV_ENOMEM;
}

/* ---- links outside the exchange ---- */

enum pv_err
pv_rule_old_link(struct pv_change *change)
{
    int64_t     since = 0;
    int64_t     rules = 0;
    json_t     *first = json_pack("{s:s}", "day", RULES_DAY);
    enum pv_err err =
        first == NULL ? PV_ENOMEM : pv_member_day(first, "day", &rules);

    json_decref(first);
    if (err == PV_OK) {
        err = pv_member_day(change->body, "since", &since);
    }
    if (err == PV_OK && pv_member_true(change->body, "base_data") &&
        since > rules) {
        return pv_refuse(change->context->refusal, "R-007", "new-link",
                         "%s: a new link for base data outside an exchange is "
                         "prohibited; it is proposed, and permitted by the "
                         "council",
                         "%s: ایجاد ارتباط اختصاصی جدید برای داده پایه بیرون "
                         "از مرکز تبادل ممنوع است؛ باید پیشنهاد و شورا مجوز "
                         "دهد",
                         change->id);
    }
    return err;
}

static bool
duty_of_link(const struct pv_change *change, char room[PV_RECORD_ID_MAX + 1])
{
    return snprintf(room, PV_RECORD_ID_MAX + 1, "link/%s", change->id) <=
           PV_RECORD_ID_MAX;
}

/* A link that is there must go: its duty has no day yet. */
enum pv_err
pv_effect_link_declared(struct pv_change *change)
{
    char        id[PV_RECORD_ID_MAX + 1];
    json_t     *data;
    enum pv_err err;

    if (!duty_of_link(change, id)) {
        return PV_ERANGE;
    }
    data = json_pack("{s:O, s:s, s:s, s:{s:s, s:s, s:s, s:s}}", "responsible",
                     json_object_get(change->body, "parties"), "text_fa",
                     "برچیدن ارتباط اختصاصی پس از برقراری مسیر جایگزین در "
                     "مرکز تبادل",
                     "text_en",
                     "remove the dedicated link after the exchange path stands",
                     "due", "kind", "relative", "period", "P0D", "from",
                     "event", "event", "replacement");
    err = data == NULL
              ? PV_ENOMEM
              : pv_change_also(change, PV_KIND_COMMITMENT, id, "make", data);
    json_decref(data);
    return err;
}

/* The exchange path stands now: the duty is due. */
enum pv_err
pv_effect_link_leaves(struct pv_change *change)
{
    char        id[PV_RECORD_ID_MAX + 1];
    char        day[PV_JALALI_ROOM];
    const char *state = NULL;
    json_t     *data;
    enum pv_err err;

    if (!duty_of_link(change, id)) {
        return PV_ERANGE;
    }
    err = pv_state_of(pv_registry_of(change), PV_KIND_COMMITMENT, id, &state);
    if (err == PV_OK && state == NULL) { /* one that was permitted */
        err = pv_effect_link_declared(change);
    }
    pv_day_text(change->context->day, day);
    data = json_pack("{s:s}", "anchor_day", day);
    if (err == PV_OK) {
        err = data == NULL ? PV_ENOMEM
                           : pv_change_also(change, PV_KIND_COMMITMENT, id,
                                            "anchor", data);
    }
    json_decref(data);
    return err;
}

/* A link that is removed meets its duty. */
enum pv_err
pv_effect_link_removed(struct pv_change *change)
{
    char        id[PV_RECORD_ID_MAX + 1];
    char        day[PV_JALALI_ROOM];
    const char *state = NULL;
    json_t     *data = NULL;
    enum pv_err err;

    if (!duty_of_link(change, id)) {
        return PV_ERANGE;
    }
    err = pv_state_of(pv_registry_of(change), PV_KIND_COMMITMENT, id, &state);
    if (err == PV_OK && state != NULL && strcmp(state, "open") == 0) {
        pv_day_text(change->context->day, day);
        data = json_pack("{s:{s:s, s:s, s:s, s:s}}", "evidence", "kind",
                         "other", "day", day, "of", "link", "id", change->id);
        err = data == NULL ? PV_ENOMEM
                           : pv_change_also(change, PV_KIND_COMMITMENT, id,
                                            "evidence", data);
    }
    json_decref(data);
    return err;
}
