/* keeper_store.c - the keeper's file: its tables, statements, transactions. */
#include "connectord/keeper_private.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define LOCK_TRIES 50
#define LOCK_PAUSE_MS 100
#define BUSY_MS 5000 /* a backup that reads the file may hold it */
#define PERSON_LABEL "payvand person 1"
#define SCHEMA                                                                 \
    "PRAGMA journal_mode = WAL;"                                               \
    "PRAGMA synchronous = FULL;"                                               \
    "PRAGMA temp_store = MEMORY;"                                              \
    "PRAGMA trusted_schema = OFF;"                                             \
    "PRAGMA secure_delete = ON;"                                               \
    "CREATE TABLE IF NOT EXISTS consent(id INTEGER PRIMARY KEY,"               \
    " number BLOB NOT NULL UNIQUE, person BLOB NOT NULL,"                      \
    " agency TEXT NOT NULL, service TEXT NOT NULL, purpose TEXT NOT NULL,"     \
    " made_ms INTEGER NOT NULL, ends_ms INTEGER NOT NULL,"                     \
    " uses INTEGER NOT NULL, withdrawn_ms INTEGER NOT NULL) STRICT;"           \
    "CREATE INDEX IF NOT EXISTS consent_person ON consent(person, id);"        \
    "CREATE INDEX IF NOT EXISTS consent_ends ON consent(ends_ms);"             \
    "CREATE TABLE IF NOT EXISTS used(consent INTEGER NOT NULL,"                \
    " tracking_id TEXT NOT NULL, path TEXT NOT NULL, at_ms INTEGER NOT NULL,"  \
    " PRIMARY KEY(consent, path, tracking_id)) STRICT, WITHOUT ROWID;"         \
    "CREATE TABLE IF NOT EXISTS wrong(who BLOB PRIMARY KEY,"                   \
    " count INTEGER NOT NULL, since_ms INTEGER NOT NULL)"                      \
    " STRICT, WITHOUT ROWID;"                                                  \
    "CREATE TABLE IF NOT EXISTS ledger(id INTEGER PRIMARY KEY,"                \
    " person BLOB NOT NULL, at_ms INTEGER NOT NULL, told_ms INTEGER NOT NULL," \
    " agency TEXT NOT NULL, consumer TEXT NOT NULL, path TEXT NOT NULL,"       \
    " tracking_id TEXT NOT NULL, grant_id TEXT NOT NULL,"                      \
    " outcome TEXT NOT NULL) STRICT;"                                          \
    "CREATE INDEX IF NOT EXISTS ledger_person ON ledger(person, at_ms);"       \
    "CREATE INDEX IF NOT EXISTS ledger_at ON ledger(at_ms);"

static const char *const sql[KEEPER_STMTS] = {
    [KEEPER_BEGIN] = "BEGIN IMMEDIATE",
    [KEEPER_COMMIT] = "COMMIT",
    [KEEPER_ROLLBACK] = "ROLLBACK",
    [KEEPER_CONSENT_ADD] =
        "INSERT INTO consent(number, person, agency, service, purpose, "
        "made_ms, ends_ms, uses, withdrawn_ms) VALUES(?, ?, ?, ?, ?, ?, ?, ?, "
        "0)",
    [KEEPER_CONSENT_FIND] = "SELECT id, ends_ms, uses, withdrawn_ms FROM "
                            "consent WHERE number = ? AND person = ? AND "
                            "agency = ? AND service IN ('', ?)",
    [KEEPER_CONSENT_LIST] =
        "SELECT id, agency, service, purpose, made_ms, ends_ms, withdrawn_ms, "
        "uses, (SELECT count(*) FROM used WHERE consent = consent.id) "
        "FROM consent WHERE person = ? ORDER BY id DESC LIMIT ?",
    [KEEPER_CONSENT_WITHDRAW] =
        "UPDATE consent SET withdrawn_ms = ? WHERE person = ? AND id = ? AND "
        "withdrawn_ms = 0 RETURNING id",
    [KEEPER_USED_ADD] = "INSERT OR IGNORE INTO used(consent, path, "
                        "tracking_id, at_ms) VALUES(?, ?, ?, ?)",
    [KEEPER_USED_COUNT] = "SELECT count(*) FROM used WHERE consent = ?",
    [KEEPER_USED_COUNT_PATH] =
        "SELECT count(*) FROM used WHERE consent = ? AND path = ?",
    [KEEPER_USED_FIND] = "SELECT 1 FROM used WHERE consent = ? AND path = ? "
                         "AND tracking_id = ?",
    [KEEPER_WRONG_GET] =
        "SELECT count FROM wrong WHERE who = ? AND since_ms > ?",
    [KEEPER_WRONG_SET] =
        "INSERT INTO wrong(who, count, since_ms) VALUES(?1, 1, ?2) "
        "ON CONFLICT(who) DO UPDATE SET "
        "count = CASE WHEN since_ms > ?3 THEN count + 1 ELSE 1 END, "
        "since_ms = CASE WHEN since_ms > ?3 THEN since_ms ELSE ?2 END",
    [KEEPER_LEDGER_ADD] =
        "INSERT INTO ledger(person, at_ms, told_ms, agency, consumer, path, "
        "tracking_id, grant_id, outcome) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [KEEPER_LEDGER_LIST] =
        "SELECT at_ms, told_ms, agency, consumer, path, tracking_id, grant_id, "
        "outcome FROM ledger WHERE person = ?1 AND at_ms < ?2 AND "
        "(?3 OR told_ms <= ?4) ORDER BY at_ms DESC, id DESC LIMIT ?5",
    [KEEPER_LEDGER_SWEEP] = "DELETE FROM ledger WHERE id IN (SELECT id FROM "
                            "ledger WHERE at_ms < ? LIMIT 1000)",
    [KEEPER_CONSENT_SWEEP] = "DELETE FROM consent WHERE id IN (SELECT id FROM "
                             "consent WHERE ends_ms < ? LIMIT 1000)",
    [KEEPER_USED_SWEEP] =
        "DELETE FROM used WHERE consent IN (SELECT id FROM consent "
        "WHERE ends_ms < ? LIMIT 1000)",
    [KEEPER_WRONG_SWEEP] = "DELETE FROM wrong WHERE since_ms < ?",
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

/* ---- statements ---- */

static int
bind(sqlite3_stmt *stmt, int at, const struct keeper_value *value)
{
    const char *ptr = value->text.len == 0 ? "" : value->text.ptr;

    if (value->is_text) {
        return sqlite3_bind_text(stmt, at, ptr, (int)value->text.len,
                                 SQLITE_STATIC);
    }
    return value->is_blob
               ? sqlite3_bind_blob(stmt, at, ptr, (int)value->text.len,
                                   SQLITE_STATIC)
               : sqlite3_bind_int64(stmt, at, value->number);
}

enum pv_err
keeper_start(struct pv_keeper_store *store, enum keeper_stmt stmt,
             const struct keeper_value *value, size_t count)
{
    int code = SQLITE_OK;

    for (size_t i = 0; code == SQLITE_OK && i < count; i++) {
        code = bind(store->stmt[stmt], (int)i + 1, &value[i]);
    }
    return err_of(code);
}

enum pv_err
keeper_step(struct pv_keeper_store *store, enum keeper_stmt stmt)
{
    int code = sqlite3_step(store->stmt[stmt]);

    return code == SQLITE_DONE ? PV_ENOTFOUND : err_of(code);
}

void
keeper_done(struct pv_keeper_store *store, enum keeper_stmt stmt)
{
    (void)sqlite3_reset(store->stmt[stmt]);          /* its error was told */
    (void)sqlite3_clear_bindings(store->stmt[stmt]); /* cannot fail */
}

enum pv_err
keeper_run(struct pv_keeper_store *store, enum keeper_stmt stmt,
           const struct keeper_value *value, size_t count)
{
    enum pv_err err = keeper_start(store, stmt, value, count);

    if (err == PV_OK) {
        err = keeper_step(store, stmt);
    }
    keeper_done(store, stmt);
    return err == PV_ENOTFOUND ? PV_OK : err;
}

int64_t
keeper_int(struct pv_keeper_store *store, enum keeper_stmt stmt, int column)
{
    return sqlite3_column_int64(store->stmt[stmt], column);
}

struct pv_slice
keeper_text(struct pv_keeper_store *store, enum keeper_stmt stmt, int column)
{
    const unsigned char *text = sqlite3_column_text(store->stmt[stmt], column);
    int                  len = sqlite3_column_bytes(store->stmt[stmt], column);

    return text == NULL ? (struct pv_slice){"", 0}
                        : (struct pv_slice){(const char *)text, (size_t)len};
}

/* ---- digests ---- */

enum pv_err
keeper_digest_of(const struct pv_keeper_store *store, size_t k,
                 const char *label, struct pv_slice one, struct pv_slice two,
                 struct keeper_digest *ret)
{
    struct pv_keyed keyed;

    pv_keyed_begin(&keyed, label);
    pv_keyed_add(&keyed, one);
    pv_keyed_add(&keyed, two);
    return pv_keyed_end(&keyed, store->secrets.key[k], ret->bytes);
}

enum pv_err
keeper_person(const struct pv_keeper_store *store, size_t k,
              struct pv_slice person, struct keeper_digest *ret)
{
    return keeper_digest_of(store, k, PERSON_LABEL, person, PV_LIT(""), ret);
}

/* ---- the file ---- */

/* Uses are held in memory: a second keeper of the file would count wrong. */
static enum pv_err
take_lock(struct pv_keeper_store *store, const char *path)
{
    const struct timespec pause = {0, LOCK_PAUSE_MS * 1000000L};

    /* made here, so that its mode is ours from its first moment */
    store->lock_fd =
        open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (store->lock_fd == -1) {
        return PV_ESYS;
    }
    for (int i = 0; i < LOCK_TRIES; i++) { /* one that was killed just ends */
        if (flock(store->lock_fd, LOCK_EX | LOCK_NB) == 0) {
            return PV_OK;
        }
        (void)nanosleep(&pause, NULL); /* shorter is no harm */
    }
    return PV_EAGAIN;
}

static enum pv_err
open_file(struct pv_keeper_store *store, const char *path)
{
    enum pv_err err = take_lock(store, path);
    int         code;

    if (err != PV_OK) {
        return err;
    }
    code = sqlite3_open_v2(path, &store->db,
                           SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
                               SQLITE_OPEN_NOFOLLOW,
                           NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_busy_timeout(store->db, BUSY_MS);
    }
    if (code == SQLITE_OK) {
        code = sqlite3_exec(store->db, SCHEMA, NULL, NULL, NULL);
    }
    for (int i = 0; code == SQLITE_OK && i < KEEPER_STMTS; i++) {
        code =
            sqlite3_prepare_v3(store->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &store->stmt[i], NULL);
    }
    return err_of(code);
}

enum pv_err
pv_keeper_open(const char *path, const struct pv_secrets *secrets,
               struct pv_keeper_store **ret, struct pv_why *why)
{
    struct pv_keeper_store *store = calloc(1, sizeof(*store));
    enum pv_err             err = PV_ENOMEM;

    if (store == NULL) {
        return err;
    }
    store->lock_fd = -1;
    store->secrets = *secrets;
    store->hold = calloc(PV_HOLDS_MAX, sizeof(store->hold[0]));
    if (store->hold != NULL) {
        err = open_file(store, path);
    }
    if (err == PV_OK) {
        *ret = store;
        return PV_OK;
    }
    pv_why_set(why, "%s: %s", path,
               err == PV_EAGAIN    ? "another keeper holds it"
               : store->db == NULL ? pv_err_text(err)
                                   : sqlite3_errmsg(store->db));
    pv_keeper_close(store);
    return err;
}

void
pv_keeper_close(struct pv_keeper_store *store)
{
    if (store == NULL) {
        return;
    }
    for (int i = 0; i < KEEPER_STMTS; i++) {
        (void)sqlite3_finalize(store->stmt[i]); /* its error was told */
    }
    (void)sqlite3_close(store->db); /* nothing is open any more */
    if (store->lock_fd != -1) {
        (void)close(store->lock_fd); /* gives the lock back */
    }
    free(store->hold);
    explicit_bzero(&store->secrets, sizeof(store->secrets));
    free(store);
}

enum pv_err
pv_keeper_begin(struct pv_keeper_store *store)
{
    return keeper_run(store, KEEPER_BEGIN, NULL, 0);
}

enum pv_err
pv_keeper_commit(struct pv_keeper_store *store)
{
    return keeper_run(store, KEEPER_COMMIT, NULL, 0);
}

void
pv_keeper_rollback(struct pv_keeper_store *store)
{
    /* SQLite may have undone it by itself already */
    (void)sqlite3_step(store->stmt[KEEPER_ROLLBACK]);
    (void)sqlite3_reset(store->stmt[KEEPER_ROLLBACK]); /* likewise */
}
