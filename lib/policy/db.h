/*
 * db.h - what reader and writer share over LMDB. Private to lib/policy.
 */
#ifndef PV_POLICY_DB_H
#define PV_POLICY_DB_H

#include <lmdb.h>
#include <sys/types.h>

#include "policy/bundle.h"

#define PV_DB_FILE "data.mdb"
#define PV_DB_LOCK_FILE "lock.mdb"
#define PV_DB_PATH_MAX 512

/* The reader; one transaction, reset between calls and renewed in them. */
struct pv_policy {
    MDB_env       *env;
    MDB_txn       *txn;
    MDB_cursor    *small;  /* on the unnamed database */
    MDB_cursor    *grants; /* on the grants */
    MDB_dbi        small_dbi;
    MDB_dbi        grants_dbi;
    uint64_t       checked; /* version whose meta row was read; 0: none */
    struct pv_meta meta;
    dev_t          device; /* of the file that is open */
    ino_t          inode;
    char           path[PV_DB_PATH_MAX];
};

/* What an LMDB result means here; PV_OK for 0. */
enum pv_err pv_db_err(int rc);

static inline struct pv_bundle
pv_bundle_at(const MDB_val *key, const MDB_val *value)
{
    return (struct pv_bundle){key->mv_data, key->mv_size, value->mv_data,
                              value->mv_size};
}

/* dir/file into room; PV_ERANGE when it does not fit. */
enum pv_err pv_db_path(const char *dir, const char *file,
                       char room[PV_DB_PATH_MAX]) PV_MUST_CHECK;

/* Is the file as long as the image in it says? Reads past its end would end
 * the process. */
enum pv_err pv_db_check_length(MDB_env *env) PV_MUST_CHECK;

/*
 * Read the meta row: PV_ECORRUPT without one, PV_EVERSION when it is of another
 * format, older or newer; then ret_meta has the format and nothing else.
 */
enum pv_err pv_db_meta(MDB_txn *txn, MDB_dbi dbi,
                       struct pv_meta *ret_meta) PV_MUST_CHECK;

/* Say what to do about an image of that other format. */
void pv_db_explain_format(struct pv_why *why, const char *dir, uint32_t format);

/* PV_ENOTFOUND, PV_ECORRUPT, PV_EDB. */
enum pv_err pv_db_get(MDB_txn *txn, MDB_dbi dbi, const struct pv_key *key,
                      enum pv_row_kind kind, void *ret_row) PV_MUST_CHECK;

/* Renew the reader's transaction and check the image once per version. */
enum pv_err pv_reader_begin(struct pv_policy *policy) PV_MUST_CHECK;
void        pv_reader_end(struct pv_policy *policy);

#endif
