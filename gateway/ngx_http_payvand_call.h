/*
 * ngx_http_payvand_call.h - what the request, upstream and filter files know
 * of one call beyond its ctx: ctx->upstream points to this.
 *
 * Made by ngx_http_payvand_read_headers() in the request's pool; everything
 * in it dies with that pool, after the pool cleanup of upstream.c has let go
 * of the endpoint and left the queue of deadlines.
 */

#ifndef _NGX_HTTP_PAYVAND_CALL_H_INCLUDED_
#define _NGX_HTTP_PAYVAND_CALL_H_INCLUDED_


#include "ngx_http_payvand.h"

#include "header.h"


typedef struct ngx_http_payvand_peer_s  ngx_http_payvand_peer_t;
typedef struct ngx_http_payvand_pace_s  ngx_http_payvand_pace_t;


typedef struct {
    ngx_http_request_t       *request;
    ngx_http_payvand_ctx_t   *ctx;

    /* the consumer's headers of the table, NULL when absent (request.c) */
    ngx_table_elt_t          *header[PV_HEADER_END];

    /* upstream.c */
    ngx_http_payvand_peer_t  *peer;        /* counted while the call lives */
    ngx_http_payvand_pace_t  *pace;        /* counted while the call lives */
    ngx_queue_t               queue;       /* of the pace's calls */
    ngx_msec_t                expires;
    ngx_uint_t                attempts;
    ngx_uint_t                http_version;  /* the consumer's */

    /* filter.c */
    enum pv_outcome           class;       /* of the answer being passed on */
    off_t                     answer_max_len;
    ngx_table_elt_t          *retry_after; /* the provider's, or NULL */

    unsigned                  queued:1;
    unsigned                  forwarded:1; /* upstream.c took the call */
    unsigned                  identity_refused:1;
    unsigned                  timed_out:1;
    unsigned                  judged:1;    /* the answer's header was seen */
} ngx_http_payvand_call_t;


/* request.c: the head that the provider gets, in place of the proxy's own */
ngx_int_t ngx_http_payvand_request_head(ngx_http_request_t *r,
    ngx_http_payvand_call_t *call);

/*
 * problem.c: the document of a reason, in the request's pool. ctx may be
 * NULL: then there is no tracking id, and no detail that needs rows.
 */
ngx_int_t ngx_http_payvand_problem(ngx_http_request_t *r,
    ngx_http_payvand_ctx_t *ctx, enum pv_reason reason, ngx_str_t *body);

/*
 * problem.c: send the document of a reason as the answer to r, header and
 * body, and say so in ctx. Called with nothing sent yet. The result is that
 * of ngx_http_output_filter().
 */
ngx_int_t ngx_http_payvand_send_problem(ngx_http_request_t *r,
    ngx_http_payvand_ctx_t *ctx, enum pv_reason reason);

/*
 * filter.c: empty r->headers_out, keep nginx from naming itself, and set
 * Payvand-Outcome and, when there is one, Payvand-Tracking-Id.
 */
ngx_int_t ngx_http_payvand_answer_header(ngx_http_request_t *r,
    ngx_http_payvand_ctx_t *ctx, ngx_uint_t status, enum pv_outcome outcome);

/* filter.c: the header filters behind ours */
ngx_int_t ngx_http_payvand_next_header_filter(ngx_http_request_t *r);

/* answer.c: judges a provider's answer by its header, once, and passes the
   header on. NGX_HTTP_BAD_GATEWAY: ctx->reason says why it goes no further. */
ngx_int_t ngx_http_payvand_judge(ngx_http_request_t *r,
    ngx_http_payvand_ctx_t *ctx, ngx_http_payvand_call_t *call);


#endif /* _NGX_HTTP_PAYVAND_CALL_H_INCLUDED_ */
