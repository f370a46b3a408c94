/*
 * ngx_http_payvand_detail.h - the sentence that a reason adds, for problem.c.
 */

#ifndef _NGX_HTTP_PAYVAND_DETAIL_H_INCLUDED_
#define _NGX_HTTP_PAYVAND_DETAIL_H_INCLUDED_


#include "ngx_http_payvand_call.h"


typedef struct {
    ngx_http_payvand_ctx_t  *ctx;
    const struct pv_rows    *rows;
    ngx_str_t               *url;              /* of the registry */
    struct pv_buf            en;
    struct pv_buf            fa;
    enum pv_err              err;              /* the first that happened */
} ngx_http_payvand_detail_t;


/* Nothing where the title says all, and never one language without the other:
   then d->err tells. */
void ngx_http_payvand_detail(ngx_http_payvand_detail_t *d,
    enum pv_reason reason);


#endif /* _NGX_HTTP_PAYVAND_DETAIL_H_INCLUDED_ */
