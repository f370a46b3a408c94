/*
 * What is written into the image is what the reader decides on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "policy_fixture.h"

/* One agency "a" with three systems, one "b"; a group and their modes. */
struct scene {
    struct fixture    fixture;
    struct pv_policy *policy;
};

static void
scene_open(struct scene *scene)
{
    struct pv_why why = {""};

    fixture_open(&scene->fixture);
    fixture_begin(&scene->fixture);
    fixture_system(&scene->fixture, "a-main", "a", NULL);
    fixture_system(&scene->fixture, "a-other", "a", NULL);
    fixture_system(&scene->fixture, "a-unit-1", "a", "unit-1");
    fixture_system(&scene->fixture, "a-unit-2", "a", "unit-2");
    fixture_system(&scene->fixture, "b-main", "b", NULL);
    fixture_method(&scene->fixture, FIXTURE_PATH);
    assert_true(fixture_commit(&scene->fixture) > 0);
    if (pv_policy_open(scene->fixture.dir, &scene->policy, &why) != PV_OK) {
        fail_msg("%s", why.text);
    }
}

static void
scene_close(struct scene *scene)
{
    pv_policy_close(scene->policy);
    fixture_close(&scene->fixture);
}

static void
grant(struct scene *scene, uint8_t level, const char *agency,
      const char *subject)
{
    struct pv_image_place place;
    struct pv_grant_row   row = fixture_grant(level, "g-1");

    fixture_begin(&scene->fixture);
    place =
        fixture_place(&scene->fixture, level, agency, subject, FIXTURE_PATH);
    assert_int_equal(pv_image_put_grant(scene->fixture.image, &place, &row),
                     PV_OK);
    assert_true(fixture_commit(&scene->fixture) > 0);
}

static void
levels_reach_exactly_their_subject(void **state)
{
    static const struct {
        uint8_t        level;
        const char    *subject;
        const char    *caller;
        enum pv_reason reason;
        const char    *what;
    } row[] = {
        {PV_GRANT_AGENCY, "a", "a-main", PV_REASON_NONE,
         "an agency's grant covers its systems"},
        {PV_GRANT_AGENCY, "a", "a-unit-1", PV_REASON_NONE,
         "an agency's grant covers its units' systems"},
        {PV_GRANT_AGENCY, "a", "b-main", PV_REASON_NO_GRANT,
         "an agency's grant does not cover another agency"},
        {PV_GRANT_AGENCY, "a", "nobody", PV_REASON_KEY_UNREGISTERED,
         "an unknown key is nobody's"},
        {PV_GRANT_UNIT, "unit-1", "a-unit-1", PV_REASON_NONE,
         "a unit's grant covers its systems"},
        {PV_GRANT_UNIT, "unit-1", "a-unit-2", PV_REASON_NOT_THIS_UNIT,
         "a unit's grant does not cover its sibling"},
        {PV_GRANT_UNIT, "unit-1", "a-main", PV_REASON_NOT_THIS_UNIT,
         "a unit's grant does not cover its agency"},
        {PV_GRANT_UNIT, "unit-1", "b-main", PV_REASON_NO_GRANT,
         "a unit's grant is no hint for another agency"},
        {PV_GRANT_SYSTEM, "a-main", "a-main", PV_REASON_NONE,
         "a system's grant covers it"},
        {PV_GRANT_SYSTEM, "a-main", "a-other", PV_REASON_NOT_THIS_SYSTEM,
         "a system's grant does not cover its sibling"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct scene   scene;
        enum pv_reason reason;

        scene_open(&scene);
        grant(&scene, row[i].level, "a", row[i].subject);
        reason = fixture_call(scene.policy, row[i].caller, FIXTURE_PATH);
        if (reason != row[i].reason) {
            fail_msg("%s: got %.*s", row[i].what,
                     PV_FMT(pv_reason_word(reason)));
        }
        scene_close(&scene);
    }
}

static void
a_change_is_in_force_at_the_next_decision(void **state)
{
    struct scene          scene;
    struct pv_image_place place;
    uint64_t              before;
    uint64_t              after;

    (void)state;
    scene_open(&scene);
    assert_int_equal(pv_policy_version(scene.policy, &before), PV_OK);
    assert_int_equal(fixture_call(scene.policy, "a-main", FIXTURE_PATH),
                     PV_REASON_NO_GRANT);
    grant(&scene, PV_GRANT_AGENCY, "a", "a");
    assert_int_equal(pv_policy_version(scene.policy, &after), PV_OK);
    assert_true(after > before);
    assert_int_equal(fixture_call(scene.policy, "a-main", FIXTURE_PATH),
                     PV_REASON_NONE);

    fixture_begin(&scene.fixture);
    place =
        fixture_place(&scene.fixture, PV_GRANT_AGENCY, "a", "a", FIXTURE_PATH);
    assert_int_equal(pv_image_del_grant(scene.fixture.image, &place), PV_OK);
    (void)fixture_commit(&scene.fixture);
    assert_int_equal(fixture_call(scene.policy, "a-main", FIXTURE_PATH),
                     PV_REASON_NO_GRANT);
    scene_close(&scene);
}

/* The system a-main gets the key `name`; the one before until then, 0: not. */
static void
replace_key(struct scene *scene, const char *name, const char *before,
            int64_t until_ms)
{
    struct pv_image_system row;
    uint32_t               number;

    fixture_begin(&scene->fixture);
    number = fixture_number(&scene->fixture, PV_IMAGE_SYSTEM, "a-main");
    assert_int_equal(pv_image_get_system(scene->fixture.image, number, &row),
                     PV_OK);
    fixture_key(name, row.key_hash);
    row.old_until_ms = until_ms;
    fixture_key(before, row.old_key_hash);
    assert_int_equal(pv_image_put_system(scene->fixture.image, &row), PV_OK);
    assert_true(fixture_commit(&scene->fixture) > 0);
}

static void
a_replaced_key_ends_at_its_moment(void **state)
{
    struct scene scene;

    (void)state;
    scene_open(&scene);
    grant(&scene, PV_GRANT_AGENCY, "a", "a");
    replace_key(&scene, "second", "a-main", FIXTURE_WHEN + 1);
    assert_int_equal(fixture_call(scene.policy, "second", FIXTURE_PATH),
                     PV_REASON_NONE);
    assert_int_equal(fixture_call(scene.policy, "a-main", FIXTURE_PATH),
                     PV_REASON_NONE);
    replace_key(&scene, "second", "a-main", FIXTURE_WHEN);
    assert_int_equal(fixture_call(scene.policy, "second", FIXTURE_PATH),
                     PV_REASON_NONE);
    assert_int_equal(fixture_call(scene.policy, "a-main", FIXTURE_PATH),
                     PV_REASON_KEY_UNREGISTERED);
    /* two are enough: the one before the last is nobody's at once */
    replace_key(&scene, "third", "second", FIXTURE_WHEN + 1);
    assert_int_equal(fixture_call(scene.policy, "third", FIXTURE_PATH),
                     PV_REASON_NONE);
    assert_int_equal(fixture_call(scene.policy, "second", FIXTURE_PATH),
                     PV_REASON_NONE);
    assert_int_equal(fixture_call(scene.policy, "a-main", FIXTURE_PATH),
                     PV_REASON_KEY_UNREGISTERED);
    replace_key(&scene, "third", "second", 0);
    assert_int_equal(fixture_call(scene.policy, "second", FIXTURE_PATH),
                     PV_REASON_KEY_UNREGISTERED);
    scene_close(&scene);
}

static void
a_key_in_overlap_is_still_one_systems(void **state)
{
    struct pv_image_system row;
    struct scene           scene;
    uint32_t               number;

    (void)state;
    scene_open(&scene);
    replace_key(&scene, "second", "a-main", FIXTURE_WHEN + 1);
    fixture_begin(&scene.fixture);
    number = fixture_number(&scene.fixture, PV_IMAGE_SYSTEM, "b-main");
    assert_int_equal(pv_image_get_system(scene.fixture.image, number, &row),
                     PV_OK);
    fixture_key("a-main", row.key_hash);
    assert_int_equal(pv_image_put_system(scene.fixture.image, &row), PV_EEXIST);
    pv_image_abort(scene.fixture.image);
    scene_close(&scene);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_reach_exactly_their_subject),
        cmocka_unit_test(a_change_is_in_force_at_the_next_decision),
        cmocka_unit_test(a_replaced_key_ends_at_its_moment),
        cmocka_unit_test(a_key_in_overlap_is_still_one_systems),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
