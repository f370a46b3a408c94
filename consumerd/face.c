/* face.c - who asks, what it may ask, and its answer. */
#include "face.h"

#include <string.h>

#include "base/time.h"
#include "contract/request.h"
#include "crypto/secret.h"
#include "daemon/event.h"

#define ASK_AGAIN_MS 1000 /* woken when it is done; is its caller there? */
#define BUSY_RETRY_S 1

enum refusal {
    REFUSED_APPLICATION = 0,
    REFUSED_PATH,
    REFUSED_METHOD,
    REFUSED_PURPOSE,
    REFUSED_NO_PURPOSE,
    REFUSED_HEADER,
    REFUSED_BUSY,
};

static const struct {
    unsigned    status;
    const char *outcome;
    const char *word;
    const char *en;
    const char *fa;
} refused[] = {
    [REFUSED_APPLICATION] = {401, "refused", "application-unknown",
                             "This application is not registered here",
                             "این برنامه در اینجا ثبت نشده است"},
    [REFUSED_PATH] = {404, "refused", "method-unknown",
                      "The path is not /x/provider/service/version/method",
                      "نشانی به شکل /x/provider/service/version/method نیست"},
    [REFUSED_METHOD] = {403, "refused", "application-method",
                        "This application may not call this method",
                        "این برنامه اجازه فراخوانی این متد را ندارد"},
    [REFUSED_PURPOSE] = {403, "refused", "application-purpose",
                         "This application may not ask for this purpose",
                         "این برنامه اجازه پرسش برای این هدف را ندارد"},
    [REFUSED_NO_PURPOSE] = {400, "invalid", "purpose-missing",
                            "Payvand-Purpose must name one of several purposes",
                            "Payvand-Purpose باید یکی از چند هدف را بنویسد"},
    [REFUSED_HEADER] = {400, "invalid", "header",
                        "A header came twice, or is too long",
                        "یک سرآیند دو بار آمده یا بیش از اندازه بلند است"},
    [REFUSED_BUSY] =
        {503, "unavailable", "busy", "Too many calls wait here",
         "فراخوانی‌های در صف بیش از اندازه است"},
};

static void
say(struct pv_server_call *call, const char *name, const char *value)
{
    if (call->more_count < PV_SERVER_MORE_MAX && value[0] != '\0') {
        call->more[call->more_count++] = (struct pv_server_more){name, value};
    }
}

static void
refuse(struct pv_server_call *call, enum refusal why)
{
    pv_server_problem(call, refused[why].status, refused[why].word,
                      refused[why].en, refused[why].fa);
    say(call, "Payvand-Outcome", refused[why].outcome);
    if (why == REFUSED_APPLICATION) {
        say(call, "WWW-Authenticate", "Bearer");
    }
    call->retry_after_s = why == REFUSED_BUSY ? BUSY_RETRY_S : 0;
}

/* ---- who asks ---- */

static const struct consumer_application *
by_uid(const struct consumer_config *config, uid_t uid)
{
    for (size_t i = 0; i < config->application_count; i++) {
        const struct consumer_application *own = &config->application[i];

        if (own->has_uid && own->uid == uid) {
            return own;
        }
    }
    return NULL;
}

static struct pv_slice
slice_of(const struct pv_hash *hash)
{
    return (struct pv_slice){(const char *)hash->bytes, PV_HASH_LEN};
}

static const struct consumer_application *
by_token(const struct face *face, const struct pv_server_call *call)
{
    static const char                  scheme[] = "Bearer ";
    const struct consumer_application *found = NULL;
    struct pv_slice                    value;
    struct pv_hash                     hash;

    if (pv_server_header(call, "Authorization", &value) != PV_OK ||
        !pv_slice_starts(value, PV_LIT("Bearer "))) {
        return NULL;
    }
    value.ptr += sizeof(scheme) - 1;
    value.len -= sizeof(scheme) - 1;
    if (pv_sha256(face->sha, &value, 1, &hash) != PV_OK) {
        return NULL;
    }
    for (size_t i = 0; i < face->config->application_count; i++) {
        const struct consumer_application *own = &face->config->application[i];

        if (own->has_token &&
            pv_secret_eq(slice_of(&own->token), slice_of(&hash))) {
            found = own;
        }
    }
    return found;
}

static const struct consumer_application *
who_asks(const struct pv_server_call *call)
{
    const struct face *face = call->context;

    return call->uid == (uid_t)-1 ? by_token(face, call)
                                  : by_uid(face->config, call->uid);
}

/* ---- what is asked ---- */

/* False: it came twice, or is too long. */
static bool
take_header(const struct pv_server_call *call, const char *name,
            char room[CALLER_VALUE_MAX])
{
    struct pv_slice value;
    enum pv_err     err = pv_server_header(call, name, &value);

    return err == PV_ENOTFOUND ||
           (err == PV_OK &&
            pv_slice_to_cstr(value, room, CALLER_VALUE_MAX) == PV_OK);
}

static bool
take_headers(const struct pv_server_call *call, struct job *job)
{
    static const char *const name[JOB_VALUES] = {
        [JOB_PURPOSE] = "Payvand-Purpose",
        [JOB_CONSENT] = "Payvand-Consent",
        [JOB_CASE] = "Payvand-Case",
        [JOB_IDEMPOTENCY_KEY] = "Idempotency-Key",
    };

    for (int i = 0; i < JOB_VALUES; i++) {
        if (!take_header(call, name[i], job->value[i])) {
            return false;
        }
    }
    return true;
}

/* One purpose need not be said; of several one must be. */
static bool
take_purpose(struct job *job, enum refusal *why)
{
    const json_t *own = job->application->purposes;
    char         *said = job->value[JOB_PURPOSE];

    if (said[0] != '\0') {
        *why = REFUSED_PURPOSE;
        return consumer_may_for(job->application, pv_slice_from(said));
    }
    *why = REFUSED_NO_PURPOSE;
    return json_array_size(own) == 0 ||
           (json_array_size(own) == 1 &&
            pv_slice_to_cstr(
                pv_slice_from(json_string_value(json_array_get(own, 0))), said,
                CALLER_VALUE_MAX) == PV_OK);
}

static bool
take_job(const struct pv_server_call *call, struct job *job, enum refusal *why)
{
    *why = REFUSED_APPLICATION;
    job->application = who_asks(call);
    if (job->application == NULL) {
        return false;
    }
    *why = REFUSED_PATH;
    if (!pv_client_is_method(call->rest)) {
        return false;
    }
    *why = REFUSED_METHOD;
    if (!consumer_may_call(job->application, call->rest) ||
        pv_slice_to_cstr(call->rest, job->method, sizeof(job->method)) !=
            PV_OK) {
        return false;
    }
    *why = REFUSED_HEADER;
    if (!take_headers(call, job)) {
        return false;
    }
    if (!take_purpose(job, why)) {
        return false;
    }
    *why = REFUSED_BUSY;
    return pv_buf_add(&job->body, call->body) == PV_OK;
}

static void
begin_call(struct pv_server_call *call)
{
    const struct face *face = call->context;
    struct job        *job = job_new();
    enum refusal       why = REFUSED_BUSY;

    if (job == NULL || !take_job(call, job, &why) ||
        caller_push(face->callers, job) != PV_OK) {
        if (job != NULL && job->application != NULL) {
            pv_log_event("warn", "consumer.refused", "application=%s why=%s",
                         job->application->id, refused[why].word);
        }
        if (job != NULL) {
            job_free(job);
        }
        refuse(call, why);
        return;
    }
    call->state = job;
    pv_server_wait(call, pv_time_monotonic_ms() + ASK_AGAIN_MS);
}

static void
make_call(struct pv_server_call *call)
{
    struct job *job = call->state;

    if (job == NULL) {
        begin_call(call);
        return;
    }
    if (!caller_is_done(job)) {
        pv_server_wait(call, pv_time_monotonic_ms() + ASK_AGAIN_MS);
        return;
    }
    pv_buf_clear(&call->answer);
    call->answer = job->answer;
    pv_buf_init(&job->answer, 0);
    pv_server_answer(call, job->status, job->type);
    call->retry_after_s = job->retry_after_s;
    say(call, "Payvand-Outcome", job->outcome);
    say(call, "Payvand-Tracking-Id", job->tracking_id);
}

static void
show_metrics(struct pv_server_call *call)
{
    const struct face *face = call->context;

    if (who_asks(call) == NULL) {
        refuse(call, REFUSED_APPLICATION);
        return;
    }
    if (consumer_counts_write(face->counts, &call->answer) != PV_OK ||
        pv_buf_addf(&call->answer,
                    "# HELP payvand_consumer_open Calls that wait or are on "
                    "their way.\n"
                    "# TYPE payvand_consumer_open gauge\n"
                    "payvand_consumer_open %zu\n",
                    caller_open(face->callers)) != PV_OK) {
        refuse(call, REFUSED_BUSY);
        return;
    }
    pv_server_answer(call, 200, "text/plain; version=0.0.4");
}

const struct pv_server_route face_route[] = {
    {"POST", "/x/", PV_BODY_MAX, make_call},
    {"GET", "/metrics", 0, show_metrics},
};
const size_t face_route_count = sizeof(face_route) / sizeof(face_route[0]);
