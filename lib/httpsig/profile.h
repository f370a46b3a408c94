/*
 * profile.h - how the messages of a governed call are signed (RFC 9421), and
 * what a signature of them must say to be taken.
 *
 *   request  label payvand, tag payvand-request
 *            covers @method @path content-digest, and of content-type,
 *            idempotency-key, payvand-consent, payvand-evidence what is there;
 *            has created, expires, nonce and keyid
 *   answer   label payvand, tag payvand-answer
 *            covers payvand-outcome payvand-tracking-id content-type
 *            content-digest, and of the request "@method" "@path", and
 *            content-digest and signature where they are there; has created,
 *            expires and keyid
 *
 * Between consumer and provider stands the exchange. It keeps the path and
 * the body, but the authority is its own on either side, and the status of an
 * answer is made from the outcome: so these two are no part of the profile,
 * and the outcome is. The tracking id is born in the exchange, so only the
 * answer can cover it; signature;req ties an answer to the one request.
 *
 * A reader takes more than the profile's maker writes: other components that
 * base.h knows may be covered too. It never takes less.
 *
 * Errors:  PV_EVERIFY with the fault: the message is not taken. PV_ECRYPTO,
 *          PV_ENOMEM, PV_ERANGE: not known, so not taken either.
 * Threads: any.  Blocks: never.
 */
#ifndef PV_HTTPSIG_PROFILE_H
#define PV_HTTPSIG_PROFILE_H

#include "httpsig/base.h"
#include "httpsig/digest.h"
#include "httpsig/fault.h"
#include "httpsig/key.h"

#define PV_HTTPSIG_LABEL "payvand"
#define PV_HTTPSIG_TAG_REQUEST "payvand-request"
#define PV_HTTPSIG_TAG_ANSWER "payvand-answer"
#define PV_HTTPSIG_VALID_MAX_S 60 /* from created to expires */
#define PV_HTTPSIG_SKEW_MAX_S 30  /* between the two clocks */
#define PV_HTTPSIG_FIELDS_MAX 16  /* of a message that is signed */
#define PV_HTTPSIG_MADE_INPUT_MAX 768
#define PV_HTTPSIG_MADE_SIGNATURE_LEN                                          \
    (sizeof(PV_HTTPSIG_LABEL "=::") - 1 +                                      \
     PV_BASE64_LEN(PV_HTTPSIG_SIGNATURE_LEN))

/* The values of the three fields. */
struct pv_httpsig_made {
    char digest[PV_HTTPSIG_DIGEST_LEN + 1];            /* Content-Digest */
    char input[PV_HTTPSIG_MADE_INPUT_MAX + 1];         /* Signature-Input */
    char signature[PV_HTTPSIG_MADE_SIGNATURE_LEN + 1]; /* Signature */
};

/*
 * First half of signing, for who has no key at hand: the digest, the input,
 * and in base the bytes to sign. message has all fields that may be covered
 * but content-digest. Without "signature" in ->request, an answer is bound to
 * the method, the path and the digest alone.
 */
enum pv_err pv_httpsig_prepare(const struct pv_httpsig_message *message,
                               struct pv_slice body, const char *keyid,
                               int64_t now_s, struct pv_httpsig_made *ret,
                               struct pv_buf *base) PV_MUST_CHECK;

/* Second half: put the signature of base in its place. */
void pv_httpsig_finish(const uint8_t signature[PV_HTTPSIG_SIGNATURE_LEN],
                       struct pv_httpsig_made *made);

/* Both, with a key. */
enum pv_err pv_httpsig_sign(const struct pv_httpsig_key     *key,
                            const struct pv_httpsig_message *message,
                            struct pv_slice body, int64_t now_s,
                            struct pv_httpsig_made *ret) PV_MUST_CHECK;

/* Has it one of the fields Signature and Signature-Input? */
bool pv_httpsig_is_signed(const struct pv_httpsig_message *message);

/*
 * First half of verifying, before a key is looked for: the form, what is
 * covered, the digest of the body, the times. ret_input borrows the message.
 */
enum pv_err pv_httpsig_open(const struct pv_httpsig_message *message,
                            struct pv_slice body, int64_t now_s,
                            struct pv_httpsig_input *ret_input,
                            enum pv_httpsig_fault   *ret_fault) PV_MUST_CHECK;

/* The same without body and times, for a message that was kept: its digest
   says which body it had. */
enum pv_err
pv_httpsig_open_kept(const struct pv_httpsig_message *message,
                     struct pv_httpsig_input         *ret_input,
                     enum pv_httpsig_fault           *ret_fault) PV_MUST_CHECK;

/* Second half: is it this key's signature? */
enum pv_err pv_httpsig_verify(const struct pv_httpsig_key     *key,
                              const struct pv_httpsig_message *message,
                              const struct pv_httpsig_input   *input,
                              enum pv_httpsig_fault *ret_fault) PV_MUST_CHECK;

#endif
