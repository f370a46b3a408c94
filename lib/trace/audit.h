/*
 * audit.h - is a whole log on disk what its log signed, and is everything
 * there? Reads a log's directory and its journal, changes nothing.
 *
 * What is looked at, to the byte:
 *   journal      every segment; every record against the hash at its leaf
 *   packs        every line, every file against its name, every bundle against
 *                the hashes at its leaves; no file too many
 *   tree         every upper hash against the 256 below it; no byte too many;
 *                each leaf has a record, or was pruned by a decision that a
 *                record tells
 *   checkpoints  signed; of this tree; each the beginning of the next; and the
 *                published one no older than those kept
 * A tree that is as the log signed it and a record that hashes to its leaf are
 * what they were. What stands behind the last checkpoint nobody has signed: it
 * is compared with the journal alone.
 *
 * The log is to be at rest, or the newest part may look wrong while it is
 * written.
 *
 * Ownership: all the caller's.  Threads: one owner.  Blocks: on the disk.
 * Memory:    constant.
 */
#ifndef PV_TRACE_AUDIT_H
#define PV_TRACE_AUDIT_H

#include "trace/checkpoint.h"

struct pv_audit_finding {
    const char   *word; /* stable: "leaf-differs" */
    char          file[96];
    uint64_t      at; /* a leaf, a hash, a line or a byte: ->why says which */
    struct pv_why why;
};

typedef void pv_audit_fn(void *context, const struct pv_audit_finding *finding);

struct pv_audit {
    /* in */
    int                       log_dirfd;
    int                       journal_dirfd; /* -1: the packs alone */
    const struct pv_note_key *log;
    const struct pv_note_key *witness; /* whose lines are to be right */
    size_t                    witness_count;
    size_t                    quorum; /* on the published checkpoint */
    pv_audit_fn              *fn;     /* called for each finding */
    void                     *context;
    /* out */
    uint64_t findings;
    uint64_t size;           /* of the published checkpoint */
    uint64_t leaves;         /* in the tree's files */
    uint64_t records;        /* compared, in packs and in the journal */
    uint64_t pruned;         /* leaves without a record, by decision */
    uint64_t unsigned_count; /* records behind the published checkpoint */
    uint64_t packs;
    uint64_t checkpoints;
};

/*
 * PV_OK: everything was looked at; ->findings tells whether it is whole.
 * Others: it could not be looked at; why.
 */
enum pv_err pv_audit_run(struct pv_audit *audit,
                         struct pv_why   *why) PV_MUST_CHECK;

#endif
