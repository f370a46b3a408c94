/*
 * statement.c - payvand-bench-statement: what a governed inquiry cannot do
 * without: its statement over ODBC, one signature verified, one made, and a
 * row of the ledger in a commit that it shares with others. One process, one
 * thread, nothing else. CPU time for each, as JSON.
 *
 * usage: payvand-bench-statement DSN LEDGER.sqlite PRIVATE.pem IDS CALLS BATCH
 */
#include <sql.h>
#include <sqlext.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/num.h"
#include "httpsig/key.h"

#define COLUMNS 4
#define BASE_LEN 420 /* bytes of an answer's signature base */

static _Noreturn void
die(const char *what)
{
    (void)fprintf(stderr, "payvand-bench-statement: %s\n", what);
    exit(EXIT_FAILURE);
}

static void
must(bool done, const char *what)
{
    if (!done) {
        die(what);
    }
}

static SQLHSTMT
prepare(const char *dsn)
{
    SQLHENV  env = SQL_NULL_HENV;
    SQLHDBC  dbc = SQL_NULL_HDBC;
    SQLHSTMT stmt = SQL_NULL_HSTMT;

    must(SQL_SUCCEEDED(SQLAllocHandle(SQL_HANDLE_ENV, SQL_NULL_HANDLE, &env)) &&
             SQL_SUCCEEDED(SQLSetEnvAttr(env, SQL_ATTR_ODBC_VERSION,
                                         (SQLPOINTER)SQL_OV_ODBC3, 0)) &&
             SQL_SUCCEEDED(SQLAllocHandle(SQL_HANDLE_DBC, env, &dbc)) &&
             SQL_SUCCEEDED(
                 SQLDriverConnect(dbc, NULL, (SQLCHAR *)(uintptr_t)dsn, SQL_NTS,
                                  NULL, 0, NULL, SQL_DRIVER_NOPROMPT)) &&
             SQL_SUCCEEDED(SQLAllocHandle(SQL_HANDLE_STMT, dbc, &stmt)),
         "connect");
    must(SQL_SUCCEEDED(SQLPrepare(
             stmt,
             (SQLCHAR *)(uintptr_t) "SELECT first_name, last_name, "
                                    "father_name, birth_date FROM person "
                                    "WHERE national_id = ?",
             SQL_NTS)),
         "prepare");
    return stmt;
}

static void
ask(SQLHSTMT stmt, const char *id)
{
    SQLLEN len = (SQLLEN)strlen(id);
    char   cell[256];
    SQLLEN got;

    must(SQL_SUCCEEDED(SQLBindParameter(
             stmt, 1, SQL_PARAM_INPUT, SQL_C_CHAR, SQL_VARCHAR, (SQLULEN)len, 0,
             (SQLPOINTER)(uintptr_t)id, len, &len)) &&
             SQL_SUCCEEDED(SQLExecute(stmt)) && SQL_SUCCEEDED(SQLFetch(stmt)),
         "statement");
    for (SQLUSMALLINT i = 1; i <= COLUMNS; i++) {
        must(SQL_SUCCEEDED(
                 SQLGetData(stmt, i, SQL_C_CHAR, cell, sizeof(cell), &got)),
             "cell");
    }
    must(SQLFetch(stmt) == SQL_NO_DATA, "a second row");
    (void)SQLFreeStmt(stmt, SQL_CLOSE);        /* as the connector does */
    (void)SQLFreeStmt(stmt, SQL_RESET_PARAMS); /* likewise */
}

static sqlite3_stmt *
open_ledger(const char *path, sqlite3 **ret)
{
    sqlite3_stmt *insert = NULL;

    must(sqlite3_open(path, ret) == SQLITE_OK &&
             sqlite3_exec(
                 *ret,
                 "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                 "CREATE TABLE ledger(id INTEGER PRIMARY KEY, person BLOB,"
                 " at_ms INTEGER, consumer TEXT, path TEXT, outcome TEXT);"
                 "CREATE INDEX ledger_person ON ledger(person, at_ms);",
                 NULL, NULL, NULL) == SQLITE_OK &&
             sqlite3_prepare_v2(*ret,
                                "INSERT INTO ledger(person, at_ms, consumer, "
                                "path, outcome) VALUES(randomblob(32), ?, "
                                "'bench-consumer', '/x/p/bench/v1/person', "
                                "'answered')",
                                -1, &insert, NULL) == SQLITE_OK,
         "ledger");
    return insert;
}

static double
cpu_now(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now); /* it is there */
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int
main(int argc, char **argv)
{
    struct pv_httpsig_key *key = NULL;
    struct pv_why          why = {""};
    sqlite3               *db = NULL;
    sqlite3_stmt          *insert;
    SQLHSTMT               stmt;
    FILE                  *ids;
    char                   line[32];
    char                   base[BASE_LEN];
    uint8_t                signature[PV_HTTPSIG_SIGNATURE_LEN];
    uint64_t               calls = 0;
    uint64_t               batch = 0;
    double                 began;

    must(argc == 7 &&
             pv_slice_to_u64(pv_slice_from(argv[5]), 10000000, &calls) ==
                 PV_OK &&
             pv_slice_to_u64(pv_slice_from(argv[6]), 10000, &batch) == PV_OK &&
             calls > 0 && batch > 0,
         "wrong command line");
    must(pv_httpsig_key_read_file(argv[3], true, &key, &why) == PV_OK,
         why.text);
    stmt = prepare(argv[1]);
    insert = open_ledger(argv[2], &db);
    ids = fopen(argv[4], "re");
    must(ids != NULL, argv[4]);
    memset(base, 'x', sizeof(base));
    began = cpu_now();
    for (uint64_t i = 0; i < calls; i++) {
        struct pv_slice what = {base, sizeof(base)};

        if (fgets(line, sizeof(line), ids) == NULL) {
            rewind(ids);
            must(fgets(line, sizeof(line), ids) != NULL, "no ids");
        }
        line[strcspn(line, "\n")] = '\0';
        must(i % batch != 0 ||
                 sqlite3_exec(db, i == 0 ? "BEGIN" : "COMMIT; BEGIN", NULL,
                              NULL, NULL) == SQLITE_OK,
             "commit");
        memcpy(base, &i, sizeof(i)); /* no two alike */
        ask(stmt, line);
        must(pv_httpsig_key_sign(key, what, signature) == PV_OK &&
                 pv_httpsig_key_verify(key, what, signature) == PV_OK &&
                 sqlite3_bind_int64(insert, 1, (int64_t)i) == SQLITE_OK &&
                 sqlite3_step(insert) == SQLITE_DONE &&
                 sqlite3_reset(insert) == SQLITE_OK,
             "sign, verify or write");
    }
    must(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK, "commit");
    (void)printf("{\"calls\": %llu, \"cpu_us\": %.2f}\n", /* caller looks */
                 (unsigned long long)calls,
                 (cpu_now() - began) * 1e6 / (double)calls);
    (void)fclose(ids); /* read-only: nothing to lose */
    (void)sqlite3_finalize(insert);
    (void)sqlite3_close(db);
    pv_httpsig_key_free(key);
    return EXIT_SUCCESS;
}
