/*
 * kinds_bodies.c - what bodies do: meetings, resolutions, disputes,
 * instructions.
 */
#include "kind_tables.h"
#include "rules.h"

/* ---- meeting (R-277 to R-280) ---- */

enum {
    MEET_NONE,
    MEET_PLANNED,
    MEET_INVITED,
    MEET_HELD,
    MEET_MINUTED,
    MEET_CLOSED,
    MEET_CANCELLED,
    MEET_STATES
};
enum {
    MEET_PLAN,
    MEET_AGENDA,
    MEET_INVITE,
    MEET_HOLD,
    MEET_MINUTE,
    MEET_CLOSE,
    MEET_CANCEL,
    MEET_EVENTS
};

static const char *const meet_states[] = {
    "none", "planned", "invited", "held", "minuted", "closed", "cancelled"};

static const uint8_t meet_next[MEET_STATES][MEET_EVENTS] = {
    [MEET_NONE] = {[MEET_PLAN] = MEET_PLANNED},
    [MEET_PLANNED] = {[MEET_AGENDA] = MEET_PLANNED,
                      [MEET_INVITE] = MEET_INVITED,
                      [MEET_CANCEL] = MEET_CANCELLED},
    [MEET_INVITED] = {[MEET_AGENDA] = MEET_INVITED,
                      [MEET_INVITE] = MEET_INVITED,
                      [MEET_HOLD] = MEET_HELD,
                      [MEET_CANCEL] = MEET_CANCELLED},
    [MEET_HELD] = {[MEET_MINUTE] = MEET_MINUTED},
    [MEET_MINUTED] = {[MEET_MINUTE] = MEET_MINUTED, [MEET_CLOSE] = MEET_CLOSED},
};

static const struct pv_event meet_events[] = {
    [MEET_PLAN] =
        {"plan", PV_BY_SECRETARIAT, NULL, {NULL}, pv_effect_meeting_planned},
    [MEET_AGENDA] =
        {"set-agenda", PV_BY_SECRETARIAT, NULL, {pv_rule_agenda}, NULL},
    [MEET_INVITE] = {"invite",
                     PV_BY_SECRETARIAT,
                     NULL,
                     {pv_rule_has_agenda, pv_rule_invitations},
                     NULL},
    [MEET_HOLD] = {"hold", PV_BY_CHAIR | PV_BY_SECRETARIAT, NULL, {NULL}, NULL},
    [MEET_MINUTE] = {"minute", PV_BY_SECRETARIAT, NULL, {NULL}, NULL},
    [MEET_CLOSE] = {"close",
                    PV_BY_CHAIR | PV_BY_SECRETARIAT,
                    NULL,
                    {pv_rule_outcomes},
                    NULL},
    [MEET_CANCEL] =
        {"cancel", PV_BY_CHAIR | PV_BY_SECRETARIAT, NULL, {NULL}, NULL},
};

static const struct pv_field meet_fields[] = {
    {.name = "body",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_BODY,
     .set_by = ON(MEET_PLAN),
     .needed_by = ON(MEET_PLAN)},
    {.name = "number", .type = PV_FIELD_NUMBER, .set_by = ON(MEET_PLAN)},
    {.name = "date",
     .type = PV_FIELD_DAY,
     .set_by = ON(MEET_PLAN),
     .needed_by = ON(MEET_PLAN)},
    {.name = "time",
     .type = PV_FIELD_TEXT,
     .set_by = ON(MEET_PLAN) | ON(MEET_INVITE)},
    {.name = "place",
     .type = PV_FIELD_TEXT,
     .set_by = ON(MEET_PLAN) | ON(MEET_INVITE)},
    {.name = "title_fa", .type = PV_FIELD_TEXT, .set_by = ON(MEET_PLAN)},
    {.name = "title_en", .type = PV_FIELD_TEXT, .set_by = ON(MEET_PLAN)},
    {.name = "legal_basis",
     .type = PV_FIELD_TEXT,
     .is_list = true,
     .set_by = ON(MEET_PLAN)},
    {.name = "agenda",
     .type = PV_FIELD_JSON,
     .is_list = true,
     .set_by = ON(MEET_AGENDA),
     .needed_by = ON(MEET_AGENDA)},
    {.name = "invitations",
     .type = PV_FIELD_JSON,
     .is_list = true,
     .set_by = ON(MEET_INVITE)},
    {.name = "present",
     .type = PV_FIELD_TEXT,
     .is_list = true,
     .set_by = ON(MEET_HOLD) | ON(MEET_MINUTE)},
    {.name = "outcomes",
     .type = PV_FIELD_JSON,
     .is_list = true,
     .set_by = ON(MEET_MINUTE),
     .needed_by = ON(MEET_MINUTE)},
    {.name = "minutes_fa", .type = PV_FIELD_TEXT, .set_by = ON(MEET_MINUTE)},
};

const struct pv_kind_row pv_kind_meeting = {
    "meeting",   "جلسه",      "R-280",          meet_states, MEET_STATES,
    meet_events, MEET_EVENTS, &meet_next[0][0], meet_fields, COUNT(meet_fields),
    NULL};

/* ---- resolution (R-113, R-281 to) ---- */

enum {
    RES_NONE,
    RES_CITED,
    RES_DRAFTED,
    RES_PENDING,
    RES_CONFIRMED,
    RES_ENACTED,
    RES_NOTIFIED,
    RES_REPLACED,
    RES_STATES
};
enum {
    RES_CITE,
    RES_DRAFT,
    RES_SEND,
    RES_CONFIRM,
    RES_ENACT,
    RES_NOTIFY,
    RES_GAZETTE,
    RES_REPLACE,
    RES_EVENTS
};

static const char *const res_states[] = {
    "none",      "cited",   "drafted",  "pending-confirmation",
    "confirmed", "enacted", "notified", "replaced"};

static const uint8_t res_next[RES_STATES][RES_EVENTS] = {
    [RES_NONE] = {[RES_CITE] = RES_CITED, [RES_DRAFT] = RES_DRAFTED},
    [RES_DRAFTED] = {[RES_DRAFT] = RES_DRAFTED,
                     [RES_SEND] = RES_PENDING,
                     [RES_ENACT] = RES_ENACTED},
    [RES_PENDING] = {[RES_CONFIRM] = RES_CONFIRMED},
    [RES_CONFIRMED] = {[RES_ENACT] = RES_ENACTED},
    [RES_ENACTED] = {[RES_NOTIFY] = RES_NOTIFIED},
    [RES_NOTIFIED] =
        {[RES_GAZETTE] = RES_NOTIFIED, [RES_REPLACE] = RES_REPLACED},
};

static const struct pv_event res_events[] = {
    [RES_CITE] = {"cite", PV_BY_SECRETARIAT, NULL, {NULL}, NULL},
    [RES_DRAFT] =
        {"draft", PV_BY_SECRETARIAT, NULL, {pv_rule_resolution}, NULL},
    [RES_SEND] = {"send", PV_BY_SECRETARIAT, NULL, {NULL}, NULL},
    [RES_CONFIRM] = {"confirm", PV_BY_CONFIRMER, "draft", {NULL}, NULL},
    [RES_ENACT] = {"enact",
                   PV_BY_CHAIR,
                   "draft",
                   {pv_rule_meeting_held, pv_rule_confirmed},
                   pv_effect_enacted},
    [RES_NOTIFY] =
        {"notify", PV_BY_SECRETARIAT, NULL, {NULL}, pv_effect_notified},
    [RES_GAZETTE] = {"print", PV_BY_SECRETARIAT, NULL, {NULL}, NULL},
    [RES_REPLACE] = {"replace", PV_BY_CHAIR, NULL, {NULL}, NULL},
};

#define RES_MADE (ON(RES_CITE) | ON(RES_DRAFT))

static const struct pv_field res_fields[] = {
    {.name = "body",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_BODY,
     .set_by = RES_MADE},
    {.name = "meeting",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_MEETING,
     .set_by = ON(RES_DRAFT),
     .needed_by = ON(RES_DRAFT)},
    {.name = "number", .type = PV_FIELD_NUMBER, .set_by = RES_MADE},
    {.name = "title_fa",
     .type = PV_FIELD_TEXT,
     .set_by = RES_MADE,
     .needed_by = ON(RES_DRAFT)},
    {.name = "title_en", .type = PV_FIELD_TEXT, .set_by = RES_MADE},
    {.name = "label", .type = PV_FIELD_TEXT, .set_by = RES_MADE},
    {.name = "subject_en", .type = PV_FIELD_TEXT, .set_by = RES_MADE},
    {.name = "summary_en", .type = PV_FIELD_TEXT, .set_by = ON(RES_DRAFT)},
    {.name = "clause", .type = PV_FIELD_TEXT, .set_by = ON(RES_DRAFT)},
    {.name = "legal_basis",
     .type = PV_FIELD_TEXT,
     .is_list = true,
     .set_by = ON(RES_DRAFT)},
    {.name = "cites",
     .type = PV_FIELD_RECORD,
     .is_list = true,
     .target = PV_KIND_RESOLUTION,
     .set_by = ON(RES_DRAFT)},
    {.name = "items",
     .type = PV_FIELD_JSON,
     .is_list = true,
     .set_by = ON(RES_DRAFT),
     .needed_by = ON(RES_DRAFT)},
    {.name = "confirmed_by",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_BODY,
     .set_by = ON(RES_DRAFT) | ON(RES_SEND),
     .needed_by = ON(RES_SEND)},
    {.name = "letter", .type = PV_FIELD_JSON, .set_by = ON(RES_NOTIFY)},
    {.name = "without_uptake", .type = PV_FIELD_FLAG, .set_by = ON(RES_NOTIFY)},
    {.name = "gazette",
     .type = PV_FIELD_JSON,
     .set_by = ON(RES_GAZETTE),
     .needed_by = ON(RES_GAZETTE)},
    {.name = "successor",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_RESOLUTION,
     .set_by = ON(RES_REPLACE),
     .needed_by = ON(RES_REPLACE)},
};

const struct pv_kind_row pv_kind_resolution = {
    "resolution", "مصوبه",           "R-281",    res_states,
    RES_STATES,   res_events,        RES_EVENTS, &res_next[0][0],
    res_fields,   COUNT(res_fields), NULL};

/* ---- dispute between agencies (R-130, R-287) ---- */

enum {
    DIS_NONE,
    DIS_FILED,
    DIS_COUNCIL,
    DIS_NCC,
    DIS_DECIDED,
    DIS_CLOSED,
    DIS_STATES
};
enum {
    DIS_FILE,
    DIS_TO_COUNCIL,
    DIS_TO_NCC,
    DIS_COUNCIL_DECIDES,
    DIS_NCC_DECIDES,
    DIS_CLOSE,
    DIS_EVENTS
};

static const char *const dis_states[] = {"none",     "filed",   "with-council",
                                         "with-ncc", "decided", "closed"};

static const uint8_t dis_next[DIS_STATES][DIS_EVENTS] = {
    [DIS_NONE] = {[DIS_FILE] = DIS_FILED},
    [DIS_FILED] = {[DIS_TO_COUNCIL] = DIS_COUNCIL,
                   [DIS_TO_NCC] = DIS_NCC,
                   [DIS_CLOSE] = DIS_CLOSED},
    [DIS_COUNCIL] = {[DIS_COUNCIL_DECIDES] = DIS_DECIDED},
    [DIS_NCC] = {[DIS_NCC_DECIDES] = DIS_DECIDED},
    [DIS_DECIDED] = {[DIS_CLOSE] = DIS_CLOSED},
};

static const struct pv_event dis_events[] = {
    [DIS_FILE] = {"file", PV_BY_PARTY, NULL, {NULL}, NULL},
    [DIS_TO_COUNCIL] = {"to-council",
                        PV_BY_SECRETARIAT,
                        NULL,
                        {pv_rule_council_decides},
                        NULL},
    [DIS_TO_NCC] =
        {"to-ncc", PV_BY_SECRETARIAT, NULL, {pv_rule_ncc_decides}, NULL},
    [DIS_COUNCIL_DECIDES] =
        {"council-decides", PV_BY_COUNCIL, NULL, {NULL}, NULL},
    [DIS_NCC_DECIDES] = {"ncc-decides", PV_BY_NCC, NULL, {NULL}, NULL},
    [DIS_CLOSE] = {"close", PV_BY_SECRETARIAT, NULL, {NULL}, NULL},
};

static const struct pv_field dis_fields[] = {
    {.name = "parties",
     .type = PV_FIELD_RECORD,
     .is_list = true,
     .target = PV_KIND_AGENCY,
     .set_by = ON(DIS_FILE),
     .needed_by = ON(DIS_FILE)},
    {.name = "request",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_REQUEST,
     .set_by = ON(DIS_FILE)},
    {.name = "text_fa",
     .type = PV_FIELD_TEXT,
     .set_by = ON(DIS_FILE),
     .needed_by = ON(DIS_FILE)},
    {.name = "decision_fa",
     .type = PV_FIELD_TEXT,
     .set_by = ON(DIS_COUNCIL_DECIDES) | ON(DIS_NCC_DECIDES),
     .needed_by = ON(DIS_COUNCIL_DECIDES) | ON(DIS_NCC_DECIDES)},
};

const struct pv_kind_row pv_kind_dispute = {
    "dispute",  "اختلاف",          "R-287",    dis_states,
    DIS_STATES, dis_events,        DIS_EVENTS, &dis_next[0][0],
    dis_fields, COUNT(dis_fields), NULL};

/* ---- instruction or standard, with versions (R-004, R-219) ---- */

enum {
    INS_NONE,
    INS_DRAFT,
    INS_ISSUED,
    INS_REPLACED,
    INS_WITHDRAWN,
    INS_STATES
};
enum { INS_WRITE, INS_ISSUE, INS_REPLACE, INS_WITHDRAW, INS_EVENTS };

static const char *const ins_states[] = {"none", "draft", "issued", "replaced",
                                         "withdrawn"};

static const uint8_t ins_next[INS_STATES][INS_EVENTS] = {
    [INS_NONE] = {[INS_WRITE] = INS_DRAFT},
    [INS_DRAFT] = {[INS_WRITE] = INS_DRAFT,
                   [INS_ISSUE] = INS_ISSUED,
                   [INS_WITHDRAW] = INS_WITHDRAWN},
    [INS_ISSUED] =
        {[INS_REPLACE] = INS_REPLACED, [INS_WITHDRAW] = INS_WITHDRAWN},
};

static const struct pv_event ins_events[] = {
    [INS_WRITE] =
        {"write", PV_BY_SECRETARIAT, NULL, {pv_rule_thresholds}, NULL},
    [INS_ISSUE] = {"issue",
                   PV_BY_WORKING_GROUP | PV_BY_COUNCIL,
                   NULL,
                   {pv_rule_enacted},
                   pv_effect_issued},
    [INS_REPLACE] = {"replace", 0, NULL, {NULL}, NULL},
    [INS_WITHDRAW] =
        {"withdraw", PV_BY_WORKING_GROUP | PV_BY_COUNCIL, NULL, {NULL}, NULL},
};

static const struct pv_field ins_fields[] = {
    {.name = "title_fa", .type = PV_FIELD_TEXT, .set_by = ON(INS_WRITE)},
    {.name = "title_en", .type = PV_FIELD_TEXT, .set_by = ON(INS_WRITE)},
    {.name = "text_fa", .type = PV_FIELD_TEXT, .set_by = ON(INS_WRITE)},
    {.name = "number", .type = PV_FIELD_NUMBER, .set_by = ON(INS_WRITE)},
    {.name = "is_framework", /* of interoperability */
     .type = PV_FIELD_FLAG,
     .set_by = ON(INS_WRITE)},
    {.name = "criteria", /* thresholds: quality.h */
     .type = PV_FIELD_JSON,
     .is_list = true,
     .set_by = ON(INS_WRITE)},
    {.name = "supersedes",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_INSTRUCTION,
     .set_by = ON(INS_WRITE)},
    {.name = "effective",
     .type = PV_FIELD_DAY,
     .set_by = ON(INS_ISSUE),
     .needed_by = ON(INS_ISSUE)},
    {.name = "resolution",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_RESOLUTION,
     .set_by = ON(INS_ISSUE),
     .needed_by = ON(INS_ISSUE)},
};

const struct pv_kind_row pv_kind_instruction = {
    "instruction", "دستورالعمل",      "R-004",    ins_states,
    INS_STATES,    ins_events,        INS_EVENTS, &ins_next[0][0],
    ins_fields,    COUNT(ins_fields), NULL};
