/*
 * ngx_http_payvand_answer.c - a provider's answer, judged by its header: its
 * class, its length, the headers that pass.
 */

#include "ngx_http_payvand_call.h"


/* the headers of a provider that pass as they are, and what the gate reads */

typedef struct {
    ngx_table_elt_t  *header[PV_HEADER_END];
} ngx_http_payvand_answer_t;


/* The headers of the table, once each and well-formed, or NGX_DECLINED. */

static ngx_int_t
ngx_http_payvand_read_answer(ngx_http_upstream_t *u,
    ngx_http_payvand_answer_t *answer)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;
    enum pv_header    header;
    struct pv_slice   name;

    ngx_memzero(answer, sizeof(ngx_http_payvand_answer_t));

    part = &u->headers_in.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                return NGX_OK;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        name.ptr = (const char *) h[i].lowcase_key;
        name.len = h[i].key.len;

        header = pv_header_find(name);

        if (pv_header_from_provider(header) == PV_HEADER_DROP) {
            continue;
        }

        if (answer->header[header] != NULL
            || !pv_header_is_valid(header, ngx_http_payvand_slice(&h[i].value)))
        {
            return NGX_DECLINED;
        }

        answer->header[header] = &h[i];
    }
}


/* Must say where it ends, in one way, and not past what the method allows. */

static ngx_uint_t
ngx_http_payvand_is_framed(ngx_http_payvand_call_t *call,
    ngx_http_upstream_t *u, ngx_http_payvand_answer_t *answer)
{
    ngx_uint_t  chunked, length;

    chunked = answer->header[PV_HEADER_TRANSFER_ENCODING] != NULL;
    length = answer->header[PV_HEADER_CONTENT_LENGTH] != NULL;

    if (u->headers_in.status_n == NGX_HTTP_NO_CONTENT) {
        return !chunked
               && (!length || u->headers_in.content_length_n == 0);
    }

    if (chunked == length) {
        return 0;
    }

    return call->answer_max_len == 0
           || u->headers_in.content_length_n <= call->answer_max_len;
}


static enum pv_outcome
ngx_http_payvand_answer_class(ngx_http_upstream_t *u,
    ngx_http_payvand_answer_t *answer)
{
    enum pv_outcome   outcome;
    ngx_table_elt_t  *h;

    h = answer->header[PV_HEADER_PAYVAND_OUTCOME];

    switch (u->headers_in.status_n) {

    case NGX_HTTP_OK:

        if (h == NULL) {
            return PV_OUTCOME_ANSWERED;
        }

        outcome = pv_outcome_from_word(ngx_http_payvand_slice(&h->value));

        switch ((int) outcome) {
        case PV_OUTCOME_ANSWERED:
        case PV_OUTCOME_INVALID:
        case PV_OUTCOME_TIMEOUT:
        case PV_OUTCOME_CLOSED:
            return outcome;

        default:
            return PV_OUTCOME_FAILED;  /* the others are not a provider's */
        }

    case NGX_HTTP_CREATED:
    case NGX_HTTP_ACCEPTED:
    case 203:
    case NGX_HTTP_NO_CONTENT:
        return h ? PV_OUTCOME_FAILED : PV_OUTCOME_ANSWERED;

    case NGX_HTTP_BAD_REQUEST:
    case 422:
        return h ? PV_OUTCOME_FAILED : PV_OUTCOME_INVALID;

    default:
        return PV_OUTCOME_FAILED;
    }
}


/*
 * A provider may say which call it answers, as our connectors do. An answer to
 * another call, such as one that came late on a kept connection, goes nowhere.
 */

static ngx_uint_t
ngx_http_payvand_is_another_call(ngx_http_payvand_ctx_t *ctx,
    ngx_table_elt_t *id)
{
    return id != NULL
           && (id->value.len != PV_TRACKING_ID_LEN
               || ngx_memcmp(id->value.data, ctx->id_text, PV_TRACKING_ID_LEN)
                  != 0);
}


/* A description of what is invalid passes only as JSON. */

static ngx_uint_t
ngx_http_payvand_is_json(ngx_table_elt_t *type)
{
    static ngx_str_t  json = ngx_string("application/json");
    static ngx_str_t  problem = ngx_string("application/problem+json");

    if (type == NULL) {
        return 0;
    }

    return ngx_strncasecmp(type->value.data, json.data, json.len) == 0
           || ngx_strncasecmp(type->value.data, problem.data, problem.len)
              == 0;
}


/*
 * A connector that answers "failed" may say why, such as a consent number that
 * is used up: only as a problem of a length said beforehand. What else a broken
 * provider says goes nowhere.
 */

static ngx_uint_t
ngx_http_payvand_says_why(ngx_http_upstream_t *u,
    ngx_http_payvand_answer_t *answer)
{
    static ngx_str_t  problem = ngx_string("application/problem+json");
    ngx_table_elt_t  *outcome, *type;

    outcome = answer->header[PV_HEADER_PAYVAND_OUTCOME];
    type = answer->header[PV_HEADER_CONTENT_TYPE];

    return u->headers_in.status_n == NGX_HTTP_OK
           && u->headers_in.content_length_n >= 0
           && u->headers_in.content_length_n <= NGX_HTTP_PAYVAND_WHY_MAX
           && outcome != NULL && type != NULL
           && pv_outcome_from_word(ngx_http_payvand_slice(&outcome->value))
              == PV_OUTCOME_FAILED
           && type->value.len == problem.len
           && ngx_strncasecmp(type->value.data, problem.data, problem.len)
              == 0;
}


static ngx_int_t
ngx_http_payvand_pass_answer(ngx_http_request_t *r,
    ngx_http_payvand_call_t *call, ngx_http_payvand_answer_t *answer)
{
    ngx_uint_t                i;
    ngx_table_elt_t          *h, *type;
    struct pv_slice           name;
    ngx_http_upstream_t      *u;
    ngx_http_payvand_ctx_t   *ctx;

    u = r->upstream;
    ctx = call->ctx;
    type = answer->header[PV_HEADER_CONTENT_TYPE];

    if (ngx_http_payvand_answer_header(r, ctx, pv_outcome_status(call->class),
                                       call->class)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    r->headers_out.content_length_n =
                           u->headers_in.status_n == NGX_HTTP_NO_CONTENT
                           ? 0 : u->headers_in.content_length_n;

    if (type) {
        r->headers_out.content_type = type->value;
        r->headers_out.content_type_len = type->value.len;
    }

    for (i = 0; i < PV_HEADER_END; i++) {

        if (answer->header[i] == NULL || i == PV_HEADER_CONTENT_TYPE
            || pv_header_from_provider(i) != PV_HEADER_PASS)
        {
            continue;
        }

        h = ngx_list_push(&r->headers_out.headers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        name = pv_header_name(i);

        h->hash = 1;
        h->key.data = (u_char *) name.ptr;
        h->key.len = name.len;
        h->value = answer->header[i]->value;
    }

    ctx->answered_from_provider = 1;
    ctx->answer_began = call->class == PV_OUTCOME_ANSWERED;

    return ngx_http_payvand_next_header_filter(r);
}


/*
 * An answer that is not passed on costs the connection, unless all of it came
 * with its header: then the connection is as good as after any other answer.
 */

static void
ngx_http_payvand_swallow(ngx_http_upstream_t *u)
{
    if (u->headers_in.connection_close
        || u->headers_in.status_n != NGX_HTTP_OK
        || u->headers_in.content_length_n <= 0
        || u->buffer.last - u->buffer.pos != u->headers_in.content_length_n)
    {
        return;
    }

    u->buffer.pos = u->buffer.last;
    u->keepalive = 1;
}


ngx_int_t
ngx_http_payvand_judge(ngx_http_request_t *r, ngx_http_payvand_ctx_t *ctx,
    ngx_http_payvand_call_t *call)
{
    ngx_http_upstream_t        *u;
    ngx_http_payvand_answer_t   answer;

    u = r->upstream;

    call->judged = 1;
    ctx->first_ms = ngx_http_payvand_now_ms();

    /* the proxy takes an answer without a status line for HTTP/0.9 */
    r->http_version = call->http_version;

    if (ngx_http_payvand_read_answer(u, &answer) != NGX_OK
        || ngx_http_payvand_is_another_call(ctx,
                                answer.header[PV_HEADER_PAYVAND_TRACKING_ID]))
    {
        ctx->reason = PV_REASON_PROVIDER_ANSWER;
        return NGX_HTTP_BAD_GATEWAY;
    }

    call->retry_after = answer.header[PV_HEADER_RETRY_AFTER];
    call->class = ngx_http_payvand_answer_class(u, &answer);

    switch ((int) call->class) {

    case PV_OUTCOME_ANSWERED:
    case PV_OUTCOME_INVALID:
        break;

    case PV_OUTCOME_TIMEOUT:
        ctx->reason = PV_REASON_PROVIDER_TIMEOUT;
        break;

    case PV_OUTCOME_CLOSED:
        ctx->reason = PV_REASON_OUTAGE;
        break;

    default:
        if (!ngx_http_payvand_says_why(u, &answer)) {
            ctx->reason = PV_REASON_PROVIDER_ANSWER;
        }
    }

    if (ctx->reason == PV_REASON_NONE
        && !ngx_http_payvand_is_framed(call, u, &answer))
    {
        ctx->reason = PV_REASON_PROVIDER_ANSWER;
    }

    if (ctx->reason == PV_REASON_NONE && call->class == PV_OUTCOME_INVALID
        && !ngx_http_payvand_is_json(answer.header[PV_HEADER_CONTENT_TYPE]))
    {
        ctx->reason = PV_REASON_CONTRACT;
    }

    if (ctx->reason != PV_REASON_NONE) {
        ngx_http_payvand_swallow(u);
        return NGX_HTTP_BAD_GATEWAY;
    }

    return ngx_http_payvand_pass_answer(r, call, &answer);
}
