/* stream.c - a head and a body, each whole. */
#include "stream.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/num.h"

static enum pv_err
send_all(int fd, struct pv_slice bytes)
{
    while (bytes.len > 0) {
        ssize_t sent = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);

        if (sent == -1 && errno == EINTR) {
            continue;
        }
        if (sent <= 0) {
            return PV_ECLOSED;
        }
        bytes.ptr += sent;
        bytes.len -= (size_t)sent;
    }
    return PV_OK;
}

enum pv_err
pv_stream_send(int fd, enum pv_authority_type type, const struct pv_slice *part,
               size_t count)
{
    char        head[PV_AUTHORITY_HEAD_LEN];
    size_t      len = 0;
    enum pv_err err;

    for (size_t i = 0; i < count; i++) {
        len += part[i].len;
    }
    if (len > PV_AUTHORITY_ANSWER_MAX) {
        return PV_ERANGE;
    }
    pv_store_u32(head, PV_AUTHORITY_MAGIC);
    pv_store_u32(head + 4, (uint32_t)type);
    pv_store_u32(head + 8, (uint32_t)len);
    err = send_all(fd, (struct pv_slice){head, sizeof(head)});
    for (size_t i = 0; i < count && err == PV_OK; i++) {
        err = send_all(fd, part[i]);
    }
    return err;
}

static enum pv_err
receive_all(int fd, int timeout_ms, char *room, size_t len)
{
    struct pollfd wait = {fd, POLLIN, 0};

    while (len > 0) {
        int     ready = poll(&wait, 1, timeout_ms);
        ssize_t got;

        if (ready == 0) {
            return PV_EAGAIN;
        }
        if (ready == -1 && errno == EINTR) {
            continue;
        }
        got = ready == -1 ? -1 : recv(fd, room, len, 0);
        if (got == -1 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return PV_ECLOSED;
        }
        room += got;
        len -= (size_t)got;
    }
    return PV_OK;
}

enum pv_err
pv_stream_receive(int fd, int timeout_ms, enum pv_authority_type *ret_type,
                  struct pv_buf *body)
{
    char        head[PV_AUTHORITY_HEAD_LEN];
    size_t      len;
    enum pv_err err = receive_all(fd, timeout_ms, head, sizeof(head));

    if (err != PV_OK) {
        return err;
    }
    len = pv_load_u32(head + 8);
    if (pv_load_u32(head) != PV_AUTHORITY_MAGIC || len > body->max ||
        pv_load_u32(head + 4) > PV_AUTHORITY_REFUSED) {
        return PV_EPROTO;
    }
    body->len = 0;
    err = pv_buf_reserve(body, len);
    if (err == PV_OK) {
        err = receive_all(fd, timeout_ms, body->ptr, len);
    }
    if (err == PV_OK) {
        body->len = len;
        *ret_type = (enum pv_authority_type)pv_load_u32(head + 4);
    }
    return err;
}
