/* ocsp_inside.h - what reading and answering share. Private to lib/pki. */
#ifndef PV_PKI_OCSP_INSIDE_H
#define PV_PKI_OCSP_INSIDE_H

#include <openssl/ocsp.h>

#include "pki/inside.h"
#include "pki/ocsp.h"

const EVP_MD *pv_ocsp_digest(enum pv_ocsp_digest digest); /* NULL: none */

/* The CertID as it was asked, owned; NULL. */
OCSP_CERTID *pv_ocsp_id(const struct pv_ocsp_asked *asked);

bool pv_ocsp_is_all_of(const struct pv_ocsp *ocsp, X509 *authority);

#endif
