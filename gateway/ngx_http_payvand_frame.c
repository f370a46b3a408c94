/*
 * ngx_http_payvand_frame.c - the line to payvand-traced: frames, the socket,
 * acknowledgements, and sending again.
 *
 * Records are written in place into the frame being filled; one posted event
 * at the end of the loop's iteration closes it and sends it. No more than
 * NGX_HTTP_PAYVAND_UNDERWAY frames are under way: while traced is busy with a
 * commit, later records gather in the next frame instead of in more packets
 * (with one: 14 calls a frame at 32 connections, with two: 9).
 * A frame is kept until it is acknowledged or refused; on a new connection all
 * that are kept are sent again and traced drops doubles by (epoch, sequence).
 */

#include "ngx_http_payvand_journal.h"
#include "ngx_http_payvand_shared.h"

#include "base/num.h"

#include <poll.h>
#include <sys/random.h>


#define NGX_HTTP_PAYVAND_UNDERWAY   1
#define NGX_HTTP_PAYVAND_TURNS      8       /* of the loop, a frame is kept open */
#define NGX_HTTP_PAYVAND_FRAMES     128       /* in all; 8 MiB */
#define NGX_HTTP_PAYVAND_RECONNECT  100       /* ms */
#define NGX_HTTP_PAYVAND_SNDBUF     (512 * 1024)
#define NGX_HTTP_PAYVAND_HELLO      25        /* bytes before the node id */
#define NGX_HTTP_PAYVAND_POLL       20        /* ms; outside the loop only */


typedef enum {
    NGX_HTTP_PAYVAND_LINE_DOWN = 0,
    NGX_HTTP_PAYVAND_LINE_HELLO,              /* said, not answered */
    NGX_HTTP_PAYVAND_LINE_UP
} ngx_http_payvand_line_e;


typedef struct {
    ngx_connection_t           *connection;
    ngx_http_payvand_line_e     state;
    ngx_msec_t                  down_since;
    ngx_msec_t                  timeout;
    uint64_t                    epoch;
    uint64_t                    sequence;     /* of the last closed frame */
    uint32_t                    flags;        /* as traced said last */
    ngx_uint_t                  underway;
    ngx_uint_t                  frames_made;
    ngx_queue_t                 frames;       /* closed, by sequence */
    ngx_queue_t                 spare;
    ngx_http_payvand_frame_t   *filling;
    ngx_event_t                 flush;        /* posted */
    uint32_t                    seen;         /* records at the last turn */
    ngx_uint_t                  turns;        /* the frame was kept open */
    ngx_event_t                 reconnect;    /* timer */
    ngx_connection_t            dumb;         /* what timers' logs want */
    ngx_str_t                   path;
    ngx_str_t                   node;
    unsigned                    counting:1;   /* COUNTS were asked for */
    unsigned                    stalled:1;    /* no ack within the timeout */
    unsigned                    complained:1;
    u_char                      in[PV_WIRE_PACKET_MAX];
} ngx_http_payvand_line_t;


static void ngx_http_payvand_line_connect(void);
static ngx_int_t ngx_http_payvand_line_hello(void);
static void ngx_http_payvand_line_lost(const char *why, ngx_err_t err);
static void ngx_http_payvand_line_read(ngx_event_t *rev);
static void ngx_http_payvand_line_write(ngx_event_t *wev);
static void ngx_http_payvand_line_flush(ngx_event_t *ev);
static void ngx_http_payvand_line_reconnect(ngx_event_t *ev);
static ngx_int_t ngx_http_payvand_line_message(size_t len);
static ngx_int_t ngx_http_payvand_line_up(size_t len);
static ngx_int_t ngx_http_payvand_line_counts(size_t len, uint32_t count);
static ngx_int_t ngx_http_payvand_line_ack(size_t len, uint32_t count);
static ngx_int_t ngx_http_payvand_line_used(size_t len);
static ngx_int_t ngx_http_payvand_line_refused(size_t len);
static void ngx_http_payvand_line_free(ngx_http_payvand_frame_t *frame);
static void ngx_http_payvand_line_send(void);


static ngx_http_payvand_line_t  line;


static ngx_inline void
ngx_http_payvand_put_head(u_char *p, uint16_t type, uint16_t count)
{
    pv_store_u32(p, PV_WIRE_MAGIC);
    ngx_memcpy(p + 4, &type, 2);
    ngx_memcpy(p + 6, &count, 2);
}


ngx_int_t
ngx_http_payvand_line_init(ngx_cycle_t *cycle,
    ngx_http_payvand_main_conf_t *mcf)
{
    ngx_memzero(&line, sizeof(ngx_http_payvand_line_t));

    ngx_queue_init(&line.frames);
    ngx_queue_init(&line.spare);

    line.path = mcf->journal;
    line.node = mcf->node;
    line.timeout = mcf->journal_timeout;
    line.down_since = ngx_current_msec;

    line.dumb.fd = (ngx_socket_t) -1;

    line.flush.handler = ngx_http_payvand_line_flush;
    line.flush.data = &line.dumb;
    line.flush.log = cycle->log;

    line.reconnect.handler = ngx_http_payvand_line_reconnect;
    line.reconnect.data = &line.dumb;
    line.reconnect.log = cycle->log;
    line.reconnect.cancelable = 1;

    while (line.epoch == 0) {
        if (getrandom(&line.epoch, sizeof(line.epoch), 0)
            != (ssize_t) sizeof(line.epoch))
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
        ngx_add_timer(&line.reconnect, NGX_HTTP_PAYVAND_RECONNECT);
        return;
    }

    if (ngx_http_payvand_check_socket(&line.path,
                                      line.complained ? NULL : ngx_cycle->log)
        == NGX_ERROR)
    {
        line.complained = 1;
        ngx_add_timer(&line.reconnect, NGX_HTTP_PAYVAND_RECONNECT);
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
    ngx_memcpy(sun.sun_path, line.path.data, line.path.len);

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

    c->data = &line;
    c->log = ngx_cycle->log;
    rev->log = c->log;
    wev->log = c->log;
    rev->handler = ngx_http_payvand_line_read;
    wev->handler = ngx_http_payvand_line_write;
    wev->ready = 1;
    c->number = ngx_atomic_fetch_add(ngx_connection_counter, 1);

    line.connection = c;
    line.state = NGX_HTTP_PAYVAND_LINE_HELLO;

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

    line.counting = ngx_http_payvand_quota_claim() ? 1 : 0;
    count = line.counting;

    ngx_http_payvand_put_head(hello, PV_WIRE_HELLO, count);
    pv_store_u32(hello + 8, PV_WIRE_VERSION);
    pv_store_u32(hello + 12, (uint32_t) ngx_pid);
    pv_store_u64(hello + 16, line.epoch);
    hello[24] = (u_char) line.node.len;
    ngx_memcpy(hello + NGX_HTTP_PAYVAND_HELLO, line.node.data, line.node.len);
    len = NGX_HTTP_PAYVAND_HELLO + line.node.len;

    if (send(line.connection->fd, hello, len, MSG_NOSIGNAL) != (ssize_t) len) {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* the connection ends; frames stay, and are sent again on the next one */

static void
ngx_http_payvand_line_lost(const char *why, ngx_err_t err)
{
    ngx_queue_t               *q;
    ngx_http_payvand_frame_t  *frame;

    if (line.state != NGX_HTTP_PAYVAND_LINE_DOWN
        && line.state != NGX_HTTP_PAYVAND_LINE_HELLO)
    {
        line.down_since = ngx_current_msec;
        ngx_http_payvand_count(NGX_HTTP_PAYVAND_JOURNAL_RECONNECTS);
        line.complained = 0;
    }

    if (!line.complained) {
        line.complained = 1;
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, err,
                      "payvand.journal_lost %s; retrying", why);
    }

    if (line.counting) {
        line.counting = 0;
        ngx_http_payvand_quota_claimed(0);
    }

    line.state = NGX_HTTP_PAYVAND_LINE_DOWN;
    line.underway = 0;

    for (q = ngx_queue_head(&line.frames);
         q != ngx_queue_sentinel(&line.frames);
         q = ngx_queue_next(q))
    {
        frame = ngx_queue_data(q, ngx_http_payvand_frame_t, queue);
        frame->sent = 0;
    }

    if (line.connection) {
        ngx_close_connection(line.connection);
        line.connection = NULL;
    }

    if (!line.reconnect.timer_set) {
        ngx_add_timer(&line.reconnect, NGX_HTTP_PAYVAND_RECONNECT);
    }
}


static void
ngx_http_payvand_line_reconnect(ngx_event_t *ev)
{
    if (line.connection == NULL) {
        ngx_http_payvand_line_connect();
    }
}


static void
ngx_http_payvand_line_read(ngx_event_t *rev)
{
    ssize_t            n;
    ngx_connection_t  *c;

    c = line.connection;

    while (c != NULL && c == line.connection) {

        n = recv(c->fd, line.in, sizeof(line.in), MSG_TRUNC);

        if (n == -1) {
            if (ngx_errno == NGX_EINTR) {
                continue;
            }

            if (ngx_errno == NGX_EAGAIN) {
                rev->ready = 0;
                break;
            }

            ngx_http_payvand_line_lost("recv() failed", ngx_errno);
            return;
        }

        if (n == 0) {
            ngx_http_payvand_line_lost("traced is gone", 0);
            return;
        }

        if ((size_t) n > sizeof(line.in)
            || ngx_http_payvand_line_message((size_t) n) != NGX_OK)
        {
            ngx_http_payvand_line_lost("traced broke the protocol", 0);
            return;
        }
    }

    if (c != NULL && ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_http_payvand_line_lost("epoll failed", 0);
        return;
    }

    ngx_http_payvand_line_flush(&line.flush);
}


static ngx_int_t
ngx_http_payvand_line_message(size_t len)
{
    uint16_t  type, count;

    if (len < PV_WIRE_HEAD_LEN || pv_load_u32(line.in) != PV_WIRE_MAGIC) {
        return NGX_ERROR;
    }

    ngx_memcpy(&type, line.in + 4, 2);
    ngx_memcpy(&count, line.in + 6, 2);

    if (line.state == NGX_HTTP_PAYVAND_LINE_HELLO) {

        if (type == PV_WIRE_COUNTS && line.counting) {
            return ngx_http_payvand_line_counts(len, count);
        }

        return type == PV_WIRE_HELLO_OK ? ngx_http_payvand_line_up(len)
                                        : NGX_ERROR;
    }

    if (type == PV_WIRE_ACK) {
        return ngx_http_payvand_line_ack(len, count);
    }

    if (type == PV_WIRE_USED) {
        return ngx_http_payvand_line_used(len);
    }

    return type == PV_WIRE_REFUSED ? ngx_http_payvand_line_refused(len)
                                   : NGX_ERROR;
}


static ngx_int_t
ngx_http_payvand_line_up(size_t len)
{
    if (len < 24) {
        return NGX_ERROR;
    }

    if (line.counting) {
        line.counting = 0;
        ngx_http_payvand_quota_claimed(1);
    }

    line.flags = pv_load_u32(line.in + 16);
    line.state = NGX_HTTP_PAYVAND_LINE_UP;
    line.stalled = 0;

    if (line.complained) {
        line.complained = 0;
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "payvand.journal_found");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_payvand_line_counts(size_t len, uint32_t count)
{
    u_char           *p, *end;
    int64_t           day;
    uint32_t          calls;
    struct pv_slice   grant, system, path;

    if (len < PV_WIRE_HEAD_LEN + 8) {
        return NGX_ERROR;
    }

    day = (int64_t) pv_load_u64(line.in + 8);
    p = line.in + 16;
    end = line.in + len;

    while (count--) {
        if (end - p < 7 || end - p - 7 < (ssize_t) (p[4] + p[5] + p[6])) {
            return NGX_ERROR;
        }

        calls = pv_load_u32(p);
        grant = (struct pv_slice) { (char *) p + 7, p[4] };
        system = (struct pv_slice) { (char *) p + 7 + p[4], p[5] };

        path = (struct pv_slice) { (char *) p + 7 + p[4] + p[5], p[6] };

        if (ngx_http_payvand_quota_recount(grant, system, path, calls, day)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        p += 7 + p[4] + p[5] + p[6];
    }

    return p == end ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_payvand_line_ack(size_t len, uint32_t count)
{
    u_char                    *p;
    uint64_t                   sequence;
    ngx_http_payvand_frame_t  *frame;

    if (len != 16 + (size_t) count * 16) {
        return NGX_ERROR;
    }

    line.flags = pv_load_u32(line.in + 8);
    line.stalled = 0;

    for (p = line.in + 16; count--; p += 16) {

        sequence = pv_load_u64(p);

        if (ngx_queue_empty(&line.frames)) {
            return NGX_ERROR;
        }

        frame = ngx_queue_data(ngx_queue_head(&line.frames),
                               ngx_http_payvand_frame_t, queue);

        if (sequence != frame->sequence || !frame->sent) {
            return NGX_ERROR;  /* each in its order: its index is needed */
        }

        ngx_queue_remove(&frame->queue);
        line.underway--;

        ngx_http_payvand_journal_acknowledged(frame, pv_load_u64(p + 8));
        ngx_http_payvand_line_free(frame);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_payvand_line_used(size_t len)
{
    uint64_t                   sequence;
    ngx_queue_t               *q;
    ngx_http_payvand_frame_t  *frame;

    if (len != 24) {
        return NGX_ERROR;
    }

    sequence = pv_load_u64(line.in + 8);

    for (q = ngx_queue_head(&line.frames);
         q != ngx_queue_sentinel(&line.frames);
         q = ngx_queue_next(q))
    {
        frame = ngx_queue_data(q, ngx_http_payvand_frame_t, queue);

        if (frame->sequence == sequence && frame->sent) {
            ngx_http_payvand_journal_used(frame, pv_load_u32(line.in + 16),
                                          pv_load_u32(line.in + 20));
            return NGX_OK;
        }
    }

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_payvand_line_refused(size_t len)
{
    uint32_t                   why;
    uint64_t                   sequence;
    ngx_queue_t               *q;
    ngx_http_payvand_frame_t  *frame;

    if (len < 20) {
        return NGX_ERROR;
    }

    sequence = pv_load_u64(line.in + 8);
    why = pv_load_u32(line.in + 16);

    for (q = ngx_queue_head(&line.frames);
         q != ngx_queue_sentinel(&line.frames);
         q = ngx_queue_next(q))
    {
        frame = ngx_queue_data(q, ngx_http_payvand_frame_t, queue);

        if (frame->sequence == sequence && frame->sent) {
            ngx_queue_remove(&frame->queue);
            line.underway--;
            line.stalled = 0;  /* it speaks again; the next frame shows more */

            ngx_http_payvand_count(NGX_HTTP_PAYVAND_JOURNAL_REFUSED);
            ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, 0,
                          "payvand.journal_refused records=%uD why=%uD",
                          frame->count, why);

            ngx_http_payvand_journal_frame_refused(frame, why);
            ngx_http_payvand_line_free(frame);
            return NGX_OK;
        }
    }

    return NGX_ERROR;
}


ngx_http_payvand_frame_t *
ngx_http_payvand_line_room(size_t len)
{
    ngx_queue_t               *q;
    ngx_http_payvand_frame_t  *frame;

    frame = line.filling;

    if (frame != NULL) {

        if (frame->len + 2 + len <= PV_WIRE_PACKET_MAX
            && frame->count < PV_WIRE_RECORDS_MAX - 1
            && !frame->completions)
        {
            return frame;
        }

        frame->sequence = ++line.sequence;
        ngx_queue_insert_tail(&line.frames, &frame->queue);
        line.filling = NULL;
    }

    if (!ngx_queue_empty(&line.spare)) {
        q = ngx_queue_head(&line.spare);
        ngx_queue_remove(q);
        frame = ngx_queue_data(q, ngx_http_payvand_frame_t, queue);

    } else {
        if (line.frames_made == NGX_HTTP_PAYVAND_FRAMES) {
            return NULL;
        }

        frame = ngx_alloc(sizeof(ngx_http_payvand_frame_t), ngx_cycle->log);
        if (frame == NULL) {
            return NULL;
        }

        line.frames_made++;
    }

    ngx_queue_init(&frame->flights);
    frame->sequence = 0;
    frame->len = PV_WIRE_FRAME_HEAD_LEN;
    frame->count = 0;
    frame->sent = 0;
    frame->completions = 0;

    line.filling = frame;

    return frame;
}


void
ngx_http_payvand_line_file(ngx_http_payvand_frame_t *frame, size_t len)
{
    uint16_t  n;

    n = (uint16_t) len;
    ngx_memcpy(frame->packet + frame->len, &n, 2);
    frame->len += 2 + len;
    frame->count++;

    ngx_post_event(&line.flush, &ngx_posted_events);
}


void
ngx_http_payvand_line_kick(void)
{
    ngx_post_event(&line.flush, &ngx_posted_events);
}


static void
ngx_http_payvand_line_free(ngx_http_payvand_frame_t *frame)
{
    ngx_queue_insert_head(&line.spare, &frame->queue);  /* warm in the cache */
}


/*
 * A commit costs as much for one record as for a hundred. While each turn of
 * the event loop brings more records, the frame stays open for another turn:
 * nobody sleeps, the loop only looks once more at what is there already.
 */

static void
ngx_http_payvand_line_flush(ngx_event_t *ev)
{
    ngx_http_payvand_frame_t  *frame;

    frame = line.filling;

    if (frame != NULL && frame->count != line.seen
        && line.turns < NGX_HTTP_PAYVAND_TURNS)
    {
        line.seen = frame->count;
        line.turns++;
        ngx_post_event(&line.flush, &ngx_posted_next_events);
        return;
    }

    line.seen = 0;
    line.turns = 0;

    ngx_http_payvand_line_send();
}


static void
ngx_http_payvand_line_write(ngx_event_t *wev)
{
    ngx_http_payvand_line_send();
}


/* close the frame being filled, and send while traced may have more */

static void
ngx_http_payvand_line_send(void)
{
    ssize_t                    n;
    ngx_queue_t               *q;
    ngx_http_payvand_frame_t  *frame;

    if (line.state != NGX_HTTP_PAYVAND_LINE_UP) {
        return;
    }

    q = ngx_queue_head(&line.frames);

    while (line.underway < NGX_HTTP_PAYVAND_UNDERWAY) {

        for ( /* void */ ; q != ngx_queue_sentinel(&line.frames);
             q = ngx_queue_next(q))
        {
            frame = ngx_queue_data(q, ngx_http_payvand_frame_t, queue);
            if (!frame->sent) {
                break;
            }
        }

        if (q == ngx_queue_sentinel(&line.frames)) {

            frame = line.filling;

            if (frame == NULL && ngx_http_payvand_journal_pending()) {
                frame = ngx_http_payvand_line_room(PV_COMPLETIONS_LEN_MAX);
            }

            if (frame == NULL) {
                return;
            }

            ngx_http_payvand_journal_seal(frame);

            if (frame->count == 0) {
                return;
            }

            frame->sequence = ++line.sequence;
            ngx_queue_insert_tail(&line.frames, &frame->queue);
            line.filling = NULL;
            q = &frame->queue;
        }

        frame = ngx_queue_data(q, ngx_http_payvand_frame_t, queue);

        ngx_http_payvand_put_head(frame->packet, PV_WIRE_FRAME,
                                  (uint16_t) frame->count);
        pv_store_u64(frame->packet + PV_WIRE_HEAD_LEN, frame->sequence);

        n = send(line.connection->fd, frame->packet, frame->len, MSG_NOSIGNAL);

        if (n == -1) {
            if (ngx_errno == NGX_EINTR) {
                continue;
            }

            if (ngx_errno != NGX_EAGAIN && ngx_errno != ENOBUFS) {
                ngx_http_payvand_line_lost("send() failed", ngx_errno);
                return;
            }

            line.connection->write->ready = 0;

            if (ngx_handle_write_event(line.connection->write, 0) != NGX_OK) {
                ngx_http_payvand_line_lost("epoll failed", 0);
            }

            return;
        }

        frame->sent = 1;
        line.underway++;
        ngx_http_payvand_count(NGX_HTTP_PAYVAND_JOURNAL_FRAMES);
    }
}


ngx_uint_t
ngx_http_payvand_line_is_down(void)
{
    return line.stalled
           || (line.state != NGX_HTTP_PAYVAND_LINE_UP
               && ngx_current_msec - line.down_since > line.timeout);
}


/*
 * traced is there and says nothing: until it does, calls are refused at once
 * instead of each after its wait, and no frames pile up.
 */

void
ngx_http_payvand_line_stalled(void)
{
    if (!line.stalled && line.state == NGX_HTTP_PAYVAND_LINE_UP) {
        line.stalled = 1;
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "payvand.journal_stalled refusing calls until it answers");
    }
}


ngx_uint_t
ngx_http_payvand_line_low_space(void)
{
    return (line.flags & PV_WIRE_LOW_SPACE) != 0;
}


const char *
ngx_http_payvand_journal_state(void)
{
    if (line.state != NGX_HTTP_PAYVAND_LINE_UP) {
        return "down";
    }

    if (line.stalled) {
        return "stalled";
    }

    return ngx_http_payvand_line_low_space() ? "low_space" : "up";
}


/* one turn of the line outside nginx's loop: at a worker's start and end */

static void
ngx_http_payvand_line_turn(void)
{
    struct pollfd  pfd;

    if (line.connection == NULL) {
        ngx_msleep(NGX_HTTP_PAYVAND_POLL);
        ngx_time_update();

        if (line.reconnect.timer_set) {
            ngx_del_timer(&line.reconnect);
        }

        ngx_http_payvand_line_connect();
        return;
    }

    pfd.fd = line.connection->fd;
    pfd.events = POLLIN;

    (void) poll(&pfd, 1, NGX_HTTP_PAYVAND_POLL);  /* any result: have a look */

    ngx_time_update();
    ngx_http_payvand_line_read(line.connection->read);
}


void
ngx_http_payvand_line_wait(ngx_msec_t limit)
{
    ngx_msec_t  start;

    start = ngx_current_msec;

    while ((line.state != NGX_HTTP_PAYVAND_LINE_UP
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

        if (ngx_queue_empty(&line.frames)
            && line.filling == NULL
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
    if (line.reconnect.timer_set) {
        ngx_del_timer(&line.reconnect);
    }

    if (line.connection) {
        ngx_close_connection(line.connection);
        line.connection = NULL;
    }

    line.state = NGX_HTTP_PAYVAND_LINE_DOWN;
}
