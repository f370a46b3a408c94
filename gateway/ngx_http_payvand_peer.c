/*
 * ngx_http_payvand_peer.c - the endpoints of providers that one worker knows.
 */

#include "ngx_http_payvand_peer.h"


#define NGX_HTTP_PAYVAND_BUCKETS      1024


static void ngx_http_payvand_peer_retire(ngx_http_payvand_peer_t *peer);


/* the worker's; nothing here is shared */

static ngx_http_payvand_peer_t
    *ngx_http_payvand_peers[NGX_HTTP_PAYVAND_BUCKETS];
static ngx_uint_t  ngx_http_payvand_peer_count;


ngx_int_t
ngx_http_payvand_peer_init(ngx_cycle_t *cycle)
{
    ngx_memzero(ngx_http_payvand_peers, sizeof(ngx_http_payvand_peers));
    ngx_http_payvand_peer_count = 0;

    if (ngx_http_payvand_link_init(cycle) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_payvand_address_init(cycle);
}


void
ngx_http_payvand_peer_exit(void)
{
    ngx_uint_t                i;
    ngx_http_payvand_peer_t  *peer;

    for (i = 0; i < NGX_HTTP_PAYVAND_BUCKETS; i++) {
        while ((peer = ngx_http_payvand_peers[i]) != NULL) {
            ngx_http_payvand_peers[i] = peer->next;
            ngx_http_payvand_peer_retire(peer);
        }
    }
}


/*
 * Until when the key before is good too. Once that has passed it is 0, which is
 * another peer: what was checked against the old key is closed.
 */

static int64_t
ngx_http_payvand_peer_old_until(const struct pv_method_row *method)
{
    ngx_time_t  *now;

    now = ngx_timeofday();

    return (int64_t) now->sec * 1000 + (int64_t) now->msec
           < method->endpoint_old_until_ms ? method->endpoint_old_until_ms : 0;
}


static ngx_uint_t
ngx_http_payvand_peer_is(ngx_http_payvand_peer_t *peer,
    const struct pv_method_row *method)
{
    return peer->version == method->endpoint_version
           && peer->port == method->endpoint_port
           && peer->tls_name_len == method->endpoint_name.len
           && ngx_memcmp(peer->address, method->endpoint_address, 16) == 0
           && ngx_memcmp(peer->pin, method->endpoint_pin, PV_KEY_HASH_LEN) == 0
           && peer->old_until_ms == ngx_http_payvand_peer_old_until(method)
           && ngx_memcmp(peer->old_pin, method->endpoint_old_pin,
                         PV_KEY_HASH_LEN) == 0
           && ngx_memcmp(peer->tls_name, method->endpoint_name.text,
                         peer->tls_name_len) == 0;
}


static ngx_http_payvand_peer_t *
ngx_http_payvand_peer_create(const struct pv_method_row *method,
    ngx_uint_t loopback)
{
    struct sockaddr_in       *sin;
    struct sockaddr_in6      *sin6;
    ngx_http_payvand_peer_t  *peer;

    static const uint8_t  mapped[12] = { [10] = 0xff, [11] = 0xff };

    if (method->endpoint_name.len == 0
        || method->endpoint_name.len > PV_POLICY_ID_MAX)
    {
        return NULL;
    }

    peer = ngx_calloc(sizeof(ngx_http_payvand_peer_t), ngx_cycle->log);
    if (peer == NULL) {
        return NULL;
    }

    peer->number = method->endpoint_number;
    peer->version = method->endpoint_version;
    peer->port = method->endpoint_port;
    ngx_memcpy(peer->address, method->endpoint_address, 16);
    ngx_memcpy(peer->pin, method->endpoint_pin, PV_KEY_HASH_LEN);
    ngx_memcpy(peer->old_pin, method->endpoint_old_pin, PV_KEY_HASH_LEN);
    peer->old_until_ms = ngx_http_payvand_peer_old_until(method);

    peer->tls_name_len = method->endpoint_name.len;
    ngx_memcpy(peer->tls_name, method->endpoint_name.text,
               peer->tls_name_len);

    if (ngx_memcmp(peer->address, mapped, sizeof(mapped)) == 0) {
        sin = &peer->sockaddr.sockaddr_in;
        sin->sin_family = AF_INET;
        sin->sin_port = htons(peer->port);
        ngx_memcpy(&sin->sin_addr, peer->address + 12, 4);
        peer->socklen = sizeof(struct sockaddr_in);

    } else {
        sin6 = &peer->sockaddr.sockaddr_in6;
        sin6->sin6_family = AF_INET6;
        sin6->sin6_port = htons(peer->port);
        ngx_memcpy(&sin6->sin6_addr, peer->address, 16);
        peer->socklen = sizeof(struct sockaddr_in6);
    }

    peer->name.data = peer->name_text;
    peer->name.len = ngx_sock_ntop(&peer->sockaddr.sockaddr, peer->socklen,
                                   peer->name_text, NGX_SOCKADDR_STRLEN, 1);

    ngx_queue_init(&peer->idle);

    peer->forbidden = ngx_http_payvand_address_is_forbidden(peer->address,
                                                            peer->port,
                                                            loopback);

    if (peer->forbidden) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "payvand: endpoint %uD at %V is a forbidden address",
                      peer->number, &peer->name);
    }

    return peer;
}


/* Make room by dropping peers that nobody holds and that have nothing kept. */

static void
ngx_http_payvand_peer_prune(void)
{
    ngx_uint_t                 i;
    ngx_http_payvand_peer_t   *peer, **link;

    for (i = 0; i < NGX_HTTP_PAYVAND_BUCKETS; i++) {

        for (link = &ngx_http_payvand_peers[i]; *link; /* void */ ) {
            peer = *link;

            if (peer->calls == 0 && peer->idle_count == 0) {
                *link = peer->next;
                ngx_http_payvand_peer_retire(peer);
                continue;
            }

            link = &peer->next;
        }
    }
}


ngx_http_payvand_peer_t *
ngx_http_payvand_peer_get(const struct pv_method_row *method,
    ngx_uint_t loopback)
{
    ngx_http_payvand_peer_t   *peer, **bucket, **link;

    bucket = &ngx_http_payvand_peers[method->endpoint_number
                                     % NGX_HTTP_PAYVAND_BUCKETS];

    for (link = bucket; *link; link = &(*link)->next) {
        peer = *link;

        if (peer->number != method->endpoint_number) {
            continue;
        }

        if (ngx_http_payvand_peer_is(peer, method)) {
            peer->calls++;
            return peer;
        }

        *link = peer->next;
        ngx_http_payvand_peer_retire(peer);
        break;
    }

    if (ngx_http_payvand_peer_count >= NGX_HTTP_PAYVAND_PEERS_MAX) {
        ngx_http_payvand_peer_prune();

        if (ngx_http_payvand_peer_count >= NGX_HTTP_PAYVAND_PEERS_MAX) {
            return NULL;
        }
    }

    peer = ngx_http_payvand_peer_create(method, loopback);
    if (peer == NULL) {
        return NULL;
    }

    peer->next = *bucket;
    *bucket = peer;
    ngx_http_payvand_peer_count++;

    peer->calls = 1;

    return peer;
}


void
ngx_http_payvand_peer_release(ngx_http_payvand_peer_t *peer)
{
    if (--peer->calls == 0 && peer->retired) {
        ngx_free(peer);
    }
}


/* It is out of its bucket already. */

static void
ngx_http_payvand_peer_retire(ngx_http_payvand_peer_t *peer)
{
    ngx_http_payvand_link_t  *link;

    ngx_http_payvand_peer_count--;

    while (!ngx_queue_empty(&peer->idle)) {
        link = ngx_queue_data(ngx_queue_head(&peer->idle),
                              ngx_http_payvand_link_t, queue);
        ngx_http_payvand_link_close(link);
    }

    if (peer->session) {
        ngx_ssl_free_session(peer->session);
        peer->session = NULL;
    }

    peer->retired = 1;
    peer->next = NULL;

    if (peer->calls == 0) {
        ngx_free(peer);
    }
}
