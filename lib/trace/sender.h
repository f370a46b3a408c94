/*
 * sender.h - gives payvand-traced one record at a time and waits until it is
 * on disk, for those who are no worker (wire.h): readings, prunings.
 *
 * Ownership: the caller owns the struct; socket and node are borrowed while it
 *            is used.
 * Threads:   one owner at a time.  Blocks: at most wait_ms for each record.
 */
#ifndef PV_TRACE_SENDER_H
#define PV_TRACE_SENDER_H

#include "base/slice.h"

struct pv_sender {
    const char     *socket_path; /* of the journal */
    struct pv_slice node;
    int             fd;    /* -1: not connected */
    uint64_t        epoch; /* 0: none yet */
    uint64_t        sequence;
};

void pv_sender_init(struct pv_sender *sender, const char *socket_path,
                    struct pv_slice node);
void pv_sender_close(struct pv_sender *sender);

/*
 * PV_OK: the record is on disk; ret_index is its leaf. A connection that was
 * there and failed is made anew once: the journal knows the same frame again.
 * PV_ESYS: no connection, or no answer in time. PV_EPROTO: refused, or what
 * answered is no journal. PV_ERANGE: the path, node or line is too long.
 */
enum pv_err pv_sender_record(struct pv_sender *sender, struct pv_slice line,
                             int64_t   wait_ms,
                             uint64_t *ret_index) PV_MUST_CHECK;

#endif
