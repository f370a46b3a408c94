/*
 * ngx_http_payvand_check.h - what check.c (http{} and its servers) and
 * check_place.c (locations) share.
 */

#ifndef _NGX_HTTP_PAYVAND_CHECK_H_INCLUDED_
#define _NGX_HTTP_PAYVAND_CHECK_H_INCLUDED_


#include "ngx_http_payvand.h"


/* One sentence: what is open, where, and what to do about it. NGX_ERROR. */
ngx_int_t ngx_http_payvand_hole(ngx_conf_t *cf, ngx_http_payvand_place_t *place,
    const char *hole);

/* Any location, gate or not: it may read or log a gate's request. */
ngx_int_t ngx_http_payvand_check_any(ngx_conf_t *cf,
    ngx_http_payvand_place_t *place);

/* A location with payvand on. */
ngx_int_t ngx_http_payvand_check_gate(ngx_conf_t *cf,
    ngx_http_payvand_place_t *place);


#endif /* _NGX_HTTP_PAYVAND_CHECK_H_INCLUDED_ */
