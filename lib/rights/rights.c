/* rights.c - the body of a state, and the right that a call has. */
#include "rights/rights.h"

#include <stdlib.h>
#include <string.h>

#include "base/jalali.h"

struct pv_rights {
    json_t       *root;
    json_t       *by_id; /* id of a grant: borrowed from root */
    const json_t *modes;
};

static enum pv_err
index_grants(struct pv_rights *rights, const json_t *grants)
{
    size_t  i;
    json_t *grant;

    json_array_foreach((json_t *)(uintptr_t)grants, i, grant)
    {
        const char *id = json_string_value(json_object_get(grant, "id"));

        if (id == NULL || !json_is_string(json_object_get(grant, "path")) ||
            !json_is_array(json_object_get(grant, "methods"))) {
            return PV_EINVAL;
        }
        if (json_object_set(rights->by_id, id, grant) != 0) {
            return PV_ENOMEM;
        }
    }
    return PV_OK;
}

enum pv_err
pv_rights_read(struct pv_slice body, struct pv_rights **ret)
{
    struct pv_rights *rights = calloc(1, sizeof(*rights));
    const json_t     *grants;
    enum pv_err       err = PV_ENOMEM;

    if (rights == NULL) {
        return err;
    }
    rights->by_id = json_object();
    rights->root = json_loadb(body.len == 0 ? "" : body.ptr, body.len,
                              JSON_REJECT_DUPLICATES, NULL);
    grants = json_object_get(rights->root, "grants");
    rights->modes = json_object_get(rights->root, "modes");
    if (!json_is_array(grants) || !json_is_array(rights->modes)) {
        err = PV_EINVAL;
    } else if (rights->by_id != NULL) {
        err = index_grants(rights, grants);
    }
    if (err != PV_OK) {
        pv_rights_free(rights);
        return err;
    }
    *ret = rights;
    return PV_OK;
}

void
pv_rights_free(struct pv_rights *rights)
{
    if (rights != NULL) {
        json_decref(rights->by_id); /* accepts NULL */
        json_decref(rights->root);
        free(rights);
    }
}

size_t
pv_rights_count(const struct pv_rights *rights)
{
    return json_object_size(rights->by_id);
}

/* ---- which right ---- */

/* Is it not yet `start`, or after `end`? Texts of days sort as days do. */
static bool
is_beyond(const json_t *grant, const char *name, int64_t when_ms, bool until)
{
    const char *day = json_string_value(json_object_get(grant, name));
    char        today[PV_JALALI_TEXT_LEN];
    int         order;

    if (day == NULL || strlen(day) != PV_JALALI_TEXT_LEN) {
        return false; /* open */
    }
    pv_jalali_text(when_ms, today);
    order = memcmp(day, today, PV_JALALI_TEXT_LEN);
    return until ? order < 0 : order > 0;
}

/* Is path below base, and its method one of those named? */
static bool
covers(const json_t *grant, const char *path)
{
    const char *base = json_string_value(json_object_get(grant, "path"));
    size_t      len = strlen(base);
    size_t      i;
    json_t     *method;

    if (strncmp(path, base, len) != 0 || path[len] != '/') {
        return false;
    }
    json_array_foreach(json_object_get(grant, "methods"), i, method)
    {
        if (json_is_string(method) &&
            strcmp(json_string_value(method), path + len + 1) == 0) {
            return true;
        }
    }
    return false;
}

static bool
is_of_system(const json_t *grant, const char *system)
{
    const char *only = json_string_value(json_object_get(grant, "system"));

    return only == NULL || strcmp(only, system) == 0;
}

/* What a call under a mode bears as its grant is the mode's id. */
static bool
allows_mode(const struct pv_rights *rights, const struct pv_rights_call *call)
{
    size_t  i;
    json_t *mode;

    json_array_foreach((json_t *)(uintptr_t)rights->modes, i, mode)
    {
        const char *path = json_string_value(json_object_get(mode, "path"));
        const char *id = json_string_value(json_object_get(mode, "id"));

        if (path != NULL && id != NULL && strcmp(path, call->path) == 0 &&
            (call->grant[0] == '\0' || strcmp(id, call->grant) == 0)) {
            return true;
        }
    }
    return false;
}

bool
pv_rights_allow(const struct pv_rights      *rights,
                const struct pv_rights_call *call, const json_t **ret_items)
{
    const json_t *grant;
    const json_t *items;

    *ret_items = NULL;
    grant = json_object_get(rights->by_id, call->grant);
    if (grant == NULL) {
        return allows_mode(rights, call);
    }
    if (!covers(grant, call->path) || !is_of_system(grant, call->system) ||
        is_beyond(grant, "start", call->when_ms, false) ||
        is_beyond(grant, "end", call->when_ms, true)) {
        return false;
    }
    items = json_object_get(grant, "items");
    if (items == NULL || (json_is_string(items) &&
                          strcmp(json_string_value(items), "all") == 0)) {
        return true;
    }
    *ret_items = items;
    return json_is_array(items);
}
