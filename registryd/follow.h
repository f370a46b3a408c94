/*
 * follow.h - a node's copy of the registry: asks for what was decided, takes
 * it, and says until when the copy may be used. Private to payvand-follow.
 *
 * Ownership: the caller places the struct. Threads: one.
 * Blocks:    follow_round, until an answer, at most wait_s and a few seconds.
 */
#ifndef PV_REGISTRYD_FOLLOW_H
#define PV_REGISTRYD_FOLLOW_H

#include <signal.h>

#include "feed.h"

#define FOLLOW_STALE_S 900 /* a copy that heard nothing so long refuses */
#define FOLLOW_STALE_MAX_S 86400
#define FOLLOW_WAIT_S 10 /* of one question, at most */
#define FOLLOW_WAIT_MIN_MS 200
#define FOLLOW_WAIT_MAX_MS 5000

struct follow {
    /* given; texts are borrowed */
    const char                  *socket; /* a Unix socket, or NULL */
    const char                  *url;    /* https://..., or NULL */
    const char                  *ca;
    const char                  *cert;
    const char                  *key;
    struct pv_note_key           log; /* whose signature is believed */
    int64_t                      stale_ms;
    int                          logfd; /* directory of checkpoint and status */
    const volatile sig_atomic_t *stop;  /* a question ends when it is set */
    /* what it does */
    struct pv_registry *registry;
    void               *curl;     /* one connection, kept */
    int64_t             last;     /* decision that is held */
    uint64_t            size;     /* that the registry has signed */
    int64_t             heard_ms; /* wall clock; 0: never */
    int64_t             pause_ms; /* before the next question */
    enum pv_err         said;     /* what was said of the last round */
    struct pv_why       why;      /* why the last round failed; "" */
};

/* PV_ENOMEM; others as the registry's image. */
enum pv_err follow_start(struct follow *follow) PV_MUST_CHECK;
void        follow_end(struct follow *follow);

/* Ask once, take what comes. Its own failures are said and tried again. */
void follow_round(struct follow *follow);

#endif
