/*
 * id_token.h - an ID token of OpenID Connect Core 1.0: its signature (RFC 7515,
 * RS256 and ES256) by a key set of its provider (RFC 7517), and its claims.
 *
 * What a token says of itself chooses nothing: the key says which algorithm
 * is used with it. "none", HMAC, "crit", embedded keys and RSA keys under 2048
 * bits are refused.
 *
 * Ownership: the caller owns everything passed.
 * Threads:   any. Blocks: never. Limits: the maxima below.
 * Errors:    PV_EVERIFY it is not right; PV_ENOTFOUND no key of the set has
 *            its kid (fetch the set again); PV_ECRYPTO, PV_ENOMEM.
 */
#ifndef PV_SIGNIN_ID_TOKEN_H
#define PV_SIGNIN_ID_TOKEN_H

#include <jansson.h>

#include "base/slice.h"

#define PV_ID_TOKEN_MAX (16 * 1024) /* bytes of the compact form */
#define PV_ID_TOKEN_SUBJECT_MAX 255 /* section 2 of it */
#define PV_ID_TOKEN_SKEW_S 60       /* clocks that differ */
#define PV_ID_TOKEN_AGE_S 600       /* since it was issued */

/* What must hold of the claims (OpenID Connect Core 1.0, 3.1.3.7). */
struct pv_id_token_wanted {
    const char *issuer;
    const char *client_id;
    const char *nonce;
    int64_t     now_s; /* unix time */
};

/* The claims of a compact JWS whose signature is right. The caller owns ret. */
enum pv_err pv_jws_claims(struct pv_slice token, const json_t *keys,
                          json_t **ret) PV_MUST_CHECK;

/* The subject of a token whose signature and claims are right. */
enum pv_err
pv_id_token_subject(struct pv_slice token, const json_t *keys,
                    const struct pv_id_token_wanted *wanted,
                    char ret[PV_ID_TOKEN_SUBJECT_MAX + 1]) PV_MUST_CHECK;

/* base64url without padding (RFC 7515 section 2): text and a NUL. */
enum pv_err pv_base64url_text(const uint8_t *bytes, size_t len, char *room,
                              size_t room_len) PV_MUST_CHECK;

#endif
