/*
 * worker.h - the process that holds one database connection.
 */
#ifndef PV_CONNECTORD_WORKER_H
#define PV_CONNECTORD_WORKER_H

#define PV_WORKER_FD 3 /* its socket to the main process */

/* Runs until the main process is gone; gives the exit status. */
int pv_worker_run(void);

#endif
