/*
 * api_pki.c - for whoever checks a certificate: lists of revoked ones, OCSP,
 * and the authorities that are registered. Nothing of it is secret.
 */
#include <string.h>

#include "api.h"
#include "decide.h"
#include "issuing.h"
#include "kind_tables.h"

#define CACHE_LIST "max-age=300"

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

/* POST /pki/ocsp (RFC 6960 appendix A.1) */
void
pv_api_ocsp(struct pv_server_call *call)
{
    struct pv_authority_client *client = NULL;
    struct pv_slice             der;
    struct pv_ocsp              ocsp;
    enum pv_err                 err = pv_ocsp_read(call->body, &ocsp);

    if (err == PV_OK) {
        client = pv_issuing_of(issuing_of(call), &ocsp);
    }
    if (client != NULL) {
        err = pv_authority_ocsp(client, &ocsp, &der);
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
