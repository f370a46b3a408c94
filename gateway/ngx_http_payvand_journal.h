/*
 * ngx_http_payvand_journal.h - the worker's side of lib/trace/wire.h, between
 * journal.c (who waits for what), write.c and done.c (what is recorded) and the
 * line (bytes and the socket).
 *
 * A flight is one call's record on its way, from the frame it was filed in to
 * the acknowledgement, which tells its index to the call's ctx. A call that is
 * over before leaves its completion in the flight.
 */

#ifndef _NGX_HTTP_PAYVAND_JOURNAL_H_INCLUDED_
#define _NGX_HTTP_PAYVAND_JOURNAL_H_INCLUDED_


#include "ngx_http_payvand.h"


struct ngx_http_payvand_flight_s {
    ngx_queue_t               queue;      /* frame.flights */
    ngx_http_payvand_ctx_t   *ctx;        /* NULL when the call is over */
    uint32_t                  position;   /* of the record in its frame */
    struct pv_completion      completion; /* of a call that is over */
};


typedef struct {
    ngx_queue_t               queue;      /* line.frames or line.spare */
    ngx_queue_t               flights;
    uint64_t                  sequence;   /* 0 while it is being filled */
    size_t                    len;
    uint32_t                  count;      /* records */
    unsigned                  sent:1;     /* on the present connection */
    unsigned                  completions:1;  /* its last record is one */
    u_char                    packet[PV_WIRE_PACKET_MAX];
} ngx_http_payvand_frame_t;


/* the line to traced: line.c, and frame.c for room, file and kick */

ngx_int_t ngx_http_payvand_line_init(ngx_cycle_t *cycle,
    ngx_http_payvand_main_conf_t *mcf);

/* Wait at most `limit` ms for the line, without the event loop. */
void ngx_http_payvand_line_wait(ngx_msec_t limit);

/* Send what is filed and wait at most `limit` ms for its acknowledgement. */
void ngx_http_payvand_line_drain(ngx_msec_t limit);
void ngx_http_payvand_line_close(void);

/*
 * Room for one record of at most `len` bytes in the frame being filled, at
 * ->packet + ->len + 2; NULL when all frames are in use. Then file it.
 */
ngx_http_payvand_frame_t *ngx_http_payvand_line_room(size_t len);
void ngx_http_payvand_line_file(ngx_http_payvand_frame_t *frame, size_t len);

/* Something is to be sent although no record was filed. */
void ngx_http_payvand_line_kick(void);

/* Is the line down, for longer than calls wait? Is the journal short of room? */
ngx_uint_t ngx_http_payvand_line_is_down(void);
ngx_uint_t ngx_http_payvand_line_low_space(void);

/* A call waited in vain. */
void ngx_http_payvand_line_stalled(void);


/* journal.c: called by the line */

void ngx_http_payvand_journal_acknowledged(ngx_http_payvand_frame_t *frame,
    uint64_t first_index);
void ngx_http_payvand_journal_used(ngx_http_payvand_frame_t *frame,
    ngx_uint_t position, ngx_uint_t spent);
void ngx_http_payvand_journal_frame_refused(ngx_http_payvand_frame_t *frame,
    uint32_t why);


/* journal.c: a timer of this worker that has no connection */

void ngx_http_payvand_journal_timer(ngx_event_t *ev,
    ngx_event_handler_pt handler, ngx_cycle_t *cycle);


/* write.c */

void ngx_http_payvand_write_init(ngx_cycle_t *cycle,
    ngx_http_payvand_main_conf_t *mcf);

/* The call's record, filed; its frame. */
ngx_int_t ngx_http_payvand_write_request(ngx_http_payvand_ctx_t *ctx,
    ngx_http_payvand_frame_t **ret_frame);

/* File the refusals that were only counted; all of them when it leaves. */
void ngx_http_payvand_summarize(ngx_uint_t leaving);


/* done.c */

ngx_int_t ngx_http_payvand_done_init(ngx_cycle_t *cycle,
    ngx_http_payvand_main_conf_t *mcf);

/* What is to be told of a call that is over. */
void ngx_http_payvand_done_of(ngx_http_payvand_ctx_t *ctx,
    struct pv_completion *completion);

/* One more that waits. When there are too many, the oldest goes. */
void ngx_http_payvand_done_add(const struct pv_completion *completion);

/* All that wait go with the next frames. */
void ngx_http_payvand_done_leave(void);

/* Add the completions that wait to the frame, as its last record. */
void ngx_http_payvand_journal_seal(ngx_http_payvand_frame_t *frame);

/* Must something be sent although no request was filed? */
ngx_uint_t ngx_http_payvand_journal_pending(void);


#endif /* _NGX_HTTP_PAYVAND_JOURNAL_H_INCLUDED_ */
