/*
 * keeper_renew.c - other contracts for the keeper: one packet of the main
 * process, u32 length of the texts, and their memfd.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/num.h"
#include "connectord/keeper.h"
#include "connectord/keeper_link.h"
#include "connectord/log.h"
#include "connectord/spawner.h"

#define RENEW_LEN 4

union control {
    struct cmsghdr align;
    char           room[CMSG_SPACE(sizeof(int))];
};

enum pv_err
pv_keeper_link_tell(struct pv_keeper_link *link, int texts, size_t len)
{
    union control   control;
    char            body[RENEW_LEN];
    struct iovec    part = {body, sizeof(body)};
    struct msghdr   message = {.msg_iov = &part,
                               .msg_iovlen = 1,
                               .msg_control = control.room,
                               .msg_controllen = sizeof(control.room)};
    struct cmsghdr *first;

    memset(&control, 0, sizeof(control));
    pv_store_u32(body, (uint32_t)len);
    first = CMSG_FIRSTHDR(&message);
    first->cmsg_level = SOL_SOCKET;
    first->cmsg_type = SCM_RIGHTS;
    first->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(first), &texts, sizeof(int));
    if (sendmsg(pv_keeper_link_fd(link), &message,
                MSG_NOSIGNAL | MSG_DONTWAIT) == RENEW_LEN) {
        return PV_OK;
    }
    return errno == EAGAIN || errno == EINTR ? PV_EAGAIN : PV_ECLOSED;
}

ssize_t
pv_keeper_receive(char *packet, size_t size, int *ret_texts)
{
    union control control;
    struct iovec  part = {packet, size};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.room,
                             .msg_controllen = sizeof(control.room)};
    ssize_t       got =
        recvmsg(PV_KEEPER_FD, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    struct cmsghdr *first = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;

    *ret_texts = -1;
    if (first != NULL && first->cmsg_type == SCM_RIGHTS &&
        first->cmsg_len == CMSG_LEN(sizeof(int))) {
        memcpy(ret_texts, CMSG_DATA(first), sizeof(int));
    }
    return got;
}

enum pv_err
pv_keeper_renew(struct pv_connector_config *config, struct pv_slice packet,
                int texts)
{
    struct pv_connector_config *read = NULL;
    enum pv_err                 err = PV_EPROTO;

    if (packet.len == RENEW_LEN) {
        err = pv_renewed_read(config, texts, pv_load_u32(packet.ptr), &read);
    }
    (void)close(texts); /* a copy: nothing to lose */
    if (err != PV_OK) {
        pv_log_error("connector.change_failed", "process=keeper error=\"%s\"",
                     pv_err_text(err));
        return err;
    }
    pv_connector_contracts_swap(config, read);
    pv_connector_config_free(read);
    return PV_OK;
}
