#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store.h"

#define DAY_MS INT64_C(86400000)
#define NOW_MS INT64_C(1790000000000)

static struct consumer_store *store;
static char                   folder[] = "/tmp/pv-consumer-XXXXXX";
static char                   path[64];

static int
open_store(void **state)
{
    struct pv_why why = {""};

    (void)state;
    if (path[0] == '\0') {
        assert_non_null(mkdtemp(folder));
        (void)snprintf(path, sizeof(path), "%s/evidence.sqlite", folder);
    }
    if (consumer_store_open(path, false, &store, &why) != PV_OK) {
        fail_msg("%s", why.text);
    }
    return 0;
}

static int
close_store(void **state)
{
    (void)state;
    consumer_store_close(store);
    store = NULL;
    return unlink(path);
}

static int
remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

/* A call that was sent then; its commitment into room. */
static int64_t
ask(int64_t time_ms, bool keep_content, char room[PV_COMMITMENT_TEXT_LEN + 1])
{
    struct pv_evidence    evidence;
    struct consumer_asked asked = {.application = "desk",
                                   .system = "main",
                                   .purpose = "",
                                   .keep_content = keep_content,
                                   .evidence = &evidence};
    struct pv_why         why = {""};
    int64_t               id = 0;

    pv_evidence_init(&evidence);
    assert_int_equal(
        pv_evidence_make(&evidence, "a/b/v1/c", PV_LIT("{}"), &why), PV_OK);
    evidence.time_ms = time_ms;
    assert_int_equal(consumer_store_ask(store, &asked, &id), PV_OK);
    memcpy(room, evidence.commitment, sizeof(evidence.commitment));
    pv_evidence_clear(&evidence);
    return id;
}

struct seen {
    size_t rows;
    size_t skipped;
    char   result[32];
    char   fault[32];
    bool   has_content;
};

static void
see(void *context, const struct consumer_row *row)
{
    struct seen *seen = context;

    seen->rows++;
    (void)snprintf(seen->result, sizeof(seen->result), "%s", row->result);
    (void)snprintf(seen->fault, sizeof(seen->fault), "%s", row->fault);
    seen->has_content = row->evidence->has_content;
}

static struct seen
show(const char *id)
{
    struct seen seen = {0};
    enum pv_err err =
        consumer_store_show(store, id, 100, see, &seen, &seen.skipped);

    assert_int_equal(err, id != NULL && seen.rows == 0 ? PV_ENOTFOUND : PV_OK);
    return seen;
}

static void
a_call_without_an_answer_is_there(void **state)
{
    char commitment[PV_COMMITMENT_TEXT_LEN + 1];

    (void)state;
    (void)ask(NOW_MS, false, commitment);
    assert_int_equal(show(commitment).rows, 1);
    assert_string_equal(show(commitment).result, "");
    assert_false(show(commitment).has_content);
    assert_int_equal(show("0198f2c4-0000-7000-8000-000000000000").rows, 0);
}

static void
an_end_is_written_once(void **state)
{
    char                 commitment[PV_COMMITMENT_TEXT_LEN + 1];
    int64_t              id = ask(NOW_MS, true, commitment);
    struct pv_client_end end = {.method = "a/b/v1/c",
                                .result = PAYVAND_ECONTRACT,
                                .outcome = "answered",
                                .tracking_id = "",
                                .fault = PV_FAULT_UNKNOWN};

    (void)state;
    assert_int_equal(consumer_store_answer(store, id, &end), PV_OK);
    assert_string_equal(show(commitment).result, "breaks-contract");
    assert_string_equal(show(commitment).fault, "unknown");
    assert_true(show(commitment).has_content);
    end.result = PAYVAND_OK;
    assert_int_equal(consumer_store_answer(store, id, &end), PV_EDB);
    assert_string_equal(show(commitment).result, "breaks-contract");
}

static bool
sweep(int64_t now_ms, int64_t days)
{
    bool more = true;

    assert_int_equal(consumer_store_sweep(store, now_ms, days * DAY_MS, &more),
                     PV_OK);
    return more;
}

static void
rows_go_after_their_days_and_not_before(void **state)
{
    struct pv_client_end end = {
        .result = PAYVAND_OK, .outcome = "answered", .tracking_id = ""};
    char old[PV_COMMITMENT_TEXT_LEN + 1];
    char young[PV_COMMITMENT_TEXT_LEN + 1];

    (void)state;
    assert_int_equal(consumer_store_answer(
                         store, ask(NOW_MS - 3 * DAY_MS, false, old), &end),
                     PV_OK);
    (void)ask(NOW_MS, false, young);
    assert_false(sweep(NOW_MS, 4));
    assert_int_equal(show(NULL).rows, 2);
    assert_false(sweep(NOW_MS, 2));
    assert_int_equal(show(old).rows, 0);
    assert_int_equal(show(young).rows, 1);
}

static void
a_clock_that_is_ahead_takes_nothing_away(void **state)
{
    char row[PV_COMMITMENT_TEXT_LEN + 1];

    (void)state;
    (void)ask(NOW_MS - 2 * DAY_MS, false, row);
    (void)ask(NOW_MS, false, row);
    assert_false(sweep(NOW_MS + 4000 * DAY_MS, 4));
    assert_int_equal(show(NULL).rows, 2);
    (void)ask(NOW_MS + 3 * DAY_MS, false, row);
    assert_false(sweep(NOW_MS + 4000 * DAY_MS, 4)); /* now is a day behind it */
    assert_int_equal(show(NULL).rows, 2);
}

static void
many_old_rows_go_in_several_rounds(void **state)
{
    char     row[PV_COMMITMENT_TEXT_LEN + 1];
    sqlite3 *db = NULL;

    (void)state;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db,
                     "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 "
                     "FROM n WHERE n < 1500) INSERT INTO asked SELECT n, n, "
                     "'a', 's', 'm', '', 'nonce', 'c' || n, 'd', NULL FROM n",
                     NULL, NULL, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    (void)ask(NOW_MS, false, row);
    assert_true(sweep(NOW_MS, 2));
    assert_false(sweep(NOW_MS, 2));
    assert_int_equal(show(NULL).rows, 1);
}

static void
a_row_that_is_too_long_hides_no_other(void **state)
{
    struct pv_client_end end = {.result = PAYVAND_OK,
                                .outcome = "an outcome of no exchange",
                                .tracking_id = ""};
    char                 row[PV_COMMITMENT_TEXT_LEN + 1];

    (void)state;
    assert_int_equal(
        consumer_store_answer(store, ask(NOW_MS, false, row), &end), PV_OK);
    (void)ask(NOW_MS, false, row);
    assert_int_equal(show(NULL).rows, 1);
    assert_int_equal(show(NULL).skipped, 1);
}

int
main(void)
{
#define WITH_STORE(test)                                                       \
    cmocka_unit_test_setup_teardown(test, open_store, close_store)
    const struct CMUnitTest tests[] = {
        WITH_STORE(a_call_without_an_answer_is_there),
        WITH_STORE(an_end_is_written_once),
        WITH_STORE(rows_go_after_their_days_and_not_before),
        WITH_STORE(a_clock_that_is_ahead_takes_nothing_away),
        WITH_STORE(many_old_rows_go_in_several_rounds),
        WITH_STORE(a_row_that_is_too_long_hides_no_other),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, remove_folder);
}
