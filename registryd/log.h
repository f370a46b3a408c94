/*
 * log.h - the Merkle log of decisions (RFC 6962 hashing, tlog-tiles files).
 *
 * The leaf of index n - 1 is the document of decision n, byte for byte as it
 * stands in the database and as GET decisions gives it. The tree follows the
 * database, as the image does: it is brought up after each commit and at
 * opening, so a crash leaves it behind, never ahead.
 *
 * Ownership: the caller closes. Threads: one. Blocks: on the disk.
 */
#ifndef PV_REGISTRYD_LOG_H
#define PV_REGISTRYD_LOG_H

#include "merkle/merkle.h"
#include "store/store.h"

struct pv_decision_log;

/*
 * Open the tree in an existing directory. PV_ESYS with words; errors of
 * lib/trace's tiles.
 */
enum pv_err pv_decision_log_open(const char *dir, struct pv_decision_log **ret,
                                 struct pv_why *why) PV_MUST_CHECK;
void        pv_decision_log_close(struct pv_decision_log *log);

/* Leaves on disk. */
uint64_t pv_decision_log_size(const struct pv_decision_log *log);

/*
 * Append what the database holds behind the log, durable at return.
 * PV_ECORRUPT: the log is longer than the database has decisions.
 */
enum pv_err pv_decision_log_follow(struct pv_decision_log *log,
                                   struct pv_store        *store,
                                   int64_t                 last) PV_MUST_CHECK;

/* The root over all leaves on disk. */
enum pv_err pv_decision_log_root(struct pv_decision_log *log,
                                 struct pv_hash         *ret) PV_MUST_CHECK;

/* The root that the tree would have with these documents behind it. */
enum pv_err pv_decision_log_root_with(struct pv_decision_log *log,
                                      const struct pv_slice  *document,
                                      size_t                  count,
                                      struct pv_hash *ret) PV_MUST_CHECK;

/* That the tree of old_size leaves is the beginning of the one of new_size. */
enum pv_err
pv_decision_log_consistency(struct pv_decision_log *log, uint64_t old_size,
                            uint64_t                new_size,
                            struct pv_merkle_proof *ret) PV_MUST_CHECK;

/* The root over the first size leaves. */
enum pv_err pv_decision_log_root_of(struct pv_decision_log *log, uint64_t size,
                                    struct pv_hash *ret) PV_MUST_CHECK;

/* For the tiles that others read (merkle/tile.h). */
struct pv_tiles *pv_decision_log_tiles(struct pv_decision_log *log);

/* The hash of decision n's leaf. PV_ENOTFOUND. */
enum pv_err pv_decision_log_leaf(struct pv_decision_log *log, int64_t number,
                                 struct pv_hash *ret) PV_MUST_CHECK;

/* That decision n stands in the tree of the first size leaves. */
enum pv_err pv_decision_log_prove(struct pv_decision_log *log, int64_t number,
                                  uint64_t                size,
                                  struct pv_merkle_proof *ret) PV_MUST_CHECK;

#endif
