/*
 * kinds_duties.c - commitments, and extensions of their days.
 */
#include "kind_tables.h"
#include "rules.h"

/* ---- commitment (R-296 to R-311) ---- */

enum {
    DUTY_NONE,
    DUTY_WAITS,
    DUTY_OPEN,
    DUTY_REPORTED,
    DUTY_MET,
    DUTY_CANCELLED,
    DUTY_STATES
};
enum {
    DUTY_MAKE,
    DUTY_MAKE_WAITING,
    DUTY_START,
    DUTY_ANCHOR,
    DUTY_PROGRESS,
    DUTY_REPORT,
    DUTY_REJECT,
    DUTY_ACCEPT,
    DUTY_ACCEPT_PERIOD,
    DUTY_EVIDENCE,
    DUTY_EXTEND,
    DUTY_TAKE_OVER,
    DUTY_CANCEL,
    DUTY_EVENTS
};

static const char *const duty_states[] = {"none",     "waiting", "open",
                                          "reported", "met",     "cancelled"};

static const uint8_t duty_next[DUTY_STATES][DUTY_EVENTS] = {
    [DUTY_NONE] = {[DUTY_MAKE] = DUTY_OPEN, [DUTY_MAKE_WAITING] = DUTY_WAITS},
    [DUTY_WAITS] = {[DUTY_START] = DUTY_OPEN, [DUTY_CANCEL] = DUTY_CANCELLED},
    [DUTY_OPEN] = {[DUTY_ANCHOR] = DUTY_OPEN,
                   [DUTY_PROGRESS] = DUTY_OPEN,
                   [DUTY_REPORT] = DUTY_REPORTED,
                   [DUTY_EVIDENCE] = DUTY_MET,
                   [DUTY_EXTEND] = DUTY_OPEN,
                   [DUTY_TAKE_OVER] = DUTY_OPEN,
                   [DUTY_CANCEL] = DUTY_CANCELLED},
    [DUTY_REPORTED] = {[DUTY_REJECT] = DUTY_OPEN,
                       [DUTY_ACCEPT] = DUTY_MET,
                       [DUTY_ACCEPT_PERIOD] = DUTY_OPEN,
                       [DUTY_EVIDENCE] = DUTY_MET,
                       [DUTY_CANCEL] = DUTY_CANCELLED},
};

static const struct pv_event duty_events[] = {
    [DUTY_MAKE] = {"make", 0, NULL, {pv_rule_due, pv_rule_measure}, NULL},
    [DUTY_MAKE_WAITING] =
        {"make-waiting", 0, NULL, {pv_rule_due, pv_rule_measure}, NULL},
    [DUTY_START] = {"start", PV_BY_SECRETARIAT, NULL, {pv_rule_anchor}, NULL},
    [DUTY_ANCHOR] = {"anchor", PV_BY_SECRETARIAT, NULL, {pv_rule_anchor}, NULL},
    [DUTY_PROGRESS] = {"progress",
                       PV_BY_RESPONSIBLE,
                       NULL,
                       {pv_rule_heir, pv_rule_calculated, pv_rule_progress},
                       NULL},
    [DUTY_REPORT] = {"report", PV_BY_RESPONSIBLE, NULL, {pv_rule_heir}, NULL},
    [DUTY_REJECT] = {"reject", PV_BY_SECRETARIAT, NULL, {NULL}, NULL},
    [DUTY_ACCEPT] = {"accept",
                     PV_BY_SECRETARIAT,
                     "report",
                     {pv_rule_not_recurring, pv_rule_evidence_needed,
                      pv_rule_reached},
                     NULL},
    [DUTY_ACCEPT_PERIOD] = {"accept-period",
                            PV_BY_SECRETARIAT,
                            "report",
                            {pv_rule_recurring},
                            NULL},
    [DUTY_EVIDENCE] =
        {"evidence", PV_BY_OPERATOR, NULL, {pv_rule_evidence}, NULL},
    [DUTY_EXTEND] = {"extend", 0, NULL, {pv_rule_new_due}, NULL},
    [DUTY_TAKE_OVER] =
        {"take-over", PV_BY_SECRETARIAT, NULL, {pv_rule_take_over}, NULL},
    [DUTY_CANCEL] = {"cancel", PV_BY_SECRETARIAT, NULL, {NULL}, NULL},
};

static const char *const output_words[] = {
    "document", "system", "service", "map", "network", "tariff", "other", NULL};

#define DUTY_MADE (ON(DUTY_MAKE) | ON(DUTY_MAKE_WAITING))

static const struct pv_field duty_fields[] = {
    {.name = "responsible",
     .type = PV_FIELD_PARTY,
     .is_list = true,
     .set_by = DUTY_MADE,
     .needed_by = DUTY_MADE},
    {.name = "collaborators",
     .type = PV_FIELD_PARTY,
     .is_list = true,
     .set_by = DUTY_MADE},
    {.name = "text_fa",
     .type = PV_FIELD_TEXT,
     .set_by = DUTY_MADE,
     .needed_by = DUTY_MADE},
    {.name = "text_en", .type = PV_FIELD_TEXT, .set_by = DUTY_MADE},
    {.name = "resolution",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_RESOLUTION,
     .set_by = DUTY_MADE},
    {.name = "cites",
     .type = PV_FIELD_TEXT,
     .is_list = true,
     .set_by = DUTY_MADE},
    {.name = "item", .type = PV_FIELD_TEXT, .set_by = DUTY_MADE},
    {.name = "due", .type = PV_FIELD_JSON, .set_by = DUTY_MADE},
    {.name = "output",
     .type = PV_FIELD_WORD,
     .words = output_words,
     .set_by = DUTY_MADE},
    {.name = "services",
     .type = PV_FIELD_ID,
     .is_list = true,
     .set_by = DUTY_MADE},
    {.name = "grants",
     .type = PV_FIELD_ID,
     .is_list = true,
     .set_by = DUTY_MADE},
    {.name = "by_evidence", .type = PV_FIELD_FLAG, .set_by = DUTY_MADE},
    {.name = "measure", /* measured.h */
     .type = PV_FIELD_JSON,
     .set_by = DUTY_MADE},
    {.name = "takes_over", .type = PV_FIELD_PARTY, .set_by = DUTY_MADE},
    {.name = "plan", .type = PV_FIELD_JSON, .set_by = DUTY_MADE},
    {.name = "weekly", .type = PV_FIELD_FLAG, .set_by = DUTY_MADE},
    {.name = "percent",
     .type = PV_FIELD_NUMBER,
     .set_by = ON(DUTY_PROGRESS),
     .needed_by = ON(DUTY_PROGRESS)},
    {.name = "progress_fa", .type = PV_FIELD_TEXT, .set_by = ON(DUTY_PROGRESS)},
    {.name = "progress_day", .type = PV_FIELD_DAY},
    {.name = "made_day", .type = PV_FIELD_DAY},
    {.name = "anchor_day",
     .type = PV_FIELD_DAY,
     .set_by = DUTY_MADE | ON(DUTY_START) | ON(DUTY_ANCHOR),
     .needed_by = ON(DUTY_START) | ON(DUTY_ANCHOR)},
    {.name = "due_day", .type = PV_FIELD_DAY},
    {.name = "extended_to",
     .type = PV_FIELD_DAY,
     .set_by = ON(DUTY_EXTEND),
     .needed_by = ON(DUTY_EXTEND)},
    {.name = "report",
     .type = PV_FIELD_TEXT,
     .set_by = ON(DUTY_REPORT),
     .needed_by = ON(DUTY_REPORT)},
    {.name = "evidence",
     .type = PV_FIELD_JSON,
     .set_by = ON(DUTY_EVIDENCE) | ON(DUTY_REPORT),
     .needed_by = ON(DUTY_EVIDENCE)},
    {.name = "remarks",
     .type = PV_FIELD_TEXT,
     .set_by = ON(DUTY_REJECT) | ON(DUTY_ACCEPT) | ON(DUTY_CANCEL),
     .needed_by = ON(DUTY_REJECT) | ON(DUTY_CANCEL)},
    {.name = "last_done", .type = PV_FIELD_DAY},
    {.name = "taken_from", .type = PV_FIELD_PARTY, .is_list = true},
};

const struct pv_kind_row pv_kind_commitment = {"commitment",
                                               "تکلیف",
                                               "R-296",
                                               duty_states,
                                               DUTY_STATES,
                                               duty_events,
                                               DUTY_EVENTS,
                                               &duty_next[0][0],
                                               duty_fields,
                                               COUNT(duty_fields),
                                               pv_refer_commitment};

/* ---- extension of a due date (R-006) ---- */

enum { EXT_NONE, EXT_REQUESTED, EXT_DECIDED, EXT_REFUSED, EXT_STATES };
enum { EXT_REQUEST, EXT_DECIDE, EXT_REFUSE, EXT_EVENTS };

static const char *const ext_states[] = {"none", "requested", "decided",
                                         "refused"};

static const uint8_t ext_next[EXT_STATES][EXT_EVENTS] = {
    [EXT_NONE] = {[EXT_REQUEST] = EXT_REQUESTED},
    [EXT_REQUESTED] = {[EXT_DECIDE] = EXT_DECIDED, [EXT_REFUSE] = EXT_REFUSED},
};

static const struct pv_event ext_events[] = {
    [EXT_REQUEST] = {"request", PV_BY_AGENCY, NULL, {NULL}, NULL},
    [EXT_DECIDE] = {"decide",
                    PV_BY_WORKING_GROUP,
                    "request",
                    {pv_rule_enacted},
                    pv_effect_extended},
    [EXT_REFUSE] = {"refuse", PV_BY_WORKING_GROUP, NULL, {NULL}, NULL},
};

static const struct pv_field ext_fields[] = {
    {.name = "agency",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_AGENCY,
     .set_by = ON(EXT_REQUEST),
     .needed_by = ON(EXT_REQUEST)},
    {.name = "commitment",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_COMMITMENT,
     .set_by = ON(EXT_REQUEST),
     .needed_by = ON(EXT_REQUEST)},
    {.name = "until",
     .type = PV_FIELD_DAY,
     .set_by = ON(EXT_REQUEST) | ON(EXT_DECIDE),
     .needed_by = ON(EXT_REQUEST)},
    {.name = "condition",
     .type = PV_FIELD_TEXT,
     .set_by = ON(EXT_REQUEST) | ON(EXT_DECIDE)},
    {.name = "resolution",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_RESOLUTION,
     .set_by = ON(EXT_DECIDE),
     .needed_by = ON(EXT_DECIDE)},
};

const struct pv_kind_row pv_kind_extension = {
    "extension", "استمهال",         "R-006",    ext_states,
    EXT_STATES,  ext_events,        EXT_EVENTS, &ext_next[0][0],
    ext_fields,  COUNT(ext_fields), NULL};
