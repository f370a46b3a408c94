/* child.c - a process of a daemon's own. */
#include "daemon/child.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <unistd.h>

#define ABOVE_ALL 16 /* no copy takes a place that is still to be filled */

static bool
place_all(const struct pv_child *child)
{
    int high[PV_CHILD_FDS_MAX];

    if (child->fd_count > PV_CHILD_FDS_MAX) {
        return false;
    }
    for (size_t i = 0; i < child->fd_count; i++) {
        high[i] = fcntl(child->fd[i], F_DUPFD_CLOEXEC, ABOVE_ALL);
        if (high[i] == -1) {
            return false;
        }
    }
    for (size_t i = 0; i < child->fd_count; i++) {
        if (dup2(high[i], PV_CHILD_FD + (int)i) == -1) {
            return false;
        }
    }
    return close_range(PV_CHILD_FD + (unsigned)child->fd_count, ~0u, 0) == 0;
}

static bool
silence(const struct pv_child *child)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    return null != -1 && dup2(null, STDIN_FILENO) != -1 &&
           dup2(null, STDOUT_FILENO) != -1 &&
           (!child->is_mute || dup2(null, STDERR_FILENO) != -1);
}

noreturn void
pv_child_become(const struct pv_child *child)
{
    sigset_t none;

    (void)sigemptyset(&none); /* cannot fail */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 ||
        getppid() != child->parent ||
        sigprocmask(SIG_SETMASK, &none, NULL) != 0 || !silence(child) ||
        !place_all(child)) {
        _exit(1);
    }
    /* returns only on failure; it changes none of them */
    (void)execv("/proc/self/exe", (char *const *)(uintptr_t)child->words);
    _exit(1);
}
