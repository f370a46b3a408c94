/*
 * What lib/base/due promises, and the calendar under it against ICU, which
 * has its own code for it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unicode/ucal.h>

#include "base/due.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static int64_t
day_of(const char *text)
{
    struct pv_civil date;
    int64_t         day;

    assert_int_equal(pv_jalali_parse(pv_slice_from(text), &date), PV_OK);
    assert_int_equal(pv_jalali_to_days(date, &day), PV_OK);
    return day;
}

static void
every_day_is_the_one_of_icu(void **state)
{
    UErrorCode error = U_ZERO_ERROR;
    UCalendar *icu;
    int64_t    first = day_of("1200-01-01");
    int64_t    last = day_of("1500-12-29");

    (void)state;
    icu = ucal_open(u"UTC", -1, "fa_IR@calendar=persian", UCAL_TRADITIONAL,
                    &error);
    assert_true(U_SUCCESS(error));
    for (int64_t day = first; day <= last; day++) {
        struct pv_civil ours;

        ucal_setMillis(icu, (double)day * 86400000.0, &error);
        assert_int_equal(pv_jalali_from_days(day, &ours), PV_OK);
        if (ours.year != ucal_get(icu, UCAL_YEAR, &error) ||
            ours.month != ucal_get(icu, UCAL_MONTH, &error) + 1 ||
            ours.day != ucal_get(icu, UCAL_DATE, &error)) {
            fail_msg("day %lld is %d-%d-%d here", (long long)day, ours.year,
                     ours.month, ours.day);
        }
    }
    assert_true(U_SUCCESS(error));
    ucal_close(icu);
}

static void
periods_are_read(void **state)
{
    static const struct {
        struct pv_slice  text;
        enum pv_err      err;
        struct pv_period period;
        const char      *what;
    } row[] = {
        {PV_SLICE_INIT("P2M"), PV_OK, {0, 2, 0, 0}, "two months"},
        {PV_SLICE_INIT("P1Y6M"), PV_OK, {1, 6, 0, 0}, "a year and a half"},
        {PV_SLICE_INIT("P3W"), PV_OK, {0, 0, 3, 0}, "three weeks"},
        {PV_SLICE_INIT("P15D"), PV_OK, {0, 0, 0, 15}, "fifteen days"},
        {PV_SLICE_INIT("P0D"), PV_OK, {0, 0, 0, 0}, "at once"},
        {PV_SLICE_INIT("P1000D"), PV_OK, {0, 0, 0, 1000}, "the maximum"},
        {PV_SLICE_INIT("P1001D"), PV_ERANGE, {9, 9, 9, 9}, "one past it"},
        {PV_SLICE_INIT("P"), PV_EINVAL, {9, 9, 9, 9}, "nothing"},
        {PV_SLICE_INIT("2M"), PV_EINVAL, {9, 9, 9, 9}, "no P"},
        {PV_SLICE_INIT("P2"), PV_EINVAL, {9, 9, 9, 9}, "no unit"},
        {PV_SLICE_INIT("PM"), PV_EINVAL, {9, 9, 9, 9}, "no number"},
        {PV_SLICE_INIT("P6M1Y"), PV_EINVAL, {9, 9, 9, 9}, "a wrong order"},
        {PV_SLICE_INIT("P1M1M"), PV_EINVAL, {9, 9, 9, 9}, "a unit twice"},
        {PV_SLICE_INIT("P-1M"), PV_EINVAL, {9, 9, 9, 9}, "a sign"},
        {PV_SLICE_INIT("PT1H"), PV_EINVAL, {9, 9, 9, 9}, "hours"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        struct pv_period period = {9, 9, 9, 9};

        print_message("# a period of %s\n", row[i].what);
        assert_int_equal(pv_period_parse(row[i].text, &period), row[i].err);
        assert_memory_equal(&period, &row[i].period, sizeof(period));
    }
}

static void
periods_end_on_a_day_that_is(void **state)
{
    static const struct {
        const char *from;
        const char *period;
        int         times;
        const char *to; /* NULL: PV_ERANGE */
        const char *what;
    } row[] = {
        {"1401-06-31", "P1M", 1, "1401-07-30", "31 Shahrivar and a month"},
        {"1401-06-31", "P2M", 1, "1401-08-30", "31 Shahrivar and two"},
        {"1401-11-30", "P1M", 1, "1401-12-29", "30 Bahman before 29 Esfand"},
        {"1399-11-30", "P1M", 1, "1399-12-30", "30 Bahman of a leap year"},
        {"1399-12-30", "P1Y", 1, "1400-12-29", "30 Esfand and a year"},
        {"1399-12-30", "P4Y", 1, "1403-12-30", "30 Esfand and four years"},
        {"1403-12-30", "P5Y", 1, "1408-12-30", "a leap after five years"},
        {"1400-12-29", "P1D", 1, "1401-01-01", "the last day and one"},
        {"1399-12-30", "P1D", 1, "1400-01-01", "30 Esfand and one"},
        {"1401-11-09", "P2M", 1, "1402-01-09", "the uptake of meeting 38"},
        {"1401-07-02", "P3W", 1, "1401-07-23", "three weeks"},
        {"1401-10-30", "P1M15D", 1, "1401-12-15", "months before days"},
        {"1401-05-31", "P1M", 3, "1401-08-30", "the third of a month"},
        {"1401-05-31", "P1M", 0, "1401-05-31", "no time at all"},
        {"1401-05-31", "P0D", 1, "1401-05-31", "a period of nothing"},
        {"1500-12-29", "P1D", 1, NULL, "the end of the calendar"},
        {"1401-01-01", "P1000Y", 1, NULL, "a thousand years"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        struct pv_period period;
        int64_t          to = 7;

        print_message("# after %s\n", row[i].what);
        assert_int_equal(pv_period_parse(pv_slice_from(row[i].period), &period),
                         PV_OK);
        assert_int_equal(
            pv_period_add(day_of(row[i].from), &period, row[i].times, &to),
            row[i].to == NULL ? PV_ERANGE : PV_OK);
        assert_int_equal(to, row[i].to == NULL ? 7 : day_of(row[i].to));
    }
}

static void
due_days_follow_their_rule(void **state)
{
    static const struct {
        enum pv_due_kind kind;
        const char      *day;
        const char      *period;
        const char      *anchor;
        const char      *after;
        const char      *due; /* NULL: none */
        const char      *what;
    } row[] = {
        {PV_DUE_OPEN, NULL, NULL, NULL, "1401-01-01", NULL, "of no date"},
        {PV_DUE_ABSOLUTE, "1401-07-30", NULL, NULL, "1402-01-01", "1401-07-30",
         "stays where it is, also when it is past"},
        {PV_DUE_RELATIVE, NULL, "P2M", NULL, "1401-01-01", NULL,
         "waits for its anchor"},
        {PV_DUE_RELATIVE, NULL, "P2M", "1401-11-09", "1401-01-01", "1402-01-09",
         "counts from its anchor"},
        {PV_DUE_CONDITIONAL, NULL, "P1M", NULL, "1401-01-01", NULL,
         "waits for its event"},
        {PV_DUE_CONDITIONAL, NULL, "P1M", "1401-01-31", "1401-01-01",
         "1401-02-31", "counts from its event"},
        {PV_DUE_RECURRING, NULL, "P1M", "1401-05-31", "1401-05-31",
         "1401-06-31", "has a first day"},
        {PV_DUE_RECURRING, NULL, "P1M", "1401-05-31", "1401-07-29",
         "1401-07-30", "has a third"},
        {PV_DUE_RECURRING, NULL, "P1M", "1401-05-31", "1401-07-30",
         "1401-08-30", "goes on after a due day"},
        {PV_DUE_RECURRING, NULL, "P1M", "1401-05-31", "1402-01-31",
         "1402-02-31", "does not drift to shorter days"},
        {PV_DUE_RECURRING, NULL, "P1W", NULL, "1401-01-01", NULL,
         "waits for its anchor too"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        struct pv_due due = {.kind = row[i].kind};
        int64_t       day = 7;

        print_message("# a due date %s\n", row[i].what);
        if (row[i].day != NULL) {
            due.day = day_of(row[i].day);
        }
        if (row[i].period != NULL) {
            assert_int_equal(
                pv_period_parse(pv_slice_from(row[i].period), &due.period),
                PV_OK);
        }
        if (row[i].anchor != NULL) {
            due.has_anchor = true;
            due.anchor = day_of(row[i].anchor);
        }
        assert_int_equal(pv_due_day(&due, day_of(row[i].after), &day),
                         row[i].due == NULL ? PV_ENOTFOUND : PV_OK);
        assert_int_equal(day, row[i].due == NULL ? 7 : day_of(row[i].due));
    }
}

static void
overdue_is_the_day_after(void **state)
{
    struct pv_due absolute = {.kind = PV_DUE_ABSOLUTE,
                              .day = day_of("1401-05-31")};
    struct pv_due monthly = {.kind = PV_DUE_RECURRING,
                             .period = {.months = 1},
                             .has_anchor = true,
                             .anchor = day_of("1401-05-31")};
    struct pv_due waiting = {.kind = PV_DUE_CONDITIONAL};
    int64_t       done = day_of("1401-06-20");
    bool          over = true;

    (void)state;
    assert_int_equal(pv_due_is_over(&absolute, absolute.day, NULL, &over),
                     PV_OK);
    assert_false(over);
    assert_int_equal(pv_due_is_over(&absolute, absolute.day + 1, NULL, &over),
                     PV_OK);
    assert_true(over);
    /* made on 15 Shahrivar for the end of Mordad */
    assert_int_equal(
        pv_due_is_over(&absolute, day_of("1401-06-15"), NULL, &over), PV_OK);
    assert_true(over);
    assert_int_equal(
        pv_due_is_over(&waiting, day_of("1499-01-01"), NULL, &over), PV_OK);
    assert_false(over);
    assert_int_equal(
        pv_due_is_over(&monthly, day_of("1401-07-01"), NULL, &over), PV_OK);
    assert_true(over);
    assert_int_equal(
        pv_due_is_over(&monthly, day_of("1401-06-31"), &done, &over), PV_OK);
    assert_false(over);
    assert_int_equal(
        pv_due_is_over(&monthly, day_of("1401-07-01"), &done, &over), PV_OK);
    assert_true(over);
    monthly.period.months = 0;
    assert_int_equal(pv_due_is_over(&monthly, done, NULL, &over), PV_EINVAL);
}

static void
words_go_there_and_back(void **state)
{
    enum pv_due_kind kind = PV_DUE_OPEN;

    (void)state;
    for (int k = PV_DUE_OPEN; k <= PV_DUE_RECURRING; k++) {
        assert_int_equal(
            pv_due_from_word(pv_slice_from(pv_due_word((enum pv_due_kind)k)),
                             &kind),
            PV_OK);
        assert_int_equal(kind, k);
    }
    assert_int_equal(pv_due_from_word(PV_LIT("soon"), &kind), PV_EINVAL);
    assert_null(pv_due_word((enum pv_due_kind)(PV_DUE_RECURRING + 1)));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_day_is_the_one_of_icu),
        cmocka_unit_test(periods_are_read),
        cmocka_unit_test(periods_end_on_a_day_that_is),
        cmocka_unit_test(due_days_follow_their_rule),
        cmocka_unit_test(overdue_is_the_day_after),
        cmocka_unit_test(words_go_there_and_back),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
