/* verify.c - is an answer the provider's, and to this very request? */
#include "client/private.h"

#include <stdio.h>

#include "base/time.h"

#define PATH_ROOM (VALUE_MAX + PROVIDER_MAX + 16)

struct pv_httpsig_message
pv_client_request(const struct payvand_call *call)
{
    return (struct pv_httpsig_message){
        .method = PV_LIT("POST"),
        .path = pv_slice_from(call->path),
        .field = call->field,
        .field_count = call->field_count,
    };
}

/* The provider's key with the id that the signature names. */
static enum pv_err
find_key(const struct payvand_call *call, struct pv_slice keyid,
         struct pv_httpsig_key **ret, struct pv_why *why)
{
    static const char *const name[] = {".pem", ".next.pem"};
    enum pv_err              err = PV_ENOTFOUND;

    for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
        struct pv_httpsig_key *key = NULL;
        struct pv_why          unused;
        char                   path[PATH_ROOM];

        (void)snprintf(path, sizeof(path), "%s/%s%s", /* fits */
                       call->exchange->setting[PAYVAND_PROVIDER_KEYS],
                       call->provider, name[i]);
        err =
            pv_httpsig_key_read_file(path, false, &key, i == 0 ? why : &unused);
        if (err != PV_OK) {
            continue;
        }
        if (pv_slice_eq(pv_slice_from(pv_httpsig_key_id(key)), keyid)) {
            *ret = key;
            return PV_OK;
        }
        pv_why_set(why, "%s", pv_httpsig_fault_en(PV_HTTPSIG_KEY));
        pv_httpsig_key_free(key);
    }
    return PV_EVERIFY;
}

static enum pv_err
check(const struct payvand_call *call, const struct pv_httpsig_message *answer,
      struct pv_why *why)
{
    struct pv_slice         body = pv_buf_view(&call->http.answer);
    struct pv_httpsig_key  *key = NULL;
    struct pv_httpsig_input input;
    enum pv_httpsig_fault   fault = PV_HTTPSIG_NONE;
    enum pv_err             err;

    err =
        pv_httpsig_open(answer, body, pv_time_wall_ms() / 1000, &input, &fault);
    if (err == PV_OK) {
        err = find_key(call, input.keyid, &key, why);
    }
    if (err == PV_OK) {
        err = pv_httpsig_verify(key, answer, &input, &fault);
    }
    if (fault == PV_HTTPSIG_MISSING) {
        pv_why_set(why, "The answer is not signed");
    } else if (fault != PV_HTTPSIG_NONE) {
        pv_why_set(why, "%s", pv_httpsig_fault_en(fault));
    }
    pv_httpsig_key_free(key);
    return err;
}

enum pv_err
pv_client_verify(const struct payvand_call *call, struct pv_why *why)
{
    const struct pv_http           *http = &call->http;
    const struct pv_httpsig_message request = pv_client_request(call);
    const struct {
        struct pv_slice name;
        const char     *value;
    } had[] = {
        {PV_LIT("payvand-outcome"), http->outcome},
        {PV_LIT("payvand-tracking-id"), http->tracking_id},
        {PV_LIT("content-type"), http->content_type},
        {PV_LIT("content-digest"), http->content_digest},
        {PV_LIT("signature-input"), http->signature_input},
        {PV_LIT("signature"), http->signature},
    };
    struct pv_httpsig_field   field[sizeof(had) / sizeof(had[0])];
    struct pv_httpsig_message answer = {
        .status = (unsigned)http->status,
        .request = &request,
        .field = field,
    };

    for (size_t i = 0; i < sizeof(had) / sizeof(had[0]); i++) {
        if (had[i].value[0] != '\0') {
            field[answer.field_count++] = (struct pv_httpsig_field){
                had[i].name, pv_slice_from(had[i].value)};
        }
    }
    return check(call, &answer, why);
}
