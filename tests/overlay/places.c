/*
 * places.c - where a grant belongs in the image, and a system's own rows.
 */
#include <string.h>

#include "base/num.h"
#include "overlay.h"

/* ---- systems ---- */

void
pv_system_settings(struct pv_import *import, const char *row,
                   const json_t *settings, struct pv_image_system *system_row)
{
    const json_t *networks = json_object_get(settings, "networks");
    const json_t *key = json_object_get(settings, "spki_sha256");
    json_t       *network;
    size_t        i;

    if (key != NULL) {
        if (pv_hex_bytes(pv_text(settings, "spki_sha256"), system_row->key_hash,
                         PV_KEY_HASH_LEN) != PV_OK) {
            pv_complain(import, row, "spki_sha256 must be 64 hex digits");
            return;
        }
        system_row->has_key = true;
    }
    if (json_object_get(settings, "suspended") != NULL) {
        system_row->row.suspended = pv_true(settings, "suspended");
    }
    if (networks == NULL) {
        return;
    }
    if (json_array_size(networks) > PV_POLICY_NETWORKS_MAX) {
        pv_complain(import, row, "at most %d networks", PV_POLICY_NETWORKS_MAX);
        return;
    }
    system_row->row.network_count = 0;
    json_array_foreach(networks, i, network)
    {
        if (!pv_to_network(pv_slice_from(json_string_value(network)),
                           &system_row->row.network[i])) {
            pv_complain(import, row, "\"%s\" is no network",
                        json_is_string(network) ? json_string_value(network)
                                                : "");
            return;
        }
        system_row->row.network_count++;
    }
}

/* ---- where a grant belongs ---- */

static enum pv_err
number_of(struct pv_import *import, enum pv_image_what what, const char *id,
          uint32_t *ret)
{
    return pv_image_lookup(import->image, what, pv_slice_from(id), ret);
}

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
unit_place(struct pv_import *import, const char *row, const char *unit,
           struct pv_image_place *ret)
{
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
    *ret = (struct pv_image_place){.level = PV_GRANT_AGENCY};
    if (!knows(import, row, "consumer", PV_IMAGE_AGENCY, consumer,
               &ret->agency) ||
        !knows(import, row, "method", PV_IMAGE_METHOD, path, &ret->method)) {
        return false;
    }
    if (system_id[0] != '\0') {
        return system_place(import, row, system_id, ret);
    }
    if (unit[0] != '\0') {
        return unit_place(import, row, unit, ret);
    }
    ret->subject = ret->agency;
    return true;
}
