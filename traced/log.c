/*
 * log.c - keeps the Merkle tree of the journal, and has its heads signed.
 *
 * -P log:
 * Does:    reads the journal behind its writer, hashes each record, writes
 *          the tree, asks for a signature while there is something new, and
 *          publishes the checkpoint.
 * Holds:   the journal (to read), the log's directory.
 * Talks:   with its signer and the witnesses' courier, by socketpairs.
 * Calls:   files below the two directories, the sockets; see sandbox.c.
 * A thief: can spoil the tree's files; what he makes of them is not signed
 *          where it does not go on from what was, and whoever checks sees it.
 */
#include "log.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#include "base/time.h"
#include "daemon/event.h"
#include "sandbox.h"

#define WAIT_MS 40         /* between two looks at the journal */
#define BATCH 256          /* hashes handed to the tree at once */
#define REFUSE_FOR_MS 4000 /* then it ends, and a new one looks again */

static volatile sig_atomic_t stop;

static void
on_stop(int number)
{
    (void)number;
    stop = 1;
}

/* ---- leaves ---------------------------------------------------------------
 */

enum pv_err
log_add_commit(struct log *log, const struct pv_commit_view *view,
               uint64_t from)
{
    struct pv_hash  leaf[BATCH];
    struct pv_frame frame;
    struct pv_slice line;
    size_t          count = 0;
    size_t          at = 0;
    uint64_t        index = view->head.first_index;
    enum pv_err     err = PV_OK;

    while (err == PV_OK &&
           pv_commit_next_frame(view->bytes, &at, &frame) == PV_OK) {
        while (err == PV_OK &&
               pv_frame_next_record(&frame.records, &line) == PV_OK) {
            if (index++ < from) {
                continue;
            }
            err = pv_merkle_leaf(log->sha, line, &leaf[count++]);
            if (err == PV_OK && count == BATCH) {
                err = pv_tiles_append(log->tiles, leaf, count);
                count = 0;
            }
        }
    }
    if (err == PV_OK && count > 0) {
        err = pv_tiles_append(log->tiles, leaf, count);
    }
    if (err == PV_OK && log->new_ms == 0 && index > from) {
        log->new_ms = view->head.time_ms;
    }
    return err;
}

/* All that is on disk by now. */
static enum pv_err
catch_up(struct log *log)
{
    struct pv_commit_view view;
    enum pv_err           err;

    while ((err = follow_next(&log->follow, &view)) == PV_OK) {
        err = log_add_commit(log, &view, view.head.first_index);
        if (err != PV_OK) {
            pv_why_set(&log->why, "cannot write the tree: %s%s%s",
                       pv_err_text(err), err == PV_ESYS ? ": " : "",
                       err == PV_ESYS ? strerror(errno) : "");
            return err;
        }
    }
    if (err == PV_ENOTFOUND) {
        return PV_OK;
    }
    pv_why_set(&log->why,
               "the journal does not read behind what was hashed: segment "
               "%llu offset %llu: %s. It was changed, or its disk fails",
               (unsigned long long)log->follow.reader.head.number,
               (unsigned long long)log->follow.at, pv_err_text(err));
    return err == PV_ECORRUPT ? PV_EVERIFY : err;
}

/* ---- checkpoints ----------------------------------------------------------
 */

static void
say_late(struct log *log)
{
    int64_t late_ms = log->asked_new_ms != 0 ? log->asked_new_ms
                      : log->signed_ms != 0  ? log->signed_ms
                                             : log->new_ms;

    state_set(&log->state->unsigned_ms, (uint64_t)late_ms);
}

/* The tree on disk, then its signature, then the file for all. */
static enum pv_err
make_checkpoint(struct log *log)
{
    struct pv_merkle_proof proof;
    struct pv_hash         root;
    uint64_t               size = pv_tiles_size(log->tiles);
    enum pv_err            err = pv_tiles_sync(log->tiles);

    log->begun_ms = pv_time_monotonic_ms();
    if (err == PV_OK) {
        err = pv_tiles_root(log->tiles, size, &root);
    }
    if (err == PV_OK) {
        err = pv_tiles_consistency(log->tiles, log->signer.size, size, &proof);
    }
    if (err != PV_OK) {
        pv_why_set(&log->why, "cannot write the tree: %s%s%s", pv_err_text(err),
                   err == PV_ESYS ? ": " : "",
                   err == PV_ESYS ? strerror(errno) : "");
        return err;
    }
    err = pv_signer_sign(&log->signer, size, &root, &proof);
    if (err != PV_OK) {
        log->why = log->signer.why;
        return err;
    }
    log->written = false;
    log->signed_ms = log->signed_ms == 0 ? log->new_ms : log->signed_ms;
    log->new_ms = 0;
    state_set(&log->state->signed_ms, (uint64_t)pv_time_wall_ms());
    state_set(&log->state->signed_size, size);
    return PV_OK;
}

/* What is signed is written before the next is signed. */
static enum pv_err
round_once(struct log *log)
{
    int64_t     now_ms = pv_time_monotonic_ms();
    enum pv_err err = catch_up(log);

    if (err == PV_OK && !log->written &&
        now_ms - log->begun_ms >= CHECKPOINT_MS) {
        log->begun_ms = now_ms;
        log_write_signed(log);
    }
    if (err == PV_OK && log->written &&
        pv_tiles_size(log->tiles) > log->signer.size &&
        (stop || now_ms - log->begun_ms >= CHECKPOINT_MS)) {
        err = make_checkpoint(log);
        if (err == PV_OK) {
            log_write_signed(log);
        }
    }
    if (err == PV_OK && log->witnessed && log->written) {
        log_ask_witnesses(log);
    }
    say_late(log);
    return err;
}

/* ---- the process ----------------------------------------------------------
 */

static enum pv_err
run(struct log *log)
{
    enum pv_err err = PV_OK;

    while (err == PV_OK && !stop) {
        err = round_once(log);
        log_write_status(log, false);
        if (err == PV_OK && !stop) {
            log_hear_courier(log, WAIT_MS);
        }
    }
    if (err == PV_OK) {
        err = round_once(log); /* all that came before the end */
    }
    log_write_status(log, true);
    return err;
}

/* Said once; then wait for somebody to act, and look again. */
static int
refuse(struct log *log, enum pv_err err)
{
    int64_t end_ms = pv_time_monotonic_ms() + REFUSE_FOR_MS;

    if (err == PV_ECLOSED) {
        return 1; /* the supervisor ended: the journal process says so */
    }
    state_set(&log->state->log_refusal, 1);
    pv_log_event("error", "log.refuses", "%s", log->why.text);
    log_write_status(log, true);
    if (err != PV_EVERIFY) {
        return 1; /* a disk or a signer that fails: a new one tries again */
    }
    while (!stop && pv_time_monotonic_ms() < end_ms) {
        (void)poll(NULL, 0, WAIT_MS); /* a signal ends it */
    }
    return CHILD_REFUSES;
}

static enum pv_err
init(struct log *log, const struct options *options)
{
    struct sigaction action = {.sa_handler = on_stop};

    log->witnessed = options->witnesses != NULL;
    log->treefd = -1;
    log->follow.reader.fd = -1;
    pv_signer_client_init(&log->signer, FD_ASK_SIGNER);
    pv_buf_init(&log->asked, PV_CHECKPOINT_NOTE_MAX);
    if (sigaction(CHILD_STOP_SIGNAL, &action, NULL) == -1 ||
        state_map(FD_STATE, &log->state) != PV_OK) {
        return PV_ESYS;
    }
    if (log->witnessed) {
        enum pv_err err = log_read_witnesses(log);

        if (err != PV_OK) {
            return err;
        }
    }
    return pv_sha256_new(&log->sha);
}

int
log_main(const struct options *options)
{
    static struct log log;
    struct pv_why     why;
    enum pv_err       err = init(&log, options);

    if (err != PV_OK) {
        pv_log_event("error", "traced.child_failed", "name=log %s %s",
                     pv_err_text(err), log.why.text);
        return 1;
    }
    if (sandbox_enter(SANDBOX_LOG, &why) != PV_OK) {
        pv_log_event("error", "traced.child_failed", "name=log %s", why.text);
        return 1;
    }
    err = log_start(&log);
    if (err == PV_OK) {
        state_set(&log.state->log_refusal, 0);
        state_set(&log.state->signed_size, log.signer.size);
        pv_log_event("info", "log.started", "size=%llu journal=%llu",
                     (unsigned long long)log.signer.size,
                     (unsigned long long)state_get(&log.state->durable_index));
        err = run(&log);
    }
    return err == PV_OK ? 0 : refuse(&log, err);
}
