/* key.c - public keys: which are taken, and their one encoding. */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#include "pki/inside.h"

#define RSA_EXPONENT 65537
#define GROUP_ROOM 32

/* A key has one encoding: a point that is not compressed, named curves. */
static const struct {
    const char *group;
    size_t      len;
} curves[] = {{"prime256v1", 91}, {"secp384r1", 120}};

enum pv_err
pv_pki_failed(void)
{
    ERR_clear_error();
    return PV_ECRYPTO;
}

int
pv_pki_no_password(char *room, int size, int writing, void *context)
{
    (void)room;
    (void)size;
    (void)writing;
    (void)context;
    return -1;
}

static bool
is_curve(EVP_PKEY *key, size_t len)
{
    char group[GROUP_ROOM] = "";

    if (EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) != 1) {
        return false;
    }
    for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
        if (strcmp(group, curves[i].group) == 0) {
            return len == curves[i].len;
        }
    }
    return false;
}

static bool
is_rsa(EVP_PKEY *key)
{
    BIGNUM *exponent = NULL;
    int     bits = EVP_PKEY_get_bits(key);
    bool    good;

    good = (bits == 3072 || bits == 4096) &&
           EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) == 1 &&
           BN_is_word(exponent, RSA_EXPONENT);
    BN_free(exponent);
    return good;
}

static bool
is_taken(EVP_PKEY *key, size_t len)
{
    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_EC:
        return is_curve(key, len);
    case EVP_PKEY_ED25519:
        return true;
    case EVP_PKEY_RSA:
        return is_rsa(key);
    default:
        return false;
    }
}

enum pv_err
pv_pki_key_take(EVP_PKEY *key, struct pv_pki_key *ret, struct pv_why *why)
{
    struct pv_pki_key taken;
    uint8_t          *at = taken.der;
    int               len = i2d_PUBKEY(key, NULL);

    if (len <= 0 || (size_t)len > sizeof(taken.der) ||
        !is_taken(key, (size_t)len)) {
        ERR_clear_error();
        pv_why_set(why, "the key is none of: EC P-256 or P-384 (not "
                        "compressed), Ed25519, RSA of 3072 or 4096 bits with "
                        "the exponent 65537");
        return PV_EREFUSED;
    }
    memset(&taken, 0, sizeof(taken));
    taken.len = (size_t)len;
    if (i2d_PUBKEY(key, &at) != len ||
        EVP_Digest(taken.der, taken.len, taken.hash, NULL, EVP_sha256(),
                   NULL) != 1) {
        return pv_pki_failed();
    }
    *ret = taken;
    return PV_OK;
}

enum pv_err
pv_pki_key_read(struct pv_slice der, struct pv_pki_key *ret, struct pv_why *why)
{
    const uint8_t    *at = (const uint8_t *)der.ptr;
    struct pv_pki_key taken = {.len = 0};
    EVP_PKEY         *key = NULL;
    enum pv_err       err = PV_EINVAL;

    if (der.len > 0 && der.len <= PV_PKI_KEY_MAX) {
        key = d2i_PUBKEY(NULL, &at, (long)der.len);
    }
    if (key != NULL && at == (const uint8_t *)der.ptr + der.len) {
        err = pv_pki_key_take(key, &taken, why);
    } else {
        ERR_clear_error();
        pv_why_set(why, "it is no public key (SubjectPublicKeyInfo)");
    }
    EVP_PKEY_free(key);
    if (err == PV_OK &&
        !pv_slice_eq((struct pv_slice){(const char *)taken.der, taken.len},
                     der)) {
        pv_why_set(why, "the key is written in another way than its own");
        err = PV_EINVAL;
    }
    if (err == PV_OK) {
        *ret = taken;
    }
    return err;
}

enum pv_err
pv_pki_request_key(struct pv_slice pem, struct pv_pki_key *ret,
                   struct pv_why *why)
{
    struct pv_pki_key taken = {.len = 0};
    BIO              *bio = NULL;
    X509_REQ         *request = NULL;
    EVP_PKEY         *key = NULL;
    enum pv_err       err = PV_EINVAL;

    if (pem.len > PV_PKI_PEM_MAX) {
        pv_why_set(why, "a request has at most %d bytes", PV_PKI_PEM_MAX);
        return PV_ERANGE;
    }
    bio = BIO_new_mem_buf(pem.len == 0 ? "" : pem.ptr, (int)pem.len);
    request = bio == NULL
                  ? NULL
                  : PEM_read_bio_X509_REQ(bio, NULL, pv_pki_no_password, NULL);
    key = request == NULL ? NULL : X509_REQ_get0_pubkey(request);
    if (key == NULL) {
        pv_why_set(why, "it is no certificate signing request in PEM");
        goto out;
    }
    err = pv_pki_key_take(key, &taken, why);
    if (err == PV_OK && X509_REQ_verify(request, key) != 1) {
        pv_why_set(why, "the request is not signed with its own key");
        err = PV_EVERIFY;
    }
    if (err == PV_OK) {
        *ret = taken;
    }

out:
    ERR_clear_error();
    X509_REQ_free(request);
    BIO_free(bio);
    return err;
}

bool
pv_pki_is_dns(struct pv_slice name)
{
    size_t label = 0;

    if (name.len == 0 || name.len > PV_PKI_DNS_LEN_MAX) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool end = i + 1 == name.len || name.ptr[i + 1] == '.';

        if (c == '.' && label > 0) {
            label = 0;
            continue;
        }
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
              (c == '-' && label > 0 && !end)) ||
            ++label > 63) {
            return false;
        }
    }
    return label > 0;
}

bool
pv_pki_is_url(struct pv_slice url)
{
    if (url.len > PV_PKI_URL_MAX ||
        (!pv_slice_starts(url, PV_LIT("http://")) &&
         !pv_slice_starts(url, PV_LIT("https://")))) {
        return false;
    }
    for (size_t i = 0; i < url.len; i++) {
        /* a comma or a semicolon would be a second value for OpenSSL */
        if (url.ptr[i] <= ' ' || url.ptr[i] > '~' || url.ptr[i] == ',' ||
            url.ptr[i] == ';' || url.ptr[i] == '"' || url.ptr[i] == '\\') {
            return false;
        }
    }
    return true;
}
