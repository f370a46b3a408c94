/*
 * token.h - an Ed25519 key that never leaves its PKCS#11 token (RFC 7512 URI,
 * PKCS #11 v3.0 CKM_EDDSA).
 *
 * The URI names the token, the key, the module and the file of the PIN:
 *
 *   pkcs11:token=log;object=log?module-path=/usr/lib/softhsm/libsofthsm2.so
 *       &pin-source=file:/etc/payvand/pin      (one line)
 *
 * A PIN in the URI itself (pin-value) is refused: a URI is shown and copied.
 *
 * Ownership: a pv_token holds the module and a session until it is closed.
 * Errors:    PV_EINVAL the URI or the PIN's file; PV_ENOTFOUND no such token or
 *            key; PV_EEXIST several fit; PV_EVERIFY the token's signature is
 *            not its key's; PV_ECRYPTO the module failed. why says which.
 * Threads:   one owner at a time. One process opens one module once.
 * Blocks:    on the token. The module is the vendor's code: it may open files
 *            and sockets of its own when it signs.
 */
#ifndef PV_CRYPTO_TOKEN_H
#define PV_CRYPTO_TOKEN_H

#include "crypto/ed25519.h"

#define PV_TOKEN_URI_MAX 1024
#define PV_TOKEN_PIN_MAX 255
#define PV_TOKEN_SLOTS_MAX 64

struct pv_token;

/* Find the key and sign a word with it, to see that it is what it says. */
enum pv_err pv_token_open(struct pv_slice uri, struct pv_token **ret,
                          struct pv_why *why) PV_MUST_CHECK;
void        pv_token_close(struct pv_token *token); /* NULL ok */

void pv_token_public(const struct pv_token *token,
                     uint8_t                room[PV_ED25519_PUBLIC_LEN]);

/* PV_ECRYPTO: the token is gone, or its session ended; open it again. */
enum pv_err
pv_token_sign(struct pv_token *token, struct pv_slice message,
              uint8_t ret_signature[PV_ED25519_SIGNATURE_LEN]) PV_MUST_CHECK;

#endif
