/*
 * change.c - putting and deleting rows in the writer's transaction.
 */
#include <string.h>

#include "policy/writer.h"

static void
number_key(struct pv_key *key, enum pv_table table, uint32_t number)
{
    pv_key_start(key, table);
    pv_key_u32(key, number);
}

/* ---- systems ---- */

static enum pv_err
keys_key(struct pv_key *key, const uint8_t hash[PV_KEY_HASH_LEN])
{
    pv_key_start(key, PV_TABLE_KEYS);
    return pv_key_bytes(key, hash, PV_KEY_HASH_LEN);
}

/* Forget a key hash, if it still is this system's. */
static enum pv_err
drop_key(struct pv_image *image, const uint8_t hash[PV_KEY_HASH_LEN],
         uint32_t number)
{
    struct pv_image_system holder;
    struct pv_key          key;
    enum pv_err            err = keys_key(&key, hash);

    if (err == PV_OK) {
        err = pv_row_get(image, 0, &key, PV_ROW_SYSTEM, &holder);
    }
    if (err == PV_ENOTFOUND || (err == PV_OK && holder.row.number != number)) {
        return PV_OK;
    }
    return err != PV_OK ? err : pv_row_del(image, 0, &key);
}

/* One key belongs to one system; an import may pass a key on to another. */
static enum pv_err
claim_key(struct pv_image *image, const struct pv_image_system *row,
          const uint8_t hash[PV_KEY_HASH_LEN])
{
    struct pv_image_system holder;
    struct pv_key          key;
    enum pv_err            err = keys_key(&key, hash);

    if (err == PV_OK) {
        err = pv_row_get(image, 0, &key, PV_ROW_SYSTEM, &holder);
    }
    if (err == PV_OK && holder.row.number != row->row.number &&
        (image->how != PV_IMAGE_REPLACE ||
         pv_seen_has(&image->seen, false, 0, key.bytes, key.len))) {
        return PV_EEXIST;
    }
    if (err != PV_OK && err != PV_ENOTFOUND) {
        return err;
    }
    return pv_row_put(image, 0, &key, PV_ROW_SYSTEM, row);
}

/* Is it one of the keys of the row? */
static bool
has_key(const struct pv_image_system *row, const uint8_t hash[PV_KEY_HASH_LEN])
{
    return (row->has_key &&
            memcmp(row->key_hash, hash, PV_KEY_HASH_LEN) == 0) ||
           (row->old_until_ms != 0 &&
            memcmp(row->old_key_hash, hash, PV_KEY_HASH_LEN) == 0);
}

/* Forget the keys of old that row does not have; NULL: all. */
static enum pv_err
drop_keys(struct pv_image *image, const struct pv_image_system *old,
          const struct pv_image_system *row)
{
    enum pv_err err = PV_OK;

    if (old->has_key && (row == NULL || !has_key(row, old->key_hash))) {
        err = drop_key(image, old->key_hash, old->row.number);
    }
    if (err == PV_OK && old->old_until_ms != 0 &&
        (row == NULL || !has_key(row, old->old_key_hash))) {
        err = drop_key(image, old->old_key_hash, old->row.number);
    }
    return err;
}

enum pv_err
pv_image_get_system(struct pv_image *image, uint32_t number,
                    struct pv_image_system *ret)
{
    struct pv_key key;

    number_key(&key, PV_TABLE_SYSTEMS, number);
    return pv_row_get(image, 0, &key, PV_ROW_SYSTEM, ret);
}

enum pv_err
pv_image_put_system(struct pv_image *image, const struct pv_image_system *row)
{
    struct pv_image_system old;
    struct pv_key          key;
    enum pv_err            err;

    err = pv_image_get_system(image, row->row.number, &old);
    if (err != PV_OK && err != PV_ENOTFOUND) {
        return err;
    }
    err = err == PV_OK ? drop_keys(image, &old, row) : PV_OK;
    if (err == PV_OK && row->has_key) {
        err = claim_key(image, row, row->key_hash);
    }
    if (err == PV_OK && row->old_until_ms != 0) {
        err = claim_key(image, row, row->old_key_hash);
    }
    if (err != PV_OK) {
        return err;
    }
    number_key(&key, PV_TABLE_SYSTEMS, row->row.number);
    return pv_row_put(image, 0, &key, PV_ROW_SYSTEM, row);
}

enum pv_err
pv_image_del_system(struct pv_image *image, uint32_t number)
{
    struct pv_image_system old;
    struct pv_key          key;
    enum pv_err            err;

    err = pv_image_get_system(image, number, &old);
    if (err == PV_OK) {
        err = drop_keys(image, &old, NULL);
    }
    if (err != PV_OK) {
        return err;
    }
    number_key(&key, PV_TABLE_SYSTEMS, number);
    return pv_row_del(image, 0, &key);
}

/* ---- methods and endpoints ---- */

static enum pv_err
method_key(struct pv_key *key, struct pv_slice path)
{
    if (path.len == 0 || path.len > PV_POLICY_PATH_MAX) {
        return PV_ERANGE;
    }
    pv_key_start(key, PV_TABLE_METHODS);
    return pv_key_bytes(key, path.ptr, path.len);
}

enum pv_err
pv_image_put_method(struct pv_image *image, struct pv_slice path,
                    const struct pv_image_method *row)
{
    struct pv_key key;
    enum pv_err   err = method_key(&key, path);

    return err != PV_OK ? err : pv_row_put(image, 0, &key, PV_ROW_METHOD, row);
}

enum pv_err
pv_image_get_method(struct pv_image *image, struct pv_slice path,
                    struct pv_image_method *ret)
{
    struct pv_key key;
    enum pv_err   err = method_key(&key, path);

    return err != PV_OK ? err : pv_row_get(image, 0, &key, PV_ROW_METHOD, ret);
}

enum pv_err
pv_image_del_method(struct pv_image *image, struct pv_slice path)
{
    struct pv_key key;
    enum pv_err   err = method_key(&key, path);

    return err != PV_OK ? err : pv_row_del(image, 0, &key);
}

static bool
same_endpoint(const struct pv_image_endpoint *a,
              const struct pv_image_endpoint *b)
{
    return a->port == b->port &&
           memcmp(a->address, b->address, sizeof(a->address)) == 0 &&
           memcmp(a->pin, b->pin, sizeof(a->pin)) == 0 &&
           a->old_until_ms == b->old_until_ms &&
           (a->old_until_ms == 0 ||
            memcmp(a->old_pin, b->old_pin, sizeof(a->old_pin)) == 0) &&
           a->name.len == b->name.len &&
           memcmp(a->name.text, b->name.text, a->name.len) == 0;
}

/*
 * The version names what an idle connection was checked against, so it must
 * never come back for another endpoint: it is the transaction's number.
 */
enum pv_err
pv_image_put_endpoint(struct pv_image *image, uint32_t number,
                      const struct pv_image_endpoint *row)
{
    struct pv_image_endpoint copy = *row;
    struct pv_image_endpoint old;
    struct pv_key            key;
    enum pv_err              err;

    number_key(&key, PV_TABLE_ENDPOINTS, number);
    err = pv_row_get(image, 0, &key, PV_ROW_ENDPOINT, &old);
    if (err != PV_OK && err != PV_ENOTFOUND) {
        return err;
    }
    copy.version = err == PV_OK && same_endpoint(row, &old)
                       ? old.version
                       : (uint32_t)mdb_txn_id(image->txn);
    return pv_row_put(image, 0, &key, PV_ROW_ENDPOINT, &copy);
}

enum pv_err
pv_image_del_endpoint(struct pv_image *image, uint32_t number)
{
    struct pv_key key;

    number_key(&key, PV_TABLE_ENDPOINTS, number);
    return pv_row_del(image, 0, &key);
}

/* ---- grants, modes ---- */

/* Groups have a table of their own; gives the database. */
static uint8_t
grant_key(struct pv_key *key, const struct pv_image_place *place)
{
    if (place->level != PV_GRANT_GROUP) {
        pv_key_grant(key, place);
        return PV_TABLE_GRANTS;
    }
    pv_key_start(key, PV_TABLE_GROUP_GRANTS);
    pv_key_u32(key, place->method);
    pv_key_u32(key, place->agency);
    pv_key_u8(key, place->seq);
    return 0;
}

enum pv_err
pv_image_put_grant(struct pv_image *image, const struct pv_image_place *place,
                   const struct pv_grant_row *row)
{
    struct pv_key key;
    uint8_t       database;

    if (place->level < PV_GRANT_SYSTEM || place->level > PV_GRANT_GROUP ||
        row->kind != place->level) {
        return PV_ERANGE;
    }
    database = grant_key(&key, place);
    return pv_row_put(image, database, &key, PV_ROW_GRANT, row);
}

enum pv_err
pv_image_get_grant(struct pv_image *image, const struct pv_image_place *place,
                   struct pv_grant_row *ret)
{
    struct pv_key key;
    uint8_t       database = grant_key(&key, place);

    return pv_row_get(image, database, &key, PV_ROW_GRANT, ret);
}

enum pv_err
pv_image_del_grant(struct pv_image *image, const struct pv_image_place *place)
{
    struct pv_key key;
    uint8_t       database = grant_key(&key, place);

    return pv_row_del(image, database, &key);
}

static void
mode_key(struct pv_key *key, uint32_t method, uint8_t seq)
{
    number_key(key, PV_TABLE_MODES, method);
    pv_key_u8(key, seq);
}

enum pv_err
pv_image_put_mode(struct pv_image *image, uint32_t method, uint8_t seq,
                  const struct pv_image_mode *row)
{
    struct pv_key key;

    if (row->row.kind != PV_GRANT_MODE) {
        return PV_ERANGE;
    }
    mode_key(&key, method, seq);
    return pv_row_put(image, 0, &key, PV_ROW_MODE, row);
}

enum pv_err
pv_image_get_mode(struct pv_image *image, uint32_t method, uint8_t seq,
                  struct pv_image_mode *ret)
{
    struct pv_key key;

    mode_key(&key, method, seq);
    return pv_row_get(image, 0, &key, PV_ROW_MODE, ret);
}

enum pv_err
pv_image_del_mode(struct pv_image *image, uint32_t method, uint8_t seq)
{
    struct pv_key key;

    mode_key(&key, method, seq);
    return pv_row_del(image, 0, &key);
}

/* ---- suspensions, revocations, homes ---- */

static void
suspension_key(struct pv_key *key, const struct pv_image_place *place)
{
    pv_key_start(key, PV_TABLE_SUSPENSIONS);
    pv_key_u32(key, place->agency);
    pv_key_u32(key, place->method);
    pv_key_u8(key, place->level);
    pv_key_u32(key, place->subject);
}

enum pv_err
pv_image_put_suspension(struct pv_image                  *image,
                        const struct pv_image_place      *place,
                        const struct pv_image_suspension *row)
{
    struct pv_key key;

    if (place->level < PV_GRANT_SYSTEM || place->level > PV_GRANT_AGENCY ||
        row->reason == PV_REASON_NONE) {
        return PV_ERANGE;
    }
    suspension_key(&key, place);
    return pv_row_put(image, 0, &key, PV_ROW_SUSPENSION, row);
}

enum pv_err
pv_image_del_suspension(struct pv_image             *image,
                        const struct pv_image_place *place)
{
    struct pv_key key;

    suspension_key(&key, place);
    return pv_row_del(image, 0, &key);
}

enum pv_err
pv_image_put_revoked(struct pv_image             *image,
                     const struct pv_certificate *certificate, int64_t since_ms)
{
    struct pv_key key;
    enum pv_err   err = pv_key_revoked(&key, certificate);

    return err != PV_OK ? err
                        : pv_row_put(image, 0, &key, PV_ROW_WHEN, &since_ms);
}

enum pv_err
pv_image_del_revoked(struct pv_image             *image,
                     const struct pv_certificate *certificate)
{
    struct pv_key key;
    enum pv_err   err = pv_key_revoked(&key, certificate);

    return err != PV_OK ? err : pv_row_del(image, 0, &key);
}

enum pv_err
pv_image_put_home(struct pv_image *image, uint32_t agency,
                  struct pv_slice exchange)
{
    struct pv_row_text words = {0};
    struct pv_key      key;

    if (exchange.len > PV_POLICY_ID_MAX) {
        return PV_ERANGE;
    }
    words.len = (uint8_t)exchange.len;
    if (exchange.len > 0) {
        memcpy(words.text, exchange.ptr, exchange.len);
    }
    number_key(&key, PV_TABLE_HOMES, agency);
    return pv_row_put(image, 0, &key, PV_ROW_TEXT, &words);
}
