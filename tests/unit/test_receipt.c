/* Receipts: made, written, read and verified; and every byte of one changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/num.h"
#include "trace/receipt.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define LEAVES 300
#define REQUEST 5
#define COMPLETION 270
#define WITNESSES 2

static struct {
    struct pv_sha256  *sha;
    struct pv_hash     leaf[LEAVES];
    char               request[PV_RECORD_MAX];
    size_t             request_len;
    char               completion[PV_COMPLETIONS_LEN_MAX];
    size_t             completion_len;
    struct pv_note_key log;
    struct pv_note_key witness[WITNESSES];
    struct pv_buf      note;
    struct pv_receipt  receipt;
    struct pv_buf      file;
} scene;

static enum pv_err
read_leaf(void *context, unsigned level, uint64_t n, unsigned width,
          struct pv_hash out[PV_TILE_WIDTH])
{
    (void)context;
    if (level == 1) {
        struct pv_hash room[PV_TILE_WIDTH];

        memcpy(room, scene.leaf, sizeof(room));
        return pv_merkle_fold(scene.sha, room, PV_TILE_WIDTH, out);
    }
    memcpy(out, scene.leaf + n * PV_TILE_WIDTH, width * sizeof(out[0]));
    return PV_OK;
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
make_records(void)
{
    static const struct pv_request_record request = {
        .consumer = PV_SLICE_INIT("bank-a-core"),
        .decision = PV_SLICE_INIT("allowed"),
        .grant = PV_SLICE_INIT("g1"),
        .id = PV_SLICE_INIT("017f22e2-79b0-7cc3-98c4-dc0c0c07398f"),
        .image = 7,
        .method = PV_SLICE_INIT("verify"),
        .node = PV_SLICE_INIT("ix-1"),
        .provider = PV_SLICE_INIT("central-bank"),
        .service = PV_SLICE_INIT("national-id-iban-match"),
        .size = PV_SLICE_INIT("1k"),
        .time_ms = 1645557742000,
        .version = PV_SLICE_INIT("v1"),
    };
    struct pv_completion end = {.of = 4,
                                .forwarded_ms = 1645557742000,
                                .first_ms = 1645557742100,
                                .last_ms = 1645557742100,
                                .outcome = PV_OUTCOME_FAILED};

    assert_int_equal(pv_record_write_request(&request, scene.request,
                                             sizeof(scene.request),
                                             &scene.request_len),
                     PV_OK);
    assert_int_equal(pv_record_begin_completions(scene.completion,
                                                 sizeof(scene.completion),
                                                 &scene.completion_len),
                     PV_OK);
    assert_int_equal(
        pv_record_add_completion(scene.completion, sizeof(scene.completion),
                                 &scene.completion_len, &end, true),
        PV_OK);
    end.of = REQUEST;
    end.outcome = PV_OUTCOME_ANSWERED;
    assert_int_equal(
        pv_record_add_completion(scene.completion, sizeof(scene.completion),
                                 &scene.completion_len, &end, false),
        PV_OK);
    assert_int_equal(
        pv_record_end_completions(scene.completion, sizeof(scene.completion),
                                  &scene.completion_len, PV_LIT("ix-1"),
                                  PV_LIT("0123456789abcdef0123456789abcdef")),
        PV_OK);
}

static void
make_leaf(struct pv_receipt_leaf *leaf, uint64_t index, struct pv_slice entry)
{
    const struct pv_merkle_source source = {scene.sha, read_leaf, NULL, NULL};

    leaf->entry = entry;
    leaf->index = index;
    assert_int_equal(pv_merkle_inclusion(&source, index, LEAVES, &leaf->proof),
                     PV_OK);
}

/* The note is made anew, signed by the log and so many witnesses. */
static void
sign(size_t witnesses)
{
    const struct pv_merkle_source source = {scene.sha, read_leaf, NULL, NULL};
    struct pv_checkpoint          checkpoint = {.origin = PV_LIT("ix-1.trace"),
                                                .size = LEAVES};
    struct pv_buf                 text;
    struct pv_ed25519            *secret;

    pv_buf_clear(&scene.note);
    pv_buf_init(&scene.note, PV_NOTE_MAX);
    pv_buf_init(&text, PV_NOTE_MAX);
    assert_int_equal(pv_merkle_root(&source, LEAVES, &checkpoint.root), PV_OK);
    secret = secret_of(1, "ix-1.trace", PV_NOTE_ED25519, &scene.log);
    assert_int_equal(
        pv_checkpoint_sign(&checkpoint, &scene.log, secret, &scene.note),
        PV_OK);
    pv_ed25519_free(secret);
    assert_int_equal(pv_checkpoint_write(&checkpoint, &text), PV_OK);
    for (size_t i = 0; i < WITNESSES; i++) {
        const char name[] = {'w', (char)('0' + i), '\0'};

        secret = secret_of((uint8_t)(2 + i), name, PV_NOTE_COSIGNATURE,
                           &scene.witness[i]);
        if (i < witnesses) {
            assert_int_equal(pv_note_sign(&scene.note, &scene.witness[i],
                                          secret, pv_buf_view(&text), 77),
                             PV_OK);
        }
        pv_ed25519_free(secret);
    }
    pv_buf_clear(&text);
    scene.receipt.checkpoint = pv_buf_view(&scene.note);
}

static void
write_file(void)
{
    pv_buf_clear(&scene.file);
    pv_buf_init(&scene.file, PV_RECEIPT_MAX);
    assert_int_equal(pv_receipt_write(&scene.receipt, &scene.file), PV_OK);
}

static int
set_up(void **state)
{
    (void)state;
    assert_int_equal(pv_sha256_new(&scene.sha), PV_OK);
    make_records();
    for (uint32_t i = 0; i < LEAVES; i++) {
        struct pv_slice entry = {(const char *)&i, sizeof(i)};

        if (i == REQUEST) {
            entry = (struct pv_slice){scene.request, scene.request_len};
        } else if (i == COMPLETION) {
            entry = (struct pv_slice){scene.completion, scene.completion_len};
        }
        assert_int_equal(pv_merkle_leaf(scene.sha, entry, &scene.leaf[i]),
                         PV_OK);
    }
    make_leaf(&scene.receipt.request, REQUEST,
              (struct pv_slice){scene.request, scene.request_len});
    make_leaf(&scene.receipt.completion, COMPLETION,
              (struct pv_slice){scene.completion, scene.completion_len});
    scene.receipt.has_completion = true;
    sign(WITNESSES);
    write_file();
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    pv_buf_clear(&scene.note);
    pv_buf_clear(&scene.file);
    pv_sha256_free(scene.sha);
    return 0;
}

static enum pv_receipt_fault
check(struct pv_slice file, size_t quorum)
{
    const struct pv_receipt_trust trust = {
        .log = &scene.log,
        .witness = scene.witness,
        .witness_count = WITNESSES,
        .quorum = quorum,
    };
    struct pv_receipt         receipt;
    struct pv_receipt_verdict verdict;
    struct pv_why             why = {""};
    enum pv_err               err = pv_receipt_parse(file, &receipt, &why);

    if (err == PV_OK) {
        err = pv_receipt_verify(&receipt, &trust, &verdict, &why);
        assert_int_equal(err == PV_OK, verdict.fault == PV_RECEIPT_GOOD);
        assert_int_equal(err,
                         verdict.fault == PV_RECEIPT_GOOD ? PV_OK : PV_EVERIFY);
        pv_receipt_clear(&receipt);
    } else {
        verdict.fault = PV_RECEIPT_UNCHECKED; /* no receipt at all */
    }
    assert_int_equal(verdict.fault == PV_RECEIPT_GOOD, why.text[0] == '\0');
    return verdict.fault;
}

static void
a_good_receipt_is_told_in_full(void **state)
{
    const struct pv_receipt_trust trust = {&scene.log, scene.witness, WITNESSES,
                                           WITNESSES};
    struct pv_receipt             receipt;
    struct pv_receipt_verdict     verdict;

    (void)state;
    assert_int_equal(pv_receipt_parse(pv_buf_view(&scene.file), &receipt, NULL),
                     PV_OK);
    assert_int_equal(pv_receipt_verify(&receipt, &trust, &verdict, NULL),
                     PV_OK);
    assert_int_equal(verdict.fault, PV_RECEIPT_GOOD);
    assert_int_equal(verdict.checkpoint.size, LEAVES);
    assert_int_equal(verdict.cosigned, 2);
    assert_true(
        pv_slice_eq(verdict.record.request.consumer, PV_LIT("bank-a-core")));
    assert_int_equal(verdict.completion.outcome, PV_OUTCOME_ANSWERED);
    pv_receipt_clear(&receipt);
    pv_receipt_clear(&receipt); /* nothing is left to free */
    pv_receipt_clear(NULL);
}

/* One bit of every byte; all eight of them when there is time. */
static void
every_changed_byte_is_refused(void **state)
{
    struct pv_buf *file = &scene.file;
    const char    *text = getenv("PAYVAND_LONG");
    int            bits = text != NULL && strcmp(text, "1") == 0 ? 8 : 1;

    (void)state;
    for (size_t at = 0; at < file->len; at++) {
        for (int i = 0; i < bits; i++) {
            char flip = (char)(1 << ((at + (size_t)i) % 8));

            file->ptr[at] ^= flip;
            if (check(pv_buf_view(file), WITNESSES) == PV_RECEIPT_GOOD) {
                fail_msg("bit %d of byte %zu was changed unseen", i, at);
            }
            file->ptr[at] ^= flip;
        }
    }
    assert_int_equal(check(pv_buf_view(file), WITNESSES), PV_RECEIPT_GOOD);
}

static void
cut_longer_and_respelled_files_are_refused(void **state)
{
    struct pv_buf *file = &scene.file;
    char          *copy = malloc(file->len + 1);

    (void)state;
    assert_non_null(copy);
    for (size_t len = 0; len < file->len; len++) {
        assert_int_equal(check((struct pv_slice){file->ptr, len}, 2),
                         PV_RECEIPT_UNCHECKED);
    }
    for (size_t at = 0; at < file->len; at++) {
        memcpy(copy, file->ptr, at);
        copy[at] = ' ';
        memcpy(copy + at + 1, file->ptr + at, file->len - at);
        assert_int_not_equal(check((struct pv_slice){copy, file->len + 1}, 2),
                             PV_RECEIPT_GOOD);
        memcpy(copy + at, file->ptr + at + 1, file->len - at - 1);
        assert_int_not_equal(check((struct pv_slice){copy, file->len - 1}, 2),
                             PV_RECEIPT_GOOD);
    }
    free(copy);
}

/* What breaks is named. Each row changes the receipt and mends it again. */
static void
faults_are_named(void **state)
{
    struct pv_receipt  saved = scene.receipt;
    struct pv_receipt *receipt = &scene.receipt;

    (void)state;
    sign(1);
    write_file();
    assert_int_equal(check(pv_buf_view(&scene.file), 1), PV_RECEIPT_GOOD);
    assert_int_equal(check(pv_buf_view(&scene.file), 2), PV_RECEIPT_QUORUM);
    sign(WITNESSES);
    saved.checkpoint = receipt->checkpoint;

    receipt->checkpoint = PV_LIT("no note");
    write_file();
    assert_int_equal(check(pv_buf_view(&scene.file), 0), PV_RECEIPT_NOTE);
    *receipt = saved;
    receipt->request.index = 6;
    write_file();
    assert_int_equal(check(pv_buf_view(&scene.file), 0), PV_RECEIPT_PROOF);
    receipt->request.index = LEAVES;
    write_file();
    assert_int_equal(check(pv_buf_view(&scene.file), 0), PV_RECEIPT_INDEX);
    *receipt = saved;
    receipt->request.entry = receipt->completion.entry;
    write_file();
    assert_int_equal(check(pv_buf_view(&scene.file), 0), PV_RECEIPT_ENTRY);
    *receipt = saved;
    receipt->completion.entry = receipt->request.entry;
    write_file();
    assert_int_equal(check(pv_buf_view(&scene.file), 0),
                     PV_RECEIPT_COMPLETION_ENTRY);
    *receipt = saved;
    receipt->completion.proof.count--;
    write_file();
    assert_int_equal(check(pv_buf_view(&scene.file), 0),
                     PV_RECEIPT_COMPLETION_PROOF);
    *receipt = saved;
    receipt->completion.index = LEAVES;
    write_file();
    assert_int_equal(check(pv_buf_view(&scene.file), 0),
                     PV_RECEIPT_COMPLETION_INDEX);
    *receipt = saved;
    scene.leaf[3] = scene.leaf[REQUEST]; /* the completions know no leaf 3 */
    make_leaf(&receipt->request, 3, saved.request.entry);
    make_leaf(&receipt->completion, COMPLETION, saved.completion.entry);
    sign(WITNESSES);
    write_file();
    assert_int_equal(check(pv_buf_view(&scene.file), 2),
                     PV_RECEIPT_COMPLETION_OF);
    make_leaf(&receipt->request, REQUEST, saved.request.entry);
    saved = *receipt;
    receipt->has_completion = false;
    write_file();
    assert_int_equal(check(pv_buf_view(&scene.file), 2), PV_RECEIPT_GOOD);
    *receipt = saved;
    write_file();
}

static void
another_logs_key_is_not_taken(void **state)
{
    struct pv_note_key saved = scene.log;
    struct pv_ed25519 *secret;

    (void)state;
    secret = secret_of(9, "ix-1.trace", PV_NOTE_ED25519, &scene.log);
    pv_ed25519_free(secret);
    assert_int_equal(check(pv_buf_view(&scene.file), 0),
                     PV_RECEIPT_LOG_UNSIGNED);
    scene.log = saved;
    scene.log.public_key[0] ^= 1;
    assert_int_equal(check(pv_buf_view(&scene.file), 0),
                     PV_RECEIPT_LOG_SIGNATURE);
    scene.log = saved;
    scene.witness[1].public_key[0] ^= 1;
    assert_int_equal(check(pv_buf_view(&scene.file), 0), PV_RECEIPT_WITNESS);
    scene.witness[1].public_key[0] ^= 1;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_receipt_is_told_in_full),
        cmocka_unit_test(every_changed_byte_is_refused),
        cmocka_unit_test(cut_longer_and_respelled_files_are_refused),
        cmocka_unit_test(faults_are_named),
        cmocka_unit_test(another_logs_key_is_not_taken),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
