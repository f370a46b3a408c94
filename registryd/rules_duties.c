/*
 * rules_duties.c - due dates of commitments.
 *
 * The member "due" of a commitment:
 *   {"kind":"absolute","day":"1401-07-30"}
 *   {"kind":"relative","period":"P2M","from":"notification"}
 *   {"kind":"conditional","period":"P1M","from":"event","event":"..."}
 *   {"kind":"recurring","period":"P1M","from":"notification"}
 *   {"kind":"open"}
 * from says which day counts; the day itself is anchor_day, once it is known.
 */
#include <string.h>

#include "base/due.h"
#include "kind_tables.h"
#include "measured.h"
#include "rules.h"

static enum pv_err
refuse_due(struct pv_change *change)
{
    return pv_refuse(change->context->refusal, "R-297", "due",
                     "%s: its due date is not right; see the manual",
                     "%s: سررسید آن درست نیست؛ راهنما را ببینید", change->id);
}

/* PV_EINVAL: it is not right. */
static enum pv_err
read_due(const json_t *body, struct pv_due *ret)
{
    static const char *const names[] = {"kind",  "day",  "period", "from",
                                        "event", "note", NULL};
    static const char *const from[] = {
        "notification", "resolution", "approval", "publication",
        "go-live",      "task",       "meeting",  "event",
        "formation",    "principles", NULL};
    const json_t *due = json_object_get(body, "due");
    struct pv_due out = {.kind = PV_DUE_OPEN};
    const char   *name;
    json_t       *value;
    enum pv_err   err;

    if (due == NULL) {
        *ret = out;
        return PV_OK;
    }
    err = pv_due_from_word(pv_slice_from(pv_member(due, "kind")), &out.kind);
    json_object_foreach((json_t *)(uintptr_t)due, name, value)
    {
        err = err == PV_OK && !pv_is_one_of(name, names) ? PV_EINVAL : err;
    }
    if (err == PV_OK && out.kind == PV_DUE_ABSOLUTE) {
        err = pv_member_day(due, "day", &out.day);
    } else if (err == PV_OK && out.kind != PV_DUE_OPEN) {
        err = pv_is_one_of(pv_member(due, "from"), from) ? PV_OK : PV_EINVAL;
        if (err == PV_OK) {
            err = pv_period_parse(pv_slice_from(pv_member(due, "period")),
                                  &out.period);
        }
    }
    if (err == PV_OK) {
        out.has_anchor =
            pv_member_day(body, "anchor_day", &out.anchor) == PV_OK;
        *ret = out;
    }
    return err == PV_ENOTFOUND ? PV_EINVAL : err;
}

/* due_day from the rule, its anchor, what is done, and an extension. */
static enum pv_err
set_due_day(struct pv_change *change)
{
    char          text[PV_JALALI_ROOM];
    struct pv_due due = {.has_anchor = false};
    int64_t       day;
    int64_t       after;
    enum pv_err   err = read_due(change->body, &due);

    if (err == PV_EINVAL || err == PV_ERANGE) {
        return refuse_due(change);
    }
    if (err == PV_OK &&
        pv_member_day(change->body, "extended_to", &day) == PV_OK) {
        pv_day_text(day, text);
        return pv_set(change->body, "due_day", text);
    }
    after = due.anchor;
    if (err == PV_OK &&
        pv_member_day(change->body, "last_done", &day) == PV_OK) {
        after = day;
    }
    if (err == PV_OK) {
        err = pv_due_day(&due, after, &day);
    }
    if (err == PV_ENOTFOUND) { /* none, or its anchor is not known yet */
        (void)json_object_del(change->body, "due_day"); /* may not be there */
        return PV_OK;
    }
    if (err == PV_EINVAL || err == PV_ERANGE) {
        return refuse_due(change);
    }
    if (err == PV_OK) {
        pv_day_text(day, text);
        err = pv_set(change->body, "due_day", text);
    }
    return err;
}

/* The day of its making is kept, because later versions have other days. */
enum pv_err
pv_rule_due(struct pv_change *change)
{
    char        text[PV_JALALI_ROOM];
    enum pv_err err;

    pv_day_text(change->context->day, text);
    err = pv_set(change->body, "made_day", text);
    return err == PV_OK ? set_due_day(change) : err;
}

/* An entry of its progress; its day is the decision's. */
enum pv_err
pv_rule_progress(struct pv_change *change)
{
    char text[PV_JALALI_ROOM];

    if (json_integer_value(json_object_get(change->body, "percent")) > 100) {
        return pv_refuse(change->context->refusal, "R-303", "percent",
                         "%s: progress goes from 0 to 100 percent",
                         "%s: پیشرفت از ۰ تا ۱۰۰ درصد است", change->id);
    }
    pv_day_text(change->context->day, text);
    return pv_set(change->body, "progress_day", text);
}

enum pv_err
pv_rule_anchor(struct pv_change *change)
{
    return set_due_day(change);
}

enum pv_err
pv_rule_new_due(struct pv_change *change)
{
    return set_due_day(change);
}

/* ---- takeover: the party changes when the day has passed (R-301) ---- */

int64_t
pv_duty_days_over(const json_t *body, int64_t day)
{
    int64_t due = 0;

    return pv_member_day(body, "due_day", &due) == PV_OK && day > due
               ? day - due
               : 0;
}

const char *
pv_duty_heir(const json_t *body, int64_t day)
{
    return json_object_get(body, "taken_from") == NULL &&
                   pv_duty_days_over(body, day) > 0
               ? pv_member(body, "takes_over")
               : "";
}

bool
pv_duty_falls_to(const json_t *body, int64_t day, const char *party)
{
    const char *heir = pv_duty_heir(body, day);

    return heir[0] == '\0'
               ? pv_list_has(json_object_get(body, "responsible"), party)
               : strcmp(heir, party) == 0;
}

static enum pv_err
hand_over(struct pv_change *change, const char *heir)
{
    json_t *list = json_pack("[s]", heir);

    if (list == NULL ||
        json_object_set(change->body, "taken_from",
                        json_object_get(change->body, "responsible")) != 0 ||
        json_object_set(change->body, "responsible", list) != 0) {
        json_decref(list);
        return PV_ENOMEM;
    }
    json_decref(list);
    return PV_OK;
}

enum pv_err
pv_rule_take_over(struct pv_change *change)
{
    const char *heir = pv_duty_heir(change->body, change->context->day);

    if (heir[0] == '\0') {
        return pv_refuse(change->context->refusal, "R-301", "take-over",
                         "%s: nobody takes it over, or its day has not passed",
                         "%s: جانشینی ندارد یا سررسید آن نگذشته است",
                         change->id);
    }
    return hand_over(change, heir);
}

/* Whoever reports after that day is the heir; the record says so then. */
enum pv_err
pv_rule_heir(struct pv_change *change)
{
    const char *heir = pv_duty_heir(change->body, change->context->day);

    return heir[0] == '\0' ? PV_OK : hand_over(change, heir);
}

/* ---- being done ---- */

static bool
is_recurring(const struct pv_change *change)
{
    return strcmp(pv_member(json_object_get(change->body, "due"), "kind"),
                  "recurring") == 0;
}

enum pv_err
pv_rule_recurring(struct pv_change *change)
{
    char        text[PV_JALALI_ROOM];
    enum pv_err err;

    if (!is_recurring(change)) {
        return pv_refuse(change->context->refusal, "R-304", "not-recurring",
                         "%s: it is due once", "%s: یک بار سررسید دارد",
                         change->id);
    }
    pv_day_text(change->context->day, text);
    err = pv_set(change->body, "last_done", text);
    return err == PV_OK ? set_due_day(change) : err;
}

enum pv_err
pv_rule_not_recurring(struct pv_change *change)
{
    if (is_recurring(change)) {
        return pv_refuse(
            change->context->refusal, "R-304", "recurring",
            "%s: it comes again, so a period of it is accepted",
            "%s: دوره‌ای است و هر دوره جداگانه پذیرفته می‌شود",
            change->id);
    }
    return PV_OK;
}

/* what the exchange can see is not met by a declaration. */
enum pv_err
pv_rule_evidence_needed(struct pv_change *change)
{
    if (!pv_member_true(change->body, "by_evidence") &&
        !pv_duty_is_delivery(change->body)) {
        return PV_OK;
    }
    return pv_refuse(
        change->context->refusal, "R-311", "evidence",
        "%s: it is met by evidence of the exchange, not by a "
        "declaration alone",
        "%s: با شواهد مرکز تبادل انجام‌شده به شمار می‌آید، نه فقط "
        "با اعلام",
        change->id);
}

/* ---- in figures of the registry (R-305) ---- */

enum pv_err
pv_rule_measure(struct pv_change *change)
{
    const json_t *measure = json_object_get(change->body, "measure");

    return measure == NULL || pv_is_duty_measure(measure)
               ? PV_OK
               : pv_refuse(
                     change->context->refusal, "R-305", "measure",
                     "%s: its measure names what is counted, and a share "
                     "in permille or a count",
                     "%s: سنجه آن می‌گوید چه شمرده می‌شود و سهم در هزار "
                     "یا شمار آن چند است",
                     change->id);
}

/* As it stands now, in this decision. */
static enum pv_err
measure_now(struct pv_change *change, struct pv_measured *ret)
{
    struct pv_view_call call = {.registry = pv_registry_of(change),
                                .at = {.kind = PV_NOW}};
    enum pv_err         err = pv_record_flush(pv_registry_of(change));

    return err == PV_OK ? pv_duty_measured(&call, change->body, ret) : err;
}

enum pv_err
pv_rule_calculated(struct pv_change *change)
{
    struct pv_measured measured;
    enum pv_err        err;

    if (json_object_get(change->body, "measure") == NULL) {
        return PV_OK;
    }
    err = measure_now(change, &measured);
    return err != PV_OK
               ? err
               : pv_refuse(
                     change->context->refusal, "R-305", "calculated",
                     "%s: its progress is calculated, and is %d of %d",
                     "%s: پیشرفت آن محاسبه می‌شود و %d از %d است",
                     change->id, (int)measured.done, (int)measured.whole);
}

enum pv_err
pv_rule_reached(struct pv_change *change)
{
    struct pv_measured measured;
    enum pv_err        err;

    if (json_object_get(change->body, "measure") == NULL) {
        return PV_OK;
    }
    err = measure_now(change, &measured);
    return err != PV_OK || measured.reached
               ? err
               : pv_refuse(change->context->refusal, "R-305", "not-reached",
                           "%s: it is not reached: %d of %d",
                           "%s: هنوز محقق نشده است: %d از %d", change->id,
                           (int)measured.done, (int)measured.whole);
}

enum pv_err
pv_effect_extended(struct pv_change *change)
{
    json_t     *data = json_pack("{s:O}", "extended_to",
                                 json_object_get(change->body, "until"));
    enum pv_err err =
        data == NULL ? PV_ENOMEM
                     : pv_change_also(change, PV_KIND_COMMITMENT,
                                      pv_member(change->body, "commitment"),
                                      "extend", data);

    json_decref(data);
    return err;
}
