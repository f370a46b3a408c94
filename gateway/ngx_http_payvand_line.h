/*
 * ngx_http_payvand_line.h - the line to payvand-traced: what its three files
 * share. line.c has the socket, frame.c what is said, reply.c what is heard.
 */

#ifndef _NGX_HTTP_PAYVAND_LINE_H_INCLUDED_
#define _NGX_HTTP_PAYVAND_LINE_H_INCLUDED_


#include "ngx_http_payvand_journal.h"

#include "base/num.h"


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


extern ngx_http_payvand_line_t  ngx_http_payvand_line;


static ngx_inline void
ngx_http_payvand_put_head(u_char *p, uint16_t type, uint16_t count)
{
    pv_store_u32(p, PV_WIRE_MAGIC);
    ngx_memcpy(p + 4, &type, 2);
    ngx_memcpy(p + 6, &count, 2);
}


/* line.c: the connection ends; frames stay, and are sent again on the next */

void ngx_http_payvand_line_lost(const char *why, ngx_err_t err);


/* reply.c */

void ngx_http_payvand_line_read(ngx_event_t *rev);


/* frame.c: send, now or when the frame being filled has been open long enough;
   the frame is over */

void ngx_http_payvand_line_send(void);
void ngx_http_payvand_line_flush(ngx_event_t *ev);
void ngx_http_payvand_line_write(ngx_event_t *wev);
void ngx_http_payvand_line_free(ngx_http_payvand_frame_t *frame);


#endif /* _NGX_HTTP_PAYVAND_LINE_H_INCLUDED_ */
