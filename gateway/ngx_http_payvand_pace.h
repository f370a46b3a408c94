/*
 * ngx_http_payvand_pace.h - deadlines of calls.
 *
 * A pace is what the methods of one deadline share: a copy of the location's
 * upstream configuration with their times and with everything switched off
 * that a provider must not steer, and the queue of their calls in the order in
 * which they expire.
 */

#ifndef _NGX_HTTP_PAYVAND_PACE_H_INCLUDED_
#define _NGX_HTTP_PAYVAND_PACE_H_INCLUDED_


#include "ngx_http_payvand_peer.h"


struct ngx_http_payvand_pace_s {
    ngx_http_upstream_conf_t   conf;
    ngx_http_upstream_conf_t  *base;       /* the location's */
    ngx_msec_t                 deadline;
    ngx_msec_t                 connect;
    ngx_uint_t                 idempotent;
    ngx_uint_t                 calls;      /* that hold this pace */
    ngx_queue_t                waiting;    /* call.queue, first to expire first */
    ngx_queue_t                queue;      /* the worker's, last used first */
};


void ngx_http_payvand_pace_init(ngx_cycle_t *cycle);
void ngx_http_payvand_pace_exit(void);

/* The pace of a method, counted in ->calls, which the call takes back; NULL:
   no memory, or too many are in use. */
ngx_http_payvand_pace_t *ngx_http_payvand_pace_get(
    ngx_http_upstream_conf_t *base, const struct pv_method_row *method,
    ngx_uint_t idempotent);

/* From now on the call expires with its pace. */
void ngx_http_payvand_call_queue(ngx_http_payvand_call_t *call);
void ngx_http_payvand_call_unqueue(ngx_http_payvand_call_t *call);

/* Something waits for time to pass: a call, or an idle connection. */
void ngx_http_payvand_pace_watch(void);


#endif /* _NGX_HTTP_PAYVAND_PACE_H_INCLUDED_ */
