/*
 * kinds_parties.c - who takes part: agencies, units, systems, clusters,
 * registers, bodies, roles of people; and the data items they speak of.
 */
#include "kind_tables.h"
#include "rules.h"

/* ---- entries: registered, changed, ended ---- */

enum { ENTRY_NONE, ENTRY_REGISTERED, ENTRY_ENDED, ENTRY_STATES };
enum { REGISTER, CHANGE, END, ENTRY_EVENTS };

static const char *const entry_states[] = {"none", "registered", "ended"};

static const uint8_t entry_next[ENTRY_STATES][ENTRY_EVENTS] = {
    [ENTRY_NONE] = {[REGISTER] = ENTRY_REGISTERED},
    [ENTRY_REGISTERED] = {[CHANGE] = ENTRY_REGISTERED, [END] = ENTRY_ENDED},
};

static const struct pv_event entry_events[] = {
    [REGISTER] = {"register", PV_BY_SECRETARIAT, NULL, {NULL}, NULL},
    [CHANGE] = {"change", PV_BY_SECRETARIAT, NULL, {NULL}, NULL},
    [END] = {"end", PV_BY_SECRETARIAT, NULL, {NULL}, NULL},
};

#define SET (ON(REGISTER) | ON(CHANGE))
#define NEED ON(REGISTER)

#define ENTRY(NAME, FA, RULE, EVENTS, FIELDS, REFERENCES)                      \
    {                                                                          \
        NAME, FA, RULE, entry_states, COUNT(entry_states), EVENTS,             \
            COUNT(EVENTS), &entry_next[0][0], FIELDS, COUNT(FIELDS),           \
            REFERENCES                                                         \
    }

#define NAMES                                                                  \
    {.name = "name_fa",                                                        \
     .type = PV_FIELD_TEXT,                                                    \
     .set_by = SET,                                                            \
     .needed_by = NEED},                                                       \
    {                                                                          \
        .name = "name_en", .type = PV_FIELD_TEXT, .set_by = SET                \
    }

/* ---- agency (R-011, R-314) ---- */

static const char *const branch_words[] = {
    "executive", "legislature", "judiciary", "armed-forces",
    "bank",      "company",     "other",     "public-non-governmental",
    NULL};

static const struct pv_field agency_fields[] = {
    NAMES,
    {.name = "kind", .type = PV_FIELD_ID, .set_by = SET},
    {.name = "branch",
     .type = PV_FIELD_WORD,
     .words = branch_words,
     .set_by = SET,
     .needed_by = NEED},
    {.name = "legal_type",
     .type = PV_FIELD_ID,
     .set_by = SET,
     .needed_by = NEED},
    {.name = "inside_executive",
     .type = PV_FIELD_FLAG,
     .set_by = SET,
     .needed_by = NEED},
    {.name = "parent",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_AGENCY,
     .set_by = SET},
    {.name = "is_group", .type = PV_FIELD_FLAG, .set_by = SET},
    {.name = "participant", .type = PV_FIELD_FLAG, .set_by = SET},
    {.name = "members_rule", .type = PV_FIELD_JSON, .set_by = SET},
    {.name = "replaced_by_unit", .type = PV_FIELD_ID, .set_by = SET},
    {.name = "names_in_documents",
     .type = PV_FIELD_TEXT,
     .is_list = true,
     .set_by = SET},
    {.name = "portal", .type = PV_FIELD_TEXT, .set_by = SET},
};

const struct pv_kind_row pv_kind_agency =
    ENTRY("agency", "دستگاه", "R-314", entry_events, agency_fields, NULL);

/* a part of an agency, in the capital or elsewhere */
static const struct pv_event unit_events[] = {
    [REGISTER] = {"register", PV_BY_SECRETARIAT, NULL, {pv_rule_place}, NULL},
    [CHANGE] = {"change", PV_BY_SECRETARIAT, NULL, {pv_rule_place}, NULL},
    [END] = {"end", PV_BY_SECRETARIAT, NULL, {NULL}, NULL},
};

static const struct pv_field unit_fields[] = {
    NAMES,
    {.name = "agency",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_AGENCY,
     .set_by = ON(REGISTER),
     .needed_by = NEED},
    {.name = "aliases", .type = PV_FIELD_ID, .is_list = true, .set_by = SET},
    {.name = "province", .type = PV_FIELD_ID, .set_by = SET}, /* none: all */
    {.name = "county", .type = PV_FIELD_ID, .set_by = SET},
};

const struct pv_kind_row pv_kind_unit =
    ENTRY("unit", "واحد", "R-012", unit_events, unit_fields, NULL);

/* ---- cluster: membership and lead are dated (R-026) ---- */

static const struct pv_field cluster_fields[] = {
    NAMES,
    {.name = "number",
     .type = PV_FIELD_NUMBER,
     .set_by = SET,
     .needed_by = NEED},
    {.name = "lead",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_AGENCY,
     .set_by = SET,
     .needed_by = NEED},
    {.name = "members",
     .type = PV_FIELD_RECORD,
     .is_list = true,
     .target = PV_KIND_AGENCY,
     .set_by = SET,
     .needed_by = NEED},
};

const struct pv_kind_row pv_kind_cluster =
    ENTRY("cluster", "خوشه", "R-026", entry_events, cluster_fields, NULL);

static const struct pv_field body_fields[] = {
    NAMES,
    {.name = "members", .type = PV_FIELD_TEXT, .is_list = true, .set_by = SET},
};

/* the first body stands before its first secretariat */
static const struct pv_event body_events[] = {
    [REGISTER] = {"register",
                  PV_BY_SECRETARIAT | PV_BY_CONSOLE | PV_BY_ADMINISTRATOR,
                  NULL,
                  {NULL},
                  NULL},
    [CHANGE] = {"change", PV_BY_SECRETARIAT, NULL, {NULL}, NULL},
    [END] = {"end", PV_BY_SECRETARIAT, NULL, {NULL}, NULL},
};

const struct pv_kind_row pv_kind_body =
    ENTRY("body", "نهاد تصمیم‌گیر", "R-276", body_events,
          body_fields, NULL);

static const struct pv_field data_item_fields[] = {
    NAMES,
    {.name = "register",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_REGISTER,
     .set_by = SET},
    {.name = "definition",
     .type = PV_FIELD_JSON,
     .set_by = SET,
     .needed_by = NEED},
};

static const struct pv_event data_item_events[] = {
    [REGISTER] =
        {"register", PV_BY_SECRETARIAT, NULL, {pv_rule_item_check}, NULL},
    [CHANGE] = {"change", PV_BY_SECRETARIAT, NULL, {pv_rule_item_check}, NULL},
    [END] = {"end", PV_BY_SECRETARIAT, NULL, {NULL}, NULL},
};

const struct pv_kind_row pv_kind_data_item = ENTRY(
    "data-item", "قلم داده", "R-222", data_item_events, data_item_fields, NULL);

/* ---- system ---- */

enum {
    SYSTEM_NONE,
    SYSTEM_PLANNED,
    SYSTEM_REGISTERED,
    SYSTEM_SUSPENDED,
    SYSTEM_RETIRED,
    SYSTEM_STATES
};
enum {
    SYSTEM_PLAN,
    SYSTEM_REGISTER,
    SYSTEM_ACTIVATE,
    SYSTEM_CHANGE,
    SYSTEM_KEY,
    SYSTEM_CERTIFY,
    SYSTEM_SERVE,
    SYSTEM_SUSPEND,
    SYSTEM_RESUME,
    SYSTEM_RETIRE,
    SYSTEM_EVENTS
};

static const char *const system_states[] = {"none", "planned", "registered",
                                            "suspended", "retired"};

static const uint8_t system_next[SYSTEM_STATES][SYSTEM_EVENTS] = {
    [SYSTEM_NONE] =
        {[SYSTEM_PLAN] = SYSTEM_PLANNED, [SYSTEM_REGISTER] = SYSTEM_REGISTERED},
    [SYSTEM_PLANNED] = {[SYSTEM_ACTIVATE] = SYSTEM_REGISTERED,
                        [SYSTEM_CERTIFY] = SYSTEM_PLANNED,
                        [SYSTEM_SERVE] = SYSTEM_PLANNED,
                        [SYSTEM_CHANGE] = SYSTEM_PLANNED,
                        [SYSTEM_RETIRE] = SYSTEM_RETIRED},
    [SYSTEM_REGISTERED] = {[SYSTEM_CHANGE] = SYSTEM_REGISTERED,
                           [SYSTEM_KEY] = SYSTEM_REGISTERED,
                           [SYSTEM_CERTIFY] = SYSTEM_REGISTERED,
                           [SYSTEM_SERVE] = SYSTEM_REGISTERED,
                           [SYSTEM_SUSPEND] = SYSTEM_SUSPENDED,
                           [SYSTEM_RETIRE] = SYSTEM_RETIRED},
    [SYSTEM_SUSPENDED] = {[SYSTEM_KEY] = SYSTEM_SUSPENDED,
                          [SYSTEM_CERTIFY] = SYSTEM_SUSPENDED,
                          [SYSTEM_SERVE] = SYSTEM_SUSPENDED,
                          [SYSTEM_RESUME] = SYSTEM_REGISTERED,
                          [SYSTEM_RETIRE] = SYSTEM_RETIRED},
    [SYSTEM_RETIRED] = {[SYSTEM_SERVE] = SYSTEM_RETIRED}, /* only to end it */
};

static const struct pv_event system_events[] = {
    [SYSTEM_PLAN] = {"plan",
                     PV_BY_SECRETARIAT | PV_BY_AGENCY,
                     NULL,
                     {pv_rule_system, pv_rule_attachment},
                     NULL},
    [SYSTEM_REGISTER] = {"register",
                         PV_BY_SECRETARIAT | PV_BY_AGENCY,
                         NULL,
                         {pv_rule_system, pv_rule_node, pv_rule_cartable,
                          pv_rule_attachment},
                         NULL},
    [SYSTEM_ACTIVATE] =
        {"activate", PV_BY_WORKING_GROUP, NULL, {pv_rule_attachment}, NULL},
    [SYSTEM_CHANGE] = {"change",
                       PV_BY_SECRETARIAT | PV_BY_AGENCY,
                       NULL,
                       {pv_rule_system, pv_rule_cartable, pv_rule_attachment},
                       NULL},
    [SYSTEM_KEY] = {"key",
                    PV_BY_TECHNICAL | PV_BY_SECURITY,
                    NULL,
                    {pv_rule_replaced_key, pv_rule_key},
                    NULL},
    [SYSTEM_CERTIFY] = {"certify", 0, NULL, {pv_rule_certified_key}, NULL},
    [SYSTEM_SERVE] = {"serve", 0, NULL, {NULL}, NULL}, /* representation */
    [SYSTEM_SUSPEND] = {"suspend",
                        PV_BY_SECRETARIAT | PV_BY_OPERATOR | PV_BY_SECURITY,
                        NULL,
                        {NULL},
                        NULL},
    [SYSTEM_RESUME] = {"resume", PV_BY_SECRETARIAT, NULL, {NULL}, NULL},
    [SYSTEM_RETIRE] =
        {"retire", PV_BY_SECRETARIAT | PV_BY_AGENCY, NULL, {NULL}, NULL},
};

#define SYSTEM_MADE (ON(SYSTEM_PLAN) | ON(SYSTEM_REGISTER))
#define SYSTEM_SET (SYSTEM_MADE | ON(SYSTEM_CHANGE))

static const char *const system_kinds[] = {"application", "connector",
                                           "exchange", "gateway", NULL};

static const struct pv_field system_fields[] = {
    {.name = "agency",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_AGENCY,
     .set_by = SYSTEM_MADE,
     .needed_by = SYSTEM_MADE},
    {.name = "unit",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_UNIT,
     .set_by = SYSTEM_MADE},
    {.name = "kind",
     .type = PV_FIELD_WORD,
     .words = system_kinds,
     .set_by = SYSTEM_MADE,
     .needed_by = SYSTEM_MADE},
    {.name = "name_fa",
     .type = PV_FIELD_TEXT,
     .set_by = SYSTEM_SET,
     .needed_by = SYSTEM_MADE},
    {.name = "name_en", .type = PV_FIELD_TEXT, .set_by = SYSTEM_SET},
    {.name = "aliases_fa",
     .type = PV_FIELD_TEXT,
     .is_list = true,
     .set_by = SYSTEM_SET},
    {.name = "level", .type = PV_FIELD_ID, .set_by = SYSTEM_SET},
    {.name = "role", .type = PV_FIELD_TEXT, .set_by = SYSTEM_SET},
    {.name = "cluster",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_CLUSTER,
     .set_by = SYSTEM_SET},
    {.name = "attached_to",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_SYSTEM,
     .set_by = SYSTEM_SET},
    {.name = "serves_agencies",
     .type = PV_FIELD_RECORD,
     .is_list = true,
     .target = PV_KIND_AGENCY,
     .set_by = ON(SYSTEM_SERVE)},
    {.name = "host_agency",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_AGENCY,
     .set_by = SYSTEM_SET},
    {.name = "serves_only",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_AGENCY,
     .set_by = SYSTEM_SET},
    {.name = "service", .type = PV_FIELD_ID, .set_by = SYSTEM_SET},
    {.name = "services",
     .type = PV_FIELD_ID,
     .is_list = true,
     .set_by = SYSTEM_SET},
    {.name = "cartable_access", .type = PV_FIELD_FLAG, .set_by = SYSTEM_SET},
    {.name = "resolution",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_RESOLUTION,
     .set_by = ON(SYSTEM_ACTIVATE),
     .needed_by = ON(SYSTEM_ACTIVATE)},
    {.name = "spki_sha256",
     .type = PV_FIELD_ID,
     .set_by = ON(SYSTEM_KEY) | ON(SYSTEM_CERTIFY)},
    {.name = "old_until",
     .type = PV_FIELD_DAY,
     .set_by = ON(SYSTEM_KEY) | ON(SYSTEM_CERTIFY)},
    {.name = "compromised", .type = PV_FIELD_ID, .set_by = ON(SYSTEM_CERTIFY)},
    {.name = "networks",
     .type = PV_FIELD_TEXT,
     .is_list = true,
     .set_by = ON(SYSTEM_KEY)},
    {.name = "endpoint", .type = PV_FIELD_JSON, .set_by = ON(SYSTEM_KEY)},
};

const struct pv_kind_row pv_kind_system = {"system",       "سامانه",
                                           "R-032",        system_states,
                                           SYSTEM_STATES,  system_events,
                                           SYSTEM_EVENTS,  &system_next[0][0],
                                           system_fields,  COUNT(system_fields),
                                           pv_refer_system};

/* ---- register: a base database and its custodian (R-267, R-273) ---- */

enum { REG_NONE, REG_REGISTERED, REG_DISPUTED, REG_ENDED, REG_STATES };
enum { REG_REGISTER, REG_CHANGE, REG_DISPUTE, REG_SETTLE, REG_END, REG_EVENTS };

static const char *const reg_states[] = {"none", "registered",
                                         "custodian-disputed", "ended"};

static const uint8_t reg_next[REG_STATES][REG_EVENTS] = {
    [REG_NONE] = {[REG_REGISTER] = REG_REGISTERED},
    [REG_REGISTERED] = {[REG_CHANGE] = REG_REGISTERED,
                        [REG_DISPUTE] = REG_DISPUTED,
                        [REG_END] = REG_ENDED},
    [REG_DISPUTED] = {[REG_SETTLE] = REG_REGISTERED, [REG_END] = REG_ENDED},
};

static const struct pv_event reg_events[] = {
    [REG_REGISTER] =
        {"register", PV_BY_SECRETARIAT, NULL, {pv_rule_needed_for}, NULL},
    [REG_CHANGE] =
        {"change", PV_BY_SECRETARIAT, NULL, {pv_rule_needed_for}, NULL},
    [REG_DISPUTE] = {"dispute", PV_BY_SECRETARIAT, NULL, {NULL}, NULL},
    [REG_SETTLE] = {"settle", PV_BY_NCC | PV_BY_COUNCIL, NULL, {NULL}, NULL},
    [REG_END] = {"end", PV_BY_SECRETARIAT, NULL, {NULL}, NULL},
};

#define REG_SET (ON(REG_REGISTER) | ON(REG_CHANGE))

/* what base data are needed for */
static const char *const need_words[] = {"persons",
                                         "property",
                                         "economic-activity",
                                         "social-activity",
                                         "scientific-activity",
                                         "financial-exchange",
                                         NULL};

static const char *const need_basis_words[] = {"document", "proposed", NULL};

static const struct pv_field reg_fields[] = {
    {.name = "name_fa",
     .type = PV_FIELD_TEXT,
     .set_by = REG_SET,
     .needed_by = ON(REG_REGISTER)},
    {.name = "name_en", .type = PV_FIELD_TEXT, .set_by = REG_SET},
    {.name = "is_base",
     .type = PV_FIELD_FLAG,
     .set_by = REG_SET,
     .needed_by = ON(REG_REGISTER)},
    {.name = "custodian",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_AGENCY,
     .set_by = REG_SET | ON(REG_SETTLE),
     .needed_by = ON(REG_SETTLE)},
    {.name = "co_custodians",
     .type = PV_FIELD_RECORD,
     .is_list = true,
     .target = PV_KIND_AGENCY,
     .set_by = REG_SET | ON(REG_SETTLE)},
    {.name = "needed_for",
     .type = PV_FIELD_WORD,
     .is_list = true,
     .words = need_words,
     .set_by = REG_SET},
    {.name = "needed_for_basis",
     .type = PV_FIELD_WORD,
     .words = need_basis_words,
     .set_by = REG_SET},
    {.name = "custodian_note", .type = PV_FIELD_TEXT, .set_by = REG_SET},
    {.name = "custodian_1393", .type = PV_FIELD_ID, .set_by = REG_SET},
    {.name = "part_of", .type = PV_FIELD_ID, .set_by = REG_SET},
};

const struct pv_kind_row pv_kind_register = {
    "register", "پایگاه اطلاعات",  "R-267",    reg_states,
    REG_STATES, reg_events,        REG_EVENTS, &reg_next[0][0],
    reg_fields, COUNT(reg_fields), NULL};

/* ---- appointment: who holds which role where (R-276, R-315) ---- */

enum { HOLD_NONE, HOLD_IN_FORCE, HOLD_ENDED, HOLD_STATES };
enum { HOLD_APPOINT, HOLD_END, HOLD_EVENTS };

static const char *const hold_states[] = {"none", "in-force", "ended"};

static const uint8_t hold_next[HOLD_STATES][HOLD_EVENTS] = {
    [HOLD_NONE] = {[HOLD_APPOINT] = HOLD_IN_FORCE},
    [HOLD_IN_FORCE] = {[HOLD_END] = HOLD_ENDED},
};

static const struct pv_event hold_events[] = {
    [HOLD_APPOINT] = {"appoint",
                      PV_BY_SECRETARIAT | PV_BY_CONSOLE | PV_BY_ADMINISTRATOR,
                      NULL,
                      {pv_rule_appointment},
                      NULL},
    [HOLD_END] = {"end",
                  PV_BY_SECRETARIAT | PV_BY_CONSOLE | PV_BY_ADMINISTRATOR,
                  NULL,
                  {pv_rule_dismissal},
                  NULL},
};

static const char *const role_words[] = {
    "representative", "technical", "security", "member",        "chair",
    "secretariat",    "operator",  "auditor",  "administrator", NULL};

static const struct pv_field hold_fields[] = {
    {.name = "person",
     .type = PV_FIELD_ID,
     .set_by = ON(HOLD_APPOINT),
     .needed_by = ON(HOLD_APPOINT)},
    {.name = "role",
     .type = PV_FIELD_WORD,
     .words = role_words,
     .set_by = ON(HOLD_APPOINT),
     .needed_by = ON(HOLD_APPOINT)},
    {.name = "of",
     .type = PV_FIELD_PARTY,
     .set_by = ON(HOLD_APPOINT),
     .needed_by = ON(HOLD_APPOINT)},
    {.name = "name_fa", .type = PV_FIELD_TEXT, .set_by = ON(HOLD_APPOINT)},
};

const struct pv_kind_row pv_kind_appointment = {"appointment",
                                                "انتصاب",
                                                "R-276",
                                                hold_states,
                                                HOLD_STATES,
                                                hold_events,
                                                HOLD_EVENTS,
                                                &hold_next[0][0],
                                                hold_fields,
                                                COUNT(hold_fields),
                                                pv_refer_appointment};
