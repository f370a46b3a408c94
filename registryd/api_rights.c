/*
 * api_rights.c - what concerns an agency, signed, for its connectors.
 */
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "base/num.h"
#include "base/time.h"
#include "decide.h"
#include "rights.h"
#include "rules.h"

#define WAIT_MAX_S 30
#define SIGNER_WAIT_MS 10
#define WAITERS_OF_ONE_MAX 4 /* an agency's connectors, and their restarts */
#define WAITERS_RETRY_S 5

struct wanted {
    char           agency[PV_RIGHTS_AGENCY_MAX + 1];
    bool           has_known;
    struct pv_hash known;
    uint64_t       wait_s;
};

static enum pv_err
read_wanted(const struct pv_server_call *call, struct wanted *ret)
{
    struct pv_server_param param[] = {{PV_LIT("agency"), {"", 0}},
                                      {PV_LIT("known"), {"", 0}},
                                      {PV_LIT("wait"), {"", 0}}};
    enum pv_err            err = pv_server_query(call->query, param, 3);

    memset(ret, 0, sizeof(*ret));
    if (err == PV_OK) {
        err =
            pv_slice_to_cstr(param[0].value, ret->agency, sizeof(ret->agency));
    }
    ret->has_known = param[1].value.len > 0;
    if (err == PV_OK && ret->has_known) {
        err = pv_hex_bytes(param[1].value, ret->known.bytes, PV_HASH_LEN);
    }
    if (err == PV_OK && param[2].value.len > 0) {
        err = pv_slice_to_u64(param[2].value, WAIT_MAX_S, &ret->wait_s);
    }
    return err == PV_OK && ret->agency[0] == '\0' ? PV_EINVAL : err;
}

/* Its own systems, those that serve it, and the machine's owner. */
static enum pv_err
is_open_to(const struct pv_api *api, const char *agency, bool *ret)
{
    const struct pv_caller *caller = &api->caller;
    struct pv_record        system = {.body = NULL};
    enum pv_err             err = PV_OK;

    *ret = caller->kind == PV_CALLER_CONSOLE;
    if (caller->kind == PV_CALLER_SYSTEM) {
        err = pv_record_get(api->registry, PV_KIND_SYSTEM, caller->system,
                            &system);
        *ret = err == PV_OK &&
               (strcmp(caller->agency, agency) == 0 ||
                pv_list_has(json_object_get(system.body, "serves_agencies"),
                            agency));
        pv_record_clear(&system);
    }
    return err;
}

static enum pv_err
hash(struct pv_slice body, struct pv_hash *ret)
{
    struct pv_sha256 *sha = NULL;
    enum pv_err       err = pv_sha256_new(&sha);

    if (err == PV_OK) {
        err = pv_sha256(sha, &body, 1, ret);
    }
    pv_sha256_free(sha);
    return err;
}

/* ---- those that wait ---- */

static void
stop_waiting(void *state)
{
    struct pv_api_waiter  *waiter = state; /* its first member */
    struct pv_api_waiter **at = &waiter->api->waiter;

    while (*at != waiter) {
        at = &(*at)->next;
    }
    *at = waiter->next;
    pv_heads_forget(waiter->api->heads, &waiter->question);
    pv_buf_clear(&waiter->body);
    free(waiter);
}

/* The call's, until it ends; NULL: no memory. */
static struct pv_api_waiter *
waiter_of(struct pv_server_call *call, struct pv_api *api, const char *agency)
{
    struct pv_api_waiter *waiter = call->state;

    if (waiter == NULL) {
        waiter = calloc(1, sizeof(*waiter));
        if (waiter == NULL) {
            return NULL;
        }
        waiter->state.forget = stop_waiting;
        waiter->api = api;
        waiter->next = api->waiter;
        api->waiter = waiter;
        memcpy(waiter->question.agency, agency, strlen(agency) + 1);
        pv_buf_init(&waiter->body, PV_RIGHTS_MAX);
        call->state = waiter;
    }
    return waiter;
}

/* Not more for the same news, nor for news at all. */
static bool
may_wait(const struct pv_api *api, const char *agency)
{
    size_t all = 0;
    size_t of_one = 0;

    for (const struct pv_api_waiter *waiter = api->waiter; waiter != NULL;
         waiter = waiter->next) {
        if (waiter->for_news) {
            all++;
            of_one += strcmp(waiter->question.agency, agency) == 0 ? 1 : 0;
        }
    }
    return all < PV_API_WAITERS_MAX && of_one < WAITERS_OF_ONE_MAX;
}

/* The bodies that wait for their notes are bounded, too. */
static bool
may_keep(const struct pv_api *api, size_t len)
{
    for (const struct pv_api_waiter *waiter = api->waiter; waiter != NULL;
         waiter = waiter->next) {
        len += waiter->body.len;
    }
    return len <= PV_API_KEPT_MAX;
}

static void
wait_for_news(struct pv_server_call *call, struct pv_api *api,
              const char *agency, int64_t until_ms)
{
    struct pv_api_waiter *waiter = call->state;

    if (waiter == NULL && may_wait(api, agency)) {
        waiter = waiter_of(call, api, agency);
    }
    if (waiter == NULL) {
        pv_api_too_many(call);
        return;
    }
    waiter->for_news = true;
    pv_server_wait(call, until_ms);
}

/* ---- the answer ---- */

/* The note and what is behind it, once the signer has answered. */
static void
answer_signed(struct pv_server_call *call, struct pv_api *api,
              struct pv_api_waiter *waiter)
{
    const struct pv_heads_question *question = &waiter->question;
    enum pv_err err = pv_heads_rights(api->heads, &waiter->question);

    if (err == PV_EAGAIN) {
        pv_server_wait(call, pv_time_monotonic_ms() + SIGNER_WAIT_MS);
        return;
    }
    if (err == PV_OK) {
        err = pv_buf_add(&call->answer,
                         (struct pv_slice){question->note, question->len});
    }
    if (err == PV_OK) {
        err = pv_buf_add(&call->answer, pv_buf_view(&waiter->body));
    }
    if (err == PV_OK) {
        pv_server_answer(call, 200, "application/octet-stream");
    } else if (err == PV_ENOTFOUND) {
        pv_server_problem(call, 404, "no-signer",
                          "this registry signs nothing: it has no signer",
                          "این دفتر ثبت امضاکننده ندارد");
    } else if (err == PV_ECLOSED) {
        call->retry_after_s = WAITERS_RETRY_S;
        pv_server_problem(
            call, 503, "signer-silent", "the registry's signer does not answer",
            "امضاکننده دفتر ثبت پاسخ نمی‌دهد");
    } else {
        pv_api_error(call, err);
    }
}

/* Wait for what is new, or have it signed. body: taken over where it is kept */
static void
answer(struct pv_server_call *call, struct pv_api *api,
       const struct wanted *wanted, struct pv_buf *body)
{
    int64_t now_ms = pv_time_monotonic_ms();
    int64_t until_ms = call->begun_ms + (int64_t)wanted->wait_s * 1000;
    struct pv_api_waiter *waiter;
    struct pv_hash        digest;
    bool                  is_known;
    int64_t               last;
    int64_t               image;
    enum pv_err           err = hash(pv_buf_view(body), &digest);

    if (err == PV_OK) {
        err = pv_registry_numbers(api->registry, &last, &image);
    }
    if (err != PV_OK) {
        pv_api_error(call, err);
        return;
    }
    is_known = wanted->has_known && pv_hash_eq(&digest, &wanted->known);
    if (is_known && now_ms < until_ms) {
        wait_for_news(call, api, wanted->agency, until_ms);
        return;
    }
    waiter = is_known || may_keep(api, body->len)
                 ? waiter_of(call, api, wanted->agency)
                 : NULL;
    if (waiter == NULL) {
        pv_api_too_many(call);
        return;
    }
    waiter->for_news = false;
    waiter->question.body = digest;
    waiter->question.decision = (uint64_t)last;
    waiter->question.since_ms = now_ms;
    if (!is_known) {
        waiter->body = *body;
        pv_buf_init(body, 0); /* taken */
    }
    answer_signed(call, api, waiter);
}

/* One by its hash; it is a secret to nobody who takes part. */
void
pv_api_contract(struct pv_server_call *call)
{
    const struct pv_api *api = call->context;
    enum pv_err          err =
        call->query.len > 0
                     ? PV_EINVAL
                     : pv_contract_find(api->registry, call->rest, &call->answer);

    if (err == PV_OK) {
        pv_server_answer(call, 200, "application/json");
    } else { /* a longer name is none */
        pv_api_error(call, err == PV_ERANGE ? PV_ENOTFOUND : err);
    }
}

void
pv_api_rights(struct pv_server_call *call)
{
    struct pv_api        *api = call->context;
    struct wanted         wanted;
    struct pv_buf         body;
    bool                  is_open;
    enum pv_err           err;
    struct pv_api_waiter *waiter = call->state;

    if (waiter != NULL && !waiter->for_news) { /* it is being signed */
        answer_signed(call, api, waiter);
        return;
    }
    if (read_wanted(call, &wanted) != PV_OK) {
        pv_server_problem(call, 400, "registry-request",
                          "the request is not right; see payvand-registryd(8)",
                          "درخواست درست نیست؛ راهنما را ببینید");
        return;
    }
    pv_buf_init(&body, PV_RIGHTS_MAX - PV_SIGNER_NOTE_MAX);
    err = is_open_to(api, wanted.agency, &is_open);
    if (err == PV_OK && !is_open) {
        pv_server_problem(
            call, 403, "not-open", "this is open to the agency's own systems",
            "این بخش برای سامانه‌های همان دستگاه باز است");
        goto out;
    }
    if (err == PV_OK) {
        err = pv_agency_rights(api->registry, wanted.agency, &body);
    }
    if (err == PV_OK) {
        answer(call, api, &wanted, &body);
    } else {
        pv_api_error(call, err);
    }

out:
    pv_buf_clear(&body);
}
