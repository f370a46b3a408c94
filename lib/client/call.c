/* call.c - libpayvand: one call, from its settings to its answer. */
#include "client/private.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/num.h"
#include "base/time.h"
#include "policy/outcome.h"
#include "trace/tracking_id.h"

#define PAUSE_FIRST_MS 200 /* doubled from try to try */
#define RETRY_AFTER_MAX 86400
#define STATUS_ANSWERED_MAX 204 /* as an exchange passes them on */

static const struct {
    const char *name;
    const char *lower; /* as a signature names it; NULL: it is not covered */
} header[CALL_SETTINGS] = {
    [PAYVAND_PURPOSE] = {"Payvand-Purpose", NULL},
    [PAYVAND_CONSENT] = {"Payvand-Consent", "payvand-consent"},
    [PAYVAND_CASE] = {"Payvand-Case", NULL},
    [PAYVAND_IDEMPOTENCY_KEY] = {"Idempotency-Key", "idempotency-key"},
};

/* ---- a call and its settings ---- */

struct payvand_call *
payvand_call_new(struct payvand *exchange, const char *method)
{
    struct payvand_call *call;
    struct pv_slice      name = pv_slice_from(method);
    struct pv_slice      provider;
    struct pv_slice      rest;

    if (pv_slice_starts(name, PV_LIT("/x/"))) {
        name = pv_slice_from(method + 3);
    }
    if (!pv_client_is_method(name)) {
        return NULL;
    }
    (void)pv_slice_cut(name, '/', &provider, &rest); /* it has one */
    call = calloc(1, sizeof(*call));
    if (call == NULL) {
        return NULL;
    }
    call->exchange = exchange;
    pv_buf_init(&call->body, PV_HTTP_BODY_MAX);
    pv_buf_init(&call->last, PV_VALUE_MAX);
    pv_http_init(&call->http);
    pv_evidence_init(&call->evidence);
    if (pv_slice_to_cstr(name, call->method, sizeof(call->method)) != PV_OK ||
        pv_slice_to_cstr(provider, call->provider, sizeof(call->provider)) !=
            PV_OK) {
        payvand_call_free(call);
        return NULL;
    }
    (void)snprintf(call->path, sizeof(call->path), "/x/%s",
                   call->method); /* fits */
    return call;
}

void
payvand_call_free(struct payvand_call *call)
{
    if (call == NULL) {
        return;
    }
    for (size_t i = 0; i < CALL_SETTINGS; i++) {
        free(call->setting[i]);
    }
    json_decref(call->problem);
    pv_contract_free(call->contract);
    pv_client_release_state(call);
    pv_evidence_clear(&call->evidence);
    pv_buf_wipe(&call->body);
    pv_buf_wipe(&call->last);
    pv_http_clear(&call->http);
    free(call);
}

static enum payvand_result
fail(struct payvand_call *call, enum payvand_result result, const char *what)
{
    pv_why_set(&call->why, "%s", what);
    return result;
}

enum payvand_result
payvand_call_set(struct payvand_call *call, enum payvand_call_setting setting,
                 const char *value)
{
    char *copy = NULL;

    if ((unsigned)setting >= CALL_SETTINGS) {
        return fail(call, PAYVAND_EINVAL, "there is no such setting");
    }
    if (value != NULL && (strlen(value) > VALUE_MAX || value[0] == '\0')) {
        return fail(call, PAYVAND_EINVAL, "the value is empty or too long");
    }
    if (value != NULL && setting == PAYVAND_REPEATABLE &&
        strcmp(value, "yes") != 0 && strcmp(value, "no") != 0) {
        return fail(call, PAYVAND_EINVAL, "repeatable is yes or no");
    }
    if (value != NULL) {
        copy = strdup(value);
        if (copy == NULL) {
            return fail(call, PAYVAND_ENOMEM, "no memory");
        }
    }
    free(call->setting[setting]);
    call->setting[setting] = copy;
    return PAYVAND_OK;
}

/* ---- one try ---- */

/* lower: as a signature may cover it, or NULL. */
static bool
add(struct payvand_call *call, const char *name, const char *lower,
    const char *value)
{
    struct pv_http *http = &call->http;
    char           *line;
    int             len;

    if (http->header_count >= PV_HTTP_HEADERS_MAX) {
        return false;
    }
    line = call->line[http->header_count];
    len = snprintf(line, LINE_MAX_LEN, "%s: %s", name, value);
    if (len < 0 || len >= LINE_MAX_LEN) {
        return false;
    }
    http->header[http->header_count++] = line;
    if (lower != NULL) {
        call->field[call->field_count++] = (struct pv_httpsig_field){
            pv_slice_from(lower), pv_slice_from(line + strlen(name) + 2)};
    }
    return true;
}

static bool
add_settings(struct payvand_call *call)
{
    call->http.header_count = 0;
    call->field_count = 0;
    for (size_t i = 0; i < CALL_SETTINGS; i++) {
        if (call->setting[i] != NULL && header[i].name != NULL &&
            !add(call, header[i].name, header[i].lower, call->setting[i])) {
            return false;
        }
    }
    return add(call, "Content-Type", "content-type", "application/json");
}

static enum payvand_result
begin_evidence(struct payvand_call *call)
{
    enum payvand_result result = pv_client_keep_begin(call);

    if (result != PAYVAND_OK || call->evidence.commitment[0] == '\0') {
        return result; /* not kept, or kept nowhere */
    }
    return add(call, "Payvand-Commitment", NULL, call->evidence.commitment) &&
                   add(call, "Payvand-Evidence", "payvand-evidence",
                       call->evidence.nonce_text)
               ? PAYVAND_OK
               : fail(call, PAYVAND_EINVAL, "too many headers");
}

static enum payvand_result
sign(struct payvand_call *call)
{
    struct pv_httpsig_message request = pv_client_request(call);
    enum pv_err               err;

    if (call->exchange->key == NULL) { /* its answer is bound to this, then */
        err =
            pv_httpsig_digest_make(pv_buf_view(&call->body), call->made.digest);
        if (err != PV_OK) {
            return fail(call, PAYVAND_ENOMEM, pv_err_text(err));
        }
        return add(call, "Content-Digest", "content-digest", call->made.digest)
                   ? PAYVAND_OK
                   : fail(call, PAYVAND_EINVAL, "too many headers");
    }
    err =
        pv_httpsig_sign(call->exchange->key, &request, pv_buf_view(&call->body),
                        pv_time_wall_ms() / 1000, &call->made);
    if (err == PV_EINVAL) {
        return fail(call, PAYVAND_EINVAL,
                    "a header value holds a control character");
    }
    if (err != PV_OK) {
        return fail(call, PAYVAND_ENOMEM, pv_err_text(err));
    }
    return add(call, "Content-Digest", "content-digest", call->made.digest) &&
                   add(call, "Signature-Input", "signature-input",
                       call->made.input) &&
                   add(call, "Signature", "signature", call->made.signature)
               ? PAYVAND_OK
               : fail(call, PAYVAND_EINVAL, "too many headers");
}

static bool
is(const struct payvand_call *call, const char *outcome)
{
    return strcmp(call->http.outcome, outcome) == 0;
}

static enum payvand_result
withhold(struct payvand_call *call, enum payvand_result result)
{
    pv_buf_wipe(&call->http.answer);
    pv_buf_init(&call->http.answer, PV_HTTP_ANSWER_MAX);
    return result;
}

static bool
has_tracking_id(const struct payvand_call *call)
{
    struct pv_tracking_id id;

    return pv_tracking_id_parse(pv_slice_from(call->http.tracking_id), &id) ==
           PV_OK;
}

/*
 * An exchange says one of its outcomes, and `answered` alone is a success: what
 * an application takes for an answer by its status has been judged as one.
 */
static bool
is_of_an_exchange(const struct payvand_call *call)
{
    const long status = call->http.status;

    return pv_outcome_from_word(pv_slice_from(call->http.outcome)) !=
               PV_OUTCOME_NONE &&
           (is(call, "answered")
                ? status >= 200 && status <= STATUS_ANSWERED_MAX
                : status >= 400 && status <= 599) &&
           has_tracking_id(call);
}

/* Half an answer, or nobody's, is none; its tracking id may still be told. */
static enum payvand_result
drop(struct payvand_call *call, enum payvand_result result)
{
    call->http.outcome[0] = '\0';
    if (!has_tracking_id(call)) {
        call->http.tracking_id[0] = '\0';
    }
    return withhold(call, result);
}

static enum payvand_result
send_once(struct payvand_call *call)
{
    struct pv_http *http = &call->http;
    char *const    *setting = call->exchange->setting;

    pv_http_reset(http);
    call->sent_ms = pv_time_wall_ms();
    http->url = call->address;
    http->ca = setting[PAYVAND_CA];
    http->cert = setting[PAYVAND_CERT];
    http->key = setting[PAYVAND_KEY];
    http->is_post = true;
    http->body = pv_buf_view(&call->body);
    http->timeout_ms = pv_client_timeout_ms(call);
    switch ((int)pv_http_run(http, &call->why)) {
    case PV_OK:
        break;
    case PV_EINVAL:
    case PV_EFULL:
        return PAYVAND_EINVAL;
    default:
        return drop(call, PAYVAND_ENOANSWER);
    }
    if (!is_of_an_exchange(call)) {
        pv_why_set(&call->why,
                   "%s answered HTTP %ld without saying, as an exchange "
                   "does, what became of the call: is it a Payvand exchange?",
                   setting[PAYVAND_URL], http->status);
        return drop(call, PAYVAND_EPROTOCOL);
    }
    return PAYVAND_OK;
}

/*
 * What is not shown to be the provider's, or is not what the contract says
 * is not handed out.
 */
static enum payvand_result
judge_answer(struct payvand_call *call)
{
    if (!is(call, "answered")) {
        pv_client_take_problem(call);
        return PAYVAND_OK;
    }
    if (call->exchange->setting[PAYVAND_PROVIDER_KEYS] != NULL) {
        if (pv_client_verify(call, &call->why) != PV_OK) {
            return withhold(call, PAYVAND_EVERIFY);
        }
        call->verified = 1;
    }
    return pv_client_check_contract(call, &call->why) == PV_OK
               ? PAYVAND_OK
               : withhold(call, PAYVAND_ECONTRACT);
}

static enum payvand_result
try_once(struct payvand_call *call)
{
    enum payvand_result result;
    enum payvand_result kept;

    json_decref(call->problem);
    call->problem = NULL;
    call->last.len = 0;
    call->verified = 0;
    call->fault = (struct pv_fault){PV_FAULT_NONE, ""};
    call->tries++;
    pv_http_reset(&call->http);
    if (!add_settings(call)) {
        return fail(call, PAYVAND_EINVAL, "too many headers");
    }
    result = begin_evidence(call);
    if (result != PAYVAND_OK) {
        return result;
    }
    result = sign(call);
    if (result == PAYVAND_OK) {
        result = send_once(call);
    }
    if (result == PAYVAND_OK) {
        result = judge_answer(call);
    }
    kept = pv_client_keep_end(call, result);
    return result != PAYVAND_OK ? result : kept;
}

/* ---- the call ---- */

static bool
may_repeat(const struct payvand_call *call)
{
    const char *said = call->setting[PAYVAND_REPEATABLE];

    if (call->setting[PAYVAND_IDEMPOTENCY_KEY] != NULL) {
        return true;
    }
    return said == NULL ? pv_client_only_asks(call) : strcmp(said, "yes") == 0;
}

static bool
is_worth_repeating(const struct payvand_call *call, enum payvand_result result)
{
    return result == PAYVAND_ENOANSWER ||
           (result == PAYVAND_OK && is(call, "unavailable"));
}

static void
pause_ms(long ms)
{
    struct timespec left = {ms / 1000, ms % 1000 * 1000000};

    while (nanosleep(&left, &left) == -1 && errno == EINTR) {
    }
}

static enum payvand_result
prepare(struct payvand_call *call, const char *json, size_t len)
{
    struct pv_slice url = pv_slice_from(call->exchange->setting[PAYVAND_URL]);

    while (url.len > 0 && url.ptr[url.len - 1] == '/') {
        url.len--;
    }
    if (url.len == 0) {
        return fail(call, PAYVAND_EINVAL, "the exchange's URL is not set");
    }
    (void)snprintf(call->address, sizeof(call->address), "%.*s%s", PV_FMT(url),
                   call->path); /* fits */
    pv_buf_wipe(&call->body);
    pv_buf_init(&call->body, PV_HTTP_BODY_MAX);
    if (len > PAYVAND_BODY_MAX) {
        return fail(call, PAYVAND_EINVAL, "the input is larger than 1 MiB");
    }
    call->tries = 0;
    call->verified = 0;
    call->fault = (struct pv_fault){PV_FAULT_NONE, ""};
    call->why.text[0] = '\0';
    pv_http_reset(&call->http);
    pv_client_release_state(call); /* of the run before */
    if (pv_client_load_contract(call, &call->why) != PV_OK ||
        pv_client_load_rights(call, &call->why) != PV_OK ||
        pv_client_is_stale(call, &call->why)) {
        return PAYVAND_EINVAL;
    }
    if (pv_buf_add(&call->body, (struct pv_slice){json, len}) != PV_OK) {
        return fail(call, PAYVAND_ENOMEM, "no memory");
    }
    if (pv_client_check_request(call, &call->why) != PV_OK) {
        return PAYVAND_EINVAL;
    }
    return pv_client_may_be_sent(call, &call->why) ? PAYVAND_OK
                                                   : PAYVAND_ERIGHT;
}

enum payvand_result
payvand_call_run(struct payvand_call *call, const char *json, size_t len)
{
    long                tries = 1;
    long                wait_ms = PAUSE_FIRST_MS;
    enum payvand_result result = prepare(call, json, len);

    if (result != PAYVAND_OK) {
        return result;
    }
    if (may_repeat(call)) {
        tries = pv_client_number(call->exchange, PAYVAND_TRIES);
    }
    for (;;) {
        result = try_once(call);
        if (call->tries >= tries || !is_worth_repeating(call, result)) {
            return result;
        }
        pause_ms(wait_ms);
        wait_ms *= 2;
    }
}

/* ---- what came ---- */

const char *
payvand_call_outcome(const struct payvand_call *call)
{
    return call->http.outcome;
}

const char *
payvand_call_tracking_id(const struct payvand_call *call)
{
    return call->http.tracking_id;
}

const char *
payvand_call_answer(const struct payvand_call *call, size_t *ret_len)
{
    *ret_len = call->http.answer.len;
    return *ret_len == 0 ? NULL : call->http.answer.ptr;
}

const char *
payvand_call_problem(const struct payvand_call *call, const char *name)
{
    return json_string_value(json_object_get(call->problem, name));
}

int
payvand_call_is_verified(const struct payvand_call *call)
{
    return call->verified;
}

int
payvand_call_status(const struct payvand_call *call)
{
    return (int)call->http.status;
}

int
payvand_call_retry_after(const struct payvand_call *call)
{
    uint64_t seconds = 0;

    return pv_slice_to_u64(pv_slice_from(call->http.retry_after),
                           RETRY_AFTER_MAX, &seconds) == PV_OK
               ? (int)seconds
               : 0;
}

int
payvand_call_tries(const struct payvand_call *call)
{
    return call->tries;
}

const char *
payvand_call_error(const struct payvand_call *call)
{
    return call->why.text;
}
