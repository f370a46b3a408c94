/*
 * sha256.h - SHA-256 (FIPS 180-4) of many small inputs, by OpenSSL's EVP.
 *
 * A pv_sha256 is a context that is used again and again: the algorithm is
 * looked up once, at its birth. The one-shot calls of OpenSSL 3 look it up
 * each time, which costs more than hashing a record.
 *
 * Errors:  PV_ENOMEM at birth, PV_ECRYPTO when OpenSSL fails.
 * Threads: one owner at a time.  Blocks: never.
 */
#ifndef PV_CRYPTO_SHA256_H
#define PV_CRYPTO_SHA256_H

#include "base/slice.h"

#define PV_HASH_LEN 32

struct pv_hash {
    uint8_t bytes[PV_HASH_LEN];
};

struct pv_sha256;

enum pv_err pv_sha256_new(struct pv_sha256 **ret) PV_MUST_CHECK;
void        pv_sha256_free(struct pv_sha256 *sha);

/* The hash of the parts, one after the other. */
enum pv_err pv_sha256(struct pv_sha256 *sha, const struct pv_slice *part,
                      size_t count, struct pv_hash *ret) PV_MUST_CHECK;

/*
 * In pieces: begin, add as often as needed, end. A pv_sha256() between them
 * begins anew.
 */
enum pv_err pv_sha256_begin(struct pv_sha256 *sha) PV_MUST_CHECK;
enum pv_err pv_sha256_add(struct pv_sha256 *sha, const void *bytes,
                          size_t len) PV_MUST_CHECK;
enum pv_err pv_sha256_end(struct pv_sha256 *sha,
                          struct pv_hash   *ret) PV_MUST_CHECK;

bool pv_hash_eq(const struct pv_hash *a, const struct pv_hash *b);

#endif
