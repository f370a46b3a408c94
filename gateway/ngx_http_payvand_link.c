/*
 * ngx_http_payvand_link.c - connections to endpoints in one worker: those that
 * are idle, what a provider must prove in the handshake, TLS sessions.
 */

#include "ngx_http_payvand_peer.h"

#include <openssl/x509v3.h>


#define NGX_HTTP_PAYVAND_CHAIN_DEPTH  4


static void ngx_http_payvand_link_dummy_handler(ngx_event_t *ev);
static void ngx_http_payvand_link_read_handler(ngx_event_t *ev);
static void ngx_http_payvand_connection_close(ngx_connection_t *c);
static int ngx_http_payvand_verify(int ok, X509_STORE_CTX *store);


/* the worker's; nothing here is shared */

static ngx_queue_t  ngx_http_payvand_links;      /* idle ones, newest first */
static ngx_uint_t  ngx_http_payvand_link_count;
static int  ngx_http_payvand_ssl_index = -1;


ngx_int_t
ngx_http_payvand_link_init(ngx_cycle_t *cycle)
{
    ngx_queue_init(&ngx_http_payvand_links);
    ngx_http_payvand_link_count = 0;

    if (ngx_http_payvand_ssl_index == -1) {
        ngx_http_payvand_ssl_index = SSL_get_ex_new_index(0, NULL, NULL, NULL,
                                                          NULL);
        if (ngx_http_payvand_ssl_index == -1) {
            ngx_ssl_error(NGX_LOG_EMERG, cycle->log, 0,
                          "SSL_get_ex_new_index() failed");
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static void
ngx_http_payvand_link_remove(ngx_http_payvand_link_t *link)
{
    ngx_queue_remove(&link->queue);
    ngx_queue_remove(&link->oldest);
    link->peer->idle_count--;
    ngx_http_payvand_link_count--;
}


void
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

    link = ngx_http_payvand_socket_owner(c);

    if (link == NULL) {
        link = SSL_get_ex_data(c->ssl->connection, ngx_http_payvand_ssl_index);
    }

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

    ngx_http_payvand_socket_take_over(c);

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
              && (CRYPTO_memcmp(hash, link->peer->pin, PV_KEY_HASH_LEN) == 0
                  || (link->peer->old_until_ms != 0
                      && CRYPTO_memcmp(hash, link->peer->old_pin,
                                       PV_KEY_HASH_LEN)
                         == 0));

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

    ngx_http_payvand_socket_watch(c, link);

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
