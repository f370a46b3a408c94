/*
 * kinds_corrections.c - wrong base data, reported to its custodian. The
 * platform passes the report on and corrects nothing; it names the call, the
 * item and what is wrong, and no person.
 */
#include "kind_tables.h"
#include "rules.h"

enum {
    FAULT_NONE,
    FAULT_REPORTED,
    FAULT_CORRECTED,
    FAULT_REJECTED,
    FAULT_WITHDRAWN,
    FAULT_STATES
};
enum {
    FAULT_REPORT,
    FAULT_CORRECT,
    FAULT_REJECT,
    FAULT_WITHDRAW,
    FAULT_EVENTS
};

static const char *const fault_states[] = {"none", "reported", "corrected",
                                           "rejected", "withdrawn"};

static const uint8_t fault_next[FAULT_STATES][FAULT_EVENTS] = {
    [FAULT_NONE] = {[FAULT_REPORT] = FAULT_REPORTED},
    [FAULT_REPORTED] = {[FAULT_CORRECT] = FAULT_CORRECTED,
                        [FAULT_REJECT] = FAULT_REJECTED,
                        [FAULT_WITHDRAW] = FAULT_WITHDRAWN},
    [FAULT_REJECTED] = {[FAULT_REPORT] = FAULT_REPORTED},
};

/* agency is the custodian: the rule sets it */
static const struct pv_event fault_events[] = {
    [FAULT_REPORT] =
        {"report", PV_BY_CONSUMER, NULL, {pv_rule_wrong_data}, NULL},
    [FAULT_CORRECT] = {"correct",
                       PV_BY_AGENCY | PV_BY_TECHNICAL,
                       NULL,
                       {pv_rule_no_person},
                       NULL},
    [FAULT_REJECT] = {"reject", PV_BY_AGENCY, NULL, {pv_rule_no_person}, NULL},
    [FAULT_WITHDRAW] = {"withdraw", PV_BY_CONSUMER, NULL, {NULL}, NULL},
};

static const struct pv_field fault_fields[] = {
    {.name = "consumer",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_AGENCY,
     .set_by = ON(FAULT_REPORT),
     .needed_by = ON(FAULT_REPORT)},
    {.name = "version", /* that gave the data */
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_VERSION,
     .set_by = ON(FAULT_REPORT),
     .needed_by = ON(FAULT_REPORT)},
    {.name = "data_item",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_DATA_ITEM,
     .set_by = ON(FAULT_REPORT),
     .needed_by = ON(FAULT_REPORT)},
    {.name = "tracking_id", /* of the call, for the custodian's own ledger */
     .type = PV_FIELD_ID,
     .set_by = ON(FAULT_REPORT)},
    {.name = "text_fa",
     .type = PV_FIELD_TEXT,
     .set_by = ON(FAULT_REPORT),
     .needed_by = ON(FAULT_REPORT)},
    {.name = "remarks",
     .type = PV_FIELD_TEXT,
     .set_by = ON(FAULT_CORRECT) | ON(FAULT_REJECT),
     .needed_by = ON(FAULT_REJECT)},
    {.name = "register", .type = PV_FIELD_RECORD, .target = PV_KIND_REGISTER},
    {.name = "agency", .type = PV_FIELD_RECORD, .target = PV_KIND_AGENCY},
};

const struct pv_kind_row pv_kind_correction = {
    "correction", "گزارش خطای داده",   "R-274",      fault_states,
    FAULT_STATES, fault_events,        FAULT_EVENTS, &fault_next[0][0],
    fault_fields, COUNT(fault_fields), NULL};
