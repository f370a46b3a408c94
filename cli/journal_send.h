/*
 * journal_send.h - gives payvand-traced one record and waits until it is on
 * disk (trace/wire.h), for commands whose doing must be in the log.
 */
#ifndef PV_CLI_JOURNAL_SEND_H
#define PV_CLI_JOURNAL_SEND_H

#include "base/slice.h"

/*
 * PV_OK: the record is on disk; ret_index is its leaf. PV_ESYS: no connection,
 * or no answer in time. PV_EPROTO: refused. Blocks for at most some seconds.
 */
enum pv_err journal_send(const char *socket_path, struct pv_slice node,
                         struct pv_slice line,
                         uint64_t       *ret_index) PV_MUST_CHECK;

#endif
