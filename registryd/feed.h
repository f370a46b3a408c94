/*
 * feed.h - decisions on their way from a registry to another copy of it: to
 * the nodes of the exchange, and back from a backup.
 *
 * A batch is one object:
 *
 *   checkpoint  the signed note of the decision log (trace/checkpoint.h)
 *   decisions   documents of decisions from + 1, from + 2 ... without gaps
 *   from        number of the decision before them
 *   proof       hex of 32 bytes each: that the tree that ends with them is the
 *               beginning of the checkpoint's (RFC 6962 2.1.2)
 *
 * Who takes a batch hashes the documents behind his own tree; the root must
 * lead to the one that was signed. So a document that was changed, left out,
 * put in or moved is no batch, whoever carried it; and what is taken is decided
 * again by the same rules, written and put into the image in one transaction
 * each. A copy needs the same version as its registry: a decision that its
 * rules refuse is not passed over.
 *
 * Ownership: all the caller's. Threads: as the registry. Blocks: as deciding.
 */
#ifndef PV_REGISTRYD_FEED_H
#define PV_REGISTRYD_FEED_H

#include "registry.h"
#include "trace/checkpoint.h"

#define PV_FEED_COUNT_MAX 1000                 /* decisions of a batch */
#define PV_FEED_LEN ((size_t)4 * 1024 * 1024)  /* then no more is added */
#define PV_FEED_MAX ((size_t)12 * 1024 * 1024) /* bytes of a batch */

/*
 * Write the batch behind decision `from` under a checkpoint of ours of `size`
 * leaves. From above size there are no decisions in it.
 */
enum pv_err pv_feed_give(struct pv_registry *registry, struct pv_slice note,
                         uint64_t size, int64_t from,
                         struct pv_buf *out) PV_MUST_CHECK;

struct pv_feed_taken {
    int64_t         last; /* number of the last decision that is held */
    uint64_t        size; /* that the batch's checkpoint signs */
    struct pv_slice note; /* borrowed from ->owner */
    json_t         *owner;
};

/*
 * Take a batch into a registry with a log, whole or not at all; one without
 * decisions says that there are none. Then image and log are brought up: an
 * error of that leaves them behind, and the decisions are held.
 * PV_EINVAL: no batch; PV_ESTATE: not what follows here; PV_EVERIFY: not what
 * key signed, or a log that went back; PV_EREFUSED: our rules refuse one.
 * ret is filled only by PV_OK; then the caller gives ret->owner back.
 */
enum pv_err pv_feed_take(struct pv_registry *registry, struct pv_slice batch,
                         const struct pv_note_key *key,
                         struct pv_feed_taken     *ret,
                         struct pv_why            *why) PV_MUST_CHECK;

#endif
