/*
 * What lib/store promises, on SQLite, or on the database that
 * PAYVAND_TEST_STORE names (with_postgres.py sets it): one suite for both.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/buf.h"
#include "store/store.h"

struct scene {
    char             dir[64];
    char             where[256];
    bool             is_sqlite;
    struct pv_store *store;
};

#define T(text) PV_TEXT(PV_LIT(text))
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct scene scene;

/* ---- a database for each test ---- */

static void
admin(const char *sql)
{
    PGconn   *connection = PQconnectdb(scene.where + strlen("postgresql:"));
    PGresult *result = PQexec(connection, sql);

    assert_true(PQresultStatus(result) == PGRES_COMMAND_OK ||
                PQresultStatus(result) == PGRES_TUPLES_OK);
    PQclear(result);
    PQfinish(connection);
}

static void
open_again(void)
{
    struct pv_why why = {""};
    enum pv_err   err;

    pv_store_close(scene.store);
    scene.store = NULL;
    /* PostgreSQL gives the lock back when it sees the session's end */
    for (int try = 0; try < 100; try++) {
        err = pv_store_open(scene.where, &scene.store, &why);
        if (err != PV_EAGAIN) {
            break;
        }
        (void)usleep(20000);
    }
    if (err != PV_OK) {
        fail_msg("open: %s", why.text);
    }
}

static int
setup(void **state)
{
    const char *given = getenv("PAYVAND_TEST_STORE");

    (void)state;
    scene = (struct scene){.dir = "/tmp/pv-store-XXXXXX"};
    if (mkdtemp(scene.dir) == NULL) {
        return -1;
    }
    scene.is_sqlite = given == NULL;
    if (snprintf(scene.where, sizeof(scene.where), "%s%s%s",
                 given == NULL ? "sqlite:" : "",
                 given == NULL ? scene.dir : given,
                 given == NULL ? "/registry.db" : "") < 0) {
        return -1;
    }
    if (!scene.is_sqlite) {
        admin("SET client_min_messages = error; "
              "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    }
    open_again();
    return 0;
}

static int
teardown(void **state)
{
    static const char *const name[] = {"registry.db", "registry.db-wal",
                                       "registry.db-shm", "registry.db-writer"};

    (void)state;
    pv_store_close(scene.store);
    for (size_t i = 0; i < COUNT(name); i++) {
        char path[128];

        if (snprintf(path, sizeof(path), "%s/%s", scene.dir, name[i]) > 0) {
            (void)unlink(path); /* not there on PostgreSQL */
        }
    }
    return rmdir(scene.dir);
}

/* ---- asking ---- */

struct rows {
    size_t count;
    char   text[2048]; /* "a|1|b\n" for each row */
};

static const char *columns_of;

static enum pv_err
note_row(void *context, const struct pv_value *column)
{
    struct rows *rows = context;
    size_t       len = strlen(rows->text);

    for (size_t c = 0; columns_of[c] != '\0'; c++) {
        int n =
            column[c].type == PV_VALUE_TEXT
                ? snprintf(rows->text + len, sizeof(rows->text) - len, "%s%.*s",
                           c == 0 ? "" : "|", PV_FMT(column[c].text))
                : snprintf(rows->text + len, sizeof(rows->text) - len, "%s%lld",
                           c == 0 ? "" : "|", (long long)column[c].number);
        assert_true(n >= 0);
        len += (size_t)n;
    }
    rows->text[len] = '\n';
    rows->text[len + 1] = '\0';
    rows->count++;
    return PV_OK;
}

static void
asked(enum pv_stmt stmt, const struct pv_value *arguments, size_t count,
      const char *columns, const char *expected)
{
    struct rows rows = {.count = 0};

    columns_of = columns;
    assert_int_equal(
        pv_store_run(scene.store, stmt, arguments, count, note_row, &rows),
        PV_OK);
    assert_string_equal(rows.text, expected);
}

static enum pv_err
add_record(const char *kind, const char *id, int64_t version, int64_t decision,
           int64_t day, const char *body)
{
    struct pv_value a[] = {PV_TEXT(pv_slice_from(kind)),
                           PV_TEXT(pv_slice_from(id)),
                           PV_INT(version),
                           PV_INT(decision),
                           PV_INT(day),
                           T("registered"),
                           PV_TEXT(pv_slice_from(body)),
                           PV_INT(version),
                           PV_NULL,
                           PV_NULL};

    return pv_store_run(scene.store, PV_STMT_RECORD_ADD, a, COUNT(a), NULL,
                        NULL);
}

static enum pv_err
close_record(const char *kind, const char *id, int64_t version,
             int64_t decision, int64_t day)
{
    struct pv_value a[] = {PV_TEXT(pv_slice_from(kind)),
                           PV_TEXT(pv_slice_from(id)), PV_INT(version),
                           PV_INT(decision), PV_INT(day)};

    return pv_store_run(scene.store, PV_STMT_RECORD_CLOSE, a, COUNT(a), NULL,
                        NULL);
}

/* "x" has a version from day 10, another from 20, and one more from 20. */
static void
three_versions(void)
{
    assert_int_equal(pv_store_begin(scene.store), PV_OK);
    assert_int_equal(add_record("agency", "x", 1, 1, 10, "one"), PV_OK);
    assert_int_equal(close_record("agency", "x", 1, 5, 20), PV_OK);
    assert_int_equal(add_record("agency", "x", 2, 5, 20, "two"), PV_OK);
    assert_int_equal(close_record("agency", "x", 2, 6, 20), PV_OK);
    assert_int_equal(add_record("agency", "x", 3, 6, 20, "three"), PV_OK);
    assert_int_equal(add_record("agency", "a-b", 1, 2, 11, "a-b"), PV_OK);
    assert_int_equal(add_record("agency", "ab", 1, 2, 12, "ab"), PV_OK);
    assert_int_equal(pv_store_commit(scene.store), PV_OK);
}

static void
as_of_is_a_filter(void **state)
{
    struct pv_value get[] = {T("agency"), T("x"), PV_INT(0)};
    static const struct {
        enum pv_stmt stmt;
        int64_t      argument;
        const char  *expected;
        const char  *what;
    } row[] = {
        {PV_STMT_RECORD_AS_OF, 9, "", "nothing before the first day"},
        {PV_STMT_RECORD_AS_OF, 10, "1|1|10|registered|one\n", "the first day"},
        {PV_STMT_RECORD_AS_OF, 19, "1|1|10|registered|one\n",
         "the day before a change"},
        {PV_STMT_RECORD_AS_OF, 20, "3|6|20|registered|three\n",
         "the last of a day with two changes"},
        {PV_STMT_RECORD_AT, 0, "", "nothing before the first decision"},
        {PV_STMT_RECORD_AT, 4, "1|1|10|registered|one\n",
         "what decision 4 left"},
        {PV_STMT_RECORD_AT, 5, "2|5|20|registered|two\n",
         "what decision 5 made"},
        {PV_STMT_RECORD_AT, 99, "3|6|20|registered|three\n",
         "what stands after the last"},
    };

    (void)state;
    three_versions();
    for (size_t i = 0; i < COUNT(row); i++) {
        print_message("# as of gives %s\n", row[i].what);
        get[2] = PV_INT(row[i].argument);
        asked(row[i].stmt, get, 3, "iiitt", row[i].expected);
    }
    asked(PV_STMT_RECORD_GET, get, 2, "iiitti", "3|6|20|registered|three|3\n");
    asked(PV_STMT_RECORD_HISTORY, get, 2, "iiitt",
          "1|1|10|registered|one\n2|5|20|registered|two\n"
          "3|6|20|registered|three\n");
}

static void
lists_go_byte_by_byte_and_in_pages(void **state)
{
    struct pv_value list[] = {T("agency"), T(""), PV_INT(2)};
    struct pv_value as_of[] = {T("agency"), PV_INT(11), T(""), PV_INT(9)};

    (void)state;
    three_versions();
    asked(PV_STMT_RECORD_LIST, list, 3, "tiiitt",
          "a-b|1|2|11|registered|a-b\nab|1|2|12|registered|ab\n");
    list[1] = T("ab");
    asked(PV_STMT_RECORD_LIST, list, 3, "tiiitt",
          "x|3|6|20|registered|three\n");
    asked(PV_STMT_RECORD_LIST_AS_OF, as_of, 4, "tiiitt",
          "a-b|1|2|11|registered|a-b\nx|1|1|10|registered|one\n");
    as_of[1] = PV_INT(1);
    asked(PV_STMT_RECORD_LIST_AT, as_of, 4, "tiiitt",
          "x|1|1|10|registered|one\n");
}

static void
references_are_of_what_stands(void **state)
{
    struct pv_value add[] = {T("grant"),    T("g"),      PV_INT(1),
                             T("consumer"), T("agency"), T("x")};
    struct pv_value find[] = {T("agency"), T("x"), T("grant"), T(""),
                              PV_INT(9)};
    struct pv_value ever[] = {T("agency"), T("x")};
    struct pv_value get[] = {T("grant"), T("g")};
    struct pv_value list[] = {T("grant"), T(""), PV_INT(9)};
    /* a third version, for which the references of the first hold */
    struct pv_value again[] = {T("grant"), T("g"),         PV_INT(3), PV_INT(3),
                               PV_INT(3),  T("suspended"), T(""),     PV_INT(1),
                               PV_NULL,    PV_NULL};

    (void)state;
    assert_int_equal(pv_store_begin(scene.store), PV_OK);
    assert_int_equal(add_record("grant", "g", 1, 1, 1, "{1}"), PV_OK);
    assert_int_equal(
        pv_store_run(scene.store, PV_STMT_REFERENCE_ADD, add, 6, NULL, NULL),
        PV_OK);
    asked(PV_STMT_REFERENCE_FIND, find, 5, "ttt", "g|consumer|registered\n");
    assert_int_equal(close_record("grant", "g", 1, 2, 2), PV_OK);
    assert_int_equal(add_record("grant", "g", 2, 2, 2, "{}"), PV_OK);
    asked(PV_STMT_REFERENCE_FIND, find, 5, "ttt", "");
    assert_int_equal(close_record("grant", "g", 2, 3, 3), PV_OK);
    assert_int_equal(pv_store_run(scene.store, PV_STMT_RECORD_ADD, again,
                                  COUNT(again), NULL, NULL),
                     PV_OK);
    asked(PV_STMT_REFERENCE_FIND, find, 5, "ttt", "g|consumer|suspended\n");
    asked(PV_STMT_REFERENCE_EVER, ever, 2, "tt", "grant|g\n");
    /* and its body */
    asked(PV_STMT_RECORD_GET, get, 2, "iiitti", "3|3|3|suspended|{1}|1\n");
    asked(PV_STMT_RECORD_HISTORY, get, 2, "iiitt",
          "1|1|1|registered|{1}\n2|2|2|registered|{}\n"
          "3|3|3|suspended|{1}\n");
    asked(PV_STMT_RECORD_LIST, list, 3, "tiiitt", "g|3|3|3|suspended|{1}\n");
    assert_int_equal(pv_store_commit(scene.store), PV_OK);
}

static enum pv_err
add_decision(int64_t number, struct pv_value key, struct pv_slice document)
{
    struct pv_value a[] = {PV_INT(number),   PV_INT(1700000000000),
                           PV_INT(-9999),    key,
                           T("agency"),      T("x"),
                           T("register"),    T("somebody"),
                           PV_TEXT(document)};

    return pv_store_run(scene.store, PV_STMT_DECISION_ADD, a, COUNT(a), NULL,
                        NULL);
}

static void
values_come_back_as_they_went(void **state)
{
    struct pv_value get = PV_INT(INT64_MAX);
    struct pv_value none = T("no such key");
    struct pv_value meta[] = {T("name"), T("")};

    (void)state;
    asked(PV_STMT_DECISION_LAST, NULL, 0, "ii", "");
    assert_int_equal(pv_store_begin(scene.store), PV_OK);
    assert_int_equal(add_decision(INT64_MAX, T("k"),
                                  PV_LIT("{\"متن\":\"کارگروه '؟1 $1 ?1\"}")),
                     PV_OK);
    assert_int_equal(add_decision(2, PV_NULL, PV_LIT("")), PV_OK);
    assert_int_equal(add_decision(3, PV_NULL, PV_LIT("")), PV_OK);
    assert_int_equal(
        pv_store_run(scene.store, PV_STMT_META_SET, meta, 2, NULL, NULL),
        PV_OK);
    meta[1] = T("value");
    assert_int_equal(
        pv_store_run(scene.store, PV_STMT_META_SET, meta, 2, NULL, NULL),
        PV_OK);
    assert_int_equal(pv_store_commit(scene.store), PV_OK);
    open_again();
    asked(PV_STMT_DECISION_GET, &get, 1, "t",
          "{\"متن\":\"کارگروه '؟1 $1 ?1\"}\n");
    asked(PV_STMT_DECISION_LAST, NULL, 0, "ii", "9223372036854775807|-9999\n");
    asked(PV_STMT_DECISION_KEY, &none, 1, "it", "");
    asked(PV_STMT_META_GET, meta, 1, "t", "value\n");
}

static void
a_transaction_is_whole_or_nothing(void **state)
{
    struct pv_value list[] = {T("agency"), T(""), PV_INT(9)};
    enum pv_err     err;

    (void)state;
    assert_int_equal(add_record("agency", "x", 1, 1, 1, "{}"), PV_ESTATE);
    assert_int_equal(pv_store_commit(scene.store), PV_ESTATE);
    assert_int_equal(pv_store_begin(scene.store), PV_OK);
    assert_int_equal(pv_store_begin(scene.store), PV_ESTATE);
    assert_int_equal(add_record("agency", "x", 1, 1, 1, "{}"), PV_OK);
    err = add_record("agency", "x", 2, 1, 1, "{}");
    if (err == PV_OK) { /* told by the next question */
        err =
            pv_store_run(scene.store, PV_STMT_RECORD_LIST, list, 3, NULL, NULL);
    }
    assert_int_equal(err, PV_EEXIST);
    assert_true(pv_store_why(scene.store)[0] != '\0');
    assert_int_equal(add_record("agency", "y", 1, 1, 1, "{}"), PV_ESTATE);
    assert_int_equal(pv_store_commit(scene.store), PV_ESTATE);
    pv_store_rollback(scene.store);
    asked(PV_STMT_RECORD_LIST, list, 3, "tiiitt", "");

    /* or by the commit, which undoes all of it */
    assert_int_equal(pv_store_begin(scene.store), PV_OK);
    assert_int_equal(add_record("agency", "z", 1, 1, 1, "{}"), PV_OK);
    err = add_record("agency", "z", 1, 1, 1, "{}");
    assert_int_equal(err == PV_OK ? pv_store_commit(scene.store) : err,
                     PV_EEXIST);
    pv_store_rollback(scene.store);
    asked(PV_STMT_RECORD_LIST, list, 3, "tiiitt", "");

    assert_int_equal(pv_store_begin(scene.store), PV_OK);
    assert_int_equal(add_record("agency", "x", 1, 1, 1, "{}"), PV_OK);
    open_again(); /* closing rolls back */
    asked(PV_STMT_RECORD_LIST, list, 3, "tiiitt", "");
}

static enum pv_err
nest(void *context, const struct pv_value *column)
{
    (void)column;
    assert_int_equal(
        pv_store_run(scene.store, PV_STMT_DECISION_LAST, NULL, 0, NULL, NULL),
        PV_ESTATE);
    *(int *)context += 1;
    return PV_ERANGE;
}

static void
arguments_are_checked_before_the_database_sees_them(void **state)
{
    struct pv_value list[] = {T("agency"), T(""), PV_INT(9)};
    int             calls = 0;

    (void)state;
    three_versions();
    assert_int_equal(
        pv_store_run(scene.store, PV_STMT_RECORD_LIST, list, 2, NULL, NULL),
        PV_EINVAL);
    list[2] = T("9");
    assert_int_equal(
        pv_store_run(scene.store, PV_STMT_RECORD_LIST, list, 3, NULL, NULL),
        PV_EINVAL);
    list[2] = PV_NULL;
    assert_int_equal(
        pv_store_run(scene.store, PV_STMT_RECORD_LIST, list, 3, NULL, NULL),
        PV_EINVAL);
    list[2] = PV_INT(9);
    list[1] = PV_TEXT(((struct pv_slice){"a\0b", 3}));
    assert_int_equal(
        pv_store_run(scene.store, PV_STMT_RECORD_LIST, list, 3, NULL, NULL),
        PV_EINVAL);
    assert_int_equal(
        pv_store_run(scene.store, PV_STMT_END, NULL, 0, NULL, NULL), PV_ESTATE);
    list[1] = T("");
    assert_int_equal(
        pv_store_run(scene.store, PV_STMT_RECORD_LIST, list, 3, nest, &calls),
        PV_ERANGE);
    assert_int_equal(calls, 1);
    asked(PV_STMT_RECORD_LIST, list, 3, "tiiitt",
          "a-b|1|2|11|registered|a-b\nab|1|2|12|registered|ab\n"
          "x|3|6|20|registered|three\n");
}

static void
a_second_writer_is_told(void **state)
{
    struct pv_store *second = NULL;
    struct pv_why    why = {""};

    (void)state;
    assert_int_equal(pv_store_open(scene.where, &second, &why), PV_EAGAIN);
    assert_null(second);
    assert_non_null(strstr(why.text, "another process"));
}

static void
a_reader_reads_of_one_moment_and_writes_nothing(void **state)
{
    struct pv_value  get[] = {T("agency"), T("x")};
    struct pv_value  set[] = {T("name"), T("value")};
    struct pv_store *writer = scene.store;
    struct pv_store *reader = NULL;
    struct pv_why    why = {""};

    (void)state;
    three_versions();
    assert_int_equal(pv_store_open_reader(scene.where, &reader, &why), PV_OK);
    assert_int_equal(pv_store_begin(reader), PV_OK);
    scene.store = reader;
    asked(PV_STMT_RECORD_GET, get, 2, "iiitti", "3|6|20|registered|three|3\n");
    assert_int_equal(pv_store_run(reader, PV_STMT_META_SET, set, 2, NULL, NULL),
                     PV_ESTATE);
    scene.store = writer;
    /* the writer does not wait for it */
    assert_int_equal(pv_store_begin(writer), PV_OK);
    assert_int_equal(close_record("agency", "x", 3, 7, 21), PV_OK);
    assert_int_equal(add_record("agency", "x", 4, 7, 21, "four"), PV_OK);
    assert_int_equal(pv_store_commit(writer), PV_OK);
    scene.store = reader;
    asked(PV_STMT_RECORD_GET, get, 2, "iiitti", "3|6|20|registered|three|3\n");
    pv_store_rollback(reader);
    assert_int_equal(pv_store_begin(reader), PV_OK);
    asked(PV_STMT_RECORD_GET, get, 2, "iiitti", "4|7|21|registered|four|4\n");
    scene.store = writer;
    pv_store_close(reader);
}

/* ---- people ---- */

static enum pv_err
write_one(enum pv_stmt stmt, const struct pv_value *arguments, size_t count)
{
    enum pv_err err = pv_store_begin(scene.store);

    if (err == PV_OK) {
        err = pv_store_run(scene.store, stmt, arguments, count, NULL, NULL);
    }
    if (err == PV_OK) {
        err = pv_store_commit(scene.store);
    }
    pv_store_rollback(scene.store);
    return err;
}

static void
credentials_are_one_a_person(void **state)
{
    const struct pv_value of[] = {T("maryam")};
    const struct pv_value invited[] = {T("maryam"), PV_NULL,   PV_NULL,
                                       PV_INT(0),   T("c0de"), PV_INT(9)};
    const struct pv_value enrolled[] = {T("maryam"), T("hash"), T("totp"),
                                        PV_INT(5),   PV_NULL,   PV_INT(0)};

    (void)state;
    asked(PV_STMT_CREDENTIAL_COUNT, NULL, 0, "i", "0\n");
    assert_int_equal(write_one(PV_STMT_CREDENTIAL_SET, invited, COUNT(invited)),
                     PV_OK);
    asked(PV_STMT_CREDENTIAL_COUNT, NULL, 0, "i", "0\n");
    assert_int_equal(
        write_one(PV_STMT_CREDENTIAL_SET, enrolled, COUNT(enrolled)), PV_OK);
    asked(PV_STMT_CREDENTIAL_COUNT, NULL, 0, "i", "1\n");
    asked(PV_STMT_CREDENTIAL_GET, of, 1, "ttiti", "hash|totp|5|0|0\n");
}

static void
sessions_end_one_by_one_by_person_and_by_age(void **state)
{
    static const char *const hash[] = {"a", "b", "c", "d"};
    const struct pv_value    first[] = {T("a")};
    const struct pv_value    second[] = {T("b")};
    const struct pv_value    third[] = {T("c")};
    const struct pv_value    fourth[] = {T("d")};
    const struct pv_value    of[] = {T("maryam")};
    const struct pv_value    seen[] = {T("d"), PV_INT(50)};
    const struct pv_value    old[] = {PV_INT(1), PV_INT(40)};

    (void)state;
    for (size_t i = 0; i < COUNT(hash); i++) {
        const struct pv_value a[] = {PV_TEXT(pv_slice_from(hash[i])),
                                     i == 1 ? T("maryam") : T("reza"),
                                     T("auditor"),
                                     T("council"),
                                     PV_INT(10),
                                     PV_INT(30)};

        assert_int_equal(write_one(PV_STMT_SESSION_ADD, a, COUNT(a)), PV_OK);
        assert_int_equal(write_one(PV_STMT_SESSION_ADD, a, COUNT(a)),
                         PV_EEXIST);
    }
    assert_int_equal(write_one(PV_STMT_SESSION_DROP, first, 1), PV_OK);
    assert_int_equal(write_one(PV_STMT_SESSION_DROP_OF, of, 1), PV_OK);
    assert_int_equal(write_one(PV_STMT_SESSION_SEEN, seen, 2), PV_OK);
    assert_int_equal(write_one(PV_STMT_SESSION_DROP_OLD, old, 2), PV_OK);
    asked(PV_STMT_SESSION_GET, first, 1, "tttii", "");
    asked(PV_STMT_SESSION_GET, second, 1, "tttii", "");
    asked(PV_STMT_SESSION_GET, third, 1, "tttii", "");
    asked(PV_STMT_SESSION_GET, fourth, 1, "tttii",
          "reza|auditor|council|10|50\n");
}

/* ---- migrations ---- */

static void
alter(const char *sql)
{
    if (scene.is_sqlite) {
        sqlite3 *db = NULL;

        assert_int_equal(sqlite3_open(scene.where + strlen("sqlite:"), &db),
                         SQLITE_OK);
        assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_close(db), SQLITE_OK);
    } else {
        admin(sql);
    }
}

static void
an_older_schema_is_brought_up(void **state)
{
    const struct pv_value key[] = {T("kept")};
    const struct pv_value meta[] = {T("kept"), T("yes")};
    const struct pv_value get[] = {T("agency"), T("x")};
    const struct pv_value place[] = {T("agency"), T("x"),     PV_INT(3),
                                     T("seq"),    T("place"), T("c u  s/v1")};
    struct pv_value find[] = {T("place"), T("s/v1 c u "), T("agency"), T(""),
                              PV_INT(9)};

    (void)state;
    three_versions();
    assert_int_equal(write_one(PV_STMT_META_SET, meta, COUNT(meta)), PV_OK);
    assert_int_equal(write_one(PV_STMT_REFERENCE_ADD, place, COUNT(place)),
                     PV_OK);
    pv_store_close(scene.store);
    scene.store = NULL;
    alter("DROP TABLE credential; DROP TABLE session;"
          "ALTER TABLE record DROP COLUMN reference_version;"
          "UPDATE schema_version SET version = 1");
    open_again();
    asked(PV_STMT_META_GET, key, 1, "t", "yes\n");
    asked(PV_STMT_CREDENTIAL_COUNT, NULL, 0, "i", "0\n");
    asked(PV_STMT_RECORD_GET, get, 2, "iiitti", "3|6|20|registered|three|3\n");
    asked(PV_STMT_REFERENCE_FIND, find, 5, "ttt", "x|seq|registered\n");
}

static void
a_newer_schema_is_refused(void **state)
{
    static const char sql[] = "UPDATE schema_version SET version = 99";
    struct pv_why     why = {""};

    (void)state;
    alter(sql);
    pv_store_close(scene.store);
    scene.store = NULL;
    for (int try = 0; try < 100; try++) {
        if (pv_store_open(scene.where, &scene.store, &why) != PV_EAGAIN) {
            break;
        }
        (void)usleep(20000);
    }
    assert_null(scene.store);
    assert_non_null(strstr(why.text, "version 99"));
}

/* The connection dies in the middle: nothing half done, and it comes back. */
static void
a_lost_database_is_told_and_taken_up_again(void **state)
{
    struct pv_value list[] = {T("agency"), T(""), PV_INT(9)};
    enum pv_err     err = PV_ECLOSED;

    (void)state;
    assert_int_equal(pv_store_begin(scene.store), PV_OK);
    assert_int_equal(add_record("agency", "x", 1, 1, 1, "{}"), PV_OK);
    admin("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
          "WHERE pid <> pg_backend_pid() AND usename = 'payvand'");
    assert_int_equal(pv_store_commit(scene.store), PV_ECLOSED);
    assert_true(pv_store_why(scene.store)[0] != '\0');
    pv_store_rollback(scene.store);
    for (int try = 0; try < 100 && err == PV_ECLOSED; try++) {
        err = pv_store_begin(scene.store);
        (void)usleep(err == PV_ECLOSED ? 50000 : 0);
    }
    assert_int_equal(err, PV_OK);
    asked(PV_STMT_RECORD_LIST, list, 3, "tiiitt", "");
    assert_int_equal(add_record("agency", "x", 1, 1, 1, "{}"), PV_OK);
    assert_int_equal(pv_store_commit(scene.store), PV_OK);
    asked(PV_STMT_RECORD_LIST, list, 3, "tiiitt", "x|1|1|1|registered|{}\n");
}

static void
what_is_no_store_is_told(void **state)
{
    static const char *const where[] = {"registry.db", "sqlite:/nonexistent/x",
                                        "postgresql:host=/nonexistent"};

    (void)state;
    for (size_t i = 0; i < COUNT(where); i++) {
        struct pv_store *store = NULL;
        struct pv_why    why = {""};

        print_message("# opening \"%s\" fails with words\n", where[i]);
        assert_int_not_equal(pv_store_open(where[i], &store, &why), PV_OK);
        assert_null(store);
        assert_true(why.text[0] != '\0');
    }
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(as_of_is_a_filter),
        TEST(lists_go_byte_by_byte_and_in_pages),
        TEST(references_are_of_what_stands),
        TEST(values_come_back_as_they_went),
        TEST(a_transaction_is_whole_or_nothing),
        TEST(arguments_are_checked_before_the_database_sees_them),
        TEST(a_second_writer_is_told),
        TEST(a_reader_reads_of_one_moment_and_writes_nothing),
        TEST(credentials_are_one_a_person),
        TEST(sessions_end_one_by_one_by_person_and_by_age),
        TEST(an_older_schema_is_brought_up),
        TEST(a_newer_schema_is_refused),
        TEST(what_is_no_store_is_told),
        TEST(a_lost_database_is_told_and_taken_up_again),
    };
    /* a file does not go away: the last is PostgreSQL's alone */
    size_t alone = getenv("PAYVAND_TEST_STORE") == NULL ? 1 : 0;

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return _cmocka_run_group_tests("store", tests, COUNT(tests) - alone, NULL,
                                   NULL);
}
