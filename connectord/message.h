/*
 * message.h - what the connector's main process and its workers say.
 *
 * A frame, little-endian:
 *
 *   offset size
 *   0      4    length of the body
 *   4      2    type
 *   6      2    zero
 *   8      8    number of the call; zero where there is none
 *   16     ...  body
 *
 * Bodies are made of u32 numbers and texts; a text is a u32 length and its
 * bytes, or the length PV_NULL alone for NULL.
 *
 *   SETUP  main -> worker  u32 flags, text connection string, u32 count, then
 *                          per method: u32 flags, u32 max_rows,
 *                          u32 deadline in ms, u32 queries,
 *                          per query: u32 flags, text statement, u32 parameters
 *   CALL   main -> worker  u32 method, u32 count, texts in order of the ?
 *   COMMAND main -> worker u32 method, text digest of the key, text digest of
 *                          the request, text now, text until when the key is
 *                          kept, u32 count of the same two under secrets before
 *                          this one (0 to 3), those (message_command.h), u32
 *                          count, texts in order of the ?
 *   READY  worker -> main  5 bytes SQLSTATE per method; 00000: prepared
 *   DOWN   worker -> main  5 bytes SQLSTATE; the worker ends
 *   ROWS   worker -> main  u32 sets (1 or 2), per set: u32 columns, their
 *                          names, u32 rows, the cells row by row
 *   DONE   worker -> main  text when it was done, then as ROWS, one set; no
 *                          row: not done
 *   ERROR  worker -> main  u32 kind, 5 bytes SQLSTATE
 *
 * Anything else is a breach of the protocol: the worker is killed, or ends.
 *
 * Ownership: views point into the bytes they were read from.
 * Threads: any.  Blocks: _send_all and _read_all do.
 */
#ifndef PV_CONNECTORD_MESSAGE_H
#define PV_CONNECTORD_MESSAGE_H

#include "base/buf.h"
#include "contract/answer.h"

#define PV_FRAME_HEAD 16
#define PV_NULL UINT32_MAX
#define PV_SQLSTATE_LEN 5
#define PV_CONNECTOR_METHODS_MAX 128
#define PV_SETUP_MAX (96 * 1024)
#define PV_CALL_MAX (128 * 1024)
#define PV_ROWS_BYTES_MAX (2 * 1024 * 1024)
#define PV_READY_MAX (PV_SQLSTATE_LEN * PV_CONNECTOR_METHODS_MAX)
#define PV_DSN_MAX 4096
#define PV_KEPT_MAX 2900 /* bytes of a command's set: 4000 in base64 */

enum pv_message {
    PV_MESSAGE_NONE = 0,
    PV_MESSAGE_SETUP,
    PV_MESSAGE_CALL,
    PV_MESSAGE_READY,
    PV_MESSAGE_DOWN,
    PV_MESSAGE_ROWS,
    PV_MESSAGE_ERROR,
    PV_MESSAGE_COMMAND,
    PV_MESSAGE_DONE,
    PV_MESSAGE_END
};

enum pv_query_error {
    PV_QUERY_NONE = 0,
    PV_QUERY_FAILED, /* the statement failed */
    PV_QUERY_ROWS,   /* more rows than allowed */
    PV_QUERY_SIZE,   /* more bytes than allowed */
    PV_QUERY_LOST,   /* the connection is gone; the worker ends */
    PV_QUERY_REUSED, /* the key of a command belongs to another request */
    PV_QUERY_HEAVY,  /* failed, and the driver keeps much; the worker ends */
    PV_QUERY_MEMBER, /* the first query, which is needed, found nobody */
    PV_QUERY_END
};

#define PV_SETUP_MAY_WRITE 1u /* files may be written by the driver */
#define PV_SETUP_COMMANDS 2u  /* there are commands: no read-only connection */
#define PV_SETUP_HTTP 4u      /* the connection string is config_http.h's */
#define PV_METHOD_EXISTS 1u   /* only whether there is a row */
#define PV_METHOD_COMMAND 2u  /* its queries are the steps of a transaction */
#define PV_QUERY_NEEDED                                                        \
    1u /* without a row, nothing of it is done; of a                           \
          CALL the first alone, and it is no set */

struct pv_frame {
    enum pv_message type;
    uint64_t        call;
    uint32_t        len; /* of the body */
};

/* PV_EPROTO for a type that from_worker may not send, or a wrong length. */
enum pv_err pv_frame_read(const char head[PV_FRAME_HEAD], bool from_worker,
                          struct pv_frame *ret) PV_MUST_CHECK;

/* Begin a frame in an empty buf, and set its length once it is whole. */
enum pv_err pv_frame_begin(struct pv_buf *buf, enum pv_message type,
                           uint64_t call) PV_MUST_CHECK;
void        pv_frame_end(struct pv_buf *buf);

enum pv_err pv_put_u32(struct pv_buf *buf, uint32_t n) PV_MUST_CHECK;
enum pv_err pv_put_text(struct pv_buf *buf, struct pv_slice s) PV_MUST_CHECK;
enum pv_err pv_put_null(struct pv_buf *buf) PV_MUST_CHECK;

/* Take from the front of body; PV_EPROTO when it is too short. */
enum pv_err pv_take_u32(struct pv_slice *body, uint32_t *ret) PV_MUST_CHECK;
enum pv_err pv_take_text(struct pv_slice *body, bool *ret_null,
                         struct pv_slice *ret) PV_MUST_CHECK;

/*
 * Read a ROWS body. PV_EPROTO for anything but want sets of at most max_rows
 * (the first) and 1 (the second) rows. sets are freed by pv_rows_clear.
 */
enum pv_err pv_rows_read(struct pv_slice body, size_t want, uint32_t max_rows,
                         struct pv_rows sets[2]) PV_MUST_CHECK;
void        pv_rows_clear(struct pv_rows *rows);

/* Blocking; PV_ECLOSED when the peer is gone. */
enum pv_err pv_send_all(int fd, struct pv_slice bytes) PV_MUST_CHECK;
enum pv_err pv_read_all(int fd, char *room, size_t len) PV_MUST_CHECK;

#endif
