/* audit_private.h - what the files of the audit share. */
#ifndef PV_TRACE_AUDIT_PRIVATE_H
#define PV_TRACE_AUDIT_PRIVATE_H

#include "trace/audit.h"
#include "trace/record.h"
#include "trace/tiles.h"

#define AUDIT_TREE "tree"
#define AUDIT_JOURNAL "journal"

struct audit {
    struct pv_audit  *ask;
    struct pv_sha256 *sha;
    struct pv_tiles  *tiles; /* NULL: there is no tree to compare with */
    int               treefd;
    uint64_t          leaves;     /* hashes in file 0 */
    uint64_t          packed_end; /* leaves that are or were in packs */
    uint64_t          seen_end;   /* behind the last leaf with a record */
    bool              have_tile;  /* of file 0, read last */
    uint64_t          tile_n;
    struct pv_hash    tile[PV_TILE_WIDTH];
    /* the pruning in force; its record stands behind what it removed */
    uint64_t pruned_end; /* leaves before it are gone; 0: none are */
    char     decision[PV_RECORD_WORD_MAX];
    size_t   decision_len;
    bool     decided; /* a record says so */
};

void audit_found(struct audit *audit, const char *word, const char *file,
                 uint64_t at, const char *format, ...) PV_PRINTF(5, 6);

/* The first width hashes of tile n, from the file as it is. */
enum pv_err audit_read_tile(const struct audit *audit, unsigned level,
                            uint64_t n, unsigned width,
                            struct pv_hash out[PV_TILE_WIDTH]) PV_MUST_CHECK;

/* A record at a leaf: does the tree have its hash there? file is where. */
enum pv_err audit_leaf(struct audit *audit, const char *file, uint64_t index,
                       struct pv_slice line) PV_MUST_CHECK;

/* The lengths of the files, and upper hashes. (audit_tree.c) */
enum pv_err audit_tree_files(struct audit *audit) PV_MUST_CHECK;
enum pv_err audit_tree_hashes(struct audit *audit) PV_MUST_CHECK;

/* (audit_leaves.c) */
enum pv_err audit_packs(struct audit *audit) PV_MUST_CHECK;
/* After both: is there a record for every leaf, or of its removal? */
void audit_coverage(struct audit *audit);

/* (audit_journal.c) */
enum pv_err audit_journal(struct audit *audit) PV_MUST_CHECK;

/* (audit_checkpoints.c) */
enum pv_err audit_published(struct audit *audit) PV_MUST_CHECK;
enum pv_err audit_kept(struct audit *audit) PV_MUST_CHECK;

#endif
