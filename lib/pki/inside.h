/* inside.h - what the files of lib/pki share. Private to it. */
#ifndef PV_PKI_INSIDE_H
#define PV_PKI_INSIDE_H

#include <openssl/x509.h>

#include "pki/pki.h"

struct pv_pki_authority {
    X509               *x509;
    EVP_PKEY           *key;
    const EVP_MD       *digest; /* NULL where the key brings its own */
    struct pv_pki_facts facts;
};

/* One block of PEM; NULL when it is none. Never asks for a passphrase. */
X509 *pv_pki_x509(struct pv_slice pem);

/* Its kind, its size, its one encoding. */
enum pv_err pv_pki_key_take(EVP_PKEY *key, struct pv_pki_key *ret,
                            struct pv_why *why) PV_MUST_CHECK;

/* For pem_password_cb: there is none. */
int pv_pki_no_password(char *room, int size, int writing, void *context);

/* An owned ASN1_INTEGER; NULL. */
ASN1_INTEGER *pv_pki_integer(const uint8_t *bytes, size_t len);

/* An owned ASN1_TIME of that second; NULL. */
ASN1_TIME *pv_pki_time(int64_t when_ms);

/* Add what a memory BIO holds to out. */
enum pv_err pv_pki_take_bio(BIO *bio, struct pv_buf *out) PV_MUST_CHECK;

/* The library's words for what failed are of no use to a caller. */
enum pv_err pv_pki_failed(void);

#endif
