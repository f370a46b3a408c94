/*
 * spawner_renew.c - the next spawner: a fork of the one there is, which has
 * read the configuration anew.
 *
 * It answers with one message: u32 length of the texts, and the main process's
 * ends of its two sockets and a memfd of the texts; or zero and words, and
 * ends.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/num.h"
#include "connectord/spawner_private.h"

#define ENDS 3 /* descriptors of an answer */
#define HEAD_LEN 4

/* ---- the spawner's side ---- */

static enum pv_err
reply(int fd, const int *ends, size_t texts_len, const char *words)
{
    union {
        struct cmsghdr align;
        char           room[CMSG_SPACE(ENDS * sizeof(int))];
    } control;
    char            head[HEAD_LEN];
    struct iovec    part[2] = {{head, sizeof(head)},
                               {(char *)(uintptr_t)words, strlen(words)}};
    struct msghdr   message = {.msg_iov = part, .msg_iovlen = 2};
    struct cmsghdr *first;

    pv_store_u32(head, (uint32_t)texts_len);
    if (ends != NULL) {
        memset(&control, 0, sizeof(control));
        message.msg_control = control.room;
        message.msg_controllen = sizeof(control.room);
        first = CMSG_FIRSTHDR(&message);
        first->cmsg_level = SOL_SOCKET;
        first->cmsg_type = SCM_RIGHTS;
        first->cmsg_len = CMSG_LEN(ENDS * sizeof(int));
        memcpy(CMSG_DATA(first), ends, ENDS * sizeof(int));
    }
    return sendmsg(fd, &message, MSG_NOSIGNAL) > 0 ? PV_OK : PV_ECLOSED;
}

/* -1 when there is no memory for it. */
static int
put_texts(struct pv_slice texts)
{
    int fd = memfd_create("texts", MFD_CLOEXEC);

    while (fd != -1 && texts.len > 0) {
        ssize_t put = write(fd, texts.ptr, texts.len);

        if (put == -1 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            (void)close(fd); /* nothing to lose */
            return -1;
        }
        texts.ptr += put;
        texts.len -= (size_t)put;
    }
    return fd;
}

/* In the fork: all that it had of its parent it gives up, or goes on with. */
static void
become_next(const struct spawner *parent)
{
    struct spawner spawner = {.path = parent->path};
    struct pv_why  why = {""};
    int            ask[2];
    int            renew[2];
    int            ends[ENDS];
    enum pv_err    err;

    (void)close(parent->fd); /* the parent's own */
    (void)close(parent->signals);
    err = pv_connector_config_load(parent->path, &spawner.config, &why);
    if (err != PV_OK) {
        (void)reply(parent->renew, NULL, 0, /* gone: nobody to tell */
                    why.text[0] == '\0' ? pv_err_text(err) : why.text);
        return;
    }
    ends[2] = put_texts(pv_buf_view(&spawner.config->texts));
    if (ends[2] == -1 ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ask) != 0 ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, renew) != 0) {
        (void)reply(parent->renew, NULL, 0, strerror(errno)); /* likewise */
        return;
    }
    ends[0] = ask[0];
    ends[1] = renew[0];
    err = reply(parent->renew, ends, spawner.config->texts.len, "");
    for (size_t i = 0; i < ENDS; i++) {
        (void)close(ends[i]); /* the main process has its own now */
    }
    (void)close(parent->renew); /* the parent's own */
    pv_buf_clear(&spawner.config->texts);
    pv_connector_config_free(parent->config);
    spawner.fd = ask[1];
    spawner.renew = renew[1];
    if (err == PV_OK) {
        pv_spawner_run(&spawner); /* until the main process closes its end */
    }
}

void
pv_spawner_on_renew(struct spawner *spawner)
{
    char  asked;
    pid_t pid;

    if (read(spawner->renew, &asked, 1) != 1) {
        (void)close(spawner->renew); /* the next one is there */
        spawner->renew = -1;
        return;
    }
    pid = fork();
    if (pid == 0) {
        become_next(spawner);
        _exit(0);
    }
    if (pid == -1) {
        /* gone: the main process asks nobody any more */
        (void)reply(spawner->renew, NULL, 0, strerror(errno));
        return;
    }
    spawner->alive++; /* it is reaped as they are */
}

/* ---- the main process's side ---- */

enum pv_err
pv_spawner_renew(int fd)
{
    return pv_spawner_ask(fd);
}

enum pv_err
pv_spawner_take_renewed(int fd, struct pv_renewed *ret, struct pv_why *why)
{
    union {
        struct cmsghdr align;
        char           room[CMSG_SPACE(ENDS * sizeof(int))];
    } control;
    char            body[HEAD_LEN + sizeof(why->text)];
    struct iovec    part = {body, sizeof(body)};
    struct msghdr   message = {.msg_iov = &part,
                               .msg_iovlen = 1,
                               .msg_control = control.room,
                               .msg_controllen = sizeof(control.room)};
    struct cmsghdr *first;
    int             ends[ENDS];
    ssize_t got = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    if (got == -1) {
        return errno == EAGAIN || errno == EINTR ? PV_EAGAIN : PV_ECLOSED;
    }
    if (got < HEAD_LEN) {
        return PV_ECLOSED;
    }
    first = CMSG_FIRSTHDR(&message);
    if (first == NULL || first->cmsg_type != SCM_RIGHTS ||
        first->cmsg_len != CMSG_LEN(sizeof(ends))) {
        pv_why_set(why, "%.*s", (int)(got - HEAD_LEN), body + HEAD_LEN);
        return PV_EINVAL;
    }
    memcpy(ends, CMSG_DATA(first), sizeof(ends));
    *ret = (struct pv_renewed){.ends = {ends[0], ends[1]},
                               .texts = ends[2],
                               .texts_len = pv_load_u32(body)};
    return PV_OK;
}

enum pv_err
pv_renewed_read(const struct pv_connector_config *base, int texts, size_t len,
                struct pv_connector_config **ret)
{
    enum pv_err err;
    void       *bytes;

    if (len > PV_CONNECTOR_TEXTS_MAX) {
        return PV_ERANGE;
    }
    if (len == 0) {
        return pv_connector_services_read(base, PV_LIT(""), ret);
    }
    bytes = mmap(NULL, len, PROT_READ, MAP_PRIVATE, texts, 0);
    if (bytes == MAP_FAILED) {
        return PV_ENOMEM;
    }
    err = pv_connector_services_read(base, (struct pv_slice){bytes, len}, ret);
    (void)munmap(bytes, len); /* it is a whole mapping */
    return err;
}
