/*
 * digest.h - the field Content-Digest (RFC 9530) of a whole body.
 *
 * Made with sha-256. Read with sha-256, sha-512 or both; another algorithm, or
 * one twice, is refused.
 *
 * Threads: any.  Blocks: never.
 */
#ifndef PV_HTTPSIG_DIGEST_H
#define PV_HTTPSIG_DIGEST_H

#include "base/base64.h"

#define PV_HTTPSIG_DIGEST_LEN                                                  \
    (sizeof("sha-256=::") - 1 + PV_BASE64_LEN(32)) /* as it is made */

/* The value and a NUL. PV_ECRYPTO. */
enum pv_err
pv_httpsig_digest_make(struct pv_slice body,
                       char ret[PV_HTTPSIG_DIGEST_LEN + 1]) PV_MUST_CHECK;

/* PV_EVERIFY: of another body. PV_EINVAL: not such a value. PV_ECRYPTO. */
enum pv_err pv_httpsig_digest_check(struct pv_slice value,
                                    struct pv_slice body) PV_MUST_CHECK;

#endif
