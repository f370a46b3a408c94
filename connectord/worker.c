/*
 * worker.c - one database connection, in a process that may be killed.
 *
 * Does:    connects, prepares the fixed statements, runs one call at a time.
 * Holds:   the connection string, the rows of the call at hand.
 * Talks:   with the main process over PV_WORKER_FD; the database.
 * Calls:   whatever a vendor's driver calls, except exec, ptrace, mount ...;
 *          it writes to no file unless the configuration says so.
 * A thief: of this process has what the database account may do. It has no
 *          other call than the one at hand, no HTTP, no key of TLS.
 *
 * It never parses JSON and never logs: drivers' texts may hold values, so
 * only the SQLSTATE of an error leaves this process. stderr is /dev/null.
 */
#include "connectord/worker.h"

#include <locale.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "connectord/sandbox.h"
#include "connectord/worker_private.h"
#include "connectord/worker_rest.h"

#define PARAMETERS_MAX (PV_STEPS_MAX * PV_BINDS_MAX)
#define MEMORY_KEPT_MAX (32u * 1024 * 1024) /* after a call that failed */

static bool
is_lost(const struct worker *worker)
{
    return worker->state[0] == '0' && worker->state[1] == '8';
}

/* ---- messages out ---- */

static enum pv_err
send_out(struct worker *worker)
{
    enum pv_err err;

    pv_frame_end(&worker->out);
    err = pv_send_all(PV_WORKER_FD, pv_buf_view(&worker->out));
    explicit_bzero(worker->out.ptr, worker->out.len);
    worker->out.len = 0;
    return err;
}

static enum pv_err
begin_out(struct worker *worker, enum pv_message type, uint64_t call)
{
    if (worker->out.ptr != NULL) {
        explicit_bzero(worker->out.ptr, worker->out.len);
    }
    worker->out.len = 0;
    return pv_frame_begin(&worker->out, type, call);
}

static enum pv_err
send_error(struct worker *worker, uint64_t call, enum pv_query_error kind)
{
    enum pv_err err = begin_out(worker, PV_MESSAGE_ERROR, call);

    if (err == PV_OK) {
        err = pv_put_u32(&worker->out, (uint32_t)kind);
    }
    if (err == PV_OK) {
        err = pv_buf_add(&worker->out,
                         (struct pv_slice){worker->state, PV_SQLSTATE_LEN});
    }
    return err == PV_OK ? send_out(worker) : err;
}

static enum pv_err
send_down(struct worker *worker)
{
    enum pv_err err = begin_out(worker, PV_MESSAGE_DOWN, 0);

    if (err == PV_OK) {
        err = pv_buf_add(&worker->out,
                         (struct pv_slice){worker->state, PV_SQLSTATE_LEN});
    }
    return err == PV_OK ? send_out(worker) : err;
}

static enum pv_err
send_ready(struct worker *worker)
{
    enum pv_err err = begin_out(worker, PV_MESSAGE_READY, 0);

    for (uint32_t i = 0; err == PV_OK && i < worker->method_count; i++) {
        struct method *method = &worker->method[i];

        enum pv_err prepared = PV_OK; /* or its state is what is sent */

        memcpy(worker->state, "00000", PV_SQLSTATE_LEN + 1);
        for (uint32_t j = 0; worker->rest == NULL && prepared == PV_OK &&
                             j < method->query_count;
             j++) {
            prepared = pv_query_prepare(worker, &method->query[j]);
        }
        if (prepared == PV_OK && method->command) {
            (void)pv_command_prepare(worker); /* likewise */
        }
        err = pv_buf_add(&worker->out,
                         (struct pv_slice){worker->state, PV_SQLSTATE_LEN});
    }
    return err == PV_OK ? send_out(worker) : err;
}

/* ---- a call ---- */

static enum pv_err
take_parameters(struct pv_slice *body, const struct method *method,
                struct parameter parameter[PARAMETERS_MAX])
{
    uint32_t    binds = 0;
    uint32_t    count;
    enum pv_err err = pv_take_u32(body, &count);

    for (uint32_t i = 0; i < method->query_count; i++) {
        binds += method->query[i].binds;
    }
    if (err != PV_OK || count != binds) {
        return PV_EPROTO;
    }
    for (uint32_t i = 0; i < count; i++) {
        bool null;

        err = pv_take_text(body, &null, &parameter[i].text);
        if (err != PV_OK) {
            return err;
        }
        parameter[i].indicator =
            null ? SQL_NULL_DATA : (SQLLEN)parameter[i].text.len;
    }
    return body->len == 0 ? PV_OK : PV_EPROTO;
}

/* is it a member at all? */
static enum pv_err
find_member(struct worker *worker, struct query *query,
            struct parameter *parameter, enum pv_query_error *kind)
{
    bool        any;
    enum pv_err err = pv_query_step(worker, query, parameter, false,
                                    worker->out.len, &any, kind);

    if (err == PV_OK && !any) {
        *kind = PV_QUERY_MEMBER;
        err = PV_ENOTFOUND;
    }
    return err;
}

static enum pv_err
run_method(struct worker *worker, struct method *method,
           struct parameter *parameter, enum pv_query_error *kind)
{
    uint32_t    first = method->query[0].needed ? 1 : 0;
    enum pv_err err = pv_put_u32(&worker->out, method->query_count - first);

    if (err == PV_OK && worker->rest != NULL) {
        return pv_rest_run(worker, method, parameter, kind);
    }
    if (err == PV_OK && first > 0) {
        err = find_member(worker, &method->query[0], parameter, kind);
        parameter += method->query[0].binds;
    }
    for (uint32_t i = first; err == PV_OK && i < method->query_count; i++) {
        err = pv_query_run(worker, &method->query[i], parameter,
                           i == first ? method->max_rows : 1,
                           i == first && method->exists_only, kind);
        parameter += method->query[i].binds;
    }
    return err;
}

/* Drivers keep the room of their largest answer until the connection ends. */
static bool
holds_much(void)
{
    struct mallinfo2 now = mallinfo2();

    return now.arena + now.hblkhd > MEMORY_KEPT_MAX;
}

/* The answer is in worker->out, or the error says why not. */
static enum pv_err
send_end(struct worker *worker, const struct pv_frame *frame, enum pv_err err,
         enum pv_query_error kind)
{
    if (err == PV_OK) {
        return send_out(worker);
    }
    if (err == PV_ERANGE && kind == PV_QUERY_FAILED) {
        kind = PV_QUERY_SIZE;
    }
    if (err == PV_EDB && is_lost(worker)) {
        kind = PV_QUERY_LOST;
    }
    if (kind != PV_QUERY_LOST && kind != PV_QUERY_MEMBER && holds_much()) {
        kind = PV_QUERY_HEAVY;
    }
    err = send_error(worker, frame->call, kind);
    return err == PV_OK && (kind == PV_QUERY_LOST || kind == PV_QUERY_HEAVY)
               ? PV_ECLOSED
               : err;
}

static enum pv_err
on_call(struct worker *worker, const struct pv_frame *frame,
        struct pv_slice body)
{
    static struct parameter parameter[PARAMETERS_MAX]; /* one at a time */
    enum pv_query_error     kind = PV_QUERY_FAILED;
    struct pv_command       command;
    struct method          *method;
    bool                    acts = frame->type == PV_MESSAGE_COMMAND;
    uint32_t                index;
    enum pv_err             err = pv_take_u32(&body, &index);

    if (err != PV_OK || index >= worker->method_count ||
        worker->method[index].command != acts) {
        return PV_EPROTO;
    }
    method = &worker->method[index];
    if (acts) {
        err = pv_command_read(&body, &command);
    }
    if (err == PV_OK) {
        err = take_parameters(&body, method, parameter);
    }
    if (err != PV_OK) {
        return err;
    }
    memcpy(worker->state, "HY000", PV_SQLSTATE_LEN + 1);
    err = begin_out(worker, acts ? PV_MESSAGE_DONE : PV_MESSAGE_ROWS,
                    frame->call);
    if (err == PV_OK) {
        err = acts ? pv_command_run(worker, method, &command, parameter, &kind)
                   : run_method(worker, method, parameter, &kind);
    }
    err = send_end(worker, frame, err, kind);
    if (err == PV_OK && acts) {
        pv_command_sweep(worker, &command);
    }
    return err;
}

/* ---- set-up ---- */

static enum pv_err
take_query(struct pv_slice *body, struct query *query)
{
    struct pv_slice sql;
    uint32_t        flags;
    bool            null = true;
    enum pv_err     err = pv_take_u32(body, &flags);

    if (err == PV_OK) {
        err = pv_take_text(body, &null, &sql);
    }
    if (err == PV_OK) {
        err = pv_take_u32(body, &query->binds);
    }
    if (err != PV_OK || null || query->binds > PV_BINDS_MAX) {
        return PV_EPROTO;
    }
    query->needed = (flags & PV_QUERY_NEEDED) != 0;
    query->stmt = SQL_NULL_HSTMT;
    query->sql = strndup(sql.ptr, sql.len); /* for the process's life */
    return query->sql == NULL ? PV_ENOMEM : PV_OK;
}

static enum pv_err
take_method(struct pv_slice *body, struct method *method)
{
    uint32_t    flags;
    uint32_t    deadline_ms;
    enum pv_err err = pv_take_u32(body, &flags);

    if (err == PV_OK) {
        err = pv_take_u32(body, &method->max_rows);
    }
    if (err == PV_OK) {
        err = pv_take_u32(body, &deadline_ms);
    }
    if (err == PV_OK) {
        err = pv_take_u32(body, &method->query_count);
    }
    if (err != PV_OK || method->query_count == 0 ||
        method->query_count > PV_STEPS_MAX) {
        return PV_EPROTO;
    }
    method->exists_only = (flags & PV_METHOD_EXISTS) != 0;
    method->command = (flags & PV_METHOD_COMMAND) != 0;
    for (uint32_t i = 0; err == PV_OK && i < method->query_count; i++) {
        err = take_query(body, &method->query[i]);
        method->query[i].timeout_s = deadline_ms / 1000 + 1;
    }
    return err;
}

static enum pv_err
take_methods(struct worker *worker, struct pv_slice *body)
{
    enum pv_err err = pv_take_u32(body, &worker->method_count);

    if (err != PV_OK || worker->method_count > PV_CONNECTOR_METHODS_MAX) {
        return PV_EPROTO;
    }
    worker->method = calloc(worker->method_count + 1, sizeof(struct method));
    if (worker->method == NULL) {
        return PV_ENOMEM;
    }
    for (uint32_t i = 0; err == PV_OK && i < worker->method_count; i++) {
        err = take_method(body, &worker->method[i]);
    }
    return err;
}

static enum pv_err
on_setup(struct worker *worker, struct pv_slice body)
{
    struct pv_slice dsn;
    uint32_t        flags;
    bool            null;
    enum pv_err     err = pv_take_u32(&body, &flags);

    if (err == PV_OK) {
        err = pv_take_text(&body, &null, &dsn);
    }
    if (err == PV_OK) {
        err = pv_slice_to_cstr(dsn, worker->dsn, sizeof(worker->dsn));
    }
    if (err == PV_OK) {
        err = take_methods(worker, &body);
    }
    if (err != PV_OK) {
        return err;
    }
    worker->may_write = (flags & PV_SETUP_MAY_WRITE) != 0;
    worker->commands = (flags & PV_SETUP_COMMANDS) != 0;
    pv_command_setup(worker);
    err = (flags & PV_SETUP_HTTP) != 0 ? pv_sandbox_rest()
                                       : pv_sandbox_worker(worker->may_write);
    if (err != PV_OK) {
        return err;
    }
    memcpy(worker->state, "HY000", PV_SQLSTATE_LEN + 1);
    err = (flags & PV_SETUP_HTTP) != 0 ? pv_rest_open(worker, &worker->rest)
                                       : pv_session_open(worker);
    explicit_bzero(worker->dsn, sizeof(worker->dsn));
    if (err != PV_OK) {
        (void)send_down(worker); /* this process ends either way */
        return err;
    }
    return send_ready(worker);
}

static enum pv_err
take_frame(struct worker *worker, struct pv_frame *frame)
{
    char        head[PV_FRAME_HEAD];
    enum pv_err err = pv_read_all(PV_WORKER_FD, head, sizeof(head));

    if (err == PV_OK) {
        err = pv_frame_read(head, false, frame);
    }
    worker->in.len = 0;
    if (err == PV_OK) {
        err = pv_buf_reserve(&worker->in, frame->len);
    }
    if (err == PV_OK) {
        err = pv_read_all(PV_WORKER_FD, worker->in.ptr, frame->len);
    }
    if (err == PV_OK) {
        worker->in.len = frame->len;
    }
    return err;
}

int
pv_worker_run(void)
{
    static struct worker worker;
    bool                 ready = false;
    enum pv_err          err = pv_sandbox_every();

    /* drivers that look at the locale shall find UTF-8 */
    (void)setlocale(LC_CTYPE, "C.UTF-8"); /* absent: bytes pass as they are */
    pv_buf_init(&worker.in, PV_SETUP_MAX + PV_CALL_MAX);
    pv_buf_init(&worker.out, PV_ROWS_BYTES_MAX);
    while (err == PV_OK) {
        struct pv_frame frame;

        err = take_frame(&worker, &frame);
        if (err != PV_OK) {
            break;
        }
        if (!ready && frame.type == PV_MESSAGE_SETUP) {
            err = on_setup(&worker, pv_buf_view(&worker.in));
            ready = true;
        } else if (ready && (frame.type == PV_MESSAGE_CALL ||
                             frame.type == PV_MESSAGE_COMMAND)) {
            err = on_call(&worker, &frame, pv_buf_view(&worker.in));
        } else {
            err = PV_EPROTO;
        }
        explicit_bzero(worker.in.ptr, worker.in.len);
    }
    /* no SQLDisconnect: it may hang, and the kernel closes all the same */
    return err == PV_ECLOSED ? 0 : 1;
}
