/*
 * wire.h - what nginx workers and payvand-traced say to each other over one
 * SOCK_SEQPACKET connection per worker (design 6).
 *
 * All numbers little-endian. One packet holds one message.
 *
 * common head (8 bytes)   0 u32 magic PV_WIRE_MAGIC, 4 u16 type, 6 u16 count
 *
 * HELLO     worker -> traced   8 u32 version, 12 u32 pid, 16 u64 worker epoch
 *           (random), 24 u8 node_len, 25 node id
 * HELLO_OK  traced -> worker   8 u64 highest sequence kept of this epoch,
 *           16 u32 flags (PV_WIRE_LOW_SPACE), 20 u32 reserved 0.
 *           COUNTS packets come before it when the worker asked with count = 1
 *           in HELLO's head.
 * COUNTS    traced -> worker   what was forwarded on today's civil day of
 *           Tehran; 8 u64 day number, then `count` items:
 *           u32 calls, u8 grant_len, u8 consumer_len, u8 path_len, grant,
 *           consumer (system id), path (/x/provider/service/version/method).
 *           Counted from request records with decision "allowed", less those
 *           whose completion says forwarded 0, whatever its outcome: no
 *           provider was reached, and the worker gives the quota back too.
 * FRAME     worker -> traced   8 u64 sequence (1, 2, 3 ... without a gap),
 *           then `count` records, each u16 len and a line of record.h.
 *           A completions record is the last one of its frame.
 * ACK       traced -> worker   8 u32 flags, 12 u32 reserved, then `count`
 *           items: u64 sequence, u64 index of the frame's first leaf. Sent only
 *           when the frame is on disk; cumulative and in order.
 * USED      traced -> worker   8 u64 sequence, 16 u32 which record of the
 *           frame, 20 u32 1: every answer its grant allows is given, 0: the
 *           last ones are under way, or more calls of this grant than may be
 *           at once. Sent before the frame's ACK for a request with
 *           max_answered that came too late in the order of the journal; the
 *           worker does not forward it. What a completion says was not
 *           answered is free again; what nobody knows counts as answered.
 * REFUSED   traced -> worker   8 u64 sequence, 16 u32 why (PV_WIRE_WHY_*): the
 *           frame was not written and will not be; the worker answers its
 *           calls `unavailable` and does not send it again.
 */
#ifndef PV_TRACE_WIRE_H
#define PV_TRACE_WIRE_H

#include <stdint.h>

#define PV_WIRE_MAGIC 0x4a565001u /* "\1PVJ" */
#define PV_WIRE_VERSION 1
#define PV_WIRE_PACKET_MAX 65536
#define PV_WIRE_HEAD_LEN 8
#define PV_WIRE_FRAME_HEAD_LEN 16
#define PV_WIRE_RECORDS_MAX 1024 /* in one frame */
#define PV_WIRE_SKEW_MAX_MS 5000 /* id time against append time */
#define PV_WIRE_LOW_SPACE 1u     /* only granted calls may be journalled */

enum pv_wire_type {
    PV_WIRE_HELLO = 1,
    PV_WIRE_HELLO_OK,
    PV_WIRE_COUNTS,
    PV_WIRE_FRAME,
    PV_WIRE_ACK,
    PV_WIRE_REFUSED,
    PV_WIRE_USED,
};

enum pv_wire_why {
    PV_WIRE_WHY_FULL = 1, /* no room on the disk for this kind of record */
    PV_WIRE_WHY_RECORD,   /* a record breaks record.h, or its time the skew */
    PV_WIRE_WHY_BROKEN,   /* the journal cannot be written at all */
};

#endif
