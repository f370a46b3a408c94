/*
 * rows.c - overlay rows on a live image: what operators and tests
 * change between two imports. payvand-import(1) has the members.
 */
#include <string.h>

#include "overlay.h"

#define FOUND_MAX 256 /* rows of one grant id */

static bool
has_span(const json_t *row)
{
    return json_object_get(row, "since") != NULL ||
           json_object_get(row, "from") != NULL ||
           json_object_get(row, "until") != NULL;
}

/* ---- systems and endpoints ---- */

static enum pv_err
set_system(struct pv_import *import, const char *id, const json_t *row)
{
    static const char *const names[] = {
        "system",      "agency",   "unit",      "kind",   "groups",
        "spki_sha256", "networks", "suspended", "remove", NULL};
    struct pv_image_system out = {.has_key = false};
    struct pv_slice        agency = pv_text(row, "agency");
    struct pv_slice        unit = pv_text(row, "unit");
    json_t                *groups = json_object_get(row, "groups");
    json_t                *group;
    size_t                 i;
    enum pv_err            err;
    uint32_t               number;

    pv_known(import, id, row, names);
    if (pv_true(row, "remove") &&
        pv_image_lookup(import->image, PV_IMAGE_SYSTEM, pv_slice_from(id),
                        &number) == PV_ENOTFOUND) {
        pv_complain(import, id, "no such system in the image");
        return PV_OK;
    }
    err = pv_image_number(import->image, PV_IMAGE_SYSTEM, pv_slice_from(id),
                          &number);
    if (err != PV_OK) {
        return err;
    }
    if (pv_true(row, "remove")) {
        err = pv_image_del_system(import->image, number);
        return err == PV_ENOTFOUND ? PV_OK : err;
    }
    err = pv_image_get_system(import->image, number, &out);
    if (err == PV_ENOTFOUND) {
        out = (struct pv_image_system){.has_key = false};
        out.row.number = number;
        out.row.kind = PV_SYSTEM_APPLICATION;
        out.row.proposed = true;
        if (agency.len == 0) {
            pv_complain(import, id, "a new system needs its agency");
            return PV_OK;
        }
    } else if (err != PV_OK) {
        return err;
    }
    if (!pv_to_id(import, id, pv_slice_from(id), &out.row.system) ||
        (agency.len > 0 && !pv_to_id(import, id, agency, &out.row.agency)) ||
        (unit.len > 0 && !pv_to_id(import, id, unit, &out.row.unit))) {
        return PV_OK;
    }
    err = PV_OK;
    if (agency.len > 0) {
        err = pv_image_number(import->image, PV_IMAGE_AGENCY, agency,
                              &out.row.agency_number);
    }
    if (err == PV_OK && unit.len > 0) {
        err = pv_image_number(import->image, PV_IMAGE_UNIT, unit,
                              &out.row.unit_number);
    }
    if (groups != NULL) {
        out.group_count = 0;
    }
    json_array_foreach(groups, i, group)
    {
        if (i >= PV_POLICY_GROUPS_MAX || !json_is_string(group)) {
            pv_complain(import, id, "groups are at most %d ids",
                        PV_POLICY_GROUPS_MAX);
            return PV_OK;
        }
        if (err == PV_OK) {
            err = pv_image_number(import->image, PV_IMAGE_AGENCY,
                                  pv_slice_from(json_string_value(group)),
                                  &out.group[out.group_count]);
            out.group_count++;
        }
    }
    if (err != PV_OK) {
        return err;
    }
    pv_system_settings(import, id, row, &out);
    err = pv_image_put_system(import->image, &out);
    if (err == PV_EEXIST) {
        pv_complain(import, id, "another system has this key");
        return PV_OK;
    }
    return err;
}

static enum pv_err
set_endpoint(struct pv_import *import, const char *id, const json_t *row)
{
    static const char *const names[] = {
        "system", "address", "port", "tls_name", "spki_sha256", "remove", NULL};
    struct pv_image_endpoint endpoint;
    struct pv_image_system   owner;
    enum pv_err              err;
    uint32_t                 number;

    pv_known(import, id, row, names);
    err = pv_image_lookup(import->image, PV_IMAGE_SYSTEM, pv_slice_from(id),
                          &number);
    if (err == PV_OK) {
        err = pv_image_get_system(import->image, number, &owner);
    }
    if (err == PV_ENOTFOUND) {
        pv_complain(import, id, "no such system in the image");
        return PV_OK;
    }
    if (err != PV_OK) {
        return err;
    }
    if (pv_true(row, "remove")) {
        err = pv_image_del_endpoint(import->image, number);
        return err == PV_ENOTFOUND ? PV_OK : err;
    }
    if (!pv_endpoint_row(import, id, row, owner.row.network,
                         owner.row.network_count, &endpoint)) {
        return PV_OK;
    }
    return pv_image_put_endpoint(import->image, number, &endpoint);
}

/* ---- methods ---- */

static enum pv_err
set_method(struct pv_import *import, const char *path, const json_t *row)
{
    static const char *const names[] = {
        "path",           "deadline_ms",     "connect_timeout_ms",
        "answer_max_len", "hours",           "notices",
        "state",          "since",           "until",
        "needs_consent",  "endpoint_system", NULL};
    const json_t          *state = json_object_get(row, "state");
    const char            *endpoint = pv_cstr(row, "endpoint_system");
    struct pv_image_method out;
    enum pv_err            err;

    pv_known(import, path, row, names);
    err = pv_image_get_method(import->image, pv_slice_from(path), &out);
    if (err == PV_ENOTFOUND || err == PV_ERANGE) {
        pv_complain(import, path, "no such method in the image");
        return PV_OK;
    }
    if (err != PV_OK) {
        return err;
    }
    pv_method_settings(import, path, row, &out.row);
    if (json_object_get(row, "needs_consent") != NULL) {
        out.row.needs_consent = pv_true(row, "needs_consent");
    }
    if (json_is_string(state)) {
        out.row.state = (uint8_t)pv_reason_from_word(
            pv_slice_from(json_string_value(state)));
        if (out.row.state < PV_REASON_PASSPORT_NOT_APPROVED ||
            out.row.state > PV_REASON_SERVICE_WITHDRAWN) {
            pv_complain(import, path, "\"%s\" is no state of a service",
                        json_string_value(state));
            return PV_OK;
        }
    } else if (json_is_null(state)) {
        out.row.state = PV_REASON_NONE;
    } else if (state != NULL || has_span(row)) {
        pv_complain(import, path,
                    "state is a word or null; since and until belong to it");
        return PV_OK;
    }
    if (state != NULL && !pv_to_span(import, path, row, &out.row.state_since_ms,
                                     &out.row.state_until_ms)) {
        return PV_OK;
    }
    if (endpoint[0] != '\0') {
        err =
            pv_image_lookup(import->image, PV_IMAGE_SYSTEM,
                            pv_slice_from(endpoint), &out.row.endpoint_number);
        if (err == PV_ENOTFOUND) {
            pv_complain(import, path, "no such system \"%s\"", endpoint);
            return PV_OK;
        }
    }
    return err != PV_OK
               ? err
               : pv_image_put_method(import->image, pv_slice_from(path), &out);
}

/* ---- grants ---- */

struct found {
    struct pv_slice       id;
    size_t                count;
    struct pv_image_place place[FOUND_MAX];
};

static enum pv_err
collect(void *context, const struct pv_image_item *item)
{
    struct found   *found = context;
    struct pv_slice id = {item->grant->id.text, item->grant->id.len};

    if (!pv_slice_eq(id, found->id)) {
        return PV_OK;
    }
    if (found->count == FOUND_MAX) {
        return PV_ERANGE;
    }
    found->place[found->count++] = item->place;
    return PV_OK;
}

static bool
change_grant(struct pv_import *import, const char *id, const json_t *row,
             struct pv_grant_row *grant)
{
    const json_t *blocked = json_object_get(row, "blocked");

    pv_grant_terms(import, id, row, grant);
    if (json_object_get(row, "needs_consent") != NULL) {
        grant->needs_consent = pv_true(row, "needs_consent");
    }
    if (json_is_null(blocked)) {
        grant->blocked = PV_REASON_NONE;
        grant->blocked_since_ms = 0;
        grant->blocked_until_ms = 0;
    } else if (json_is_string(blocked)) {
        grant->blocked = (uint8_t)pv_reason_from_word(
            pv_slice_from(json_string_value(blocked)));
        if (pv_reason_outcome((enum pv_reason)grant->blocked) !=
            PV_OUTCOME_REFUSED) {
            pv_complain(import, id, "\"%s\" does not block a grant",
                        json_string_value(blocked));
            return false;
        }
        return pv_to_span(import, id, row, &grant->blocked_since_ms,
                          &grant->blocked_until_ms);
    } else if (blocked != NULL || has_span(row)) {
        pv_complain(import, id,
                    "blocked is a word or null; since and until belong to it, "
                    "a grant itself has start and end");
        return false;
    }
    return true;
}

/* A method dedicated to one system is granted to no other. */
static bool
may_be_dedicated(struct pv_import *import, const char *id, const char *path,
                 const struct pv_image_place *place)
{
    struct pv_image_method method;

    if (pv_image_get_method(import->image, pv_slice_from(path), &method) ==
            PV_OK &&
        (method.row.dedicated == 0 ||
         (place->level == PV_GRANT_SYSTEM &&
          place->subject == method.row.dedicated))) {
        return true;
    }
    pv_complain(import, id, "its method is dedicated to another system");
    return false;
}

static enum pv_err
new_grant(struct pv_import *import, const char *id, const json_t *row)
{
    struct pv_grant_row   grant = {.proposed = true};
    struct pv_grant_row   old;
    struct pv_image_place place;
    struct pv_slice       resolution = pv_text(row, "resolution");
    const char           *consumer = pv_cstr(row, "consumer");
    const char           *group = pv_cstr(row, "group");

    if (resolution.len == 0 || json_object_get(row, "purposes") == NULL) {
        pv_complain(import, id,
                    "no grant with this id; a new one needs a consumer, a "
                    "path, a resolution and purposes");
        return PV_OK;
    }
    if (!pv_grant_place(import, id, group[0] != '\0' ? group : consumer,
                        pv_cstr(row, "unit"), pv_cstr(row, "system"),
                        pv_cstr(row, "path"), &place) ||
        !pv_to_id(import, id, pv_slice_from(id), &grant.id) ||
        !pv_to_id(import, id, resolution, &grant.resolution) ||
        !change_grant(import, id, row, &grant)) {
        return PV_OK;
    }
    if (group[0] != '\0') {
        place.level = PV_GRANT_GROUP;
    }
    grant.kind = place.level;
    if (!may_be_dedicated(import, id, pv_cstr(row, "path"), &place)) {
        return PV_OK;
    }
    while (pv_image_get_grant(import->image, &place, &old) == PV_OK) {
        if (place.seq == UINT8_MAX) {
            return PV_ERANGE;
        }
        place.seq++;
    }
    return pv_image_put_grant(import->image, &place, &grant);
}

static enum pv_err
set_grant(struct pv_import *import, const char *id, const json_t *row)
{
    static const char *const names[] = {
        "grant",  "consumer", "group",         "unit",
        "system", "path",     "resolution",    "purposes",
        "quota",  "consent",  "needs_consent", "start",
        "end",    "blocked",  "since",         "from",
        "until",  "remove",   "quota_per",     "max_calls_answered",
        NULL};
    static struct found found; /* too large for the stack */
    struct pv_grant_row grant;
    enum pv_err         err;

    pv_known(import, id, row, names);
    found.id = pv_slice_from(id);
    found.count = 0;
    err = pv_image_walk(import->image, PV_WALK_GRANTS, collect, &found);
    if (err == PV_OK) {
        err =
            pv_image_walk(import->image, PV_WALK_GROUP_GRANTS, collect, &found);
    }
    if (err == PV_OK && found.count == 0) {
        if (!pv_true(row, "remove")) {
            return new_grant(import, id, row);
        }
        pv_complain(import, id, "no grant with this id to remove");
    }
    for (size_t i = 0; err == PV_OK && i < found.count; i++) {
        struct pv_image_place *place = &found.place[i];

        if (pv_true(row, "remove")) {
            err = pv_image_del_grant(import->image, place);
            continue;
        }
        err = pv_image_get_grant(import->image, place, &grant);
        if (err == PV_OK && change_grant(import, id, row, &grant)) {
            err = pv_image_put_grant(import->image, place, &grant);
        }
    }
    return err;
}

/* ---- suspensions ---- */

static enum pv_err
set_suspension(struct pv_import *import, const char *consumer,
               const json_t *row)
{
    static const char *const   names[] = {"consumer", "unit",  "system", "path",
                                          "reason",   "since", "from",   "until",
                                          "lift",     NULL};
    struct pv_image_suspension out = {.reason = PV_REASON_CONSUMER_SUSPENDED};
    struct pv_image_place      place;
    struct pv_slice            reason = pv_text(row, "reason");
    enum pv_err                err;

    pv_known(import, consumer, row, names);
    if (reason.len > 0) {
        out.reason = (uint8_t)pv_reason_from_word(reason);
    }
    if (out.reason != PV_REASON_CONSUMER_SUSPENDED &&
        out.reason != PV_REASON_GRANT_SUSPENDED &&
        out.reason != PV_REASON_GRANT_WITHDRAWN) {
        pv_complain(import, consumer,
                    "the reason is consumer-suspended, grant-suspended or "
                    "grant-withdrawn");
        return PV_OK;
    }
    if (!pv_to_span(import, consumer, row, &out.since_ms, &out.until_ms) ||
        !pv_grant_place(import, consumer, consumer, pv_cstr(row, "unit"),
                        pv_cstr(row, "system"), pv_cstr(row, "path"), &place)) {
        return PV_OK;
    }
    if (pv_true(row, "lift")) {
        err = pv_image_del_suspension(import->image, &place);
        return err == PV_ENOTFOUND ? PV_OK : err;
    }
    return pv_image_put_suspension(import->image, &place, &out);
}

/* ---- all of them ---- */

typedef enum pv_err set_fn(struct pv_import *import, const char *id,
                           const json_t *row);

static enum pv_err
set_rows(struct pv_import *import, const char *member, const char *key,
         set_fn *set)
{
    json_t     *row;
    size_t      i;
    enum pv_err err;

    json_array_foreach(json_object_get(import->overlay, member), i, row)
    {
        const char *id = pv_cstr(row, key);

        if (id[0] == '\0') {
            pv_complain(import, member, "row %zu has no \"%s\"", i, key);
            continue;
        }
        err = set(import, id, row);
        if (err != PV_OK) {
            return err;
        }
    }
    return PV_OK;
}

enum pv_err
pv_import_set(struct pv_import *import)
{
    static const char *const names[] = {"node",
                                        "loopback_endpoints",
                                        "exchange_addresses",
                                        "systems",
                                        "endpoints",
                                        "revoked",
                                        "methods",
                                        "grants",
                                        "suspensions",
                                        NULL};
    enum pv_err              err;

    pv_known(import, "-", import->overlay, names);
    if (pv_true(import->overlay, "loopback_endpoints")) {
        import->loopback = true;
    }
    err = set_rows(import, "systems", "system", set_system);
    if (err == PV_OK) {
        err = set_rows(import, "endpoints", "system", set_endpoint);
    }
    if (err == PV_OK) {
        err = set_rows(import, "methods", "path", set_method);
    }
    if (err == PV_OK) {
        err = set_rows(import, "grants", "grant", set_grant);
    }
    if (err == PV_OK) {
        err = set_rows(import, "suspensions", "consumer", set_suspension);
    }
    if (err == PV_OK) {
        err = pv_import_revoked(import,
                                json_object_get(import->overlay, "revoked"));
    }
    return err;
}
