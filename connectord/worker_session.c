/*
 * worker_session.c - a worker's connection, and what its session begins with.
 * Part of the worker's process; see worker.c.
 */
#include "connectord/worker_private.h"

#include <string.h>

#define CONNECT_TIMEOUT_S 8

/* What a session begins with, where it can be had. */
static const struct {
    const char *database; /* what its name begins with */
    const char *sql;
} wish[] = {
    {"SQLite", "PRAGMA temp_store=2"},
    /* LongNames sets it; a column of SELECT * shall keep its plain name */
    {"SQLite", "PRAGMA full_column_names=0"},
    /* the statement of a worker that was killed ends soon after it */
    {"PostgreSQL", "SET client_connection_check_interval = 1000"},
};

static const struct mode modes[] = {
    {"SQLite", "PRAGMA query_only=1", "PRAGMA query_only=0"},
    {"PostgreSQL", "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
     "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE"},
    {"MariaDB", "SET SESSION TRANSACTION READ ONLY",
     "SET SESSION TRANSACTION READ WRITE"},
    {"MySQL", "SET SESSION TRANSACTION READ ONLY",
     "SET SESSION TRANSACTION READ WRITE"},
};

static bool
begins_with(const char *name, const char *database)
{
    return strncmp(name, database, strlen(database)) == 0;
}

/*
 * SQL_MODE_READ_ONLY is a hint that the drivers of PostgreSQL and MariaDB do
 * not follow: the session itself is told. A command turns it off for its
 * transaction.
 */
static enum pv_err
begin(struct worker *worker)
{
    char        name[64] = "";
    SQLSMALLINT len;

    (void)SQLGetInfo(worker->dbc, SQL_DBMS_NAME, name, sizeof(name),
                     &len); /* unknown: nothing below is for it */
    for (size_t i = 0; i < sizeof(wish) / sizeof(wish[0]); i++) {
        if (begins_with(name, wish[i].database)) {
            (void)pv_query_alone(worker, wish[i].sql); /* a wish */
        }
    }
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (begins_with(name, modes[i].database)) {
            worker->mode = &modes[i];
            return pv_query_alone(worker, modes[i].read_only);
        }
    }
    return PV_OK;
}

enum pv_err
pv_session_open(struct worker *worker)
{
    if (!SQL_SUCCEEDED(
            SQLAllocHandle(SQL_HANDLE_ENV, SQL_NULL_HANDLE, &worker->env)) ||
        !SQL_SUCCEEDED(SQLSetEnvAttr(worker->env, SQL_ATTR_ODBC_VERSION,
                                     (SQLPOINTER)SQL_OV_ODBC3, 0)) ||
        !SQL_SUCCEEDED(
            SQLAllocHandle(SQL_HANDLE_DBC, worker->env, &worker->dbc))) {
        return PV_EDB;
    }
    /* wishes: not every driver knows all three; tracing would write values */
    (void)SQLSetConnectAttr(worker->dbc, SQL_ATTR_TRACE,
                            (SQLPOINTER)SQL_OPT_TRACE_OFF, SQL_IS_UINTEGER);
    (void)SQLSetConnectAttr(worker->dbc, SQL_ATTR_LOGIN_TIMEOUT,
                            (SQLPOINTER)(uintptr_t)CONNECT_TIMEOUT_S,
                            SQL_IS_UINTEGER);
    if (!worker->may_write && !worker->commands) {
        (void)SQLSetConnectAttr(worker->dbc, SQL_ATTR_ACCESS_MODE,
                                (SQLPOINTER)(uintptr_t)SQL_MODE_READ_ONLY,
                                SQL_IS_UINTEGER);
    }
    if (!SQL_SUCCEEDED(SQLDriverConnect(worker->dbc, NULL,
                                        (SQLCHAR *)worker->dsn, SQL_NTS, NULL,
                                        0, NULL, SQL_DRIVER_NOPROMPT))) {
        pv_query_note(worker, SQL_HANDLE_DBC, worker->dbc);
        return PV_EDB;
    }
    return begin(worker);
}
