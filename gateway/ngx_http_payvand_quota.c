/*
 * ngx_http_payvand_quota.c - rate, burst and the daily maximum of a grant, in
 * memory shared by the workers.
 *
 * The unit is the grant; of a mode, and of a group's grant whose terms say so,
 * (grant, consumer agency). Rate and burst by the
 * generic cell rate algorithm (one number per place); the daily count belongs
 * to the civil day of Tehran and is rebuilt from the journal when the memory is
 * new. Until then a call under a daily maximum is unavailable, not free.
 */

#include "ngx_http_payvand.h"
#include "ngx_http_payvand_shared.h"

#include "base/num.h"
#include "base/time.h"


#define NGX_HTTP_PAYVAND_ZONE_MIN   (1024 * 1024)
#define NGX_HTTP_PAYVAND_COUNT_MAX  10000       /* ms: a claim older is void */


static ngx_int_t ngx_http_payvand_init_zone(ngx_shm_zone_t *zone, void *data);
static uint64_t ngx_http_payvand_quota_key(struct pv_slice grant,
    struct pv_slice agency);
static ngx_http_payvand_quota_t *ngx_http_payvand_quota_place(uint64_t key,
    int64_t day, uint64_t now_us);


static ngx_shm_zone_t  *ngx_http_payvand_zone;


char *
ngx_http_payvand_quota_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_payvand_main_conf_t *mcf = conf;

    ssize_t     size;
    ngx_str_t  *value, name;

    if (mcf->quota_zone) {
        return "is duplicate";
    }

    value = cf->args->elts;
    size = ngx_parse_size(&value[1]);

    if (size < NGX_HTTP_PAYVAND_ZONE_MIN) {
        return "needs a size of at least 1m";
    }

    ngx_str_set(&name, "payvand_quota");

    mcf->quota_zone = ngx_shared_memory_add(cf, &name, (size_t) size,
                                            &ngx_http_payvand_module);
    if (mcf->quota_zone == NULL) {
        return NGX_CONF_ERROR;
    }

    mcf->quota_zone->init = ngx_http_payvand_init_zone;
    mcf->quota_zone->data = mcf;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_payvand_init_zone(ngx_shm_zone_t *zone, void *data)
{
    size_t                      size;
    ngx_slab_pool_t            *pool;
    ngx_http_payvand_shared_t  *shared;

    pool = (ngx_slab_pool_t *) zone->shm.addr;

    if (data != NULL) {
        zone->data = data;  /* a reload: the memory goes on */
        return NGX_OK;
    }

    if (zone->shm.exists) {
        zone->data = pool->data;
        return NGX_OK;
    }

    /* one piece; a thirty-second of the zone is enough for the slab's pages */

    size = zone->shm.size - zone->shm.size / 32 - 4 * ngx_pagesize;
    shared = ngx_slab_calloc(pool, size);

    if (shared == NULL) {
        ngx_log_error(NGX_LOG_EMERG, zone->shm.log, 0,
                      "payvand_quota_zone is too small");
        return NGX_ERROR;
    }

    shared->quotas = (size - offsetof(ngx_http_payvand_shared_t, quota))
                     / sizeof(ngx_http_payvand_quota_t);
    shared->started = ngx_time();

    pool->data = shared;
    zone->data = shared;

    return NGX_OK;
}


/* in workers only: a master's zone may belong to a configuration that failed */

void
ngx_http_payvand_quota_init_process(ngx_http_payvand_main_conf_t *mcf)
{
    ngx_http_payvand_zone = mcf->quota_zone;
}


ngx_http_payvand_shared_t *
ngx_http_payvand_shared(void)
{
    return ngx_http_payvand_zone ? ngx_http_payvand_zone->data : NULL;
}


void
ngx_http_payvand_shared_lock(void)
{
    ngx_shmtx_lock(&((ngx_slab_pool_t *)
                     ngx_http_payvand_zone->shm.addr)->mutex);
}


void
ngx_http_payvand_shared_unlock(void)
{
    ngx_shmtx_unlock(&((ngx_slab_pool_t *)
                       ngx_http_payvand_zone->shm.addr)->mutex);
}


enum pv_reason
ngx_http_payvand_quota_take(ngx_http_payvand_ctx_t *ctx)
{
    int64_t                       day;
    uint64_t                      now_us, step_us, slack_us, due_us, *key;
    enum pv_reason                reason;
    ngx_http_payvand_quota_t     *quota;
    ngx_http_payvand_shared_t    *shared;
    const struct pv_id           *agency;
    const struct pv_grant_row    *grant;

    grant = ctx->decision.grant;

    if (grant->rate_per_s == 0 && grant->per_day == 0) {
        return PV_REASON_NONE;
    }

    shared = ngx_http_payvand_shared();

    if (grant->per_day
        && shared->counted != NGX_HTTP_PAYVAND_COUNTED)
    {
        return PV_REASON_JOURNAL_DOWN;
    }

    key = &ctx->rows_held->quota_key[ngx_http_payvand_grant_at(ctx)];

    if (*key == 0) {
        agency = &ctx->rows->consumer->system.agency;
        *key = ngx_http_payvand_quota_key(
                   (struct pv_slice) { grant->id.text, grant->id.len },
                   (struct pv_slice) { agency->text, grant->per_member
                                                     ? agency->len : 0 });
    }

    day = pv_time_tehran_day(ctx->received_ms);
    now_us = (uint64_t) ngx_current_msec * 1000;
    reason = PV_REASON_NONE;

    ngx_http_payvand_shared_lock();

    quota = ngx_http_payvand_quota_place(*key, day, now_us);

    if (quota == NULL) {
        ngx_http_payvand_shared_unlock();
        ngx_http_payvand_count(NGX_HTTP_PAYVAND_QUOTA_FULL);
        ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, 0,
                      "payvand.quota_zone_full refusing calls under quotas; "
                      "make payvand_quota_zone larger");
        return PV_REASON_OVERLOADED;
    }

    if (quota->day == day + 1) {
        day++;  /* another worker's clock passed midnight a moment before */
    }

    if (quota->day != day) {
        quota->day = day;
        quota->calls = 0;
    }

    if (grant->per_day && quota->calls >= grant->per_day) {
        reason = PV_REASON_DAILY;

    } else if (grant->rate_per_s) {
        step_us = 1000000 / grant->rate_per_s;
        slack_us = step_us * (grant->burst ? grant->burst - 1 : 0);
        due_us = ngx_max(quota->due_us, now_us);

        if (due_us - now_us > slack_us) {
            reason = PV_REASON_RATE;

        } else {
            quota->due_us = due_us + step_us;
        }
    }

    if (reason == PV_REASON_NONE) {
        quota->calls++;
        ctx->quota_slot = (uint32_t) (quota - shared->quota);
        ctx->quota_day = day;
        ctx->counted = 1;
    }

    ngx_http_payvand_shared_unlock();

    return reason;
}


/* the call was not forwarded: it does not count against the day */

void
ngx_http_payvand_quota_refund(ngx_http_payvand_ctx_t *ctx)
{
    uint64_t                    key;
    ngx_http_payvand_quota_t   *quota;
    ngx_http_payvand_shared_t  *shared;

    if (!ctx->counted) {
        return;
    }

    ctx->counted = 0;

    shared = ngx_http_payvand_shared();
    key = ctx->rows_held->quota_key[ngx_http_payvand_grant_at(ctx)];
    quota = &shared->quota[ctx->quota_slot];

    ngx_http_payvand_shared_lock();

    if (quota->key == key && quota->day == ctx->quota_day && quota->calls) {
        quota->calls--;
    }

    ngx_http_payvand_shared_unlock();
}


static uint64_t
ngx_http_payvand_quota_key(struct pv_slice grant, struct pv_slice agency)
{
    char      text[2 * PV_POLICY_ID_MAX + 1];
    size_t    len;
    uint64_t  key;

    if (grant.len > PV_POLICY_ID_MAX || agency.len > PV_POLICY_ID_MAX) {
        return 1;
    }

    ngx_memcpy(text, grant.ptr, grant.len);
    text[grant.len] = ' ';  /* in no id */
    ngx_memcpy(text + grant.len + 1, agency.ptr, agency.len);
    len = grant.len + 1 + agency.len;

    key = pv_hash64((struct pv_slice) { text, len });

    return key ? key : 1;
}


static ngx_inline ngx_uint_t
ngx_http_payvand_quota_first(ngx_http_payvand_shared_t *shared, uint64_t key)
{
    return (ngx_uint_t) (((unsigned __int128) key * shared->quotas) >> 64);
}


void
ngx_http_payvand_quota_prefetch(uint64_t key)
{
    ngx_http_payvand_shared_t  *shared;

    shared = ngx_http_payvand_shared();

    if (key != 0 && shared != NULL) {
        __builtin_prefetch(&shared->quota[
                               ngx_http_payvand_quota_first(shared, key)]);
    }
}


/*
 * The key's place, or one that is free or idle since yesterday; NULL when all
 * the places it may have are in use. Called under the lock.
 */

static ngx_http_payvand_quota_t *
ngx_http_payvand_quota_place(uint64_t key, int64_t day, uint64_t now_us)
{
    ngx_uint_t                  i, at;
    ngx_http_payvand_quota_t   *quota, *idle;
    ngx_http_payvand_shared_t  *shared;

    shared = ngx_http_payvand_shared();
    at = ngx_http_payvand_quota_first(shared, key);
    idle = NULL;

    for (i = 0; i < NGX_HTTP_PAYVAND_PROBES; i++) {
        quota = &shared->quota[(at + i) % shared->quotas];

        if (quota->key == key) {
            return quota;
        }

        if (quota->key == 0) {
            idle = idle ? idle : quota;
            break;
        }

        if (idle == NULL && quota->day < day && quota->due_us <= now_us) {
            idle = quota;
        }
    }

    if (idle) {
        idle->key = key;
        idle->day = day;
        idle->calls = 0;
        idle->due_us = 0;
    }

    return idle;
}


ngx_uint_t
ngx_http_payvand_quota_counted(void)
{
    return ngx_http_payvand_shared()->counted == NGX_HTTP_PAYVAND_COUNTED;
}


ngx_uint_t
ngx_http_payvand_quota_claim(void)
{
    ngx_uint_t                  claimed;
    ngx_http_payvand_shared_t  *shared;

    shared = ngx_http_payvand_shared();
    claimed = 0;

    ngx_http_payvand_shared_lock();

    /* a claim falls back when its worker is gone */

    if (shared->counted == NGX_HTTP_PAYVAND_UNCOUNTED
        || (shared->counted == NGX_HTTP_PAYVAND_COUNTING
            && shared->counting_pid != ngx_pid
            && kill(shared->counting_pid, 0) == -1
            && ngx_errno == NGX_ESRCH))
    {
        if (shared->counted == NGX_HTTP_PAYVAND_COUNTING) {
            /* what it counted so far would be counted twice */
            ngx_memzero(shared->quota,
                        shared->quotas * sizeof(ngx_http_payvand_quota_t));
        }

        shared->counted = NGX_HTTP_PAYVAND_COUNTING;
        shared->counting_pid = ngx_pid;
        claimed = 1;
    }

    ngx_http_payvand_shared_unlock();

    return claimed;
}


void
ngx_http_payvand_quota_claimed(ngx_uint_t done)
{
    ngx_http_payvand_shared_t  *shared;

    shared = ngx_http_payvand_shared();

    ngx_http_payvand_shared_lock();

    if (shared->counted == NGX_HTTP_PAYVAND_COUNTING
        && shared->counting_pid == ngx_pid)
    {
        if (done) {
            shared->counted = NGX_HTTP_PAYVAND_COUNTED;

        } else {
            ngx_memzero(shared->quota,
                        shared->quotas * sizeof(ngx_http_payvand_quota_t));
            shared->counted = NGX_HTTP_PAYVAND_UNCOUNTED;
        }
    }

    ngx_http_payvand_shared_unlock();
}


ngx_int_t
ngx_http_payvand_quota_recount(struct pv_slice grant, struct pv_slice system,
    struct pv_slice path, uint64_t calls, int64_t day)
{
    uint64_t                   key;
    enum pv_err                err;
    struct pv_id               agency;
    struct pv_policy          *policy;
    ngx_http_payvand_quota_t  *quota;

    policy = ngx_http_payvand_policy();

    if (policy == NULL || ngx_http_payvand_image_version() == 0) {
        return NGX_ERROR;  /* whose calls these were cannot be told now */
    }

    err = pv_policy_quota_of(policy, system, path, grant, &agency);

    if (err == PV_ENOTFOUND) {
        agency.len = 0;  /* gone; if it comes back today, this stands */

    } else if (err != PV_OK) {
        return NGX_ERROR;
    }

    key = ngx_http_payvand_quota_key(grant, (struct pv_slice) { agency.text,
                                                                agency.len });

    ngx_http_payvand_shared_lock();

    quota = ngx_http_payvand_quota_place(key, day,
                                         (uint64_t) ngx_current_msec * 1000);
    if (quota != NULL) {
        if (quota->day != day) {
            quota->day = day;
            quota->calls = 0;
        }

        quota->calls += calls;
    }

    ngx_http_payvand_shared_unlock();

    if (quota == NULL) {
        ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, 0,
                      "payvand.quota_zone_full while counting today's calls; "
                      "make payvand_quota_zone larger");
    }
    return NGX_OK;
}
