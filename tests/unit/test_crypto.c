/* lib/crypto against the vectors of FIPS 180-4 and RFC 8032. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/num.h"
#include "crypto/ed25519.h"
#include "crypto/sha256.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void
sha256_gives_the_published_values(void **state)
{
    /* NIST, "Example Algorithms": SHA-256; and the empty message */
    static const struct {
        struct pv_slice part[3];
        const char     *hash;
    } row[] = {
        {{PV_SLICE_INIT(""), PV_SLICE_INIT(""), PV_SLICE_INIT("")},
         "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {{PV_SLICE_INIT("a"), PV_SLICE_INIT(""), PV_SLICE_INIT("bc")},
         "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {{PV_SLICE_INIT("abcdbcdecdefdefgefgh"),
          PV_SLICE_INIT("fghighijhijkijkljklm"),
          PV_SLICE_INIT("klmnlmnomnopnopq")},
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    struct pv_sha256 *sha = NULL;

    (void)state;
    assert_int_equal(pv_sha256_new(&sha), PV_OK);
    for (size_t i = 0; i < COUNT(row); i++) {
        struct pv_hash hash;
        struct pv_hash pieces;
        char           text[65] = {0};

        assert_int_equal(pv_sha256(sha, row[i].part, 3, &hash), PV_OK);
        pv_hex_text(hash.bytes, sizeof(hash.bytes), text);
        assert_string_equal(text, row[i].hash);
        assert_int_equal(pv_sha256_begin(sha), PV_OK);
        for (size_t j = 0; j < 3; j++) {
            assert_int_equal(
                pv_sha256_add(sha, row[i].part[j].ptr, row[i].part[j].len),
                PV_OK);
        }
        assert_int_equal(pv_sha256_end(sha, &pieces), PV_OK);
        assert_true(pv_hash_eq(&hash, &pieces));
    }
    pv_sha256_free(sha);
    pv_sha256_free(NULL);
}

/* RFC 8032 section 7.1 */
static const struct {
    const char     *seed;
    const char     *public_key;
    struct pv_slice message;
    const char     *signature;
} vector[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
     PV_SLICE_INIT(""),
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb88215"
     "90a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
     PV_SLICE_INIT("\x72"),
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e4"
     "3e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
     PV_SLICE_INIT("\xaf\x82"),
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b53"
     "8d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
};

static void
ed25519_signs_and_verifies_the_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(vector); i++) {
        uint8_t            seed[PV_ED25519_SEED_LEN];
        uint8_t            public_key[PV_ED25519_PUBLIC_LEN];
        uint8_t            got_key[PV_ED25519_PUBLIC_LEN];
        uint8_t            signature[PV_ED25519_SIGNATURE_LEN];
        uint8_t            got[PV_ED25519_SIGNATURE_LEN];
        struct pv_ed25519 *key = NULL;

        assert_int_equal(
            pv_hex_bytes(pv_slice_from(vector[i].seed), seed, sizeof(seed)),
            PV_OK);
        assert_int_equal(pv_hex_bytes(pv_slice_from(vector[i].public_key),
                                      public_key, sizeof(public_key)),
                         PV_OK);
        assert_int_equal(pv_hex_bytes(pv_slice_from(vector[i].signature),
                                      signature, sizeof(signature)),
                         PV_OK);
        assert_int_equal(pv_ed25519_from_seed(seed, &key), PV_OK);
        pv_ed25519_public(key, got_key);
        assert_memory_equal(got_key, public_key, sizeof(public_key));
        for (int again = 0; again < 2; again++) {
            assert_int_equal(pv_ed25519_sign(key, vector[i].message, got),
                             PV_OK);
            assert_memory_equal(got, signature, sizeof(signature));
        }
        assert_int_equal(
            pv_ed25519_verify(public_key, vector[i].message, signature), PV_OK);
        for (size_t bit = 0; bit < 8 * sizeof(signature); bit++) {
            signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_int_equal(
                pv_ed25519_verify(public_key, vector[i].message, signature),
                PV_EVERIFY);
            signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        assert_int_equal(
            pv_ed25519_verify(public_key, PV_LIT("another"), signature),
            PV_EVERIFY);
        pv_ed25519_free(key);
    }
    pv_ed25519_free(NULL);
}

static void
key_files_are_private_and_made_once(void **state)
{
    char               dir[] = "/tmp/pv-test-key-XXXXXX";
    uint8_t            seed[PV_ED25519_SEED_LEN];
    uint8_t            public_key[2][PV_ED25519_PUBLIC_LEN];
    struct pv_ed25519 *key = NULL;
    struct stat        st;
    int                dirfd;

    (void)state;
    assert_non_null(mkdtemp(dir));
    dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(pv_ed25519_load(dirfd, "key", &key), PV_ENOTFOUND);
    assert_int_equal(pv_ed25519_generate(seed), PV_OK);
    assert_int_equal(pv_ed25519_save(dirfd, "key", seed), PV_OK);
    assert_int_equal(fstatat(dirfd, "key", &st, 0), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(pv_ed25519_save(dirfd, "key", seed), PV_EEXIST);
    assert_int_equal(pv_ed25519_load(dirfd, "key", &key), PV_OK);
    pv_ed25519_public(key, public_key[0]);
    pv_ed25519_free(key);
    key = NULL;
    assert_int_equal(pv_ed25519_from_seed(seed, &key), PV_OK);
    pv_ed25519_public(key, public_key[1]);
    pv_ed25519_free(key);
    key = NULL;
    assert_memory_equal(public_key[0], public_key[1], sizeof(public_key[0]));
    assert_int_equal(fchmodat(dirfd, "key", 0640, 0), 0);
    assert_int_equal(pv_ed25519_load(dirfd, "key", &key), PV_EINVAL);
    assert_int_equal(fchmodat(dirfd, "key", 0600, 0), 0);
    for (off_t len = 31; len <= 33; len += 2) {
        char path[64];

        assert_true(snprintf(path, sizeof(path), "%s/key", dir) > 0);
        assert_int_equal(truncate(path, len), 0);
        assert_int_equal(pv_ed25519_load(dirfd, "key", &key), PV_ECORRUPT);
    }
    assert_null(key);
    assert_int_equal(unlinkat(dirfd, "key", 0), 0);
    assert_int_equal(close(dirfd), 0);
    assert_int_equal(rmdir(dir), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_gives_the_published_values),
        cmocka_unit_test(ed25519_signs_and_verifies_the_vectors),
        cmocka_unit_test(key_files_are_private_and_made_once),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
