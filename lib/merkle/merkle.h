/*
 * merkle.h - the Merkle tree of RFC 6962 section 2.1 (RFC 9162 2.1): hashes,
 * roots, inclusion and consistency proofs. No I/O.
 *
 * A tree of n leaves is cut at the largest power of two below n. Nodes are
 * read by tiles of 256 (tile.h), through a function of the caller's, so a
 * tree may lie in memory, in files, or at the other end of a network.
 *
 * Errors:  PV_ECRYPTO when OpenSSL fails; what the tile function returned;
 *          others at each function. Outputs are left alone on failure.
 * Threads: as the pv_sha256 that is used.  Blocks: never itself.
 * Limits:  PV_MERKLE_SIZE_MAX leaves, PV_MERKLE_PROOF_MAX hashes in a proof.
 */
#ifndef PV_MERKLE_MERKLE_H
#define PV_MERKLE_MERKLE_H

#include "crypto/sha256.h"
#include "merkle/tile.h"

#define PV_MERKLE_SIZE_MAX ((uint64_t)INT64_MAX)
#define PV_MERKLE_PROOF_MAX 64

/* The root of the tree of no leaves: SHA-256 of nothing. */
extern const struct pv_hash pv_merkle_empty;

/* SHA-256(0x00 || entry) */
enum pv_err pv_merkle_leaf(struct pv_sha256 *sha, struct pv_slice entry,
                           struct pv_hash *ret) PV_MUST_CHECK;

/* SHA-256(0x01 || left || right); ret may be left or right. */
enum pv_err pv_merkle_node(struct pv_sha256 *sha, const struct pv_hash *left,
                           const struct pv_hash *right,
                           struct pv_hash       *ret) PV_MUST_CHECK;

/*
 * The root over count nodes of one height, 1 to PV_TILE_WIDTH. node is used
 * as working room: its content is lost.
 */
enum pv_err pv_merkle_fold(struct pv_sha256 *sha, struct pv_hash *node,
                           size_t count, struct pv_hash *ret) PV_MUST_CHECK;

/* The largest power of two below n; n is 2 or more. */
uint64_t pv_merkle_split(uint64_t n);

/* ---- verifying -------------------------------------------------------- */

/*
 * PV_OK only if leaf stands at index of the tree of size leaves with root.
 * PV_EVERIFY: the proof does not lead there, or has the wrong length;
 * PV_ERANGE: index is not below size, or size is past the maximum.
 */
enum pv_err
pv_merkle_verify_inclusion(struct pv_sha256 *sha, uint64_t index, uint64_t size,
                           const struct pv_hash *leaf,
                           const struct pv_hash *proof, size_t proof_count,
                           const struct pv_hash *root) PV_MUST_CHECK;

/*
 * PV_OK only if the tree of new_size begins with the tree of old_size. From 0
 * (the proof is empty, old_root is pv_merkle_empty) everything follows; equal
 * sizes need equal roots and an empty proof. PV_EVERIFY; PV_ERANGE: old_size
 * is above new_size, or a size is past the maximum.
 */
enum pv_err pv_merkle_verify_consistency(struct pv_sha256 *sha,
                                         uint64_t old_size, uint64_t new_size,
                                         const struct pv_hash *old_root,
                                         const struct pv_hash *new_root,
                                         const struct pv_hash *proof,
                                         size_t proof_count) PV_MUST_CHECK;

/* ---- making ----------------------------------------------------------- */

/*
 * Read the first width hashes of tile n of a level. Called for tiles of the
 * tree in question only; width is 1 to PV_TILE_WIDTH.
 */
typedef enum pv_err pv_merkle_tile_fn(void *context, unsigned level, uint64_t n,
                                      unsigned       width,
                                      struct pv_hash out[PV_TILE_WIDTH]);

/*
 * Nodes over whole runs of leaves that were made for a proof, for the next
 * one. They never change as long as the tree only grows: whoever reads a tree
 * that may be cut keeps none. All zeros: empty.
 */
#define PV_MERKLE_NODES 4096 /* 192 KiB */

struct pv_merkle_nodes {
    struct {
        uint64_t       start;  /* its first leaf */
        unsigned       height; /* over 2^height leaves; 0: empty */
        struct pv_hash hash;
    } node[PV_MERKLE_NODES];
};

struct pv_merkle_source { /* all borrowed */
    struct pv_sha256       *sha;
    pv_merkle_tile_fn      *read;
    void                   *context;
    struct pv_merkle_nodes *nodes; /* NULL: none are kept */
};

struct pv_merkle_proof {
    size_t         count;
    struct pv_hash hash[PV_MERKLE_PROOF_MAX]; /* in the order of RFC 6962 */
};

/* PV_ERANGE for a size past the maximum. */
enum pv_err pv_merkle_root(const struct pv_merkle_source *source, uint64_t size,
                           struct pv_hash *ret) PV_MUST_CHECK;

/* PV_ERANGE: index is not below size. */
enum pv_err pv_merkle_inclusion(const struct pv_merkle_source *source,
                                uint64_t index, uint64_t size,
                                struct pv_merkle_proof *ret) PV_MUST_CHECK;

/* From 0 and between equal sizes it is empty. PV_ERANGE: old above new. */
enum pv_err pv_merkle_consistency(const struct pv_merkle_source *source,
                                  uint64_t old_size, uint64_t new_size,
                                  struct pv_merkle_proof *ret) PV_MUST_CHECK;

#endif
