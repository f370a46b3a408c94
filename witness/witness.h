/*
 * witness.h - an independent cosigner of logs (C2SP tlog-witness).
 *
 * It keeps, for each log it knows, the largest tree that it has cosigned, and
 * signs a checkpoint only when a proof shows that this tree is its beginning.
 * Two people who both see its cosignature cannot have been shown different
 * histories; a log that was rolled back is told by it.
 *
 * Files of its directory (mode 0700):
 *   key           the seed, 32 bytes, mode 0600 (crypto/ed25519.h)
 *   vkey          the public key and the name, one line; type 0x04
 *   logs          one a line: `log VKEY`; empty lines and # lines are passed
 *                 over
 *   seen/HEX      the last checkpoint cosigned of the log whose origin has this
 *                 SHA-256: a note with the log's signature and the witness's.
 *                 On disk, with its name, before the cosignature is given. Of a
 *                 log that was added and not yet cosigned: the empty tree, with
 *                 the witness's signature alone
 *   strange/HEX   the last checkpoint of that log that did not fit, as it was
 *                 sent: signed by the log, so it is evidence
 *   lock          held by flock while a witness runs
 *
 * Ownership: pv_witness_close frees; the directory's descriptor is duplicated.
 * Threads:   one owner at a time.  Blocks: on the disk.
 * Limits:    PV_WITNESS_LOGS_MAX logs, PV_WITNESS_BODY_MAX bytes of a request.
 */
#ifndef PV_WITNESS_WITNESS_H
#define PV_WITNESS_WITNESS_H

#include "trace/checkpoint.h"

#define PV_WITNESS_LOGS_MAX 64
#define PV_WITNESS_BODY_MAX (PV_NOTE_MAX + 8192)
#define PV_WITNESS_PROOF_MAX 63 /* lines, as tlog-witness has it */
#define PV_WITNESS_KEY "key"
#define PV_WITNESS_VKEY "vkey"
#define PV_WITNESS_LOGS "logs"
#define PV_WITNESS_SEEN "seen"
#define PV_WITNESS_STRANGE "strange"
#define PV_WITNESS_LOCK "lock"

struct pv_witness;

/*
 * Make key, vkey and an empty logs in an empty directory, durably; ret_vkey
 * gets the text. PV_EEXIST: there is a key, and it stays. PV_EINVAL: not a
 * name. PV_ESYS.
 */
enum pv_err pv_witness_init(int dirfd, struct pv_slice name,
                            struct pv_buf *ret_vkey) PV_MUST_CHECK;

/*
 * Know one more log: its line in `logs`, and in `seen` that nothing of it was
 * seen. What was seen of it before stays. PV_EEXIST: it is known, or another
 * key of it is; PV_EINVAL: not a log's key; PV_ECORRUPT: it is in `logs`, and
 * what was seen of it is not there; only with anew is it begun then, and
 * whoever says so answers for it. why tells.
 */
enum pv_err pv_witness_know(int dirfd, struct pv_slice vkey, uint64_t now_s,
                            bool anew, struct pv_why *why) PV_MUST_CHECK;

/*
 * Read everything, take the lock. why tells what a person must do. PV_EEXIST:
 * another one runs; PV_ECORRUPT: what was seen of a log is not there, or not
 * what this key signed.
 */
enum pv_err pv_witness_open(int dirfd, struct pv_witness **ret,
                            struct pv_why *why) PV_MUST_CHECK;
void        pv_witness_close(struct pv_witness *witness);

const struct pv_note_key *pv_witness_key(const struct pv_witness *witness);
size_t pv_witness_log_count(const struct pv_witness *witness);

/* What happened, for the log line of whoever runs it. */
enum pv_witness_event {
    PV_WITNESS_NOTHING = 0, /* a request that is not worth a line */
    PV_WITNESS_COSIGNED,
    PV_WITNESS_ROLLED_BACK, /* the log signed a smaller tree than was seen */
    PV_WITNESS_SPLIT,       /* another tree, or one without proof */
    PV_WITNESS_BROKEN,      /* the disk: it does not cosign any more */
};

struct pv_witness_answer {
    unsigned              status; /* 200 400 403 404 409 422 500 */
    const char           *type;   /* Content-Type */
    struct pv_buf         body;   /* the caller clears it */
    enum pv_witness_event event;
    struct pv_why         why;    /* one sentence, in English, when not 200 */
    struct pv_slice       origin; /* borrowed from the request, or empty */
    uint64_t              size;   /* of the checkpoint */
    uint64_t              seen_size; /* before this request */
};

/* The body of POST /add-checkpoint. Never fails: what does is a status. */
void pv_witness_add(struct pv_witness *witness, struct pv_slice body,
                    uint64_t now_s, struct pv_witness_answer *answer);

/*
 * The last checkpoint cosigned, for GET /<hex of SHA-256 of origin>/checkpoint.
 * PV_ENOTFOUND: none of this log.
 */
enum pv_err pv_witness_latest(const struct pv_witness *witness,
                              struct pv_slice          origin_hex,
                              struct pv_buf           *out) PV_MUST_CHECK;

#endif
