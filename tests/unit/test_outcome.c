#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "policy/outcome.h"

static void
every_class_has_a_word_and_a_status(void **state)
{
    (void)state;
    for (int i = PV_OUTCOME_NONE + 1; i < PV_OUTCOME_END; i++) {
        struct pv_slice word = pv_outcome_word((enum pv_outcome)i);

        assert_true(word.len > 0);
        assert_int_equal(pv_outcome_from_word(word), i);
        assert_true(pv_outcome_status((enum pv_outcome)i) >= 200);
    }
    assert_int_equal(pv_outcome_status(PV_OUTCOME_ANSWERED), 200);
    assert_int_equal(pv_outcome_status(PV_OUTCOME_NONE), 500);
    assert_int_equal(pv_outcome_status(PV_OUTCOME_END), 500);
    assert_int_equal(pv_outcome_from_word(PV_LIT("")), PV_OUTCOME_NONE);
    assert_int_equal(pv_outcome_from_word(PV_LIT("no")), PV_OUTCOME_NONE);
}

static void
every_reason_has_a_word_a_class_and_two_titles(void **state)
{
    (void)state;
    for (int i = PV_REASON_NONE + 1; i < PV_REASON_END; i++) {
        enum pv_reason  reason = (enum pv_reason)i;
        struct pv_slice word = pv_reason_word(reason);

        assert_true(word.len > 0);
        for (size_t n = 0; n < word.len; n++) {
            assert_true((word.ptr[n] >= 'a' && word.ptr[n] <= 'z') ||
                        word.ptr[n] == '-');
        }
        assert_int_equal(pv_reason_from_word(word), i);
        assert_true(pv_reason_outcome(reason) > PV_OUTCOME_ANSWERED);
        assert_true(pv_reason_status(reason) >= 400);
        assert_true(pv_reason_title_en(reason).len > 20);
        assert_true(pv_reason_title_fa(reason).len > 20);
        assert_int_equal(
            pv_reason_title_en(reason).ptr[pv_reason_title_en(reason).len - 1],
            '.');
    }
    assert_int_equal(pv_reason_from_word(PV_LIT("")), PV_REASON_NONE);
}

/* Nothing outside the table is ever an answer or an allow. */
static void
numbers_outside_the_table_are_refusals(void **state)
{
    (void)state;
    assert_int_equal(pv_reason_outcome(PV_REASON_END), PV_OUTCOME_UNAVAILABLE);
    assert_int_equal(pv_reason_status(PV_REASON_END), 503);
    assert_int_equal(pv_reason_word(PV_REASON_END).len, 0);
}

static void
reasons_have_the_status_of_their_class_or_their_own(void **state)
{
    static const struct {
        enum pv_reason reason;
        int            status;
    } row[] = {
        {PV_REASON_NO_GRANT, 403},
        {PV_REASON_METHOD_UNKNOWN, 404},
        {PV_REASON_CERTIFICATE_MISSING, 401},
        {PV_REASON_HTTP_METHOD, 405},
        {PV_REASON_BODY_TOO_LARGE, 413},
        {PV_REASON_RATE, 429},
        {PV_REASON_HOURS, 503},
        {PV_REASON_JOURNAL_DOWN, 503},
        {PV_REASON_PROVIDER_TIMEOUT, 504},
        {PV_REASON_PROVIDER_ANSWER, 502},
        {PV_REASON_CONTRACT, 400},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        assert_int_equal(pv_reason_status(row[i].reason), row[i].status);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_class_has_a_word_and_a_status),
        cmocka_unit_test(every_reason_has_a_word_a_class_and_two_titles),
        cmocka_unit_test(numbers_outside_the_table_are_refusals),
        cmocka_unit_test(reasons_have_the_status_of_their_class_or_their_own),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
