/*
 * courier.h - what the log and its courier say to each other, and the file
 * that names the witnesses.
 *
 * The courier carries a checkpoint to the witnesses (C2SP tlog-witness) and
 * brings cosignatures back. It holds no key and no tree: when a witness stands
 * at an older size, the courier asks the log for the proof from there.
 *
 * Witnesses file, one a line; empty lines and lines that begin with # are
 * passed over; at most COURIER_WITNESSES_MAX witnesses:
 *   quorum K             how many must have signed before a checkpoint is
 *                        published; 1 to the number of witnesses
 *   witness VKEY URL     the key, of type 0x04, and where it answers: the URL
 *                        before /add-checkpoint, http or https
 *
 * Messages: SOCK_SEQPACKET, one packet each, little-endian. Head, 16 bytes:
 *   0 u32 COURIER_MAGIC, 4 u16 type, 6 u16 count, 8 u64 size of the
 *   checkpoint that it is about.
 * ASK    log -> courier   16 the checkpoint: a note with the log's signature.
 *                         It takes the place of one still on its way
 * WANT   courier -> log   16 u64 from: the proof from there to size is wanted.
 *                         The size is that of an ASK, maybe not of the last
 * PROOF  log -> courier   16 u64 from, 24 count hashes of 32 (RFC 6962 2.1.2);
 *                         count is COURIER_NO_PROOF when there is none: from
 *                         is above size
 * DONE   courier -> log   count cosignatures, at least the quorum, each of
 *                         another witness and each verified; 16 u32 how many
 *                         witnesses there are; 20 their lines, as they are to
 *                         stand behind the note. May come again for the same
 *                         size, with more of them
 * FAILED courier -> log   the same with fewer than the quorum: all witnesses
 *                         were asked, and it is not reached
 * TOLD   courier -> log   something changed with one witness: count is enum
 *                         courier_told, 16 u64 the size it stands at (0: not
 *                         known), 24 its name, and behind a newline words
 */
#ifndef PV_TRACED_COURIER_H
#define PV_TRACED_COURIER_H

#include "trace/checkpoint.h"

#define COURIER_MAGIC 0x43565001u /* "\1PVC" */
#define COURIER_HEAD_LEN 16
#define COURIER_PROOF_LEN (COURIER_HEAD_LEN + 8)
#define COURIER_DONE_LEN (COURIER_HEAD_LEN + 4)
#define COURIER_TOLD_LEN (COURIER_HEAD_LEN + 8)
#define COURIER_NO_PROOF UINT16_MAX
#define COURIER_PACKET_MAX 16384
#define COURIER_WITNESSES_MAX 16
#define COURIER_URL_MAX 512
#define COURIER_FILE_MAX 16384
#define COURIER_ROUND_MAX_MS 5000 /* DONE or FAILED comes within this */

enum courier_type {
    COURIER_ASK = 1,
    COURIER_WANT,
    COURIER_PROOF,
    COURIER_DONE,
    COURIER_FAILED,
    COURIER_TOLD,
};

enum courier_told {
    COURIER_WELL = 1, /* it cosigns again */
    COURIER_DOWN,     /* no answer, or one that cannot be used */
    COURIER_REFUSES,  /* it does not know this log, or its key */
    COURIER_SPLIT,    /* it has seen a larger or another tree of this log */
    COURIER_BACK,     /* it stands before what it has cosigned */
};

struct courier_witness {
    struct pv_note_key key;
    char               url[COURIER_URL_MAX + 1];
};

struct courier_witnesses {
    size_t                 quorum;
    size_t                 count;
    struct courier_witness witness[COURIER_WITNESSES_MAX];
};

/* Read the witnesses file. PV_EINVAL: why has the line; the same key twice. */
enum pv_err courier_parse(struct pv_slice text, struct courier_witnesses *ret,
                          struct pv_why *why) PV_MUST_CHECK;

#endif
