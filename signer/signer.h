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
 *   0 u32 PV_SIGNER_MAGIC, 4 u16 type, 6 u16 count, 8 u64 id; an answer has the
 *   id of what it answers, so a late one is known.
 * ASK_LAST  log -> signer   no more
 * ASK_SIGN  log -> signer   16 u64 size, 24 root, 56 count hashes: a proof
 *           that the tree of the last one signed is the beginning of this one
 *           (RFC 6962 2.1.2; none from size 0); behind them the origin
 * ASK_RIGHTS log -> signer  16 u64 decision, 24 u64 seconds since 1970, 32 hash
 *           of a body; behind them the agency (rights/rights.h)
 * LAST      signer -> log   count bytes of the vkey, then what `signed` holds
 * SIGNED    signer -> log   the signed note; a checkpoint is in `signed`
 *           already
 * REFUSED   signer -> log   count is enum pv_signer_why; then words for a
 * person
 */
#ifndef PV_SIGNER_SIGNER_H
#define PV_SIGNER_SIGNER_H

#include "base/slice.h"
#include "merkle/merkle.h"
#include "trace/checkpoint.h"

#define PV_SIGNER_KEY "key"
#define PV_SIGNER_TOKEN "pkcs11"
#define PV_SIGNER_VKEY "vkey"
#define PV_SIGNER_SIGNED "signed"

#define PV_SIGNER_MAGIC 0x53565001u /* "\1PVS" */
#define PV_SIGNER_HEAD_LEN 16
#define PV_SIGNER_ASK_LEN (PV_SIGNER_HEAD_LEN + 8 + PV_HASH_LEN)
#define PV_SIGNER_RIGHTS_LEN (PV_SIGNER_HEAD_LEN + 16 + PV_HASH_LEN)
#define PV_SIGNER_NOTE_MAX 1024 /* one note of ours: text and one signature */
#define PV_SIGNER_NOTE_LINES 5
#define PV_SIGNER_PACKET_MAX 8192

enum pv_signer_type {
    PV_SIGNER_ASK_LAST = 1,
    PV_SIGNER_ASK_SIGN,
    PV_SIGNER_LAST,
    PV_SIGNER_SIGNED_NOTE,
    PV_SIGNER_REFUSED,
    PV_SIGNER_ASK_RIGHTS,
};

enum pv_signer_why {
    PV_SIGNER_NO_KEY = 1, /* key, vkey or `signed` missing or replaced */
    PV_SIGNER_ORIGIN,     /* another log's */
    PV_SIGNER_SMALLER,    /* than the last one signed */
    PV_SIGNER_DIFFERENT,  /* another root for the same size */
    PV_SIGNER_UNPROVEN,   /* the proof does not lead from the last one to it */
    PV_SIGNER_FAILED,     /* the disk or the token: nothing was signed */
    PV_SIGNER_OLD,        /* rights of before the last checkpoint */
    PV_SIGNER_TIME,       /* rights of a time that is not now */
};

/* The process itself. */
struct pv_signer_config {
    const char *program; /* whose event ids it uses: "traced" */
    int         dirfd;   /* the signer's directory */
    int         sockfd;  /* SOCK_SEQPACKET to the log */
};

/* It cannot go on until somebody acts: the exit code of pv_signer_run. */
#define PV_SIGNER_REFUSES 3

/* Read the key, give up all rights but its own, serve until the log is gone.
   An exit code. */
int pv_signer_run(const struct pv_signer_config *config);

/*
 * From the command line of a daemon: make the key of a log (token_uri may be
 * NULL), or let it go on from a published checkpoint. Words go to stderr, the
 * vkey to stdout. An exit code.
 */
int pv_signer_init(const char *program, const char *dir, const char *origin,
                   const char *token_uri);
int pv_signer_accept(const char *program, const char *dir, const char *note);

/* What `signed` holds, cut in two; before is empty when there is one. */
struct pv_signer_notes {
    struct pv_slice last;
    struct pv_slice before;
};

/* PV_EINVAL: not five or ten lines. */
enum pv_err pv_signer_cut(struct pv_slice         bytes,
                          struct pv_signer_notes *ret) PV_MUST_CHECK;

#endif
