/*
 * ngx_http_payvand_filter.c - what a consumer may see of an answer.
 *
 * Everything that a gate's server sends passes here. A provider's answer is
 * judged once, by its header: its class, its length, the headers that pass.
 * What fails, and every error that nginx itself would tell in HTML, becomes a
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


/* the headers of a provider that pass as they are, and what the gate reads */

typedef struct {
    ngx_table_elt_t  *header[PV_HEADER_END];
} ngx_http_payvand_answer_t;


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

    return ngx_http_payvand_next_header(r);
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


static ngx_int_t
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
