#include "policy/db.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/num.h"

enum pv_err
pv_db_err(int rc)
{
    switch (rc) {
    case 0:
        return PV_OK;
    case MDB_NOTFOUND:
        return PV_ENOTFOUND;
    case MDB_KEYEXIST:
        return PV_EEXIST;
    case MDB_PAGE_NOTFOUND:
    case MDB_CORRUPTED:
    case MDB_INVALID:
        return PV_ECORRUPT;
    case MDB_VERSION_MISMATCH:
        return PV_EVERSION;
    case MDB_MAP_FULL:
    case ENOSPC:
        return PV_EFULL;
    case ENOMEM:
        return PV_ENOMEM;
    default:
        return PV_EDB;
    }
}

enum pv_err
pv_db_path(const char *dir, const char *file, char room[PV_DB_PATH_MAX])
{
    int len = snprintf(room, PV_DB_PATH_MAX, "%s/%s", dir, file);

    return len < 0 || len >= PV_DB_PATH_MAX ? PV_ERANGE : PV_OK;
}

enum pv_err
pv_db_check_length(MDB_env *env)
{
    MDB_envinfo info;
    MDB_stat    stat_of;
    struct stat file;
    int         fd;

    if (mdb_env_info(env, &info) != 0 || mdb_env_stat(env, &stat_of) != 0 ||
        mdb_env_get_fd(env, &fd) != 0) {
        return PV_EDB;
    }
    if (fstat(fd, &file) != 0) {
        return PV_ESYS;
    }
    if ((uint64_t)file.st_size < (info.me_last_pgno + 1) * stat_of.ms_psize) {
        return PV_ECORRUPT;
    }
    return PV_OK;
}

/* Magic and format stand at fixed places in every format there will be. */
enum pv_err
pv_db_meta(MDB_txn *txn, MDB_dbi dbi, struct pv_meta *ret_meta)
{
    static const size_t magic_len = sizeof(PV_ROW_MAGIC) - 1;
    struct pv_meta      meta;
    struct pv_key       key;
    MDB_val             at;
    MDB_val             value;
    enum pv_err         err;
    uint32_t            format;

    pv_key_start(&key, PV_TABLE_META);
    at = (MDB_val){key.len, key.bytes};
    err = pv_db_err(mdb_get(txn, dbi, &at, &value));
    if (err != PV_OK) {
        return err == PV_ENOTFOUND ? PV_ECORRUPT : err;
    }
    if (value.mv_size < magic_len + sizeof(format) ||
        memcmp(value.mv_data, PV_ROW_MAGIC, magic_len) != 0) {
        return PV_ECORRUPT;
    }
    format = pv_load_u32((const char *)value.mv_data + magic_len);
    if (format != PV_IMAGE_FORMAT) {
        *ret_meta = (struct pv_meta){.format = format};
        return PV_EVERSION;
    }
    err = pv_row_read(PV_ROW_META, key.bytes, key.len, value.mv_data,
                      value.mv_size, &meta);
    if (err == PV_OK) {
        *ret_meta = meta;
    }
    return err;
}

void
pv_db_explain_format(struct pv_why *why, const char *dir, uint32_t format)
{
    if (format > PV_IMAGE_FORMAT) {
        pv_why_set(why,
                   "the policy image in %s was written by a newer version "
                   "(format %u, this program reads %d); upgrade this program",
                   dir, format, PV_IMAGE_FORMAT);
        return;
    }
    pv_why_set(why,
               "the policy image in %s was written by an older version (format "
               "%u, this program reads %d); stop gateway and "
               "payvand-registryd, remove " PV_DB_FILE " and " PV_DB_LOCK_FILE
               ", and start payvand-registryd, which makes it anew",
               dir, format, PV_IMAGE_FORMAT);
}

enum pv_err
pv_db_get(MDB_txn *txn, MDB_dbi dbi, const struct pv_key *key,
          enum pv_row_kind kind, void *ret_row)
{
    uint8_t     bytes[PV_IMAGE_KEY_MAX]; /* LMDB takes no const key */
    MDB_val     at = {key->len, bytes};
    MDB_val     value;
    enum pv_err err;

    memcpy(bytes, key->bytes, key->len);
    err = pv_db_err(mdb_get(txn, dbi, &at, &value));
    if (err != PV_OK) {
        return err;
    }
    return pv_row_read(kind, key->bytes, key->len, value.mv_data, value.mv_size,
                       ret_row);
}
