/*
 * snapshot.h - what the journal process knows at the beginning of a segment,
 * in the file `state` of the journal's directory. A start reads it and then
 * only the segments from there on: how much was journalled before does not
 * matter, and those segments may be gone (packed).
 *
 *    0  8  magic "PVSTATE\n"
 *    8  4  version (SNAPSHOT_VERSION)
 *   12  4  CRC32C of all behind it
 *   16  8  length of all
 *   24  8  number of the segment that comes next
 *   32  8  its first leaf
 *   40  4  head CRC of the last commit before it
 *   44  4  0
 *   48 16  id of the journal
 *   64     counts of the day, uses, epochs; each by its own file's _save
 *
 * All little-endian. It is an aid and no record: one that does not fit the
 * journal is not used, and the journal is read instead.
 */
#ifndef PV_TRACED_SNAPSHOT_H
#define PV_TRACED_SNAPSHOT_H

#include "base/buf.h"
#include "base/num.h"

#define SNAPSHOT_VERSION 1
#define SNAPSHOT_HEAD_LEN 64
#define SNAPSHOT_MAX ((size_t)256 << 20) /* all epochs full, and counts */

/* ---- for _save and _load (saved.c) ---------------------------------------
 */

struct saved { /* what is left to read */
    struct pv_slice rest;
    bool            bad; /* it ended too early, or a number is out of range */
};

enum pv_err saved_put(struct pv_buf *out, const void *bytes,
                      size_t len) PV_MUST_CHECK;
enum pv_err saved_put_u32(struct pv_buf *out, uint32_t n) PV_MUST_CHECK;
enum pv_err saved_put_u64(struct pv_buf *out, uint64_t n) PV_MUST_CHECK;

/* len bytes, borrowed; NULL at the end, which is then bad. */
const char *saved_get(struct saved *saved, size_t len);
/* 0 where there is none, or when it is above max: both bad. */
uint32_t saved_get_u32(struct saved *saved, uint32_t max);
uint64_t saved_get_u64(struct saved *saved);

/* ---- for main.c and commit.c ----------------------------------------------
 */

struct traced;

/* Its bytes, before the first commit of the journal's segment. PV_ENOMEM. */
enum pv_err snapshot_fill(const struct traced *traced,
                          struct pv_buf       *out) PV_MUST_CHECK;

/* Before the first commit of the segment just begun: have it written. */
void snapshot_take(struct traced *traced);

/*
 * Read it. The number of the segment to go on from; 0: there is none, or it
 * does not fit, and all is as if it had not been looked at.
 */
uint64_t snapshot_load(struct traced *traced);

#endif
