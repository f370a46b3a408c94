/*
 * tiles.h - the Merkle tree on disk: one flat file for each level of tiles.
 *
 * In a directory of its own (`tree/` of a log):
 *
 *   0    all leaf hashes, 32 bytes each, in the order of the log
 *   1    the root of each full run of 256 hashes of file 0
 *   2    the root of each full run of 256 hashes of file 1, and so on
 *
 * So a tile of tlog-tiles is a range of bytes, a partial tile the beginning
 * of one, and what was written is never written again. Version: the format
 * has none of its own; a log's checkpoints prove what the files hold.
 *
 * One process writes; who that is, a lock of the caller's decides. Readers
 * need read permission only and may read beside the writer.
 *
 * Ownership: pv_tiles_close frees; the directory's descriptor is duplicated.
 * Errors:    PV_ESYS (errno tells), PV_ENOMEM, PV_ECRYPTO, PV_ERANGE: past
 *            what the files hold. After a failed write or fdatasync every
 *            later call that writes gives PV_ESTATE: close, open, truncate.
 * Threads:   one owner at a time.    Blocks: on the disk.
 * Memory:    constant: 8 levels of 1024 hashes for a writer, a few tiles for
 *            a reader.
 */
#ifndef PV_TRACE_TILES_H
#define PV_TRACE_TILES_H

#include "merkle/merkle.h"

struct pv_tiles;

/*
 * The size after opening is the largest that all files can serve: a torn end
 * of one is not counted. Opening changes nothing. A writer then truncates to
 * the size it trusts (that of its last signed checkpoint, whose root it
 * compares first) and appends what follows; before that it may not append. An
 * empty directory is a tree of size 0. PV_ENOTFOUND: a reader finds no file 0.
 */
enum pv_err pv_tiles_open(int dirfd, bool writable,
                          struct pv_tiles **ret) PV_MUST_CHECK;
void        pv_tiles_close(struct pv_tiles *tiles); /* writes nothing */

/* Leaves; a reader's is looked up anew by pv_tiles_refresh. */
uint64_t    pv_tiles_size(const struct pv_tiles *tiles);
enum pv_err pv_tiles_refresh(struct pv_tiles *tiles) PV_MUST_CHECK;

/*
 * For whoever proves again and again in a tree that is signed, so never cut:
 * keep what was hashed for a proof (merkle.h, pv_merkle_nodes). PV_ENOMEM.
 */
enum pv_err pv_tiles_keep_nodes(struct pv_tiles *tiles) PV_MUST_CHECK;

/* ---- writing ---------------------------------------------------------- */

/*
 * Add leaf hashes; upper levels follow. Written when buffers fill. PV_ESTATE:
 * not truncated since it was opened.
 */
enum pv_err pv_tiles_append(struct pv_tiles *tiles, const struct pv_hash *leaf,
                            size_t count) PV_MUST_CHECK;

/* Write what is buffered, for readers to see. Not durable. */
enum pv_err pv_tiles_flush(struct pv_tiles *tiles) PV_MUST_CHECK;

/* Flush, and fdatasync what changed: the tree of pv_tiles_size is on disk. */
enum pv_err pv_tiles_sync(struct pv_tiles *tiles) PV_MUST_CHECK;

/* Cut to size leaves. PV_ERANGE: there are fewer. Durable after a sync. */
enum pv_err pv_tiles_truncate(struct pv_tiles *tiles,
                              uint64_t         size) PV_MUST_CHECK;

/* ---- reading: any size up to pv_tiles_size ---------------------------- */

enum pv_err pv_tiles_root(struct pv_tiles *tiles, uint64_t size,
                          struct pv_hash *ret) PV_MUST_CHECK;
enum pv_err pv_tiles_inclusion(struct pv_tiles *tiles, uint64_t index,
                               uint64_t                size,
                               struct pv_merkle_proof *ret) PV_MUST_CHECK;
enum pv_err pv_tiles_consistency(struct pv_tiles *tiles, uint64_t old_size,
                                 uint64_t                new_size,
                                 struct pv_merkle_proof *ret) PV_MUST_CHECK;

/* The first width hashes of tile n; a pv_merkle_tile_fn in its form. */
enum pv_err pv_tiles_read(struct pv_tiles *tiles, unsigned level, uint64_t n,
                          unsigned       width,
                          struct pv_hash out[PV_TILE_WIDTH]) PV_MUST_CHECK;

#endif
