/*
 * pool_private.h - what pool.c (queue, deadlines, the spawner) and slot.c (one
 * worker and its job) share.
 */
#ifndef PV_CONNECTORD_POOL_PRIVATE_H
#define PV_CONNECTORD_POOL_PRIVATE_H

#include <sys/types.h>

#include "connectord/pool.h"

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
    bool            yields; /* for good: it ends after its job */
    uint64_t        call;   /* number of the job's CALL frame */
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
    int64_t                           careful_ms[PV_CONNECTOR_METHODS_MAX];
    unsigned                          strikes[PV_CONNECTOR_METHODS_MAX];
    int64_t                           rest_ms[PV_CONNECTOR_METHODS_MAX];
    uint64_t                          blamed[PV_CONNECTOR_METHODS_MAX];
    uint64_t                          next_call;
    int64_t                           next_spawn_ms;
    unsigned                          failures; /* in a row */
    bool                              alive;
    bool                              told_down;
    bool                              told_states;
};

/* slot.c */

void pv_pool_end_job(struct pv_job *job, enum pv_job_end end,
                     const char *reason, const char *state,
                     struct pv_slice rows);
void pv_slot_end_job(struct slot *slot, enum pv_job_end end, const char *reason,
                     const char *state, struct pv_slice rows);
void pv_slot_on_process_gone(struct pv_watch *watch, uint32_t events);
void pv_slot_kill(struct slot *slot);
void pv_pool_back_off(struct pv_pool *pool, int64_t now_ms);
void pv_pool_fail_queue(struct pv_pool *pool);
void pv_slot_lose_connecting(struct slot *slot, const char *reason,
                             const char *state);
void pv_slot_lose(struct slot *slot, const char *reason);
void pv_slot_on_socket(struct pv_watch *watch, uint32_t events);

#endif
