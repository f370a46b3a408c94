/* certificate.c - what others' certificates say, and who signed them. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "pki/inside.h"

#define IS_AUTHORITY 1 /* X509_check_ca: basicConstraints say so */

X509 *
pv_pki_x509(struct pv_slice pem)
{
    BIO  *bio;
    X509 *x509;

    if (pem.len == 0 || pem.len > PV_PKI_PEM_MAX) {
        return NULL;
    }
    bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    x509 = bio == NULL ? NULL
                       : PEM_read_bio_X509(bio, NULL, pv_pki_no_password, NULL);
    BIO_free(bio);
    if (x509 == NULL) {
        ERR_clear_error();
    }
    return x509;
}

static enum pv_err
name_hash(X509_NAME *name, uint8_t ret[PV_PKI_HASH_LEN])
{
    const unsigned char *der;
    size_t               len;

    return X509_NAME_get0_der(name, &der, &len) == 1 &&
                   EVP_Digest(der, len, ret, NULL, EVP_sha256(), NULL) == 1
               ? PV_OK
               : pv_pki_failed();
}

static enum pv_err
moment(const ASN1_TIME *at, int64_t *ret_ms)
{
    struct tm tm;

    if (at == NULL || ASN1_TIME_to_tm(at, &tm) != 1) {
        return PV_EINVAL;
    }
    *ret_ms = (int64_t)timegm(&tm) * 1000;
    return PV_OK;
}

static enum pv_err
read_serial(X509 *x509, struct pv_pki_facts *facts)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(x509);
    int                 len = serial == NULL ? 0 : ASN1_STRING_length(serial);

    if (len <= 0 || len > PV_PKI_SERIAL_MAX ||
        ASN1_STRING_type(serial) != V_ASN1_INTEGER) {
        return PV_EINVAL;
    }
    facts->serial_len = (size_t)len;
    memcpy(facts->serial, ASN1_STRING_get0_data(serial), facts->serial_len);
    return PV_OK;
}

static enum pv_err
read_facts(X509 *x509, struct pv_pki_facts *facts, struct pv_why *why)
{
    EVP_PKEY   *key = X509_get0_pubkey(x509);
    enum pv_err err =
        key == NULL ? PV_EINVAL : pv_pki_key_take(key, &facts->key, why);

    if (err == PV_OK) {
        err = read_serial(x509, facts);
    }
    if (err == PV_OK) {
        err = name_hash(X509_get_subject_name(x509), facts->subject_hash);
    }
    if (err == PV_OK) {
        err = name_hash(X509_get_issuer_name(x509), facts->issuer_hash);
    }
    if (err == PV_OK) {
        err = moment(X509_get0_notBefore(x509), &facts->from_ms);
    }
    if (err == PV_OK) {
        err = moment(X509_get0_notAfter(x509), &facts->until_ms);
        facts->until_ms -= 1; /* as a handshake judges it */
        facts->is_authority = X509_check_ca(x509) == IS_AUTHORITY;
    }
    return err;
}

enum pv_err
pv_pki_certificate_read(struct pv_slice pem, struct pv_pki_facts *ret,
                        struct pv_why *why)
{
    struct pv_pki_facts facts = {.serial_len = 0};
    X509               *x509 = pv_pki_x509(pem);
    enum pv_err         err = PV_EINVAL;

    if (x509 == NULL) {
        pv_why_set(why, "it is no certificate in PEM of at most %d bytes",
                   PV_PKI_PEM_MAX);
        return err;
    }
    err = read_facts(x509, &facts, why);
    X509_free(x509);
    if (err == PV_OK) {
        *ret = facts;
    }
    return err;
}

/* ---- chains: the authority itself, and nothing between ---- */

static enum pv_err
verify(X509_STORE *store, X509 *x509, int64_t at_ms, struct pv_why *why)
{
    X509_STORE_CTX    *context = X509_STORE_CTX_new();
    X509_VERIFY_PARAM *how;
    enum pv_err        err = PV_ECRYPTO;

    if (context != NULL &&
        X509_STORE_CTX_init(context, store, x509, NULL) == 1) {
        how = X509_STORE_CTX_get0_param(context);
        X509_VERIFY_PARAM_set_time(how, (time_t)(at_ms / 1000));
        if (X509_VERIFY_PARAM_set_flags(how, X509_V_FLAG_PARTIAL_CHAIN) == 1) {
            err = X509_verify_cert(context) == 1 ? PV_OK : PV_EVERIFY;
        }
    }
    if (err == PV_EVERIFY) {
        pv_why_set(
            why, "the chain: %s",
            X509_verify_cert_error_string(X509_STORE_CTX_get_error(context)));
    }
    ERR_clear_error();
    X509_STORE_CTX_free(context);
    return err;
}

enum pv_err
pv_pki_is_issued_by(struct pv_slice pem, struct pv_slice authority,
                    int64_t at_ms, struct pv_why *why)
{
    X509       *x509 = pv_pki_x509(pem);
    X509       *issuer = pv_pki_x509(authority);
    X509_STORE *store = X509_STORE_new();
    enum pv_err err = PV_ENOMEM;

    if (x509 == NULL || issuer == NULL) {
        pv_why_set(why, "it is no certificate in PEM");
        err = PV_EINVAL;
    } else if (X509_check_ca(issuer) != IS_AUTHORITY ||
               X509_check_ca(x509) != 0) {
        pv_why_set(why, "an authority's certificate says that it is one, and "
                        "a system's that it is none");
        err = PV_EVERIFY;
    } else if (store != NULL && X509_STORE_add_cert(store, issuer) == 1) {
        err = verify(store, x509, at_ms, why);
    }
    X509_STORE_free(store);
    X509_free(issuer);
    X509_free(x509);
    return err;
}
