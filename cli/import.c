/*
 * import.c - one import, from files to a committed transaction.
 */
#include <errno.h>
#include <string.h>

#include "import_private.h"

static void
progress(struct pv_import *import, const char *what)
{
    if (import->options->progress != NULL) {
        import->options->progress(import->options->context, what);
    }
}

static enum pv_err
load_files(struct pv_import *import)
{
    struct {
        const char *name;
        json_t    **ret;
    } file[] = {
        {"agencies.json", &import->agencies},
        {"services.json", &import->services},
        {"grants.json", &import->grants},
        {"resolutions.json", &import->resolutions},
        {"base_registries.json", &import->registries},
        {"enactment.json", &import->enactment},
    };
    const char *dir = import->options->catalogue;
    enum pv_err err;

    for (size_t i = 0; dir != NULL && i < sizeof(file) / sizeof(file[0]); i++) {
        err = pv_import_file(import, dir, file[i].name, file[i].ret);
        if (err != PV_OK) {
            return err;
        }
    }
    if (import->options->deployment != NULL) {
        err = pv_import_file(import, NULL, import->options->deployment,
                             &import->deployment);
        if (err != PV_OK) {
            return err;
        }
    }
    if (import->options->overlay != NULL) {
        err = pv_import_file(import, NULL, import->options->overlay,
                             &import->overlay);
        if (err != PV_OK) {
            return err;
        }
    }
    return PV_OK;
}

static enum pv_err
add_resolution(struct pv_import *import, const json_t *row)
{
    const char *id = pv_cstr(row, "id");

    /* a set of ids: the row itself is not changed by being held */
    return id[0] == '\0' || json_object_set(import->resolution, id,
                                            (json_t *)(uintptr_t)row) == 0
               ? PV_OK
               : PV_ENOMEM;
}

/* Resolutions of meetings, of other documents, and of the probes. */
static enum pv_err
index_resolutions(struct pv_import *import)
{
    enum pv_err err = PV_OK;
    json_t     *meeting;
    json_t     *row;
    size_t      i;
    size_t      n;

    import->resolution = json_object();
    if (import->resolution == NULL) {
        return PV_ENOMEM;
    }
    json_array_foreach(json_object_get(import->resolutions, "meetings"), i,
                       meeting)
    {
        json_array_foreach(json_object_get(meeting, "resolutions"), n, row)
        {
            err = err == PV_OK ? add_resolution(import, row) : err;
        }
    }
    json_array_foreach(
        json_object_get(import->resolutions, "referenced_resolutions"), i, row)
    {
        err = err == PV_OK ? add_resolution(import, row) : err;
    }
    json_array_foreach(json_object_get(import->enactment, "probes"), i, row)
    {
        if (strcmp(pv_cstr(row, "kind"), "resolution") == 0) {
            err = err == PV_OK ? add_resolution(import, row) : err;
        }
    }
    return err;
}

/* The grants of all go-live rows, by grant. */
static enum pv_err
index_live_grants(struct pv_import *import)
{
    json_t     *all = json_array();
    enum pv_err err;
    json_t     *row;
    size_t      i;

    if (all == NULL) {
        return PV_ENOMEM;
    }
    json_array_foreach(json_object_get(import->enactment, "go_live"), i, row)
    {
        if (json_array_extend(all, json_object_get(row, "grants")) != 0) {
            pv_complain(import, pv_cstr(row, "service"), "names no grants");
        }
    }
    err = pv_index(import, all, "grant", &import->live_grant);
    json_decref(all);
    return err;
}

static enum pv_err
index_files(struct pv_import *import)
{
    json_t *in = import->enactment;
    json_t *codes =
        json_object_get(json_object_get(in, "service_codes"), "codes");
    const struct {
        const char   *file;
        const json_t *rows;
        const char   *key;
        json_t      **ret;
    } index[] = {
        {"agencies.json", import->agencies, "id", &import->agency},
        {"services.json", import->services, "id", &import->service},
        {"grants.json", import->grants, "id", &import->grant},
        {"enactment.json", json_object_get(in, "agencies"), "id",
         &import->enacted},
        {"enactment.json", json_object_get(in, "units"), "id", &import->unit},
        {"enactment.json", json_object_get(in, "systems"), "id",
         &import->system},
        {"enactment.json", json_object_get(in, "methods"), "service",
         &import->methods},
        {"enactment.json", codes, "service", &import->code},
        {"enactment.json", json_object_get(in, "go_live"), "service",
         &import->live},
        {"enactment.json", json_object_get(in, "grant_terms"), "grant",
         &import->term},
        {"deployment", json_object_get(import->deployment, "systems"), "system",
         &import->deployed},
        {"deployment", json_object_get(import->deployment, "endpoints"),
         "system", &import->endpoint},
        {"deployment", json_object_get(import->deployment, "methods"), "path",
         &import->deployed_method},
    };
    enum pv_err err;

    for (size_t i = 0; i < sizeof(index) / sizeof(index[0]); i++) {
        import->file = index[i].file;
        err = pv_index(import, index[i].rows, index[i].key, index[i].ret);
        if (err != PV_OK) {
            return err;
        }
    }
    import->file = "enactment.json";
    err = index_live_grants(import);
    if (err == PV_OK) {
        err = index_resolutions(import);
    }
    import->seq = json_object();
    import->key_holder = json_object();
    if (import->seq == NULL || import->key_holder == NULL) {
        return PV_ENOMEM;
    }
    return err;
}

static void
check_deployment(struct pv_import *import)
{
    static const char *const names[] = {"node",
                                        "loopback_endpoints",
                                        "exchange_addresses",
                                        "systems",
                                        "endpoints",
                                        "revoked",
                                        "methods",
                                        NULL};

    import->file = "deployment";
    pv_known(import, "-", import->deployment, names);
    import->loopback = pv_true(import->deployment, "loopback_endpoints");
}

static enum pv_err
load_catalogue(struct pv_import *import)
{
    enum pv_err err;

    progress(import, "index");
    err = index_files(import);
    if (err != PV_OK) {
        return err;
    }
    check_deployment(import);
    progress(import, "agencies and systems");
    err = pv_import_parties(import);
    if (err == PV_OK) {
        progress(import, "services");
        err = pv_import_services(import);
    }
    if (err == PV_OK) {
        progress(import, "grants");
        err = pv_import_grants(import);
    }
    if (err == PV_OK && import->options->probes) {
        progress(import, "probes");
        err = pv_import_probes(import);
    }
    return err;
}

static void
forget(struct pv_import *import)
{
    json_t *owned[] = {
        import->agencies,
        import->services,
        import->grants,
        import->resolutions,
        import->registries,
        import->enactment,
        import->deployment,
        import->overlay,
        import->agency,
        import->enacted,
        import->unit,
        import->service,
        import->methods,
        import->system,
        import->code,
        import->live,
        import->live_grant,
        import->term,
        import->grant,
        import->resolution,
        import->deployed,
        import->endpoint,
        import->deployed_method,
        import->seq,
        import->key_holder,
    };

    for (size_t i = 0; i < sizeof(owned) / sizeof(owned[0]); i++) {
        json_decref(owned[i]); /* accepts NULL */
    }
}

static enum pv_err
run(struct pv_import *import)
{
    const struct pv_import_options *options = import->options;
    struct pv_import_report        *report = import->report;
    bool                            whole = options->catalogue != NULL;
    enum pv_err                     err;

    progress(import, "files");
    err = load_files(import);
    if (err != PV_OK) {
        return err;
    }
    err = pv_image_begin(import->image,
                         whole ? PV_IMAGE_REPLACE : PV_IMAGE_CHANGE);
    if (err == PV_OK && whole) {
        err = load_catalogue(import);
    }
    if (err == PV_OK && import->overlay != NULL) {
        progress(import, "overlay");
        err = pv_import_set(import);
    }
    if (err == PV_OK && report->complaint_count > 0) {
        err = PV_EINVAL;
    }
    if (err == PV_OK) {
        progress(import, "commit");
        err = pv_image_commit(import->image, &report->changes);
        report->decision = pv_image_decision(import->image);
    }
    return err;
}

enum pv_err
pv_import_run(struct pv_image *image, const struct pv_import_options *options,
              struct pv_import_report *report, struct pv_why *why)
{
    struct pv_import import = {
        .options = options,
        .report = report,
        .image = image,
        .file = "-",
    };
    enum pv_err err;

    err = run(&import);
    if (err != PV_OK) {
        pv_image_abort(image);
        if (report->complaint_count > 0) {
            err = PV_EINVAL; /* an error behind a complaint is its echo */
        }
        pv_why_set(why,
                   err == PV_EINVAL
                       ? "the data does not hold together (%s); nothing was "
                         "changed"
                       : "the image could not be changed: %s",
                   pv_err_text(err));
    }
    forget(&import);
    return err;
}
