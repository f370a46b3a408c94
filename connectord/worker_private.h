/*
 * worker_private.h - what worker.c (the process), worker_session.c (its
 * connection) and worker_query.c (one statement) share.
 */
#ifndef PV_CONNECTORD_WORKER_PRIVATE_H
#define PV_CONNECTORD_WORKER_PRIVATE_H

#include <sql.h>
#include <sqlext.h>

#include "connectord/message_command.h"

struct query {
    const char *sql;
    uint32_t    binds;
    bool        needed;    /* of a command: without a row, nothing is done */
    SQLHSTMT    stmt;      /* or SQL_NULL_HSTMT: not prepared */
    uint32_t    timeout_s; /* then the database itself gives up; 0: never */
};

/* How a session of a database is told to read only, and to write again. */
struct mode {
    const char *database; /* what its name begins with */
    const char *read_only;
    const char *read_write;
};

struct method {
    bool         exists_only;
    bool         command;
    uint32_t     max_rows;
    struct query query[PV_STEPS_MAX]; /* the statement and the scalar one, or
                                         the steps of a command */
    uint32_t query_count;
};

enum key_query { /* the statements on the table of keys, worker_command.c */
                 KEY_TAKE = 0,
                 KEY_KEEP,
                 KEY_READ,
                 KEY_FORGET,
                 KEY_SWEEP,
                 KEY_QUERIES,
};

struct pv_rest; /* worker_rest.h */

struct worker {
    SQLHENV            env;
    SQLHDBC            dbc;
    char               dsn[2 * PV_DSN_MAX];
    struct method     *method;
    uint32_t           method_count;
    bool               may_write;
    bool               commands; /* some method is one */
    struct pv_rest    *rest;     /* or NULL: the backend is a database */
    const struct mode *mode;     /* or NULL: this database has none */
    struct query       key[KEY_QUERIES];
    int64_t            swept_ms;                   /* monotonic */
    char               state[PV_SQLSTATE_LEN + 1]; /* of the last error */
    struct pv_buf      in;
    struct pv_buf      out;
};

struct parameter {
    struct pv_slice text;
    SQLLEN          indicator;
};

/* worker_session.c: connect with worker->dsn. PV_EDB: worker->state says why.
 */
enum pv_err pv_session_open(struct worker *worker);

/* worker_query.c */

/* Keep the SQLSTATE of what failed; a driver's text is never looked at. */
void pv_query_note(struct worker *worker, SQLSMALLINT kind, SQLHANDLE handle);

void        pv_query_forget(struct query *query);
enum pv_err pv_query_prepare(struct worker *worker, struct query *query);

/* Run it and append its rows to worker->out. *kind says what was too many. */
enum pv_err pv_query_run(struct worker *worker, struct query *query,
                         struct parameter *parameter, uint32_t max_rows,
                         bool exists_only, enum pv_query_error *kind);

/*
 * Run one step of a command. Its rows replace what stands behind `at` in
 * worker->out when it gives the answer. *ret_any: it changed or gave a row.
 */
enum pv_err pv_query_step(struct worker *worker, struct query *query,
                          struct parameter *parameter, bool gives, size_t at,
                          bool *ret_any, enum pv_query_error *kind);

/* Run a statement of our own. PV_EDB: worker->state says why. */
enum pv_err pv_query_alone(struct worker *worker, const char *sql);

/* worker_command.c */

void        pv_command_setup(struct worker *worker);
enum pv_err pv_command_prepare(struct worker *worker);

/* Act once and append the body of DONE to worker->out, or what was kept. */
enum pv_err pv_command_run(struct worker *worker, struct method *method,
                           const struct pv_command *command,
                           struct parameter        *parameter,
                           enum pv_query_error     *kind);

/* Delete keys whose time is over, now and then. */
void pv_command_sweep(struct worker *worker, const struct pv_command *command);

#endif
