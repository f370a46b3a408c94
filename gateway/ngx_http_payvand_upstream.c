/*
 * ngx_http_payvand_upstream.c - the provider of a call: payvand_endpoint in
 * upstream{}, the peer of the decision, and what may be sent again.
 */

#include "ngx_http_payvand_pace.h"


static ngx_int_t ngx_http_payvand_endpoint_init(ngx_conf_t *cf,
    ngx_http_upstream_srv_conf_t *us);
static ngx_int_t ngx_http_payvand_endpoint_init_peer(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *us);
static ngx_int_t ngx_http_payvand_get_peer(ngx_peer_connection_t *pc,
    void *data);
static void ngx_http_payvand_free_peer(ngx_peer_connection_t *pc, void *data,
    ngx_uint_t state);
static ngx_int_t ngx_http_payvand_set_session(ngx_peer_connection_t *pc,
    void *data);
static void ngx_http_payvand_save_session(ngx_peer_connection_t *pc,
    void *data);


extern ngx_module_t  ngx_http_proxy_module;  /* in no header of nginx */


char *
ngx_http_payvand_endpoint(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_payvand_srv_conf_t  *pscf = conf;

    ngx_http_upstream_server_t    *server;
    ngx_http_upstream_srv_conf_t  *uscf;

    if (pscf->endpoint) {
        return "is duplicate";
    }

    uscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_upstream_module);

    if (uscf->peer.init_upstream) {
        return "cannot stand beside another way of choosing a peer";
    }

    /* nginx wants a server in every upstream{}: this one is never used */

    server = ngx_array_push(uscf->servers);
    if (server == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(server, sizeof(ngx_http_upstream_server_t));

    uscf->peer.init_upstream = ngx_http_payvand_endpoint_init;
    uscf->flags = NGX_HTTP_UPSTREAM_CREATE;

    pscf->endpoint = uscf;

    return NGX_CONF_OK;
}


ngx_uint_t
ngx_http_payvand_is_endpoint(ngx_http_upstream_srv_conf_t *uscf)
{
    return uscf->peer.init_upstream == ngx_http_payvand_endpoint_init
           && uscf->peer.init == ngx_http_payvand_endpoint_init_peer;
}


static ngx_int_t
ngx_http_payvand_endpoint_init(ngx_conf_t *cf,
    ngx_http_upstream_srv_conf_t *us)
{
    us->peer.init = ngx_http_payvand_endpoint_init_peer;

    return NGX_OK;
}


ngx_int_t
ngx_http_payvand_upstream_init_process(ngx_cycle_t *cycle)
{
    ngx_http_payvand_pace_init(cycle);

    return ngx_http_payvand_peer_init(cycle);
}


void
ngx_http_payvand_upstream_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_payvand_pace_exit();
    ngx_http_payvand_peer_exit();
}


static void
ngx_http_payvand_call_cleanup(void *data)
{
    ngx_http_payvand_call_t  *call = data;

    ngx_http_payvand_call_unqueue(call);

    if (call->pace) {
        call->pace->calls--;
        call->pace = NULL;
    }

    if (call->peer) {
        ngx_http_payvand_peer_release(call->peer);
        call->peer = NULL;
    }
}


ngx_int_t
ngx_http_payvand_upstream_prepare(ngx_http_request_t *r,
    ngx_http_payvand_ctx_t *ctx)
{
    ngx_pool_cleanup_t            *cln;
    ngx_http_payvand_call_t       *call;
    const struct pv_method_row    *method;
    ngx_http_payvand_main_conf_t  *mcf;
    ngx_http_upstream_conf_t      *base;

    call = ctx->upstream;

    if (call == NULL || ctx->rows == NULL || call->peer != NULL) {
        ctx->reason = PV_REASON_OVERLOADED;
        return NGX_ERROR;
    }

    method = &ctx->rows->target->method;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_payvand_module);

    /* the proxy's location configuration begins with its upstream's */
    base = ngx_http_get_module_loc_conf(r, ngx_http_proxy_module);

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        ctx->reason = PV_REASON_OVERLOADED;
        return NGX_ERROR;
    }

    cln->handler = ngx_http_payvand_call_cleanup;
    cln->data = call;

    call->peer = ngx_http_payvand_peer_get(method, mcf->loopback_endpoints);
    call->pace = ngx_http_payvand_pace_get(base, method, ctx->idempotent);
    call->answer_max_len = method->answer_max_len;

    if (call->peer == NULL || call->pace == NULL) {
        ctx->reason = PV_REASON_OVERLOADED;
        return NGX_ERROR;
    }

    if (call->peer->forbidden) {
        ctx->reason = PV_REASON_ENDPOINT_MISSING;
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_payvand_endpoint_init_peer(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *us)
{
    ngx_http_upstream_t      *u;
    ngx_http_payvand_ctx_t   *ctx;
    ngx_http_payvand_call_t  *call;

    u = r->upstream;
    ctx = ngx_http_payvand_ctx(r);

    /*
     * Only a call that the gate released, in the main request, over TLS,
     * without a cache: whatever the configuration did, an error is no allow.
     */

    if (ctx == NULL || !ctx->released || r != r->main
        || ctx->decision.verdict != PV_ALLOW)
    {
        return NGX_ERROR;
    }

    call = ctx->upstream;

    if (call == NULL || call->peer == NULL || call->pace == NULL
        || call->forwarded || !u->ssl)
    {
        return NGX_ERROR;
    }

#if (NGX_HTTP_CACHE)
    if (u->cacheable || r->cache) {
        return NGX_ERROR;
    }
#endif

    if (ngx_http_payvand_request_head(r, call) != NGX_OK) {
        return NGX_ERROR;
    }

    call->forwarded = 1;

    u->conf = &call->pace->conf;
    u->buffering = 1;
    u->store = 0;

    u->ssl_name.data = call->peer->tls_name;
    u->ssl_name.len = call->peer->tls_name_len;

    u->peer.data = call;
    u->peer.get = ngx_http_payvand_get_peer;
    u->peer.free = ngx_http_payvand_free_peer;
    u->peer.set_session = ngx_http_payvand_set_session;
    u->peer.save_session = ngx_http_payvand_save_session;
    u->peer.tries = 1;

    ngx_http_payvand_call_queue(call);

    return NGX_OK;
}


static ngx_int_t
ngx_http_payvand_get_peer(ngx_peer_connection_t *pc, void *data)
{
    ngx_http_payvand_call_t  *call = data;

    ngx_connection_t         *c;
    ngx_http_payvand_peer_t  *peer;

    peer = call->peer;

    pc->cached = 0;
    pc->connection = NULL;
    pc->sockaddr = &peer->sockaddr.sockaddr;
    pc->socklen = peer->socklen;
    pc->name = &peer->name;

    if (call->ctx->forwarded_ms == 0) {
        call->ctx->forwarded_ms = ngx_http_payvand_now_ms();
    }

    if (call->attempts++ == 0) {

        /* a command cannot be sent again: look twice before it goes */

        c = ngx_http_payvand_peer_take(peer, pc->log,
                                       !call->ctx->idempotent);
        if (c) {
            pc->connection = c;
            pc->cached = 1;

            ngx_http_payvand_count(NGX_HTTP_PAYVAND_UPSTREAM_REUSED);

            return NGX_DONE;
        }

    } else {
        call->ctx->retried = 1;
        ngx_http_payvand_count(NGX_HTTP_PAYVAND_UPSTREAM_RETRIED);
    }

    ngx_http_payvand_count(NGX_HTTP_PAYVAND_UPSTREAM_OPENED);

    return NGX_OK;
}


static ngx_uint_t
ngx_http_payvand_may_keep(ngx_http_upstream_t *u, ngx_connection_t *c)
{
    if (c == NULL
        || c->read->eof || c->read->error || c->read->timedout
        || c->write->error || c->write->timedout)
    {
        return 0;
    }

    if (!u->keepalive || !u->request_body_sent) {
        return 0;
    }

    /* behind an answer without a body nothing may stand */

    if (u->headers_in.content_length_n == 0
        || u->headers_in.status_n == NGX_HTTP_NO_CONTENT)
    {
        if (u->buffer.pos != u->buffer.last) {
            return 0;
        }
    }

    return !ngx_terminate && !ngx_exiting;
}


static void
ngx_http_payvand_free_peer(ngx_peer_connection_t *pc, void *data,
    ngx_uint_t state)
{
    ngx_http_payvand_call_t  *call = data;

    ngx_http_upstream_t  *u;

    u = call->request->upstream;

    if (pc->tries) {
        pc->tries--;
    }

    if (state & NGX_PEER_FAILED) {

        /*
         * nginx gives a failed kept connection one more try. It must not when
         * a byte of an answer has come: the provider has worked on the call.
         */

        if (u->state && u->state->bytes_received) {
            pc->cached = 0;
        }

        return;
    }

    ngx_http_payvand_call_unqueue(call);

    if (ngx_http_payvand_may_keep(u, pc->connection)
        && ngx_http_payvand_peer_keep(call->peer, pc->connection) == NGX_OK)
    {
        pc->connection = NULL;

        ngx_http_payvand_pace_watch();
    }
}


static ngx_int_t
ngx_http_payvand_set_session(ngx_peer_connection_t *pc, void *data)
{
    ngx_http_payvand_call_t  *call = data;

    return ngx_http_payvand_peer_secure(call->peer, pc->connection, call);
}


static void
ngx_http_payvand_save_session(ngx_peer_connection_t *pc, void *data)
{
    ngx_http_payvand_call_t  *call = data;

    ngx_http_payvand_peer_save_session(call->peer, pc->connection);
}
