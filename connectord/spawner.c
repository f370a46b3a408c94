/*
 * spawner.c - makes workers.
 *
 * Does:    fork and exec of this same binary with `-P worker`; reaps. When
 *          contracts came, a fork that reads the configuration anew.
 * Holds:   the SETUP frame (connection string, statements).
 * Talks:   with the main process over two socketpairs, one byte a question.
 * Calls:   fork, exec, socketpair, sendmsg; no ptrace, mount, bpf ...
 * A thief: has the connection string, but reads no input it could come by but
 *          the contracts that the registry signed.
 */
#include "connectord/spawner_private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"
#include "connectord/log.h"
#include "connectord/sandbox.h"
#include "connectord/worker.h"
#include "daemon/child.h"

#define SOCKET_ROOM (512 * 1024)

#ifdef __SANITIZE_ADDRESS__
#define MUTE false /* sanitizers may speak */
#else
#define MUTE true /* a driver's own messages may hold values */
#endif

static void
become_worker(const struct spawner *spawner, int socket)
{
    static const char *const words[] = {"payvand-connectord", "-P", "worker",
                                        NULL};

    pv_child_become(&(struct pv_child){.parent = spawner->self,
                                       .words = words,
                                       .fd = &socket,
                                       .fd_count = 1,
                                       .is_mute = MUTE});
}

static enum pv_err
reply(const struct spawner *spawner, pid_t pid, int socket, int pidfd)
{
    union {
        struct cmsghdr align;
        char           room[CMSG_SPACE(2 * sizeof(int))];
    } control;
    char            body[PV_SPAWNED_LEN];
    struct iovec    part = {body, sizeof(body)};
    struct msghdr   message = {.msg_iov = &part, .msg_iovlen = 1};
    struct cmsghdr *head;
    int             fds[2] = {socket, pidfd};

    pv_store_u32(body, (uint32_t)pid);
    if (pid > 0) {
        memset(&control, 0, sizeof(control));
        message.msg_control = control.room;
        message.msg_controllen = sizeof(control.room);
        head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof(fds));
        memcpy(CMSG_DATA(head), fds, sizeof(fds));
    }
    return sendmsg(spawner->fd, &message, MSG_NOSIGNAL) == PV_SPAWNED_LEN
               ? PV_OK
               : PV_ECLOSED;
}

static enum pv_err
make_worker(struct spawner *spawner)
{
    int         pair[2] = {-1, -1};
    int         pidfd = -1;
    int         room = SOCKET_ROOM;
    pid_t       pid = -1;
    enum pv_err err;

    if (spawner->alive >= PV_SPAWNER_WORKERS_MAX ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        return reply(spawner, 0, -1, -1);
    }
    for (int i = 0; i < 2; i++) { /* wishes; the kernel's maximum may cut */
        (void)setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
    }
    /* a fresh socket's room is larger than any SETUP: this does not block */
    err = pv_send_all(pair[0], pv_buf_view(&spawner->config->setup));
    if (err != PV_OK) {
        goto out;
    }
    pid = fork();
    if (pid == 0) {
        become_worker(spawner, pair[1]);
    }
    if (pid == -1) {
        goto out;
    }
    spawner->alive++;
    pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd == -1) {
        (void)kill(pid, SIGKILL); /* ours, not yet reaped */
    }

out:
    err = pidfd == -1 ? reply(spawner, 0, -1, -1)
                      : reply(spawner, pid, pair[0], pidfd);
    (void)close(pair[0]); /* the main process has its own now */
    (void)close(pair[1]); /* and so has the worker */
    if (pidfd != -1) {
        (void)close(pidfd); /* likewise */
    }
    return err;
}

static void
reap(struct spawner *spawner)
{
    struct signalfd_siginfo info;
    int                     status;
    pid_t                   pid;

    if (read(spawner->signals, &info, sizeof(info)) == -1) {
        return; /* nothing there after all */
    }
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        spawner->alive--;
        if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL) {
            pv_log_error("connector.worker_crashed", "pid=%d signal=%d",
                         (int)pid, WTERMSIG(status));
        }
    }
}

static void
answer(struct spawner *spawner)
{
    struct pollfd watched[3] = {{spawner->fd, POLLIN, 0},
                                {spawner->signals, POLLIN, 0},
                                {spawner->renew, POLLIN, 0}};

    for (;;) {
        char asked;

        watched[2].fd = spawner->renew;
        if (poll(watched, 3, -1) == -1 && errno != EINTR) {
            return;
        }
        if (watched[1].revents != 0) {
            reap(spawner);
        }
        if (watched[2].revents != 0) {
            pv_spawner_on_renew(spawner);
        }
        if (watched[0].revents == 0) {
            continue;
        }
        if (read(spawner->fd, &asked, 1) != 1 ||
            make_worker(spawner) != PV_OK) {
            return; /* the main process is gone; PDEATHSIG ends the workers */
        }
    }
}

void
pv_spawner_run(struct spawner *spawner)
{
    sigset_t child;

    spawner->self = getpid();
    explicit_bzero(&spawner->config->secrets, sizeof(spawner->config->secrets));
    (void)prctl(PR_SET_NAME, "pv-spawner", 0, 0, 0); /* only a name */
    (void)sigemptyset(&child);                       /* cannot fail */
    (void)sigaddset(&child, SIGCHLD);                /* cannot fail */
    if (sigprocmask(SIG_SETMASK, &child, NULL) != 0) {
        return;
    }
    /* of the terminal: the main process says when to end */
    (void)signal(SIGINT, SIG_IGN);
    spawner->signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    if (spawner->signals != -1) {
        answer(spawner);
    }
}

static void
spawner_main(struct spawner *spawner, pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && getppid() == parent &&
        pv_sandbox_spawner() == PV_OK) {
        pv_spawner_run(spawner);
        _exit(0);
    }
    _exit(1);
}

enum pv_err
pv_spawner_start(struct pv_connector_config *config, const char *path,
                 struct pv_spawner_ends *ret)
{
    struct spawner spawner = {.config = config, .path = path};
    int            ask[2];
    int            renew[2];
    pid_t          parent = getpid();
    pid_t          pid;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ask) != 0) {
        return PV_ESYS;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, renew) != 0) {
        (void)close(ask[0]); /* nothing was said */
        (void)close(ask[1]);
        return PV_ESYS;
    }
    pid = fork();
    if (pid == 0) {
        (void)close(ask[0]); /* the parent's */
        (void)close(renew[0]);
        spawner.fd = ask[1];
        spawner.renew = renew[1];
        spawner_main(&spawner, parent);
    }
    (void)close(ask[1]); /* the child's */
    (void)close(renew[1]);
    if (pid == -1) {
        (void)close(ask[0]); /* nothing was said */
        (void)close(renew[0]);
        return PV_ESYS;
    }
    *ret = (struct pv_spawner_ends){ask[0], renew[0]};
    return PV_OK;
}

enum pv_err
pv_spawner_ask(int fd)
{
    ssize_t sent = send(fd, "S", 1, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (sent == 1) {
        return PV_OK;
    }
    return errno == EAGAIN ? PV_EAGAIN : PV_ECLOSED;
}

enum pv_err
pv_spawner_take(int fd, pid_t *ret_pid, int *ret_socket, int *ret_pidfd)
{
    union {
        struct cmsghdr align;
        char           room[CMSG_SPACE(2 * sizeof(int))];
    } control;
    char            body[PV_SPAWNED_LEN];
    struct iovec    part = {body, sizeof(body)};
    struct msghdr   message = {.msg_iov = &part,
                               .msg_iovlen = 1,
                               .msg_control = control.room,
                               .msg_controllen = sizeof(control.room)};
    struct cmsghdr *head;
    int             fds[2];
    ssize_t         got;

    got = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got == -1) {
        return errno == EAGAIN || errno == EINTR ? PV_EAGAIN : PV_ECLOSED;
    }
    if (got != PV_SPAWNED_LEN) {
        return PV_ECLOSED;
    }
    head = CMSG_FIRSTHDR(&message);
    if (pv_load_u32(body) == 0 || head == NULL ||
        head->cmsg_type != SCM_RIGHTS ||
        head->cmsg_len != CMSG_LEN(sizeof(fds))) {
        return PV_ESYS;
    }
    memcpy(fds, CMSG_DATA(head), sizeof(fds));
    *ret_pid = (pid_t)pv_load_u32(body);
    *ret_socket = fds[0];
    *ret_pidfd = fds[1];
    return PV_OK;
}
