/*
 * commitment.h - evidence without content: what a caller commits to.
 *
 *   commitment  SHA-256("payvand-commitment-v1" || nonce || SHA-256(content))
 *   nonce       32 random bytes, new for every call
 *   content     the bytes of the request's body, as they were sent
 *
 * Both travel and are kept as base64url of 32 bytes without padding, 43
 * characters, in its one canonical form. The exchange records the commitment
 * (Payvand-Commitment) and passes the nonce on (Payvand-Evidence) without
 * keeping it. Who holds nonce and content can show what was asked; without
 * the nonce no guess about the content can be tested.
 *
 * Threads: as the pv_sha256 that is used.  Blocks: never.
 */
#ifndef PV_TRACE_COMMITMENT_H
#define PV_TRACE_COMMITMENT_H

#include "crypto/sha256.h"

#define PV_NONCE_LEN 32
#define PV_COMMITMENT_TEXT_LEN 43 /* no NUL is counted or written */

/* A nonce from the kernel's random bytes. PV_ESYS: it gives none. */
enum pv_err pv_commitment_nonce(uint8_t ret_nonce[PV_NONCE_LEN]) PV_MUST_CHECK;

/* PV_ECRYPTO when OpenSSL fails. */
enum pv_err pv_commitment_make(struct pv_sha256 *sha,
                               const uint8_t     nonce[PV_NONCE_LEN],
                               struct pv_slice   content,
                               struct pv_hash   *ret) PV_MUST_CHECK;

/* Write 32 bytes as they travel, and read them: PV_EINVAL for other forms. */
void        pv_commitment_text(const uint8_t bytes[PV_NONCE_LEN],
                               char          room[PV_COMMITMENT_TEXT_LEN]);
enum pv_err pv_commitment_bytes(struct pv_slice text,
                                uint8_t ret[PV_NONCE_LEN]) PV_MUST_CHECK;

#endif
