/*
 * kinds_passport.c - passports of services, data and systems.
 */
#include "kind_tables.h"
#include "rules.h"

/* ---- passport (R-247 to R-256) ---- */

enum {
    PASS_NONE,
    PASS_DRAFT,
    PASS_SUBMITTED,
    PASS_EVALUATION,
    PASS_COORDINATED,
    PASS_RETURNED,
    PASS_CONFIRMED,
    PASS_REPLACED,
    PASS_STATES
};
enum {
    PASS_WRITE,
    PASS_SUBMIT,
    PASS_EVALUATE,
    PASS_COORDINATE,
    PASS_RETURN,
    PASS_CONFIRM,
    PASS_REPLACE,
    PASS_EVENTS
};

static const char *const pass_states[] = {
    "none",        "draft",    "submitted", "under-evaluation",
    "coordinated", "returned", "confirmed", "replaced"};

static const uint8_t pass_next[PASS_STATES][PASS_EVENTS] = {
    [PASS_NONE] = {[PASS_WRITE] = PASS_DRAFT},
    [PASS_DRAFT] = {[PASS_WRITE] = PASS_DRAFT, [PASS_SUBMIT] = PASS_SUBMITTED},
    [PASS_SUBMITTED] =
        {[PASS_EVALUATE] = PASS_EVALUATION, [PASS_RETURN] = PASS_RETURNED},
    [PASS_EVALUATION] = {[PASS_COORDINATE] = PASS_COORDINATED,
                         [PASS_CONFIRM] = PASS_CONFIRMED,
                         [PASS_RETURN] = PASS_RETURNED},
    [PASS_COORDINATED] =
        {[PASS_CONFIRM] = PASS_CONFIRMED, [PASS_RETURN] = PASS_RETURNED},
    [PASS_RETURNED] = {[PASS_WRITE] = PASS_DRAFT},
    [PASS_CONFIRMED] = {[PASS_REPLACE] = PASS_REPLACED},
};

static const struct pv_event pass_events[] = {
    [PASS_WRITE] = {"write",
                    PV_BY_AGENCY | PV_BY_TECHNICAL,
                    NULL,
                    {pv_rule_passport_subject, pv_rule_old_cartable,
                     pv_rule_passport_form},
                    NULL},
    [PASS_SUBMIT] = {"submit",
                     PV_BY_AGENCY,
                     NULL,
                     {pv_rule_passport_whole},
                     pv_effect_cartable_declared},
    [PASS_EVALUATE] = {"evaluate", PV_BY_COLLECTOR, "submit", {NULL}, NULL},
    [PASS_COORDINATE] =
        {"coordinate", PV_BY_DEREGULATION, "submit", {pv_rule_licence}, NULL},
    [PASS_RETURN] =
        {"return", PV_BY_COLLECTOR | PV_BY_WORKING_GROUP, NULL, {NULL}, NULL},
    [PASS_CONFIRM] = {"confirm",
                      PV_BY_WORKING_GROUP,
                      "submit",
                      {pv_rule_coordinated, pv_rule_custodian,
                       pv_rule_code_free},
                      pv_effect_passport_confirmed},
    [PASS_REPLACE] = {"replace", PV_BY_WORKING_GROUP, NULL, {NULL}, NULL},
};

static const char *const passport_words[] = {"service", "data", "system", NULL};

static const struct pv_field pass_fields[] = {
    {.name = "of",
     .type = PV_FIELD_WORD,
     .words = passport_words,
     .set_by = ON(PASS_WRITE)},
    {.name = "agency",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_AGENCY,
     .set_by = ON(PASS_WRITE)},
    {.name = "service",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_SERVICE,
     .set_by = ON(PASS_WRITE)},
    {.name = "system",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_SYSTEM,
     .set_by = ON(PASS_WRITE)},
    {.name = "data_item",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_DATA_ITEM,
     .set_by = ON(PASS_WRITE)},
    {.name = "form", .type = PV_FIELD_JSON, .set_by = ON(PASS_WRITE)},
    {.name = "format", .type = PV_FIELD_ID, .set_by = ON(PASS_WRITE)},
    {.name = "business_licence",
     .type = PV_FIELD_FLAG,
     .set_by = ON(PASS_WRITE)},
    {.name = "cartable_access",
     .type = PV_FIELD_FLAG,
     .set_by = ON(PASS_WRITE)},
    {.name = "cartable_since", .type = PV_FIELD_DAY, .set_by = ON(PASS_WRITE)},
    {.name = "cartable_agencies",
     .type = PV_FIELD_RECORD,
     .is_list = true,
     .target = PV_KIND_AGENCY,
     .set_by = ON(PASS_WRITE)},
    {.name = "letter",
     .type = PV_FIELD_TEXT,
     .set_by = ON(PASS_COORDINATE),
     .needed_by = ON(PASS_COORDINATE)},
    {.name = "remarks",
     .type = PV_FIELD_TEXT,
     .set_by = ON(PASS_RETURN) | ON(PASS_EVALUATE),
     .needed_by = ON(PASS_RETURN)},
    {.name = "code", .type = PV_FIELD_ID, .set_by = ON(PASS_CONFIRM)},
    {.name = "successor",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_PASSPORT,
     .set_by = ON(PASS_REPLACE),
     .needed_by = ON(PASS_REPLACE)},
};

const struct pv_kind_row pv_kind_passport = {
    "passport",  "شناسنامه",         "R-248",     pass_states,
    PASS_STATES, pass_events,        PASS_EVENTS, &pass_next[0][0],
    pass_fields, COUNT(pass_fields), NULL};
