/*
 * postgres_run.c - statements on PostgreSQL.
 *
 * What gives no rows is sent and not waited for (libpq's pipeline): the next
 * question, or the commit, brings the answers to all of it.
 */
#include <endian.h>
#include <string.h>

#include "store/postgres.h"

#define PIPELINE_MAX 1000 /* sent and not answered yet */

/* ---- what is sent and not waited for ---- */

/* The last error of sending, in words. */
static enum pv_err
send_err(struct pv_store *store)
{
    struct postgres *postgres = store->handle;

    pv_postgres_keep_words(store, PQerrorMessage(postgres->connection));
    if (PQstatus(postgres->connection) == CONNECTION_OK) {
        return PV_EDB;
    }
    store->gone = true;
    return PV_ECLOSED;
}

static enum pv_err
start_pipeline(struct pv_store *store)
{
    struct postgres *postgres = store->handle;

    return PQenterPipelineMode(postgres->connection) == 1 ? PV_OK
                                                          : send_err(store);
}

/* The next answer, without the NULL that ends it; NULL: there is none. */
static PGresult *
next_result(struct postgres *postgres)
{
    PGresult *result = PQgetResult(postgres->connection);

    if (result != NULL && PQresultStatus(result) != PGRES_PIPELINE_SYNC) {
        PQclear(PQgetResult(postgres->connection)); /* NULL */
    }
    return result;
}

enum pv_err
pv_postgres_take(struct pv_store *store, PGresult **ret_rows)
{
    struct postgres *postgres = store->handle;
    enum pv_err      err = PV_OK;

    if (PQpipelineSync(postgres->connection) != 1) {
        err = send_err(store);
    }
    for (; postgres->waiting > 0; postgres->waiting--) {
        PGresult *result = store->gone ? NULL : next_result(postgres);

        if (err != PV_OK) {
            PQclear(result); /* accepts NULL */
        } else if (ret_rows == NULL || postgres->waiting > 1) {
            err = pv_postgres_result_err(store, result, PGRES_COMMAND_OK);
        } else if (PQresultStatus(result) == PGRES_TUPLES_OK) {
            *ret_rows = result; /* handed to the caller */
        } else {
            err = pv_postgres_result_err(store, result, PGRES_TUPLES_OK);
        }
    }
    if (!store->gone) {
        PQclear(next_result(postgres)); /* of the sync itself */
        if (PQexitPipelineMode(postgres->connection) != 1 && err == PV_OK) {
            err = send_err(store);
        }
    }
    return err;
}

enum pv_err
pv_postgres_send(struct pv_store *store, const char *sql)
{
    struct postgres *postgres = store->handle;
    enum pv_err err = postgres->waiting == 0 ? start_pipeline(store) : PV_OK;

    if (err == PV_OK && PQsendQueryParams(postgres->connection, sql, 0, NULL,
                                          NULL, NULL, NULL, 0) != 1) {
        err = send_err(store);
    }
    if (err == PV_OK) {
        postgres->waiting++;
    }
    return err;
}

bool
pv_postgres_name(enum pv_stmt stmt, char room[PV_POSTGRES_NAME_MAX])
{
    int len = snprintf(room, PV_POSTGRES_NAME_MAX, "s%d", (int)stmt);

    return len > 0 && len < PV_POSTGRES_NAME_MAX;
}

/* False for a value that is not of the declared type. */
static bool
cell(const PGresult *result, int row, int at, char type, struct pv_value *ret)
{
    uint64_t n;

    if (PQgetisnull(result, row, at)) {
        *ret = PV_NULL;
        return type == 'T' || type == 'I';
    }
    if (type == 'i' || type == 'I') {
        if (PQftype(result, at) != PV_POSTGRES_OID_INT8 ||
            PQgetlength(result, row, at) != (int)sizeof(n)) {
            return false;
        }
        memcpy(&n, PQgetvalue(result, row, at), sizeof(n));
        *ret = PV_INT((int64_t)be64toh(n));
        return true;
    }
    ret->type = PV_VALUE_TEXT;
    ret->text.ptr = PQgetvalue(result, row, at);
    ret->text.len = (size_t)PQgetlength(result, row, at);
    return PQftype(result, at) == PV_POSTGRES_OID_TEXT;
}

static enum pv_err
give_rows(struct pv_store *store, const PGresult *result, const char *types,
          pv_store_row_fn *fn, void *context)
{
    struct pv_value value[PV_STORE_COLUMNS_MAX];
    enum pv_err     err = PV_OK;

    for (int r = 0; r < PQntuples(result) && err == PV_OK; r++) {
        for (int c = 0; types[c] != '\0'; c++) {
            if (!cell(result, r, c, types[c], &value[c])) {
                pv_why_set(&store->why, "a column is not of its type");
                return PV_ECORRUPT;
            }
        }
        err = fn == NULL ? PV_OK : fn(context, value);
    }
    return err;
}

/* Arguments as libpq takes them; of texts, borrowed. */
struct bound {
    char        name[PV_POSTGRES_NAME_MAX];
    int         count;
    uint64_t    number[PV_STORE_ARGUMENTS_MAX];
    const char *value[PV_STORE_ARGUMENTS_MAX];
    int         length[PV_STORE_ARGUMENTS_MAX];
    int         format[PV_STORE_ARGUMENTS_MAX];
};

static enum pv_err
bind(enum pv_stmt stmt, const struct pv_value *arguments, struct bound *bound)
{
    const char *types = pv_statement[stmt].arguments;

    for (bound->count = 0; types[bound->count] != '\0'; bound->count++) {
        int                    at = bound->count;
        const struct pv_value *from = &arguments[at];

        bound->format[at] = 1;
        if (from->type == PV_VALUE_INT) {
            bound->number[at] = htobe64((uint64_t)from->number);
            bound->value[at] = (const char *)&bound->number[at];
            bound->length[at] = (int)sizeof(bound->number[at]);
        } else if (from->text.len > INT32_MAX) {
            return PV_ERANGE;
        } else {
            bound->value[at] = from->type == PV_VALUE_NULL ? NULL
                               : from->text.len == 0       ? ""
                                                           : from->text.ptr;
            bound->length[at] = (int)from->text.len;
        }
    }
    return pv_postgres_name(stmt, bound->name) ? PV_OK : PV_ERANGE;
}

/* Behind what waits. */
static enum pv_err
send_prepared(struct pv_store *store, const struct bound *bound)
{
    struct postgres *postgres = store->handle;
    enum pv_err err = postgres->waiting == 0 ? start_pipeline(store) : PV_OK;

    if (err == PV_OK &&
        PQsendQueryPrepared(postgres->connection, bound->name, bound->count,
                            bound->value, bound->length, bound->format,
                            1) != 1) {
        err = send_err(store);
    }
    if (err == PV_OK) {
        postgres->waiting++;
    }
    return err;
}

/* The rows of a question; what was sent before is answered with it. */
static enum pv_err
ask_prepared(struct pv_store *store, const struct bound *bound, PGresult **ret)
{
    struct postgres *postgres = store->handle;
    PGresult        *result;
    enum pv_err      err;

    if (postgres->waiting > 0) {
        err = send_prepared(store, bound);
        return err == PV_OK ? pv_postgres_take(store, ret) : err;
    }
    result = PQexecPrepared(postgres->connection, bound->name, bound->count,
                            bound->value, bound->length, bound->format, 1);
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        return pv_postgres_result_err(store, result, PGRES_TUPLES_OK);
    }
    *ret = result; /* handed to the caller */
    return PV_OK;
}

enum pv_err
pv_postgres_run(struct pv_store *store, enum pv_stmt stmt,
                const struct pv_value *arguments, pv_store_row_fn *fn,
                void *context)
{
    struct postgres *postgres = store->handle;
    struct bound     bound;
    PGresult        *result = NULL;
    enum pv_err      err = bind(stmt, arguments, &bound);

    if (err == PV_OK && pv_statement[stmt].writes) {
        err = send_prepared(store, &bound);
        return err == PV_OK && postgres->waiting >= PIPELINE_MAX
                   ? pv_postgres_take(store, NULL)
                   : err;
    }
    if (err == PV_OK) {
        err = ask_prepared(store, &bound, &result);
    }
    if (err == PV_OK) {
        err = give_rows(store, result, pv_statement[stmt].columns, fn, context);
    }
    PQclear(result); /* accepts NULL */
    return err;
}
