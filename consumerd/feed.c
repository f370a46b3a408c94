/* feed.c - a thread that asks the registry, and what it holds. */
#include "feed.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/event.h"
#include "rights/fetch.h"

#define WAIT_S 20 /* of one question */
#define STEP_MS 200
#define PAUSE_MAX_MS 5000

struct feed {
    const struct consumer_registry *config;
    struct pv_rights_source         source;
    char                           *folder; /* of the state's file */
    int                             statefd;
    int                             dirfd;
    pthread_t                       thread;
    bool                            runs;
    atomic_bool                     stop;
    atomic_bool                     dirty; /* a file is not what was signed */
    pthread_mutex_t                 lock;
    struct pv_rights               *rights; /* under lock; NULL: nothing yet */
    struct pv_hash                  body;   /* of it */
    struct pv_rights_fetch          fetch;  /* the thread's */
    enum pv_err                     said;
};

/* ---- what is held ---- */

static enum pv_err
hold(struct feed *feed)
{
    struct pv_rights *rights = NULL;
    struct pv_rights *before;
    struct pv_slice   note;
    struct pv_slice   body;
    enum pv_err       err;

    if (feed->rights != NULL &&
        pv_hash_eq(&feed->body, &feed->fetch.head.body)) {
        return PV_OK; /* only the thread writes it */
    }
    err = pv_rights_cut(pv_buf_view(&feed->fetch.state), &note, &body);
    if (err == PV_OK) {
        err = pv_rights_read(body, &rights);
    }
    if (err != PV_OK) {
        return err;
    }
    (void)pthread_mutex_lock(&feed->lock); /* not held by this thread */
    before = feed->rights;
    feed->rights = rights;
    (void)pthread_mutex_unlock(&feed->lock); /* held */
    pv_rights_free(before);
    feed->body = feed->fetch.head.body;
    pv_log_event("info", "consumer.contracts", "decision=%llu contracts=%zu",
                 (unsigned long long)feed->fetch.head.decision,
                 pv_rights_contract_count(rights));
    return PV_OK;
}

enum pv_err
feed_contract(void *context, const char *path, struct pv_buf *out,
              struct pv_why *why)
{
    struct feed          *feed = context;
    const struct pv_hash *found = NULL;
    struct pv_hash        hash;
    enum pv_err           err = PV_ENOTFOUND;

    (void)pthread_mutex_lock(&feed->lock); /* not held by this thread */
    if (feed->rights != NULL) {
        found = pv_rights_contract_of(feed->rights, path);
    }
    if (found != NULL) {
        hash = *found;
    }
    (void)pthread_mutex_unlock(&feed->lock); /* held */
    if (found != NULL) {
        err = pv_rights_contract_read(feed->dirfd, &hash, out);
    }
    if (err == PV_EVERIFY) {
        pv_why_set(why, "the contract of %s is not what the registry signed",
                   path);
        atomic_store(&feed->dirty, true);
    } else if (err != PV_OK) {
        pv_why_set(why,
                   "the registry names no contract of %s, or it has not "
                   "come yet",
                   path);
    }
    return err;
}

/* ---- asking ---- */

static void
say(struct feed *feed, enum pv_err err)
{
    const char *reason = feed->fetch.why.text;

    if (err == feed->said) {
        return;
    }
    feed->said = err;
    if (err == PV_OK) {
        pv_log_event("info", "consumer.registry_well", "decision=%llu",
                     (unsigned long long)feed->fetch.head.decision);
    } else if (err == PV_EAGAIN) {
        pv_log_event("warn", "consumer.registry_away", "%s; retrying", reason);
    } else if (err == PV_EVERIFY || err == PV_EINVAL) {
        pv_log_event("error", "consumer.registry_refused", "%s; retrying",
                     reason);
    } else {
        pv_log_event("error", "consumer.registry_unkept", "%s; retrying",
                     reason[0] == '\0' ? pv_err_text(err) : reason);
    }
}

/* The files first: a contract is named here when it is there. */
static enum pv_err
one_round(struct feed *feed, unsigned wait_s)
{
    bool        is_new = false;
    enum pv_err err = pv_rights_fetch_round(&feed->fetch, wait_s);

    if (err == PV_OK) {
        atomic_store(&feed->dirty, false);
        err = pv_rights_fetch_contracts(&feed->fetch, feed->dirfd, "/x/",
                                        &is_new);
        if (hold(feed) != PV_OK) {
            err = PV_ENOMEM; /* what was signed is a state: it was read */
        }
    }
    return err;
}

static void
pause_ms(struct feed *feed, int ms)
{
    for (int i = 0; i < ms && !atomic_load(&feed->stop); i += STEP_MS) {
        (void)poll(NULL, 0, STEP_MS); /* a signal may end it early */
    }
}

static void *
run_thread(void *context)
{
    struct feed *feed = context;
    int          pause = 0;

    while (!atomic_load(&feed->stop)) {
        bool        whole = feed->rights != NULL && feed->said == PV_OK;
        enum pv_err err =
            one_round(feed, whole && !atomic_load(&feed->dirty) ? WAIT_S : 0);

        if (atomic_load(&feed->stop)) {
            break;
        }
        if (err == PV_OK && !feed->fetch.is_kept) {
            err = PV_ESYS; /* asked again, but not without a pause */
        }
        say(feed, err);
        pause = err == PV_OK ? 0 : pause == 0 ? STEP_MS : 2 * pause;
        pause = pause > PAUSE_MAX_MS ? PAUSE_MAX_MS : pause;
        pause_ms(feed, pause);
    }
    return NULL;
}

/* ---- begin and end ---- */

static enum pv_err
open_folder(const char *path, int *ret, struct pv_why *why)
{
    *ret = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*ret == -1) {
        pv_why_set(why, "%s: %s", path, strerror(errno));
        return PV_ESYS;
    }
    return PV_OK;
}

/* "/folder/name": config.c has seen that it is absolute and has a name. */
static enum pv_err
open_state(struct feed *feed, const char **ret_name, struct pv_why *why)
{
    char *slash;

    feed->folder = strdup(feed->config->file);
    if (feed->folder == NULL) {
        return PV_ENOMEM;
    }
    slash = strrchr(feed->folder, '/');
    *slash = '\0';
    *ret_name = slash + 1;
    return open_folder(feed->folder[0] == '\0' ? "/" : feed->folder,
                       &feed->statefd, why);
}

static enum pv_err
start_thread(struct feed *feed)
{
    sigset_t all;
    sigset_t before;

    (void)sigfillset(&all); /* cannot fail; signals are the main thread's */
    (void)pthread_sigmask(SIG_SETMASK, &all, &before); /* cannot fail */
    feed->runs = pthread_create(&feed->thread, NULL, run_thread, feed) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL); /* cannot fail */
    return feed->runs ? PV_OK : PV_ESYS;
}

enum pv_err
feed_start(const struct consumer_config *config, struct feed **ret,
           struct pv_why *why)
{
    const struct consumer_registry *own = &config->registry;
    struct feed                    *feed = calloc(1, sizeof(*feed));
    const char                     *name = NULL;
    enum pv_err                     err;

    if (feed == NULL) {
        return PV_ENOMEM;
    }
    feed->config = own;
    feed->statefd = -1;
    feed->dirfd = -1;
    feed->said = PV_ESTATE;
    (void)pthread_mutex_init(&feed->lock, NULL); /* cannot fail */
    feed->source = (struct pv_rights_source){.agency = own->agency,
                                             .socket = own->socket,
                                             .url = own->url,
                                             .ca = own->ca,
                                             .cert = own->cert,
                                             .key = own->key,
                                             .log = own->log};
    err = open_state(feed, &name, why);
    if (err == PV_OK) {
        err = open_folder(own->contracts, &feed->dirfd, why);
    }
    if (err == PV_OK) {
        err = pv_rights_fetch_open(&feed->fetch, &feed->source, feed->statefd,
                                   name);
        feed->fetch.stop = &feed->stop;
    }
    if (err == PV_OK && feed->fetch.state.len > 0) {
        err = hold(feed);
    }
    if (err == PV_OK) {
        err = start_thread(feed);
    }
    if (err != PV_OK) {
        feed_stop(feed);
        return err;
    }
    *ret = feed;
    return PV_OK;
}

void
feed_stop(struct feed *feed)
{
    if (feed == NULL) {
        return;
    }
    atomic_store(&feed->stop, true);
    if (feed->runs) {
        (void)pthread_join(feed->thread, NULL); /* it is ours */
    }
    pv_rights_fetch_close(&feed->fetch);
    pv_rights_free(feed->rights);
    if (feed->dirfd != -1) {
        (void)close(feed->dirfd); /* a folder: nothing to lose */
    }
    if (feed->statefd != -1) {
        (void)close(feed->statefd); /* likewise */
    }
    (void)pthread_mutex_destroy(&feed->lock); /* nobody holds it */
    free(feed->folder);
    free(feed);
}
