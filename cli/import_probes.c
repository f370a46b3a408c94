/*
 * import_probes.c - the synthetic grants, modes and suspensions that tests
 * call; every one is marked as proposed.
 */
#include <string.h>

#include "import_private.h"

static bool
probe_head(struct pv_import *import, const char *id, const json_t *probe,
           struct pv_grant_row *row)
{
    struct pv_slice resolution = pv_text(probe, "resolution");

    if (!pv_to_id(import, id, pv_slice_from(id), &row->id) ||
        (resolution.len > 0 &&
         !pv_to_id(import, id, resolution, &row->resolution))) {
        return false;
    }
    if (resolution.len > 0 &&
        json_object_get(import->resolution, resolution.ptr) == NULL) {
        pv_complain(import, id, "its resolution \"%.*s\" is unknown",
                    PV_FMT(resolution));
        return false;
    }
    row->proposed = true;
    pv_grant_terms(import, id, probe, row);
    return true;
}

static bool
probe_path(struct pv_import *import, const char *id, const json_t *probe,
           char path[PV_POLICY_PATH_MAX + 1])
{
    if (pv_method_path(import, pv_cstr(probe, "service"),
                       pv_cstr(probe, "method"), path)) {
        return true;
    }
    pv_complain(import, id, "its service \"%s\" is unknown",
                pv_cstr(probe, "service"));
    return false;
}

static enum pv_err
probe_grant(struct pv_import *import, const char *id, const json_t *probe)
{
    const json_t         *suspension = json_object_get(probe, "suspension");
    const json_t         *readiness = json_object_get(probe, "readiness");
    struct pv_grant_row   row = {.kind = 0};
    struct pv_image_place place;
    char                  path[PV_POLICY_PATH_MAX + 1];

    if (!probe_path(import, id, probe, path) ||
        !probe_head(import, id, probe, &row) ||
        !pv_grant_place(import, id, pv_cstr(probe, "consumer"),
                        pv_cstr(probe, "unit"), pv_cstr(probe, "system"), path,
                        &place)) {
        return PV_OK;
    }
    if (suspension != NULL) {
        row.blocked = PV_REASON_GRANT_SUSPENDED;
        if (!pv_to_span(import, id, suspension, &row.blocked_since_ms,
                        &row.blocked_until_ms)) {
            return PV_OK;
        }
    } else if (readiness != NULL &&
               !json_is_object(json_object_get(readiness, "provider"))) {
        row.blocked = PV_REASON_PROVIDER_READINESS_MISSING;
    } else if (readiness != NULL &&
               !json_is_object(json_object_get(readiness, "consumer"))) {
        row.blocked = PV_REASON_CONSUMER_READINESS_MISSING;
    }
    return pv_import_put_grant(import, &place, &row);
}

static uint8_t
mode_kind(const char *word)
{
    if (strcmp(word, "all") == 0) {
        return PV_MODE_ALL;
    }
    if (strcmp(word, "all-except") == 0) {
        return PV_MODE_ALL_EXCEPT;
    }
    return strcmp(word, "allow-list") == 0 ? PV_MODE_ALLOW_LIST : 0;
}

static enum pv_err
mode_list(struct pv_import *import, const char *id, const json_t *list,
          struct pv_image_mode *mode)
{
    json_t     *agency;
    size_t      i;
    enum pv_err err;

    if (json_array_size(list) > PV_IMAGE_MODE_LIST_MAX) {
        pv_complain(import, id, "a mode names at most %d agencies",
                    PV_IMAGE_MODE_LIST_MAX);
        return PV_OK;
    }
    json_array_foreach(list, i, agency)
    {
        const char *name =
            json_is_string(agency) ? json_string_value(agency) : "";

        if (json_object_get(import->agency, name) == NULL) {
            pv_complain(import, id, "its list names \"%s\", which is unknown",
                        name);
            continue;
        }
        err =
            pv_image_number(import->image, PV_IMAGE_AGENCY, pv_slice_from(name),
                            &mode->list[mode->list_count]);
        if (err != PV_OK) {
            return err;
        }
        mode->list_count++;
    }
    return PV_OK;
}

static enum pv_err
probe_mode(struct pv_import *import, const char *id, const json_t *probe)
{
    struct pv_image_mode  mode = {.list_count = 0};
    struct pv_image_place place = {.level = PV_GRANT_MODE};
    char                  path[PV_POLICY_PATH_MAX + 1];
    char                  key[32];
    json_int_t            seq;
    enum pv_err           err;

    mode.row.kind = PV_GRANT_MODE;
    mode.row.per_member = true; /* every agency that it covers by itself */
    mode.mode = mode_kind(pv_cstr(probe, "mode"));
    if (mode.mode == 0) {
        pv_complain(import, id, "unknown mode \"%s\"", pv_cstr(probe, "mode"));
        return PV_OK;
    }
    if (!probe_path(import, id, probe, path) ||
        !probe_head(import, id, probe, &mode.row)) {
        return PV_OK;
    }
    if (mode.row.resolution.len == 0) { /* a proposal only */
        mode.row.blocked = PV_REASON_MODE_WITHOUT_RESOLUTION;
    }
    err = mode_list(import, id, json_object_get(probe, "list"), &mode);
    if (err == PV_OK) {
        err = pv_image_lookup(import->image, PV_IMAGE_METHOD,
                              pv_slice_from(path), &place.method);
    }
    if (err != PV_OK) {
        return err;
    }
    if (snprintf(key, sizeof(key), "mode/%u", place.method) < 0) {
        return PV_ERANGE;
    }
    seq = json_integer_value(json_object_get(import->seq, key));
    if (seq > UINT8_MAX) {
        return PV_ERANGE;
    }
    if (json_object_set_new(import->seq, key, json_integer(seq + 1)) != 0) {
        return PV_ENOMEM;
    }
    import->report->modes++;
    import->report->proposed++;
    return pv_image_put_mode(import->image, place.method, (uint8_t)seq, &mode);
}

/* A consumer suspended although a mode covers it. */
static enum pv_err
probe_suspension(struct pv_import *import, const char *id, const json_t *probe)
{
    struct pv_image_suspension row = {.reason = PV_REASON_CONSUMER_SUSPENDED,
                                      .imported = true};
    json_t                    *methods = json_object_get(
                           json_object_get(import->methods, pv_cstr(probe, "service")), "methods");
    json_t     *method;
    size_t      i;
    enum pv_err err;

    if (!pv_to_span(import, id, json_object_get(probe, "suspension"),
                    &row.since_ms, &row.until_ms)) {
        return PV_OK;
    }
    json_array_foreach(methods, i, method)
    {
        struct pv_image_place place;
        char                  path[PV_POLICY_PATH_MAX + 1];

        if (!pv_method_path(import, pv_cstr(probe, "service"),
                            pv_cstr(method, "id"), path) ||
            !pv_grant_place(import, id, pv_cstr(probe, "consumer"),
                            pv_cstr(probe, "unit"), pv_cstr(probe, "system"),
                            path, &place)) {
            return PV_OK;
        }
        import->report->suspensions++;
        err = pv_image_put_suspension(import->image, &place, &row);
        if (err != PV_OK) {
            return err;
        }
    }
    return PV_OK;
}

enum pv_err
pv_import_probes(struct pv_import *import)
{
    json_t     *rows = json_object_get(import->enactment, "probes");
    json_t     *probe;
    size_t      i;
    enum pv_err err = PV_OK;

    import->file = "enactment.json";
    json_array_foreach(rows, i, probe)
    {
        const char *id = pv_cstr(probe, "id");
        const char *kind = pv_cstr(probe, "kind");

        if (strcmp(kind, "resolution") == 0) {
            continue; /* known since the files were indexed */
        }
        import->report->probes++;
        if (strcmp(kind, "grant") == 0) {
            err = probe_grant(import, id, probe);
        } else if (strcmp(kind, "mode") == 0) {
            err = probe_mode(import, id, probe);
        } else if (strcmp(kind, "suspension") == 0) {
            err = probe_suspension(import, id, probe);
        } else {
            pv_complain(import, id, "unknown kind of probe \"%s\"", kind);
        }
        if (err != PV_OK) {
            return err;
        }
    }
    return PV_OK;
}
