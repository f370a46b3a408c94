/*
 * ocsp.h - is this certificate still good? (OCSP, RFC 6960)
 *
 * The question is read in one process and answered in another: who reads what
 * strangers send does not hold the key. Between them goes struct pv_ocsp.
 *
 * Errors:  PV_EINVAL it is no request of ours: see pv_ocsp_read; PV_ERANGE;
 *          PV_ECRYPTO, PV_ENOMEM.
 * Threads: one owner of an authority at a time.  Blocks: never.
 */
#ifndef PV_PKI_OCSP_H
#define PV_PKI_OCSP_H

#include "pki/pki.h"

#define PV_OCSP_REQUEST_MAX 2048
#define PV_OCSP_ANSWER_MAX 8192
#define PV_OCSP_ASKED_MAX 8  /* certificates in one request */
#define PV_OCSP_NONCE_MAX 32 /* RFC 8954 */
#define PV_OCSP_HASH_MAX 48

enum pv_ocsp_digest {
    PV_OCSP_SHA1 = 1, /* what most clients send; it only names the issuer */
    PV_OCSP_SHA256,
    PV_OCSP_SHA384,
};

/* One CertID. */
struct pv_ocsp_asked {
    enum pv_ocsp_digest digest;
    size_t              hash_len;
    uint8_t             issuer_name[PV_OCSP_HASH_MAX]; /* its hashes */
    uint8_t             issuer_key[PV_OCSP_HASH_MAX];
    size_t              serial_len;
    uint8_t             serial[PV_PKI_SERIAL_MAX];
};

struct pv_ocsp {
    size_t               count;
    struct pv_ocsp_asked asked[PV_OCSP_ASKED_MAX];
    size_t               nonce_len; /* 0: none */
    uint8_t              nonce[PV_OCSP_NONCE_MAX];
};

/* A request in DER. PV_EINVAL: another form, or more than the maxima above. */
enum pv_err pv_ocsp_read(struct pv_slice der,
                         struct pv_ocsp *ret) PV_MUST_CHECK;

/* Write it again, behind what out holds: the same question, unsigned. */
enum pv_err pv_ocsp_write(const struct pv_ocsp *ocsp,
                          struct pv_buf        *out) PV_MUST_CHECK;

/* Is all that is asked about of the authority of this certificate (PEM)? */
enum pv_err pv_ocsp_is_of(const struct pv_ocsp *ocsp, struct pv_slice authority,
                          bool *ret) PV_MUST_CHECK;

enum pv_ocsp_state {
    PV_OCSP_UNKNOWN = 0, /* never issued: an error is never a yes */
    PV_OCSP_GOOD,
    PV_OCSP_REVOKED,
};

struct pv_ocsp_said {
    enum pv_ocsp_state state;
    int64_t            when_ms; /* revoked */
    enum pv_pki_reason reason;
};

/*
 * The signed answer in DER, behind what out holds; said has one for each that
 * was asked. Its producedAt is the machine's clock.
 */
enum pv_err pv_ocsp_answer(const struct pv_pki_authority *authority,
                           const struct pv_ocsp          *ocsp,
                           const struct pv_ocsp_said *said, int64_t this_ms,
                           int64_t next_ms, struct pv_buf *out) PV_MUST_CHECK;

/* An answer without an answer (RFC 6960 4.2.1); nobody signs it. */
enum pv_ocsp_error {
    PV_OCSP_MALFORMED = 1,
    PV_OCSP_INTERNAL = 2,
    PV_OCSP_LATER = 3,
    PV_OCSP_UNAUTHORIZED = 6, /* of an authority that is not here */
};

enum pv_err pv_ocsp_error(enum pv_ocsp_error error,
                          struct pv_buf     *out) PV_MUST_CHECK;

#endif
