/*
 * The expected values were computed by another program:
 *   python3 -c 'import hashlib,base64; n=bytes(range(32));
 *     h=hashlib.sha256; print(base64.urlsafe_b64encode(
 *     h(b"payvand-commitment-v1"+n+h(content).digest()).digest()))'
 * tests/e2e/test_evidence.py does it again with openssl for a real call.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "trace/commitment.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void
vectors(void **state)
{
    static const struct {
        bool        zero_nonce; /* otherwise 0, 1 ... 31 */
        const char *content;
        const char *commitment;
        const char *says;
    } row[] = {
        {false, "", "1ZFZ5DcdnMkQt3bFBwZnwueepHznlrERNLHzDG81z0w",
         "to an empty body"},
        {false, "{\"national_id\":\"9991234561\"}",
         "_pmHKQwYhX23p8CkKl_tzDKSahlS5QwQ6Yd7_e3PJOo", "to a body"},
        {true, "{\"national_id\":\"9991234561\"}",
         "kVQhbnx2wcqzDVWlaOQj47GGCaIidFTl7zH_fFVyy7o",
         "otherwise with another nonce"},
        {false, "{\"national_id\":\"9991234562\"}",
         "93_oln8LkWzgdrwfwI8-0YolaRIxSl2v2Y_RmqyCFAQ",
         "otherwise to another body"},
    };
    struct pv_sha256 *sha = NULL;

    (void)state; /* cmocka's */
    assert_int_equal(pv_sha256_new(&sha), PV_OK);
    for (size_t i = 0; i < COUNT(row); i++) {
        uint8_t        nonce[PV_NONCE_LEN] = {0};
        char           text[PV_COMMITMENT_TEXT_LEN];
        struct pv_hash made;

        for (size_t n = 0; !row[i].zero_nonce && n < sizeof(nonce); n++) {
            nonce[n] = (uint8_t)n;
        }
        print_message("# commit %s\n", row[i].says);
        assert_int_equal(pv_commitment_make(
                             sha, nonce, pv_slice_from(row[i].content), &made),
                         PV_OK);
        pv_commitment_text(made.bytes, text);
        assert_memory_equal(text, row[i].commitment, sizeof(text));
    }
    pv_sha256_free(sha);
}

static void
grammar(void **state)
{
    static const struct {
        const char *text;
        enum pv_err err;
        const char *says;
    } row[] = {
        {"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", PV_OK,
         "takes 32 bytes"},
        {"__________________________________________8", PV_OK,
         "takes the characters of base64url"},
        {"//////////////////////////////////////////8", PV_EINVAL,
         "refuses those of base64"},
        {"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9", PV_EINVAL,
         "refuses bits behind the last byte"},
        {"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", PV_EINVAL,
         "refuses padding"},
        {"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh", PV_EINVAL,
         "refuses one character less"},
        {"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd h8", PV_EINVAL,
         "refuses a blank"},
        {"", PV_EINVAL, "refuses nothing"},
    };

    (void)state; /* cmocka's */
    for (size_t i = 0; i < COUNT(row); i++) {
        uint8_t bytes[PV_NONCE_LEN];
        uint8_t before[PV_NONCE_LEN];
        char    again[PV_COMMITMENT_TEXT_LEN];

        memset(bytes, 0xa5, sizeof(bytes));
        memcpy(before, bytes, sizeof(before));
        print_message("# bytes %s\n", row[i].says);
        assert_int_equal(pv_commitment_bytes(pv_slice_from(row[i].text), bytes),
                         row[i].err);
        if (row[i].err == PV_OK) {
            pv_commitment_text(bytes, again);
            assert_memory_equal(again, row[i].text, sizeof(again));
        } else {
            assert_memory_equal(bytes, before, sizeof(before));
        }
    }
}

static void
nonces_differ(void **state)
{
    uint8_t a[PV_NONCE_LEN];
    uint8_t b[PV_NONCE_LEN];

    (void)state; /* cmocka's */
    assert_int_equal(pv_commitment_nonce(a), PV_OK);
    assert_int_equal(pv_commitment_nonce(b), PV_OK);
    assert_memory_not_equal(a, b, sizeof(a));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors),
        cmocka_unit_test(grammar),
        cmocka_unit_test(nonces_differ),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
