/*
 * import_grants.c - what the working group decided, as rows of the image.
 *
 * A decision is a right only when it is approved, is not a duty of the
 * council's tables, and both sides have said that they are ready.
 */
#include <string.h>

#include "import_private.h"

#define SEQ_KEY_MAX 64

/* ---- where a grant belongs ---- */

static enum pv_err
number_of(struct pv_import *import, enum pv_image_what what, const char *id,
          uint32_t *ret)
{
    return pv_image_lookup(import->image, what, pv_slice_from(id), ret);
}

/* Without a catalogue only the image can be asked. */
static bool
knows(struct pv_import *import, const char *row, const char *what,
      enum pv_image_what kind, const char *id, uint32_t *ret)
{
    if (number_of(import, kind, id, ret) == PV_OK) {
        return true;
    }
    pv_complain(import, row, "its %s \"%s\" is unknown", what, id);
    return false;
}

static bool
unit_place(struct pv_import *import, const char *row, const char *consumer,
           const char *unit, struct pv_image_place *ret)
{
    const json_t *unit_row = json_object_get(import->unit, unit);

    if (import->unit != NULL &&
        strcmp(pv_cstr(unit_row, "agency"), consumer) != 0) {
        pv_complain(import, row, "its unit \"%s\" is none of %s", unit,
                    consumer);
        return false;
    }
    ret->level = PV_GRANT_UNIT;
    return knows(import, row, "unit", PV_IMAGE_UNIT, unit, &ret->subject);
}

static bool
system_place(struct pv_import *import, const char *row, const char *id,
             struct pv_image_place *ret)
{
    struct pv_image_system caller;

    ret->level = PV_GRANT_SYSTEM;
    if (!knows(import, row, "system", PV_IMAGE_SYSTEM, id, &ret->subject)) {
        return false;
    }
    if (pv_image_get_system(import->image, ret->subject, &caller) != PV_OK ||
        caller.row.agency_number != ret->agency) {
        pv_complain(import, row, "its system \"%s\" is of another agency", id);
        return false;
    }
    return true;
}

bool
pv_grant_place(struct pv_import *import, const char *row, const char *consumer,
               const char *unit, const char *system_id, const char *path,
               struct pv_image_place *ret)
{
    const json_t *enacted = json_object_get(import->enacted, consumer);
    const char   *own_unit = pv_cstr(enacted, "replaced_by_unit");

    *ret = (struct pv_image_place){.level = PV_GRANT_AGENCY};
    if (own_unit[0] != '\0') { /* the documents name the unit as an agency */
        unit = unit[0] == '\0' ? own_unit : unit;
        consumer = pv_cstr(json_object_get(import->unit, unit), "agency");
    }
    if (import->agency != NULL &&
        json_object_get(import->agency, consumer) == NULL) {
        pv_complain(import, row, "its consumer \"%s\" is unknown", consumer);
        return false;
    }
    if (import->agency != NULL) {
        /* an agency may hold grants before it has a system */
        if (pv_image_number(import->image, PV_IMAGE_AGENCY,
                            pv_slice_from(consumer), &ret->agency) != PV_OK ||
            (unit[0] != '\0' &&
             pv_image_number(import->image, PV_IMAGE_UNIT, pv_slice_from(unit),
                             &ret->subject) != PV_OK)) {
            pv_complain(import, row, "no number for \"%s\"", consumer);
            return false;
        }
    } else if (!knows(import, row, "consumer", PV_IMAGE_AGENCY, consumer,
                      &ret->agency)) {
        return false;
    }
    if (!knows(import, row, "method", PV_IMAGE_METHOD, path, &ret->method)) {
        return false;
    }
    if (system_id[0] != '\0') {
        return system_place(import, row, system_id, ret);
    }
    if (unit[0] != '\0') {
        return unit_place(import, row, consumer, unit, ret);
    }
    if (pv_true(enacted, "is_group")) {
        ret->level = PV_GRANT_GROUP;
    }
    ret->subject = ret->agency;
    return true;
}

/* Put it behind the grants of the same subject and method. */
enum pv_err
pv_import_put_grant(struct pv_import *import, struct pv_image_place *place,
                    struct pv_grant_row *row)
{
    char       key[SEQ_KEY_MAX];
    json_int_t seq;
    int        len;

    len = snprintf(key, sizeof(key), "%u/%u/%u/%u", place->agency,
                   place->method, place->level, place->subject);
    if (len < 0 || len >= (int)sizeof(key)) {
        return PV_ERANGE;
    }
    seq = json_integer_value(json_object_get(import->seq, key));
    if (seq > UINT8_MAX) {
        return PV_ERANGE;
    }
    if (json_object_set_new(import->seq, key, json_integer(seq + 1)) != 0) {
        return PV_ENOMEM;
    }
    place->seq = (uint8_t)seq;
    row->kind = place->level;
    import->report->proposed += row->proposed;
    return pv_image_put_grant(import->image, place, row);
}

/* ---- readiness ---- */

/* Both sides ready and a day to start, or the step that is missing. */
static bool
set_readiness(struct pv_import *import, const char *id, const char *service,
              const json_t *terms, struct pv_grant_row *row)
{
    const json_t *live = json_object_get(import->live_grant, id);
    bool          waits = strcmp(pv_cstr(terms, "state_at_start"),
                                 "approved-awaiting-service") == 0;
    int64_t       when = 0;
    int64_t       provider = 0;
    int64_t       consumer = 0;

    import->file = "enactment.json";
    if (json_is_boolean(json_object_get(terms, "has_go_live")) &&
        pv_true(terms, "has_go_live") !=
            json_is_object(json_object_get(live, "live"))) {
        pv_complain(import, id, "has_go_live and go_live do not agree");
    }
    if (!pv_service_is_live(import, service)) {
        row->blocked = waits ? PV_REASON_GRANT_AWAITS_SERVICE
                             : PV_REASON_PROVIDER_READINESS_MISSING;
        return false;
    }
    if (live == NULL) { /* the service runs: the caller's own step is next */
        row->blocked = PV_REASON_CONSUMER_READINESS_MISSING;
        return false;
    }
    if (!json_is_object(json_object_get(live, "provider_ready"))) {
        row->blocked = PV_REASON_PROVIDER_READINESS_MISSING;
        return false;
    }
    if (!json_is_object(json_object_get(live, "consumer_ready")) ||
        !json_is_object(json_object_get(live, "live"))) {
        row->blocked = PV_REASON_CONSUMER_READINESS_MISSING;
        return false;
    }
    if (!pv_to_when(import, id, "live", json_object_get(live, "live"), false,
                    &when) ||
        !pv_to_when(import, id, "provider_ready",
                    json_object_get(live, "provider_ready"), false,
                    &provider) ||
        !pv_to_when(import, id, "consumer_ready",
                    json_object_get(live, "consumer_ready"), false,
                    &consumer)) {
        return false;
    }
    if (when < provider || when < consumer) {
        pv_complain(import, id, "goes live before both sides are ready");
        return false;
    }
    if (when > row->start_ms) {
        row->start_ms = when;
    }
    return true;
}

/* ---- one decision ---- */

static bool
check_grant(struct pv_import *import, const char *id, const json_t *grant)
{
    const char *service = pv_cstr(grant, "service");
    size_t      before = import->report->complaint_count;

    import->file = "grants.json";
    if (json_object_get(import->agency, pv_cstr(grant, "consumer")) == NULL) {
        pv_complain(import, id, "its consumer \"%s\" is unknown",
                    pv_cstr(grant, "consumer"));
    }
    if (json_object_get(import->service, service) == NULL) {
        pv_complain(import, id, "its service \"%s\" is unknown", service);
    }
    if (json_object_get(import->resolution, pv_cstr(grant, "resolution")) ==
        NULL) {
        pv_complain(import, id, "its resolution \"%s\" is unknown",
                    pv_cstr(grant, "resolution"));
    }
    return import->report->complaint_count == before;
}

static enum pv_err
grant_method(struct pv_import *import, const char *id, const json_t *grant,
             const json_t *terms, const json_t *method)
{
    const json_t *binding = json_object_get(
        json_object_get(import->enactment, "grant_bindings"), id);
    const char           *service = pv_cstr(grant, "service");
    const char           *system_id = pv_cstr(binding, "system");
    const char           *only = pv_cstr(method, "dedicated_to");
    struct pv_grant_row   row = {.kind = 0};
    struct pv_image_place place;
    char                  path[PV_POLICY_PATH_MAX + 1];

    import->file = "enactment.json";
    if ((pv_true(binding, "dedicated") ||
         (only[0] != '\0' && system_id[0] != '\0')) &&
        strcmp(only, system_id) != 0) {
        pv_complain(import, id, "binds a method that is dedicated to \"%s\"",
                    only);
        return PV_OK;
    }
    if (!pv_method_path(import, service, pv_cstr(method, "id"), path) ||
        !pv_grant_place(import, id, pv_cstr(grant, "consumer"),
                        pv_cstr(binding, "unit"), system_id, path, &place) ||
        !pv_to_id(import, id, pv_slice_from(id), &row.id) ||
        !pv_to_id(import, id, pv_text(grant, "resolution"), &row.resolution)) {
        return PV_OK;
    }
    if (json_object_get(terms, "purposes") == NULL) {
        pv_complain(import, id, "its terms name no purpose");
    }
    if (json_object_get(terms, "start") == NULL ||
        json_object_get(terms, "end") == NULL ||
        json_object_get(terms, "quota") == NULL) {
        pv_complain(import, id,
                    "its terms need start, end and quota; null where open");
    }
    pv_grant_terms(import, id, terms, &row);
    row.proposed = strcmp(pv_cstr(terms, "basis"), "proposed") == 0;
    if (set_readiness(import, id, service, terms, &row)) {
        import->report->grants_live++;
    }
    return pv_import_put_grant(import, &place, &row);
}

/* operation null: every method of the service but dedicated ones. */
static enum pv_err
grant_methods(struct pv_import *import, const char *id, const json_t *grant)
{
    const json_t *terms = json_object_get(import->term, id);
    const char   *operation = pv_cstr(grant, "operation");
    const char   *named = pv_cstr(terms, "method");
    json_t       *methods = json_object_get(
              json_object_get(import->methods, pv_cstr(grant, "service")), "methods");
    json_t     *method;
    size_t      i;
    bool        found = false;
    enum pv_err err;

    import->file = "enactment.json";
    if (terms == NULL) {
        pv_complain(import, id, "an approved grant without terms");
        return PV_OK;
    }
    json_array_foreach(methods, i, method)
    {
        const char *method_id = pv_cstr(method, "id");

        found = found || strcmp(named, method_id) == 0;
        if (operation[0] == '\0'
                ? json_object_get(method, "dedicated_to") != NULL
                : strcmp(operation, method_id) != 0) {
            continue;
        }
        err = grant_method(import, id, grant, terms, method);
        if (err != PV_OK) {
            return err;
        }
    }
    if (!found || (operation[0] != '\0' && strcmp(named, operation) != 0)) {
        pv_complain(import, id, "its terms name the method \"%s\"", named);
    }
    return PV_OK;
}

static enum pv_err
import_grant(struct pv_import *import, const char *id, const json_t *grant)
{
    const char *status = pv_cstr(grant, "status");

    if (!check_grant(import, id, grant)) {
        return PV_OK;
    }
    if (strcmp(pv_cstr(grant, "mode"), "join-system") == 0) {
        import->report->commitments++; /* a duty to join: no grant */
        return PV_OK;
    }
    if (strcmp(status, "cited") == 0) {
        import->report->cited++;
        return PV_OK;
    }
    if (strcmp(status, "pending-next-meeting") == 0) {
        import->report->pending++;
        return PV_OK;
    }
    if (strcmp(status, "approved") != 0) {
        pv_complain(import, id, "unknown status \"%s\"", status);
        return PV_OK;
    }
    import->report->grants++;
    return grant_methods(import, id, grant);
}

static void
check_terms(struct pv_import *import)
{
    const char *id;
    json_t     *row;

    import->file = "enactment.json";
    json_object_foreach(import->term, id, row)
    {
        if (json_object_get(import->grant, id) == NULL) {
            pv_complain(import, id, "terms of an unknown grant");
        }
    }
    json_object_foreach(import->live_grant, id, row)
    {
        if (json_object_get(import->grant, id) == NULL) {
            pv_complain(import, id, "an unknown grant goes live");
        }
    }
    json_object_foreach(json_object_get(import->enactment, "grant_bindings"),
                        id, row)
    {
        if (json_object_get(import->grant, id) == NULL) {
            pv_complain(import, id, "a binding of an unknown grant");
        }
    }
}

enum pv_err
pv_import_grants(struct pv_import *import)
{
    const char *id;
    json_t     *row;
    enum pv_err err;

    check_terms(import);
    json_object_foreach(import->grant, id, row)
    {
        err = import_grant(import, id, row);
        if (err != PV_OK) {
            return err;
        }
    }
    return PV_OK;
}
