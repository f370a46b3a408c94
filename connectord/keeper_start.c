/* keeper_start.c - the keeper, started by the main process. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "connectord/keeper.h"
#include "daemon/child.h"

static void
become_keeper(const char *config_path, int socket, pid_t parent)
{
    const char *const words[] = {"payvand-connectord", "-P",        "keeper",
                                 "--config",           config_path, NULL};

    /* of the terminal: the main process says when to end */
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGPIPE, SIG_IGN);
    pv_child_become(&(struct pv_child){
        .parent = parent, .words = words, .fd = &socket, .fd_count = 1});
}

enum pv_err
pv_keeper_start(const char *config_path, int *ret_fd)
{
    pid_t   parent = getpid();
    int     pair[2];
    char    ready;
    ssize_t got;
    pid_t   pid;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        return PV_ESYS;
    }
    pid = fork();
    if (pid == 0) {
        become_keeper(config_path, pair[1], parent);
    }
    (void)close(pair[1]); /* the child's */
    if (pid != -1) {
        do {
            got = recv(pair[0], &ready, 1, 0);
        } while (got == -1 && errno == EINTR);
        if (got == 1) {
            *ret_fd = pair[0];
            return PV_OK;
        }
        errno = ECHILD; /* it has said why */
    }
    (void)close(pair[0]);
    return PV_ESYS;
}
