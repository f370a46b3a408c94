/*
 * worker_query.c - one fixed statement: prepared, bound, run, its rows put
 * into the answer. Part of the worker's process; see worker.c.
 */
#include "connectord/worker_private.h"

#include <string.h>

#include "base/num.h"

#define CELL_CHUNK 1024

void
pv_query_note(struct worker *worker, SQLSMALLINT kind, SQLHANDLE handle)
{
    SQLCHAR     state[PV_SQLSTATE_LEN + 1] = "HY000";
    SQLCHAR     text[SQL_MAX_MESSAGE_LENGTH]; /* never looked at */
    SQLINTEGER  native;
    SQLSMALLINT len;

    (void)SQLGetDiagRec(kind, handle, 1, state, &native, text, sizeof(text),
                        &len); /* on failure HY000 stays */
    for (size_t i = 0; i < PV_SQLSTATE_LEN; i++) {
        bool plain = (state[i] >= '0' && state[i] <= '9') ||
                     (state[i] >= 'A' && state[i] <= 'Z');

        worker->state[i] = plain ? (char)state[i] : '?';
    }
    worker->state[PV_SQLSTATE_LEN] = '\0';
}

void
pv_query_forget(struct query *query)
{
    if (query->stmt != SQL_NULL_HSTMT) {
        (void)SQLFreeHandle(SQL_HANDLE_STMT, query->stmt); /* being dropped */
        query->stmt = SQL_NULL_HSTMT;
    }
}

enum pv_err
pv_query_prepare(struct worker *worker, struct query *query)
{
    SQLSMALLINT columns;

    if (query->stmt != SQL_NULL_HSTMT) {
        return PV_OK;
    }
    if (!SQL_SUCCEEDED(
            SQLAllocHandle(SQL_HANDLE_STMT, worker->dbc, &query->stmt))) {
        pv_query_note(worker, SQL_HANDLE_DBC, worker->dbc);
        query->stmt = SQL_NULL_HSTMT;
        return PV_EDB;
    }
    /* a wish: not every driver has it, and the main process kills anyway.
     * SQL_ATTR_MAX_ROWS is none: MariaDB's driver writes a second LIMIT. */
    (void)SQLSetStmtAttr(query->stmt, SQL_ATTR_QUERY_TIMEOUT,
                         (SQLPOINTER)(uintptr_t)query->timeout_s,
                         SQL_IS_UINTEGER);
    /* some drivers show a statement to the database only when asked for its
     * columns; a fault of it shall be known before the first call */
    if (!SQL_SUCCEEDED(SQLPrepare(query->stmt, (SQLCHAR *)(uintptr_t)query->sql,
                                  SQL_NTS)) ||
        !SQL_SUCCEEDED(SQLNumResultCols(query->stmt, &columns))) {
        pv_query_note(worker, SQL_HANDLE_STMT, query->stmt);
        pv_query_forget(query);
        return PV_EDB;
    }
    return PV_OK;
}

static enum pv_err
bind(struct worker *worker, struct query *query, struct parameter *parameter)
{
    for (uint32_t i = 0; i < query->binds; i++) {
        struct parameter *one = &parameter[i];
        SQLULEN size = one->text.len == 0 ? 1 : (SQLULEN)one->text.len;

        if (!SQL_SUCCEEDED(SQLBindParameter(
                query->stmt, (SQLUSMALLINT)(i + 1), SQL_PARAM_INPUT, SQL_C_CHAR,
                SQL_VARCHAR, size, 0, (SQLPOINTER)(uintptr_t)one->text.ptr,
                (SQLLEN)one->text.len, &one->indicator))) {
            pv_query_note(worker, SQL_HANDLE_STMT, query->stmt);
            return PV_EDB;
        }
    }
    return PV_OK;
}

/*
 * Append one cell. SQLGetData gives it in pieces: the first says how long the
 * whole is, where the driver knows, and then the second brings all the rest.
 * What is longer than an answer may be is not asked for any further.
 */
static enum pv_err
put_cell(struct worker *worker, SQLHSTMT stmt, SQLUSMALLINT column)
{
    struct pv_buf *out = &worker->out;
    size_t         at = out->len;
    size_t         room = CELL_CHUNK; /* with the NUL */
    enum pv_err    err = pv_put_u32(out, 0);

    while (err == PV_OK) {
        SQLLEN    got = 0;
        SQLRETURN result;

        err = pv_buf_reserve(out, room);
        if (err != PV_OK) {
            break;
        }
        result = SQLGetData(stmt, column, SQL_C_CHAR, out->ptr + out->len,
                            (SQLLEN)room, &got);
        if (result == SQL_NO_DATA) {
            break; /* the piece before was the last */
        }
        if (!SQL_SUCCEEDED(result)) {
            pv_query_note(worker, SQL_HANDLE_STMT, stmt);
            return PV_EDB;
        }
        if (got == SQL_NULL_DATA) {
            pv_store_u32(out->ptr + at, PV_NULL);
            return PV_OK;
        }
        if (got != SQL_NO_TOTAL && (size_t)got < room) {
            out->len += (size_t)got;
            break;
        }
        out->len += room - 1;
        room = got == SQL_NO_TOTAL ? CELL_CHUNK : (size_t)got - room + 2;
    }
    if (err == PV_OK) {
        pv_store_u32(out->ptr + at, (uint32_t)(out->len - at - 4));
    }
    return err;
}

static enum pv_err
put_names(struct worker *worker, SQLHSTMT stmt, SQLSMALLINT columns)
{
    enum pv_err err = pv_put_u32(&worker->out, (uint32_t)columns);

    for (SQLSMALLINT i = 1; err == PV_OK && i <= columns; i++) {
        SQLCHAR     name[PV_MEMBER_MAX + 1] = "";
        SQLSMALLINT len = 0;

        if (!SQL_SUCCEEDED(SQLColAttribute(stmt, (SQLUSMALLINT)i,
                                           SQL_DESC_LABEL, name, sizeof(name),
                                           &len, NULL))) {
            pv_query_note(worker, SQL_HANDLE_STMT, stmt);
            return PV_EDB;
        }
        err = pv_put_text(&worker->out, pv_slice_from((const char *)name));
    }
    return err;
}

static enum pv_err
put_rows(struct worker *worker, SQLHSTMT stmt, SQLSMALLINT columns,
         uint32_t max_rows, bool exists_only, uint32_t *ret_count,
         enum pv_query_error *kind)
{
    size_t      count_at;
    uint32_t    count = 0;
    enum pv_err err = put_names(worker, stmt, exists_only ? 0 : columns);

    count_at = worker->out.len;
    if (err == PV_OK) {
        err = pv_put_u32(&worker->out, 0);
    }
    while (err == PV_OK) {
        SQLRETURN result = SQLFetch(stmt);

        if (result == SQL_NO_DATA) {
            break;
        }
        if (!SQL_SUCCEEDED(result)) {
            pv_query_note(worker, SQL_HANDLE_STMT, stmt);
            return PV_EDB;
        }
        if (count == max_rows) {
            *kind = PV_QUERY_ROWS;
            return PV_ERANGE;
        }
        count++;
        if (exists_only) {
            break;
        }
        for (SQLSMALLINT i = 1; err == PV_OK && i <= columns; i++) {
            err = put_cell(worker, stmt, (SQLUSMALLINT)i);
        }
    }
    if (err == PV_OK) {
        pv_store_u32(worker->out.ptr + count_at, count);
        *ret_count = count;
    }
    return err;
}

/* Prepare, bind and execute it; how many columns its rows have. */
static enum pv_err
execute(struct worker *worker, struct query *query, struct parameter *parameter,
        SQLSMALLINT *ret_columns)
{
    SQLRETURN   result;
    enum pv_err err = pv_query_prepare(worker, query);

    if (err == PV_OK) {
        err = bind(worker, query, parameter);
    }
    if (err != PV_OK) {
        return err;
    }
    result = SQLExecute(query->stmt);
    if ((!SQL_SUCCEEDED(result) && result != SQL_NO_DATA) ||
        !SQL_SUCCEEDED(SQLNumResultCols(query->stmt, ret_columns))) {
        pv_query_note(worker, SQL_HANDLE_STMT, query->stmt);
        return PV_EDB;
    }
    return PV_OK;
}

static void
finish(struct query *query, enum pv_err err)
{
    if (query->stmt == SQL_NULL_HSTMT) {
        return;
    }
    (void)SQLFreeStmt(query->stmt, SQL_CLOSE); /* also when nothing is open */
    (void)SQLFreeStmt(query->stmt, SQL_RESET_PARAMS); /* they die with body */
    if (err != PV_OK) {
        pv_query_forget(query); /* prepare anew: the schema may have changed */
    }
}

enum pv_err
pv_query_run(struct worker *worker, struct query *query,
             struct parameter *parameter, uint32_t max_rows, bool exists_only,
             enum pv_query_error *kind)
{
    SQLSMALLINT columns = 0;
    uint32_t    count;
    enum pv_err err = execute(worker, query, parameter, &columns);

    if (err == PV_OK && (columns < 1 || columns > PV_COLUMNS_MAX)) {
        memcpy(worker->state, "07005", PV_SQLSTATE_LEN + 1); /* no rows */
        err = PV_EDB;
    }
    if (err == PV_OK) {
        err = put_rows(worker, query->stmt, columns, max_rows, exists_only,
                       &count, kind);
    }
    finish(query, err);
    return err;
}

/* Rows of a step that are not wanted are read to their end all the same. */
static enum pv_err
count_rows(struct worker *worker, SQLHSTMT stmt, bool *ret_any)
{
    SQLRETURN result;

    while (SQL_SUCCEEDED(result = SQLFetch(stmt))) {
        *ret_any = true;
    }
    if (result != SQL_NO_DATA) {
        pv_query_note(worker, SQL_HANDLE_STMT, stmt);
        return PV_EDB;
    }
    return PV_OK;
}

enum pv_err
pv_query_step(struct worker *worker, struct query *query,
              struct parameter *parameter, bool gives, size_t at, bool *ret_any,
              enum pv_query_error *kind)
{
    SQLSMALLINT columns = 0;
    SQLLEN      changed = 0;
    uint32_t    count = 0;
    enum pv_err err = execute(worker, query, parameter, &columns);

    *ret_any = false;
    if (err != PV_OK) {
        goto out;
    }
    if (columns == 0) {
        if (gives || !SQL_SUCCEEDED(SQLRowCount(query->stmt, &changed)) ||
            changed < 0) { /* a driver that cannot tell is no "done" */
            memcpy(worker->state, "07005", PV_SQLSTATE_LEN + 1);
            err = PV_EDB;
        }
        *ret_any = changed > 0;
    } else if (columns > PV_COLUMNS_MAX || !gives) {
        err = count_rows(worker, query->stmt, ret_any);
    } else {
        worker->out.len = at;
        err = put_rows(worker, query->stmt, columns, 1, false, &count, kind);
        *ret_any = count > 0;
    }

out:
    finish(query, err);
    return err;
}

enum pv_err
pv_query_alone(struct worker *worker, const char *sql)
{
    SQLHSTMT    stmt;
    enum pv_err err = PV_OK;

    if (!SQL_SUCCEEDED(SQLAllocHandle(SQL_HANDLE_STMT, worker->dbc, &stmt))) {
        pv_query_note(worker, SQL_HANDLE_DBC, worker->dbc);
        return PV_EDB;
    }
    if (!SQL_SUCCEEDED(
            SQLExecDirect(stmt, (SQLCHAR *)(uintptr_t)sql, SQL_NTS))) {
        pv_query_note(worker, SQL_HANDLE_STMT, stmt);
        err = PV_EDB;
    }
    (void)SQLFreeHandle(SQL_HANDLE_STMT, stmt); /* nothing to do about it */
    return err;
}
