/*
 * ngx_http_payvand_line.c - the socket to payvand-traced: connecting, saying
 * who this worker is, losing it and finding it again, and waiting for it
 * outside nginx's loop.
 */

#include "ngx_http_payvand_line.h"
#include "ngx_http_payvand_shared.h"

#include <poll.h>
#include <sys/random.h>


#define NGX_HTTP_PAYVAND_RECONNECT  100       /* ms */
#define NGX_HTTP_PAYVAND_SNDBUF     (512 * 1024)
#define NGX_HTTP_PAYVAND_HELLO      25        /* bytes before the node id */
#define NGX_HTTP_PAYVAND_POLL       20        /* ms; outside the loop only */


static void ngx_http_payvand_line_connect(void);
static ngx_int_t ngx_http_payvand_line_hello(void);
static void ngx_http_payvand_line_reconnect(ngx_event_t *ev);


ngx_http_payvand_line_t  ngx_http_payvand_line;

static ngx_http_payvand_line_t *const  line = &ngx_http_payvand_line;


ngx_int_t
ngx_http_payvand_line_init(ngx_cycle_t *cycle,
    ngx_http_payvand_main_conf_t *mcf)
{
    ngx_memzero(line, sizeof(ngx_http_payvand_line_t));

    ngx_queue_init(&line->frames);
    ngx_queue_init(&line->spare);

    line->path = mcf->journal;
    line->node = mcf->node;
    line->timeout = mcf->journal_timeout;
    line->down_since = ngx_current_msec;

    line->dumb.fd = (ngx_socket_t) -1;

    line->flush.handler = ngx_http_payvand_line_flush;
    line->flush.data = &line->dumb;
    line->flush.log = cycle->log;

    line->reconnect.handler = ngx_http_payvand_line_reconnect;
    line->reconnect.data = &line->dumb;
    line->reconnect.log = cycle->log;
    line->reconnect.cancelable = 1;

    while (line->epoch == 0) {
        if (getrandom(&line->epoch, sizeof(line->epoch), 0)
            != (ssize_t) sizeof(line->epoch))
        {
            ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                          "payvand: no random bytes");
            return NGX_ERROR;
        }
    }

    ngx_http_payvand_line_connect();

    return NGX_OK;
}


static void
ngx_http_payvand_line_connect(void)
{
    int                  fd, size;
    ngx_event_t         *rev, *wev;
    ngx_connection_t    *c;
    struct sockaddr_un   sun;

    if (!ngx_http_payvand_quota_counted() && ngx_http_payvand_policy() == NULL)
    {
        /* without an image there are no calls, nor places for today's counts */
        ngx_add_timer(&line->reconnect, NGX_HTTP_PAYVAND_RECONNECT);
        return;
    }

    if (ngx_http_payvand_check_socket(&line->path,
                                      line->complained ? NULL : ngx_cycle->log)
        == NGX_ERROR)
    {
        line->complained = 1;
        ngx_add_timer(&line->reconnect, NGX_HTTP_PAYVAND_RECONNECT);
        return;
    }

    fd = socket(AF_UNIX, SOCK_SEQPACKET|SOCK_NONBLOCK|SOCK_CLOEXEC, 0);

    if (fd == -1) {
        ngx_http_payvand_line_lost("socket() failed", ngx_errno);
        return;
    }

    /* more than one frame under way; the kernel's limit may cut it */

    size = NGX_HTTP_PAYVAND_SNDBUF;
    (void) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(int));

    ngx_memzero(&sun, sizeof(struct sockaddr_un));
    sun.sun_family = AF_UNIX;
    ngx_memcpy(sun.sun_path, line->path.data, line->path.len);

    if (connect(fd, (struct sockaddr *) &sun, sizeof(struct sockaddr_un))
        == -1)
    {
        ngx_err_t  err = ngx_errno;

        (void) close(fd);  /* nothing was said on it */
        ngx_http_payvand_line_lost("connect() failed", err);
        return;
    }

    c = ngx_get_connection(fd, ngx_cycle->log);

    if (c == NULL) {
        (void) close(fd);  /* as above */
        ngx_http_payvand_line_lost("no free connection", 0);
        return;
    }

    rev = c->read;
    wev = c->write;

    c->data = line;
    c->log = ngx_cycle->log;
    rev->log = c->log;
    wev->log = c->log;
    rev->handler = ngx_http_payvand_line_read;
    wev->handler = ngx_http_payvand_line_write;
    wev->ready = 1;
    c->number = ngx_atomic_fetch_add(ngx_connection_counter, 1);

    line->connection = c;
    line->state = NGX_HTTP_PAYVAND_LINE_HELLO;

    if (ngx_add_conn(c) != NGX_OK) {
        ngx_http_payvand_line_lost("epoll failed", 0);
        return;
    }

    if (ngx_http_payvand_line_hello() != NGX_OK) {
        ngx_http_payvand_line_lost("hello failed", ngx_errno);
    }
}


static ngx_int_t
ngx_http_payvand_line_hello(void)
{
    u_char    hello[NGX_HTTP_PAYVAND_HELLO + 255];
    size_t    len;
    uint16_t  count;

    line->counting = ngx_http_payvand_quota_claim() ? 1 : 0;
    count = line->counting;

    ngx_http_payvand_put_head(hello, PV_WIRE_HELLO, count);
    pv_store_u32(hello + 8, PV_WIRE_VERSION);
    pv_store_u32(hello + 12, (uint32_t) ngx_pid);
    pv_store_u64(hello + 16, line->epoch);
    hello[24] = (u_char) line->node.len;
    ngx_memcpy(hello + NGX_HTTP_PAYVAND_HELLO, line->node.data, line->node.len);
    len = NGX_HTTP_PAYVAND_HELLO + line->node.len;

    if (send(line->connection->fd, hello, len, MSG_NOSIGNAL) != (ssize_t) len) {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* the connection ends; frames stay, and are sent again on the next one */

void
ngx_http_payvand_line_lost(const char *why, ngx_err_t err)
{
    ngx_queue_t               *q;
    ngx_http_payvand_frame_t  *frame;

    if (line->state != NGX_HTTP_PAYVAND_LINE_DOWN
        && line->state != NGX_HTTP_PAYVAND_LINE_HELLO)
    {
        line->down_since = ngx_current_msec;
        ngx_http_payvand_count(NGX_HTTP_PAYVAND_JOURNAL_RECONNECTS);
        line->complained = 0;
    }

    if (!line->complained) {
        line->complained = 1;
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, err,
                      "payvand.journal_lost %s; retrying", why);
    }

    if (line->counting) {
        line->counting = 0;
        ngx_http_payvand_quota_claimed(0);
    }

    line->state = NGX_HTTP_PAYVAND_LINE_DOWN;
    line->underway = 0;

    for (q = ngx_queue_head(&line->frames);
         q != ngx_queue_sentinel(&line->frames);
         q = ngx_queue_next(q))
    {
        frame = ngx_queue_data(q, ngx_http_payvand_frame_t, queue);
        frame->sent = 0;
    }

    if (line->connection) {
        ngx_close_connection(line->connection);
        line->connection = NULL;
    }

    if (!line->reconnect.timer_set) {
        ngx_add_timer(&line->reconnect, NGX_HTTP_PAYVAND_RECONNECT);
    }
}


static void
ngx_http_payvand_line_reconnect(ngx_event_t *ev)
{
    if (line->connection == NULL) {
        ngx_http_payvand_line_connect();
    }
}


ngx_uint_t
ngx_http_payvand_line_is_down(void)
{
    return line->stalled
           || (line->state != NGX_HTTP_PAYVAND_LINE_UP
               && ngx_current_msec - line->down_since > line->timeout);
}


/*
 * traced is there and says nothing: until it does, calls are refused at once
 * instead of each after its wait, and no frames pile up.
 */

void
ngx_http_payvand_line_stalled(void)
{
    if (!line->stalled && line->state == NGX_HTTP_PAYVAND_LINE_UP) {
        line->stalled = 1;
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "payvand.journal_stalled refusing calls until it "
                      "answers");
    }
}


ngx_uint_t
ngx_http_payvand_line_low_space(void)
{
    return (line->flags & PV_WIRE_LOW_SPACE) != 0;
}


const char *
ngx_http_payvand_journal_state(void)
{
    if (line->state != NGX_HTTP_PAYVAND_LINE_UP) {
        return "down";
    }

    if (line->stalled) {
        return "stalled";
    }

    return ngx_http_payvand_line_low_space() ? "low_space" : "up";
}


/* one turn of the line outside nginx's loop: at a worker's start and end */

static void
ngx_http_payvand_line_turn(void)
{
    struct pollfd  pfd;

    if (line->connection == NULL) {
        ngx_msleep(NGX_HTTP_PAYVAND_POLL);
        ngx_time_update();

        if (line->reconnect.timer_set) {
            ngx_del_timer(&line->reconnect);
        }

        ngx_http_payvand_line_connect();
        return;
    }

    pfd.fd = line->connection->fd;
    pfd.events = POLLIN;

    (void) poll(&pfd, 1, NGX_HTTP_PAYVAND_POLL);  /* any result: have a look */

    ngx_time_update();
    ngx_http_payvand_line_read(line->connection->read);
}


void
ngx_http_payvand_line_wait(ngx_msec_t limit)
{
    ngx_msec_t  start;

    start = ngx_current_msec;

    while ((line->state != NGX_HTTP_PAYVAND_LINE_UP
            || !ngx_http_payvand_quota_counted())
           && !ngx_quit && !ngx_terminate
           && ngx_current_msec - start < limit)
    {
        ngx_http_payvand_line_turn();
    }
}


void
ngx_http_payvand_line_drain(ngx_msec_t limit)
{
    ngx_msec_t  start;

    start = ngx_current_msec;

    for ( ;; ) {
        ngx_http_payvand_line_send();

        if (ngx_queue_empty(&line->frames)
            && line->filling == NULL
            && !ngx_http_payvand_journal_pending())
        {
            return;
        }

        if (ngx_current_msec - start >= limit) {
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                          "payvand.journal_not_drained");
            return;
        }

        ngx_http_payvand_line_turn();
    }
}


void
ngx_http_payvand_line_close(void)
{
    if (line->reconnect.timer_set) {
        ngx_del_timer(&line->reconnect);
    }

    if (line->connection) {
        ngx_close_connection(line->connection);
        line->connection = NULL;
    }

    line->state = NGX_HTTP_PAYVAND_LINE_DOWN;
}
