/*
 * evidence.h - what a caller keeps to prove later what it asked: the nonce and
 * the content of one call, in a file of its own, in the caller's own store.
 *
 * A file is canonical JSON with these members and no others:
 *
 *   commitment   what the exchange recorded (trace/commitment.h)
 *   content      the request's body in base64; absent when it is kept elsewhere
 *   method       provider/service/version/method
 *   nonce        base64url of 32 bytes; a secret: who has it can test guesses
 *   outcome      what the exchange answered; absent while there is no answer
 *   signed       of version 2: the provider's signature as it came, with what
 *                it covers, each a field's value: answer {content_digest,
 *                content_type, signature, signature_input} and request
 *                {content_digest, signature}, the latter "" where it was not
 *                signed (RFC 9421, R-098)
 *   time         ms since 1970, when it was sent
 *   tracking_id  absent while there is no answer
 *   type         "payvand-evidence"
 *   v            1; 2 with `signed`
 *
 * It is on disk before the call is sent, as pending-<commitment>.json, so that
 * no recorded call is without its evidence; with the answer it becomes
 * <tracking id>.json. Files are 0600 and are never replaced.
 *
 * Ownership: the caller owns the struct and clears it.  Blocks: on the disk.
 */
#ifndef PV_CLIENT_EVIDENCE_H
#define PV_CLIENT_EVIDENCE_H

#include "base/buf.h"
#include "httpsig/profile.h"
#include "trace/commitment.h"
#include "trace/tracking_id.h"

#define PV_EVIDENCE_FILE_MAX (2 * 1024 * 1024)
#define PV_EVIDENCE_METHOD_MAX 512
#define PV_EVIDENCE_WORD_MAX 16
#define PV_SIGNED_FIELD_MAX 2048 /* what a gateway passes */
#define PV_SIGNED_TYPE_MAX 128

/* Fields of an answer's signature; "" for one that was not there. */
struct pv_signed {
    char digest[PV_SIGNED_FIELD_MAX];
    char type[PV_SIGNED_TYPE_MAX];
    char input[PV_SIGNED_FIELD_MAX];
    char signature[PV_SIGNED_FIELD_MAX]; /* "": not signed */
    char request_digest[PV_HTTPSIG_DIGEST_LEN + 1];
    char request_signature[PV_HTTPSIG_MADE_SIGNATURE_LEN + 1];
};

struct pv_evidence {
    int              dirfd; /* -1 when it was read from a file */
    uint8_t          nonce[PV_NONCE_LEN];
    char             nonce_text[PV_COMMITMENT_TEXT_LEN + 1];
    char             commitment[PV_COMMITMENT_TEXT_LEN + 1];
    char             method[PV_EVIDENCE_METHOD_MAX];
    char             tracking_id[PV_TRACKING_ID_LEN + 1]; /* "": not yet */
    char             outcome[PV_EVIDENCE_WORD_MAX];       /* "": not yet */
    int64_t          time_ms;
    bool             has_content;
    struct pv_buf    content;
    struct pv_signed answer; /* ->signature "": it has none */
};

void pv_evidence_init(struct pv_evidence *evidence);
void pv_evidence_clear(struct pv_evidence *evidence); /* wipes */

/* A nonce and the commitment, kept nowhere yet. */
enum pv_err pv_evidence_make(struct pv_evidence *evidence, const char *method,
                             struct pv_slice content,
                             struct pv_why  *why) PV_MUST_CHECK;

/* The text of an evidence file. PV_ENOMEM, PV_ERANGE. */
enum pv_err pv_evidence_text(const struct pv_evidence *evidence,
                             struct pv_buf            *out) PV_MUST_CHECK;

/*
 * Before the call: a nonce, the commitment, and the pending file in dir, which
 * is made (0700) when absent. PV_EINVAL: others may write to dir. PV_ESYS.
 */
enum pv_err pv_evidence_begin(struct pv_evidence *evidence, const char *dir,
                              const char *method, struct pv_slice content,
                              struct pv_why *why) PV_MUST_CHECK;

/*
 * After it: the file under its tracking id; ->answer may be set before.
 * PV_EINVAL: that is not one. PV_EEXIST: the file is there; the pending one
 * stays on any failure.
 */
enum pv_err pv_evidence_end(struct pv_evidence *evidence,
                            const char *tracking_id, const char *outcome,
                            struct pv_why *why) PV_MUST_CHECK;

/* PV_EINVAL: not an evidence file; PV_ESYS. */
enum pv_err pv_evidence_read(struct pv_evidence *evidence, const char *path,
                             struct pv_why *why) PV_MUST_CHECK;

/*
 * Does content, with the nonce kept, give the commitment kept? PV_EVERIFY: it
 * does not. PV_ECRYPTO.
 */
enum pv_err pv_evidence_check(const struct pv_evidence *evidence,
                              struct pv_slice           content) PV_MUST_CHECK;

/*
 * Is ->answer this key's signature of an answer to this very call, whose
 * content it is where it is there? PV_EVERIFY with the fault in why.
 * PV_ECRYPTO, PV_ENOMEM. Times are not looked at.
 */
enum pv_err pv_evidence_check_answer(const struct pv_evidence    *evidence,
                                     const struct pv_httpsig_key *key,
                                     struct pv_why *why) PV_MUST_CHECK;

#endif
