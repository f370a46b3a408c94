/*
 * api_pki.c - for whoever checks a certificate: lists of revoked ones, OCSP,
 * and the authorities that are registered. Nothing of it is secret.
 */
#include <string.h>

#include "api.h"
#include "base/base64.h"
#include "base/num.h"
#include "decide.h"
#include "issuing.h"
#include "kind_tables.h"

#define CACHE_LIST "max-age=300"
/* RFC 5019 6.2; far less than the answer's hour, as a list is cached */
#define CACHE_OCSP "max-age=300, public, no-transform, must-revalidate"
#define OCSP_PATH_MAX 1024 /* of RFC 5019's 255, and some more */

static void
fails(struct pv_server_call *call)
{
    pv_server_problem(
        call, 503, "authority-failed",
        "the authority does not answer now; try again",
        "مرجع گواهی اکنون پاسخ نمی‌دهد؛ دوباره تلاش کنید");
}

static struct pv_issuing *
issuing_of(const struct pv_server_call *call)
{
    return ((struct pv_api *)call->context)->issuing;
}

/* GET /pki/crl/{authority} */
void
pv_api_crl(struct pv_server_call *call)
{
    struct pv_authority_client *client =
        pv_issuing_find(issuing_of(call), call->rest);
    struct pv_slice der;

    if (client == NULL) {
        pv_server_problem(call, 404, "no-authority",
                          "there is no such authority here",
                          "چنین مرجعی اینجا نیست");
        return;
    }
    if (pv_authority_list(client, &der) != PV_OK ||
        pv_buf_add(&call->answer, der) != PV_OK) {
        fails(call);
        return;
    }
    call->cache = CACHE_LIST;
    pv_server_answer(call, 200, "application/pkix-crl");
}

/* ret_cached: it is the same for everybody who asks so. */
static void
answer_ocsp(struct pv_server_call *call, struct pv_slice question,
            bool *ret_cached)
{
    struct pv_authority_client *client = NULL;
    struct pv_slice             der;
    struct pv_ocsp              ocsp;
    enum pv_err                 err = pv_ocsp_read(question, &ocsp);

    *ret_cached = false;
    if (err == PV_OK) {
        client = pv_issuing_of(issuing_of(call), &ocsp);
    }
    if (client != NULL) {
        err = pv_authority_ocsp(client, &ocsp, &der);
        *ret_cached = err == PV_OK && ocsp.nonce_len == 0;
        err = err == PV_OK ? pv_buf_add(&call->answer, der)
                           : pv_ocsp_error(PV_OCSP_LATER, &call->answer);
    } else {
        err = pv_ocsp_error(err == PV_OK ? PV_OCSP_UNAUTHORIZED
                                         : PV_OCSP_MALFORMED,
                            &call->answer);
    }
    if (err != PV_OK) {
        fails(call);
        return;
    }
    pv_server_answer(call, 200, "application/ocsp-response");
}

/* POST /pki/ocsp (RFC 6960 appendix A.1) */
void
pv_api_ocsp(struct pv_server_call *call)
{
    bool cached;

    answer_ocsp(call, call->body, &cached); /* a POST's answer is nobody's */
}

/* base64 from a path: some clients escape "+", "/" and "=", some do not. */
static enum pv_err
question_of(struct pv_slice path, uint8_t room[PV_OCSP_REQUEST_MAX],
            size_t *ret_len)
{
    char            text[OCSP_PATH_MAX];
    struct pv_slice base64 = {text, 0};

    for (size_t i = 0; i < path.len; i++) {
        uint8_t byte = (uint8_t)path.ptr[i];

        if (byte == '%') {
            if (path.len - i < 3 ||
                pv_hex_bytes((struct pv_slice){path.ptr + i + 1, 2}, &byte,
                             1) != PV_OK) {
                return PV_EINVAL;
            }
            i += 2;
        }
        text[base64.len++] = (char)byte;
    }
    return pv_base64_bytes(base64, room, PV_OCSP_REQUEST_MAX, ret_len);
}

/* GET /pki/ocsp/{base64 of the request} (the same appendix) */
void
pv_api_ocsp_get(struct pv_server_call *call)
{
    uint8_t room[PV_OCSP_REQUEST_MAX];
    size_t  len = 0;
    bool    cached;

    if (call->rest.len > OCSP_PATH_MAX) {
        pv_server_problem(
            call, 414, "too-long", "a question so long is sent by POST",
            "پرسشی به این درازی با POST فرستاده می‌شود");
        return;
    }
    if (question_of(call->rest, room, &len) != PV_OK) {
        len = 0; /* no request: it is answered as such */
    }
    answer_ocsp(call, (struct pv_slice){(const char *)room, len}, &cached);
    call->cache = cached && call->status == 200 ? CACHE_OCSP : NULL;
}

/* GET /pki/authorities.pem: what nginx and clients trust, one after another */
void
pv_api_authorities(struct pv_server_call *call)
{
    struct pv_registry *registry = ((struct pv_api *)call->context)->registry;
    json_t             *ids = NULL;
    json_t             *id;
    size_t              i;
    enum pv_err         err = pv_record_all(registry, PV_KIND_AUTHORITY, &ids);

    json_array_foreach(ids, i, id)
    {
        struct pv_record record = {.body = NULL};

        if (err == PV_OK) {
            err = pv_record_get(registry, PV_KIND_AUTHORITY,
                                json_string_value(id), &record);
        }
        if (err == PV_OK &&
            strcmp(pv_kind_row(PV_KIND_AUTHORITY)->states[record.state],
                   "registered") == 0) {
            err = pv_buf_add(&call->answer, pv_slice_from(pv_member(
                                                record.body, "certificate")));
            if (err == PV_OK) {
                err = pv_buf_add_char(&call->answer, '\n');
            }
        }
        pv_record_clear(&record);
    }
    json_decref(ids);
    if (err != PV_OK) {
        pv_api_error(call, err);
        return;
    }
    pv_server_answer(call, 200, "application/x-pem-file");
}
