/*
 * kinds_codes.c - codes of agencies and what they mean to each other: lists
 * that agencies deliver, maps between them, and object
 * identifiers.
 */
#include "kind_tables.h"
#include "rules.h"

/* ---- a list of codes; each delivery is its next version ---- */

enum { LIST_NONE, LIST_DELIVERED, LIST_ENDED, LIST_STATES };
enum { LIST_DELIVER, LIST_END, LIST_EVENTS };

static const char *const list_states[] = {"none", "delivered", "ended"};

static const uint8_t list_next[LIST_STATES][LIST_EVENTS] = {
    [LIST_NONE] = {[LIST_DELIVER] = LIST_DELIVERED},
    [LIST_DELIVERED] =
        {[LIST_DELIVER] = LIST_DELIVERED, [LIST_END] = LIST_ENDED},
};

static const struct pv_event list_events[] = {
    [LIST_DELIVER] = {"deliver",
                      PV_BY_AGENCY | PV_BY_TECHNICAL,
                      NULL,
                      {pv_rule_code_list},
                      NULL},
    [LIST_END] = {"end", PV_BY_SECRETARIAT, NULL, {NULL}, NULL},
};

static const struct pv_field list_fields[] = {
    {.name = "agency",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_AGENCY,
     .set_by = ON(LIST_DELIVER),
     .needed_by = ON(LIST_DELIVER)},
    {.name = "what",
     .type = PV_FIELD_ID,
     .set_by = ON(LIST_DELIVER),
     .needed_by = ON(LIST_DELIVER)},
    {.name = "date",
     .type = PV_FIELD_DAY,
     .set_by = ON(LIST_DELIVER),
     .needed_by = ON(LIST_DELIVER)},
    /* {"code": "name"} */
    {.name = "codes",
     .type = PV_FIELD_JSON,
     .set_by = ON(LIST_DELIVER),
     .needed_by = ON(LIST_DELIVER)},
};

const struct pv_kind_row pv_kind_code_list = {
    "code-list", "فهرست کد",         "R-209",     list_states,
    LIST_STATES, list_events,        LIST_EVENTS, &list_next[0][0],
    list_fields, COUNT(list_fields), NULL};

/* ---- a map between lists: built by the operator, announced to all ---- */

enum { MAP_NONE, MAP_BUILT, MAP_ANNOUNCED, MAP_WITHDRAWN, MAP_STATES };
enum { MAP_BUILD, MAP_ANNOUNCE, MAP_WITHDRAW, MAP_EVENTS };

static const char *const map_states[] = {"none", "built", "announced",
                                         "withdrawn"};

static const uint8_t map_next[MAP_STATES][MAP_EVENTS] = {
    [MAP_NONE] = {[MAP_BUILD] = MAP_BUILT},
    [MAP_BUILT] = {[MAP_BUILD] = MAP_BUILT,
                   [MAP_ANNOUNCE] = MAP_ANNOUNCED,
                   [MAP_WITHDRAW] = MAP_WITHDRAWN},
    [MAP_ANNOUNCED] = {[MAP_BUILD] = MAP_BUILT, [MAP_WITHDRAW] = MAP_WITHDRAWN},
};

static const struct pv_event map_events[] = {
    [MAP_BUILD] = {"build", PV_BY_OPERATOR, NULL, {pv_rule_code_map}, NULL},
    [MAP_ANNOUNCE] =
        {"announce", PV_BY_OPERATOR, NULL, {pv_rule_code_map_fresh}, NULL},
    [MAP_WITHDRAW] = {"withdraw", PV_BY_OPERATOR, NULL, {NULL}, NULL},
};

static const struct pv_field map_fields[] = {
    {.name = "lists",
     .type = PV_FIELD_RECORD,
     .is_list = true,
     .target = PV_KIND_CODE_LIST,
     .set_by = ON(MAP_BUILD),
     .needed_by = ON(MAP_BUILD)},
    /* [["0101","17",null], ...]: a code of each list, in their order */
    {.name = "rows",
     .type = PV_FIELD_JSON,
     .set_by = ON(MAP_BUILD),
     .needed_by = ON(MAP_BUILD)},
    /* of each list, the version that the rows were made from */
    {.name = "versions", .type = PV_FIELD_JSON},
};

const struct pv_kind_row pv_kind_code_map = {
    "code-map", "نگاشت کد",        "R-209",    map_states,
    MAP_STATES, map_events,        MAP_EVENTS, &map_next[0][0],
    map_fields, COUNT(map_fields), NULL};

/* ---- object identifier: its id is the dotted number ---- */

enum {
    OID_NONE,
    OID_REQUESTED,
    OID_REGISTERED,
    OID_REFUSED,
    OID_RETIRED,
    OID_STATES
};
enum { OID_REQUEST, OID_REGISTER, OID_REFUSE, OID_RETIRE, OID_EVENTS };

static const char *const oid_states[] = {"none", "requested", "registered",
                                         "refused", "retired"};

static const uint8_t oid_next[OID_STATES][OID_EVENTS] = {
    [OID_NONE] = {[OID_REQUEST] = OID_REQUESTED},
    [OID_REQUESTED] =
        {[OID_REGISTER] = OID_REGISTERED, [OID_REFUSE] = OID_REFUSED},
    [OID_REFUSED] = {[OID_REQUEST] = OID_REQUESTED},
    [OID_REGISTERED] = {[OID_RETIRE] = OID_RETIRED},
};

static const struct pv_event oid_events[] = {
    [OID_REQUEST] =
        {"request", PV_BY_AGENCY | PV_BY_TECHNICAL, NULL, {pv_rule_oid}, NULL},
    [OID_REGISTER] = {"register",
                      PV_BY_OPERATOR | PV_BY_SECRETARIAT,
                      "request",
                      {pv_rule_oid_parent},
                      NULL},
    [OID_REFUSE] =
        {"refuse", PV_BY_OPERATOR | PV_BY_SECRETARIAT, NULL, {NULL}, NULL},
    [OID_RETIRE] = {"retire", PV_BY_AGENCY, NULL, {NULL}, NULL},
};

static const struct pv_field oid_fields[] = {
    {.name = "agency",
     .type = PV_FIELD_RECORD,
     .target = PV_KIND_AGENCY,
     .set_by = ON(OID_REQUEST),
     .needed_by = ON(OID_REQUEST)},
    {.name = "name_fa",
     .type = PV_FIELD_TEXT,
     .set_by = ON(OID_REQUEST),
     .needed_by = ON(OID_REQUEST)},
    {.name = "name_en", .type = PV_FIELD_TEXT, .set_by = ON(OID_REQUEST)},
    /* others than its agency may ask for arcs below it */
    {.name = "open", .type = PV_FIELD_FLAG, .set_by = ON(OID_REGISTER)},
    {.name = "refusal",
     .type = PV_FIELD_TEXT,
     .set_by = ON(OID_REFUSE),
     .needed_by = ON(OID_REFUSE)},
    {.name = "parent", .type = PV_FIELD_RECORD, .target = PV_KIND_OID},
};

const struct pv_kind_row pv_kind_oid = {
    "oid",      "شناسه شیء",       "R-213",    oid_states,
    OID_STATES, oid_events,        OID_EVENTS, &oid_next[0][0],
    oid_fields, COUNT(oid_fields), NULL};
