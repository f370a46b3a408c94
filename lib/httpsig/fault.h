/*
 * fault.h - why a signed message is not taken: a word, and a sentence in each
 * language. It never holds a value of the message.
 *
 * Threads: any.  Blocks: never.
 */
#ifndef PV_HTTPSIG_FAULT_H
#define PV_HTTPSIG_FAULT_H

#include "base/slice.h"

enum pv_httpsig_fault {
    PV_HTTPSIG_NONE = 0,
    PV_HTTPSIG_MISSING,  /* not signed, and it has to be */
    PV_HTTPSIG_FORM,     /* the fields are not of the form in input.h */
    PV_HTTPSIG_COVERAGE, /* what must be covered is not, or is not there */
    PV_HTTPSIG_DIGEST,   /* Content-Digest is of another body, or is none */
    PV_HTTPSIG_CLOCK,    /* ended, not begun, or valid for too long */
    PV_HTTPSIG_KEY,      /* a key that is not registered for the signer */
    PV_HTTPSIG_WRONG,    /* the signature is not of this message */
    PV_HTTPSIG_REPLAYED, /* this very request was taken before */
    PV_HTTPSIG_FAULT_END
};

/* "signature-missing" ...: the last part of urn:payvand:problem:<word>. */
struct pv_slice pv_httpsig_fault_word(enum pv_httpsig_fault fault);

/* Static texts; empty for PV_HTTPSIG_NONE. */
const char *pv_httpsig_fault_urn(enum pv_httpsig_fault fault);
const char *pv_httpsig_fault_en(enum pv_httpsig_fault fault);
const char *pv_httpsig_fault_fa(enum pv_httpsig_fault fault);

#endif
