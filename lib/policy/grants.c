/*
 * grants.c - the writer's grants, which stand in bundles.
 *
 * A bundle has the rows above the key of the bundle before it, up to its own:
 * a key is a bound, whether its row is there or not. The last one has the
 * highest of all keys. What is put waits until it is asked for or the
 * transaction ends, and then goes into its bundles together.
 */
#include <string.h>

#include "policy/writer.h"

#define JOIN_BELOW (PV_BUNDLE_PART_MAX / 4)
#define JOINED_MAX (PV_BUNDLE_PART_MAX / 4 * 3)
#define TOGETHER_MAX 64 /* rows put into a bundle at once */

/* The bundle of a key, and where among its rows the key's is or would be: those
 * of the key's part, or all of them. */
struct place {
    uint8_t          key[PV_KEY_GRANT_LEN]; /* of the bundle */
    struct pv_bundle bundle; /* as it stands; until the next write */
    size_t           at;     /* in the image's rows */
    bool             found;
};

static void
look(const struct pv_bundle_rows *rows, const struct pv_key *key,
     struct place *place)
{
    int order = 1;

    for (place->at = 0; place->at < rows->count; place->at++) {
        order = memcmp(key->bytes, rows->row[place->at].key, PV_KEY_GRANT_LEN);
        if (order <= 0) {
            break;
        }
    }
    place->found = order == 0;
}

/* Where there is no bundle yet, one without rows, to be the last. */
static enum pv_err
locate(struct pv_image *image, MDB_cursor *cursor, const struct pv_key *key,
       struct place *place)
{
    static const uint8_t empty[1];
    uint8_t              bytes[PV_KEY_GRANT_LEN]; /* LMDB takes no const key */
    MDB_val              at = {PV_KEY_GRANT_LEN, bytes};
    MDB_val              value;
    enum pv_err          err;

    memcpy(bytes, key->bytes, PV_KEY_GRANT_LEN);
    image->rows.count = 0;
    err = pv_db_err(mdb_cursor_get(cursor, &at, &value, MDB_SET_RANGE));
    if (err == PV_OK) {
        place->bundle = pv_bundle_at(&at, &value);
        err = pv_bundle_unpack_part(&place->bundle, key, &image->rows);
        if (err != PV_OK) {
            return err;
        }
        memcpy(place->key, at.mv_data, PV_KEY_GRANT_LEN);
    } else if (err == PV_ENOTFOUND) {
        memset(place->key, 0xff, sizeof(place->key));
        place->bundle = (struct pv_bundle){place->key, PV_KEY_GRANT_LEN, empty,
                                           sizeof(empty)};
    } else {
        return err;
    }
    look(&image->rows, key, place);
    return PV_OK;
}

/* From the rows of one part to all of the bundle's, as they stand. */
static enum pv_err
widen(struct pv_image *image, const struct pv_key *key, struct place *place)
{
    enum pv_err err;

    image->rows.count = 0;
    err = pv_bundle_unpack(&place->bundle, &image->rows);
    if (err == PV_OK) {
        look(&image->rows, key, place);
    }
    return err;
}

static enum pv_err
locate_once(struct pv_image *image, const struct pv_key *key,
            struct place *place)
{
    MDB_cursor *cursor = NULL;
    enum pv_err err;

    err = pv_db_err(mdb_cursor_open(image->txn, image->grants, &cursor));
    if (err == PV_OK) {
        err = locate(image, cursor, key, place);
        mdb_cursor_close(cursor);
    }
    return err;
}

static void
insert(struct pv_bundle_rows *rows, const struct place *place,
       const struct pv_bundle_row *row)
{
    struct pv_bundle_row *to = &rows->row[place->at];

    if (!place->found) {
        memmove(to + 1, to, (rows->count - place->at) * sizeof(*to));
        rows->count++;
    }
    *to = *row;
}

static void
take_out(struct pv_bundle_rows *rows, const struct place *place)
{
    struct pv_bundle_row *from = &rows->row[place->at];

    rows->count--;
    memmove(from, from + 1, (rows->count - place->at) * sizeof(*from));
}

static enum pv_err
pack(const struct pv_bundle_rows *rows, size_t from, size_t until,
     const uint8_t *key, struct pv_packed *packed)
{
    memcpy(packed->key, key, PV_KEY_GRANT_LEN);
    return pv_bundle_pack(rows, from, until, packed->key, packed->bytes,
                          &packed->len);
}

static enum pv_err
write_packed(struct pv_image *image, struct pv_packed *packed)
{
    MDB_val at = {PV_KEY_GRANT_LEN, packed->key};
    MDB_val value = {packed->len, packed->bytes};

    return pv_db_err(mdb_put(image->txn, image->grants, &at, &value, 0));
}

/* The rows, which are those of the key's part. */
static enum pv_err
write_part(struct pv_image *image, const struct pv_key *key,
           const struct place *place)
{
    enum pv_err err;

    memcpy(image->high.key, place->key, PV_KEY_GRANT_LEN);
    err = pv_bundle_repack(&place->bundle, key, &image->rows, image->high.bytes,
                           &image->high.len);
    return err != PV_OK ? err : write_packed(image, &image->high);
}

/* As two bundles, when they are too many for one. Rows that come in the order
 * of their keys fill one bundle after another. */
static enum pv_err
write_rows(struct pv_image *image, const struct place *place)
{
    const struct pv_bundle_rows *rows = &image->rows;
    size_t                       middle;
    enum pv_err                  err;

    err = pack(rows, 0, rows->count, place->key, &image->high);
    if (err != PV_ERANGE) {
        return err != PV_OK ? err : write_packed(image, &image->high);
    }
    middle = place->at == rows->count - 1 ? place->at
                                          : pv_bundle_middle(rows, place->at);
    err = pack(rows, 0, middle, rows->row[middle - 1].key, &image->low);
    if (err == PV_OK) {
        err = pack(rows, middle, rows->count, place->key, &image->high);
    }
    if (err == PV_OK) {
        err = write_packed(image, &image->low);
    }
    return err != PV_OK ? err : write_packed(image, &image->high);
}

enum pv_err
pv_grants_get(struct pv_image *image, const struct pv_key *key,
              struct pv_grant_row *ret_row)
{
    struct place                place;
    const struct pv_bundle_row *row;
    enum pv_err                 err = pv_grants_flush(image);

    if (err == PV_OK) {
        err = locate_once(image, key, &place);
    }
    if (err != PV_OK) {
        return err;
    }
    if (!place.found) {
        return PV_ENOTFOUND;
    }
    row = &image->rows.row[place.at];
    return pv_row_read(PV_ROW_GRANT, row->key, PV_KEY_GRANT_LEN, row->value,
                       row->len, ret_row);
}

/* ---- putting ---- */

static enum pv_err
put_one(struct pv_image *image, const struct pv_bundle_row *row)
{
    const struct pv_bundle_row *old;
    struct pv_key               key = {.len = PV_KEY_GRANT_LEN};
    struct place                place;
    enum pv_err                 err;

    memcpy(key.bytes, row->key, PV_KEY_GRANT_LEN);
    err = locate_once(image, &key, &place);
    if (err != PV_OK) {
        return err;
    }
    old = &image->rows.row[place.at];
    if (place.found && old->len == row->len &&
        memcmp(old->value, row->value, row->len) == 0) {
        return PV_OK;
    }
    insert(&image->rows, &place, row);
    err = write_part(image, &key, &place);
    if (err == PV_ERANGE) {
        err = widen(image, &key, &place);
        if (err == PV_OK) {
            insert(&image->rows, &place, row);
            err = write_rows(image, &place);
        }
    }
    if (err == PV_OK) {
        image->changes++;
    }
    return err;
}

/* The bundle of the first row, and how many of them belong into it. */
static enum pv_err
bundle_of(struct pv_image *image, const struct pv_bundle_row *row, size_t count,
          struct pv_bundle *ret_bundle, size_t *ret_count)
{
    MDB_cursor *cursor = NULL;
    uint8_t     bytes[PV_KEY_GRANT_LEN]; /* LMDB takes no const key */
    MDB_val     at = {PV_KEY_GRANT_LEN, bytes};
    MDB_val     value;
    size_t      n = 1;
    enum pv_err err;

    memcpy(bytes, row->key, PV_KEY_GRANT_LEN);
    err = pv_db_err(mdb_cursor_open(image->txn, image->grants, &cursor));
    if (err != PV_OK) {
        return err;
    }
    err = pv_db_err(mdb_cursor_get(cursor, &at, &value, MDB_SET_RANGE));
    mdb_cursor_close(cursor); /* what it found stands until the next write */
    if (err != PV_OK) {
        return err;
    }
    if (at.mv_size != PV_KEY_GRANT_LEN) {
        return PV_ECORRUPT;
    }
    while (n < count && n < TOGETHER_MAX &&
           memcmp(row[n].key, at.mv_data, PV_KEY_GRANT_LEN) <= 0) {
        n++;
    }
    *ret_bundle = pv_bundle_at(&at, &value);
    *ret_count = n;
    return PV_OK;
}

/* Rows that one bundle has room for, and how many they were. */
static enum pv_err
put_some(struct pv_image *image, const struct pv_bundle_row *row, size_t count,
         size_t *ret_count)
{
    struct pv_bundle bundle;
    size_t           changed = 0;
    size_t           n = 1;
    enum pv_err      err = bundle_of(image, row, count, &bundle, &n);

    if (err != PV_OK && err != PV_ENOTFOUND) {
        return err;
    }
    for (; n > 1; n /= 2) { /* fewer may fit; one divides it */
        err = pv_bundle_merge(&bundle, row, n, &image->rows, image->high.bytes,
                              &image->high.len, &changed);
        if (err != PV_ERANGE) {
            break;
        }
    }
    *ret_count = n;
    if (n == 1) {
        return put_one(image, row);
    }
    if (err == PV_OK && changed > 0) {
        memcpy(image->high.key, bundle.key, PV_KEY_GRANT_LEN);
        err = write_packed(image, &image->high);
        image->changes += changed;
    }
    return err;
}

enum pv_err
pv_grants_flush(struct pv_image *image)
{
    struct pv_waiting *waiting = &image->waiting;
    enum pv_err        err = PV_OK;
    size_t             n = 0;

    pv_waiting_sort(waiting);
    for (size_t i = 0; i < waiting->count && err == PV_OK; i += n) {
        err = put_some(image, waiting->row + i, waiting->count - i, &n);
    }
    pv_waiting_forget(waiting);
    return err;
}

enum pv_err
pv_grants_put(struct pv_image *image, const struct pv_key *key,
              const uint8_t *value, size_t len)
{
    enum pv_err err = pv_waiting_add(&image->waiting, key, value, len);

    if (err == PV_ERANGE) {
        err = pv_grants_flush(image);
        if (err == PV_OK) {
            err = pv_waiting_add(&image->waiting, key, value, len);
        }
    }
    return err;
}

/* ---- deleting ---- */

static enum pv_err
unpack(const MDB_val *key, const MDB_val *value, struct pv_bundle_rows *rows)
{
    struct pv_bundle bundle = pv_bundle_at(key, value);

    return pv_bundle_unpack(&bundle, rows);
}

/* Put what is left in a small bundle into the next one; PV_ENOTFOUND when
 * there is none or it has no room. */
static enum pv_err
join_next(struct pv_image *image, MDB_cursor *cursor)
{
    struct pv_bundle_rows *rows = &image->rows;
    size_t                 left = rows->count;
    MDB_val                at;
    MDB_val                value;
    enum pv_err            err;

    err = pv_db_err(mdb_cursor_get(cursor, &at, &value, MDB_NEXT));
    if (err == PV_OK) {
        err = unpack(&at, &value, rows);
    }
    if (err != PV_OK) {
        return err;
    }
    if (pv_bundle_size(rows) > JOINED_MAX) {
        rows->count = left;
        return PV_ENOTFOUND;
    }
    err = pack(rows, 0, rows->count, at.mv_data, &image->high);
    return err != PV_OK ? err : write_packed(image, &image->high);
}

/* The bundle without that row. */
static enum pv_err
write_fewer(struct pv_image *image, MDB_cursor *cursor,
            const struct pv_key *key, struct place *place)
{
    MDB_val     at = {PV_KEY_GRANT_LEN, place->key};
    enum pv_err err;

    take_out(&image->rows, place);
    if (pv_bundle_size(&image->rows) >= JOIN_BELOW) {
        return write_part(image, key, place);
    }
    err = widen(image, key, place);
    if (err != PV_OK) {
        return err;
    }
    take_out(&image->rows, place);
    if (pv_bundle_size(&image->rows) >= JOIN_BELOW) {
        return write_rows(image, place);
    }
    if (image->rows.count > 0) {
        err = join_next(image, cursor);
    }
    if (err == PV_ENOTFOUND) {
        return write_rows(image, place);
    }
    return err != PV_OK
               ? err
               : pv_db_err(mdb_del(image->txn, image->grants, &at, NULL));
}

enum pv_err
pv_grants_del(struct pv_image *image, const struct pv_key *key)
{
    MDB_cursor  *cursor = NULL;
    struct place place;
    enum pv_err  err = pv_grants_flush(image);

    if (err == PV_OK) {
        err = pv_db_err(mdb_cursor_open(image->txn, image->grants, &cursor));
    }
    if (err != PV_OK) {
        return err;
    }
    err = locate(image, cursor, key, &place);
    if (err == PV_OK && !place.found) {
        err = PV_ENOTFOUND;
    }
    if (err == PV_OK) {
        err = write_fewer(image, cursor, key, &place);
    }
    mdb_cursor_close(cursor);
    if (err == PV_OK) {
        image->changes++;
    }
    return err;
}

/* ---- what a replacing import did not name ---- */

static void
keep_seen(const struct pv_image *image, struct pv_bundle_rows *rows)
{
    size_t kept = 0;

    for (size_t i = 0; i < rows->count; i++) {
        if (pv_seen_has(&image->seen, true, PV_TABLE_GRANTS, rows->row[i].key,
                        PV_KEY_GRANT_LEN)) {
            rows->row[kept++] = rows->row[i];
        }
    }
    rows->count = kept;
}

static enum pv_err
sweep_bundle(struct pv_image *image, MDB_cursor *cursor, const MDB_val *key,
             const MDB_val *value)
{
    struct pv_bundle_rows *rows = &image->rows;
    MDB_val                at;
    MDB_val                fewer;
    enum pv_err            err;
    size_t                 before;

    rows->count = 0;
    err = unpack(key, value, rows);
    if (err != PV_OK) {
        return err;
    }
    before = rows->count;
    keep_seen(image, rows);
    if (rows->count == before) {
        return PV_OK;
    }
    image->changes += before - rows->count;
    if (rows->count == 0) {
        return pv_db_err(mdb_cursor_del(cursor, 0));
    }
    err = pack(rows, 0, rows->count, key->mv_data, &image->high);
    if (err != PV_OK) {
        return err;
    }
    at = (MDB_val){PV_KEY_GRANT_LEN, image->high.key};
    fewer = (MDB_val){image->high.len, image->high.bytes};
    return pv_db_err(mdb_cursor_put(cursor, &at, &fewer, MDB_CURRENT));
}

enum pv_err
pv_grants_sweep(struct pv_image *image)
{
    MDB_cursor *cursor = NULL;
    MDB_val     key;
    MDB_val     value;
    enum pv_err err;

    err = pv_db_err(mdb_cursor_open(image->txn, image->grants, &cursor));
    if (err != PV_OK) {
        return err;
    }
    while ((err = pv_db_err(mdb_cursor_get(cursor, &key, &value, MDB_NEXT))) ==
           PV_OK) {
        err = sweep_bundle(image, cursor, &key, &value);
        if (err != PV_OK) {
            break;
        }
    }
    mdb_cursor_close(cursor);
    return err == PV_ENOTFOUND ? PV_OK : err;
}
