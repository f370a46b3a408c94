/*
 * rules_services.c - what must hold for services and versions: names, methods,
 * paths, and what going live needs.
 */
#include <string.h>

#include "kind_tables.h"
#include "rules.h"

/* ---- what was ever held ---- */

static enum pv_err
take_holder(void *context, const struct pv_value *column)
{
    struct pv_holder *holder = context;
    enum pv_err       err =
        pv_slice_to_cstr(column[0].text, holder->kind, sizeof(holder->kind));

    return err == PV_OK ? pv_slice_to_cstr(column[1].text, holder->id,
                                           sizeof(holder->id))
                        : err;
}

enum pv_err
pv_held_by(struct pv_registry *registry, const char *what, const char *value,
           struct pv_holder *ret)
{
    struct pv_value arguments[] = {PV_TEXT(pv_slice_from(what)),
                                   PV_TEXT(pv_slice_from(value))};

    enum pv_err err = pv_record_flush(registry);

    *ret = (struct pv_holder){"", ""};
    return err == PV_OK
               ? pv_store_run(registry->store, PV_STMT_REFERENCE_EVER,
                              arguments, COUNT(arguments), take_holder, ret)
               : err;
}

/* ---- names (R-017, R-129) ---- */

static bool
share_a_name(const json_t *a, const json_t *b)
{
    const char *name = pv_member(a, "name_fa");
    json_t     *one;
    size_t      i;

    if (strcmp(name, pv_member(b, "name_fa")) == 0 ||
        pv_list_has(json_object_get(b, "other_names"), name)) {
        return true;
    }
    json_array_foreach(json_object_get(a, "other_names"), i, one)
    {
        if (json_string_value(one) != NULL &&
            (strcmp(json_string_value(one), pv_member(b, "name_fa")) == 0 ||
             pv_list_has(json_object_get(b, "other_names"),
                         json_string_value(one)))) {
            return true;
        }
    }
    return false;
}

/* A provider offers one thing once, under all its names. */
enum pv_err
pv_rule_one_name(struct pv_change *change)
{
    const char *provider = pv_member(change->body, "provider");
    json_t     *ids = NULL;
    json_t     *id;
    size_t      i;
    enum pv_err err = pv_record_users(pv_registry_of(change), "agency",
                                      provider, PV_KIND_SERVICE, &ids);

    json_array_foreach(ids, i, id)
    {
        struct pv_record record = {.body = NULL};
        const char      *other = json_string_value(id);

        if (err != PV_OK || strcmp(other, change->id) == 0) {
            continue;
        }
        err = pv_record_get(pv_registry_of(change), PV_KIND_SERVICE, other,
                            &record);
        if (err == PV_OK &&
            strcmp(pv_member(record.body, "provider"), provider) == 0 &&
            share_a_name(change->body, record.body)) {
            err = pv_refuse(change->context->refusal, "R-017", "same-service",
                            "%s: %s offers a service of this name already: %s",
                            "%s: %s سرویسی با این نام دارد: %s", change->id,
                            provider, other);
        }
        pv_record_clear(&record);
    }
    json_decref(ids);
    return err;
}

/* ---- versions ---- */

const json_t *
pv_method_of(const json_t *methods, const char *id)
{
    json_t *method;
    size_t  i;

    json_array_foreach(methods, i, method)
    {
        if (strcmp(pv_member(method, "id"), id) == 0) {
            return method;
        }
    }
    return NULL;
}

static enum pv_err
check_method(struct pv_change *change, const json_t *methods,
             const json_t *method)
{
    const char *id = pv_member(method, "id");
    const char *prior = pv_member(method, "requires_prior");
    const char *only = pv_member(method, "dedicated_to");

    if (!pv_is_record_id(pv_slice_from(id)) || strchr(id, '/') != NULL ||
        pv_pattern_of(pv_member(method, "pattern")) == 0 ||
        pv_method_of(methods, id) != method ||
        (prior[0] != '\0' && pv_method_of(methods, prior) == NULL) ||
        (only[0] != '\0' && !pv_is_record_id(pv_slice_from(only)))) {
        return pv_refuse(change->context->refusal, "R-042", "method",
                         "%s: the method \"%s\" is not right or stands twice",
                         "%s: متد «%s» درست نیست یا تکراری است", change->id,
                         id);
    }
    return PV_OK;
}

/* "service/v1": the name of a version is the service and "v" and a number. */
static enum pv_err
set_name(struct pv_change *change)
{
    const char *service = pv_member(change->body, "service");
    size_t      len = strlen(service);
    const char *name = change->id + len + 1;

    if (strncmp(change->id, service, len) != 0 || change->id[len] != '/' ||
        name[0] != 'v' || name[1] < '1' || name[1] > '9' ||
        name[1 + strspn(name + 1, "0123456789")] != '\0') {
        return pv_refuse(change->context->refusal, "R-249", "version-id",
                         "%s: a version of %s is named %s/v1, %s/v2 ...",
                         "%s: نام نسخه %s به صورت %s/v1 و %s/v2 است",
                         change->id, service, service, service);
    }
    return pv_set(change->body, "name", name);
}

enum pv_err
pv_rule_settings(struct pv_change *change)
{
    struct pv_method_row row = {.number = 0};

    return pv_settings_row(change->id,
                           json_object_get(change->body, "settings"),
                           change->context->refusal, &row);
}

enum pv_err
pv_rule_version(struct pv_change *change)
{
    const json_t *methods = json_object_get(change->body, "methods");
    json_t       *method;
    size_t        i;
    enum pv_err   err = set_name(change);

    if (err == PV_OK && json_array_size(methods) == 0) {
        return pv_refuse(change->context->refusal, "R-042", "method",
                         "%s: a version has one method at least",
                         "%s: نسخه دست‌کم یک متد دارد",
                         change->id);
    }
    json_array_foreach(methods, i, method)
    {
        err = err == PV_OK ? check_method(change, methods, method) : err;
    }
    return err == PV_OK ? pv_rule_settings(change) : err;
}

static bool
path_of(const struct pv_change *change, const json_t *method,
        char room[PV_POLICY_PATH_MAX + 1])
{
    int len = snprintf(
        room, PV_POLICY_PATH_MAX + 1, "/x/%s/%s/%s/%s",
        pv_member(change->body, "provider"), pv_member(change->body, "service"),
        pv_member(change->body, "name"), pv_member(method, "id"));

    return len > 0 && len <= PV_POLICY_PATH_MAX;
}

/* One path leads to one method of one version, for ever. */
enum pv_err
pv_rule_paths(struct pv_change *change)
{
    json_t     *method;
    size_t      i;
    enum pv_err err = PV_OK;

    json_array_foreach(json_object_get(change->body, "methods"), i, method)
    {
        char             path[PV_POLICY_PATH_MAX + 1];
        struct pv_holder holder;

        if (err != PV_OK) {
            break;
        }
        if (!path_of(change, method, path)) {
            return pv_refuse(change->context->refusal, "R-017", "path",
                             "%s: the path of %s is too long",
                             "%s: مسیر %s بیش از اندازه بلند است", change->id,
                             pv_member(method, "id"));
        }
        err = pv_held_by(pv_registry_of(change), "path", path, &holder);
        if (err == PV_OK && holder.id[0] != '\0' &&
            strcmp(holder.id, change->id) != 0) {
            return pv_refuse(change->context->refusal, "R-017", "path-taken",
                             "%s: the path %s belongs to %s",
                             "%s: مسیر %s متعلق به %s است", change->id, path,
                             holder.id);
        }
    }
    return err;
}

enum pv_err
pv_refer_version(struct pv_change *change)
{
    json_t     *method;
    size_t      i;
    enum pv_err err = PV_OK;

    json_array_foreach(json_object_get(change->body, "methods"), i, method)
    {
        char path[PV_POLICY_PATH_MAX + 1];

        if (err == PV_OK && path_of(change, method, path)) {
            err = pv_record_refer(change, "methods", "path", path);
        }
    }
    if (err == PV_OK && pv_member(change->body, "contract_sha256")[0] != '\0') {
        err = pv_record_refer(change, "contract", "contract",
                              pv_member(change->body, "contract_sha256"));
    }
    return err;
}

/* ---- what going live needs (R-002, R-003) ---- */

static enum pv_err
has_passport(struct pv_registry *registry, const char *service, bool *ret)
{
    json_t     *ids = NULL;
    json_t     *id;
    size_t      i;
    bool        found = false;
    enum pv_err err =
        pv_record_users(registry, "service", service, PV_KIND_PASSPORT, &ids);

    json_array_foreach(ids, i, id)
    {
        const char *state = NULL;

        err = err == PV_OK ? pv_state_of(registry, PV_KIND_PASSPORT,
                                         json_string_value(id), &state)
                           : err;
        found = found || (state != NULL && strcmp(state, "confirmed") == 0);
    }
    json_decref(ids);
    if (err == PV_OK) {
        *ret = found;
    }
    return err;
}

enum pv_err
pv_rule_passport(struct pv_change *change)
{
    const char      *service = pv_member(change->body, "service");
    struct pv_record record = {.body = NULL};
    char             day[PV_JALALI_ROOM];
    bool             confirmed = false;
    bool             coded;
    enum pv_err err = has_passport(pv_registry_of(change), service, &confirmed);

    if (err == PV_OK && !confirmed) {
        return pv_refuse(
            change->context->refusal, "R-002", "no-passport",
            "%s: without a confirmed passport of %s there is no "
            "route",
            "%s: بدون شناسنامه تأییدشده %s مسیری برقرار نمی‌شود",
            change->id, service);
    }
    if (err == PV_OK) {
        err = pv_record_get(pv_registry_of(change), PV_KIND_SERVICE, service,
                            &record);
    }
    coded = pv_member_true(record.body, "code_is_issued");
    pv_record_clear(&record);
    if (err == PV_OK && !coded) {
        return pv_refuse(change->context->refusal, "R-003", "no-code",
                         "%s: %s has no issued service code",
                         "%s: برای %s کد سرویس صادر نشده است", change->id,
                         service);
    }
    pv_day_text(change->context->day, day);
    return err == PV_OK ? pv_set(change->body, "live_day", day) : err;
}

/* Grants that waited for the service are told that it runs. */
enum pv_err
pv_effect_version_live(struct pv_change *change)
{
    json_t     *empty = json_object();
    json_t     *ids = NULL;
    json_t     *id;
    size_t      i;
    enum pv_err err = empty == NULL
                          ? PV_ENOMEM
                          : pv_record_users(pv_registry_of(change), "version",
                                            change->id, PV_KIND_GRANT, &ids);

    json_array_foreach(ids, i, id)
    {
        const char *state = NULL;

        err = err == PV_OK ? pv_state_of(pv_registry_of(change), PV_KIND_GRANT,
                                         json_string_value(id), &state)
                           : err;
        if (err == PV_OK && state != NULL &&
            strcmp(state, "approved-awaiting-service") == 0) {
            err = pv_change_also(change, PV_KIND_GRANT, json_string_value(id),
                                 "service-live", empty);
        }
    }
    json_decref(ids);
    json_decref(empty);
    return err == PV_OK ? pv_duties_of_service(
                              change, pv_member(change->body, "service"))
                        : err;
}
