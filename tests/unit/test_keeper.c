#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/jalali.h"
#include "connectord/keeper_store.h"

#define NOW_MS INT64_C(1679400000000) /* 1402-01-01 in Tehran */
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define TRIES 10000

static const struct pv_secrets secrets = {
    .key = {"thirty-two bytes of a test's key"}, .count = 1};
static struct pv_keeper_store *store;
static char                    folder[] = "/tmp/pv-keeper-XXXXXX";
static char                    path[64];

static int
open_store(void **state)
{
    struct pv_why why = {""};

    (void)state;
    if (path[0] == '\0') {
        assert_non_null(mkdtemp(folder));
        (void)snprintf(path, sizeof(path), "%s/keeper.sqlite", folder);
    }
    if (pv_keeper_open(path, &secrets, &store, &why) != PV_OK) {
        fail_msg("%s", why.text);
    }
    return 0;
}

static void
open_under(const struct pv_secrets *under)
{
    struct pv_why why = {""};

    pv_keeper_close(store);
    store = NULL;
    if (pv_keeper_open(path, under, &store, &why) != PV_OK) {
        fail_msg("%s", why.text);
    }
}

static int
close_store(void **state)
{
    (void)state;
    pv_keeper_close(store);
    return 0;
}

static int
remove_store(void **state)
{
    (void)state;
    (void)unlink(path); /* of this test alone */
    return rmdir(folder);
}

static void
issue(char number[PV_CONSENT_DIGITS], int64_t when_ms, uint32_t months,
      int64_t *ends_ms)
{
    const struct pv_consent_terms terms = {PV_LIT("9991234561"),
                                           PV_LIT("science"),
                                           PV_LIT("p/s/v1"),
                                           PV_LIT(""),
                                           months,
                                           2};

    assert_int_equal(pv_keeper_begin(store), PV_OK);
    assert_int_equal(pv_consent_issue(store, &terms, when_ms, number, ends_ms),
                     PV_OK);
    assert_int_equal(pv_keeper_commit(store), PV_OK);
}

static enum pv_consent_verdict
judge(uint64_t call, const char number[PV_CONSENT_DIGITS], int64_t when_ms)
{
    char                    tracking[24];
    struct pv_keeper_ask    ask = {2,
                                   true,
                                   {number, PV_CONSENT_DIGITS},
                                   PV_LIT("9991234561"),
                                   PV_LIT("science"),
                                   PV_LIT("app"),
                                   PV_LIT("p/s/v1"),
                                   PV_LIT("/x/p/s/v1/m"),
                                   PV_LIT("")};
    enum pv_consent_verdict verdict = PV_CONSENT_BROKEN;

    (void)snprintf(tracking, sizeof(tracking), "%llu",
                   (unsigned long long)call);
    ask.tracking_id = pv_slice_from(tracking);
    assert_int_equal(pv_keeper_begin(store), PV_OK);
    assert_int_equal(pv_consent_judge(store, call, &ask, when_ms, &verdict),
                     PV_OK);
    assert_int_equal(pv_keeper_commit(store), PV_OK);
    return verdict;
}

static void
settle(uint64_t call, bool counts)
{
    assert_int_equal(pv_keeper_begin(store), PV_OK);
    assert_int_equal(pv_consent_settle(store, call, counts, NOW_MS), PV_OK);
    assert_int_equal(pv_keeper_commit(store), PV_OK);
}

static void
of_many_calls_at_once_two_are_allowed(void **state)
{
    char     number[PV_CONSENT_DIGITS];
    int64_t  ends_ms;
    uint64_t allowed[TRIES];
    size_t   count = 0;

    (void)state;
    issue(number, NOW_MS, 1, &ends_ms);
    for (uint64_t call = 1; call <= TRIES; call++) {
        enum pv_consent_verdict verdict = judge(call, number, NOW_MS);

        if (verdict == PV_CONSENT_OK) {
            allowed[count++] = call;
        } else {
            assert_int_equal(verdict, PV_CONSENT_USED_UP);
        }
    }
    assert_int_equal(count, 2);
    settle(allowed[0], false); /* it failed: its use is free again */
    assert_int_equal(judge(TRIES + 1, number, NOW_MS), PV_CONSENT_OK);
    settle(allowed[1], true);
    settle(TRIES + 1, true);
    assert_int_equal(judge(TRIES + 2, number, NOW_MS), PV_CONSENT_USED_UP);
}

static void
what_was_not_settled_is_not_counted_after_a_crash(void **state)
{
    char    number[PV_CONSENT_DIGITS];
    int64_t ends_ms;

    (void)state;
    issue(number, NOW_MS, 1, &ends_ms);
    assert_int_equal(judge(1, number, NOW_MS), PV_CONSENT_OK);
    settle(1, true);
    assert_int_equal(judge(2, number, NOW_MS), PV_CONSENT_OK);
    pv_keeper_close(store); /* the hold of 2 is gone with it */
    (void)open_store(state);
    assert_int_equal(judge(3, number, NOW_MS), PV_CONSENT_OK);
    assert_int_equal(judge(4, number, NOW_MS), PV_CONSENT_USED_UP);
    assert_int_equal(judge(1, number, NOW_MS), PV_CONSENT_OK); /* again */
}

static void
a_call_that_is_undone_is_not_counted(void **state)
{
    char    number[PV_CONSENT_DIGITS];
    int64_t ends_ms;

    (void)state;
    issue(number, NOW_MS, 1, &ends_ms);
    assert_int_equal(judge(1, number, NOW_MS), PV_CONSENT_OK);
    assert_int_equal(pv_keeper_begin(store), PV_OK);
    assert_int_equal(pv_consent_settle(store, 1, true, NOW_MS), PV_OK);
    pv_keeper_rollback(store);
    assert_int_equal(judge(2, number, NOW_MS), PV_CONSENT_OK);
    assert_int_equal(judge(3, number, NOW_MS), PV_CONSENT_OK);
    assert_int_equal(judge(4, number, NOW_MS), PV_CONSENT_USED_UP);
}

static void
a_number_ends_in_the_jalali_calendar(void **state)
{
    static const struct {
        const char *made;
        uint32_t    months;
        const char *ends;
    } row[] = {
        {"1402-01-01", 1, "1402-02-01"}, {"1402-06-31", 1, "1402-07-30"},
        {"1402-11-30", 1, "1402-12-29"}, {"1403-11-30", 1, "1403-12-30"},
        {"1402-12-29", 1, "1403-01-29"}, {"1402-06-31", 12, "1403-06-31"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        char            number[PV_CONSENT_DIGITS];
        char            text[PV_JALALI_TEXT_LEN];
        struct pv_civil day;
        int64_t         days;
        int64_t         ends_ms;
        int64_t         made_ms;

        assert_int_equal(pv_jalali_parse(pv_slice_from(row[i].made), &day),
                         PV_OK);
        assert_int_equal(pv_jalali_to_days(day, &days), PV_OK);
        made_ms = days * PV_DAY_MS - PV_TEHRAN_OFFSET_MS + 3600000;
        issue(number, made_ms, row[i].months, &ends_ms);
        pv_jalali_text(ends_ms, text);
        if (memcmp(text, row[i].ends, sizeof(text)) != 0) {
            fail_msg("%s and %u months: %.10s", row[i].made, row[i].months,
                     text);
        }
        assert_int_equal((ends_ms - made_ms) % PV_DAY_MS, 0);
        assert_int_equal(judge(1, number, ends_ms - 1), PV_CONSENT_OK);
        settle(1, false);
        assert_int_equal(judge(1, number, ends_ms), PV_CONSENT_EXPIRED);
    }
}

static enum pv_err
count_row(void *context, const struct pv_ledger_row *row)
{
    int *count = context;

    assert_true(row->outcome.len > 0);
    (*count)++;
    return PV_OK;
}

static void
the_ledger_forgets_after_its_days(void **state)
{
    char                 room[64];
    struct pv_buf        buf;
    struct pv_keeper_end end = {.outcome = PV_LIT("answered"),
                                .person_count = 1};
    int                  count = 0;

    (void)state;
    pv_buf_init(&buf, sizeof(room));
    assert_int_equal(pv_put_text(&buf, PV_LIT("9991234561")), PV_OK);
    end.persons = pv_buf_view(&buf);
    assert_int_equal(pv_keeper_begin(store), PV_OK);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(
            pv_ledger_add(store, &end, NOW_MS - i * 10 * PV_DAY_MS), PV_OK);
    }
    assert_int_equal(pv_ledger_sweep(store, 15, NOW_MS), PV_OK);
    assert_int_equal(pv_keeper_commit(store), PV_OK);
    assert_int_equal(pv_ledger_list(store, PV_LIT("9991234561"), false,
                                    INT64_MAX, NOW_MS, count_row, &count),
                     PV_OK);
    assert_int_equal(count, 2);
    pv_buf_clear(&buf);
}

static enum pv_err
count_consent(void *context, const struct pv_consent_row *row)
{
    int64_t *ids = context;

    ids[1 + ids[0]++] = row->id;
    return PV_OK;
}

static void
add_to_ledger(void)
{
    struct pv_buf        buf;
    struct pv_keeper_end end = {.outcome = PV_LIT("answered"),
                                .person_count = 1};

    pv_buf_init(&buf, 64);
    assert_int_equal(pv_put_text(&buf, PV_LIT("1111111111")), PV_OK);
    end.persons = pv_buf_view(&buf);
    assert_int_equal(pv_ledger_add(store, &end, NOW_MS), PV_OK);
    pv_buf_clear(&buf);
}

static int
ledger_of(const char *person)
{
    int count = 0;

    assert_int_equal(pv_ledger_list(store, pv_slice_from(person), true,
                                    INT64_MAX, NOW_MS, count_row, &count),
                     PV_OK);
    return count;
}

static void
another_secret_finds_what_the_one_before_wrote(void **state)
{
    static const struct pv_secrets both = {{"thirty-two bytes of another key!",
                                            "thirty-two bytes of a test's key"},
                                           2};
    static const struct pv_secrets alone = {
        {"thirty-two bytes of another key!"}, 1};
    char    old_number[PV_CONSENT_DIGITS];
    char    number[PV_CONSENT_DIGITS];
    int64_t ends_ms;
    int64_t ids[1 + PV_CONSENT_LIST_MAX] = {0};

    (void)state;
    issue(old_number, NOW_MS, 1, &ends_ms);
    add_to_ledger();
    assert_int_equal(judge(1, old_number, NOW_MS), PV_CONSENT_OK);
    settle(1, true);
    open_under(&both);
    assert_int_equal(judge(2, old_number, NOW_MS), PV_CONSENT_OK);
    settle(2, true);
    assert_int_equal(judge(3, old_number, NOW_MS), PV_CONSENT_USED_UP);
    issue(number, NOW_MS, 1, &ends_ms);
    add_to_ledger();
    assert_int_equal(ledger_of("1111111111"), 2);
    assert_int_equal(
        pv_consent_list(store, PV_LIT("9991234561"), count_consent, ids),
        PV_OK);
    assert_true(ids[0] >= 2);
    for (int64_t i = 2; i <= ids[0]; i++) {
        assert_true(ids[i] < ids[i - 1]); /* newest first */
    }
    assert_int_equal(
        pv_consent_withdraw(store, PV_LIT("9991234561"), ids[2], NOW_MS),
        PV_OK);
    assert_int_equal(judge(4, old_number, NOW_MS), PV_CONSENT_WITHDRAWN);
    open_under(&alone);
    assert_int_equal(judge(5, number, NOW_MS), PV_CONSENT_OK);
    assert_int_equal(judge(6, old_number, NOW_MS), PV_CONSENT_UNKNOWN);
    assert_int_equal(ledger_of("1111111111"), 1);
}

static void
another_secret_gives_no_more_tries(void **state)
{
    static const struct pv_secrets both = {{"thirty-two bytes of a third key!",
                                            "thirty-two bytes of a test's key"},
                                           2};
    int64_t when_ms = NOW_MS + 400 * PV_DAY_MS; /* other tests' are over */
    char    number[PV_CONSENT_DIGITS];
    char    wrong[PV_CONSENT_DIGITS];
    int64_t ends_ms;

    (void)state;
    issue(number, when_ms, 1, &ends_ms);
    memcpy(wrong, number, sizeof(wrong));
    wrong[0] = wrong[0] == '1' ? '2' : '1';
    for (uint64_t i = 1; i <= PV_WRONG_PAIR_MAX; i++) {
        if (i == 3) {
            open_under(&both);
        }
        assert_int_equal(judge(i, wrong, when_ms), PV_CONSENT_UNKNOWN);
    }
    assert_int_equal(judge(9, number, when_ms), PV_CONSENT_LIMITED);
}

static void
messages_come_back_as_they_went(void **state)
{
    const struct pv_keeper_message row[] = {
        {.type = PV_KEEPER_ASK,
         .call = 7,
         .as.ask = {2, true, PV_LIT("1234567890123456"), PV_LIT("9991234561"),
                    PV_LIT("science"), PV_LIT("app"), PV_LIT("p/s/v1"),
                    PV_LIT("/x/p/s/v1/m"), PV_LIT("t")}},
        {.type = PV_KEEPER_END,
         .call = UINT64_MAX,
         .as.end = {true, 9, PV_LIT("a"), PV_LIT("b"), PV_LIT("c"), PV_LIT("d"),
                    PV_LIT(""), PV_LIT("answered"), 0, PV_LIT("")}},
        {.type = PV_KEEPER_SAID, .call = 1, .as.word = PV_CONSENT_LIMITED},
        {.type = PV_KEEPER_KEPT, .call = 0, .as.word = 1},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        bool                     from_main = i < 2;
        struct pv_keeper_message got;
        struct pv_buf            buf;

        pv_buf_init(&buf, PV_KEEPER_PACKET_MAX);
        assert_int_equal(pv_keeper_write(&row[i], &buf), PV_OK);
        assert_int_equal(pv_keeper_read(pv_buf_view(&buf), from_main, &got),
                         PV_OK);
        assert_int_equal(got.call, row[i].call);
        assert_int_equal(pv_keeper_read(pv_buf_view(&buf), !from_main, &got),
                         PV_EPROTO);
        for (size_t len = 0; len < buf.len; len++) {
            assert_int_equal(pv_keeper_read((struct pv_slice){buf.ptr, len},
                                            from_main, &got),
                             PV_EPROTO);
        }
        pv_buf_clear(&buf);
    }
}

static void
a_packet_holds_what_fits_and_gives_it_back(void **state)
{
    const size_t    room = 3 * PV_KEEPER_REPLY_LEN;
    struct pv_buf   packet;
    struct pv_slice left;
    struct pv_slice bytes;

    (void)state;
    pv_buf_init(&packet, room);
    for (uint64_t i = 0; i < 4; i++) {
        struct pv_keeper_message row = {
            .type = PV_KEEPER_KEPT, .call = i, .as.word = 1};

        assert_int_equal(pv_keeper_pack(&row, &packet),
                         i < 3 ? PV_OK : PV_ERANGE);
    }
    assert_int_equal(packet.len, room);
    left = pv_buf_view(&packet);
    for (uint64_t i = 0; i < 3; i++) {
        struct pv_keeper_message got;

        assert_int_equal(pv_keeper_unpack(&left, &bytes), PV_OK);
        assert_int_equal(pv_keeper_read(bytes, false, &got), PV_OK);
        assert_int_equal(got.call, i);
    }
    assert_int_equal(left.len, 0);
    left = (struct pv_slice){packet.ptr, PV_KEEPER_REPLY_LEN - 1};
    assert_int_equal(pv_keeper_unpack(&left, &bytes), PV_EPROTO);
    left = (struct pv_slice){"\xff\xff\xff\xff", 4};
    assert_int_equal(pv_keeper_unpack(&left, &bytes), PV_EPROTO);
    pv_buf_clear(&packet);
}

int
main(void)
{
#define WITH_STORE(test)                                                       \
    cmocka_unit_test_setup_teardown(test, open_store, close_store)
    const struct CMUnitTest tests[] = {
        WITH_STORE(of_many_calls_at_once_two_are_allowed),
        WITH_STORE(what_was_not_settled_is_not_counted_after_a_crash),
        WITH_STORE(a_call_that_is_undone_is_not_counted),
        WITH_STORE(a_number_ends_in_the_jalali_calendar),
        WITH_STORE(the_ledger_forgets_after_its_days),
        WITH_STORE(another_secret_finds_what_the_one_before_wrote),
        WITH_STORE(another_secret_gives_no_more_tries),
        cmocka_unit_test(messages_come_back_as_they_went),
        cmocka_unit_test(a_packet_holds_what_fits_and_gives_it_back),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, remove_store);
}
