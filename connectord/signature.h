/*
 * signature.h - the signatures of calls: those of requests are verified, for
 * systems whose keys are registered here; every answer is signed, where this
 * connector has a key.
 *
 * A request is taken once (httpsig/nonces.h). What was taken before a start is
 * not remembered: a request made before it, by its `created`, is refused as too
 * old. A consumer whose clock is ahead, by PV_HTTPSIG_SKEW_MAX_S at most, makes
 * requests that look newer for so long; a command acts once all the same
 * (R-046).
 *
 * Threads: one.  Blocks: as pv_signer_sign does; _init for up to a second,
 * where requests are verified.
 */
#ifndef PV_CONNECTORD_SIGNATURE_H
#define PV_CONNECTORD_SIGNATURE_H

#include "connectord/config.h"
#include "connectord/signer.h"
#include "httpsig/nonces.h"

#define PV_SIGNATURE_NONCES_MAX (1u << 17) /* of one PV_NONCES_LIFE_S */

struct pv_signatures {
    const struct pv_connector_config *config;
    struct pv_signer                 *signer; /* fd -1: none */
    struct pv_nonces *nonces;  /* NULL: no consumer has a key here */
    int64_t           since_s; /* wall clock, at the start */
};

enum pv_err pv_signatures_init(struct pv_signatures             *signatures,
                               const struct pv_connector_config *config,
                               struct pv_signer *signer) PV_MUST_CHECK;
void        pv_signatures_clear(struct pv_signatures *signatures);

/*
 * May this request of the system be taken? PV_EVERIFY: no, for the fault.
 * PV_EFULL: too many requests were signed; PV_ECRYPTO, PV_ENOMEM. Without a
 * registered key of the system only a Content-Digest is checked.
 */
enum pv_err pv_signatures_check(struct pv_signatures            *signatures,
                                const struct pv_httpsig_message *request,
                                struct pv_slice body, const char *system,
                                enum pv_httpsig_fault *ret_fault) PV_MUST_CHECK;

/* Answers that are signed together. */
struct pv_signing {
    struct pv_buf           bases; /* for pv_signer_sign */
    struct pv_httpsig_made *made[PV_SIGNER_BATCH];
    size_t                  count;
};

void pv_signing_init(struct pv_signing *signing);
void pv_signing_clear(struct pv_signing *signing);

/*
 * Add an answer, whose ret is whole after _make. PV_ENOTFOUND: there is no key
 * here; PV_EFULL: no room for one more, _make first.
 */
enum pv_err pv_signatures_add(const struct pv_signatures      *signatures,
                              const struct pv_httpsig_message *answer,
                              struct pv_slice body, struct pv_signing *signing,
                              struct pv_httpsig_made *ret) PV_MUST_CHECK;

/* Sign them, and empty signing. PV_ECLOSED: none of them is signed. */
enum pv_err pv_signatures_make(const struct pv_signatures *signatures,
                               struct pv_signing *signing) PV_MUST_CHECK;

#endif
