/* outcome.c - what an application is told: the exchange's own answer, or why
   there is none, as problem+json in both languages. */
#include "base/json.h"
#include "caller.h"

#include <stdio.h>
#include <string.h>

#define TYPE_PREFIX "urn:payvand:problem:"

struct telling {
    unsigned    status;
    const char *outcome;
    const char *word;
    const char *en;
    const char *fa;
};

static const struct telling told[] = {
    [PAYVAND_EINVAL] = {503, "unavailable", "not-sent",
                        "The call was not sent; the log says why",
                        "فراخوانی فرستاده نشد؛ علت در رخدادنامه است"},
    [PAYVAND_ENOMEM] = {503, "unavailable", "not-sent", "There is no memory",
                        "حافظه بس نیست"},
    [PAYVAND_ENOANSWER] = {504, "unknown", "no-answer",
                           "The exchange gave no answer; the call may have "
                           "been made",
                           "مرکز تبادل پاسخی نداد؛ شاید فراخوانی انجام شده "
                           "باشد"},
    [PAYVAND_EPROTOCOL] =
        {502, "unknown", "not-an-exchange",
         "What answered is no Payvand exchange",
         "پاسخ‌دهنده مرکز تبادل پیوند نیست"},
    [PAYVAND_EEVIDENCE] = {503, "unavailable", "evidence-not-kept",
                           "Evidence of the call was not kept",
                           "مدرک فراخوانی نگهداری نشد"},
    [PAYVAND_EVERIFY] =
        {502, "failed", "answer-not-verified",
         "The answer is not shown to be the provider's, and "
         "is withheld",
         "نشان داده نشد که پاسخ از ارائه‌دهنده است؛ پاسخ داده "
         "نمی‌شود"},
    [PAYVAND_ECONTRACT] =
        {502, "failed", "answer-breaks-contract",
         "The answer is not as its contract says, and is "
         "withheld",
         "پاسخ با قرارداد سرویس نمی‌خواند و داده نمی‌شود"},
    [PAYVAND_ERIGHT] =
        {403, "refused", "right-not-held",
         "The call was not sent; the agency has no right to it for this purpose",
         "فراخوانی فرستاده نشد؛ دستگاه برای این هدف مجوزی برای آن ندارد"},
};

/* `unavailable` is only said where nothing was forwarded. */
static const struct telling not_kept = {
    502, "unknown", "evidence-not-kept",
    "Evidence of the call was not kept; the call may have been made, its answer "
    "is withheld",
    "مدرک فراخوانی نگهداری نشد؛ شاید انجام شده باشد و پاسخ آن داده نمی‌شود"};
static const struct telling lost = {
    502, "unknown", "answer-lost",
    "The call may have been made; there is no answer to tell",
    "شاید فراخوانی انجام شده باشد؛ پاسخی برای گفتن نیست"};
static const struct telling no_key = {
    503, "unavailable", "key-unusable",
    "The call was not sent; the key of its system does not sign",
    "فراخوانی فرستاده نشد؛ کلید سامانه امضا نمی‌کند"};

static const struct telling no_contract = {
    503, "unavailable", "contract-not-held",
    "The call was not sent; no contract of it that the registry signed is held",
    "فراخوانی فرستاده نشد؛ قراردادی از آن با امضای دفتر ثبت در دست نیست"};

/* With an outcome it was made; of several tries one may have been. */
static const struct telling *
telling_of(enum payvand_result result, const struct payvand_call *call)
{
    const bool was_sent =
        call != NULL &&
        (payvand_call_outcome(call)[0] != '\0' || payvand_call_tries(call) > 1);

    if (was_sent && result == PAYVAND_EEVIDENCE) {
        return &not_kept;
    }
    if (was_sent && (result == PAYVAND_ENOMEM || result == PAYVAND_EINVAL)) {
        return &lost;
    }
    if (result == PAYVAND_EINVAL && call != NULL &&
        pv_client_has_no_contract(call)) {
        return &no_contract;
    }
    return &told[result];
}

static void
set_outcome(struct job *job, const char *outcome)
{
    (void)snprintf(job->outcome, sizeof(job->outcome), "%s",
                   outcome); /* a longer one is none of an exchange */
}

static void
tell_problem(struct job *job, const struct telling *telling,
             const struct pv_fault *fault)
{
    char           type[64];
    struct pv_json json;

    (void)snprintf(type, sizeof(type), TYPE_PREFIX "%s",
                   telling->word); /* fits */
    job->answer.len = 0;
    job->status = telling->status;
    set_outcome(job, telling->outcome);
    pv_json_init(&json, &job->answer);
    pv_json_object(&json, NULL);
    if (telling == &told[PAYVAND_ECONTRACT]) {
        pv_json_string(&json, "fault", pv_fault_word(fault->kind));
        if (fault->member[0] != '\0') {
            pv_json_text(&json, "member", fault->member);
        }
    }
    pv_json_u64(&json, "status", job->status);
    pv_json_text(&json, "title", telling->en);
    pv_json_text(&json, "title_fa", telling->fa);
    if (job->tracking_id[0] != '\0') {
        pv_json_text(&json, "tracking_id", job->tracking_id);
    }
    pv_json_text(&json, "type", type);
    pv_json_end_object(&json);
    if (pv_json_finish(&json) != PV_OK) {
        job->answer.len = 0; /* the status still says it */
    }
}

/* What the exchange said: an answer to the byte, a problem as libpayvand left
 * it.
 */
static void
tell_answer(struct job *job, const struct payvand_call *call)
{
    const bool  answered = strcmp(payvand_call_outcome(call), "answered") == 0;
    size_t      len = 0;
    const char *body = payvand_call_answer(call, &len);

    job->status = (unsigned)payvand_call_status(call);
    job->type = answered ? "application/json" : "application/problem+json";
    set_outcome(job, payvand_call_outcome(call));
    job->retry_after_s = (unsigned)payvand_call_retry_after(call);
    if (pv_buf_add(&job->answer, (struct pv_slice){body, len}) != PV_OK) {
        job->type = "application/problem+json";
        job->retry_after_s = 0;
        tell_problem(job, &lost, NULL);
    }
}

void
job_tell_unsigned(struct job *job)
{
    job->type = "application/problem+json";
    tell_problem(job, &no_key, NULL);
}

void
job_tell(struct job *job, enum payvand_result result,
         const struct payvand_call *call)
{
    static const struct pv_fault none = {PV_FAULT_NONE, ""};
    const struct pv_fault *fault = call == NULL ? &none : pv_client_fault(call);

    job->answer.len = 0;
    job->type = "application/problem+json";
    if (call != NULL &&
        pv_slice_to_cstr(pv_slice_from(payvand_call_tracking_id(call)),
                         job->tracking_id, sizeof(job->tracking_id)) != PV_OK) {
        job->tracking_id[0] = '\0'; /* that is none */
    }
    if (result == PAYVAND_OK) {
        tell_answer(job, call);
    } else if (result == PAYVAND_EINVAL && fault->kind != PV_FAULT_NONE) {
        job->status = 400;
        set_outcome(job, "invalid");
        if (pv_fault_problem(fault, PV_LIT(""), &job->answer) != PV_OK) {
            job->answer.len = 0; /* the status still says it */
        }
    } else {
        tell_problem(job, telling_of(result, call), fault);
    }
}
