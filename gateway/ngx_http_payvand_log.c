/*
 * ngx_http_payvand_log.c - nothing of a request's content in the error log.
 *
 * nginx writes request lines, Host and Referer into its error log, and quotes
 * header lines, paths and provider bytes in some messages. Two hooks end that:
 *
 *   - connections get our log handler, which adds the tracking id in place of
 *     the request's text, from the moment they are accepted (also for
 *     requests that the parser refuses);
 *   - every error log of http{} gets our writer, which cuts a message at its
 *     first quotation mark: nginx puts all that comes from outside in quotes,
 *     and what follows the first one may be chosen by a stranger.
 *
 * The handler runs just before the writer on the same buffer: where it began
 * to write is where the message ends.
 *
 * nginx puts its own handler back when a kept connection brings its next
 * request. The gate takes it away again; until then, and for a request that
 * never gets so far, nothing behind the first quotation mark is written.
 */

#include "ngx_http_payvand.h"


#define NGX_HTTP_PAYVAND_CUT  "\"...\""


static u_char *ngx_http_payvand_log_error(ngx_log_t *log, u_char *buf,
    size_t len);
static void ngx_http_payvand_log_writer(ngx_log_t *log, ngx_uint_t level,
    u_char *buf, size_t len);
static void ngx_http_payvand_init_connection(ngx_connection_t *c);


/* the message being written: it goes to each error log in turn */

static struct {
    u_char  *end;                    /* our handler wrote from here on */
    u_char  *buf;
    size_t   len;
} ngx_http_payvand_message;


ngx_int_t
ngx_http_payvand_log_init(ngx_conf_t *cf)
{
    ngx_log_t                     *log;
    ngx_uint_t                     i;
    ngx_http_payvand_place_t      *place;
    ngx_http_payvand_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_payvand_module);
    place = mcf->locations->elts;

    for (i = 0; i < mcf->locations->nelts; i++) {
        for (log = place[i].clcf->error_log; log; log = log->next) {

            if (log->writer == ngx_http_payvand_log_writer) {
                continue;
            }

            if (log->writer != NULL) {
                ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                    "payvand: error_log to syslog or memory cannot be kept "
                    "free of request content; log to a file or to stderr");
                return NGX_ERROR;
            }

            log->writer = ngx_http_payvand_log_writer;
        }
    }

    return NGX_OK;
}


/* sockets are open and their handlers set: put ours in front */

ngx_int_t
ngx_http_payvand_log_init_module(ngx_cycle_t *cycle)
{
    ngx_uint_t        i;
    ngx_listening_t  *ls;

    ls = cycle->listening.elts;

    for (i = 0; i < cycle->listening.nelts; i++) {
        if (ls[i].handler == ngx_http_init_connection) {
            ls[i].handler = ngx_http_payvand_init_connection;
        }
    }

    return NGX_OK;
}


void
ngx_http_payvand_log_connection(ngx_connection_t *c)
{
    c->log->handler = ngx_http_payvand_log_error;
}


/*
 * check.c refuses `deferred`, the one case where ngx_http_init_connection()
 * would read (and might close) before it returns. It may close for want of
 * memory: then c->fd is -1.
 */

static void
ngx_http_payvand_init_connection(ngx_connection_t *c)
{
    ngx_http_init_connection(c);

    if (c->fd != (ngx_socket_t) -1) {
        ngx_http_payvand_log_connection(c);
    }
}


static u_char *
ngx_http_payvand_log_error(ngx_log_t *log, u_char *buf, size_t len)
{
    u_char                    *p;
    ngx_http_request_t        *r;
    ngx_http_log_ctx_t        *lctx;
    ngx_http_upstream_t       *u;
    ngx_http_payvand_ctx_t    *ctx;
    ngx_http_core_srv_conf_t  *cscf;

    ngx_http_payvand_message.end = buf;

    p = buf;

    if (log->action) {
        p = ngx_snprintf(buf, len, " while %s", log->action);
        len -= p - buf;
        buf = p;
    }

    lctx = log->data;

    p = ngx_snprintf(buf, len, ", client: %V", &lctx->connection->addr_text);
    len -= p - buf;
    buf = p;

    r = lctx->request;

    if (r == NULL) {
        return ngx_snprintf(buf, len, ", listening: %V",
                            &lctx->connection->listening->addr_text);
    }

    cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);

    p = ngx_snprintf(buf, len, ", server: %V", &cscf->server_name);
    len -= p - buf;
    buf = p;

    u = r->upstream;

    if (u && u->peer.name) {
        p = ngx_snprintf(buf, len, ", provider: %V", u->peer.name);
        len -= p - buf;
        buf = p;
    }

    ctx = r->pool ? ngx_http_payvand_ctx(r) : NULL;

    if (ctx && ctx->id_text[0]) {
        p = ngx_snprintf(buf, len, ", id: %*s", (size_t) PV_TRACKING_ID_LEN,
                         ctx->id_text);
    }

    return p;
}


static void
ngx_http_payvand_log_writer(ngx_log_t *log, ngx_uint_t level, u_char *buf,
    size_t len)
{
    u_char   line[NGX_MAX_ERROR_STR], *p, *end, *quote, *last;
    ssize_t  n;

    last = buf + len;

    if (log->handler == ngx_http_payvand_log_error) {
        end = ngx_http_payvand_message.end;

    } else if (log->handler) {
        end = last - 1;  /* nginx's own handler: all but the line's end */

    } else if (ngx_http_payvand_message.buf == buf
               && ngx_http_payvand_message.len == len)
    {
        end = ngx_http_payvand_message.end;  /* the same, in the next log */

    } else {
        end = NULL;  /* not of a connection */
    }

    ngx_http_payvand_message.end = end;
    ngx_http_payvand_message.buf = buf;
    ngx_http_payvand_message.len = len;

    if (ngx_time() == log->disk_full_time) {
        return;  /* as nginx does: not again within this second */
    }

    if (level != NGX_LOG_DEBUG && end >= buf && end <= last) {

        quote = ngx_strlchr(buf, end, '"');

        if (quote) {
            p = ngx_cpymem(line, buf, quote - buf);
            p = ngx_cpymem(p, NGX_HTTP_PAYVAND_CUT,
                           ngx_min((size_t) (line + sizeof(line) - p),
                                   sizeof(NGX_HTTP_PAYVAND_CUT) - 1));
            p = ngx_cpymem(p, end, ngx_min((size_t) (line + sizeof(line) - p),
                                           (size_t) (last - end)));
            p[-1] = LF;
            buf = line;
            last = p;
        }
    }

    n = ngx_write_fd(log->file->fd, buf, last - buf);

    if (n == -1 && ngx_errno == NGX_ENOSPC) {
        log->disk_full_time = ngx_time();
    }
}
