/*
 * ed25519.h - Ed25519 (RFC 8032): keys, signatures, and the file of a key.
 *
 * A key file is the 32 bytes of the seed and nothing else, mode 0600, made
 * once and never overwritten.
 *
 * Ownership: a pv_ed25519 owns its key; it is wiped when it is freed.
 * Errors:    PV_ECRYPTO when OpenSSL fails; others at each function.
 * Threads:   one owner at a time.  Blocks: on the file only.
 */
#ifndef PV_CRYPTO_ED25519_H
#define PV_CRYPTO_ED25519_H

#include "base/slice.h"

#define PV_ED25519_SEED_LEN 32
#define PV_ED25519_PUBLIC_LEN 32
#define PV_ED25519_SIGNATURE_LEN 64

struct pv_ed25519;

enum pv_err pv_ed25519_from_seed(const uint8_t       seed[PV_ED25519_SEED_LEN],
                                 struct pv_ed25519 **ret) PV_MUST_CHECK;

/* A new key from the kernel's random bytes. PV_ESYS: it gives none. */
enum pv_err
pv_ed25519_generate(uint8_t ret_seed[PV_ED25519_SEED_LEN]) PV_MUST_CHECK;

/*
 * Write a seed to the new file name in dirfd, durably. PV_EEXIST: there is
 * one, and it stays. PV_ESYS.
 */
enum pv_err
pv_ed25519_save(int dirfd, const char *name,
                const uint8_t seed[PV_ED25519_SEED_LEN]) PV_MUST_CHECK;

/*
 * Read a key file. PV_ENOTFOUND; PV_ECORRUPT: not 32 bytes; PV_EINVAL: not a
 * plain file, or others than its owner may read or write it; PV_ESYS.
 */
enum pv_err pv_ed25519_load(int dirfd, const char *name,
                            struct pv_ed25519 **ret) PV_MUST_CHECK;

void pv_ed25519_free(struct pv_ed25519 *key);

void pv_ed25519_public(const struct pv_ed25519 *key,
                       uint8_t                  room[PV_ED25519_PUBLIC_LEN]);

enum pv_err
pv_ed25519_sign(struct pv_ed25519 *key, struct pv_slice message,
                uint8_t ret_signature[PV_ED25519_SIGNATURE_LEN]) PV_MUST_CHECK;

/* PV_OK only for a right signature; PV_EVERIFY for a wrong one. */
enum pv_err pv_ed25519_verify(
    const uint8_t public_key[PV_ED25519_PUBLIC_LEN], struct pv_slice message,
    const uint8_t signature[PV_ED25519_SIGNATURE_LEN]) PV_MUST_CHECK;

#endif
