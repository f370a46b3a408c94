/* caller.c - the queue of calls, and the threads that make them. */
#include "caller.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/event.h"

struct callers {
    const struct consumer_config *config;
    struct consumer_store        *store;
    struct consumer_counts       *counts;
    struct feed                  *feed; /* NULL: contracts are files */
    struct pv_client_store        keep;
    struct pv_client_source       source; /* of ->feed */
    int                           wakefd;
    pthread_mutex_t               lock;
    pthread_cond_t                more;
    struct job                   *first;
    struct job                  **last;
    size_t                        queued;
    size_t    waiting[CONSUMER_APPLICATIONS_MAX]; /* in the queue, of each */
    size_t    running[CONSUMER_APPLICATIONS_MAX];
    size_t    open;
    bool      stop;
    pthread_t thread[CONSUMER_WORKERS_MAX];
    size_t    thread_count;
};

/* ---- evidence ---- */

static enum pv_err
keep_begin(void *context, const struct payvand_call *call,
           const struct pv_evidence *evidence, int64_t *ret_id,
           struct pv_why *why)
{
    const struct callers       *callers = context;
    const struct job           *job = pv_client_owner(call);
    const struct consumer_asked asked = {
        .application = job->application->id,
        .system = job->application->system->id,
        .purpose = job->value[JOB_PURPOSE],
        .keep_content = callers->config->keep_content,
        .evidence = evidence,
    };
    enum pv_err err = consumer_store_ask(callers->store, &asked, ret_id);

    if (err != PV_OK) {
        pv_why_set(why, "evidence is not kept: %s", pv_err_text(err));
    }
    return err;
}

static enum pv_err
keep_end(void *context, int64_t id, const struct pv_client_end *end,
         struct pv_why *why)
{
    const struct callers *callers = context;
    enum pv_err           err = consumer_store_answer(callers->store, id, end);

    consumer_counts_add(callers->counts, end->method, end);

    if (err != PV_OK) {
        pv_why_set(why, "evidence is not kept: %s", pv_err_text(err));
    }
    return err;
}

/* ---- one call ---- */

/* The key is read anew, so that a replaced one holds from the next call on;
   libcurl reads the certificate for each. */
static struct payvand *
exchange_for(struct callers *callers, const struct consumer_system *system,
             struct payvand **own)
{
    const struct consumer_config *config = callers->config;
    size_t                        at = (size_t)(system - config->system);

    if (own[at] == NULL) {
        own[at] = payvand_new();
        if (own[at] == NULL ||
            payvand_set(own[at], PAYVAND_URL, config->url) != PAYVAND_OK ||
            payvand_set(own[at], PAYVAND_CA, config->ca) != PAYVAND_OK ||
            payvand_set(own[at], PAYVAND_CERT, system->cert) != PAYVAND_OK ||
            (config->contracts != NULL &&
             payvand_set(own[at], PAYVAND_CONTRACTS, config->contracts) !=
                 PAYVAND_OK) ||
            payvand_set(own[at], PAYVAND_PROVIDER_KEYS,
                        config->provider_keys) != PAYVAND_OK ||
            payvand_set(own[at], PAYVAND_SYSTEM, system->id) != PAYVAND_OK) {
            payvand_free(own[at]);
            own[at] = NULL;
            return NULL;
        }
        pv_client_set_store(own[at], &callers->keep);
        if (callers->feed != NULL) {
            pv_client_set_source(own[at], &callers->source);
        }
    }
    return payvand_set(own[at], PAYVAND_KEY, system->key) == PAYVAND_OK
               ? own[at]
               : NULL;
}

/* A call that cannot be proved is not made. */
static void
refuse_unsigned(struct job *job, const struct payvand *exchange)
{
    pv_log_event("error", "consumer.key_unusable", "system=%s: %s",
                 job->application->system->id, payvand_error(exchange));
    job_tell_unsigned(job);
    pv_buf_wipe(&job->body);
}

static enum payvand_result
run_call(struct job *job, struct payvand_call *call)
{
    enum payvand_result result = PAYVAND_OK;

    pv_client_set_owner(call, job);
    for (int i = 0; result == PAYVAND_OK && i < JOB_VALUES; i++) {
        if (job->value[i][0] != '\0') {
            result = payvand_call_set(call, (enum payvand_call_setting)i,
                                      job->value[i]);
        }
    }
    return result == PAYVAND_OK
               ? payvand_call_run(call, job->body.ptr, job->body.len)
               : result;
}

/* The sentence names files and addresses, never a value; of a request that
   breaks its contract it may name a member, which the application made up. */
static void
say_failed(const struct job *job, const struct payvand_call *call)
{
    const struct pv_fault *fault = pv_client_fault(call);

    if (fault->kind == PV_FAULT_NONE) {
        pv_log_event("warn", "consumer.call_failed", "method=%s: %s",
                     job->method, payvand_call_error(call));
    } else {
        pv_log_event("warn", "consumer.call_failed",
                     "method=%s: the request breaks its contract: %.*s",
                     job->method, PV_FMT(pv_fault_word(fault->kind)));
    }
}

static void
make_call(struct callers *callers, struct job *job, struct payvand **own)
{
    struct payvand *exchange =
        exchange_for(callers, job->application->system, own);
    struct payvand_call *call;
    enum payvand_result  result;

    if (exchange != NULL && !pv_client_signs(exchange)) {
        refuse_unsigned(job, exchange);
        return;
    }
    call = exchange == NULL ? NULL : payvand_call_new(exchange, job->method);
    result = call == NULL ? PAYVAND_ENOMEM : run_call(job, call);
    if (result == PAYVAND_EINVAL || result == PAYVAND_ENOANSWER ||
        result == PAYVAND_EPROTOCOL || result == PAYVAND_EEVIDENCE) {
        say_failed(job, call);
    }
    job_tell(job, result, call);
    payvand_call_free(call);
    pv_buf_wipe(&job->body);
}

/* ---- threads ---- */

/* What one application may have of so many: something is left to the others. */
static size_t
share_of(const struct callers *callers, size_t all)
{
    if (callers->config->application_count < 2 || all < 2) {
        return all;
    }
    return all - (all < 4 ? 1 : all / 4);
}

static size_t
place_of(const struct callers *callers, const struct job *job)
{
    return (size_t)(job->application - callers->config->application);
}

/* Take the job at the link out of the queue. */
static struct job *
unqueue(struct callers *callers, struct job **link)
{
    struct job *job = *link;

    *link = job->next;
    if (job->next == NULL) {
        callers->last = link;
    }
    callers->queued--;
    callers->waiting[place_of(callers, job)]--;
    return job;
}

/* The first whose application has not its share already; NULL: there is none.
 */
static struct job *
next_job(struct callers *callers)
{
    const size_t share = share_of(callers, callers->config->workers);

    for (struct job **link = &callers->first; *link != NULL;
         link = &(*link)->next) {
        size_t place = place_of(callers, *link);

        if (callers->running[place] < share) {
            callers->running[place]++;
            return unqueue(callers, link);
        }
    }
    return NULL;
}

static struct job *
take_job(struct callers *callers)
{
    struct job *job = NULL;

    (void)pthread_mutex_lock(&callers->lock); /* not held by this thread */
    while (!callers->stop && (job = next_job(callers)) == NULL) {
        (void)pthread_cond_wait(&callers->more, &callers->lock); /* as above */
    }
    if (job != NULL) {
        job->state = JOB_RUNNING;
    }
    (void)pthread_mutex_unlock(&callers->lock); /* held */
    return job;
}

static void
end_job(struct callers *callers, struct job *job)
{
    const uint64_t one = 1;
    bool           forgotten;

    (void)pthread_mutex_lock(&callers->lock); /* not held by this thread */
    job->state = JOB_DONE;
    forgotten = job->forgotten;
    callers->open--;
    callers->running[place_of(callers, job)]--;
    (void)pthread_mutex_unlock(&callers->lock); /* held */
    if (forgotten) {
        job_free(job);
    }
    if (write(callers->wakefd, &one, sizeof(one)) == -1) {
        /* it is awake: the counter is full */
    }
}

static void *
run_thread(void *context)
{
    struct callers *callers = context;
    struct payvand *own[CONSUMER_SYSTEMS_MAX] = {NULL};
    struct job     *job;

    while ((job = take_job(callers)) != NULL) {
        make_call(callers, job, own);
        end_job(callers, job);
    }
    for (size_t i = 0; i < CONSUMER_SYSTEMS_MAX; i++) {
        payvand_free(own[i]);
    }
    return NULL;
}

enum pv_err
caller_start(const struct consumer_config *config, struct consumer_store *store,
             struct consumer_counts *counts, struct feed *feed, int wakefd,
             struct callers **ret)
{
    struct callers *callers = calloc(1, sizeof(*callers));
    sigset_t        all;
    sigset_t        before;

    if (callers == NULL) {
        return PV_ENOMEM;
    }
    callers->config = config;
    callers->store = store;
    callers->counts = counts;
    callers->feed = feed;
    callers->wakefd = wakefd;
    callers->last = &callers->first;
    callers->keep = (struct pv_client_store){callers, keep_begin, keep_end};
    callers->source = (struct pv_client_source){feed, feed_take, feed_release};
    (void)pthread_mutex_init(&callers->lock, NULL); /* cannot fail */
    (void)pthread_cond_init(&callers->more, NULL);  /* cannot fail */
    (void)sigfillset(&all);                         /* cannot fail */
    /* signals are the main thread's */
    (void)pthread_sigmask(SIG_SETMASK, &all, &before); /* cannot fail */
    while (callers->thread_count < config->workers &&
           pthread_create(&callers->thread[callers->thread_count], NULL,
                          run_thread, callers) == 0) {
        callers->thread_count++;
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL); /* cannot fail */
    if (callers->thread_count < config->workers) {
        caller_stop(callers);
        return PV_ESYS;
    }
    *ret = callers;
    return PV_OK;
}

void
caller_stop(struct callers *callers)
{
    if (callers == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&callers->lock); /* not held by this thread */
    callers->stop = true;
    (void)pthread_cond_broadcast(&callers->more); /* cannot fail */
    (void)pthread_mutex_unlock(&callers->lock);   /* held */
    for (size_t i = 0; i < callers->thread_count; i++) {
        (void)pthread_join(callers->thread[i], NULL); /* it is one of ours */
    }
    (void)pthread_cond_destroy(&callers->more);  /* nobody waits */
    (void)pthread_mutex_destroy(&callers->lock); /* nobody holds it */
    free(callers);
}

/* ---- jobs ---- */

struct job *
job_new(void)
{
    struct job *job = calloc(1, sizeof(*job));

    if (job != NULL) {
        pv_buf_init(&job->body, PAYVAND_BODY_MAX);
        pv_buf_init(&job->answer, PAYVAND_ANSWER_MAX);
    }
    return job;
}

void
job_free(struct job *job)
{
    pv_buf_wipe(&job->body);
    pv_buf_wipe(&job->answer);
    free(job);
}

enum pv_err
caller_push(struct callers *callers, struct job *job)
{
    size_t     *waiting = &callers->waiting[place_of(callers, job)];
    enum pv_err err = PV_EFULL;

    (void)pthread_mutex_lock(&callers->lock); /* not held by this thread */
    if (callers->queued < CALLER_QUEUE_MAX &&
        *waiting < share_of(callers, CALLER_QUEUE_MAX)) {
        job->callers = callers;
        job->next = NULL;
        *callers->last = job;
        callers->last = &job->next;
        callers->queued++;
        (*waiting)++;
        callers->open++;
        (void)pthread_cond_signal(&callers->more); /* cannot fail */
        err = PV_OK;
    }
    (void)pthread_mutex_unlock(&callers->lock); /* held */
    return err;
}

bool
caller_is_done(struct job *job)
{
    bool done;

    (void)pthread_mutex_lock(&job->callers->lock); /* not held here */
    done = job->state == JOB_DONE;
    (void)pthread_mutex_unlock(&job->callers->lock); /* held */
    return done;
}

/* One that waits. */
static void
drop(struct callers *callers, const struct job *job)
{
    struct job **link = &callers->first;

    while (*link != job) {
        link = &(*link)->next;
    }
    (void)unqueue(callers, link); /* it is freed by who forgets it */
    callers->open--;
}

void
caller_forget(void *state)
{
    struct job     *job = state;
    struct callers *callers = job->callers;
    bool            is_mine;

    (void)pthread_mutex_lock(&callers->lock); /* not held by this thread */
    job->forgotten = true;
    is_mine = job->state != JOB_RUNNING;
    if (job->state == JOB_QUEUED) {
        drop(callers, job);
    }
    (void)pthread_mutex_unlock(&callers->lock); /* held */
    if (is_mine) {
        job_free(job);
    }
}

size_t
caller_open(struct callers *callers)
{
    size_t open;

    (void)pthread_mutex_lock(&callers->lock); /* not held by this thread */
    open = callers->open;
    (void)pthread_mutex_unlock(&callers->lock); /* held */
    return open;
}
