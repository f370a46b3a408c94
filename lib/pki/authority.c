/* authority.c - an authority's key, and the certificates it signs. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "pki/inside.h"

#define X509_V3 2
#define VALUE_ROOM (PV_PKI_URL_MAX + 64)

ASN1_INTEGER *
pv_pki_integer(const uint8_t *bytes, size_t len)
{
    BIGNUM       *number = BN_bin2bn(bytes, (int)len, NULL);
    ASN1_INTEGER *integer =
        number == NULL ? NULL : BN_to_ASN1_INTEGER(number, NULL);

    BN_free(number);
    return integer;
}

ASN1_TIME *
pv_pki_time(int64_t when_ms)
{
    return ASN1_TIME_set(NULL, (time_t)(when_ms / 1000));
}

enum pv_err
pv_pki_take_bio(BIO *bio, struct pv_buf *out)
{
    char *bytes;
    long  len = BIO_get_mem_data(bio, &bytes);

    return len < 0 ? PV_ECRYPTO
                   : pv_buf_add(out, (struct pv_slice){bytes, (size_t)len});
}

enum pv_err
pv_pki_serial(uint8_t ret_serial[PV_PKI_SERIAL_LEN])
{
    if (RAND_bytes(ret_serial, PV_PKI_SERIAL_LEN) != 1) {
        return pv_pki_failed();
    }
    /* above zero and of the same length in DER, whatever the dice say */
    ret_serial[0] = (uint8_t)((ret_serial[0] & 0x7f) | 0x40);
    return PV_OK;
}

/* ---- parts of a certificate ---- */

static bool
add_name(X509_NAME *name, int what, struct pv_slice text)
{
    return text.len > 0 && text.len <= PV_PKI_NAME_MAX &&
           X509_NAME_add_entry_by_NID(name, what, MBSTRING_UTF8,
                                      (const unsigned char *)text.ptr,
                                      (int)text.len, -1, 0) == 1;
}

static bool
set_dates(X509 *x509, int64_t from_ms, int64_t until_ms)
{
    ASN1_TIME *from = pv_pki_time(from_ms);
    ASN1_TIME *until = pv_pki_time(until_ms);
    bool       good = from != NULL && until != NULL && from_ms < until_ms &&
                X509_set1_notBefore(x509, from) == 1 &&
                X509_set1_notAfter(x509, until) == 1;

    ASN1_TIME_free(from);
    ASN1_TIME_free(until);
    return good;
}

static bool
set_serial(X509 *x509, const uint8_t serial[PV_PKI_SERIAL_LEN])
{
    ASN1_INTEGER *integer = pv_pki_integer(serial, PV_PKI_SERIAL_LEN);
    bool good = integer != NULL && X509_set_serialNumber(x509, integer) == 1;

    ASN1_INTEGER_free(integer);
    return good;
}

static bool
add_extension(X509 *x509, X509V3_CTX *context, int what, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, context, what, value);
    bool good = extension != NULL && X509_add_ext(x509, extension, -1) == 1;

    X509_EXTENSION_free(extension);
    return good;
}

static bool
add_url(X509 *x509, X509V3_CTX *context, int what, const char *before,
        struct pv_slice url)
{
    char value[VALUE_ROOM];

    if (url.len == 0) {
        return true;
    }
    return pv_pki_is_url(url) &&
           snprintf(value, sizeof(value), "%s%.*s", before, PV_FMT(url)) <
               (int)sizeof(value) &&
           add_extension(x509, context, what, value);
}

static bool
add_dns(X509 *x509, const struct pv_slice *dns, size_t count)
{
    GENERAL_NAMES *names = count == 0 ? NULL : GENERAL_NAMES_new();
    bool           good = count == 0 || names != NULL;

    for (size_t i = 0; i < count && good; i++) {
        GENERAL_NAME *name = GENERAL_NAME_new();
        ASN1_STRING  *text = ASN1_IA5STRING_new();

        good = name != NULL && text != NULL && pv_pki_is_dns(dns[i]) &&
               ASN1_STRING_set(text, dns[i].ptr, (int)dns[i].len) == 1;
        if (!good || sk_GENERAL_NAME_push(names, name) == 0) {
            ASN1_STRING_free(text);
            GENERAL_NAME_free(name);
            good = false;
            break;
        }
        GENERAL_NAME_set0_value(name, GEN_DNS, text);
    }
    if (good && count > 0) {
        good = X509_add1_ext_i2d(x509, NID_subject_alt_name, names, 0,
                                 X509V3_ADD_DEFAULT) == 1;
    }
    GENERAL_NAMES_free(names);
    return good;
}

static enum pv_err
write_pem(X509 *x509, struct pv_buf *out)
{
    BIO        *bio = BIO_new(BIO_s_mem());
    enum pv_err err = bio != NULL && PEM_write_bio_X509(bio, x509) == 1
                          ? pv_pki_take_bio(bio, out)
                          : pv_pki_failed();

    BIO_free(bio);
    return err;
}

/* ---- a system's certificate ---- */

static bool
is_in_bounds(const struct pv_pki_leaf *leaf)
{
    return leaf->dns_count <= PV_PKI_DNS_MAX &&
           leaf->name.len <= PV_PKI_NAME_MAX &&
           leaf->organisation.len <= PV_PKI_NAME_MAX &&
           leaf->until_ms > leaf->from_ms &&
           leaf->until_ms - leaf->from_ms <= PV_PKI_LEAF_DAYS_MAX * PV_DAY_MS;
}

static bool
fill_leaf(const struct pv_pki_authority *authority,
          const struct pv_pki_leaf *leaf, X509 *x509)
{
    const uint8_t *at = leaf->key->der;
    EVP_PKEY      *key = d2i_PUBKEY(NULL, &at, (long)leaf->key->len);
    bool       rsa = key != NULL && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA;
    X509V3_CTX context;
    bool       good;

    X509V3_set_ctx(&context, authority->x509, x509, NULL, NULL, 0);
    good =
        key != NULL && X509_set_version(x509, X509_V3) == 1 &&
        set_serial(x509, leaf->serial) &&
        add_name(X509_get_subject_name(x509), NID_organizationName,
                 leaf->organisation) &&
        add_name(X509_get_subject_name(x509), NID_commonName, leaf->name) &&
        X509_set_issuer_name(x509, X509_get_subject_name(authority->x509)) ==
            1 &&
        set_dates(x509, leaf->from_ms, leaf->until_ms) &&
        X509_set_pubkey(x509, key) == 1 &&
        add_extension(x509, &context, NID_basic_constraints,
                      "critical,CA:FALSE") &&
        add_extension(x509, &context, NID_key_usage,
                      rsa ? "critical,digitalSignature,keyEncipherment"
                          : "critical,digitalSignature") &&
        add_extension(x509, &context, NID_ext_key_usage,
                      leaf->dns_count == 0 ? "clientAuth"
                                           : "serverAuth,clientAuth") &&
        add_extension(x509, &context, NID_subject_key_identifier, "hash") &&
        add_extension(x509, &context, NID_authority_key_identifier,
                      "keyid:always") &&
        add_dns(x509, leaf->dns, leaf->dns_count) &&
        add_url(x509, &context, NID_crl_distribution_points,
                "URI:", leaf->crl_url) &&
        add_url(x509, &context, NID_info_access, "OCSP;URI:", leaf->ocsp_url);
    EVP_PKEY_free(key);
    return good;
}

enum pv_err
pv_pki_issue(const struct pv_pki_authority *authority,
             const struct pv_pki_leaf *leaf, struct pv_buf *out)
{
    X509       *x509;
    enum pv_err err = PV_ERANGE;

    if (!is_in_bounds(leaf)) {
        return err;
    }
    x509 = X509_new();
    if (x509 != NULL && fill_leaf(authority, leaf, x509) &&
        X509_sign(x509, authority->key, authority->digest) > 0) {
        err = write_pem(x509, out);
    } else {
        err = pv_pki_failed();
    }
    X509_free(x509);
    return err;
}

/* ---- the authority itself ---- */

static bool
fill_root(X509 *x509, EVP_PKEY *key, struct pv_slice name,
          const uint8_t serial[PV_PKI_SERIAL_LEN], int64_t from_ms,
          int64_t until_ms)
{
    X509V3_CTX context;

    X509V3_set_ctx(&context, x509, x509, NULL, NULL, 0);
    return X509_set_version(x509, X509_V3) == 1 && set_serial(x509, serial) &&
           add_name(X509_get_subject_name(x509), NID_commonName, name) &&
           X509_set_issuer_name(x509, X509_get_subject_name(x509)) == 1 &&
           set_dates(x509, from_ms, until_ms) &&
           X509_set_pubkey(x509, key) == 1 &&
           add_extension(x509, &context, NID_basic_constraints,
                         "critical,CA:TRUE,pathlen:0") &&
           add_extension(x509, &context, NID_key_usage,
                         "critical,keyCertSign,cRLSign,digitalSignature") &&
           add_extension(x509, &context, NID_subject_key_identifier, "hash") &&
           X509_sign(x509, key, EVP_sha256()) > 0;
}

enum pv_err
pv_pki_make(struct pv_slice name, const uint8_t serial[PV_PKI_SERIAL_LEN],
            int64_t from_ms, int64_t until_ms, struct pv_buf *ret_certificate,
            struct pv_buf *ret_key)
{
    EVP_PKEY   *key = NULL;
    X509       *x509 = NULL;
    BIO        *bio = NULL;
    enum pv_err err = PV_ERANGE;

    if (until_ms <= from_ms ||
        until_ms - from_ms > PV_PKI_AUTHORITY_DAYS_MAX * PV_DAY_MS) {
        return err;
    }
    key = EVP_EC_gen("P-256");
    x509 = X509_new();
    bio = BIO_new(BIO_s_secmem());
    if (key == NULL || x509 == NULL || bio == NULL ||
        !fill_root(x509, key, name, serial, from_ms, until_ms) ||
        PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1) {
        err = pv_pki_failed();
        goto out;
    }
    err = pv_pki_take_bio(bio, ret_key);
    if (err == PV_OK) {
        err = write_pem(x509, ret_certificate);
    }

out:
    BIO_free(bio);
    X509_free(x509);
    EVP_PKEY_free(key);
    return err;
}

/* What it signs with: RSA and EC need a digest of their strength. */
static const EVP_MD *
digest_of(EVP_PKEY *key)
{
    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_ED25519:
        return NULL;
    case EVP_PKEY_EC:
        return EVP_PKEY_get_bits(key) > 256 ? EVP_sha384() : EVP_sha256();
    default:
        return EVP_sha256();
    }
}

enum pv_err
pv_pki_open(struct pv_slice certificate, struct pv_slice key,
            struct pv_pki_authority **ret, struct pv_why *why)
{
    struct pv_pki_authority *authority = calloc(1, sizeof(*authority));
    BIO                     *bio = NULL;
    enum pv_err              err = PV_ENOMEM;

    if (authority == NULL) {
        goto out;
    }
    err = pv_pki_certificate_read(certificate, &authority->facts, why);
    if (err != PV_OK) {
        goto out;
    }
    authority->x509 = pv_pki_x509(certificate);
    bio = BIO_new_mem_buf(key.len == 0 ? "" : key.ptr, (int)key.len);
    if (bio != NULL && key.len <= PV_PKI_PEM_MAX) {
        authority->key =
            PEM_read_bio_PrivateKey(bio, NULL, pv_pki_no_password, NULL);
    }
    if (authority->x509 == NULL || authority->key == NULL ||
        !authority->facts.is_authority ||
        X509_check_private_key(authority->x509, authority->key) != 1) {
        ERR_clear_error();
        pv_why_set(why, "certificate and key are not those of one authority");
        err = PV_EVERIFY;
        goto out;
    }
    authority->digest = digest_of(authority->key);
    *ret = authority;
    authority = NULL;

out:
    BIO_free(bio);
    pv_pki_free(authority);
    return err;
}

void
pv_pki_free(struct pv_pki_authority *authority)
{
    if (authority != NULL) {
        X509_free(authority->x509);
        EVP_PKEY_free(authority->key);
        free(authority);
    }
}

const struct pv_pki_facts *
pv_pki_facts_of(const struct pv_pki_authority *authority)
{
    return &authority->facts;
}
