/* spare.c - the next segment's zeros, written before they are needed. */
#include "traced.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static void *
run(void *context)
{
    struct spare *spare = context;
    enum pv_err   err;
    int           fd = -1;
    int           error;

    (void)pthread_mutex_lock(&spare->lock); /* cannot fail: a plain mutex */
    for (;;) {
        while (!spare->stop && spare->state != SPARE_WANTED) {
            /* cannot fail: a plain condition */
            (void)pthread_cond_wait(&spare->change, &spare->lock);
        }
        if (spare->stop) {
            break;
        }
        (void)pthread_mutex_unlock(&spare->lock); /* as above */
        err = pv_segment_prepare(spare->dirfd, spare->size, &fd);
        error = errno;
        (void)pthread_mutex_lock(&spare->lock); /* as above */
        spare->fd = err == PV_OK ? fd : -1;
        spare->error = err == PV_OK ? 0 : error;
        spare->state = err == PV_OK ? SPARE_READY : SPARE_FAILED;
        (void)pthread_cond_broadcast(&spare->change); /* as above */
    }
    (void)pthread_mutex_unlock(&spare->lock); /* as above */
    return NULL;
}

enum pv_err
spare_start(struct spare *spare, int dirfd, uint64_t size)
{
    sigset_t all;
    sigset_t before;
    int      error;

    memset(spare, 0, sizeof(*spare));
    spare->fd = -1;
    spare->dirfd = dirfd;
    spare->size = size;
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
