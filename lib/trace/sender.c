/* sender.c - an epoch of its own, one frame of one record, its answer. */
#include "trace/sender.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "trace/record.h"
#include "trace/wire.h"

#define HELLO_HEAD_LEN 25
#define PACKET_LEN (PV_WIRE_FRAME_HEAD_LEN + 2 + PV_RECORD_MAX)
#define ANSWER_LEN 4096
#define ITEM_LEN 16 /* of an acknowledgement: sequence and leaf */

void
pv_sender_init(struct pv_sender *sender, const char *socket_path,
               struct pv_slice node)
{
    *sender =
        (struct pv_sender){.socket_path = socket_path, .node = node, .fd = -1};
}

void
pv_sender_close(struct pv_sender *sender)
{
    if (sender->fd != -1) {
        (void)close(sender->fd); /* what was acknowledged is on disk */
        sender->fd = -1;
    }
}

/* The next packet of the journal. PV_ESYS: none in time. PV_EPROTO. */
static enum pv_err
receive(const struct pv_sender *sender, int64_t deadline_ms,
        uint8_t packet[ANSWER_LEN], size_t *ret_len)
{
    for (;;) {
        struct pollfd poll_fd = {sender->fd, POLLIN, 0};
        int64_t       left_ms = deadline_ms - pv_time_monotonic_ms();
        int           ready;
        ssize_t       n;

        if (left_ms <= 0) {
            return PV_ESYS;
        }
        ready = poll(&poll_fd, 1, (int)left_ms);
        if (ready == -1 && errno == EINTR) {
            continue;
        }
        if (ready <= 0) {
            return PV_ESYS;
        }
        n = recv(sender->fd, packet, ANSWER_LEN, MSG_DONTWAIT);
        if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
            continue;
        }
        if (n <= 0) {
            return PV_ESYS;
        }
        if (n < PV_WIRE_HEAD_LEN || pv_load_u32(packet) != PV_WIRE_MAGIC) {
            return PV_EPROTO;
        }
        *ret_len = (size_t)n;
        return PV_OK;
    }
}

static enum pv_err
greet(struct pv_sender *sender, int64_t deadline_ms)
{
    uint8_t     packet[HELLO_HEAD_LEN + UINT8_MAX];
    uint8_t     answer[ANSWER_LEN];
    size_t      len = sender->node.len;
    enum pv_err err;

    if (len > UINT8_MAX) {
        return PV_ERANGE;
    }
    while (sender->epoch == 0) { /* that is payvand-traced's own */
        if (getrandom(&sender->epoch, sizeof(sender->epoch), 0) !=
            (ssize_t)sizeof(sender->epoch)) {
            return PV_ESYS;
        }
    }
    pv_store_u32(packet, PV_WIRE_MAGIC);
    pv_store_u32(packet + 4, PV_WIRE_HELLO);
    pv_store_u32(packet + 8, PV_WIRE_VERSION);
    pv_store_u32(packet + 12, (uint32_t)getpid());
    pv_store_u64(packet + 16, sender->epoch);
    packet[24] = (uint8_t)len;
    memcpy(packet + HELLO_HEAD_LEN, sender->node.ptr, len);
    len += HELLO_HEAD_LEN;
    if (send(sender->fd, packet, len, MSG_NOSIGNAL) != (ssize_t)len) {
        return PV_ESYS;
    }
    err = receive(sender, deadline_ms, answer, &len);
    return err == PV_OK &&
                   (pv_load_u32(answer + 4) & 0xffff) != PV_WIRE_HELLO_OK
               ? PV_EPROTO
               : err;
}

static enum pv_err
connect_to(struct pv_sender *sender, int64_t deadline_ms)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (sender->fd != -1) {
        return PV_OK;
    }
    if (pv_slice_to_cstr(pv_slice_from(sender->socket_path), address.sun_path,
                         sizeof(address.sun_path)) != PV_OK) {
        return PV_ERANGE;
    }
    sender->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (sender->fd == -1 || connect(sender->fd, (struct sockaddr *)&address,
                                    sizeof(address)) == -1) {
        return PV_ESYS;
    }
    return greet(sender, deadline_ms);
}

/* The answer to this frame; those to frames given up are passed by. */
static enum pv_err
hear(const struct pv_sender *sender, int64_t deadline_ms, uint64_t *ret_index)
{
    uint8_t     answer[ANSWER_LEN];
    size_t      len = 0;
    enum pv_err err;

    while ((err = receive(sender, deadline_ms, answer, &len)) == PV_OK) {
        uint32_t type = pv_load_u32(answer + 4) & 0xffff;
        uint32_t count = pv_load_u32(answer + 4) >> 16;

        if (type == PV_WIRE_REFUSED && len >= 16 &&
            pv_load_u64(answer + 8) == sender->sequence) {
            return PV_EPROTO;
        }
        if (type != PV_WIRE_ACK || len != 16 + (size_t)ITEM_LEN * count) {
            continue;
        }
        for (uint32_t i = 0; i < count; i++) {
            const uint8_t *item = answer + 16 + (size_t)ITEM_LEN * i;

            if (pv_load_u64(item) == sender->sequence) {
                *ret_index = pv_load_u64(item + 8);
                return PV_OK;
            }
        }
    }
    return err;
}

static enum pv_err
send_once(struct pv_sender *sender, struct pv_slice line, int64_t deadline_ms,
          uint64_t *ret_index)
{
    uint8_t     packet[PACKET_LEN];
    size_t      len = PV_WIRE_FRAME_HEAD_LEN + 2 + line.len;
    enum pv_err err = connect_to(sender, deadline_ms);

    if (err == PV_OK) {
        pv_store_u32(packet, PV_WIRE_MAGIC);
        pv_store_u32(packet + 4, (uint32_t)PV_WIRE_FRAME | 1u << 16);
        pv_store_u64(packet + 8, sender->sequence);
        packet[16] = (uint8_t)line.len;
        packet[17] = (uint8_t)(line.len >> 8);
        memcpy(packet + PV_WIRE_FRAME_HEAD_LEN + 2, line.ptr, line.len);
        err = send(sender->fd, packet, len, MSG_NOSIGNAL) == (ssize_t)len
                  ? hear(sender, deadline_ms, ret_index)
                  : PV_ESYS;
    }
    if (err != PV_OK) {
        pv_sender_close(sender);
    }
    return err;
}

enum pv_err
pv_sender_record(struct pv_sender *sender, struct pv_slice line,
                 int64_t wait_ms, uint64_t *ret_index)
{
    int64_t     deadline_ms = pv_time_monotonic_ms() + wait_ms;
    bool        was_open = sender->fd != -1;
    enum pv_err err;

    if (line.len > PV_RECORD_MAX) {
        return PV_ERANGE;
    }
    sender->sequence++;
    err = send_once(sender, line, deadline_ms, ret_index);
    if (err != PV_OK && was_open) { /* the journal may have been started anew */
        err = send_once(sender, line, deadline_ms, ret_index);
    }
    return err;
}
