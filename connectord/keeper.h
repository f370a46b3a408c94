/*
 * keeper.h - the process that keeps consent numbers and the access ledger.
 *
 * It has two doors: a socket to the main process (keeper_message.h), and the
 * desk, a Unix socket for the page and the command line (desk.h). What comes
 * in together is committed together (group commit), and only then answered.
 */
#ifndef PV_CONNECTORD_KEEPER_H
#define PV_CONNECTORD_KEEPER_H

#include "connectord/config.h"

#define PV_KEEPER_FD 3 /* its socket to the main process */

/* Start it by fork and exec; ret_fd is the main process's end. PV_ESYS. */
enum pv_err pv_keeper_start(const char *config_path, int *ret_fd) PV_MUST_CHECK;

/* keeper_renew.c: a packet of the main process as recv(2) gives it; *ret_texts
   is the descriptor that came with it, or -1. */
ssize_t pv_keeper_receive(char *packet, size_t size, int *ret_texts);

/* Take the contracts behind texts, which is closed. PV_EPROTO, PV_ENOMEM. */
enum pv_err pv_keeper_renew(struct pv_connector_config *config,
                            struct pv_slice packet, int texts) PV_MUST_CHECK;

/* The process: runs until the main process is gone; gives the exit status. */
int pv_keeper_run(const char *config_path);

#endif
