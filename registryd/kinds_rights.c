/*
 * kinds_rights.c - who may call: requests and grants, modes, suspensions.
 */
#include "kind_tables.h"
#include "rules.h"

/* What a right is about; a request asks for it and a grant gives it. */
#define RIGHT(set, need, open)                                                 \
    {.name = "consumer",                                                       \
     .type = PV_FIELD_RECORD,                                                  \
     .target = PV_KIND_AGENCY,                                                 \
     .set_by = (set),                                                          \
     .needed_by = (need)},                                                     \
        {.name = "unit",                                                       \
         .type = PV_FIELD_RECORD,                                              \
         .target = PV_KIND_UNIT,                                               \
         .set_by = (set)},                                                     \
        {.name = "system",                                                     \
         .type = PV_FIELD_RECORD,                                              \
         .target = PV_KIND_SYSTEM,                                             \
         .set_by = (set)},                                                     \
        {.name = "version",                                                    \
         .type = PV_FIELD_RECORD,                                              \
         .target = PV_KIND_VERSION,                                            \
         .set_by = (set),                                                      \
         .needed_by = (need)},                                                 \
        {.name = "methods",                                                    \
         .type = PV_FIELD_ID,                                                  \
         .is_list = true,                                                      \
         .set_by = (set)},                                                     \
        {.name = "purposes",                                                   \
         .type = PV_FIELD_JSON,                                                \
         .is_list = true,                                                      \
         .set_by = (set)},                                                     \
        {.name = "items",                                                      \
         .type = PV_FIELD_JSON,                                                \
         .set_by = (set) | (open),                                             \
         .needed_by = (open)},                                                 \
        {.name = "name_in_documents", .type = PV_FIELD_TEXT, .set_by = (set)}, \
    {                                                                          \
        .name = "provider", .type = PV_FIELD_RECORD, .target = PV_KIND_AGENCY  \
    }

/* ---- request: the first steps of R-112 ---- */

enum {
    ASK_NONE,
    ASK_FILED,
    ASK_AGREED,
    ASK_DECLINED,
    ASK_ENDORSED,
    ASK_REPORTED,
    ASK_GRANTED,
    ASK_REFUSED,
    ASK_WITHDRAWN,
    ASK_DISPUTED,
    ASK_STATES
};
enum {
    ASK_FILE,
    ASK_AGREE,
    ASK_DECLINE,
    ASK_ENDORSE,
    ASK_REPORT,
    ASK_GRANT,
    ASK_REFUSE,
    ASK_WITHDRAW,
    ASK_DISPUTE,
    ASK_EVENTS
};

static const char *const ask_states[] = {
    "none",     "filed",   "provider-agreed", "provider-declined", "endorsed",
    "reported", "granted", "refused",         "withdrawn",         "disputed"};

static const uint8_t ask_next[ASK_STATES][ASK_EVENTS] = {
    [ASK_NONE] = {[ASK_FILE] = ASK_FILED},
    [ASK_FILED] = {[ASK_AGREE] = ASK_AGREED,
                   [ASK_DECLINE] = ASK_DECLINED,
                   [ASK_WITHDRAW] = ASK_WITHDRAWN,
                   [ASK_DISPUTE] = ASK_DISPUTED},
    [ASK_AGREED] = {[ASK_ENDORSE] = ASK_ENDORSED,
                    [ASK_REPORT] = ASK_REPORTED,
                    [ASK_WITHDRAW] = ASK_WITHDRAWN},
    [ASK_DECLINED] = {[ASK_AGREE] = ASK_AGREED,
                      [ASK_WITHDRAW] = ASK_WITHDRAWN,
                      [ASK_DISPUTE] = ASK_DISPUTED},
    [ASK_ENDORSED] = {[ASK_GRANT] = ASK_GRANTED,
                      [ASK_REFUSE] = ASK_REFUSED,
                      [ASK_WITHDRAW] = ASK_WITHDRAWN},
    [ASK_REPORTED] = {[ASK_GRANT] = ASK_GRANTED,
                      [ASK_REFUSE] = ASK_REFUSED,
                      [ASK_WITHDRAW] = ASK_WITHDRAWN},
    [ASK_DISPUTED] = {[ASK_AGREE] = ASK_AGREED,
                      [ASK_REFUSE] = ASK_REFUSED,
                      [ASK_WITHDRAW] = ASK_WITHDRAWN},
};

static const struct pv_event ask_events[] = {
    [ASK_FILE] = {"file",
                  PV_BY_CONSUMER,
                  NULL,
                  {pv_rule_right, pv_rule_statistics, pv_rule_named_consumers},
                  NULL},
    [ASK_AGREE] = {"agree", PV_BY_PROVIDER, "file", {NULL}, NULL},
    [ASK_DECLINE] = {"decline", PV_BY_PROVIDER, NULL, {NULL}, NULL},
    [ASK_ENDORSE] = {"endorse", PV_BY_SECRETARIAT, "agree", {NULL}, NULL},
    [ASK_REPORT] = {"report", PV_BY_SECRETARIAT, "agree", {NULL}, NULL},
    [ASK_GRANT] = {"grant", 0, NULL, {NULL}, NULL},
    [ASK_REFUSE] = {"refuse", PV_BY_WORKING_GROUP, NULL, {NULL}, NULL},
    [ASK_WITHDRAW] = {"withdraw", PV_BY_CONSUMER, NULL, {NULL}, NULL},
    [ASK_DISPUTE] = {"dispute", PV_BY_CONSUMER, NULL, {NULL}, NULL},
};

static const struct pv_field ask_fields[] = {
    RIGHT(ON(ASK_FILE), ON(ASK_FILE), 0),
    {.name = "terms",
     .type = PV_FIELD_TEXT,
     .set_by = ON(ASK_AGREE) | ON(ASK_ENDORSE) | ON(ASK_REPORT)},
    {.name = "refusal",
     .type = PV_FIELD_TEXT,
     .set_by = ON(ASK_DECLINE) | ON(ASK_REFUSE),
     .needed_by = ON(ASK_DECLINE) | ON(ASK_REFUSE)},
    {.name = "grant",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_GRANT,
     .set_by = ON(ASK_GRANT),
     .needed_by = ON(ASK_GRANT)},
};

const struct pv_kind_row pv_kind_request = {
    "request",  "درخواست دسترسی",  "R-112",    ask_states,
    ASK_STATES, ask_events,        ASK_EVENTS, &ask_next[0][0],
    ask_fields, COUNT(ask_fields), NULL};

/* ---- grant: the steps of R-112 after the resolution ---- */

enum {
    GRANT_NONE,
    GRANT_DECIDED,
    GRANT_AWAITS,
    GRANT_NOTIFIED,
    GRANT_PROVIDER,
    GRANT_CONSUMER,
    GRANT_READY,
    GRANT_LIVE,
    GRANT_SUSPENDED,
    GRANT_WITHDRAWN,
    GRANT_ENDED,
    GRANT_STATES
};
enum {
    GRANT_DECIDE,
    GRANT_NOTIFY,
    GRANT_AWAIT,
    GRANT_SERVICE_LIVE,
    GRANT_PROVIDER_READY,
    GRANT_CONSUMER_READY,
    GRANT_GO_LIVE,
    GRANT_MAP,
    GRANT_SUSPEND,
    GRANT_RESUME,
    GRANT_ITEMS,
    GRANT_WITHDRAW,
    GRANT_END,
    GRANT_EVENTS
};

static const char *const grant_states[] = {
    "none",       "decided",        "approved-awaiting-service",
    "notified",   "provider-ready", "consumer-ready",
    "both-ready", "live",           "suspended",
    "withdrawn",  "ended"};

static const uint8_t grant_next[GRANT_STATES][GRANT_EVENTS] = {
    [GRANT_NONE] = {[GRANT_DECIDE] = GRANT_DECIDED},
    [GRANT_DECIDED] = {[GRANT_NOTIFY] = GRANT_NOTIFIED,
                       [GRANT_AWAIT] = GRANT_AWAITS,
                       [GRANT_MAP] = GRANT_DECIDED,
                       [GRANT_WITHDRAW] = GRANT_WITHDRAWN},
    [GRANT_AWAITS] = {[GRANT_SERVICE_LIVE] = GRANT_NOTIFIED,
                      [GRANT_PROVIDER_READY] = GRANT_PROVIDER,
                      [GRANT_CONSUMER_READY] = GRANT_CONSUMER,
                      [GRANT_MAP] = GRANT_AWAITS,
                      [GRANT_WITHDRAW] = GRANT_WITHDRAWN,
                      [GRANT_END] = GRANT_ENDED},
    [GRANT_NOTIFIED] = {[GRANT_PROVIDER_READY] = GRANT_PROVIDER,
                        [GRANT_CONSUMER_READY] = GRANT_CONSUMER,
                        [GRANT_MAP] = GRANT_NOTIFIED,
                        [GRANT_WITHDRAW] = GRANT_WITHDRAWN,
                        [GRANT_END] = GRANT_ENDED},
    [GRANT_PROVIDER] = {[GRANT_CONSUMER_READY] = GRANT_READY,
                        [GRANT_MAP] = GRANT_PROVIDER,
                        [GRANT_WITHDRAW] = GRANT_WITHDRAWN,
                        [GRANT_END] = GRANT_ENDED},
    [GRANT_CONSUMER] = {[GRANT_PROVIDER_READY] = GRANT_READY,
                        [GRANT_MAP] = GRANT_CONSUMER,
                        [GRANT_WITHDRAW] = GRANT_WITHDRAWN,
                        [GRANT_END] = GRANT_ENDED},
    [GRANT_READY] = {[GRANT_GO_LIVE] = GRANT_LIVE,
                     [GRANT_MAP] = GRANT_READY,
                     [GRANT_WITHDRAW] = GRANT_WITHDRAWN,
                     [GRANT_END] = GRANT_ENDED},
    [GRANT_LIVE] = {[GRANT_SUSPEND] = GRANT_SUSPENDED,
                    [GRANT_ITEMS] = GRANT_LIVE,
                    [GRANT_WITHDRAW] = GRANT_WITHDRAWN,
                    [GRANT_END] = GRANT_ENDED},
    [GRANT_SUSPENDED] = {[GRANT_RESUME] = GRANT_LIVE,
                         [GRANT_ITEMS] = GRANT_SUSPENDED,
                         [GRANT_WITHDRAW] = GRANT_WITHDRAWN,
                         [GRANT_END] = GRANT_ENDED},
};

static const struct pv_event grant_events[] = {
    [GRANT_DECIDE] = {"decide",
                      0,
                      NULL,
                      {pv_rule_right, pv_rule_statistics,
                       pv_rule_named_consumers, pv_rule_request_endorsed,
                       pv_rule_dedicated, pv_rule_duplicate},
                      pv_effect_grant_decided},
    [GRANT_NOTIFY] = {"notify", 0, NULL, {NULL}, NULL},
    [GRANT_AWAIT] = {"await-service", 0, NULL, {NULL}, NULL},
    [GRANT_SERVICE_LIVE] = {"service-live", 0, NULL, {NULL}, NULL},
    [GRANT_PROVIDER_READY] =
        {"provider-ready", PV_BY_PROVIDER, "consumer-ready", {NULL}, NULL},
    [GRANT_CONSUMER_READY] =
        {"consumer-ready", PV_BY_CONSUMER, "provider-ready", {NULL}, NULL},
    [GRANT_GO_LIVE] = {"go-live",
                       PV_BY_OPERATOR | PV_BY_SECRETARIAT,
                       NULL,
                       {pv_rule_service_is_live, pv_rule_mapped,
                        pv_rule_grants_told},
                       pv_effect_grant_live},
    [GRANT_MAP] = {"map", PV_BY_SECRETARIAT, NULL, {NULL}, NULL},
    [GRANT_SUSPEND] =
        {"suspend", PV_BY_SECRETARIAT | PV_BY_OPERATOR, NULL, {NULL}, NULL},
    [GRANT_RESUME] =
        {"resume", PV_BY_SECRETARIAT, NULL, {pv_rule_grants_told}, NULL},
    [GRANT_ITEMS] =
        {"open-items", PV_BY_WORKING_GROUP, NULL, {pv_rule_items}, NULL},
    [GRANT_WITHDRAW] = {"withdraw",
                        PV_BY_SECRETARIAT | PV_BY_WORKING_GROUP,
                        NULL,
                        {NULL},
                        NULL},
    [GRANT_END] =
        {"end", PV_BY_SECRETARIAT | PV_BY_CONSUMER, NULL, {NULL}, NULL},
};

static const struct pv_field grant_fields[] = {
    RIGHT(ON(GRANT_DECIDE), ON(GRANT_DECIDE), ON(GRANT_ITEMS)),
    {.name = "resolution",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_RESOLUTION,
     .set_by = ON(GRANT_DECIDE),
     .needed_by = ON(GRANT_DECIDE)},
    {.name = "items_resolution", /* that opened those items since */
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_RESOLUTION,
     .set_by = ON(GRANT_ITEMS),
     .needed_by = ON(GRANT_ITEMS)},
    {.name = "resolution_item",
     .type = PV_FIELD_TEXT,
     .set_by = ON(GRANT_DECIDE)},
    {.name = "request",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_REQUEST,
     .set_by = ON(GRANT_DECIDE)},
    {.name = "mode", .type = PV_FIELD_ID, .set_by = ON(GRANT_DECIDE)},
    {.name = "start", .type = PV_FIELD_DAY, .set_by = ON(GRANT_DECIDE)},
    {.name = "end", .type = PV_FIELD_DAY, .set_by = ON(GRANT_DECIDE)},
    {.name = "quota", .type = PV_FIELD_JSON, .set_by = ON(GRANT_DECIDE)},
    {.name = "consent", .type = PV_FIELD_JSON, .set_by = ON(GRANT_DECIDE)},
    {.name = "item_limits",
     .type = PV_FIELD_JSON,
     .is_list = true,
     .set_by = ON(GRANT_DECIDE)},
    {.name = "conditions",
     .type = PV_FIELD_TEXT,
     .is_list = true,
     .set_by = ON(GRANT_DECIDE)},
    {.name = "dedicated", .type = PV_FIELD_FLAG, .set_by = ON(GRANT_DECIDE)},
    {.name = "name_unclear",
     .type = PV_FIELD_FLAG,
     .set_by = ON(GRANT_DECIDE) | ON(GRANT_MAP),
     .needed_by = ON(GRANT_MAP)},
    {.name = "used_in",
     .type = PV_FIELD_TEXT,
     .set_by = ON(GRANT_CONSUMER_READY)},
    {.name = "seq", .type = PV_FIELD_NUMBER},
    {.name = "live_day", .type = PV_FIELD_DAY},
};

const struct pv_kind_row pv_kind_grant = {
    "grant",      "مجوز دسترسی",       "R-112",       grant_states,
    GRANT_STATES, grant_events,        GRANT_EVENTS,  &grant_next[0][0],
    grant_fields, COUNT(grant_fields), pv_refer_grant};

/* ---- mode (R-115 to R-117) ---- */

enum {
    MODE_NONE,
    MODE_PROPOSED,
    MODE_DECIDED,
    MODE_IN_FORCE,
    MODE_REPLACED,
    MODE_WITHDRAWN,
    MODE_ENDED,
    MODE_STATES
};
enum {
    MODE_PROPOSE,
    MODE_DECIDE,
    MODE_NOTIFY,
    MODE_REPLACE,
    MODE_WITHDRAW,
    MODE_END,
    MODE_EVENTS
};

static const char *const mode_states[] = {"none",     "proposed", "decided",
                                          "in-force", "replaced", "withdrawn",
                                          "ended"};

static const uint8_t mode_next[MODE_STATES][MODE_EVENTS] = {
    [MODE_NONE] = {[MODE_PROPOSE] = MODE_PROPOSED},
    [MODE_PROPOSED] =
        {[MODE_DECIDE] = MODE_DECIDED, [MODE_WITHDRAW] = MODE_WITHDRAWN},
    [MODE_DECIDED] = {[MODE_NOTIFY] = MODE_IN_FORCE, [MODE_END] = MODE_ENDED},
    [MODE_IN_FORCE] = {[MODE_REPLACE] = MODE_REPLACED, [MODE_END] = MODE_ENDED},
};

static const struct pv_event mode_events[] = {
    [MODE_PROPOSE] = {"propose", PV_BY_PROVIDER, NULL, {pv_rule_mode}, NULL},
    [MODE_DECIDE] = {"decide", 0, NULL, {pv_rule_mode_named}, NULL},
    [MODE_NOTIFY] = {"notify",
                     0,
                     NULL,
                     {pv_rule_mode_named, pv_rule_modes_told},
                     pv_effect_mode_in_force},
    [MODE_REPLACE] = {"replace", 0, NULL, {NULL}, NULL},
    [MODE_WITHDRAW] = {"withdraw", PV_BY_PROVIDER, NULL, {NULL}, NULL},
    [MODE_END] = {"end", PV_BY_WORKING_GROUP, NULL, {NULL}, NULL},
};

static const char *const mode_words[] = {"all", "all-except", "allow-list",
                                         NULL};

static const struct pv_field mode_fields[] = {
    {.name = "version",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_VERSION,
     .set_by = ON(MODE_PROPOSE),
     .needed_by = ON(MODE_PROPOSE)},
    {.name = "method",
     .type = PV_FIELD_ID,
     .set_by = ON(MODE_PROPOSE),
     .needed_by = ON(MODE_PROPOSE)},
    {.name = "mode",
     .type = PV_FIELD_WORD,
     .words = mode_words,
     .set_by = ON(MODE_PROPOSE),
     .needed_by = ON(MODE_PROPOSE)},
    {.name = "list",
     .type = PV_FIELD_RECORD,
     .is_list = true,
     .target = PV_KIND_AGENCY,
     .set_by = ON(MODE_PROPOSE)},
    {.name = "purposes",
     .type = PV_FIELD_JSON,
     .is_list = true,
     .set_by = ON(MODE_PROPOSE)},
    {.name = "quota", .type = PV_FIELD_JSON, .set_by = ON(MODE_PROPOSE)},
    {.name = "start",
     .type = PV_FIELD_DAY,
     .set_by = ON(MODE_PROPOSE) | ON(MODE_DECIDE)},
    {.name = "end",
     .type = PV_FIELD_DAY,
     .set_by = ON(MODE_PROPOSE) | ON(MODE_DECIDE)},
    {.name = "resolution",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_RESOLUTION,
     .set_by = ON(MODE_DECIDE),
     .needed_by = ON(MODE_DECIDE)},
    {.name = "provider", .type = PV_FIELD_RECORD, .target = PV_KIND_AGENCY},
    {.name = "seq", .type = PV_FIELD_NUMBER},
};

const struct pv_kind_row pv_kind_mode = {
    "mode",      "شیوه دسترسی",      "R-116",     mode_states,
    MODE_STATES, mode_events,        MODE_EVENTS, &mode_next[0][0],
    mode_fields, COUNT(mode_fields), NULL};

/* ---- suspension of a consumer, also under a mode (R-131) ---- */

enum { HALT_NONE, HALT_IN_FORCE, HALT_LIFTED, HALT_STATES };
enum { HALT_IMPOSE, HALT_LIFT, HALT_EVENTS };

static const char *const halt_states[] = {"none", "in-force", "lifted"};

static const uint8_t halt_next[HALT_STATES][HALT_EVENTS] = {
    [HALT_NONE] = {[HALT_IMPOSE] = HALT_IN_FORCE},
    [HALT_IN_FORCE] = {[HALT_LIFT] = HALT_LIFTED},
};

static const struct pv_event halt_events[] = {
    [HALT_IMPOSE] = {"impose",
                     PV_BY_SECRETARIAT | PV_BY_WORKING_GROUP,
                     NULL,
                     {pv_rule_halt},
                     NULL},
    [HALT_LIFT] =
        {"lift", PV_BY_SECRETARIAT | PV_BY_WORKING_GROUP, NULL, {NULL}, NULL},
};

static const struct pv_field halt_fields[] = {
    {.name = "consumer",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_AGENCY,
     .set_by = ON(HALT_IMPOSE),
     .needed_by = ON(HALT_IMPOSE)},
    {.name = "unit",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_UNIT,
     .set_by = ON(HALT_IMPOSE)},
    {.name = "system",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_SYSTEM,
     .set_by = ON(HALT_IMPOSE)},
    {.name = "version",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_VERSION,
     .set_by = ON(HALT_IMPOSE),
     .needed_by = ON(HALT_IMPOSE)},
};

const struct pv_kind_row pv_kind_suspension = {"suspension", "تعلیق",
                                               "R-131",      halt_states,
                                               HALT_STATES,  halt_events,
                                               HALT_EVENTS,  &halt_next[0][0],
                                               halt_fields,  COUNT(halt_fields),
                                               NULL};
