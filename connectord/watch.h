/*
 * watch.h - one descriptor in the main loop's epoll and what it calls.
 */
#ifndef PV_CONNECTORD_WATCH_H
#define PV_CONNECTORD_WATCH_H

#include <stdint.h>
#include <sys/epoll.h>

#include "base/err.h"

struct pv_watch {
    int fd; /* -1 when not watched */
    void (*ready)(struct pv_watch *watch, uint32_t events);
    void *context;
};

/* Watch watch->fd for reading. PV_ESYS. */
static inline enum pv_err
pv_watch_add(int epoll, struct pv_watch *watch)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = watch};

    return epoll_ctl(epoll, EPOLL_CTL_ADD, watch->fd, &event) == 0 ? PV_OK
                                                                   : PV_ESYS;
}

static inline void
pv_watch_remove(int epoll, struct pv_watch *watch)
{
    /* a descriptor that is not there is what we want */
    (void)epoll_ctl(epoll, EPOLL_CTL_DEL, watch->fd, NULL);
}

#endif
