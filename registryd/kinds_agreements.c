/*
 * kinds_agreements.c - agreements, exemptions, links outside the exchange,
 * inquiries on their way from paper, systems that answer for others.
 */
#include "kind_tables.h"
#include "rules.h"

/* ---- agreement with three signatures (R-232, R-233, R-235) ---- */

enum {
    AGREE_NONE,
    AGREE_DRAFT,
    AGREE_OPEN,
    AGREE_ONE,
    AGREE_TWO,
    AGREE_IN_FORCE,
    AGREE_ENDED,
    AGREE_STATES
};
enum {
    AGREE_WRITE,
    AGREE_OPENING,
    AGREE_SIGN,
    AGREE_MEASURE,
    AGREE_END,
    AGREE_EVENTS
};

static const char *const agree_states[] = {
    "none",           "draft",    "open", "one-signature",
    "two-signatures", "in-force", "ended"};

static const uint8_t agree_next[AGREE_STATES][AGREE_EVENTS] = {
    [AGREE_NONE] = {[AGREE_WRITE] = AGREE_DRAFT},
    [AGREE_DRAFT] = {[AGREE_WRITE] = AGREE_DRAFT, [AGREE_OPENING] = AGREE_OPEN},
    [AGREE_OPEN] = {[AGREE_SIGN] = AGREE_ONE, [AGREE_END] = AGREE_ENDED},
    [AGREE_ONE] = {[AGREE_SIGN] = AGREE_TWO, [AGREE_END] = AGREE_ENDED},
    [AGREE_TWO] = {[AGREE_SIGN] = AGREE_IN_FORCE, [AGREE_END] = AGREE_ENDED},
    [AGREE_IN_FORCE] =
        {[AGREE_MEASURE] = AGREE_IN_FORCE, [AGREE_END] = AGREE_ENDED},
};

static const struct pv_event agree_events[] = {
    [AGREE_WRITE] = {"write",
                     PV_BY_SECRETARIAT,
                     NULL,
                     {pv_rule_three_parties, pv_rule_terms,
                      pv_rule_agreed_grants},
                     NULL},
    [AGREE_OPENING] =
        {"open", PV_BY_SECRETARIAT, NULL, {pv_rule_criteria}, NULL},
    [AGREE_SIGN] = {"sign", PV_BY_PARTY, "sign", {pv_rule_signature}, NULL},
    [AGREE_MEASURE] =
        {"measure", PV_BY_OPERATOR, NULL, {pv_rule_measured}, NULL},
    [AGREE_END] = {"end", PV_BY_SECRETARIAT | PV_BY_PARTY, NULL, {NULL}, NULL},
};

static const char *const agree_words[] = {"service-level", "data-exchange",
                                          NULL};

static const struct pv_field agree_fields[] = {
    {.name = "kind",
     .type = PV_FIELD_WORD,
     .words = agree_words,
     .set_by = ON(AGREE_WRITE)},
    {.name = "parties",
     .type = PV_FIELD_RECORD,
     .is_list = true,
     .target = PV_KIND_AGENCY,
     .set_by = ON(AGREE_WRITE)},
    {.name = "version",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_VERSION,
     .set_by = ON(AGREE_WRITE)},
    {.name = "text_fa", .type = PV_FIELD_TEXT, .set_by = ON(AGREE_WRITE)},
    {.name = "grants", /* that it is about */
     .type = PV_FIELD_RECORD,
     .is_list = true,
     .target = PV_KIND_GRANT,
     .set_by = ON(AGREE_WRITE)},
    {.name = "terms", /* limits: quality.h */
     .type = PV_FIELD_JSON,
     .is_list = true,
     .set_by = ON(AGREE_WRITE)},
    {.name = "measured",
     .type = PV_FIELD_JSON,
     .is_list = true,
     .set_by = ON(AGREE_MEASURE),
     .needed_by = ON(AGREE_MEASURE)},
    {.name = "breaches", .type = PV_FIELD_JSON, .is_list = true},
    {.name = "criteria",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_INSTRUCTION,
     .set_by = ON(AGREE_OPENING),
     .needed_by = ON(AGREE_OPENING)},
    {.name = "signed_by", .type = PV_FIELD_ID, .is_list = true},
};

const struct pv_kind_row pv_kind_agreement = {
    "agreement",  "توافق‌نامه",
    "R-233",      agree_states,
    AGREE_STATES, agree_events,
    AGREE_EVENTS, &agree_next[0][0],
    agree_fields, COUNT(agree_fields),
    NULL};

/* ---- exemption of classified things (R-005) ---- */

enum {
    FREE_NONE,
    FREE_REQUESTED,
    FREE_DECIDED,
    FREE_REFUSED,
    FREE_ENDED,
    FREE_STATES
};
enum { FREE_REQUEST, FREE_DECIDE, FREE_REFUSE, FREE_END, FREE_EVENTS };

static const char *const free_states[] = {"none", "requested", "decided",
                                          "refused", "ended"};

static const uint8_t free_next[FREE_STATES][FREE_EVENTS] = {
    [FREE_NONE] = {[FREE_REQUEST] = FREE_REQUESTED},
    [FREE_REQUESTED] =
        {[FREE_DECIDE] = FREE_DECIDED, [FREE_REFUSE] = FREE_REFUSED},
    [FREE_DECIDED] = {[FREE_END] = FREE_ENDED},
};

static const struct pv_event free_events[] = {
    [FREE_REQUEST] =
        {"request", PV_BY_AGENCY | PV_BY_SECURITY, NULL, {NULL}, NULL},
    [FREE_DECIDE] =
        {"decide", PV_BY_WORKING_GROUP, "request", {pv_rule_enacted}, NULL},
    [FREE_REFUSE] = {"refuse", PV_BY_WORKING_GROUP, NULL, {NULL}, NULL},
    [FREE_END] = {"end", PV_BY_WORKING_GROUP, NULL, {NULL}, NULL},
};

static const struct pv_field free_fields[] = {
    {.name = "agency",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_AGENCY,
     .set_by = ON(FREE_REQUEST),
     .needed_by = ON(FREE_REQUEST)},
    {.name = "service", .type = PV_FIELD_ID, .set_by = ON(FREE_REQUEST)},
    {.name = "scope",
     .type = PV_FIELD_TEXT,
     .set_by = ON(FREE_REQUEST),
     .needed_by = ON(FREE_REQUEST)},
    {.name = "resolution",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_RESOLUTION,
     .set_by = ON(FREE_DECIDE),
     .needed_by = ON(FREE_DECIDE)},
    {.name = "until", .type = PV_FIELD_DAY, .set_by = ON(FREE_DECIDE)},
};

const struct pv_kind_row pv_kind_exemption = {
    "exemption", "معافیت",           "R-005",           free_states,
    FREE_STATES, free_events,        FREE_EVENTS,       &free_next[0][0],
    free_fields, COUNT(free_fields), pv_refer_exemption};

/* ---- link between agencies outside the exchange (R-007, R-008) ---- */

enum {
    LINK_NONE,
    LINK_DECLARED,
    LINK_PROPOSED,
    LINK_PERMITTED,
    LINK_LEAVING,
    LINK_REMOVED,
    LINK_STATES
};
enum {
    LINK_DECLARE,
    LINK_PROPOSE,
    LINK_PERMIT,
    LINK_EXEMPT,
    LINK_LEAVE,
    LINK_REMOVE,
    LINK_EVENTS
};

static const char *const link_states[] = {
    "none", "declared", "proposed", "permitted", "decommissioning", "removed"};

static const uint8_t link_next[LINK_STATES][LINK_EVENTS] = {
    [LINK_NONE] =
        {[LINK_DECLARE] = LINK_DECLARED, [LINK_PROPOSE] = LINK_PROPOSED},
    [LINK_DECLARED] = {[LINK_PERMIT] = LINK_PERMITTED,
                       [LINK_EXEMPT] = LINK_DECLARED,
                       [LINK_LEAVE] = LINK_LEAVING,
                       [LINK_REMOVE] = LINK_REMOVED},
    [LINK_PROPOSED] =
        {[LINK_PERMIT] = LINK_PERMITTED, [LINK_REMOVE] = LINK_REMOVED},
    [LINK_PERMITTED] = {[LINK_EXEMPT] = LINK_PERMITTED,
                        [LINK_LEAVE] = LINK_LEAVING,
                        [LINK_REMOVE] = LINK_REMOVED},
    [LINK_LEAVING] = {[LINK_REMOVE] = LINK_REMOVED},
};

static const struct pv_event link_events[] = {
    [LINK_DECLARE] = {"declare",
                      PV_BY_PARTY | PV_BY_SECRETARIAT,
                      NULL,
                      {pv_rule_old_link},
                      pv_effect_link_declared},
    [LINK_PROPOSE] = {"propose", PV_BY_PARTY, NULL, {NULL}, NULL},
    [LINK_PERMIT] = {"permit", PV_BY_COUNCIL, NULL, {NULL}, NULL},
    [LINK_EXEMPT] =
        {"exempt", PV_BY_SECRETARIAT, NULL, {pv_rule_link_exempt}, NULL},
    [LINK_LEAVE] = {"decommission",
                    PV_BY_SECRETARIAT,
                    NULL,
                    {NULL},
                    pv_effect_link_leaves},
    [LINK_REMOVE] = {"remove",
                     PV_BY_PARTY | PV_BY_SECRETARIAT,
                     NULL,
                     {NULL},
                     pv_effect_link_removed},
};

#define LINK_MADE (ON(LINK_DECLARE) | ON(LINK_PROPOSE))

static const struct pv_field link_fields[] = {
    {.name = "parties",
     .type = PV_FIELD_RECORD,
     .is_list = true,
     .target = PV_KIND_AGENCY,
     .set_by = LINK_MADE,
     .needed_by = LINK_MADE},
    {.name = "what_fa",
     .type = PV_FIELD_TEXT,
     .set_by = LINK_MADE,
     .needed_by = LINK_MADE},
    {.name = "base_data",
     .type = PV_FIELD_FLAG,
     .set_by = LINK_MADE,
     .needed_by = LINK_MADE},
    {.name = "since",
     .type = PV_FIELD_DAY,
     .set_by = ON(LINK_DECLARE),
     .needed_by = ON(LINK_DECLARE)},
    {.name = "permit",
     .type = PV_FIELD_TEXT,
     .set_by = ON(LINK_PERMIT),
     .needed_by = ON(LINK_PERMIT)},
    {.name = "exemption",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_EXEMPTION,
     .set_by = ON(LINK_EXEMPT),
     .needed_by = ON(LINK_EXEMPT)},
    {.name = "replaced_by",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_VERSION,
     .set_by = ON(LINK_LEAVE)},
};

const struct pv_kind_row pv_kind_link = {
    "link",      "ارتباط اختصاصی",   "R-007",     link_states,
    LINK_STATES, link_events,        LINK_EVENTS, &link_next[0][0],
    link_fields, COUNT(link_fields), NULL};

/* ---- a kind of inquiry, on its way from paper (R-009) ---- */

enum { ASK_NONE, ASK_PAPER, ASK_BOTH, ASK_ELECTRONIC, ASK_STATES };
enum { ASK_REGISTER, ASK_OFFER, ASK_END_PAPER, ASK_REPORT, ASK_EVENTS };

static const char *const ask_states[] = {"none", "paper", "both", "electronic"};

static const uint8_t ask_next[ASK_STATES][ASK_EVENTS] = {
    [ASK_NONE] = {[ASK_REGISTER] = ASK_PAPER},
    [ASK_PAPER] = {[ASK_OFFER] = ASK_BOTH, [ASK_REPORT] = ASK_PAPER},
    [ASK_BOTH] = {[ASK_END_PAPER] = ASK_ELECTRONIC, [ASK_REPORT] = ASK_BOTH},
    [ASK_ELECTRONIC] = {[ASK_REPORT] = ASK_ELECTRONIC},
};

static const struct pv_event ask_events[] = {
    [ASK_REGISTER] =
        {"register", PV_BY_AGENCY | PV_BY_SECRETARIAT, NULL, {NULL}, NULL},
    [ASK_OFFER] = {"offer",
                   PV_BY_AGENCY | PV_BY_SECRETARIAT,
                   NULL,
                   {pv_rule_electronic},
                   NULL},
    [ASK_END_PAPER] = {"end-paper",
                       PV_BY_AGENCY | PV_BY_SECRETARIAT,
                       NULL,
                       {pv_rule_electronic},
                       NULL},
    [ASK_REPORT] =
        {"report-paper", PV_BY_AGENCY, NULL, {pv_rule_paper_report}, NULL},
};

static const struct pv_field ask_fields[] = {
    {.name = "agency",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_AGENCY,
     .set_by = ON(ASK_REGISTER),
     .needed_by = ON(ASK_REGISTER)},
    {.name = "name_fa",
     .type = PV_FIELD_TEXT,
     .set_by = ON(ASK_REGISTER),
     .needed_by = ON(ASK_REGISTER)},
    {.name = "name_en", .type = PV_FIELD_TEXT, .set_by = ON(ASK_REGISTER)},
    {.name = "version",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_VERSION,
     .set_by = ON(ASK_OFFER),
     .needed_by = ON(ASK_OFFER)},
    {.name = "asked_by",
     .type = PV_FIELD_PARTY,
     .set_by = ON(ASK_REPORT),
     .needed_by = ON(ASK_REPORT)},
    {.name = "received",
     .type = PV_FIELD_DAY,
     .set_by = ON(ASK_REPORT),
     .needed_by = ON(ASK_REPORT)},
    {.name = "letter",
     .type = PV_FIELD_TEXT,
     .set_by = ON(ASK_REPORT),
     .needed_by = ON(ASK_REPORT)},
};

const struct pv_kind_row pv_kind_inquiry = {
    "inquiry",  "استعلام",         "R-009",    ask_states,
    ASK_STATES, ask_events,        ASK_EVENTS, &ask_next[0][0],
    ask_fields, COUNT(ask_fields), NULL};

/* ---- a system that answers for another agency (R-029) ---- */

enum {
    FOR_NONE,
    FOR_PROPOSED,
    FOR_IN_FORCE,
    FOR_REFUSED,
    FOR_ENDED,
    FOR_STATES
};
enum { FOR_PROPOSE, FOR_CONFIRM, FOR_REFUSE, FOR_END, FOR_EVENTS };

static const char *const for_states[] = {"none", "proposed", "in-force",
                                         "refused", "ended"};

static const uint8_t for_next[FOR_STATES][FOR_EVENTS] = {
    [FOR_NONE] = {[FOR_PROPOSE] = FOR_PROPOSED},
    [FOR_PROPOSED] = {[FOR_CONFIRM] = FOR_IN_FORCE,
                      [FOR_REFUSE] = FOR_REFUSED,
                      [FOR_END] = FOR_ENDED},
    [FOR_IN_FORCE] = {[FOR_END] = FOR_ENDED},
};

static const struct pv_event for_events[] = {
    [FOR_PROPOSE] = {"propose",
                     PV_BY_SECRETARIAT | PV_BY_AGENCY,
                     NULL,
                     {pv_rule_representation},
                     NULL},
    [FOR_CONFIRM] = {"confirm",
                     PV_BY_PROVIDER,
                     "propose",
                     {pv_rule_representation},
                     pv_effect_represented},
    [FOR_REFUSE] = {"refuse", PV_BY_PROVIDER, NULL, {NULL}, NULL},
    [FOR_END] = {"end",
                 PV_BY_SECRETARIAT | PV_BY_AGENCY | PV_BY_PROVIDER,
                 NULL,
                 {NULL},
                 pv_effect_represented},
};

/* agency is the system's own, provider the one whose services it carries */
static const struct pv_field for_fields[] = {
    {.name = "system",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_SYSTEM,
     .set_by = ON(FOR_PROPOSE),
     .needed_by = ON(FOR_PROPOSE)},
    {.name = "agency",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_AGENCY,
     .set_by = ON(FOR_PROPOSE),
     .needed_by = ON(FOR_PROPOSE)},
    {.name = "provider",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_AGENCY,
     .set_by = ON(FOR_PROPOSE),
     .needed_by = ON(FOR_PROPOSE)},
};

const struct pv_kind_row pv_kind_representation = {
    "representation",
    "پاسخ‌گویی به جای دستگاه دیگر",
    "R-029",
    for_states,
    FOR_STATES,
    for_events,
    FOR_EVENTS,
    &for_next[0][0],
    for_fields,
    COUNT(for_fields),
    NULL};
