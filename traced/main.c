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
#include "recount.h"
#include "start.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/time.h"
#include "children.h"
#include "signer.h"

#define EVENTS_MAX 64
#define TICK_BUSY_MS 100
#define TICK_IDLE_MS 1000
#define LOOK_EVERY_MS 5000
#define LOOK_WHEN_LOW_MS 1000

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
    if (traced_start(&traced, &options, argc, argv, &why) != PV_OK) {
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
