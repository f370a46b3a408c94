/*
 * ngx_http_payvand_journal.c - what is written of a call, and who waits for it.
 *
 * A granted call is parked until its record is on disk; all wait equally long,
 * so one queue in order of arrival and one timer do for everybody. Completions
 * gather and travel as the last record of a later frame.
 */

#include "ngx_http_payvand_journal.h"
#include "ngx_http_payvand_shared.h"


#define NGX_HTTP_PAYVAND_PARKED_MAX   16384     /* requests of one worker */
#define NGX_HTTP_PAYVAND_FLIGHTS_MAX  65536     /* records on their way */
#define NGX_HTTP_PAYVAND_DONE_MAX     16384     /* completions that wait */
#define NGX_HTTP_PAYVAND_DONE_BATCH   256       /* that ride along */
#define NGX_HTTP_PAYVAND_DONE_WAIT    400       /* ms, at most 1 s (design 6) */
#define NGX_HTTP_PAYVAND_SUMMARIES    10000     /* ms between two looks */
#define NGX_HTTP_PAYVAND_START_WAIT   2000      /* ms for today's counts */
#define NGX_HTTP_PAYVAND_DRAIN_WAIT   2000      /* ms at a worker's end */
#define NGX_HTTP_PAYVAND_ROUND        100       /* ms, times of verify methods */


typedef struct {
    ngx_queue_t                  parked;        /* ctx.queue, oldest first */
    ngx_uint_t                   parked_count;
    ngx_msec_t                   timeout;
    ngx_event_t                  expire;        /* timer: the oldest's wait */
    ngx_event_t                  done_wait;     /* timer: completions */
    ngx_event_t                  summaries;     /* timer: refusals summed */
    ngx_connection_t             dumb;          /* what timers' logs want */
    struct pv_slice              node;
    ngx_http_payvand_flight_t   *spare;         /* by ->ctx */
    ngx_uint_t                   flights;       /* in use */
    struct pv_completion        *done;          /* a ring */
    ngx_uint_t                   done_first;
    ngx_uint_t                   done_count;
    unsigned                     done_due:1;
} ngx_http_payvand_journal_t;


static ngx_int_t ngx_http_payvand_write_request(ngx_http_payvand_ctx_t *ctx,
    ngx_http_payvand_frame_t **ret_frame);
static void ngx_http_payvand_add_done(const struct pv_completion *completion);
static void ngx_http_payvand_expire(ngx_event_t *ev);
static void ngx_http_payvand_done_due(ngx_event_t *ev);
static void ngx_http_payvand_summaries(ngx_event_t *ev);
static void ngx_http_payvand_summarize(ngx_uint_t leaving);


static ngx_http_payvand_journal_t  journal;


static ngx_inline struct pv_slice
ngx_http_payvand_id_slice(const struct pv_id *id)
{
    return (struct pv_slice) { id->text, id->len };
}


static void
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
    journal.node = ngx_http_payvand_slice(&mcf->node);
    journal.dumb.fd = (ngx_socket_t) -1;

    journal.done = ngx_alloc(NGX_HTTP_PAYVAND_DONE_MAX
                             * sizeof(struct pv_completion), cycle->log);
    if (journal.done == NULL) {
        return NGX_ERROR;
    }

    /* the first two keep a leaving worker until nobody waits */

    ngx_http_payvand_journal_timer(&journal.expire, ngx_http_payvand_expire,
                                   cycle);
    ngx_http_payvand_journal_timer(&journal.done_wait,
                                   ngx_http_payvand_done_due, cycle);
    ngx_http_payvand_journal_timer(&journal.summaries,
                                   ngx_http_payvand_summaries, cycle);
    journal.summaries.cancelable = 1;

    ngx_add_timer(&journal.summaries, NGX_HTTP_PAYVAND_SUMMARIES);

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
    if (journal.done == NULL) {
        return;
    }

    ngx_http_payvand_summarize(1);

    journal.done_due = 1;
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


/*
 * The record, in place, into the frame being filled. The purpose is one of the
 * grant's, or none: what else a caller writes there is content.
 */

static ngx_int_t
ngx_http_payvand_write_request(ngx_http_payvand_ctx_t *ctx,
    ngx_http_payvand_frame_t **ret_frame)
{
    size_t                        len;
    ngx_http_request_t           *r;
    const struct pv_rows         *rows;
    struct pv_request_record      record;
    ngx_http_payvand_frame_t     *frame;
    const struct pv_method_row   *method;
    const struct pv_system_row   *system;

    frame = ngx_http_payvand_line_room(PV_RECORD_MAX);
    if (frame == NULL) {
        return NGX_ERROR;
    }

    r = ctx->request;
    rows = ctx->rows;
    system = &rows->consumer->system;
    method = &rows->target->method;

    ngx_memzero(&record, sizeof(struct pv_request_record));

    record.case_id = ctx->case_id;
    record.commitment = ctx->commitment;
    record.consumer = ngx_http_payvand_id_slice(&system->system);
    record.unit = ngx_http_payvand_id_slice(&system->unit);
    record.id = (struct pv_slice) { (char *) ctx->id_text, PV_TRACKING_ID_LEN };
    record.image = rows->rights->decision;
    record.node = journal.node;
    record.time_ms = (uint64_t) ctx->received_ms;

    if (ctx->decision.verdict == PV_ALLOW) {
        record.decision = PV_LIT("allowed");
        record.max_answered = ctx->decision.grant->max_answered;

    } else {
        record.decision = pv_outcome_word(ctx->outcome);
        record.reason = pv_reason_word(ctx->reason);
    }

    if (ctx->decision.grant != NULL) {
        record.grant = ngx_http_payvand_id_slice(&ctx->decision.grant->id);
        record.grant_decision = ctx->decision.grant->decision;
        record.purpose = ctx->decision.purpose;
    }

    if (rows->target->known) {
        record.method = ngx_http_payvand_id_slice(&method->method);
        record.provider = ngx_http_payvand_id_slice(&method->provider);
        record.service = ngx_http_payvand_id_slice(&method->service);
        record.version = ngx_http_payvand_id_slice(&method->version);
    }

    record.size = pv_record_size_class(r->headers_in.chunked
                      ? PV_SIZE_CHUNKED
                      : (uint64_t) ngx_max(r->headers_in.content_length_n, 0));

    if (pv_record_write_request(&record,
                                (char *) frame->packet + frame->len + 2,
                                PV_RECORD_MAX, &len)
        != PV_OK)
    {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                      "payvand.record_unwritable");
        return NGX_ERROR;
    }

    ngx_http_payvand_line_file(frame, len);
    *ret_frame = frame;

    return NGX_OK;
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
            ngx_http_payvand_add_done(&flight->completion);

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
        ngx_http_payvand_add_done(&completion);
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

static void
ngx_http_payvand_completion(ngx_http_payvand_ctx_t *ctx,
    struct pv_completion *completion)
{
    uint64_t  step;

    ngx_memzero(completion, sizeof(struct pv_completion));

    completion->of = ctx->index;
    completion->outcome = ctx->outcome;

    if (ctx->outcome == PV_OUTCOME_NONE) {  /* no log phase: no answer either */
        completion->outcome = PV_OUTCOME_UNAVAILABLE;
    }

    if (ctx->forwarded_ms == 0) {
        return;
    }

    step = ctx->verify ? NGX_HTTP_PAYVAND_ROUND : 1;

    completion->forwarded_ms = (uint64_t) ctx->forwarded_ms / step * step;
    completion->first_ms = (uint64_t) ctx->first_ms / step * step;
    completion->last_ms = ctx->first_ms
                          ? (uint64_t) ctx->last_ms / step * step : 0;

    /* where a method depends on an earlier answer, the class would tell that
       answer (design 4) */

    if (ctx->reason_hidden && ctx->outcome != PV_OUTCOME_ANSWERED) {
        completion->outcome = PV_OUTCOME_FAILED;
    }

    /* an answer that began and did not end may be known to the caller: where
       only so many are allowed, it must not be had again for nothing */

    if (ctx->answer_began && ctx->decision.grant->max_answered != 0
        && ctx->outcome != PV_OUTCOME_ANSWERED)
    {
        completion->outcome = PV_OUTCOME_UNKNOWN;
    }
}


void
ngx_http_payvand_journal_complete(ngx_http_payvand_ctx_t *ctx)
{
    struct pv_completion  completion;

    ngx_http_payvand_unpark(ctx);

    if (ctx->flight != NULL) {
        ngx_http_payvand_completion(ctx, &ctx->flight->completion);
        ctx->flight->ctx = NULL;
        ctx->flight = NULL;
        return;
    }

    if (ctx->indexed) {
        ctx->indexed = 0;
        ngx_http_payvand_completion(ctx, &completion);
        ngx_http_payvand_add_done(&completion);
    }
}


void
ngx_http_payvand_journal_forget(ngx_http_payvand_ctx_t *ctx)
{
    ngx_http_payvand_journal_complete(ctx);
}


static void
ngx_http_payvand_add_done(const struct pv_completion *completion)
{
    ngx_uint_t  at;

    if (journal.done_count == NGX_HTTP_PAYVAND_DONE_MAX) {
        /* the oldest goes: that call reads as unknown */
        journal.done_first = (journal.done_first + 1)
                             % NGX_HTTP_PAYVAND_DONE_MAX;
        journal.done_count--;
    }

    at = (journal.done_first + journal.done_count) % NGX_HTTP_PAYVAND_DONE_MAX;
    journal.done[at] = *completion;
    journal.done_count++;

    if (!journal.done_wait.timer_set && !journal.done_due) {
        ngx_add_timer(&journal.done_wait, NGX_HTTP_PAYVAND_DONE_WAIT);
    }
}


static void
ngx_http_payvand_done_due(ngx_event_t *ev)
{
    if (journal.done_count == 0) {
        return;
    }

    journal.done_due = 1;
    ngx_http_payvand_line_kick();
}


ngx_uint_t
ngx_http_payvand_journal_pending(void)
{
    return journal.done_count != 0
           && (journal.done_due
               || journal.done_count >= NGX_HTTP_PAYVAND_DONE_BATCH);
}


void
ngx_http_payvand_journal_seal(ngx_http_payvand_frame_t *frame)
{
    char        *room, salt[PV_RECORD_SALT_LEN];
    size_t       room_len, len;
    ngx_uint_t   i;

    if (!ngx_http_payvand_journal_pending()) {
        return;
    }

    room = (char *) frame->packet + frame->len + 2;
    room_len = ngx_min(PV_WIRE_PACKET_MAX - frame->len - 2,
                       PV_COMPLETIONS_LEN_MAX);

    if (room_len < 2 * PV_COMPLETIONS_TAIL_MAX
        || pv_record_make_salt(salt) != PV_OK
        || pv_record_begin_completions(room, room_len, &len) != PV_OK)
    {
        return;  /* in the next frame */
    }

    for (i = 0; i < journal.done_count && i < PV_COMPLETIONS_MAX; i++) {
        if (pv_record_add_completion(room, room_len, &len,
                                     &journal.done[(journal.done_first + i)
                                                 % NGX_HTTP_PAYVAND_DONE_MAX],
                                     i == 0)
            != PV_OK)
        {
            break;
        }
    }

    if (i == 0
        || pv_record_end_completions(room, room_len, &len, journal.node,
                                     (struct pv_slice) {salt, sizeof(salt)})
           != PV_OK)
    {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                      "payvand.completion_unwritable");

        /* do not try this one for ever */
        i = 1;
        len = 0;
    }

    journal.done_first = (journal.done_first + i) % NGX_HTTP_PAYVAND_DONE_MAX;
    journal.done_count -= i;

    if (len != 0) {
        ngx_http_payvand_line_file(frame, len);
        frame->completions = 1;
        ngx_http_payvand_count_add(NGX_HTTP_PAYVAND_COMPLETIONS, i);
    }

    if (journal.done_count == 0) {
        journal.done_due = 0;
        journal.done_first = 0;  /* the same lines of memory again */

        if (journal.done_wait.timer_set) {
            ngx_del_timer(&journal.done_wait);
        }
    }
}


/* ---- refusals ---- */

void
ngx_http_payvand_journal_refusal(ngx_http_payvand_ctx_t *ctx)
{
    ngx_uint_t                 closed;
    ngx_http_payvand_frame_t  *frame;

    closed = ngx_http_payvand_line_low_space()
             || ngx_http_payvand_line_is_down();

    if (!ngx_http_payvand_budget_take(&ctx->rows->consumer->system,
                                      ctx->received_ms, closed))
    {
        return;
    }

    if (ngx_http_payvand_write_request(ctx, &frame) != NGX_OK) {
        ngx_http_payvand_count(NGX_HTTP_PAYVAND_REFUSALS_SUMMED);
    }
}


static void
ngx_http_payvand_summaries(ngx_event_t *ev)
{
    ngx_add_timer(ev, NGX_HTTP_PAYVAND_SUMMARIES);
    ngx_http_payvand_summarize(0);
}


static void
ngx_http_payvand_summarize(ngx_uint_t leaving)
{
    char                        salt[PV_RECORD_SALT_LEN];
    size_t                      len;
    struct pv_id                system;
    struct pv_refusals_record   refusals;
    ngx_http_payvand_frame_t   *frame;

    while (!ngx_http_payvand_line_low_space()
           && !ngx_http_payvand_line_is_down()
           && ngx_http_payvand_budget_due(ngx_http_payvand_now_ms(), leaving,
                                          &system, &refusals))
    {
        refusals.consumer = ngx_http_payvand_id_slice(&system);
        refusals.node = journal.node;
        refusals.salt = (struct pv_slice) {salt, sizeof(salt)};

        frame = ngx_http_payvand_line_room(PV_RECORD_MAX);

        if (frame == NULL
            || pv_record_make_salt(salt) != PV_OK
            || pv_record_write_refusals(&refusals, (char *) frame->packet
                                                   + frame->len + 2,
                                        PV_RECORD_MAX, &len)
               != PV_OK)
        {
            ngx_http_payvand_budget_return(&system, &refusals);
            return;
        }

        ngx_http_payvand_line_file(frame, len);
    }
}
