/*
 * rules_certificates.h - what the rules of authorities, requests, certificates
 * and revocations share. Private to registryd.
 *
 * Errors: PV_EREFUSED with the refusal said; those of the store. Threads: one.
 */
#ifndef PV_REGISTRYD_RULES_CERTIFICATES_H
#define PV_REGISTRYD_RULES_CERTIFICATES_H

#include "base/num.h"
#include "kind_tables.h"
#include "pki/pki.h"
#include "rules.h"

#define PV_HASH_TEXT_LEN (2 * PV_PKI_HASH_LEN)

/* ---- rules_authorities.c ---- */

void pv_hash_text(const uint8_t hash[PV_PKI_HASH_LEN],
                  char          room[PV_HASH_TEXT_LEN + 1]);

/* A member of a body; borrowed. */
struct pv_slice pv_text_of(const json_t *body, const char *name);

/*
 * What the library says of what came from outside, as a refusal with that word;
 * other errors are our own faults, and stay.
 */
enum pv_err pv_told(struct pv_change *change, enum pv_err err, const char *word,
                    const struct pv_why *why) PV_MUST_CHECK;

/* Key and last day (in Tehran, the whole day or in part) into the body. */
enum pv_err pv_set_facts(struct pv_change          *change,
                         const struct pv_pki_facts *facts) PV_MUST_CHECK;

/* A registered authority; its body is owned by the caller. */
enum pv_err pv_registered_authority(struct pv_change *change, const char *id,
                                    struct pv_record *ret) PV_MUST_CHECK;

/* ---- rules_requests.c ---- */

/* The body's system is its agency's, and takes certificates. */
enum pv_err pv_check_holder(struct pv_change *change) PV_MUST_CHECK;

/* overlap_days of a request, an approval or a certificate from outside. */
enum pv_err pv_check_overlap(struct pv_change *change) PV_MUST_CHECK;

/* ---- rules_certificates.c ---- */

/* The record's id names no certificate, or another one. */
enum pv_err pv_refuse_certificate(struct pv_change *change) PV_MUST_CHECK;

#endif
