/*
 * ngx_http_payvand_upstream.c - the provider of a call: payvand_endpoint in
 * upstream{}, the peer of the decision, deadlines, and what may be sent again.
 *
 * A pace is what the methods of one deadline share: a copy of the location's
 * upstream configuration with their times and with everything switched off
 * that a provider must not steer, and the queue of their calls in the order in
 * which they expire. One timer walks the heads of these queues.
 */

#include "ngx_http_payvand_peer.h"


#define NGX_HTTP_PAYVAND_PACES_MAX     256
#define NGX_HTTP_PAYVAND_SWEEP         50      /* ms */
#define NGX_HTTP_PAYVAND_DEADLINE_MAX  600000  /* ms; also for a 0 in the row */
#define NGX_HTTP_PAYVAND_CONNECT       2000    /* ms, when the row has 0 */


struct ngx_http_payvand_pace_s {
    ngx_http_upstream_conf_t   conf;
    ngx_http_upstream_conf_t  *base;       /* the location's */
    ngx_msec_t                 deadline;
    ngx_msec_t                 connect;
    ngx_uint_t                 idempotent;
    ngx_uint_t                 calls;      /* that hold this pace */
    ngx_queue_t                waiting;    /* call.queue, first to expire first */
    ngx_queue_t                queue;      /* the worker's, last used first */
};


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
static void ngx_http_payvand_sweep(ngx_event_t *ev);


extern ngx_module_t  ngx_http_proxy_module;  /* in no header of nginx */


static ngx_queue_t  ngx_http_payvand_paces;
static ngx_uint_t  ngx_http_payvand_pace_count;
static ngx_event_t  ngx_http_payvand_sweep_event;
static ngx_connection_t  ngx_http_payvand_sweep_dumb;


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
    ngx_event_t  *ev;

    ngx_queue_init(&ngx_http_payvand_paces);
    ngx_http_payvand_pace_count = 0;

    ev = &ngx_http_payvand_sweep_event;

    ngx_memzero(ev, sizeof(ngx_event_t));
    ngx_memzero(&ngx_http_payvand_sweep_dumb, sizeof(ngx_connection_t));

    ngx_http_payvand_sweep_dumb.fd = (ngx_socket_t) -1;
    ev->data = &ngx_http_payvand_sweep_dumb;
    ev->handler = ngx_http_payvand_sweep;
    ev->log = cycle->log;
    ev->cancelable = 1;     /* keeps no worker from leaving */

    return ngx_http_payvand_peer_init(cycle);
}


void
ngx_http_payvand_upstream_exit_process(ngx_cycle_t *cycle)
{
    if (ngx_http_payvand_sweep_event.timer_set) {
        ngx_del_timer(&ngx_http_payvand_sweep_event);
    }

    ngx_http_payvand_peer_exit();
}


static void
ngx_http_payvand_pace_fill(ngx_http_payvand_pace_t *pace,
    ngx_http_upstream_conf_t *base)
{
    ngx_http_upstream_conf_t  *conf;

    conf = &pace->conf;
    *conf = *base;

    conf->connect_timeout = pace->connect;
    conf->send_timeout = pace->deadline;
    conf->read_timeout = pace->deadline;

    /*
     * With one try nginx goes on to another peer only when a kept connection
     * turned out to be dead (see ngx_http_payvand_free_peer()).
     */

    conf->next_upstream = pace->idempotent
                          ? NGX_HTTP_UPSTREAM_FT_ERROR
                            |NGX_HTTP_UPSTREAM_FT_NON_IDEMPOTENT
                          : 0;
    conf->next_upstream_tries = 0;
    conf->next_upstream_timeout = pace->deadline;

    conf->ignore_headers = NGX_HTTP_UPSTREAM_IGN_XA_REDIRECT
                           |NGX_HTTP_UPSTREAM_IGN_XA_EXPIRES
                           |NGX_HTTP_UPSTREAM_IGN_EXPIRES
                           |NGX_HTTP_UPSTREAM_IGN_CACHE_CONTROL
                           |NGX_HTTP_UPSTREAM_IGN_SET_COOKIE
                           |NGX_HTTP_UPSTREAM_IGN_XA_LIMIT_RATE
                           |NGX_HTTP_UPSTREAM_IGN_XA_BUFFERING
                           |NGX_HTTP_UPSTREAM_IGN_XA_CHARSET
                           |NGX_HTTP_UPSTREAM_IGN_VARY;

    /* memory only, and bounded by the buffers of the location */

    conf->buffering = 1;
    conf->max_temp_file_size = 0;
    conf->store = 0;
    conf->change_buffering = 0;
    conf->limit_rate = 0;

    conf->intercept_errors = 0;
    conf->intercept_404 = 0;
    conf->force_ranges = 0;
    conf->pass_trailers = 0;

    /* the name comes from the endpoint's row, and is always checked */

    conf->ssl_name = NULL;
    conf->ssl_server_name = 1;
    conf->ssl_verify = 1;
    conf->ssl_session_reuse = 1;
}


static ngx_http_payvand_pace_t *
ngx_http_payvand_pace_get(ngx_http_upstream_conf_t *base,
    const struct pv_method_row *method, ngx_uint_t idempotent)
{
    ngx_msec_t                deadline, connect;
    ngx_queue_t              *q;
    ngx_http_payvand_pace_t  *pace;

    deadline = method->deadline_ms;
    connect = method->connect_timeout_ms;

    if (deadline == 0 || deadline > NGX_HTTP_PAYVAND_DEADLINE_MAX) {
        deadline = NGX_HTTP_PAYVAND_DEADLINE_MAX;
    }

    if (connect == 0) {
        connect = NGX_HTTP_PAYVAND_CONNECT;
    }

    connect = ngx_min(connect, deadline);

    for (q = ngx_queue_head(&ngx_http_payvand_paces);
         q != ngx_queue_sentinel(&ngx_http_payvand_paces);
         q = ngx_queue_next(q))
    {
        pace = ngx_queue_data(q, ngx_http_payvand_pace_t, queue);

        if (pace->deadline == deadline && pace->connect == connect
            && pace->idempotent == idempotent && pace->base == base)
        {
            goto found;
        }
    }

    if (ngx_http_payvand_pace_count >= NGX_HTTP_PAYVAND_PACES_MAX) {

        /* the one that was not used for longest, if nobody holds it */

        q = ngx_queue_last(&ngx_http_payvand_paces);
        pace = ngx_queue_data(q, ngx_http_payvand_pace_t, queue);

        if (pace->calls) {
            return NULL;
        }

    } else {
        pace = ngx_calloc(sizeof(ngx_http_payvand_pace_t), ngx_cycle->log);
        if (pace == NULL) {
            return NULL;
        }

        ngx_queue_init(&pace->waiting);
        ngx_queue_insert_head(&ngx_http_payvand_paces, &pace->queue);
        ngx_http_payvand_pace_count++;
    }

    pace->base = base;
    pace->deadline = deadline;
    pace->connect = connect;
    pace->idempotent = idempotent;

    ngx_http_payvand_pace_fill(pace, base);

found:

    q = &pace->queue;

    if (q != ngx_queue_head(&ngx_http_payvand_paces)) {
        ngx_queue_remove(q);
        ngx_queue_insert_head(&ngx_http_payvand_paces, q);
    }

    pace->calls++;

    return pace;
}


static void
ngx_http_payvand_call_unqueue(ngx_http_payvand_call_t *call)
{
    if (call->queued) {
        ngx_queue_remove(&call->queue);
        call->queued = 0;
    }
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

    call->expires = ngx_current_msec + call->pace->deadline;
    call->queued = 1;
    ngx_queue_insert_tail(&call->pace->waiting, &call->queue);

    if (!ngx_http_payvand_sweep_event.timer_set) {
        ngx_add_timer(&ngx_http_payvand_sweep_event, NGX_HTTP_PAYVAND_SWEEP);
    }

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

        if (!ngx_http_payvand_sweep_event.timer_set) {
            ngx_add_timer(&ngx_http_payvand_sweep_event,
                          NGX_HTTP_PAYVAND_SWEEP);
        }
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


/*
 * A provider that dribbles keeps nginx's own timers content. Where the call
 * stands does not matter: connecting, shaking hands, sending, waiting and
 * reading all look at these flags.
 */

static void
ngx_http_payvand_expire(ngx_http_payvand_call_t *call)
{
    ngx_connection_t     *c;
    ngx_http_upstream_t  *u;

    ngx_http_payvand_call_unqueue(call);

    u = call->request->upstream;
    c = u ? u->peer.connection : NULL;

    if (c == NULL || c->data != call->request) {
        return;
    }

    call->timed_out = 1;

    c->read->timedout = 1;
    c->write->timedout = 1;

    ngx_post_event(c->read, &ngx_posted_events);
}


static void
ngx_http_payvand_sweep(ngx_event_t *ev)
{
    ngx_uint_t                active;
    ngx_queue_t              *q;
    ngx_http_payvand_call_t  *call;
    ngx_http_payvand_pace_t  *pace;

    active = 0;

    for (q = ngx_queue_head(&ngx_http_payvand_paces);
         q != ngx_queue_sentinel(&ngx_http_payvand_paces);
         q = ngx_queue_next(q))
    {
        pace = ngx_queue_data(q, ngx_http_payvand_pace_t, queue);

        while (!ngx_queue_empty(&pace->waiting)) {
            call = ngx_queue_data(ngx_queue_head(&pace->waiting),
                                  ngx_http_payvand_call_t, queue);

            if ((ngx_msec_int_t) (call->expires - ngx_current_msec) > 0) {
                active = 1;
                break;
            }

            ngx_http_payvand_expire(call);
        }
    }

    if (ngx_http_payvand_peer_sweep()) {
        active = 1;
    }

    if (active) {
        ngx_add_timer(ev, NGX_HTTP_PAYVAND_SWEEP);
    }
}
