/*
 * ngx_http_payvand_problem.c - an answer that is not the provider's: one
 * problem document (RFC 9457) a reason, in Persian and English, naming the
 * missing step. A "no" of a provider never comes here.
 *
 * Members: type, title, title_fa, status, outcome, reason, detail, detail_fa
 * (both only where there is something to add), tracking_id (once there is
 * one). Nothing of the request is repeated but registered ids.
 */

#include "ngx_http_payvand_detail.h"

#include "base/json.h"
#include "base/time.h"


#define NGX_HTTP_PAYVAND_PROBLEM_MAX   8192
#define NGX_HTTP_PAYVAND_DETAIL_MAX    2048
#define NGX_HTTP_PAYVAND_RETRY_SOON    1       /* s */


static enum pv_err
ngx_http_payvand_write(struct pv_buf *out, ngx_http_payvand_detail_t *d,
    enum pv_reason reason)
{
    enum pv_err     err;
    struct pv_buf   type;
    struct pv_json  json;

    pv_buf_init(&type, 128);

    err = pv_buf_addf(&type, "urn:payvand:problem:%.*s",
                      PV_FMT(pv_reason_word(reason)));
    if (err != PV_OK) {
        pv_buf_clear(&type);
        return err;
    }

    pv_json_init(&json, out);
    pv_json_object(&json, NULL);
    pv_json_string(&json, "type", pv_buf_view(&type));
    pv_json_string(&json, "title", pv_reason_title_en(reason));
    pv_json_string(&json, "title_fa", pv_reason_title_fa(reason));
    pv_json_u64(&json, "status", (uint64_t) pv_reason_status(reason));
    pv_json_string(&json, "outcome",
                   pv_outcome_word(pv_reason_outcome(reason)));
    pv_json_string(&json, "reason", pv_reason_word(reason));

    if (d->ctx && d->err == PV_OK && d->en.len && d->fa.len) {
        pv_json_string(&json, "detail", pv_buf_view(&d->en));
        pv_json_string(&json, "detail_fa", pv_buf_view(&d->fa));
    }

    if (d->ctx && d->ctx->id_text[0]) {
        pv_json_string(&json, "tracking_id",
                       (struct pv_slice) { (char *) d->ctx->id_text,
                                           PV_TRACKING_ID_LEN });
    }

    pv_json_end_object(&json);

    pv_buf_clear(&type);

    err = pv_json_finish(&json);
    if (err != PV_OK) {
        return err;
    }

    return pv_buf_add_char(out, '\n');
}


ngx_int_t
ngx_http_payvand_problem(ngx_http_request_t *r, ngx_http_payvand_ctx_t *ctx,
    enum pv_reason reason, ngx_str_t *body)
{
    ngx_int_t                      rc;
    struct pv_buf                  out;
    ngx_http_payvand_detail_t      d;
    ngx_http_payvand_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_payvand_module);

    pv_buf_init(&out, NGX_HTTP_PAYVAND_PROBLEM_MAX);
    pv_buf_init(&d.en, NGX_HTTP_PAYVAND_DETAIL_MAX);
    pv_buf_init(&d.fa, NGX_HTTP_PAYVAND_DETAIL_MAX);

    d.ctx = ctx;
    d.rows = ctx ? ctx->rows : NULL;
    d.url = &mcf->registry_url;
    d.err = PV_OK;

    if (ctx) {
        ngx_http_payvand_detail(&d, reason);
    }

    rc = NGX_ERROR;

    if (ngx_http_payvand_write(&out, &d, reason) == PV_OK) {

        body->data = ngx_pnalloc(r->pool, out.len);

        if (body->data) {
            ngx_memcpy(body->data, out.ptr, out.len);
            body->len = out.len;
            rc = NGX_OK;
        }
    }

    pv_buf_clear(&d.fa);
    pv_buf_clear(&d.en);
    pv_buf_clear(&out);

    return rc;
}


/* Seconds to wait, 0: nothing to say. */

static ngx_uint_t
ngx_http_payvand_retry_after(ngx_http_payvand_ctx_t *ctx,
    enum pv_reason reason)
{
    int64_t  now, midnight;

    switch ((int) reason) {

    case PV_REASON_RATE:
    case PV_REASON_LAST_CALL_OPEN:
    case PV_REASON_JOURNAL_DOWN:
    case PV_REASON_OVERLOADED:
        return NGX_HTTP_PAYVAND_RETRY_SOON;

    case PV_REASON_DAILY:
        now = ctx ? ctx->received_ms : ngx_http_payvand_now_ms();
        midnight = (pv_time_tehran_day(now) + 1) * PV_DAY_MS
                   - PV_TEHRAN_OFFSET_MS;
        return (ngx_uint_t) ((midnight - now + 999) / 1000);

    default:
        return 0;
    }
}


static ngx_int_t
ngx_http_payvand_add_header(ngx_http_request_t *r, const char *name,
    ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
    h->key.data = (u_char *) name;
    h->key.len = ngx_strlen(name);
    h->value = *value;

    return NGX_OK;
}


ngx_int_t
ngx_http_payvand_send_problem(ngx_http_request_t *r,
    ngx_http_payvand_ctx_t *ctx, enum pv_reason reason)
{
    ngx_int_t                 rc;
    ngx_buf_t                *b;
    ngx_str_t                 body, value;
    ngx_uint_t                retry;
    ngx_chain_t               out;
    ngx_table_elt_t          *h;
    enum pv_outcome           outcome;
    ngx_http_payvand_call_t  *call;

    call = ctx ? ctx->upstream : NULL;
    outcome = pv_reason_outcome(reason);

    if (ctx) {
        ctx->outcome = outcome;
        ctx->reason = reason;
    }

    if (call) {
        call->class = PV_OUTCOME_NONE;
    }

    ngx_str_null(&body);

    if (ngx_http_payvand_problem(r, ctx, reason, &body) != NGX_OK) {
        body.len = 0;  /* the header says the class by itself */
    }

    if (ngx_http_payvand_answer_header(r, ctx, pv_reason_status(reason),
                                       outcome)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_str_set(&r->headers_out.content_type, "application/problem+json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_length_n = body.len;

    if (reason == PV_REASON_HTTP_METHOD) {
        ngx_str_set(&value, "POST");

        if (ngx_http_payvand_add_header(r, "Allow", &value) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    retry = ngx_http_payvand_retry_after(ctx, reason);
    h = call ? call->retry_after : NULL;

    if (retry) {
        value.data = ngx_pnalloc(r->pool, NGX_INT_T_LEN);
        if (value.data == NULL) {
            return NGX_ERROR;
        }

        value.len = ngx_sprintf(value.data, "%ui", retry) - value.data;

    } else if (h) {
        value = h->value;
    }

    if ((retry || h)
        && ngx_http_payvand_add_header(r, "Retry-After", &value) != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_http_payvand_next_header_filter(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    if (body.len == 0) {
        return ngx_http_send_special(r, NGX_HTTP_LAST);
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = body.data;
    b->last = body.data + body.len;
    b->memory = 1;
    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


ngx_int_t
ngx_http_payvand_refuse(ngx_http_request_t *r, ngx_http_payvand_ctx_t *ctx,
    enum pv_reason reason)
{
    if (ctx && ctx->reason != PV_REASON_NONE) {
        reason = ctx->reason;  /* who set it knew more */
    }

    if (pv_reason_outcome(reason) == PV_OUTCOME_NONE) {
        reason = PV_REASON_OVERLOADED;
    }

    r->expect_tested = 1;  /* no "100 Continue" for a refused call */

    if (ngx_http_discard_request_body(r) != NGX_OK) {
        r->keepalive = 0;
    }

    ngx_http_finalize_request(r, ngx_http_payvand_send_problem(r, ctx,
                                                               reason));

    return NGX_DONE;
}
