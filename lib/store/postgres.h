/*
 * postgres.h - the two halves of the store on PostgreSQL: its session, and the
 * statements. Private to lib/store.
 */
#ifndef PV_STORE_POSTGRES_H
#define PV_STORE_POSTGRES_H

#include <libpq-fe.h>

#include "store/statement.h"

struct postgres {
    PGconn *connection;
    int64_t revived_ms; /* monotonic: the last try */
    int     waiting;    /* sent and not answered yet */
};

#define PV_POSTGRES_OID_INT8 20
#define PV_POSTGRES_OID_TEXT 25
#define PV_POSTGRES_NAME_MAX 16

/* Name of a prepared statement. */
bool pv_postgres_name(enum pv_stmt stmt, char room[PV_POSTGRES_NAME_MAX]);

/* The words of an error, to pv_store_why. */
void pv_postgres_keep_words(struct pv_store *store, const char *words);

/* Is it what was wanted? What went wrong otherwise. Takes the result. */
enum pv_err pv_postgres_result_err(struct pv_store *store, PGresult *result,
                                   ExecStatusType wanted) PV_MUST_CHECK;

/* A command without arguments, behind what waits. */
enum pv_err pv_postgres_send(struct pv_store *store,
                             const char      *sql) PV_MUST_CHECK;

/*
 * Take the answers to all that was sent; with ret_rows, the last of it asked
 * for rows. The first error is told, and what came behind it was not done.
 */
enum pv_err pv_postgres_take(struct pv_store *store,
                             PGresult       **ret_rows) PV_MUST_CHECK;

/* pv_backend's run. */
enum pv_err pv_postgres_run(struct pv_store *store, enum pv_stmt stmt,
                            const struct pv_value *arguments,
                            pv_store_row_fn *fn, void *context) PV_MUST_CHECK;

#endif
