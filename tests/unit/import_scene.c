#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/num.h"
#include "import_scene.h"

#define CATALOGUE PV_SOURCE_ROOT "/catalogue"

void
hex_key(const char *name, char hex[2 * PV_KEY_HASH_LEN + 1])
{
    uint8_t key[PV_KEY_HASH_LEN];

    fixture_key(name, key);
    pv_hex_text(key, sizeof(key), hex);
    hex[2 * PV_KEY_HASH_LEN] = '\0';
}

json_t *
load(const char *name)
{
    char         path[512];
    json_error_t error;
    json_t      *file;

    assert_true(snprintf(path, sizeof(path), "%s/%s", CATALOGUE, name) > 0);
    file = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (file == NULL) {
        fail_msg("%s: %s", path, error.text);
    }
    return file;
}

/* Keys for all systems, an endpoint for every connector. */
static json_t *
make_deployment(json_t *enactment)
{
    json_t *out = json_pack("{s:s, s:b, s:[s], s:[], s:[]}", "node", "nix",
                            "loopback_endpoints", 1, "exchange_addresses",
                            "127.0.0.1:8443", "systems", "endpoints");
    json_t *row;
    size_t  i;

    assert_non_null(out);
    json_array_foreach(json_object_get(enactment, "systems"), i, row)
    {
        const char *id = json_string_value(json_object_get(row, "id"));
        const char *kind = json_string_value(json_object_get(row, "kind"));
        char        hex[2 * PV_KEY_HASH_LEN + 1];

        hex_key(id, hex);
        assert_int_equal(
            json_array_append_new(json_object_get(out, "systems"),
                                  json_pack("{s:s, s:s, s:[s]}", "system", id,
                                            "spki_sha256", hex, "networks",
                                            "127.0.0.0/8")),
            0);
        if (strcmp(kind, "connector") == 0) {
            assert_int_equal(
                json_array_append_new(
                    json_object_get(out, "endpoints"),
                    json_pack("{s:s, s:s, s:i, s:s, s:s}", "system", id,
                              "address", "127.0.0.1", "port", (int)(9500 + i),
                              "tls_name", "connector.test", "spki_sha256",
                              hex)),
                0);
        }
    }
    return out;
}

static void
save(const json_t *json, const char *path)
{
    assert_int_equal(json_dump_file(json, path, 0), 0);
}

/* One import; the number of complaints, the first of them in text. */
size_t
run_import(struct scene *scene, const char *overlay, uint64_t *ret_changes,
           char text[256])
{
    struct pv_import_options options = {
        .catalogue = overlay == NULL ? CATALOGUE : NULL,
        .deployment = overlay == NULL ? scene->deployment : NULL,
        .overlay = overlay,
        .probes = overlay == NULL,
    };
    struct pv_import_report report;
    struct pv_why           why = {""};
    struct pv_slice         said;
    enum pv_err             err;
    size_t                  complaints;

    pv_import_report_init(&report);
    err = pv_import_run(scene->fixture.image, &options, &report, &why);
    complaints = report.complaint_count;
    said = pv_buf_view(&report.complaints);
    assert_true(snprintf(text, 256, "%.*s", PV_FMT(said)) >= 0);
    *ret_changes = report.changes;
    if (err != PV_OK && complaints == 0) {
        fail_msg("%s", why.text);
    }
    assert_int_equal(err, complaints == 0 ? PV_OK : PV_EINVAL);
    pv_import_report_clear(&report);
    return complaints;
}

void
scene_open(struct scene *scene)
{
    struct pv_why why = {""};
    json_t       *deployment;
    char          text[256];
    uint64_t      changes;

    fixture_open(&scene->fixture);
    scene->enactment = load("enactment.json");
    deployment = make_deployment(scene->enactment);
    assert_true(snprintf(scene->deployment, sizeof(scene->deployment),
                         "%s/deployment.json", scene->fixture.dir) > 0);
    save(deployment, scene->deployment);
    json_decref(deployment);
    if (run_import(scene, NULL, &changes, text) != 0) {
        fail_msg("%s", text);
    }
    assert_true(changes > 0);
    if (pv_policy_open(scene->fixture.dir, &scene->policy, &why) != PV_OK) {
        fail_msg("%s", why.text);
    }
}

void
scene_close(struct scene *scene)
{
    pv_policy_close(scene->policy);
    json_decref(scene->enactment);
    fixture_close(&scene->fixture);
}

/* An overlay given as JSON text; complaints as run_import. */
size_t
overlay(struct scene *scene, const char *json, char text[256])
{
    char     path[128];
    json_t  *parsed = json_loads(json, 0, NULL);
    uint64_t changes;

    assert_non_null(parsed);
    assert_true(
        snprintf(path, sizeof(path), "%s/set.json", scene->fixture.dir) > 0);
    save(parsed, path);
    json_decref(parsed);
    return run_import(scene, path, &changes, text);
}

enum pv_reason
call(struct scene *scene, const char *name, const char *path,
     const char *purpose, bool consent, struct pv_decision *decision,
     struct pv_found *found)
{
    struct pv_certificate certificate = fixture_certificate(name);
    struct pv_call        one = {
               .when_ms = FIXTURE_WHEN,
               .certificate = &certificate,
               .source = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1},
               .purpose = pv_slice_from(purpose),
               .has_consent = consent,
    };
    struct pv_rows rows = pv_rows_of(found);

    *found = (struct pv_found){.consumer.version = 0};
    assert_int_equal(pv_policy_find(scene->policy, certificate.key_hash,
                                    pv_slice_from(path), found),
                     PV_OK);
    pv_policy_decide(&rows, &one, false, decision);
    return decision->reason;
}
