/*
 * child.h - a process of a daemon's own: this program again, with a role.
 *
 * Whatever holds a key, a password or reads for long is a process beside the
 * one that listens. It is made by fork and exec of the same binary, so that
 * it has nothing of its parent's memory, and no descriptor that it was not
 * given.
 */
#ifndef PV_DAEMON_CHILD_H
#define PV_DAEMON_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdnoreturn.h>
#include <sys/types.h>

#define PV_CHILD_FD 3 /* the number of the first that it is given */
#define PV_CHILD_FDS_MAX 4

struct pv_child {
    pid_t              parent; /* getpid(), from before the fork */
    const char *const *words;  /* its argv, with NULL at its end */
    const int         *fd;     /* become PV_CHILD_FD and what follows */
    size_t             fd_count;
    bool               is_mute; /* its stderr goes nowhere, too */
};

/*
 * In the new process, after fork: becomes that program. It reads nothing and
 * writes to stderr alone, blocks no signal, and is killed when its parent
 * ends. Whatever goes wrong: it ends with 1. Signals that are ignored stay so.
 */
noreturn void pv_child_become(const struct pv_child *child);

#endif
