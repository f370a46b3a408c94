/*
 * keeper_link.h - the main process's end of the socket to the keeper.
 *
 * Ownership: a keeping is its caller's, borrowed from _send until ->done.
 * Threads:   one.  Blocks: never.
 */
#ifndef PV_CONNECTORD_KEEPER_LINK_H
#define PV_CONNECTORD_KEEPER_LINK_H

#include "connectord/keeper_message.h"
#include "connectord/watch.h"

#define PV_KEEPER_WAIT_MS 5000 /* for one answer of the keeper */
#define PV_KEEPER_WAITING_MAX                                                  \
    8192 /* messages that the keeper is behind with                            \
          */

struct pv_keeping {
    uint64_t            call; /* its number; pv_keeper_link_number */
    enum pv_keeper_type answer;
    int64_t             deadline_ms;
    /* word: of SAID or KEPT; 0 too when there was no answer in time, or one to
       another message of the call */
    void (*done)(struct pv_keeping *keeping, uint32_t word);
    struct pv_keeping *next;
};

struct pv_keeper_link;

enum pv_err pv_keeper_link_new(int fd, int epoll,
                               struct pv_keeper_link **ret) PV_MUST_CHECK;

/* What still waits ends with 0. */
void pv_keeper_link_free(struct pv_keeper_link *link);

/* A number for a call that has none yet. */
uint64_t pv_keeper_link_number(struct pv_keeper_link *link);

/* Send it with what else this round says, at _flush; ->done is called from
 * _tick or the loop, never from here. PV_EFULL, PV_ECLOSED, PV_ERANGE,
 * PV_ENOMEM: it will not be called. */
enum pv_err pv_keeper_link_send(struct pv_keeper_link          *link,
                                const struct pv_keeper_message *message,
                                struct pv_keeping *keeping) PV_MUST_CHECK;

/* At the end of each round of the loop. */
void pv_keeper_link_flush(struct pv_keeper_link *link);

/* keeper_renew.c: other contracts (spawner.h, struct pv_renewed). PV_EAGAIN: no
   room now; PV_ECLOSED. */
enum pv_err pv_keeper_link_tell(struct pv_keeper_link *link, int texts,
                                size_t len) PV_MUST_CHECK;

/* The socket itself. */
int pv_keeper_link_fd(const struct pv_keeper_link *link);

void    pv_keeper_link_tick(struct pv_keeper_link *link, int64_t now_ms);
int64_t pv_keeper_link_next_ms(const struct pv_keeper_link *link);

/* False once the keeper is gone: the program must end. */
bool pv_keeper_link_is_alive(const struct pv_keeper_link *link);

#endif
