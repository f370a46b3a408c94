/*
 * kinds_certificates.c - who may sign certificates, who asks for one, and the
 * certificates themselves.
 *
 * A request's approval says all that the certificate will say: the authority's
 * process signs what stands in that decision, and nothing else.
 * A certificate's id is its name: SHA-256 of its issuer's DER name in hex, a
 * slash, its serial in hex.
 */
#include "kind_tables.h"
#include "rules.h"

/* ---- authority: proposed by one, registered by another ---- */

enum { CA_NONE, CA_PROPOSED, CA_REGISTERED, CA_ENDED, CA_STATES };
enum { CA_PROPOSE, CA_REGISTER, CA_END, CA_EVENTS };

static const char *const ca_states[] = {"none", "proposed", "registered",
                                        "ended"};

static const uint8_t ca_next[CA_STATES][CA_EVENTS] = {
    [CA_NONE] = {[CA_PROPOSE] = CA_PROPOSED},
    [CA_PROPOSED] = {[CA_REGISTER] = CA_REGISTERED, [CA_END] = CA_ENDED},
    [CA_REGISTERED] = {[CA_END] = CA_ENDED},
};

static const struct pv_event ca_events[] = {
    [CA_PROPOSE] = {"propose",
                    PV_BY_OPERATOR | PV_BY_SECRETARIAT,
                    NULL,
                    {pv_rule_authority},
                    NULL},
    [CA_REGISTER] = {"register",
                     PV_BY_OPERATOR | PV_BY_SECRETARIAT | PV_BY_WORKING_GROUP,
                     "propose",
                     {NULL},
                     NULL},
    [CA_END] = {"end", PV_BY_OPERATOR | PV_BY_SECRETARIAT, NULL, {NULL}, NULL},
};

static const struct pv_field ca_fields[] = {
    {.name = "name_fa",
     .type = PV_FIELD_TEXT,
     .set_by = ON(CA_PROPOSE),
     .needed_by = ON(CA_PROPOSE)},
    {.name = "name_en", .type = PV_FIELD_TEXT, .set_by = ON(CA_PROPOSE)},
    {.name = "certificate",
     .type = PV_FIELD_TEXT,
     .set_by = ON(CA_PROPOSE),
     .needed_by = ON(CA_PROPOSE)},
};

const struct pv_kind_row pv_kind_authority = {
    "authority", "مرجع صدور گواهی", "R-106",           ca_states,
    CA_STATES,   ca_events,         CA_EVENTS,         &ca_next[0][0],
    ca_fields,   COUNT(ca_fields),  pv_refer_authority};

/* ---- request: a new key for a system ---- */

enum {
    ASK_NONE,
    ASK_REQUESTED,
    ASK_APPROVED,
    ASK_ISSUED,
    ASK_REFUSED,
    ASK_STATES
};
enum { ASK_REQUEST, ASK_APPROVE, ASK_REFUSE, ASK_ISSUE, ASK_EVENTS };

static const char *const ask_states[] = {"none", "requested", "approved",
                                         "issued", "refused"};

static const uint8_t ask_next[ASK_STATES][ASK_EVENTS] = {
    [ASK_NONE] = {[ASK_REQUEST] = ASK_REQUESTED},
    [ASK_REQUESTED] =
        {[ASK_APPROVE] = ASK_APPROVED, [ASK_REFUSE] = ASK_REFUSED},
    [ASK_APPROVED] = {[ASK_ISSUE] = ASK_ISSUED},
};

static const struct pv_event ask_events[] = {
    [ASK_REQUEST] =
        {"request", PV_BY_TECHNICAL, NULL, {pv_rule_signing_request}, NULL},
    [ASK_APPROVE] = {"approve",
                     PV_BY_OPERATOR | PV_BY_SECRETARIAT | PV_BY_SECURITY,
                     "request",
                     {pv_rule_approval},
                     NULL},
    [ASK_REFUSE] = {"refuse",
                    PV_BY_OPERATOR | PV_BY_SECRETARIAT | PV_BY_SECURITY |
                        PV_BY_TECHNICAL,
                    NULL,
                    {NULL},
                    NULL},
    [ASK_ISSUE] = {"issue", 0, NULL, {NULL}, NULL},
};

#define ASK_BOTH (ON(ASK_REQUEST) | ON(ASK_APPROVE))

static const struct pv_field ask_fields[] = {
    {.name = "agency",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_AGENCY,
     .set_by = ASK_BOTH,
     .needed_by = ASK_BOTH},
    {.name = "system",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_SYSTEM,
     .set_by = ASK_BOTH,
     .needed_by = ASK_BOTH},
    {.name = "authority",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_AUTHORITY,
     .set_by = ASK_BOTH,
     .needed_by = ASK_BOTH},
    {.name = "csr",
     .type = PV_FIELD_TEXT,
     .set_by = ON(ASK_REQUEST),
     .needed_by = ON(ASK_REQUEST)},
    {.name = "spki_sha256",
     .type = PV_FIELD_ID,
     .set_by = ON(ASK_APPROVE),
     .needed_by = ON(ASK_APPROVE)},
    {.name = "names",
     .type = PV_FIELD_TEXT,
     .is_list = true,
     .set_by = ASK_BOTH},
    {.name = "days",
     .type = PV_FIELD_NUMBER,
     .set_by = ON(ASK_APPROVE),
     .needed_by = ON(ASK_APPROVE)},
    {.name = "overlap_days", .type = PV_FIELD_NUMBER, .set_by = ASK_BOTH},
    {.name = "certificate",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_CERTIFICATE,
     .set_by = ON(ASK_ISSUE),
     .needed_by = ON(ASK_ISSUE)},
};

const struct pv_kind_row pv_kind_certificate_request = {"certificate-request",
                                                        "درخواست گواهی",
                                                        "R-106",
                                                        ask_states,
                                                        ASK_STATES,
                                                        ask_events,
                                                        ASK_EVENTS,
                                                        &ask_next[0][0],
                                                        ask_fields,
                                                        COUNT(ask_fields),
                                                        NULL};

/* ---- certificate ---- */

enum { CERT_NONE, CERT_VALID, CERT_REVOKED, CERT_STATES };
enum { CERT_ISSUE, CERT_REGISTER, CERT_REVOKE, CERT_EVENTS };

static const char *const cert_states[] = {"none", "valid", "revoked"};

static const uint8_t cert_next[CERT_STATES][CERT_EVENTS] = {
    [CERT_NONE] = {[CERT_ISSUE] = CERT_VALID,
                   [CERT_REGISTER] = CERT_VALID,
                   [CERT_REVOKE] = CERT_REVOKED},
    [CERT_VALID] = {[CERT_REVOKE] = CERT_REVOKED},
    [CERT_REVOKED] = {[CERT_REVOKE] = CERT_REVOKED}, /* others know its key */
};

static const struct pv_event cert_events[] = {
    [CERT_ISSUE] = {"issue",
                    PV_BY_AUTHORITY,
                    NULL,
                    {pv_rule_issue},
                    pv_effect_certificate},
    [CERT_REGISTER] = {"register",
                       PV_BY_SECRETARIAT | PV_BY_SECURITY | PV_BY_TECHNICAL,
                       NULL,
                       {pv_rule_outside},
                       pv_effect_certificate},
    [CERT_REVOKE] = {"revoke",
                     PV_BY_OPERATOR | PV_BY_SECRETARIAT | PV_BY_SECURITY |
                         PV_BY_TECHNICAL,
                     NULL,
                     {pv_rule_certificate},
                     pv_effect_revoked},
};

static const char *const cert_reasons[] = {
    "unspecified", "key-compromise",         "affiliation-changed",
    "superseded",  "cessation-of-operation", "privilege-withdrawn",
    NULL};

static const struct pv_field cert_fields[] = {
    {.name = "agency",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_AGENCY,
     .set_by = ON(CERT_REGISTER) | ON(CERT_REVOKE),
     .needed_by = ON(CERT_REGISTER)},
    {.name = "system",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_SYSTEM,
     .set_by = ON(CERT_REGISTER),
     .needed_by = ON(CERT_REGISTER)},
    {.name = "authority",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_AUTHORITY,
     .set_by = ON(CERT_REGISTER),
     .needed_by = ON(CERT_REGISTER)},
    {.name = "overlap_days",
     .type = PV_FIELD_NUMBER,
     .set_by = ON(CERT_REGISTER)},
    {.name = "request",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_CERTIFICATE_REQUEST,
     .set_by = ON(CERT_ISSUE),
     .needed_by = ON(CERT_ISSUE)},
    {.name = "certificate",
     .type = PV_FIELD_TEXT,
     .set_by = ON(CERT_ISSUE) | ON(CERT_REGISTER),
     .needed_by = ON(CERT_ISSUE) | ON(CERT_REGISTER)},
    {.name = "reason_code",
     .type = PV_FIELD_WORD,
     .words = cert_reasons,
     .set_by = ON(CERT_REVOKE)},
    {.name = "why", .type = PV_FIELD_TEXT, .set_by = ON(CERT_REVOKE)},
};

const struct pv_kind_row pv_kind_certificate = {"certificate",
                                                "گواهی",
                                                "R-106",
                                                cert_states,
                                                CERT_STATES,
                                                cert_events,
                                                CERT_EVENTS,
                                                &cert_next[0][0],
                                                cert_fields,
                                                COUNT(cert_fields),
                                                pv_refer_certificate};
