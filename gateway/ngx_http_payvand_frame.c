/*
 * ngx_http_payvand_frame.c - frames: filling one, sending it, and sending it
 * again.
 *
 * Records are written in place into the frame being filled; one posted event
 * at the end of the loop's iteration closes it and sends it. No more than
 * NGX_HTTP_PAYVAND_UNDERWAY frames are under way: while traced is busy with a
 * commit, later records gather in the next frame instead of in more packets
 * (with one: 14 calls a frame at 32 connections, with two: 9).
 * A frame is kept until it is acknowledged or refused; on a new connection all
 * that are kept are sent again and traced drops doubles by (epoch, sequence).
 */

#include "ngx_http_payvand_line.h"
#include "ngx_http_payvand_shared.h"


#define NGX_HTTP_PAYVAND_UNDERWAY   1
#define NGX_HTTP_PAYVAND_TURNS      8       /* of the loop, a frame is kept open */
#define NGX_HTTP_PAYVAND_FRAMES     128       /* in all; 8 MiB */


static ngx_http_payvand_line_t *const  line = &ngx_http_payvand_line;


ngx_http_payvand_frame_t *
ngx_http_payvand_line_room(size_t len)
{
    ngx_queue_t               *q;
    ngx_http_payvand_frame_t  *frame;

    frame = line->filling;

    if (frame != NULL) {

        if (frame->len + 2 + len <= PV_WIRE_PACKET_MAX
            && frame->count < PV_WIRE_RECORDS_MAX - 1
            && !frame->completions)
        {
            return frame;
        }

        frame->sequence = ++line->sequence;
        ngx_queue_insert_tail(&line->frames, &frame->queue);
        line->filling = NULL;
    }

    if (!ngx_queue_empty(&line->spare)) {
        q = ngx_queue_head(&line->spare);
        ngx_queue_remove(q);
        frame = ngx_queue_data(q, ngx_http_payvand_frame_t, queue);

    } else {
        if (line->frames_made == NGX_HTTP_PAYVAND_FRAMES) {
            return NULL;
        }

        frame = ngx_alloc(sizeof(ngx_http_payvand_frame_t), ngx_cycle->log);
        if (frame == NULL) {
            return NULL;
        }

        line->frames_made++;
    }

    ngx_queue_init(&frame->flights);
    frame->sequence = 0;
    frame->len = PV_WIRE_FRAME_HEAD_LEN;
    frame->count = 0;
    frame->sent = 0;
    frame->completions = 0;

    line->filling = frame;

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

    ngx_post_event(&line->flush, &ngx_posted_events);
}


void
ngx_http_payvand_line_kick(void)
{
    ngx_post_event(&line->flush, &ngx_posted_events);
}


void
ngx_http_payvand_line_free(ngx_http_payvand_frame_t *frame)
{
    ngx_queue_insert_head(&line->spare, &frame->queue);  /* warm in the cache */
}


/*
 * A commit costs as much for one record as for a hundred. While each turn of
 * the event loop brings more records, the frame stays open for another turn:
 * nobody sleeps, the loop only looks once more at what is there already.
 */

void
ngx_http_payvand_line_flush(ngx_event_t *ev)
{
    ngx_http_payvand_frame_t  *frame;

    frame = line->filling;

    if (frame != NULL && frame->count != line->seen
        && line->turns < NGX_HTTP_PAYVAND_TURNS)
    {
        line->seen = frame->count;
        line->turns++;
        ngx_post_event(&line->flush, &ngx_posted_next_events);
        return;
    }

    line->seen = 0;
    line->turns = 0;

    ngx_http_payvand_line_send();
}


void
ngx_http_payvand_line_write(ngx_event_t *wev)
{
    ngx_http_payvand_line_send();
}


/* close the frame being filled, and send while traced may have more */

void
ngx_http_payvand_line_send(void)
{
    ssize_t                    n;
    ngx_queue_t               *q;
    ngx_http_payvand_frame_t  *frame;

    if (line->state != NGX_HTTP_PAYVAND_LINE_UP) {
        return;
    }

    q = ngx_queue_head(&line->frames);

    while (line->underway < NGX_HTTP_PAYVAND_UNDERWAY) {

        for ( /* void */ ; q != ngx_queue_sentinel(&line->frames);
             q = ngx_queue_next(q))
        {
            frame = ngx_queue_data(q, ngx_http_payvand_frame_t, queue);
            if (!frame->sent) {
                break;
            }
        }

        if (q == ngx_queue_sentinel(&line->frames)) {

            frame = line->filling;

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

            frame->sequence = ++line->sequence;
            ngx_queue_insert_tail(&line->frames, &frame->queue);
            line->filling = NULL;
            q = &frame->queue;
        }

        frame = ngx_queue_data(q, ngx_http_payvand_frame_t, queue);

        ngx_http_payvand_put_head(frame->packet, PV_WIRE_FRAME,
                                  (uint16_t) frame->count);
        pv_store_u64(frame->packet + PV_WIRE_HEAD_LEN, frame->sequence);

        n = send(line->connection->fd, frame->packet, frame->len, MSG_NOSIGNAL);

        if (n == -1) {
            if (ngx_errno == NGX_EINTR) {
                continue;
            }

            if (ngx_errno != NGX_EAGAIN && ngx_errno != ENOBUFS) {
                ngx_http_payvand_line_lost("send() failed", ngx_errno);
                return;
            }

            line->connection->write->ready = 0;

            if (ngx_handle_write_event(line->connection->write, 0) != NGX_OK) {
                ngx_http_payvand_line_lost("epoll failed", 0);
            }

            return;
        }

        frame->sent = 1;
        line->underway++;
        ngx_http_payvand_count(NGX_HTTP_PAYVAND_JOURNAL_FRAMES);
    }
}
