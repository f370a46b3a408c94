/*
 * ngx_http_payvand_write.c - the records of requests, granted and refused, and
 * of refusals that are only counted, in place into the frame being filled.
 */

#include "ngx_http_payvand_journal.h"
#include "ngx_http_payvand_shared.h"


#define NGX_HTTP_PAYVAND_SUMMARIES    10000     /* ms between two looks */


static void ngx_http_payvand_summaries(ngx_event_t *ev);


static struct pv_slice  node;
static ngx_event_t  summaries;                  /* timer */


static ngx_inline struct pv_slice
ngx_http_payvand_id_slice(const struct pv_id *id)
{
    return (struct pv_slice) { id->text, id->len };
}


void
ngx_http_payvand_write_init(ngx_cycle_t *cycle,
    ngx_http_payvand_main_conf_t *mcf)
{
    node = ngx_http_payvand_slice(&mcf->node);

    ngx_memzero(&summaries, sizeof(ngx_event_t));
    ngx_http_payvand_journal_timer(&summaries, ngx_http_payvand_summaries,
                                   cycle);
    summaries.cancelable = 1;

    ngx_add_timer(&summaries, NGX_HTTP_PAYVAND_SUMMARIES);
}


/*
 * The record, in place, into the frame being filled. The purpose is one of the
 * grant's, or none: what else a caller writes there is content.
 */

ngx_int_t
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
    record.node = node;
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


void
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
        refusals.node = node;
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
