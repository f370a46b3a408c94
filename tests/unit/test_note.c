/*
 * Signed notes, cosignatures and checkpoints, against published ones:
 * golang.org/x/mod sumdb/note (note_test.go), C2SP signed-note,
 * tlog-checkpoint and tlog-cosignature, transparency-dev/formats
 * (note_cosigv1_test.go).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "trace/checkpoint.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define DASH "\xe2\x80\x94 "

/* golang.org/x/mod/sumdb/note/note_test.go */
#define PETER                                                                  \
    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
#define PETER_SECRET                                                           \
    "PRIVATE+KEY+PeterNeumann+c74f20a3+"                                       \
    "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
#define ENOCH "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
#define TEXT                                                                   \
    "If you think cryptography is the answer to your problem,\n"               \
    "then you don't know what your problem is.\n"
#define PETER_LINE                                                             \
    DASH "PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1F" \
         "FYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
#define ENOCH_LINE                                                             \
    DASH "EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF"  \
         "1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"

static struct pv_note_key
key_of(const char *vkey)
{
    struct pv_note_key key;

    assert_int_equal(pv_note_key_parse(pv_slice_from(vkey), &key), PV_OK);
    return key;
}

static void
keys_are_read_and_written(void **state)
{
    static const char *const good[] = {
        PETER,
        ENOCH,
        /* C2SP signed-note */
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        /* transparency-dev/formats: a cosigner's */
        "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        struct pv_note_key key = key_of(good[i]);
        struct pv_buf      text;

        pv_buf_init(&text, PV_NOTE_VKEY_MAX);
        assert_int_equal(pv_note_key_write(&key, &text), PV_OK);
        assert_true(pv_slice_eq(pv_buf_view(&text), pv_slice_from(good[i])));
        pv_buf_clear(&text);
    }
    assert_int_equal(key_of(good[3]).type, PV_NOTE_COSIGNATURE);
}

/* Every part of it, and every byte raised by one, as Go's own test does. */
static void
no_mangled_key_is_taken(void **state)
{
    char               text[] = PETER;
    size_t             len = sizeof(text) - 1;
    struct pv_note_key key;

    (void)state;
    for (size_t i = 0; i < len; i++) {
        for (size_t j = i + 1; j <= len; j++) {
            struct pv_slice part = {text + i, j - i};

            if (part.len < len) {
                assert_int_not_equal(pv_note_key_parse(part, &key), PV_OK);
            }
        }
    }
    for (size_t i = 0; i < len; i++) {
        text[i]++;
        assert_int_not_equal(pv_note_key_parse(pv_slice_from(text), &key),
                             PV_OK);
        text[i]--;
    }
    assert_int_equal(pv_note_key_parse(PV_LIT("PeterNeumann+cc469956+"
                                              "ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/"
                                              "LDE4izWy10TWBADKEY=="),
                                       &key),
                     PV_EINVAL);
    assert_int_equal(pv_note_key_parse(PV_LIT("PeterNeumann+173116ae+"
                                              "ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/"
                                              "LDE4izWy10TW"),
                                       &key),
                     PV_EINVAL);
}

static void
names_of_keys(void **state)
{
    static const struct {
        const char *name;
        bool        good;
    } row[] = {
        {"example.com/log42", true},
        {"\xd8\xa7\xdb\x8c\xd8\xb1", true},
        {"", false},
        {"a b", false},
        {"a+b", false},
        {"a\tb", false},
        {"a\xc2\xa0"
         "b",
         false},
        {"a\xe2\x80\xa8", false},
        {"\xe3\x80\x80", false},
        {"\xff", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        assert_int_equal(pv_note_is_name(pv_slice_from(row[i].name)),
                         row[i].good);
    }
}

static void
signs_as_published(void **state)
{
    struct pv_note_key key;
    struct pv_ed25519 *secret = NULL;
    struct pv_buf      note;

    (void)state;
    assert_int_equal(pv_note_skey_parse(PV_LIT(PETER_SECRET), &key, &secret),
                     PV_OK);
    pv_buf_init(&note, PV_NOTE_MAX);
    assert_int_equal(pv_note_sign(&note, &key, secret, PV_LIT(TEXT), 0), PV_OK);
    assert_true(pv_slice_eq(pv_buf_view(&note), PV_LIT(PETER_LINE)));
    assert_int_equal(pv_note_sign(&note, &key, secret, PV_LIT("abc"), 0),
                     PV_EINVAL);
    pv_buf_clear(&note);
    pv_ed25519_free(secret);
    secret = NULL;
    assert_int_not_equal(
        pv_note_skey_parse(PV_LIT("PRIVATE+KEY+PeterNeumann+c74f20a4+"
                                  "AYEKFALVFGyNhPJEMzD1QIDr+"
                                  "Y7hfZx09iUvxdXHKDFz"),
                           &key, &secret),
        PV_OK);
    assert_null(secret);
}

static void
verifies_as_published(void **state)
{
    static const struct {
        struct pv_slice note;
        const char     *vkey;
        enum pv_err     parse;
        enum pv_err     verify;
        const char     *says;
    } row[] = {
        {PV_SLICE_INIT(TEXT "\n" PETER_LINE), PETER, PV_OK, PV_OK,
         "takes one signature"},
        {PV_SLICE_INIT(TEXT "\n" PETER_LINE ENOCH_LINE), ENOCH, PV_OK, PV_OK,
         "takes the second of two"},
        {PV_SLICE_INIT(TEXT "\n" PETER_LINE PETER_LINE), PETER, PV_OK, PV_OK,
         "takes the same twice"},
        {PV_SLICE_INIT(TEXT "\n" ENOCH_LINE), PETER, PV_OK, PV_ENOTFOUND,
         "does not take an unknown key's"},
        {PV_SLICE_INIT("x" TEXT "\n" PETER_LINE), PETER, PV_OK, PV_EVERIFY,
         "refuses another text"},
        {PV_SLICE_INIT("This is an example message.\n\n" DASH
                       "example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppz"
                       "i2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM="
                       "\n"),
         "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3"
         "U2k",
         PV_OK, PV_OK, "takes the example of signed-note"},
        {PV_SLICE_INIT(TEXT), PETER, PV_EINVAL, PV_OK,
         "refuses a note without signatures"},
        {PV_SLICE_INIT(TEXT "\n"), PETER, PV_EINVAL, PV_OK,
         "refuses an empty list of them"},
        {PV_SLICE_INIT(TEXT PETER_LINE), PETER, PV_EINVAL, PV_OK,
         "refuses a note without the empty line"},
        {PV_SLICE_INIT("\n" PETER_LINE), PETER, PV_EINVAL, PV_OK,
         "refuses no text"},
        {PV_SLICE_INIT("\x01" TEXT "\n" PETER_LINE), PETER, PV_EINVAL, PV_OK,
         "refuses a control character"},
        {PV_SLICE_INIT("\xff" TEXT "\n" PETER_LINE), PETER, PV_EINVAL, PV_OK,
         "refuses what is not UTF-8"},
        {PV_SLICE_INIT(TEXT "\n" PETER_LINE "Unexpected line.\n"), PETER,
         PV_EINVAL, PV_OK, "refuses another line"},
        {PV_SLICE_INIT(TEXT "\n" DASH "Bad Name x08go/ZJkuA=\n"), PETER,
         PV_EINVAL, PV_OK, "refuses a name with a space"},
        {PV_SLICE_INIT(TEXT "\n" DASH "PeterNeumann x08gow==\n"), PETER,
         PV_EINVAL, PV_OK, "refuses a key id alone"},
        {PV_SLICE_INIT(TEXT "\n" DASH "PeterNeumann x08go/ZJkuB=\n"), PETER,
         PV_EINVAL, PV_OK, "refuses base64 that is not canonical"},
        {PV_SLICE_INIT(TEXT "\n" DASH "PeterNeumann x08go/ZJkuA=\n"), PETER,
         PV_OK, PV_EVERIFY, "refuses a short signature"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        struct pv_note     note = {.count = 77};
        struct pv_note_key key = key_of(row[i].vkey);
        uint64_t           when_s = 77;

        print_message("# note %s\n", row[i].says);
        assert_int_equal(pv_note_parse(row[i].note, &note), row[i].parse);
        if (row[i].parse != PV_OK) {
            assert_int_equal(note.count, 77);
            continue;
        }
        assert_int_equal(pv_note_verify(&note, &key, &when_s), row[i].verify);
        assert_int_equal(when_s, row[i].verify == PV_OK ? 0 : 77);
    }
}

static void
a_note_has_a_largest_size(void **state)
{
    struct pv_note note;
    struct pv_buf  bytes;

    (void)state;
    pv_buf_init(&bytes, PV_NOTE_MAX + 1);
    assert_int_equal(pv_buf_add(&bytes, PV_LIT(TEXT "\n")), PV_OK);
    for (int i = 0; i <= PV_NOTE_SIGNATURES_MAX; i++) {
        assert_int_equal(pv_note_parse(pv_buf_view(&bytes), &note),
                         i == 0 ? PV_EINVAL : PV_OK);
        assert_int_equal(pv_buf_add(&bytes, PV_LIT(PETER_LINE)), PV_OK);
    }
    assert_int_equal(pv_note_parse(pv_buf_view(&bytes), &note), PV_ERANGE);
    while (bytes.len <= PV_NOTE_MAX) {
        assert_int_equal(pv_buf_add_char(&bytes, 'a'), PV_OK);
    }
    assert_int_equal(pv_note_parse(pv_buf_view(&bytes), &note), PV_ERANGE);
    pv_buf_clear(&bytes);
}

/* ---- checkpoints -------------------------------------------------------- */

/* C2SP tlog-checkpoint and tlog-cosignature */
#define SOFA                                                                   \
    "example.com/behind-the-sofa\n20852163\n"                                  \
    "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
#define SOFA_LINES                                                                 \
    DASH                                                                           \
        "example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/"                  \
        "5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n" DASH \
        "witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/"              \
        "zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+"                     \
        "mbIUBkBIfZ+qnA==\n"
#define EMPTY "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
#define ROOT "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"

static void
the_published_checkpoint_is_read(void **state)
{
    struct pv_note           note;
    struct pv_checkpoint     checkpoint;
    struct pv_note_signature line;
    uint8_t                  bytes[128];
    size_t                   len;

    (void)state;
    assert_int_equal(pv_note_parse(PV_LIT(SOFA "\n" SOFA_LINES), &note), PV_OK);
    assert_int_equal(note.count, 2);
    assert_int_equal(pv_checkpoint_parse(note.text, &checkpoint), PV_OK);
    assert_true(
        pv_slice_eq(checkpoint.origin, PV_LIT("example.com/behind-the-sofa")));
    assert_int_equal(checkpoint.size, 20852163);
    assert_true(pv_note_next(&note.signatures, &line));
    assert_true(pv_note_next(&note.signatures, &line));
    assert_true(pv_slice_eq(line.name, PV_LIT("witness.example.com/w1")));
    assert_int_equal(pv_base64_bytes(line.base64, bytes, sizeof(bytes), &len),
                     PV_OK);
    assert_int_equal(len, 4 + PV_COSIGNATURE_LEN);
    assert_false(pv_note_next(&note.signatures, &line));
}

static void
checkpoint_texts(void **state)
{
    static const struct {
        struct pv_slice text;
        enum pv_err     err;
        const char     *says;
    } row[] = {
        {PV_SLICE_INIT(SOFA), PV_OK, "takes the published one"},
        {PV_SLICE_INIT("log\n0\n" EMPTY), PV_OK, "takes an empty tree"},
        {PV_SLICE_INIT(SOFA "extended\n"), PV_OK, "takes an extension"},
        {PV_SLICE_INIT("log\n9223372036854775807\n" ROOT), PV_OK,
         "takes the largest size"},
        {PV_SLICE_INIT("log\n9223372036854775808\n" ROOT), PV_ERANGE,
         "refuses a larger one"},
        {PV_SLICE_INIT("\n5\n" ROOT), PV_EINVAL, "refuses no origin"},
        {PV_SLICE_INIT("l\0g\n5\n" ROOT), PV_EINVAL,
         "refuses a zero byte in the origin"},
        {PV_SLICE_INIT(SOFA "a\0b\n"), PV_EINVAL,
         "refuses a zero byte in an extension"},
        {PV_SLICE_INIT("log\n05\n" ROOT), PV_EINVAL, "refuses a leading zero"},
        {PV_SLICE_INIT("log\n\n" ROOT), PV_EINVAL, "refuses no size"},
        {PV_SLICE_INIT("log\n5\n"), PV_EINVAL, "refuses no root"},
        {PV_SLICE_INIT("log\n5\nAAAA\n"), PV_EINVAL, "refuses a short root"},
        {PV_SLICE_INIT(SOFA "\n"), PV_EINVAL, "refuses an empty extension"},
        {PV_SLICE_INIT(SOFA "cut"), PV_EINVAL,
         "refuses an extension without its end"},
        {PV_SLICE_INIT(""), PV_EINVAL, "refuses nothing"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        struct pv_checkpoint checkpoint = {.size = 77};
        struct pv_buf        again;

        print_message("# checkpoint %s\n", row[i].says);
        assert_int_equal(pv_checkpoint_parse(row[i].text, &checkpoint),
                         row[i].err);
        if (row[i].err != PV_OK) {
            assert_int_equal(checkpoint.size, 77);
            continue;
        }
        pv_buf_init(&again, PV_NOTE_MAX);
        assert_int_equal(pv_checkpoint_write(&checkpoint, &again), PV_OK);
        assert_true(pv_slice_eq(pv_buf_view(&again), row[i].text));
        pv_buf_clear(&again);
    }
}

static struct pv_ed25519 *
secret_of(uint8_t first, const char *name, enum pv_note_type type,
          struct pv_note_key *ret_key)
{
    uint8_t            seed[PV_ED25519_SEED_LEN] = {first};
    uint8_t            public_key[PV_ED25519_PUBLIC_LEN];
    struct pv_ed25519 *secret = NULL;

    assert_int_equal(pv_ed25519_from_seed(seed, &secret), PV_OK);
    pv_ed25519_public(secret, public_key);
    assert_int_equal(
        pv_note_key_init(ret_key, pv_slice_from(name), type, public_key),
        PV_OK);
    return secret;
}

static void
a_cosigned_checkpoint_is_opened(void **state)
{
    struct pv_note_key log_key;
    struct pv_note_key witness[3];
    struct pv_ed25519 *log = secret_of(1, "log", PV_NOTE_ED25519, &log_key);
    struct pv_ed25519 *w0 =
        secret_of(2, "w0", PV_NOTE_COSIGNATURE, &witness[0]);
    struct pv_ed25519 *w1 =
        secret_of(3, "w1", PV_NOTE_COSIGNATURE, &witness[1]);
    struct pv_checkpoint checkpoint = {.origin = PV_LIT("log"), .size = 3};
    struct pv_checkpoint got;
    struct pv_note       note;
    struct pv_buf        bytes;
    uint64_t             when_s = 0;
    size_t               count = 77;

    (void)state;
    pv_buf_init(&bytes, PV_CHECKPOINT_NOTE_MAX);
    assert_int_equal(pv_checkpoint_sign(&checkpoint, &log_key, log, &bytes),
                     PV_OK);
    assert_int_equal(
        pv_checkpoint_open(pv_buf_view(&bytes), &log_key, &got, &note), PV_OK);
    assert_int_equal(got.size, 3);
    assert_int_equal(
        pv_checkpoint_open(pv_buf_view(&bytes), &witness[0], &got, &note),
        PV_ENOTFOUND);
    assert_int_equal(pv_note_sign(&bytes, &witness[0], w0, note.text, 0),
                     PV_EINVAL);
    assert_int_equal(
        pv_note_sign(&bytes, &witness[0], w0, note.text, 1679315147), PV_OK);
    assert_int_equal(
        pv_checkpoint_open(pv_buf_view(&bytes), &log_key, &got, &note), PV_OK);
    assert_int_equal(pv_note_verify(&note, &witness[0], &when_s), PV_OK);
    assert_int_equal(when_s, 1679315147);
    assert_int_equal(pv_checkpoint_cosigned(&note, witness, 2, &count), PV_OK);
    assert_int_equal(count, 1);
    /* the second witness under two names is one witness */
    witness[2] = witness[1];
    pv_ed25519_free(w1);
    w1 = secret_of(3, "w1-again", PV_NOTE_COSIGNATURE, &witness[2]);
    assert_int_equal(
        pv_note_sign(&bytes, &witness[1], w1, note.text, 1679315148), PV_OK);
    assert_int_equal(
        pv_note_sign(&bytes, &witness[2], w1, note.text, 1679315148), PV_OK);
    assert_int_equal(
        pv_checkpoint_open(pv_buf_view(&bytes), &log_key, &got, &note), PV_OK);
    assert_int_equal(pv_checkpoint_cosigned(&note, witness, 3, &count), PV_OK);
    assert_int_equal(count, 2);
    pv_buf_clear(&bytes);
    pv_ed25519_free(log);
    pv_ed25519_free(w0);
    pv_ed25519_free(w1);
}

/* No bit of a cosigned checkpoint can be turned unseen. */
static void
every_flipped_bit_is_seen(void **state)
{
    struct pv_note_key log_key;
    struct pv_note_key witness;
    struct pv_ed25519 *log = secret_of(1, "log", PV_NOTE_ED25519, &log_key);
    struct pv_ed25519 *secret =
        secret_of(2, "w", PV_NOTE_COSIGNATURE, &witness);
    struct pv_checkpoint checkpoint = {.origin = PV_LIT("log"), .size = 9};
    struct pv_buf        text;
    struct pv_buf        bytes;

    (void)state;
    pv_buf_init(&text, PV_NOTE_MAX);
    pv_buf_init(&bytes, PV_NOTE_MAX);
    assert_int_equal(pv_checkpoint_write(&checkpoint, &text), PV_OK);
    assert_int_equal(pv_checkpoint_sign(&checkpoint, &log_key, log, &bytes),
                     PV_OK);
    assert_int_equal(
        pv_note_sign(&bytes, &witness, secret, pv_buf_view(&text), 5), PV_OK);
    for (size_t bit = 0; bit <= 8 * bytes.len; bit++) {
        struct pv_checkpoint got;
        struct pv_note       note;
        size_t               count = 0;
        bool                 good;

        if (bit < 8 * bytes.len) {
            bytes.ptr[bit / 8] ^= (char)(1 << bit % 8);
        }
        good = pv_checkpoint_open(pv_buf_view(&bytes), &log_key, &got, &note) ==
                   PV_OK &&
               pv_checkpoint_cosigned(&note, &witness, 1, &count) == PV_OK &&
               count == 1;
        assert_int_equal(good, bit == 8 * bytes.len);
        if (bit < 8 * bytes.len) {
            bytes.ptr[bit / 8] ^= (char)(1 << bit % 8);
        }
    }
    pv_buf_clear(&bytes);
    pv_buf_clear(&text);
    pv_ed25519_free(log);
    pv_ed25519_free(secret);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_read_and_written),
        cmocka_unit_test(no_mangled_key_is_taken),
        cmocka_unit_test(names_of_keys),
        cmocka_unit_test(signs_as_published),
        cmocka_unit_test(verifies_as_published),
        cmocka_unit_test(a_note_has_a_largest_size),
        cmocka_unit_test(the_published_checkpoint_is_read),
        cmocka_unit_test(checkpoint_texts),
        cmocka_unit_test(a_cosigned_checkpoint_is_opened),
        cmocka_unit_test(every_flipped_bit_is_seen),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
