#include "crypto/certificate.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/num.h"

#define KEY_DER_MAX 8192 /* RSA-16384 is 2 KiB */

static enum pv_err
unescape(struct pv_slice in, char *out, size_t *ret_len)
{
    size_t len = 0;

    for (size_t i = 0; i < in.len; i++) {
        uint8_t byte = (uint8_t)in.ptr[i];

        if (in.ptr[i] == '%') {
            if (in.len - i < 3 ||
                pv_hex_bytes((struct pv_slice){in.ptr + i + 1, 2}, &byte, 1) !=
                    PV_OK) {
                return PV_EINVAL;
            }
            i += 2;
        }
        out[len++] = (char)byte;
    }
    *ret_len = len;
    return PV_OK;
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
read_hashes(X509 *x509, struct pv_certificate_facts *facts)
{
    uint8_t              der[KEY_DER_MAX];
    uint8_t             *at = der;
    X509_PUBKEY         *key = X509_get_X509_PUBKEY(x509);
    const unsigned char *name;
    size_t               name_len;
    int                  len = key == NULL ? -1 : i2d_X509_PUBKEY(key, NULL);

    if (len <= 0 || (size_t)len > sizeof(der)) {
        return PV_ERANGE;
    }
    if (i2d_X509_PUBKEY(key, &at) != len ||
        X509_NAME_get0_der(X509_get_issuer_name(x509), &name, &name_len) != 1 ||
        EVP_Digest(der, (size_t)len, facts->key_hash, NULL, EVP_sha256(),
                   NULL) != 1 ||
        EVP_Digest(name, name_len, facts->issuer_hash, NULL, EVP_sha256(),
                   NULL) != 1) {
        return PV_ECRYPTO;
    }
    return PV_OK;
}

static enum pv_err
read_facts(X509 *x509, struct pv_certificate_facts *facts)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(x509);
    enum pv_err         err = read_hashes(x509, facts);

    if (err != PV_OK) {
        return err;
    }
    if (serial == NULL || ASN1_STRING_type(serial) != V_ASN1_INTEGER ||
        ASN1_STRING_length(serial) <= 0 ||
        ASN1_STRING_length(serial) > PV_CERTIFICATE_SERIAL_MAX) {
        return PV_EINVAL;
    }
    facts->serial_len = (uint8_t)ASN1_STRING_length(serial);
    memcpy(facts->serial, ASN1_STRING_get0_data(serial), facts->serial_len);
    err = moment(X509_get0_notBefore(x509), &facts->not_before_ms);
    if (err == PV_OK) {
        err = moment(X509_get0_notAfter(x509), &facts->not_after_ms);
        facts->not_after_ms -= 1; /* as a handshake judges it */
    }
    return err;
}

enum pv_err
pv_certificate_read(struct pv_slice pem, bool escaped,
                    struct pv_certificate_facts *ret_facts)
{
    struct pv_certificate_facts facts = {.serial_len = 0};
    char                       *text = NULL;
    BIO                        *bio = NULL;
    X509                       *x509 = NULL;
    size_t                      len = pem.len;
    enum pv_err                 err = PV_OK;

    if (pem.len == 0 || pem.len > PV_CERTIFICATE_PEM_MAX) {
        return pem.len == 0 ? PV_EINVAL : PV_ERANGE;
    }
    text = malloc(pem.len);
    if (text == NULL) {
        return PV_ENOMEM;
    }
    if (escaped) {
        err = unescape(pem, text, &len);
    } else {
        memcpy(text, pem.ptr, pem.len);
    }
    if (err != PV_OK) {
        goto out;
    }
    bio = BIO_new_mem_buf(text, (int)len);
    x509 = bio == NULL ? NULL : PEM_read_bio_X509(bio, NULL, NULL, NULL);
    if (x509 == NULL) {
        err = PV_EINVAL;
        goto out;
    }
    err = read_facts(x509, &facts);
    if (err == PV_OK) {
        *ret_facts = facts;
    }

out:
    X509_free(x509);
    BIO_free(bio);
    free(text);
    return err;
}
