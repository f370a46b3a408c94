/*
 * message_command.h - the bodies of COMMAND and DONE (message.h), written and
 * read.
 *
 * Ownership: views point into the bytes they were read from.
 * Threads: any. Blocks: never. Errors: PV_EPROTO for a body of another form.
 */
#ifndef PV_CONNECTORD_MESSAGE_COMMAND_H
#define PV_CONNECTORD_MESSAGE_COMMAND_H

#include "connectord/keyed.h"
#include "connectord/message.h"

/* Digests in hex, never empty. */
struct pv_command_name {
    struct pv_slice key;
    struct pv_slice request;
};

struct pv_command {
    struct pv_command_name name;
    struct pv_command_name before[PV_SECRETS_MAX - 1]; /* as it was called */
    uint32_t               before_count;
    struct pv_slice        now; /* as time.h writes it */
    struct pv_slice        keep_until;
};

/* What stands between a COMMAND's method and its parameters. */
enum pv_err pv_command_write(const struct pv_command *command,
                             struct pv_buf           *buf) PV_MUST_CHECK;
enum pv_err pv_command_read(struct pv_slice   *body,
                            struct pv_command *ret) PV_MUST_CHECK;

/*
 * When it was done, PV_TIME_TEXT_LEN bytes, taken from the front of DONE; what
 * is left is a body of ROWS.
 */
enum pv_err pv_done_read(struct pv_slice *body,
                         int64_t         *ret_when_ms) PV_MUST_CHECK;

#endif
