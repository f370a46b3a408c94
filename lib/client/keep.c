/* keep.c - the evidence of a try: in a folder, or in its host's store. */
#include "client/private.h"

#include <string.h>

void
pv_client_set_store(struct payvand               *exchange,
                    const struct pv_client_store *store)
{
    exchange->store = store;
}

void
pv_client_set_owner(struct payvand_call *call, void *owner)
{
    call->owner = owner;
}

void *
pv_client_owner(const struct payvand_call *call)
{
    return call->owner;
}

/* It is on disk before the exchange hears of the call. */
enum payvand_result
pv_client_keep_begin(struct payvand_call *call)
{
    const struct pv_client_store *store = call->exchange->store;
    const char     *dir = call->exchange->setting[PAYVAND_EVIDENCE];
    struct pv_slice content = pv_buf_view(&call->body);
    enum pv_err     err = PV_OK;

    pv_evidence_clear(&call->evidence); /* of the try before */
    pv_evidence_init(&call->evidence);
    if (store != NULL) {
        err = pv_evidence_make(&call->evidence, call->method, content,
                               &call->why);
        if (err == PV_OK) {
            err = store->begin(store->context, call, &call->evidence,
                               &call->kept_id, &call->why);
        }
    } else if (dir != NULL) {
        err = pv_evidence_begin(&call->evidence, dir, call->method, content,
                                &call->why);
    }
    return err == PV_OK ? PAYVAND_OK : PAYVAND_EEVIDENCE;
}

static void
copy(char *room, size_t room_len, const char *text)
{
    size_t len = strlen(text);

    if (len < room_len) { /* as http.h has it, it fits */
        memcpy(room, text, len + 1);
    }
}

/* The signature of the answer, and what it is bound to of the request. */
static void
take_signature(const struct payvand_call *call, struct pv_signed *ret)
{
    const struct pv_http *http = &call->http;

    memset(ret, 0, sizeof(*ret));
    if (http->outcome[0] == '\0' || http->signature[0] == '\0') {
        return;
    }
    copy(ret->digest, sizeof(ret->digest), http->content_digest);
    copy(ret->type, sizeof(ret->type), http->content_type);
    copy(ret->input, sizeof(ret->input), http->signature_input);
    copy(ret->signature, sizeof(ret->signature), http->signature);
    copy(ret->request_digest, sizeof(ret->request_digest), call->made.digest);
    if (call->exchange->key != NULL) {
        copy(ret->request_signature, sizeof(ret->request_signature),
             call->made.signature);
    }
}

enum payvand_result
pv_client_keep_end(struct payvand_call *call, enum payvand_result result)
{
    const struct pv_client_store *store = call->exchange->store;
    struct pv_client_end          end = {
                 .method = call->method,
                 .result = result,
                 .outcome = call->http.outcome,
                 .tracking_id = call->http.tracking_id,
                 .verified = call->verified != 0,
                 .fault = call->fault.kind,
                 .answer = pv_buf_view(&call->http.answer),
    };

    if (store != NULL) {
        take_signature(call, &end.signature);
        return store->end(store->context, call->kept_id, &end, &call->why) ==
                       PV_OK
                   ? PAYVAND_OK
                   : PAYVAND_EEVIDENCE;
    }
    if (call->exchange->setting[PAYVAND_EVIDENCE] == NULL ||
        call->http.outcome[0] == '\0') {
        return PAYVAND_OK; /* without an answer the pending file stays */
    }
    take_signature(call, &call->evidence.answer);
    return pv_evidence_end(&call->evidence, call->http.tracking_id,
                           call->http.outcome, &call->why) == PV_OK
               ? PAYVAND_OK
               : PAYVAND_EEVIDENCE; /* the pending file holds all that counts */
}
