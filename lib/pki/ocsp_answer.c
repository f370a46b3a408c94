/* ocsp_answer.c - OCSP answers, signed by the authority itself. */
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <string.h>

#include "pki/ocsp_inside.h"

static enum pv_err
write_der(OCSP_RESPONSE *response, struct pv_buf *out)
{
    unsigned char *der = NULL;
    int         len = response == NULL ? 0 : i2d_OCSP_RESPONSE(response, &der);
    enum pv_err err =
        len <= 0 ? pv_pki_failed()
                 : pv_buf_add(out, (struct pv_slice){(char *)der, (size_t)len});

    OPENSSL_free(der);
    return err;
}

enum pv_err
pv_ocsp_error(enum pv_ocsp_error error, struct pv_buf *out)
{
    OCSP_RESPONSE *response = OCSP_response_create((int)error, NULL);
    enum pv_err    err = write_der(response, out);

    OCSP_RESPONSE_free(response);
    return err;
}

static bool
add_said(OCSP_BASICRESP *basic, const struct pv_ocsp_asked *asked,
         const struct pv_ocsp_said *said, ASN1_TIME *from, ASN1_TIME *until)
{
    static const int word[] = {[PV_OCSP_UNKNOWN] = V_OCSP_CERTSTATUS_UNKNOWN,
                               [PV_OCSP_GOOD] = V_OCSP_CERTSTATUS_GOOD,
                               [PV_OCSP_REVOKED] = V_OCSP_CERTSTATUS_REVOKED};
    /* a reason that says nothing is left out */
    int          reason = said->reason == PV_PKI_UNSPECIFIED
                              ? OCSP_REVOKED_STATUS_NOSTATUS
                              : (int)said->reason;
    OCSP_CERTID *id = pv_ocsp_id(asked);
    ASN1_TIME   *when = pv_pki_time(said->when_ms);
    bool         good = id != NULL && when != NULL &&
                OCSP_basic_add1_status(basic, id, word[said->state], reason,
                                       when, from, until) != NULL;

    ASN1_TIME_free(when);
    OCSP_CERTID_free(id);
    return good;
}

static bool
fill(OCSP_BASICRESP *basic, const struct pv_ocsp *ocsp,
     const struct pv_ocsp_said *said, int64_t this_ms, int64_t next_ms)
{
    ASN1_TIME *from = pv_pki_time(this_ms);
    ASN1_TIME *until = pv_pki_time(next_ms);
    uint8_t    nonce[PV_OCSP_NONCE_MAX];
    bool       good = from != NULL && until != NULL;

    for (size_t i = 0; i < ocsp->count && good; i++) {
        good = add_said(basic, &ocsp->asked[i], &said[i], from, until);
    }
    if (good && ocsp->nonce_len > 0) {
        memcpy(nonce, ocsp->nonce, ocsp->nonce_len);
        good = OCSP_basic_add1_nonce(basic, nonce, (int)ocsp->nonce_len) == 1;
    }
    ASN1_TIME_free(from);
    ASN1_TIME_free(until);
    return good;
}

enum pv_err
pv_ocsp_answer(const struct pv_pki_authority *authority,
               const struct pv_ocsp *ocsp, const struct pv_ocsp_said *said,
               int64_t this_ms, int64_t next_ms, struct pv_buf *out)
{
    OCSP_BASICRESP *basic = NULL;
    OCSP_RESPONSE  *response = NULL;
    enum pv_err     err;

    if (!pv_ocsp_is_all_of(ocsp, authority->x509)) {
        return PV_EINVAL;
    }
    basic = OCSP_BASICRESP_new();
    if (basic != NULL && fill(basic, ocsp, said, this_ms, next_ms) &&
        OCSP_basic_sign(basic, authority->x509, authority->key,
                        authority->digest, NULL, 0) == 1) {
        response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    }
    err = write_der(response, out);
    OCSP_RESPONSE_free(response);
    OCSP_BASICRESP_free(basic);
    return err;
}
