/*
 * number.c - rows in the writer's transaction, and the stable numbers of ids.
 */
#include <string.h>

#include "policy/writer.h"

enum pv_err
pv_row_get(struct pv_image *image, uint8_t database, const struct pv_key *key,
           enum pv_row_kind kind, void *ret_row)
{
    if (image->txn == NULL) {
        return PV_ESTATE;
    }
    return database == PV_TABLE_GRANTS
               ? pv_grants_get(image, key, ret_row)
               : pv_db_get(image->txn, image->small, key, kind, ret_row);
}

/* Writes only what differs. */
enum pv_err
pv_row_put(struct pv_image *image, uint8_t database, struct pv_key *key,
           enum pv_row_kind kind, const void *row)
{
    uint8_t     room[PV_IMAGE_ROW_MAX];
    MDB_val     at = {key->len, key->bytes};
    MDB_val     value = {0, room};
    MDB_val     old;
    enum pv_err err;
    int         rc;

    if (image->txn == NULL) {
        return PV_ESTATE;
    }
    err = pv_row_write(kind, row, key->bytes, key->len, room, &value.mv_size);
    if (err == PV_OK && image->how == PV_IMAGE_REPLACE) {
        err = pv_seen_add(&image->seen, database, key->bytes, key->len);
    }
    if (err != PV_OK) {
        return err;
    }
    if (database == PV_TABLE_GRANTS) {
        return pv_grants_put(image, key, room, value.mv_size);
    }
    rc = mdb_get(image->txn, image->small, &at, &old);
    if (rc == 0 && old.mv_size == value.mv_size &&
        memcmp(old.mv_data, room, old.mv_size) == 0) {
        return PV_OK;
    }
    if (rc == 0 || rc == MDB_NOTFOUND) {
        rc = mdb_put(image->txn, image->small, &at, &value, 0);
        image->changes++;
    }
    return pv_db_err(rc);
}

enum pv_err
pv_row_del(struct pv_image *image, uint8_t database, struct pv_key *key)
{
    MDB_val at = {key->len, key->bytes};
    int     rc;

    if (image->txn == NULL) {
        return PV_ESTATE;
    }
    if (database == PV_TABLE_GRANTS) {
        return pv_grants_del(image, key);
    }
    rc = mdb_del(image->txn, image->small, &at, NULL);
    if (rc == 0) {
        image->changes++;
    }
    return pv_db_err(rc);
}

static enum pv_err
numbers_key(struct pv_key *key, enum pv_image_what what, struct pv_slice id)
{
    if (id.len == 0 || id.len > PV_POLICY_PATH_MAX) {
        return PV_ERANGE;
    }
    pv_key_start(key, PV_TABLE_NUMBERS);
    pv_key_u8(key, (uint8_t)what);
    return pv_key_bytes(key, id.ptr, id.len);
}

enum pv_err
pv_image_lookup(struct pv_image *image, enum pv_image_what what,
                struct pv_slice id, uint32_t *ret_number)
{
    struct pv_key key;
    enum pv_err   err = numbers_key(&key, what, id);

    return err != PV_OK ? err
                        : pv_row_get(image, 0, &key, PV_ROW_NUMBER, ret_number);
}

/* One past the highest number given so far: they are never given again. */
static enum pv_err
next_number(struct pv_image *image, enum pv_image_what what, uint32_t *ret)
{
    MDB_cursor    *cursor = NULL;
    struct pv_key  key;
    MDB_val        at;
    MDB_val        value;
    const uint8_t *bytes;
    int            rc;

    pv_key_start(&key, PV_TABLE_IDS);
    pv_key_u8(&key, (uint8_t)(what + 1));
    at = (MDB_val){key.len, key.bytes};
    rc = mdb_cursor_open(image->txn, image->small, &cursor);
    if (rc != 0) {
        return pv_db_err(rc);
    }
    rc = mdb_cursor_get(cursor, &at, &value, MDB_SET_RANGE);
    if (rc == 0) {
        rc = mdb_cursor_get(cursor, &at, &value, MDB_PREV);
    } else if (rc == MDB_NOTFOUND) {
        rc = mdb_cursor_get(cursor, &at, &value, MDB_LAST);
    }
    *ret = 1;
    if (rc == 0) {
        bytes = at.mv_data;
        if (at.mv_size == 2 + sizeof(uint32_t) && bytes[0] == PV_TABLE_IDS &&
            bytes[1] == what) {
            *ret = pv_key_load_u32(bytes + 2) + 1;
        }
    }
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? PV_OK : pv_db_err(rc);
}

enum pv_err
pv_image_number(struct pv_image *image, enum pv_image_what what,
                struct pv_slice id, uint32_t *ret_number)
{
    struct pv_row_text words = {0};
    struct pv_key      key;
    struct pv_key      back;
    enum pv_err        err;
    uint32_t           number;

    err = pv_image_lookup(image, what, id, ret_number);
    if (err != PV_ENOTFOUND) {
        return err;
    }
    err = next_number(image, what, &number);
    if (err != PV_OK) {
        return err;
    }
    if (number > PV_IMAGE_NUMBER_MAX) {
        return PV_ERANGE;
    }
    words.len = (uint8_t)id.len;
    memcpy(words.text, id.ptr, id.len);
    pv_key_start(&back, PV_TABLE_IDS);
    pv_key_u8(&back, (uint8_t)what);
    pv_key_u32(&back, number);
    err = pv_row_put(image, 0, &back, PV_ROW_TEXT, &words);
    if (err == PV_OK) {
        err = numbers_key(&key, what, id);
    }
    if (err == PV_OK) {
        err = pv_row_put(image, 0, &key, PV_ROW_NUMBER, &number);
    }
    if (err == PV_OK) {
        *ret_number = number;
    }
    return err;
}
