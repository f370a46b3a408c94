/* The tree on disk: appending, cutting, reading, and files that are wrong. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "trace/tiles.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define LEAVES 70000

static struct pv_hash    leaf[LEAVES];
static struct pv_sha256 *sha;

struct scene {
    char dir[32];
    int  dirfd;
};

static int
set_up_leaves(void **state)
{
    (void)state;
    assert_int_equal(pv_sha256_new(&sha), PV_OK);
    for (uint32_t i = 0; i < LEAVES; i++) {
        struct pv_slice entry = {(const char *)&i, sizeof(i)};

        assert_int_equal(pv_merkle_leaf(sha, entry, &leaf[i]), PV_OK);
    }
    return 0;
}

static int
tear_down_leaves(void **state)
{
    (void)state;
    pv_sha256_free(sha);
    return 0;
}

static int
set_up(void **state)
{
    struct scene *scene = calloc(1, sizeof(*scene));

    assert_non_null(scene);
    memcpy(scene->dir, "/tmp/pv-test-tiles-XXXXXX", 26);
    assert_non_null(mkdtemp(scene->dir));
    scene->dirfd = open(scene->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(scene->dirfd != -1);
    *state = scene;
    return 0;
}

static int
tear_down(void **state)
{
    struct scene *scene = *state;

    for (char name[] = "0"; name[0] < '8'; name[0]++) {
        (void)unlinkat(scene->dirfd, name, 0); /* there or not */
    }
    assert_int_equal(close(scene->dirfd), 0);
    assert_int_equal(rmdir(scene->dir), 0);
    free(scene);
    return 0;
}

/* The root by the book: leaves in memory, cut at the largest power of two. */
static struct pv_hash
root_of(uint64_t from, uint64_t to)
{
    struct pv_hash left;
    struct pv_hash right;
    struct pv_hash hash;
    uint64_t       middle;

    if (to == from) {
        return pv_merkle_empty;
    }
    if (to - from == 1) {
        return leaf[from];
    }
    middle = from + pv_merkle_split(to - from);
    left = root_of(from, middle);
    right = root_of(middle, to);
    assert_int_equal(pv_merkle_node(sha, &left, &right, &hash), PV_OK);
    return hash;
}

static void
assert_tree(struct pv_tiles *tiles, uint64_t size)
{
    struct pv_hash want = root_of(0, size);
    struct pv_hash root;

    assert_int_equal(pv_tiles_size(tiles), size);
    assert_int_equal(pv_tiles_root(tiles, size, &root), PV_OK);
    assert_true(pv_hash_eq(&root, &want));
}

static struct pv_tiles *
opened(const struct scene *scene, bool writable)
{
    struct pv_tiles *tiles = NULL;

    assert_int_equal(pv_tiles_open(scene->dirfd, writable, &tiles), PV_OK);
    return tiles;
}

/* A tree of size leaves, written and closed. */
static void
make(const struct scene *scene, uint64_t size)
{
    struct pv_tiles *tiles = opened(scene, true);

    assert_int_equal(pv_tiles_truncate(tiles, 0), PV_OK);
    assert_int_equal(pv_tiles_append(tiles, leaf, size), PV_OK);
    assert_int_equal(pv_tiles_sync(tiles), PV_OK);
    pv_tiles_close(tiles);
}

static void
the_root_is_right_at_every_size(void **state)
{
    struct pv_tiles *tiles = opened(*state, true);
    uint64_t         size = 0;

    assert_int_equal(pv_tiles_truncate(tiles, 0), PV_OK);
    assert_tree(tiles, 0);
    while (size < 1500) {
        uint64_t more = 1 + size % 7;

        assert_int_equal(pv_tiles_append(tiles, leaf + size, more), PV_OK);
        size += more;
        assert_tree(tiles, size);
    }
    pv_tiles_close(tiles);
}

static void
a_reader_beside_the_writer(void **state)
{
    struct pv_tiles       *writer = opened(*state, true);
    struct pv_tiles       *reader = NULL;
    struct pv_merkle_proof proof;
    struct pv_hash         root;
    struct pv_hash         old_root;

    assert_int_equal(pv_tiles_truncate(writer, 0), PV_OK);
    reader = opened(*state, false);
    assert_tree(reader, 0);
    assert_int_equal(pv_tiles_append(writer, leaf, 66000), PV_OK);
    assert_int_equal(pv_tiles_flush(writer), PV_OK);
    assert_tree(reader, 0); /* it did not look again */
    assert_int_equal(pv_tiles_refresh(reader), PV_OK);
    assert_tree(reader, 66000);
    assert_int_equal(pv_tiles_append(writer, leaf + 66000, 4000), PV_OK);
    assert_int_equal(pv_tiles_sync(writer), PV_OK);
    assert_int_equal(pv_tiles_refresh(reader), PV_OK);
    assert_tree(reader, LEAVES);
    root = root_of(0, LEAVES);
    assert_int_equal(pv_tiles_inclusion(reader, 65535, LEAVES, &proof), PV_OK);
    assert_int_equal(pv_merkle_verify_inclusion(sha, 65535, LEAVES,
                                                &leaf[65535], proof.hash,
                                                proof.count, &root),
                     PV_OK);
    old_root = root_of(0, 66000);
    assert_int_equal(pv_tiles_consistency(reader, 66000, LEAVES, &proof),
                     PV_OK);
    assert_int_equal(pv_merkle_verify_consistency(sha, 66000, LEAVES, &old_root,
                                                  &root, proof.hash,
                                                  proof.count),
                     PV_OK);
    pv_tiles_close(reader);
    pv_tiles_close(writer);
}

static void
cutting_and_going_on_gives_the_same_tree(void **state)
{
    static const uint64_t cut[] = {69999, 66000, 65536, 65535, 1024, 513,
                                   512,   511,   256,   255,   1,    0};
    struct pv_tiles      *tiles;

    make(*state, LEAVES);
    for (size_t i = 0; i < COUNT(cut); i++) {
        uint64_t end = cut[i] + 700 < LEAVES ? cut[i] + 700 : LEAVES;

        tiles = opened(*state, true);
        assert_int_equal(pv_tiles_truncate(tiles, cut[i]), PV_OK);
        assert_tree(tiles, cut[i]);
        assert_int_equal(pv_tiles_append(tiles, leaf + cut[i], end - cut[i]),
                         PV_OK);
        assert_int_equal(pv_tiles_sync(tiles), PV_OK);
        assert_tree(tiles, end);
        pv_tiles_close(tiles);
        tiles = opened(*state, false);
        assert_tree(tiles, end);
        pv_tiles_close(tiles);
    }
}

static void
a_writer_trusts_nothing_it_finds(void **state)
{
    struct pv_tiles *tiles;
    struct stat      before;
    struct stat      after;

    make(*state, 1000);
    assert_int_equal(fstatat(((struct scene *)*state)->dirfd, "0", &before, 0),
                     0);
    tiles = opened(*state, true);
    assert_int_equal(pv_tiles_append(tiles, leaf, 1), PV_ESTATE);
    assert_int_equal(pv_tiles_truncate(tiles, 1001), PV_ERANGE);
    pv_tiles_close(tiles);
    assert_int_equal(fstatat(((struct scene *)*state)->dirfd, "0", &after, 0),
                     0);
    assert_int_equal(before.st_size, after.st_size);
    tiles = opened(*state, false);
    assert_int_equal(pv_tiles_truncate(tiles, 0), PV_ESTATE);
    assert_int_equal(pv_tiles_sync(tiles), PV_ESTATE);
    pv_tiles_close(tiles);
}

static void
torn_and_short_files(void **state)
{
    static const struct {
        const char *name;
        off_t       len;
        uint64_t    size;
        const char *says;
    } row[] = {
        {"0", 999 * 32 + 5, 999, "does not count half a hash"},
        {"0", 1000 * 32, 1000, "serves what is there"},
        {"0", 1500 * 32, 1500, "is not led by a shorter end"},
        {"1", 3 * 32, 1023, "stops where the upper level stops"},
        {"1", 0, 255, "stops at the first missing upper hash"},
        {"1", 6 * 32, 1600, "does not mind more above"},
    };
    const struct scene *scene = *state;

    for (size_t i = 0; i < COUNT(row); i++) {
        struct pv_tiles *tiles;
        struct pv_hash   tile[PV_TILE_WIDTH];
        char             path[64];

        print_message("# a reader %s\n", row[i].says);
        make(scene, 1600);
        assert_true(
            snprintf(path, sizeof(path), "%s/%s", scene->dir, row[i].name) > 0);
        assert_int_equal(truncate(path, row[i].len), 0);
        tiles = opened(scene, false);
        assert_int_equal(pv_tiles_size(tiles), row[i].size);
        assert_tree(tiles, row[i].size);
        assert_int_equal(
            pv_tiles_read(tiles, 0, row[i].size / 256,
                          (unsigned)(row[i].size % 256) + 1, tile),
            row[i].size == 1600 || row[i].name[0] == '0' ? PV_ERANGE : PV_OK);
        pv_tiles_close(tiles);
    }
}

static void
reading_a_tile(void **state)
{
    struct pv_tiles *tiles;
    struct pv_hash   tile[PV_TILE_WIDTH];
    struct pv_hash   want;

    make(*state, LEAVES);
    tiles = opened(*state, false);
    assert_int_equal(pv_tiles_read(tiles, 0, 273, 112, tile), PV_OK);
    assert_memory_equal(tile, leaf + 273 * 256, 112 * sizeof(tile[0]));
    assert_int_equal(pv_tiles_read(tiles, 0, 273, 113, tile), PV_ERANGE);
    assert_int_equal(pv_tiles_read(tiles, 1, 1, 17, tile), PV_OK);
    want = root_of(272 * 256, 273 * 256);
    assert_true(pv_hash_eq(&tile[16], &want));
    assert_int_equal(pv_tiles_read(tiles, 2, 0, 1, tile), PV_OK);
    want = root_of(0, 65536);
    assert_true(pv_hash_eq(&tile[0], &want));
    assert_int_equal(pv_tiles_read(tiles, 3, 0, 1, tile), PV_ERANGE);
    assert_int_equal(pv_tiles_read(tiles, 0, 0, 0, tile), PV_ERANGE);
    assert_int_equal(pv_tiles_read(tiles, 0, 0, 257, tile), PV_ERANGE);
    assert_int_equal(pv_tiles_read(tiles, 9, 0, 1, tile), PV_ERANGE);
    pv_tiles_close(tiles);
}

static void
a_failed_write_ends_the_writing(void **state)
{
    struct pv_tiles *tiles = opened(*state, true);
    struct rlimit    before;
    struct rlimit    limit;

    assert_int_equal(pv_tiles_truncate(tiles, 0), PV_OK);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = 100 * 32 + 7; /* a file may not be longer */
    assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(pv_tiles_append(tiles, leaf, 300), PV_OK);
    assert_int_equal(pv_tiles_sync(tiles), PV_ESYS);
    assert_int_equal(errno, EFBIG);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(pv_tiles_sync(tiles), PV_ESTATE);
    assert_int_equal(pv_tiles_append(tiles, leaf, 1), PV_ESTATE);
    assert_int_equal(pv_tiles_truncate(tiles, 0), PV_ESTATE);
    pv_tiles_close(tiles);
    tiles = opened(*state, true); /* and is mended by opening anew */
    assert_int_equal(pv_tiles_size(tiles), 100);
    assert_int_equal(pv_tiles_truncate(tiles, 90), PV_OK);
    assert_int_equal(pv_tiles_append(tiles, leaf + 90, 300), PV_OK);
    assert_int_equal(pv_tiles_sync(tiles), PV_OK);
    assert_tree(tiles, 390);
    pv_tiles_close(tiles);
}

static void
a_reader_needs_a_tree(void **state)
{
    struct pv_tiles *tiles = NULL;

    assert_int_equal(
        pv_tiles_open(((struct scene *)*state)->dirfd, false, &tiles),
        PV_ENOTFOUND);
    assert_null(tiles);
    pv_tiles_close(NULL);
}

int
main(void)
{
#define IN_A_FOLDER(test)                                                      \
    cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(the_root_is_right_at_every_size),
        IN_A_FOLDER(a_reader_beside_the_writer),
        IN_A_FOLDER(cutting_and_going_on_gives_the_same_tree),
        IN_A_FOLDER(a_writer_trusts_nothing_it_finds),
        IN_A_FOLDER(torn_and_short_files),
        IN_A_FOLDER(reading_a_tile),
        IN_A_FOLDER(a_failed_write_ends_the_writing),
        IN_A_FOLDER(a_reader_needs_a_tree),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, set_up_leaves, tear_down_leaves);
}
