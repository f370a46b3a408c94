/*
 * stream.h - whole messages over a stream (authority.h). Private to authority/.
 *
 * Blocks: up to timeout_ms for each part of a message; -1 waits for ever.
 * Errors: PV_ECLOSED, PV_EPROTO the head does not read or the body is longer
 *         than max, PV_EAGAIN nothing in time, PV_ENOMEM.
 */
#ifndef PV_AUTHORITY_STREAM_H
#define PV_AUTHORITY_STREAM_H

#include "authority.h"
#include "base/buf.h"

enum pv_err pv_stream_send(int fd, enum pv_authority_type type,
                           const struct pv_slice *part,
                           size_t                 count) PV_MUST_CHECK;

/* The body replaces what it holds; its maximum is the message's. */
enum pv_err pv_stream_receive(int fd, int timeout_ms,
                              enum pv_authority_type *ret_type,
                              struct pv_buf          *body) PV_MUST_CHECK;

#endif
