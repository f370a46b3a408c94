/*
 * rules_parties.c - what must hold for systems and appointments.
 */
#include <string.h>

#include "kind_tables.h"
#include "rules.h"

/* ---- shared ---- */

struct pv_registry *
pv_registry_of(const struct pv_change *change)
{
    return change->context->registry;
}

enum pv_err
pv_state_of(struct pv_registry *registry, enum pv_kind kind, const char *id,
            const char **ret)
{
    struct pv_record record = {.body = NULL};
    enum pv_err      err = pv_record_get(registry, kind, id, &record);

    if (err == PV_ENOTFOUND) {
        *ret = NULL;
        return PV_OK;
    }
    if (err == PV_OK) {
        *ret = pv_kind_row(kind)->states[record.state];
    }
    pv_record_clear(&record);
    return err;
}

bool
pv_is_one_of(const char *state, const char *const *list)
{
    for (size_t i = 0; list[i] != NULL; i++) {
        if (state != NULL && strcmp(state, list[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- units ---- */

/* Names of counties come again in other provinces. */
enum pv_err
pv_rule_place(struct pv_change *change)
{
    return pv_member(change->body, "county")[0] == '\0' ||
                   pv_member(change->body, "province")[0] != '\0'
               ? PV_OK
               : pv_refuse(
                     change->context->refusal, "R-037", "place",
                     "%s: a unit of a county names its province too",
                     "%s: واحد شهرستانی استان خود را نیز نام می‌برد",
                     change->id);
}

/* ---- systems ---- */

enum pv_err
pv_rule_system(struct pv_change *change)
{
    const char      *agency = pv_member(change->body, "agency");
    const char      *unit = pv_member(change->body, "unit");
    struct pv_record record = {.body = NULL};
    enum pv_err      err;

    err = pv_record_get(change->context->registry, PV_KIND_AGENCY, agency,
                        &record);
    if (err == PV_OK && pv_member_true(record.body, "is_group")) {
        err = pv_refuse(
            change->context->refusal, "R-011", "group-system",
            "%s: %s is a group of agencies and holds no system",
            "%s: %s گروهی از دستگاه‌هاست و سامانه ندارد",
            change->id, agency);
    }
    pv_record_clear(&record);
    if (err != PV_OK || unit[0] == '\0') {
        return err;
    }
    err = pv_record_get(change->context->registry, PV_KIND_UNIT, unit, &record);
    if (err == PV_OK && strcmp(pv_member(record.body, "agency"), agency) != 0) {
        err =
            pv_refuse(change->context->refusal, "R-012", "unit",
                      "%s: the unit %s is none of %s",
                      "%s: واحد %s متعلق به %s نیست", change->id, unit, agency);
    }
    pv_record_clear(&record);
    return err;
}

enum pv_err
pv_rule_node(struct pv_change *change)
{
    if (json_object_get(change->body, "host_agency") == NULL) {
        return PV_OK;
    }
    return pv_refuse(
        change->context->refusal, "R-030", "node",
        "%s: a node at another agency is planned first and "
        "becomes active by a resolution of the working group",
        "%s: نود مستقل در دستگاه دیگر نخست برنامه‌ریزی و با "
        "مصوبه کارگروه فعال می‌شود",
        change->id);
}

enum pv_err
pv_rule_cartable(struct pv_change *change)
{
    if (!pv_member_true(change->body, "cartable_access")) {
        return PV_OK;
    }
    return pv_refuse(
        change->context->refusal, "R-013", "cartable",
        "%s: giving other agencies a log-in to the system in "
        "place of a service is forbidden",
        "%s: دادن دسترسی کارتابلی به دستگاه‌های دیگر به جای "
        "سرویس ممنوع است",
        change->id);
}

/* Does the agency keep a base register? */
static enum pv_err
keeps_base(struct pv_registry *registry, const char *agency, bool *ret)
{
    json_t     *ids = NULL;
    json_t     *id;
    size_t      i;
    bool        found = false;
    enum pv_err err =
        pv_record_users(registry, "agency", agency, PV_KIND_REGISTER, &ids);

    json_array_foreach(ids, i, id)
    {
        struct pv_record record = {.body = NULL};

        if (err == PV_OK && !found) {
            err = pv_record_get(registry, PV_KIND_REGISTER,
                                json_string_value(id), &record);
            found = err == PV_OK && pv_member_true(record.body, "is_base") &&
                    strcmp(pv_member(record.body, "custodian"), agency) == 0;
            pv_record_clear(&record);
        }
    }
    json_decref(ids);
    if (err == PV_OK) {
        *ret = found;
    }
    return err;
}

enum pv_err
pv_rule_attachment(struct pv_change *change)
{
    struct pv_registry *registry = change->context->registry;
    const char         *exchange = pv_member(change->body, "attached_to");
    const char         *agency = pv_member(change->body, "agency");
    struct pv_record    record = {.body = NULL};
    bool                base = false;
    bool                national;
    enum pv_err         err;

    if (exchange[0] == '\0') {
        return PV_OK;
    }
    err = pv_record_get(registry, PV_KIND_SYSTEM, exchange, &record);
    if (err != PV_OK) {
        return err;
    }
    national = strcmp(pv_member(record.body, "level"), "national") == 0;
    if (strcmp(pv_member(record.body, "kind"), "exchange") != 0) {
        err = pv_refuse(change->context->refusal, "R-020", "attachment",
                        "%s: %s is no exchange centre",
                        "%s: %s مرکز تبادل نیست", change->id, exchange);
    }
    pv_record_clear(&record);
    if (err == PV_OK && !national) {
        err = keeps_base(registry, agency, &base);
    }
    if (err == PV_OK && base) {
        return pv_refuse(change->context->refusal, "R-020", "base-attachment",
                         "%s: %s keeps a base register, which attaches to "
                         "the national exchange only",
                         "%s: %s پایگاه پایه دارد و فقط به مرکز ملی تبادل "
                         "متصل می‌شود",
                         change->id, agency);
    }
    return err;
}

enum pv_err
pv_rule_key(struct pv_change *change)
{
    const char              *key = pv_member(change->body, "spki_sha256");
    struct pv_image_system   system = {.has_key = false};
    struct pv_image_endpoint endpoint = {.version = 0};
    bool                     has_endpoint;
    enum pv_err              err;

    err = pv_system_rows(
        change->id, change->body, change->context->registry->config.loopback,
        change->context->refusal, &system, &endpoint, &has_endpoint);
    if (err == PV_OK && has_endpoint &&
        strcmp(pv_member(change->body, "kind"), "application") == 0) {
        return pv_refuse(
            change->context->refusal, "R-001", "endpoint",
            "%s: an application answers no calls",
            "%s: سامانه کاربردی پاسخ‌گوی فراخوانی نیست",
            change->id);
    }
    return err == PV_OK && key[0] != '\0'
               ? pv_key_is_free(change, change->id, key)
               : err;
}

/* ---- appointments ---- */

/* Offices that the machine's owner and its administrators may fill. */
static bool
is_first_role(const struct pv_change *change)
{
    static const char *const first[] = {"secretariat", "operator",
                                        "administrator", "auditor", NULL};

    return pv_is_one_of(pv_member(change->body, "role"), first);
}

enum pv_err
pv_rule_appointment(struct pv_change *change)
{
    const char *role = change->context->role;
    bool        console = strcmp(role, "console") == 0;

    if (change->depth == 0 && !console &&
        strcmp(pv_member(change->body, "person"), change->context->actor) ==
            0) {
        return pv_refuse(
            change->context->refusal, "R-276", "self-appointment",
            "%s: nobody appoints himself",
            "%s: هیچ‌کس خود را منصوب نمی‌کند",
            change->id);
    }
    if (change->depth == 0 && (console || strcmp(role, "administrator") == 0) &&
        !is_first_role(change)) {
        return pv_refuse(
            change->context->refusal, "R-276", "console",
            "%s: console and administrator appoint a secretariat, an "
            "operator, an administrator and an auditor only; the secretariat "
            "appoints the others",
            "%s: از کنسول و مدیر سامانه فقط دبیرخانه، بهره‌بردار، مدیر سامانه "
            "و بازرس منصوب می‌شوند؛ دیگران را دبیرخانه منصوب می‌کند",
            change->id);
    }
    return PV_OK;
}

enum pv_err
pv_rule_dismissal(struct pv_change *change)
{
    if (strcmp(change->context->role, "administrator") != 0 ||
        is_first_role(change)) {
        return PV_OK;
    }
    return pv_refuse(
        change->context->refusal, "R-276", "console",
        "%s: what the secretariat appointed, the secretariat ends",
        "%s: انتصاب دبیرخانه را دبیرخانه پایان می‌دهد",
        change->id);
}

enum pv_err
pv_refer_appointment(struct pv_change *change)
{
    char        holder[3 * PV_RECORD_ID_MAX + 3];
    enum pv_err err;

    if (snprintf(holder, sizeof(holder), "%s %s %s",
                 pv_member(change->body, "person"),
                 pv_member(change->body, "role"),
                 pv_member(change->body, "of")) >= (int)sizeof(holder)) {
        return PV_ERANGE;
    }
    err = pv_record_refer(change, "person", "holder", holder);
    return err == PV_OK ? pv_record_refer(change, "person", "person",
                                          pv_member(change->body, "person"))
                        : err;
}
