/*
 * packs.h - the list of a log's packs, and what was pruned by decision. Text
 * files in the log's directory, one line a thing, written at the end only.
 *
 * packs, line k (PV_PACK_LINE_LEN bytes) is pack k
 *    0 10  number of the pack, decimal with leading zeros (as all here)
 *   11 64  SHA-256 of the pack, hex; its name in pack/
 *   76 12  its length
 *   89 15  first leaf written at, ms
 *  105 15  last leaf written at, ms
 *  121  8  CRC32C of bytes 0 to 120, hex
 *  129  1  line feed; between the fields is one space
 * pruned, one line for each pruning
 *    10  packs below this number are removed
 *    15  when, ms
 *     n  the decision's reference, a word of record.h
 *     8  CRC32C of the line up to it, hex; line feed
 *
 * A last line that does not read was never complete: readers pass over it, the
 * writer cuts it. Any other is damage.
 *
 * Ownership: the caller owns the struct; the directory stays the caller's.
 * Blocks: on the disk. Memory does not grow with the log.
 */
#ifndef PV_TRACE_PACKS_H
#define PV_TRACE_PACKS_H

#include <time.h>

#include "trace/pack.h"

#define PV_PACK_LINE_LEN 130
#define PV_PACKS_FILE "packs"
#define PV_PRUNED_FILE "pruned"
#define PV_PRUNED_LINE_MAX (10 + 1 + 15 + 1 + PV_RECORD_WORD_MAX + 1 + 8 + 1)
#define PV_PRUNED_LEN_MAX (1 << 20)

struct pv_pack_line {
    uint64_t       number;
    struct pv_hash hash;
    uint64_t       len;
    int64_t        first_ms;
    int64_t        last_ms;
};

struct pv_pruning {
    uint64_t        end; /* packs below it */
    int64_t         when_ms;
    struct pv_slice decision;
};

struct pv_packs {
    int      dirfd; /* borrowed; -1: no log directory */
    int      fd;    /* of `packs`; -1: none yet */
    uint64_t count;
    uint64_t pruned; /* packs below are removed */
    /* the files as they were last read: so long, changed then */
    int64_t         list_len;
    int64_t         pruned_len;
    struct timespec pruned_at;
};

/* ---- codec -------------------------------------------------------------- */

void pv_pack_line_write(const struct pv_pack_line *line,
                        char                       room[PV_PACK_LINE_LEN]);
/* PV_ECORRUPT. Law: what is read is written again to the same bytes. */
enum pv_err pv_pack_line_read(struct pv_slice      text,
                              struct pv_pack_line *ret_line) PV_MUST_CHECK;

/* ---- reading ------------------------------------------------------------ */

void        pv_packs_init(struct pv_packs *packs, int dirfd);
void        pv_packs_clear(struct pv_packs *packs);
enum pv_err pv_packs_refresh(struct pv_packs *packs) PV_MUST_CHECK;

/* PV_ENOTFOUND at and behind ->count; PV_ECORRUPT. */
enum pv_err pv_packs_line(const struct pv_packs *packs, uint64_t number,
                          struct pv_pack_line *ret_line) PV_MUST_CHECK;

/* The first pack with a leaf written at when_ms or later; ->count: none. */
enum pv_err pv_packs_seek(const struct pv_packs *packs, int64_t when_ms,
                          uint64_t *ret_number) PV_MUST_CHECK;

/* Anything but PV_OK from fn ends it. The last one called is in force. */
typedef enum pv_err pv_pruning_fn(void                    *context,
                                  const struct pv_pruning *pruning);
enum pv_err         pv_packs_prunings(int log_dirfd, pv_pruning_fn *fn,
                                      void *context) PV_MUST_CHECK;

/* ---- writing ------------------------------------------------------------ */

/* Cut a last line that is not whole, and say how many packs there are. */
enum pv_err pv_packs_mend(int log_dirfd, uint64_t *ret_count) PV_MUST_CHECK;

/* Add a line and make it durable. line->number is that of pv_packs_mend. */
enum pv_err pv_packs_append(int                        log_dirfd,
                            const struct pv_pack_line *line) PV_MUST_CHECK;

/*
 * Say that packs below pruning->end are removed, then remove their files; both
 * durable at return. Done again after a crash it finishes what was begun.
 * PV_EEXIST: another process prunes. ret_removed counts files, ret_len bytes.
 */
enum pv_err pv_packs_prune(int log_dirfd, const struct pv_pruning *pruning,
                           uint64_t *ret_removed,
                           uint64_t *ret_len) PV_MUST_CHECK;

#endif
