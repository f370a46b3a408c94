/*
 * ngx_http_payvand_journal.c - what is written of a call, and who waits for it.
 *
 * A granted call is parked until its record is on disk; all wait equally long,
 * so one queue in order of arrival and one timer do for everybody.
 */

#include "ngx_http_payvand_journal.h"
#include "ngx_http_payvand_shared.h"


#define NGX_HTTP_PAYVAND_PARKED_MAX   16384     /* requests of one worker */
#define NGX_HTTP_PAYVAND_FLIGHTS_MAX  65536     /* records on their way */
#define NGX_HTTP_PAYVAND_START_WAIT   2000      /* ms for today's counts */
#define NGX_HTTP_PAYVAND_DRAIN_WAIT   2000      /* ms at a worker's end */


typedef struct {
    ngx_queue_t                  parked;        /* ctx.queue, oldest first */
    ngx_uint_t                   parked_count;
    ngx_msec_t                   timeout;
    ngx_event_t                  expire;        /* timer: the oldest's wait */
    ngx_connection_t             dumb;          /* what timers' logs want */
    ngx_http_payvand_flight_t   *spare;         /* by ->ctx */
    ngx_uint_t                   flights;       /* in use */
    unsigned                     begun:1;
} ngx_http_payvand_journal_t;


static void ngx_http_payvand_expire(ngx_event_t *ev);


static ngx_http_payvand_journal_t  journal;


void
ngx_http_payvand_journal_timer(ngx_event_t *ev, ngx_event_handler_pt handler,
    ngx_cycle_t *cycle)
{
    ev->handler = handler;
    ev->data = &journal.dumb;
    ev->log = cycle->log;
}


ngx_int_t
ngx_http_payvand_journal_init_process(ngx_cycle_t *cycle)
{
    ngx_http_payvand_main_conf_t  *mcf;

    mcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_payvand_module);

    ngx_memzero(&journal, sizeof(ngx_http_payvand_journal_t));

    ngx_queue_init(&journal.parked);
    journal.timeout = mcf->journal_timeout;
    journal.dumb.fd = (ngx_socket_t) -1;

    /* this one keeps a leaving worker until nobody waits */

    ngx_http_payvand_journal_timer(&journal.expire, ngx_http_payvand_expire,
                                   cycle);

    if (ngx_http_payvand_done_init(cycle, mcf) != NGX_OK) {
        return NGX_ERROR;
    }

    journal.begun = 1;

    ngx_http_payvand_write_init(cycle, mcf);

    if (ngx_http_payvand_line_init(cycle, mcf) != NGX_OK) {
        return NGX_ERROR;
    }

    /* before this worker accepts: what was forwarded today must be known */

    if (!ngx_http_payvand_quota_counted()) {
        ngx_http_payvand_line_wait(NGX_HTTP_PAYVAND_START_WAIT);
    }

    return NGX_OK;
}


void
ngx_http_payvand_journal_exit_process(ngx_cycle_t *cycle)
{
    if (!journal.begun) {
        return;
    }

    ngx_http_payvand_summarize(1);
    ngx_http_payvand_done_leave();

    ngx_http_payvand_line_drain(NGX_HTTP_PAYVAND_DRAIN_WAIT);
    ngx_http_payvand_line_close();
}


/* ---- flights ---- */

static ngx_http_payvand_flight_t *
ngx_http_payvand_flight_new(void)
{
    ngx_http_payvand_flight_t  *flight;

    if (journal.flights == NGX_HTTP_PAYVAND_FLIGHTS_MAX) {
        return NULL;
    }

    flight = journal.spare;

    if (flight != NULL) {
        journal.spare = (ngx_http_payvand_flight_t *) flight->ctx;

    } else {
        flight = ngx_alloc(sizeof(ngx_http_payvand_flight_t), ngx_cycle->log);
        if (flight == NULL) {
            return NULL;
        }
    }

    journal.flights++;
    ngx_memzero(flight, sizeof(ngx_http_payvand_flight_t));

    return flight;
}


static void
ngx_http_payvand_flight_free(ngx_http_payvand_flight_t *flight)
{
    flight->ctx = (ngx_http_payvand_ctx_t *) journal.spare;
    journal.spare = flight;
    journal.flights--;
}


/* ---- a granted call ---- */

ngx_int_t
ngx_http_payvand_journal_park(ngx_http_payvand_ctx_t *ctx)
{
    ngx_http_payvand_frame_t   *frame;
    ngx_http_payvand_flight_t  *flight;

    if (ngx_http_payvand_line_is_down()) {
        ctx->reason = PV_REASON_JOURNAL_DOWN;
        ngx_http_payvand_count(NGX_HTTP_PAYVAND_JOURNAL_TIMEOUTS);
        return NGX_ERROR;
    }

    if (journal.parked_count == NGX_HTTP_PAYVAND_PARKED_MAX) {
        ctx->reason = PV_REASON_OVERLOADED;
        return NGX_ERROR;
    }

    flight = ngx_http_payvand_flight_new();

    if (flight == NULL
        || ngx_http_payvand_write_request(ctx, &frame) != NGX_OK)
    {
        if (flight) {
            ngx_http_payvand_flight_free(flight);
        }

        ctx->reason = PV_REASON_OVERLOADED;
        return NGX_ERROR;
    }

    flight->ctx = ctx;
    flight->position = frame->count - 1;
    ngx_queue_insert_tail(&frame->flights, &flight->queue);

    ctx->flight = flight;
    ctx->parked_at = ngx_current_msec;
    ngx_queue_insert_tail(&journal.parked, &ctx->queue);
    journal.parked_count++;

    if (!journal.expire.timer_set) {
        ngx_add_timer(&journal.expire, journal.timeout);
    }

    return NGX_AGAIN;
}


static void
ngx_http_payvand_unpark(ngx_http_payvand_ctx_t *ctx)
{
    if (ctx->queue.next == NULL) {
        return;
    }

    ngx_queue_remove(&ctx->queue);
    ctx->queue.next = NULL;
    ctx->queue.prev = NULL;

    /* the timer is left to run out: setting it anew for every call costs more;
       but it must not keep a leaving worker */

    if (--journal.parked_count == 0
        && ngx_exiting
        && journal.expire.timer_set)
    {
        ngx_del_timer(&journal.expire);
    }
}


/* the call goes on, or is refused, from its own write event */

static void
ngx_http_payvand_wake(ngx_http_payvand_ctx_t *ctx)
{
    ngx_http_payvand_unpark(ctx);
    ngx_post_event(ctx->request->connection->write, &ngx_posted_events);
}


/* Those who waited are in no cache: all are on their way before one is met. */

static void
ngx_http_payvand_prefetch_flights(ngx_http_payvand_frame_t *frame)
{
    ngx_queue_t                *q;
    ngx_http_payvand_ctx_t     *ctx;
    ngx_http_payvand_flight_t  *flight;

    for (q = ngx_queue_head(&frame->flights);
         q != ngx_queue_sentinel(&frame->flights);
         q = ngx_queue_next(q))
    {
        flight = ngx_queue_data(q, ngx_http_payvand_flight_t, queue);
        ctx = flight->ctx;

        if (ctx != NULL) {
            __builtin_prefetch(ctx, 1);
            __builtin_prefetch(&ctx->reason, 1);
            __builtin_prefetch(&ctx->queue, 1);
        }
    }

    for (q = ngx_queue_head(&frame->flights);
         q != ngx_queue_sentinel(&frame->flights);
         q = ngx_queue_next(q))
    {
        flight = ngx_queue_data(q, ngx_http_payvand_flight_t, queue);
        ctx = flight->ctx;

        if (ctx != NULL) {
            __builtin_prefetch(ctx->request);
            __builtin_prefetch(&ctx->request->phase_handler);
        }
    }
}


void
ngx_http_payvand_journal_acknowledged(ngx_http_payvand_frame_t *frame,
    uint64_t first_index)
{
    uint64_t                    index;
    ngx_queue_t                *q;
    ngx_http_payvand_ctx_t     *ctx;
    ngx_http_payvand_flight_t  *flight;

    ngx_http_payvand_prefetch_flights(frame);

    while (!ngx_queue_empty(&frame->flights)) {

        q = ngx_queue_head(&frame->flights);
        ngx_queue_remove(q);
        flight = ngx_queue_data(q, ngx_http_payvand_flight_t, queue);

        ngx_http_payvand_count(NGX_HTTP_PAYVAND_JOURNALLED);

        index = first_index + flight->position;
        ctx = flight->ctx;

        if (ctx == NULL) {
            flight->completion.of = index;
            ngx_http_payvand_done_add(&flight->completion);

        } else {
            ctx->flight = NULL;
            ctx->index = index;
            ctx->indexed = 1;

            if (ctx->reason == PV_REASON_NONE) {  /* not timed out meanwhile */
                ctx->released = 1;
                ngx_http_payvand_wake(ctx);
            }
        }

        ngx_http_payvand_flight_free(flight);
    }
}


/*
 * Its grant allows only so many answers, and those before it in the journal
 * have taken them: the call is recorded and goes no further.
 */

void
ngx_http_payvand_journal_used(ngx_http_payvand_frame_t *frame,
    ngx_uint_t position, ngx_uint_t spent)
{
    ngx_queue_t                *q;
    ngx_http_payvand_ctx_t     *ctx;
    ngx_http_payvand_flight_t  *flight;

    for (q = ngx_queue_head(&frame->flights);
         q != ngx_queue_sentinel(&frame->flights);
         q = ngx_queue_next(q))
    {
        flight = ngx_queue_data(q, ngx_http_payvand_flight_t, queue);
        ctx = flight->ctx;

        if (flight->position != position || ctx == NULL
            || ctx->reason != PV_REASON_NONE)
        {
            continue;
        }

        if (spent) {
            ctx->rows_held->used_up |=
                           (uint8_t) (1 << ngx_http_payvand_grant_at(ctx));
        }

        ctx->reason = spent ? PV_REASON_USED_UP : PV_REASON_LAST_CALL_OPEN;
        ngx_http_payvand_wake(ctx);
    }
}


/*
 * Nothing of the frame was written: its calls are unavailable. Its
 * completions belong to earlier records and are tried again, unless traced
 * finds fault with them by themselves.
 */

void
ngx_http_payvand_journal_frame_refused(ngx_http_payvand_frame_t *frame,
    uint32_t why)
{
    u_char                     *p;
    uint16_t                    len;
    uint32_t                    i;
    ngx_queue_t                *q;
    struct pv_record            record;
    struct pv_slice             rest;
    struct pv_completion        completion;
    ngx_http_payvand_ctx_t     *ctx;
    ngx_http_payvand_flight_t  *flight;

    while (!ngx_queue_empty(&frame->flights)) {

        q = ngx_queue_head(&frame->flights);
        ngx_queue_remove(q);
        flight = ngx_queue_data(q, ngx_http_payvand_flight_t, queue);

        ctx = flight->ctx;

        if (ctx != NULL) {
            ctx->flight = NULL;

            if (ctx->reason == PV_REASON_NONE) {
                ctx->reason = why == PV_WIRE_WHY_FULL ? PV_REASON_JOURNAL_FULL
                                                      : PV_REASON_JOURNAL_DOWN;
                ngx_http_payvand_wake(ctx);
            }
        }

        ngx_http_payvand_flight_free(flight);
    }

    if (!frame->completions
        || (why == PV_WIRE_WHY_RECORD && frame->count == 1))
    {
        return;
    }

    p = frame->packet + PV_WIRE_FRAME_HEAD_LEN;

    for (i = 0; i + 1 < frame->count; i++) {
        ngx_memcpy(&len, p, 2);
        p += 2 + len;
    }

    ngx_memcpy(&len, p, 2);

    if (pv_record_parse((struct pv_slice) { (char *) p + 2, len }, &record)
        != PV_OK)
    {
        return;
    }

    rest = record.completions;

    while (pv_record_next_completion(&rest, &completion) == PV_OK) {
        ngx_http_payvand_done_add(&completion);
    }
}


static void
ngx_http_payvand_expire(ngx_event_t *ev)
{
    ngx_msec_int_t           left;
    ngx_http_payvand_ctx_t  *ctx;

    while (!ngx_queue_empty(&journal.parked)) {

        ctx = ngx_queue_data(ngx_queue_head(&journal.parked),
                             ngx_http_payvand_ctx_t, queue);

        left = (ngx_msec_int_t) (ctx->parked_at + journal.timeout
                                 - ngx_current_msec);
        if (left > 0) {
            ngx_add_timer(&journal.expire, (ngx_msec_t) left);
            return;
        }

        ngx_http_payvand_count(NGX_HTTP_PAYVAND_JOURNAL_TIMEOUTS);
        ngx_http_payvand_line_stalled();

        ctx->reason = PV_REASON_JOURNAL_DOWN;
        ngx_http_payvand_wake(ctx);
    }
}


/* ---- the end of a call ---- */


void
ngx_http_payvand_journal_complete(ngx_http_payvand_ctx_t *ctx)
{
    struct pv_completion  completion;

    ngx_http_payvand_unpark(ctx);

    if (ctx->flight != NULL) {
        ngx_http_payvand_done_of(ctx, &ctx->flight->completion);
        ctx->flight->ctx = NULL;
        ctx->flight = NULL;
        return;
    }

    if (ctx->indexed) {
        ctx->indexed = 0;
        ngx_http_payvand_done_of(ctx, &completion);
        ngx_http_payvand_done_add(&completion);
    }
}


void
ngx_http_payvand_journal_forget(ngx_http_payvand_ctx_t *ctx)
{
    ngx_http_payvand_journal_complete(ctx);
}
