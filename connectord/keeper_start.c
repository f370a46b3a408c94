/* keeper_start.c - the keeper, started by the main process. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "connectord/keeper.h"

static void
become_keeper(const char *config_path, int socket, pid_t parent)
{
    char *argv[] = {(char *)(uintptr_t) "payvand-connectord",
                    (char *)(uintptr_t) "-P",
                    (char *)(uintptr_t) "keeper",
                    (char *)(uintptr_t) "--config",
                    (char *)(uintptr_t)config_path,
                    NULL};
    int   null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || getppid() != parent ||
        null == -1 || dup2(null, STDIN_FILENO) == -1 ||
        dup2(null, STDOUT_FILENO) == -1) {
        _exit(1);
    }
    /* of the terminal: the main process says when to end */
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGPIPE, SIG_IGN);
    if (socket == PV_KEEPER_FD ? fcntl(socket, F_SETFD, 0) == -1
                               : dup2(socket, PV_KEEPER_FD) == -1) {
        _exit(1);
    }
    if (close_range(PV_KEEPER_FD + 1, ~0u, 0) != 0) {
        _exit(1);
    }
    (void)execv("/proc/self/exe", argv); /* returns only on failure */
    _exit(1);
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
