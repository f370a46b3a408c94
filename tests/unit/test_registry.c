/*
 * The tables of the registry's life cycles, and every state with every event
 * of every kind: what is not in a table is refused. On SQLite, or on the
 * database that PAYVAND_TEST_STORE names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "decide.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define T(text) PV_TEXT(PV_LIT(text))

static char                dir[64];
static char                where[256];
static struct pv_registry *registry;

static int
setup(void **state)
{
    const char               *given = getenv("PAYVAND_TEST_STORE");
    struct pv_registry_config config = {.store = where};
    struct pv_why             why = {""};

    (void)state;
    memcpy(dir, "/tmp/pv-registry-XXXXXX", sizeof("/tmp/pv-registry-XXXXXX"));
    if (mkdtemp(dir) == NULL) {
        return -1;
    }
    if (given != NULL) {
        (void)snprintf(where, sizeof(where), "%s", given); /* it fits */
    } else {
        (void)snprintf(where, sizeof(where), "sqlite:%s/r.db", dir);
    }
    /* PostgreSQL gives the lock back when it sees the session's end */
    for (int try = 0; try < 100; try++) {
        enum pv_err err = pv_registry_open(&config, &registry, &why);

        if (err != PV_EAGAIN) {
            return err == PV_OK ? 0 : -1;
        }
        (void)usleep(20000);
    }
    return -1;
}

static int
teardown(void **state)
{
    static const char *const name[] = {"r.db", "r.db-wal", "r.db-shm",
                                       "r.db-writer"};

    (void)state;
    pv_registry_close(registry);
    for (size_t i = 0; i < COUNT(name); i++) {
        char path[128];

        if (snprintf(path, sizeof(path), "%s/%s", dir, name[i]) > 0) {
            (void)unlink(path); /* not there on PostgreSQL */
        }
    }
    return rmdir(dir);
}

/* ---- tables ---- */

static void
tables_hold_together(void **state)
{
    (void)state;
    for (int k = 0; k < PV_KIND_END; k++) {
        const struct pv_kind_row *row = pv_kind_row((enum pv_kind)k);

        assert_string_equal(row->states[0], "none");
        assert_true(row->event_count <= 32);
        for (size_t s = 1; s < row->state_count; s++) {
            bool reached = false;

            for (size_t from = 0; from < row->state_count; from++) {
                for (size_t e = 0; e < row->event_count; e++) {
                    reached = reached || pv_kind_next(row, from, e) == s;
                }
            }
            if (!reached) {
                fail_msg("%s: nothing leads to %s", row->name, row->states[s]);
            }
        }
        for (size_t e = 0; e < row->event_count; e++) {
            bool taken = false;

            for (size_t s = 0; s < row->state_count; s++) {
                assert_true(pv_kind_next(row, s, e) < row->state_count);
                taken = taken || pv_kind_next(row, s, e) != 0;
            }
            if (!taken) {
                fail_msg("%s: %s is taken in no state", row->name,
                         row->events[e].word);
            }
        }
    }
}

static void
fields_and_second_keys_name_events_that_are(void **state)
{
    (void)state;
    for (int k = 0; k < PV_KIND_END; k++) {
        const struct pv_kind_row *row = pv_kind_row((enum pv_kind)k);
        uint32_t                  events = row->event_count == 32
                                               ? UINT32_MAX
                                               : (UINT32_C(1) << row->event_count) - 1;

        for (size_t f = 0; f < row->field_count; f++) {
            const struct pv_field *field = &row->fields[f];

            if ((field->set_by & ~events) != 0 ||
                (field->needed_by & ~field->set_by) != 0) {
                fail_msg("%s: the field %s", row->name, field->name);
            }
        }
        for (size_t e = 0; e < row->event_count; e++) {
            size_t other;

            if (row->events[e].other_than != NULL) {
                assert_int_equal(
                    pv_kind_event(row, row->events[e].other_than, &other),
                    PV_OK);
            }
        }
    }
}

/* ---- every state with every event ---- */

static void
add_record(const struct pv_kind_row *row, const char *id, const char *word)
{
    struct pv_value a[] = {PV_TEXT(pv_slice_from(row->name)),
                           PV_TEXT(pv_slice_from(id)),
                           PV_INT(1),
                           PV_INT(0),
                           PV_INT(0),
                           PV_TEXT(pv_slice_from(word)),
                           T("{}"),
                           PV_INT(1),
                           PV_NULL,
                           PV_NULL};

    assert_int_equal(pv_store_begin(registry->store), PV_OK);
    assert_int_equal(pv_store_run(registry->store, PV_STMT_RECORD_ADD, a,
                                  COUNT(a), NULL, NULL),
                     PV_OK);
    assert_int_equal(pv_store_commit(registry->store), PV_OK);
}

static void
try_pair(const struct pv_kind_row *row, size_t before, size_t event)
{
    struct pv_refusal refusal = {.word = ""};
    struct pv_decided decided;
    json_t           *decision;
    char              id[64];
    bool              in_table = pv_kind_next(row, before, event) != 0;
    enum pv_err       err;

    assert_true(
        snprintf(id, sizeof(id), "%s-%zu-%zu", row->name, before, event) > 0);
    if (before != 0) {
        add_record(row, id, row->states[before]);
    }
    decision = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:{}}", "actor",
                         "nobody", "role", "member", "of", "nowhere", "date",
                         "1401-06-15", "kind", row->name, "id", id, "event",
                         row->events[event].word, "data");
    err = pv_registry_decide(registry, decision, "console", &decided, &refusal);
    json_decref(decision);
    /* what the table takes is refused too here, but for another reason */
    if (err != PV_EREFUSED ||
        (strcmp(refusal.word, "transition") == 0) == in_table) {
        fail_msg("%s: %s in the state %s: %d %s %s", row->name,
                 row->events[event].word, row->states[before], (int)err,
                 refusal.word, refusal.en);
    }
    if (!in_table && strcmp(refusal.rule, row->rule) != 0) {
        fail_msg("%s names %s, not %s", row->name, refusal.rule, row->rule);
    }
    assert_true(refusal.fa[0] != '\0');
}

static void
what_is_in_no_table_is_refused(void **state)
{
    size_t pairs = 0;

    (void)state;
    for (int k = 0; k < PV_KIND_END; k++) {
        const struct pv_kind_row *row = pv_kind_row((enum pv_kind)k);

        for (size_t s = 0; s < row->state_count; s++) {
            for (size_t e = 0; e < row->event_count; e++) {
                try_pair(row, s, e);
                pairs++;
            }
        }
    }
    print_message("# %zu pairs of a state and an event\n", pairs);
}

/* ---- ids (no homographs) and decisions ---- */

static void
ids_are_plain(void **state)
{
    static const struct {
        const char *id;
        bool        ok;
    } row[] = {
        {"ministry-interior", true},
        {"m38/r5/c7", true},
        {"national_id", true},
        {"service/v1", true},
        {"", false},
        {"Ministry", false},
        {"a//b", false},
        {"/a", false},
        {"a/", false},
        {"a/../b", false},
        {"-a", false},
        {"a b", false},
        {"а-cyrillic", false},
        {"وزارت", false},
        {"a\nb", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        if (pv_is_record_id(pv_slice_from(row[i].id)) != row[i].ok) {
            fail_msg("the id in row %zu: %s", i, row[i].id);
        }
    }
}

static void
a_decision_has_its_members_and_no_others(void **state)
{
    static const struct {
        const char *text;
        const char *word;
        const char *what;
    } row[] = {
        {"[]", "decision-member", "an empty batch"},
        {"[1]", "decision-member", "a number"},
        {"{}", "decision-member", "nothing"},
        {"{\"actor\":\"a\",\"role\":\"console\",\"of\":\"console\","
         "\"date\":\"1401-06-15\",\"kind\":\"nothing\",\"id\":\"x\","
         "\"event\":\"register\",\"data\":{}}",
         "decision-member", "an unknown kind"},
        {"{\"actor\":\"a\",\"role\":\"console\",\"of\":\"console\","
         "\"date\":\"1401-06-32\",\"kind\":\"body\",\"id\":\"x\","
         "\"event\":\"register\",\"data\":{}}",
         "decision-member", "32 Shahrivar"},
        {"{\"actor\":\"a\",\"role\":\"console\",\"of\":\"console\","
         "\"date\":\"1400-12-30\",\"kind\":\"body\",\"id\":\"x\","
         "\"event\":\"register\",\"data\":{}}",
         "decision-member", "30 Esfand of a common year"},
        {"{\"actor\":\"a\",\"role\":\"console\",\"of\":\"console\","
         "\"date\":\"1499-01-01\",\"kind\":\"body\",\"id\":\"x\","
         "\"event\":\"register\",\"data\":{}}",
         "date-to-come", "a day to come"},
        {"{\"actor\":\"a\",\"role\":\"console\",\"of\":\"console\","
         "\"date\":\"1401-06-15\",\"kind\":\"body\",\"id\":\"x\","
         "\"event\":\"register\",\"data\":{},\"number\":7}",
         "decision-member", "a number of its own"},
        {"{\"actor\":\"a\",\"role\":\"console\",\"of\":\"console\","
         "\"date\":\"1401-06-15\",\"kind\":\"body\",\"id\":\"x\","
         "\"event\":\"explode\",\"data\":{}}",
         "unknown-event", "an unknown event"},
        {"{\"actor\":\"a\",\"role\":\"console\",\"of\":\"console\","
         "\"date\":\"1401-06-15\",\"kind\":\"body\",\"id\":\"x\","
         "\"event\":\"register\",\"data\":{}}",
         "field-missing", "no name"},
        {"{\"actor\":\"a\",\"role\":\"console\",\"of\":\"console\","
         "\"date\":\"1401-06-15\",\"kind\":\"body\",\"id\":\"x\","
         "\"event\":\"register\",\"data\":{\"name_fa\":\"\\u0007\"}}",
         "field-value", "a control character"},
        {"{\"actor\":\"a\",\"role\":\"console\",\"of\":\"console\","
         "\"date\":\"1401-06-15\",\"kind\":\"body\",\"id\":\"x\","
         "\"event\":\"register\",\"data\":{\"name\":\"y\"}}",
         "unknown-field", "a field that is none"},
        {"{\"actor\":\"a\",\"role\":\"secretariat\",\"of\":\"x\","
         "\"date\":\"1401-06-15\",\"kind\":\"body\",\"id\":\"x\","
         "\"event\":\"register\",\"data\":{\"name_fa\":\"y\"}}",
         "no-appointment", "a role that is not held"},
        {"{\"actor\":\"a\",\"role\":\"auditor\",\"of\":\"x\","
         "\"date\":\"1401-06-15\",\"kind\":\"body\",\"id\":\"x\","
         "\"event\":\"register\",\"data\":{\"name_fa\":\"y\"}}",
         "role", "a role that may not"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        json_t           *decision = json_loads(row[i].text, 0, NULL);
        struct pv_refusal refusal = {.word = ""};
        struct pv_decided decided = {7, 7, 7};

        print_message("# refuses %s\n", row[i].what);
        assert_int_equal(pv_registry_decide(registry, decision, "console",
                                            &decided, &refusal),
                         PV_EREFUSED);
        assert_string_equal(refusal.word, row[i].word);
        assert_int_equal(decided.last, 7);
        json_decref(decision);
    }
}

static void
the_console_has_its_rights_only_by_itself(void **state)
{
    json_t *decision = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:{s:s}}", "actor", "console",
        "role", "console", "of", "console", "date", "1401-06-15", "kind",
        "body", "id", "a-body", "event", "register", "data", "name_fa", "نهاد");
    struct pv_refusal refusal = {.word = ""};
    struct pv_decided decided;

    (void)state;
    assert_int_equal(
        pv_registry_decide(registry, decision, "a-person", &decided, &refusal),
        PV_EREFUSED);
    assert_string_equal(refusal.word, "role");
    assert_int_equal(
        pv_registry_decide(registry, decision, "console", &decided, &refusal),
        PV_OK);
    assert_int_equal(decided.first, 1);
    assert_int_equal(
        pv_registry_decide(registry, decision, "console", &decided, &refusal),
        PV_EREFUSED);
    assert_string_equal(refusal.word, "transition");
    json_decref(decision);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_hold_together),
        cmocka_unit_test(fields_and_second_keys_name_events_that_are),
        cmocka_unit_test(ids_are_plain),
        cmocka_unit_test_setup_teardown(
            a_decision_has_its_members_and_no_others, setup, teardown),
        cmocka_unit_test_setup_teardown(
            the_console_has_its_rights_only_by_itself, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_in_no_table_is_refused, setup,
                                        teardown),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
