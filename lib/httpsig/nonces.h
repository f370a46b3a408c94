/*
 * nonces.h - which signed requests were taken already: a set of (key, nonce)
 * that forgets what could not be taken any more for its age.
 *
 * Two generations: a nonce goes into the younger; when that is PV_NONCES_LIFE_S
 * old, it becomes the elder, and the elder is forgotten. So a nonce is known
 * for at least as long as a signature with it can be in time (profile.h).
 * Nonces are kept as 16 bytes of a salted SHA-256: who sends them cannot make
 * two that stand for each other, or many that fall together.
 *
 * Limits:  max nonces a generation, from 1 to PV_NONCES_MAX; 64 bytes each.
 * Threads: one.  Blocks: never.
 */
#ifndef PV_HTTPSIG_NONCES_H
#define PV_HTTPSIG_NONCES_H

#include "httpsig/profile.h"

#define PV_NONCES_MAX (1u << 20)
#define PV_NONCES_LIFE_S                                                       \
    (PV_HTTPSIG_VALID_MAX_S + 2 * PV_HTTPSIG_SKEW_MAX_S + 2) /* 2: rounding */

struct pv_nonces;

/* PV_ERANGE: max; PV_ENOMEM, PV_ECRYPTO. */
enum pv_err pv_nonces_new(size_t max, struct pv_nonces **ret) PV_MUST_CHECK;
void        pv_nonces_free(struct pv_nonces *nonces); /* NULL ok */

/*
 * Take a nonce that was not taken before. now_s is monotonic. PV_EEXIST: it
 * was. PV_EFULL: no room, so nothing is known; PV_ECRYPTO.
 */
enum pv_err pv_nonces_take(struct pv_nonces *nonces, struct pv_slice keyid,
                           struct pv_slice nonce, int64_t now_s) PV_MUST_CHECK;

#endif
