/*
 * worker.c - one database connection, in a process that may be killed.
 *
 * Does:    connects, prepares the fixed statements, runs one call at a time.
 * Holds:   the connection string, the rows of the call at hand.
 * Talks:   with the main process over PV_WORKER_FD; the database.
 * Calls:   whatever a vendor's driver calls, except exec, ptrace, mount ...;
 *          it writes to no file unless the configuration says so.
 * A thief: of this process has what the database account may do. It has no
 *          other call than the one at hand, no HTTP, no key of TLS.
 *
 * It never parses JSON and never logs: drivers' texts may hold values, so
 * only the SQLSTATE of an error leaves this file. stderr is /dev/null.
 */
#include "connectord/worker.h"

#include <locale.h>
#include <sql.h>
#include <sqlext.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "connectord/message.h"
#include "connectord/sandbox.h"

#define CONNECT_TIMEOUT_S 8
#define CELL_CHUNK 1024

struct query {
    char    *sql; /* or NULL */
    uint32_t binds;
    SQLHSTMT stmt; /* or SQL_NULL_HSTMT: not prepared */
};

struct method {
    bool         exists_only;
    uint32_t     max_rows;
    struct query query[2]; /* the statement, the scalar statement */
};

struct worker {
    SQLHENV        env;
    SQLHDBC        dbc;
    char           dsn[PV_DSN_MAX + 512];
    struct method *method;
    uint32_t       method_count;
    bool           may_write;
    char           state[PV_SQLSTATE_LEN + 1]; /* of the last error */
    struct pv_buf  in;
    struct pv_buf  out;
};

static void
note_state(struct worker *worker, SQLSMALLINT kind, SQLHANDLE handle)
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

static bool
is_lost(const struct worker *worker)
{
    return worker->state[0] == '0' && worker->state[1] == '8';
}

/* ---- the connection ---- */

static void
run_quietly(struct worker *worker, const char *sql)
{
    SQLHSTMT stmt;

    if (!SQL_SUCCEEDED(SQLAllocHandle(SQL_HANDLE_STMT, worker->dbc, &stmt))) {
        return;
    }
    /* a wish, not a need: the file is not written without may_write */
    (void)SQLExecDirect(stmt, (SQLCHAR *)(uintptr_t)sql, SQL_NTS);
    (void)SQLFreeHandle(SQL_HANDLE_STMT, stmt); /* nothing to do about it */
}

static void
tune(struct worker *worker)
{
    char        name[64] = "";
    SQLSMALLINT len;

    if (SQL_SUCCEEDED(
            SQLGetInfo(worker->dbc, SQL_DBMS_NAME, name, sizeof(name), &len)) &&
        strncmp(name, "SQLite", 6) == 0) {
        run_quietly(worker, "PRAGMA temp_store=2");
        /* LongNames sets it; a column of SELECT * shall keep its plain name */
        run_quietly(worker, "PRAGMA full_column_names=0");
        if (!worker->may_write) {
            run_quietly(worker, "PRAGMA query_only=1");
        }
    }
}

static enum pv_err
open_connection(struct worker *worker)
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
    if (!worker->may_write) {
        (void)SQLSetConnectAttr(worker->dbc, SQL_ATTR_ACCESS_MODE,
                                (SQLPOINTER)(uintptr_t)SQL_MODE_READ_ONLY,
                                SQL_IS_UINTEGER);
    }
    if (!SQL_SUCCEEDED(SQLDriverConnect(worker->dbc, NULL,
                                        (SQLCHAR *)worker->dsn, SQL_NTS, NULL,
                                        0, NULL, SQL_DRIVER_NOPROMPT))) {
        note_state(worker, SQL_HANDLE_DBC, worker->dbc);
        return PV_EDB;
    }
    tune(worker);
    return PV_OK;
}

static void
forget(struct query *query)
{
    if (query->stmt != SQL_NULL_HSTMT) {
        (void)SQLFreeHandle(SQL_HANDLE_STMT, query->stmt); /* being dropped */
        query->stmt = SQL_NULL_HSTMT;
    }
}

static enum pv_err
prepare(struct worker *worker, struct query *query)
{
    if (query->sql == NULL || query->stmt != SQL_NULL_HSTMT) {
        return PV_OK;
    }
    if (!SQL_SUCCEEDED(
            SQLAllocHandle(SQL_HANDLE_STMT, worker->dbc, &query->stmt))) {
        note_state(worker, SQL_HANDLE_DBC, worker->dbc);
        query->stmt = SQL_NULL_HSTMT;
        return PV_EDB;
    }
    if (!SQL_SUCCEEDED(
            SQLPrepare(query->stmt, (SQLCHAR *)query->sql, SQL_NTS))) {
        note_state(worker, SQL_HANDLE_STMT, query->stmt);
        forget(query);
        return PV_EDB;
    }
    return PV_OK;
}

/* ---- messages out ---- */

static enum pv_err
send_out(struct worker *worker)
{
    enum pv_err err;

    pv_frame_end(&worker->out);
    err = pv_send_all(PV_WORKER_FD, pv_buf_view(&worker->out));
    explicit_bzero(worker->out.ptr, worker->out.len);
    worker->out.len = 0;
    return err;
}

static enum pv_err
begin_out(struct worker *worker, enum pv_message type, uint64_t call)
{
    if (worker->out.ptr != NULL) {
        explicit_bzero(worker->out.ptr, worker->out.len);
    }
    worker->out.len = 0;
    return pv_frame_begin(&worker->out, type, call);
}

static enum pv_err
send_error(struct worker *worker, uint64_t call, enum pv_query_error kind)
{
    enum pv_err err = begin_out(worker, PV_MESSAGE_ERROR, call);

    if (err == PV_OK) {
        err = pv_put_u32(&worker->out, (uint32_t)kind);
    }
    if (err == PV_OK) {
        err = pv_buf_add(&worker->out,
                         (struct pv_slice){worker->state, PV_SQLSTATE_LEN});
    }
    return err == PV_OK ? send_out(worker) : err;
}

static enum pv_err
send_down(struct worker *worker)
{
    enum pv_err err = begin_out(worker, PV_MESSAGE_DOWN, 0);

    if (err == PV_OK) {
        err = pv_buf_add(&worker->out,
                         (struct pv_slice){worker->state, PV_SQLSTATE_LEN});
    }
    return err == PV_OK ? send_out(worker) : err;
}

static enum pv_err
send_ready(struct worker *worker)
{
    enum pv_err err = begin_out(worker, PV_MESSAGE_READY, 0);

    for (uint32_t i = 0; err == PV_OK && i < worker->method_count; i++) {
        struct method *method = &worker->method[i];

        memcpy(worker->state, "00000", PV_SQLSTATE_LEN + 1);
        if (prepare(worker, &method->query[0]) == PV_OK) {
            /* its state is what is sent */
            (void)prepare(worker, &method->query[1]);
        }
        err = pv_buf_add(&worker->out,
                         (struct pv_slice){worker->state, PV_SQLSTATE_LEN});
    }
    return err == PV_OK ? send_out(worker) : err;
}

/* ---- a call ---- */

struct parameter {
    struct pv_slice text;
    SQLLEN          indicator;
};

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
            note_state(worker, SQL_HANDLE_STMT, query->stmt);
            return PV_EDB;
        }
    }
    return PV_OK;
}

/*
 * Append one cell. SQLGetData gives it in pieces; the last piece's length is
 * what the indicator says, earlier ones fill the room but for their NUL.
 */
static enum pv_err
put_cell(struct worker *worker, SQLHSTMT stmt, SQLUSMALLINT column)
{
    struct pv_buf *out = &worker->out;
    size_t         at = out->len;
    enum pv_err    err = pv_put_u32(out, 0);

    while (err == PV_OK) {
        SQLLEN    got = 0;
        SQLRETURN result;
        size_t    len;

        err = pv_buf_reserve(out, CELL_CHUNK);
        if (err != PV_OK) {
            break;
        }
        result = SQLGetData(stmt, column, SQL_C_CHAR, out->ptr + out->len,
                            CELL_CHUNK, &got);
        if (result == SQL_NO_DATA) {
            break; /* the piece before was the last */
        }
        if (!SQL_SUCCEEDED(result)) {
            note_state(worker, SQL_HANDLE_STMT, stmt);
            return PV_EDB;
        }
        if (got == SQL_NULL_DATA) {
            pv_store_u32(out->ptr + at, PV_NULL);
            return PV_OK;
        }
        len = got == SQL_NO_TOTAL || got >= CELL_CHUNK ? CELL_CHUNK - 1
                                                       : (size_t)got;
        out->len += len;
        if (out->len - at - 4 > PV_VALUE_MAX) {
            return PV_ERANGE;
        }
        if (got != SQL_NO_TOTAL && got < CELL_CHUNK) {
            break;
        }
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
            note_state(worker, SQL_HANDLE_STMT, stmt);
            return PV_EDB;
        }
        err = pv_put_text(&worker->out, pv_slice_from((const char *)name));
    }
    return err;
}

static enum pv_err
put_rows(struct worker *worker, SQLHSTMT stmt, SQLSMALLINT columns,
         uint32_t max_rows, bool exists_only, enum pv_query_error *kind)
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
            note_state(worker, SQL_HANDLE_STMT, stmt);
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
    }
    return err;
}

static enum pv_err
run_query(struct worker *worker, struct query *query,
          struct parameter *parameter, uint32_t max_rows, bool exists_only,
          enum pv_query_error *kind)
{
    SQLSMALLINT columns = 0;
    SQLRETURN   result;
    enum pv_err err = prepare(worker, query);

    if (err == PV_OK) {
        err = bind(worker, query, parameter);
    }
    if (err != PV_OK) {
        return err;
    }
    result = SQLExecute(query->stmt);
    if (!SQL_SUCCEEDED(result) && result != SQL_NO_DATA) {
        note_state(worker, SQL_HANDLE_STMT, query->stmt);
        err = PV_EDB;
        goto out;
    }
    if (!SQL_SUCCEEDED(SQLNumResultCols(query->stmt, &columns)) ||
        columns < 1 || columns > PV_FIELDS_MAX) {
        memcpy(worker->state, "07005", PV_SQLSTATE_LEN + 1); /* no rows */
        err = PV_EDB;
        goto out;
    }
    err = put_rows(worker, query->stmt, columns, max_rows, exists_only, kind);

out:
    (void)SQLFreeStmt(query->stmt, SQL_CLOSE); /* also when nothing is open */
    (void)SQLFreeStmt(query->stmt, SQL_RESET_PARAMS); /* they die with body */
    if (err != PV_OK) {
        forget(query); /* prepare anew: the schema may have changed */
    }
    return err;
}

static enum pv_err
take_parameters(struct pv_slice *body, const struct method *method,
                struct parameter parameter[2 * PV_BINDS_MAX])
{
    uint32_t    count;
    enum pv_err err = pv_take_u32(body, &count);

    if (err != PV_OK ||
        count != method->query[0].binds + method->query[1].binds) {
        return PV_EPROTO;
    }
    for (uint32_t i = 0; i < count; i++) {
        bool null;

        err = pv_take_text(body, &null, &parameter[i].text);
        if (err != PV_OK) {
            return err;
        }
        parameter[i].indicator =
            null ? SQL_NULL_DATA : (SQLLEN)parameter[i].text.len;
    }
    return body->len == 0 ? PV_OK : PV_EPROTO;
}

static enum pv_err
run_method(struct worker *worker, struct method *method,
           struct parameter *parameter, enum pv_query_error *kind)
{
    bool        both = method->query[1].sql != NULL;
    enum pv_err err = pv_put_u32(&worker->out, both ? 2 : 1);

    if (err == PV_OK) {
        err = run_query(worker, &method->query[0], parameter, method->max_rows,
                        method->exists_only, kind);
    }
    if (err == PV_OK && both) {
        err = run_query(worker, &method->query[1],
                        parameter + method->query[0].binds, 1, false, kind);
    }
    return err;
}

static enum pv_err
on_call(struct worker *worker, const struct pv_frame *frame,
        struct pv_slice body)
{
    static struct parameter parameter[2 * PV_BINDS_MAX]; /* one at a time */
    enum pv_query_error     kind = PV_QUERY_FAILED;
    uint32_t                index;
    enum pv_err             err = pv_take_u32(&body, &index);

    if (err != PV_OK || index >= worker->method_count) {
        return PV_EPROTO;
    }
    err = take_parameters(&body, &worker->method[index], parameter);
    if (err != PV_OK) {
        return err;
    }
    memcpy(worker->state, "HY000", PV_SQLSTATE_LEN + 1);
    err = begin_out(worker, PV_MESSAGE_ROWS, frame->call);
    if (err == PV_OK) {
        err = run_method(worker, &worker->method[index], parameter, &kind);
    }
    if (err == PV_OK) {
        return send_out(worker);
    }
    if (err == PV_ERANGE && kind == PV_QUERY_FAILED) {
        kind = PV_QUERY_SIZE;
    }
    if (err == PV_EDB && is_lost(worker)) {
        kind = PV_QUERY_LOST;
    }
    err = send_error(worker, frame->call, kind);
    return err == PV_OK && kind == PV_QUERY_LOST ? PV_ECLOSED : err;
}

/* ---- set-up ---- */

static enum pv_err
take_query(struct pv_slice *body, struct query *query)
{
    struct pv_slice sql;
    bool            null;
    enum pv_err     err = pv_take_text(body, &null, &sql);

    if (err == PV_OK) {
        err = pv_take_u32(body, &query->binds);
    }
    if (err != PV_OK || query->binds > PV_BINDS_MAX || (null && query->binds)) {
        return PV_EPROTO;
    }
    query->stmt = SQL_NULL_HSTMT;
    if (!null) {
        query->sql = strndup(sql.ptr, sql.len);
        return query->sql == NULL ? PV_ENOMEM : PV_OK;
    }
    return PV_OK;
}

static enum pv_err
take_methods(struct worker *worker, struct pv_slice *body)
{
    enum pv_err err = pv_take_u32(body, &worker->method_count);

    if (err != PV_OK || worker->method_count > PV_CONNECTOR_METHODS_MAX) {
        return PV_EPROTO;
    }
    worker->method = calloc(worker->method_count + 1, sizeof(struct method));
    if (worker->method == NULL) {
        return PV_ENOMEM;
    }
    for (uint32_t i = 0; err == PV_OK && i < worker->method_count; i++) {
        struct method *method = &worker->method[i];
        uint32_t       flags;

        err = pv_take_u32(body, &flags);
        if (err == PV_OK) {
            err = pv_take_u32(body, &method->max_rows);
        }
        if (err == PV_OK) {
            err = take_query(body, &method->query[0]);
        }
        if (err == PV_OK) {
            err = take_query(body, &method->query[1]);
        }
        if (err == PV_OK) {
            method->exists_only = (flags & PV_METHOD_EXISTS) != 0;
            err = method->query[0].sql == NULL ? PV_EPROTO : PV_OK;
        }
    }
    return err;
}

static enum pv_err
on_setup(struct worker *worker, struct pv_slice body)
{
    struct pv_slice dsn;
    uint32_t        flags;
    bool            null;
    enum pv_err     err = pv_take_u32(&body, &flags);

    if (err == PV_OK) {
        err = pv_take_text(&body, &null, &dsn);
    }
    if (err == PV_OK) {
        err = pv_slice_to_cstr(dsn, worker->dsn, sizeof(worker->dsn));
    }
    if (err == PV_OK) {
        err = take_methods(worker, &body);
    }
    if (err != PV_OK) {
        return err;
    }
    worker->may_write = (flags & PV_SETUP_MAY_WRITE) != 0;
    err = pv_sandbox_worker(worker->may_write);
    if (err != PV_OK) {
        return err;
    }
    memcpy(worker->state, "HY000", PV_SQLSTATE_LEN + 1);
    err = open_connection(worker);
    explicit_bzero(worker->dsn, sizeof(worker->dsn));
    if (err != PV_OK) {
        (void)send_down(worker); /* this process ends either way */
        return err;
    }
    return send_ready(worker);
}

static enum pv_err
take_frame(struct worker *worker, struct pv_frame *frame)
{
    char        head[PV_FRAME_HEAD];
    enum pv_err err = pv_read_all(PV_WORKER_FD, head, sizeof(head));

    if (err == PV_OK) {
        err = pv_frame_read(head, false, frame);
    }
    worker->in.len = 0;
    if (err == PV_OK) {
        err = pv_buf_reserve(&worker->in, frame->len);
    }
    if (err == PV_OK) {
        err = pv_read_all(PV_WORKER_FD, worker->in.ptr, frame->len);
    }
    if (err == PV_OK) {
        worker->in.len = frame->len;
    }
    return err;
}

int
pv_worker_run(void)
{
    static struct worker worker;
    bool                 ready = false;
    enum pv_err          err = pv_sandbox_every();

    /* drivers that look at the locale shall find UTF-8 */
    (void)setlocale(LC_CTYPE, "C.UTF-8"); /* absent: bytes pass as they are */
    pv_buf_init(&worker.in, PV_SETUP_MAX + PV_CALL_MAX);
    pv_buf_init(&worker.out, PV_ROWS_BYTES_MAX);
    while (err == PV_OK) {
        struct pv_frame frame;

        err = take_frame(&worker, &frame);
        if (err != PV_OK) {
            break;
        }
        if (!ready && frame.type == PV_MESSAGE_SETUP) {
            err = on_setup(&worker, pv_buf_view(&worker.in));
            ready = true;
        } else if (ready && frame.type == PV_MESSAGE_CALL) {
            err = on_call(&worker, &frame, pv_buf_view(&worker.in));
        } else {
            err = PV_EPROTO;
        }
        explicit_bzero(worker.in.ptr, worker.in.len);
    }
    /* no SQLDisconnect: it may hang, and the kernel closes all the same */
    return err == PV_ECLOSED ? 0 : 1;
}
