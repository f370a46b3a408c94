/* ocsp.c - OCSP requests, read and written again. */
#include "pki/ocsp.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <string.h>

#include "pki/ocsp_inside.h"

static const struct {
    enum pv_ocsp_digest digest;
    int                 nid;
    size_t              len;
} digests[] = {{PV_OCSP_SHA1, NID_sha1, 20},
               {PV_OCSP_SHA256, NID_sha256, 32},
               {PV_OCSP_SHA384, NID_sha384, 48}};
#define DIGESTS (sizeof(digests) / sizeof(digests[0]))

const EVP_MD *
pv_ocsp_digest(enum pv_ocsp_digest digest)
{
    for (size_t i = 0; i < DIGESTS; i++) {
        if (digests[i].digest == digest) {
            return EVP_get_digestbynid(digests[i].nid);
        }
    }
    return NULL;
}

/* ---- reading ---- */

static bool
take_digest(ASN1_OBJECT *algorithm, struct pv_ocsp_asked *asked)
{
    for (size_t i = 0; i < DIGESTS; i++) {
        if (digests[i].nid == OBJ_obj2nid(algorithm)) {
            asked->digest = digests[i].digest;
            asked->hash_len = digests[i].len;
            return true;
        }
    }
    return false;
}

static bool
take_bytes(const ASN1_STRING *from, size_t len, uint8_t *room)
{
    if (from == NULL || ASN1_STRING_length(from) != (int)len) {
        return false;
    }
    memcpy(room, ASN1_STRING_get0_data(from), len);
    return true;
}

static bool
take_asked(OCSP_ONEREQ *one, struct pv_ocsp_asked *asked)
{
    OCSP_CERTID       *id = OCSP_onereq_get0_id(one);
    ASN1_OCTET_STRING *name = NULL;
    ASN1_OCTET_STRING *key = NULL;
    ASN1_OBJECT       *algorithm = NULL;
    ASN1_INTEGER      *serial = NULL;
    int                len;

    if (OCSP_id_get0_info(&name, &algorithm, &key, &serial, id) != 1 ||
        !take_digest(algorithm, asked) ||
        !take_bytes(name, asked->hash_len, asked->issuer_name) ||
        !take_bytes(key, asked->hash_len, asked->issuer_key)) {
        return false;
    }
    len = ASN1_STRING_length(serial);
    if (len <= 0 || len > PV_PKI_SERIAL_MAX ||
        ASN1_STRING_type(serial) != V_ASN1_INTEGER) {
        return false;
    }
    asked->serial_len = (size_t)len;
    return take_bytes(serial, asked->serial_len, asked->serial);
}

/* Absent is good; one that does not read is not. */
static bool
take_nonce(OCSP_REQUEST *request, struct pv_ocsp *ocsp)
{
    int at = OCSP_REQUEST_get_ext_by_NID(request, NID_id_pkix_OCSP_Nonce, -1);
    ASN1_OCTET_STRING   *outer;
    ASN1_OCTET_STRING   *inner;
    const unsigned char *bytes;
    long                 len;
    bool                 good;

    if (at < 0) {
        return true;
    }
    outer = X509_EXTENSION_get_data(OCSP_REQUEST_get_ext(request, at));
    bytes = ASN1_STRING_get0_data(outer);
    len = ASN1_STRING_length(outer);
    inner = d2i_ASN1_OCTET_STRING(NULL, &bytes, len);
    good = inner != NULL && ASN1_STRING_length(inner) > 0 &&
           ASN1_STRING_length(inner) <= PV_OCSP_NONCE_MAX;
    if (good) {
        ocsp->nonce_len = (size_t)ASN1_STRING_length(inner);
        memcpy(ocsp->nonce, ASN1_STRING_get0_data(inner), ocsp->nonce_len);
    }
    ASN1_OCTET_STRING_free(inner);
    return good;
}

static bool
take_request(OCSP_REQUEST *request, struct pv_ocsp *ocsp)
{
    int count = OCSP_request_onereq_count(request);

    if (count < 1 || count > PV_OCSP_ASKED_MAX) {
        return false;
    }
    for (int i = 0; i < count; i++) {
        if (!take_asked(OCSP_request_onereq_get0(request, i),
                        &ocsp->asked[i])) {
            return false;
        }
    }
    ocsp->count = (size_t)count;
    return take_nonce(request, ocsp);
}

enum pv_err
pv_ocsp_read(struct pv_slice der, struct pv_ocsp *ret)
{
    const unsigned char *at = (const unsigned char *)der.ptr;
    struct pv_ocsp       ocsp;
    OCSP_REQUEST        *request = NULL;
    bool                 good;

    if (der.len == 0 || der.len > PV_OCSP_REQUEST_MAX) {
        return PV_EINVAL;
    }
    memset(&ocsp, 0, sizeof(ocsp));
    request = d2i_OCSP_REQUEST(NULL, &at, (long)der.len);
    good = request != NULL && at == (const unsigned char *)der.ptr + der.len &&
           take_request(request, &ocsp);
    OCSP_REQUEST_free(request);
    ERR_clear_error();
    if (good) {
        *ret = ocsp;
    }
    return good ? PV_OK : PV_EINVAL;
}

/* ---- writing ---- */

static bool
set_bytes(ASN1_OCTET_STRING *to, const uint8_t *bytes, size_t len)
{
    return ASN1_OCTET_STRING_set(to, bytes, (int)len) == 1;
}

OCSP_CERTID *
pv_ocsp_id(const struct pv_ocsp_asked *asked)
{
    const EVP_MD *digest = pv_ocsp_digest(asked->digest);
    ASN1_INTEGER *serial = pv_pki_integer(asked->serial, asked->serial_len);
    ASN1_OCTET_STRING *name = NULL;
    ASN1_OCTET_STRING *key = NULL;
    ASN1_BIT_STRING   *no_key = ASN1_BIT_STRING_new();
    X509_NAME         *no_name = X509_NAME_new();
    OCSP_CERTID       *id = NULL;

    /* made for nobody, then told whose it is: the hashes came from outside */
    if (digest != NULL && serial != NULL && no_key != NULL && no_name != NULL) {
        id = OCSP_cert_id_new(digest, no_name, no_key, serial);
    }
    if (id != NULL && (OCSP_id_get0_info(&name, NULL, &key, NULL, id) != 1 ||
                       !set_bytes(name, asked->issuer_name, asked->hash_len) ||
                       !set_bytes(key, asked->issuer_key, asked->hash_len))) {
        OCSP_CERTID_free(id);
        id = NULL;
    }
    ASN1_INTEGER_free(serial);
    ASN1_BIT_STRING_free(no_key);
    X509_NAME_free(no_name);
    return id;
}

static bool
add_asked(OCSP_REQUEST *request, const struct pv_ocsp_asked *asked)
{
    OCSP_CERTID *id = pv_ocsp_id(asked);

    if (id == NULL) {
        return false;
    }
    if (OCSP_request_add0_id(request, id) == NULL) {
        OCSP_CERTID_free(id);
        return false;
    }
    return true;
}

enum pv_err
pv_ocsp_write(const struct pv_ocsp *ocsp, struct pv_buf *out)
{
    OCSP_REQUEST  *request = OCSP_REQUEST_new();
    unsigned char *der = NULL;
    uint8_t        nonce[PV_OCSP_NONCE_MAX]; /* OpenSSL wants to write to it */
    int            len = 0;
    bool           good = request != NULL;
    enum pv_err    err;

    for (size_t i = 0; i < ocsp->count && good; i++) {
        good = add_asked(request, &ocsp->asked[i]);
    }
    if (good && ocsp->nonce_len > 0) {
        memcpy(nonce, ocsp->nonce, ocsp->nonce_len);
        good =
            OCSP_request_add1_nonce(request, nonce, (int)ocsp->nonce_len) == 1;
    }
    if (good) {
        len = i2d_OCSP_REQUEST(request, &der);
    }
    err = len <= 0
              ? pv_pki_failed()
              : pv_buf_add(out, (struct pv_slice){(char *)der, (size_t)len});
    OPENSSL_free(der);
    OCSP_REQUEST_free(request);
    return err;
}

/* ---- of which authority ---- */

static bool
is_of(const struct pv_ocsp_asked *asked, X509 *authority)
{
    const EVP_MD    *digest = pv_ocsp_digest(asked->digest);
    ASN1_BIT_STRING *key = X509_get0_pubkey_bitstr(authority);
    unsigned char    hash[EVP_MAX_MD_SIZE];
    unsigned         len = 0;

    return digest != NULL && key != NULL &&
           X509_NAME_digest(X509_get_subject_name(authority), digest, hash,
                            &len) == 1 &&
           len == asked->hash_len &&
           memcmp(hash, asked->issuer_name, len) == 0 &&
           EVP_Digest(key->data, (size_t)key->length, hash, &len, digest,
                      NULL) == 1 &&
           memcmp(hash, asked->issuer_key, len) == 0;
}

bool
pv_ocsp_is_all_of(const struct pv_ocsp *ocsp, X509 *authority)
{
    for (size_t i = 0; i < ocsp->count; i++) {
        if (!is_of(&ocsp->asked[i], authority)) {
            return false;
        }
    }
    return ocsp->count > 0;
}

enum pv_err
pv_ocsp_is_of(const struct pv_ocsp *ocsp, struct pv_slice authority, bool *ret)
{
    X509 *x509 = pv_pki_x509(authority);

    if (x509 == NULL) {
        return PV_EINVAL;
    }
    *ret = pv_ocsp_is_all_of(ocsp, x509);
    X509_free(x509);
    ERR_clear_error();
    return PV_OK;
}
