/*
 * deploy.c - the deployment file beside what the registry says now.
 */
#include "deploy.h"

#include <string.h>

#include "base/jalali.h"
#include "registry.h"

#define FILE_PATH_MAX 4096
#define CONNECTOR_MARGIN_MS 500 /* the connector times out first */

struct deploy {
    struct pv_enact *enact; /* the decisions */
    const char      *socket;
    const char      *catalogue;
    json_t          *file;
    json_t          *systems; /* id -> record; owned, as the next ones */
    json_t          *versions;
    json_t          *appointments;
    json_t          *certificates;
    json_t          *endpoint; /* by system */
    char             today[PV_JALALI_TEXT_LEN + 1];
};

static json_t *
records_of(struct deploy *deploy, const char *kind)
{
    json_t *all = NULL;

    if (deploy->enact->err == PV_OK) {
        deploy->enact->err = pv_registry_records(deploy->socket, kind, "", &all,
                                                 &deploy->enact->why);
    }
    return all;
}

static void
decide(struct deploy *deploy, struct pv_enact_who who, const char *kind,
       const char *id, const char *event, json_t *data)
{
    pv_enact_add(deploy->enact, deploy->today, PV_ENACT_SYSTEMS, who, kind, id,
                 event, data);
}

/* Has the record other values in one of the members of data? */
static bool
differs(const json_t *record, const json_t *data)
{
    const json_t *body = json_object_get(record, "body");
    const char   *name;
    json_t       *value;

    json_object_foreach((json_t *)(uintptr_t)data, name, value)
    {
        if (!json_equal(json_object_get(body, name), value)) {
            return true;
        }
    }
    return false;
}

/* ---- systems ---- */

/* Keys are the business of an agency's technical contact. */
static struct pv_enact_who
technical_of(struct deploy *deploy, const char *agency)
{
    struct pv_enact_who who = {"technical", agency};
    char                person[PV_ENACT_ID_ROOM];

    if (snprintf(person, sizeof(person), "technical/%s", agency) >=
        (int)sizeof(person)) {
        pv_enact_fail(deploy->enact, "%s: the id is too long", agency);
        return who;
    }
    if (json_object_get(deploy->appointments, person) == NULL) {
        pv_enact_set(deploy->enact, deploy->appointments, person, json_true());
        decide(deploy, PV_ENACT_SECRETARIAT, "appointment", person, "appoint",
               json_pack("{s:s, s:s, s:s, s:s}", "person", person, "role",
                         "technical", "of", agency, "basis", "proposed"));
    }
    return who;
}

static json_t *
system_data(struct deploy *deploy, const json_t *row, const char *id)
{
    static const char *const keys[] = {"spki_sha256", "networks", NULL};
    static const char *const place[] = {"address", "port", "tls_name",
                                        "spki_sha256", NULL};
    const json_t            *endpoint = json_object_get(deploy->endpoint, id);
    json_t                  *data = json_object();
    json_t                  *at;

    pv_enact_copy(deploy->enact, data, row, keys);
    if (endpoint != NULL) {
        at = json_object();
        pv_enact_copy(deploy->enact, at, endpoint, place);
        pv_enact_set(deploy->enact, data, "endpoint", at);
    }
    return data;
}

static void
add_system(struct deploy *deploy, const json_t *row)
{
    const char   *id = pv_enact_text(row, "system");
    const json_t *record = json_object_get(deploy->systems, id);
    const char   *state = pv_enact_text(record, "state");
    json_t       *data;

    if (record == NULL) {
        pv_enact_fail(deploy->enact, "systems: no system \"%s\"", id);
        return;
    }
    if (strcmp(state, "registered") != 0 && strcmp(state, "suspended") != 0) {
        return; /* its key comes when it is active */
    }
    data = system_data(deploy, row, id);
    if (!differs(record, data)) {
        json_decref(data);
        return;
    }
    decide(deploy,
           technical_of(deploy, pv_enact_text(json_object_get(record, "body"),
                                              "agency")),
           "system", id, "key", data);
}

static void
add_systems(struct deploy *deploy)
{
    json_t *row;
    size_t  i;

    deploy->endpoint = json_object();
    json_array_foreach(json_object_get(deploy->file, "endpoints"), i, row)
    {
        const char *id = pv_enact_text(row, "system");

        if (json_object_get(deploy->systems, id) == NULL) {
            pv_enact_fail(deploy->enact, "endpoints: no system \"%s\"", id);
        }
        pv_enact_set(deploy->enact, deploy->endpoint, id, json_incref(row));
    }
    json_array_foreach(json_object_get(deploy->file, "systems"), i, row)
    {
        add_system(deploy, row);
    }
}

/* ---- versions ---- */

static void
set_version(struct deploy *deploy, const char *id, const json_t *settings)
{
    const json_t *record = json_object_get(deploy->versions, id);
    json_t       *data;

    if (record == NULL) {
        pv_enact_fail(deploy->enact, "versions: no version \"%s\"", id);
    } else if (strcmp(pv_enact_text(record, "state"), "live") == 0) {
        data = json_pack("{s:O}", "settings", settings);
        if (data != NULL && !differs(record, data)) {
            json_decref(data);
            return;
        }
        decide(deploy, PV_ENACT_OPERATOR, "version", id, "settings", data);
    } /* before it is live nobody calls it */
}

/* The longest deadline of its contract, with the connector's margin. */
static json_t *
deadline_of(struct deploy *deploy, const json_t *version)
{
    const json_t *body = json_object_get(version, "body");
    char          path[FILE_PATH_MAX];
    json_int_t    longest = 0;
    json_t       *file = NULL;
    json_t       *method;
    size_t        i;

    if (snprintf(path, sizeof(path), "%s/contracts/%s/%s.json",
                 deploy->catalogue, pv_enact_text(body, "provider"),
                 pv_enact_text(body, "service")) < (int)sizeof(path)) {
        file = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
    }
    json_array_foreach(json_object_get(file, "methods"), i, method)
    {
        json_int_t ms =
            json_integer_value(json_object_get(method, "deadline_ms"));

        longest = ms > longest ? ms : longest;
    }
    json_decref(file); /* accepts NULL: there need not be such a file */
    return longest == 0 ? NULL
                        : json_pack("{s:I}", "deadline_ms",
                                    longest + CONNECTOR_MARGIN_MS);
}

static void
add_versions(struct deploy *deploy)
{
    json_t     *own = json_object();
    const char *id;
    json_t     *row;
    size_t      i;

    json_array_foreach(json_object_get(deploy->file, "versions"), i, row)
    {
        id = pv_enact_text(row, "version");
        pv_enact_set(deploy->enact, own, id, json_true());
        set_version(deploy, id, json_object_get(row, "settings"));
    }
    json_object_foreach(deploy->versions, id, row)
    {
        json_t *settings =
            deploy->catalogue == NULL || json_object_get(own, id) != NULL
                ? NULL
                : deadline_of(deploy, row);

        if (settings != NULL) {
            set_version(deploy, id, settings);
            json_decref(settings);
        }
    }
    json_decref(own);
}

/* ---- revoked certificates ---- */

static void
add_revoked(struct deploy *deploy)
{
    json_t *row;
    size_t  i;

    json_array_foreach(json_object_get(deploy->file, "revoked"), i, row)
    {
        char id[PV_ENACT_ID_ROOM];

        if (snprintf(id, sizeof(id), "%s/%s",
                     pv_enact_text(row, "issuer_sha256"),
                     pv_enact_text(row, "serial")) >= (int)sizeof(id)) {
            pv_enact_fail(deploy->enact, "revoked: row %zu is too long", i);
        } else if (json_object_get(deploy->certificates, id) == NULL) {
            decide(deploy, PV_ENACT_OPERATOR, "certificate", id, "revoke",
                   json_object());
        }
    }
}

/* ---- all of it ---- */

static void
load(struct deploy *deploy, const char *path)
{
    static const char *const names[] = {"systems", "endpoints", "versions",
                                        "revoked", NULL};
    json_error_t             error;
    const char              *name;
    json_t                  *value;
    size_t                   i;

    deploy->file = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (deploy->file == NULL) {
        pv_enact_fail(deploy->enact, "%s: line %d: %s", path, error.line,
                      error.text);
    }
    json_object_foreach(deploy->file, name, value)
    {
        for (i = 0; names[i] != NULL && strcmp(names[i], name) != 0; i++) {
        }
        if (names[i] == NULL) { /* a typo would be left out in silence */
            pv_enact_fail(deploy->enact, "%s: unknown member \"%s\"", path,
                          name);
        }
    }
}

enum pv_err
pv_deploy_read(const char *socket, const char *file, const char *catalogue,
               struct pv_enact *ret)
{
    struct deploy deploy = {
        .enact = ret, .socket = socket, .catalogue = catalogue};

    *ret = (struct pv_enact){.dir = catalogue};
    pv_jalali_text(pv_time_wall_ms(), deploy.today);
    if (file != NULL) {
        load(&deploy, file);
    }
    deploy.systems = records_of(&deploy, "system");
    deploy.versions = records_of(&deploy, "version");
    deploy.appointments = records_of(&deploy, "appointment");
    deploy.certificates = records_of(&deploy, "certificate");
    if (ret->err == PV_OK) {
        add_systems(&deploy);
        add_versions(&deploy);
        add_revoked(&deploy);
    }
    json_decref(deploy.file);
    json_decref(deploy.systems);
    json_decref(deploy.versions);
    json_decref(deploy.appointments);
    json_decref(deploy.certificates);
    json_decref(deploy.endpoint);
    return ret->err;
}
