/* Packs: sealed from the journal, read beside it, pruned; no flipped byte. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "log_scene.h"
#include "trace/packs.h"

#define CALLS 255   /* in a commit, and the ends of those before */
#define COMMITS 600 /* of 256 leaves: two packs and a rest */
#define SEALED 2
#define FLIPS 400

static int
setup(void **state)
{
    struct log_scene *scene = calloc(1, sizeof(*scene));

    if (scene == NULL) {
        return -1;
    }
    log_scene_open(scene);
    for (uint64_t i = 0; i < COMMITS; i++) {
        scene->now_ms += 20; /* two packs are some ten seconds */
        (void)log_scene_commit(scene, 7, i == 0 ? CALLS + 1 : CALLS,
                               i == 0 ? 0 : (i - 1) * PV_BUNDLE_LEAVES,
                               i == 0 ? 0 : CALLS);
    }
    *state = scene;
    return 0;
}

static int
teardown(void **state)
{
    log_scene_close(*state);
    free(*state);
    return 0;
}

static struct pv_log *
open_log(int journal_fd, int log_fd)
{
    struct pv_log *log = NULL;

    assert_int_equal(pv_log_open(journal_fd, log_fd, &log), PV_OK);
    return log;
}

/* Feed the sealer from the journal until it has packs packs, or fails. */
static enum pv_err
seal(struct log_scene *scene, struct pv_sealer *sealer, uint64_t packs)
{
    struct pv_log *log = open_log(scene->journal_fd, -1);
    enum pv_err    err = PV_OK;

    while (err == PV_OK && pv_sealer_next(sealer) < packs * PV_PACK_BUNDLES) {
        const struct pv_bundle *bundle;

        err = pv_log_view(log, pv_sealer_next(sealer), &bundle);
        if (err == PV_OK) {
            err = pv_sealer_add(sealer, bundle);
        }
    }
    pv_log_close(log);
    return err;
}

static struct pv_pack_line
line_of(struct log_scene *scene, uint64_t number)
{
    struct pv_pack_line line;
    struct pv_packs     packs;

    pv_packs_init(&packs, scene->log_fd);
    assert_int_equal(pv_packs_refresh(&packs), PV_OK);
    assert_int_equal(pv_packs_line(&packs, number, &line), PV_OK);
    pv_packs_clear(&packs);
    return line;
}

static void
goes_on_after_a_full_disk_and_a_half_written_pack(void **state)
{
    struct log_scene   *scene = *state;
    struct pv_sealer   *sealer = NULL;
    struct rlimit       before;
    struct rlimit       tight;
    struct pv_pack_line line;
    struct pv_pack_line again;
    struct pv_hash      hash;
    struct pv_pack     *pack = NULL;
    uint64_t            len;
    uint64_t            count;
    int                 fd;

    /* a file that cannot grow past 64 KiB: what a full disk does */
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    tight = before;
    tight.rlim_cur = 65536;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    assert_int_equal(pv_sealer_open(scene->log_fd, &sealer), PV_OK);
    assert_int_equal(seal(scene, sealer, 1), PV_ESYS);
    assert_int_equal(pv_sealer_next(sealer), 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    /* the same sealer goes on */
    assert_int_equal(seal(scene, sealer, 1), PV_OK);
    line = line_of(scene, 0);
    pv_sealer_close(sealer);

    /* killed before the line was whole: the same pack is made again */
    fd = openat(scene->log_fd, PV_PACKS_FILE, O_RDWR);
    assert_int_equal(ftruncate(fd, PV_PACK_LINE_LEN - 7), 0);
    (void)close(fd);
    assert_int_equal(pv_sealer_open(scene->log_fd, &sealer), PV_OK);
    assert_int_equal(seal(scene, sealer, SEALED), PV_OK);
    pv_sealer_close(sealer);
    again = line_of(scene, 0);
    assert_memory_equal(&line, &again, sizeof(line));

    /* ... or whole but with a wrong byte */
    fd = openat(scene->log_fd, PV_PACKS_FILE, O_RDWR);
    line = line_of(scene, 1);
    assert_int_equal(pwrite(fd, "x", 1, PV_PACK_LINE_LEN + 80), 1);
    (void)close(fd);
    assert_int_equal(pv_packs_mend(scene->log_fd, &count), PV_OK);
    assert_int_equal(count, 1);
    assert_int_equal(pv_sealer_open(scene->log_fd, &sealer), PV_OK);
    assert_int_equal(seal(scene, sealer, SEALED), PV_OK);
    pv_sealer_close(sealer);
    again = line_of(scene, 1);
    assert_memory_equal(&line, &again, sizeof(line));

    assert_int_equal(pv_pack_open(scene->log_fd, &line.hash, 1, &pack), PV_OK);
    assert_int_equal(pv_pack_hash(pack, &hash, &len), PV_OK);
    assert_true(pv_hash_eq(&hash, &line.hash));
    assert_int_equal(len, line.len);
    pv_pack_close(pack);
}

static void
reads_the_same_from_packs_as_from_the_journal(void **state)
{
    struct log_scene  *scene = *state;
    struct pv_log     *raw = open_log(scene->journal_fd, -1);
    struct pv_log     *packed = open_log(-1, scene->log_fd);
    struct pv_log     *both = open_log(scene->journal_fd, scene->log_fd);
    struct pv_log_leaf a;
    struct pv_log_leaf b;
    uint64_t           first;
    uint64_t           end;

    pv_log_range(packed, &first, &end);
    assert_int_equal(first, 0);
    assert_int_equal(end, SEALED * PV_PACK_LEAVES);
    assert_int_equal(pv_log_leaf(packed, end, &b), PV_ENOTFOUND);
    pv_log_range(both, &first, &end);
    assert_int_equal(end, COMMITS * PV_BUNDLE_LEAVES);
    for (uint64_t i = 0; i < end; i += 97) {
        assert_int_equal(pv_log_leaf(raw, i, &a), PV_OK);
        for (int k = 0; k < 2; k++) {
            if (k == 0 && i >= SEALED * PV_PACK_LEAVES) {
                continue;
            }
            assert_int_equal(pv_log_leaf(k == 0 ? packed : both, i, &b), PV_OK);
            assert_true(pv_slice_eq(a.line, b.line));
            assert_int_equal(a.epoch, b.epoch);
            assert_int_equal(a.written_ms, b.written_ms);
        }
    }
    pv_log_close(raw);
    pv_log_close(packed);
    pv_log_close(both);
}

static void
finds_across_the_border_of_packs_and_journal(void **state)
{
    static struct pv_trace_found found;
    struct log_scene            *scene = *state;
    struct pv_log *log = open_log(scene->journal_fd, scene->log_fd);
    const uint64_t border[] = {0,
                               1,
                               511,
                               PV_PACK_LEAVES - 256,
                               PV_PACK_LEAVES - 2,
                               PV_PACK_LEAVES,
                               SEALED * PV_PACK_LEAVES - 200,
                               SEALED * PV_PACK_LEAVES - 2,
                               SEALED * PV_PACK_LEAVES,
                               (COMMITS - 1) * PV_BUNDLE_LEAVES};

    for (size_t i = 0; i < sizeof(border) / sizeof(border[0]); i++) {
        struct pv_log_leaf    leaf;
        struct pv_record      record;
        struct pv_tracking_id id;

        assert_int_equal(pv_log_leaf(log, border[i], &leaf), PV_OK);
        assert_int_equal(pv_record_parse(leaf.line, &record), PV_OK);
        if (record.type != PV_RECORD_REQUEST) {
            continue;
        }
        assert_int_equal(pv_tracking_id_parse(record.request.id, &id), PV_OK);
        assert_int_equal(pv_log_find(log, &id, scene->now_ms, &found), PV_OK);
        assert_int_equal(found.index, border[i]);
        if (border[i] < (COMMITS - 1) * PV_BUNDLE_LEAVES &&
            border[i] % PV_BUNDLE_LEAVES < CALLS) {
            assert_int_equal(found.state, PV_TRACE_DONE);
            assert_int_equal(
                found.completion_index,
                (border[i] / PV_BUNDLE_LEAVES + 2) * PV_BUNDLE_LEAVES - 1);
        } else {
            assert_int_equal(found.state, PV_TRACE_RECEIVED);
        }
    }
    pv_log_close(log);
}

static enum pv_err
count_item(void *context, const struct pv_log_item *item)
{
    uint64_t *count = context;

    (void)item; /* only how many */
    (*count)++;
    return PV_OK;
}

static void
queries_give_the_same_from_packs(void **state)
{
    const struct pv_log_query query[] = {
        {.consumer = PV_LIT("consumer-1")},
        {.provider = PV_LIT("provider-4"), .service = PV_LIT("service-4")},
        {.provider = PV_LIT("provider-4"), .service = PV_LIT("service-3")},
        {.consumer = PV_LIT("consumer-2"), .outcome = PV_LIT("failed")},
        {.outcome = PV_LIT("timeout")},
        {.consumer = PV_LIT("nobody")},
        {.from_ms = SCENE_START_MS + 1003, .until_ms = SCENE_START_MS + 2006},
        {.from_ms = SCENE_START_MS + 10000,
         .until_ms = SCENE_START_MS + 12000,
         .newest_first = true,
         .consumer = PV_LIT("consumer-0")},
    };
    struct log_scene *scene = *state;
    struct pv_log    *raw = open_log(scene->journal_fd, -1);
    struct pv_log    *both = open_log(scene->journal_fd, scene->log_fd);

    for (size_t i = 0; i < sizeof(query) / sizeof(query[0]); i++) {
        uint64_t count[2] = {0, 0};

        assert_int_equal(pv_log_walk(raw, &query[i], count_item, &count[0]),
                         PV_OK);
        assert_int_equal(pv_log_walk(both, &query[i], count_item, &count[1]),
                         PV_OK);
        assert_int_equal(count[0], count[1]);
        assert_int_equal(count[0] > 0, i != 2 && i != 4 && i != 5);
    }
    pv_log_close(raw);
    pv_log_close(both);
}

/* Open and read all of a pack. */
static enum pv_err
read_all(int log_fd, const struct pv_hash *hash)
{
    struct pv_pack  *pack = NULL;
    struct pv_bundle bundle;
    enum pv_err      err = pv_pack_open(log_fd, hash, 0, &pack);

    pv_bundle_init(&bundle);
    for (unsigned i = 0; err == PV_OK && i < PV_PACK_BUNDLES; i++) {
        err = pv_pack_bundle(pack, i, &bundle);
    }
    pv_bundle_clear(&bundle);
    pv_pack_close(pack);
    return err;
}

static void
no_flipped_byte_is_read(void **state)
{
    struct log_scene   *scene = *state;
    struct pv_pack_line line = line_of(scene, 0);
    char                name[PV_PACK_NAME_LEN + 1];
    char                path[128];
    int                 fd;

    pv_pack_name(&line.hash, name);
    (void)snprintf(path, sizeof(path), PV_PACK_DIR "/%s", name); /* fits */
    fd = openat(scene->log_fd, path, O_RDWR);
    assert_int_equal(read_all(scene->log_fd, &line.hash), PV_OK);
    for (uint64_t i = 0; i < FLIPS; i++) {
        /* all over it, and every byte of head and tail */
        uint64_t    at = i < PV_PACK_HEAD_LEN ? i
                         : i < PV_PACK_HEAD_LEN + PV_PACK_TAIL_LEN
                             ? line.len - (i - PV_PACK_HEAD_LEN) - 1
                             : i * (line.len / FLIPS);
        uint8_t     byte;
        uint8_t     flipped;
        enum pv_err err;

        assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
        flipped = byte ^ (uint8_t)(1u << i % 8);
        assert_int_equal(pwrite(fd, &flipped, 1, (off_t)at), 1);
        err = read_all(scene->log_fd, &line.hash);
        assert_true(err == PV_ECORRUPT || err == PV_EVERSION);
        assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
    }
    assert_int_equal(read_all(scene->log_fd, &line.hash), PV_OK);
    assert_int_equal(ftruncate(fd, (off_t)line.len - 1), 0);
    assert_int_equal(read_all(scene->log_fd, &line.hash), PV_ECORRUPT);
    assert_int_equal(ftruncate(fd, (off_t)line.len), 0);
    assert_int_equal(pwrite(fd, "\n", 1, (off_t)line.len - 1), 1);
    assert_int_equal(read_all(scene->log_fd, &line.hash), PV_OK);
    (void)close(fd);
}

static enum pv_err
note_decision(void *context, const struct pv_pruning *pruning)
{
    char *text = context;

    return pv_slice_to_cstr(pruning->decision, text, 64);
}

static void
pruned_packs_are_gaps_with_a_name(void **state)
{
    static struct pv_trace_found found;
    struct log_scene            *scene = *state;
    const struct pv_pruning      pruning = {
             .end = 1, .when_ms = 5, .decision = PV_LIT("resolution/12")};
    struct pv_log        *log = open_log(scene->journal_fd, scene->log_fd);
    struct pv_log        *old = open_log(-1, scene->log_fd);
    struct pv_log_leaf    leaf;
    struct pv_tracking_id id = log_scene_id(0, SCENE_START_MS + 20);
    struct pv_log_query   query = {.types = 1u << PV_RECORD_REQUEST};
    char                  decision[64] = "";
    uint64_t              count = 0;
    uint64_t              removed;
    uint64_t              len;
    uint64_t              first;
    uint64_t              end;
    int                   fd;

    assert_int_equal(pv_log_find(log, &id, scene->now_ms, &found), PV_OK);
    assert_int_equal(pv_packs_prune(scene->log_fd, &pruning, &removed, &len),
                     PV_OK);
    assert_int_equal(removed, 1);
    assert_int_equal(pv_packs_prune(scene->log_fd, &pruning, &removed, &len),
                     PV_OK);
    assert_int_equal(removed, 0);
    /* a reader that opened before notices when it looks for the pack */
    assert_int_equal(pv_log_leaf(old, 5, &leaf), PV_EPRUNED);
    assert_int_equal(pv_log_refresh(log), PV_OK);
    pv_log_range(log, &first, &end);
    assert_int_equal(first, PV_PACK_LEAVES);
    pv_log_close(log);
    log = open_log(scene->journal_fd, scene->log_fd);
    assert_int_equal(pv_log_leaf(log, first - 1, &leaf), PV_EPRUNED);
    assert_int_equal(pv_log_leaf(log, first, &leaf), PV_OK);
    assert_int_equal(pv_log_find(log, &id, scene->now_ms, &found), PV_EPRUNED);
    assert_int_equal(pv_log_walk(log, &query, count_item, &count), PV_OK);
    assert_true(count > (end - first) * 9 / 10 && count < end - first);

    /* a torn line of a second pruning does not count */
    fd = openat(scene->log_fd, PV_PRUNED_FILE, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, "0000000002 0000", 15), 15);
    (void)close(fd);
    assert_int_equal(pv_packs_prunings(scene->log_fd, note_decision, decision),
                     PV_OK);
    assert_string_equal(decision, "resolution/12");
    assert_int_equal(pv_log_refresh(log), PV_OK);
    pv_log_range(log, &first, &end);
    assert_int_equal(first, PV_PACK_LEAVES);
    pv_log_close(log);
    pv_log_close(old);
}

static void
a_lost_pack_is_damage(void **state)
{
    struct log_scene   *scene = *state;
    struct pv_pack_line line = line_of(scene, 1);
    struct pv_log      *log = open_log(scene->journal_fd, scene->log_fd);
    struct pv_log_leaf  leaf;
    char                path[128] = PV_PACK_DIR "/";

    pv_pack_name(&line.hash, path + sizeof(PV_PACK_DIR));
    assert_int_equal(unlinkat(scene->log_fd, path, 0), 0);
    assert_int_equal(pv_log_leaf(log, PV_PACK_LEAVES, &leaf), PV_ECORRUPT);
    pv_log_close(log);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_on_after_a_full_disk_and_a_half_written_pack),
        cmocka_unit_test(reads_the_same_from_packs_as_from_the_journal),
        cmocka_unit_test(finds_across_the_border_of_packs_and_journal),
        cmocka_unit_test(queries_give_the_same_from_packs),
        cmocka_unit_test(no_flipped_byte_is_read),
        cmocka_unit_test(pruned_packs_are_gaps_with_a_name),
        cmocka_unit_test(a_lost_pack_is_damage),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, setup, teardown);
}
