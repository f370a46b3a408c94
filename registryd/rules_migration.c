/*
 * rules_migration.c - what has to go: log-ins in place of services, links
 * outside the exchange, inquiries on paper.
 */
#include <string.h>

#include "kind_tables.h"
#include "rules.h"

/* First day of resolution 23 of the executive council (S4-CUS4). */
#define CARTABLE_DAY "1400-11-14"

/* A year after the regulation, from its approval on; the day on which it was
 * notified is not in the documents (S1R-5). */
#define PAPER_DAY "1398-09-24"

/* Does the member's day lie before the day? False when it has none. */
static enum pv_err
is_before(const json_t *body, const char *name, const char *day, bool *ret)
{
    json_t     *other = json_pack("{s:s}", "day", day);
    int64_t     limit = 0;
    int64_t     own = 0;
    enum pv_err err =
        other == NULL ? PV_ENOMEM : pv_member_day(other, "day", &limit);

    json_decref(other);
    *ret = false;
    if (err == PV_OK && pv_member(body, name)[0] != '\0') {
        err = pv_member_day(body, name, &own);
        *ret = own < limit;
    }
    return err;
}

/* ---- log-ins in place of services (R-013) ---- */

/* One that others had before the rule is declared, and by whom it is used. */
enum pv_err
pv_rule_old_cartable(struct pv_change *change)
{
    bool        old = false;
    enum pv_err err =
        is_before(change->body, "cartable_since", CARTABLE_DAY, &old);

    if (err == PV_OK && old &&
        json_array_size(json_object_get(change->body, "cartable_agencies")) >
            0) {
        return PV_OK;
    }
    return err == PV_OK ? pv_rule_cartable(change) : err;
}

/* Each agency that logs in is a duty to give it a service. */
static enum pv_err
add_duty(struct pv_change *change, const char *agency)
{
    char        id[PV_RECORD_ID_MAX + 1];
    const char *state = NULL;
    json_t     *data = NULL;
    enum pv_err err;

    if (snprintf(id, sizeof(id), "cartable/%s/%s", change->id, agency) >=
        (int)sizeof(id)) {
        return PV_ERANGE;
    }
    err = pv_state_of(pv_registry_of(change), PV_KIND_COMMITMENT, id, &state);
    if (err != PV_OK || state != NULL) {
        return err; /* a passport may come back and be handed in again */
    }
    data = json_pack(
        "{s:[s], s:[s], s:s, s:s, s:{s:s}, s:s}", "responsible",
        pv_member(change->body, "agency"), "collaborators", agency, "text_fa",
        "جایگزینی دسترسی کارتابلی با سرویس و برچیدن آن", "text_en",
        "give a service in place of the log-in to the system, and remove it",
        "due", "kind", "open", "output", "service");
    err = data == NULL
              ? PV_ENOMEM
              : pv_change_also(change, PV_KIND_COMMITMENT, id, "make", data);
    json_decref(data);
    return err;
}

enum pv_err
pv_effect_cartable_declared(struct pv_change *change)
{
    json_t     *agency;
    size_t      i;
    enum pv_err err = PV_OK;

    if (!pv_member_true(change->body, "cartable_access")) {
        return PV_OK;
    }
    json_array_foreach(json_object_get(change->body, "cartable_agencies"), i,
                       agency)
    {
        err = err == PV_OK ? add_duty(change, json_string_value(agency)) : err;
    }
    return err;
}

/* ---- links outside the exchange (R-008) ---- */

/* The exemption is decided, and one of the parties has it. */
enum pv_err
pv_rule_link_exempt(struct pv_change *change)
{
    struct pv_record exemption = {.body = NULL};
    bool             holds;
    enum pv_err      err =
        pv_record_get(pv_registry_of(change), PV_KIND_EXEMPTION,
                      pv_member(change->body, "exemption"), &exemption);

    if (err != PV_OK) {
        return err;
    }
    holds = pv_is_exempting(&exemption, change->context->day) &&
            pv_list_has(json_object_get(change->body, "parties"),
                        pv_member(exemption.body, "agency"));
    pv_record_clear(&exemption);
    return holds
               ? PV_OK
               : pv_refuse(
                     change->context->refusal, "R-008", "no-exemption",
                     "%s: the exemption %s is not in force, or is of none of "
                     "its parties",
                     "%s: معافیت %s معتبر نیست یا از طرف‌های این ارتباط نیست",
                     change->id, pv_member(change->body, "exemption"));
}

/* ---- paper (R-009) ---- */

/* What takes the place of paper can be called. */
enum pv_err
pv_rule_electronic(struct pv_change *change)
{
    const char      *id = pv_member(change->body, "version");
    struct pv_record version = {.body = NULL};
    bool             live;
    bool             own;
    enum pv_err      err =
        pv_record_get(pv_registry_of(change), PV_KIND_VERSION, id, &version);

    if (err != PV_OK) {
        return err;
    }
    live = strcmp(pv_kind_row(PV_KIND_VERSION)->states[version.state],
                  "live") == 0;
    own = strcmp(pv_member(version.body, "provider"),
                 pv_member(change->body, "agency")) == 0;
    pv_record_clear(&version);
    return live && own
               ? PV_OK
               : pv_refuse(change->context->refusal, "R-009", "not-electronic",
                           "%s: %s is not a live service of %s",
                           "%s: %s سرویس برقرار %s نیست", change->id, id,
                           pv_member(change->body, "agency"));
}

enum pv_err
pv_rule_paper_report(struct pv_change *change)
{
    bool        before = false;
    int64_t     received = 0;
    enum pv_err err = is_before(change->body, "received", PAPER_DAY, &before);

    if (err == PV_OK) {
        err = pv_member_day(change->body, "received", &received);
    }
    if (err == PV_OK && (before || received > change->context->day)) {
        err = pv_refuse(
            change->context->refusal, "R-009", "paper-day",
            "%s: an inquiry on paper is reported when it came after %s, and "
            "when it has come",
            "%s: استعلام کاغذی دریافت‌شده پس از %s گزارش می‌شود",
            change->id, PAPER_DAY);
    }
    return err;
}
