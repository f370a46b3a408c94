/*
 * backup.h - a copy of a log that can be checked and brought back.
 *
 * A backup is a directory:
 *   journal/NNNNNNNNNN.pvj   the raw segments, to their last whole commit
 *   journal/state, removed   what was counted up to one of them; which are gone
 *   log/...                  packs, pruned, pack/, tree/ up to the checkpoint,
 *                            checkpoint and what else the log's directory has
 *   MANIFEST                 text, written last:
 *      payvand-log-backup 1
 *      <SHA-256, hex> <length> <path>      one line a file
 *      <SHA-256 of all lines above> end
 *
 * The copy is made beside the live writers: first what was published, then the
 * raw segments, then the packs, so that no leaf can be in neither. Every copy
 * is checked as a whole afterwards (pv_log_check).
 *
 * Neither the signer's key nor what it last signed is in a backup: the key is
 * not to lie about, and its high-water mark must not go back with the rest.
 *
 * Ownership: descriptors stay the caller's. Blocks: on the disk, for long.
 * Errors:    why has the words, with file and place. PV_ESYS, PV_ENOMEM,
 *            PV_ECRYPTO, and those at each function.
 */
#ifndef PV_TRACE_BACKUP_H
#define PV_TRACE_BACKUP_H

#include "trace/log_read.h"
#include "trace/tiles.h"

#define PV_BACKUP_MANIFEST "MANIFEST"
#define PV_BACKUP_MANIFEST_MAX (256 << 20)
#define PV_BACKUP_PATH_MAX 255

/* What is being done, and how far it is: bytes when copying, else leaves. */
typedef void pv_backup_progress_fn(void *context, const char *step,
                                   uint64_t done, uint64_t total);

struct pv_backup {
    /* in */
    int                    journal_dirfd;
    int                    log_dirfd;
    int                    dirfd;    /* of the backup */
    pv_backup_progress_fn *progress; /* NULL: none */
    void                  *context;
    /* out */
    uint64_t       file_count;
    uint64_t       len;
    uint64_t       first; /* leaves that are there: from first */
    uint64_t       end;   /* and before end */
    uint64_t       size;  /* of the checkpoint */
    struct pv_hash root;
};

/*
 * Copy to an empty directory. PV_EEXIST: it is not empty. PV_ENOTFOUND: the
 * log has no checkpoint yet. PV_ECORRUPT, PV_EVERIFY: the log is damaged.
 */
enum pv_err pv_backup_export(struct pv_backup *backup,
                             struct pv_why    *why) PV_MUST_CHECK;

/*
 * Bring a backup back into two empty directories. PV_EEXIST: one of them is
 * not empty. PV_ECORRUPT, PV_EVERIFY: the backup is not what was written.
 */
enum pv_err pv_backup_restore(struct pv_backup *backup,
                              struct pv_why    *why) PV_MUST_CHECK;

/*
 * Check a log at rest, or beside its writers: the tree has the checkpoint's
 * root, and each leaf that is kept is the one in the tree.
 */
enum pv_err pv_log_check(struct pv_backup *backup,
                         struct pv_why    *why) PV_MUST_CHECK;

/*
 * Write what a static server of C2SP tlog-tiles needs into an empty directory:
 * checkpoint, tile/<level>/<n>, tile/entries/<n>. Bundles with pruned leaves
 * are left out.
 */
enum pv_err pv_backup_static(struct pv_backup *backup, int target,
                             struct pv_why *why) PV_MUST_CHECK;

#endif
