/*
 * rules_representation.c - a system that answers for another agency:
 * its own agency, or the secretariat, proposes; the agency that is named
 * confirms. Only then does the system's record name it.
 */
#include <string.h>

#include "kind_tables.h"
#include "rules.h"

#define SERVES "serves_agencies"

static enum pv_err
get_system(struct pv_change *change, struct pv_record *ret)
{
    return pv_record_get(pv_registry_of(change), PV_KIND_SYSTEM,
                         pv_member(change->body, "system"), ret);
}

static enum pv_err
check_system(struct pv_change *change, const struct pv_record *record)
{
    const json_t *system = record->body;
    const char   *state = pv_kind_row(PV_KIND_SYSTEM)->states[record->state];
    struct pv_refusal *refusal = change->context->refusal;
    const char        *id = pv_member(change->body, "system");
    const char        *agency = pv_member(change->body, "agency");
    const char        *provider = pv_member(change->body, "provider");

    if (strcmp(pv_member(system, "agency"), agency) != 0) {
        return pv_refuse(
            refusal, "R-029", "other-agency", "%s: the system %s is none of %s",
            "%s: سامانه %s متعلق به %s نیست", change->id, id, agency);
    }
    if (strcmp(state, "retired") == 0) {
        return pv_refuse(refusal, "R-029", "retired",
                         "%s: the system %s is retired",
                         "%s: سامانه %s کنار گذاشته شده است", change->id, id);
    }
    if (strcmp(pv_member(system, "kind"), "application") == 0) {
        return pv_refuse(
            refusal, "R-029", "answers-nothing",
            "%s: %s is an application and answers no calls",
            "%s: %s سامانه کاربردی است و پاسخ‌گوی فراخوانی نیست",
            change->id, id);
    }
    if (pv_list_has(json_object_get(system, SERVES), provider)) {
        return pv_refuse(
            refusal, "R-029", "represented", "%s: %s answers for %s already",
            "%s: %s هم‌اکنون به جای %s پاسخ می‌دهد",
            change->id, id, provider);
    }
    return PV_OK;
}

enum pv_err
pv_rule_representation(struct pv_change *change)
{
    struct pv_record system = {.body = NULL};
    enum pv_err      err = get_system(change, &system);

    if (err == PV_OK) {
        err = check_system(change, &system);
    }
    pv_record_clear(&system);
    return err;
}

/* The list without the agency, or with it at its end; NULL: no memory. */
static json_t *
list_of(const json_t *before, const char *agency, bool with)
{
    json_t *list = json_array();
    json_t *one;
    size_t  i;
    bool    ok = list != NULL;

    json_array_foreach(before, i, one)
    {
        if (ok && strcmp(json_string_value(one), agency) != 0) {
            ok = json_array_append(list, one) == 0;
        }
    }
    if (ok && with) {
        ok = json_array_append_new(list, json_string(agency)) == 0;
    }
    if (!ok) {
        json_decref(list);
        return NULL;
    }
    return list;
}

enum pv_err
pv_effect_represented(struct pv_change *change)
{
    const char      *now = change->row->states[change->after];
    const char      *was = change->row->states[change->before];
    bool             with = strcmp(now, "in-force") == 0;
    struct pv_record system = {.body = NULL};
    json_t          *data = NULL;
    enum pv_err      err;

    if (!with && strcmp(was, "in-force") != 0) {
        return PV_OK; /* a proposal that is taken back */
    }
    err = get_system(change, &system);
    if (err == PV_OK) {
        data = json_pack("{s:o}", SERVES,
                         list_of(json_object_get(system.body, SERVES),
                                 pv_member(change->body, "provider"), with));
        err = data == NULL ? PV_ENOMEM
                           : pv_change_also(change, PV_KIND_SYSTEM,
                                            pv_member(change->body, "system"),
                                            "serve", data);
    }
    pv_record_clear(&system);
    json_decref(data);
    return err;
}
