/*
 * worker_command.c - a command: one transaction of fixed statements, with the
 * row of its key in it. Part of the worker's process; see worker.c.
 *
 * The row goes in first: of two calls with one key the second waits in the
 * database or fails there, and then reads what the first has kept. The row and
 * what the steps did are committed once, together: whoever dies at whatever
 * moment, both are there or neither is.
 */
#include "connectord/worker_private.h"

#include <string.h>

#include "base/base64.h"
#include "base/time.h"

#define TRIES_MAX 3 /* a key may end, or another call with it, in between */
#define SWEEP_MS (10 * 60 * 1000)
#define TEXT_MAX PV_BASE64_LEN(PV_KEPT_MAX)

/* what the row of a key holds, beside the key */
struct kept {
    bool   same_request;
    bool   over;
    char   made_at[PV_TIME_TEXT_LEN];
    char   set[PV_KEPT_MAX];
    size_t set_len;
};

void
pv_command_setup(struct worker *worker)
{
    static const struct query query[KEY_QUERIES] = {
        [KEY_TAKE] = {"INSERT INTO payvand_idempotency (key_digest, "
                      "request_digest, made_at, keep_until) VALUES "
                      "(?, ?, ?, ?)",
                      4, true, SQL_NULL_HSTMT, 0},
        [KEY_KEEP] = {"UPDATE payvand_idempotency SET answer = ? "
                      "WHERE key_digest = ?",
                      2, true, SQL_NULL_HSTMT, 0},
        [KEY_READ] = {"SELECT request_digest, made_at, keep_until, answer "
                      "FROM payvand_idempotency WHERE key_digest = ?",
                      1, true, SQL_NULL_HSTMT, 0},
        [KEY_FORGET] = {"DELETE FROM payvand_idempotency "
                        "WHERE key_digest = ? AND keep_until <= ?",
                        2, false, SQL_NULL_HSTMT, 0},
        [KEY_SWEEP] = {"DELETE FROM payvand_idempotency WHERE keep_until <= ?",
                       1, false, SQL_NULL_HSTMT, 0},
    };

    memcpy(worker->key, query, sizeof(query));
    worker->swept_ms = pv_time_monotonic_ms();
}

enum pv_err
pv_command_prepare(struct worker *worker)
{
    enum pv_err err = PV_OK;

    for (size_t i = 0; err == PV_OK && i < KEY_QUERIES; i++) {
        err = pv_query_prepare(worker, &worker->key[i]);
    }
    return err;
}

/* ---- the transaction ---- */

static enum pv_err
set_autocommit(struct worker *worker, SQLULEN on)
{
    if (!SQL_SUCCEEDED(SQLSetConnectAttr(worker->dbc, SQL_ATTR_AUTOCOMMIT,
                                         (SQLPOINTER)(uintptr_t)on,
                                         SQL_IS_UINTEGER))) {
        pv_query_note(worker, SQL_HANDLE_DBC, worker->dbc);
        return PV_EDB;
    }
    return PV_OK;
}

/*
 * Whatever the end, the connection is fit for the next call or is given up:
 * switching to autocommit would commit a transaction that is still open.
 */
static enum pv_err
end(struct worker *worker, SQLSMALLINT how, enum pv_err err)
{
    if (how == SQL_COMMIT &&
        !SQL_SUCCEEDED(SQLEndTran(SQL_HANDLE_DBC, worker->dbc, SQL_COMMIT))) {
        pv_query_note(worker, SQL_HANDLE_DBC, worker->dbc);
        err = PV_EDB;
        how = SQL_ROLLBACK;
    }
    if ((how == SQL_ROLLBACK &&
         !SQL_SUCCEEDED(SQLEndTran(SQL_HANDLE_DBC, worker->dbc, how))) ||
        set_autocommit(worker, SQL_AUTOCOMMIT_ON) != PV_OK) {
        memcpy(worker->state, "08007", PV_SQLSTATE_LEN + 1); /* give it up */
        err = PV_EDB;
    }
    return err;
}

static struct parameter
text_of(struct pv_slice text)
{
    return (struct parameter){text, (SQLLEN)text.len};
}

static enum pv_err
take_key(struct worker *worker, const struct pv_command *command)
{
    struct parameter parameter[] = {
        text_of(command->name.key), text_of(command->name.request),
        text_of(command->now), text_of(command->keep_until)};
    enum pv_query_error kind;
    bool                any;

    return pv_query_step(worker, &worker->key[KEY_TAKE], parameter, false, 0,
                         &any, &kind);
}

/* Keep what stands behind `at` with the key. */
static enum pv_err
keep_answer(struct worker *worker, const struct pv_command *command, size_t at)
{
    char                text[TEXT_MAX];
    size_t              len = worker->out.len - at;
    struct parameter    parameter[2];
    enum pv_query_error kind;
    bool                any = false;
    enum pv_err         err;

    if (len > PV_KEPT_MAX) {
        return PV_ERANGE;
    }
    pv_base64_text((const uint8_t *)worker->out.ptr + at, len, text);
    parameter[0] = text_of((struct pv_slice){text, PV_BASE64_LEN(len)});
    parameter[1] = text_of(command->name.key);
    err = pv_query_step(worker, &worker->key[KEY_KEEP], parameter, false, 0,
                        &any, &kind);
    explicit_bzero(text, sizeof(text));
    return err == PV_OK && !any ? PV_EDB : err;
}

/* The set of a command without columns: done or not done. */
static enum pv_err
put_done(struct worker *worker, size_t at, bool done)
{
    enum pv_err err;

    worker->out.len = at;
    err = pv_put_u32(&worker->out, 1);
    if (err == PV_OK) {
        err = pv_put_u32(&worker->out, 0);
    }
    return err == PV_OK ? pv_put_u32(&worker->out, done ? 1 : 0) : err;
}

static enum pv_err
run_steps(struct worker *worker, struct method *method,
          struct parameter *parameter, size_t at, bool *ret_done,
          enum pv_query_error *kind)
{
    enum pv_err err = put_done(worker, at, true);

    *ret_done = true;
    for (uint32_t i = 0; err == PV_OK && *ret_done && i < method->query_count;
         i++) {
        struct query *query = &method->query[i];
        bool gives = !method->exists_only && i + 1 == method->query_count;
        bool any;

        err =
            pv_query_step(worker, query, parameter, gives, at + 4, &any, kind);
        *ret_done = any || !query->needed;
        parameter += query->binds;
    }
    return err;
}

/*
 * One try at acting. *ret_taken: the key is another call's, or worker->state
 * says why its row could not be put in. Without `act` only
 * the answer "not done" is kept. *ret_done false: nothing has been done and
 * nothing kept.
 */
static enum pv_err
try_to_act(struct worker *worker, struct method *method,
           const struct pv_command *command, struct parameter *parameter,
           bool act, size_t at, bool *ret_taken, bool *ret_done,
           enum pv_query_error *kind)
{
    enum pv_err err = set_autocommit(worker, SQL_AUTOCOMMIT_OFF);

    if (err != PV_OK) {
        return err;
    }
    err = take_key(worker, command);
    if (err != PV_OK) {
        err = end(worker, SQL_ROLLBACK, PV_OK);
        *ret_taken = err == PV_OK;
        return err;
    }
    *ret_done = true;
    err = act ? run_steps(worker, method, parameter, at, ret_done, kind)
              : put_done(worker, at, false);
    if (err == PV_OK && *ret_done) {
        err = keep_answer(worker, command, at);
    }
    return end(worker, err == PV_OK && *ret_done ? SQL_COMMIT : SQL_ROLLBACK,
               err);
}

/* ---- what was kept ---- */

static enum pv_err
take_kept(struct pv_slice body, const struct pv_command_name *name,
          struct pv_slice now, struct kept *kept, bool *ret_found)
{
    struct pv_slice cell[4];
    struct pv_slice title;
    uint32_t        columns;
    uint32_t        rows = 0;
    bool            null = false;
    enum pv_err     err = pv_take_u32(&body, &columns);

    for (uint32_t i = 0; err == PV_OK && i < 4; i++) {
        err = pv_take_text(&body, &null, &title);
    }
    if (err == PV_OK) {
        err = pv_take_u32(&body, &rows);
    }
    *ret_found = err == PV_OK && rows == 1;
    for (int i = 0; *ret_found && err == PV_OK && i < 4; i++) {
        err = pv_take_text(&body, &null, &cell[i]);
    }
    if (err != PV_OK || !*ret_found) {
        return err;
    }
    kept->same_request = pv_slice_eq(cell[0], name->request);
    kept->over = pv_slice_cmp(cell[2], now) <= 0;
    if (cell[1].len != sizeof(kept->made_at)) {
        return PV_EDB;
    }
    memcpy(kept->made_at, cell[1].ptr, sizeof(kept->made_at));
    return pv_base64_bytes(cell[3], (uint8_t *)kept->set, sizeof(kept->set),
                           &kept->set_len) == PV_OK
               ? PV_OK
               : PV_EDB;
}

static enum pv_err
read_key(struct worker *worker, const struct pv_command_name *name,
         struct pv_slice now, struct kept *kept, bool *ret_found)
{
    struct parameter    parameter[] = {text_of(name->key)};
    size_t              at = worker->out.len;
    enum pv_query_error kind;
    enum pv_err err = pv_query_run(worker, &worker->key[KEY_READ], parameter, 1,
                                   false, &kind);

    *ret_found = false;
    if (err == PV_OK) {
        err = take_kept(
            (struct pv_slice){worker->out.ptr + at, worker->out.len - at}, name,
            now, kept, ret_found);
        explicit_bzero(worker->out.ptr + at, worker->out.len - at);
    }
    worker->out.len = at;
    return err;
}

static enum pv_err
forget_key(struct worker *worker, const struct pv_command *command)
{
    struct parameter    parameter[] = {text_of(command->name.key),
                                       text_of(command->now)};
    enum pv_query_error kind;
    bool                any;

    return pv_query_step(worker, &worker->key[KEY_FORGET], parameter, false, 0,
                         &any, &kind);
}

/* The answer of the call that has the key, if this call asks the same. */
static enum pv_err
put_kept(struct worker *worker, const struct kept *kept,
         enum pv_query_error *kind)
{
    enum pv_err err;

    if (!kept->same_request) {
        *kind = PV_QUERY_REUSED;
        return PV_EDB;
    }
    err = pv_put_text(&worker->out,
                      (struct pv_slice){kept->made_at, sizeof(kept->made_at)});
    return err == PV_OK
               ? pv_buf_add(&worker->out,
                            (struct pv_slice){kept->set, kept->set_len})
               : err;
}

/*
 * What another call with this key has kept. *ret_found false: there is none
 * such, or it was over.
 */
static enum pv_err
answer_again(struct worker *worker, const struct pv_command *command,
             size_t start, bool *ret_found, enum pv_query_error *kind)
{
    static struct kept kept; /* one at a time */
    char               state[PV_SQLSTATE_LEN + 1];
    enum pv_err        err;

    memcpy(state, worker->state, sizeof(state)); /* why it was not taken */
    worker->out.len = start;
    err = read_key(worker, &command->name, command->now, &kept, ret_found);
    if (err == PV_OK && *ret_found && kept.over) {
        err = forget_key(worker, command);
        *ret_found = false;
    } else if (err == PV_OK && !*ret_found) {
        memcpy(worker->state, state, sizeof(state));
        err = PV_EDB;
    } else if (err == PV_OK) {
        err = put_kept(worker, &kept, kind);
    }
    explicit_bzero(&kept, sizeof(kept));
    return err;
}

/*
 * What a call has kept under a secret before this one. No call writes under
 * such any more, so what is not there now will not come.
 */
static enum pv_err
answer_before(struct worker *worker, const struct pv_command *command,
              bool *ret_found, enum pv_query_error *kind)
{
    static struct kept kept; /* one at a time */
    enum pv_err        err = PV_OK;

    *ret_found = false;
    for (uint32_t i = 0;
         err == PV_OK && !*ret_found && i < command->before_count; i++) {
        err = read_key(worker, &command->before[i], command->now, &kept,
                       ret_found);
        *ret_found = *ret_found && !kept.over;
    }
    if (err == PV_OK && *ret_found) {
        err = put_kept(worker, &kept, kind);
    }
    explicit_bzero(&kept, sizeof(kept));
    return err;
}

/* A session writes only while a command runs. */
static void
let_write(struct worker *worker, bool may)
{
    if (worker->mode != NULL) {
        /* where it fails, what comes next does too */
        (void)pv_query_alone(worker, may ? worker->mode->read_write
                                         : worker->mode->read_only);
    }
}

enum pv_err
pv_command_run(struct worker *worker, struct method *method,
               const struct pv_command *command, struct parameter *parameter,
               enum pv_query_error *kind)
{
    size_t      start = worker->out.len;
    bool        act = true;
    bool        ended = false;
    enum pv_err err = answer_before(worker, command, &ended, kind);

    if (err != PV_OK || ended) {
        return err;
    }
    let_write(worker, true);
    for (int i = 0; err == PV_OK && !ended && i < TRIES_MAX; i++) {
        bool taken = false;

        worker->out.len = start;
        err = pv_put_text(&worker->out, command->now);
        if (err == PV_OK) {
            err = try_to_act(worker, method, command, parameter, act,
                             worker->out.len, &taken, &ended, kind);
        }
        if (taken) {
            err = answer_again(worker, command, start, &ended, kind);
        } else if (err == PV_OK && !ended) {
            act = false; /* not done: that is what is kept */
        }
    }
    let_write(worker, false);
    return err == PV_OK && !ended ? PV_EDB : err;
}

void
pv_command_sweep(struct worker *worker, const struct pv_command *command)
{
    struct parameter    parameter[] = {text_of(command->now)};
    int64_t             now_ms = pv_time_monotonic_ms();
    enum pv_query_error kind;
    bool                any;

    if (now_ms - worker->swept_ms < SWEEP_MS) {
        return;
    }
    worker->swept_ms = now_ms;
    let_write(worker, true);
    /* a key that is over is no harm; the next time, then */
    (void)pv_query_step(worker, &worker->key[KEY_SWEEP], parameter, false, 0,
                        &any, &kind);
    let_write(worker, false);
}
