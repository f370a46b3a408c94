/*
 * payvand-traced - writes the journal of all nginx workers of one node.
 *
 * What it does:      takes frames of records from the workers, checks each
 *                    record against the closed list of fields, appends them
 *                    to the journal, makes them durable, and says so.
 * What it holds:     the journal of this node, and the lock on it.
 * Who may talk to it: the gateway's uid, and its own (the reader that records
 *                    each reading), on one Unix socket (SO_PEERCRED).
 * What it may call:  see sandbox.c.
 * What a thief of it gains: the trace of this node: who asked which service
 *                    when, never what or about whom; and the power to refuse
 *                    calls or to write false records from then on.
 */
#include "day.h"
#include "recount.h"
#include "traced.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/time.h"
#include "children.h"
#include "options.h"
#include "signer.h"

#define EVENTS_MAX 64
#define BACKLOG 64
#define TICK_BUSY_MS 100
#define TICK_IDLE_MS 1000
#define LOOK_EVERY_MS 5000
#define LOOK_WHEN_LOW_MS 1000

/* ---- start ------------------------------------------------------------- */

static enum pv_err
remove_stale_socket(const struct sockaddr_un *address, struct pv_why *why)
{
    struct stat st;
    int         fd;
    int         error;

    if (lstat(address->sun_path, &st) == -1) {
        return PV_OK; /* bind will tell what is wrong */
    }
    if (!S_ISSOCK(st.st_mode)) {
        pv_why_set(why, "%s is there and is no socket", address->sun_path);
        return PV_EEXIST;
    }
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd == -1) {
        pv_why_set(why, "cannot make a socket: %s", strerror(errno));
        return PV_ESYS;
    }
    error = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0
                ? 0
                : errno;
    (void)close(fd); /* nothing was said */
    if (error != ECONNREFUSED) {
        pv_why_set(why, "another process listens on %s", address->sun_path);
        return PV_EEXIST;
    }
    if (unlink(address->sun_path) == -1) {
        pv_why_set(why, "cannot remove the old %s: %s", address->sun_path,
                   strerror(errno));
        return PV_ESYS;
    }
    return PV_OK;
}

static enum pv_err
start_socket(struct traced *traced, struct pv_why *why)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct epoll_event event = {.events = EPOLLIN};
    enum pv_err        err;

    err = pv_slice_to_cstr(pv_slice_from(traced->socket), address.sun_path,
                           sizeof(address.sun_path));
    if (err != PV_OK) {
        pv_why_set(why, "the socket's path is too long");
        return err;
    }
    err = remove_stale_socket(&address, why);
    if (err != PV_OK) {
        return err;
    }
    traced->listenfd =
        socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (traced->listenfd == -1 ||
        bind(traced->listenfd, (const struct sockaddr *)&address,
             sizeof(address)) == -1) {
        pv_why_set(why, "cannot bind %s: %s", traced->socket, strerror(errno));
        return PV_ESYS;
    }
    if (chmod(traced->socket, 0600) == -1 ||
        (traced->gateway_uid != geteuid() &&
         chown(traced->socket, traced->gateway_uid, (gid_t)-1) == -1)) {
        pv_why_set(why, "cannot give %s to the user %u: %s", traced->socket,
                   (unsigned)traced->gateway_uid, strerror(errno));
        return PV_ESYS;
    }
    event.data.ptr = &traced->listenfd;
    if (listen(traced->listenfd, BACKLOG) == -1 ||
        epoll_ctl(traced->epfd, EPOLL_CTL_ADD, traced->listenfd, &event) ==
            -1) {
        pv_why_set(why, "cannot listen on %s: %s", traced->socket,
                   strerror(errno));
        return PV_ESYS;
    }
    return PV_OK;
}

static enum pv_err
start_signals(struct traced *traced, struct pv_why *why)
{
    struct epoll_event event = {.events = EPOLLIN};
    sigset_t           set;

    (void)sigemptyset(&set);        /* cannot fail */
    (void)sigaddset(&set, SIGTERM); /* cannot fail */
    (void)sigaddset(&set, SIGINT);  /* cannot fail */
    (void)sigaddset(&set, SIGHUP);  /* cannot fail */
    (void)signal(SIGPIPE, SIG_IGN); /* cannot fail */
    traced->epfd = epoll_create1(EPOLL_CLOEXEC);
    if (sigprocmask(SIG_BLOCK, &set, NULL) == -1 || traced->epfd == -1) {
        pv_why_set(why, "cannot start: %s", strerror(errno));
        return PV_ESYS;
    }
    traced->sigfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    event.data.ptr = &traced->sigfd;
    if (traced->sigfd == -1 ||
        epoll_ctl(traced->epfd, EPOLL_CTL_ADD, traced->sigfd, &event) == -1) {
        pv_why_set(why, "cannot start: %s", strerror(errno));
        return PV_ESYS;
    }
    return PV_OK;
}

static enum pv_err
start_memory(struct traced *traced, uint64_t segment_size)
{
    uint64_t    half = (segment_size - PV_SEGMENT_HEAD_LEN) / 2;
    enum pv_err err;

    err = pv_commit_init(&traced->commit, half < PV_COMMIT_LEN_MAX
                                              ? (size_t)half
                                              : PV_COMMIT_LEN_MAX);
    if (err == PV_OK) {
        err = counts_init(&traced->counts);
    }
    if (err == PV_OK) {
        err = uses_init(&traced->uses);
    }
    if (err != PV_OK) {
        return err;
    }
    traced->pending = calloc(PENDING_MAX, sizeof(*traced->pending));
    traced->effect = calloc(EFFECTS_MAX, sizeof(*traced->effect));
    return traced->pending == NULL || traced->effect == NULL ? PV_ENOMEM
                                                             : PV_OK;
}

/*
 * Without the saved state, and with the oldest segments in packs only: what is
 * of today is counted again there, what was ever answered is not known.
 */
static enum pv_err
without_state(struct traced *traced, const struct options *options,
              struct pv_why *why)
{
    struct pv_segment_list   list;
    struct pv_segment_reader reader;
    enum pv_err err = pv_segment_list_read(traced->journal.dirfd, &list);
    uint64_t    number = 0;

    if (err != PV_OK) {
        pv_why_set(why, "cannot read the journal's directory: %s",
                   strerror(errno));
        return err;
    }
    number = list.count > 0 ? list.number[0] : 1;
    pv_segment_list_clear(&list);
    traced->uses.unknown = number > 1;
    if (number == 1 || options->counts_from_journal) {
        return PV_OK;
    }
    if (pv_segment_open(traced->journal.dirfd, number, &reader) != PV_OK) {
        return PV_OK; /* the recovery says what is wrong with it */
    }
    err = day_recount(traced, options->log_dir, reader.head.first_index, why);
    pv_segment_close(&reader);
    return err;
}

static void
say_unknown_uses(const struct traced *traced)
{
    if (traced->uses.unknown) {
        pv_log_event(
            "error", "traced.uses_unknown",
            "%s was lost and the oldest segments are gone: answers given "
            "before are not counted, so no call of a grant with "
            "max_calls_answered is forwarded. Stop this program and "
            "count them again: payvand-traced --count-answers",
            PV_JOURNAL_STATE);
    }
}

static enum pv_err
recover(struct traced *traced, const struct options *options,
        struct pv_why *why)
{
    struct pv_recovery recovery = {
        .now_ms = traced->wall_ms,
        .verify_len = traced->verify_len,
        .on_frame = commit_recover_frame,
        .context = traced,
    };
    struct pv_why why_counted = {""};
    enum pv_err   counted = PV_OK;
    enum pv_err   err;

    recovery.from_number = snapshot_load(traced);
    traced->snapshot = recovery.from_number;
    if (recovery.from_number == 0) {
        counted = without_state(traced, options, &why_counted);
    }
    say_unknown_uses(traced);
    err = pv_journal_recover(&traced->journal, &recovery, why);
    if (err == PV_OK && counted != PV_OK) { /* damage is said first */
        *why = why_counted;
        err = counted;
    }
    if (err != PV_OK) {
        return err;
    }
    if (recovery.torn_number != 0) {
        pv_log_event("warning", "traced.torn_tail",
                     "segment=%llu offset=%llu; a commit that was never "
                     "acknowledged is cut, its bytes are kept",
                     (unsigned long long)recovery.torn_number,
                     (unsigned long long)recovery.torn_at);
    }
    if (traced->journal.time_ms > traced->wall_ms + PV_WIRE_SKEW_MAX_MS) {
        pv_log_event("error", "traced.clock",
                     "the clock is %lld ms behind the journal; calls of new "
                     "workers are refused until it is right",
                     (long long)(traced->journal.time_ms - traced->wall_ms));
    }
    pv_log_event("info", "traced.recovered",
                 "segments=%llu read=%llu frames=%llu next_index=%llu "
                 "next_commit=%llu",
                 (unsigned long long)recovery.segment_count,
                 (unsigned long long)recovery.read_count,
                 (unsigned long long)recovery.frame_count,
                 (unsigned long long)traced->journal.next_index,
                 (unsigned long long)traced->journal.next_commit);
    return PV_OK;
}

static enum pv_err
start_children(struct traced *traced, const struct options *options, int argc,
               char **argv, struct pv_why *why)
{
    int         fd;
    int         read_fd;
    enum pv_err err = state_make(&fd, &read_fd, &traced->state);

    if (err != PV_OK) {
        pv_why_set(why, "cannot make the state page: %s", strerror(errno));
        return err;
    }
    commit_publish(traced);
    state_set(&traced->state->uses_unknown, traced->uses.unknown ? 1 : 0);
    return children_start(options, argc, argv, traced->journal.dirfd, fd,
                          read_fd, &traced->control, why);
}

static enum pv_err
start(struct traced *traced, const struct options *options, int argc,
      char **argv, struct pv_why *why)
{
    enum pv_err err;

    (void)umask(027); /* cannot fail; the socket's mode is set apart */
    traced->wall_ms = pv_time_wall_ms();
    traced->now_ms = pv_time_monotonic_ms();
    err = start_memory(traced, options->journal.segment_size);
    if (err != PV_OK) {
        pv_why_set(why, "no memory");
        return err;
    }
    err =
        pv_journal_open(traced->dir, &options->journal, &traced->journal, why);
    if (err == PV_OK) {
        err = recover(traced, options, why);
    }
    if (err == PV_OK) {
        err = start_children(traced, options, argc, argv, why);
    }
    if (err == PV_OK) {
        err = start_signals(traced, why);
    }
    if (err == PV_OK && traced->control != -1) {
        struct epoll_event event = {.events = EPOLLIN,
                                    .data.ptr = &traced->control};

        err = epoll_ctl(traced->epfd, EPOLL_CTL_ADD, traced->control, &event) ==
                      -1
                  ? PV_ESYS
                  : PV_OK;
    }
    if (err == PV_OK) {
        err = spare_start(&traced->spare, traced->journal.dirfd,
                          options->journal.segment_size, traced->snapshot);
        if (err != PV_OK) {
            pv_why_set(why, "cannot start a thread");
        }
    }
    if (err == PV_OK) {
        pv_commit_begin(&traced->commit, traced->journal.next_index);
        traced->space.max_size = options->max_size;
        traced->space.retain_percent = options->retain_percent;
        removal_look(traced);
        space_update(traced, true);
        traced->begun_ms = pv_time_monotonic_ms();
        err = start_socket(traced, why);
    }
    if (err == PV_OK) {
        err = sandbox_enter(SANDBOX_JOURNAL, why);
    }
    return err;
}

/* ---- the loop ---------------------------------------------------------- */

/* True while something waits for time to pass. */
static bool
is_busy(const struct traced *traced)
{
    if (!traced->journal.marked || traced->broken) {
        return true;
    }
    for (uint32_t i = 0; i < traced->epochs.used; i++) {
        if (traced->epochs.epoch[i].open > 0 &&
            traced->epochs.epoch[i].peer == NULL) {
            return true;
        }
    }
    return false;
}

static void
mark(struct traced *traced)
{
    struct pv_journal *journal = &traced->journal;
    enum pv_err        err;

    if (journal->marked || journal->failed || traced->broken ||
        journal->fd == -1) {
        return;
    }
    err = pv_journal_mark(journal, traced->wall_ms);
    if (err == PV_ESYS) {
        pv_log_event(
            "error", "traced.write_failed",
            "segment=%llu offset=%llu errno=%d (%s); ending the segment",
            (unsigned long long)journal->segment.number,
            (unsigned long long)journal->at, errno, strerror(errno));
    }
    journal->marked = true; /* full: the next segment's head says as much */
    pv_commit_begin(&traced->commit, journal->next_index);
}

static void
tick(struct traced *traced)
{
    int64_t look_ms = traced->space.low || traced->space.full || traced->broken
                          ? LOOK_WHEN_LOW_MS
                          : LOOK_EVERY_MS;

    if (traced->now_ms - traced->tick_ms < TICK_BUSY_MS) {
        return;
    }
    traced->tick_ms = traced->now_ms;
    if (traced->now_ms - traced->space.checked_ms >= look_ms) {
        removal_look(traced);
        space_update(traced, true);
        epochs_forget_frames(&traced->epochs, traced->begun_ms, traced->now_ms);
    }
    commit_lost_workers(traced);
}

static void
on_event(struct traced *traced, const struct epoll_event *event)
{
    struct signalfd_siginfo info;
    struct peer            *peer;

    if (event->data.ptr == &traced->listenfd) {
        peer_accept(traced);
    } else if (event->data.ptr == &traced->control) {
        pv_log_event("error", "traced.children_lost",
                     "their supervisor ended; calls go on, proofs wait: start "
                     "this program again when it suits");
        (void)close(traced->control); /* and is watched no more */
        traced->control = -1;
    } else if (event->data.ptr == &traced->sigfd) {
        while (read(traced->sigfd, &info, sizeof(info)) == sizeof(info)) {
            traced->stop = info.ssi_signo != SIGHUP || traced->stop;
        }
    } else {
        peer = event->data.ptr;
        if ((event->events & EPOLLOUT) != 0) {
            peer_write(traced, peer);
        }
        if ((event->events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
            peer_read(traced, peer);
            if (peer->watching && (event->events & EPOLLHUP) != 0) {
                peer_close(traced, peer); /* its answers go nowhere */
            }
        }
    }
}

static void
run(struct traced *traced)
{
    struct epoll_event event[EVENTS_MAX];
    struct timespec    gather = {.tv_nsec = (long)traced->gather_us * 1000};

    while (!traced->stop) {
        int count = epoll_wait(traced->epfd, event, EVENTS_MAX,
                               is_busy(traced) ? TICK_BUSY_MS : TICK_IDLE_MS);

        traced->round++;
        traced->wall_ms = pv_time_wall_ms();
        traced->now_ms = pv_time_monotonic_ms();
        for (int i = 0; i < count; i++) {
            on_event(traced, &event[i]);
        }
        if (traced->gather_us > 0 && traced->commit.frame_count > 0) {
            count =
                epoll_pwait2(traced->epfd, event, EVENTS_MAX, &gather, NULL);
            for (int i = 0; i < count; i++) {
                on_event(traced, &event[i]);
            }
        }
        tick(traced);
        commit_round(traced);
        peers_sweep(traced);
        if (traced->now_ms - traced->commit_ms >= MARK_AFTER_MS) {
            mark(traced);
        }
    }
}

static void
finish(struct traced *traced)
{
    mark(traced);
    children_stop(traced->control);
    if (traced->listenfd != -1) {
        (void)unlink(traced->socket); /* the next start removes it too */
    }
    spare_stop(&traced->spare);
    for (size_t i = 0; i < PEERS_MAX; i++) {
        if (traced->peer[i].fd != -1) {
            traced->peer[i].dead = true;
        }
    }
    peers_sweep(traced);
    pv_log_event("info", "traced.stopped",
                 "commits=%llu frames=%llu refused=%llu doubles=%llu "
                 "next_index=%llu",
                 (unsigned long long)traced->commit_count,
                 (unsigned long long)traced->frame_count,
                 (unsigned long long)traced->refused_count,
                 (unsigned long long)traced->double_count,
                 (unsigned long long)traced->journal.next_index);
    pv_journal_close(&traced->journal);
    pv_commit_clear(&traced->commit);
    counts_clear(&traced->counts);
    uses_clear(&traced->uses);
    epochs_clear(&traced->epochs);
    free(traced->pending);
    free(traced->effect);
}

static int
check_journal(const struct traced *traced)
{
    struct pv_journal  journal = {.fd = -1, .lockfd = -1, .next_commit = 1};
    struct pv_recovery recovery = {.verify_len = UINT64_MAX,
                                   .check_only = true};
    struct pv_why      why;
    enum pv_err        err;

    journal.dirfd = open(traced->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (journal.dirfd == -1) {
        (void)fprintf(stderr, "payvand-traced: cannot open %s: %s\n",
                      traced->dir, strerror(errno)); /* exit code says it */
        return 1;
    }
    err = pv_journal_recover(&journal, &recovery, &why);
    pv_journal_close(&journal);
    if (err != PV_OK) {
        (void)fprintf(stderr, "payvand-traced: %s\n",
                      why.text); /* the exit code says it too */
        return 1;
    }
    return printf("segments=%llu frames=%llu leaves_end=%llu torn_tail=%s\n",
                  (unsigned long long)recovery.segment_count,
                  (unsigned long long)recovery.frame_count,
                  (unsigned long long)journal.next_index,
                  recovery.torn_number == 0 ? "no" : "yes") < 0
               ? 1
               : 0;
}

static void
init(struct traced *traced, const struct options *options)
{
    traced->dir = options->dir;
    traced->socket = options->socket;
    traced->node = options->node;
    traced->own_uid = geteuid();
    traced->gateway_uid = options->gateway_uid;
    traced->gather_us = options->gather_us;
    traced->verify_len = options->verify_len;
    traced->epfd = -1;
    traced->listenfd = -1;
    traced->sigfd = -1;
    traced->control = -1;
    traced->journal.fd = -1;
    traced->journal.dirfd = -1;
    traced->journal.lockfd = -1;
    for (size_t i = 0; i < PEERS_MAX; i++) {
        traced->peer[i].fd = -1;
    }
}

int
main(int argc, char **argv)
{
    static struct traced traced;
    struct options       options;
    struct pv_why        why;
    int                  code;

    why.text[0] = '\0';
    code = options_parse(argc, argv, &options);
    if (code != 0) {
        return code - 1;
    }
    if (options.process != NULL) {
        return children_main(&options, argc, argv);
    }
    if (options.init_key || options.accept != NULL) {
        return options.init_key
                   ? pv_signer_init("payvand-traced", options.signer_dir,
                                    options.origin, options.token)
                   : pv_signer_accept("payvand-traced", options.signer_dir,
                                      options.accept);
    }
    init(&traced, &options);
    if (options.check) {
        return check_journal(&traced);
    }
    if (options.count_answers) {
        options.journal.node = PV_LIT("none"); /* it writes no record */
        return recount(&traced, &options);
    }
    options.journal.node = pv_slice_from(traced.node);
    if (start(&traced, &options, argc, argv, &why) != PV_OK) {
        pv_log_event("error", "traced.cannot_start", "%s", why.text);
        return 1;
    }
    pv_log_event("info", "traced.started",
                 "node=%s segment=%llu offset=%llu next_index=%llu",
                 traced.node, (unsigned long long)traced.journal.segment.number,
                 (unsigned long long)traced.journal.at,
                 (unsigned long long)traced.journal.next_index);
    run(&traced);
    finish(&traced);
    return 0;
}
