/*
 * lib/crypto/secret against RFC 7914 (scrypt), RFC 6238 appendix B (TOTP) and
 * RFC 4648 section 10 (base32); lib/crypto/seal against test case 16 of the
 * specification of GCM (McGrew, Viega).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/num.h"
#include "crypto/seal.h"
#include "crypto/secret.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void
scrypt_gives_the_published_values(void **state)
{
    static const struct {
        struct pv_slice password;
        struct pv_slice salt;
        unsigned        log2_n;
        unsigned        r;
        unsigned        p;
        const char     *hash;
    } row[] = {
        {PV_SLICE_INIT(""), PV_SLICE_INIT(""), 4, 1, 1,
         "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"
         "fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906"},
        {PV_SLICE_INIT("password"), PV_SLICE_INIT("NaCl"), 10, 8, 16,
         "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"
         "2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640"},
        {PV_SLICE_INIT("pleaseletmein"), PV_SLICE_INIT("SodiumChloride"), 14, 8,
         1,
         "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
         "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        uint8_t hash[64];
        char    text[2 * sizeof(hash) + 1] = {0};

        assert_int_equal(pv_scrypt(row[i].password, row[i].salt, row[i].log2_n,
                                   row[i].r, row[i].p, hash, sizeof(hash)),
                         PV_OK);
        pv_hex_text(hash, sizeof(hash), text);
        assert_string_equal(text, row[i].hash);
    }
}

static void
scrypt_refuses_a_cost_past_its_maximum(void **state)
{
    static const struct {
        unsigned log2_n;
        unsigned r;
        unsigned p;
    } row[] = {{0, 8, 1},  {15, 0, 1}, {15, 8, 0},         {17, 8, 1},
               {25, 1, 1}, {63, 1, 1}, {1, UINT32_MAX, 1}, {1, 8, UINT32_MAX}};
    uint8_t hash[32] = {7};

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        assert_int_equal(pv_scrypt(PV_LIT("p"), PV_LIT("s"), row[i].log2_n,
                                   row[i].r, row[i].p, hash, sizeof(hash)),
                         PV_ERANGE);
    }
    assert_int_equal(hash[0], 7);
}

static void
totp_gives_the_published_values(void **state)
{
    static const struct {
        uint64_t    unix_s;
        const char *code;
    } row[] = {
        {59, "94287082"},         {1111111109, "07081804"},
        {1111111111, "14050471"}, {1234567890, "89005924"},
        {2000000000, "69279037"}, {UINT64_C(20000000000), "65353130"},
    };
    char code[PV_TOTP_DIGITS_MAX + 1] = "";

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        assert_int_equal(pv_totp(PV_LIT("12345678901234567890"),
                                 row[i].unix_s / PV_TOTP_STEP_S, 8, code),
                         PV_OK);
        assert_string_equal(code, row[i].code);
    }
    assert_int_equal(pv_totp(PV_LIT("k"), 1, 0, code), PV_ERANGE);
    assert_int_equal(pv_totp(PV_LIT("k"), 1, 10, code), PV_ERANGE);
}

static void
base32_gives_the_published_values(void **state)
{
    static const char *const row[][2] = {
        {"f", "MY"},         {"fo", "MZXQ"},        {"foo", "MZXW6"},
        {"foob", "MZXW6YQ"}, {"fooba", "MZXW6YTB"}, {"foobar", "MZXW6YTBOI"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        char   room[16] = {0};
        size_t len = strlen(row[i][0]);

        assert_int_equal(PV_BASE32_LEN(len), strlen(row[i][1]));
        pv_base32_text((const uint8_t *)row[i][0], len, room);
        assert_string_equal(room, row[i][1]);
    }
}

static void
secrets_are_equal_only_when_all_bytes_are(void **state)
{
    static const struct {
        struct pv_slice a;
        struct pv_slice b;
        bool            equal;
    } row[] = {
        {PV_SLICE_INIT(""), PV_SLICE_INIT(""), true},
        {PV_SLICE_INIT("abc"), PV_SLICE_INIT("abc"), true},
        {PV_SLICE_INIT("abc"), PV_SLICE_INIT("abd"), false},
        {PV_SLICE_INIT("abc"), PV_SLICE_INIT("xbc"), false},
        {PV_SLICE_INIT("abc"), PV_SLICE_INIT("ab"), false},
        {PV_SLICE_INIT(""), PV_SLICE_INIT("a"), false},
    };
    uint8_t one[32] = {0};
    uint8_t two[32] = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        assert_int_equal(pv_secret_eq(row[i].a, row[i].b), row[i].equal);
    }
    assert_int_equal(pv_secret_random(one, sizeof(one)), PV_OK);
    assert_int_equal(pv_secret_random(two, sizeof(two)), PV_OK);
    assert_memory_not_equal(one, two, sizeof(one));
    pv_secret_wipe(one, sizeof(one));
    assert_int_equal(one[0], 0);
}

/* ---- sealing ---- */

#define SEAL_KEY                                                               \
    "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"
#define SEAL_ABOUT "feedfacedeadbeeffeedfacedeadbeefabaddad2"
#define SEAL_SECRET                                                            \
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"         \
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
#define SEALED                                                                 \
    "cafebabefacedbaddecaf888"                                                 \
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"         \
    "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"                 \
    "76fc6ece0f4e1768cddf8853bb2d551b"

static struct pv_slice
from_hex(const char *hex, uint8_t *room, size_t room_len)
{
    size_t len = strlen(hex) / 2;

    assert_true(len <= room_len);
    assert_int_equal(pv_hex_bytes(pv_slice_from(hex), room, len), PV_OK);
    return (struct pv_slice){(char *)room, len};
}

static void
sealing_opens_the_published_value_and_nothing_near_it(void **state)
{
    uint8_t         key[PV_SEAL_KEY_LEN];
    uint8_t         room[3][128];
    uint8_t         opened[128];
    struct pv_slice about = from_hex(SEAL_ABOUT, room[0], sizeof(room[0]));
    struct pv_slice secret = from_hex(SEAL_SECRET, room[1], sizeof(room[1]));
    struct pv_slice sealed = from_hex(SEALED, room[2], sizeof(room[2]));

    (void)state;
    (void)from_hex(SEAL_KEY, key, sizeof(key));
    assert_int_equal(pv_unseal(key, about, sealed, opened), PV_OK);
    assert_memory_equal(opened, secret.ptr, secret.len);
    for (size_t i = 0; i < sealed.len; i++) { /* every byte counts */
        room[2][i] ^= 1;
        assert_int_equal(pv_unseal(key, about, sealed, opened), PV_ECORRUPT);
        room[2][i] ^= 1;
    }
    assert_int_equal(pv_unseal(key, PV_LIT("other"), sealed, opened),
                     PV_ECORRUPT);
    key[0] ^= 1;
    assert_int_equal(pv_unseal(key, about, sealed, opened), PV_ECORRUPT);
    sealed.len = PV_SEAL_MORE_LEN - 1;
    assert_int_equal(pv_unseal(key, about, sealed, opened), PV_ECORRUPT);
}

static void
a_secret_is_sealed_anew_each_time(void **state)
{
    static const uint8_t key[PV_SEAL_KEY_LEN] = {7};
    uint8_t              one[PV_SEAL_MORE_LEN + 6];
    uint8_t              two[sizeof(one)];
    uint8_t              opened[6];

    (void)state;
    assert_int_equal(pv_seal(key, PV_LIT("a"), PV_LIT("secret"), one), PV_OK);
    assert_int_equal(pv_seal(key, PV_LIT("a"), PV_LIT("secret"), two), PV_OK);
    assert_memory_not_equal(one, two, sizeof(one));
    assert_int_equal(pv_unseal(key, PV_LIT("a"),
                               (struct pv_slice){(char *)two, sizeof(two)},
                               opened),
                     PV_OK);
    assert_memory_equal(opened, "secret", sizeof(opened));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scrypt_gives_the_published_values),
        cmocka_unit_test(scrypt_refuses_a_cost_past_its_maximum),
        cmocka_unit_test(totp_gives_the_published_values),
        cmocka_unit_test(base32_gives_the_published_values),
        cmocka_unit_test(secrets_are_equal_only_when_all_bytes_are),
        cmocka_unit_test(sealing_opens_the_published_value_and_nothing_near_it),
        cmocka_unit_test(a_secret_is_sealed_anew_each_time),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
