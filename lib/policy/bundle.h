/*
 * bundle.h - grants of neighbouring places in one value of LMDB.
 * Private to lib/policy. image.h has the byte table.
 *
 * A million rows are in no cache, and a tree of them waits for memory at each
 * step of a search. A tree of bundles is small enough to stay near. A large
 * bundle has four parts, each in a page of its own, and a hash of agency and
 * method says in which a row is; the head of the part tells by hash too where.
 * So there are two things to wait for: that head, and the row.
 *
 * Errors: PV_ECORRUPT when bytes are not what was written, PV_ERANGE when rows
 * do not fit.
 */
#ifndef PV_POLICY_BUNDLE_H
#define PV_POLICY_BUNDLE_H

#include "policy/row.h"

#define PV_BUNDLE_PART_MAX 4080 /* bytes: with LMDB's header a page */
#define PV_BUNDLE_PART_ROWS_MAX 104
#define PV_BUNDLE_PARTS 4
#define PV_BUNDLE_MAX (PV_BUNDLE_PARTS * 4096 - 16)
#define PV_BUNDLE_ROWS_MAX (PV_BUNDLE_PARTS * PV_BUNDLE_PART_ROWS_MAX)

/* One part; points into the bytes that it was opened on. */
struct pv_bundle_part {
    const uint8_t *bytes;
    size_t         len;
    size_t         count;
};

struct pv_bundle_row {
    const uint8_t *key; /* PV_KEY_GRANT_LEN bytes */
    const uint8_t *value;
    size_t         len; /* of the value */
};

/* Rows on their way into a bundle, in the order of their keys. */
struct pv_bundle_rows {
    size_t               count;
    struct pv_bundle_row row[2 * PV_BUNDLE_ROWS_MAX];
};

/* A value of LMDB under its key. */
struct pv_bundle {
    const uint8_t *key;
    size_t         key_len;
    const uint8_t *bytes;
    size_t         len;
};

/* Have memory bring the head of that part: nothing is looked at yet. */
void pv_bundle_ask(const struct pv_bundle *bundle, const struct pv_key *prefix);

/* The part in which rows of that agency and method are; the head must hold. */
enum pv_err pv_bundle_part_of(const struct pv_bundle *bundle,
                              const struct pv_key    *prefix,
                              struct pv_bundle_part  *ret_part) PV_MUST_CHECK;

/*
 * The next row, from *at on, whose key starts with the prefix, at least agency
 * and method; *at is then the place behind it. PV_ENOTFOUND: no more here.
 */
enum pv_err pv_bundle_next(const struct pv_bundle_part *part,
                           const struct pv_key *prefix, size_t *at,
                           struct pv_bundle_row *ret_row) PV_MUST_CHECK;

/* Add all rows of all parts, in order, behind those that are there. */
enum pv_err pv_bundle_unpack(const struct pv_bundle *bundle,
                             struct pv_bundle_rows  *rows) PV_MUST_CHECK;

/* The same for the rows of the part that a key belongs into. */
enum pv_err pv_bundle_unpack_part(const struct pv_bundle *bundle,
                                  const struct pv_key    *key,
                                  struct pv_bundle_rows  *rows) PV_MUST_CHECK;

/* Bytes that the rows would take in one part. */
size_t pv_bundle_size(const struct pv_bundle_rows *rows);

/*
 * Where to divide rows of which the changed one was too much: its part loses
 * about half, and the rows on either side fit.
 */
size_t pv_bundle_middle(const struct pv_bundle_rows *rows, size_t changed);

/* Make the bundle of the rows [from, until) under that key. */
enum pv_err pv_bundle_pack(const struct pv_bundle_rows *rows, size_t from,
                           size_t until, const uint8_t key[PV_KEY_GRANT_LEN],
                           uint8_t room[PV_BUNDLE_MAX],
                           size_t *ret_len) PV_MUST_CHECK;

/* The bundle with other rows in the part of that key; all else is copied. */
enum pv_err pv_bundle_repack(const struct pv_bundle      *bundle,
                             const struct pv_key         *key,
                             const struct pv_bundle_rows *rows,
                             uint8_t                      room[PV_BUNDLE_MAX],
                             size_t *ret_len) PV_MUST_CHECK;

/*
 * The bundle with rows put in, which come in the order of their keys; rows is
 * used meanwhile. ret_changed: how many differ from what was there; 0: room is
 * not filled. PV_ERANGE: a part has no room for them.
 */
enum pv_err pv_bundle_merge(const struct pv_bundle     *bundle,
                            const struct pv_bundle_row *put, size_t count,
                            struct pv_bundle_rows *rows,
                            uint8_t room[PV_BUNDLE_MAX], size_t *ret_len,
                            size_t *ret_changed) PV_MUST_CHECK;

#endif
