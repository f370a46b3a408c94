/*
 * worker_private.h - what worker.c (the process) and worker_query.c (one
 * statement) share.
 */
#ifndef PV_CONNECTORD_WORKER_PRIVATE_H
#define PV_CONNECTORD_WORKER_PRIVATE_H

#include <sql.h>
#include <sqlext.h>

#include "connectord/message.h"

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

struct parameter {
    struct pv_slice text;
    SQLLEN          indicator;
};

/* Keep the SQLSTATE of what failed; a driver's text is never looked at. */
void pv_query_note(struct worker *worker, SQLSMALLINT kind, SQLHANDLE handle);

void        pv_query_forget(struct query *query);
enum pv_err pv_query_prepare(struct worker *worker, struct query *query);

/* Run it and append its rows to worker->out. *kind says what was too many. */
enum pv_err pv_query_run(struct worker *worker, struct query *query,
                         struct parameter *parameter, uint32_t max_rows,
                         bool exists_only, enum pv_query_error *kind);

#endif
