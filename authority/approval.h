/*
 * approval.h - the decision that a certificate is issued for. Private to
 * authority/.
 *
 * Errors: PV_EVERIFY the proof does not hold; PV_EREFUSED the decision is not
 *         such a one, or of another authority or key; why tells. PV_ENOMEM.
 */
#ifndef PV_AUTHORITY_APPROVAL_H
#define PV_AUTHORITY_APPROVAL_H

#include <jansson.h>

#include "pki/pki.h"
#include "trace/checkpoint.h"

struct pv_approval {
    uint64_t              number; /* of the decision */
    struct pv_slice       note;
    struct pv_slice       document;
    struct pv_slice       key; /* SubjectPublicKeyInfo */
    const struct pv_hash *proof;
    size_t                proof_count;
};

/* What it says; slices point into ->document. */
struct pv_approved {
    json_t           *document; /* owned */
    struct pv_pki_key key;
    struct pv_slice   system;
    struct pv_slice   agency;
    struct pv_slice   dns[PV_PKI_DNS_MAX];
    size_t            dns_count;
    int64_t           days;
};

/*
 * Does the document stand in the log of this key at its number, and does it
 * approve a certificate of this authority for this key?
 */
enum pv_err pv_approval_check(const struct pv_approval *approval,
                              const struct pv_note_key *log, struct pv_slice id,
                              struct pv_approved *ret,
                              struct pv_why      *why) PV_MUST_CHECK;
void        pv_approved_clear(struct pv_approved *approved);

#endif
