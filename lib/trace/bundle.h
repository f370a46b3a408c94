/*
 * bundle.h - up to 256 leaves of the log, from a multiple of 256 on: what is
 * read, packed and served at once (an entry bundle of C2SP tlog-tiles).
 *
 * ->entries has the published form: for each leaf a big-endian u16 length and
 * the record's line. Beside it stands what the journal knows of a leaf and the
 * line does not say: the worker epoch of its frame, and when its commit was
 * written.
 *
 * Ownership: the caller owns the struct, the struct its ->entries.
 * Limits:    an entry is at most PV_ENTRY_MAX bytes.
 */
#ifndef PV_TRACE_BUNDLE_H
#define PV_TRACE_BUNDLE_H

#include "base/buf.h"
#include "trace/record.h"

#define PV_BUNDLE_LEAVES 256
#define PV_ENTRY_MAX PV_COMPLETIONS_LEN_MAX /* the longest record */
#define PV_BUNDLE_ENTRIES_MAX (PV_BUNDLE_LEAVES * (2 + PV_ENTRY_MAX))

struct pv_bundle {
    uint64_t      n;     /* its first leaf is n * PV_BUNDLE_LEAVES */
    unsigned      width; /* leaves in it */
    struct pv_buf entries;
    uint32_t      at[PV_BUNDLE_LEAVES + 1]; /* of each leaf's length */
    uint64_t      epoch[PV_BUNDLE_LEAVES];
    int64_t       written_ms[PV_BUNDLE_LEAVES]; /* never steps back */
};

void pv_bundle_init(struct pv_bundle *bundle);
void pv_bundle_clear(struct pv_bundle *bundle);

/* Empty it, to be filled as number n; keeps its memory. */
void pv_bundle_begin(struct pv_bundle *bundle, uint64_t n);

/* One more leaf. PV_ERANGE: too long, or the bundle is full. PV_ENOMEM. */
enum pv_err pv_bundle_add(struct pv_bundle *bundle, struct pv_slice line,
                          uint64_t epoch, int64_t written_ms) PV_MUST_CHECK;

/* The line of leaf i, i < width; borrowed until the next change. */
struct pv_slice pv_bundle_line(const struct pv_bundle *bundle, unsigned i);

/* Which leaf the byte at offset of ->entries belongs to. */
unsigned pv_bundle_leaf_at(const struct pv_bundle *bundle, size_t offset);

/* The first width leaves in the published form. */
struct pv_slice pv_bundle_entries(const struct pv_bundle *bundle,
                                  unsigned                width);

#endif
