/* start.c - from nothing to a journal that takes frames: memory, recovery,
 * children, socket, sandbox. */
#include "start.h"

#include "day.h"

#include <errno.h>
#include <signal.h>
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

#define BACKLOG 64

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

enum pv_err
traced_start(struct traced *traced, const struct options *options, int argc,
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
