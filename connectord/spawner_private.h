/*
 * spawner_private.h - what spawner.c (workers) and spawner_renew.c (the next
 * spawner) share.
 */
#ifndef PV_CONNECTORD_SPAWNER_PRIVATE_H
#define PV_CONNECTORD_SPAWNER_PRIVATE_H

#include <sys/types.h>

#include "connectord/spawner.h"

struct spawner {
    int                         fd;    /* to the main process */
    int                         renew; /* likewise; -1: that is over */
    int                         signals;
    pid_t                       self;
    const char                 *path;
    struct pv_connector_config *config; /* its ->setup is for workers */
    size_t                      alive;
};

/* Be a spawner until the main process closes the socket. */
void pv_spawner_run(struct spawner *spawner);

/* Somebody asked for the next one: fork it. */
void pv_spawner_on_renew(struct spawner *spawner);

#endif
