/*
 * sqlite.c - the store on SQLite: one file, write-ahead log, durable commits.
 */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "store/statement.h"

#define FILE_MODE 0600           /* persons are in it */
#define CACHE_KIB "65536"        /* at most; a small database takes less */
#define CHECKPOINT_PAGES "16384" /* of 4 KiB; rarer than after each batch */

struct sqlite {
    sqlite3      *db;
    sqlite3_stmt *prepared[PV_STMT_END];
    int           lock_fd; /* FILE-writer, locked while the store is open */
};

static enum pv_err
to_err(struct pv_store *store, int code)
{
    struct sqlite *sqlite = store->handle;

    pv_why_set(&store->why, "%s", sqlite3_errmsg(sqlite->db));
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return PV_OK;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return PV_EAGAIN;
    case SQLITE_CONSTRAINT:
        return code == SQLITE_CONSTRAINT_UNIQUE ||
                       code == SQLITE_CONSTRAINT_PRIMARYKEY
                   ? PV_EEXIST
                   : PV_EINVAL;
    case SQLITE_FULL:
        return PV_EFULL;
    case SQLITE_NOMEM:
        return PV_ENOMEM;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return PV_ECORRUPT;
    default:
        return PV_EDB;
    }
}

static enum pv_err
sqlite_exec(struct pv_store *store, const char *sql)
{
    struct sqlite *sqlite = store->handle;
    struct pv_buf  text;
    const char    *cstr;
    enum pv_err    err = PV_OK;

    pv_buf_init(&text, PV_STORE_SQL_MAX);
    for (const char *at = sql; *at != '\0' && err == PV_OK; at++) {
        if (at[0] == '@' && at[1] == 'T') {
            err = pv_buf_add(&text, PV_LIT("TEXT"));
            at++;
        } else if (at[0] == '@' && at[1] == 'K') {
            err = pv_buf_add(&text, PV_LIT("WITHOUT ROWID"));
            at++;
        } else {
            err = pv_buf_add_char(&text, *at);
        }
    }
    if (err == PV_OK) {
        err = pv_buf_cstr(&text, &cstr);
    }
    if (err == PV_OK) {
        int code = sqlite3_exec(sqlite->db, cstr, NULL, NULL, NULL);

        err = code == SQLITE_OK
                  ? PV_OK
                  : to_err(store, sqlite3_extended_errcode(sqlite->db));
    }
    pv_buf_clear(&text);
    return err;
}

/* A second writer would be told only at its first write; it is told at once. */
static enum pv_err
take_lock(struct pv_store *store, const char *file)
{
    struct sqlite *sqlite = store->handle;
    struct pv_buf  name;
    const char    *cstr;
    enum pv_err    err;

    pv_buf_init(&name, PV_STORE_SQL_MAX);
    err = pv_buf_addf(&name, "%s-writer", file);
    if (err == PV_OK) {
        err = pv_buf_cstr(&name, &cstr);
    }
    if (err == PV_OK) {
        sqlite->lock_fd =
            open(cstr, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
        if (sqlite->lock_fd == -1) {
            pv_why_set(&store->why, "%s cannot be opened", cstr);
            err = PV_ESYS;
        } else if (flock(sqlite->lock_fd, LOCK_EX | LOCK_NB) != 0) {
            pv_why_set(&store->why, "%s: another process holds it", file);
            err = errno == EWOULDBLOCK ? PV_EAGAIN : PV_ESYS;
        }
    }
    pv_buf_clear(&name);
    return err;
}

/* The one writer's file, made here so that its mode is ours from its first
   moment. */
static enum pv_err
take_file(struct pv_store *store, const char *where)
{
    enum pv_err err = take_lock(store, where);
    int         fd;

    if (err != PV_OK) {
        return err;
    }
    fd = open(where, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    if (fd == -1) {
        pv_why_set(&store->why, "%s cannot be opened", where);
        return PV_ESYS;
    }
    (void)close(fd); /* nothing was written */
    return PV_OK;
}

static enum pv_err
sqlite_open(struct pv_store *store, const char *where)
{
    struct sqlite *sqlite = calloc(1, sizeof(*sqlite));
    enum pv_err    err = PV_OK;

    if (sqlite == NULL) {
        return PV_ENOMEM;
    }
    sqlite->lock_fd = -1;
    store->handle = sqlite;
    if (!store->reads_only) {
        err = take_file(store, where);
    }
    if (err != PV_OK) {
        return err;
    }
    /* its count of memory takes a lock at each; refused after the first open,
       and then not needed */
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    if (sqlite3_open_v2(
            where, &sqlite->db,
            (store->reads_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) |
                SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW,
            NULL) != SQLITE_OK) {
        return to_err(store, sqlite3_extended_errcode(sqlite->db));
    }
    (void)sqlite3_extended_result_codes(sqlite->db, 1); /* only a flag */
    (void)sqlite3_busy_timeout(sqlite->db, PV_STORE_WAIT_MS);
    if (store->reads_only) {
        return sqlite_exec(store, "PRAGMA cache_size = -" CACHE_KIB ";"
                                  "PRAGMA query_only = ON;"
                                  "PRAGMA trusted_schema = OFF;"
                                  "PRAGMA cell_size_check = ON;");
    }
    return sqlite_exec(store,
                       "PRAGMA journal_mode = WAL;"
                       "PRAGMA synchronous = FULL;"
                       "PRAGMA cache_size = -" CACHE_KIB ";"
                       "PRAGMA wal_autocheckpoint = " CHECKPOINT_PAGES ";"
                       "PRAGMA trusted_schema = OFF;"
                       "PRAGMA cell_size_check = ON;");
}

static void
sqlite_close(struct pv_store *store)
{
    struct sqlite *sqlite = store->handle;

    if (sqlite == NULL) {
        return;
    }
    for (int s = 0; s < PV_STMT_END; s++) {
        (void)sqlite3_finalize(sqlite->prepared[s]); /* its error was told */
    }
    (void)sqlite3_close(sqlite->db); /* nothing is open any more */
    if (sqlite->lock_fd != -1) {
        (void)close(sqlite->lock_fd); /* gives the lock back */
    }
    free(sqlite);
    store->handle = NULL;
}

static enum pv_err
sqlite_revive(struct pv_store *store)
{
    (void)store;
    return PV_ECLOSED; /* a file is never gone */
}

static enum pv_err
sqlite_prepare(struct pv_store *store, enum pv_stmt stmt)
{
    struct sqlite *sqlite = store->handle;

    if (sqlite->prepared[stmt] != NULL) {
        return PV_OK;
    }
    if (sqlite3_prepare_v3(sqlite->db, pv_statement[stmt].sql, -1,
                           SQLITE_PREPARE_PERSISTENT, &sqlite->prepared[stmt],
                           NULL) != SQLITE_OK) {
        return to_err(store, sqlite3_extended_errcode(sqlite->db));
    }
    return PV_OK;
}

static int
bind(sqlite3_stmt *prepared, int at, const struct pv_value *value)
{
    switch (value->type) {
    case PV_VALUE_NULL:
        return sqlite3_bind_null(prepared, at);
    case PV_VALUE_INT:
        return sqlite3_bind_int64(prepared, at, value->number);
    case PV_VALUE_TEXT:
        return sqlite3_bind_text64(prepared, at,
                                   value->text.len == 0 ? "" : value->text.ptr,
                                   value->text.len, SQLITE_STATIC, SQLITE_UTF8);
    }
    return SQLITE_MISUSE;
}

/* False for a value that is not of the declared type. */
static bool
column(sqlite3_stmt *prepared, int at, char type, struct pv_value *ret)
{
    switch (sqlite3_column_type(prepared, at)) {
    case SQLITE_NULL:
        *ret = PV_NULL;
        return type == 'T' || type == 'I';
    case SQLITE_INTEGER:
        *ret = PV_INT(sqlite3_column_int64(prepared, at));
        return type == 'i' || type == 'I';
    case SQLITE_TEXT:
        ret->type = PV_VALUE_TEXT;
        ret->text.ptr = (const char *)sqlite3_column_text(prepared, at);
        ret->text.len = (size_t)sqlite3_column_bytes(prepared, at);
        return type == 't' || type == 'T';
    default:
        return false;
    }
}

static enum pv_err
give_row(struct pv_store *store, sqlite3_stmt *prepared, const char *types,
         pv_store_row_fn *fn, void *context)
{
    struct pv_value value[PV_STORE_COLUMNS_MAX];

    for (int c = 0; types[c] != '\0'; c++) {
        if (!column(prepared, c, types[c], &value[c])) {
            pv_why_set(&store->why, "a column is not of its type");
            return PV_ECORRUPT;
        }
    }
    return fn == NULL ? PV_OK : fn(context, value);
}

static enum pv_err
sqlite_run(struct pv_store *store, enum pv_stmt stmt,
           const struct pv_value *arguments, pv_store_row_fn *fn, void *context)
{
    struct sqlite *sqlite = store->handle;
    sqlite3_stmt  *prepared = sqlite->prepared[stmt];
    enum pv_err    err = PV_OK;
    int            code = SQLITE_OK;

    for (int a = 0; pv_statement[stmt].arguments[a] != '\0'; a++) {
        code = bind(prepared, a + 1, &arguments[a]);
        if (code != SQLITE_OK) {
            err = to_err(store, code);
            goto out;
        }
    }
    while ((code = sqlite3_step(prepared)) == SQLITE_ROW) {
        err =
            give_row(store, prepared, pv_statement[stmt].columns, fn, context);
        if (err != PV_OK) {
            goto out;
        }
    }
    if (code != SQLITE_DONE) {
        err = to_err(store, sqlite3_extended_errcode(sqlite->db));
    }

out:
    (void)sqlite3_reset(prepared); /* repeats the error told above */
    (void)sqlite3_clear_bindings(prepared);
    return err;
}

static enum pv_err
sqlite_schema(struct pv_store *store, int64_t *ret_version)
{
    struct sqlite *sqlite = store->handle;
    sqlite3_stmt  *prepared = NULL;
    enum pv_err    err = PV_OK;
    int            code;

    if (sqlite3_table_column_metadata(sqlite->db, NULL, "schema_version", NULL,
                                      NULL, NULL, NULL, NULL,
                                      NULL) != SQLITE_OK) {
        code = sqlite3_errcode(sqlite->db);
        if (code != SQLITE_ERROR) { /* that is: no such table */
            return to_err(store, code);
        }
        *ret_version = 0;
        return PV_OK;
    }
    code = sqlite3_prepare_v2(sqlite->db, "SELECT version FROM schema_version",
                              -1, &prepared, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_step(prepared);
    }
    if (code == SQLITE_ROW) {
        *ret_version = sqlite3_column_int64(prepared, 0);
    } else {
        err = code == SQLITE_DONE ? PV_ECORRUPT : to_err(store, code);
    }
    (void)sqlite3_finalize(prepared); /* its error was told */
    return err;
}

const struct pv_backend pv_backend_sqlite = {
    .name = "sqlite",
    .open = sqlite_open,
    .close = sqlite_close,
    .revive = sqlite_revive,
    .exec = sqlite_exec,
    .prepare = sqlite_prepare,
    .run = sqlite_run,
    .schema = sqlite_schema,
    .begin = "BEGIN IMMEDIATE",
    .begin_reading = "BEGIN",
};
