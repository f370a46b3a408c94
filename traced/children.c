/*
 * children.c - what the journal does for the processes beside it: opens what
 * they are given, begins their supervisor, asks it to end. Also how a process
 * becomes one of them.
 */
#include "children.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/file.h"
#include "supervisor.h"

#define LOCK_NAME "lock"
#define ARGUMENTS_MAX 64
#define HIGH_FD 64 /* above all fixed numbers */

static void
close_all(int fd[FD_END])
{
    for (int i = 0; i < FD_END; i++) {
        if (fd[i] != -1) {
            (void)close(fd[i]); /* the children have their own */
            fd[i] = -1;
        }
    }
}

static enum pv_err
open_dir(const char *path, const char *what, int *ret_fd, struct pv_why *why)
{
    *ret_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*ret_fd == -1) {
        pv_why_set(why, "cannot open the %s directory %s: %s", what, path,
                   strerror(errno));
        return PV_ESYS;
    }
    return PV_OK;
}

static enum pv_err
lock_for_us(int fd, const char *what, const char *path, struct pv_why *why)
{
    if (pv_file_lock(fd) != PV_OK) {
        pv_why_set(why,
                   "another process keeps the %s %s; stop it first, and "
                   "never let two of them run on copies of one log",
                   what, path);
        return PV_EEXIST;
    }
    return PV_OK;
}

static enum pv_err
lock_log(int dirfd, const char *path, int *ret_fd, struct pv_why *why)
{
    int fd = openat(dirfd, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
                    0600);
    enum pv_err err;

    if (fd == -1) {
        pv_why_set(why, "cannot open %s/" LOCK_NAME ": %s", path,
                   strerror(errno));
        return PV_ESYS;
    }
    err = lock_for_us(fd, "log", path, why);
    if (err != PV_OK) {
        (void)close(fd); /* nothing was said */
        return err;
    }
    *ret_fd = fd;
    return PV_OK;
}

static enum pv_err
open_pair(int fd[FD_END], enum child_fd a, enum child_fd b, struct pv_why *why)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1) {
        pv_why_set(why, "cannot make a socket: %s", strerror(errno));
        return PV_ESYS;
    }
    fd[a] = pair[0];
    fd[b] = pair[1];
    return PV_OK;
}

/* What the children are given, but the state page, which is there always. */
static enum pv_err
open_all(const struct options *options, int journal_dirfd, int fd[FD_END],
         struct pv_why *why)
{
    enum pv_err err;

    fd[FD_JOURNAL] = fcntl(journal_dirfd, F_DUPFD_CLOEXEC, FD_END);
    if (fd[FD_JOURNAL] == -1) {
        pv_why_set(why, "cannot start: %s", strerror(errno));
        return PV_ESYS;
    }
    if (options->policy_dir != NULL) { /* calls do not wait for readers */
        fd[FD_POLICY] =
            open(options->policy_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    err = open_dir(options->log_dir, "log", &fd[FD_LOG], why);
    if (err == PV_OK) {
        err = lock_log(fd[FD_LOG], options->log_dir, &fd[FD_LOG_LOCK], why);
    }
    if (err == PV_OK) {
        err = open_dir(options->signer_dir, "signer's", &fd[FD_SIGNER], why);
    }
    if (err == PV_OK) { /* one key signs for one log, also where that is one
                           of two copies */
        err = lock_for_us(fd[FD_SIGNER], "signer's directory",
                          options->signer_dir, why);
    }
    if (err == PV_OK) {
        err = open_pair(fd, FD_ASK_SIGNER, FD_SERVE_LOG, why);
    }
    if (err != PV_OK || options->witnesses == NULL) {
        return err;
    }
    fd[FD_WITNESSES] = open(options->witnesses, O_RDONLY | O_CLOEXEC);
    if (fd[FD_WITNESSES] == -1) {
        pv_why_set(why, "cannot open the witnesses' file %s: %s",
                   options->witnesses, strerror(errno));
        return PV_ESYS;
    }
    return open_pair(fd, FD_ASK_COURIER, FD_SERVE_COURIER, why);
}

/* In the new process: exactly the fixed numbers, and no others. */
static bool
place_all(const int fd[FD_END])
{
    int high[FD_END];

    for (int i = 0; i < FD_END; i++) {
        high[i] = fd[i] == -1 ? -1 : fcntl(fd[i], F_DUPFD_CLOEXEC, HIGH_FD);
        if (fd[i] != -1 && high[i] == -1) {
            return false;
        }
    }
    for (int i = FD_STATE; i < FD_END; i++) {
        if (high[i] == -1) {
            (void)close(i); /* most are not open */
        } else if (dup2(high[i], i) == -1) {
            return false;
        }
    }
    return close_range(FD_END, ~0u, 0) == 0;
}

void
children_become(const char *name, int argc, char **argv, pid_t parent)
{
    char    *args[ARGUMENTS_MAX + 4];
    sigset_t none;
    int      count = 0;
    int      null;

    (void)sigemptyset(&none); /* cannot fail */
    null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (argc > ARGUMENTS_MAX || null == -1 || dup2(null, STDIN_FILENO) == -1 ||
        sigprocmask(SIG_SETMASK, &none, NULL) == -1 ||
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == -1 ||
        getppid() != parent) {
        _exit(1);
    }
    (void)close(null); /* its copy stays */
    args[count++] = argv[0];
    args[count++] = (char *)(uintptr_t) "-P";
    args[count++] = (char *)(uintptr_t)name;
    for (int i = 1; i < argc; i++) {
        args[count++] = argv[i];
    }
    args[count] = NULL;
    (void)execv("/proc/self/exe", args); /* returns only on failure */
    _exit(1);
}

enum pv_err
children_start(const struct options *options, int argc, char **argv,
               int journal_dirfd, int state_fd, int state_read_fd,
               int *ret_control, struct pv_why *why)
{
    int         fd[FD_END];
    int         pair[2] = {-1, -1};
    pid_t       self = getpid();
    pid_t       pid;
    enum pv_err err = PV_OK;

    for (int i = 0; i < FD_END; i++) {
        fd[i] = -1;
    }
    fd[FD_STATE] = state_fd;
    fd[FD_STATE_READ] = state_read_fd;
    if (options->log_dir == NULL) {
        goto out;
    }
    err = open_all(options, journal_dirfd, fd, why);
    if (err != PV_OK) {
        goto out;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1 ||
        (pid = fork()) == -1) {
        pv_why_set(why, "cannot start the children: %s", strerror(errno));
        err = PV_ESYS;
        goto out;
    }
    fd[FD_CONTROL] = pair[1];
    if (pid == 0) {
        if (place_all(fd)) {
            children_become(SUPERVISOR, argc, argv, self);
        }
        _exit(1);
    }
    *ret_control = pair[0];
    pair[0] = -1; /* handed to the caller */

out:
    if (pair[0] != -1) {
        (void)close(pair[0]); /* nothing was said */
    }
    close_all(fd);
    return err;
}

void
children_stop(int control)
{
    struct timeval wait = {.tv_sec = CHILDREN_STOP_MS / 1000};
    char           end = 0;

    if (control == -1) {
        return;
    }
    /* until the supervisor has ended; when it does not, it dies with us */
    if (setsockopt(control, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) ==
            0 &&
        send(control, &end, 1, MSG_NOSIGNAL) == 1) {
        (void)recv(control, &end, 1, 0);
    }
    (void)close(control);
}
