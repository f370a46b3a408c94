/*
 * pool.h - the workers, the queue before them, and every deadline.
 *
 * A job is one call of one method with its parameters bound. It ends in
 * exactly one of pv_job_end. A worker that is over its
 * job's deadline is killed with SIGKILL and replaced; a worker that dies or
 * breaks the protocol makes its job fail. One method holds at most `workers`
 * of the workers + 1 there are, and half the queue, so that a method that
 * hangs leaves room for the others; a worker that is busy for longer than
 * PV_SLOW_MS is counted as lost and replaced at once, up to
 * 2 * workers + 1 processes. A method that lost PV_STRIKES workers to its
 * deadline, and nothing ended in between, is tried by one call at a time, after
 * a rest that doubles, in a worker that yields the processor to all others; the
 * first that ends lets it be as before.
 *
 * Ownership: the pool owns workers; a job is its caller's, borrowed from
 *            _submit until its ->done is called.
 * Threads:   one.  Blocks: never.
 */
#ifndef PV_CONNECTORD_POOL_H
#define PV_CONNECTORD_POOL_H

#include "connectord/config.h"
#include "connectord/watch.h"

#define PV_SLOW_MS 200
#define PV_CAREFUL_MS 1000 /* after a worker that a method had was killed */
#define PV_STRIKES 3
#define PV_REST_MIN_MS 250
#define PV_REST_MAX_MS 2000
#define PV_CONNECT_DEADLINE_MS 10000
#define PV_BACKOFF_MIN_MS 100
#define PV_BACKOFF_MAX_MS 5000

enum pv_job_end {
    PV_JOB_ROWS = 1, /* rows holds the frame's body */
    PV_JOB_DONE,     /* likewise, of DONE: the end of a command */
    PV_JOB_REUSED,   /* its key belongs to another request */
    PV_JOB_MEMBER,   /* for somebody who is no member */
    PV_JOB_FAILED,
    PV_JOB_TIMEOUT,
    PV_JOB_BUSY, /* the queue is full */
};

struct pv_job {
    size_t        method;      /* index in the configuration */
    int64_t       deadline_ms; /* monotonic */
    uint64_t      caller;      /* whose it is: the same for all of one */
    struct pv_buf call;        /* the CALL or COMMAND frame, whole */
    void (*done)(struct pv_job *job, enum pv_job_end end, struct pv_slice rows);
    const char    *reason; /* a stable word, when it is not rows */
    char           state[PV_SQLSTATE_LEN + 1]; /* SQLSTATE, or "" */
    struct pv_job *next;                       /* in the queue */
};

struct pv_pool;

enum pv_err pv_pool_new(const struct pv_connector_config *config, int spawner,
                        int epoll, struct pv_pool **ret) PV_MUST_CHECK;

/* Kills every worker and ends the spawner; jobs that are open have failed. */
void pv_pool_free(struct pv_pool *pool);

/* ->done may be called before this returns. */
void pv_pool_submit(struct pv_pool *pool, struct pv_job *job, int64_t now_ms);

/* Kill what is over its deadline, start what is missing, hand out jobs. */
void pv_pool_tick(struct pv_pool *pool, int64_t now_ms);

/* When _tick has work next (monotonic); INT64_MAX for never. */
int64_t pv_pool_next_ms(const struct pv_pool *pool, int64_t now_ms);

/* Jobs that are queued or with a worker. */
size_t pv_pool_open_count(const struct pv_pool *pool);

/* Has one of its workers a connection? */
bool pv_pool_is_ready(const struct pv_pool *pool);

/* None has, and the last attempt to get one failed. */
bool pv_pool_is_down(const struct pv_pool *pool);

/* One worker less, for another pool's connection. False: there is only one. */
bool pv_pool_leave_room(struct pv_pool *pool, bool leave);

/* False once the spawner is gone: the program must end. */
bool pv_pool_is_alive(const struct pv_pool *pool);

#endif
