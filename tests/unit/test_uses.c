/* test_uses.c - calls of grants of which only so many may be answered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "traced.h"

#define MANY 100000 /* a maximum that is not reached here */

static int
setup(void **state)
{
    struct uses *uses = malloc(sizeof(*uses));

    assert_non_null(uses);
    assert_int_equal(uses_init(uses), PV_OK);
    *state = uses;
    return 0;
}

static int
teardown(void **state)
{
    uses_clear(*state);
    free(*state);
    return 0;
}

static uint32_t
key(struct uses *uses, uint32_t grant, uint64_t max)
{
    char                     id[32];
    int                      len = snprintf(id, sizeof(id), "g-%u", grant);
    struct pv_request_record r = {.max_answered = max};

    assert_true(len > 0 && (size_t)len < sizeof(id));
    r.grant = (struct pv_slice){id, (size_t)len};
    return uses_key(uses, &r);
}

/* One call in a frame of its own: is it in time? ret_spent: when it is not. */
static bool
begin(struct uses *uses, uint32_t of, uint64_t index, bool *ret_spent)
{
    const struct use_late *late;
    uint32_t               count;

    uses_begin(uses, of, index, index, 7);
    uses_sort_late(uses);
    late = uses_late(uses, index, &count);
    if (count == 1) {
        assert_int_equal(late->position, 0);
        *ret_spent = late->spent;
    }
    uses_forget_late(uses);
    assert_int_equal(count == 0, uses_is_open(uses, index));
    return count == 0;
}

/* Calls without an end until one is late: how many were in time. */
static uint32_t
flood(struct uses *uses, uint32_t grant, uint64_t *index)
{
    uint32_t of = key(uses, grant, MANY);
    uint32_t in_time = 0;
    bool     spent = true;

    while (begin(uses, of, (*index)++, &spent)) {
        in_time++;
    }
    assert_false(spent); /* there are answers left: later */
    return in_time;
}

static void
a_flood_by_one_grant_stops_no_other(void **state)
{
    struct uses *uses = *state;
    uint64_t     index = 0;
    uint32_t     first = flood(uses, 1, &index);
    uint32_t     second = flood(uses, 2, &index);
    bool         spent;

    assert_int_equal(first, USES_OPEN_MAX / 2);
    assert_int_equal(second, USES_OPEN_MAX / 4);
    for (uint32_t grant = 3; grant < USES_MAX - 1; grant++) {
        assert_true(flood(uses, grant, &index) > 0);
    }
    assert_true(begin(uses, key(uses, USES_MAX - 1, 1), index++, &spent));
}

static void
late_calls_take_no_place(void **state)
{
    struct uses *uses = *state;
    uint32_t     of = key(uses, 1, 1);
    uint64_t     index = 0;
    bool         spent = true;

    assert_true(begin(uses, of, index++, &spent));
    while (index < 3 * (uint64_t)USES_OPEN_MAX) {
        assert_false(begin(uses, of, index++, &spent));
        assert_false(spent);
    }
    assert_int_equal(uses->open_count, 1);
    uses_end(uses, 5, PV_OUTCOME_ANSWERED); /* of a late one: says nothing */
    uses_end(uses, 0, PV_OUTCOME_FAILED);
    assert_true(begin(uses, of, index++, &spent));
    uses_end(uses, index - 1, PV_OUTCOME_ANSWERED);
    assert_false(begin(uses, of, index++, &spent));
    assert_true(spent);
}

static void
an_end_gives_its_place_back(void **state)
{
    struct uses *uses = *state;
    uint64_t     index = 0;
    uint32_t     first = flood(uses, 1, &index);
    uint32_t     of = key(uses, 1, MANY);
    bool         spent;

    for (uint64_t i = 0; i < first; i++) {
        uses_end(uses, i, i % 2 ? PV_OUTCOME_ANSWERED : PV_OUTCOME_TIMEOUT);
        assert_true(begin(uses, of, index++, &spent));
        assert_false(begin(uses, of, index++, &spent));
    }
    uses_lost(uses, 7); /* nobody knows their end: they count as answered */
    assert_int_equal(uses->open_count, 0);
    of = key(uses, 1, first + first / 2 + 1);
    assert_true(begin(uses, of, index++, &spent));
    assert_false(begin(uses, of, index++, &spent));
}

static void
the_late_ones_of_a_frame_are_told_in_order(void **state)
{
    struct uses           *uses = *state;
    const struct use_late *late;
    uint32_t               of = key(uses, 1, 1);
    uint32_t               count;

    uses_begin(uses, of, 100, 100, 7); /* in time */
    uses_begin(uses, of, 101, 100, 7);
    uses_begin(uses, of, 103, 100, 7);
    uses_begin(uses, of, 105, 105, 7);
    uses_again(uses, of, 40, 38); /* two frames come once more */
    uses_again(uses, of, 100, 100);
    uses_sort_late(uses);
    late = uses_late(uses, 100, &count);
    assert_int_equal(count, 2);
    assert_int_equal(late[0].position, 1);
    assert_int_equal(late[1].position, 3);
    late = uses_late(uses, 38, &count);
    assert_int_equal(count, 1);
    assert_int_equal(late->position, 2);
    (void)uses_late(uses, 39, &count); /* only how many */
    assert_int_equal(count, 0);
    (void)uses_late(uses, 106, &count); /* as above */
    assert_int_equal(count, 0);
}

static void
save_and_load(const struct uses *from, struct uses *to)
{
    struct saved  saved = {.bad = false};
    struct pv_buf bytes;

    pv_buf_init(&bytes, SNAPSHOT_MAX);
    assert_int_equal(uses_save(from, &bytes), PV_OK);
    saved.rest = pv_buf_view(&bytes);
    assert_int_equal(uses_load(to, &saved), PV_OK);
    assert_int_equal(saved.rest.len, 0);
    pv_buf_clear(&bytes);
}

static void
a_saved_state_goes_on(void **state)
{
    struct uses *uses = *state;
    struct uses  loaded;
    uint32_t     of = key(uses, 1, 2);
    uint64_t     index = 0;
    bool         spent;

    assert_true(begin(uses, of, index++, &spent));
    assert_true(begin(uses, of, index++, &spent));
    uses_end(uses, 0, PV_OUTCOME_ANSWERED);
    assert_int_equal(uses_init(&loaded), PV_OK);
    save_and_load(uses, &loaded);
    assert_true(uses_is_open(&loaded, 1));
    assert_false(begin(&loaded, key(&loaded, 1, 2), index++, &spent));
    assert_false(spent);
    uses_end(&loaded, 1, PV_OUTCOME_UNKNOWN); /* counts as answered */
    assert_false(begin(&loaded, key(&loaded, 1, 2), index++, &spent));
    assert_true(spent);
    uses_clear(&loaded);
}

/* Late calls were kept once: bit 32 of the last number of a call. */
static void
a_saved_state_with_late_calls_goes_on(void **state)
{
    static const uint64_t call[2][4] = {{10, 10, 7, UINT64_C(1) << 32},
                                        {11, 10, 7, 0}};
    struct uses          *uses = *state;
    struct saved          saved = {.bad = false};
    struct pv_buf         bytes;

    pv_buf_init(&bytes, SNAPSHOT_MAX);
    (void)key(uses, 1, 1); /* made, so that it is saved */
    assert_int_equal(uses_save(uses, &bytes), PV_OK);
    bytes.len -= sizeof(uint32_t); /* the number of calls */
    assert_int_equal(saved_put_u32(&bytes, 2), PV_OK);
    assert_int_equal(saved_put(&bytes, call, sizeof(call)), PV_OK);
    uses_reset(uses);
    saved.rest = pv_buf_view(&bytes);
    assert_int_equal(uses_load(uses, &saved), PV_OK);
    assert_int_equal(uses->open_count, 1);
    assert_true(uses_is_open(uses, 11));
    pv_buf_clear(&bytes);
}

static void
what_nobody_counted_is_spent(void **state)
{
    struct uses *uses = *state;
    bool         spent = false;

    uses->unknown = true;
    assert_false(begin(uses, key(uses, 1, MANY), 0, &spent));
    assert_true(spent);
}

static void
more_grants_than_there_is_room_for_are_not_forwarded(void **state)
{
    struct uses *uses = *state;
    uint64_t     index = 0;
    bool         spent = true;

    for (uint32_t grant = 0; grant < USES_MAX; grant++) {
        assert_true(begin(uses, key(uses, grant, 1), index, &spent));
        uses_end(uses, index++, PV_OUTCOME_ANSWERED);
    }
    assert_false(begin(uses, key(uses, USES_MAX, 1), index, &spent));
    assert_false(spent);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_flood_by_one_grant_stops_no_other,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(late_calls_take_no_place, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_end_gives_its_place_back, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            the_late_ones_of_a_frame_are_told_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(a_saved_state_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(a_saved_state_with_late_calls_goes_on,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(what_nobody_counted_is_spent, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            more_grants_than_there_is_room_for_are_not_forwarded, setup,
            teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
