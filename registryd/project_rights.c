/*
 * project_rights.c - grants, modes and suspensions into the image.
 */
#include <string.h>

#include "kind_tables.h"
#include "project.h"
#include "rules.h"

/* ---- where a right belongs ---- */

static enum pv_err
number_of(struct pv_projection *projection, enum pv_image_what what,
          const char *id, uint32_t *ret)
{
    return pv_image_number(projection->image, what, pv_slice_from(id), ret);
}

static enum pv_err
place_of(struct pv_projection *projection, const json_t *body,
         struct pv_image_place *ret)
{
    const char      *consumer = pv_member(body, "consumer");
    const char      *unit = pv_member(body, "unit");
    const char      *system = pv_member(body, "system");
    struct pv_record agency = {.body = NULL};
    enum pv_err      err;

    *ret = (struct pv_image_place){.level = PV_GRANT_AGENCY};
    ret->seq = (uint8_t)json_integer_value(json_object_get(body, "seq"));
    err = number_of(projection, PV_IMAGE_AGENCY, consumer, &ret->agency);
    if (err == PV_OK && system[0] != '\0') {
        ret->level = PV_GRANT_SYSTEM;
        return number_of(projection, PV_IMAGE_SYSTEM, system, &ret->subject);
    }
    if (err == PV_OK && unit[0] != '\0') {
        ret->level = PV_GRANT_UNIT;
        return number_of(projection, PV_IMAGE_UNIT, unit, &ret->subject);
    }
    ret->subject = ret->agency;
    if (err == PV_OK) {
        err = pv_record_get(projection->registry, PV_KIND_AGENCY, consumer,
                            &agency);
    }
    if (pv_member_true(agency.body, "is_group")) {
        ret->level = PV_GRANT_GROUP;
    }
    pv_record_clear(&agency);
    return err;
}

static enum pv_err
look_up_method(struct pv_projection *projection, const char *version_id,
               const char *method, uint32_t *ret)
{
    struct pv_record version = {.body = NULL};
    char             path[PV_POLICY_PATH_MAX + 1];
    enum pv_err      err = pv_record_get(projection->registry, PV_KIND_VERSION,
                                         version_id, &version);

    if (err == PV_OK && !pv_project_path(version.body, method, path)) {
        err = PV_ERANGE;
    }
    pv_record_clear(&version);
    return err == PV_OK ? number_of(projection, PV_IMAGE_METHOD, path, ret)
                        : err;
}

static enum pv_err
method_number(struct pv_projection *projection, const char *version_id,
              const char *method, uint32_t *ret)
{
    size_t      version_len = strlen(version_id);
    size_t      method_len = strlen(method);
    enum pv_err err;

    if (version_len >= sizeof(projection->version) ||
        method_len >= sizeof(projection->method)) {
        return PV_ERANGE;
    }
    if (version_len > 0 && strcmp(projection->version, version_id) == 0 &&
        strcmp(projection->method, method) == 0) {
        *ret = projection->method_number;
        return PV_OK;
    }
    err = look_up_method(projection, version_id, method, ret);
    if (err == PV_OK) {
        memcpy(projection->version, version_id, version_len + 1);
        memcpy(projection->method, method, method_len + 1);
        projection->method_number = *ret;
    }
    return err;
}

/* ---- grants ---- */

/* The step that is missing, by the state. */
static const struct {
    const char    *state;
    bool           has_row;
    enum pv_reason reason;
} missing[] = {
    {"decided", false, PV_REASON_NONE}, /* nobody was told of it yet */
    {"approved-awaiting-service", true, PV_REASON_GRANT_AWAITS_SERVICE},
    {"notified", true, PV_REASON_PROVIDER_READINESS_MISSING},
    {"consumer-ready", true, PV_REASON_PROVIDER_READINESS_MISSING},
    {"provider-ready", true, PV_REASON_CONSUMER_READINESS_MISSING},
    {"both-ready", true, PV_REASON_GRANT_NOT_STARTED},
    {"live", true, PV_REASON_NONE},
    {"suspended", true, PV_REASON_GRANT_SUSPENDED},
    {"withdrawn", true, PV_REASON_GRANT_WITHDRAWN},
    {"ended", true, PV_REASON_NONE},
};

static enum pv_err
set_step(const struct pv_record *record, struct pv_grant_row *row,
         bool *ret_has_row)
{
    const char *state = pv_kind_row(PV_KIND_GRANT)->states[record->state];
    int64_t     start_ms = pv_day_start_ms(record->from_day);
    int64_t     day;

    for (size_t i = 0; i < COUNT(missing); i++) {
        if (strcmp(missing[i].state, state) != 0) {
            continue;
        }
        *ret_has_row = missing[i].has_row;
        row->blocked = (uint8_t)missing[i].reason;
        if (row->blocked == PV_REASON_GRANT_SUSPENDED ||
            row->blocked == PV_REASON_GRANT_WITHDRAWN) {
            row->blocked_since_ms = start_ms;
        }
        if (strcmp(state, "ended") == 0) {
            row->end_ms = start_ms;
        }
        if (pv_member_day(record->body, "live_day", &day) == PV_OK &&
            pv_day_start_ms(day) > row->start_ms) {
            row->start_ms = pv_day_start_ms(day);
        }
        return PV_OK;
    }
    return PV_ECORRUPT;
}

enum pv_err
pv_project_grant(struct pv_projection *projection, const char *id,
                 const struct pv_record *record)
{
    struct pv_image_place place;
    struct pv_grant_row   row = {.kind = 0};
    struct pv_refusal     refusal;
    bool                  has_row = false;
    json_t               *method;
    size_t                i;
    enum pv_err           err = place_of(projection, record->body, &place);

    if (err == PV_OK) {
        err = pv_terms_row(id, record->body, &refusal, &row);
    }
    if (err == PV_OK) {
        err = set_step(record, &row, &has_row);
    }
    row.kind = place.level;
    row.decision = (uint64_t)record->from_decision;
    json_array_foreach(json_object_get(record->body, "methods"), i, method)
    {
        if (err == PV_OK) {
            err = method_number(projection, pv_member(record->body, "version"),
                                json_string_value(method), &place.method);
        }
        if (err == PV_OK && has_row) {
            err = pv_image_put_grant(projection->image, &place, &row);
        }
    }
    return err;
}

/* ---- modes ---- */

static uint8_t
mode_kind(const char *word)
{
    if (strcmp(word, "all") == 0) {
        return PV_MODE_ALL;
    }
    return strcmp(word, "all-except") == 0 ? PV_MODE_ALL_EXCEPT
                                           : PV_MODE_ALLOW_LIST;
}

static enum pv_err
set_list(struct pv_projection *projection, const json_t *list,
         struct pv_image_mode *mode)
{
    enum pv_err err = PV_OK;
    json_t     *agency;
    size_t      i;

    json_array_foreach(list, i, agency)
    {
        if (err == PV_OK) {
            err = number_of(projection, PV_IMAGE_AGENCY,
                            json_string_value(agency), &mode->list[i]);
            mode->list_count++;
        }
    }
    return err;
}

enum pv_err
pv_project_mode(struct pv_projection *projection, const char *id,
                const struct pv_record *record)
{
    const char *state = pv_kind_row(PV_KIND_MODE)->states[record->state];
    uint8_t     seq =
        (uint8_t)json_integer_value(json_object_get(record->body, "seq"));
    struct pv_image_mode mode = {.list_count = 0};
    struct pv_refusal    refusal;
    uint32_t             method = 0;
    enum pv_err          err =
        method_number(projection, pv_member(record->body, "version"),
                      pv_member(record->body, "method"), &method);

    if (err == PV_OK && strcmp(state, "in-force") != 0 &&
        strcmp(state, "proposed") != 0 && strcmp(state, "decided") != 0) {
        err = pv_image_del_mode(projection->image, method, seq);
        return err == PV_ENOTFOUND ? PV_OK : err;
    }
    if (err == PV_OK) {
        err = pv_terms_row(id, record->body, &refusal, &mode.row);
    }
    if (err == PV_OK) {
        err =
            set_list(projection, json_object_get(record->body, "list"), &mode);
    }
    mode.row.kind = PV_GRANT_MODE;
    mode.row.per_member = true; /* every agency that it covers by itself */
    mode.row.decision = (uint64_t)record->from_decision;
    mode.mode = mode_kind(pv_member(record->body, "mode"));
    if (strcmp(state, "in-force") != 0) { /* a proposal only */
        mode.row.blocked = PV_REASON_MODE_WITHOUT_RESOLUTION;
    } else if (mode.row.start_ms < pv_day_start_ms(record->from_day)) {
        mode.row.start_ms = pv_day_start_ms(record->from_day);
    }
    return err == PV_OK
               ? pv_image_put_mode(projection->image, method, seq, &mode)
               : err;
}

/* ---- suspensions ---- */

enum pv_err
pv_project_suspension(struct pv_projection *projection, const char *id,
                      const struct pv_record *record)
{
    bool in_force =
        strcmp(pv_kind_row(PV_KIND_SUSPENSION)->states[record->state],
               "in-force") == 0;
    struct pv_image_suspension row = {.reason = PV_REASON_CONSUMER_SUSPENDED,
                                      .since_ms =
                                          pv_day_start_ms(record->from_day),
                                      .imported = true};
    struct pv_record           version = {.body = NULL};
    struct pv_image_place      place;
    json_t                    *method;
    size_t                     i;
    enum pv_err                err = place_of(projection, record->body, &place);

    (void)id;
    if (err == PV_OK) {
        err = pv_record_get(projection->registry, PV_KIND_VERSION,
                            pv_member(record->body, "version"), &version);
    }
    json_array_foreach(json_object_get(version.body, "methods"), i, method)
    {
        if (err == PV_OK) {
            err = method_number(projection, pv_member(record->body, "version"),
                                pv_member(method, "id"), &place.method);
        }
        if (err == PV_OK && in_force) {
            err = pv_image_put_suspension(projection->image, &place, &row);
        } else if (err == PV_OK) {
            err = pv_image_del_suspension(projection->image, &place);
            err = err == PV_ENOTFOUND ? PV_OK : err;
        }
    }
    pv_record_clear(&version);
    return err;
}
