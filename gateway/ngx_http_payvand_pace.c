/*
 * ngx_http_payvand_pace.c - the deadlines of calls: one timer walks the heads
 * of the paces' queues.
 */

#include "ngx_http_payvand_pace.h"


#define NGX_HTTP_PAYVAND_PACES_MAX     256
#define NGX_HTTP_PAYVAND_SWEEP         50      /* ms */
#define NGX_HTTP_PAYVAND_DEADLINE_MAX  600000  /* ms; also for a 0 in the row */
#define NGX_HTTP_PAYVAND_CONNECT       2000    /* ms, when the row has 0 */


static void ngx_http_payvand_sweep(ngx_event_t *ev);


static ngx_queue_t  ngx_http_payvand_paces;
static ngx_uint_t  ngx_http_payvand_pace_count;
static ngx_event_t  ngx_http_payvand_sweep_event;
static ngx_connection_t  ngx_http_payvand_sweep_dumb;


void
ngx_http_payvand_pace_init(ngx_cycle_t *cycle)
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
}


void
ngx_http_payvand_pace_exit(void)
{
    if (ngx_http_payvand_sweep_event.timer_set) {
        ngx_del_timer(&ngx_http_payvand_sweep_event);
    }
}


void
ngx_http_payvand_pace_watch(void)
{
    if (!ngx_http_payvand_sweep_event.timer_set) {
        ngx_add_timer(&ngx_http_payvand_sweep_event, NGX_HTTP_PAYVAND_SWEEP);
    }
}


void
ngx_http_payvand_call_queue(ngx_http_payvand_call_t *call)
{
    call->expires = ngx_current_msec + call->pace->deadline;
    call->queued = 1;
    ngx_queue_insert_tail(&call->pace->waiting, &call->queue);

    ngx_http_payvand_pace_watch();
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


ngx_http_payvand_pace_t *
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


void
ngx_http_payvand_call_unqueue(ngx_http_payvand_call_t *call)
{
    if (call->queued) {
        ngx_queue_remove(&call->queue);
        call->queued = 0;
    }
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
