#include "merkle/merkle.h"

/*
 * The proofs of RFC 9162 2.1.3.2 and 2.1.4.2, as their text has them: walk
 * from the lowest node to the root; where and last are the node's place and
 * that of the last node of its height.
 */

struct walk {
    struct pv_sha256 *sha;
    uint64_t          where;
    uint64_t          last;
};

/* Up from a node that is the last of its height and a left one. */
static void
skip_single(struct walk *walk)
{
    while (walk->where != 0 && walk->where % 2 == 0) {
        walk->where >>= 1;
        walk->last >>= 1;
    }
}

enum pv_err
pv_merkle_verify_inclusion(struct pv_sha256 *sha, uint64_t index, uint64_t size,
                           const struct pv_hash *leaf,
                           const struct pv_hash *proof, size_t proof_count,
                           const struct pv_hash *root)
{
    struct walk    walk = {sha, index, size - 1};
    struct pv_hash hash = *leaf;

    if (size > PV_MERKLE_SIZE_MAX || index >= size) {
        return PV_ERANGE;
    }
    for (size_t i = 0; i < proof_count; i++) {
        enum pv_err err;

        if (walk.last == 0) {
            return PV_EVERIFY; /* more hashes than the way has */
        }
        if (walk.where % 2 == 1 || walk.where == walk.last) {
            err = pv_merkle_node(sha, &proof[i], &hash, &hash);
            skip_single(&walk);
        } else {
            err = pv_merkle_node(sha, &hash, &proof[i], &hash);
        }
        if (err != PV_OK) {
            return err;
        }
        walk.where >>= 1;
        walk.last >>= 1;
    }
    return walk.last == 0 && pv_hash_eq(&hash, root) ? PV_OK : PV_EVERIFY;
}

/* One step of a consistency proof: both trees grow, or the new one alone. */
static enum pv_err
step(struct walk *walk, const struct pv_hash *by, struct pv_hash *old_hash,
     struct pv_hash *new_hash)
{
    enum pv_err err;

    if (walk->last == 0) {
        return PV_EVERIFY;
    }
    if (walk->where % 2 == 1 || walk->where == walk->last) {
        err = pv_merkle_node(walk->sha, by, old_hash, old_hash);
        if (err == PV_OK) {
            err = pv_merkle_node(walk->sha, by, new_hash, new_hash);
        }
        skip_single(walk);
    } else {
        err = pv_merkle_node(walk->sha, new_hash, by, new_hash);
    }
    walk->where >>= 1;
    walk->last >>= 1;
    return err;
}

static enum pv_err
verify_growth(struct pv_sha256 *sha, uint64_t old_size, uint64_t new_size,
              const struct pv_hash *old_root, const struct pv_hash *new_root,
              const struct pv_hash *proof, size_t proof_count)
{
    struct walk    walk = {sha, old_size - 1, new_size - 1};
    struct pv_hash old_hash;
    struct pv_hash new_hash;
    size_t         i = 0;

    while (walk.where % 2 == 1) {
        walk.where >>= 1;
        walk.last >>= 1;
    }
    if ((old_size & (old_size - 1)) == 0) {
        old_hash = *old_root; /* a full tree is its own first node */
    } else if (proof_count > 0) {
        old_hash = proof[i++];
    } else {
        return PV_EVERIFY;
    }
    new_hash = old_hash;
    for (; i < proof_count; i++) {
        enum pv_err err = step(&walk, &proof[i], &old_hash, &new_hash);

        if (err != PV_OK) {
            return err;
        }
    }
    return walk.last == 0 && pv_hash_eq(&old_hash, old_root) &&
                   pv_hash_eq(&new_hash, new_root)
               ? PV_OK
               : PV_EVERIFY;
}

enum pv_err
pv_merkle_verify_consistency(struct pv_sha256 *sha, uint64_t old_size,
                             uint64_t new_size, const struct pv_hash *old_root,
                             const struct pv_hash *new_root,
                             const struct pv_hash *proof, size_t proof_count)
{
    if (new_size > PV_MERKLE_SIZE_MAX || old_size > new_size) {
        return PV_ERANGE;
    }
    if (old_size == 0 && !pv_hash_eq(old_root, &pv_merkle_empty)) {
        return PV_EVERIFY;
    }
    if (old_size == new_size) {
        return proof_count == 0 && pv_hash_eq(old_root, new_root) ? PV_OK
                                                                  : PV_EVERIFY;
    }
    if (old_size == 0) {
        return proof_count == 0 ? PV_OK : PV_EVERIFY;
    }
    return verify_growth(sha, old_size, new_size, old_root, new_root, proof,
                         proof_count);
}
