/*
 * id_token.c - the signature and the claims of an ID token.
 */
#include "id_token.h"

#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "base/base64.h"

#define RSA_BYTES_MIN 256 /* 2048 bits */
#define RSA_BYTES_MAX 1024
#define EXPONENT_BYTES_MAX 8
#define P256_LEN 32
#define DER_MAX 80 /* an ECDSA signature on P-256 needs 72 */

/* ---- base64url ---- */

enum pv_err
pv_base64url_text(const uint8_t *bytes, size_t len, char *room, size_t room_len)
{
    if (room_len < PV_BASE64_LEN(len) + 1) {
        return PV_ERANGE;
    }
    pv_base64_text(bytes, len, room);
    room[PV_BASE64_LEN(len)] = '\0';
    for (char *at = room; *at != '\0'; at++) {
        *at = *at == '+' ? '-' : *at == '/' ? '_' : *at;
        if (*at == '=') {
            *at = '\0';
            break;
        }
    }
    return PV_OK;
}

static enum pv_err
from_base64url(struct pv_slice text, uint8_t *room, size_t room_len,
               size_t *ret_len)
{
    char   padded[PV_ID_TOKEN_MAX + 4];
    size_t len = text.len;

    if (text.len == 0 || text.len > PV_ID_TOKEN_MAX || text.len % 4 == 1) {
        return PV_EVERIFY;
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (c == '+' || c == '/' || c == '=') {
            return PV_EVERIFY; /* of the other alphabet */
        }
        padded[i] = c == '-' ? '+' : c == '_' ? '/' : c;
    }
    while (len % 4 != 0) {
        padded[len++] = '=';
    }
    return pv_base64_bytes((struct pv_slice){padded, len}, room, room_len,
                           ret_len) == PV_OK
               ? PV_OK
               : PV_EVERIFY;
}

static enum pv_err
json_of(struct pv_slice text, json_t **ret)
{
    uint8_t     bytes[PV_ID_TOKEN_MAX];
    size_t      len;
    json_t     *json;
    enum pv_err err = from_base64url(text, bytes, sizeof(bytes), &len);

    if (err != PV_OK) {
        return err;
    }
    json = json_loadb((char *)bytes, len, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(json)) {
        json_decref(json);
        return PV_EVERIFY;
    }
    *ret = json;
    return PV_OK;
}

/* ---- keys ---- */

static const char *
text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text == NULL ? "" : text;
}

static enum pv_err
number_of(const json_t *key, const char *name, uint8_t *room, size_t room_len,
          size_t *ret_len)
{
    return from_base64url(pv_slice_from(text_of(key, name)), room, room_len,
                          ret_len);
}

static enum pv_err
make_key(const char *type, OSSL_PARAM_BLD *build, EVP_PKEY **ret)
{
    OSSL_PARAM   *params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    enum pv_err   err = PV_EVERIFY; /* a point off the curve ends here */

    if (params == NULL || context == NULL) {
        err = PV_ENOMEM;
    } else if (EVP_PKEY_fromdata_init(context) == 1 &&
               EVP_PKEY_fromdata(context, ret, EVP_PKEY_PUBLIC_KEY, params) ==
                   1) {
        err = PV_OK;
    }
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(params);
    return err;
}

static enum pv_err
rsa_key(const json_t *key, EVP_PKEY **ret)
{
    uint8_t         n_bytes[RSA_BYTES_MAX];
    uint8_t         e_bytes[EXPONENT_BYTES_MAX];
    size_t          n_len = 0;
    size_t          e_len = 0;
    BIGNUM         *n = NULL;
    BIGNUM         *e = NULL;
    OSSL_PARAM_BLD *build = NULL;
    enum pv_err     err = number_of(key, "n", n_bytes, sizeof(n_bytes), &n_len);

    if (err == PV_OK) {
        err = number_of(key, "e", e_bytes, sizeof(e_bytes), &e_len);
    }
    if (err == PV_OK && (n_len < RSA_BYTES_MIN || n_bytes[0] == 0)) {
        err = PV_EVERIFY;
    }
    if (err == PV_OK) {
        n = BN_bin2bn(n_bytes, (int)n_len, NULL);
        e = BN_bin2bn(e_bytes, (int)e_len, NULL);
        build = OSSL_PARAM_BLD_new();
        err =
            n == NULL || e == NULL || build == NULL ||
                    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) !=
                        1 ||
                    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) != 1
                ? PV_ENOMEM
                : make_key("RSA", build, ret);
    }
    OSSL_PARAM_BLD_free(build);
    BN_free(n);
    BN_free(e);
    return err;
}

static enum pv_err
ec_key(const json_t *key, EVP_PKEY **ret)
{
    uint8_t         point[1 + 2 * P256_LEN] = {4}; /* uncompressed */
    size_t          x_len = 0;
    size_t          y_len = 0;
    OSSL_PARAM_BLD *build;
    enum pv_err     err = number_of(key, "x", point + 1, P256_LEN, &x_len);

    if (err == PV_OK) {
        err = number_of(key, "y", point + 1 + P256_LEN, P256_LEN, &y_len);
    }
    if (err == PV_OK && (strcmp(text_of(key, "crv"), "P-256") != 0 ||
                         x_len != P256_LEN || y_len != P256_LEN)) {
        err = PV_EVERIFY;
    }
    if (err != PV_OK) {
        return err;
    }
    build = OSSL_PARAM_BLD_new();
    err = build == NULL ||
                  OSSL_PARAM_BLD_push_utf8_string(
                      build, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) != 1 ||
                  OSSL_PARAM_BLD_push_octet_string(
                      build, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)) != 1
              ? PV_ENOMEM
              : make_key("EC", build, ret);
    OSSL_PARAM_BLD_free(build);
    return err;
}

/* ---- signatures ---- */

static enum pv_err
check_digest(EVP_PKEY *key, struct pv_slice signed_part,
             const uint8_t *signature, size_t len)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    enum pv_err err = PV_ENOMEM;

    if (context != NULL) {
        err = EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) != 1
                  ? PV_ECRYPTO
              : EVP_DigestVerify(context, signature, len,
                                 (const uint8_t *)signed_part.ptr,
                                 signed_part.len) == 1
                  ? PV_OK
                  : PV_EVERIFY;
    }
    EVP_MD_CTX_free(context);
    return err;
}

/* JWS has r and s side by side (RFC 7518 3.4); OpenSSL wants DER. */
static enum pv_err
check_ecdsa(EVP_PKEY *key, struct pv_slice signed_part, const uint8_t *raw,
            size_t len)
{
    ECDSA_SIG  *signature = ECDSA_SIG_new();
    BIGNUM     *r = NULL;
    BIGNUM     *s = NULL;
    uint8_t     der[DER_MAX];
    uint8_t    *at = der;
    int         der_len;
    enum pv_err err = len == (size_t)2 * P256_LEN ? PV_OK : PV_EVERIFY;

    if (err == PV_OK) {
        r = BN_bin2bn(raw, P256_LEN, NULL);
        s = BN_bin2bn(raw + P256_LEN, P256_LEN, NULL);
        if (signature == NULL || r == NULL || s == NULL ||
            ECDSA_SIG_set0(signature, r, s) != 1) {
            BN_free(r);
            BN_free(s);
            err = PV_ENOMEM;
        }
    }
    if (err == PV_OK) { /* the signature owns both now */
        der_len = i2d_ECDSA_SIG(signature, NULL);
        if (der_len <= 0 || der_len > (int)sizeof(der) ||
            i2d_ECDSA_SIG(signature, &at) != der_len) {
            err = PV_ECRYPTO;
        } else {
            err = check_digest(key, signed_part, der, (size_t)der_len);
        }
    }
    ECDSA_SIG_free(signature);
    return err;
}

/* By this key, if it is one for that algorithm. */
static enum pv_err
check_by(const json_t *jwk, const char *alg, struct pv_slice signed_part,
         const uint8_t *signature, size_t len)
{
    const char *type = text_of(jwk, "kty");
    const char *use = text_of(jwk, "use");
    const char *own = text_of(jwk, "alg");
    bool        rsa = strcmp(type, "RSA") == 0;
    EVP_PKEY   *key = NULL;
    enum pv_err err = PV_EVERIFY;

    if ((use[0] != '\0' && strcmp(use, "sig") != 0) ||
        (own[0] != '\0' && strcmp(own, alg) != 0)) {
        return PV_EVERIFY;
    }
    if (rsa && strcmp(alg, "RS256") == 0) {
        err = rsa_key(jwk, &key);
    } else if (strcmp(type, "EC") == 0 && strcmp(alg, "ES256") == 0) {
        err = ec_key(jwk, &key);
    }
    if (err == PV_OK) {
        err = rsa ? check_digest(key, signed_part, signature, len)
                  : check_ecdsa(key, signed_part, signature, len);
    }
    EVP_PKEY_free(key);
    return err;
}

/* Of the keys with that kid ("": of all) one must fit. */
static enum pv_err
check_signature(const json_t *keys, const json_t *header,
                struct pv_slice signed_part, struct pv_slice text)
{
    const char *kid = text_of(header, "kid");
    uint8_t     signature[RSA_BYTES_MAX];
    size_t      len = 0;
    json_t     *key;
    size_t      i;
    bool        known = false;
    enum pv_err err = from_base64url(text, signature, sizeof(signature), &len);

    if (err == PV_OK && json_object_get(header, "crit") != NULL) {
        err = PV_EVERIFY; /* RFC 7515 4.1.11: none is understood */
    }
    if (err != PV_OK) {
        return err;
    }
    json_array_foreach(json_object_get(keys, "keys"), i, key)
    {
        if (kid[0] != '\0' && strcmp(kid, text_of(key, "kid")) != 0) {
            continue;
        }
        known = true;
        err =
            check_by(key, text_of(header, "alg"), signed_part, signature, len);
        if (err != PV_EVERIFY) {
            return err;
        }
    }
    return known ? PV_EVERIFY : PV_ENOTFOUND;
}

enum pv_err
pv_jws_claims(struct pv_slice token, const json_t *keys, json_t **ret)
{
    struct pv_slice head;
    struct pv_slice rest;
    struct pv_slice body;
    struct pv_slice signature;
    json_t         *header = NULL;
    json_t         *claims = NULL;
    enum pv_err     err;

    if (token.len > PV_ID_TOKEN_MAX ||
        !pv_slice_cut(token, '.', &head, &rest) ||
        !pv_slice_cut(rest, '.', &body, &signature)) {
        return PV_EVERIFY;
    }
    err = json_of(head, &header);
    if (err == PV_OK) {
        err = check_signature(
            keys, header, (struct pv_slice){token.ptr, head.len + 1 + body.len},
            signature);
    }
    if (err == PV_OK) {
        err = json_of(body, &claims);
    }
    if (err == PV_OK) {
        *ret = claims;
    }
    json_decref(header);
    return err;
}

/* ---- claims ---- */

static bool
is_for_us(const json_t *claims, const char *client_id)
{
    const json_t *aud = json_object_get(claims, "aud");
    const json_t *azp = json_object_get(claims, "azp");
    const json_t *one;
    size_t        i;
    bool          found = false;

    if (azp != NULL && strcmp(text_of(claims, "azp"), client_id) != 0) {
        return false;
    }
    if (json_is_string(aud)) {
        return strcmp(json_string_value(aud), client_id) == 0;
    }
    json_array_foreach(aud, i, one)
    {
        found = found || (json_is_string(one) &&
                          strcmp(json_string_value(one), client_id) == 0);
    }
    return found && (json_array_size(aud) == 1 || azp != NULL);
}

static bool
is_in_time(const json_t *claims, int64_t now_s)
{
    const json_t *exp = json_object_get(claims, "exp");
    const json_t *iat = json_object_get(claims, "iat");
    const json_t *nbf = json_object_get(claims, "nbf");
    double        now = (double)now_s;

    return json_is_number(exp) && json_is_number(iat) &&
           json_number_value(exp) > now - PV_ID_TOKEN_SKEW_S &&
           json_number_value(iat) <= now + PV_ID_TOKEN_SKEW_S &&
           json_number_value(iat) >= now - PV_ID_TOKEN_AGE_S &&
           (nbf == NULL ||
            (json_is_number(nbf) &&
             json_number_value(nbf) <= now + PV_ID_TOKEN_SKEW_S));
}

/* Printable ASCII without blanks: it becomes a part of a key. */
static bool
is_subject(const char *subject)
{
    size_t len = strlen(subject);

    for (size_t i = 0; i < len; i++) {
        if (subject[i] <= ' ' || subject[i] > '~') {
            return false;
        }
    }
    return len > 0 && len <= PV_ID_TOKEN_SUBJECT_MAX;
}

enum pv_err
pv_id_token_subject(struct pv_slice token, const json_t *keys,
                    const struct pv_id_token_wanted *wanted,
                    char ret[PV_ID_TOKEN_SUBJECT_MAX + 1])
{
    json_t     *claims = NULL;
    enum pv_err err = pv_jws_claims(token, keys, &claims);

    if (err == PV_OK &&
        (strcmp(text_of(claims, "iss"), wanted->issuer) != 0 ||
         !is_for_us(claims, wanted->client_id) || wanted->nonce[0] == '\0' ||
         strcmp(text_of(claims, "nonce"), wanted->nonce) != 0 ||
         !is_in_time(claims, wanted->now_s) ||
         !is_subject(text_of(claims, "sub")))) {
        err = PV_EVERIFY;
    }
    if (err == PV_OK) {
        memcpy(ret, text_of(claims, "sub"), strlen(text_of(claims, "sub")) + 1);
    }
    json_decref(claims);
    return err;
}
