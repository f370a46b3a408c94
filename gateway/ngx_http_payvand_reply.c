/*
 * ngx_http_payvand_reply.c - what payvand-traced says: that it is there, what
 * was counted today, and what became of each frame.
 */

#include "ngx_http_payvand_line.h"
#include "ngx_http_payvand_shared.h"


static ngx_int_t ngx_http_payvand_line_message(size_t len);
static ngx_int_t ngx_http_payvand_line_up(size_t len);
static ngx_int_t ngx_http_payvand_line_counts(size_t len, uint32_t count);
static ngx_int_t ngx_http_payvand_line_ack(size_t len, uint32_t count);
static ngx_int_t ngx_http_payvand_line_used(size_t len);
static ngx_int_t ngx_http_payvand_line_refused(size_t len);


static ngx_http_payvand_line_t *const  line = &ngx_http_payvand_line;


void
ngx_http_payvand_line_read(ngx_event_t *rev)
{
    ssize_t            n;
    ngx_connection_t  *c;

    c = line->connection;

    while (c != NULL && c == line->connection) {

        n = recv(c->fd, line->in, sizeof(line->in), MSG_TRUNC);

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

        if ((size_t) n > sizeof(line->in)
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

    ngx_http_payvand_line_flush(&line->flush);
}


static ngx_int_t
ngx_http_payvand_line_message(size_t len)
{
    uint16_t  type, count;

    if (len < PV_WIRE_HEAD_LEN || pv_load_u32(line->in) != PV_WIRE_MAGIC) {
        return NGX_ERROR;
    }

    ngx_memcpy(&type, line->in + 4, 2);
    ngx_memcpy(&count, line->in + 6, 2);

    if (line->state == NGX_HTTP_PAYVAND_LINE_HELLO) {

        if (type == PV_WIRE_COUNTS && line->counting) {
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

    if (line->counting) {
        line->counting = 0;
        ngx_http_payvand_quota_claimed(1);
    }

    line->flags = pv_load_u32(line->in + 16);
    line->state = NGX_HTTP_PAYVAND_LINE_UP;
    line->stalled = 0;

    if (line->complained) {
        line->complained = 0;
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

    day = (int64_t) pv_load_u64(line->in + 8);
    p = line->in + 16;
    end = line->in + len;

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

    line->flags = pv_load_u32(line->in + 8);
    line->stalled = 0;

    for (p = line->in + 16; count--; p += 16) {

        sequence = pv_load_u64(p);

        if (ngx_queue_empty(&line->frames)) {
            return NGX_ERROR;
        }

        frame = ngx_queue_data(ngx_queue_head(&line->frames),
                               ngx_http_payvand_frame_t, queue);

        if (sequence != frame->sequence || !frame->sent) {
            return NGX_ERROR;  /* each in its order: its index is needed */
        }

        ngx_queue_remove(&frame->queue);
        line->underway--;

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

    sequence = pv_load_u64(line->in + 8);

    for (q = ngx_queue_head(&line->frames);
         q != ngx_queue_sentinel(&line->frames);
         q = ngx_queue_next(q))
    {
        frame = ngx_queue_data(q, ngx_http_payvand_frame_t, queue);

        if (frame->sequence == sequence && frame->sent) {
            ngx_http_payvand_journal_used(frame, pv_load_u32(line->in + 16),
                                          pv_load_u32(line->in + 20));
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

    sequence = pv_load_u64(line->in + 8);
    why = pv_load_u32(line->in + 16);

    for (q = ngx_queue_head(&line->frames);
         q != ngx_queue_sentinel(&line->frames);
         q = ngx_queue_next(q))
    {
        frame = ngx_queue_data(q, ngx_http_payvand_frame_t, queue);

        if (frame->sequence == sequence && frame->sent) {
            ngx_queue_remove(&frame->queue);
            line->underway--;
            line->stalled = 0;  /* it speaks again; the next frame shows more */

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
