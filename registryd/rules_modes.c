/*
 * rules_modes.c - what must hold for modes and suspensions.
 */
#include <string.h>

#include "kind_tables.h"
#include "rules.h"

#define SEQ_MAX 255

/* ---- modes ---- */

/* A service for named consumers is opened to them only. */
static enum pv_err
check_named(struct pv_change *change, const struct pv_record *version)
{
    bool allow = strcmp(pv_member(change->body, "mode"), "allow-list") == 0;
    struct pv_record service = {.body = NULL};
    const json_t    *only;
    json_t          *one;
    size_t           i;
    bool             fits = true;
    enum pv_err      err =
        pv_record_get(pv_registry_of(change), PV_KIND_SERVICE,
                      pv_member(version->body, "service"), &service);

    only = json_object_get(service.body, "only_consumers");
    if (err == PV_OK && json_array_size(only) > 0) {
        fits = allow;
        json_array_foreach(json_object_get(change->body, "list"), i, one)
        {
            fits = fits && pv_list_has(only, json_string_value(one));
        }
    }
    pv_record_clear(&service);
    return fits
               ? err
               : pv_refuse(
                     change->context->refusal, "R-123", "named-consumers",
                     "%s: the resolution that ordered the service names "
                     "its consumers; a mode opens it to nobody else",
                     "%s: مصوبه، دریافت‌کنندگان این سرویس را نام برده و "
                     "شیوه دسترسی آن را برای دیگران باز نمی‌کند",
                     change->id);
}

/* The consumers may have been named since it was proposed. */
enum pv_err
pv_rule_mode_named(struct pv_change *change)
{
    struct pv_record version = {.body = NULL};
    enum pv_err      err =
        pv_record_get(pv_registry_of(change), PV_KIND_VERSION,
                      pv_member(change->body, "version"), &version);

    if (err == PV_OK) {
        err = check_named(change, &version);
    }
    pv_record_clear(&version);
    return err;
}

enum pv_err
pv_rule_mode(struct pv_change *change)
{
    const char         *mode = pv_member(change->body, "mode");
    const json_t       *list = json_object_get(change->body, "list");
    const char         *method_id = pv_member(change->body, "method");
    struct pv_record    version = {.body = NULL};
    struct pv_grant_row row = {.kind = 0};
    const json_t       *method;
    json_t             *ids = NULL;
    enum pv_err         err;

    if ((strcmp(mode, "all") == 0) != (json_array_size(list) == 0) ||
        json_array_size(list) > PV_IMAGE_MODE_LIST_MAX) {
        return pv_refuse(
            change->context->refusal, "R-115", "mode-list",
            "%s: the mode \"all\" has no list, the others have "
            "one of 1 to %d agencies",
            "%s: شیوه «all» فهرست ندارد و شیوه‌های دیگر فهرستی "
            "با ۱ تا %d دستگاه دارند",
            change->id, PV_IMAGE_MODE_LIST_MAX);
    }
    err =
        pv_terms_row(change->id, change->body, change->context->refusal, &row);
    if (err == PV_OK) {
        err = pv_record_get(pv_registry_of(change), PV_KIND_VERSION,
                            pv_member(change->body, "version"), &version);
    }
    if (err == PV_OK) {
        method =
            pv_method_of(json_object_get(version.body, "methods"), method_id);
        if (method == NULL || json_object_get(method, "dedicated_to") != NULL) {
            err = pv_refuse(change->context->refusal, "R-122", "method",
                            "%s: the version has no method %s, or it is for "
                            "one system alone",
                            "%s: این نسخه متد %s ندارد یا ویژه یک سامانه است",
                            change->id, method_id);
        }
    }
    if (err == PV_OK) {
        err = check_named(change, &version);
    }
    pv_record_clear(&version);
    if (err == PV_OK) {
        err = pv_record_users(pv_registry_of(change), "version",
                              pv_member(change->body, "version"), PV_KIND_MODE,
                              &ids);
    }
    if (err == PV_OK && json_array_size(ids) > SEQ_MAX) {
        err = PV_EFULL;
    }
    if (err == PV_OK &&
        json_object_set_new(change->body, "seq",
                            json_integer((json_int_t)json_array_size(ids))) !=
            0) {
        err = PV_ENOMEM;
    }
    json_decref(ids);
    return err;
}

/* A new mode of a method takes the place of the one before. */
enum pv_err
pv_effect_mode_in_force(struct pv_change *change)
{
    json_t     *empty = json_object();
    json_t     *ids = NULL;
    json_t     *id;
    size_t      i;
    enum pv_err err = empty == NULL
                          ? PV_ENOMEM
                          : pv_record_users(pv_registry_of(change), "version",
                                            pv_member(change->body, "version"),
                                            PV_KIND_MODE, &ids);

    json_array_foreach(ids, i, id)
    {
        struct pv_record mode = {.body = NULL};
        bool             other;

        if (err != PV_OK || strcmp(json_string_value(id), change->id) == 0) {
            continue;
        }
        err = pv_record_get(pv_registry_of(change), PV_KIND_MODE,
                            json_string_value(id), &mode);
        other = err == PV_OK &&
                strcmp(pv_kind_row(PV_KIND_MODE)->states[mode.state],
                       "in-force") == 0 &&
                strcmp(pv_member(mode.body, "method"),
                       pv_member(change->body, "method")) == 0;
        pv_record_clear(&mode);
        if (other) {
            err = pv_change_also(change, PV_KIND_MODE, json_string_value(id),
                                 "replace", empty);
        }
    }
    json_decref(ids);
    json_decref(empty);
    return err;
}

enum pv_err
pv_rule_halt(struct pv_change *change)
{
    enum pv_err err = pv_check_part(change, "unit", PV_KIND_UNIT);

    return err == PV_OK ? pv_check_part(change, "system", PV_KIND_SYSTEM) : err;
}
