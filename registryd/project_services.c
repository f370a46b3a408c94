/*
 * project_services.c - versions into the image: one row a method.
 */
#include <string.h>

#include "kind_tables.h"
#include "project.h"
#include "rules.h"

#define CONNECT_MS 1000
#define DEADLINE_MS 3000
#define LONG_DEADLINE_MS 30000 /* lists and files */
#define ANSWER_MAX (1u << 20)
#define LONG_ANSWER_MAX (64u << 20)

bool
pv_project_path(const json_t *version, const char *method,
                char room[PV_POLICY_PATH_MAX + 1])
{
    int len =
        snprintf(room, PV_POLICY_PATH_MAX + 1, "/x/%s/%s/%s/%s",
                 pv_member(version, "provider"), pv_member(version, "service"),
                 pv_member(version, "name"), method);

    return len > 0 && len <= PV_POLICY_PATH_MAX;
}

/* ---- who answers ---- */

/* A connector of its own, else one of another agency that serves it. */
static enum pv_err
find_connector(struct pv_projection *projection, const char *provider,
               char room[PV_RECORD_ID_MAX + 1])
{
    json_t     *ids = NULL;
    json_t     *id;
    size_t      i;
    enum pv_err err = pv_record_users(projection->registry, "agency", provider,
                                      PV_KIND_SYSTEM, &ids);
    bool        own = false;

    room[0] = '\0';
    json_array_foreach(ids, i, id)
    {
        struct pv_record system = {.body = NULL};
        const char      *state;
        const json_t    *body;
        bool             is_own;

        if (err != PV_OK || own) {
            continue;
        }
        err = pv_record_get(projection->registry, PV_KIND_SYSTEM,
                            json_string_value(id), &system);
        if (err != PV_OK) {
            break;
        }
        body = system.body;
        state = pv_kind_row(PV_KIND_SYSTEM)->states[system.state];
        is_own = strcmp(pv_member(body, "agency"), provider) == 0 &&
                 strcmp(pv_member(body, "kind"), "connector") == 0 &&
                 json_object_get(body, "serves_only") == NULL;
        if (json_object_size(json_object_get(body, "endpoint")) > 0 &&
            strcmp(state, "registered") == 0 &&
            (is_own ||
             pv_list_has(json_object_get(body, "serves_agencies"), provider))) {
            own = is_own;
            err = pv_slice_to_cstr(pv_slice_from(json_string_value(id)), room,
                                   PV_RECORD_ID_MAX + 1);
        }
        pv_record_clear(&system);
    }
    json_decref(ids);
    return err;
}

/* ---- what keeps it from being called ---- */

static enum pv_err
has_confirmed(struct pv_registry *registry, const char *service, bool *ret)
{
    json_t     *ids = NULL;
    json_t     *id;
    size_t      i;
    enum pv_err err =
        pv_record_users(registry, "service", service, PV_KIND_PASSPORT, &ids);

    *ret = false;
    json_array_foreach(ids, i, id)
    {
        const char *state = NULL;

        err = err == PV_OK ? pv_state_of(registry, PV_KIND_PASSPORT,
                                         json_string_value(id), &state)
                           : err;
        *ret = *ret || (state != NULL && strcmp(state, "confirmed") == 0);
    }
    json_decref(ids);
    return err;
}

static uint8_t
closed_reason(const char *state)
{
    static const struct {
        const char    *state;
        enum pv_reason reason;
    } row[] = {
        {"suspended", PV_REASON_SERVICE_SUSPENDED},
        {"replaced", PV_REASON_SERVICE_WITHDRAWN},
        {"ended", PV_REASON_SERVICE_WITHDRAWN},
    };

    for (size_t i = 0; i < COUNT(row); i++) {
        if (strcmp(row[i].state, state) == 0) {
            return (uint8_t)row[i].reason;
        }
    }
    return PV_REASON_SERVICE_NOT_LIVE;
}

/* First the passport, then the code, then going live. */
static enum pv_err
set_state(struct pv_projection *projection, const struct pv_record *record,
          const json_t *service, struct pv_method_row *row)
{
    const char *state = pv_kind_row(PV_KIND_VERSION)->states[record->state];
    bool        confirmed = false;
    int64_t     day;
    enum pv_err err = has_confirmed(
        projection->registry, pv_member(record->body, "service"), &confirmed);

    if (err != PV_OK) {
        return err;
    }
    if (!confirmed) {
        row->state = PV_REASON_PASSPORT_NOT_APPROVED;
    } else if (!pv_member_true(service, "code_is_issued")) {
        row->state = PV_REASON_SERVICE_CODE_MISSING;
    } else if (strcmp(state, "live") == 0) {
        err = pv_member_day(record->body, "live_day", &day);
        row->state = PV_REASON_SERVICE_NOT_LIVE; /* before that day */
        row->state_until_ms = err == PV_OK ? pv_day_start_ms(day) : 0;
    } else {
        row->state = closed_reason(state);
        if (row->state != PV_REASON_SERVICE_NOT_LIVE) {
            row->state_since_ms = pv_day_start_ms(record->from_day);
        }
    }
    return err;
}

/* Announced outages; the nearest four that are not over. */
static enum pv_err
set_notices(struct pv_projection *projection, const char *version,
            struct pv_method_row *row)
{
    static const char *const closes[] = {"outage", "disruption", NULL};
    json_t                  *ids = NULL;
    json_t                  *id;
    size_t                   i;
    enum pv_err err = pv_record_users(projection->registry, "version", version,
                                      PV_KIND_NOTICE, &ids);

    json_array_foreach(ids, i, id)
    {
        struct pv_record notice = {.body = NULL};
        json_int_t       until;

        if (err != PV_OK || row->notice_count == PV_POLICY_NOTICES_MAX) {
            continue;
        }
        err = pv_record_get(projection->registry, PV_KIND_NOTICE,
                            json_string_value(id), &notice);
        until = json_integer_value(json_object_get(notice.body, "until_ms"));
        if (err == PV_OK &&
            strcmp(pv_kind_row(PV_KIND_NOTICE)->states[notice.state],
                   "announced") == 0 &&
            pv_is_one_of(pv_member(notice.body, "kind"), closes)) {
            row->notice[row->notice_count].from_ms =
                json_integer_value(json_object_get(notice.body, "from_ms"));
            /* without an end it lasts until the notice is closed */
            row->notice[row->notice_count].until_ms =
                until == 0 ? INT64_MAX : until;
            row->notice_count++;
        }
        pv_record_clear(&notice);
    }
    json_decref(ids);
    return err;
}

/* ---- one method ---- */

static bool
set_names(const json_t *version, const char *method, struct pv_method_row *row)
{
    return pv_text_id(pv_member(version, "provider"), &row->provider) &&
           pv_text_id(pv_member(version, "service"), &row->service) &&
           pv_text_id(pv_member(version, "name"), &row->version) &&
           pv_text_id(method, &row->method);
}

static enum pv_err
set_limits(const char *id, const json_t *version, const json_t *method,
           struct pv_method_row *row)
{
    struct pv_refusal refusal;
    bool              big =
        row->pattern == PV_PATTERN_LIST || row->pattern == PV_PATTERN_FILE;
    enum pv_err err;

    row->connect_timeout_ms = CONNECT_MS;
    row->deadline_ms = big ? LONG_DEADLINE_MS : DEADLINE_MS;
    row->answer_max_len = big ? LONG_ANSWER_MAX : ANSWER_MAX;
    err = pv_settings_row(id, json_object_get(version, "settings"), &refusal,
                          row);
    return err == PV_OK
               ? pv_settings_row(id, json_object_get(method, "settings"),
                                 &refusal, row)
               : err;
}

static enum pv_err
put_method(struct pv_projection *projection, const char *id,
           const json_t *version, const json_t *method,
           const struct pv_image_method *common, const char *connector)
{
    struct pv_image_method out = *common;
    char                   path[PV_POLICY_PATH_MAX + 1];
    enum pv_err            err;

    if (!pv_project_path(version, pv_member(method, "id"), path) ||
        !set_names(version, pv_member(method, "id"), &out.row)) {
        return PV_ERANGE;
    }
    out.row.pattern = pv_pattern_of(pv_member(method, "pattern"));
    out.row.reason_hidden = out.row.needs_consent ||
                            json_object_get(method, "requires_prior") != NULL;
    err = set_limits(id, version, method, &out.row);
    if (err == PV_OK) {
        err = pv_image_number(projection->image, PV_IMAGE_METHOD,
                              pv_slice_from(path), &out.row.number);
    }
    if (err == PV_OK && json_object_get(method, "dedicated_to") != NULL) {
        err = pv_image_number(projection->image, PV_IMAGE_SYSTEM,
                              pv_slice_from(pv_member(method, "dedicated_to")),
                              &out.row.dedicated);
    }
    if (err == PV_OK && connector[0] != '\0') {
        err =
            pv_image_number(projection->image, PV_IMAGE_SYSTEM,
                            pv_slice_from(connector), &out.row.endpoint_number);
    }
    return err == PV_OK ? pv_image_put_method(projection->image,
                                              pv_slice_from(path), &out)
                        : err;
}

enum pv_err
pv_project_version(struct pv_projection *projection, const char *id,
                   const struct pv_record *record)
{
    struct pv_record       service = {.body = NULL};
    struct pv_image_method common = {.row = {.number = 0}};
    char                   connector[PV_RECORD_ID_MAX + 1];
    json_t                *method;
    size_t                 i;
    enum pv_err            err =
        pv_record_get(projection->registry, PV_KIND_SERVICE,
                      pv_member(record->body, "service"), &service);

    if (err == PV_OK) {
        err = set_state(projection, record, service.body, &common.row);
    }
    if (err == PV_OK) {
        err = set_notices(projection, id, &common.row);
    }
    if (err == PV_OK) {
        err = find_connector(projection, pv_member(record->body, "provider"),
                             connector);
    }
    if (err == PV_OK &&
        !pv_text_id(pv_member(service.body, "code"), &common.code)) {
        err = PV_ERANGE;
    }
    common.row.needs_consent = pv_member_true(record->body, "needs_consent");
    common.row.proposed =
        strcmp(pv_member(record->body, "basis"), "proposed") == 0;
    json_array_foreach(json_object_get(record->body, "methods"), i, method)
    {
        err = err == PV_OK ? put_method(projection, id, record->body, method,
                                        &common, connector)
                           : err;
    }
    pv_record_clear(&service);
    return err;
}
