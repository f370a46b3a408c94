/*
 * ngx_http_payvand_peer.c - endpoints of providers in one worker: addresses
 * that may be used, idle connections, TLS sessions, and the proof of identity.
 */

#include "ngx_http_payvand_peer.h"

#include <ifaddrs.h>
#include <openssl/x509v3.h>


#define NGX_HTTP_PAYVAND_BUCKETS      1024
#define NGX_HTTP_PAYVAND_OWN_MAX      64      /* addresses of this machine */
#define NGX_HTTP_PAYVAND_CHAIN_DEPTH  4


static void ngx_http_payvand_peer_retire(ngx_http_payvand_peer_t *peer);
static void ngx_http_payvand_link_close(ngx_http_payvand_link_t *link);
static void ngx_http_payvand_link_dummy_handler(ngx_event_t *ev);
static void ngx_http_payvand_link_read_handler(ngx_event_t *ev);
static void ngx_http_payvand_connection_close(ngx_connection_t *c);
static int ngx_http_payvand_verify(int ok, X509_STORE_CTX *store);


/* the worker's; nothing here is shared */

static ngx_http_payvand_peer_t
    *ngx_http_payvand_peers[NGX_HTTP_PAYVAND_BUCKETS];
static ngx_uint_t  ngx_http_payvand_peer_count;
static ngx_queue_t  ngx_http_payvand_links;      /* idle ones, newest first */
static ngx_uint_t  ngx_http_payvand_link_count;
static int  ngx_http_payvand_ssl_index = -1;
static uint8_t  ngx_http_payvand_own[NGX_HTTP_PAYVAND_OWN_MAX][16];
static ngx_uint_t  ngx_http_payvand_own_count;


static ngx_uint_t
ngx_http_payvand_map_address(struct sockaddr *sa, uint8_t address[16])
{
    struct sockaddr_in   *sin;
    struct sockaddr_in6  *sin6;

    switch (sa->sa_family) {

    case AF_INET:
        sin = (struct sockaddr_in *) sa;
        ngx_memzero(address, 10);
        address[10] = 0xff;
        address[11] = 0xff;
        ngx_memcpy(address + 12, &sin->sin_addr, 4);
        return 1;

    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) sa;
        ngx_memcpy(address, &sin6->sin6_addr, 16);
        return 1;

    default:
        return 0;
    }
}


ngx_int_t
ngx_http_payvand_peer_init(ngx_cycle_t *cycle)
{
    struct ifaddrs  *list, *ifa;

    ngx_memzero(ngx_http_payvand_peers, sizeof(ngx_http_payvand_peers));
    ngx_http_payvand_peer_count = 0;
    ngx_queue_init(&ngx_http_payvand_links);
    ngx_http_payvand_link_count = 0;
    ngx_http_payvand_own_count = 0;

    if (ngx_http_payvand_ssl_index == -1) {
        ngx_http_payvand_ssl_index = SSL_get_ex_new_index(0, NULL, NULL, NULL,
                                                          NULL);
        if (ngx_http_payvand_ssl_index == -1) {
            ngx_ssl_error(NGX_LOG_EMERG, cycle->log, 0,
                          "SSL_get_ex_new_index() failed");
            return NGX_ERROR;
        }
    }

    /* a listening wildcard stands for every address of this machine */

    if (getifaddrs(&list) == -1) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "payvand: getifaddrs() failed");
        return NGX_ERROR;
    }

    for (ifa = list; ifa; ifa = ifa->ifa_next) {

        if (ifa->ifa_addr == NULL
            || ngx_http_payvand_own_count == NGX_HTTP_PAYVAND_OWN_MAX)
        {
            continue;
        }

        if (ngx_http_payvand_map_address(ifa->ifa_addr,
                             ngx_http_payvand_own[ngx_http_payvand_own_count]))
        {
            ngx_http_payvand_own_count++;
        }
    }

    freeifaddrs(list);

    return NGX_OK;
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


/* Is it an address of the exchange itself, at a port it listens on? */

static ngx_uint_t
ngx_http_payvand_is_own(const uint8_t address[16], in_port_t port)
{
    size_t            n;
    uint8_t           bound[16];
    ngx_uint_t        i, k;
    ngx_listening_t  *ls;

    static const uint8_t  any4[16] = { [10] = 0xff, [11] = 0xff };
    static const uint8_t  any6[16];

    ls = ngx_cycle->listening.elts;
    n = sizeof(bound);

    for (i = 0; i < ngx_cycle->listening.nelts; i++) {

        if (!ngx_http_payvand_map_address(ls[i].sockaddr, bound)
            || ngx_inet_get_port(ls[i].sockaddr) != port)
        {
            continue;
        }

        if (ngx_memcmp(bound, address, n) == 0) {
            return 1;
        }

        if (ngx_memcmp(bound, any4, n) != 0 && ngx_memcmp(bound, any6, n) != 0)
        {
            continue;
        }

        /* all of 127.0.0.0/8 is this machine, not only what is configured */

        if (ngx_memcmp(address, any4, 12) == 0 && address[12] == 127) {
            return 1;
        }

        for (k = 0; k < ngx_http_payvand_own_count; k++) {
            if (ngx_memcmp(ngx_http_payvand_own[k], address, n) == 0) {
                return 1;
            }
        }
    }

    return 0;
}


static ngx_uint_t
ngx_http_payvand_is_forbidden(const uint8_t address[16], in_port_t port,
    ngx_uint_t loopback)
{
    const uint8_t  *v4;

    static const uint8_t  mapped[12] = { [10] = 0xff, [11] = 0xff };
    static const uint8_t  zeros[15];

    if (port == 0) {
        return 1;
    }

    if (ngx_memcmp(address, mapped, sizeof(mapped)) == 0) {
        v4 = address + 12;

        if (v4[0] == 127) {
            return !loopback || ngx_http_payvand_is_own(address, port);
        }

        if (v4[0] == 0                              /* this network */
            || (v4[0] == 169 && v4[1] == 254)       /* link-local */
            || v4[0] >= 224)                        /* multicast, reserved */
        {
            return 1;
        }

        return ngx_http_payvand_is_own(address, port);
    }

    if (ngx_memcmp(address, zeros, sizeof(zeros)) == 0) {

        if (address[15] == 1) {
            return !loopback || ngx_http_payvand_is_own(address, port);
        }

        return 1;                                   /* unspecified */
    }

    /* old ways of writing an IPv4 address in IPv6 hide what is checked above */

    if (ngx_memcmp(address, zeros, 12) == 0                  /* compatible */
        || (address[0] == 0x00 && address[1] == 0x64
            && address[2] == 0xff && address[3] == 0x9b)     /* NAT64 */
        || (address[0] == 0x20 && address[1] == 0x02)        /* 6to4 */
        || (address[0] == 0xfe && address[1] >= 0x80)        /* link, site */
        || address[0] == 0xff)                               /* multicast */
    {
        return 1;
    }

    return ngx_http_payvand_is_own(address, port);
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

    peer->forbidden = ngx_http_payvand_is_forbidden(peer->address, peer->port,
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


static void
ngx_http_payvand_link_remove(ngx_http_payvand_link_t *link)
{
    ngx_queue_remove(&link->queue);
    ngx_queue_remove(&link->oldest);
    link->peer->idle_count--;
    ngx_http_payvand_link_count--;
}


/* Forget an idle connection and close it: the link dies with its pool. */

static void
ngx_http_payvand_link_close(ngx_http_payvand_link_t *link)
{
    ngx_http_payvand_link_remove(link);
    ngx_http_payvand_connection_close(link->connection);
}


ngx_connection_t *
ngx_http_payvand_peer_take(ngx_http_payvand_peer_t *peer, ngx_log_t *log,
    ngx_uint_t probe)
{
    char                      byte;
    ngx_connection_t         *c;
    ngx_http_payvand_link_t  *link;

    while (!ngx_queue_empty(&peer->idle)) {
        link = ngx_queue_data(ngx_queue_head(&peer->idle),
                              ngx_http_payvand_link_t, queue);
        c = link->connection;

        if (ngx_time() >= link->not_after
            || (probe && (recv(c->fd, &byte, 1, MSG_PEEK) != -1
                          || ngx_socket_errno != NGX_EAGAIN)))
        {
            ngx_http_payvand_link_close(link);
            continue;
        }

        ngx_http_payvand_link_remove(link);

        c->idle = 0;
        c->sent = 0;
        c->data = NULL;
        c->log = log;
        c->read->log = log;
        c->write->log = log;
        c->pool->log = log;

        return c;
    }

    return NULL;
}


static time_t
ngx_http_payvand_not_after(ngx_connection_t *c)
{
    X509       *cert;
    struct tm   tm;

    cert = SSL_get0_peer_certificate(c->ssl->connection);

    if (cert == NULL
        || ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) != 1)
    {
        return 0;
    }

    return timegm(&tm);
}


ngx_int_t
ngx_http_payvand_peer_keep(ngx_http_payvand_peer_t *peer, ngx_connection_t *c)
{
    ngx_http_payvand_link_t  *link;

    if (c->ssl == NULL || peer->retired) {
        return NGX_DECLINED;
    }

    link = SSL_get_ex_data(c->ssl->connection, ngx_http_payvand_ssl_index);

    if (link == NULL || link->peer != peer || link->connection != c) {
        return NGX_DECLINED;
    }

    /* bytes that nobody asked for would become the next call's answer */

    if (SSL_pending(c->ssl->connection) != 0) {
        return NGX_DECLINED;
    }

    if (c->requests >= NGX_HTTP_PAYVAND_CONNECTION_REQUESTS
        || ngx_current_msec - c->start_time > NGX_HTTP_PAYVAND_CONNECTION_AGE)
    {
        return NGX_DECLINED;
    }

    if (link->not_after == 0) {
        link->not_after = ngx_http_payvand_not_after(c);
    }

    if (ngx_time() >= link->not_after) {
        return NGX_DECLINED;
    }

    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        return NGX_DECLINED;
    }

    if (peer->idle_count >= NGX_HTTP_PAYVAND_IDLE_MAX) {
        ngx_http_payvand_link_close(ngx_queue_data(
                                        ngx_queue_last(&peer->idle),
                                        ngx_http_payvand_link_t, queue));
    }

    if (ngx_http_payvand_link_count >= NGX_HTTP_PAYVAND_IDLE_TOTAL_MAX) {
        ngx_http_payvand_link_close(ngx_queue_data(
                                        ngx_queue_last(&ngx_http_payvand_links),
                                        ngx_http_payvand_link_t, oldest));
    }

    link->call = NULL;
    link->since = ngx_current_msec;

    ngx_queue_insert_head(&peer->idle, &link->queue);
    ngx_queue_insert_head(&ngx_http_payvand_links, &link->oldest);
    peer->idle_count++;
    ngx_http_payvand_link_count++;

    if (c->read->timer_set) {
        ngx_del_timer(c->read);
    }

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

    c->read->delayed = 0;
    c->write->handler = ngx_http_payvand_link_dummy_handler;
    c->read->handler = ngx_http_payvand_link_read_handler;

    c->data = link;
    c->idle = 1;
    c->log = ngx_cycle->log;
    c->read->log = ngx_cycle->log;
    c->write->log = ngx_cycle->log;
    c->pool->log = ngx_cycle->log;

    if (c->read->ready) {
        ngx_http_payvand_link_read_handler(c->read);
    }

    return NGX_OK;
}


static void
ngx_http_payvand_link_dummy_handler(ngx_event_t *ev)
{
    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, ev->log, 0,
                   "payvand idle connection dummy handler");
}


/* The provider closed an idle connection, or spoke unasked: both end it. */

static void
ngx_http_payvand_link_read_handler(ngx_event_t *ev)
{
    char               byte;
    ngx_connection_t  *c;

    c = ev->data;

    if (!c->close
        && recv(c->fd, &byte, 1, MSG_PEEK) == -1
        && ngx_socket_errno == NGX_EAGAIN)
    {
        ev->ready = 0;

        if (ngx_handle_read_event(c->read, 0) == NGX_OK) {
            return;
        }
    }

    ngx_http_payvand_link_close(c->data);
}


static void
ngx_http_payvand_connection_close(ngx_connection_t *c)
{
    if (c->ssl) {
        c->ssl->no_wait_shutdown = 1;
        c->ssl->no_send_shutdown = 1;

        /* neither waits nor sends, so it is done at once */
        (void) ngx_ssl_shutdown(c);
    }

    ngx_destroy_pool(c->pool);
    ngx_close_connection(c);
}


ngx_uint_t
ngx_http_payvand_peer_sweep(void)
{
    ngx_http_payvand_link_t  *link;

    while (!ngx_queue_empty(&ngx_http_payvand_links)) {
        link = ngx_queue_data(ngx_queue_last(&ngx_http_payvand_links),
                              ngx_http_payvand_link_t, oldest);

        if (ngx_current_msec - link->since < NGX_HTTP_PAYVAND_IDLE_TIMEOUT) {
            return 1;
        }

        ngx_http_payvand_link_close(link);
    }

    return 0;
}


/*
 * Runs inside the handshake, once a certificate from the root down: the chain
 * and the name have been checked by OpenSSL (ok), the key of the last one is
 * checked here. A zero ends the handshake, and nothing of the call is sent.
 */

static int
ngx_http_payvand_verify(int ok, X509_STORE_CTX *store)
{
    int                       len;
    X509                     *cert;
    uint8_t                   hash[PV_KEY_HASH_LEN];
    unsigned int              hash_len;
    ngx_uint_t                matches;
    unsigned char            *spki;
    ngx_ssl_conn_t           *ssl;
    ngx_http_payvand_link_t  *link;

    ssl = X509_STORE_CTX_get_ex_data(store,
                                     SSL_get_ex_data_X509_STORE_CTX_idx());
    link = ssl ? SSL_get_ex_data(ssl, ngx_http_payvand_ssl_index) : NULL;

    if (link == NULL) {
        return 0;
    }

    if (!ok) {
        goto refused;
    }

    if (X509_STORE_CTX_get_error_depth(store) != 0) {
        return 1;
    }

    cert = X509_STORE_CTX_get_current_cert(store);
    if (cert == NULL) {
        goto refused;
    }

    spki = NULL;
    len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &spki);
    if (len <= 0) {
        goto refused;
    }

    matches = EVP_Digest(spki, (size_t) len, hash, &hash_len, EVP_sha256(),
                         NULL) == 1
              && hash_len == PV_KEY_HASH_LEN
              && CRYPTO_memcmp(hash, link->peer->pin, PV_KEY_HASH_LEN) == 0;

    OPENSSL_free(spki);

    if (matches) {
        return 1;
    }

    X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);

refused:

    if (link->call && !link->call->identity_refused) {
        link->call->identity_refused = 1;
        ngx_http_payvand_count(NGX_HTTP_PAYVAND_PIN_REFUSED);
    }

    return 0;
}


ngx_int_t
ngx_http_payvand_peer_secure(ngx_http_payvand_peer_t *peer,
    ngx_connection_t *c, ngx_http_payvand_call_t *call)
{
    ngx_ssl_conn_t           *ssl;
    ngx_http_payvand_link_t  *link;

    link = ngx_pcalloc(c->pool, sizeof(ngx_http_payvand_link_t));
    if (link == NULL) {
        return NGX_ERROR;
    }

    link->peer = peer;
    link->connection = c;
    link->call = call;

    ssl = c->ssl->connection;

    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS
                           |X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);

    if (SSL_set_ex_data(ssl, ngx_http_payvand_ssl_index, link) == 0
        || SSL_set_min_proto_version(ssl, TLS1_2_VERSION) == 0
        || SSL_set1_host(ssl, (const char *) peer->tls_name) == 0)
    {
        ngx_ssl_error(NGX_LOG_ALERT, c->log, 0,
                      "payvand: cannot set what a provider must prove");
        return NGX_ERROR;
    }

    ngx_http_payvand_socket_watch(c);

    SSL_set_verify(ssl, SSL_VERIFY_PEER, ngx_http_payvand_verify);
    SSL_set_verify_depth(ssl, NGX_HTTP_PAYVAND_CHAIN_DEPTH);

    if (peer->session
        && ngx_current_msec - peer->session_at > NGX_HTTP_PAYVAND_SESSION_AGE)
    {
        ngx_ssl_free_session(peer->session);
        peer->session = NULL;
    }

    if (peer->session && ngx_ssl_set_session(c, peer->session) != NGX_OK) {
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_http_payvand_peer_save_session(ngx_http_payvand_peer_t *peer,
    ngx_connection_t *c)
{
    ngx_ssl_session_t        *session;
    ngx_http_payvand_link_t  *link;

    link = SSL_get_ex_data(c->ssl->connection, ngx_http_payvand_ssl_index);

    if (peer->retired || link == NULL || link->peer != peer
        || SSL_get_verify_result(c->ssl->connection) != X509_V_OK)
    {
        return;
    }

    session = ngx_ssl_get_session(c);
    if (session == NULL) {
        return;
    }

    if (peer->session) {
        ngx_ssl_free_session(peer->session);
    }

    peer->session = session;
    peer->session_at = ngx_current_msec;
}
