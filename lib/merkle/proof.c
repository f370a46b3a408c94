#include "merkle/merkle.h"

#include <string.h>

/* The tile that was read last; the nodes of a proof lie side by side. */
struct reader {
    const struct pv_merkle_source *source;
    uint64_t                       size; /* leaves of the tree */
    bool                           have;
    unsigned                       level;
    uint64_t                       n;
    struct pv_hash                 tile[PV_TILE_WIDTH];
    struct pv_hash                 room[PV_TILE_WIDTH]; /* for folding */
};

static void
begin(struct reader *reader, const struct pv_merkle_source *source,
      uint64_t size)
{
    reader->source = source;
    reader->size = size;
    reader->have = false;
}

static enum pv_err
load(struct reader *reader, unsigned level, uint64_t n)
{
    enum pv_err err;

    if (reader->have && reader->level == level && reader->n == n) {
        return PV_OK;
    }
    reader->have = false;
    err = reader->source->read(reader->source->context, level, n,
                               pv_tile_width(level, n, reader->size),
                               reader->tile);
    if (err != PV_OK) {
        return err;
    }
    reader->have = true;
    reader->level = level;
    reader->n = n;
    return PV_OK;
}

static enum pv_err
make_node(struct reader *reader, uint64_t start, unsigned height,
          struct pv_hash *ret)
{
    unsigned    level = height / PV_TILE_HEIGHT;
    size_t      count = (size_t)1 << height % PV_TILE_HEIGHT;
    uint64_t    at = start >> (level * PV_TILE_HEIGHT);
    enum pv_err err = load(reader, level, at / PV_TILE_WIDTH);

    if (err != PV_OK) {
        return err;
    }
    memcpy(reader->room, reader->tile + at % PV_TILE_WIDTH,
           count * sizeof(reader->room[0]));
    return pv_merkle_fold(reader->source->sha, reader->room, count, ret);
}

/* The node over 2^height leaves that begins at start, a multiple of them. */
static enum pv_err
full_node(struct reader *reader, uint64_t start, unsigned height,
          struct pv_hash *ret)
{
    struct pv_merkle_nodes *nodes = reader->source->nodes;
    size_t                  slot;
    enum pv_err             err;

    if (nodes == NULL || height % PV_TILE_HEIGHT == 0) {
        return make_node(reader, start, height, ret); /* a tile has it */
    }
    slot = (size_t)((start >> height) * 61 + height) % PV_MERKLE_NODES;
    if (nodes->node[slot].height == height &&
        nodes->node[slot].start == start) {
        *ret = nodes->node[slot].hash;
        return PV_OK;
    }
    err = make_node(reader, start, height, ret);
    if (err == PV_OK) {
        nodes->node[slot].height = height;
        nodes->node[slot].start = start;
        nodes->node[slot].hash = *ret;
    }
    return err;
}

/*
 * The hash over leaves start to end: full nodes of falling height, joined
 * from the right.
 */
static enum pv_err
range_hash(struct reader *reader, uint64_t start, uint64_t end,
           struct pv_hash *ret)
{
    struct pv_hash node[64];
    size_t         count = 0;

    if (start >= end) {
        return PV_EINVAL; /* no hash is that of nothing */
    }
    while (start < end) {
        unsigned    height = 63 - (unsigned)__builtin_clzll(end - start);
        enum pv_err err = full_node(reader, start, height, &node[count++]);

        if (err != PV_OK) {
            return err;
        }
        start += UINT64_C(1) << height;
    }
    for (; count > 1; count--) {
        enum pv_err err = pv_merkle_node(reader->source->sha, &node[count - 2],
                                         &node[count - 1], &node[count - 2]);

        if (err != PV_OK) {
            return err;
        }
    }
    *ret = node[0];
    return PV_OK;
}

enum pv_err
pv_merkle_root(const struct pv_merkle_source *source, uint64_t size,
               struct pv_hash *ret)
{
    struct reader reader;

    if (size > PV_MERKLE_SIZE_MAX) {
        return PV_ERANGE;
    }
    if (size == 0) {
        *ret = pv_merkle_empty;
        return PV_OK;
    }
    begin(&reader, source, size);
    return range_hash(&reader, 0, size, ret);
}

/* Proofs are collected from the root down and told from the leaf up. */
static void
turn_round(struct pv_merkle_proof *proof)
{
    for (size_t i = 0; i < proof->count / 2; i++) {
        struct pv_hash hash = proof->hash[i];

        proof->hash[i] = proof->hash[proof->count - 1 - i];
        proof->hash[proof->count - 1 - i] = hash;
    }
}

enum pv_err
pv_merkle_inclusion(const struct pv_merkle_source *source, uint64_t index,
                    uint64_t size, struct pv_merkle_proof *ret)
{
    struct pv_merkle_proof proof = {.count = 0};
    struct reader          reader;
    uint64_t               start = 0;
    uint64_t               end = size;

    if (size > PV_MERKLE_SIZE_MAX || index >= size) {
        return PV_ERANGE;
    }
    begin(&reader, source, size);
    while (end - start > 1) {
        uint64_t        middle = start + pv_merkle_split(end - start);
        struct pv_hash *next = &proof.hash[proof.count++];
        enum pv_err     err;

        if (index < middle) {
            err = range_hash(&reader, middle, end, next);
            end = middle;
        } else {
            err = range_hash(&reader, start, middle, next);
            start = middle;
        }
        if (err != PV_OK) {
            return err;
        }
    }
    turn_round(&proof);
    *ret = proof;
    return PV_OK;
}

enum pv_err
pv_merkle_consistency(const struct pv_merkle_source *source, uint64_t old_size,
                      uint64_t new_size, struct pv_merkle_proof *ret)
{
    struct pv_merkle_proof proof = {.count = 0};
    struct reader          reader;
    uint64_t               start = 0;
    uint64_t               end = new_size;
    enum pv_err            err = PV_OK;

    if (new_size > PV_MERKLE_SIZE_MAX || old_size > new_size) {
        return PV_ERANGE;
    }
    if (old_size == 0) {
        end = 0; /* nothing to prove */
    }
    begin(&reader, source, new_size);
    /* down to the last node that lies in the old tree as a whole */
    while (err == PV_OK && old_size < end) {
        uint64_t        middle = start + pv_merkle_split(end - start);
        struct pv_hash *next = &proof.hash[proof.count++];

        if (old_size <= middle) {
            err = range_hash(&reader, middle, end, next);
            end = middle;
        } else {
            err = range_hash(&reader, start, middle, next);
            start = middle;
        }
    }
    if (err == PV_OK && start > 0) { /* else it is the old root itself */
        err = range_hash(&reader, start, end, &proof.hash[proof.count++]);
    }
    if (err != PV_OK) {
        return err;
    }
    turn_round(&proof);
    *ret = proof;
    return PV_OK;
}
