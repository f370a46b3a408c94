/*
 * ngx_http_payvand_peer.h - one registered endpoint in one worker: its
 * address, its pinned identity, its idle connections and its TLS session.
 *
 * An endpoint is known by number and version. When the image gives another
 * version (or anything else of it differs) the old peer is retired: its idle
 * connections close at once, its session is dropped, and it is freed with its
 * last call. So nothing of one registration is ever used for another, also
 * when both name the same address.
 *
 * Peers belong to the worker; a call holds one by ngx_http_payvand_peer_get()
 * and lets go by ngx_http_payvand_peer_release().
 */

#ifndef _NGX_HTTP_PAYVAND_PEER_H_INCLUDED_
#define _NGX_HTTP_PAYVAND_PEER_H_INCLUDED_


#include "ngx_http_payvand_call.h"


#define NGX_HTTP_PAYVAND_PEERS_MAX       4096   /* endpoints of a worker */
#define NGX_HTTP_PAYVAND_IDLE_MAX        512    /* connections of an endpoint */
#define NGX_HTTP_PAYVAND_IDLE_TOTAL_MAX  2048   /* of a worker */
#define NGX_HTTP_PAYVAND_IDLE_TIMEOUT    55000  /* ms */
#define NGX_HTTP_PAYVAND_CONNECTION_AGE  600000    /* ms */
#define NGX_HTTP_PAYVAND_CONNECTION_REQUESTS  100000
#define NGX_HTTP_PAYVAND_SESSION_AGE     600000    /* ms */


struct ngx_http_payvand_peer_s {
    uint32_t                  number;
    uint32_t                  version;
    uint8_t                   pin[PV_KEY_HASH_LEN];
    uint8_t                   old_pin[PV_KEY_HASH_LEN];
    int64_t                   old_until_ms;  /* 0: the old one is not good */
    uint8_t                   address[16];
    in_port_t                 port;

    ngx_sockaddr_t            sockaddr;
    socklen_t                 socklen;
    ngx_str_t                 name;          /* address and port, for logs */
    u_char                    name_text[NGX_SOCKADDR_STRLEN];
    u_char                    tls_name[PV_POLICY_ID_MAX + 1];
    size_t                    tls_name_len;

    ngx_queue_t               idle;          /* link.queue, newest first */
    ngx_uint_t                idle_count;
    ngx_uint_t                calls;         /* that hold this peer */

    ngx_ssl_session_t        *session;
    ngx_msec_t                session_at;

    ngx_http_payvand_peer_t  *next;          /* of the same bucket */

    unsigned                  forbidden:1;   /* its address may not be used */
    unsigned                  retired:1;
};


/* a connection to an endpoint; lives in the connection's pool */

typedef struct {
    ngx_http_payvand_peer_t  *peer;
    ngx_connection_t         *connection;
    ngx_queue_t               queue;         /* peer->idle */
    ngx_queue_t               oldest;        /* worker's, newest first */
    ngx_msec_t                since;         /* idle since */
    time_t                    not_after;     /* of the certificate; 0: unread */
    ngx_http_payvand_call_t  *call;          /* during the handshake */
} ngx_http_payvand_link_t;


ngx_int_t ngx_http_payvand_peer_init(ngx_cycle_t *cycle);
void ngx_http_payvand_peer_exit(void);

/* The peer of a method's endpoint, or NULL: no memory, too many, no name. */
ngx_http_payvand_peer_t *ngx_http_payvand_peer_get(
    const struct pv_method_row *method, ngx_uint_t loopback);
void ngx_http_payvand_peer_release(ngx_http_payvand_peer_t *peer);


/* address.c */

ngx_int_t ngx_http_payvand_address_init(ngx_cycle_t *cycle);
ngx_uint_t ngx_http_payvand_address_is_forbidden(const uint8_t address[16],
    in_port_t port, ngx_uint_t loopback);


/* link.c */

ngx_int_t ngx_http_payvand_link_init(ngx_cycle_t *cycle);

/* Forget an idle connection and close it: the link dies with its pool. */
void ngx_http_payvand_link_close(ngx_http_payvand_link_t *link);

/* A usable idle connection, or NULL. probe: ask the kernel if it was closed */
ngx_connection_t *ngx_http_payvand_peer_take(ngx_http_payvand_peer_t *peer,
    ngx_log_t *log, ngx_uint_t probe);

/* Keep an idle connection. NGX_DECLINED: it stays the caller's, to close. */
ngx_int_t ngx_http_payvand_peer_keep(ngx_http_payvand_peer_t *peer,
    ngx_connection_t *c);

/* Before the handshake: name, pin, and the session of this peer alone. */
ngx_int_t ngx_http_payvand_peer_secure(ngx_http_payvand_peer_t *peer,
    ngx_connection_t *c, ngx_http_payvand_call_t *call);
void ngx_http_payvand_peer_save_session(ngx_http_payvand_peer_t *peer,
    ngx_connection_t *c);

/* Close what was idle too long; true while something is left to sweep. */
ngx_uint_t ngx_http_payvand_peer_sweep(void);


#endif /* _NGX_HTTP_PAYVAND_PEER_H_INCLUDED_ */
