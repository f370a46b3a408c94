/* crl.c - the list of revoked certificates. */
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "base/num.h"
#include "pki/inside.h"

#define CRL_V2 1

bool
pv_pki_is_reason(unsigned number)
{
    switch (number) {
    case PV_PKI_UNSPECIFIED:
    case PV_PKI_KEY_COMPROMISE:
    case PV_PKI_AFFILIATION_CHANGED:
    case PV_PKI_SUPERSEDED:
    case PV_PKI_CESSATION:
    case PV_PKI_PRIVILEGE_WITHDRAWN:
        return true;
    default:
        return false;
    }
}

/* RFC 5280 5.3.1: unspecified is said by saying nothing. */
static bool
add_reason(X509_REVOKED *entry, enum pv_pki_reason reason)
{
    ASN1_ENUMERATED *code;
    bool             good;

    if (reason == PV_PKI_UNSPECIFIED) {
        return true;
    }
    code = ASN1_ENUMERATED_new();
    good = code != NULL && ASN1_ENUMERATED_set(code, (long)reason) == 1 &&
           X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, code, 0, 0) == 1;
    ASN1_ENUMERATED_free(code);
    return good;
}

static bool
add_revoked(X509_CRL *crl, const struct pv_pki_revoked *revoked)
{
    X509_REVOKED *entry = X509_REVOKED_new();
    ASN1_INTEGER *serial = pv_pki_integer(revoked->serial, revoked->serial_len);
    ASN1_TIME    *when = pv_pki_time(revoked->when_ms);
    bool          good;

    good = entry != NULL && serial != NULL && when != NULL &&
           X509_REVOKED_set_serialNumber(entry, serial) == 1 &&
           X509_REVOKED_set_revocationDate(entry, when) == 1 &&
           add_reason(entry, revoked->reason) &&
           X509_CRL_add0_revoked(crl, entry) == 1;
    if (good) {
        entry = NULL; /* the list's own */
    }
    X509_REVOKED_free(entry);
    ASN1_INTEGER_free(serial);
    ASN1_TIME_free(when);
    return good;
}

static bool
set_dates(X509_CRL *crl, int64_t this_ms, int64_t next_ms)
{
    ASN1_TIME *from = pv_pki_time(this_ms);
    ASN1_TIME *until = pv_pki_time(next_ms);
    bool       good = from != NULL && until != NULL && this_ms < next_ms &&
                X509_CRL_set1_lastUpdate(crl, from) == 1 &&
                X509_CRL_set1_nextUpdate(crl, until) == 1;

    ASN1_TIME_free(from);
    ASN1_TIME_free(until);
    return good;
}

static bool
add_number(X509_CRL *crl, uint64_t number)
{
    uint8_t       bytes[sizeof(number)];
    ASN1_INTEGER *integer;
    bool          good;

    pv_store_be64(bytes, number);
    integer = pv_pki_integer(bytes, sizeof(bytes));
    good = integer != NULL &&
           X509_CRL_add1_ext_i2d(crl, NID_crl_number, integer, 0, 0) == 1;
    ASN1_INTEGER_free(integer);
    return good;
}

static bool
add_issuer_key(X509_CRL *crl, const struct pv_pki_authority *authority)
{
    X509V3_CTX      context;
    X509_EXTENSION *extension;
    bool            good;

    X509V3_set_ctx(&context, authority->x509, NULL, NULL, crl, 0);
    extension = X509V3_EXT_conf_nid(
        NULL, &context, NID_authority_key_identifier, "keyid:always");
    good = extension != NULL && X509_CRL_add_ext(crl, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return good;
}

static enum pv_err
write_der(X509_CRL *crl, struct pv_buf *out)
{
    unsigned char *der = NULL;
    int            len = i2d_X509_CRL(crl, &der);
    enum pv_err    err =
        len <= 0 ? pv_pki_failed()
                    : pv_buf_add(out, (struct pv_slice){(char *)der, (size_t)len});

    OPENSSL_free(der);
    return err;
}

enum pv_err
pv_pki_crl(const struct pv_pki_authority *authority,
           const struct pv_pki_revoked *revoked, size_t count, uint64_t number,
           int64_t this_ms, int64_t next_ms, struct pv_buf *out)
{
    X509_CRL   *crl;
    bool        good;
    enum pv_err err;

    if (count > PV_PKI_REVOKED_MAX) {
        return PV_ERANGE;
    }
    crl = X509_CRL_new();
    good = crl != NULL && X509_CRL_set_version(crl, CRL_V2) == 1 &&
           X509_CRL_set_issuer_name(
               crl, X509_get_subject_name(authority->x509)) == 1 &&
           set_dates(crl, this_ms, next_ms);
    for (size_t i = 0; i < count && good; i++) {
        good = add_revoked(crl, &revoked[i]);
    }
    good = good && X509_CRL_sort(crl) == 1 && add_number(crl, number) &&
           add_issuer_key(crl, authority) &&
           X509_CRL_sign(crl, authority->key, authority->digest) > 0;
    err = good ? write_der(crl, out) : pv_pki_failed();
    X509_CRL_free(crl);
    return err;
}
