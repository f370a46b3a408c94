/*
 * The real catalogue through the import: every probe of enactment.json is
 * decided as it expects, and the resolutions as they say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "import_scene.h"

#define LATER "agency registered later"
#define LATER_SYSTEM "later-main"

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
    struct pv_found    found;
    struct pv_decision decision;
    enum pv_reason     reason;

    if (strcmp(word, "limited") == 0) {
        return; /* quotas are the gate's */
    }
    reason = call(scene, caller_of(scene, probe, expect), path,
                  text_of(expect, "purpose"), false, &decision, &found);
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
         "", PV_REASON_NONE, "method two of the promissory note serves SETAD"},
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
        {"statistical-centre-main", "/x/tax-administration/tax-debt/v1/inquire",
         "", PV_REASON_NO_GRANT, "no grant, no answer"},
        {"setad", "/x/nobody/nothing/v1/inquire", "", PV_REASON_METHOD_UNKNOWN,
         "an unknown path is unknown"},
    };
    struct scene scene;

    (void)state;
    scene_open(&scene);
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct pv_found    found;
        struct pv_decision decision;
        enum pv_reason     reason;

        reason = call(&scene, row[i].caller, row[i].path, row[i].purpose, false,
                      &decision, &found);
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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_probe_is_decided_as_it_expects),
        cmocka_unit_test(the_catalogue_is_decided_as_its_resolutions_say),
        cmocka_unit_test(a_second_import_writes_nothing),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
