/*
 * ngx_http_payvand_socket.c - a TLS socket is not asked again when it is empty.
 *
 * nginx reads a TLS connection until its socket says EAGAIN: a system call in
 * vain for each request and for each answer. But a read that gave less than
 * there was room for has emptied the socket, and epoll tells of what comes
 * later, the end of the stream included (EPOLLRDHUP). For plain connections
 * nginx counts on the same.
 */

#include "ngx_http_payvand.h"

#include <openssl/bio.h>


typedef struct {
    ngx_connection_t  *connection;
    unsigned           drained:1;   /* nothing was left at the last read */
} ngx_http_payvand_socket_t;


static int ngx_http_payvand_socket_read(BIO *bio, char *buf, int size);
static long ngx_http_payvand_socket_ctrl(BIO *bio, int cmd, long n, void *p);
static int ngx_http_payvand_socket_destroy(BIO *bio);


static BIO_METHOD  *ngx_http_payvand_socket_method;


ngx_int_t
ngx_http_payvand_socket_init(ngx_conf_t *cf)
{
    BIO_METHOD  *method;

    if (ngx_http_payvand_socket_method != NULL) {
        return NGX_OK;
    }

    method = BIO_meth_new(BIO_get_new_index()|BIO_TYPE_SOURCE_SINK
                          |BIO_TYPE_DESCRIPTOR, "payvand socket");

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
ngx_http_payvand_socket_watch(ngx_connection_t *c)
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

    BIO_set_data(bio, sock);
    BIO_set_init(bio, 1);
    SSL_set0_rbio(c->ssl->connection, bio);
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
