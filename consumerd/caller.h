/*
 * caller.h - calls on their way: a queue, and threads that make them with
 * libpayvand, each with an exchange of its own for each system.
 *
 * Ownership: a job is its maker's until caller_push; then it is shared until
 *            caller_forget, and freed when both sides are done with it.
 * Threads:   all of this from one thread, the server's. Blocks: never, but
 *            caller_stop, until the calls at hand have ended.
 */
#ifndef CONSUMERD_CALLER_H
#define CONSUMERD_CALLER_H

#include "config.h"
#include "counts.h"
#include "feed.h"
#include "store.h"

#define CALLER_QUEUE_MAX 256
#define CALLER_VALUE_MAX 256

enum job_value { /* as enum payvand_call_setting, what an application says */
                 JOB_PURPOSE = PAYVAND_PURPOSE,
                 JOB_CONSENT = PAYVAND_CONSENT,
                 JOB_CASE = PAYVAND_CASE,
                 JOB_IDEMPOTENCY_KEY = PAYVAND_IDEMPOTENCY_KEY,
                 JOB_VALUES
};

struct callers;

struct job {
    const struct consumer_application *application;
    char                               method[CONSUMER_METHOD_LEN];
    char          value[JOB_VALUES][CALLER_VALUE_MAX]; /* "": not said */
    struct pv_buf body;

    /* once it is done */
    unsigned      status;
    const char   *type; /* literal */
    char          outcome[PV_EVIDENCE_WORD_MAX];
    char          tracking_id[PV_TRACKING_ID_LEN + 1];
    unsigned      retry_after_s;
    struct pv_buf answer;

    /* caller.c's */
    struct callers *callers;
    struct job     *next;
    enum { JOB_QUEUED = 0, JOB_RUNNING, JOB_DONE } state;
    bool forgotten;
};

/* feed may be NULL. wakefd: an eventfd that is written when a job is done.
 * PV_ESYS, PV_ENOMEM. */
enum pv_err caller_start(const struct consumer_config *config,
                         struct consumer_store        *store,
                         struct consumer_counts *counts, struct feed *feed,
                         int wakefd, struct callers **ret) PV_MUST_CHECK;
void        caller_stop(struct callers *callers); /* NULL ok */

struct job *job_new(void);             /* NULL: no memory */
void        job_free(struct job *job); /* one that was not pushed */

/*
 * PV_EFULL: too many wait, or too many of its application: where there are
 * several, one has at most three of four places, and of the workers.
 */
enum pv_err caller_push(struct callers *callers, struct job *job) PV_MUST_CHECK;
bool        caller_is_done(struct job *job);
void        caller_forget(void *job);

/* Jobs that wait or run. */
size_t caller_open(struct callers *callers);

/* outcome.c: what an application is told of a call that ended so. */
void job_tell(struct job *job, enum payvand_result result,
              const struct payvand_call *call);
void job_tell_unsigned(struct job *job); /* nothing was sent: no key signs */

#endif
