/*
 * rules_services.c - what must hold for services, versions and passports.
 */
#include <string.h>

#include "kind_tables.h"
#include "rules.h"

#define CODE_LEN 7 /* six digits and a check digit */
#define FIRST_SERIAL 100001
#define SERIAL_META "last-service-serial"

static struct pv_registry *
registry_of(struct pv_change *change)
{
    return change->context->registry;
}

/* ---- exempt things (R-005) ---- */

static enum pv_err
check_exempt(struct pv_change *change, const char *service)
{
    json_t     *ids = NULL;
    json_t     *id;
    size_t      i;
    enum pv_err err = pv_record_users(registry_of(change), "exempt", service,
                                      PV_KIND_EXEMPTION, &ids);

    json_array_foreach(ids, i, id)
    {
        const char *state = NULL;

        err = err == PV_OK ? pv_state_of(registry_of(change), PV_KIND_EXEMPTION,
                                         json_string_value(id), &state)
                           : err;
        if (err == PV_OK && state != NULL && strcmp(state, "decided") == 0) {
            err = pv_refuse(change->context->refusal, "R-005", "exempt",
                            "%s: %s is exempt by a decision and cannot stand "
                            "on the open exchange",
                            "%s: %s به موجب تصمیم معاف است و در مرکز تبادل "
                            "ثبت نمی‌شود",
                            change->id, service);
        }
    }
    json_decref(ids);
    return err;
}

enum pv_err
pv_rule_exempt(struct pv_change *change)
{
    return check_exempt(change, change->id);
}

enum pv_err
pv_rule_exempt_version(struct pv_change *change)
{
    return check_exempt(change, pv_member(change->body, "service"));
}

enum pv_err
pv_refer_exemption(struct pv_change *change)
{
    const char *service = pv_member(change->body, "service");

    return service[0] == '\0'
               ? PV_OK
               : pv_record_refer(change, "service", "exempt", service);
}

/* ---- codes (R-003, R-215) ---- */

/* ISO 7064 MOD 11,10 over the serial's digits. */
static char
check_digit(const char *serial)
{
    int p = 10;

    for (size_t i = 0; i < CODE_LEN - 1; i++) {
        p = (p + serial[i] - '0') % 10;
        p = p == 0 ? 10 : p;
        p = 2 * p % 11;
    }
    return (char)('0' + (11 - p) % 10);
}

static bool
is_code(const char *code)
{
    if (strlen(code) != CODE_LEN || code[0] == '0' ||
        code[strspn(code, "0123456789")] != '\0') {
        return false;
    }
    return check_digit(code) == code[CODE_LEN - 1];
}

struct holder {
    char kind[32];
    char id[PV_RECORD_ID_MAX + 1];
};

static enum pv_err
take_holder(void *context, const struct pv_value *column)
{
    struct holder *holder = context;
    enum pv_err    err =
        pv_slice_to_cstr(column[0].text, holder->kind, sizeof(holder->kind));

    return err == PV_OK ? pv_slice_to_cstr(column[1].text, holder->id,
                                           sizeof(holder->id))
                        : err;
}

/* Who ever held it; id is "" when nobody did. */
static enum pv_err
held_by(struct pv_registry *registry, const char *what, const char *value,
        struct holder *ret)
{
    struct pv_value arguments[] = {PV_TEXT(pv_slice_from(what)),
                                   PV_TEXT(pv_slice_from(value))};

    *ret = (struct holder){"", ""};
    return pv_store_run(registry->store, PV_STMT_REFERENCE_EVER, arguments,
                        COUNT(arguments), take_holder, ret);
}

static enum pv_err
check_code(struct pv_change *change, const char *code, const char *service)
{
    struct holder holder;
    enum pv_err   err;

    if (!is_code(code)) {
        return pv_refuse(change->context->refusal, "R-215", "code",
                         "%s: \"%s\" is no service code: 6 digits and a "
                         "check digit",
                         "%s: «%s» کد سرویس نیست: ۶ رقم و یک رقم کنترل",
                         change->id, code);
    }
    err = held_by(registry_of(change), "code", code, &holder);
    if (err == PV_OK && holder.id[0] != '\0' &&
        strcmp(holder.id, service) != 0) {
        return pv_refuse(
            change->context->refusal, "R-215", "code-taken",
            "%s: the code %s belongs to %s and is never used "
            "again",
            "%s: کد %s متعلق به %s است و دوباره به کار نمی‌رود",
            change->id, code, holder.id);
    }
    return err;
}

enum pv_err
pv_rule_service_code(struct pv_change *change)
{
    const char *code = pv_member(change->body, "code");

    return code[0] == '\0' ? PV_OK : check_code(change, code, change->id);
}

enum pv_err
pv_rule_code_free(struct pv_change *change)
{
    const char *code = pv_member(change->data, "code");

    return code[0] == '\0'
               ? PV_OK
               : check_code(change, code, pv_member(change->body, "service"));
}

static enum pv_err
take_number(void *context, const struct pv_value *column)
{
    int64_t n = 0;

    for (size_t i = 0; i < column[0].text.len; i++) {
        n = n * 10 + (column[0].text.ptr[i] - '0');
    }
    *(int64_t *)context = n;
    return PV_OK;
}

/* Serials go up and are never given twice, also after a refused decision. */
static enum pv_err
next_code(struct pv_registry *registry, char room[CODE_LEN + 1])
{
    struct pv_value meta[] = {PV_TEXT(PV_LIT(SERIAL_META)), PV_NULL};
    int64_t         serial = FIRST_SERIAL - 1;
    struct holder   holder;
    enum pv_err err = pv_store_run(registry->store, PV_STMT_META_GET, meta, 1,
                                   take_number, &serial);

    do {
        serial++;
        if (err == PV_OK && snprintf(room, CODE_LEN + 1, "%06lld",
                                     (long long)serial) != CODE_LEN - 1) {
            err = PV_EFULL;
        }
        if (err != PV_OK) {
            return err;
        }
        room[CODE_LEN - 1] = check_digit(room);
        room[CODE_LEN] = '\0';
        err = held_by(registry, "code", room, &holder);
    } while (err == PV_OK && holder.id[0] != '\0');
    if (err == PV_OK) {
        meta[1] = PV_TEXT(((struct pv_slice){room, CODE_LEN - 1}));
        err = pv_store_run(registry->store, PV_STMT_META_SET, meta, 2, NULL,
                           NULL);
    }
    return err;
}

enum pv_err
pv_refer_service(struct pv_change *change)
{
    const char *code = pv_member(change->body, "code");

    return code[0] == '\0' ? PV_OK
                           : pv_record_refer(change, "code", "code", code);
}

/* A confirmed passport of a service issues its code. */
enum pv_err
pv_effect_passport_confirmed(struct pv_change *change)
{
    const char      *service = pv_member(change->body, "service");
    const char      *code = pv_member(change->data, "code");
    char             room[CODE_LEN + 1];
    struct pv_record record = {.body = NULL};
    json_t          *data = NULL;
    enum pv_err      err;

    if (service[0] == '\0') {
        return PV_OK; /* a passport of data or of a system */
    }
    err = pv_record_get(registry_of(change), PV_KIND_SERVICE, service, &record);
    if (err == PV_OK && code[0] == '\0') {
        code = pv_member(record.body, "code"); /* reserved when ordered */
    }
    if (err == PV_OK && code[0] == '\0') {
        err = next_code(registry_of(change), room);
        code = room;
    }
    if (err == PV_OK) {
        data = json_pack("{s:s, s:b}", "code", code, "code_is_issued", 1);
        err = data == NULL ? PV_ENOMEM
                           : pv_change_also(change, PV_KIND_SERVICE, service,
                                            "issue-code", data);
    }
    json_decref(data);
    pv_record_clear(&record);
    return err;
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
    enum pv_err err = pv_record_users(registry_of(change), "agency", provider,
                                      PV_KIND_SERVICE, &ids);

    json_array_foreach(ids, i, id)
    {
        struct pv_record record = {.body = NULL};
        const char      *other = json_string_value(id);

        if (err != PV_OK || strcmp(other, change->id) == 0) {
            continue;
        }
        err =
            pv_record_get(registry_of(change), PV_KIND_SERVICE, other, &record);
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

static const json_t *
method_of(const json_t *methods, const char *id)
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
        method_of(methods, id) != method ||
        (prior[0] != '\0' && method_of(methods, prior) == NULL) ||
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
        char          path[PV_POLICY_PATH_MAX + 1];
        struct holder holder;

        if (err != PV_OK) {
            break;
        }
        if (!path_of(change, method, path)) {
            return pv_refuse(change->context->refusal, "R-017", "path",
                             "%s: the path of %s is too long",
                             "%s: مسیر %s بیش از اندازه بلند است", change->id,
                             pv_member(method, "id"));
        }
        err = held_by(registry_of(change), "path", path, &holder);
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
    enum pv_err err = has_passport(registry_of(change), service, &confirmed);

    if (err == PV_OK && !confirmed) {
        return pv_refuse(
            change->context->refusal, "R-002", "no-passport",
            "%s: without a confirmed passport of %s there is no "
            "route",
            "%s: بدون شناسنامه تأییدشده %s مسیری برقرار نمی‌شود",
            change->id, service);
    }
    if (err == PV_OK) {
        err = pv_record_get(registry_of(change), PV_KIND_SERVICE, service,
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
                          : pv_record_users(registry_of(change), "version",
                                            change->id, PV_KIND_GRANT, &ids);

    json_array_foreach(ids, i, id)
    {
        const char *state = NULL;

        err = err == PV_OK ? pv_state_of(registry_of(change), PV_KIND_GRANT,
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

/* A version ends in order: notice, successor, end. */
enum pv_err
pv_rule_replacement(struct pv_change *change)
{
    const char *state = NULL;
    json_t     *ids = NULL;
    enum pv_err err = pv_record_users(registry_of(change), "version",
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
        err = pv_state_of(registry_of(change), PV_KIND_VERSION,
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
    err = pv_record_users(registry_of(change), "version", change->id,
                          PV_KIND_NOTICE, &ids);
    json_array_foreach(ids, i, id)
    {
        struct pv_record notice = {.body = NULL};

        if (err == PV_OK && !told) {
            err = pv_record_get(registry_of(change), PV_KIND_NOTICE,
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

/* ---- passports ---- */

enum pv_err
pv_rule_passport_subject(struct pv_change *change)
{
    static const char *const subject[] = {"service", "system", "data_item"};
    const char              *of = pv_member(change->body, "of");
    const char              *agency = pv_member(change->body, "agency");
    const char              *service = pv_member(change->body, "service");
    struct pv_record         record = {.body = NULL};
    size_t                   count = 0;
    enum pv_err              err = PV_OK;

    for (size_t i = 0; i < COUNT(subject); i++) {
        count += pv_member(change->body, subject[i])[0] != '\0';
    }
    if (of[0] == '\0' || agency[0] == '\0' || count != 1 ||
        (strcmp(of, "service") == 0) != (service[0] != '\0')) {
        return pv_refuse(change->context->refusal, "R-247", "subject",
                         "%s: a passport says of what it is, of which agency, "
                         "and names one service, system or data item",
                         "%s: شناسنامه نوع، دستگاه و یک سرویس، سامانه یا قلم "
                         "داده دارد",
                         change->id);
    }
    if (service[0] == '\0') {
        return PV_OK;
    }
    err = pv_record_get(registry_of(change), PV_KIND_SERVICE, service, &record);
    if (err == PV_OK &&
        strcmp(pv_member(record.body, "provider"), agency) != 0) {
        err = pv_refuse(change->context->refusal, "R-252", "not-provider",
                        "%s: %s is not offered by %s",
                        "%s: %s را %s ارائه نمی‌کند", change->id,
                        service, agency);
    }
    pv_record_clear(&record);
    return err;
}

static enum pv_err
check_register(struct pv_change *change, const char *id, const char *provider)
{
    struct pv_record record = {.body = NULL};
    const char      *state;
    const char      *custodian;
    enum pv_err      err =
        pv_record_get(registry_of(change), PV_KIND_REGISTER, id, &record);

    if (err != PV_OK) {
        return err;
    }
    state = pv_kind_row(PV_KIND_REGISTER)->states[record.state];
    custodian = pv_member(record.body, "custodian");
    if (strcmp(state, "registered") != 0 ||
        (pv_member_true(record.body, "is_base") && custodian[0] == '\0')) {
        err = pv_refuse(change->context->refusal, "R-273", "no-custodian",
                        "%s: the custodian of %s is not settled, so services "
                        "on it cannot be approved",
                        "%s: متولی %s تعیین نشده و سرویس آن قابل تأیید نیست",
                        change->id, id);
    } else if (pv_member_true(record.body, "is_base") &&
               strcmp(custodian, provider) != 0 &&
               !pv_list_has(json_object_get(record.body, "co_custodians"),
                            provider)) {
        err = pv_refuse(
            change->context->refusal, "R-269", "not-custodian",
            "%s: data of %s are offered by their custodian only, "
            "not by %s",
            "%s: داده‌های %s را فقط متولی آن ارائه می‌کند، نه %s",
            change->id, id, provider);
    }
    pv_record_clear(&record);
    return err;
}

enum pv_err
pv_rule_custodian(struct pv_change *change)
{
    const char      *service = pv_member(change->body, "service");
    struct pv_record record = {.body = NULL};
    enum pv_err      err;

    if (service[0] == '\0') {
        return PV_OK;
    }
    err = pv_record_get(registry_of(change), PV_KIND_SERVICE, service, &record);
    if (err == PV_OK && pv_member(record.body, "register")[0] != '\0') {
        err = check_register(change, pv_member(record.body, "register"),
                             pv_member(record.body, "provider"));
    }
    pv_record_clear(&record);
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
