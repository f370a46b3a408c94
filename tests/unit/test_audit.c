/*
 * The audit of a whole log: a good one is whole, and no byte of its files can
 * be changed, taken away, added or moved unseen.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "log_scene.h"
#include "trace/audit.h"
#include "trace/journal_read.h"
#include "trace/packs.h"
#include "trace/tiles.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define CALLS 255
#define COMMITS_SHORT 2    /* of 256 leaves; each of their bytes is tried */
#define COMMITS_SMALL 5    /* and no pack */
#define COMMITS_PACKED 300 /* one pack and a rest */
#define ORIGIN "ix-1.trace"

struct world {
    struct log_scene   scene;
    struct pv_note_key key;
    struct pv_ed25519 *secret;
    struct pv_tiles   *tiles;
    int                treefd;
    bool               packed;
    char               found[64]; /* the first word of the last audit */
};

/* ---- making one -----------------------------------------------------------
 */

static void
put_file(int dirfd, const char *name, int flags, struct pv_slice bytes)
{
    int fd = openat(dirfd, name, O_WRONLY | O_CREAT | flags, 0644);

    assert_true(fd != -1);
    assert_int_equal(write(fd, bytes.ptr, bytes.len), (ssize_t)bytes.len);
    assert_int_equal(close(fd), 0);
}

static void
sign(struct world *world, uint64_t size, const char *name, int flags)
{
    struct pv_checkpoint checkpoint = {.origin = PV_LIT(ORIGIN), .size = size};
    struct pv_buf        note;

    pv_buf_init(&note, PV_NOTE_MAX);
    assert_int_equal(pv_tiles_root(world->tiles, size, &checkpoint.root),
                     PV_OK);
    assert_int_equal(
        pv_checkpoint_sign(&checkpoint, &world->key, world->secret, &note),
        PV_OK);
    put_file(world->scene.log_fd, name, flags, pv_buf_view(&note));
    pv_buf_clear(&note);
}

static void
make_tree(struct world *world)
{
    struct pv_sha256 *sha = NULL;
    struct pv_log    *log = NULL;
    uint64_t          first;
    uint64_t          end;

    assert_int_equal(mkdirat(world->scene.log_fd, "tree", 0755), 0);
    world->treefd = openat(world->scene.log_fd, "tree", O_RDONLY | O_DIRECTORY);
    assert_int_equal(pv_tiles_open(world->treefd, true, &world->tiles), PV_OK);
    assert_int_equal(pv_tiles_truncate(world->tiles, 0), PV_OK);
    assert_int_equal(pv_sha256_new(&sha), PV_OK);
    assert_int_equal(pv_log_open(world->scene.journal_fd, -1, &log), PV_OK);
    pv_log_range(log, &first, &end);
    for (uint64_t i = 0; i < end; i++) {
        struct pv_log_leaf leaf;
        struct pv_hash     hash;

        assert_int_equal(pv_log_leaf(log, i, &leaf), PV_OK);
        assert_int_equal(pv_merkle_leaf(sha, leaf.line, &hash), PV_OK);
        assert_int_equal(pv_tiles_append(world->tiles, &hash, 1), PV_OK);
    }
    assert_int_equal(pv_tiles_sync(world->tiles), PV_OK);
    pv_log_close(log);
    pv_sha256_free(sha);
}

static void
seal(struct world *world)
{
    struct pv_sealer *sealer = NULL;
    struct pv_log    *log = NULL;

    assert_int_equal(pv_sealer_open(world->scene.log_fd, &sealer), PV_OK);
    assert_int_equal(pv_log_open(world->scene.journal_fd, -1, &log), PV_OK);
    while (pv_sealer_next(sealer) < PV_PACK_BUNDLES) {
        const struct pv_bundle *bundle;

        assert_int_equal(pv_log_view(log, pv_sealer_next(sealer), &bundle),
                         PV_OK);
        assert_int_equal(pv_sealer_add(sealer, bundle), PV_OK);
    }
    pv_log_close(log);
    pv_sealer_close(sealer);
}

static int
make(void **state, unsigned commits, bool packed)
{
    struct world *world = calloc(1, sizeof(*world));
    uint8_t       seed[PV_ED25519_SEED_LEN] = {7};
    uint8_t       public_key[PV_ED25519_PUBLIC_LEN];
    uint64_t      size = (uint64_t)commits * PV_BUNDLE_LEAVES;

    assert_non_null(world);
    log_scene_open(&world->scene);
    for (uint64_t i = 0; i < commits; i++) {
        (void)log_scene_commit(&world->scene, 7, i == 0 ? CALLS + 1 : CALLS,
                               i == 0 ? 0 : (i - 1) * PV_BUNDLE_LEAVES,
                               i == 0 ? 0 : CALLS);
    }
    assert_int_equal(pv_ed25519_from_seed(seed, &world->secret), PV_OK);
    pv_ed25519_public(world->secret, public_key);
    assert_int_equal(pv_note_key_init(&world->key, PV_LIT(ORIGIN),
                                      PV_NOTE_ED25519, public_key),
                     PV_OK);
    make_tree(world);
    if (packed) {
        seal(world);
    }
    for (uint64_t at = 256; at < size; at += size / 4) {
        sign(world, at, "checkpoints", O_APPEND);
    }
    sign(world, size - 3, "checkpoint", O_TRUNC);
    *state = world;
    return 0;
}

static int
make_short(void **state)
{
    return make(state, COMMITS_SHORT, false);
}

static int
make_small(void **state)
{
    return make(state, COMMITS_SMALL, false);
}

static int
make_packed(void **state)
{
    return make(state, COMMITS_PACKED, true);
}

static int
unmake(void **state)
{
    struct world *world = *state;

    pv_tiles_close(world->tiles);
    (void)close(world->treefd); /* a folder */
    pv_ed25519_free(world->secret);
    log_scene_close(&world->scene);
    free(world);
    return 0;
}

/* ---- auditing it ----------------------------------------------------------
 */

static void
on_finding(void *context, const struct pv_audit_finding *finding)
{
    struct world *world = context;

    if (world->found[0] == '\0') {
        (void)snprintf(world->found, sizeof(world->found), "%s",
                       finding->word); /* fits: words are short */
    }
    assert_true(finding->file[0] != '\0' && finding->why.text[0] != '\0');
}

static uint64_t
audit(struct world *world, struct pv_audit *ret)
{
    struct pv_audit ask = {
        .log_dirfd = world->scene.log_fd,
        .journal_dirfd = world->scene.journal_fd,
        .log = &world->key,
        .fn = on_finding,
        .context = world,
    };
    struct pv_why why = {""};

    world->found[0] = '\0';
    if (pv_audit_run(&ask, &why) != PV_OK) {
        fail_msg("%s", why.text);
    }
    if (ret != NULL) {
        *ret = ask;
    }
    return ask.findings;
}

static off_t
length(int dirfd, const char *name)
{
    struct stat st;

    assert_int_equal(fstatat(dirfd, name, &st, 0), 0);
    return st.st_size;
}

/* Turn a bit, audit, turn it back. */
static void
try_flip(struct world *world, int dirfd, const char *name, off_t at)
{
    int     fd = openat(dirfd, name, O_RDWR);
    uint8_t byte;
    uint8_t other;

    assert_int_equal(pread(fd, &byte, 1, at), 1);
    other = (uint8_t)(byte ^ 1u << (unsigned)at % 8);
    assert_int_equal(pwrite(fd, &other, 1, at), 1);
    if (audit(world, NULL) == 0) {
        fail_msg("byte %lld of %s was changed unseen", (long long)at, name);
    }
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    assert_int_equal(close(fd), 0);
}

static bool
is_long(void)
{
    const char *text = getenv("PAYVAND_LONG");

    return text != NULL && strcmp(text, "1") == 0;
}

/* Every byte from first on, or about so many of them. */
static void
try_flips(struct world *world, int dirfd, const char *name, off_t first,
          off_t end, off_t count)
{
    off_t step = is_long() ? 1 : (end - first) / count;

    for (off_t at = first; at<end; at += step> 0 ? step : 1) {
        try_flip(world, dirfd, name, at);
    }
}

static void
try_length(struct world *world, int dirfd, const char *name, off_t len)
{
    int   fd = openat(dirfd, name, O_RDWR);
    off_t before = length(dirfd, name);
    char *kept = malloc((size_t)before + 1);

    assert_non_null(kept);
    assert_int_equal(pread(fd, kept, (size_t)before, 0), before);
    assert_int_equal(ftruncate(fd, len), 0);
    if (audit(world, NULL) == 0) {
        fail_msg("%s of %lld bytes was made %lld unseen", name,
                 (long long)before, (long long)len);
    }
    assert_int_equal(ftruncate(fd, before), 0);
    assert_int_equal(pwrite(fd, kept, (size_t)before, 0), before);
    assert_int_equal(close(fd), 0);
    free(kept);
}

static void
try_gone(struct world *world, int dirfd, const char *name, const char *word)
{
    assert_int_equal(renameat(dirfd, name, dirfd, ".gone"), 0);
    assert_true(audit(world, NULL) > 0);
    assert_string_equal(world->found, word);
    assert_int_equal(renameat(dirfd, ".gone", dirfd, name), 0);
}

/* Exchange two equal long parts of a file. */
static void
try_swap(struct world *world, int dirfd, const char *name, off_t a, off_t b,
         size_t len)
{
    int  fd = openat(dirfd, name, O_RDWR);
    char part[2][512];

    assert_int_equal(pread(fd, part[0], len, a), (ssize_t)len);
    assert_int_equal(pread(fd, part[1], len, b), (ssize_t)len);
    assert_int_equal(pwrite(fd, part[1], len, a), (ssize_t)len);
    assert_int_equal(pwrite(fd, part[0], len, b), (ssize_t)len);
    if (audit(world, NULL) == 0) {
        fail_msg("parts of %s were exchanged unseen", name);
    }
    assert_int_equal(pwrite(fd, part[0], len, a), (ssize_t)len);
    assert_int_equal(pwrite(fd, part[1], len, b), (ssize_t)len);
    assert_int_equal(close(fd), 0);
}

/* ---- tests ----------------------------------------------------------------
 */

static void
a_good_log_is_whole(void **state)
{
    struct world   *world = *state;
    struct pv_audit got;

    assert_int_equal(audit(world, &got), 0);
    assert_int_equal(got.leaves, COMMITS_SMALL * PV_BUNDLE_LEAVES);
    assert_int_equal(got.size, got.leaves - 3);
    assert_int_equal(got.records, got.leaves);
    assert_int_equal(got.unsigned_count, 3);
    assert_int_equal(got.checkpoints, 5);
}

static void
no_byte_of_the_tree_can_change(void **state)
{
    struct world *world = *state;

    try_flips(world, world->treefd, "0", 0, length(world->treefd, "0"), 400);
    try_flips(world, world->treefd, "1", 0, length(world->treefd, "1"), 160);
    try_swap(world, world->treefd, "0", 0, 32, 32);
    try_swap(world, world->treefd, "0", 320, 32 * 700, 32);
    try_swap(world, world->treefd, "1", 0, 64, 32);
    try_length(world, world->treefd, "0", length(world->treefd, "0") - 1);
    try_length(world, world->treefd, "0", length(world->treefd, "0") - 128);
    try_length(world, world->treefd, "0", length(world->treefd, "0") + 1);
    try_length(world, world->treefd, "0", length(world->treefd, "0") + 32);
    try_length(world, world->treefd, "1", length(world->treefd, "1") - 64);
    try_length(world, world->treefd, "1", length(world->treefd, "1") + 32);
    try_gone(world, world->treefd, "0", "tree-missing");
    try_gone(world, world->treefd, "1", "checkpoint-ahead");
    put_file(world->treefd, "2", O_TRUNC, PV_LIT("a byte too many"));
    assert_true(audit(world, NULL) > 0);
    assert_int_equal(unlinkat(world->treefd, "2", 0), 0);
    assert_int_equal(audit(world, NULL), 0);
}

static void
no_byte_of_the_checkpoints_can_change(void **state)
{
    static const char *const name[] = {"checkpoint", "checkpoints"};
    struct world            *world = *state;
    int                      fd = world->scene.log_fd;

    for (size_t i = 0; i < COUNT(name); i++) {
        off_t len = length(fd, name[i]);

        try_flips(world, fd, name[i], 0, len, len);
        for (off_t cut = 1; cut < 150; cut += 7) {
            try_length(world, fd, name[i], len - cut);
        }
        try_length(world, fd, name[i], len + 1);
    }
    try_gone(world, fd, "checkpoint", "checkpoint-missing");
    /* two kept ones in the wrong order: a note of 256 leaves is put behind */
    sign(world, 256, "checkpoints", O_APPEND);
    assert_true(audit(world, NULL) > 0);
    assert_string_equal(world->found, "checkpoint-order");
}

/* Each of them was signed by the log: only together they tell. */
static void
a_published_checkpoint_cannot_be_put_back(void **state)
{
    struct world *world = *state;

    sign(world, 512, "checkpoint", O_TRUNC);
    assert_true(audit(world, NULL) > 0);
    assert_string_equal(world->found, "checkpoint-old");
    sign(world, 512, "checkpoint.log", O_TRUNC);
    sign(world, COMMITS_SMALL * PV_BUNDLE_LEAVES, "checkpoint", O_TRUNC);
    assert_int_equal(audit(world, NULL), 1);
    assert_string_equal(world->found, "checkpoint-old");
}

/* Behind the last commit of a segment. */
static off_t
commits_end(const struct world *world, uint64_t number)
{
    struct pv_segment_reader reader;
    struct pv_commit_view    view;
    uint64_t                 at;

    assert_int_equal(pv_segment_open(world->scene.journal_fd, number, &reader),
                     PV_OK);
    assert_int_equal(pv_segment_last(&reader, &at), PV_OK);
    assert_int_equal(pv_segment_commit(&reader, at, &view, NULL), PV_OK);
    at = view.next;
    pv_segment_close(&reader);
    return (off_t)at;
}

/* The long form has no hours for the records of so many: see the next one. */
static void
no_byte_of_the_journal_can_change(void **state)
{
    static const char name[] = "0000000001.pvj";
    struct world     *world = *state;
    int               fd = world->scene.journal_fd;

    try_flips(world, fd, name, is_long() ? commits_end(world, 1) : 0,
              length(fd, name), 600);
    assert_int_equal(audit(world, NULL), 0);
}

/* What is behind the end of the last segment may be half a commit. */
static void
no_byte_of_a_short_journal_can_change(void **state)
{
    struct world *world = *state;

    try_flips(world, world->scene.journal_fd, "0000000001.pvj", 0,
              commits_end(world, 1), 100);
    assert_int_equal(audit(world, NULL), 0);
}

static void
a_journal_that_lost_its_beginning_is_not_whole(void **state)
{
    struct world *world = *state;

    try_gone(world, world->scene.journal_fd, "0000000001.pvj",
             "journal-damaged");
    assert_int_equal(audit(world, NULL), 0);
}

static void
a_journal_that_lost_its_end_is_not_whole(void **state)
{
    struct world *world = *state;
    char          last[PV_SEGMENT_NAME_LEN + 1];
    uint64_t      number = 1;
    struct stat   st;

    for (; pv_segment_name(number + 1, last),
           fstatat(world->scene.journal_fd, last, &st, 0) == 0;
         number++) {
    }
    pv_segment_name(number, last);
    try_gone(world, world->scene.journal_fd, last, "leaves-missing");
}

static void
no_byte_of_a_pack_can_change(void **state)
{
    struct world       *world = *state;
    int                 fd = world->scene.log_fd;
    struct pv_packs     packs;
    struct pv_pack_line line;
    struct pv_audit     got;
    char                path[128];

    assert_int_equal(audit(world, &got), 0);
    assert_int_equal(got.packs, 1);
    assert_int_equal(got.records, got.leaves + PV_PACK_LEAVES);
    pv_packs_init(&packs, fd);
    assert_int_equal(pv_packs_refresh(&packs), PV_OK);
    assert_int_equal(pv_packs_line(&packs, 0, &line), PV_OK);
    pv_packs_clear(&packs);
    (void)snprintf(path, sizeof(path), PV_PACK_DIR "/"); /* fits */
    pv_pack_name(&line.hash, path + sizeof(PV_PACK_DIR));

    for (off_t i = 1; i < 14; i++) {
        try_flip(world, fd, path, length(fd, path) * i / 14);
    }
    for (off_t at = 0; at < PV_PACK_LINE_LEN; at += 13) {
        try_flip(world, fd, PV_PACKS_FILE, at);
    }
    try_length(world, fd, PV_PACKS_FILE, PV_PACK_LINE_LEN + 1);
    try_length(world, fd, path, length(fd, path) + 1);
    try_gone(world, fd, path, "pack-missing");
    put_file(fd, PV_PACK_DIR "/more.pvp", O_TRUNC, PV_LIT("x"));
    assert_int_equal(audit(world, NULL), 1);
    assert_string_equal(world->found, "pack-extra");
    assert_int_equal(unlinkat(fd, PV_PACK_DIR "/more.pvp", 0), 0);
}

/* Somebody takes a pack away and writes that it was decided. */
static void
a_pruning_that_no_record_tells_is_found(void **state)
{
    const struct pv_pruning pruning = {
        .end = 1, .when_ms = 1790000000000, .decision = PV_LIT("resolution/9")};
    struct world *world = *state;
    uint64_t      removed;
    uint64_t      len;

    assert_int_equal(
        pv_packs_prune(world->scene.log_fd, &pruning, &removed, &len), PV_OK);
    assert_int_equal(removed, 1);
    assert_int_equal(audit(world, NULL), 1);
    assert_string_equal(world->found, "pruning-unrecorded");
}

int
main(void)
{
#define SMALL(test) cmocka_unit_test_setup_teardown(test, make_small, unmake)
    const struct CMUnitTest tests[] = {
        SMALL(a_good_log_is_whole),
        SMALL(no_byte_of_the_tree_can_change),
        SMALL(no_byte_of_the_checkpoints_can_change),
        SMALL(a_published_checkpoint_cannot_be_put_back),
        SMALL(no_byte_of_the_journal_can_change),
        cmocka_unit_test_setup_teardown(no_byte_of_a_short_journal_can_change,
                                        make_short, unmake),
        SMALL(a_journal_that_lost_its_beginning_is_not_whole),
        SMALL(a_journal_that_lost_its_end_is_not_whole),
        cmocka_unit_test_setup_teardown(no_byte_of_a_pack_can_change,
                                        make_packed, unmake),
        cmocka_unit_test_setup_teardown(a_pruning_that_no_record_tells_is_found,
                                        make_packed, unmake),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
