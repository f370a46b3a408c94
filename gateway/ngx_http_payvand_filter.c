/*
 * ngx_http_payvand_filter.c - what a consumer may see of an answer.
 *
 * Everything that a gate's server sends passes here. A provider's answer is
 * judged once (answer.c). What fails, and every error that nginx itself would tell in HTML, becomes a
 * problem document. The header filter sends that document whole and marks the
 * request header_only, so that the page of nginx behind it is not sent.
 *
 * A class is settled with the last byte: a call whose answer broke off in the
 * middle is `failed`, whatever its header promised.
 */

#include "ngx_http_payvand_call.h"


static ngx_int_t ngx_http_payvand_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_payvand_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);


static ngx_http_output_header_filter_pt  ngx_http_payvand_next_header;
static ngx_http_output_body_filter_pt    ngx_http_payvand_next_body;


/* in r->headers_out.server it keeps nginx from adding one; never sent */

static ngx_table_elt_t  ngx_http_payvand_no_server;


ngx_int_t
ngx_http_payvand_next_header_filter(ngx_http_request_t *r)
{
    return ngx_http_payvand_next_header(r);
}


ngx_int_t
ngx_http_payvand_answer_header(ngx_http_request_t *r,
    ngx_http_payvand_ctx_t *ctx, ngx_uint_t status, enum pv_outcome outcome)
{
    struct pv_slice   word;
    ngx_table_elt_t  *h;

    ngx_http_clean_header(r);

    r->headers_out.status = status;
    r->headers_out.server = &ngx_http_payvand_no_server;

    /* lengths of answers say nothing about them, compressed ones would */

    r->gzip_tested = 1;
    r->gzip_ok = 0;
    r->disable_not_modified = 1;
    r->allow_ranges = 0;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    word = pv_outcome_word(outcome);

    h->hash = 1;
    ngx_str_set(&h->key, "Payvand-Outcome");
    h->value.data = (u_char *) word.ptr;
    h->value.len = word.len;

    if (ctx == NULL || ctx->id_text[0] == '\0') {
        return NGX_OK;
    }

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
    ngx_str_set(&h->key, "Payvand-Tracking-Id");
    h->value.data = ctx->id_text;
    h->value.len = PV_TRACKING_ID_LEN;

    return NGX_OK;
}


/* Why does nginx, and not a provider, answer this request? */

static enum pv_reason
ngx_http_payvand_why(ngx_http_request_t *r, ngx_http_payvand_ctx_t *ctx,
    ngx_http_payvand_call_t *call)
{
    ngx_uint_t        status;
    ngx_table_elt_t  *location;

    status = r->err_status ? r->err_status : r->headers_out.status;
    location = r->headers_out.location;

    if (ctx && ctx->reason != PV_REASON_NONE) {
        return ctx->reason;
    }

    if (call && call->forwarded) {

        if (call->timed_out || status == NGX_HTTP_GATEWAY_TIME_OUT) {
            return PV_REASON_PROVIDER_TIMEOUT;
        }

        if (call->identity_refused) {
            return PV_REASON_PROVIDER_IDENTITY;
        }

        /* the rest of the caller's body did not come, or not as it must */

        switch (status) {

        case NGX_HTTP_BAD_REQUEST:
            return PV_REASON_REQUEST_MALFORMED;

        case NGX_HTTP_REQUEST_TIME_OUT:
            return PV_REASON_REQUEST_TOO_SLOW;

        case NGX_HTTP_REQUEST_ENTITY_TOO_LARGE:
            return PV_REASON_BODY_TOO_LARGE;

        default:
            break;
        }

        return r->upstream && r->upstream->request_sent
               ? PV_REASON_PROVIDER_ANSWER : PV_REASON_PROVIDER_UNREACHABLE;
    }

    switch (status) {

    case NGX_HTTP_BAD_REQUEST:

        if (r->http_connection->ssl && r->connection->ssl == NULL) {
            /* plain HTTP on the TLS port */
            return PV_REASON_CERTIFICATE_MISSING;
        }

        if (r->connection->ssl
            && SSL_get_verify_result(r->connection->ssl->connection)
               != X509_V_OK)
        {
            return ngx_http_payvand_tls_reason(r->connection);
        }

        return PV_REASON_REQUEST_MALFORMED;

    case NGX_HTTP_FORBIDDEN:
        return PV_REASON_NETWORK_NOT_REGISTERED;

    case NGX_HTTP_NOT_FOUND:
    case NGX_HTTP_REQUEST_URI_TOO_LARGE:
        return PV_REASON_PATH_NOT_CANONICAL;

    case NGX_HTTP_NOT_ALLOWED:
        return PV_REASON_HTTP_METHOD;

    case NGX_HTTP_NOT_IMPLEMENTED:  /* a transfer coding but chunked */
        return PV_REASON_REQUEST_MALFORMED;

    case NGX_HTTP_REQUEST_TIME_OUT:
        return PV_REASON_REQUEST_TOO_SLOW;

    case NGX_HTTP_REQUEST_ENTITY_TOO_LARGE:
        return PV_REASON_BODY_TOO_LARGE;

    default:
        break;
    }

    if (location || status < NGX_HTTP_BAD_REQUEST) {
        return PV_REASON_PATH_NOT_CANONICAL;
    }

    return status < NGX_HTTP_INTERNAL_SERVER_ERROR
           ? PV_REASON_REQUEST_MALFORMED : PV_REASON_OVERLOADED;
}


static ngx_int_t
ngx_http_payvand_header_filter(ngx_http_request_t *r)
{
    ngx_int_t                     rc;
    ngx_http_payvand_ctx_t       *ctx;
    ngx_http_payvand_call_t      *call;
    ngx_http_payvand_loc_conf_t  *plcf;
    ngx_http_payvand_srv_conf_t  *pscf;

    pscf = ngx_http_get_module_srv_conf(r, ngx_http_payvand_module);

    if (!pscf->gate || r != r->main) {
        return ngx_http_payvand_next_header(r);
    }

    ctx = ngx_http_payvand_ctx(r);
    call = ctx ? ctx->upstream : NULL;
    plcf = ngx_http_get_module_loc_conf(r, ngx_http_payvand_module);

    if (ctx == NULL && plcf->enable
        && r->err_status == NGX_HTTP_REQUEST_ENTITY_TOO_LARGE)
    {
        /* nginx reads the length before any phase that modules have */
        ctx = ngx_http_payvand_gate_missed(r, PV_REASON_BODY_TOO_LARGE);
    }

    if (r->err_status == 0) {

        if (call && call->forwarded && !call->judged && r->upstream) {
            return ngx_http_payvand_judge(r, ctx, call);
        }

        if (ctx == NULL && !plcf->enable
            && r->headers_out.status < NGX_HTTP_SPECIAL_RESPONSE)
        {
            /* another location of this server: payvand_status */
            return ngx_http_payvand_next_header(r);
        }
    }

    if (call) {
        r->http_version = call->http_version;

        /* no connection, or the wrong one: the provider never saw the call */

        if (call->attempts == 1 && r->upstream && !r->upstream->request_sent) {
            ctx->forwarded_ms = 0;
        }
    }

    rc = ngx_http_payvand_send_problem(r, ctx,
                                       ngx_http_payvand_why(r, ctx, call));

    r->header_only = 1;

    return rc;
}


static ngx_int_t
ngx_http_payvand_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_uint_t                last;
    ngx_chain_t              *cl;
    ngx_http_payvand_ctx_t   *ctx;
    ngx_http_payvand_call_t  *call;

    if (in == NULL || r != r->main) {
        return ngx_http_payvand_next_body(r, in);
    }

    ctx = ngx_http_payvand_ctx(r);
    call = ctx ? ctx->upstream : NULL;

    if (call == NULL || call->class == PV_OUTCOME_NONE) {
        return ngx_http_payvand_next_body(r, in);
    }

    last = 0;

    for (cl = in; cl; cl = cl->next) {
        ctx->answer_len += ngx_buf_size(cl->buf);
        last |= cl->buf->last_buf;
    }

    if (call->answer_max_len && ctx->answer_len > call->answer_max_len) {
        ctx->outcome = PV_OUTCOME_FAILED;
        ctx->reason = PV_REASON_PROVIDER_ANSWER;
        return NGX_ERROR;
    }

    if (last) {
        ctx->outcome = call->class;
        ctx->reason = call->class == PV_OUTCOME_INVALID ? PV_REASON_CONTRACT
                      : call->class == PV_OUTCOME_FAILED
                      ? PV_REASON_PROVIDER_ANSWER : PV_REASON_NONE;
    }

    return ngx_http_payvand_next_body(r, in);
}


void
ngx_http_payvand_settle(ngx_http_payvand_ctx_t *ctx)
{
    ngx_http_payvand_call_t  *call;

    call = ctx->upstream;

    if (ctx->outcome != PV_OUTCOME_NONE || call == NULL || !call->forwarded) {
        return;
    }

    if (call->timed_out) {
        ctx->outcome = PV_OUTCOME_TIMEOUT;
        ctx->reason = PV_REASON_PROVIDER_TIMEOUT;
        return;
    }

    /* the header passed and the last byte did not come */

    if (call->class != PV_OUTCOME_NONE && !ctx->request->connection->error) {
        ctx->outcome = PV_OUTCOME_FAILED;
        ctx->reason = PV_REASON_PROVIDER_ANSWER;
    }
}


ngx_int_t
ngx_http_payvand_filter_init(ngx_conf_t *cf)
{
    ngx_uint_t                     i;
    ngx_http_payvand_place_t      *place;
    ngx_http_payvand_srv_conf_t   *pscf;
    ngx_http_payvand_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_payvand_module);

    place = mcf->locations->elts;

    for (i = 0; i < mcf->locations->nelts; i++) {
        if (place[i].plcf->enable) {
            pscf = place[i].srv_conf[ngx_http_payvand_module.ctx_index];
            pscf->gate = 1;
        }
    }

    ngx_http_payvand_next_header = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_payvand_header_filter;

    ngx_http_payvand_next_body = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_payvand_body_filter;

    return NGX_OK;
}
