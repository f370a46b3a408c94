/*
 * ngx_http_payvand_shared.h - what the workers share: the memory of
 * payvand_quota_zone. It survives a reload, not a new master (then the daily
 * counts come from the journal again).
 *
 * Everything but the counters is read and written under the zone's mutex,
 * which nginx's master opens again when a worker dies with it.
 */

#ifndef _NGX_HTTP_PAYVAND_SHARED_H_INCLUDED_
#define _NGX_HTTP_PAYVAND_SHARED_H_INCLUDED_


#include "ngx_http_payvand.h"


#define NGX_HTTP_PAYVAND_COUNTER_BLOCKS  64     /* by process slot */
#define NGX_HTTP_PAYVAND_BUDGETS         1024   /* systems lately refused */
#define NGX_HTTP_PAYVAND_PROBES          64     /* places tried in a table */


typedef struct {
    uint64_t  value[NGX_HTTP_PAYVAND_COUNTERS];
    uint64_t  pad[8];                    /* blocks share no cache line */
} ngx_http_payvand_counters_t;


/* one grant with a limit; or one (grant, consumer agency), see quota.c */

typedef struct {
    uint64_t  key;                       /* 0: free */
    uint64_t  due_us;                    /* GCRA: theoretical arrival time */
    int64_t   day;                       /* of Tehran, that `calls` belongs to */
    uint64_t  calls;
} ngx_http_payvand_quota_t;


/* refusals of one known system */

typedef struct {
    uint32_t      number;                /* of the system; 0: free */
    uint64_t      due_ms;                /* GCRA on the wall clock */
    uint64_t      suppressed;            /* since from_ms; not journalled */
    int64_t       from_ms;
    int64_t       last_ms;
    struct pv_id  system;
} ngx_http_payvand_budget_t;


typedef enum {
    NGX_HTTP_PAYVAND_UNCOUNTED = 0,      /* today's counts are not known */
    NGX_HTTP_PAYVAND_COUNTING,           /* a worker is fetching them */
    NGX_HTTP_PAYVAND_COUNTED
} ngx_http_payvand_counted_e;


typedef struct {
    ngx_http_payvand_counters_t  counters[NGX_HTTP_PAYVAND_COUNTER_BLOCKS];
    ngx_http_payvand_budget_t    budget[NGX_HTTP_PAYVAND_BUDGETS];
    ngx_atomic_t                 counted;       /* ngx_http_payvand_counted_e */
    ngx_pid_t                    counting_pid;
    time_t                       started;
    ngx_uint_t                   quotas;        /* places in quota[] */
    ngx_http_payvand_quota_t     quota[];
} ngx_http_payvand_shared_t;


/* The zone of this cycle; NULL in a master before its first configuration. */
ngx_http_payvand_shared_t *ngx_http_payvand_shared(void);
void ngx_http_payvand_shared_lock(void);
void ngx_http_payvand_shared_unlock(void);


/* quota.c: rebuilding today's counts */

/* Take the job of counting: 1 when this worker must ask traced for COUNTS. */
ngx_uint_t ngx_http_payvand_quota_claim(void);
ngx_uint_t ngx_http_payvand_quota_counted(void);

/* NGX_ERROR when the image cannot be read: nothing may be left out. */
ngx_int_t ngx_http_payvand_quota_recount(struct pv_slice grant,
    struct pv_slice system, struct pv_slice path, uint64_t calls, int64_t day);
void ngx_http_payvand_quota_claimed(ngx_uint_t done);


/* budget.c */

/* May one more refusal of this system be journalled by itself? */
ngx_uint_t ngx_http_payvand_budget_take(const struct pv_system_row *system,
    int64_t now_ms, ngx_uint_t low_space);

/*
 * One summary that is due, taken out of the table; 0 when there is none. A
 * worker that is leaving takes also what is not due: nobody may come after it.
 */
ngx_uint_t ngx_http_payvand_budget_due(int64_t now_ms, ngx_uint_t leaving,
    struct pv_id *ret_system, struct pv_refusals_record *ret_refusals);

/* The summary could not be written: count it again. */
void ngx_http_payvand_budget_return(const struct pv_id *system,
    const struct pv_refusals_record *refusals);


#endif /* _NGX_HTTP_PAYVAND_SHARED_H_INCLUDED_ */
