/*
 * ngx_http_payvand_rows.c - the rows found, kept per worker while the image's
 * version stands; never a verdict.
 *
 * Three tables: of keys, of paths, and of pairs of these. What many calls
 * share is there once and stays in the processor's caches; a pair is small.
 * An entry is counted: a call in flight keeps the pair it was decided on, and
 * a pair its key's and path's rows, also when their places have been taken.
 */

#include "ngx_http_payvand.h"

#include "base/num.h"


#define NGX_HTTP_PAYVAND_WAYS    4      /* places that one entry may have */
#define NGX_HTTP_PAYVAND_KEYS    10     /* tables: log2 of their sets */
#define NGX_HTTP_PAYVAND_PATHS   10
#define NGX_HTTP_PAYVAND_PAIRS   14
#define NGX_HTTP_PAYVAND_LINE    64     /* bytes that memory gives at once */

#define NGX_HTTP_PAYVAND_GOLDEN  UINT64_C(0x9e3779b97f4a7c15)


typedef struct {
    ngx_http_payvand_entry_t   entry;
    uint8_t                    hash[PV_KEY_HASH_LEN];
    struct pv_consumer         consumer;
} ngx_http_payvand_key_t;


typedef struct {
    ngx_http_payvand_entry_t   entry;
    size_t                     len;
    char                       text[PV_POLICY_PATH_MAX];
    struct pv_target           target;
} ngx_http_payvand_path_t;


/* a set is one line of memory: no entry is touched but the one that is meant */

typedef struct {
    struct {
        uint64_t                   hash;
        ngx_http_payvand_entry_t  *entry;
    } way[NGX_HTTP_PAYVAND_WAYS];
} ngx_http_payvand_set_t;


static ngx_http_payvand_entry_t *ngx_http_payvand_rows_get(
    ngx_http_payvand_set_t *set, uint64_t hash);
static void ngx_http_payvand_rows_put(ngx_http_payvand_set_t *set,
    uint64_t hash, ngx_http_payvand_entry_t *entry);
static void ngx_http_payvand_rows_drop(ngx_http_payvand_entry_t *entry);
static enum pv_err ngx_http_payvand_rows_learn(struct pv_policy *policy,
    ngx_http_payvand_key_t *key, ngx_http_payvand_path_t *path,
    const uint8_t *key_hash, struct pv_slice text,
    ngx_http_payvand_rows_t **ret_rows);


static struct {
    ngx_http_payvand_set_t  key[1 << NGX_HTTP_PAYVAND_KEYS];
    ngx_http_payvand_set_t  path[1 << NGX_HTTP_PAYVAND_PATHS];
    ngx_http_payvand_set_t  pair[1 << NGX_HTTP_PAYVAND_PAIRS];
    struct pv_found         found;      /* before its size is known */
} table __attribute__((aligned(NGX_HTTP_PAYVAND_LINE)));


/* the key's hash is as good as random already, registered keys or not */

static ngx_inline uint64_t
ngx_http_payvand_key_hash(const uint8_t *hash)
{
    return pv_load_u64(hash);
}


static ngx_inline uint64_t
ngx_http_payvand_path_hash(struct pv_slice path)
{
    return pv_crc32c((uint32_t) path.len, path.ptr, path.len)
           * NGX_HTTP_PAYVAND_GOLDEN;
}


static ngx_inline uint64_t
ngx_http_payvand_pair_hash(ngx_http_payvand_key_t *key,
    ngx_http_payvand_path_t *path)
{
    return ((uint64_t) (uintptr_t) key * NGX_HTTP_PAYVAND_GOLDEN
            ^ (uintptr_t) path)
           * NGX_HTTP_PAYVAND_GOLDEN;
}


#define ngx_http_payvand_set(kind, hash, bits)                                \
    (&table.kind[(hash) >> (64 - (bits))])


static ngx_inline ngx_http_payvand_key_t *
ngx_http_payvand_rows_key(const uint8_t *hash)
{
    uint64_t  h;

    h = ngx_http_payvand_key_hash(hash);

    return (ngx_http_payvand_key_t *) ngx_http_payvand_rows_get(
               ngx_http_payvand_set(key, h, NGX_HTTP_PAYVAND_KEYS), h);
}


static ngx_inline ngx_http_payvand_path_t *
ngx_http_payvand_rows_path(struct pv_slice text)
{
    uint64_t  h;

    h = ngx_http_payvand_path_hash(text);

    return (ngx_http_payvand_path_t *) ngx_http_payvand_rows_get(
               ngx_http_payvand_set(path, h, NGX_HTTP_PAYVAND_PATHS), h);
}


/* of this version, and not only of the same hash */

static ngx_inline ngx_uint_t
ngx_http_payvand_key_is(ngx_http_payvand_key_t *key, uint64_t version,
    const uint8_t *hash)
{
    return key->consumer.version == version
           && ngx_memcmp(key->hash, hash, PV_KEY_HASH_LEN) == 0;
}


static ngx_inline ngx_uint_t
ngx_http_payvand_path_is(ngx_http_payvand_path_t *path, uint64_t version,
    struct pv_slice text)
{
    return path->target.version == version
           && path->len == text.len
           && ngx_memcmp(path->text, text.ptr, text.len) == 0;
}


/* Where many systems call many methods a pair is in no cache. */

static void
ngx_http_payvand_rows_prefetch(ngx_http_payvand_rows_t *rows)
{
    size_t  at;

    for (at = offsetof(ngx_http_payvand_rows_t, rights.version);
         at < offsetof(ngx_http_payvand_rows_t, rights.grant[0].purpose[1]);
         at += NGX_HTTP_PAYVAND_LINE)
    {
        __builtin_prefetch((char *) rows + at);
    }
}


enum pv_err
ngx_http_payvand_rows_find(struct pv_policy *policy, uint64_t version,
    const uint8_t *key_hash, struct pv_slice text,
    ngx_http_payvand_rows_t **ret_rows)
{
    uint64_t                  h;
    ngx_http_payvand_key_t   *key;
    ngx_http_payvand_path_t  *path;
    ngx_http_payvand_rows_t  *rows;

    if (text.len > PV_POLICY_PATH_MAX) {
        return PV_ERANGE;
    }

    /* where the pair is follows from where its parts are: all three are on
       their way from memory before one of them is looked at */

    rows = NULL;
    key = ngx_http_payvand_rows_key(key_hash);
    path = ngx_http_payvand_rows_path(text);

    if (key != NULL && path != NULL) {
        __builtin_prefetch(&path->target.version);
        __builtin_prefetch(path->text);

        h = ngx_http_payvand_pair_hash(key, path);
        rows = (ngx_http_payvand_rows_t *) ngx_http_payvand_rows_get(
                   ngx_http_payvand_set(pair, h, NGX_HTTP_PAYVAND_PAIRS), h);

        if (rows != NULL) {
            ngx_http_payvand_rows_prefetch(rows);
        }
    }

    if (key != NULL && !ngx_http_payvand_key_is(key, version, key_hash)) {
        key = NULL;
    }

    if (path != NULL && !ngx_http_payvand_path_is(path, version, text)) {
        path = NULL;
    }

    if (key != NULL && path != NULL && rows != NULL
        && rows->entry.key == &key->entry
        && rows->entry.path == &path->entry)
    {
        ngx_http_payvand_count(NGX_HTTP_PAYVAND_ROWS_HIT);
        ngx_http_payvand_quota_prefetch(rows->quota_key[0]);
        rows->entry.refs++;
        *ret_rows = rows;
        return PV_OK;
    }

    ngx_http_payvand_count(NGX_HTTP_PAYVAND_ROWS_MISS);
    return ngx_http_payvand_rows_learn(policy, key, path, key_hash, text,
                                       ret_rows);
}


/*
 * Only what is registered is remembered: strangers and invented paths must not
 * push out the rows of those who may call.
 */

static ngx_http_payvand_key_t *
ngx_http_payvand_rows_new_key(const uint8_t *hash)
{
    uint64_t                 h;
    ngx_http_payvand_key_t  *key;

    key = ngx_calloc(sizeof(ngx_http_payvand_key_t), ngx_cycle->log);
    if (key == NULL) {
        return NULL;
    }

    key->entry.refs = 1;
    key->consumer = table.found.consumer;
    ngx_memcpy(key->hash, hash, PV_KEY_HASH_LEN);

    if (key->consumer.known) {
        h = ngx_http_payvand_key_hash(hash);
        ngx_http_payvand_rows_put(
            ngx_http_payvand_set(key, h, NGX_HTTP_PAYVAND_KEYS), h,
            &key->entry);
    }

    return key;
}


static ngx_http_payvand_path_t *
ngx_http_payvand_rows_new_path(struct pv_slice text)
{
    uint64_t                  h;
    ngx_http_payvand_path_t  *path;

    path = ngx_calloc(sizeof(ngx_http_payvand_path_t), ngx_cycle->log);
    if (path == NULL) {
        return NULL;
    }

    path->entry.refs = 1;
    path->target = table.found.target;
    path->len = text.len;
    ngx_memcpy(path->text, text.ptr, text.len);

    if (path->target.known) {
        h = ngx_http_payvand_path_hash(text);
        ngx_http_payvand_rows_put(
            ngx_http_payvand_set(path, h, NGX_HTTP_PAYVAND_PATHS), h,
            &path->entry);
    }

    return path;
}


/* Room for as many grants as there are, and for the last one's purposes. */

static size_t
ngx_http_payvand_rights_len(const struct pv_rights *rights)
{
    ngx_uint_t  last;

    if (rights->grant_count == 0) {
        return offsetof(struct pv_rights, grant);
    }

    last = rights->grant_count - 1;

    return offsetof(struct pv_rights, grant)
           + last * sizeof(struct pv_grant_row)
           + offsetof(struct pv_grant_row, purpose)
           + rights->grant[last].purpose_count * sizeof(struct pv_id);
}


static ngx_http_payvand_rows_t *
ngx_http_payvand_rows_new_pair(ngx_http_payvand_key_t *key,
    ngx_http_payvand_path_t *path)
{
    size_t                    len;
    uint64_t                  h;
    ngx_http_payvand_rows_t  *rows;

    len = ngx_http_payvand_rights_len(&table.found.rights);

    rows = ngx_calloc(offsetof(ngx_http_payvand_rows_t, rights) + len,
                      ngx_cycle->log);
    if (rows == NULL) {
        return NULL;
    }

    rows->entry.refs = 1;
    rows->entry.key = &key->entry;
    rows->entry.path = &path->entry;
    key->entry.refs++;
    path->entry.refs++;

    ngx_memcpy(&rows->rights, &table.found.rights, len);
    rows->rows.consumer = &key->consumer;
    rows->rows.target = &path->target;
    rows->rows.rights = &rows->rights;

    if (key->consumer.known && path->target.known) {
        h = ngx_http_payvand_pair_hash(key, path);
        ngx_http_payvand_rows_put(
            ngx_http_payvand_set(pair, h, NGX_HTTP_PAYVAND_PAIRS), h,
            &rows->entry);
    }

    return rows;
}


/* What is not remembered, or of an older version, comes from the image. */

static enum pv_err
ngx_http_payvand_rows_learn(struct pv_policy *policy,
    ngx_http_payvand_key_t *key, ngx_http_payvand_path_t *path,
    const uint8_t *key_hash, struct pv_slice text,
    ngx_http_payvand_rows_t **ret_rows)
{
    enum pv_err               err;
    ngx_http_payvand_rows_t  *rows;

    table.found.consumer.version = 0;
    table.found.target.version = 0;
    table.found.rights.version = 0;

    if (key != NULL) {
        table.found.consumer = key->consumer;
    }

    if (path != NULL) {
        table.found.target = path->target;
    }

    err = pv_policy_find(policy, key_hash, text, &table.found);
    if (err != PV_OK) {
        return err;
    }

    if (key != NULL && key->consumer.version == table.found.consumer.version) {
        key->entry.refs++;

    } else {
        key = ngx_http_payvand_rows_new_key(key_hash);
    }

    if (path != NULL && path->target.version == table.found.target.version) {
        path->entry.refs++;

    } else {
        path = ngx_http_payvand_rows_new_path(text);
    }

    rows = key != NULL && path != NULL
           ? ngx_http_payvand_rows_new_pair(key, path) : NULL;

    ngx_http_payvand_rows_drop((ngx_http_payvand_entry_t *) key);
    ngx_http_payvand_rows_drop((ngx_http_payvand_entry_t *) path);

    if (rows == NULL) {
        return PV_ENOMEM;
    }

    *ret_rows = rows;

    return PV_OK;
}


static ngx_http_payvand_entry_t *
ngx_http_payvand_rows_get(ngx_http_payvand_set_t *set, uint64_t hash)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_PAYVAND_WAYS; i++) {
        if (set->way[i].hash == hash && set->way[i].entry != NULL) {
            return set->way[i].entry;
        }
    }

    return NULL;
}


/* In the place of the same hash, or of the one that came first. */

static void
ngx_http_payvand_rows_put(ngx_http_payvand_set_t *set, uint64_t hash,
    ngx_http_payvand_entry_t *entry)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_PAYVAND_WAYS - 1; i++) {
        if (set->way[i].hash == hash) {
            break;
        }
    }

    ngx_http_payvand_rows_drop(set->way[i].entry);

    for ( /* void */ ; i > 0; i--) {
        set->way[i] = set->way[i - 1];
    }

    set->way[0].hash = hash;
    set->way[0].entry = entry;
    entry->refs++;
}


static void
ngx_http_payvand_rows_drop(ngx_http_payvand_entry_t *entry)
{
    if (entry == NULL || --entry->refs != 0) {
        return;
    }

    ngx_http_payvand_rows_drop(entry->key);
    ngx_http_payvand_rows_drop(entry->path);
    ngx_free(entry);
}


void
ngx_http_payvand_rows_release(ngx_http_payvand_rows_t *rows)
{
    if (rows != NULL) {
        ngx_http_payvand_rows_drop(&rows->entry);
    }
}


static void
ngx_http_payvand_rows_empty(ngx_http_payvand_set_t *set, ngx_uint_t count)
{
    ngx_uint_t  i, k;

    for (i = 0; i < count; i++) {
        for (k = 0; k < NGX_HTTP_PAYVAND_WAYS; k++) {
            ngx_http_payvand_rows_drop(set[i].way[k].entry);
            set[i].way[k].entry = NULL;
        }
    }
}


void
ngx_http_payvand_rows_clear(void)
{
    ngx_http_payvand_rows_empty(table.pair, 1 << NGX_HTTP_PAYVAND_PAIRS);
    ngx_http_payvand_rows_empty(table.path, 1 << NGX_HTTP_PAYVAND_PATHS);
    ngx_http_payvand_rows_empty(table.key, 1 << NGX_HTTP_PAYVAND_KEYS);
}
