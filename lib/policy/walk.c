/*
 * walk.c - every row of a table, for lists that people read.
 */
#include <string.h>

#include "policy/writer.h"

struct table {
    enum pv_table    table;
    enum pv_row_kind kind;
    size_t           key_len; /* behind the table byte; 0: any */
};

static const struct table table_of[] = {
    [PV_WALK_SYSTEMS] = {PV_TABLE_SYSTEMS, PV_ROW_SYSTEM, 4},
    [PV_WALK_METHODS] = {PV_TABLE_METHODS, PV_ROW_METHOD, 0},
    [PV_WALK_GRANTS] = {PV_TABLE_GRANTS, PV_ROW_GRANT, PV_KEY_GRANT_LEN},
    [PV_WALK_GROUP_GRANTS] = {PV_TABLE_GROUP_GRANTS, PV_ROW_GRANT, 9},
    [PV_WALK_MODES] = {PV_TABLE_MODES, PV_ROW_MODE, 5},
    [PV_WALK_SUSPENSIONS] = {PV_TABLE_SUSPENSIONS, PV_ROW_SUSPENSION, 13},
};

union row {
    struct pv_image_system     caller;
    struct pv_image_method     method;
    struct pv_grant_row        grant;
    struct pv_image_mode       mode;
    struct pv_image_suspension suspension;
};

static void
fill(enum pv_image_walk what, const uint8_t *at, size_t len,
     const union row *row, struct pv_image_item *item)
{
    *item = (struct pv_image_item){.path = {NULL, 0}};
    switch (what) {
    case PV_WALK_SYSTEMS:
        item->system = &row->caller;
        break;
    case PV_WALK_METHODS:
        item->path = (struct pv_slice){(const char *)at, len};
        item->method = &row->method;
        break;
    case PV_WALK_GRANTS:
        item->place = pv_key_place(at);
        item->grant = &row->grant;
        break;
    case PV_WALK_GROUP_GRANTS:
        item->place.method = pv_key_load_u32(at);
        item->place.agency = pv_key_load_u32(at + 4);
        item->place.level = PV_GRANT_GROUP;
        item->place.seq = at[8];
        item->grant = &row->grant;
        break;
    case PV_WALK_MODES:
        item->place.method = pv_key_load_u32(at);
        item->place.level = PV_GRANT_MODE;
        item->place.seq = at[4];
        item->mode = &row->mode;
        item->grant = &row->mode.row;
        break;
    case PV_WALK_SUSPENSIONS:
        item->place.agency = pv_key_load_u32(at);
        item->place.method = pv_key_load_u32(at + 4);
        item->place.level = at[8];
        item->place.subject = pv_key_load_u32(at + 9);
        item->suspension = &row->suspension;
        break;
    }
}

/* at: key and value of the row; the key's length is the table's, or any. */
static enum pv_err
walk_row(enum pv_image_walk what, const struct pv_bundle_row *at,
         size_t key_len, pv_image_item_fn *fn, void *context)
{
    const struct table  *table = &table_of[what];
    size_t               skip = what == PV_WALK_GRANTS ? 0 : 1;
    struct pv_image_item item;
    union row            row;
    enum pv_err          err;

    if (table->key_len != 0 && key_len != skip + table->key_len) {
        return PV_ECORRUPT;
    }
    err = pv_row_read(table->kind, at->key, key_len, at->value, at->len, &row);
    if (err != PV_OK) {
        return err;
    }
    fill(what, at->key + skip, key_len - skip, &row, &item);
    return fn(context, &item);
}

static enum pv_err
walk_small(MDB_cursor *cursor, enum pv_image_walk what, pv_image_item_fn *fn,
           void *context)
{
    uint8_t     first = (uint8_t)table_of[what].table;
    MDB_val     key = {1, &first};
    MDB_val     value;
    enum pv_err err;
    int         rc;

    rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    for (; rc == 0; rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
        struct pv_bundle_row row = {key.mv_data, value.mv_data, value.mv_size};

        if (row.key[0] != first) {
            return PV_OK;
        }
        err = walk_row(what, &row, key.mv_size, fn, context);
        if (err != PV_OK) {
            return err;
        }
    }
    return rc == MDB_NOTFOUND ? PV_OK : pv_db_err(rc);
}

static enum pv_err
walk_bundle(const struct pv_bundle *bundle, pv_image_item_fn *fn, void *context)
{
    struct pv_bundle_rows rows = {.count = 0};
    enum pv_err           err = pv_bundle_unpack(bundle, &rows);

    for (size_t i = 0; err == PV_OK && i < rows.count; i++) {
        err = walk_row(PV_WALK_GRANTS, &rows.row[i], PV_KEY_GRANT_LEN, fn,
                       context);
    }
    return err;
}

static enum pv_err
walk_grants(MDB_cursor *cursor, pv_image_item_fn *fn, void *context)
{
    struct pv_bundle bundle;
    MDB_val          key;
    MDB_val          value;
    enum pv_err      err;
    int              rc;

    rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
    for (; rc == 0; rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
        bundle = pv_bundle_at(&key, &value);
        err = walk_bundle(&bundle, fn, context);
        if (err != PV_OK) {
            return err;
        }
    }
    return rc == MDB_NOTFOUND ? PV_OK : pv_db_err(rc);
}

static enum pv_err
walk(MDB_cursor *cursor, enum pv_image_walk what, pv_image_item_fn *fn,
     void *context)
{
    return what == PV_WALK_GRANTS ? walk_grants(cursor, fn, context)
                                  : walk_small(cursor, what, fn, context);
}

enum pv_err
pv_policy_walk(struct pv_policy *policy, enum pv_image_walk what,
               pv_image_item_fn *fn, void *context)
{
    MDB_cursor *cursor =
        what == PV_WALK_GRANTS ? policy->grants : policy->small;
    enum pv_err err = pv_reader_begin(policy);

    if (err != PV_OK) {
        return err;
    }
    err = pv_db_err(mdb_cursor_renew(policy->txn, cursor));
    if (err == PV_OK) {
        err = walk(cursor, what, fn, context);
    }
    pv_reader_end(policy);
    return err;
}

enum pv_err
pv_image_walk(struct pv_image *image, enum pv_image_walk what,
              pv_image_item_fn *fn, void *context)
{
    MDB_cursor *cursor = NULL;
    enum pv_err err;

    if (image->txn == NULL) {
        return PV_ESTATE;
    }
    err = pv_grants_flush(image);
    if (err == PV_OK) {
        err = pv_db_err(mdb_cursor_open(
            image->txn, what == PV_WALK_GRANTS ? image->grants : image->small,
            &cursor));
    }
    if (err == PV_OK) {
        err = walk(cursor, what, fn, context);
        mdb_cursor_close(cursor);
    }
    return err;
}

enum pv_err
pv_policy_id_of(struct pv_policy *policy, enum pv_image_what what,
                uint32_t number, char *room)
{
    struct pv_row_text words;
    struct pv_key      key;
    enum pv_err        err = pv_reader_begin(policy);

    if (err != PV_OK) {
        return err;
    }
    pv_key_start(&key, PV_TABLE_IDS);
    pv_key_u8(&key, (uint8_t)what);
    pv_key_u32(&key, number);
    err = pv_db_get(policy->txn, policy->small_dbi, &key, PV_ROW_TEXT, &words);
    pv_reader_end(policy);
    if (err == PV_OK) {
        memcpy(room, words.text, words.len);
        room[words.len] = '\0';
    }
    return err;
}
