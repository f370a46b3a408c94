/*
 * ngx_http_payvand_rows.c - the rows found for (key, path), kept per worker
 * while the image's version stands; never a verdict.
 *
 * A direct-mapped table: each (key, path) has one place and a newcomer takes
 * it. An entry is counted: a call in flight keeps the rows it was decided on
 * even when its place in the table has been taken.
 */

#include "ngx_http_payvand.h"

#include "base/num.h"


#define NGX_HTTP_PAYVAND_ROWS_SLOTS  32768 /* a power of two; 1.5 to 7 KiB each,
                                              made when first used */
#define NGX_HTTP_PAYVAND_CACHE_LINE  64
#define NGX_HTTP_PAYVAND_ROWS_FREE   64    /* entries kept for reuse */


typedef struct {
    ngx_http_payvand_rows_t  *slot[NGX_HTTP_PAYVAND_ROWS_SLOTS];
    ngx_http_payvand_rows_t  *free[PV_POLICY_GRANTS_MAX + 1];
    ngx_uint_t                free_count;
    struct pv_rows            found;       /* before their number is known */
} ngx_http_payvand_rows_table_t;


static ngx_http_payvand_rows_table_t  table;


static uint64_t
ngx_http_payvand_rows_hash(const uint8_t *key_hash, struct pv_slice path)
{
    /* the key's hash is as good as random already, registered keys or not */

    return pv_load_u64(key_hash)
           ^ pv_crc32c((uint32_t) path.len, path.ptr, path.len);
}


/* Room for as many grants as there are: most entries have one. */

static size_t
ngx_http_payvand_rows_len(ngx_uint_t grants)
{
    return offsetof(struct pv_rows, grant)
           + grants * sizeof(struct pv_grant_row);
}


static ngx_http_payvand_rows_t *
ngx_http_payvand_rows_new(ngx_uint_t grants)
{
    ngx_http_payvand_rows_t  *held;

    held = table.free[grants];

    if (held != NULL) {
        table.free[grants] = held->next;
        table.free_count--;
        return held;
    }

    return ngx_alloc(offsetof(ngx_http_payvand_rows_t, rows)
                     + ngx_http_payvand_rows_len(grants), ngx_cycle->log);
}


/*
 * Where many systems call many methods an entry is in no cache: its lines are
 * asked for at once instead of one after the other.
 */

static void
ngx_http_payvand_rows_prefetch(ngx_http_payvand_rows_t *held)
{
    size_t  at, len;

    if (held == NULL) {
        return;
    }

    len = offsetof(ngx_http_payvand_rows_t, rows)
          + ngx_http_payvand_rows_len(1);

    for (at = 0; at < len; at += NGX_HTTP_PAYVAND_CACHE_LINE) {
        __builtin_prefetch((char *) held + at);
    }
}


enum pv_err
ngx_http_payvand_rows_find(struct pv_policy *policy, uint64_t version,
    const uint8_t *key_hash, struct pv_slice path,
    ngx_http_payvand_rows_t **ret_held)
{
    uint64_t                   hash;
    enum pv_err                err;
    ngx_uint_t                 i;
    ngx_http_payvand_rows_t  **place, *held;

    if (path.len > PV_POLICY_PATH_MAX) {
        return PV_ERANGE;
    }

    hash = ngx_http_payvand_rows_hash(key_hash, path);
    place = &table.slot[hash & (NGX_HTTP_PAYVAND_ROWS_SLOTS - 1)];
    held = *place;

    ngx_http_payvand_rows_prefetch(held);

    if (held != NULL
        && held->rows.version == version
        && held->path_len == path.len
        && ngx_memcmp(held->key_hash, key_hash, PV_KEY_HASH_LEN) == 0
        && ngx_memcmp(held->path, path.ptr, path.len) == 0)
    {
        ngx_http_payvand_count(NGX_HTTP_PAYVAND_ROWS_HIT);
        ngx_http_payvand_quota_prefetch(held->quota_key[0]);
        held->refs++;
        *ret_held = held;
        return PV_OK;
    }

    ngx_http_payvand_count(NGX_HTTP_PAYVAND_ROWS_MISS);

    ngx_memzero(&table.found, ngx_http_payvand_rows_len(0));

    err = pv_policy_find(policy, key_hash, path, &table.found);
    if (err != PV_OK) {
        return err;
    }

    held = ngx_http_payvand_rows_new(table.found.grant_count);
    if (held == NULL) {
        return PV_ENOMEM;
    }

    ngx_memcpy(&held->rows, &table.found,
               ngx_http_payvand_rows_len(table.found.grant_count));
    held->refs = 1;

    ngx_memcpy(held->key_hash, key_hash, PV_KEY_HASH_LEN);
    ngx_memcpy(held->path, path.ptr, path.len);
    held->path_len = path.len;
    held->used_up = 0;

    for (i = 0; i < PV_POLICY_GRANTS_MAX; i++) {
        held->quota_key[i] = 0;
    }

    *ret_held = held;

    /*
     * Only what is registered is remembered: strangers and invented paths
     * must not push out the rows of those who may call.
     */

    if (held->rows.has_system && held->rows.has_method) {
        ngx_http_payvand_rows_release(*place);
        *place = held;
        held->refs++;
    }

    return PV_OK;
}


void
ngx_http_payvand_rows_release(ngx_http_payvand_rows_t *held)
{
    if (held == NULL || --held->refs != 0) {
        return;
    }

    if (table.free_count == NGX_HTTP_PAYVAND_ROWS_FREE) {
        ngx_free(held);
        return;
    }

    held->next = table.free[held->rows.grant_count];
    table.free[held->rows.grant_count] = held;
    table.free_count++;
}


void
ngx_http_payvand_rows_clear(void)
{
    ngx_uint_t                i;
    ngx_http_payvand_rows_t  *held;

    for (i = 0; i < NGX_HTTP_PAYVAND_ROWS_SLOTS; i++) {
        ngx_http_payvand_rows_release(table.slot[i]);
        table.slot[i] = NULL;
    }

    for (i = 0; i <= PV_POLICY_GRANTS_MAX; i++) {
        while (table.free[i]) {
            held = table.free[i];
            table.free[i] = held->next;
            ngx_free(held);
        }
    }

    table.free_count = 0;
}
