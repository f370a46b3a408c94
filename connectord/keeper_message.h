/*
 * keeper_message.h - what the connector's main process and its keeper say.
 *
 * One packet of a SOCK_SEQPACKET socket is what came together, 1 to
 * PV_KEEPER_MESSAGES_MAX messages, each behind its u32 length. One message,
 * little-endian:
 *
 *   u32 type, u64 number of the call, then
 *   ASK   main -> keeper  may this call use this consent number?
 *         u32 uses, u32 shared, texts: number, person, agency, consumer,
 *         service, path, tracking id
 *   END   main -> keeper  the call's answer is ready: count and record
 *         u32 counts, u32 days until disclosed, texts: agency, consumer, path,
 *         tracking id, grant, outcome, u32 persons, their texts
 *   SAID  keeper -> main  u32 verdict
 *   KEPT  keeper -> main  u32 1: durable; 0: not recorded, so not answered
 *
 * Texts as in message.h. ASK and END of one call have one number; each ASK
 * that was allowed has its END.
 *
 * Ownership: what was read points into the packet.
 * Threads: any. Blocks: never. Errors: PV_EPROTO; PV_ERANGE, PV_ENOMEM.
 */
#ifndef PV_CONNECTORD_KEEPER_MESSAGE_H
#define PV_CONNECTORD_KEEPER_MESSAGE_H

#include "connectord/message.h"

#define PV_KEEPER_PACKET_MAX (48 * 1024)
#define PV_KEEPER_MESSAGES_MAX 64
#define PV_KEEPER_REPLY_LEN 20 /* a message of the keeper, with its length */
#define PV_KEEPER_PERSONS_MAX 1000 /* of one call */
#define PV_KEEPER_TEXT_MAX 512     /* of any text */
#define PV_CONSENT_DIGITS 16

enum pv_keeper_type {
    PV_KEEPER_ASK = 1,
    PV_KEEPER_END,
    PV_KEEPER_SAID,
    PV_KEEPER_KEPT,
};

enum pv_consent_verdict {
    PV_CONSENT_BROKEN = 0, /* could not be judged: never an allow */
    PV_CONSENT_OK,
    PV_CONSENT_UNKNOWN, /* no such number, or of another person, agency ... */
    PV_CONSENT_EXPIRED,
    PV_CONSENT_USED_UP,
    PV_CONSENT_WITHDRAWN,
    PV_CONSENT_LIMITED, /* too many wrong numbers */
    PV_CONSENT_VERDICTS,
};

struct pv_keeper_ask {
    uint32_t        uses;   /* what the contract allows */
    bool            shared; /* all methods count together */
    struct pv_slice number; /* PV_CONSENT_DIGITS */
    struct pv_slice person;
    struct pv_slice agency; /* of the consumer */
    struct pv_slice consumer;
    struct pv_slice service; /* provider/service/v1 */
    struct pv_slice path;
    struct pv_slice tracking_id;
};

struct pv_keeper_end {
    bool            counts;      /* uses up one use of its consent number */
    uint32_t        hidden_days; /* not told to the person before */
    struct pv_slice agency;
    struct pv_slice consumer;
    struct pv_slice path;
    struct pv_slice tracking_id;
    struct pv_slice grant;
    struct pv_slice outcome;
    uint32_t        person_count;
    struct pv_slice persons; /* person_count texts, for pv_take_text */
};

struct pv_keeper_message {
    enum pv_keeper_type type;
    uint64_t            call;
    union {
        struct pv_keeper_ask ask;
        struct pv_keeper_end end;
        uint32_t             word; /* of SAID and KEPT */
    } as;
};

/* Append the message to buf. */
enum pv_err pv_keeper_write(const struct pv_keeper_message *message,
                            struct pv_buf                  *buf) PV_MUST_CHECK;

/*
 * Append the message to a packet, behind its length. On failure (PV_ERANGE: no
 * room) the packet is as before.
 */
enum pv_err pv_keeper_pack(const struct pv_keeper_message *message,
                           struct pv_buf *packet) PV_MUST_CHECK;

/* Cut the first message off a packet that is not empty. PV_EPROTO. */
enum pv_err pv_keeper_unpack(struct pv_slice *packet,
                             struct pv_slice *ret) PV_MUST_CHECK;

/* A whole message; from_main: of ASK and END, otherwise of the other two. */
enum pv_err pv_keeper_read(struct pv_slice packet, bool from_main,
                           struct pv_keeper_message *ret) PV_MUST_CHECK;

#endif
