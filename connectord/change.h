/*
 * change.h - other contracts while calls run.
 *
 * Calls are answered by a serving: methods, and the workers that know their
 * statements. When a contract is signed that the one of now has not seen, a
 * spawner reads the configuration anew, a second serving is made beside the
 * first, and once it has a connection it takes the calls that come. Those that
 * began under the first end under it; then it goes, with its workers.
 *
 * A serving that gets no connection in PV_CHANGE_CONNECT_MS is given up, and
 * the configuration is read anew after a pause: it may have been mended. Where
 * there is one worker, which may have the only connection that the database
 * gives, the second takes over without waiting for its own.
 *
 * Ownership: the caller places the struct; it owns its servings.
 * Threads: one. Blocks: never.
 */
#ifndef PV_CONNECTORD_CHANGE_H
#define PV_CONNECTORD_CHANGE_H

#include "connectord/http.h"
#include "connectord/spawner.h"

#define PV_CHANGE_WAIT_MS                                                      \
    60000 /* for the next spawner, and after a failure                         \
           */
#define PV_CHANGE_CONNECT_MS 15000 /* more than PV_CONNECT_DEADLINE_MS */

struct pv_change {
    const struct pv_connector_config *base;
    int                               epoll;
    struct pv_http                   *http;
    struct pv_keeper_link            *keeper; /* NULL: none */
    struct pv_rights_link            *rights; /* NULL: nothing ever changes */
    struct pv_watch                   renew;  /* the spawner of now */
    struct pv_serving                *now;
    struct pv_serving                *next;   /* NULL: none is made */
    struct pv_serving                *before; /* NULL: it has ended */
    struct pv_renewed                 read;   /* of next */
    bool    at_once;                          /* next waits for no connection */
    bool    wanted;
    bool    asked;
    bool    again;    /* the configuration is another one: begin anew */
    int64_t look_ms;  /* has the one of now no connection: read anew */
    int64_t until_ms; /* of asked and next; not before, of wanted */
};

/* With what the program began with; base must live longer, ends are taken. */
enum pv_err pv_change_init(struct pv_change           *change,
                           struct pv_connector_config *base,
                           struct pv_spawner_ends      ends,
                           int                         epoll) PV_MUST_CHECK;

/* After the last call has ended, or been told that it failed. */
void pv_change_free(struct pv_change *change);

/* Workers, deadlines, and the next step of a change. */
void pv_change_tick(struct pv_change *change, int64_t now_ms);

/* When _tick has work next (monotonic); INT64_MAX for never. */
int64_t pv_change_next_ms(const struct pv_change *change, int64_t now_ms);

/* Jobs that are queued or with a worker. */
size_t pv_change_open_count(const struct pv_change *change);

/* False: a spawner that calls need is gone, the program must end. */
bool pv_change_is_alive(const struct pv_change *change);

/* Jobs that are open end as failed; the workers are killed. */
void pv_change_end_jobs(struct pv_change *change);

#endif
