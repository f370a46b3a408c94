/*
 * lib/merkle against published vectors and against a second implementation
 * that is written from the text of RFC 6962 section 2.1 alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/base64.h"
#include "base/num.h"
#include "merkle/merkle.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define FILES PV_SOURCE_ROOT "/tests/vectors/"

/* ---- the second implementation ---------------------------------------- */

#define NAIVE_MAX 70001

static struct pv_sha256 *sha;
static struct pv_hash    naive_leaf[NAIVE_MAX];

static struct pv_hash
naive_node(struct pv_hash left, struct pv_hash right)
{
    struct pv_slice part[3] = {{"\x01", 1},
                               {(const char *)left.bytes, 32},
                               {(const char *)right.bytes, 32}};
    struct pv_hash  hash;

    assert_int_equal(pv_sha256(sha, part, 3, &hash), PV_OK);
    return hash;
}

static uint64_t
naive_k(uint64_t n)
{
    uint64_t k = 1;

    while (k * 2 < n) {
        k *= 2;
    }
    return k;
}

/* MTH(D[from:to]) */
static struct pv_hash
naive_root(uint64_t from, uint64_t to)
{
    uint64_t k;

    if (to == from) {
        return pv_merkle_empty;
    }
    if (to - from == 1) {
        return naive_leaf[from];
    }
    k = naive_k(to - from);
    return naive_node(naive_root(from, from + k), naive_root(from + k, to));
}

/* PATH(m, D[from:to]) */
static void
naive_path(uint64_t m, uint64_t from, uint64_t to, struct pv_merkle_proof *out)
{
    uint64_t k;

    if (to - from == 1) {
        return;
    }
    k = naive_k(to - from);
    if (m < k) {
        naive_path(m, from, from + k, out);
        out->hash[out->count++] = naive_root(from + k, to);
    } else {
        naive_path(m - k, from + k, to, out);
        out->hash[out->count++] = naive_root(from, from + k);
    }
}

/* SUBPROOF(m, D[from:to], b) */
static void
naive_subproof(uint64_t m, uint64_t from, uint64_t to, bool b,
               struct pv_merkle_proof *out)
{
    uint64_t k;

    if (m == to - from) {
        if (!b) {
            out->hash[out->count++] = naive_root(from, to);
        }
        return;
    }
    k = naive_k(to - from);
    if (m <= k) {
        naive_subproof(m, from, from + k, b, out);
        out->hash[out->count++] = naive_root(from + k, to);
    } else {
        naive_subproof(m - k, from + k, to, false, out);
        out->hash[out->count++] = naive_root(from, from + k);
    }
}

static uint64_t tile_reads;

static enum pv_err
naive_tile(void *context, unsigned level, uint64_t n, unsigned width,
           struct pv_hash out[PV_TILE_WIDTH])
{
    uint64_t leaves = UINT64_C(1) << 8 * level;

    (void)context;
    tile_reads++;
    assert_in_range(width, 1, PV_TILE_WIDTH);
    for (unsigned i = 0; i < width; i++) {
        uint64_t from = (n * PV_TILE_WIDTH + i) * leaves;

        assert_true(from + leaves <= NAIVE_MAX);
        out[i] = naive_root(from, from + leaves);
    }
    return PV_OK;
}

static const struct pv_merkle_source *
source(void)
{
    static struct pv_merkle_source it;

    it.sha = sha;
    it.read = naive_tile;
    return &it;
}

static int
set_up(void **state)
{
    (void)state;
    assert_int_equal(pv_sha256_new(&sha), PV_OK);
    for (uint32_t i = 0; i < NAIVE_MAX; i++) {
        struct pv_slice entry = {(const char *)&i, sizeof(i)};

        assert_int_equal(pv_merkle_leaf(sha, entry, &naive_leaf[i]), PV_OK);
    }
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    pv_sha256_free(sha);
    return 0;
}

/* ---- published vectors ------------------------------------------------- */

static void
assert_hex(const struct pv_hash *hash, const char *hex)
{
    char text[65] = {0};

    pv_hex_text(hash->bytes, sizeof(hash->bytes), text);
    assert_string_equal(text, hex);
}

static void
hashes_as_published(void **state)
{
    /* transparency-dev/merkle rfc6962_test.go; SHA-256 of "", RFC 6962 */
    struct pv_slice children[] = {{"\x01", 1}, {"N123", 4}, {"N456", 4}};
    struct pv_hash  hash;

    (void)state;
    assert_int_equal(pv_sha256(sha, NULL, 0, &hash), PV_OK);
    assert_true(pv_hash_eq(&hash, &pv_merkle_empty));
    assert_int_equal(pv_merkle_leaf(sha, PV_LIT(""), &hash), PV_OK);
    assert_hex(&hash, "6e340b9cffb37a989ca544e6bb780a2c"
                      "78901d3fb33738768511a30617afa01d");
    assert_int_equal(pv_merkle_leaf(sha, PV_LIT("L123456"), &hash), PV_OK);
    assert_hex(&hash, "395aa064aa4c29f7010acfe3f25db948"
                      "5bbd4b91897b6ad7ad547639252b4d56");
    assert_int_equal(pv_sha256(sha, children, 3, &hash), PV_OK);
    assert_hex(&hash, "aa217fe888e47007fa15edab33c2b492"
                      "a722cb106c64667fc2b044444de66bbb");
}

/* The eight leaves of certificate-transparency's tests, and their roots. */
static void
roots_as_published(void **state)
{
    static const struct pv_slice leaf[8] = {
        PV_SLICE_INIT(""),
        PV_SLICE_INIT("\x00"),
        PV_SLICE_INIT("\x10"),
        PV_SLICE_INIT("\x20\x21"),
        PV_SLICE_INIT("\x30\x31"),
        PV_SLICE_INIT("\x40\x41\x42\x43"),
        PV_SLICE_INIT("\x50\x51\x52\x53\x54\x55\x56\x57"),
        PV_SLICE_INIT("\x60\x61\x62\x63\x64\x65\x66\x67"
                      "\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f"),
    };
    static const char *const root[8] = {
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    };

    (void)state;
    for (size_t size = 1; size <= 8; size++) {
        struct pv_hash hash[8];

        for (size_t i = 0; i < size; i++) {
            assert_int_equal(pv_merkle_leaf(sha, leaf[i], &hash[i]), PV_OK);
        }
        assert_int_equal(pv_merkle_fold(sha, hash, size, &hash[0]), PV_OK);
        assert_hex(&hash[0], root[size - 1]);
    }
}

/*
 * False: not a hash. Some of the vectors have a word in place of a root; it
 * is taken with zeros behind. Nothing is no hash.
 */
static bool
hash_of(const json_t *value, struct pv_hash *ret)
{
    size_t len;

    memset(ret, 0, sizeof(*ret));
    return json_is_string(value) &&
           pv_base64_bytes(pv_slice_from(json_string_value(value)), ret->bytes,
                           PV_HASH_LEN, &len) == PV_OK &&
           len > 0;
}

static bool
proof_of(const json_t *vector, struct pv_merkle_proof *ret)
{
    const json_t *proof = json_object_get(vector, "proof");

    ret->count = json_array_size(proof); /* null in some: none */
    assert_true(ret->count <= PV_MERKLE_PROOF_MAX);
    for (size_t i = 0; i < ret->count; i++) {
        if (!hash_of(json_array_get(proof, i), &ret->hash[i])) {
            return false;
        }
    }
    return true;
}

static uint64_t
number_of(const json_t *vector, const char *name)
{
    const json_t *value = json_object_get(vector, name);
    uint64_t      number = 0;

    /* a string: some are past what jansson reads as a number */
    assert_int_equal(pv_slice_to_u64(pv_slice_from(json_string_value(value)),
                                     UINT64_MAX, &number),
                     PV_OK);
    return number;
}

static bool
inclusion_holds(const json_t *vector)
{
    struct pv_merkle_proof proof;
    struct pv_hash         leaf;
    struct pv_hash         root;

    return proof_of(vector, &proof) &&
           hash_of(json_object_get(vector, "leafHash"), &leaf) &&
           hash_of(json_object_get(vector, "root"), &root) &&
           pv_merkle_verify_inclusion(sha, number_of(vector, "leafIdx"),
                                      number_of(vector, "treeSize"), &leaf,
                                      proof.hash, proof.count, &root) == PV_OK;
}

static bool
consistency_holds(const json_t *vector)
{
    struct pv_merkle_proof proof;
    struct pv_hash         old_root;
    struct pv_hash         new_root;

    /*
     * One vector refuses any growth from the empty tree. RFC 6962 has no
     * proof of it; tlog-witness says that all trees follow from it, and so
     * do we.
     */
    if (strstr(json_string_value(json_object_get(vector, "file")),
               "size1-is-zero-and-size2-is-not-zero") != NULL) {
        return false;
    }
    return proof_of(vector, &proof) &&
           hash_of(json_object_get(vector, "root1"), &old_root) &&
           hash_of(json_object_get(vector, "root2"), &new_root) &&
           pv_merkle_verify_consistency(
               sha, number_of(vector, "size1"), number_of(vector, "size2"),
               &old_root, &new_root, proof.hash, proof.count) == PV_OK;
}

static size_t
run_vectors(const char *file, bool (*holds)(const json_t *vector))
{
    json_error_t  error;
    json_t       *all = json_load_file(file, JSON_REJECT_DUPLICATES, &error);
    size_t        i;
    const json_t *vector;
    size_t        count = json_array_size(all);

    if (all == NULL) {
        fail_msg("%s: %s", file, error.text);
    }

    json_array_foreach(all, i, vector)
    {
        print_message("# %s\n",
                      json_string_value(json_object_get(vector, "file")));
        assert_int_equal(holds(vector), !json_boolean_value(json_object_get(
                                            vector, "wantErr")));
    }
    json_decref(all);
    return count;
}

static void
verifies_published_proofs(void **state)
{
    (void)state;
    assert_int_equal(
        run_vectors(FILES "merkle_inclusion.json", inclusion_holds), 98);
    assert_int_equal(
        run_vectors(FILES "merkle_consistency.json", consistency_holds), 98);
}

/* ---- against the second implementation --------------------------------- */

static void
assert_same(const struct pv_merkle_proof *a, const struct pv_merkle_proof *b)
{
    assert_int_equal(a->count, b->count);
    assert_memory_equal(a->hash, b->hash, a->count * sizeof(a->hash[0]));
}

static void
try_inclusion(uint64_t index, uint64_t size)
{
    struct pv_merkle_proof naive = {.count = 0};
    struct pv_merkle_proof proof;
    struct pv_hash         root = naive_root(0, size);

    naive_path(index, 0, size, &naive);
    assert_int_equal(pv_merkle_inclusion(source(), index, size, &proof), PV_OK);
    assert_same(&proof, &naive);
    assert_int_equal(pv_merkle_verify_inclusion(sha, index, size,
                                                &naive_leaf[index], proof.hash,
                                                proof.count, &root),
                     PV_OK);
    assert_int_equal(pv_merkle_verify_inclusion(
                         sha, index, size, &naive_leaf[(index + 1) % NAIVE_MAX],
                         proof.hash, proof.count, &root),
                     PV_EVERIFY);
}

static void
try_consistency(uint64_t old_size, uint64_t new_size)
{
    struct pv_merkle_proof naive = {.count = 0};
    struct pv_merkle_proof proof;
    struct pv_hash         old_root = naive_root(0, old_size);
    struct pv_hash         new_root = naive_root(0, new_size);

    if (old_size > 0) { /* the RFC's text begins at 1 */
        naive_subproof(old_size, 0, new_size, true, &naive);
    }
    assert_int_equal(
        pv_merkle_consistency(source(), old_size, new_size, &proof), PV_OK);
    assert_same(&proof, &naive);
    assert_int_equal(pv_merkle_verify_consistency(sha, old_size, new_size,
                                                  &old_root, &new_root,
                                                  proof.hash, proof.count),
                     PV_OK);
    if (proof.count > 0) {
        proof.hash[new_size % proof.count].bytes[old_size % 32] ^= 1;
        assert_int_equal(pv_merkle_verify_consistency(sha, old_size, new_size,
                                                      &old_root, &new_root,
                                                      proof.hash, proof.count),
                         PV_EVERIFY);
    }
}

/* Sizes that rise and fall, over one table of nodes that is filled anew. */
static void
gives_the_same_proofs_from_nodes_that_were_kept(void **state)
{
    static struct pv_merkle_nodes nodes;
    struct pv_merkle_source       keeping = *source();
    uint64_t                      reads;

    (void)state;
    keeping.nodes = &nodes;
    for (uint64_t i = 0; i < 300; i++) {
        uint64_t               size = 1 + i * 7919 % NAIVE_MAX;
        uint64_t               index = i * i * 31 % size;
        struct pv_merkle_proof plain;
        struct pv_merkle_proof proof;

        assert_int_equal(pv_merkle_inclusion(source(), index, size, &plain),
                         PV_OK);
        assert_int_equal(pv_merkle_inclusion(&keeping, index, size, &proof),
                         PV_OK);
        assert_same(&proof, &plain);
    }
    for (int i = 0; i < 2; i++) { /* the second time only the partial ones */
        struct pv_merkle_proof proof;

        reads = tile_reads;
        assert_int_equal(pv_merkle_inclusion(&keeping, 12345, 65536, &proof),
                         PV_OK);
    }
    assert_true(tile_reads - reads <= 2);
}

static void
agrees_for_every_small_tree(void **state)
{
    (void)state;
    for (uint64_t size = 0; size <= 50; size++) {
        struct pv_hash naive = naive_root(0, size);
        struct pv_hash root;

        assert_int_equal(pv_merkle_root(source(), size, &root), PV_OK);
        assert_true(pv_hash_eq(&root, &naive));
        for (uint64_t i = 0; i < size; i++) {
            try_inclusion(i, size);
        }
        for (uint64_t old_size = 0; old_size <= size; old_size++) {
            try_consistency(old_size, size);
        }
    }
}

static void
agrees_around_the_edges_of_tiles(void **state)
{
    static const uint64_t at[] = {255, 256, 257, 4096, 65536, 65793, 70000};

    (void)state;
    for (size_t i = 0; i < COUNT(at); i++) {
        const uint64_t index[] = {0, at[i] / 2, at[i] - 1};
        struct pv_hash naive = naive_root(0, at[i]);
        struct pv_hash root;

        assert_int_equal(pv_merkle_root(source(), at[i], &root), PV_OK);
        assert_true(pv_hash_eq(&root, &naive));
        for (size_t j = 0; j < COUNT(index); j++) {
            try_inclusion(index[j], at[i]);
        }
        for (size_t j = 0; j <= i; j++) {
            try_consistency(at[j], at[i]);
        }
    }
}

static void
needs_few_tiles(void **state)
{
    struct pv_merkle_proof proof;

    (void)state;
    tile_reads = 0;
    assert_int_equal(pv_merkle_inclusion(source(), 12345, 70000, &proof),
                     PV_OK);
    assert_in_range(tile_reads, 1, 12);
}

static void
refuses_what_is_not_in_the_tree(void **state)
{
    struct pv_merkle_proof proof = {.count = 7};
    struct pv_hash         root = pv_merkle_empty;

    (void)state;
    assert_int_equal(pv_merkle_inclusion(source(), 5, 5, &proof), PV_ERANGE);
    assert_int_equal(pv_merkle_inclusion(source(), 0, 0, &proof), PV_ERANGE);
    assert_int_equal(pv_merkle_consistency(source(), 6, 5, &proof), PV_ERANGE);
    assert_int_equal(
        pv_merkle_inclusion(source(), 0, PV_MERKLE_SIZE_MAX + 1, &proof),
        PV_ERANGE);
    assert_int_equal(pv_merkle_root(source(), PV_MERKLE_SIZE_MAX + 1, &root),
                     PV_ERANGE);
    assert_int_equal(proof.count, 7);
    assert_int_equal(
        pv_merkle_verify_inclusion(sha, 0, 0, &root, NULL, 0, &root),
        PV_ERANGE);
    assert_int_equal(
        pv_merkle_verify_consistency(sha, 0, 3, &naive_leaf[0], &root, NULL, 0),
        PV_EVERIFY);
}

/* ---- tiles -------------------------------------------------------------- */

static void
tile_paths(void **state)
{
    static const struct {
        const char    *path;
        enum pv_err    err;
        struct pv_tile tile;
        const char    *says;
    } row[] = {
        {"tile/0/000", PV_OK, {false, 0, 0, 256}, "takes the first tile"},
        /* the numbers and the 70,000 leaves are those of tlog-tiles */
        {"tile/0/x001/x234/067",
         PV_OK,
         {false, 0, 1234067, 256},
         "takes the published example"},
        {"tile/0/273.p/112",
         PV_OK,
         {false, 0, 273, 112},
         "takes a partial tile"},
        {"tile/63/005", PV_OK, {false, 63, 5, 256}, "takes the last level"},
        {"tile/entries/x001/000.p/1",
         PV_OK,
         {true, 0, 1000, 1},
         "takes a partial entry bundle"},
        {"tile/64/000", PV_EINVAL, {0}, "refuses a level above 63"},
        {"tile/00/000", PV_EINVAL, {0}, "refuses a leading zero of a level"},
        {"tile/0/0", PV_EINVAL, {0}, "refuses a short group"},
        {"tile/0/0000", PV_EINVAL, {0}, "refuses a long group"},
        {"tile/0/x000/001", PV_EINVAL, {0}, "refuses a first group of zeros"},
        {"tile/0/001/002", PV_EINVAL, {0}, "refuses a group without its x"},
        {"tile/0/x001", PV_EINVAL, {0}, "refuses a last group with an x"},
        {"tile/0/001.p/0", PV_EINVAL, {0}, "refuses width 0"},
        {"tile/0/001.p/256", PV_EINVAL, {0}, "refuses a full partial tile"},
        {"tile/0/001.p/01", PV_EINVAL, {0}, "refuses a leading zero of width"},
        {"tile/0/001.p/", PV_EINVAL, {0}, "refuses an empty width"},
        {"tile/0/001/", PV_EINVAL, {0}, "refuses a slash at the end"},
        {"/tile/0/001", PV_EINVAL, {0}, "refuses a slash in front"},
        {"tile/0", PV_EINVAL, {0}, "refuses a level alone"},
        {"tile/entry/000", PV_EINVAL, {0}, "refuses another word"},
        {"tile/0/x999/x999/x999/x999/x999/999",
         PV_EINVAL,
         {0},
         "refuses a number past the maximum"},
        {"", PV_EINVAL, {0}, "refuses nothing"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        struct pv_tile tile = {.width = 77};
        char           path[PV_TILE_PATH_MAX];

        print_message("# tile path %s\n", row[i].says);
        assert_int_equal(pv_tile_parse(pv_slice_from(row[i].path), &tile),
                         row[i].err);
        if (row[i].err != PV_OK) {
            assert_int_equal(tile.width, 77);
            continue;
        }
        assert_int_equal(tile.entries, row[i].tile.entries);
        assert_int_equal(tile.level, row[i].tile.level);
        assert_int_equal(tile.n, row[i].tile.n);
        assert_int_equal(tile.width, row[i].tile.width);
        assert_int_equal(pv_tile_path(&tile, path), strlen(row[i].path));
        assert_string_equal(path, row[i].path);
    }
}

static void
tile_widths_of_the_published_tree(void **state)
{
    (void)state;
    /* tlog-tiles: a tree of 70,000 */
    assert_int_equal(pv_tile_width(0, 272, 70000), 256);
    assert_int_equal(pv_tile_width(0, 273, 70000), 112);
    assert_int_equal(pv_tile_width(0, 274, 70000), 0);
    assert_int_equal(pv_tile_width(1, 0, 70000), 256);
    assert_int_equal(pv_tile_width(1, 1, 70000), 17);
    assert_int_equal(pv_tile_width(2, 0, 70000), 1);
    assert_int_equal(pv_tile_width(3, 0, 70000), 0);
    assert_int_equal(pv_tile_width(1, 0, 256), 1);
    assert_int_equal(pv_tile_width(0, 1, 256), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_as_published),
        cmocka_unit_test(roots_as_published),
        cmocka_unit_test(verifies_published_proofs),
        cmocka_unit_test(gives_the_same_proofs_from_nodes_that_were_kept),
        cmocka_unit_test(agrees_for_every_small_tree),
        cmocka_unit_test(agrees_around_the_edges_of_tiles),
        cmocka_unit_test(needs_few_tiles),
        cmocka_unit_test(refuses_what_is_not_in_the_tree),
        cmocka_unit_test(tile_paths),
        cmocka_unit_test(tile_widths_of_the_published_tree),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
