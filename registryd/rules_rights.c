/*
 * rules_rights.c - what must hold for requests and grants.
 */
#include <string.h>

#include "base/jalali.h"
#include "kind_tables.h"
#include "rules.h"

#define SEQ_MAX 255
#define ITEM_MAX 128 /* bytes of an item's name */
#define PLACE_MAX (4 * PV_RECORD_ID_MAX + 4)

/* ---- what a right is about ---- */

enum pv_err
pv_check_part(struct pv_change *change, const char *name, enum pv_kind kind)
{
    const char      *id = pv_member(change->body, name);
    struct pv_record record = {.body = NULL};
    enum pv_err      err;

    if (id[0] == '\0') {
        return PV_OK;
    }
    err = pv_record_get(pv_registry_of(change), kind, id, &record);
    if (err == PV_OK && strcmp(pv_member(record.body, "agency"),
                               pv_member(change->body, "consumer")) != 0) {
        err = pv_refuse(change->context->refusal, "R-012", "part",
                        "%s: its %s %s is none of %s",
                        "%s: %s %s متعلق به %s نیست", change->id, name, id,
                        pv_member(change->body, "consumer"));
    }
    pv_record_clear(&record);
    return err;
}

/* None named: all that the version has now, but those of one system only. */
static enum pv_err
set_methods(struct pv_change *change, const json_t *methods)
{
    json_t *named = json_object_get(change->body, "methods");
    json_t *all;
    json_t *one;
    size_t  i;

    json_array_foreach(named, i, one)
    {
        if (pv_method_of(methods, json_string_value(one)) == NULL) {
            return pv_refuse(change->context->refusal, "R-042", "method",
                             "%s: the version has no method %s",
                             "%s: این نسخه متد %s ندارد", change->id,
                             json_string_value(one));
        }
    }
    if (json_array_size(named) > 0) {
        return PV_OK;
    }
    all = json_array();
    json_array_foreach(methods, i, one)
    {
        if (json_object_get(one, "dedicated_to") == NULL &&
            json_array_append(all, json_object_get(one, "id")) != 0) {
            json_decref(all);
            return PV_ENOMEM;
        }
    }
    return json_object_set_new(change->body, "methods", all) == 0 ? PV_OK
                                                                  : PV_ENOMEM;
}

/* An item and the last day on which it is sent. */
static bool
is_limit(const json_t *limit)
{
    const json_t *item = json_object_get(limit, "item");
    const char   *day = json_string_value(
          json_object_get(json_object_get(limit, "until"), "jalali"));
    struct pv_civil civil;
    int64_t         days;

    return json_string_length(item) > 0 &&
           json_string_length(item) <= ITEM_MAX && day != NULL &&
           pv_jalali_parse(pv_slice_from(day), &civil) == PV_OK &&
           pv_jalali_to_days(civil, &days) == PV_OK;
}

/* Connectors take no right whose limits they do not understand. */
static enum pv_err
check_limits(struct pv_change *change)
{
    const json_t *limits = json_object_get(change->body, "item_limits");
    json_t       *limit;
    size_t        i;

    json_array_foreach((json_t *)(uintptr_t)limits, i, limit)
    {
        if (!is_limit(limit)) {
            return pv_refuse(
                change->context->refusal, "R-178", "item-limits",
                "%s: a limit is an item and \"until\" with its Jalali day",
                "%s: محدودیت، نام قلم و آخرین روز آن در «until» است",
                change->id);
        }
    }
    return PV_OK;
}

/* "all", or names of outputs; without it the contract says what is sent. */
enum pv_err
pv_rule_items(struct pv_change *change)
{
    const json_t *items = json_object_get(change->body, "items");
    bool          good = items == NULL || json_array_size(items) > 0 ||
                strcmp(pv_member(change->body, "items"), "all") == 0;
    json_t *item;
    size_t  i;

    json_array_foreach((json_t *)(uintptr_t)items, i, item)
    {
        good = good && json_string_length(item) > 0 &&
               json_string_length(item) <= ITEM_MAX;
    }
    return good
               ? check_limits(change)
               : pv_refuse(
                     change->context->refusal, "R-139", "items",
                     "%s: items must be \"all\" or names of outputs",
                     "%s: اقلام باید «all» یا نام خروجی‌ها باشد",
                     change->id);
}

enum pv_err
pv_rule_right(struct pv_change *change)
{
    static const char *const over[] = {"replaced", "ended", NULL};
    struct pv_record         version = {.body = NULL};
    struct pv_grant_row      row = {.kind = 0};
    enum pv_err              err = pv_check_part(change, "unit", PV_KIND_UNIT);

    if (err == PV_OK) {
        err = pv_check_part(change, "system", PV_KIND_SYSTEM);
    }
    if (err == PV_OK && strcmp(pv_member(change->body, "consumer"),
                               pv_member(change->body, "provider")) == 0) {
        err = pv_refuse(
            change->context->refusal, "R-111", "own-service",
            "%s: %s needs no right to its own service",
            "%s: %s برای سرویس خود مجوز نمی‌خواهد",
            change->id, pv_member(change->body, "consumer"));
    }
    if (err == PV_OK) {
        err = pv_record_get(pv_registry_of(change), PV_KIND_VERSION,
                            pv_member(change->body, "version"), &version);
    }
    if (err == PV_OK &&
        pv_is_one_of(pv_kind_row(PV_KIND_VERSION)->states[version.state],
                     over)) {
        err = pv_refuse(change->context->refusal, "R-236", "version-over",
                        "%s: %s is not offered any more",
                        "%s: %s دیگر ارائه نمی‌شود",
                        change->id, pv_member(change->body, "version"));
    }
    if (err == PV_OK) {
        err = set_methods(change, json_object_get(version.body, "methods"));
    }
    if (err == PV_OK) {
        err = pv_terms_row(change->id, change->body, change->context->refusal,
                           &row);
    }
    if (err == PV_OK) {
        err = pv_rule_items(change);
    }
    pv_record_clear(&version);
    return err;
}

static enum pv_err
service_of(struct pv_change *change, struct pv_record *ret)
{
    struct pv_record version = {.body = NULL};
    enum pv_err      err =
        pv_record_get(pv_registry_of(change), PV_KIND_VERSION,
                      pv_member(change->body, "version"), &version);

    if (err == PV_OK) {
        err = pv_record_get(pv_registry_of(change), PV_KIND_SERVICE,
                            pv_member(version.body, "service"), ret);
    }
    pv_record_clear(&version);
    return err;
}

/* data of single persons from the statistics centre go to nobody. */
enum pv_err
pv_rule_statistics(struct pv_change *change)
{
    struct pv_record service = {.body = NULL};
    enum pv_err      err = service_of(change, &service);

    if (err == PV_OK &&
        strcmp(pv_member(change->body, "provider"), "statistical-centre") ==
            0 &&
        pv_member_true(service.body, "individual_data")) {
        err = pv_refuse(
            change->context->refusal, "R-088", "statistics",
            "%s: data of persons collected by the statistics "
            "centre may not be demanded by other bodies",
            "%s: اطلاعات فردی مرکز آمار قابل مطالبه دستگاه‌های "
            "دیگر نیست",
            change->id);
    }
    pv_record_clear(&service);
    return err;
}

enum pv_err
pv_rule_named_consumers(struct pv_change *change)
{
    struct pv_record service = {.body = NULL};
    enum pv_err      err = service_of(change, &service);
    const json_t    *only = json_object_get(service.body, "only_consumers");

    if (err == PV_OK && json_array_size(only) > 0 &&
        !pv_list_has(only, pv_member(change->body, "consumer"))) {
        err = pv_refuse(
            change->context->refusal, "R-123", "named-consumers",
            "%s: the resolution that ordered the service names "
            "its consumers, and %s is none of them",
            "%s: مصوبه، دریافت‌کنندگان این سرویس را نام برده و %s "
            "از آن‌ها نیست",
            change->id, pv_member(change->body, "consumer"));
    }
    pv_record_clear(&service);
    return err;
}

/* Named by a resolution, they are changed by one. */
enum pv_err
pv_rule_consumers_decided(struct pv_change *change)
{
    static const char *const enacted[] = {"enacted", "notified", NULL};
    const char              *id = pv_member(change->body, "consumers_by");
    const char              *state = NULL;
    enum pv_err              err =
        pv_state_of(pv_registry_of(change), PV_KIND_RESOLUTION, id, &state);

    if (err == PV_OK && !pv_is_one_of(state, enacted)) {
        return pv_refuse(change->context->refusal, "R-123", "no-resolution",
                         "%s: the resolution %s is not enacted",
                         "%s: مصوبه %s تصویب نشده است", change->id, id);
    }
    return err;
}

/* ---- no step skipped ---- */

static enum pv_err
check_request(struct pv_change *change, const char *id)
{
    static const char *const ready[] = {"endorsed", "reported", NULL};
    static const char *const same[] = {"consumer", "unit", "system", "version"};
    struct pv_record         request = {.body = NULL};
    const char              *state;
    enum pv_err              err =
        pv_record_get(pv_registry_of(change), PV_KIND_REQUEST, id, &request);

    if (err != PV_OK) {
        return err;
    }
    state = pv_kind_row(PV_KIND_REQUEST)->states[request.state];
    if (!pv_is_one_of(state, ready)) {
        err = pv_refuse(
            change->context->refusal, "R-112", "step-skipped",
            "%s: its request %s is in the state \"%s\"; the "
            "provider's agreement and the secretariat's approval "
            "come first",
            "%s: درخواست %s در وضعیت «%s» است؛ موافقت ارائه‌دهنده "
            "و تأیید دبیرخانه مقدم است",
            change->id, id, state);
    }
    for (size_t i = 0; i < COUNT(same) && err == PV_OK; i++) {
        if (strcmp(pv_member(change->body, same[i]),
                   pv_member(request.body, same[i])) != 0) {
            err = pv_refuse(change->context->refusal, "R-112", "other-request",
                            "%s: its request %s asks for another %s",
                            "%s: درخواست %s برای %s دیگری است", change->id, id,
                            same[i]);
        }
    }
    pv_record_clear(&request);
    return err;
}

/*
 * A right to a service that is there follows a request. Recipients of a
 * service that a resolution ordered are named by the resolution.
 */
enum pv_err
pv_rule_request_endorsed(struct pv_change *change)
{
    static const char *const to_come[] = {"ordered", "designed", "tested",
                                          NULL};
    const char              *request = pv_member(change->body, "request");
    struct pv_record         version = {.body = NULL};
    bool                     ordered;
    enum pv_err              err;

    if (request[0] != '\0') {
        return check_request(change, request);
    }
    err = pv_record_get(pv_registry_of(change), PV_KIND_VERSION,
                        pv_member(change->body, "version"), &version);
    if (err != PV_OK) {
        return err;
    }
    ordered = !pv_member_true(version.body, "existing") &&
              pv_is_one_of(pv_kind_row(PV_KIND_VERSION)->states[version.state],
                           to_come);
    pv_record_clear(&version);
    if (!ordered) {
        return pv_refuse(change->context->refusal, "R-112", "no-request",
                         "%s: a right to %s, which exists already, begins "
                         "with a request of %s",
                         "%s: دسترسی به سرویس موجود %s با درخواست %s آغاز "
                         "می‌شود",
                         change->id, pv_member(change->body, "version"),
                         pv_member(change->body, "consumer"));
    }
    return PV_OK;
}

enum pv_err
pv_effect_grant_decided(struct pv_change *change)
{
    const char *request = pv_member(change->body, "request");
    json_t     *data;
    enum pv_err err;

    if (request[0] == '\0') {
        return PV_OK;
    }
    data = json_pack("{s:s}", "grant", change->id);
    err = data == NULL
              ? PV_ENOMEM
              : pv_change_also(change, PV_KIND_REQUEST, request, "grant", data);
    json_decref(data);
    return err;
}

/* ---- dedicated methods (R-122) ---- */

enum pv_err
pv_rule_dedicated(struct pv_change *change)
{
    const char      *system = pv_member(change->body, "system");
    struct pv_record version = {.body = NULL};
    json_t          *one;
    size_t           i;
    enum pv_err      err =
        pv_record_get(pv_registry_of(change), PV_KIND_VERSION,
                      pv_member(change->body, "version"), &version);

    json_array_foreach(json_object_get(change->body, "methods"), i, one)
    {
        const json_t *method = pv_method_of(
            json_object_get(version.body, "methods"), json_string_value(one));
        const char *only = pv_member(method, "dedicated_to");

        if (err == PV_OK && only[0] != '\0' && strcmp(only, system) != 0) {
            err = pv_refuse(change->context->refusal, "R-122", "dedicated",
                            "%s: the method %s is for the system %s alone",
                            "%s: متد %s فقط برای سامانه %s است", change->id,
                            json_string_value(one), only);
        }
    }
    pv_record_clear(&version);
    return err;
}

/* ---- one place, and duplicates in it (R-017) ---- */

/*
 * Which version and who: grants of one place share a key in the image. The
 * version first, so that what one resolution makes lies together.
 */
static bool
place_of(const json_t *body, char room[PLACE_MAX])
{
    return snprintf(room, PLACE_MAX, "%s %s %s %s", pv_member(body, "version"),
                    pv_member(body, "consumer"), pv_member(body, "unit"),
                    pv_member(body, "system")) < PLACE_MAX;
}

static bool
overlap(const json_t *a, const json_t *b)
{
    json_t *one;
    size_t  i;

    json_array_foreach(json_object_get(a, "methods"), i, one)
    {
        if (pv_list_has(json_object_get(b, "methods"),
                        json_string_value(one))) {
            return true;
        }
    }
    return false;
}

enum pv_err
pv_rule_duplicate(struct pv_change *change)
{
    static const char *const over[] = {"withdrawn", "ended", NULL};
    char                     place[PLACE_MAX];
    json_t                  *ids = NULL;
    json_t                  *id;
    size_t                   i;
    enum pv_err              err;

    if (!place_of(change->body, place)) {
        return PV_ERANGE;
    }
    err = pv_record_is_new(pv_registry_of(change), PV_KIND_VERSION,
                           pv_member(change->body, "version"))
              ? pv_record_new_users(pv_registry_of(change), "place", place,
                                    PV_KIND_GRANT, &ids)
              : pv_record_users(pv_registry_of(change), "place", place,
                                PV_KIND_GRANT, &ids);
    json_array_foreach(ids, i, id)
    {
        struct pv_record grant = {.body = NULL};
        const char      *state;

        if (err != PV_OK) {
            break;
        }
        err = pv_record_get(pv_registry_of(change), PV_KIND_GRANT,
                            json_string_value(id), &grant);
        state = pv_kind_row(PV_KIND_GRANT)->states[grant.state];
        if (err == PV_OK && !pv_is_one_of(state, over) &&
            overlap(change->body, grant.body)) {
            err = pv_refuse(
                change->context->refusal, "R-017", "same-right",
                "%s: %s gives the same right already",
                "%s: مجوز %s همین دسترسی را می‌دهد",
                change->id, json_string_value(id));
        }
        pv_record_clear(&grant);
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

enum pv_err
pv_refer_grant(struct pv_change *change)
{
    char place[PLACE_MAX];

    return place_of(change->body, place)
               ? pv_record_refer(change, "seq", "place", place)
               : PV_ERANGE;
}

/* ---- going live (R-031, R-124, R-129) ---- */

enum pv_err
pv_rule_service_is_live(struct pv_change *change)
{
    char        day[PV_JALALI_ROOM];
    const char *state = NULL;
    enum pv_err err = pv_state_of(pv_registry_of(change), PV_KIND_VERSION,
                                  pv_member(change->body, "version"), &state);

    if (err == PV_OK && (state == NULL || strcmp(state, "live") != 0)) {
        return pv_refuse(change->context->refusal, "R-124", "service-not-live",
                         "%s: %s is not live yet",
                         "%s: %s هنوز برقرار نشده است", change->id,
                         pv_member(change->body, "version"));
    }
    pv_day_text(change->context->day, day);
    return err == PV_OK ? pv_set(change->body, "live_day", day) : err;
}

enum pv_err
pv_rule_mapped(struct pv_change *change)
{
    if (!pv_member_true(change->body, "name_unclear")) {
        return PV_OK;
    }
    return pv_refuse(
        change->context->refusal, "R-129", "name-unclear",
        "%s: which service its resolution names is not decided "
        "by the secretariat",
        "%s: دبیرخانه هنوز تعیین نکرده که نام به‌کاررفته در "
        "مصوبه کدام سرویس است",
        change->id);
}
