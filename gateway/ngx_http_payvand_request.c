/*
 * ngx_http_payvand_request.c - the consumer's headers are read and judged
 * once, and the head that the provider gets is written here and nowhere else.
 *
 * nginx's proxy module writes a head of its own before it asks for a peer. It
 * is thrown away: whatever proxy_set_header, proxy_http_version or
 * proxy_pass_request_headers say, the provider sees this head. So the
 * allow-list holds without a word in the configuration.
 */

#include "ngx_http_payvand_peer.h"


#define NGX_HTTP_PAYVAND_HEADERS_MAX  64    /* lines of one request */

#define ngx_http_payvand_len(s)  (sizeof(s) - 1)


static ngx_uint_t ngx_http_payvand_gathers_body(ngx_http_request_t *r,
    ngx_http_payvand_ctx_t *ctx);
static ngx_int_t ngx_http_payvand_content(ngx_http_request_t *r);
static void ngx_http_payvand_body_ready(ngx_http_request_t *r);


static const char  ngx_http_payvand_post[] = "POST ";
static const char  ngx_http_payvand_host[] = " HTTP/1.1" CRLF "Host: ";
static const char  ngx_http_payvand_length[] = CRLF "Content-Length: ";
static const char  ngx_http_payvand_chunked[] = CRLF
                                                "Transfer-Encoding: chunked";
static const char  ngx_http_payvand_consumer[] = CRLF "Payvand-Consumer: ";
static const char  ngx_http_payvand_grant[] = CRLF "Payvand-Grant: ";
static const char  ngx_http_payvand_tracking[] = CRLF "Payvand-Tracking-Id: ";
static const char  ngx_http_payvand_path[] = CRLF "Payvand-Path: ";
static const char  ngx_http_payvand_end[] = CRLF CRLF;


static ngx_inline struct pv_slice
ngx_http_payvand_header_value(ngx_table_elt_t *h)
{
    if (h == NULL) {
        return (struct pv_slice) { NULL, 0 };
    }

    return ngx_http_payvand_slice(&h->value);
}


/*
 * nginx takes the path out of an absolute form and out of blanks around it.
 * Here the request line is the method, the path, the version, and no more.
 */

static ngx_uint_t
ngx_http_payvand_is_plain_line(ngx_http_request_t *r, struct pv_slice path)
{
    size_t  before, after;

    before = r->method_name.len + 1;
    after = sizeof(" HTTP/1.1") - 1;

    return r->request_line.len == before + path.len + after
           && ngx_memcmp(r->request_line.data + before, path.ptr, path.len)
              == 0;
}


enum pv_reason
ngx_http_payvand_read_headers(ngx_http_request_t *r,
    ngx_http_payvand_ctx_t *ctx)
{
    ngx_uint_t                i, lines;
    ngx_list_part_t          *part;
    ngx_table_elt_t          *h;
    enum pv_header            header;
    struct pv_slice           name;
    enum pv_header_fate       fate;
    ngx_http_payvand_call_t  *call;

    if (!ngx_http_payvand_is_plain_line(r, ctx->path)) {
        return PV_REASON_PATH_NOT_CANONICAL;
    }

    call = ctx->upstream;

    if (call == NULL) {
        call = ngx_palloc(r->pool, sizeof(ngx_http_payvand_call_t));
        if (call == NULL) {
            return PV_REASON_OVERLOADED;
        }

        ctx->upstream = call;
    }

    ngx_memzero(call, sizeof(ngx_http_payvand_call_t));

    call->request = r;
    call->ctx = ctx;
    call->http_version = r->http_version;

    part = &r->headers_in.headers.part;
    h = part->elts;
    lines = 0;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (++lines > NGX_HTTP_PAYVAND_HEADERS_MAX) {
            return PV_REASON_HEADER_GRAMMAR;
        }

        name.ptr = (const char *) h[i].lowcase_key;
        name.len = h[i].key.len;

        header = pv_header_find(name);
        if (header == PV_HEADER_OTHER) {
            continue;
        }

        fate = pv_header_from_consumer(header);

        if (fate == PV_HEADER_REFUSE) {
            return PV_REASON_HEADER_NOT_ALLOWED;
        }

        if (fate == PV_HEADER_DROP) {
            continue;
        }

        if (call->header[header] != NULL
            || !pv_header_is_valid(header, ngx_http_payvand_slice(&h[i].value)))
        {
            return PV_REASON_HEADER_GRAMMAR;
        }

        call->header[header] = &h[i];
    }

    /* nginx refuses both itself; here stands that we rely on it */

    if (call->header[PV_HEADER_CONTENT_LENGTH] != NULL
        && call->header[PV_HEADER_TRANSFER_ENCODING] != NULL)
    {
        return PV_REASON_REQUEST_MALFORMED;
    }

    ctx->purpose = ngx_http_payvand_header_value(
                                     call->header[PV_HEADER_PAYVAND_PURPOSE]);
    ctx->case_id = ngx_http_payvand_header_value(
                                     call->header[PV_HEADER_PAYVAND_CASE]);
    ctx->commitment = ngx_http_payvand_header_value(
                                  call->header[PV_HEADER_PAYVAND_COMMITMENT]);
    ctx->has_consent = call->header[PV_HEADER_PAYVAND_CONSENT] != NULL;

    return PV_REASON_NONE;
}


ngx_int_t
ngx_http_payvand_prepare_request(ngx_http_request_t *r,
    ngx_http_payvand_ctx_t *ctx)
{
    ngx_list_t  *headers;

    if (ctx->upstream == NULL || ctx->rows == NULL) {
        return NGX_ERROR;
    }

    /*
     * The lines that pass are remembered in the call, so the list is emptied:
     * nothing behind the gate can pass on a line that was not looked at. The
     * lines themselves stay where they are.
     */

    headers = &r->headers_in.headers;

    if (ngx_list_init(headers, r->pool, 1, sizeof(ngx_table_elt_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_payvand_gathers_body(r, ctx)) {
        r->content_handler = ngx_http_payvand_content;
    }

    return NGX_OK;
}


/*
 * Only a body that is in memory can be sent again over a new connection. One
 * that came with its header is; a small one that did not is waited for.
 */

static ngx_uint_t
ngx_http_payvand_gathers_body(ngx_http_request_t *r,
    ngx_http_payvand_ctx_t *ctx)
{
    off_t                      len;
    ngx_http_core_loc_conf_t  *clcf;

    len = r->headers_in.content_length_n;
    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    return ctx->idempotent && clcf->handler != NULL
#if (NGX_HTTP_V2)
           && r->stream == NULL
#endif
           && len > r->header_in->last - r->header_in->pos
           && len <= (off_t) clcf->client_body_buffer_size;
}


static ngx_int_t
ngx_http_payvand_content(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    rc = ngx_http_read_client_request_body(r, ngx_http_payvand_body_ready);

    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}


/* the proxy module finds the body read, and goes on at once */

static void
ngx_http_payvand_body_ready(ngx_http_request_t *r)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    ngx_http_finalize_request(r, clcf->handler(r));
}


static ngx_inline u_char *
ngx_http_payvand_put(u_char *p, const char *s, size_t len)
{
    return ngx_cpymem(p, s, len);
}


#define ngx_http_payvand_put_text(p, s)                                       \
    ngx_http_payvand_put(p, s, ngx_http_payvand_len(s))


ngx_int_t
ngx_http_payvand_request_head(ngx_http_request_t *r,
    ngx_http_payvand_call_t *call)
{
    size_t                         len;
    u_char                        *p;
    ngx_buf_t                     *b;
    ngx_uint_t                     i, chunked;
    const struct pv_id            *grant, *system;
    ngx_table_elt_t               *h;
    struct pv_slice                name;
    ngx_http_upstream_t           *u;
    ngx_http_payvand_ctx_t        *ctx;
    ngx_http_payvand_main_conf_t  *mcf;

    u = r->upstream;
    ctx = call->ctx;
    system = &ctx->rows->consumer->system.system;
    grant = ctx->decision.grant ? &ctx->decision.grant->id : NULL;
    mcf = ngx_http_get_module_main_conf(r, ngx_http_payvand_module);

    /* as the proxy module decides it, so that its body filter agrees */

    chunked = r->headers_in.chunked && r->reading_body;

    len = ngx_http_payvand_len(ngx_http_payvand_post)
          + ctx->path.len
          + ngx_http_payvand_len(ngx_http_payvand_host)
          + call->peer->tls_name_len
          + ngx_http_payvand_len(ngx_http_payvand_chunked) + NGX_OFF_T_LEN
          + ngx_http_payvand_len(ngx_http_payvand_consumer)
          + system->len
          + ngx_http_payvand_len(ngx_http_payvand_grant)
          + (grant ? grant->len : 0)
          + ngx_http_payvand_len(ngx_http_payvand_tracking)
          + PV_TRACKING_ID_LEN
          + ngx_http_payvand_len(ngx_http_payvand_path) + mcf->node.len
          + ngx_http_payvand_len(ngx_http_payvand_end);

    for (i = 0; i < PV_HEADER_END; i++) {
        h = call->header[i];

        if (h != NULL && pv_header_from_consumer(i) == PV_HEADER_PASS) {
            len += pv_header_name(i).len + sizeof(CRLF ": ") - 1
                   + h->value.len;
        }
    }

    b = ngx_create_temp_buf(r->pool, len);
    if (b == NULL) {
        return NGX_ERROR;
    }

    p = b->pos;

    p = ngx_http_payvand_put_text(p, ngx_http_payvand_post);
    p = ngx_http_payvand_put(p, ctx->path.ptr, ctx->path.len);
    p = ngx_http_payvand_put_text(p, ngx_http_payvand_host);
    p = ngx_cpymem(p, call->peer->tls_name, call->peer->tls_name_len);

    if (chunked) {
        p = ngx_http_payvand_put_text(p, ngx_http_payvand_chunked);

    } else {
        p = ngx_http_payvand_put_text(p, ngx_http_payvand_length);
        p = ngx_sprintf(p, "%O", r->headers_in.content_length_n > 0
                                 ? r->headers_in.content_length_n : (off_t) 0);
    }

    for (i = 0; i < PV_HEADER_END; i++) {
        h = call->header[i];

        if (h == NULL || pv_header_from_consumer(i) != PV_HEADER_PASS) {
            continue;
        }

        name = pv_header_name(i);

        *p++ = CR; *p++ = LF;
        p = ngx_http_payvand_put(p, name.ptr, name.len);
        *p++ = ':'; *p++ = ' ';
        p = ngx_cpymem(p, h->value.data, h->value.len);
    }

    p = ngx_http_payvand_put_text(p, ngx_http_payvand_consumer);
    p = ngx_http_payvand_put(p, system->text,
                             system->len);

    if (grant) {
        p = ngx_http_payvand_put_text(p, ngx_http_payvand_grant);
        p = ngx_http_payvand_put(p, grant->text, grant->len);
    }

    p = ngx_http_payvand_put_text(p, ngx_http_payvand_tracking);
    p = ngx_cpymem(p, ctx->id_text, PV_TRACKING_ID_LEN);
    p = ngx_http_payvand_put_text(p, ngx_http_payvand_path);
    p = ngx_cpymem(p, mcf->node.data, mcf->node.len);
    p = ngx_http_payvand_put_text(p, ngx_http_payvand_end);

    b->last = p;
    b->flush = 1;

    /* the proxy's own head is the first buffer; the body follows it */

    u->request_bufs->buf = b;

    return NGX_OK;
}
