/* pool.c - the workers together: queue, handing out, deadlines, refilling. */
#include "connectord/pool_private.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/time.h"
#include "connectord/log.h"
#include "connectord/spawner.h"

#define YIELDING 19 /* the least there is */

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
        pv_pool_back_off(pool, pv_time_monotonic_ms());
        return;
    }
    slot->pid = pid;
    slot->socket = (struct pv_watch){socket, pv_slot_on_socket, slot};
    slot->process = (struct pv_watch){pidfd, pv_slot_on_process_gone, slot};
    slot->state = SLOT_CONNECTING;
    slot->yields = false;
    slot->since_ms = pv_time_monotonic_ms();
    pv_buf_init(&slot->in, PV_FRAME_HEAD + PV_ROWS_BYTES_MAX);
    if (pv_watch_add(pool->epoll, &slot->socket) != PV_OK) {
        pv_slot_kill(slot);
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
        pv_slot_kill(slot);
        good--;
    }
}

/* ---- handing out ---- */

/* Ready workers: idle, or busy for another method, and not for long. */
static size_t
ready_for_others(const struct pv_pool *pool, size_t method, int64_t now_ms)
{
    size_t count = 0;

    for (size_t i = 0; i < pool->slot_count; i++) {
        const struct slot *slot = &pool->slot[i];

        count += slot->state == SLOT_IDLE ||
                 (slot->state == SLOT_BUSY && slot->job->method != method &&
                  now_ms - slot->since_ms < PV_SLOW_MS);
    }
    return count;
}

/*
 * All that hangs for good costs is a process made anew and, when it computes, a
 * processor: nobody asks it more often than it takes to see that it is back.
 * That is the caller whose job was the last to cost a worker: what one of them
 * asks for may hang alone.
 */
static bool
is_suspect(const struct pv_pool *pool, const struct pv_job *job)
{
    return pool->config->method_count > 1 &&
           pool->strikes[job->method] >= PV_STRIKES &&
           pool->blamed[job->method] == job->caller;
}

/* Begun now, it would be killed with little of its time behind it. */
static bool
is_late(const struct pv_pool *pool, const struct pv_job *job, int64_t now_ms)
{
    return job->deadline_ms - now_ms <
           pool->config->method[job->method]->contract->deadline_ms / 2;
}

static void
strike(struct pv_pool *pool, const struct pv_job *job, int64_t now_ms)
{
    int64_t rest_ms = PV_REST_MIN_MS;
    size_t  method = job->method;

    pool->blamed[method] = job->caller;
    pool->careful_ms[method] = now_ms + PV_CAREFUL_MS;
    pool->strikes[method]++;
    for (unsigned i = PV_STRIKES;
         i < pool->strikes[method] && rest_ms < PV_REST_MAX_MS; i++) {
        rest_ms *= 2;
    }
    pool->rest_ms[method] = now_ms + rest_ms;
}

/*
 * A method that has just cost a worker would take each new one as soon as it is
 * there, and have it killed when little of a deadline is left: it leaves one
 * that is ready to the others, and begins nothing late. Not for ever, as a
 * worker may be the only one that the database lets in.
 */
static bool
must_wait(const struct pv_pool *pool, const struct pv_job *job, int64_t now_ms)
{
    if (pool->held_by[job->method] >= pool->config->workers) {
        return true;
    }
    if (is_suspect(pool, job) &&
        (pool->held_by[job->method] > 0 ||
         now_ms < pool->rest_ms[job->method] || is_late(pool, job, now_ms))) {
        return true;
    }
    if (pool->config->method_count == 1 ||
        pool->careful_ms[job->method] <= now_ms) {
        return false;
    }
    return is_late(pool, job, now_ms) ||
           ready_for_others(pool, job->method, now_ms) <= 1;
}

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
    if (is_suspect(pool, job)) {
        /* a wish; nobody may take it back, so the worker ends with its job */
        (void)setpriority(PRIO_PROCESS, (id_t)slot->pid, YIELDING);
        slot->yields = true;
    }
    /* an idle worker has read all before: the socket has room for a frame */
    sent = send(slot->socket.fd, job->call.ptr, job->call.len,
                MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent != (ssize_t)job->call.len) {
        pv_slot_lose(slot, "worker-died");
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

        if (must_wait(pool, job, now_ms)) {
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
    if (pv_pool_is_down(pool)) {
        pv_pool_end_job(job, PV_JOB_FAILED, "backend-down", "", PV_LIT(""));
        return;
    }
    if (pool->queued >= pool->config->queue_max ||
        pool->queued_of[job->method] >= share) {
        pv_pool_end_job(job, PV_JOB_BUSY, "queue-full", "", PV_LIT(""));
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
        pv_pool_end_job(job, PV_JOB_TIMEOUT, "deadline-in-queue", "",
                        PV_LIT(""));
    }
}

static void
expire_slot(struct slot *slot, int64_t now_ms)
{
    if (slot->state == SLOT_CONNECTING &&
        now_ms - slot->since_ms >= PV_CONNECT_DEADLINE_MS) {
        pv_slot_lose_connecting(slot, "connect-deadline", "-");
    } else if (slot->state == SLOT_BUSY && now_ms >= slot->job->deadline_ms) {
        const struct pv_method *method =
            slot->pool->config->method[slot->job->method];

        pv_log_warn("connector.worker_killed",
                    "path=%s pid=%d reason=deadline replacing",
                    method->contract->path, (int)slot->pid);
        strike(slot->pool, slot->job, now_ms);
        pv_slot_kill(slot);
        pv_slot_end_job(slot, PV_JOB_TIMEOUT, "deadline", "", PV_LIT(""));
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
        if (pool->careful_ms[job->method] > now_ms) {
            next = earlier(next, pool->careful_ms[job->method]);
        }
        if (pool->rest_ms[job->method] > now_ms) {
            next = earlier(next, pool->rest_ms[job->method]);
        }
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
pv_pool_leave_room(struct pv_pool *pool, bool leave)
{
    size_t all = pool->config->workers + (pool->config->method_count > 1);

    pool->target = leave && all > 1 ? all - 1 : all;
    return all > 1;
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
    (void)pv_pool_leave_room(pool, false); /* all of them */
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
    pv_pool_fail_queue(pool);
    for (size_t i = 0; i < pool->slot_count; i++) {
        struct slot *slot = &pool->slot[i];

        if (slot->socket.fd != -1) {
            pv_slot_kill(slot);
            pv_slot_end_job(slot, PV_JOB_FAILED, "ending", "", PV_LIT(""));
        }
        if (slot->process.fd != -1) {
            pv_slot_on_process_gone(&slot->process, 0);
        }
    }
    pv_watch_remove(pool->epoll, &pool->spawner);
    (void)close(pool->spawner.fd); /* which ends it */
    free(pool->slot);
    free(pool);
}
