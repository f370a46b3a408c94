/* Requests, certificates, lists and OCSP of lib/pki, against OpenSSL's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "base/time.h"
#include "pki/ocsp.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NOW_MS INT64_C(1795000000000) /* 2026-11-18 */
#define SERIAL_BYTE 0x41

static struct pv_buf
bytes_of(BIO *bio)
{
    struct pv_buf buf;
    char         *at;
    long          len = BIO_get_mem_data(bio, &at);

    pv_buf_init(&buf, 1 << 20);
    assert_int_equal(pv_buf_add(&buf, (struct pv_slice){at, (size_t)len}),
                     PV_OK);
    BIO_free(bio);
    return buf;
}

/* A signing request of key, signed by signer. */
static struct pv_buf
request_of(EVP_PKEY *key, EVP_PKEY *signer)
{
    X509_REQ     *request = X509_REQ_new();
    BIO          *bio = BIO_new(BIO_s_mem());
    const EVP_MD *digest =
        EVP_PKEY_get_base_id(signer) == EVP_PKEY_ED25519 ? NULL : EVP_sha256();

    assert_int_equal(X509_REQ_set_pubkey(request, key), 1);
    assert_true(X509_REQ_sign(request, signer, digest) > 0);
    assert_int_equal(PEM_write_bio_X509_REQ(bio, request), 1);
    X509_REQ_free(request);
    return bytes_of(bio);
}

static EVP_PKEY *
rsa_of(unsigned bits)
{
    return EVP_RSA_gen(bits);
}

static EVP_PKEY *
ec_of(const char *group)
{
    return EVP_EC_gen(group);
}

static EVP_PKEY *
compressed(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");

    assert_int_equal(
        EVP_PKEY_set_utf8_string_param(key, "point-format", "compressed"), 1);
    return key;
}

/* ---- requests ---- */

static void
a_request_gives_its_key(void **state)
{
    EVP_PKEY *key[] = {ec_of("P-256"), ec_of("P-384"),
                       EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), rsa_of(3072)};

    (void)state;
    for (size_t i = 0; i < COUNT(key); i++) {
        struct pv_buf     request = request_of(key[i], key[i]);
        struct pv_pki_key taken = {.len = 0};
        struct pv_pki_key again = {.len = 0};

        assert_int_equal(
            pv_pki_request_key(pv_buf_view(&request), &taken, NULL), PV_OK);
        assert_int_equal((int)taken.len, i2d_PUBKEY(key[i], NULL));
        assert_int_equal(
            pv_pki_key_read(
                (struct pv_slice){(const char *)taken.der, taken.len}, &again,
                NULL),
            PV_OK);
        assert_memory_equal(taken.hash, again.hash, sizeof(taken.hash));
        pv_buf_clear(&request);
        EVP_PKEY_free(key[i]);
    }
}

static void
other_keys_are_refused(void **state)
{
    const struct {
        EVP_PKEY   *key;
        const char *what;
    } row[] = {
        {rsa_of(2048), "RSA of 2048 bits"},
        {ec_of("secp256k1"), "a curve that is not on the list"},
        {ec_of("P-521"), "P-521"},
        {compressed(), "a compressed point: a second name of one key"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        struct pv_buf     request = request_of(row[i].key, row[i].key);
        struct pv_pki_key taken = {.len = 7};
        struct pv_why     why = {""};

        print_message("# refuses %s\n", row[i].what);
        assert_int_equal(
            pv_pki_request_key(pv_buf_view(&request), &taken, &why),
            PV_EREFUSED);
        assert_int_equal(taken.len, 7);
        assert_true(why.text[0] != '\0');
        pv_buf_clear(&request);
        EVP_PKEY_free(row[i].key);
    }
}

static void
a_request_must_be_signed_with_its_own_key(void **state)
{
    EVP_PKEY         *key = ec_of("P-256");
    EVP_PKEY         *other = ec_of("P-256");
    struct pv_buf     request = request_of(key, other);
    struct pv_pki_key taken = {.len = 7};

    (void)state;
    assert_int_equal(pv_pki_request_key(pv_buf_view(&request), &taken, NULL),
                     PV_EVERIFY);
    assert_int_equal(taken.len, 7);
    assert_int_equal(pv_pki_request_key(PV_LIT(""), &taken, NULL), PV_EINVAL);
    assert_int_equal(pv_pki_request_key(PV_LIT("no PEM"), &taken, NULL),
                     PV_EINVAL);
    pv_buf_clear(&request);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
}

static void
names_are_plain(void **state)
{
    static const struct {
        const char *name;
        bool        ok;
    } row[] = {
        {"exchange.payvand.test", true},
        {"a", true},
        {"a-1.b", true},
        {"", false},
        {"A.b", false},
        {"a..b", false},
        {".a", false},
        {"a.", false},
        {"-a.b", false},
        {"a-.b", false},
        {"a,DNS:b", false},
        {"a b", false},
        {"*.b", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        if (pv_pki_is_dns(pv_slice_from(row[i].name)) != row[i].ok) {
            fail_msg("the name \"%s\"", row[i].name);
        }
    }
    assert_true(pv_pki_is_url(PV_LIT("http://pki.test/crl")));
    assert_false(pv_pki_is_url(PV_LIT("http://pki.test/crl,URI:http://x")));
    assert_false(pv_pki_is_url(PV_LIT("file:///etc/passwd")));
}

/* ---- an authority and what it issues ---- */

struct scene {
    struct pv_buf            root;
    struct pv_buf            key;
    struct pv_pki_authority *authority;
    struct pv_pki_key        system;
};

static void
set_up(struct scene *scene, const char *name)
{
    uint8_t       serial[PV_PKI_SERIAL_LEN];
    EVP_PKEY     *key = ec_of("P-256");
    struct pv_buf request = request_of(key, key);

    pv_buf_init(&scene->root, PV_PKI_PEM_MAX);
    pv_buf_init(&scene->key, PV_PKI_PEM_MAX);
    assert_int_equal(pv_pki_serial(serial), PV_OK);
    assert_int_equal(pv_pki_make(pv_slice_from(name), serial, NOW_MS,
                                 NOW_MS + 3650 * PV_DAY_MS, &scene->root,
                                 &scene->key),
                     PV_OK);
    assert_int_equal(pv_pki_open(pv_buf_view(&scene->root),
                                 pv_buf_view(&scene->key), &scene->authority,
                                 NULL),
                     PV_OK);
    assert_int_equal(
        pv_pki_request_key(pv_buf_view(&request), &scene->system, NULL), PV_OK);
    pv_buf_clear(&request);
    EVP_PKEY_free(key);
}

static void
tear_down(struct scene *scene)
{
    pv_pki_free(scene->authority);
    pv_buf_clear(&scene->root);
    pv_buf_wipe(&scene->key);
}

static struct pv_pki_leaf
leaf_of(const struct scene *scene)
{
    struct pv_pki_leaf leaf = {.key = &scene->system,
                               .name = PV_LIT("system"),
                               .organisation = PV_LIT("agency"),
                               .from_ms = NOW_MS,
                               .until_ms = NOW_MS + 397 * PV_DAY_MS,
                               .crl_url = PV_LIT("http://pki.test/a.crl"),
                               .ocsp_url = PV_LIT("http://pki.test/ocsp")};

    memset(leaf.serial, SERIAL_BYTE, sizeof(leaf.serial));
    return leaf;
}

static X509 *
x509_of(const struct pv_buf *pem)
{
    BIO  *bio = BIO_new_mem_buf(pem->ptr, (int)pem->len);
    X509 *x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);

    BIO_free(bio);
    assert_non_null(x509);
    return x509;
}

static void
a_certificate_says_what_was_decided(void **state)
{
    const struct pv_slice dns[] = {PV_LIT("a.test"), PV_LIT("b.test")};
    struct scene          scene;
    struct pv_pki_leaf    leaf;
    struct pv_pki_facts   facts;
    struct pv_buf         pem;
    X509                 *x509;

    (void)state;
    set_up(&scene, "authority");
    leaf = leaf_of(&scene);
    leaf.dns = dns;
    leaf.dns_count = COUNT(dns);
    pv_buf_init(&pem, PV_PKI_PEM_MAX);
    assert_int_equal(pv_pki_issue(scene.authority, &leaf, &pem), PV_OK);
    assert_int_equal(pv_pki_certificate_read(pv_buf_view(&pem), &facts, NULL),
                     PV_OK);
    assert_memory_equal(facts.key.hash, scene.system.hash, PV_PKI_HASH_LEN);
    assert_memory_equal(facts.issuer_hash,
                        pv_pki_facts_of(scene.authority)->subject_hash,
                        PV_PKI_HASH_LEN);
    assert_int_equal(facts.serial_len, PV_PKI_SERIAL_LEN);
    assert_memory_equal(facts.serial, leaf.serial, PV_PKI_SERIAL_LEN);
    assert_int_equal(facts.from_ms, leaf.from_ms);
    assert_int_equal(facts.until_ms, leaf.until_ms - 1);
    assert_false(facts.is_authority);
    x509 = x509_of(&pem);
    assert_int_equal(X509_check_host(x509, "b.test", 0, 0, NULL), 1);
    assert_int_equal(X509_check_host(x509, "system", 0, 0, NULL), 0);
    assert_int_equal(X509_check_purpose(x509, X509_PURPOSE_SSL_SERVER, 0), 1);
    assert_int_equal(X509_check_purpose(x509, X509_PURPOSE_SSL_CLIENT, 0), 1);
    assert_int_equal(X509_get_key_usage(x509), KU_DIGITAL_SIGNATURE);
    X509_free(x509);
    pv_buf_clear(&pem);
    tear_down(&scene);
}

static void
a_system_without_names_only_calls(void **state)
{
    struct scene       scene;
    struct pv_pki_leaf leaf;
    struct pv_buf      pem;
    X509              *x509;

    (void)state;
    set_up(&scene, "authority");
    leaf = leaf_of(&scene);
    pv_buf_init(&pem, PV_PKI_PEM_MAX);
    assert_int_equal(pv_pki_issue(scene.authority, &leaf, &pem), PV_OK);
    x509 = x509_of(&pem);
    assert_int_equal(X509_check_purpose(x509, X509_PURPOSE_SSL_SERVER, 0), 0);
    assert_int_equal(X509_check_purpose(x509, X509_PURPOSE_SSL_CLIENT, 0), 1);
    X509_free(x509);
    pv_buf_clear(&pem);
    tear_down(&scene);
}

static void
bounds_are_kept(void **state)
{
    static const struct pv_slice wild = PV_SLICE_INIT("*.test");
    struct scene                 scene;
    struct pv_pki_leaf           leaf;
    struct pv_buf                pem;

    (void)state;
    set_up(&scene, "authority");
    pv_buf_init(&pem, PV_PKI_PEM_MAX);
    leaf = leaf_of(&scene);
    leaf.until_ms += PV_DAY_MS;
    assert_int_equal(pv_pki_issue(scene.authority, &leaf, &pem), PV_ERANGE);
    leaf = leaf_of(&scene);
    leaf.until_ms = leaf.from_ms;
    assert_int_equal(pv_pki_issue(scene.authority, &leaf, &pem), PV_ERANGE);
    leaf = leaf_of(&scene);
    leaf.dns = &wild;
    leaf.dns_count = 1;
    assert_int_equal(pv_pki_issue(scene.authority, &leaf, &pem), PV_ECRYPTO);
    leaf = leaf_of(&scene);
    leaf.ocsp_url = PV_LIT("http://a,OCSP;URI:http://b");
    assert_int_equal(pv_pki_issue(scene.authority, &leaf, &pem), PV_ECRYPTO);
    assert_int_equal(pem.len, 0);
    pv_buf_clear(&pem);
    tear_down(&scene);
}

static void
a_chain_is_an_authority_and_a_system(void **state)
{
    struct scene       scene;
    struct scene       other;
    struct pv_pki_leaf leaf;
    struct pv_buf      pem;
    struct pv_slice    root;

    (void)state;
    set_up(&scene, "authority");
    set_up(&other, "authority"); /* the same name, another key */
    leaf = leaf_of(&scene);
    pv_buf_init(&pem, PV_PKI_PEM_MAX);
    assert_int_equal(pv_pki_issue(scene.authority, &leaf, &pem), PV_OK);
    root = pv_buf_view(&scene.root);
    assert_int_equal(
        pv_pki_is_issued_by(pv_buf_view(&pem), root, NOW_MS + 1000, NULL),
        PV_OK);
    assert_int_equal(pv_pki_is_issued_by(pv_buf_view(&pem), root,
                                         NOW_MS + 398 * PV_DAY_MS, NULL),
                     PV_EVERIFY);
    assert_int_equal(
        pv_pki_is_issued_by(pv_buf_view(&pem), root, NOW_MS - 1000, NULL),
        PV_EVERIFY);
    assert_int_equal(pv_pki_is_issued_by(pv_buf_view(&pem),
                                         pv_buf_view(&other.root),
                                         NOW_MS + 1000, NULL),
                     PV_EVERIFY);
    assert_int_equal(pv_pki_is_issued_by(root, root, NOW_MS + 1000, NULL),
                     PV_EVERIFY);
    assert_int_equal(pv_pki_is_issued_by(pv_buf_view(&pem), pv_buf_view(&pem),
                                         NOW_MS + 1000, NULL),
                     PV_EVERIFY);
    pv_buf_clear(&pem);
    tear_down(&other);
    tear_down(&scene);
}

static void
a_key_of_another_authority_does_not_open(void **state)
{
    struct pv_pki_authority *authority = NULL;
    struct scene             scene;
    struct scene             other;

    (void)state;
    set_up(&scene, "authority");
    set_up(&other, "authority");
    assert_int_equal(pv_pki_open(pv_buf_view(&scene.root),
                                 pv_buf_view(&other.key), &authority, NULL),
                     PV_EVERIFY);
    assert_int_equal(
        pv_pki_open(pv_buf_view(&scene.root), PV_LIT(""), &authority, NULL),
        PV_EVERIFY);
    assert_null(authority);
    tear_down(&other);
    tear_down(&scene);
}

/* ---- lists ---- */

static void
a_list_names_the_revoked(void **state)
{
    struct pv_pki_revoked revoked[2] = {
        {.serial_len = PV_PKI_SERIAL_LEN,
         .when_ms = NOW_MS,
         .reason = PV_PKI_KEY_COMPROMISE},
        {.serial = {9}, .serial_len = 1, .when_ms = NOW_MS}};
    struct scene         scene;
    struct pv_buf        der;
    const unsigned char *at;
    X509_CRL            *crl;
    X509                *root;
    ASN1_INTEGER        *number;
    X509_REVOKED        *entry;
    ASN1_ENUMERATED     *reason;

    (void)state;
    set_up(&scene, "authority");
    memset(revoked[0].serial, SERIAL_BYTE, PV_PKI_SERIAL_LEN);
    pv_buf_init(&der, PV_PKI_CRL_MAX);
    assert_int_equal(pv_pki_crl(scene.authority, revoked, 2, 77, NOW_MS,
                                NOW_MS + PV_DAY_MS, &der),
                     PV_OK);
    at = (const unsigned char *)der.ptr;
    crl = d2i_X509_CRL(NULL, &at, (long)der.len);
    root = x509_of(&scene.root);
    assert_int_equal(X509_CRL_verify(crl, X509_get0_pubkey(root)), 1);
    assert_int_equal(X509_CRL_get_version(crl), 1);
    number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
    assert_int_equal(ASN1_INTEGER_get(number), 77);
    assert_int_equal(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl)), 2);
    entry = sk_X509_REVOKED_value(X509_CRL_get_REVOKED(crl), 1);
    reason = X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, NULL, NULL);
    assert_int_equal(ASN1_ENUMERATED_get(reason), PV_PKI_KEY_COMPROMISE);
    assert_false(pv_pki_is_reason(6)); /* a hold would end again */
    ASN1_ENUMERATED_free(reason);
    ASN1_INTEGER_free(number);
    X509_free(root);
    X509_CRL_free(crl);
    pv_buf_clear(&der);
    tear_down(&scene);
}

/* ---- OCSP ---- */

/* What a client would send about the serial. */
static struct pv_buf
question(const struct pv_buf *root, const EVP_MD *digest, bool nonce)
{
    X509          *issuer = x509_of(root);
    OCSP_REQUEST  *request = OCSP_REQUEST_new();
    ASN1_INTEGER  *serial = ASN1_INTEGER_new();
    unsigned char *der = NULL;
    struct pv_buf  buf;
    int            len;

    assert_int_equal(ASN1_INTEGER_set(serial, SERIAL_BYTE), 1);
    assert_non_null(OCSP_request_add0_id(
        request, OCSP_cert_id_new(digest, X509_get_subject_name(issuer),
                                  X509_get0_pubkey_bitstr(issuer), serial)));
    if (nonce) {
        assert_int_equal(OCSP_request_add1_nonce(request, NULL, 16), 1);
    }
    len = i2d_OCSP_REQUEST(request, &der);
    pv_buf_init(&buf, PV_OCSP_REQUEST_MAX);
    assert_int_equal(
        pv_buf_add(&buf, (struct pv_slice){(char *)der, (size_t)len}), PV_OK);
    OPENSSL_free(der);
    ASN1_INTEGER_free(serial);
    OCSP_REQUEST_free(request);
    X509_free(issuer);
    return buf;
}

/* The state that a client reads, after it has checked the signature. */
static int
status_of(const struct pv_buf *answer, const struct pv_buf *root,
          const struct pv_buf *asked, int *ret_reason)
{
    const unsigned char *at = (const unsigned char *)answer->ptr;
    OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &at, (long)answer->len);
    const unsigned char *from = (const unsigned char *)asked->ptr;
    OCSP_REQUEST   *request = d2i_OCSP_REQUEST(NULL, &from, (long)asked->len);
    OCSP_BASICRESP *basic = OCSP_response_get1_basic(response);
    X509_STORE     *store = X509_STORE_new();
    X509           *issuer = x509_of(root);
    ASN1_GENERALIZEDTIME *when;
    ASN1_GENERALIZEDTIME *first;
    ASN1_GENERALIZEDTIME *next;
    int                   status = -1;

    assert_int_equal(X509_STORE_add_cert(store, issuer), 1);
    X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store),
                               (time_t)(NOW_MS / 1000 + 60));
    assert_int_equal(OCSP_basic_verify(basic, NULL, store, 0), 1);
    assert_true(OCSP_check_nonce(request, basic) > 0);
    assert_int_equal(
        OCSP_resp_find_status(
            basic, OCSP_onereq_get0_id(OCSP_request_onereq_get0(request, 0)),
            &status, ret_reason, &when, &first, &next),
        1);
    X509_free(issuer);
    X509_STORE_free(store);
    OCSP_BASICRESP_free(basic);
    OCSP_REQUEST_free(request);
    OCSP_RESPONSE_free(response);
    return status;
}

static void
an_answer_is_what_was_said(void **state)
{
    static const struct {
        struct pv_ocsp_said said;
        int                 status;
        int                 reason;
    } row[] = {
        {{.state = PV_OCSP_UNKNOWN}, V_OCSP_CERTSTATUS_UNKNOWN, -1},
        {{.state = PV_OCSP_GOOD}, V_OCSP_CERTSTATUS_GOOD, -1},
        {{PV_OCSP_REVOKED, NOW_MS, PV_PKI_UNSPECIFIED},
         V_OCSP_CERTSTATUS_REVOKED,
         OCSP_REVOKED_STATUS_NOSTATUS},
        {{PV_OCSP_REVOKED, NOW_MS, PV_PKI_SUPERSEDED},
         V_OCSP_CERTSTATUS_REVOKED,
         OCSP_REVOKED_STATUS_SUPERSEDED},
    };
    struct scene scene;

    (void)state;
    set_up(&scene, "authority");
    for (size_t i = 0; i < COUNT(row); i++) {
        struct pv_buf asked = question(
            &scene.root, i % 2 == 0 ? EVP_sha1() : EVP_sha256(), i != 1);
        struct pv_ocsp ocsp;
        struct pv_buf  answer;
        int            reason = -1;

        pv_buf_init(&answer, PV_OCSP_ANSWER_MAX);
        assert_int_equal(pv_ocsp_read(pv_buf_view(&asked), &ocsp), PV_OK);
        assert_int_equal(ocsp.count, 1);
        assert_int_equal(ocsp.asked[0].serial_len, 1);
        assert_int_equal(ocsp.asked[0].serial[0], SERIAL_BYTE);
        assert_int_equal(pv_ocsp_answer(scene.authority, &ocsp, &row[i].said,
                                        NOW_MS, NOW_MS + PV_DAY_MS, &answer),
                         PV_OK);
        assert_int_equal(status_of(&answer, &scene.root, &asked, &reason),
                         row[i].status);
        if (row[i].status == V_OCSP_CERTSTATUS_REVOKED) {
            assert_int_equal(reason, row[i].reason);
        }
        pv_buf_clear(&answer);
        pv_buf_clear(&asked);
    }
    tear_down(&scene);
}

static void
only_its_own_are_answered(void **state)
{
    const struct pv_ocsp_said said = {.state = PV_OCSP_GOOD};
    struct scene              scene;
    struct scene              other;
    struct pv_ocsp            ocsp;
    struct pv_buf             asked;
    struct pv_buf             answer;
    bool                      own = true;

    (void)state;
    set_up(&scene, "authority");
    set_up(&other, "authority");
    asked = question(&other.root, EVP_sha256(), true);
    pv_buf_init(&answer, PV_OCSP_ANSWER_MAX);
    assert_int_equal(pv_ocsp_read(pv_buf_view(&asked), &ocsp), PV_OK);
    assert_int_equal(pv_ocsp_is_of(&ocsp, pv_buf_view(&other.root), &own),
                     PV_OK);
    assert_true(own);
    assert_int_equal(pv_ocsp_is_of(&ocsp, pv_buf_view(&scene.root), &own),
                     PV_OK);
    assert_false(own);
    assert_int_equal(pv_ocsp_answer(scene.authority, &ocsp, &said, NOW_MS,
                                    NOW_MS + 1000, &answer),
                     PV_EINVAL);
    assert_int_equal(answer.len, 0);
    assert_int_equal(pv_ocsp_error(PV_OCSP_UNAUTHORIZED, &answer), PV_OK);
    assert_memory_equal(answer.ptr, "\x30\x03\x0a\x01\x06", 5);
    pv_buf_clear(&answer);
    pv_buf_clear(&asked);
    tear_down(&other);
    tear_down(&scene);
}

static void
a_question_has_one_form(void **state)
{
    struct scene   scene;
    struct pv_buf  asked;
    struct pv_ocsp ocsp = {.count = 7};

    (void)state;
    set_up(&scene, "authority");
    asked = question(&scene.root, EVP_sha1(), true);
    assert_int_equal(pv_ocsp_read(PV_LIT(""), &ocsp), PV_EINVAL);
    assert_int_equal(
        pv_ocsp_read((struct pv_slice){asked.ptr, asked.len - 1}, &ocsp),
        PV_EINVAL);
    assert_int_equal(pv_buf_add(&asked, PV_LIT("x")), PV_OK);
    assert_int_equal(pv_ocsp_read(pv_buf_view(&asked), &ocsp), PV_EINVAL);
    pv_buf_clear(&asked);
    asked = question(&scene.root, EVP_sha512(), false);
    assert_int_equal(pv_ocsp_read(pv_buf_view(&asked), &ocsp), PV_EINVAL);
    assert_int_equal(ocsp.count, 7);
    pv_buf_clear(&asked);
    tear_down(&scene);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_gives_its_key),
        cmocka_unit_test(other_keys_are_refused),
        cmocka_unit_test(a_request_must_be_signed_with_its_own_key),
        cmocka_unit_test(names_are_plain),
        cmocka_unit_test(a_certificate_says_what_was_decided),
        cmocka_unit_test(a_system_without_names_only_calls),
        cmocka_unit_test(bounds_are_kept),
        cmocka_unit_test(a_chain_is_an_authority_and_a_system),
        cmocka_unit_test(a_key_of_another_authority_does_not_open),
        cmocka_unit_test(a_list_names_the_revoked),
        cmocka_unit_test(an_answer_is_what_was_said),
        cmocka_unit_test(only_its_own_are_answered),
        cmocka_unit_test(a_question_has_one_form),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
