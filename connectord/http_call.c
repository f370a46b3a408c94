/* http_call.c - one request: its head, its body, its job, its answer. */
#include "connectord/call_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"
#include "connectord/log.h"
#include "connectord/message_command.h"
#include "contract/pages.h"

#define PROBLEM_MAX 4096
#define CALL_MAGIC 0x63616c6cu
#define BODY_WAIT_MS 120000 /* for the whole of a body */

static struct call *
call_of(void *context)
{
    struct call *call = context;

    return call != NULL && call->magic == CALL_MAGIC ? call : NULL;
}

static struct call *
call_of_job(struct pv_job *job)
{
    return call_of((char *)job - offsetof(struct call, job));
}

/* ---- answers ---- */

const char *
pv_call_type(const struct call *call)
{
    if (call->metrics) {
        return "text/plain; version=0.0.4; charset=utf-8";
    }
    return call->problem ? "application/problem+json" : "application/json";
}

/* It needs its method no more, however slowly its answer is read. */
static void
leave_serving(struct call *call)
{
    if (call->serving != NULL) {
        call->serving->calls--;
        call->serving = NULL;
        call->method = NULL;
    }
}

static enum MHD_Result
send_answer(struct call *call)
{
    struct MHD_Response *response;
    enum MHD_Result      done;
    size_t               len = call->answer.len;

    response = MHD_create_response_from_buffer(
        len, len == 0 ? (char *)(uintptr_t) "" : call->answer.ptr,
        MHD_RESPMEM_MUST_COPY);
    if (response == NULL) {
        return MHD_NO;
    }
    if ((!call->metrics && MHD_add_response_header(response, "Payvand-Outcome",
                                                   call->outcome) != MHD_YES) ||
        MHD_add_response_header(response, "Content-Type", pv_call_type(call)) !=
            MHD_YES ||
        (call->tracking_id[0] != '\0' &&
         MHD_add_response_header(response, "Payvand-Tracking-Id",
                                 call->tracking_id) != MHD_YES) ||
        (call->method != NULL && !pv_call_sign_answer(call, response)) ||
        (call->http->stopping &&
         MHD_add_response_header(response, "Connection", "close") != MHD_YES)) {
        MHD_destroy_response(response);
        return MHD_NO;
    }
    if (call->method != NULL) {
        pv_metrics_count(call->http, call->outcome);
    }
    done = MHD_queue_response(call->connection, call->status, response);
    MHD_destroy_response(response); /* the connection holds its own */
    leave_serving(call);
    return done;
}

/* ---- a call's way ---- */

/* Empty for a method that no other comes after. */
static struct pv_slice
order_token_of(const struct call *call)
{
    return call->has_order_token
               ? (struct pv_slice){call->order_token, PV_ORDER_TOKEN_LEN}
               : PV_LIT("");
}

static void
say_out_of_order(struct call *call)
{
    pv_call_say_problem(
        call, MHD_HTTP_OK, "failed", "urn:payvand:problem:method-order",
        "This method is answered only after a yes of the one before "
        "it, for the same values, and for a time",
        "این متد تنها پس از پاسخ بلی متد پیشین، برای همان اقلام و تا "
        "مدتی پاسخ داده می‌شود");
}

/* is it this call's turn, and which token will a yes of it bring? */
static enum pv_err
keep_order(struct call *call, const struct pv_request *request)
{
    const struct pv_connector_config *config = call->http->config;
    const struct pv_contract_method  *method = call->method->contract;
    int64_t                           when_ms = pv_time_wall_ms();
    enum pv_err                       err = PV_OK;

    if (method->after.method != NULL) {
        err = pv_order_check(&config->secrets, call->consumer, method, request,
                             when_ms);
    }
    if (err == PV_OK && method->unlocks != NULL) {
        err =
            pv_order_make(&config->secrets, call->consumer, method,
                          method->unlocks, request, when_ms, call->order_token);
        call->has_order_token = err == PV_OK;
    }
    return err;
}

static void
build_answer(struct call *call, struct pv_slice body, int64_t when_ms)
{
    const struct pv_method *method = call->method;
    struct pv_rows          sets[2];
    struct pv_fault         fault = {PV_FAULT_NONE, ""};
    bool                    done = true;
    enum pv_err             err;

    err = pv_rows_read(
        body, method->scalar.sql == NULL ? 1 : 2,
        method->answer == PV_ANSWER_ROWS ? method->contract->max_rows : 1,
        sets);
    if (err == PV_OK) {
        done = sets[0].row_count > 0 ||
               method->contract->pattern != PV_CALL_COMMAND ||
               method->answer == PV_ANSWER_YES_IF_DONE;
        call->answer.len = 0;
        if (done) {
            err = pv_page_check_rows(method, &sets[0],
                                     pv_buf_view(&call->after), &fault);
        }
        if (err == PV_OK && done) {
            err = pv_answer_build(method, &sets[0], &sets[1], when_ms,
                                  order_token_of(call), call->closed,
                                  call->codes == NULL ? NULL : &call->code_map,
                                  &call->answer, &fault);
        }
        pv_rows_clear(&sets[0]);
        pv_rows_clear(&sets[1]);
    }
    if (err == PV_OK && !done) {
        pv_call_say_not_done(call);
        return;
    }
    if (err == PV_OK) {
        call->status = MHD_HTTP_OK;
        call->outcome = "answered";
        call->problem = false;
        return;
    }
    pv_log_error("connector.answer_breaks_contract",
                 "tracking_id=%s path=%s member=%s fault=%.*s error=\"%s\"",
                 call->tracking_id, method->contract->path,
                 fault.member[0] == '\0' ? "-" : fault.member,
                 PV_FMT(pv_fault_word(fault.kind)), pv_err_text(err));
    pv_call_say_failed(call);
}

/* A command's answer is that of the time when it was done. */
static void
build_done(struct call *call, struct pv_slice body)
{
    int64_t when_ms;

    if (pv_done_read(&body, &when_ms) != PV_OK) {
        pv_call_say_failed(call); /* the key is kept: ask again */
        return;
    }
    build_answer(call, body, when_ms);
}

static void
on_done(struct pv_job *job, enum pv_job_end end, struct pv_slice rows)
{
    struct call *call = call_of_job(job);

    if (call == NULL) {
        return;
    }
    switch (end) {
    case PV_JOB_ROWS:
        build_answer(call, rows, pv_time_wall_ms());
        break;
    case PV_JOB_DONE:
        build_done(call, rows);
        break;
    case PV_JOB_REUSED:
        pv_call_say_key_reused(call);
        break;
    case PV_JOB_MEMBER:
        pv_call_say_no_member(call);
        break;
    case PV_JOB_TIMEOUT:
        pv_call_say_timeout(call);
        break;
    case PV_JOB_FAILED:
    case PV_JOB_BUSY:
        pv_call_say_failed(call);
        break;
    }
    if (end != PV_JOB_ROWS && end != PV_JOB_DONE) {
        pv_log_warn("connector.call_not_answered",
                    "tracking_id=%s path=%s outcome=%s reason=%s sqlstate=%s",
                    call->tracking_id, call->method->contract->path,
                    call->outcome, job->reason,
                    job->state[0] == '\0' ? "-" : job->state);
    }
    pv_call_end(call);
}

void
pv_call_resume(struct call *call)
{
    if (call->suspended) {
        call->suspended = false;
        MHD_resume_connection(call->connection);
    }
}

void
pv_call_end(struct call *call)
{
    if (!pv_call_record(call)) {
        pv_call_sign_soon(call);
    }
}

void
pv_call_submit(struct call *call)
{
    if (call->serving->pool == NULL) { /* the program ends */
        pv_call_say_failed(call);
        pv_call_end(call);
        return;
    }
    call->outcome = NULL;
    call->job.done = on_done;
    call->job.caller = pv_hash64(pv_slice_from(call->consumer));
    pv_pool_submit(call->serving->pool, &call->job, pv_time_monotonic_ms());
}

/*
 * An answer may stand already, but one that is to be recorded waits for that.
 * True: suspended.
 */
static bool
wait_for_end(struct call *call)
{
    if (call->outcome != NULL && !call->recording) {
        return false;
    }
    call->suspended = true;
    MHD_suspend_connection(call->connection);
    return true;
}

/* The request is what the contract says. An error: nothing was begun. */
static enum pv_err
begin_call(struct call *call, struct pv_request *request)
{
    enum pv_err err = pv_call_note_persons(call, request);

    if (err == PV_OK) {
        err = keep_order(call, request);
    }
    if (err == PV_EVERIFY) {
        say_out_of_order(call);
        pv_call_end(call);
        return PV_OK;
    }
    if (err == PV_OK && call->method->contract->pages.is_set) {
        err = pv_buf_add(
            &call->after,
            request->value[call->method->contract->pages.after].text);
    }
    if (err == PV_OK) {
        err = pv_call_make_frame(call, request);
    }
    if (err != PV_OK) {
        return err;
    }
    call->job.deadline_ms =
        pv_time_monotonic_ms() + call->method->contract->deadline_ms;
    if (!call->method->contract->consent.is_set) {
        pv_call_submit(call);
    } else if (!pv_call_ask_consent(call, request)) {
        pv_call_end(call);
    }
    return PV_OK;
}

/* The body is whole: judge it and hand it over. True: suspended. */
static bool
start_job(struct call *call)
{
    struct pv_fault   fault = {PV_FAULT_NONE, ""};
    struct pv_request request;
    enum pv_err       err;

    if (call->method->step_count > 0 && !pv_call_take_key(call)) {
        return false;
    }
    if (call->too_large) {
        pv_fault_set(&fault, PV_FAULT_TOO_LARGE, PV_LIT(""));
        pv_call_say_fault(call, &fault);
        return false;
    }
    if (!pv_call_check_signature(call)) {
        pv_buf_wipe(&call->body);
        return false;
    }
    if (!pv_call_check_right(call)) {
        pv_buf_wipe(&call->body);
        return false;
    }
    err = pv_request_parse(call->method->contract, pv_buf_view(&call->body),
                           pv_time_wall_ms(), &request, &fault);
    pv_buf_wipe(&call->body);
    if (err == PV_EINVAL) {
        pv_call_say_fault(call, &fault);
        return false;
    }
    if (err == PV_OK && !pv_call_translate(call, &request)) {
        pv_request_clear(&request);
        return false;
    }
    if (err == PV_OK) {
        err = begin_call(call, &request);
        pv_request_clear(&request);
    }
    if (err != PV_OK) {
        pv_log_error("connector.call_failed", "tracking_id=%s error=\"%s\"",
                     call->tracking_id, pv_err_text(err));
        pv_buf_wipe(&call->job.call);
        pv_call_say_failed(call);
        pv_call_end(call);
    }
    return wait_for_end(call);
}

static enum MHD_Result
take_body(struct call *call, const char *data, size_t *len)
{
    if (pv_time_monotonic_ms() - call->since_ms >= BODY_WAIT_MS) {
        return MHD_NO; /* what it began under cannot go before it does */
    }
    if (!call->too_large &&
        pv_buf_add(&call->body, (struct pv_slice){data, *len}) != PV_OK) {
        call->too_large = true;
        pv_buf_wipe(&call->body);
    }
    *len = 0;
    return MHD_YES;
}

enum MHD_Result
pv_call_on_request(void *context, struct MHD_Connection *connection,
                   const char *url, const char *http_method,
                   const char *version, const char *data, size_t *len,
                   void **con_cls)
{
    struct call *call = call_of(*con_cls);

    (void)context;
    (void)url; /* unescaped; the raw one was kept by on_uri */
    (void)version;
    if (call == NULL) {
        return MHD_NO;
    }
    call->connection = connection;
    if (!call->begun) {
        call->begun = true;
        if (!pv_call_judge_head(call, http_method)) {
            call->too_large = true; /* swallow the body, then say so */
        }
        return MHD_YES;
    }
    if (*len > 0) {
        return take_body(call, data, len);
    }
    if (call->outcome == NULL && call->method != NULL) {
        if (start_job(call)) {
            return MHD_YES;
        }
    }
    return send_answer(call);
}

/* Called with the request line's target as it was sent. */
void *
pv_call_on_uri(void *context, const char *uri,
               struct MHD_Connection *connection)
{
    struct call *call = calloc(1, sizeof(*call));

    (void)connection;
    if (call == NULL) {
        return NULL;
    }
    call->magic = CALL_MAGIC;
    call->http = context;
    call->http->calls++;
    call->since_ms = pv_time_monotonic_ms();
    pv_buf_init(&call->body, PV_BODY_MAX);
    pv_buf_init(&call->answer, PV_ANSWER_MAX + PROBLEM_MAX);
    pv_buf_init(&call->persons, PV_KEEPER_PACKET_MAX);
    pv_buf_init(&call->after, PV_VALUE_MAX);
    if (pv_slice_to_cstr(pv_slice_from(uri), call->uri, sizeof(call->uri)) !=
        PV_OK) {
        call->uri[0] = '\0'; /* longer than any path: no such method */
    }
    return call;
}

void
pv_call_on_completed(void *context, struct MHD_Connection *connection,
                     void **con_cls, enum MHD_RequestTerminationCode code)
{
    struct call *call = call_of(*con_cls);

    (void)context;
    (void)connection;
    (void)code; /* there is no one left to tell */
    if (call == NULL) {
        return;
    }
    call->http->calls--;
    leave_serving(call);
    pv_buf_wipe(&call->body);
    pv_buf_wipe(&call->answer);
    pv_buf_wipe(&call->job.call);
    pv_buf_wipe(&call->persons);
    pv_buf_wipe(&call->after);
    json_decref(call->codes); /* accepts NULL */
    explicit_bzero(call, sizeof(*call));
    free(call);
    *con_cls = NULL;
}
