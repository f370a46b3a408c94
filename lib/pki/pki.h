/*
 * pki.h - a certificate authority: public keys out of signing requests,
 * certificates (RFC 5280, X.509 v3), lists of revoked ones (CRL, v2).
 *
 * Of a request (PKCS#10, RFC 2986) nothing is believed but the public key, and
 * that only when the request is signed with it. Keys: EC P-256 and P-384,
 * Ed25519, RSA of 3072 and 4096 bits; each has one encoding, so that its
 * SHA-256 names it (design 4). Serials and moments come from the caller.
 *
 * Ownership: a pv_pki_authority owns its key, which is wiped when it is freed.
 * Errors:    PV_EINVAL what was given breaks its form; PV_ERANGE a maximum is
 *            passed; PV_EVERIFY a signature or a chain is not right;
 * PV_EREFUSED a key of another kind or size. why says which; it may be NULL.
 *            PV_ECRYPTO, PV_ENOMEM.
 * Threads:   one owner at a time.  Blocks: never.
 */
#ifndef PV_PKI_PKI_H
#define PV_PKI_PKI_H

#include "base/buf.h"

#define PV_PKI_PEM_MAX 8000 /* a request or a certificate, as text */
#define PV_PKI_KEY_MAX 600  /* SubjectPublicKeyInfo; RSA-4096 has 550 */
#define PV_PKI_HASH_LEN 32
#define PV_PKI_SERIAL_LEN 16   /* of ours: 128 bits */
#define PV_PKI_SERIAL_MAX 20   /* of anybody's (RFC 5280 4.1.2.2) */
#define PV_PKI_NAME_MAX 64     /* ub-common-name, RFC 5280 appendix A */
#define PV_PKI_DNS_MAX 16      /* names of one server */
#define PV_PKI_DNS_LEN_MAX 253 /* RFC 1035 */
#define PV_PKI_URL_MAX 255
#define PV_PKI_LEAF_DAYS_MAX 397
#define PV_PKI_AUTHORITY_DAYS_MAX 7305 /* 20 years */
#define PV_PKI_REVOKED_MAX 100000      /* in one list */
#define PV_PKI_CRL_MAX ((size_t)8 * 1024 * 1024)

struct pv_pki_key {
    size_t  len;
    uint8_t der[PV_PKI_KEY_MAX]; /* SubjectPublicKeyInfo */
    uint8_t hash[PV_PKI_HASH_LEN];
};

/* The key of a request in PEM, which the sender is proven to hold. */
enum pv_err pv_pki_request_key(struct pv_slice pem, struct pv_pki_key *ret,
                               struct pv_why *why) PV_MUST_CHECK;

/* A key from its bytes, in its one encoding; whose it is is not known. */
enum pv_err pv_pki_key_read(struct pv_slice der, struct pv_pki_key *ret,
                            struct pv_why *why) PV_MUST_CHECK;

/* Labels of letters, digits and hyphens with dots between, lower case. */
bool pv_pki_is_dns(struct pv_slice name);

/* Begins with http:// or https://, and has no byte that a URL may not have. */
bool pv_pki_is_url(struct pv_slice url);

/* ---- certificates of others ---- */

struct pv_pki_facts {
    struct pv_pki_key key;
    uint8_t           subject_hash[PV_PKI_HASH_LEN]; /* of the DER names */
    uint8_t           issuer_hash[PV_PKI_HASH_LEN];
    uint8_t           serial[PV_PKI_SERIAL_MAX];
    size_t            serial_len;
    int64_t           from_ms;
    int64_t           until_ms; /* the last moment that it is good */
    bool              is_authority;
};

/* One certificate in PEM; its key must be of a kind above. */
enum pv_err pv_pki_certificate_read(struct pv_slice      pem,
                                    struct pv_pki_facts *ret,
                                    struct pv_why       *why) PV_MUST_CHECK;

/*
 * Did the authority sign this certificate of a system, as an authority may, and
 * are both good at that moment? PV_EVERIFY: no.
 */
enum pv_err pv_pki_is_issued_by(struct pv_slice pem, struct pv_slice authority,
                                int64_t        at_ms,
                                struct pv_why *why) PV_MUST_CHECK;

/* ---- the authority ---- */

struct pv_pki_authority;

/*
 * A new authority: a P-256 key and the certificate that it signs itself, both
 * in PEM; name is its common name. serial and moments as of a leaf.
 */
enum pv_err pv_pki_make(struct pv_slice name,
                        const uint8_t   serial[PV_PKI_SERIAL_LEN],
                        int64_t from_ms, int64_t until_ms,
                        struct pv_buf *ret_certificate,
                        struct pv_buf *ret_key) PV_MUST_CHECK;

/* PV_EVERIFY: the key is not that of the certificate. */
enum pv_err pv_pki_open(struct pv_slice certificate, struct pv_slice key,
                        struct pv_pki_authority **ret,
                        struct pv_why            *why) PV_MUST_CHECK;
void        pv_pki_free(struct pv_pki_authority *authority); /* NULL ok */

/* Borrowed from the authority. */
const struct pv_pki_facts *
pv_pki_facts_of(const struct pv_pki_authority *authority);

/* A serial that nobody can guess, above zero, of full length. */
enum pv_err pv_pki_serial(uint8_t ret_serial[PV_PKI_SERIAL_LEN]) PV_MUST_CHECK;

/* What a certificate of ours says. All is borrowed. */
struct pv_pki_leaf {
    const struct pv_pki_key *key;
    struct pv_slice          name;         /* CN: the system */
    struct pv_slice          organisation; /* O: its agency */
    const struct pv_slice   *dns;          /* none: it only calls */
    size_t                   dns_count;
    uint8_t                  serial[PV_PKI_SERIAL_LEN];
    int64_t                  from_ms;
    int64_t                  until_ms; /* at most PV_PKI_LEAF_DAYS_MAX later */
    struct pv_slice          crl_url;  /* may be empty */
    struct pv_slice          ocsp_url;
};

/* The certificate in PEM, behind what out holds. */
enum pv_err pv_pki_issue(const struct pv_pki_authority *authority,
                         const struct pv_pki_leaf      *leaf,
                         struct pv_buf                 *out) PV_MUST_CHECK;

/* ---- revoked ones ---- */

/* RFC 5280 5.3.1; a hold is none: what is revoked stays so. */
enum pv_pki_reason {
    PV_PKI_UNSPECIFIED = 0,
    PV_PKI_KEY_COMPROMISE = 1,
    PV_PKI_AFFILIATION_CHANGED = 3,
    PV_PKI_SUPERSEDED = 4,
    PV_PKI_CESSATION = 5,
    PV_PKI_PRIVILEGE_WITHDRAWN = 9,
};

bool pv_pki_is_reason(unsigned number);

struct pv_pki_revoked {
    uint8_t            serial[PV_PKI_SERIAL_MAX];
    size_t             serial_len;
    int64_t            when_ms;
    enum pv_pki_reason reason;
};

/* The list in DER, behind what out holds. number grows with each. */
enum pv_err pv_pki_crl(const struct pv_pki_authority *authority,
                       const struct pv_pki_revoked *revoked, size_t count,
                       uint64_t number, int64_t this_ms, int64_t next_ms,
                       struct pv_buf *out) PV_MUST_CHECK;

#endif
