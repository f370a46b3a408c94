/*
 * postgres.c - the store on PostgreSQL, by libpq.
 *
 * An advisory lock of the session says who writes; it goes with the session,
 * so a store that lost its connection has lost the lock too and takes both up
 * again in revive; one that only reads has none. Arguments and columns travel
 * in binary.
 *
 * What gives no rows is sent and not waited for (libpq's pipeline): the next
 * question, or the commit, brings the answers to all of it.
 */
#include <string.h>

#include "base/buf.h"
#include "base/time.h"
#include "store/postgres.h"

#define WRITER_LOCK "7022363" /* "pvd" in hex digits of its letters */
#define REVIVE_EVERY_MS 1000
#define SETTINGS_MAX 8

static void
ignore_notice(void *context, const PGresult *result)
{
    (void)context;
    (void)result; /* libpq would print it; nothing here may log */
}

/* The words of the server without its DETAIL, which may hold values. */
void
pv_postgres_keep_words(struct pv_store *store, const char *words)
{
    pv_why_set(&store->why, "%s", words == NULL ? "" : words);
    store->why.text[strcspn(store->why.text, "\n")] = '\0';
}

static enum pv_err
state_err(const char *state)
{
    static const struct {
        const char *prefix;
        enum pv_err err;
    } row[] = {
        {"23505", PV_EEXIST},  /* unique_violation */
        {"23", PV_EINVAL},     /* other constraints */
        {"40", PV_EAGAIN},     /* serialization, deadlock */
        {"55P03", PV_EAGAIN},  /* lock_not_available */
        {"57014", PV_EAGAIN},  /* query_canceled: statement_timeout */
        {"53100", PV_EFULL},   /* disk_full */
        {"53200", PV_ENOMEM},  /* out_of_memory */
        {"57P", PV_ECLOSED},   /* shutdown, cannot_connect_now */
        {"08", PV_ECLOSED},    /* connection exceptions */
        {"53300", PV_ECLOSED}, /* too_many_connections */
        {"XX00", PV_ECORRUPT}, /* data_corrupted, index_corrupted */
    };

    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        if (strncmp(state, row[i].prefix, strlen(row[i].prefix)) == 0) {
            return row[i].err;
        }
    }
    return PV_EDB;
}

enum pv_err
pv_postgres_result_err(struct pv_store *store, PGresult *result,
                       ExecStatusType wanted)
{
    struct postgres *postgres = store->handle;
    enum pv_err      err = PV_ECLOSED; /* not the server's words: libpq's */
    const char      *state;

    if (result != NULL && PQresultStatus(result) == wanted) {
        PQclear(result);
        return PV_OK;
    }
    state =
        result == NULL ? NULL : PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (state != NULL) {
        pv_postgres_keep_words(
            store, PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
        err = state_err(state);
    } else {
        pv_postgres_keep_words(store, PQerrorMessage(postgres->connection));
    }
    if (PQstatus(postgres->connection) != CONNECTION_OK) {
        err = PV_ECLOSED;
    }
    if (err == PV_ECLOSED) {
        store->gone = true;
    }
    PQclear(result);
    return err;
}

/* ?1 becomes $1, @T the text that compares byte by byte, @K nothing. */
static enum pv_err
translate(const char *sql, struct pv_buf *out, const char **ret)
{
    enum pv_err err = PV_OK;

    pv_buf_init(out, PV_STORE_SQL_MAX);
    for (const char *at = sql; *at != '\0' && err == PV_OK; at++) {
        if (at[0] == '@' && at[1] == 'T') {
            err = pv_buf_add(out, PV_LIT("TEXT COLLATE \"C\""));
            at++;
        } else if (at[0] == '@' && at[1] == 'K') {
            at++;
        } else {
            err = pv_buf_add_char(out, *at == '?' ? '$' : *at);
        }
    }
    return err == PV_OK ? pv_buf_cstr(out, ret) : err;
}

static enum pv_err
postgres_exec(struct pv_store *store, const char *sql)
{
    struct postgres *postgres = store->handle;
    struct pv_buf    text;
    const char      *cstr;
    enum pv_err      err;

    if (strcmp(sql, pv_backend_postgres.begin) == 0) {
        return pv_postgres_send(store, sql);
    }
    if (postgres->waiting > 0 && strcmp(sql, "COMMIT") == 0) {
        err = pv_postgres_send(store, sql);
        return err == PV_OK ? pv_postgres_take(store, NULL) : err;
    }
    if (postgres->waiting > 0) {
        err = pv_postgres_take(store, NULL);
        if (err != PV_OK && strcmp(sql, "ROLLBACK") != 0) {
            return err;
        }
    }
    err = translate(sql, &text, &cstr);
    if (err == PV_OK) {
        err = pv_postgres_result_err(store, PQexec(postgres->connection, cstr),
                                     PGRES_COMMAND_OK);
    }
    pv_buf_clear(&text);
    return err;
}

/* One cell of text; PV_ENOTFOUND when there is none. */
static enum pv_err
ask(struct pv_store *store, const char *sql, char *room, size_t room_len)
{
    struct postgres *postgres = store->handle;
    PGresult        *result = PQexec(postgres->connection, sql);
    enum pv_err      err;

    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        return pv_postgres_result_err(store, result, PGRES_TUPLES_OK);
    }
    err = PQntuples(result) == 1 && PQnfields(result) == 1 &&
                  !PQgetisnull(result, 0, 0)
              ? pv_slice_to_cstr(pv_slice_from(PQgetvalue(result, 0, 0)), room,
                                 room_len)
              : PV_ENOTFOUND;
    PQclear(result);
    return err;
}

static enum pv_err
start_session(struct pv_store *store)
{
    struct postgres *postgres = store->handle;
    char             cell[SETTINGS_MAX];
    enum pv_err      err;

    if (PQstatus(postgres->connection) != CONNECTION_OK) {
        pv_postgres_keep_words(store, PQerrorMessage(postgres->connection));
        store->gone = true;
        return PV_ECLOSED;
    }
    (void)PQsetNoticeReceiver(postgres->connection, ignore_notice, NULL);
    err = postgres_exec(store, "SET synchronous_commit = on;"
                               "SET statement_timeout = '60s';"
                               "SET lock_timeout = '5s';"
                               "SET idle_in_transaction_session_timeout = 0;"
                               "SET client_encoding = 'UTF8'");
    if (err == PV_OK) {
        err = ask(store, "SHOW server_encoding", cell, sizeof(cell));
    }
    if (err == PV_OK && strcmp(cell, "UTF8") != 0) {
        pv_why_set(&store->why, "its encoding must be UTF8");
        err = PV_EINVAL;
    }
    if (err == PV_OK) {
        err =
            store->reads_only
                ? postgres_exec(store, "SET default_transaction_read_only = on")
                : ask(store, "SELECT pg_try_advisory_lock(" WRITER_LOCK ")",
                      cell, sizeof(cell));
    }
    if (err == PV_OK && !store->reads_only && strcmp(cell, "t") != 0) {
        pv_why_set(&store->why, "another process holds the database");
        err = PV_EAGAIN;
    }
    return err;
}

static enum pv_err
postgres_open(struct pv_store *store, const char *where)
{
    static const char *const word[] = {
        "dbname",          "connect_timeout",           "tcp_user_timeout",
        "keepalives_idle", "fallback_application_name", NULL};
    const char *const value[] = {where, "2", "5000", "5", "payvand-registryd",
                                 NULL};
    struct postgres  *postgres = calloc(1, sizeof(*postgres));

    if (postgres == NULL) {
        return PV_ENOMEM;
    }
    store->handle = postgres;
    /* 1: dbname may hold a whole conninfo, whose words win over ours */
    postgres->connection = PQconnectdbParams(word, value, 1);
    if (postgres->connection == NULL) {
        return PV_ENOMEM;
    }
    return start_session(store);
}

static void
postgres_close(struct pv_store *store)
{
    struct postgres *postgres = store->handle;

    if (postgres != NULL) {
        PQfinish(postgres->connection); /* accepts NULL */
    }
    free(postgres);
    store->handle = NULL;
}

static enum pv_err
postgres_revive(struct pv_store *store)
{
    struct postgres *postgres = store->handle;
    int64_t          now_ms = pv_time_monotonic_ms();

    if (postgres->revived_ms != 0 &&
        now_ms - postgres->revived_ms < REVIVE_EVERY_MS) {
        return PV_ECLOSED; /* tried a moment ago */
    }
    postgres->revived_ms = now_ms;
    postgres->waiting = 0;
    PQreset(postgres->connection);
    return start_session(store);
}

static enum pv_err
postgres_prepare(struct pv_store *store, enum pv_stmt stmt)
{
    struct postgres *postgres = store->handle;
    const char      *types = pv_statement[stmt].arguments;
    Oid              oid[PV_STORE_ARGUMENTS_MAX];
    char             name[PV_POSTGRES_NAME_MAX];
    struct pv_buf    text;
    const char      *cstr;
    enum pv_err      err = translate(pv_statement[stmt].sql, &text, &cstr);
    int              count = 0;

    for (; count < PV_STORE_ARGUMENTS_MAX && types[count] != '\0'; count++) {
        oid[count] = types[count] == 'i' || types[count] == 'I'
                         ? PV_POSTGRES_OID_INT8
                         : PV_POSTGRES_OID_TEXT;
    }
    if (err == PV_OK && !pv_postgres_name(stmt, name)) {
        err = PV_ERANGE;
    }
    if (err == PV_OK) {
        err = pv_postgres_result_err(
            store, PQprepare(postgres->connection, name, cstr, count, oid),
            PGRES_COMMAND_OK);
    }
    pv_buf_clear(&text);
    return err;
}

static enum pv_err
postgres_schema(struct pv_store *store, int64_t *ret_version)
{
    char        text[SETTINGS_MAX];
    int64_t     version = 0;
    enum pv_err err = ask(store,
                          "SELECT 1 WHERE to_regclass('schema_version') "
                          "IS NOT NULL",
                          text, sizeof(text));

    if (err == PV_ENOTFOUND) {
        *ret_version = 0;
        return PV_OK;
    }
    if (err == PV_OK) {
        err = ask(store, "SELECT version FROM schema_version", text,
                  sizeof(text));
    }
    if (err != PV_OK) {
        return err == PV_ENOTFOUND ? PV_ECORRUPT : err;
    }
    for (const char *at = text; *at != '\0'; at++) {
        if (*at < '0' || *at > '9') {
            return PV_ECORRUPT;
        }
        version = version * 10 + (*at - '0');
    }
    *ret_version = version;
    return PV_OK;
}

const struct pv_backend pv_backend_postgres = {
    .name = "postgresql",
    .open = postgres_open,
    .close = postgres_close,
    .revive = postgres_revive,
    .exec = postgres_exec,
    .prepare = postgres_prepare,
    .run = pv_postgres_run,
    .schema = postgres_schema,
    .begin = "BEGIN",
    .begin_reading = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
};
