#include "connectord/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/num.h"

/* what each side accepts; a type absent here is a protocol error */
static const struct {
    bool     from_worker;
    uint32_t min;
    uint32_t max;
} rule[PV_MESSAGE_END] = {
    [PV_MESSAGE_SETUP] = {false, 12, PV_SETUP_MAX},
    [PV_MESSAGE_CALL] = {false, 8, PV_CALL_MAX},
    [PV_MESSAGE_READY] = {true, 0, PV_READY_MAX},
    [PV_MESSAGE_DOWN] = {true, PV_SQLSTATE_LEN, PV_SQLSTATE_LEN},
    [PV_MESSAGE_ROWS] = {true, 12, PV_ROWS_BYTES_MAX},
    [PV_MESSAGE_ERROR] = {true, 4 + PV_SQLSTATE_LEN, 4 + PV_SQLSTATE_LEN},
    [PV_MESSAGE_COMMAND] = {false, 24, PV_CALL_MAX},
    [PV_MESSAGE_DONE] = {true, 16, PV_ROWS_BYTES_MAX},
};

enum pv_err
pv_frame_read(const char head[PV_FRAME_HEAD], bool from_worker,
              struct pv_frame *ret)
{
    uint32_t len = pv_load_u32(head);
    uint32_t word = pv_load_u32(head + 4); /* type and two zero bytes */

    if (word == PV_MESSAGE_NONE || word >= PV_MESSAGE_END ||
        rule[word].from_worker != from_worker || len < rule[word].min ||
        len > rule[word].max) {
        return PV_EPROTO;
    }
    *ret = (struct pv_frame){(enum pv_message)word, pv_load_u64(head + 8), len};
    return PV_OK;
}

enum pv_err
pv_frame_begin(struct pv_buf *buf, enum pv_message type, uint64_t call)
{
    enum pv_err err = pv_buf_reserve(buf, PV_FRAME_HEAD);

    if (err != PV_OK) {
        return err;
    }
    pv_store_u32(buf->ptr, 0);
    pv_store_u32(buf->ptr + 4, (uint32_t)type);
    pv_store_u64(buf->ptr + 8, call);
    buf->len = PV_FRAME_HEAD;
    return PV_OK;
}

void
pv_frame_end(struct pv_buf *buf)
{
    pv_store_u32(buf->ptr, (uint32_t)(buf->len - PV_FRAME_HEAD));
}

enum pv_err
pv_put_u32(struct pv_buf *buf, uint32_t n)
{
    char bytes[4];

    pv_store_u32(bytes, n);
    return pv_buf_add(buf, (struct pv_slice){bytes, sizeof(bytes)});
}

enum pv_err
pv_put_text(struct pv_buf *buf, struct pv_slice s)
{
    enum pv_err err;

    if (s.len >= PV_NULL) {
        return PV_ERANGE;
    }
    err = pv_put_u32(buf, (uint32_t)s.len);
    return err == PV_OK ? pv_buf_add(buf, s) : err;
}

enum pv_err
pv_put_null(struct pv_buf *buf)
{
    return pv_put_u32(buf, PV_NULL);
}

enum pv_err
pv_take_u32(struct pv_slice *body, uint32_t *ret)
{
    if (body->len < 4) {
        return PV_EPROTO;
    }
    *ret = pv_load_u32(body->ptr);
    body->ptr += 4;
    body->len -= 4;
    return PV_OK;
}

enum pv_err
pv_take_text(struct pv_slice *body, bool *ret_null, struct pv_slice *ret)
{
    uint32_t    len;
    enum pv_err err = pv_take_u32(body, &len);

    if (err != PV_OK) {
        return err;
    }
    *ret_null = len == PV_NULL;
    if (*ret_null) {
        *ret = (struct pv_slice){"", 0};
        return PV_OK;
    }
    if (len > body->len) {
        return PV_EPROTO;
    }
    *ret = (struct pv_slice){body->ptr, len};
    body->ptr += len;
    body->len -= len;
    return PV_OK;
}

static enum pv_err
take_set(struct pv_slice *body, uint32_t max_rows, struct pv_rows *rows)
{
    uint32_t    columns;
    uint32_t    count;
    bool        null;
    enum pv_err err = pv_take_u32(body, &columns);

    if (err != PV_OK || columns > PV_FIELDS_MAX) {
        return PV_EPROTO;
    }
    rows->column = calloc((size_t)columns + 1, sizeof(rows->column[0]));
    if (rows->column == NULL) {
        return PV_ENOMEM;
    }
    rows->column_count = columns;
    for (size_t i = 0; i < columns; i++) {
        err = pv_take_text(body, &null, &rows->column[i]);
        if (err != PV_OK || null) {
            return PV_EPROTO;
        }
    }
    err = pv_take_u32(body, &count);
    if (err != PV_OK || count > max_rows) {
        return PV_EPROTO;
    }
    rows->cell = calloc((size_t)columns * count + 1, sizeof(rows->cell[0]));
    if (rows->cell == NULL) {
        return PV_ENOMEM;
    }
    rows->row_count = count;
    for (size_t i = 0; i < (size_t)columns * count; i++) {
        err = pv_take_text(body, &rows->cell[i].null, &rows->cell[i].text);
        if (err != PV_OK) {
            return err;
        }
    }
    return PV_OK;
}

enum pv_err
pv_rows_read(struct pv_slice body, size_t want, uint32_t max_rows,
             struct pv_rows sets[2])
{
    uint32_t    count;
    enum pv_err err = pv_take_u32(&body, &count);

    memset(sets, 0, 2 * sizeof(sets[0]));
    if (err == PV_OK && (count != want || want > 2)) {
        err = PV_EPROTO;
    }
    for (size_t i = 0; err == PV_OK && i < want; i++) {
        err = take_set(&body, i == 0 ? max_rows : 1, &sets[i]);
    }
    if (err == PV_OK && body.len > 0) {
        err = PV_EPROTO;
    }
    if (err != PV_OK) {
        pv_rows_clear(&sets[0]);
        pv_rows_clear(&sets[1]);
    }
    return err;
}

void
pv_rows_clear(struct pv_rows *rows)
{
    if (rows == NULL) {
        return;
    }
    free(rows->column);
    free(rows->cell);
    *rows = (struct pv_rows){0, 0, NULL, NULL};
}

enum pv_err
pv_send_all(int fd, struct pv_slice bytes)
{
    while (bytes.len > 0) {
        ssize_t sent = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);

        if (sent == -1 && errno == EINTR) {
            continue;
        }
        if (sent == -1) {
            return errno == EPIPE || errno == ECONNRESET ? PV_ECLOSED : PV_ESYS;
        }
        bytes.ptr += sent;
        bytes.len -= (size_t)sent;
    }
    return PV_OK;
}

enum pv_err
pv_read_all(int fd, char *room, size_t len)
{
    while (len > 0) {
        ssize_t got = read(fd, room, len);

        if (got == -1 && errno == EINTR) {
            continue;
        }
        if (got == -1) {
            return PV_ESYS;
        }
        if (got == 0) {
            return PV_ECLOSED;
        }
        room += got;
        len -= (size_t)got;
    }
    return PV_OK;
}
