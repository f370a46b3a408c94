/*
 * The real catalogue through the import: every probe of enactment.json is
 * answered as it expects; what does not hold together is refused whole.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/num.h"
#include "import.h"
#include "policy_fixture.h"

#define CATALOGUE PV_SOURCE_ROOT "/catalogue"
#define LATER "agency registered later"
#define LATER_SYSTEM "later-main"

struct scene {
    struct fixture    fixture;
    struct pv_policy *policy;
    json_t           *enactment;
    char              deployment[128];
};

static void
hex_key(const char *name, char hex[2 * PV_KEY_HASH_LEN + 1])
{
    uint8_t key[PV_KEY_HASH_LEN];

    fixture_key(name, key);
    pv_hex_text(key, sizeof(key), hex);
    hex[2 * PV_KEY_HASH_LEN] = '\0';
}

static json_t *
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
static size_t
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

static void
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

static void
scene_close(struct scene *scene)
{
    pv_policy_close(scene->policy);
    json_decref(scene->enactment);
    fixture_close(&scene->fixture);
}

/* An overlay given as JSON text; complaints as run_import. */
static size_t
overlay(struct scene *scene, const char *json, char text[256])
{
    char     path[128];
    json_t  *parsed = json_loads(json, 0, NULL);
    uint64_t changes;

    assert_non_null(parsed);
    assert_true(snprintf(path, sizeof(path), "%s/set.json",
                         scene->fixture.dir) > 0);
    save(parsed, path);
    json_decref(parsed);
    return run_import(scene, path, &changes, text);
}

static enum pv_reason
call(struct scene *scene, const char *name, const char *path,
     const char *purpose, bool consent, struct pv_decision *decision,
     struct pv_rows *rows)
{
    struct pv_certificate certificate = fixture_certificate(name);
    struct pv_call        one = {
               .when_ms = FIXTURE_WHEN,
               .certificate = &certificate,
               .source = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1},
               .purpose = pv_slice_from(purpose),
               .has_consent = consent,
    };

    assert_int_equal(pv_policy_find(scene->policy, certificate.key_hash,
                                    pv_slice_from(path), rows),
                     PV_OK);
    pv_policy_decide(rows, &one, false, decision);
    return decision->reason;
}

static const char *
text_of(const json_t *row, const char *name)
{
    const char *text = json_string_value(json_object_get(row, name));

    return text == NULL ? "" : text;
}

/* The system that calls for an expectation: its own, its unit's, -main. */
static const char *
caller_of(struct scene *scene, const json_t *probe, const json_t *expect)
{
    const char *consumer = text_of(expect, "consumer");
    const char *unit = text_of(expect, "unit");
    json_t     *row;
    size_t      i;

    if (text_of(expect, "system")[0] != '\0') {
        return text_of(expect, "system");
    }
    if (strcmp(consumer, LATER) == 0) {
        return LATER_SYSTEM;
    }
    consumer = consumer[0] != '\0' ? consumer : text_of(probe, "consumer");
    json_array_foreach(json_object_get(scene->enactment, "systems"), i, row)
    {
        if (strcmp(text_of(row, "kind"),
                   strcmp(consumer, "mashhad-municipality") == 0
                       ? text_of(row, "kind")
                       : "application") == 0 &&
            strcmp(text_of(row, "agency"), consumer) == 0 &&
            strcmp(text_of(row, "unit"), unit) == 0 &&
            strstr(text_of(row, "id"), "-main") != NULL) {
            return text_of(row, "id");
        }
    }
    fail_msg("no system calls for %s", consumer);
    return NULL;
}

static void
path_of(const json_t *services, const char *service, const char *method,
        char path[256])
{
    json_t *row;
    size_t  i;

    json_array_foreach(services, i, row)
    {
        if (strcmp(text_of(row, "id"), service) == 0) {
            assert_true(snprintf(path, 256, "/x/%s/%s/v1/%s",
                                 text_of(row, "provider"), service,
                                 method) > 0);
            return;
        }
    }
    fail_msg("no service %s", service);
}

static void
check_expectation(struct scene *scene, const json_t *probe,
                  const json_t *expect, const char *path)
{
    const char        *word = text_of(expect, "outcome");
    bool               answered = strcmp(word, "answered") == 0;
    struct pv_rows     rows;
    struct pv_decision decision;
    enum pv_reason     reason;

    if (strcmp(word, "limited") == 0) {
        return; /* quotas are the gate's */
    }
    reason = call(scene, caller_of(scene, probe, expect), path,
                  text_of(expect, "purpose"), false, &decision, &rows);
    if (answered ? reason != PV_REASON_NONE
                 : !pv_slice_eq(pv_reason_word(reason),
                                pv_slice_from(text_of(expect, "reason")))) {
        fail_msg("%s: expected %s %s, got %.*s", text_of(probe, "id"), word,
                 text_of(expect, "reason"), PV_FMT(pv_reason_word(reason)));
    }
    if (answered && text_of(expect, "via")[0] != '\0') {
        struct pv_slice id = {decision.grant->id.text, decision.grant->id.len};

        assert_true(pv_slice_eq(id, pv_slice_from(text_of(expect, "via"))));
    }
}

static void
every_probe_is_decided_as_it_expects(void **state)
{
    struct scene scene;
    json_t      *services = load("services.json");
    json_t      *probe;
    json_t      *expect;
    char         text[256];
    char         path[256];
    char         hex[2 * PV_KEY_HASH_LEN + 1];
    char         later[512];
    size_t       i;
    size_t       n;
    size_t       checked = 0;

    (void)state;
    scene_open(&scene);
    hex_key(LATER_SYSTEM, hex);
    assert_true(snprintf(later, sizeof(later),
                         "{\"systems\":[{\"system\":\"%s\",\"agency\":"
                         "\"later\",\"spki_sha256\":\"%s\",\"networks\":"
                         "[\"127.0.0.0/8\"]}]}",
                         LATER_SYSTEM, hex) > 0);
    assert_int_equal(overlay(&scene, later, text), 0);

    json_array_foreach(json_object_get(scene.enactment, "probes"), i, probe)
    {
        const char *method = text_of(probe, "method");

        if (strcmp(text_of(probe, "kind"), "resolution") == 0) {
            continue;
        }
        path_of(services, text_of(probe, "service"),
                method[0] != '\0' ? method : "inquire", path);
        json_array_foreach(json_object_get(probe, "expect"), n, expect)
        {
            check_expectation(&scene, probe, expect, path);
            checked++;
        }
    }
    assert_true(checked >= 25);
    json_decref(services);
    scene_close(&scene);
}

/* Resolutions as the documents have them. */
static void
the_catalogue_is_decided_as_its_resolutions_say(void **state)
{
    static const struct {
        const char    *caller;
        const char    *path;
        const char    *purpose;
        enum pv_reason reason;
        const char    *what;
    } row[] = {
        {"setad",
         "/x/ministry-economic-affairs-finance/promissory-note/v1/note-parties",
         "", PV_REASON_NONE,
         "method two of the promissory note serves SETAD"},
        {"ecommerce-development-centre-main",
         "/x/ministry-economic-affairs-finance/promissory-note/v1/note-parties",
         "", PV_REASON_DEDICATED, "and nobody else, not SETAD's own agency"},
        {"tax-administration-main",
         "/x/ministry-economic-affairs-finance/promissory-note/v1/note-parties",
         "", PV_REASON_DEDICATED, "and no executive agency"},
        {"setad",
         "/x/ministry-economic-affairs-finance/promissory-note/v1/verify-note",
         "contract-guarantee", PV_REASON_NONE, "method one serves SETAD too"},
        {"tax-administration-main",
         "/x/ministry-economic-affairs-finance/promissory-note/v1/verify-note",
         "", PV_REASON_CONSUMER_READINESS_MISSING,
         "a member of the group has not confirmed its readiness"},
        {"judiciary-main",
         "/x/ministry-economic-affairs-finance/promissory-note/v1/verify-note",
         "", PV_REASON_NO_GRANT, "the judiciary is not in the executive"},
        {"unit-mefa-state-property-main",
         "/x/deeds-registration-organisation/property-deed-authenticity/v1/"
         "verify",
         "", PV_REASON_NONE, "a unit's grant serves the unit"},
        {"unit-mefa-economic-affairs-main",
         "/x/deeds-registration-organisation/property-deed-authenticity/v1/"
         "verify",
         "", PV_REASON_NOT_THIS_UNIT, "but not its sibling"},
        {"innovation-prosperity-fund-main",
         "/x/tax-administration/tax-performance-declaration-items/v1/inquire",
         "", PV_REASON_PASSPORT_NOT_APPROVED,
         "a service that is only ordered has no passport"},
        {"zanjan-science-technology-park-main",
         "/x/national-post-company/postal-code/v1/inquire", "",
         PV_REASON_GRANT_ENDED, "a grant that ended in 1403 is over"},
        {"statistical-centre-main",
         "/x/tax-administration/tax-debt/v1/inquire", "", PV_REASON_NO_GRANT,
         "no grant, no answer"},
        {"setad", "/x/nobody/nothing/v1/inquire", "",
         PV_REASON_METHOD_UNKNOWN, "an unknown path is unknown"},
    };
    struct scene scene;

    (void)state;
    scene_open(&scene);
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct pv_rows     rows;
        struct pv_decision decision;
        enum pv_reason     reason;

        reason = call(&scene, row[i].caller, row[i].path, row[i].purpose,
                      false, &decision, &rows);
        if (reason != row[i].reason) {
            fail_msg("%s: got %.*s", row[i].what,
                     PV_FMT(pv_reason_word(reason)));
        }
    }
    scene_close(&scene);
}

static void
a_second_import_writes_nothing(void **state)
{
    struct scene scene;
    uint64_t     before;
    uint64_t     after;
    uint64_t     changes;
    char         text[256];

    (void)state;
    scene_open(&scene);
    assert_int_equal(pv_policy_version(scene.policy, &before), PV_OK);
    assert_int_equal(run_import(&scene, NULL, &changes, text), 0);
    assert_int_equal(changes, 0);
    assert_int_equal(pv_policy_version(scene.policy, &after), PV_OK);
    assert_true(after == before);
    scene_close(&scene);
}

static void
an_import_keeps_revocations_and_suspensions(void **state)
{
#define BANK "cooperative-development-bank-main"
#define IBAN "/x/central-bank/national-id-iban-match/v1/verify"
    struct scene          scene;
    struct pv_certificate certificate = fixture_certificate("x");
    uint64_t              changes;
    bool                  revoked = false;
    char                  text[256];

    (void)state;
    scene_open(&scene);
    assert_int_equal(
        overlay(&scene,
                "{\"suspensions\":[{\"consumer\":"
                "\"cooperative-development-bank\",\"path\":\"" IBAN "\","
                "\"since\":\"2024-01-01T00:00:00Z\"}],\"revoked\":"
                "[{\"issuer_sha256\":\"00000000000000000000000000000000"
                "00000000000000000000000000000000\",\"serial\":\"102\"}]}",
                text),
        0);
    assert_int_equal(run_import(&scene, NULL, &changes, text), 0);
    assert_int_equal(pv_policy_revoked(scene.policy, &certificate, &revoked),
                     PV_OK);
    assert_true(revoked); /* also with a zero byte in front of the serial */
    {
        struct pv_rows     rows;
        struct pv_decision decision;

        assert_int_equal(call(&scene, BANK, IBAN, "", false, &decision, &rows),
                         PV_REASON_CONSUMER_SUSPENDED);
        assert_int_equal(
            overlay(&scene,
                    "{\"suspensions\":[{\"consumer\":"
                    "\"cooperative-development-bank\",\"path\":\"" IBAN "\","
                    "\"lift\":true}]}",
                    text),
            0);
        assert_int_equal(call(&scene, BANK, IBAN, "", false, &decision, &rows),
                         PV_REASON_NONE);
    }
    scene_close(&scene);
}

static void
overlays_change_what_is_decided(void **state)
{
    static const struct {
        const char    *json;
        const char    *purpose;
        enum pv_reason reason;
        const char    *what;
    } row[] = {
        {"{\"grants\":[{\"grant\":\"g-m35-r1-02\",\"purposes\":[\"other\"]}]}",
         "facility-review", PV_REASON_PURPOSE_NOT_GRANTED, "a new purpose"},
        {"{\"grants\":[{\"grant\":\"g-m35-r1-02\",\"consent\":true}]}", "other",
         PV_REASON_CONSENT_MISSING, "a demanded consent"},
        {"{\"grants\":[{\"grant\":\"g-m35-r1-02\",\"consent\":false,"
         "\"end\":\"2026-11-20\"}]}",
         "other", PV_REASON_GRANT_ENDED, "an end in the past"},
        {"{\"grants\":[{\"grant\":\"g-m35-r1-02\",\"end\":{\"jalali\":"
         "\"1405-08-30\",\"gregorian\":\"2026-11-21\"}}]}",
         "other", PV_REASON_NONE, "an end today: the day itself still counts"},
        {"{\"grants\":[{\"grant\":\"g-m35-r1-02\",\"blocked\":"
         "\"grant-withdrawn\",\"since\":\"2026-01-01\"}]}",
         "other", PV_REASON_GRANT_WITHDRAWN, "a withdrawal"},
        {"{\"grants\":[{\"grant\":\"g-m35-r1-02\",\"blocked\":null}]}", "other",
         PV_REASON_NONE, "a withdrawal taken back"},
        {"{\"methods\":[{\"path\":\"" IBAN "\",\"hours\":{\"open\":\"14:00\","
         "\"close\":\"20:00\"}}]}",
         "other", PV_REASON_HOURS, "hours (it is 13:30 in Tehran)"},
        {"{\"methods\":[{\"path\":\"" IBAN "\",\"hours\":{\"open\":\"13:00\","
         "\"close\":\"14:00\",\"weekdays\":[\"saturday\"]}}]}",
         "other", PV_REASON_NONE, "hours that are open on a Saturday"},
        {"{\"methods\":[{\"path\":\"" IBAN "\",\"hours\":null,\"state\":"
         "\"service-suspended\",\"since\":\"2026-11-01\"}]}",
         "other", PV_REASON_SERVICE_SUSPENDED, "a suspended service"},
        {"{\"methods\":[{\"path\":\"" IBAN "\",\"state\":null,\"notices\":"
         "[{\"from\":\"2026-11-21T09:00:00Z\",\"until\":"
         "\"2026-11-21T11:00:00Z\"}]}]}",
         "other", PV_REASON_OUTAGE, "an announced outage"},
        {"{\"methods\":[{\"path\":\"" IBAN "\",\"notices\":[]}],"
         "\"endpoints\":[{\"system\":\"central-bank-connector\","
         "\"remove\":true}]}",
         "other", PV_REASON_ENDPOINT_MISSING, "an endpoint taken away"},
        {"{\"grants\":[{\"grant\":\"g-m35-r1-02\",\"remove\":true}]}", "other",
         PV_REASON_NO_GRANT, "a removed grant"},
        {"{\"systems\":[{\"system\":\"" BANK "\",\"networks\":"
         "[\"10.0.0.0/8\"]}]}",
         "other", PV_REASON_NETWORK_NOT_REGISTERED, "another network"},
        {"{\"systems\":[{\"system\":\"" BANK "\",\"suspended\":true}]}",
         "other", PV_REASON_SYSTEM_SUSPENDED, "a suspended system"},
    };
    struct scene scene;
    char         text[256];

    (void)state;
    scene_open(&scene);
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct pv_rows     rows;
        struct pv_decision decision;
        enum pv_reason     reason;

        if (overlay(&scene, row[i].json, text) != 0) {
            fail_msg("%s: %s", row[i].what, text);
        }
        reason = call(&scene, BANK, IBAN, row[i].purpose, false, &decision,
                      &rows);
        if (reason != row[i].reason) {
            fail_msg("%s: got %.*s", row[i].what,
                     PV_FMT(pv_reason_word(reason)));
        }
    }
    scene_close(&scene);
}

static void
what_does_not_hold_together_is_refused_whole(void **state)
{
    static const struct {
        const char *json;
        const char *words;
    } row[] = {
        {"{\"grants\":[{\"grant\":\"g-new\",\"consumer\":\"nobody\","
         "\"path\":\"" IBAN "\",\"resolution\":\"m24/r1\",\"purposes\":"
         "[\"a\"]}]}",
         "\"nobody\" is unknown"},
        {"{\"grants\":[{\"grant\":\"g-m35-r1-02\",\"start\":{\"jalali\":"
         "\"1405-08-30\",\"gregorian\":\"2026-11-22\"}}]}",
         "not the same day"},
        {"{\"grants\":[{\"grant\":\"g-m35-r1-02\",\"purposes\":[]}]}",
         "1 to 8 purposes"},
        {"{\"methods\":[{\"path\":\"/x/a/b/v1/c\"}]}", "no such method"},
        {"{\"methods\":[{\"path\":\"" IBAN "\",\"deadline\":3}]}",
         "unknown member"},
        {"{\"methods\":[{\"path\":\"" IBAN "\",\"hours\":{\"open\":\"25:00\","
         "\"close\":\"20:00\"}}]}",
         "hours need"},
        {"{\"endpoints\":[{\"system\":\"central-bank-connector\",\"address\":"
         "\"127.0.0.1\",\"port\":1,\"tls_name\":\"a\",\"spki_sha256\":"
         "\"00000000000000000000000000000000000000000000000000000000000000ff"
         "\"}]}",
         "a loopback address"},
        {"{\"loopback_endpoints\":true,\"exchange_addresses\":"
         "[\"127.0.0.1:8443\"],\"endpoints\":[{\"system\":"
         "\"central-bank-connector\",\"address\":\"127.0.0.1\",\"port\":8443,"
         "\"tls_name\":\"a\",\"spki_sha256\":"
         "\"00000000000000000000000000000000000000000000000000000000000000ff"
         "\"}]}",
         "the exchange itself"},
        {"{\"endpoints\":[{\"system\":\"central-bank-connector\",\"address\":"
         "\"10.1.2.3\",\"port\":1,\"tls_name\":\"a\",\"spki_sha256\":"
         "\"00000000000000000000000000000000000000000000000000000000000000ff"
         "\"}]}",
         "outside the networks"},
        {"{\"endpoints\":[{\"system\":\"central-bank-connector\",\"address\":"
         "\"bank.example\",\"port\":1}]}",
         "is no address"},
        {"{\"endpoints\":[{\"system\":\"central-bank-connector\",\"address\":"
         "\"::ffff:169.254.0.1\",\"port\":1,\"tls_name\":\"a\","
         "\"spki_sha256\":"
         "\"00000000000000000000000000000000000000000000000000000000000000ff"
         "\"}]}",
         "link-local"},
        {"{\"suspensions\":[{\"consumer\":\"central-bank\",\"path\":\"" IBAN
         "\",\"reason\":\"hours\"}]}",
         "the reason is"},
        {"{\"unknown\":[]}", "unknown member"},
    };
    struct scene scene;
    char         text[256];
    uint64_t     before;
    uint64_t     after;

    (void)state;
    scene_open(&scene);
    assert_int_equal(pv_policy_version(scene.policy, &before), PV_OK);
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        size_t complaints = overlay(&scene, row[i].json, text);

        if (complaints == 0 || strstr(text, row[i].words) == NULL) {
            fail_msg("expected \"%s\", got \"%s\"", row[i].words, text);
        }
    }
    assert_int_equal(pv_policy_version(scene.policy, &after), PV_OK);
    assert_true(after == before);
    scene_close(&scene);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_probe_is_decided_as_it_expects),
        cmocka_unit_test(the_catalogue_is_decided_as_its_resolutions_say),
        cmocka_unit_test(a_second_import_writes_nothing),
        cmocka_unit_test(an_import_keeps_revocations_and_suspensions),
        cmocka_unit_test(overlays_change_what_is_decided),
        cmocka_unit_test(what_does_not_hold_together_is_refused_whole),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
