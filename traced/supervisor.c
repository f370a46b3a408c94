/*
 * supervisor.c - starts, watches and ends the processes beside the journal.
 *
 * -P children, the supervisor:
 * Does:    fork and exec of this same binary with `-P name`; reaps; starts
 *          again, ever later.
 * Holds:   every descriptor that a child is given; it reads none of them.
 * Talks:   with the journal process, one byte: end.
 * Calls:   fork, exec, wait; what no child needs is denied (sandbox.c).
 * A thief: reads no input that he could come by.
 */
#include "supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/time.h"
#include "children.h"
#include "daemon/event.h"
#include "sandbox.h"

#define RESTART_MIN_MS 100
#define RESTART_MAX_MS 10000
#define LIVED_WELL_MS 5000 /* such a child starts anew at once */
#define STOP_EACH_MS 3000
#define STOP_STEP_US 10000

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
        children_become(child[n].name, supervisor->argc, supervisor->argv,
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
        (void)usleep(STOP_STEP_US); /* shorter is as good */
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
