/*
 * store.c - what both backends share: order of calls, types, migrations.
 */
#include "store/statement.h"

#include <stdlib.h>
#include <string.h>

/* ---- migrations ---- */

#define VERSION_SQL_MAX 128

static enum pv_err
set_version(struct pv_store *store, int version)
{
    char sql[VERSION_SQL_MAX];
    int  len = snprintf(sql, sizeof(sql),
                        "UPDATE schema_version SET version = %d", version);

    return len < 0 || len >= (int)sizeof(sql)
               ? PV_ERANGE
               : store->backend->exec(store, sql);
}

/* One step in a transaction of its own: power loss leaves the step before. */
static enum pv_err
migrate_step(struct pv_store *store, int version)
{
    enum pv_err err = pv_store_begin(store);

    if (err == PV_OK && version == 0) {
        err = store->backend->exec(
            store, "CREATE TABLE schema_version (version BIGINT NOT NULL);"
                   "INSERT INTO schema_version (version) VALUES (0);");
    }
    if (err == PV_OK) {
        err = store->backend->exec(store, pv_migration[version]);
    }
    if (err == PV_OK) {
        err = set_version(store, version + 1);
    }
    if (err == PV_OK) {
        err = pv_store_commit(store);
    }
    pv_store_rollback(store);
    return err;
}

static enum pv_err
migrate(struct pv_store *store)
{
    int64_t     version;
    enum pv_err err = store->backend->schema(store, &version);

    if (err != PV_OK) {
        return err;
    }
    if (version < 0 || version > PV_STORE_SCHEMA) {
        pv_why_set(&store->why,
                   "its schema has version %lld and this build knows %d: a "
                   "newer build is needed",
                   (long long)version, PV_STORE_SCHEMA);
        return PV_EVERSION;
    }
    if (store->reads_only && version != PV_STORE_SCHEMA) {
        pv_why_set(&store->why, "its schema is not brought up yet");
        return PV_EVERSION;
    }
    for (int v = (int)version; v < PV_STORE_SCHEMA; v++) {
        err = migrate_step(store, v);
        if (err != PV_OK) {
            return err;
        }
    }
    return PV_OK;
}

static enum pv_err
prepare_all(struct pv_store *store)
{
    for (int s = 0; s < PV_STMT_END; s++) {
        enum pv_err err = store->backend->prepare(store, (enum pv_stmt)s);

        if (err != PV_OK) {
            return err;
        }
    }
    return PV_OK;
}

/* ---- opening ---- */

static const struct pv_backend *
backend_of(const char *where, const char **ret_rest)
{
    static const struct {
        const char              *prefix;
        const struct pv_backend *backend;
    } row[] = {{"sqlite:", &pv_backend_sqlite},
               {"postgresql:", &pv_backend_postgres}};

    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        size_t len = strlen(row[i].prefix);

        if (strncmp(where, row[i].prefix, len) == 0) {
            *ret_rest = where + len;
            return row[i].backend;
        }
    }
    return NULL;
}

static enum pv_err
open_store(const char *where, bool reads_only, struct pv_store **ret_store,
           struct pv_why *why)
{
    const char      *rest = NULL;
    struct pv_store *store = calloc(1, sizeof(*store));
    enum pv_err      err = PV_ENOMEM;

    if (store == NULL) {
        goto out;
    }
    store->reads_only = reads_only;
    store->backend = backend_of(where, &rest);
    if (store->backend == NULL) {
        pv_why_set(&store->why,
                   "a store is sqlite:FILE or postgresql:CONNINFO");
        err = PV_EINVAL;
        goto out;
    }
    err = store->backend->open(store, rest);
    if (err == PV_OK) {
        err = migrate(store);
    }
    if (err == PV_OK) {
        err = prepare_all(store);
    }
    if (err == PV_OK) {
        *ret_store = store; /* handed to the caller */
        store = NULL;
    }

out:
    if (store != NULL) {
        pv_why_set(why, "%s",
                   store->why.text[0] != '\0' ? store->why.text
                                              : pv_err_text(err));
    }
    pv_store_close(store);
    return err;
}

enum pv_err
pv_store_open(const char *where, struct pv_store **ret_store,
              struct pv_why *why)
{
    return open_store(where, false, ret_store, why);
}

enum pv_err
pv_store_open_reader(const char *where, struct pv_store **ret_store,
                     struct pv_why *why)
{
    return open_store(where, true, ret_store, why);
}

void
pv_store_close(struct pv_store *store)
{
    if (store == NULL) {
        return;
    }
    pv_store_rollback(store);
    if (store->backend != NULL) {
        store->backend->close(store);
    }
    free(store);
}

/* ---- transactions ---- */

enum pv_err
pv_store_begin(struct pv_store *store)
{
    enum pv_err err = PV_OK;

    if (store->in_transaction || store->running) {
        return PV_ESTATE;
    }
    if (store->gone) {
        err = store->backend->revive(store);
        if (err == PV_OK) {
            err = migrate(store);
        }
        if (err == PV_OK) {
            err = prepare_all(store);
        }
        store->gone = err != PV_OK;
        store->session++;
    }
    if (err == PV_OK) {
        err = store->backend->exec(store, store->reads_only
                                              ? store->backend->begin_reading
                                              : store->backend->begin);
    }
    if (err == PV_OK) {
        store->in_transaction = true;
        store->failed = false;
    }
    return err;
}

enum pv_err
pv_store_commit(struct pv_store *store)
{
    enum pv_err err;

    if (!store->in_transaction || store->failed || store->running) {
        return PV_ESTATE;
    }
    err = store->backend->exec(store, "COMMIT");
    if (err != PV_OK) {
        store->failed = true;
        return err;
    }
    store->in_transaction = false;
    return PV_OK;
}

void
pv_store_rollback(struct pv_store *store)
{
    enum pv_err err;

    if (!store->in_transaction) {
        return;
    }
    if (!store->gone) {
        err = store->backend->exec(store, "ROLLBACK");
        if (err == PV_ECLOSED) {
            store->gone = true; /* it rolls back by itself */
        }
    }
    store->in_transaction = false;
    store->failed = false;
}

/* ---- statements ---- */

static bool
types_match(const char *types, const struct pv_value *value, size_t count)
{
    if (strlen(types) != count) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        bool may_be_null = types[i] == 'T' || types[i] == 'I';
        bool is_text = types[i] == 't' || types[i] == 'T';

        if (value[i].type == PV_VALUE_NULL) {
            if (!may_be_null) {
                return false;
            }
        } else if ((value[i].type == PV_VALUE_TEXT) != is_text) {
            return false;
        } else if (is_text && value[i].text.len > 0 &&
                   memchr(value[i].text.ptr, '\0', value[i].text.len) != NULL) {
            return false; /* PostgreSQL has no such text */
        }
    }
    return true;
}

enum pv_err
pv_store_run(struct pv_store *store, enum pv_stmt stmt,
             const struct pv_value *arguments, size_t count,
             pv_store_row_fn *fn, void *context)
{
    const struct pv_statement *statement;
    enum pv_err                err = PV_OK;

    if (store->running || store->failed || (unsigned)stmt >= PV_STMT_END) {
        return PV_ESTATE;
    }
    statement = &pv_statement[stmt];
    if (!types_match(statement->arguments, arguments, count)) {
        return PV_EINVAL;
    }
    if (statement->writes && store->reads_only) {
        return PV_ESTATE;
    }
    if (!store->in_transaction) {
        if (statement->writes) {
            return PV_ESTATE;
        }
        if (store->gone) { /* take it up again, if it is back */
            err = pv_store_begin(store);
            pv_store_rollback(store);
        }
    }
    if (err == PV_OK) {
        store->running = true;
        err = store->backend->run(store, stmt, arguments, fn, context);
        store->running = false;
    }
    if (err != PV_OK && store->in_transaction && !store->reads_only) {
        store->failed = true;
    }
    return err;
}

uint64_t
pv_store_session(const struct pv_store *store)
{
    return store->session;
}

const char *
pv_store_why(const struct pv_store *store)
{
    return store->why.text;
}

const char *
pv_store_backend(const struct pv_store *store)
{
    return store->backend->name;
}
