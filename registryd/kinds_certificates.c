/*
 * kinds_certificates.c - certificates that nobody may call with any more.
 *
 * The id is the certificate's name: SHA-256 of its issuer's DER name in hex,
 * a slash, its serial in hex.
 */
#include "kind_tables.h"
#include "rules.h"

enum { CERT_NONE, CERT_REVOKED, CERT_STATES };
enum { CERT_REVOKE, CERT_EVENTS };

static const char *const cert_states[] = {"none", "revoked"};

static const uint8_t cert_next[CERT_STATES][CERT_EVENTS] = {
    [CERT_NONE] = {[CERT_REVOKE] = CERT_REVOKED},
};

static const struct pv_event cert_events[] = {
    [CERT_REVOKE] = {"revoke",
                     PV_BY_OPERATOR | PV_BY_SECRETARIAT | PV_BY_SECURITY,
                     NULL,
                     {pv_rule_certificate},
                     NULL},
};

static const struct pv_field cert_fields[] = {
    {.name = "agency",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_AGENCY,
     .set_by = ON(CERT_REVOKE)},
    {.name = "why", .type = PV_FIELD_TEXT, .set_by = ON(CERT_REVOKE)},
};

const struct pv_kind_row pv_kind_certificate = {
    "certificate", "گواهی",
    "R-106",       cert_states,
    CERT_STATES,   cert_events,
    CERT_EVENTS,   &cert_next[0][0],
    cert_fields,   COUNT(cert_fields),
    NULL};
