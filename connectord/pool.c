#include "connectord/pool.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/time.h"
#include "connectord/log.h"
#include "connectord/spawner.h"

enum slot_state {
    SLOT_EMPTY = 0,
    SLOT_ASKED,      /* the spawner is making it */
    SLOT_CONNECTING, /* the driver is */
    SLOT_IDLE,
    SLOT_BUSY,
    SLOT_DYING, /* killed; its pidfd tells when it is gone */
};

struct slot {
    struct pv_pool *pool;
    enum slot_state state;
    pid_t           pid;
    struct pv_watch socket;
    struct pv_watch process; /* the pidfd */
    int64_t         since_ms;
    uint64_t        call; /* number of the job's CALL frame */
    struct pv_job  *job;
    struct pv_buf   in;
};

struct pv_pool {
    const struct pv_connector_config *config;
    int                               epoll;
    struct pv_watch                   spawner;
    struct slot                      *slot;
    size_t                            slot_count;
    size_t                            target;  /* workers that should live */
    size_t                            ceiling; /* workers that may live */
    struct pv_job                    *queue;   /* oldest first */
    size_t                            queued;
    size_t                            queued_of[PV_CONNECTOR_METHODS_MAX];
    size_t                            held_by[PV_CONNECTOR_METHODS_MAX];
    uint64_t                          next_call;
    int64_t                           next_spawn_ms;
    unsigned                          failures; /* in a row */
    bool                              alive;
    bool                              told_down;
    bool                              told_states;
};

/* ---- the end of a job ---- */

static void
end_job(struct pv_job *job, enum pv_job_end end, const char *reason,
        const char *state, struct pv_slice rows)
{
    pv_buf_wipe(&job->call);
    job->reason = reason;
    memcpy(job->state, state, strlen(state) + 1); /* "" or a SQLSTATE */
    job->done(job, end, rows);
}

static void
end_slot_job(struct slot *slot, enum pv_job_end end, const char *reason,
             const char *state, struct pv_slice rows)
{
    struct pv_job *job = slot->job;

    if (job == NULL) {
        return;
    }
    slot->job = NULL;
    slot->pool->held_by[job->method]--;
    end_job(job, end, reason, state, rows);
}

/* ---- the end of a worker ---- */

static void
on_process_gone(struct pv_watch *watch, uint32_t events)
{
    struct slot *slot = watch->context;

    (void)events; /* a pidfd has only one thing to say */
    pv_watch_remove(slot->pool->epoll, watch);
    (void)close(watch->fd); /* the process is gone */
    watch->fd = -1;
    slot->state = SLOT_EMPTY;
}

static void
kill_slot(struct slot *slot)
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
        on_process_gone(&slot->process, 0); /* forget it unseen */
    }
}

static void
back_off(struct pv_pool *pool, int64_t now_ms)
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

static bool
has_ready(const struct pv_pool *pool)
{
    for (size_t i = 0; i < pool->slot_count; i++) {
        if (pool->slot[i].state == SLOT_IDLE ||
            pool->slot[i].state == SLOT_BUSY) {
            return true;
        }
    }
    return false;
}

/* No worker has a connection and the last attempt to get one failed. */
static bool
is_down(const struct pv_pool *pool)
{
    return pool->told_down && !has_ready(pool);
}

static void
fail_queue(struct pv_pool *pool)
{
    while (pool->queue != NULL) {
        struct pv_job *job = pool->queue;

        pool->queue = job->next;
        pool->queued--;
        pool->queued_of[job->method]--;
        end_job(job, PV_JOB_FAILED, "backend-down", "", PV_LIT(""));
    }
}

static void
lose_connecting(struct slot *slot, const char *reason, const char *state)
{
    struct pv_pool *pool = slot->pool;

    if (!pool->told_down) {
        pv_log_error("connector.backend_down",
                     "provider=%s reason=%s sqlstate=%s retrying",
                     pool->config->provider, reason, state);
    }
    pool->told_down = true;
    kill_slot(slot);
    back_off(pool, pv_time_monotonic_ms());
    if (!has_ready(pool)) {
        fail_queue(pool);
    }
}

static void
lose_slot(struct slot *slot, const char *reason)
{
    struct pv_pool *pool = slot->pool;

    if (slot->state == SLOT_CONNECTING) {
        lose_connecting(slot, reason, "-");
        return;
    }
    pv_log_warn("connector.worker_lost",
                "provider=%s pid=%d reason=%s replacing",
                pool->config->provider, (int)slot->pid, reason);
    kill_slot(slot);
    back_off(pool, pv_time_monotonic_ms());
    end_slot_job(slot, PV_JOB_FAILED, reason, "", PV_LIT(""));
}

/* ---- what workers say ---- */

static void
on_ready(struct slot *slot, struct pv_slice body)
{
    struct pv_pool *pool = slot->pool;

    if (body.len != pool->config->method_count * PV_SQLSTATE_LEN) {
        lose_slot(slot, "protocol");
        return;
    }
    if (!pool->told_states) { /* once is enough for the operator */
        pool->told_states = true;
        for (size_t i = 0; i < pool->config->method_count; i++) {
            const char *state = body.ptr + i * PV_SQLSTATE_LEN;

            if (memcmp(state, "00000", PV_SQLSTATE_LEN) != 0) {
                pv_log_error("connector.statement_refused",
                             "path=%s sqlstate=%.5s",
                             pool->config->method[i]->path, state);
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
        return "too-large";
    case PV_QUERY_LOST:
        return "connection-lost";
    default:
        return "statement-failed";
    }
}

static void
on_error(struct slot *slot, struct pv_slice body)
{
    char     state[PV_SQLSTATE_LEN + 1];
    uint32_t kind;

    if (pv_take_u32(&body, &kind) != PV_OK || kind == PV_QUERY_NONE ||
        kind >= PV_QUERY_END) {
        lose_slot(slot, "protocol");
        return;
    }
    memcpy(state, body.ptr, PV_SQLSTATE_LEN);
    state[PV_SQLSTATE_LEN] = '\0';
    slot->state = SLOT_IDLE;
    if (kind == PV_QUERY_LOST) {
        kill_slot(slot);
        back_off(slot->pool, pv_time_monotonic_ms());
    }
    end_slot_job(slot, PV_JOB_FAILED, query_error_word(kind), state,
                 PV_LIT(""));
}

static void
on_rows(struct slot *slot, struct pv_slice body)
{
    slot->state = SLOT_IDLE;
    end_slot_job(slot, PV_JOB_ROWS, "rows", "", body);
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
        lose_connecting(slot, "connect", state);
    } else if (slot->state == SLOT_BUSY && frame->call == slot->call &&
               frame->type == PV_MESSAGE_ROWS) {
        on_rows(slot, body);
    } else if (slot->state == SLOT_BUSY && frame->call == slot->call &&
               frame->type == PV_MESSAGE_ERROR) {
        on_error(slot, body);
    } else {
        lose_slot(slot, "protocol");
    }
}

/* PV_EAGAIN: not whole yet. */
static enum pv_err
read_more(struct slot *slot, size_t want)
{
    while (slot->in.len < want) {
        ssize_t got;

        if (pv_buf_reserve(&slot->in, want - slot->in.len) != PV_OK) {
            return PV_ENOMEM;
        }
        got = recv(slot->socket.fd, slot->in.ptr + slot->in.len,
                   want - slot->in.len, MSG_DONTWAIT);
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

static void
on_socket(struct pv_watch *watch, uint32_t events)
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
    if (err == PV_EAGAIN) {
        return;
    }
    if (err != PV_OK) {
        lose_slot(slot, err == PV_EPROTO ? "protocol" : "worker-died");
        return;
    }
    /* the frame outlives the slot's state: take it out first */
    whole = slot->in;
    pv_buf_init(&slot->in, PV_FRAME_HEAD + PV_ROWS_BYTES_MAX);
    body = (struct pv_slice){whole.ptr + PV_FRAME_HEAD, frame.len};
    on_frame(slot, &frame, body);
    pv_buf_wipe(&whole);
}

/* ---- the spawner ---- */

static struct slot *
first_slot(struct pv_pool *pool, enum slot_state state)
{
    for (size_t i = 0; i < pool->slot_count; i++) {
        if (pool->slot[i].state == state) {
            return &pool->slot[i];
        }
    }
    return NULL;
}

static void
on_spawner(struct pv_watch *watch, uint32_t events)
{
    struct pv_pool *pool = watch->context;
    struct slot    *slot = first_slot(pool, SLOT_ASKED);
    pid_t           pid;
    int             socket;
    int             pidfd;
    enum pv_err     err;

    (void)events; /* an end or an error shows when reading */
    err = pv_spawner_take(watch->fd, &pid, &socket, &pidfd);
    if (err == PV_EAGAIN) {
        return;
    }
    if (err == PV_ECLOSED || slot == NULL) {
        pv_log_error("connector.spawner_gone", "provider=%s ending",
                     pool->config->provider);
        pool->alive = false;
        return;
    }
    if (err != PV_OK) {
        pv_log_error("connector.spawn_failed", "provider=%s retrying",
                     pool->config->provider);
        slot->state = SLOT_EMPTY;
        back_off(pool, pv_time_monotonic_ms());
        return;
    }
    slot->pid = pid;
    slot->socket = (struct pv_watch){socket, on_socket, slot};
    slot->process = (struct pv_watch){pidfd, on_process_gone, slot};
    slot->state = SLOT_CONNECTING;
    slot->since_ms = pv_time_monotonic_ms();
    pv_buf_init(&slot->in, PV_FRAME_HEAD + PV_ROWS_BYTES_MAX);
    if (pv_watch_add(pool->epoll, &slot->socket) != PV_OK) {
        kill_slot(slot);
    }
}

/* Workers that can be counted on, and all that live. */
static void
count_workers(const struct pv_pool *pool, int64_t now_ms, size_t *ret_good,
              size_t *ret_alive)
{
    *ret_good = 0;
    *ret_alive = 0;
    for (size_t i = 0; i < pool->slot_count; i++) {
        const struct slot *slot = &pool->slot[i];

        if (slot->state == SLOT_EMPTY || slot->state == SLOT_DYING) {
            continue;
        }
        (*ret_alive)++;
        if (slot->state != SLOT_BUSY || now_ms - slot->since_ms < PV_SLOW_MS) {
            (*ret_good)++;
        }
    }
}

static void
refill(struct pv_pool *pool, int64_t now_ms)
{
    size_t good;
    size_t alive;

    count_workers(pool, now_ms, &good, &alive);
    while (good < pool->target && alive < pool->ceiling &&
           now_ms >= pool->next_spawn_ms) {
        struct slot *slot = first_slot(pool, SLOT_EMPTY);

        if (slot == NULL || pv_spawner_ask(pool->spawner.fd) != PV_OK) {
            return; /* all slots hold processes that will not die, or busy */
        }
        slot->state = SLOT_ASKED;
        slot->since_ms = now_ms;
        good++;
        alive++;
    }
    while (good > pool->target) { /* a slow one has come back */
        struct slot *slot = first_slot(pool, SLOT_IDLE);

        if (slot == NULL) {
            return;
        }
        kill_slot(slot);
        good--;
    }
}

/* ---- handing out ---- */

static void
hand_over(struct slot *slot, struct pv_job *job, int64_t now_ms)
{
    struct pv_pool *pool = slot->pool;
    ssize_t         sent;

    slot->call = ++pool->next_call;
    memcpy(job->call.ptr + 8, &slot->call, sizeof(slot->call));
    slot->job = job;
    slot->since_ms = now_ms;
    slot->state = SLOT_BUSY;
    pool->held_by[job->method]++;
    /* an idle worker has read all before: the socket has room for a frame */
    sent = send(slot->socket.fd, job->call.ptr, job->call.len,
                MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent != (ssize_t)job->call.len) {
        lose_slot(slot, "worker-died");
        return;
    }
    pv_buf_wipe(&job->call);
}

static void
dispatch(struct pv_pool *pool, int64_t now_ms)
{
    struct pv_job **at = &pool->queue;

    while (*at != NULL) {
        struct pv_job *job = *at;
        struct slot   *slot;

        if (pool->held_by[job->method] >= pool->config->workers) {
            at = &job->next;
            continue;
        }
        slot = first_slot(pool, SLOT_IDLE);
        if (slot == NULL) {
            return;
        }
        *at = job->next;
        pool->queued--;
        pool->queued_of[job->method]--;
        hand_over(slot, job, now_ms);
    }
}

void
pv_pool_submit(struct pv_pool *pool, struct pv_job *job, int64_t now_ms)
{
    size_t          share = (pool->config->queue_max + 1) / 2;
    struct pv_job **at = &pool->queue;

    if (pool->config->method_count == 1) {
        share = pool->config->queue_max;
    }
    if (is_down(pool)) {
        end_job(job, PV_JOB_FAILED, "backend-down", "", PV_LIT(""));
        return;
    }
    if (pool->queued >= pool->config->queue_max ||
        pool->queued_of[job->method] >= share) {
        end_job(job, PV_JOB_BUSY, "queue-full", "", PV_LIT(""));
        return;
    }
    while (*at != NULL) {
        at = &(*at)->next;
    }
    job->next = NULL;
    *at = job;
    pool->queued++;
    pool->queued_of[job->method]++;
    dispatch(pool, now_ms);
}

/* ---- deadlines ---- */

static void
expire_queue(struct pv_pool *pool, int64_t now_ms)
{
    struct pv_job **at = &pool->queue;

    while (*at != NULL) {
        struct pv_job *job = *at;

        if (now_ms < job->deadline_ms) {
            at = &job->next;
            continue;
        }
        *at = job->next;
        pool->queued--;
        pool->queued_of[job->method]--;
        end_job(job, PV_JOB_TIMEOUT, "deadline-in-queue", "", PV_LIT(""));
    }
}

static void
expire_slot(struct slot *slot, int64_t now_ms)
{
    if (slot->state == SLOT_CONNECTING &&
        now_ms - slot->since_ms >= PV_CONNECT_DEADLINE_MS) {
        lose_connecting(slot, "connect-deadline", "-");
    } else if (slot->state == SLOT_BUSY && now_ms >= slot->job->deadline_ms) {
        const struct pv_method *method =
            slot->pool->config->method[slot->job->method];

        pv_log_warn("connector.worker_killed",
                    "path=%s pid=%d reason=deadline replacing", method->path,
                    (int)slot->pid);
        kill_slot(slot);
        end_slot_job(slot, PV_JOB_TIMEOUT, "deadline", "", PV_LIT(""));
    }
}

void
pv_pool_tick(struct pv_pool *pool, int64_t now_ms)
{
    expire_queue(pool, now_ms);
    for (size_t i = 0; i < pool->slot_count; i++) {
        expire_slot(&pool->slot[i], now_ms);
    }
    refill(pool, now_ms);
    dispatch(pool, now_ms);
}

static int64_t
earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t
pv_pool_next_ms(const struct pv_pool *pool, int64_t now_ms)
{
    int64_t next = INT64_MAX;
    size_t  good;
    size_t  alive;

    for (const struct pv_job *job = pool->queue; job != NULL; job = job->next) {
        next = earlier(next, job->deadline_ms);
    }
    for (size_t i = 0; i < pool->slot_count; i++) {
        const struct slot *slot = &pool->slot[i];

        if (slot->state == SLOT_CONNECTING) {
            next = earlier(next, slot->since_ms + PV_CONNECT_DEADLINE_MS);
        } else if (slot->state == SLOT_BUSY) {
            next = earlier(next, slot->job->deadline_ms);
            if (now_ms - slot->since_ms < PV_SLOW_MS) {
                next = earlier(next, slot->since_ms + PV_SLOW_MS);
            }
        }
    }
    count_workers(pool, now_ms, &good, &alive);
    if (good < pool->target && alive < pool->ceiling) {
        next = earlier(next, pool->next_spawn_ms > now_ms
                                 ? pool->next_spawn_ms
                                 : now_ms + PV_BACKOFF_MIN_MS);
    }
    return next;
}

size_t
pv_pool_open_count(const struct pv_pool *pool)
{
    size_t count = pool->queued;

    for (size_t i = 0; i < pool->slot_count; i++) {
        count += pool->slot[i].job != NULL;
    }
    return count;
}

bool
pv_pool_is_alive(const struct pv_pool *pool)
{
    return pool->alive;
}

/* ---- birth and death ---- */

enum pv_err
pv_pool_new(const struct pv_connector_config *config, int spawner, int epoll,
            struct pv_pool **ret)
{
    struct pv_pool *pool = calloc(1, sizeof(*pool));
    enum pv_err     err = PV_ENOMEM;

    if (pool == NULL) {
        return err;
    }
    pool->config = config;
    pool->epoll = epoll;
    pool->alive = true;
    pool->target = config->workers + (config->method_count > 1 ? 1 : 0);
    pool->ceiling = 2 * (size_t)config->workers + 1;
    /* as many again that were killed and have not died yet */
    pool->slot_count = 2 * pool->ceiling;
    pool->slot = calloc(pool->slot_count, sizeof(pool->slot[0]));
    if (pool->slot == NULL) {
        goto out;
    }
    for (size_t i = 0; i < pool->slot_count; i++) {
        pool->slot[i].pool = pool;
        pool->slot[i].socket.fd = -1;
        pool->slot[i].process.fd = -1;
    }
    pool->spawner = (struct pv_watch){spawner, on_spawner, pool};
    err = pv_watch_add(epoll, &pool->spawner);
    if (err == PV_OK) {
        *ret = pool;
        pool = NULL;
    }

out:
    if (pool != NULL) {
        free(pool->slot);
        free(pool);
    }
    return err;
}

void
pv_pool_free(struct pv_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    fail_queue(pool);
    for (size_t i = 0; i < pool->slot_count; i++) {
        struct slot *slot = &pool->slot[i];

        if (slot->socket.fd != -1) {
            kill_slot(slot);
            end_slot_job(slot, PV_JOB_FAILED, "ending", "", PV_LIT(""));
        }
        if (slot->process.fd != -1) {
            on_process_gone(&slot->process, 0);
        }
    }
    pv_watch_remove(pool->epoll, &pool->spawner);
    free(pool->slot);
    free(pool);
}
