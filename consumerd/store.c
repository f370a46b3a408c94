/* store.c - evidence in SQLite, rows added and never changed. */
#include "store.h"

#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/time.h"

#define BUSY_MS 5000 /* a reader or a backup may hold it */
#define DAY_MS INT64_C(86400000)
#define SWEEP_ROWS 1000
#define SCHEMA                                                                 \
    "PRAGMA journal_mode = WAL;"                                               \
    "PRAGMA synchronous = FULL;"                                               \
    "PRAGMA trusted_schema = OFF;"                                             \
    "PRAGMA secure_delete = ON;"                                               \
    "CREATE TABLE IF NOT EXISTS asked(id INTEGER PRIMARY KEY,"                 \
    " at_ms INTEGER NOT NULL, application TEXT NOT NULL,"                      \
    " system TEXT NOT NULL, method TEXT NOT NULL, purpose TEXT NOT NULL,"      \
    " nonce TEXT NOT NULL, commitment TEXT NOT NULL UNIQUE,"                   \
    " digest TEXT NOT NULL, content BLOB) STRICT;"                             \
    "CREATE INDEX IF NOT EXISTS asked_at ON asked(at_ms);"                     \
    "CREATE TABLE IF NOT EXISTS answered(asked INTEGER PRIMARY KEY,"           \
    " at_ms INTEGER NOT NULL, tracking_id TEXT NOT NULL,"                      \
    " outcome TEXT NOT NULL, result TEXT NOT NULL, fault TEXT NOT NULL,"       \
    " digest TEXT NOT NULL, type TEXT NOT NULL, input TEXT NOT NULL,"          \
    " signature TEXT NOT NULL, request_digest TEXT NOT NULL,"                  \
    " request_signature TEXT NOT NULL) STRICT;"                                \
    "CREATE INDEX IF NOT EXISTS answered_id ON answered(tracking_id);"         \
    "CREATE TABLE IF NOT EXISTS kept(one INTEGER PRIMARY KEY CHECK (one = 1)," \
    " since_ms INTEGER NOT NULL) STRICT;"                                      \
    "INSERT OR IGNORE INTO kept VALUES(1, 0);"                                 \
    "CREATE TRIGGER IF NOT EXISTS asked_stays BEFORE UPDATE ON asked BEGIN"    \
    " SELECT raise(ABORT, 'evidence is not changed'); END;"                    \
    "CREATE TRIGGER IF NOT EXISTS answered_stays BEFORE UPDATE ON answered"    \
    " BEGIN SELECT raise(ABORT, 'evidence is not changed'); END;"              \
    "CREATE TRIGGER IF NOT EXISTS asked_kept BEFORE DELETE ON asked"           \
    " WHEN old.at_ms >= (SELECT since_ms FROM kept) BEGIN"                     \
    " SELECT raise(ABORT, 'evidence is kept'); END;"                           \
    "CREATE TRIGGER IF NOT EXISTS answered_kept BEFORE DELETE ON answered"     \
    " WHEN EXISTS (SELECT 1 FROM asked WHERE id = old.asked AND"               \
    " at_ms >= (SELECT since_ms FROM kept)) BEGIN"                             \
    " SELECT raise(ABORT, 'evidence is kept'); END;"
#define SHOWN                                                                  \
    "SELECT a.application, a.system, a.purpose, coalesce(e.result, ''),"       \
    " coalesce(e.fault, ''), a.method, a.nonce, a.commitment, a.at_ms,"        \
    " coalesce(e.tracking_id, ''), coalesce(e.outcome, ''),"                   \
    " coalesce(e.digest, ''), coalesce(e.type, ''), coalesce(e.input, ''),"    \
    " coalesce(e.signature, ''), coalesce(e.request_digest, ''),"              \
    " coalesce(e.request_signature, ''), a.content"                            \
    " FROM asked a LEFT JOIN answered e ON e.asked = a.id"

struct consumer_store {
    sqlite3        *db;
    pthread_mutex_t lock;
};

struct value {
    const char     *text; /* NULL: see below */
    struct pv_slice blob; /* ->ptr NULL: ->number, or NULL in the row */
    bool            is_number;
    int64_t         number;
};

static enum pv_err
err_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return PV_OK;
    case SQLITE_FULL:
        return PV_EFULL;
    case SQLITE_NOMEM:
        return PV_ENOMEM;
    default:
        return PV_EDB;
    }
}

static int
bind(sqlite3_stmt *stmt, int at, const struct value *value)
{
    if (value->text != NULL) {
        return sqlite3_bind_text(stmt, at, value->text, -1, SQLITE_STATIC);
    }
    if (value->is_number) {
        return sqlite3_bind_int64(stmt, at, value->number);
    }
    return value->blob.ptr == NULL
               ? sqlite3_bind_null(stmt, at)
               : sqlite3_bind_blob(stmt, at, value->blob.ptr,
                                   (int)value->blob.len, SQLITE_STATIC);
}

static enum pv_err
start(struct consumer_store *store, const char *sql, const struct value *value,
      size_t count, sqlite3_stmt **ret)
{
    int code = sqlite3_prepare_v2(store->db, sql, -1, ret, NULL);

    for (size_t i = 0; code == SQLITE_OK && i < count; i++) {
        code = bind(*ret, (int)i + 1, &value[i]);
    }
    return err_of(code);
}

/* One statement without rows, a transaction of its own. */
static enum pv_err
run(struct consumer_store *store, const char *sql, const struct value *value,
    size_t count)
{
    sqlite3_stmt *stmt = NULL;
    enum pv_err   err = start(store, sql, value, count, &stmt);

    if (err == PV_OK) {
        err = err_of(sqlite3_step(stmt));
    }
    (void)sqlite3_finalize(stmt); /* its error was told */
    return err;
}

enum pv_err
consumer_store_open(const char *path, bool read_only,
                    struct consumer_store **ret, struct pv_why *why)
{
    struct consumer_store *store = calloc(1, sizeof(*store));
    int                    fd;
    int                    code;

    if (store == NULL) {
        return PV_ENOMEM;
    }
    (void)pthread_mutex_init(&store->lock, NULL); /* cannot fail */
    if (!read_only) { /* made here, so that its mode is ours from the first */
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd != -1) {
            (void)close(fd); /* nothing was written */
        }
    }
    code = sqlite3_open_v2(
        path, &store->db,
        SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW |
            (read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE),
        NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_busy_timeout(store->db, BUSY_MS);
    }
    if (code == SQLITE_OK) {
        code = sqlite3_exec(store->db,
                            read_only ? "SELECT 1 FROM asked, answered LIMIT 1"
                                      : SCHEMA,
                            NULL, NULL, NULL);
    }
    if (code == SQLITE_OK) {
        *ret = store;
        return PV_OK;
    }
    pv_why_set(why, "%s: %s", path,
               store->db == NULL ? "no memory" : sqlite3_errmsg(store->db));
    consumer_store_close(store);
    return PV_EDB;
}

void
consumer_store_close(struct consumer_store *store)
{
    if (store != NULL) {
        (void)sqlite3_close(store->db); /* nothing is open any more */
        (void)pthread_mutex_destroy(&store->lock); /* nobody holds it */
        free(store);
    }
}

static struct value
text(const char *value)
{
    return (struct value){.text = value};
}

static struct value
number(int64_t value)
{
    return (struct value){.is_number = true, .number = value};
}

enum pv_err
consumer_store_ask(struct consumer_store       *store,
                   const struct consumer_asked *asked, int64_t *ret_id)
{
    const struct pv_evidence *evidence = asked->evidence;
    char                      digest[PV_HTTPSIG_DIGEST_LEN + 1];
    struct value              value[] = {
                     number(evidence->time_ms),
                     text(asked->application),
                     text(asked->system),
                     text(evidence->method),
                     text(asked->purpose),
                     text(evidence->nonce_text),
                     text(evidence->commitment),
                     text(digest),
                     {.text = NULL},
    };
    enum pv_err err =
        pv_httpsig_digest_make(pv_buf_view(&evidence->content), digest);

    if (asked->keep_content) {
        value[8].blob = pv_buf_view(&evidence->content);
    }
    if (err != PV_OK) {
        return err;
    }
    (void)pthread_mutex_lock(&store->lock); /* not held by this thread */
    err = run(store,
              "INSERT INTO asked(at_ms, application, system, method, purpose, "
              "nonce, commitment, digest, content) "
              "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
              value, sizeof(value) / sizeof(value[0]));
    *ret_id = sqlite3_last_insert_rowid(store->db);
    (void)pthread_mutex_unlock(&store->lock); /* held */
    return err;
}

static const char *
result_word(const struct pv_client_end *end)
{
    switch ((int)end->result) {
    case PAYVAND_OK:
        return end->verified ? "verified" : "told";
    case PAYVAND_ENOANSWER:
        return "no-answer";
    case PAYVAND_EPROTOCOL:
        return "not-an-exchange";
    case PAYVAND_EVERIFY:
        return "not-verified";
    case PAYVAND_ECONTRACT:
        return "breaks-contract";
    default:
        return "not-sent";
    }
}

enum pv_err
consumer_store_answer(struct consumer_store *store, int64_t id,
                      const struct pv_client_end *end)
{
    const struct pv_signed *said = &end->signature;
    const struct value      value[] = {
             number(id),
             number(pv_time_wall_ms()),
             text(end->tracking_id),
             text(end->outcome),
             text(result_word(end)),
             text(end->fault == PV_FAULT_NONE ? "" : pv_fault_word(end->fault).ptr),
             text(said->digest),
             text(said->type),
             text(said->input),
             text(said->signature),
             text(said->request_digest),
             text(said->request_signature),
    };
    enum pv_err err;

    (void)pthread_mutex_lock(&store->lock); /* not held by this thread */
    err = run(store,
              "INSERT INTO answered VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
              value, sizeof(value) / sizeof(value[0]));
    (void)pthread_mutex_unlock(&store->lock); /* held */
    return err;
}

/* 0: there is no row. */
static enum pv_err
find_newest(struct consumer_store *store, int64_t *ret_ms)
{
    sqlite3_stmt *stmt = NULL;
    enum pv_err err = start(store, "SELECT coalesce(max(at_ms), 0) FROM asked",
                            NULL, 0, &stmt);

    if (err == PV_OK) {
        err = err_of(sqlite3_step(stmt));
    }
    if (err == PV_OK) {
        *ret_ms = sqlite3_column_int64(stmt, 0);
    }
    (void)sqlite3_finalize(stmt); /* its error was told */
    return err;
}

enum pv_err
consumer_store_sweep(struct consumer_store *store, int64_t now_ms,
                     int64_t keep_ms, bool *ret_more)
{
    struct value value[] = {number(0), number(SWEEP_ROWS)};
    int64_t      newest_ms = 0;
    enum pv_err  err;

    *ret_more = false;
    (void)pthread_mutex_lock(&store->lock); /* not held by this thread */
    err = find_newest(store, &newest_ms);
    if (now_ms > newest_ms + DAY_MS) {
        now_ms = newest_ms + DAY_MS;
    }
    value[0].number = now_ms - keep_ms;
    if (err == PV_OK) {
        err =
            run(store, "UPDATE kept SET since_ms = max(since_ms, ?)", value, 1);
    }
    if (err == PV_OK) {
        err = run(store,
                  "DELETE FROM answered WHERE asked IN (SELECT id FROM asked "
                  "WHERE at_ms < ? ORDER BY at_ms LIMIT ?)",
                  value, 2);
    }
    if (err == PV_OK) {
        err = run(store,
                  "DELETE FROM asked WHERE id IN (SELECT id FROM asked WHERE "
                  "at_ms < ? ORDER BY at_ms LIMIT ?)",
                  value, 2);
        *ret_more = err == PV_OK && sqlite3_changes(store->db) >= SWEEP_ROWS;
    }
    (void)pthread_mutex_unlock(&store->lock); /* held */
    return err;
}

/* ---- reading ---- */

static const char *
column(sqlite3_stmt *stmt, int at)
{
    const unsigned char *value = sqlite3_column_text(stmt, at);

    return value == NULL ? "" : (const char *)value;
}

static enum pv_err
take(sqlite3_stmt *stmt, int at, char *room, size_t room_len)
{
    return pv_slice_to_cstr(pv_slice_from(column(stmt, at)), room, room_len);
}

static enum pv_err
take_evidence(sqlite3_stmt *stmt, struct pv_evidence *ret)
{
    struct pv_signed *said = &ret->answer;
    const struct {
        char  *room;
        size_t room_len;
    } field[] = {
        {ret->method, sizeof(ret->method)},
        {ret->nonce_text, sizeof(ret->nonce_text)},
        {ret->commitment, sizeof(ret->commitment)},
        {NULL, 0}, /* at_ms */
        {ret->tracking_id, sizeof(ret->tracking_id)},
        {ret->outcome, sizeof(ret->outcome)},
        {said->digest, sizeof(said->digest)},
        {said->type, sizeof(said->type)},
        {said->input, sizeof(said->input)},
        {said->signature, sizeof(said->signature)},
        {said->request_digest, sizeof(said->request_digest)},
        {said->request_signature, sizeof(said->request_signature)},
    };
    const int   first = 5;
    const int   content = first + (int)(sizeof(field) / sizeof(field[0]));
    enum pv_err err = PV_OK;

    for (int i = 0; err == PV_OK && first + i < content; i++) {
        if (field[i].room == NULL) {
            ret->time_ms = sqlite3_column_int64(stmt, first + i);
        } else {
            err = take(stmt, first + i, field[i].room, field[i].room_len);
        }
    }
    ret->has_content = sqlite3_column_type(stmt, content) != SQLITE_NULL;
    if (err == PV_OK && ret->has_content) {
        const char *bytes = sqlite3_column_blob(stmt, content);

        err = pv_buf_add(&ret->content,
                         (struct pv_slice){bytes, (size_t)sqlite3_column_bytes(
                                                      stmt, content)});
    }
    return err;
}

static enum pv_err
show_row(sqlite3_stmt *stmt, consumer_row_fn *fn, void *context)
{
    struct pv_evidence        evidence;
    const struct consumer_row row = {
        .application = column(stmt, 0),
        .system = column(stmt, 1),
        .purpose = column(stmt, 2),
        .result = column(stmt, 3),
        .fault = column(stmt, 4),
        .evidence = &evidence,
    };
    enum pv_err err;

    pv_evidence_init(&evidence);
    err = take_evidence(stmt, &evidence);
    if (err == PV_OK) {
        fn(context, &row);
    }
    pv_evidence_clear(&evidence);
    return err;
}

enum pv_err
consumer_store_show(struct consumer_store *store, const char *id, unsigned most,
                    consumer_row_fn *fn, void *context, size_t *ret_skipped)
{
    const struct value value = id == NULL ? number(most) : text(id);
    sqlite3_stmt      *stmt = NULL;
    size_t             rows = 0;
    enum pv_err        err;
    int                code = SQLITE_DONE;

    *ret_skipped = 0;
    (void)pthread_mutex_lock(&store->lock); /* not held by this thread */
    err = start(store,
                id == NULL ? SHOWN " ORDER BY a.id DESC LIMIT ?"
                           : SHOWN " WHERE e.tracking_id = ?1 OR "
                                   "a.commitment = ?1",
                &value, 1, &stmt);
    while (err == PV_OK && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
        err = show_row(stmt, fn, context);
        if (err == PV_ERANGE) {
            ++*ret_skipped;
            err = PV_OK;
        } else {
            rows++;
        }
    }
    if (err == PV_OK) {
        err = err_of(code);
    }
    (void)sqlite3_finalize(stmt);             /* its error was told */
    (void)pthread_mutex_unlock(&store->lock); /* held */
    return err == PV_OK && id != NULL && rows == 0 ? PV_ENOTFOUND : err;
}
