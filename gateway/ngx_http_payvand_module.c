/*
 * ngx_http_payvand_module.c - directives, configuration, the ctx of a call,
 * and the end of a call (log phase). What a call goes through on its way is
 * told in ngx_http_payvand.h.
 */

#include "ngx_http_payvand.h"

#include <sys/prctl.h>
#include <sys/resource.h>


#define NGX_HTTP_PAYVAND_JOURNAL_TIMEOUT  2000     /* ms */
#define NGX_HTTP_PAYVAND_JOURNAL_GRACE    5000     /* ms; traced's for a worker */
#define NGX_HTTP_PAYVAND_NODE_MAX         32


static void *ngx_http_payvand_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_payvand_init_main_conf(ngx_conf_t *cf, void *conf);
static void *ngx_http_payvand_create_srv_conf(ngx_conf_t *cf);
static void *ngx_http_payvand_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_payvand_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static char *ngx_http_payvand_journal_path(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_http_payvand_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_payvand_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_payvand_init_process(ngx_cycle_t *cycle);
static void ngx_http_payvand_exit_process(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_payvand_log_handler(ngx_http_request_t *r);


static ngx_command_t  ngx_http_payvand_commands[] = {

    { ngx_string("payvand_policy"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_payvand_main_conf_t, policy),
      NULL },

    { ngx_string("payvand_journal"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_payvand_journal_path,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("payvand_journal_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_payvand_main_conf_t, journal_timeout),
      NULL },

    { ngx_string("payvand_node"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_payvand_main_conf_t, node),
      NULL },

    { ngx_string("payvand_registry_url"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_payvand_main_conf_t, registry_url),
      NULL },

    { ngx_string("payvand_loopback_endpoints"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_payvand_main_conf_t, loopback_endpoints),
      NULL },

    { ngx_string("payvand_quota_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_payvand_quota_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("payvand_endpoint"),
      NGX_HTTP_UPS_CONF|NGX_CONF_NOARGS,
      ngx_http_payvand_endpoint,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("payvand"),
      NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_payvand_loc_conf_t, enable),
      NULL },

    { ngx_string("payvand_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_payvand_status,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_payvand_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_payvand_init,                 /* postconfiguration */

    ngx_http_payvand_create_main_conf,     /* create main configuration */
    ngx_http_payvand_init_main_conf,       /* init main configuration */

    ngx_http_payvand_create_srv_conf,      /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_payvand_create_loc_conf,      /* create location configuration */
    ngx_http_payvand_merge_loc_conf        /* merge location configuration */
};


ngx_module_t  ngx_http_payvand_module = {
    NGX_MODULE_V1,
    &ngx_http_payvand_module_ctx,          /* module context */
    ngx_http_payvand_commands,             /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_payvand_init_module,          /* init module */
    ngx_http_payvand_init_process,         /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_payvand_exit_process,         /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


/* the pool cleanup is how a ctx is found after an internal redirect */

static void
ngx_http_payvand_cleanup(void *data)
{
    ngx_http_payvand_ctx_t  *ctx = data;

    ngx_http_payvand_journal_forget(ctx);
    ngx_http_payvand_rows_release(ctx->rows_held);
    ctx->rows_held = NULL;
    ctx->rows = NULL;
}


ngx_http_payvand_ctx_t *
ngx_http_payvand_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t      *cln;
    ngx_http_payvand_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_payvand_module);

    if (ctx != NULL || (!r->internal && r == r->main && !r->filter_finalize)) {
        return ctx;
    }

    for (cln = r->main->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler == ngx_http_payvand_cleanup) {
            ctx = cln->data;
            ngx_http_set_ctx(r, ctx, ngx_http_payvand_module);
            return ctx;
        }
    }

    return NULL;
}


ngx_http_payvand_ctx_t *
ngx_http_payvand_ctx_create(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t      *cln;
    ngx_http_payvand_ctx_t  *ctx;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_payvand_ctx_t));
    if (cln == NULL) {
        return NULL;
    }

    ctx = cln->data;
    ngx_memzero(ctx, sizeof(ngx_http_payvand_ctx_t));

    ctx->request = r;
    cln->handler = ngx_http_payvand_cleanup;

    ngx_http_payvand_log_connection(r->connection);

    ngx_http_set_ctx(r, ctx, ngx_http_payvand_module);

    return ctx;
}


int64_t
ngx_http_payvand_now_ms(void)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (int64_t) tp->sec * 1000 + (int64_t) tp->msec;
}


/*
 * The call is over, whatever became of it: the outcome is settled here, once,
 * and its completion queued. An answer's class was set by the filter; without
 * one the caller left before the answer came.
 */

static ngx_int_t
ngx_http_payvand_log_handler(ngx_http_request_t *r)
{
    ngx_http_payvand_ctx_t       *ctx;
    ngx_http_payvand_loc_conf_t  *plcf;

    if (r != r->main) {
        return NGX_OK;
    }

    ctx = ngx_http_payvand_ctx(r);

    if (ctx == NULL) {
        plcf = ngx_http_get_module_loc_conf(r, ngx_http_payvand_module);

        if (!plcf->status && r->headers_out.status >= NGX_HTTP_BAD_REQUEST) {
            ngx_http_payvand_count(
                r->connection->ssl
                && ngx_http_payvand_tls_reason(r->connection)
                   == PV_REASON_NONE
                ? NGX_HTTP_PAYVAND_MALFORMED : NGX_HTTP_PAYVAND_TLS_REFUSED);
        }

        return NGX_OK;
    }

    if (ctx->finished) {
        return NGX_OK;
    }

    ctx->finished = 1;
    ctx->last_ms = ngx_http_payvand_now_ms();

    if (ctx->forwarded_ms == 0 && ctx->counted) {
        ngx_http_payvand_quota_refund(ctx);
    }

    ngx_http_payvand_settle(ctx);

    if (ctx->outcome == PV_OUTCOME_NONE) {
        ctx->outcome = ctx->forwarded_ms ? PV_OUTCOME_UNKNOWN
                                         : PV_OUTCOME_UNAVAILABLE;
        ctx->reason = PV_REASON_CALLER_GONE;
    }

    ngx_http_payvand_count_outcome(ctx->outcome);
    ngx_http_payvand_journal_complete(ctx);

    return NGX_OK;
}


static void *
ngx_http_payvand_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_payvand_main_conf_t  *mcf;

    mcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_payvand_main_conf_t));
    if (mcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     mcf->policy, journal, node, registry_url = { 0, NULL };
     *     mcf->quota_zone = NULL;
     *     mcf->gates = 0;
     */

    mcf->loopback_endpoints = NGX_CONF_UNSET;
    mcf->journal_timeout = NGX_CONF_UNSET_MSEC;

    mcf->locations = ngx_array_create(cf->temp_pool, 16,
                                      sizeof(ngx_http_payvand_place_t));
    if (mcf->locations == NULL) {
        return NULL;
    }

    return mcf;
}


static char *
ngx_http_payvand_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_payvand_main_conf_t  *mcf = conf;

    ngx_conf_init_value(mcf->loopback_endpoints, 0);
    ngx_conf_init_msec_value(mcf->journal_timeout,
                             NGX_HTTP_PAYVAND_JOURNAL_TIMEOUT);

    /* the calls of a worker that traced took for lost must not go on */

    if (mcf->journal_timeout >= NGX_HTTP_PAYVAND_JOURNAL_GRACE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "payvand_journal_timeout must be less than 5s");
        return NGX_CONF_ERROR;
    }

    if (mcf->node.len > NGX_HTTP_PAYVAND_NODE_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "payvand_node is longer than %d characters",
                           NGX_HTTP_PAYVAND_NODE_MAX);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static void *
ngx_http_payvand_create_srv_conf(ngx_conf_t *cf)
{
    /* endpoint = NULL: set by payvand_endpoint */

    return ngx_pcalloc(cf->pool, sizeof(ngx_http_payvand_srv_conf_t));
}


static void *
ngx_http_payvand_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_payvand_loc_conf_t  *plcf;

    plcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_payvand_loc_conf_t));
    if (plcf == NULL) {
        return NULL;
    }

    /* set by ngx_pcalloc(): plcf->status = 0; plcf->upstream = NULL; */

    plcf->enable = NGX_CONF_UNSET;

    return plcf;
}


/* every location passes here once: the place to note them for the checks */

static char *
ngx_http_payvand_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_payvand_loc_conf_t *prev = parent;
    ngx_http_payvand_loc_conf_t *conf = child;

    ngx_http_conf_ctx_t           *ctx;
    ngx_http_payvand_place_t      *place;
    ngx_http_payvand_main_conf_t  *mcf;

    ngx_conf_merge_value(conf->enable, prev->enable, 0);

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_payvand_module);
    ctx = cf->ctx;

    place = ngx_array_push(mcf->locations);
    if (place == NULL) {
        return NGX_CONF_ERROR;
    }

    place->loc_conf = ctx->loc_conf;
    place->srv_conf = ctx->srv_conf;
    place->clcf = ctx->loc_conf[ngx_http_core_module.ctx_index];
    place->cscf = ctx->srv_conf[ngx_http_core_module.ctx_index];
    place->plcf = conf;

    if (conf->enable) {
        mcf->gates++;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_payvand_journal_path(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_payvand_main_conf_t *mcf = conf;

    ngx_str_t  *value;

    if (mcf->journal.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len <= 6
        || ngx_strncmp(value[1].data, "unix:/", 6) != 0
        || value[1].len - 5 >= NGX_HTTP_PAYVAND_SOCKET_PATH_MAX)
    {
        return "needs unix: and an absolute path of at most 107 characters";
    }

    mcf->journal.data = value[1].data + 5;  /* ends in NUL as all arguments */
    mcf->journal.len = value[1].len - 5;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_payvand_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt           *h;
    ngx_http_core_main_conf_t     *cmcf;
    ngx_http_payvand_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_payvand_module);

    if (mcf->gates == 0) {
        return NGX_OK;
    }

    if (ngx_http_payvand_check(cf) != NGX_OK
        || ngx_http_payvand_log_init(cf) != NGX_OK
        || ngx_http_payvand_identity_init(cf) != NGX_OK
        || ngx_http_payvand_socket_init(cf) != NGX_OK
        || ngx_http_payvand_filter_init(cf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PREACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_payvand_gate;

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_LOG_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_payvand_log_handler;

    mcf->locations = NULL;  /* of the temporary pool; its work is done */

    return NGX_OK;
}


static ngx_http_payvand_main_conf_t *
ngx_http_payvand_cycle_conf(ngx_cycle_t *cycle)
{
    ngx_http_payvand_main_conf_t  *mcf;

    if (ngx_get_conf(cycle->conf_ctx, ngx_http_module) == NULL) {
        return NULL;  /* no http{} */
    }

    mcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_payvand_module);

    return mcf->gates ? mcf : NULL;
}


static ngx_int_t
ngx_http_payvand_init_module(ngx_cycle_t *cycle)
{
    if (ngx_http_payvand_cycle_conf(cycle) == NULL) {
        return NGX_OK;
    }

    return ngx_http_payvand_log_init_module(cycle);
}


/*
 * A worker without its master is reached by no reload and no status, and keeps
 * the address from the next master: it finishes its calls and leaves.
 */

static ngx_int_t
ngx_http_payvand_follow_master(ngx_cycle_t *cycle)
{
    if (ngx_process != NGX_PROCESS_WORKER) {
        return NGX_OK;
    }

    if (prctl(PR_SET_PDEATHSIG, ngx_signal_value(NGX_SHUTDOWN_SIGNAL), 0, 0, 0)
        == -1)
    {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "payvand: cannot follow the master");
        return NGX_ERROR;
    }

    if (getppid() != ngx_parent) {
        ngx_log_error(NGX_LOG_NOTICE, cycle->log, 0, "payvand.master_gone");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_payvand_init_process(ngx_cycle_t *cycle)
{
    struct rlimit                  rlim;
    ngx_http_payvand_main_conf_t  *mcf;

    if (ngx_process != NGX_PROCESS_WORKER
        && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;  /* the cache manager and loader hold no calls */
    }

    mcf = ngx_http_payvand_cycle_conf(cycle);
    if (mcf == NULL) {
        return NGX_OK;
    }

    /* bytes in flight leave this process only by its sockets */

    rlim.rlim_cur = 0;
    rlim.rlim_max = 0;

    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1
        || setrlimit(RLIMIT_CORE, &rlim) == -1)
    {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "payvand: cannot forbid core dumps");
        return NGX_ERROR;
    }

    if (ngx_http_payvand_follow_master(cycle) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_payvand_quota_init_process(mcf);

    if (ngx_http_payvand_gate_init_process(cycle) != NGX_OK
        || ngx_http_payvand_upstream_init_process(cycle) != NGX_OK
        || ngx_http_payvand_journal_init_process(cycle) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_http_payvand_exit_process(ngx_cycle_t *cycle)
{
    if ((ngx_process != NGX_PROCESS_WORKER
         && ngx_process != NGX_PROCESS_SINGLE)
        || ngx_http_payvand_cycle_conf(cycle) == NULL)
    {
        return;
    }

    ngx_http_payvand_upstream_exit_process(cycle);
    ngx_http_payvand_journal_exit_process(cycle);
    ngx_http_payvand_gate_exit_process(cycle);
}
