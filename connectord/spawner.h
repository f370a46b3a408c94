/*
 * spawner.h - the process that makes workers and gives them their set-up.
 *
 * It is forked before any input is read, so that the process that parses
 * input has neither the connection string nor the right to start programs.
 * For each byte it is sent, it starts a worker, puts the SETUP frame into the
 * worker's socket and answers with one message of SPAWNED_LEN bytes (the pid
 * as u32, or 0 on failure) and, on success, two descriptors: the main
 * process's end of the worker's socket and a pidfd.
 */
#ifndef PV_CONNECTORD_SPAWNER_H
#define PV_CONNECTORD_SPAWNER_H

#include "connectord/config.h"

#define PV_SPAWNED_LEN 4
#define PV_SPAWNER_WORKERS_MAX 512

/* Fork it; ret_fd is the main process's end. PV_ESYS. */
enum pv_err pv_spawner_start(const struct pv_connector_config *config,
                             int *ret_fd) PV_MUST_CHECK;

/* Ask for a worker. PV_ECLOSED when the spawner is gone. Never blocks. */
enum pv_err pv_spawner_ask(int fd) PV_MUST_CHECK;

/*
 * Take one answer: PV_EAGAIN when there is none, PV_ECLOSED, PV_ESYS when no
 * worker could be made. Never blocks.
 */
enum pv_err pv_spawner_take(int fd, pid_t *ret_pid, int *ret_socket,
                            int *ret_pidfd) PV_MUST_CHECK;

#endif
