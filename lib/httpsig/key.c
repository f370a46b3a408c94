#include "httpsig/key.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"

#define HALF_LEN (PV_HTTPSIG_SIGNATURE_LEN / 2)
#define DER_MAX 80 /* two integers of 33 bytes and three heads are 72 */

/*
 * What an operation begins with is made once and copied for each: OpenSSL 3.0
 * looks the algorithm up anew at every _Init, 8 us of 117.
 */
struct pv_httpsig_key {
    EVP_PKEY   *key;
    EVP_MD_CTX *to_sign; /* NULL for a public key */
    EVP_MD_CTX *to_verify;
    bool        is_ed25519; /* otherwise ECDSA on P-256 */
    char        id[PV_HTTPSIG_KEYID_LEN + 1];
};

void
pv_httpsig_key_free(struct pv_httpsig_key *key)
{
    if (key != NULL) {
        EVP_MD_CTX_free(key->to_sign);
        EVP_MD_CTX_free(key->to_verify);
        EVP_PKEY_free(key->key); /* wipes a private one */
        free(key);
    }
}

const char *
pv_httpsig_key_id(const struct pv_httpsig_key *key)
{
    return key->id;
}

struct pv_slice
pv_httpsig_key_alg(const struct pv_httpsig_key *key)
{
    return key->is_ed25519 ? PV_LIT("ed25519") : PV_LIT("ecdsa-p256-sha256");
}

/* ---- reading ---- */

static int
no_password(char *room, int len, int writing, void *context)
{
    (void)room;
    (void)len;
    (void)writing;
    (void)context;
    return -1; /* never ask on a terminal */
}

static EVP_PKEY *
parse(BIO *bio, bool is_private)
{
    EVP_PKEY *key = NULL;
    X509     *certificate;

    if (is_private) {
        return PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
    }
    key = PEM_read_bio_PUBKEY(bio, NULL, no_password, NULL);
    if (key != NULL || BIO_reset(bio) != 1) {
        return key;
    }
    certificate = PEM_read_bio_X509(bio, NULL, no_password, NULL);
    key = X509_get_pubkey(certificate); /* NULL of NULL */
    X509_free(certificate);
    return key;
}

static bool
is_p256(EVP_PKEY *key)
{
    char   group[32];
    size_t len;

    return EVP_PKEY_is_a(key, "EC") == 1 &&
           EVP_PKEY_get_group_name(key, group, sizeof(group), &len) == 1 &&
           strcmp(group, "prime256v1") == 0;
}

static enum pv_err
set_id(struct pv_httpsig_key *key)
{
    uint8_t  hash[PV_HTTPSIG_KEYID_LEN / 2];
    uint8_t *der = NULL;
    int      der_len = i2d_PUBKEY(key->key, &der);
    size_t   len = 0;
    bool     done;

    done = der_len > 0 &&
           EVP_Q_digest(NULL, "SHA256", NULL, der, (size_t)der_len, hash,
                        &len) == 1 &&
           len == sizeof(hash);
    OPENSSL_free(der);
    if (!done) {
        return PV_ECRYPTO;
    }
    pv_hex_text(hash, sizeof(hash), key->id);
    key->id[PV_HTTPSIG_KEYID_LEN] = '\0';
    return PV_OK;
}

static enum pv_err
prepare(struct pv_httpsig_key *key, bool is_private)
{
    /* Ed25519 hashes by itself */
    const char *hash = key->is_ed25519 ? NULL : "SHA256";

    key->to_verify = EVP_MD_CTX_new();
    if (key->to_verify == NULL ||
        EVP_DigestVerifyInit_ex(key->to_verify, NULL, hash, NULL, NULL,
                                key->key, NULL) != 1) {
        return PV_ECRYPTO;
    }
    if (!is_private) {
        return PV_OK;
    }
    key->to_sign = EVP_MD_CTX_new();
    return key->to_sign != NULL &&
                   EVP_DigestSignInit_ex(key->to_sign, NULL, hash, NULL, NULL,
                                         key->key, NULL) == 1
               ? PV_OK
               : PV_ECRYPTO;
}

enum pv_err
pv_httpsig_key_read(struct pv_slice pem, bool is_private,
                    struct pv_httpsig_key **ret)
{
    struct pv_httpsig_key *key = NULL;
    BIO                   *bio = NULL;
    enum pv_err            err = PV_EINVAL;

    if (pem.len == 0 || pem.len > PV_HTTPSIG_PEM_MAX) {
        return pem.len == 0 ? PV_EINVAL : PV_ERANGE;
    }
    bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    key = calloc(1, sizeof(*key));
    if (bio == NULL || key == NULL) {
        err = PV_ENOMEM;
        goto out;
    }
    key->key = parse(bio, is_private);
    if (key->key == NULL) {
        goto out;
    }
    key->is_ed25519 = EVP_PKEY_is_a(key->key, "ED25519") == 1;
    if (!key->is_ed25519 && !is_p256(key->key)) {
        goto out;
    }
    err = set_id(key);
    if (err == PV_OK) {
        err = prepare(key, is_private);
    }
    if (err == PV_OK) {
        *ret = key;
        key = NULL;
    }

out:
    pv_httpsig_key_free(key);
    BIO_free(bio); /* NULL ok */
    return err;
}

enum pv_err
pv_httpsig_key_read_file(const char *path, bool is_private,
                         struct pv_httpsig_key **ret, struct pv_why *why)
{
    char        pem[PV_HTTPSIG_PEM_MAX + 1];
    size_t      len = 0;
    ssize_t     got;
    enum pv_err err;
    int         fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd == -1) {
        pv_why_set(why, "%s: %s", path, strerror(errno));
        return PV_ESYS;
    }
    do {
        got = read(fd, pem + len, sizeof(pem) - len);
        len += got > 0 ? (size_t)got : 0;
    } while (got > 0 || (got == -1 && errno == EINTR));
    if (got == -1) {
        pv_why_set(why, "%s: %s", path, strerror(errno));
        err = PV_ESYS;
    } else {
        err = pv_httpsig_key_read((struct pv_slice){pem, len}, is_private, ret);
        if (err != PV_OK) {
            pv_why_set(why, "%s holds no %s key of Ed25519 or P-256 in PEM",
                       path, is_private ? "private" : "public");
        }
    }
    OPENSSL_cleanse(pem, sizeof(pem));
    (void)close(fd); /* read-only: nothing to lose */
    return err;
}

/* ---- r and s (RFC 9421 3.3.4), and the DER that OpenSSL speaks ---- */

static enum pv_err
der_to_halves(const uint8_t *der, size_t der_len,
              uint8_t ret[PV_HTTPSIG_SIGNATURE_LEN])
{
    const uint8_t *at = der;
    ECDSA_SIG     *pair = d2i_ECDSA_SIG(NULL, &at, (long)der_len);
    bool           done =
        pair != NULL &&
        BN_bn2binpad(ECDSA_SIG_get0_r(pair), ret, HALF_LEN) == HALF_LEN &&
        BN_bn2binpad(ECDSA_SIG_get0_s(pair), ret + HALF_LEN, HALF_LEN) ==
            HALF_LEN;

    ECDSA_SIG_free(pair);
    return done ? PV_OK : PV_ECRYPTO;
}

static enum pv_err
halves_to_der(const uint8_t signature[PV_HTTPSIG_SIGNATURE_LEN],
              uint8_t der[DER_MAX], size_t *ret_len)
{
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM    *r = BN_bin2bn(signature, HALF_LEN, NULL);
    BIGNUM    *s = BN_bin2bn(signature + HALF_LEN, HALF_LEN, NULL);
    uint8_t   *at = der;
    int        len = -1;

    if (pair != NULL && r != NULL && s != NULL &&
        ECDSA_SIG_set0(pair, r, s) == 1) {
        r = NULL; /* the pair owns them now */
        s = NULL;
        len = i2d_ECDSA_SIG(pair, NULL);
        if (len > 0 && len <= DER_MAX) {
            len = i2d_ECDSA_SIG(pair, &at);
        } else {
            len = -1;
        }
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(pair);
    *ret_len = len > 0 ? (size_t)len : 0;
    return len > 0 ? PV_OK : PV_ECRYPTO;
}

/* ---- signing and verifying ---- */

/* NULL: no memory, or a public key that is to sign. */
static EVP_MD_CTX *
copy_of(const EVP_MD_CTX *prepared)
{
    EVP_MD_CTX *context = prepared == NULL ? NULL : EVP_MD_CTX_new();

    if (context != NULL && EVP_MD_CTX_copy_ex(context, prepared) != 1) {
        EVP_MD_CTX_free(context);
        context = NULL;
    }
    return context;
}

enum pv_err
pv_httpsig_key_sign(const struct pv_httpsig_key *key, struct pv_slice base,
                    uint8_t ret[PV_HTTPSIG_SIGNATURE_LEN])
{
    EVP_MD_CTX *context = copy_of(key->to_sign);
    uint8_t     signature[DER_MAX];
    size_t      len = sizeof(signature);
    enum pv_err err = PV_ECRYPTO;

    if (context == NULL) {
        return err;
    }
    if (EVP_DigestSign(context, signature, &len, (const uint8_t *)base.ptr,
                       base.len) == 1) {
        if (!key->is_ed25519) {
            err = der_to_halves(signature, len, ret);
        } else if (len == PV_HTTPSIG_SIGNATURE_LEN) {
            memcpy(ret, signature, len);
            err = PV_OK;
        }
    }
    EVP_MD_CTX_free(context);
    return err;
}

enum pv_err
pv_httpsig_key_verify(const struct pv_httpsig_key *key, struct pv_slice base,
                      const uint8_t signature[PV_HTTPSIG_SIGNATURE_LEN])
{
    EVP_MD_CTX *context = NULL;
    uint8_t     der[DER_MAX];
    size_t      len = PV_HTTPSIG_SIGNATURE_LEN;
    enum pv_err err = PV_OK;

    memcpy(der, signature, PV_HTTPSIG_SIGNATURE_LEN);
    if (!key->is_ed25519) {
        err = halves_to_der(signature, der, &len);
    }
    if (err != PV_OK) {
        return err;
    }
    context = copy_of(key->to_verify);
    if (context == NULL) {
        return PV_ECRYPTO;
    }
    /* OpenSSL says 0, and for some wrong ones less: all are wrong */
    err = EVP_DigestVerify(context, der, len, (const uint8_t *)base.ptr,
                           base.len) == 1
              ? PV_OK
              : PV_EVERIFY;
    EVP_MD_CTX_free(context);
    return err;
}
