/*
 * signer.h - what the log and its signer say to each other, and the files of
 * the signer's directory.
 *
 * Files
 *   key      the seed, 32 bytes, mode 0600; or
 *   pkcs11   the URI of a key in a token, one line (crypto/token.h)
 *   vkey     the public key as others check with it, one line; its name is
 *            the log's origin
 *   signed   the last checkpoint signed, and behind it the one before: signed
 *            notes of five lines each. Made with the key, for the tree of no
 *            leaves; without it nothing is signed
 *
 * Messages: SOCK_SEQPACKET, one packet each, little-endian. Head, 16 bytes:
 *   0 u32 SIGNER_MAGIC, 4 u16 type, 6 u16 count, 8 u64 id; an answer has the
 *   id of what it answers, so a late one is known.
 * ASK_LAST  log -> signer   no more
 * ASK_SIGN  log -> signer   16 u64 size, 24 root, 56 count hashes: a proof
 *           that the tree of the last one signed is the beginning of this one
 *           (RFC 6962 2.1.2; none from size 0); behind them the origin
 * LAST      signer -> log   count bytes of the vkey, then what `signed` holds
 * SIGNED    signer -> log   the signed note; it is in `signed` already
 * REFUSED   signer -> log   count is enum signer_why; then words for a person
 */
#ifndef PV_TRACED_SIGNER_H
#define PV_TRACED_SIGNER_H

#include "base/slice.h"
#include "merkle/merkle.h"
#include "trace/checkpoint.h"

#define SIGNER_KEY "key"
#define SIGNER_TOKEN "pkcs11"
#define SIGNER_VKEY "vkey"
#define SIGNER_SIGNED "signed"

#define SIGNER_MAGIC 0x53565001u /* "\1PVS" */
#define SIGNER_HEAD_LEN 16
#define SIGNER_ASK_LEN (SIGNER_HEAD_LEN + 8 + PV_HASH_LEN)
#define SIGNER_NOTE_MAX 1024 /* one note of ours: text and one signature */
#define SIGNER_NOTE_LINES 5
#define SIGNER_PACKET_MAX 8192

enum signer_type {
    SIGNER_ASK_LAST = 1,
    SIGNER_ASK_SIGN,
    SIGNER_LAST,
    SIGNER_SIGNED_NOTE,
    SIGNER_REFUSED,
};

enum signer_why {
    SIGNER_NO_KEY = 1, /* key, vkey or `signed` missing or replaced */
    SIGNER_ORIGIN,     /* another log's */
    SIGNER_SMALLER,    /* than the last one signed */
    SIGNER_DIFFERENT,  /* another root for the same size */
    SIGNER_UNPROVEN,   /* the proof does not lead from the last one to it */
    SIGNER_FAILED,     /* the disk or the token: nothing was signed */
};

/* What `signed` holds, cut in two; before is empty when there is one. */
struct signer_notes {
    struct pv_slice last;
    struct pv_slice before;
};

/* PV_EINVAL: not five or ten lines. */
enum pv_err signer_cut(struct pv_slice      bytes,
                       struct signer_notes *ret) PV_MUST_CHECK;

#endif
