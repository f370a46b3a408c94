/*
 * key.h - keys of message signatures: Ed25519 (RFC 9421 3.3.6) and ECDSA on
 * P-256 with SHA-256 (3.3.4), as PEM files.
 *
 * The id of a key is the SHA-256 of its SubjectPublicKeyInfo in hex: the one
 * by which the registry knows the key of a system. The algorithm is the
 * key's; what a message says of it chooses nothing.
 *
 * Ownership: a key is its owner's until _free, which wipes a private one.
 * Errors:    PV_ECRYPTO when OpenSSL fails.
 * Threads:   one owner at a time.  Blocks: _read_file on the file.
 */
#ifndef PV_HTTPSIG_KEY_H
#define PV_HTTPSIG_KEY_H

#include "httpsig/input.h"

#define PV_HTTPSIG_KEYID_LEN 64
#define PV_HTTPSIG_PEM_MAX 16384

struct pv_httpsig_key;

/*
 * From PEM: a private key; or else a public one, or a certificate, whose key
 * it is. PV_EINVAL: neither, or another algorithm; PV_ERANGE: too long.
 */
enum pv_err pv_httpsig_key_read(struct pv_slice pem, bool is_private,
                                struct pv_httpsig_key **ret) PV_MUST_CHECK;

/* The same from a file. PV_ESYS too; why names the file. */
enum pv_err pv_httpsig_key_read_file(const char *path, bool is_private,
                                     struct pv_httpsig_key **ret,
                                     struct pv_why          *why) PV_MUST_CHECK;

void pv_httpsig_key_free(struct pv_httpsig_key *key); /* NULL ok */

/* Hex, PV_HTTPSIG_KEYID_LEN characters and a NUL; lives as the key does. */
const char *pv_httpsig_key_id(const struct pv_httpsig_key *key);

/* "ed25519" or "ecdsa-p256-sha256" (RFC 9421 6.2.2). */
struct pv_slice pv_httpsig_key_alg(const struct pv_httpsig_key *key);

enum pv_err
pv_httpsig_key_sign(const struct pv_httpsig_key *key, struct pv_slice base,
                    uint8_t ret[PV_HTTPSIG_SIGNATURE_LEN]) PV_MUST_CHECK;

/* PV_OK only for a right signature; PV_EVERIFY for a wrong one. */
enum pv_err pv_httpsig_key_verify(
    const struct pv_httpsig_key *key, struct pv_slice base,
    const uint8_t signature[PV_HTTPSIG_SIGNATURE_LEN]) PV_MUST_CHECK;

#endif
