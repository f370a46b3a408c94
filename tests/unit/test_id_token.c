/*
 * ID tokens: the published signatures of RFC 7515 (A.2 RS256, A.3 ES256), and
 * tokens made here with one thing wrong each.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>

#include "base/buf.h"
#include "id_token.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define PAYLOAD                                                                \
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNv" \
    "bS9pc19yb290Ijp0cnVlfQ"
#define RSA_N                                                                  \
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qP" \
    "CJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47s" \
    "oMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2" \
    "R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoud" \
    "F8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
#define RSA_SIGNATURE                                                          \
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4B" \
    "h-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZ" \
    "LgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_d" \
    "O--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6" \
    "LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
#define RSA_TOKEN "eyJhbGciOiJSUzI1NiJ9." PAYLOAD "." RSA_SIGNATURE
#define EC_X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define EC_Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define EC_SIGNATURE                                                           \
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKT" \
    "UJqPP3-Kg6NU1Q"
#define EC_TOKEN "eyJhbGciOiJFUzI1NiJ9." PAYLOAD "." EC_SIGNATURE
#define RSA_KEY "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" RSA_N "\"}"
#define EC_KEY                                                                 \
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\"}"

static json_t *
keys_of(const char *list)
{
    struct pv_buf text;
    json_t       *keys;

    pv_buf_init(&text, 8192);
    assert_int_equal(pv_buf_addf(&text, "{\"keys\":[%s]}", list), PV_OK);
    keys = json_loadb(text.ptr, text.len, 0, NULL);
    pv_buf_clear(&text);
    assert_non_null(keys);
    return keys;
}

static void
published_signatures_are_checked(void **state)
{
    static const struct {
        const char *token;
        const char *keys;
        enum pv_err err;
        const char *what;
    } row[] = {
        {RSA_TOKEN, RSA_KEY, PV_OK, "takes RFC 7515 A.2"},
        {EC_TOKEN, EC_KEY, PV_OK, "takes RFC 7515 A.3"},
        {RSA_TOKEN, EC_KEY "," RSA_KEY, PV_OK, "finds the key that fits"},
        {EC_TOKEN, RSA_KEY, PV_EVERIFY, "refuses a key of another kind"},
        {RSA_TOKEN, EC_KEY, PV_EVERIFY, "refuses a key of another kind"},
        {EC_TOKEN, "", PV_ENOTFOUND, "says that there is no key"},
        {"eyJhbGciOiJub25lIn0." PAYLOAD ".", EC_KEY, PV_EVERIFY,
         "refuses no signature"},
        {"eyJhbGciOiJub25lIn0." PAYLOAD "." EC_SIGNATURE, EC_KEY, PV_EVERIFY,
         "refuses the algorithm none"},
        {"eyJhbGciOiJIUzI1NiJ9." PAYLOAD
         ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
         "{\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_"
         "T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow\"}",
         PV_EVERIFY, "refuses HMAC (RFC 7515 A.1)"},
        {"eyJhbGciOiJFUzI1NiJ9." PAYLOAD ".X" EC_SIGNATURE, EC_KEY, PV_EVERIFY,
         "refuses a longer signature"},
        {"eyJhbGciOiJFUzI1NiJ9." PAYLOAD ".AAAA", EC_KEY, PV_EVERIFY,
         "refuses a shorter signature"},
        {"eyJhbGciOiJFUzI1NiJ9.X" PAYLOAD "." EC_SIGNATURE, EC_KEY, PV_EVERIFY,
         "refuses another payload"},
        {"eyJhbGciOiJFUzI1NiJ9." PAYLOAD "." EC_SIGNATURE "=", EC_KEY,
         PV_EVERIFY, "refuses padding"},
        {"eyJhbGciOiJFUzI1NiJ9." PAYLOAD, EC_KEY, PV_EVERIFY,
         "refuses two parts"},
        {EC_TOKEN ".x", EC_KEY, PV_EVERIFY, "refuses four parts"},
        {"", EC_KEY, PV_EVERIFY, "refuses nothing"},
        {EC_TOKEN,
         "{\"kty\":\"EC\",\"crv\":\"P-256\",\"use\":\"enc\",\"x\":\"" EC_X
         "\",\"y\":\"" EC_Y "\"}",
         PV_EVERIFY, "refuses a key for encryption"},
        {EC_TOKEN,
         "{\"kty\":\"EC\",\"crv\":\"P-256\",\"alg\":\"ES384\",\"x\":\"" EC_X
         "\",\"y\":\"" EC_Y "\"}",
         PV_EVERIFY, "refuses a key for another algorithm"},
        {EC_TOKEN,
         "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_Y "\",\"y\":\"" EC_X
         "\"}",
         PV_EVERIFY, "refuses a point off the curve"},
        {RSA_TOKEN, "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" EC_X "\"}",
         PV_EVERIFY, "refuses a short RSA key"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        json_t     *keys = keys_of(row[i].keys);
        json_t     *claims = NULL;
        enum pv_err err =
            pv_jws_claims(pv_slice_from(row[i].token), keys, &claims);

        print_message("# %s\n", row[i].what);
        assert_int_equal(err, row[i].err);
        assert_true((claims != NULL) == (err == PV_OK));
        json_decref(claims);
        json_decref(keys);
    }
}

/* ---- tokens of our own ---- */

static EVP_PKEY *pair;
static json_t   *pair_keys;

static int
make_pair(void **state)
{
    uint8_t point[65];
    char    x[64];
    char    y[64];
    size_t  len = 0;

    (void)state;
    pair = EVP_EC_gen("P-256");
    if (pair == NULL ||
        EVP_PKEY_get_octet_string_param(pair, "pub", point, sizeof(point),
                                        &len) != 1 ||
        pv_base64url_text(point + 1, 32, x, sizeof(x)) != PV_OK ||
        pv_base64url_text(point + 33, 32, y, sizeof(y)) != PV_OK) {
        return -1;
    }
    pair_keys = json_pack("{s:[{s:s, s:s, s:s, s:s, s:s}]}", "keys", "kty",
                          "EC", "crv", "P-256", "kid", "one", "x", x, "y", y);
    return pair_keys == NULL ? -1 : 0;
}

static int
drop_pair(void **state)
{
    (void)state;
    EVP_PKEY_free(pair);
    json_decref(pair_keys);
    return 0;
}

static void
add_part(struct pv_buf *token, const char *text)
{
    char room[4096];

    assert_int_equal(pv_base64url_text((const uint8_t *)text, strlen(text),
                                       room, sizeof(room)),
                     PV_OK);
    assert_int_equal(pv_buf_add(token, pv_slice_from(room)), PV_OK);
}

static void
sign(struct pv_buf *token)
{
    EVP_MD_CTX          *context = EVP_MD_CTX_new();
    uint8_t              der[128];
    uint8_t              raw[64];
    const unsigned char *at = der;
    size_t               len = sizeof(der);
    ECDSA_SIG           *signature;
    char                 room[128];

    assert_int_equal(
        EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, pair), 1);
    assert_int_equal(EVP_DigestSign(context, der, &len,
                                    (const uint8_t *)token->ptr, token->len),
                     1);
    signature = d2i_ECDSA_SIG(NULL, &at, (long)len);
    assert_non_null(signature);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(signature), raw, 32), 32);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(signature), raw + 32, 32),
                     32);
    ECDSA_SIG_free(signature);
    EVP_MD_CTX_free(context);
    assert_int_equal(pv_base64url_text(raw, sizeof(raw), room, sizeof(room)),
                     PV_OK);
    assert_int_equal(pv_buf_addf(token, ".%s", room), PV_OK);
}

#define HEAD "{\"alg\":\"ES256\",\"kid\":\"one\"}"
#define CLAIMS(iss, aud, nonce, exp, iat, sub)                                 \
    "{\"iss\":" iss ",\"aud\":" aud ",\"nonce\":" nonce ",\"exp\":" exp        \
    ",\"iat\":" iat ",\"sub\":" sub "}"
#define ISS "\"https://sso.test\""
#define AUD "\"payvand\""
#define NONCE "\"n-1\""
#define SUB "\"4711\""

static void
claims_are_checked_one_by_one(void **state)
{
    static const struct {
        const char *header;
        const char *claims;
        enum pv_err err;
        const char *what;
    } row[] = {
        {HEAD, CLAIMS(ISS, AUD, NONCE, "1100", "990", SUB), PV_OK,
         "takes a good one"},
        {HEAD, CLAIMS(ISS, "[" AUD "]", NONCE, "1100", "990", SUB), PV_OK,
         "takes a list of one audience"},
        {HEAD, CLAIMS(ISS, AUD, NONCE, "941", "990", SUB), PV_OK,
         "takes one that ended within the skew"},
        {HEAD, CLAIMS(ISS, AUD, NONCE, "940", "990", SUB), PV_EVERIFY,
         "refuses one that ended"},
        {HEAD, CLAIMS(ISS, AUD, NONCE, "1100", "1061", SUB), PV_EVERIFY,
         "refuses one of the future"},
        {HEAD, CLAIMS(ISS, AUD, NONCE, "1100", "399", SUB), PV_EVERIFY,
         "refuses an old one"},
        {HEAD, CLAIMS(ISS, AUD, NONCE, "\"1100\"", "990", SUB), PV_EVERIFY,
         "refuses a time that is a text"},
        {HEAD, CLAIMS("\"https://sso.test/\"", AUD, NONCE, "1100", "990", SUB),
         PV_EVERIFY, "refuses another issuer"},
        {HEAD, CLAIMS(ISS, "\"other\"", NONCE, "1100", "990", SUB), PV_EVERIFY,
         "refuses another audience"},
        {HEAD, CLAIMS(ISS, "[]", NONCE, "1100", "990", SUB), PV_EVERIFY,
         "refuses no audience"},
        {HEAD, CLAIMS(ISS, "[" AUD ",\"x\"]", NONCE, "1100", "990", SUB),
         PV_EVERIFY, "refuses several without azp"},
        {HEAD,
         CLAIMS(ISS, "[" AUD ",\"x\"],\"azp\":\"x\"", NONCE, "1100", "990",
                SUB),
         PV_EVERIFY, "refuses another's azp"},
        {HEAD,
         CLAIMS(ISS, "[" AUD ",\"x\"],\"azp\":" AUD, NONCE, "1100", "990", SUB),
         PV_OK, "takes several with our azp"},
        {HEAD, CLAIMS(ISS, AUD, "\"n-2\"", "1100", "990", SUB), PV_EVERIFY,
         "refuses another nonce"},
        {HEAD, CLAIMS(ISS, AUD, "null", "1100", "990", SUB), PV_EVERIFY,
         "refuses no nonce"},
        {HEAD, CLAIMS(ISS, AUD, NONCE, "1100", "990", "\"\""), PV_EVERIFY,
         "refuses an empty subject"},
        {HEAD, CLAIMS(ISS, AUD, NONCE, "1100", "990", "\"a b\""), PV_EVERIFY,
         "refuses a subject with a blank"},
        {HEAD, CLAIMS(ISS, AUD, NONCE, "1100", "990", "4711"), PV_EVERIFY,
         "refuses a subject that is a number"},
        {HEAD, CLAIMS(ISS, AUD, NONCE, "1100", "990", SUB ",\"nbf\":1061"),
         PV_EVERIFY, "refuses one that is not good yet"},
        {"{\"alg\":\"ES256\",\"kid\":\"two\"}",
         CLAIMS(ISS, AUD, NONCE, "1100", "990", SUB), PV_ENOTFOUND,
         "says that the key is not known"},
        {"{\"alg\":\"ES256\",\"kid\":\"one\",\"crit\":[\"x\"],\"x\":1}",
         CLAIMS(ISS, AUD, NONCE, "1100", "990", SUB), PV_EVERIFY,
         "refuses a critical header"},
        {"{\"alg\":\"ES256\",\"alg\":\"ES256\"}",
         CLAIMS(ISS, AUD, NONCE, "1100", "990", SUB), PV_EVERIFY,
         "refuses a member that comes twice"},
    };
    const struct pv_id_token_wanted wanted = {"https://sso.test", "payvand",
                                              "n-1", 1000};

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        char          subject[PV_ID_TOKEN_SUBJECT_MAX + 1] = "left alone";
        struct pv_buf token;
        enum pv_err   err;

        pv_buf_init(&token, 8192);
        add_part(&token, row[i].header);
        assert_int_equal(pv_buf_add_char(&token, '.'), PV_OK);
        add_part(&token, row[i].claims);
        sign(&token);
        err = pv_id_token_subject(pv_buf_view(&token), pair_keys, &wanted,
                                  subject);
        pv_buf_clear(&token);
        print_message("# %s\n", row[i].what);
        assert_int_equal(err, row[i].err);
        assert_string_equal(subject, err == PV_OK ? "4711" : "left alone");
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_signatures_are_checked),
        cmocka_unit_test(claims_are_checked_one_by_one),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("id_token", tests, make_pair, drop_pair);
}
