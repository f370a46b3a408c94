/*
 * ngx_http_payvand.h - what the files of the gateway module share.
 *
 * One request, in order: identity (who holds the TLS session), gate (preaccess:
 * path, headers, rows, decision, quota), journal (record sent, request parked,
 * acknowledged), request (headers rewritten), upstream (the endpoint of the
 * decision), filter (answer), log phase (completion).
 *
 * The ctx of a call lives in r->main->pool and is found by
 * ngx_http_payvand_ctx(), which survives internal redirects (nginx wipes
 * r->ctx there): never use ngx_http_get_module_ctx() directly.
 * Subrequests share the ctx of their main request.
 */

#ifndef _NGX_HTTP_PAYVAND_H_INCLUDED_
#define _NGX_HTTP_PAYVAND_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_http.h>

#include "base/buf.h"
#include "base/slice.h"
#include "policy/outcome.h"
#include "policy/policy.h"
#include "trace/record.h"
#include "trace/tracking_id.h"
#include "trace/wire.h"


typedef struct ngx_http_payvand_ctx_s  ngx_http_payvand_ctx_t;
typedef struct ngx_http_payvand_rows_s  ngx_http_payvand_rows_t;
typedef struct ngx_http_payvand_flight_s  ngx_http_payvand_flight_t;


/* counters of payvand_status, shared by the workers; names in status.c */

enum ngx_http_payvand_counter {
    NGX_HTTP_PAYVAND_CALLS = 0,          /* requests that reached the gate */
    NGX_HTTP_PAYVAND_FORWARDED,          /* released to a provider */
    NGX_HTTP_PAYVAND_ANSWERED,
    NGX_HTTP_PAYVAND_INVALID,
    NGX_HTTP_PAYVAND_REFUSED,
    NGX_HTTP_PAYVAND_LIMITED,
    NGX_HTTP_PAYVAND_CLOSED,
    NGX_HTTP_PAYVAND_FAILED,
    NGX_HTTP_PAYVAND_TIMEOUT,
    NGX_HTTP_PAYVAND_UNAVAILABLE,
    NGX_HTTP_PAYVAND_UNKNOWN,
    NGX_HTTP_PAYVAND_TLS_REFUSED,        /* no certificate, or chain unverified */
    NGX_HTTP_PAYVAND_KEY_UNREGISTERED,
    NGX_HTTP_PAYVAND_MALFORMED,          /* refused by nginx's own parser */
    NGX_HTTP_PAYVAND_ROWS_HIT,
    NGX_HTTP_PAYVAND_ROWS_MISS,
    NGX_HTTP_PAYVAND_JOURNALLED,         /* request records acknowledged */
    NGX_HTTP_PAYVAND_JOURNAL_FRAMES,
    NGX_HTTP_PAYVAND_JOURNAL_RECONNECTS,
    NGX_HTTP_PAYVAND_JOURNAL_TIMEOUTS,
    NGX_HTTP_PAYVAND_JOURNAL_REFUSED,    /* frames that traced refused */
    NGX_HTTP_PAYVAND_COMPLETIONS,
    NGX_HTTP_PAYVAND_REFUSALS_SUMMED,    /* refusals told only as a number */
    NGX_HTTP_PAYVAND_QUOTA_FULL,
    NGX_HTTP_PAYVAND_UPSTREAM_REUSED,    /* kept connection to a provider */
    NGX_HTTP_PAYVAND_UPSTREAM_OPENED,
    NGX_HTTP_PAYVAND_UPSTREAM_RETRIED,   /* stale idle connection, sent again */
    NGX_HTTP_PAYVAND_PIN_REFUSED,        /* provider's chain, name or key */
    NGX_HTTP_PAYVAND_COUNTERS
};


typedef struct {
    ngx_str_t             policy;        /* image directory */
    ngx_str_t             journal;       /* path of traced's socket */
    ngx_str_t             node;
    ngx_str_t             registry_url;  /* named in refusals; may be empty */
    ngx_flag_t            loopback_endpoints;
    ngx_msec_t            journal_timeout;
    ngx_shm_zone_t       *quota_zone;

    ngx_uint_t            gates;         /* locations with payvand on */
    ngx_array_t          *locations;     /* of ngx_http_payvand_place_t */
} ngx_http_payvand_main_conf_t;


typedef struct {
    /* B's: set by payvand_endpoint in upstream{}, otherwise NULL */
    void                 *endpoint;
    ngx_uint_t            gate;          /* unsigned  gate:1; a location of
                                            this server has payvand on */
} ngx_http_payvand_srv_conf_t;


typedef struct {
    ngx_flag_t            enable;        /* payvand on */
    ngx_uint_t            status;        /* the page's form; 0: none */
    void                 *upstream;      /* B's per-location cache of upstream
                                            confs per method; starts NULL */
} ngx_http_payvand_loc_conf_t;


/* who holds the TLS session: computed once per connection (identity.c) */

typedef struct {
    struct pv_certificate  certificate;
    enum pv_reason         reason;       /* NONE: chain verified, key known */
    uint64_t               revoked_version;  /* image version of `revoked` */
    ngx_uint_t             revoked_opened;   /* and which opening of it */
    unsigned               revoked_known:1;
    unsigned               revoked:1;
} ngx_http_payvand_identity_t;


struct ngx_http_payvand_ctx_s {
    ngx_http_request_t           *request;      /* the main request */
    ngx_http_payvand_identity_t  *identity;     /* connection's, or NULL */

    /* from the gate; valid until the request's pool is destroyed */
    const struct pv_rows         *rows;         /* NULL before the look-up */
    ngx_http_payvand_rows_t      *rows_held;    /* the cache entry behind rows */
    struct pv_decision            decision;     /* ->grant points into rows */
    struct pv_slice               path;         /* canonical, as received */

    /* from ngx_http_payvand_read_headers(), borrowed from the request */
    struct pv_slice               purpose;
    struct pv_slice               case_id;
    struct pv_slice               commitment;
    unsigned                      has_consent:1;

    struct pv_tracking_id         id;
    u_char                        id_text[PV_TRACKING_ID_LEN];

    /* what became of it; one writer each, see the comments */
    enum pv_outcome               outcome;      /* ..._refuse() and filter.c */
    enum pv_reason                reason;       /* as outcome */
    int64_t                       received_ms;  /* wall clock, gate */
    int64_t                       forwarded_ms; /* 0: never; upstream.c, when
                                                   the first peer is taken */
    int64_t                       first_ms;     /* filter.c: answer's header */
    int64_t                       last_ms;      /* log phase */

    /* gate's state; a phase handler is entered again by stray events */
    unsigned                      decided:1;    /* gate ran for this call */
    unsigned                      waiting:1;    /* parked for the journal */
    unsigned                      released:1;   /* record durable: go on */
    unsigned                      finished:1;   /* refused or completed */
    unsigned                      counted:1;    /* a quota was taken */
    unsigned                      answered_from_provider:1;  /* filter.c */
    unsigned                      answer_began:1;  /* and is no "invalid" */
    unsigned                      idempotent:1; /* may be sent again */
    unsigned                      verify:1;     /* times are rounded */
    unsigned                      reason_hidden:1;  /* of the method's row */
    unsigned                      retried:1;    /* upstream.c */

    /* journal's */
    ngx_queue_t                   queue;        /* of parked requests */
    ngx_msec_t                    parked_at;    /* ngx_current_msec */
    ngx_http_payvand_flight_t    *flight;       /* NULL when acknowledged */
    uint64_t                      index;        /* of the record, then */
    unsigned                      indexed:1;    /* and no completion yet */

    /* quota's */
    uint32_t                      quota_slot;
    int64_t                       quota_day;

    /* B's, for the upstream and filter files */
    void                         *upstream;
    off_t                         answer_len;   /* bytes of answer passed on */
};


#define NGX_HTTP_PAYVAND_SOCKET_PATH_MAX  108   /* of sockaddr_un, with NUL */
#define NGX_HTTP_PAYVAND_WHY_MAX          16384 /* why a provider failed */


extern ngx_module_t  ngx_http_payvand_module;


/* module.c */

/* The call's ctx, or NULL when the gate did not see this request. */
ngx_http_payvand_ctx_t *ngx_http_payvand_ctx(ngx_http_request_t *r);

/* A new ctx for a main request, with its cleanup; NULL without memory. */
ngx_http_payvand_ctx_t *ngx_http_payvand_ctx_create(ngx_http_request_t *r);

/* Wall clock in ms from nginx's cached time: no system call. */
int64_t ngx_http_payvand_now_ms(void);

static ngx_inline struct pv_slice
ngx_http_payvand_slice(ngx_str_t *s)
{
    return (struct pv_slice) { (const char *) s->data, s->len };
}


/* status.c: the counters live in the quota zone's shared memory */

void ngx_http_payvand_count(enum ngx_http_payvand_counter counter);
void ngx_http_payvand_count_add(enum ngx_http_payvand_counter counter,
    ngx_uint_t n);
void ngx_http_payvand_count_outcome(enum pv_outcome outcome);
char *ngx_http_payvand_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


/* check.c: refuses to start when a hole is open, naming it */

typedef struct {
    ngx_http_core_loc_conf_t     *clcf;
    ngx_http_core_srv_conf_t     *cscf;
    ngx_http_payvand_loc_conf_t  *plcf;
    void                        **loc_conf;
    void                        **srv_conf;
} ngx_http_payvand_place_t;

ngx_int_t ngx_http_payvand_check(ngx_conf_t *cf);
ngx_int_t ngx_http_payvand_check_socket(ngx_str_t *path, ngx_log_t *log);


/* identity.c */

ngx_int_t ngx_http_payvand_identity_init(ngx_conf_t *cf);

/* The connection's identity; NULL only without memory. */
ngx_http_payvand_identity_t *ngx_http_payvand_identity(ngx_connection_t *c);

/* What TLS says of the peer's certificate now; NONE when its chain verifies. */
enum pv_reason ngx_http_payvand_tls_reason(ngx_connection_t *c);

/* The peer's address in 16 bytes, IPv4 mapped; zero for other families. */
void ngx_http_payvand_source(ngx_connection_t *c, uint8_t address[16]);


/* socket.c */

ngx_int_t ngx_http_payvand_socket_init(ngx_conf_t *cf);

/*
 * From now on the connection's socket is read until it is empty, not longer.
 * Whose the connection is can be asked for once it is taken over.
 */
void ngx_http_payvand_socket_watch(ngx_connection_t *c, void *owner);

/*
 * After the handshake, with nothing left to send: nginx reads and writes a
 * watched connection by our functions. One that is not watched stays as it is.
 */
void ngx_http_payvand_socket_take_over(ngx_connection_t *c);

/* The owner of a connection that was taken over, otherwise NULL. */
void *ngx_http_payvand_socket_owner(ngx_connection_t *c);


/* log.c: nothing of a request's content in the error log */

ngx_int_t ngx_http_payvand_log_init(ngx_conf_t *cf);
ngx_int_t ngx_http_payvand_log_init_module(ngx_cycle_t *cycle);

/* For each call: nginx takes the handler away between two of a connection. */
void ngx_http_payvand_log_connection(ngx_connection_t *c);


/* rows.c: rows found, kept while the image's version stands */

typedef struct ngx_http_payvand_entry_s  ngx_http_payvand_entry_t;

struct ngx_http_payvand_entry_s {        /* what all that is kept begins with */
    ngx_uint_t                 refs;     /* its place's, its pairs', its calls' */
    ngx_http_payvand_entry_t  *key;      /* of a pair, counted there */
    ngx_http_payvand_entry_t  *path;
};

struct ngx_http_payvand_rows_s {         /* the pair of a key and a path */
    ngx_http_payvand_entry_t  entry;
    struct pv_rows            rows;
    uint8_t                   used_up;   /* bits: max_answered is reached, for
                                            as long as these stand */
    uint64_t                  quota_key[PV_POLICY_GRANTS_MAX]; /* 0: not yet */
    struct pv_rights          rights;    /* last: cut behind its grants */
};

/* The rows of (key, path) in image `version`, counted once for the caller. */
enum pv_err ngx_http_payvand_rows_find(struct pv_policy *policy,
    uint64_t version, const uint8_t *key_hash, struct pv_slice path,
    ngx_http_payvand_rows_t **ret_rows);
void ngx_http_payvand_rows_release(ngx_http_payvand_rows_t *rows); /* NULL ok */
void ngx_http_payvand_rows_clear(void);

/* Which of the rows' grants decided. */
static ngx_inline ngx_uint_t
ngx_http_payvand_grant_at(ngx_http_payvand_ctx_t *ctx)
{
    return ctx->decision.grant - ctx->rows->rights->grant;
}


/* gate.c */

ngx_int_t ngx_http_payvand_gate(ngx_http_request_t *r);

/*
 * nginx refused a request of a gate location before the gate saw it: give it
 * its tracking id, its place in the counters and, for a known system, its
 * record. ctx->reason says why, the fault or what weighs more; NULL: no memory.
 */
ngx_http_payvand_ctx_t *ngx_http_payvand_gate_missed(ngx_http_request_t *r,
    enum pv_reason fault);
ngx_int_t ngx_http_payvand_gate_init_process(ngx_cycle_t *cycle);
void ngx_http_payvand_gate_exit_process(ngx_cycle_t *cycle);
struct pv_policy *ngx_http_payvand_policy(void);  /* NULL: not readable */
uint64_t ngx_http_payvand_image_version(void);    /* 0: not readable */
time_t ngx_http_payvand_image_valid_until(void);  /* 0: it is no copy */


/* request.c (B) */

/*
 * Check every header of the request: those of the allow-list against their
 * length and grammar; headers that the gate alone sets, Expect, Upgrade and
 * doubled singletons refuse; all others are merely not passed on. Fills
 * ctx->purpose, case_id, commitment and has_consent. NONE when all is well.
 */
enum pv_reason ngx_http_payvand_read_headers(ngx_http_request_t *r,
    ngx_http_payvand_ctx_t *ctx);

/*
 * Called once, when the record is durable: rewrite r->headers_in.headers to
 * the allow-list plus Payvand-Consumer, -Grant, -Tracking-Id, -Path.
 */
ngx_int_t ngx_http_payvand_prepare_request(ngx_http_request_t *r,
    ngx_http_payvand_ctx_t *ctx);


/* problem.c (B) */

/*
 * Answer with the problem of `reason` and finish the request. Sets
 * ctx->outcome and ctx->reason when they are not set. ctx may be NULL (refused
 * before the gate). The result is what a phase handler returns to nginx at
 * once, without touching r again.
 */
ngx_int_t ngx_http_payvand_refuse(ngx_http_request_t *r,
    ngx_http_payvand_ctx_t *ctx, enum pv_reason reason);


/* upstream.c (B) */

char *ngx_http_payvand_endpoint(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_payvand_upstream_init_process(ngx_cycle_t *cycle);
void ngx_http_payvand_upstream_exit_process(ngx_cycle_t *cycle);

/* Is this upstream{} one with payvand_endpoint? For check.c. */
ngx_uint_t ngx_http_payvand_is_endpoint(ngx_http_upstream_srv_conf_t *uscf);

/*
 * Called once for a call that is allowed: take the method's endpoint, and the
 * location's upstream conf with its deadlines, while the rows are at hand.
 * NGX_OK, or NGX_ERROR with ctx->reason set.
 */
ngx_int_t ngx_http_payvand_upstream_prepare(ngx_http_request_t *r,
    ngx_http_payvand_ctx_t *ctx);


/* filter.c (B) */

ngx_int_t ngx_http_payvand_filter_init(ngx_conf_t *cf);

/*
 * Called once by the log phase: an answer that began and did not end, or a
 * deadline that passed, gets its outcome. Leaves an outcome that is set alone.
 */
void ngx_http_payvand_settle(ngx_http_payvand_ctx_t *ctx);


/* journal.c */

ngx_int_t ngx_http_payvand_journal_init_process(ngx_cycle_t *cycle);
void ngx_http_payvand_journal_exit_process(ngx_cycle_t *cycle);

/*
 * Queue the call's request record and park the call: NGX_AGAIN; its write
 * event is posted when ctx->released or ctx->reason is set. Or NGX_ERROR with
 * ctx->reason set (wait queue full, journal full). NGX_OK, released at once,
 * only where the decision alone is measured (bench/decision).
 */
ngx_int_t ngx_http_payvand_journal_park(ngx_http_payvand_ctx_t *ctx);

/* Queue the record of a refusal; nobody waits. Silently none above budgets. */
void ngx_http_payvand_journal_refusal(ngx_http_payvand_ctx_t *ctx);

/* The call is over: its completion follows its record. */
void ngx_http_payvand_journal_complete(ngx_http_payvand_ctx_t *ctx);

/* "up", "low_space", "stalled" or "down", for the status page. */
const char *ngx_http_payvand_journal_state(void);

/* The request is going away: forget it in every queue. */
void ngx_http_payvand_journal_forget(ngx_http_payvand_ctx_t *ctx);


/* quota.c */

char *ngx_http_payvand_quota_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

void ngx_http_payvand_quota_init_process(
    ngx_http_payvand_main_conf_t *mcf);

/* NONE, RATE, DAILY, OVERLOADED (table full), JOURNAL_DOWN (not counted yet) */
enum pv_reason ngx_http_payvand_quota_take(ngx_http_payvand_ctx_t *ctx);
void ngx_http_payvand_quota_refund(ngx_http_payvand_ctx_t *ctx);

/* This quota is about to be taken: fetch its line. Key 0: none known. */
void ngx_http_payvand_quota_prefetch(uint64_t key);


#endif /* _NGX_HTTP_PAYVAND_H_INCLUDED_ */
