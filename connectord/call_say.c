/* call_say.c - answers that are problems, and their words. */
#include "connectord/call_private.h"

#include <string.h>

#include "base/json.h"
#include "policy/outcome.h"

/* Over HTTP a connector says 200; the gate gives the call its status. */
static uint64_t
gates_status(const char *outcome)
{
    int status =
        pv_outcome_status(pv_outcome_from_word(pv_slice_from(outcome)));

    return status > 0 ? (uint64_t)status : 0;
}

void
pv_call_say_problem(struct call *call, unsigned status, const char *outcome,
                    const char *word, const char *title, const char *title_fa)
{
    struct pv_json json;

    call->status = status;
    call->outcome = outcome;
    call->problem = true;
    call->answer.len = 0;
    pv_json_init(&json, &call->answer);
    pv_json_object(&json, NULL);
    pv_json_text(&json, "type", word);
    pv_json_text(&json, "title", title);
    pv_json_text(&json, "title_fa", title_fa);
    pv_json_u64(&json, "status", gates_status(outcome));
    pv_json_text(&json, "outcome", outcome);
    pv_json_text(&json, "reason",
                 strrchr(word, ':') == NULL ? word : strrchr(word, ':') + 1);
    if (call->tracking_id[0] != '\0') {
        pv_json_text(&json, "tracking_id", call->tracking_id);
    }
    pv_json_end_object(&json);
    if (pv_json_finish(&json) != PV_OK) {
        call->answer.len = 0; /* the header still says the class */
    }
}

void
pv_call_say_failed(struct call *call)
{
    pv_call_say_problem(
        call, MHD_HTTP_OK, "failed", "urn:payvand:problem:provider-answer",
        "The provider could not answer",
        "ارائه‌دهنده نتوانست پاسخ دهد");
}

void
pv_call_say_timeout(struct call *call)
{
    pv_call_say_problem(
        call, MHD_HTTP_OK, "timeout", "urn:payvand:problem:provider-timeout",
        "The provider did not answer in time",
        "ارائه‌دهنده در مهلت مقرر پاسخ نداد");
}

void
pv_call_say_fault(struct call *call, const struct pv_fault *fault)
{
    call->status = MHD_HTTP_OK;
    call->outcome = "invalid";
    call->problem = true;
    call->answer.len = 0;
    if (pv_fault_problem(fault, pv_slice_from(call->tracking_id),
                         &call->answer) != PV_OK) {
        pv_call_say_failed(call);
    }
}

/* */
void
pv_call_say_key_missing(struct call *call)
{
    pv_call_say_problem(
        call, MHD_HTTP_OK, "invalid",
        "urn:payvand:problem:idempotency-key-missing",
        "A command needs one Idempotency-Key: repeated with it, it acts once",
        "این فرمان یک Idempotency-Key می‌خواهد: تکرار با همان کلید، تنها یک بار "
        "اجرا می‌شود");
}

void
pv_call_say_key_reused(struct call *call)
{
    pv_call_say_problem(
        call, MHD_HTTP_OK, "invalid",
        "urn:payvand:problem:idempotency-key-reused",
        "This Idempotency-Key belongs to another request; nothing was done",
        "این Idempotency-Key از آن درخواست دیگری است؛ کاری انجام نشد");
}

/* A command that answers with more than yes or no. */
void
pv_call_say_not_done(struct call *call)
{
    pv_call_say_problem(
        call, MHD_HTTP_OK, "failed", "urn:payvand:problem:not-done",
        "The provider did not do it; a repetition with this "
        "key gets this answer",
        "ارائه‌دهنده آن را انجام نداد؛ تکرار با همین کلید همین پاسخ "
        "را می‌گیرد");
}

/* a refusal, and nothing about what was asked for. */
void
pv_call_say_no_member(struct call *call)
{
    pv_call_say_problem(
        call, MHD_HTTP_OK, "failed", "urn:payvand:problem:not-a-member",
        "This is answered only for a current member; the one that was named "
        "is none",
        "این تنها برای عضو کنونی پاسخ داده می‌شود؛ آن‌که نام برده شد عضو "
        "نیست");
}
