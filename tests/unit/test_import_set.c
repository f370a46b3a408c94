/*
 * Overlays on a live image, and data that does not hold together.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "import_scene.h"

#define BANK "cooperative-development-bank-main"
#define IBAN "/x/central-bank/national-id-iban-match/v1/verify"
#define PARTIES                                                                \
    "/x/ministry-economic-affairs-finance/promissory-note/v1/note-parties"

static void
an_import_keeps_revocations_and_suspensions(void **state)
{
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
        struct pv_found    found;
        struct pv_decision decision;

        assert_int_equal(call(&scene, BANK, IBAN, "", false, &decision, &found),
                         PV_REASON_CONSUMER_SUSPENDED);
        assert_int_equal(
            overlay(&scene,
                    "{\"suspensions\":[{\"consumer\":"
                    "\"cooperative-development-bank\",\"path\":\"" IBAN "\","
                    "\"lift\":true}]}",
                    text),
            0);
        assert_int_equal(call(&scene, BANK, IBAN, "", false, &decision, &found),
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
        struct pv_found    found;
        struct pv_decision decision;
        enum pv_reason     reason;

        if (overlay(&scene, row[i].json, text) != 0) {
            fail_msg("%s: %s", row[i].what, text);
        }
        reason =
            call(&scene, BANK, IBAN, row[i].purpose, false, &decision, &found);
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
        {"{\"systems\":[{\"system\":\"setad\",\"suspended\":\"true\"}]}",
         "true or false"},
        {"{\"systems\":[{\"system\":\"setadd\",\"remove\":true}]}",
         "no such system"},
        {"{\"systems\":[{\"system\":\"setad\",\"groups\":[7]}]}", "groups are"},
        {"{\"endpoints\":[{\"system\":\"central-bank-connector\",\"removed\":"
         "true}]}",
         "unknown member"},
        {"{\"methods\":[{\"path\":\"" IBAN "\",\"state\":7}]}", "state is"},
        {"{\"methods\":[{\"path\":\"" IBAN "\",\"until\":\"2026-11-21\"}]}",
         "state is"},
        {"{\"grants\":[{\"grant\":\"g-m35-r1-02\",\"quota\":100}]}",
         "quota must be"},
        {"{\"grants\":[{\"grant\":\"g-m35-r1-02\","
         "\"quota_per\":\"agency\"}]}",
         "quota_per is"},
        {"{\"grants\":[{\"grant\":\"g-m35-r1-02\","
         "\"max_calls_answered\":0}]}",
         "at least 1"},
        {"{\"grants\":[{\"grant\":\"g-m35-r1-02\","
         "\"max_calls_answered\":1048576}]}",
         "max_calls_answered"},
        {"{\"grants\":[{\"grant\":\"g-m35-r1-02\",\"quota\":{\"day\":1}}]}",
         "unknown member"},
        {"{\"grants\":[{\"grant\":\"g-m35-r1-02\",\"consent\":\"yes\"}]}",
         "consent must be"},
        {"{\"grants\":[{\"grant\":\"g-m35-r1-02\",\"needs_consent\":1}]}",
         "true or false"},
        {"{\"grants\":[{\"grant\":\"g-m35-r1-02\",\"blocked\":true}]}",
         "blocked is"},
        {"{\"grants\":[{\"grant\":\"g-m35-r1-02\",\"until\":\"2026-11-21\"}]}",
         "blocked is"},
        {"{\"grants\":[{\"grant\":\"g-m35-r1-0\",\"remove\":true}]}",
         "no grant with this id"},
        {"{\"grants\":[{\"grant\":\"g-new\",\"consumer\":\"central-bank\","
         "\"system\":\"central-bank-connector\",\"path\":\"" PARTIES
         "\",\"resolution\":\"m24/r2\",\"purposes\":[\"a\"]}]}",
         "dedicated to another"},
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
        cmocka_unit_test(an_import_keeps_revocations_and_suspensions),
        cmocka_unit_test(overlays_change_what_is_decided),
        cmocka_unit_test(what_does_not_hold_together_is_refused_whole),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
