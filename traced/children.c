/*
 * children.c - starts, watches and ends the processes beside the journal.
 *
 * -P children, the supervisor:
 * Does:    fork and exec of this same binary with `-P name`; reaps; starts
 *          again, ever later.
 * Holds:   every descriptor that a child is given; it reads none of them.
 * Talks:   with the journal process, one byte: end.
 * Calls:   fork, exec, wait; what no child needs is denied (sandbox.c).
 * A thief: reads no input that he could come by.
 */
#include "children.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/time.h"
#include "daemon/event.h"
#include "sandbox.h"

#define LOCK_NAME "lock"
#define LOCK_WAIT_MS 2000 /* the last log process may still be ending */
#define LOCK_STEP_US 10000
#define RESTART_MIN_MS 100
#define RESTART_MAX_MS 10000
#define LIVED_WELL_MS                                                          \
    5000 /* a child that lived so long starts anew at once                     \
          */
#define STOP_EACH_MS 3000
#define ARGUMENTS_MAX 64
#define HIGH_FD 64 /* above all fixed numbers */
#define SUPERVISOR "children"

#define BIT(fd) (1u << (fd))

struct child {
    const char *name;
    int (*run)(const struct options *options);
    unsigned fds; /* BIT() of each that it is given */
    bool (*needed)(const struct options *options);
};

static bool
with_log(const struct options *options)
{
    return options->log_dir != NULL;
}

static bool
with_witnesses(const struct options *options)
{
    return options->log_dir != NULL && options->witnesses != NULL;
}

static bool
with_reader(const struct options *options)
{
    return options->api != NULL || options->local != NULL;
}

/* In the order of their start; they are ended from the last to the first. */
static const struct child child[] = {
    {"signer", signer_main, BIT(FD_SIGNER) | BIT(FD_SERVE_LOG), with_log},
    {"keeper", keeper_main, BIT(FD_STATE) | BIT(FD_JOURNAL) | BIT(FD_LOG),
     with_log},
    {"log", log_main,
     BIT(FD_STATE) | BIT(FD_JOURNAL) | BIT(FD_LOG) | BIT(FD_LOG_LOCK) |
         BIT(FD_ASK_SIGNER) | BIT(FD_ASK_COURIER) | BIT(FD_WITNESSES),
     with_log},
    {"courier", courier_main, BIT(FD_SERVE_COURIER) | BIT(FD_WITNESSES),
     with_witnesses},
    {"reader", reader_main,
     BIT(FD_STATE_READ) | BIT(FD_JOURNAL) | BIT(FD_LOG) | BIT(FD_POLICY),
     with_reader},
};

#define CHILDREN (sizeof(child) / sizeof(child[0]))

/* ---- the journal process ------------------------------------------------ */

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

/* A process that was just killed with its journal holds it for a bit. */
static enum pv_err
lock_for_us(int fd, const char *what, const char *path, struct pv_why *why)
{
    for (int waited_ms = 0; flock(fd, LOCK_EX | LOCK_NB) == -1;
         waited_ms += LOCK_STEP_US / 1000) {
        if (errno != EWOULDBLOCK || waited_ms >= LOCK_WAIT_MS) {
            pv_why_set(why,
                       "another process keeps the %s %s; stop it first, and "
                       "never let two of them run on copies of one log",
                       what, path);
            return PV_EEXIST;
        }
        (void)usleep(LOCK_STEP_US); /* shorter is as good */
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

/* `payvand-traced -P name` and what it was started with; does not return. */
static void
become(const char *name, int argc, char **argv, pid_t parent)
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
            become(SUPERVISOR, argc, argv, self);
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

/* ---- the supervisor ----------------------------------------------------- */

struct watched { /* one child as the supervisor sees it */
    pid_t   pid; /* 0: not running */
    int64_t begun_ms;
    int64_t wait_ms;
    int64_t next_ms; /* monotonic: when to start it */
};

struct supervisor {
    const struct options *options;
    int                   argc;
    char                **argv;
    pid_t                 self;
    int                   signals;
    struct log_state     *state;
    struct watched        watched[CHILDREN];
};

static void
start_child(struct supervisor *supervisor, size_t n)
{
    struct watched *watched = &supervisor->watched[n];
    pid_t           pid = fork();

    if (pid == 0) {
        for (int fd = FD_STATE; fd < FD_END; fd++) {
            /* fails where nothing is open: it was not asked for then */
            (void)fcntl(fd, F_SETFD,
                        (child[n].fds & BIT(fd)) != 0 ? 0 : FD_CLOEXEC);
        }
        become(child[n].name, supervisor->argc, supervisor->argv,
               supervisor->self);
    }
    watched->begun_ms = pv_time_monotonic_ms();
    if (pid == -1) {
        watched->next_ms = watched->begun_ms + RESTART_MAX_MS;
        pv_log_event("error", "traced.child_failed", "name=%s errno=%d (%s)",
                     child[n].name, errno, strerror(errno));
        return;
    }
    watched->pid = pid;
    pv_log_event("info", "traced.child", "name=%s pid=%d", child[n].name,
                 (int)pid);
}

static void
child_ended(struct supervisor *supervisor, size_t n, int status)
{
    struct watched *watched = &supervisor->watched[n];
    int64_t         now_ms = pv_time_monotonic_ms();
    int64_t         lived_ms = now_ms - watched->begun_ms;

    watched->pid = 0;
    watched->wait_ms = lived_ms >= LIVED_WELL_MS ? RESTART_MIN_MS
                       : watched->wait_ms == 0   ? RESTART_MIN_MS
                                                 : watched->wait_ms * 2;
    if (watched->wait_ms > RESTART_MAX_MS) {
        watched->wait_ms = RESTART_MAX_MS;
    }
    watched->next_ms = now_ms + watched->wait_ms;
    atomic_fetch_add(&supervisor->state->child_restarts, 1);
    pv_log_event(
        "warning", "traced.child_ended",
        "name=%s %s=%d lived_ms=%lld; calls go on; starting it again in "
        "%lld ms",
        child[n].name, WIFSIGNALED(status) ? "signal" : "code",
        WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
        (long long)lived_ms, (long long)watched->wait_ms);
}

static void
reap(struct supervisor *supervisor)
{
    int   status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (size_t n = 0; n < CHILDREN; n++) {
            if (supervisor->watched[n].pid == pid) {
                child_ended(supervisor, n, status);
            }
        }
    }
}

/* Start what is due; ms until the next one is, -1 for none. */
static int
start_due(struct supervisor *supervisor)
{
    int64_t now_ms = pv_time_monotonic_ms();
    int64_t wait_ms = -1;

    for (size_t n = 0; n < CHILDREN; n++) {
        struct watched *watched = &supervisor->watched[n];

        if (watched->pid != 0 || !child[n].needed(supervisor->options)) {
            continue;
        }
        if (watched->next_ms <= now_ms) {
            start_child(supervisor, n);
        }
        if (watched->pid == 0 &&
            (wait_ms == -1 || watched->next_ms - now_ms < wait_ms)) {
            wait_ms = watched->next_ms - now_ms;
        }
    }
    return (int)wait_ms;
}

static void
stop_child(const struct watched *watched)
{
    int64_t deadline = pv_time_monotonic_ms() + STOP_EACH_MS;

    if (watched->pid == 0) {
        return;
    }
    (void)kill(watched->pid, CHILD_STOP_SIGNAL); /* ours, not yet reaped */
    while (waitpid(watched->pid, NULL, WNOHANG) == 0) {
        if (pv_time_monotonic_ms() >= deadline) {
            (void)kill(watched->pid, SIGKILL); /* as above */
        }
        (void)usleep(LOCK_STEP_US); /* shorter is as good */
    }
}

static int
supervise(struct supervisor *supervisor)
{
    struct pollfd poll_fd[2] = {{FD_CONTROL, POLLIN, 0},
                                {supervisor->signals, POLLIN, 0}};
    for (;;) {
        struct signalfd_siginfo info;
        int                     wait_ms = start_due(supervisor);

        if (poll(poll_fd, 2, wait_ms) == -1 && errno != EINTR) {
            return 1;
        }
        if (poll_fd[0].revents != 0) {
            break;
        }
        if (read(supervisor->signals, &info, sizeof(info)) == sizeof(info)) {
            reap(supervisor);
        }
    }
    for (size_t n = CHILDREN; n > 0; n--) {
        stop_child(&supervisor->watched[n - 1]);
    }
    return 0;
}

static int
supervisor_main(const struct options *options, int argc, char **argv)
{
    struct supervisor supervisor = {
        .options = options, .argc = argc, .argv = argv, .self = getpid()};
    struct pv_why why;
    sigset_t      set;
    int           signals;

    (void)prctl(PR_SET_NAME, "pv-children", 0, 0, 0); /* only a name */
    (void)sigemptyset(&set);                          /* cannot fail */
    (void)sigaddset(&set, SIGCHLD);                   /* cannot fail */
    signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    /* not on a number that a child might be given */
    supervisor.signals = fcntl(signals, F_DUPFD_CLOEXEC, FD_END);
    if (supervisor.signals == -1 || close(signals) == -1 ||
        sigprocmask(SIG_SETMASK, &set, NULL) == -1 ||
        state_map(FD_STATE, &supervisor.state) != PV_OK) {
        pv_log_event("error", "traced.child_failed", "name=" SUPERVISOR " %s",
                     strerror(errno));
        return 1;
    }
    if (sandbox_enter(SANDBOX_CHILDREN, &why) != PV_OK) {
        pv_log_event("error", "traced.child_failed", "name=" SUPERVISOR " %s",
                     why.text);
        return 1;
    }
    return supervise(&supervisor);
}

int
children_main(const struct options *options, int argc, char **argv)
{
    /* argv[1] and [2] are -P and the name; the rest is what we pass on */
    (void)umask(027);               /* cannot fail */
    (void)signal(SIGTERM, SIG_IGN); /* cannot fail; the supervisor says */
    (void)signal(SIGINT, SIG_IGN);  /* when to end */
    (void)signal(SIGPIPE, SIG_IGN); /* cannot fail */
    argv[2] = argv[0];
    if (strcmp(options->process, SUPERVISOR) == 0) {
        return supervisor_main(options, argc - 2, argv + 2);
    }
    for (size_t n = 0; n < CHILDREN; n++) {
        if (strcmp(options->process, child[n].name) == 0) {
            return child[n].run(options);
        }
    }
    pv_log_event("error", "traced.child_failed", "name=%s is not known",
                 options->process);
    return 2;
}
