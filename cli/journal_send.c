/* journal_send.c - one record over the workers' protocol. */
#include "journal_send.h"

#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/num.h"
#include "trace/record.h"
#include "trace/wire.h"

#define WAIT_S 10
#define HELLO_LEN 25
#define ANSWER_MAX 4096
#define ACK_LEN 32 /* with one item */

static enum pv_err
connect_to(const char *path, int *ret_fd)
{
    const struct timeval wait = {.tv_sec = WAIT_S};
    struct sockaddr_un   address = {.sun_family = AF_UNIX};
    int                  fd;

    if (pv_slice_to_cstr(pv_slice_from(path), address.sun_path,
                         sizeof(address.sun_path)) != PV_OK) {
        return PV_ERANGE;
    }
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd == -1) {
        return PV_ESYS;
    }
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) == -1 ||
        connect(fd, (const struct sockaddr *)&address, sizeof(address)) == -1) {
        (void)close(fd); /* nothing was said */
        return PV_ESYS;
    }
    *ret_fd = fd;
    return PV_OK;
}

/* The next answer of a type; others are not for us. */
static enum pv_err
receive(int fd, uint32_t wanted, uint8_t answer[ANSWER_MAX], size_t min)
{
    for (;;) {
        ssize_t  n = recv(fd, answer, ANSWER_MAX, 0);
        uint32_t type;

        if (n < PV_WIRE_HEAD_LEN || pv_load_u32(answer) != PV_WIRE_MAGIC) {
            return n == -1 ? PV_ESYS : PV_ECLOSED;
        }
        type = pv_load_u32(answer + 4) & 0xffff;
        if (type == wanted) {
            return (size_t)n >= min ? PV_OK : PV_EPROTO;
        }
        if (type == PV_WIRE_REFUSED) {
            return PV_EPROTO;
        }
    }
}

static enum pv_err
greet(int fd, struct pv_slice node)
{
    uint8_t  hello[HELLO_LEN + UINT8_MAX];
    uint8_t  answer[ANSWER_MAX];
    uint64_t epoch;

    if (node.len > UINT8_MAX ||
        getrandom(&epoch, sizeof(epoch), 0) != (ssize_t)sizeof(epoch)) {
        return PV_ESYS;
    }
    pv_store_u32(hello, PV_WIRE_MAGIC);
    pv_store_u32(hello + 4, PV_WIRE_HELLO);
    pv_store_u32(hello + 8, PV_WIRE_VERSION);
    pv_store_u32(hello + 12, (uint32_t)getpid());
    pv_store_u64(hello + 16, epoch | 1); /* 0 is payvand-traced's own */
    hello[24] = (uint8_t)node.len;
    memcpy(hello + HELLO_LEN, node.ptr, node.len);
    if (send(fd, hello, HELLO_LEN + node.len, MSG_NOSIGNAL) == -1) {
        return PV_ESYS;
    }
    return receive(fd, PV_WIRE_HELLO_OK, answer, PV_WIRE_HEAD_LEN);
}

enum pv_err
journal_send(const char *socket_path, struct pv_slice node,
             struct pv_slice line, uint64_t *ret_index)
{
    uint8_t     packet[PV_WIRE_FRAME_HEAD_LEN + 2 + PV_RECORD_MAX];
    uint8_t     answer[ANSWER_MAX];
    int         fd = -1;
    enum pv_err err = connect_to(socket_path, &fd);

    if (err == PV_OK) {
        err = line.len > PV_RECORD_MAX ? PV_ERANGE : greet(fd, node);
    }
    if (err == PV_OK) {
        size_t len = PV_WIRE_FRAME_HEAD_LEN + 2 + line.len;

        pv_store_u32(packet, PV_WIRE_MAGIC);
        pv_store_u32(packet + 4, PV_WIRE_FRAME | 1u << 16);
        pv_store_u64(packet + 8, 1);
        packet[16] = (uint8_t)line.len;
        packet[17] = (uint8_t)(line.len >> 8);
        memcpy(packet + PV_WIRE_FRAME_HEAD_LEN + 2, line.ptr, line.len);
        err = send(fd, packet, len, MSG_NOSIGNAL) == -1 ? PV_ESYS : PV_OK;
    }
    if (err == PV_OK) {
        err = receive(fd, PV_WIRE_ACK, answer, ACK_LEN);
    }
    if (err == PV_OK) {
        *ret_index = pv_load_u64(answer + 24);
    }
    if (fd != -1) {
        (void)close(fd); /* what was acknowledged is on disk */
    }
    return err;
}
