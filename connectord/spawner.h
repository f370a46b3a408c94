/*
 * spawner.h - the process that makes workers and gives them their set-up.
 *
 * It is forked before any input is read, so that the process that parses
 * input has neither the connection string nor the right to start programs.
 * For each byte it is sent, it starts a worker, puts the SETUP frame into the
 * worker's socket and answers with one message of SPAWNED_LEN bytes (the pid
 * as u32, or 0 on failure) and, on success, two descriptors: the main
 * process's end of the worker's socket and a pidfd.
 *
 * Over a second socket it is asked for a spawner like itself that has read the
 * configuration anew, for contracts that came. The one that was asked goes on
 * until its first socket is closed.
 */
#ifndef PV_CONNECTORD_SPAWNER_H
#define PV_CONNECTORD_SPAWNER_H

#include "connectord/config.h"

#define PV_SPAWNED_LEN 4
#define PV_SPAWNER_WORKERS_MAX 512

/* The main process's ends of a spawner's two sockets. */
struct pv_spawner_ends {
    int ask;
    int renew;
};

/* Fork it; path is what config was read from. PV_ESYS. */
enum pv_err pv_spawner_start(struct pv_connector_config *config,
                             const char                 *path,
                             struct pv_spawner_ends     *ret) PV_MUST_CHECK;

/* Ask for a worker. PV_ECLOSED when the spawner is gone. Never blocks. */
enum pv_err pv_spawner_ask(int fd) PV_MUST_CHECK;

/*
 * Take one answer: PV_EAGAIN when there is none, PV_ECLOSED, PV_ESYS when no
 * worker could be made. Never blocks.
 */
enum pv_err pv_spawner_take(int fd, pid_t *ret_pid, int *ret_socket,
                            int *ret_pidfd) PV_MUST_CHECK;

/* ---- spawner_renew.c ---- */

/* A spawner that read the configuration anew, and what it read. */
struct pv_renewed {
    struct pv_spawner_ends ends;
    int                    texts; /* a memfd of ->texts (config.h) */
    size_t                 texts_len;
};

/* Ask for one. PV_EAGAIN, PV_ECLOSED. Never blocks. */
enum pv_err pv_spawner_renew(int fd) PV_MUST_CHECK;

/*
 * Take the answer, whose descriptors are the caller's: PV_EAGAIN when there is
 * none, PV_ECLOSED; PV_EINVAL: the configuration is none now, and why says so.
 */
enum pv_err pv_spawner_take_renewed(int fd, struct pv_renewed *ret,
                                    struct pv_why *why) PV_MUST_CHECK;

/* The services behind ->texts, for the process that has base. */
enum pv_err pv_renewed_read(const struct pv_connector_config *base, int texts,
                            size_t                       len,
                            struct pv_connector_config **ret) PV_MUST_CHECK;

#endif
