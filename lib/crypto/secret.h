/*
 * secret.h - what proves that a person is the one: passwords kept by scrypt
 * (RFC 7914), one-time codes by time (TOTP, RFC 6238), random tokens.
 *
 * Errors:  PV_ECRYPTO when OpenSSL fails; nothing is taken for right then.
 * Threads: any.  Blocks: pv_scrypt for as long as its cost says.
 */
#ifndef PV_CRYPTO_SECRET_H
#define PV_CRYPTO_SECRET_H

#include "base/slice.h"

#define PV_SCRYPT_MEMORY_MAX (UINT64_C(64) << 20) /* bytes of one call */

#define PV_TOTP_STEP_S 30
#define PV_TOTP_SECRET_LEN 20 /* RFC 4226 section 4 recommends 160 bits */
#define PV_TOTP_DIGITS_MAX 9

/* Characters that len bytes need in base32 without padding. */
#define PV_BASE32_LEN(len) (((size_t)(len)*8 + 4) / 5)

/* Bytes that nobody can guess. */
enum pv_err pv_secret_random(uint8_t *bytes, size_t len) PV_MUST_CHECK;

/* Equal? Takes as long for a first difference anywhere; lengths are public. */
bool pv_secret_eq(struct pv_slice a, struct pv_slice b);

/* Overwrite what a secret lay in. */
void pv_secret_wipe(void *bytes, size_t len);

/*
 * len bytes from a password. log2_n is the cost, r and p as in RFC 7914;
 * PV_ERANGE when it would need more than PV_SCRYPT_MEMORY_MAX.
 */
enum pv_err pv_scrypt(struct pv_slice password, struct pv_slice salt,
                      unsigned log2_n, unsigned r, unsigned p, uint8_t *ret,
                      size_t len) PV_MUST_CHECK;

/*
 * The code of one step (unix seconds / PV_TOTP_STEP_S) by HMAC-SHA-1, as
 * digits (1 to PV_TOTP_DIGITS_MAX) and a NUL.
 */
enum pv_err pv_totp(struct pv_slice secret, uint64_t step, unsigned digits,
                    char ret[PV_TOTP_DIGITS_MAX + 1]) PV_MUST_CHECK;

/* RFC 4648 section 6 without padding: PV_BASE32_LEN(len) characters, no NUL. */
void pv_base32_text(const uint8_t *bytes, size_t len, char *room);

#endif
