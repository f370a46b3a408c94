/*
 * rules_notices.c - what is announced before a version ends or is replaced,
 * notices themselves, and publishing.
 */
#include <string.h>

#include "kind_tables.h"
#include "rules.h"

/* ---- the end of a version ---- */

/* A version ends in order: notice, successor, end. */
enum pv_err
pv_rule_replacement(struct pv_change *change)
{
    const char *state = NULL;
    json_t     *ids = NULL;
    enum pv_err err = pv_record_users(pv_registry_of(change), "version",
                                      change->id, PV_KIND_NOTICE, &ids);
    size_t      count = json_array_size(ids);

    json_decref(ids);
    if (err == PV_OK && count == 0) {
        return pv_refuse(
            change->context->refusal, "R-236", "no-notice",
            "%s: a replacement is announced by a notice first",
            "%s: جایگزینی سرویس نخست با اطلاعیه اعلام می‌شود",
            change->id);
    }
    if (err == PV_OK) {
        err = pv_state_of(pv_registry_of(change), PV_KIND_VERSION,
                          pv_member(change->body, "successor"), &state);
    }
    if (err == PV_OK && (state == NULL || strcmp(state, "live") != 0)) {
        return pv_refuse(change->context->refusal, "R-236", "successor",
                         "%s: its successor %s is not live",
                         "%s: جانشین آن %s برقرار نیست", change->id,
                         pv_member(change->body, "successor"));
    }
    return err;
}

/* What was live ends after a notice that it will. */
enum pv_err
pv_rule_ending(struct pv_change *change)
{
    static const char *const before[] = {"live", "suspended", NULL};
    static const char *const kinds[] = {"end", "replacement", NULL};
    json_t                  *ids = NULL;
    json_t                  *id;
    size_t                   i;
    bool                     told = false;
    enum pv_err              err;

    if (!pv_is_one_of(change->row->states[change->before], before)) {
        return PV_OK;
    }
    err = pv_record_users(pv_registry_of(change), "version", change->id,
                          PV_KIND_NOTICE, &ids);
    json_array_foreach(ids, i, id)
    {
        struct pv_record notice = {.body = NULL};

        if (err == PV_OK && !told) {
            err = pv_record_get(pv_registry_of(change), PV_KIND_NOTICE,
                                json_string_value(id), &notice);
            told = err == PV_OK &&
                   pv_is_one_of(pv_member(notice.body, "kind"), kinds);
            pv_record_clear(&notice);
        }
    }
    json_decref(ids);
    if (err == PV_OK && !told) {
        return pv_refuse(
            change->context->refusal, "R-236", "no-notice",
            "%s: the end of a service is announced by a notice "
            "first",
            "%s: پایان سرویس نخست با اطلاعیه اعلام می‌شود",
            change->id);
    }
    return err;
}

/* ---- notices, publishing ---- */

enum pv_err
pv_rule_notice(struct pv_change *change)
{
    const json_t *from = json_object_get(change->body, "from_ms");
    const json_t *until = json_object_get(change->body, "until_ms");
    int64_t       day = pv_time_tehran_day(json_integer_value(from));

    /* what was not announced before it began is a disruption */
    if (strcmp(pv_member(change->body, "kind"), "outage") == 0 &&
        change->version == 1 && day < change->context->day) {
        return pv_refuse(
            change->context->refusal, "R-242", "not-in-advance",
            "%s: an outage is announced in advance; what came "
            "unannounced is a disruption",
            "%s: قطعی برنامه‌ریزی‌شده پیش از آغاز اعلام می‌شود؛ "
            "آنچه بی‌خبر رخ داده اختلال است",
            change->id);
    }
    if (until != NULL &&
        json_integer_value(until) <= json_integer_value(from)) {
        return pv_refuse(change->context->refusal, "R-242", "notice",
                         "%s: it ends before it begins",
                         "%s: پایان آن پیش از آغاز است", change->id);
    }
    return PV_OK;
}

enum pv_err
pv_rule_rights_checked(struct pv_change *change)
{
    if (pv_member(change->body, "rights")[0] != '\0') {
        return PV_OK;
    }
    return pv_refuse(change->context->refusal, "R-052", "rights",
                     "%s: the check of data subjects' rights is not recorded",
                     "%s: بررسی حقوق اشخاص ثبت نشده است", change->id);
}
