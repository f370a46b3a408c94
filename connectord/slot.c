/* slot.c - one worker: what it says, its job, how both end. */
#include "connectord/pool_private.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/time.h"
#include "connectord/log.h"

#define FIRST_PIECE 4096 /* bytes */

_Static_assert(FIRST_PIECE >= PV_FRAME_HEAD, "the head is in it");

/* ---- the end of a job ---- */

void
pv_pool_end_job(struct pv_job *job, enum pv_job_end end, const char *reason,
                const char *state, struct pv_slice rows)
{
    pv_buf_wipe(&job->call);
    job->reason = reason;
    memcpy(job->state, state, strlen(state) + 1); /* "" or a SQLSTATE */
    job->done(job, end, rows);
}

void
pv_slot_end_job(struct slot *slot, enum pv_job_end end, const char *reason,
                const char *state, struct pv_slice rows)
{
    struct pv_job *job = slot->job;

    if (job == NULL) {
        return;
    }
    slot->job = NULL;
    slot->pool->held_by[job->method]--;
    pv_pool_end_job(job, end, reason, state, rows);
}

/* ---- the end of a worker ---- */

void
pv_slot_on_process_gone(struct pv_watch *watch, uint32_t events)
{
    struct slot *slot = watch->context;

    (void)events; /* a pidfd has only one thing to say */
    pv_watch_remove(slot->pool->epoll, watch);
    (void)close(watch->fd); /* the process is gone */
    watch->fd = -1;
    slot->state = SLOT_EMPTY;
}

void
pv_slot_kill(struct slot *slot)
{
    struct pv_pool *pool = slot->pool;

    /* gone already: then there is nothing to kill */
    (void)syscall(SYS_pidfd_send_signal, slot->process.fd, SIGKILL, NULL, 0);
    pv_watch_remove(pool->epoll, &slot->socket);
    (void)close(slot->socket.fd); /* nothing more to hear */
    slot->socket.fd = -1;
    pv_buf_wipe(&slot->in);
    slot->state = SLOT_DYING;
    if (pv_watch_add(pool->epoll, &slot->process) != PV_OK) {
        pv_slot_on_process_gone(&slot->process, 0); /* forget it unseen */
    }
}

void
pv_pool_back_off(struct pv_pool *pool, int64_t now_ms)
{
    int64_t wait_ms = 0;

    if (pool->failures > 0) {
        unsigned doubled = pool->failures > 6 ? 6 : pool->failures - 1;

        wait_ms = (int64_t)PV_BACKOFF_MIN_MS << doubled;
        wait_ms = wait_ms > PV_BACKOFF_MAX_MS ? PV_BACKOFF_MAX_MS : wait_ms;
    }
    pool->failures++;
    if (pool->next_spawn_ms < now_ms + wait_ms) {
        pool->next_spawn_ms = now_ms + wait_ms;
    }
}

bool
pv_pool_is_ready(const struct pv_pool *pool)
{
    for (size_t i = 0; i < pool->slot_count; i++) {
        if (pool->slot[i].state == SLOT_IDLE ||
            pool->slot[i].state == SLOT_BUSY) {
            return true;
        }
    }
    return false;
}

bool
pv_pool_is_down(const struct pv_pool *pool)
{
    return pool->told_down && !pv_pool_is_ready(pool);
}

void
pv_pool_fail_queue(struct pv_pool *pool)
{
    while (pool->queue != NULL) {
        struct pv_job *job = pool->queue;

        pool->queue = job->next;
        pool->queued--;
        pool->queued_of[job->method]--;
        pv_pool_end_job(job, PV_JOB_FAILED, "backend-down", "", PV_LIT(""));
    }
}

void
pv_slot_lose_connecting(struct slot *slot, const char *reason,
                        const char *state)
{
    struct pv_pool *pool = slot->pool;

    if (!pool->told_down) {
        pv_log_error("connector.backend_down",
                     "provider=%s reason=%s sqlstate=%s retrying",
                     pool->config->provider, reason, state);
    }
    pool->told_down = true;
    pv_slot_kill(slot);
    pv_pool_back_off(pool, pv_time_monotonic_ms());
    if (!pv_pool_is_ready(pool)) {
        pv_pool_fail_queue(pool);
    }
}

void
pv_slot_lose(struct slot *slot, const char *reason)
{
    struct pv_pool *pool = slot->pool;

    if (slot->state == SLOT_CONNECTING) {
        pv_slot_lose_connecting(slot, reason, "-");
        return;
    }
    pv_log_warn("connector.worker_lost",
                "provider=%s pid=%d reason=%s replacing",
                pool->config->provider, (int)slot->pid, reason);
    pv_slot_kill(slot);
    pv_pool_back_off(pool, pv_time_monotonic_ms());
    pv_slot_end_job(slot, PV_JOB_FAILED, reason, "", PV_LIT(""));
}

/* ---- what workers say ---- */

static void
on_ready(struct slot *slot, struct pv_slice body)
{
    struct pv_pool *pool = slot->pool;

    if (body.len != pool->config->method_count * PV_SQLSTATE_LEN) {
        pv_slot_lose(slot, "protocol");
        return;
    }
    if (!pool->told_states) { /* once is enough for the operator */
        pool->told_states = true;
        for (size_t i = 0; i < pool->config->method_count; i++) {
            const char *state = body.ptr + i * PV_SQLSTATE_LEN;

            if (memcmp(state, "00000", PV_SQLSTATE_LEN) != 0) {
                pv_log_error("connector.statement_refused",
                             "path=%s sqlstate=%.5s",
                             pool->config->method[i]->contract->path, state);
            }
        }
    }
    if (pool->told_down) {
        pv_log_info("connector.backend_up", "provider=%s",
                    pool->config->provider);
    }
    pool->told_down = false;
    pool->failures = 0;
    slot->state = SLOT_IDLE;
}

static const char *
query_error_word(uint32_t kind)
{
    switch (kind) {
    case PV_QUERY_ROWS:
        return "too-many-rows";
    case PV_QUERY_SIZE:
    case PV_QUERY_HEAVY:
        return "too-large";
    case PV_QUERY_LOST:
        return "connection-lost";
    case PV_QUERY_REUSED:
        return "key-reused";
    case PV_QUERY_MEMBER:
        return "not-a-member";
    default:
        return "statement-failed";
    }
}

static enum pv_job_end
query_error_end(uint32_t kind)
{
    return kind == PV_QUERY_REUSED   ? PV_JOB_REUSED
           : kind == PV_QUERY_MEMBER ? PV_JOB_MEMBER
                                     : PV_JOB_FAILED;
}

/* The worker has spoken: it is free, and its method does not hang. */
static void
on_spoken(struct slot *slot)
{
    slot->pool->strikes[slot->job->method] = 0;
    slot->state = SLOT_IDLE;
    if (slot->yields) {
        pv_slot_kill(slot); /* it has nothing more to do */
    }
}

static void
on_error(struct slot *slot, struct pv_slice body)
{
    char     state[PV_SQLSTATE_LEN + 1];
    uint32_t kind;

    if (pv_take_u32(&body, &kind) != PV_OK || kind == PV_QUERY_NONE ||
        kind >= PV_QUERY_END) {
        pv_slot_lose(slot, "protocol");
        return;
    }
    memcpy(state, body.ptr, PV_SQLSTATE_LEN);
    state[PV_SQLSTATE_LEN] = '\0';
    on_spoken(slot);
    if (kind == PV_QUERY_LOST || kind == PV_QUERY_HEAVY) {
        if (slot->state == SLOT_IDLE) {
            pv_slot_kill(slot);
        }
        pv_pool_back_off(slot->pool, pv_time_monotonic_ms());
    }
    pv_slot_end_job(slot, query_error_end(kind), query_error_word(kind), state,
                    PV_LIT(""));
}

static void
on_rows(struct slot *slot, struct pv_slice body, bool done)
{
    on_spoken(slot);
    pv_slot_end_job(slot, done ? PV_JOB_DONE : PV_JOB_ROWS, "rows", "", body);
}

/* A call ends with rows, a command with what was done. */
static bool
is_its_end(const struct slot *slot, enum pv_message type)
{
    const struct pv_method *method =
        slot->pool->config->method[slot->job->method];

    return type == (method->step_count > 0 ? PV_MESSAGE_DONE : PV_MESSAGE_ROWS);
}

static void
on_frame(struct slot *slot, const struct pv_frame *frame, struct pv_slice body)
{
    char state[PV_SQLSTATE_LEN + 1];

    if (slot->state == SLOT_CONNECTING && frame->type == PV_MESSAGE_READY) {
        on_ready(slot, body);
    } else if (slot->state == SLOT_CONNECTING &&
               frame->type == PV_MESSAGE_DOWN) {
        memcpy(state, body.ptr, PV_SQLSTATE_LEN);
        state[PV_SQLSTATE_LEN] = '\0';
        pv_slot_lose_connecting(slot, "connect", state);
    } else if (slot->state == SLOT_BUSY && frame->call == slot->call &&
               is_its_end(slot, frame->type)) {
        on_rows(slot, body, frame->type == PV_MESSAGE_DONE);
    } else if (slot->state == SLOT_BUSY && frame->call == slot->call &&
               frame->type == PV_MESSAGE_ERROR) {
        on_error(slot, body);
    } else {
        pv_slot_lose(slot, "protocol");
    }
}

/* PV_EAGAIN: not whole yet. The first piece is mostly a whole frame. */
static enum pv_err
read_more(struct slot *slot, size_t want)
{
    while (slot->in.len < want) {
        size_t  room = slot->in.len == 0 ? FIRST_PIECE : want - slot->in.len;
        ssize_t got;

        if (pv_buf_reserve(&slot->in, room) != PV_OK) {
            return PV_ENOMEM;
        }
        got = recv(slot->socket.fd, slot->in.ptr + slot->in.len, room,
                   MSG_DONTWAIT);
        if (got == -1 && errno == EINTR) {
            continue;
        }
        if (got == -1) {
            return errno == EAGAIN ? PV_EAGAIN : PV_ECLOSED;
        }
        if (got == 0) {
            return PV_ECLOSED;
        }
        slot->in.len += (size_t)got;
    }
    return PV_OK;
}

void
pv_slot_on_socket(struct pv_watch *watch, uint32_t events)
{
    struct slot    *slot = watch->context;
    struct pv_frame frame;
    struct pv_slice body;
    struct pv_buf   whole;
    enum pv_err     err;

    (void)events; /* an end or an error shows when reading */
    err = read_more(slot, PV_FRAME_HEAD);
    if (err == PV_OK) {
        err = pv_frame_read(slot->in.ptr, true, &frame);
    }
    if (err == PV_OK) {
        err = read_more(slot, PV_FRAME_HEAD + frame.len);
    }
    if (err == PV_OK && slot->in.len > PV_FRAME_HEAD + frame.len) {
        err = PV_EPROTO; /* it was asked once and answers twice */
    }
    if (err == PV_EAGAIN) {
        return;
    }
    if (err != PV_OK) {
        pv_slot_lose(slot, err == PV_EPROTO ? "protocol" : "worker-died");
        return;
    }
    /* the frame outlives the slot's state: take it out first */
    whole = slot->in;
    pv_buf_init(&slot->in, PV_FRAME_HEAD + PV_ROWS_BYTES_MAX);
    body = (struct pv_slice){whole.ptr + PV_FRAME_HEAD, frame.len};
    on_frame(slot, &frame, body);
    pv_buf_wipe(&whole);
}
