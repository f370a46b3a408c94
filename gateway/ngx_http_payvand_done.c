/*
 * ngx_http_payvand_done.c - the completions of a worker's calls: they gather
 * and travel as the last record of a later frame.
 */

#include "ngx_http_payvand_journal.h"
#include "ngx_http_payvand_shared.h"


#define NGX_HTTP_PAYVAND_DONE_MAX     16384     /* completions that wait */
#define NGX_HTTP_PAYVAND_DONE_BATCH   256       /* that ride along */
#define NGX_HTTP_PAYVAND_DONE_WAIT    400       /* ms, at most 1 s (design 6) */
#define NGX_HTTP_PAYVAND_ROUND        100       /* ms, times of verify methods */


typedef struct {
    struct pv_completion        *ring;
    ngx_uint_t                   first;
    ngx_uint_t                   count;
    ngx_event_t                  wait;          /* timer: the oldest's */
    struct pv_slice              node;
    unsigned                     due:1;
} ngx_http_payvand_done_t;


static void ngx_http_payvand_done_due(ngx_event_t *ev);


static ngx_http_payvand_done_t  done;


ngx_int_t
ngx_http_payvand_done_init(ngx_cycle_t *cycle,
    ngx_http_payvand_main_conf_t *mcf)
{
    ngx_memzero(&done, sizeof(ngx_http_payvand_done_t));

    done.node = ngx_http_payvand_slice(&mcf->node);

    /* keeps a leaving worker until all is on its way */

    ngx_http_payvand_journal_timer(&done.wait, ngx_http_payvand_done_due,
                                   cycle);

    done.ring = ngx_alloc(NGX_HTTP_PAYVAND_DONE_MAX
                          * sizeof(struct pv_completion), cycle->log);

    return done.ring == NULL ? NGX_ERROR : NGX_OK;
}


void
ngx_http_payvand_done_leave(void)
{
    done.due = 1;
}


void
ngx_http_payvand_done_of(ngx_http_payvand_ctx_t *ctx,
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
ngx_http_payvand_done_add(const struct pv_completion *completion)
{
    ngx_uint_t  at;

    if (done.count == NGX_HTTP_PAYVAND_DONE_MAX) {
        /* the oldest goes: that call reads as unknown */
        done.first = (done.first + 1)
                             % NGX_HTTP_PAYVAND_DONE_MAX;
        done.count--;
    }

    at = (done.first + done.count) % NGX_HTTP_PAYVAND_DONE_MAX;
    done.ring[at] = *completion;
    done.count++;

    if (!done.wait.timer_set && !done.due) {
        ngx_add_timer(&done.wait, NGX_HTTP_PAYVAND_DONE_WAIT);
    }
}


static void
ngx_http_payvand_done_due(ngx_event_t *ev)
{
    if (done.count == 0) {
        return;
    }

    done.due = 1;
    ngx_http_payvand_line_kick();
}


ngx_uint_t
ngx_http_payvand_journal_pending(void)
{
    return done.count != 0
           && (done.due
               || done.count >= NGX_HTTP_PAYVAND_DONE_BATCH);
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

    for (i = 0; i < done.count && i < PV_COMPLETIONS_MAX; i++) {
        if (pv_record_add_completion(room, room_len, &len,
                                     &done.ring[(done.first + i)
                                                 % NGX_HTTP_PAYVAND_DONE_MAX],
                                     i == 0)
            != PV_OK)
        {
            break;
        }
    }

    if (i == 0
        || pv_record_end_completions(room, room_len, &len, done.node,
                                     (struct pv_slice) {salt, sizeof(salt)})
           != PV_OK)
    {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                      "payvand.completion_unwritable");

        /* do not try this one for ever */
        i = 1;
        len = 0;
    }

    done.first = (done.first + i) % NGX_HTTP_PAYVAND_DONE_MAX;
    done.count -= i;

    if (len != 0) {
        ngx_http_payvand_line_file(frame, len);
        frame->completions = 1;
        ngx_http_payvand_count_add(NGX_HTTP_PAYVAND_COMPLETIONS, i);
    }

    if (done.count == 0) {
        done.due = 0;
        done.first = 0;  /* the same lines of memory again */

        if (done.wait.timer_set) {
            ngx_del_timer(&done.wait);
        }
    }
}
