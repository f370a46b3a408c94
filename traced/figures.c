/*
 * figures.c - the keeper's other work: roll-ups of what is on disk, a minute
 * at a time (lib/trace/rollup.h).
 */
#include "figures.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/time.h"
#include "daemon/event.h"
#include "trace/log_read.h"
#include "trace/rollup.h"

#define NAME "rollup"
#define WINDOW 65536 /* leaves in one step */
#define RETRY_MS 5000

struct figures {
    int               logfd; /* borrowed */
    int               journalfd;
    int               dirfd;
    struct pv_log    *log;
    struct pv_rollup *rollup;
    int64_t           retry_ms; /* monotonic; after a failure */
};

enum pv_err
figures_new(int journalfd, int logfd, struct figures **ret_figures)
{
    struct figures *figures = calloc(1, sizeof(*figures));

    if (figures == NULL) {
        return PV_ENOMEM;
    }
    figures->journalfd = journalfd;
    figures->logfd = logfd;
    figures->dirfd = -1;
    *ret_figures = figures;
    return PV_OK;
}

static void
close_all(struct figures *figures)
{
    pv_rollup_close(figures->rollup);
    figures->rollup = NULL;
    pv_log_close(figures->log);
    figures->log = NULL;
    if (figures->dirfd != -1) {
        (void)close(figures->dirfd); /* all in it is durable */
        figures->dirfd = -1;
    }
}

static enum pv_err
open_all(struct figures *figures, struct pv_why *why)
{
    enum pv_err err;

    if (figures->rollup != NULL) {
        return PV_OK;
    }
    if (mkdirat(figures->logfd, NAME, 0750) == -1 && errno != EEXIST) {
        return PV_ESYS;
    }
    figures->dirfd = openat(figures->logfd, NAME,
                            O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (figures->dirfd == -1) {
        return PV_ESYS;
    }
    err = pv_log_open(figures->journalfd, figures->logfd, &figures->log);
    if (err == PV_OK) {
        err = pv_rollup_open(figures->dirfd, &figures->rollup, why);
    }
    if (err == PV_OK && pv_rollup_torn(figures->rollup) > 0) {
        pv_log_event("warning", "traced.rollup_torn",
                     "bytes=%llu; cut, and made again from the log",
                     (unsigned long long)pv_rollup_torn(figures->rollup));
    }
    return err;
}

static enum pv_err
add(void *context, const struct pv_log_item *item)
{
    struct figures *figures = context;

    return pv_rollup_add(figures->rollup, item->leaf.index,
                         item->leaf.written_ms, item->record);
}

/* A window of leaves; *ret_more: there are others on disk. */
static enum pv_err
step(struct figures *figures, uint64_t durable, bool *ret_more)
{
    struct pv_log_query query = {.from_index = pv_rollup_next(figures->rollup)};
    enum pv_err         err;

    *ret_more = false;
    if (query.from_index >= durable) {
        return pv_rollup_tick(figures->rollup, pv_time_wall_ms());
    }
    query.end_index = durable - query.from_index > WINDOW
                          ? query.from_index + WINDOW
                          : durable;
    pv_log_set_end(figures->log, durable);
    err = pv_log_refresh(figures->log);
    if (err == PV_OK) {
        err = pv_log_walk(figures->log, &query, add, figures);
    }
    *ret_more = err == PV_OK && query.end_index < durable;
    return err;
}

void
figures_run(struct figures *figures, const state_number *durable_index)
{
    int64_t       now_ms = pv_time_monotonic_ms();
    struct pv_why why = {.text = ""};
    bool          more = true;
    enum pv_err   err;

    if (now_ms < figures->retry_ms) {
        return;
    }
    err = open_all(figures, &why);
    while (err == PV_OK && more) {
        err = step(figures, state_get(durable_index), &more);
    }
    if (err != PV_OK) {
        pv_log_event(
            "error", "traced.rollup_failed",
            "err=%d (%s%s%s); the log is not touched by it; trying again "
            "in %d ms",
            (int)err, why.text[0] != '\0' ? why.text : pv_err_text(err),
            err == PV_ESYS ? ": " : "", err == PV_ESYS ? strerror(errno) : "",
            RETRY_MS);
        close_all(figures); /* begun anew from what is on disk */
        figures->retry_ms = now_ms + RETRY_MS;
    }
}

void
figures_free(struct figures *figures)
{
    if (figures != NULL) {
        close_all(figures);
        free(figures);
    }
}
