/*
 * reader.c - opening the image for reading, its version, revocations.
 */
#include "policy/db.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DATABASES_MAX 1 /* the grants; the unnamed one is not counted */

static void
explain(struct pv_why *why, const char *dir, enum pv_err err, int rc,
        uint32_t format)
{
    switch (err) {
    case PV_ENOTFOUND:
        pv_why_set(why,
                   "there is no policy image in %s; payvand-registryd makes "
                   "it (--image)",
                   dir);
        break;
    case PV_EVERSION:
        if (format != 0) {
            pv_db_explain_format(why, dir, format);
        } else {
            pv_why_set(why, "the policy image in %s is of another LMDB", dir);
        }
        break;
    case PV_ECORRUPT:
        pv_why_set(why,
                   "the policy image in %s is damaged; remove it, and restart "
                   "payvand-registryd, which makes it anew",
                   dir);
        break;
    case PV_OK:
    case PV_ENOMEM:
    case PV_ERANGE:
    case PV_EINVAL:
    case PV_EEXIST:
    case PV_ESYS:
    case PV_EPROTO:
    case PV_EAGAIN:
    case PV_ECLOSED:
    case PV_EFULL:
    case PV_ECRYPTO:
    case PV_EDB:
    case PV_ESTATE:
    case PV_EVERIFY:
    case PV_EPRUNED:
    case PV_EREFUSED:
        pv_why_set(why,
                   "cannot read the policy image in %s: %s (data.mdb must be "
                   "readable, lock.mdb readable and writable)",
                   dir, rc != 0 ? mdb_strerror(rc) : pv_err_text(err));
        break;
    }
}

/* Handles live beyond their transaction only when it is committed. */
static int
open_databases(struct pv_policy *policy)
{
    MDB_txn *txn;
    int      rc;

    rc = mdb_txn_begin(policy->env, NULL, MDB_RDONLY, &txn);
    if (rc != 0) {
        return rc;
    }
    rc = mdb_dbi_open(txn, NULL, 0, &policy->small_dbi);
    if (rc == 0) {
        rc = mdb_dbi_open(txn, PV_GRANTS_NAME, 0, &policy->grants_dbi);
    }
    if (rc != 0) {
        mdb_txn_abort(txn);
        return rc == MDB_NOTFOUND ? MDB_INVALID : rc;
    }
    rc = mdb_txn_commit(txn);
    if (rc != 0) {
        return rc;
    }

    rc = mdb_txn_begin(policy->env, NULL, MDB_RDONLY, &policy->txn);
    if (rc != 0) {
        return rc;
    }
    rc = mdb_cursor_open(policy->txn, policy->small_dbi, &policy->small);
    if (rc == 0) {
        rc = mdb_cursor_open(policy->txn, policy->grants_dbi, &policy->grants);
    }
    mdb_txn_reset(policy->txn);
    return rc;
}

static enum pv_err
open_environment(struct pv_policy *policy, const char *dir, int *ret_rc)
{
    struct stat file;
    enum pv_err err;
    int         dead;
    int         rc;

    err = pv_db_path(dir, PV_DB_FILE, policy->path);
    if (err != PV_OK) {
        return err;
    }
    if (stat(policy->path, &file) != 0) {
        *ret_rc = errno;
        return errno == ENOENT || errno == ENOTDIR ? PV_ENOTFOUND : PV_ESYS;
    }
    policy->device = file.st_dev;
    policy->inode = file.st_ino;

    rc = mdb_env_create(&policy->env);
    if (rc == 0) {
        rc = mdb_env_set_maxdbs(policy->env, DATABASES_MAX);
    }
    if (rc == 0) {
        rc = mdb_env_set_maxreaders(policy->env, PV_IMAGE_READERS_MAX);
    }
    if (rc == 0) {
        rc = mdb_env_set_mapsize(policy->env, PV_IMAGE_MAP_SIZE);
    }
    if (rc == 0) {
        rc = mdb_env_open(policy->env, dir,
                          MDB_RDONLY | MDB_NOTLS | MDB_NORDAHEAD, 0);
        if (rc == ENOENT) {
            rc = MDB_INVALID; /* the file is there, but empty */
        }
    }
    if (rc != 0) {
        *ret_rc = rc;
        return pv_db_err(rc);
    }

    err = pv_db_check_length(policy->env);
    if (err != PV_OK) {
        return err;
    }
    rc = mdb_reader_check(policy->env, &dead);
    if (rc == 0) {
        rc = open_databases(policy);
    }
    *ret_rc = rc;
    return pv_db_err(rc);
}

enum pv_err
pv_policy_open(const char *dir, struct pv_policy **ret_policy,
               struct pv_why *why)
{
    struct pv_policy *policy = NULL;
    enum pv_err       err;
    uint64_t          version;
    int               rc = 0;

    policy = calloc(1, sizeof(*policy));
    if (policy == NULL) {
        err = PV_ENOMEM;
        goto out;
    }
    err = open_environment(policy, dir, &rc);
    if (err != PV_OK) {
        goto out;
    }
    err = pv_policy_version(policy, &version);
    if (err != PV_OK) {
        goto out;
    }
    *ret_policy = policy;
    policy = NULL;

out:
    if (err != PV_OK) {
        explain(why, dir, err, rc, policy == NULL ? 0 : policy->meta.format);
    }
    pv_policy_close(policy);
    return err;
}

void
pv_policy_close(struct pv_policy *policy)
{
    if (policy == NULL) {
        return;
    }
    if (policy->small != NULL) {
        mdb_cursor_close(policy->small);
    }
    if (policy->grants != NULL) {
        mdb_cursor_close(policy->grants);
    }
    if (policy->txn != NULL) {
        mdb_txn_abort(policy->txn);
    }
    if (policy->env != NULL) {
        mdb_env_close(policy->env);
    }
    free(policy);
}

bool
pv_policy_in_place(const struct pv_policy *policy)
{
    struct stat file;

    return stat(policy->path, &file) == 0 && file.st_dev == policy->device &&
           file.st_ino == policy->inode;
}

enum pv_err
pv_reader_begin(struct pv_policy *policy)
{
    enum pv_err err;
    uint64_t    version;
    int         rc;

    rc = mdb_txn_renew(policy->txn);
    if (rc == MDB_MAP_RESIZED) {
        rc = mdb_env_set_mapsize(policy->env, 0); /* take the new size */
        if (rc == 0) {
            rc = mdb_txn_renew(policy->txn);
        }
    }
    if (rc != 0) {
        return pv_db_err(rc);
    }

    version = mdb_txn_id(policy->txn);
    if (version == policy->checked && version != 0) {
        return PV_OK;
    }
    err = pv_db_check_length(policy->env);
    if (err == PV_OK) {
        err = pv_db_meta(policy->txn, policy->small_dbi, &policy->meta);
    }
    if (err != PV_OK) {
        policy->checked = 0;
        mdb_txn_reset(policy->txn);
        return err;
    }
    policy->checked = version;
    return PV_OK;
}

void
pv_reader_end(struct pv_policy *policy)
{
    mdb_txn_reset(policy->txn);
}

enum pv_err
pv_policy_version(struct pv_policy *policy, uint64_t *ret_version)
{
    MDB_envinfo info;
    enum pv_err err;

    /* the newest meta page: neither a lock nor a reader's place is needed */
    err = pv_db_err(mdb_env_info(policy->env, &info));
    if (err == PV_OK && info.me_last_txnid == policy->checked &&
        policy->checked != 0) {
        *ret_version = policy->checked;
        return PV_OK;
    }
    err = pv_reader_begin(policy);
    if (err == PV_OK) {
        *ret_version = policy->checked;
        pv_reader_end(policy);
    }
    return err;
}

enum pv_err
pv_policy_decision(struct pv_policy *policy, uint64_t *ret_decision,
                   uint64_t *ret_version)
{
    enum pv_err err = pv_reader_begin(policy);

    if (err == PV_OK) {
        *ret_decision = policy->meta.decision;
        *ret_version = policy->checked;
        pv_reader_end(policy);
    }
    return err;
}

enum pv_err
pv_policy_valid_until(struct pv_policy *policy, int64_t *ret_ms)
{
    enum pv_err err = pv_reader_begin(policy);

    if (err == PV_OK) {
        *ret_ms = policy->meta.valid_until_ms;
        pv_reader_end(policy);
    }
    return err;
}

/* The row's presence revokes; its bytes are not needed for the answer. */
enum pv_err
pv_policy_revoked(struct pv_policy            *policy,
                  const struct pv_certificate *certificate, bool *ret_revoked)
{
    struct pv_key key;
    MDB_val       at;
    MDB_val       value;
    enum pv_err   err;

    err = pv_key_revoked(&key, certificate);
    if (err != PV_OK) {
        return err;
    }
    err = pv_reader_begin(policy);
    if (err != PV_OK) {
        return err;
    }
    at = (MDB_val){key.len, key.bytes};
    err = pv_db_err(mdb_get(policy->txn, policy->small_dbi, &at, &value));
    pv_reader_end(policy);
    if (err == PV_OK || err == PV_ENOTFOUND) {
        *ret_revoked = err == PV_OK;
        err = PV_OK;
    }
    return err;
}
