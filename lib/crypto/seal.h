/*
 * seal.h - a secret kept where others may read: AES-256-GCM (NIST SP 800-38D),
 * bound to what it is about.
 *
 * Sealed bytes are 12 of a random nonce, the secret's own length, 16 of the
 * tag. A random nonce is good for 2^32 secrets of one key.
 *
 * Errors:  PV_ECRYPTO when OpenSSL fails.
 * Threads: any.  Blocks: never.
 */
#ifndef PV_CRYPTO_SEAL_H
#define PV_CRYPTO_SEAL_H

#include "base/slice.h"

#define PV_SEAL_KEY_LEN 32
#define PV_SEAL_NONCE_LEN 12
#define PV_SEAL_TAG_LEN 16
#define PV_SEAL_MORE_LEN (PV_SEAL_NONCE_LEN + PV_SEAL_TAG_LEN)
#define PV_SEAL_MAX 4096 /* bytes of one secret */

/*
 * PV_SEAL_MORE_LEN more bytes than the secret has; PV_ERANGE past PV_SEAL_MAX.
 */
enum pv_err pv_seal(const uint8_t key[PV_SEAL_KEY_LEN], struct pv_slice about,
                    struct pv_slice secret, uint8_t *ret) PV_MUST_CHECK;

/*
 * The secret, PV_SEAL_MORE_LEN bytes shorter. PV_ECORRUPT: not sealed by this
 * key, or about something else; ret is wiped then.
 */
enum pv_err pv_unseal(const uint8_t key[PV_SEAL_KEY_LEN], struct pv_slice about,
                      struct pv_slice sealed, uint8_t *ret) PV_MUST_CHECK;

#endif
