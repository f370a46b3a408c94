/*
 * image.c - the writer's environment and transactions.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/writer.h"

#define DIR_MODE 02750
#define FILE_MODE 0640
#define LOCK_MODE 0660 /* readers register themselves in it */
#define DATABASES_MAX 1
#define NEW_FILE PV_DB_FILE ".new"

static int
put_meta(struct pv_image *image, uint64_t decision)
{
    struct pv_meta meta = {.format = PV_IMAGE_FORMAT,
                           .decision = decision,
                           .valid_until_ms = image->valid_until_ms};
    uint8_t        room[PV_IMAGE_ROW_MAX];
    struct pv_key  key;
    MDB_val        at;
    MDB_val        value = {0, room};

    pv_key_start(&key, PV_TABLE_META);
    if (pv_row_write(PV_ROW_META, &meta, key.bytes, key.len, room,
                     &value.mv_size) != PV_OK) {
        return MDB_BAD_VALSIZE;
    }
    at = (MDB_val){key.len, key.bytes};
    return mdb_put(image->txn, image->small, &at, &value, 0);
}

/* Open both databases; a file without any row becomes an image. */
static enum pv_err
prepare(struct pv_image *image)
{
    struct pv_meta meta = {0};
    MDB_stat       count;
    enum pv_err    err;
    int            rc;

    rc = mdb_txn_begin(image->env, NULL, 0, &image->txn);
    if (rc != 0) {
        return pv_db_err(rc);
    }
    rc = mdb_dbi_open(image->txn, NULL, 0, &image->small);
    if (rc == 0) {
        rc = mdb_stat(image->txn, image->small, &count);
    }
    if (rc == 0 && count.ms_entries == 0) {
        rc = put_meta(image, 0);
    }
    if (rc != 0) {
        return pv_db_err(rc);
    }
    err = pv_db_meta(image->txn, image->small, &meta);
    image->format = meta.format;
    if (err != PV_OK) {
        return err;
    }
    rc = mdb_dbi_open(image->txn, PV_GRANTS_NAME, MDB_CREATE, &image->grants);
    if (rc == 0) {
        rc = mdb_txn_commit(image->txn);
        image->txn = NULL; /* gone also when the commit failed */
    }
    image->decision = meta.decision;
    image->valid_until_ms = meta.valid_until_ms;
    return pv_db_err(rc);
}

static enum pv_err
open_file(struct pv_image *image, const char *path, unsigned flags, int *ret_rc)
{
    int rc = mdb_env_create(&image->env);

    if (rc == 0) {
        rc = mdb_env_set_maxdbs(image->env, DATABASES_MAX);
    }
    if (rc == 0) {
        rc = mdb_env_set_maxreaders(image->env, PV_IMAGE_READERS_MAX);
    }
    if (rc == 0) {
        rc = mdb_env_set_mapsize(image->env, PV_IMAGE_MAP_SIZE);
    }
    if (rc == 0) {
        rc = mdb_env_open(image->env, path, flags, FILE_MODE);
    }
    *ret_rc = rc;
    return pv_db_err(rc);
}

static enum pv_err
open_environment(struct pv_image *image, const char *dir, unsigned flags,
                 int *ret_rc)
{
    char        lock[PV_DB_PATH_MAX];
    enum pv_err err = pv_db_path(dir, PV_DB_LOCK_FILE, lock);

    if (err == PV_OK) {
        err = open_file(image, dir, MDB_NORDAHEAD | flags, ret_rc);
    }
    if (err != PV_OK) {
        return err;
    }
    if (chmod(lock, LOCK_MODE) != 0 && errno != EPERM) {
        *ret_rc = errno; /* EPERM: another user's image; its modes stand */
        return PV_ESYS;
    }
    return pv_db_check_length(image->env);
}

/* ---- an image that is not there yet --------------------------------------
 */

static enum pv_err
make_file(const char *dir, int dirfd, unsigned flags, int *ret_rc)
{
    struct pv_image image = {.env = NULL};
    char            path[PV_DB_PATH_MAX];
    enum pv_err     err = pv_db_path(dir, NEW_FILE, path);

    if (err != PV_OK) {
        return err;
    }
    if (unlinkat(dirfd, NEW_FILE, 0) != 0 && errno != ENOENT) {
        *ret_rc = errno;
        return PV_ESYS;
    }
    err = open_file(&image, path, MDB_NOSUBDIR | MDB_NOLOCK | flags, ret_rc);
    if (err == PV_OK) {
        err = prepare(&image);
    }
    if (image.txn != NULL) {
        mdb_txn_abort(image.txn);
    }
    if (image.env != NULL) {
        mdb_env_close(image.env);
    }
    if (err == PV_OK && renameat(dirfd, NEW_FILE, dirfd, PV_DB_FILE) != 0) {
        *ret_rc = errno;
        err = PV_ESYS;
    }
    return err;
}

/*
 * LMDB writes a new file in place: the power may leave one that is no image
 * and that nobody opens again. So it is made whole under another name. One
 * process at a time, by a lock on the directory.
 */
static enum pv_err
make_when_missing(const char *dir, unsigned flags, int *ret_rc)
{
    struct stat st;
    enum pv_err err = PV_OK;
    int         dirfd;

    if (mkdir(dir, DIR_MODE) != 0 && errno != EEXIST) {
        *ret_rc = errno;
        return PV_ESYS;
    }
    dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dirfd == -1) {
        *ret_rc = errno;
        return PV_ESYS;
    }
    if (fstatat(dirfd, PV_DB_FILE, &st, 0) != 0) {
        if (flock(dirfd, LOCK_EX) != 0) {
            *ret_rc = errno;
            err = PV_ESYS;
        } else if (fstatat(dirfd, PV_DB_FILE, &st, 0) != 0) {
            err = make_file(dir, dirfd, flags, ret_rc);
        }
    }
    (void)close(dirfd); /* gives the lock back */
    return err;
}

/* LMDB makes its files durable, but not their names. */
static enum pv_err
sync_names(const char *dir)
{
    int         fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum pv_err err;

    if (fd == -1) {
        return PV_ESYS;
    }
    err = fsync(fd) == 0 ? PV_OK : PV_ESYS;
    (void)close(fd); /* read-only: nothing to lose */
    return err;
}

enum pv_err
pv_image_open(const char *dir, bool durable, struct pv_image **ret_image,
              struct pv_why *why)
{
    struct pv_image *image = NULL;
    unsigned         flags = durable ? 0 : MDB_NOSYNC;
    enum pv_err      err;
    int              rc = 0;

    image = calloc(1, sizeof(*image));
    if (image == NULL) {
        err = PV_ENOMEM;
        goto out;
    }
    image->durable = durable;
    pv_seen_init(&image->seen);
    pv_waiting_init(&image->waiting);
    err = make_when_missing(dir, flags, &rc);
    if (err == PV_OK) {
        err = open_environment(image, dir,
                               durable ? MDB_NOMETASYNC : MDB_NOSYNC, &rc);
    }
    if (err == PV_OK) {
        err = prepare(image);
    }
    if (err == PV_OK && durable) {
        err = sync_names(dir);
    }
    if (err != PV_OK) {
        goto out;
    }
    *ret_image = image;
    image = NULL;

out:
    if (err == PV_EVERSION && image != NULL && image->format != 0) {
        pv_db_explain_format(why, dir, image->format);
    } else if (err != PV_OK) {
        pv_why_set(why, "cannot open the policy image in %s for writing: %s%s",
                   dir, rc != 0 ? mdb_strerror(rc) : pv_err_text(err),
                   err == PV_ECORRUPT
                       ? ". It holds nothing that is not elsewhere: move its "
                         "files away and make it again"
                       : "");
    }
    pv_image_close(image);
    return err;
}

void
pv_image_close(struct pv_image *image)
{
    if (image == NULL) {
        return;
    }
    pv_image_abort(image);
    if (image->env != NULL) {
        if (image->unsettled) {
            (void)mdb_env_sync(image->env, 1); /* else it may be undone */
        }
        mdb_env_close(image->env);
    }
    pv_seen_clear(&image->seen);
    pv_waiting_clear(&image->waiting);
    free(image);
}

enum pv_err
pv_image_begin(struct pv_image *image, enum pv_image_begin how)
{
    struct pv_meta meta;
    enum pv_err    err;
    int            dead;
    int            rc;

    if (image->txn != NULL) {
        return PV_ESTATE;
    }
    /* a dead reader's slot would keep old pages from being used again */
    rc = mdb_reader_check(image->env, &dead);
    if (rc == 0) {
        rc = mdb_txn_begin(image->env, NULL, 0, &image->txn);
    }
    if (rc != 0) {
        return pv_db_err(rc);
    }
    err = pv_db_meta(image->txn, image->small, &meta);
    if (err != PV_OK) {
        pv_image_abort(image);
        return err;
    }
    image->decision = meta.decision; /* another writer may have been here */
    image->decision_is_set = false;
    image->valid_until_ms = meta.valid_until_ms;
    image->valid_is_set = false;
    image->how = how;
    image->changes = 0;
    return PV_OK;
}

void
pv_image_abort(struct pv_image *image)
{
    if (image->txn != NULL) {
        mdb_txn_abort(image->txn);
        image->txn = NULL;
    }
    pv_seen_clear(&image->seen);
    pv_waiting_forget(&image->waiting);
}

enum pv_err
pv_image_commit(struct pv_image *image, uint64_t *ret_changes)
{
    uint64_t    decision = image->decision;
    enum pv_err err;
    int         rc;

    if (image->txn == NULL) {
        return PV_ESTATE;
    }
    err = pv_grants_flush(image);
    if (err == PV_OK && image->how == PV_IMAGE_REPLACE) {
        err = pv_image_sweep(image);
    }
    if (err != PV_OK || (image->changes == 0 && !image->decision_is_set &&
                         !image->valid_is_set)) {
        pv_image_abort(image);
        if (err == PV_OK) {
            *ret_changes = 0;
        }
        return err;
    }
    if (image->decision_is_set) {
        decision = image->next;
    } else if (image->changes > 0) {
        decision++;
    }
    rc = put_meta(image, decision);
    if (rc != 0) {
        pv_image_abort(image);
        return pv_db_err(rc);
    }
    rc = mdb_txn_commit(image->txn);
    image->txn = NULL; /* gone also when the commit failed */
    pv_seen_clear(&image->seen);
    if (rc != 0) {
        return pv_db_err(rc);
    }
    image->decision = decision;
    image->unsettled = image->durable;
    *ret_changes = image->changes;
    return PV_OK;
}

enum pv_err
pv_image_settle(struct pv_image *image)
{
    int rc = image->unsettled ? mdb_env_sync(image->env, 1) : 0;

    if (rc != 0) {
        return pv_db_err(rc);
    }
    image->unsettled = false;
    return PV_OK;
}

void
pv_image_set_decision(struct pv_image *image, uint64_t decision)
{
    image->next = decision;
    image->decision_is_set = true;
}

uint64_t
pv_image_decision(const struct pv_image *image)
{
    return image->decision;
}

void
pv_image_set_valid_until(struct pv_image *image, int64_t when_ms)
{
    image->valid_until_ms = when_ms;
    image->valid_is_set = true;
}

int64_t
pv_image_valid_until(const struct pv_image *image)
{
    return image->valid_until_ms;
}
