/*
 * certificate.h - what a certificate says of its holder, for daemons behind an
 * nginx that has checked the chain.
 *
 * Threads: any.  Blocks: never.  Limits: PV_CERTIFICATE_PEM_MAX.
 */
#ifndef PV_CRYPTO_CERTIFICATE_H
#define PV_CRYPTO_CERTIFICATE_H

#include "base/slice.h"

#define PV_CERTIFICATE_PEM_MAX 16384
#define PV_CERTIFICATE_HASH_LEN 32
#define PV_CERTIFICATE_SERIAL_MAX 20 /* RFC 5280 4.1.2.2, bytes */

struct pv_certificate_facts {
    uint8_t key_hash[PV_CERTIFICATE_HASH_LEN];    /* of SubjectPublicKeyInfo */
    uint8_t issuer_hash[PV_CERTIFICATE_HASH_LEN]; /* of the issuer's name */
    uint8_t serial[PV_CERTIFICATE_SERIAL_MAX];
    uint8_t serial_len;
    int64_t not_before_ms;
    int64_t not_after_ms; /* the last moment that it is good */
};

/*
 * Read one PEM certificate. escaped: percent escapes are undone first, as in
 * nginx's $ssl_client_escaped_cert. Nothing is checked but the form.
 * PV_EINVAL: it is none; PV_ERANGE: past a maximum; PV_ECRYPTO, PV_ENOMEM.
 */
enum pv_err
pv_certificate_read(struct pv_slice pem, bool escaped,
                    struct pv_certificate_facts *ret_facts) PV_MUST_CHECK;

#endif
