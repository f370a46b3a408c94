/*
 * statement.h - the text and types of the closed list, and what a backend
 * is. Private to lib/store.
 */
#ifndef PV_STORE_STATEMENT_H
#define PV_STORE_STATEMENT_H

#include "store/store.h"

/*
 * Types are one letter each: i integer, t text; a capital may be null. SQL
 * marks arguments ?1 ?2 ...; PostgreSQL gets them as $1 $2 ...
 */
struct pv_statement {
    const char *arguments;
    const char *columns;
    bool        writes;
    const char *sql;
};

extern const struct pv_statement pv_statement[PV_STMT_END];

/* Step n brings the schema to version n + 1; statements end with ';'. */
extern const char *const pv_migration[PV_STORE_SCHEMA];

#define PV_STORE_SQL_MAX 4096

struct pv_backend {
    const char *name;
    enum pv_err (*open)(struct pv_store *store, const char *where);
    void (*close)(struct pv_store *store);
    /* take up a connection that was lost; PV_ECLOSED when it still is */
    enum pv_err (*revive)(struct pv_store *store);
    /* plain text without arguments: transactions, migrations */
    enum pv_err (*exec)(struct pv_store *store, const char *sql);
    enum pv_err (*prepare)(struct pv_store *store, enum pv_stmt stmt);
    enum pv_err (*run)(struct pv_store *store, enum pv_stmt stmt,
                       const struct pv_value *arguments, pv_store_row_fn *fn,
                       void *context);
    /* the schema's version; 0 when there is none */
    enum pv_err (*schema)(struct pv_store *store, int64_t *ret_version);
    const char *begin; /* takes the right to write at once */
    const char *begin_reading;
};

extern const struct pv_backend pv_backend_sqlite;
extern const struct pv_backend pv_backend_postgres;

struct pv_store {
    const struct pv_backend *backend;
    void                    *handle; /* of the backend; owned */
    struct pv_why            why;
    bool                     reads_only;
    bool                     in_transaction;
    bool                     failed;  /* only rollback helps */
    bool                     running; /* inside a row's function */
    bool                     gone;    /* the database was lost */
    uint64_t                 session;
};

#endif
