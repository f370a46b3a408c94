/* call_sign.c - a call's signatures: of the request in, of the answer out. */
#include "connectord/call_private.h"

#include <string.h>
#include <strings.h>

#include "connectord/log.h"

/* The fields that a signature may cover, and its own. */
static const char *const covered[] = {
    "content-digest",   "content-type",    "idempotency-key", "payvand-consent",
    "payvand-evidence", "signature-input", "signature",
};

#define COVERED (sizeof(covered) / sizeof(covered[0]))

_Static_assert(COVERED <= PV_HTTPSIG_FIELDS_MAX, "a message has room for all");

struct gathered {
    struct pv_httpsig_field field[COVERED];
    size_t                  count;
    bool                    broken; /* one twice, or not of visible ASCII */
};

static bool
is_visible(const char *value)
{
    for (; *value != '\0'; value++) {
        if (*value < 0x20 || *value > 0x7e) {
            return false;
        }
    }
    return true;
}

static enum MHD_Result
gather(void *context, enum MHD_ValueKind kind, const char *key,
       const char *value)
{
    struct gathered *all = context;

    (void)kind; /* only headers are asked for */
    for (size_t i = 0; i < COVERED; i++) {
        struct pv_slice name = pv_slice_from(covered[i]);

        if (strcasecmp(key, covered[i]) != 0) {
            continue;
        }
        for (size_t j = 0; j < all->count; j++) {
            all->broken |= pv_slice_eq(all->field[j].name, name);
        }
        all->broken |= !is_visible(value);
        if (all->count < COVERED) {
            all->field[all->count++] =
                (struct pv_httpsig_field){name, pv_slice_from(value)};
        }
    }
    return MHD_YES;
}

/* The request as its signature sees it; lives as all does. */
static struct pv_httpsig_message
request_of(const struct call *call, struct gathered *all)
{
    memset(all, 0, sizeof(*all));
    /* a negative count is none */
    (void)MHD_get_connection_values(call->connection, MHD_HEADER_KIND, gather,
                                    all);
    return (struct pv_httpsig_message){
        .method = PV_LIT("POST"), /* pv_call_judge_head takes no other */
        .path = pv_slice_from(call->uri),
        .field = all->field,
        .field_count = all->count,
    };
}

bool
pv_call_check_signature(struct call *call)
{
    struct gathered           all;
    struct pv_httpsig_message request = request_of(call, &all);
    enum pv_httpsig_fault     fault = PV_HTTPSIG_FORM;
    enum pv_err               err = PV_EVERIFY;

    if (!all.broken) {
        err = pv_signatures_check(&call->http->signatures, &request,
                                  pv_buf_view(&call->body), call->consumer,
                                  &fault);
    }
    if (err == PV_OK) {
        return true;
    }
    if (err == PV_EVERIFY) {
        pv_log_warn("connector.signature_refused",
                    "tracking_id=%s consumer=%s reason=%.*s", call->tracking_id,
                    call->consumer, PV_FMT(pv_httpsig_fault_word(fault)));
        pv_call_say_problem(
            call, MHD_HTTP_OK, "invalid", pv_httpsig_fault_urn(fault),
            pv_httpsig_fault_en(fault), pv_httpsig_fault_fa(fault));
        return false;
    }
    pv_log_error("connector.call_failed", "tracking_id=%s error=\"%s\"",
                 call->tracking_id, pv_err_text(err));
    pv_call_say_failed(call);
    return false;
}

/* Its fields are in call->made after _make. */
static enum pv_err
add_to(struct pv_signing *signing, struct call *call)
{
    struct gathered           all;
    struct pv_httpsig_message request = request_of(call, &all);
    struct pv_httpsig_field   field[] = {
          {PV_LIT("content-type"), pv_slice_from(pv_call_type(call))},
          {PV_LIT("payvand-outcome"), pv_slice_from(call->outcome)},
          {PV_LIT("payvand-tracking-id"), pv_slice_from(call->tracking_id)},
    };
    struct pv_httpsig_message answer = {
        .status = call->status,
        .request = &request,
        .field = field,
        .field_count = sizeof(field) / sizeof(field[0]),
    };

    if (all.broken) {
        request.field_count = 0; /* the refusal is bound to the path alone */
    }
    return pv_signatures_add(&call->http->signatures, &answer,
                             pv_buf_view(&call->answer), signing, &call->made);
}

void
pv_call_sign_soon(struct call *call)
{
    struct pv_http *http = call->http;

    if (!call->suspended) {
        return; /* it goes at once, and is signed alone */
    }
    call->to_sign = NULL;
    *http->to_sign_end = call;
    http->to_sign_end = &call->to_sign;
}

/* Those from first on, before last, are signed or will be one by one. */
static void
let_go(struct pv_http *http, struct call *first, const struct call *last)
{
    bool made = pv_signatures_make(&http->signatures, &http->signing) == PV_OK;

    while (first != last) {
        struct call *call = first;

        first = call->to_sign;
        call->is_made = call->is_made && made;
        pv_call_resume(call);
    }
}

void
pv_call_sign_waiting(struct pv_http *http)
{
    struct call *first = http->to_sign;
    struct call *call = first;

    http->to_sign = NULL;
    http->to_sign_end = &http->to_sign;
    while (call != NULL) {
        enum pv_err err = add_to(&http->signing, call);

        if (err == PV_EFULL) {
            let_go(http, first, call);
            first = call;
            continue;
        }
        call->is_made = err == PV_OK;
        call = call->to_sign;
    }
    let_go(http, first, NULL);
}

static enum pv_err
sign_alone(struct call *call)
{
    struct pv_signing *signing = &call->http->signing;
    enum pv_err        err = add_to(signing, call);

    return err == PV_OK ? pv_signatures_make(&call->http->signatures, signing)
                        : err;
}

static bool
add(struct MHD_Response *response, const char *name, const char *value)
{
    return MHD_add_response_header(response, name, value) == MHD_YES;
}

bool
pv_call_sign_answer(struct call *call, struct MHD_Response *response)
{
    const struct pv_httpsig_made *made = &call->made;
    enum pv_err err = call->is_made ? PV_OK : sign_alone(call);

    if (err == PV_ENOTFOUND) {
        return true; /* this connector does not sign */
    }
    if (err != PV_OK) {
        pv_log_error("connector.answer_not_signed",
                     "tracking_id=%s error=\"%s\"", call->tracking_id,
                     pv_err_text(err));
        return false;
    }
    return add(response, "Content-Digest", made->digest) &&
           add(response, "Signature-Input", made->input) &&
           add(response, "Signature", made->signature);
}
