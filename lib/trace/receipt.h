/*
 * receipt.h - the small file that shows, years later and offline, that a
 * request stands in the log (design 6).
 *
 * One object of canonical JSON (RFC 8785: members in this order, no spaces)
 * and one newline. There is one spelling of a receipt: every other byte
 * sequence is refused, so no byte of the file can change unseen.
 *
 *   checkpoint   the signed note, whole (checkpoint.h, note.h)
 *   completion   absent while the end of the request is not in the checkpoint
 *     entry      the line of the completions record
 *     index      its leaf
 *     proof      its inclusion, as below
 *   entry        the line of the request record (record.h): the leaf's bytes
 *   index        its leaf
 *   proof        array of base64 of 32 bytes, from the leaf up (RFC 9162 2.1.3)
 *   type         "payvand-receipt"
 *   v            1 (PV_RECEIPT_VERSION)
 *
 * To check: the note is signed by the log's key and by the witnesses asked
 * for; SHA-256(0x00 || entry) and the proof lead to the root of the checkpoint;
 * the completions record names the request's index.
 *
 * Ownership: slices of a parsed receipt point into it, until it is cleared;
 *            those of one to be written are the caller's.
 * Threads:   any.  Blocks: never.  Limits: PV_RECEIPT_MAX bytes.
 */
#ifndef PV_TRACE_RECEIPT_H
#define PV_TRACE_RECEIPT_H

#include "trace/checkpoint.h"
#include "trace/record.h"

#define PV_RECEIPT_VERSION 1
#define PV_RECEIPT_MAX (256 * 1024)

struct pv_receipt_leaf {
    struct pv_slice        entry;
    uint64_t               index;
    struct pv_merkle_proof proof;
};

struct pv_receipt {
    struct pv_slice        checkpoint;
    struct pv_receipt_leaf request;
    bool                   has_completion;
    struct pv_receipt_leaf completion; /* if there is one */
    void                  *owner;      /* private; NULL in one to be written */
};

/* Write the file behind what out holds. PV_ERANGE: an index past 2^53. */
enum pv_err pv_receipt_write(const struct pv_receipt *receipt,
                             struct pv_buf           *out) PV_MUST_CHECK;

/*
 * Read a file; verifies nothing. PV_EINVAL: not a receipt in its one spelling
 * (why says where); PV_EVERSION; PV_ERANGE: too long; PV_ENOMEM.
 */
enum pv_err pv_receipt_parse(struct pv_slice bytes, struct pv_receipt *ret,
                             struct pv_why *why) PV_MUST_CHECK;
void        pv_receipt_clear(struct pv_receipt *receipt);

/* ---- verifying ---------------------------------------------------------- */

struct pv_receipt_trust {          /* all borrowed */
    const struct pv_note_key *log; /* PV_NOTE_ED25519 */
    const struct pv_note_key *witness;
    size_t                    witness_count;
    size_t                    quorum; /* how many of them must have signed */
};

/* What is wrong. Zero is: not found to be good. */
enum pv_receipt_fault {
    PV_RECEIPT_UNCHECKED = 0,
    PV_RECEIPT_GOOD,
    PV_RECEIPT_NOTE,             /* the checkpoint is no signed note */
    PV_RECEIPT_LOG_UNSIGNED,     /* no signature of the log's key */
    PV_RECEIPT_LOG_SIGNATURE,    /* that signature is wrong */
    PV_RECEIPT_CHECKPOINT,       /* the signed text is not the log's */
    PV_RECEIPT_WITNESS,          /* a cosignature is wrong */
    PV_RECEIPT_QUORUM,           /* too few witnesses */
    PV_RECEIPT_ENTRY,            /* the entry is no request record */
    PV_RECEIPT_INDEX,            /* outside of the checkpoint's tree */
    PV_RECEIPT_PROOF,            /* does not lead to the root */
    PV_RECEIPT_COMPLETION_ENTRY, /* no completions record */
    PV_RECEIPT_COMPLETION_OF,    /* of other requests */
    PV_RECEIPT_COMPLETION_INDEX,
    PV_RECEIPT_COMPLETION_PROOF,
    PV_RECEIPT_FAULTS,
};

struct pv_receipt_verdict {
    enum pv_receipt_fault fault;
    struct pv_checkpoint  checkpoint;
    struct pv_note        note;
    struct pv_hash        leaf;       /* of the request */
    struct pv_record      record;     /* the request */
    struct pv_completion  completion; /* if the receipt has one */
    size_t                cosigned;   /* of the witnesses given */
};

/* A stable word for a fault: "quorum"; never NULL. */
const char *pv_receipt_fault_word(enum pv_receipt_fault fault);

/*
 * PV_OK only if everything holds; then the fault is PV_RECEIPT_GOOD.
 * PV_EVERIFY: the fault tells which part does not, why says it with the hash
 * or the name concerned. Other errors: PV_ECRYPTO, PV_ENOMEM; the fault is
 * PV_RECEIPT_UNCHECKED then. The verdict is filled as far as the checks came
 * and borrows from the receipt.
 */
enum pv_err pv_receipt_verify(const struct pv_receipt       *receipt,
                              const struct pv_receipt_trust *trust,
                              struct pv_receipt_verdict     *verdict,
                              struct pv_why                 *why) PV_MUST_CHECK;

#endif
