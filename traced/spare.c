/*
 * spare.c - the second thread: what may take its time. The next segment's
 * zeros before they are needed, the snapshot, removing old segments.
 */
#include "traced.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "daemon/file.h"

static bool
has_work(const struct spare *spare)
{
    return spare->state == SPARE_WANTED || spare->save.len > 0 ||
           spare->remove_below > 0;
}

/* These are called with the lock held, and give it up for the disk. */

static void
make_zeros(struct spare *spare)
{
    enum pv_err err;
    int         fd = -1;
    int         error;

    (void)pthread_mutex_unlock(&spare->lock); /* as in run() */
    err = pv_segment_prepare(spare->dirfd, spare->size, &fd);
    error = errno;
    (void)pthread_mutex_lock(&spare->lock); /* as in run() */
    spare->fd = err == PV_OK ? fd : -1;
    spare->error = err == PV_OK ? 0 : error;
    spare->state = err == PV_OK ? SPARE_READY : SPARE_FAILED;
    (void)pthread_cond_broadcast(&spare->change); /* as above */
}

static void
save(struct spare *spare)
{
    struct pv_buf bytes = spare->save;
    uint64_t      number = spare->save_number;
    enum pv_err   err;

    pv_buf_init(&spare->save, SNAPSHOT_MAX);
    (void)pthread_mutex_unlock(&spare->lock); /* as in run() */
    err = pv_file_replace(spare->dirfd, PV_JOURNAL_STATE, pv_buf_view(&bytes),
                          PV_FILE_MODE_GROUP);
    if (err != PV_OK) {
        pv_log_event("warning", "traced.snapshot",
                     "errno=%d (%s); the next start reads more", errno,
                     strerror(errno));
    }
    pv_buf_clear(&bytes);
    (void)pthread_mutex_lock(&spare->lock); /* as in run() */
    if (err == PV_OK) {
        spare->saved_number = number;
    }
}

static void
remove_old(struct spare *spare)
{
    uint64_t below = spare->remove_below;

    spare->remove_below = 0;
    (void)pthread_mutex_unlock(&spare->lock); /* as in run() */
    removal_do(spare->dirfd, below);
    (void)pthread_mutex_lock(&spare->lock); /* as in run() */
}

static void *
run(void *context)
{
    struct spare *spare = context;

    (void)pthread_mutex_lock(&spare->lock); /* cannot fail: a plain mutex */
    for (;;) {
        while (!spare->stop && !has_work(spare)) {
            /* cannot fail: a plain condition */
            (void)pthread_cond_wait(&spare->change, &spare->lock);
        }
        if (spare->stop) {
            break;
        }
        if (spare->state == SPARE_WANTED) {
            make_zeros(spare);
        } else if (spare->save.len > 0) {
            save(spare);
        } else {
            remove_old(spare);
        }
    }
    (void)pthread_mutex_unlock(&spare->lock); /* as above */
    return NULL;
}

enum pv_err
spare_start(struct spare *spare, int dirfd, uint64_t size, uint64_t saved)
{
    sigset_t all;
    sigset_t before;
    int      error;

    memset(spare, 0, sizeof(*spare));
    spare->fd = -1;
    spare->dirfd = dirfd;
    spare->size = size;
    spare->saved_number = saved;
    pv_buf_init(&spare->save, SNAPSHOT_MAX);
    if (pthread_mutex_init(&spare->lock, NULL) != 0 ||
        pthread_cond_init(&spare->change, NULL) != 0) {
        return PV_ENOMEM;
    }
    (void)sigfillset(&all); /* cannot fail */
    /* signals are the main thread's; cannot fail with these arguments */
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&spare->thread, NULL, run, spare);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL); /* as above */
    if (error != 0) {
        errno = error;
        return PV_ESYS;
    }
    spare->running = true;
    return PV_OK;
}

void
spare_stop(struct spare *spare)
{
    if (!spare->running) {
        return;
    }
    (void)pthread_mutex_lock(&spare->lock); /* as in run() */
    spare->stop = true;
    (void)pthread_cond_broadcast(&spare->change);
    (void)pthread_mutex_unlock(&spare->lock);
    (void)pthread_join(spare->thread, NULL); /* joinable, joined once */
    spare->running = false;
    pv_buf_clear(&spare->save);
    if (spare->fd != -1) {
        (void)close(spare->fd); /* nothing was written but zeros */
        (void)unlinkat(spare->dirfd, PV_SEGMENT_SPARE, 0); /* or by the start */
        spare->fd = -1;
    }
}

void
spare_want(struct spare *spare)
{
    (void)pthread_mutex_lock(&spare->lock); /* as in run() */
    if (spare->state == SPARE_NONE || spare->state == SPARE_FAILED) {
        spare->state = SPARE_WANTED;
        (void)pthread_cond_broadcast(&spare->change);
    }
    (void)pthread_mutex_unlock(&spare->lock);
}

bool
spare_is_ready(struct spare *spare)
{
    bool ready;

    (void)pthread_mutex_lock(&spare->lock); /* as in run() */
    ready = spare->state == SPARE_READY;
    (void)pthread_mutex_unlock(&spare->lock);
    return ready;
}

int
spare_take(struct spare *spare)
{
    int fd;

    (void)pthread_mutex_lock(&spare->lock); /* as in run() */
    while (spare->running && spare->state == SPARE_WANTED) {
        (void)pthread_cond_wait(&spare->change, &spare->lock);
    }
    fd = spare->fd;
    spare->fd = -1;
    spare->state = SPARE_NONE;
    (void)pthread_mutex_unlock(&spare->lock);
    return fd;
}

void
spare_save(struct spare *spare, struct pv_buf *bytes, uint64_t number)
{
    (void)pthread_mutex_lock(&spare->lock); /* as in run() */
    pv_buf_clear(&spare->save);             /* an older one that still waits */
    spare->save = *bytes;
    spare->save_number = number;
    (void)pthread_cond_broadcast(&spare->change);
    (void)pthread_mutex_unlock(&spare->lock);
}

uint64_t
spare_saved(struct spare *spare)
{
    uint64_t number;

    (void)pthread_mutex_lock(&spare->lock); /* as in run() */
    number = spare->saved_number;
    (void)pthread_mutex_unlock(&spare->lock);
    return number;
}

void
spare_remove(struct spare *spare, uint64_t below)
{
    (void)pthread_mutex_lock(&spare->lock); /* as in run() */
    spare->remove_below = below;
    (void)pthread_cond_broadcast(&spare->change);
    (void)pthread_mutex_unlock(&spare->lock);
}
