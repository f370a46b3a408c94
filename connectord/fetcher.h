/*
 * fetcher.h - the process that asks the registry for the provider's rights.
 *
 * It says whole states (rights/rights.h) to the main process, over a stream
 * socket: u32 little-endian length, then the state. First what its file holds,
 * if that is good, then each that the registry says. A length of 0 says that a
 * contract came, and is in its folder now.
 *
 * Blocks: _start, until the process is there.
 */
#ifndef PV_CONNECTORD_FETCHER_H
#define PV_CONNECTORD_FETCHER_H

#include "connectord/config.h"

#define PV_FETCHER_FD 3 /* the socket to the main process */
/* agency vkey file socket url ca cert key contracts */
#define PV_FETCHER_ARGUMENTS 9

/* Fork and exec of this binary; before any input is read. PV_ESYS. */
enum pv_err pv_fetcher_start(const struct pv_connector_config *config,
                             int *ret_fd) PV_MUST_CHECK;

/* main of the process: an exit code. */
int pv_fetcher_run(int argc, char **argv);

#endif
