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

/* A state that calls read; of the feed, and of each of them. */
struct held {
    struct pv_rights *rights;
    struct pv_hash    body; /* of it */
    size_t            users;
};

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
    struct held                    *held;   /* under lock; NULL: nothing yet */
    uint64_t                        when_s; /* under lock: signed last */
    struct pv_rights_fetch          fetch;  /* the thread's */
    enum pv_err                     said;
};

/* ---- what is held ---- */

/* One user less; the last one frees it. */
static void
leave(struct feed *feed, struct held *held)
{
    bool is_last;

    if (held == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&feed->lock); /* not held by this thread */
    is_last = --held->users == 0;
    (void)pthread_mutex_unlock(&feed->lock); /* held */
    if (is_last) {
        pv_rights_free(held->rights);
        free(held);
    }
}

static enum pv_err
make_held(const struct pv_rights_fetch *fetch, struct held **ret)
{
    struct held    *held = calloc(1, sizeof(*held));
    struct pv_slice note;
    struct pv_slice body;
    enum pv_err     err =
        held == NULL ? PV_ENOMEM
                         : pv_rights_cut(pv_buf_view(&fetch->state), &note, &body);

    if (err == PV_OK) {
        err = pv_rights_read(body, &held->rights);
    }
    if (err != PV_OK) {
        free(held);
        return err;
    }
    held->body = fetch->head.body;
    held->users = 1;
    *ret = held;
    return PV_OK;
}

/* What was fetched is what calls have from now on. */
static enum pv_err
hold(struct feed *feed)
{
    const struct pv_rights_head *head = &feed->fetch.head;
    struct held *now = feed->held; /* the thread alone sets it */
    struct held *before = NULL;

    if (now == NULL || !pv_hash_eq(&now->body, &head->body)) {
        enum pv_err err = make_held(&feed->fetch, &now);

        if (err != PV_OK) {
            return err;
        }
        before = feed->held;
        pv_log_event("info", "consumer.contracts",
                     "decision=%llu contracts=%zu",
                     (unsigned long long)head->decision,
                     pv_rights_contract_count(now->rights));
    }
    (void)pthread_mutex_lock(&feed->lock); /* not held by this thread */
    feed->held = now;
    feed->when_s = head->when_s;
    (void)pthread_mutex_unlock(&feed->lock); /* held */
    leave(feed, before);
    return PV_OK;
}

/* ---- for a call ---- */

static struct held *
join(struct feed *feed, struct pv_client_state *ret)
{
    struct held *held;

    (void)pthread_mutex_lock(&feed->lock); /* not held by this thread */
    held = feed->held;
    if (held != NULL) {
        held->users++;
        *ret = (struct pv_client_state){held->rights, feed->when_s, held};
    }
    (void)pthread_mutex_unlock(&feed->lock); /* held */
    return held;
}

void
feed_release(void *feed, struct pv_client_state *state)
{
    leave(feed, state->held);
}

/* Is another state held since? Then this one's files may be deleted. */
static bool
is_past(struct feed *feed, const struct held *held)
{
    bool is_past;

    (void)pthread_mutex_lock(&feed->lock); /* not held by this thread */
    is_past = feed->held != held;
    (void)pthread_mutex_unlock(&feed->lock); /* held */
    return is_past;
}

enum pv_err
feed_take(void *context, const char *path, struct pv_client_state *ret,
          struct pv_buf *out, struct pv_why *why)
{
    struct feed *feed = context;
    enum pv_err  err = PV_ENOTFOUND;
    bool         again = true;

    while (again) {
        struct held          *held = join(feed, ret);
        const struct pv_hash *hash =
            held == NULL ? NULL : pv_rights_contract_of(held->rights, path);

        err = hash == NULL ? PV_ENOTFOUND
                           : pv_rights_contract_read(feed->dirfd, hash, out);
        if (err == PV_OK) {
            return PV_OK;
        }
        again = hash != NULL && err != PV_ENOMEM && is_past(feed, held);
        leave(feed, held);
        *ret = (struct pv_client_state){.rights = NULL};
    }
    if (err == PV_EVERIFY) {
        pv_why_set(why, "the contract of %s is not what the registry signed",
                   path);
        atomic_store(&feed->dirty, true);
    } else {
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

/* The files first: a contract is named here when it is there. Those of the
   state before go when no new call has it. */
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
            return PV_ENOMEM; /* what was signed is a state: it was read */
        }
        pv_rights_drop_contracts(&feed->fetch, feed->dirfd);
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
        bool        whole = feed->held != NULL && feed->said == PV_OK;
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
    leave(feed, feed->held); /* no call runs any more */
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
