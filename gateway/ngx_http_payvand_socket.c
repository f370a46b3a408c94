/*
 * ngx_http_payvand_socket.c - a TLS socket is not asked again when it is empty,
 * and needs no buffer of its own for what goes out at once.
 *
 * nginx reads a TLS connection until its socket says EAGAIN: a system call in
 * vain for each request and for each answer, and a second turn through OpenSSL
 * with a buffer of 16 KiB for it. But a read that gave less than there was room
 * for has emptied the socket, and epoll tells of what comes later, the end of
 * the stream included (EPOLLRDHUP). For plain connections nginx counts on the
 * same.
 *
 * And it gathers what it writes in 16 KiB that each connection allocates for
 * each answer. Here one such buffer, which stays in the processor's cache, is
 * lent to whoever writes; who cannot send all of it gets memory of its own.
 */

#include "ngx_http_payvand.h"

#include <openssl/bio.h>


#define NGX_HTTP_PAYVAND_SEND  16384   /* no more is lent; nginx's own default */


typedef struct {
    ngx_connection_t  *connection;
    void              *owner;
    unsigned           drained:1;   /* nothing was left at the last read */
} ngx_http_payvand_socket_t;


static ssize_t ngx_http_payvand_socket_recv(ngx_connection_t *c, u_char *buf,
    size_t size);
static ngx_int_t ngx_http_payvand_socket_why(ngx_connection_t *c, int n);
static ngx_chain_t *ngx_http_payvand_socket_send(ngx_connection_t *c,
    ngx_chain_t *in, off_t limit);
static int ngx_http_payvand_socket_read(BIO *bio, char *buf, int size);
static long ngx_http_payvand_socket_ctrl(BIO *bio, int cmd, long n, void *p);
static int ngx_http_payvand_socket_destroy(BIO *bio);


static int          ngx_http_payvand_socket_type;
static BIO_METHOD  *ngx_http_payvand_socket_method;
static u_char  ngx_http_payvand_socket_buffer[NGX_HTTP_PAYVAND_SEND];


ngx_int_t
ngx_http_payvand_socket_init(ngx_conf_t *cf)
{
    BIO_METHOD  *method;

    if (ngx_http_payvand_socket_method != NULL) {
        return NGX_OK;
    }

    ngx_http_payvand_socket_type = BIO_get_new_index()|BIO_TYPE_SOURCE_SINK
                                   |BIO_TYPE_DESCRIPTOR;

    method = BIO_meth_new(ngx_http_payvand_socket_type, "payvand socket");

    if (method == NULL
        || BIO_meth_set_read(method, ngx_http_payvand_socket_read) != 1
        || BIO_meth_set_ctrl(method, ngx_http_payvand_socket_ctrl) != 1
        || BIO_meth_set_destroy(method, ngx_http_payvand_socket_destroy) != 1)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "payvand: OpenSSL gives no BIO method");
        return NGX_ERROR;
    }

    ngx_http_payvand_socket_method = method;

    return NGX_OK;
}


void
ngx_http_payvand_socket_watch(ngx_connection_t *c, void *owner)
{
    BIO                        *bio;
    ngx_http_payvand_socket_t  *sock;

    /* without the news of an end, and with records in the kernel, as it was */

    if (!(ngx_event_flags & NGX_USE_EPOLL_EVENT) || !ngx_use_epoll_rdhup
        || BIO_get_ktls_recv(SSL_get_rbio(c->ssl->connection)))
    {
        return;
    }

    sock = ngx_calloc(sizeof(ngx_http_payvand_socket_t), c->log);
    if (sock == NULL) {
        return;
    }

    bio = BIO_new(ngx_http_payvand_socket_method);
    if (bio == NULL) {
        ngx_free(sock);
        return;
    }

    sock->connection = c;
    sock->owner = owner;

    BIO_set_data(bio, sock);
    BIO_set_init(bio, 1);
    SSL_set0_rbio(c->ssl->connection, bio);
}


void
ngx_http_payvand_socket_take_over(ngx_connection_t *c)
{
    BIO  *bio;

    bio = SSL_get_rbio(c->ssl->connection);

    if (BIO_method_type(bio) != ngx_http_payvand_socket_type
        || c->send_chain != ngx_ssl_send_chain || c->buffered)
    {
        return;
    }

    /* what could not be sent at once is tried again from memory of its own */

    SSL_set_mode(c->ssl->connection, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);

    ngx_ssl_free_buffer(c);

    c->recv = ngx_http_payvand_socket_recv;
    c->send_chain = ngx_http_payvand_socket_send;
}


void *
ngx_http_payvand_socket_owner(ngx_connection_t *c)
{
    ngx_http_payvand_socket_t  *sock;

    if (c->ssl == NULL || c->recv != ngx_http_payvand_socket_recv) {
        return NULL;
    }

    sock = BIO_get_data(SSL_get_rbio(c->ssl->connection));

    return sock->owner;
}


/* As ngx_ssl_recv(), without the read that would find nothing. */

static ssize_t
ngx_http_payvand_socket_recv(ngx_connection_t *c, u_char *buf, size_t size)
{
    int                         n;
    size_t                      len;
    ngx_event_t                *rev;
    ngx_ssl_conn_t             *ssl;
    ngx_http_payvand_socket_t  *sock;

    if ((c->ssl->last != NGX_OK && c->ssl->last != NGX_AGAIN)
        || c->ssl->saved_write_handler != NULL)
    {
        return ngx_ssl_recv(c, buf, size);
    }

    rev = c->read;
    ssl = c->ssl->connection;
    sock = BIO_get_data(SSL_get_rbio(ssl));
    len = 0;

    ERR_clear_error();

    do {
        n = SSL_read(ssl, buf + len, (int) (size - len));

        if (n <= 0) {
            c->ssl->last = ngx_http_payvand_socket_why(c, n);

            if (len == 0) {
                return c->ssl->last == NGX_AGAIN ? NGX_AGAIN
                                                 : ngx_ssl_recv(c, buf, size);
            }

            rev->ready = c->ssl->last != NGX_AGAIN;
            return len;
        }

        len += n;

    } while (len < size && (!sock->drained || SSL_has_pending(ssl)));

    c->ssl->last = NGX_OK;

    if (len == size && sock->drained && SSL_has_pending(ssl)) {

        /* epoll knows nothing of what OpenSSL holds */

        if (rev->posted) {
            ngx_delete_posted_event(rev);
        }

        ngx_post_event(rev, &ngx_posted_next_events);
    }

    return len;
}


/* What nginx calls a read that gave nothing; NGX_OK: it must see for itself. */

static ngx_int_t
ngx_http_payvand_socket_why(ngx_connection_t *c, int n)
{
    switch (SSL_get_error(c->ssl->connection, n)) {

    case SSL_ERROR_WANT_READ:
        c->read->ready = 0;
        return NGX_AGAIN;

    case SSL_ERROR_WANT_WRITE:
        return NGX_OK;

    default:
        break;
    }

    c->ssl->no_wait_shutdown = 1;
    c->ssl->no_send_shutdown = 1;

    if (ERR_peek_error() == 0) {
        return NGX_DONE;
    }

    ngx_ssl_error(c->log_error == NGX_ERROR_ERR ? NGX_LOG_ERR : NGX_LOG_INFO,
                  c->log, 0, "SSL_read() failed");

    return NGX_ERROR;
}


static ngx_chain_t *
ngx_http_payvand_socket_send(ngx_connection_t *c, ngx_chain_t *in, off_t limit)
{
    size_t        len;
    u_char       *own;
    ngx_buf_t    *buf;
    ngx_chain_t  *rest;

    buf = c->ssl->buf;

    if (c->ssl->buffer_size > NGX_HTTP_PAYVAND_SEND
        || (buf != NULL && buf->start != NULL))
    {
        return ngx_ssl_send_chain(c, in, limit);
    }

    if (buf == NULL) {
        buf = ngx_calloc_buf(c->pool);
        if (buf == NULL) {
            return NGX_CHAIN_ERROR;
        }

        buf->temporary = 1;
        c->ssl->buf = buf;
    }

    buf->start = ngx_http_payvand_socket_buffer;
    buf->end = buf->start + c->ssl->buffer_size;
    buf->pos = buf->start;
    buf->last = buf->start;

    rest = ngx_ssl_send_chain(c, in, limit);

    len = buf->last - buf->pos;
    buf->start = NULL;

    if (len == 0 || rest == NGX_CHAIN_ERROR) {
        return rest;
    }

    own = ngx_palloc(c->pool, c->ssl->buffer_size);
    if (own == NULL) {
        return NGX_CHAIN_ERROR;
    }

    buf->last = ngx_cpymem(own, buf->pos, len);
    buf->start = own;
    buf->pos = own;
    buf->end = own + c->ssl->buffer_size;

    return rest;
}


static int
ngx_http_payvand_socket_read(BIO *bio, char *buf, int size)
{
    ssize_t                     n;
    ngx_event_t                *rev;
    ngx_http_payvand_socket_t  *sock;

    sock = BIO_get_data(bio);
    rev = sock->connection->read;

    BIO_clear_retry_flags(bio);

    if (sock->drained && !rev->ready) {
        BIO_set_retry_read(bio);
        return -1;
    }

    ngx_set_socket_errno(0);

    n = recv(sock->connection->fd, buf, (size_t) size, 0);

    sock->drained = n > 0 && n < size && !rev->pending_eof;

    if (sock->drained) {
        rev->ready = 0;

    } else if (n == 0) {
        BIO_set_flags(bio, BIO_FLAGS_IN_EOF);

    } else if (n == -1 && BIO_sock_should_retry(-1)) {
        BIO_set_retry_read(bio);
    }

    return (int) n;
}


static long
ngx_http_payvand_socket_ctrl(BIO *bio, int cmd, long n, void *p)
{
    ngx_http_payvand_socket_t  *sock;

    switch (cmd) {

    case BIO_CTRL_EOF:
        return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;

    case BIO_C_GET_FD:
        sock = BIO_get_data(bio);

        if (p != NULL) {
            *(int *) p = sock->connection->fd;
        }

        return sock->connection->fd;

    default:
        return 0;
    }
}


/* the descriptor is nginx's, and the other BIO's */

static int
ngx_http_payvand_socket_destroy(BIO *bio)
{
    ngx_free(BIO_get_data(bio));

    return 1;
}
