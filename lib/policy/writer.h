/*
 * writer.h - the inside of the writer, shared by its files.
 * Private to lib/policy.
 */
#ifndef PV_POLICY_WRITER_H
#define PV_POLICY_WRITER_H

#include "base/buf.h"
#include "policy/db.h"

/* Keys put in a replacing transaction, for the sweep at its end. */
struct pv_seen {
    struct pv_buf keys;   /* {u8 database, u8 length, key} one after another */
    size_t       *offset; /* of each in keys; owned */
    size_t        count;
    size_t        room;
};

#define PV_SEEN_BYTES_MAX ((size_t)1 << 32)

/* A bundle on its way: rows point into bundles that a write may move, so all
 * that is to be written is packed before any of it is. */
struct pv_packed {
    uint8_t key[PV_KEY_GRANT_LEN];
    uint8_t bytes[PV_BUNDLE_MAX];
    size_t  len;
};

/* Grants put and not written yet; memory is kept for the next transaction. */
struct pv_waiting {
    struct pv_buf         bytes; /* {key, value} one after another */
    struct pv_bundle_row *row;   /* of each, into bytes; owned */
    size_t                count;
    size_t                room;
};

struct pv_image {
    MDB_env              *env;
    MDB_txn              *txn; /* NULL outside begin */
    MDB_dbi               small;
    MDB_dbi               grants;
    uint32_t              format; /* of the file */
    enum pv_image_begin   how;
    uint64_t              decision; /* of the last commit */
    uint64_t              next; /* of the one that is open, when it is set */
    bool                  decision_is_set;
    int64_t               valid_until_ms;
    bool                  valid_is_set;
    bool                  durable;
    bool                  unsettled; /* power loss may undo the last commit */
    uint64_t              changes;   /* rows written and deleted since begin */
    struct pv_seen        seen;
    struct pv_waiting     waiting;
    struct pv_bundle_rows rows; /* of one change of the grants */
    struct pv_packed      low;
    struct pv_packed      high;
};

void        pv_seen_init(struct pv_seen *seen);
void        pv_seen_clear(struct pv_seen *seen);
enum pv_err pv_seen_add(struct pv_seen *seen, uint8_t database, const void *key,
                        size_t len) PV_MUST_CHECK;
void        pv_seen_sort(struct pv_seen *seen);
/* sorted: after pv_seen_sort; otherwise every key is looked at. */
bool pv_seen_has(const struct pv_seen *seen, bool sorted, uint8_t database,
                 const void *key, size_t len);

void pv_waiting_init(struct pv_waiting *waiting);
void pv_waiting_clear(struct pv_waiting *waiting);
void pv_waiting_forget(struct pv_waiting *waiting);
/* Copies both. PV_ERANGE: there is no room until what waits is written. */
enum pv_err pv_waiting_add(struct pv_waiting *waiting, const struct pv_key *key,
                           const uint8_t *value, size_t len) PV_MUST_CHECK;
/* By key; of those with one key the last is left. */
void pv_waiting_sort(struct pv_waiting *waiting);

/* One row; database is 0 or PV_TABLE_GRANTS. Put writes only what differs. */
enum pv_err pv_row_get(struct pv_image *image, uint8_t database,
                       const struct pv_key *key, enum pv_row_kind kind,
                       void *ret_row) PV_MUST_CHECK;
enum pv_err pv_row_put(struct pv_image *image, uint8_t database,
                       struct pv_key *key, enum pv_row_kind kind,
                       const void *row) PV_MUST_CHECK;
enum pv_err pv_row_del(struct pv_image *image, uint8_t database,
                       struct pv_key *key) PV_MUST_CHECK;

/*
 * The same for grants, inside a transaction; value: the row's bytes. What is
 * put waits, so that a bundle is written once for all of its rows; flush writes
 * it, and whoever reads the grants of the transaction flushes first.
 */
enum pv_err pv_grants_get(struct pv_image *image, const struct pv_key *key,
                          struct pv_grant_row *ret_row) PV_MUST_CHECK;
enum pv_err pv_grants_put(struct pv_image *image, const struct pv_key *key,
                          const uint8_t *value, size_t len) PV_MUST_CHECK;
enum pv_err pv_grants_del(struct pv_image     *image,
                          const struct pv_key *key) PV_MUST_CHECK;
enum pv_err pv_grants_flush(struct pv_image *image) PV_MUST_CHECK;
enum pv_err pv_grants_sweep(struct pv_image *image) PV_MUST_CHECK;

/* Delete the rows of the replaced tables that were not put. */
enum pv_err pv_image_sweep(struct pv_image *image) PV_MUST_CHECK;

#endif
