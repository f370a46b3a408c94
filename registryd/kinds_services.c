/*
 * kinds_services.c - what is offered: services and their versions, notices,
 * publishing.
 */
#include "kind_tables.h"
#include "rules.h"

/* ---- service: the name, the provider, the code ---- */

enum { SERVICE_NONE, SERVICE_REGISTERED, SERVICE_ENDED, SERVICE_STATES };
enum {
    SERVICE_REGISTER, /* it exists already */
    SERVICE_ORDER,    /* a resolution orders it */
    SERVICE_CHANGE,
    SERVICE_NAME, /* a resolution names its consumers */
    SERVICE_CODE, /* its passport was confirmed */
    SERVICE_END,
    SERVICE_EVENTS
};

static const char *const service_states[] = {"none", "registered", "ended"};

static const uint8_t service_next[SERVICE_STATES][SERVICE_EVENTS] = {
    [SERVICE_NONE] = {[SERVICE_REGISTER] = SERVICE_REGISTERED,
                      [SERVICE_ORDER] = SERVICE_REGISTERED},
    [SERVICE_REGISTERED] = {[SERVICE_CHANGE] = SERVICE_REGISTERED,
                            [SERVICE_NAME] = SERVICE_REGISTERED,
                            [SERVICE_CODE] = SERVICE_REGISTERED,
                            [SERVICE_END] = SERVICE_ENDED},
};

static const struct pv_event service_events[] = {
    [SERVICE_REGISTER] = {"register",
                          PV_BY_PROVIDER | PV_BY_SECRETARIAT,
                          NULL,
                          {pv_rule_exempt, pv_rule_service_code,
                           pv_rule_one_name},
                          NULL},
    [SERVICE_ORDER] = {"order",
                       0,
                       NULL,
                       {pv_rule_exempt, pv_rule_service_code, pv_rule_one_name},
                       NULL},
    [SERVICE_CHANGE] =
        {"change", PV_BY_PROVIDER | PV_BY_SECRETARIAT, NULL, {NULL}, NULL},
    [SERVICE_NAME] = {"name-consumers",
                      PV_BY_WORKING_GROUP,
                      NULL,
                      {pv_rule_consumers_decided},
                      NULL},
    [SERVICE_CODE] = {"issue-code", 0, NULL, {NULL}, NULL},
    [SERVICE_END] = {"end", PV_BY_SECRETARIAT, NULL, {NULL}, NULL},
};

#define SERVICE_MADE (ON(SERVICE_REGISTER) | ON(SERVICE_ORDER))
#define SERVICE_SET (SERVICE_MADE | ON(SERVICE_CHANGE))

static const struct pv_field service_fields[] = {
    {.name = "provider",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_AGENCY,
     .set_by = SERVICE_MADE,
     .needed_by = SERVICE_MADE},
    {.name = "name_fa",
     .type = PV_FIELD_TEXT,
     .set_by = SERVICE_SET,
     .needed_by = SERVICE_MADE},
    {.name = "name_en", .type = PV_FIELD_TEXT, .set_by = SERVICE_SET},
    {.name = "other_names",
     .type = PV_FIELD_TEXT,
     .is_list = true,
     .set_by = SERVICE_SET},
    {.name = "register",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_REGISTER,
     .set_by = SERVICE_SET},
    {.name = "legal_basis", .type = PV_FIELD_TEXT, .set_by = SERVICE_SET},
    {.name = "contract", .type = PV_FIELD_JSON, .set_by = SERVICE_SET},
    {.name = "individual_data", .type = PV_FIELD_FLAG, .set_by = SERVICE_SET},
    {.name = "only_consumers",
     .type = PV_FIELD_RECORD,
     .is_list = true,
     .target = PV_KIND_AGENCY,
     .set_by = SERVICE_MADE | ON(SERVICE_NAME),
     .needed_by = ON(SERVICE_NAME)},
    {.name = "consumers_by",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_RESOLUTION,
     .set_by = ON(SERVICE_NAME),
     .needed_by = ON(SERVICE_NAME)},
    {.name = "code",
     .type = PV_FIELD_ID,
     .set_by = SERVICE_MADE | ON(SERVICE_CODE),
     .needed_by = ON(SERVICE_CODE)},
    {.name = "code_is_issued",
     .type = PV_FIELD_FLAG,
     .set_by = ON(SERVICE_CODE),
     .needed_by = ON(SERVICE_CODE)},
    {.name = "resolution",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_RESOLUTION,
     .set_by = SERVICE_MADE,
     .needed_by = ON(SERVICE_ORDER)},
};

const struct pv_kind_row pv_kind_service = {
    "service",       "سرویس",
    "R-003",         service_states,
    SERVICE_STATES,  service_events,
    SERVICE_EVENTS,  &service_next[0][0],
    service_fields,  COUNT(service_fields),
    pv_refer_service};

/* ---- version: from an order to the end ---- */

enum {
    VERSION_NONE,
    VERSION_ORDERED,
    VERSION_DESIGNED,
    VERSION_TESTED,
    VERSION_LIVE,
    VERSION_SUSPENDED,
    VERSION_REPLACED,
    VERSION_ENDED,
    VERSION_STATES
};
enum {
    VERSION_ORDER,
    VERSION_DECLARE,
    VERSION_DESIGN,
    VERSION_TEST,
    VERSION_GO_LIVE,
    VERSION_SETTINGS,
    VERSION_SUSPEND,
    VERSION_RESUME,
    VERSION_REPLACE,
    VERSION_END,
    VERSION_EVENTS
};

static const char *const version_states[] = {"none",     "ordered", "designed",
                                             "tested",   "live",    "suspended",
                                             "replaced", "ended"};

static const uint8_t version_next[VERSION_STATES][VERSION_EVENTS] = {
    [VERSION_NONE] = {[VERSION_ORDER] = VERSION_ORDERED,
                      [VERSION_DECLARE] = VERSION_DESIGNED},
    [VERSION_ORDERED] =
        {[VERSION_DESIGN] = VERSION_DESIGNED, [VERSION_END] = VERSION_ENDED},
    [VERSION_DESIGNED] = {[VERSION_DESIGN] = VERSION_DESIGNED,
                          [VERSION_TEST] = VERSION_TESTED,
                          [VERSION_END] = VERSION_ENDED},
    [VERSION_TESTED] = {[VERSION_DESIGN] = VERSION_DESIGNED,
                        [VERSION_GO_LIVE] = VERSION_LIVE,
                        [VERSION_END] = VERSION_ENDED},
    [VERSION_LIVE] = {[VERSION_SETTINGS] = VERSION_LIVE,
                      [VERSION_SUSPEND] = VERSION_SUSPENDED,
                      [VERSION_REPLACE] = VERSION_REPLACED,
                      [VERSION_END] = VERSION_ENDED},
    [VERSION_SUSPENDED] = {[VERSION_RESUME] = VERSION_LIVE,
                           [VERSION_REPLACE] = VERSION_REPLACED,
                           [VERSION_END] = VERSION_ENDED},
    [VERSION_REPLACED] = {[VERSION_END] = VERSION_ENDED},
};

static const struct pv_event version_events[] = {
    [VERSION_ORDER] = {"order",
                       0,
                       NULL,
                       {pv_rule_version, pv_rule_paths, pv_rule_outputs,
                        pv_rule_contract, pv_rule_contracts_told},
                       NULL},
    [VERSION_DECLARE] = {"declare",
                         PV_BY_PROVIDER | PV_BY_SECRETARIAT,
                         NULL,
                         {pv_rule_version, pv_rule_paths, pv_rule_outputs,
                          pv_rule_contract, pv_rule_contracts_told,
                          pv_rule_framework},
                         NULL},
    [VERSION_DESIGN] = {"design",
                        PV_BY_PROVIDER,
                        NULL,
                        {pv_rule_version, pv_rule_paths, pv_rule_outputs,
                         pv_rule_contract, pv_rule_contracts_told,
                         pv_rule_framework},
                        NULL},
    [VERSION_TEST] =
        {"test", PV_BY_OPERATOR | PV_BY_PROVIDER, NULL, {NULL}, NULL},
    [VERSION_GO_LIVE] = {"go-live",
                         PV_BY_OPERATOR | PV_BY_SECRETARIAT,
                         NULL,
                         {pv_rule_exempt_version, pv_rule_passport},
                         pv_effect_version_live},
    [VERSION_SETTINGS] = {"settings",
                          PV_BY_OPERATOR | PV_BY_PROVIDER,
                          NULL,
                          {pv_rule_settings},
                          NULL},
    [VERSION_SUSPEND] = {"suspend",
                         PV_BY_SECRETARIAT | PV_BY_OPERATOR | PV_BY_PROVIDER,
                         NULL,
                         {NULL},
                         NULL},
    [VERSION_RESUME] = {"resume", PV_BY_SECRETARIAT, NULL, {NULL}, NULL},
    [VERSION_REPLACE] =
        {"replace", PV_BY_PROVIDER, NULL, {pv_rule_replacement}, NULL},
    [VERSION_END] = {"end", PV_BY_SECRETARIAT, NULL, {pv_rule_ending}, NULL},
};

#define VERSION_MADE (ON(VERSION_ORDER) | ON(VERSION_DECLARE))
#define VERSION_SET (VERSION_MADE | ON(VERSION_DESIGN))

static const struct pv_field version_fields[] = {
    {.name = "service",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_SERVICE,
     .set_by = VERSION_MADE,
     .needed_by = VERSION_MADE},
    {.name = "methods",
     .type = PV_FIELD_JSON,
     .is_list = true,
     .set_by = VERSION_SET,
     .needed_by = VERSION_MADE},
    {.name = "inputs",
     .type = PV_FIELD_RECORD,
     .is_list = true,
     .target = PV_KIND_DATA_ITEM,
     .set_by = VERSION_SET},
    {.name = "outputs",
     .type = PV_FIELD_RECORD,
     .is_list = true,
     .target = PV_KIND_DATA_ITEM,
     .set_by = VERSION_SET},
    {.name = "needs_consent", .type = PV_FIELD_FLAG, .set_by = VERSION_SET},
    {.name = "contract", .type = PV_FIELD_JSON, .set_by = VERSION_SET},
    {.name = "framework", /* that it conforms to */
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_INSTRUCTION,
     .set_by = VERSION_SET},
    {.name = "code_maps", /* that its contract translates by */
     .type = PV_FIELD_RECORD,
     .is_list = true,
     .target = PV_KIND_CODE_MAP,
     .set_by = VERSION_SET | ON(VERSION_SETTINGS)},
    {.name = "resolution",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_RESOLUTION,
     .set_by = VERSION_MADE,
     .needed_by = ON(VERSION_ORDER)},
    {.name = "existing", .type = PV_FIELD_FLAG, .set_by = ON(VERSION_DECLARE)},
    {.name = "report", .type = PV_FIELD_TEXT, .set_by = ON(VERSION_TEST)},
    {.name = "settings",
     .type = PV_FIELD_JSON,
     .set_by = VERSION_SET | ON(VERSION_SETTINGS)},
    {.name = "successor",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_VERSION,
     .set_by = ON(VERSION_REPLACE),
     .needed_by = ON(VERSION_REPLACE)},
    {.name = "provider", .type = PV_FIELD_RECORD, .target = PV_KIND_AGENCY},
    {.name = "name", .type = PV_FIELD_ID},
    {.name = "live_day", .type = PV_FIELD_DAY},
    {.name = "contract_sha256", .type = PV_FIELD_ID},
};

const struct pv_kind_row pv_kind_version = {
    "version",      "نسخه سرویس",          "R-124",         version_states,
    VERSION_STATES, version_events,        VERSION_EVENTS,  &version_next[0][0],
    version_fields, COUNT(version_fields), pv_refer_version};

/* ---- notice: outage, change, replacement (R-236, R-237, R-242) ---- */

enum {
    NOTICE_NONE,
    NOTICE_ANNOUNCED,
    NOTICE_CANCELLED,
    NOTICE_OVER,
    NOTICE_STATES
};
enum {
    NOTICE_ANNOUNCE,
    NOTICE_CHANGE,
    NOTICE_CANCEL,
    NOTICE_CLOSE,
    NOTICE_EVENTS
};

static const char *const notice_states[] = {"none", "announced", "cancelled",
                                            "over"};

static const uint8_t notice_next[NOTICE_STATES][NOTICE_EVENTS] = {
    [NOTICE_NONE] = {[NOTICE_ANNOUNCE] = NOTICE_ANNOUNCED},
    [NOTICE_ANNOUNCED] = {[NOTICE_CHANGE] = NOTICE_ANNOUNCED,
                          [NOTICE_CANCEL] = NOTICE_CANCELLED,
                          [NOTICE_CLOSE] = NOTICE_OVER},
};

#define NOTICE_BY (PV_BY_PROVIDER | PV_BY_OPERATOR)

static const struct pv_event notice_events[] = {
    [NOTICE_ANNOUNCE] = {"announce", NOTICE_BY, NULL, {pv_rule_notice}, NULL},
    [NOTICE_CHANGE] = {"change", NOTICE_BY, NULL, {pv_rule_notice}, NULL},
    [NOTICE_CANCEL] = {"cancel", NOTICE_BY, NULL, {NULL}, NULL},
    [NOTICE_CLOSE] = {"close", NOTICE_BY, NULL, {NULL}, NULL},
};

static const char *const notice_words[] = {
    "outage", "disruption", "change", "replacement", "end", NULL};

#define NOTICE_SET (ON(NOTICE_ANNOUNCE) | ON(NOTICE_CHANGE))

static const struct pv_field notice_fields[] = {
    {.name = "version",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_VERSION,
     .set_by = ON(NOTICE_ANNOUNCE),
     .needed_by = ON(NOTICE_ANNOUNCE)},
    {.name = "kind",
     .type = PV_FIELD_WORD,
     .words = notice_words,
     .set_by = ON(NOTICE_ANNOUNCE),
     .needed_by = ON(NOTICE_ANNOUNCE)},
    {.name = "from_ms",
     .type = PV_FIELD_NUMBER,
     .set_by = NOTICE_SET,
     .needed_by = ON(NOTICE_ANNOUNCE)},
    {.name = "until_ms", .type = PV_FIELD_NUMBER, .set_by = NOTICE_SET},
    {.name = "text_fa",
     .type = PV_FIELD_TEXT,
     .set_by = NOTICE_SET,
     .needed_by = ON(NOTICE_ANNOUNCE)},
    {.name = "text_en", .type = PV_FIELD_TEXT, .set_by = NOTICE_SET},
    {.name = "provider", .type = PV_FIELD_RECORD, .target = PV_KIND_AGENCY},
};

const struct pv_kind_row pv_kind_notice = {"notice",      "اطلاعیه",
                                           "R-242",       notice_states,
                                           NOTICE_STATES, notice_events,
                                           NOTICE_EVENTS, &notice_next[0][0],
                                           notice_fields, COUNT(notice_fields),
                                           NULL};

/* ---- publication: an inquiry turned into publishing, two keys (R-052) ---- */

enum {
    PUB_NONE,
    PUB_PROPOSED,
    PUB_DETERMINED,
    PUB_CONFIRMED,
    PUB_BOTH,
    PUB_ON,
    PUB_OFF,
    PUB_STATES
};
enum {
    PUB_PROPOSE,
    PUB_DETERMINE,
    PUB_CONFIRM,
    PUB_CHECK,
    PUB_SWITCH_ON,
    PUB_SWITCH_OFF,
    PUB_EVENTS
};

static const char *const pub_states[] = {
    "none", "proposed", "working-group-key", "ncc-key", "both-keys",
    "on",   "off"};

static const uint8_t pub_next[PUB_STATES][PUB_EVENTS] = {
    [PUB_NONE] = {[PUB_PROPOSE] = PUB_PROPOSED},
    [PUB_PROPOSED] = {[PUB_DETERMINE] = PUB_DETERMINED,
                      [PUB_CONFIRM] = PUB_CONFIRMED,
                      [PUB_CHECK] = PUB_PROPOSED},
    [PUB_DETERMINED] = {[PUB_CONFIRM] = PUB_BOTH, [PUB_CHECK] = PUB_DETERMINED},
    [PUB_CONFIRMED] = {[PUB_DETERMINE] = PUB_BOTH, [PUB_CHECK] = PUB_CONFIRMED},
    [PUB_BOTH] = {[PUB_CHECK] = PUB_BOTH, [PUB_SWITCH_ON] = PUB_ON},
    [PUB_ON] = {[PUB_SWITCH_OFF] = PUB_OFF},
};

static const struct pv_event pub_events[] = {
    [PUB_PROPOSE] =
        {"propose", PV_BY_PROVIDER | PV_BY_SECRETARIAT, NULL, {NULL}, NULL},
    [PUB_DETERMINE] =
        {"determine", PV_BY_WORKING_GROUP, "confirm", {pv_rule_enacted}, NULL},
    [PUB_CONFIRM] = {"confirm", PV_BY_NCC, "determine", {NULL}, NULL},
    [PUB_CHECK] = {"check-rights", PV_BY_SECRETARIAT, NULL, {NULL}, NULL},
    [PUB_SWITCH_ON] =
        {"switch-on", PV_BY_OPERATOR, NULL, {pv_rule_rights_checked}, NULL},
    [PUB_SWITCH_OFF] =
        {"switch-off", PV_BY_OPERATOR | PV_BY_SECRETARIAT, NULL, {NULL}, NULL},
};

static const struct pv_field pub_fields[] = {
    {.name = "version",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_VERSION,
     .set_by = ON(PUB_PROPOSE),
     .needed_by = ON(PUB_PROPOSE)},
    {.name = "method",
     .type = PV_FIELD_ID,
     .set_by = ON(PUB_PROPOSE),
     .needed_by = ON(PUB_PROPOSE)},
    {.name = "resolution",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_RESOLUTION,
     .set_by = ON(PUB_DETERMINE),
     .needed_by = ON(PUB_DETERMINE)},
    {.name = "letter",
     .type = PV_FIELD_TEXT,
     .set_by = ON(PUB_CONFIRM),
     .needed_by = ON(PUB_CONFIRM)},
    {.name = "rights",
     .type = PV_FIELD_TEXT,
     .set_by = ON(PUB_CHECK),
     .needed_by = ON(PUB_CHECK)},
    {.name = "provider", .type = PV_FIELD_RECORD, .target = PV_KIND_AGENCY},
};

const struct pv_kind_row pv_kind_publication = {
    "publication", "انتشار",          "R-052",    pub_states,
    PUB_STATES,    pub_events,        PUB_EVENTS, &pub_next[0][0],
    pub_fields,    COUNT(pub_fields), NULL};
