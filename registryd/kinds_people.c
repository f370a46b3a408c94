/*
 * kinds_people.c - persons: who may sign in. What they sign in with is no part
 * of a record (people.h).
 */
#include "kind_tables.h"
#include "rules.h"

enum { WHO_NONE, WHO_ACTIVE, WHO_BLOCKED, WHO_LEFT, WHO_STATES };
enum {
    WHO_REGISTER,
    WHO_CHANGE,
    WHO_INVITE,
    WHO_LINK,
    WHO_UNLINK,
    WHO_BLOCK,
    WHO_UNBLOCK,
    WHO_LEAVE,
    WHO_EVENTS
};

static const char *const who_states[] = {"none", "active", "blocked", "left"};

static const uint8_t who_next[WHO_STATES][WHO_EVENTS] = {
    [WHO_NONE] = {[WHO_REGISTER] = WHO_ACTIVE},
    [WHO_ACTIVE] = {[WHO_CHANGE] = WHO_ACTIVE,
                    [WHO_INVITE] = WHO_ACTIVE,
                    [WHO_LINK] = WHO_ACTIVE,
                    [WHO_UNLINK] = WHO_ACTIVE,
                    [WHO_BLOCK] = WHO_BLOCKED,
                    [WHO_LEAVE] = WHO_LEFT},
    [WHO_BLOCKED] = {[WHO_CHANGE] = WHO_BLOCKED,
                     [WHO_UNLINK] = WHO_BLOCKED,
                     [WHO_UNBLOCK] = WHO_ACTIVE,
                     [WHO_LEAVE] = WHO_LEFT},
};

static const struct pv_event who_events[] = {
    [WHO_REGISTER] = {"register",
                      PV_BY_ADMINISTRATOR | PV_BY_CONSOLE,
                      NULL,
                      {pv_rule_person},
                      NULL},
    [WHO_CHANGE] = {"change", PV_BY_ADMINISTRATOR, NULL, {NULL}, NULL},
    /* a code for a new password: whoever gets it is this person */
    [WHO_INVITE] =
        {"invite", PV_BY_ADMINISTRATOR | PV_BY_CONSOLE, NULL, {NULL}, NULL},
    [WHO_LINK] = {"link", PV_BY_ADMINISTRATOR, NULL, {pv_rule_link}, NULL},
    [WHO_UNLINK] =
        {"unlink", PV_BY_ADMINISTRATOR, NULL, {pv_rule_unlink}, NULL},
    [WHO_BLOCK] = {"block",
                   PV_BY_ADMINISTRATOR | PV_BY_SECRETARIAT | PV_BY_CONSOLE,
                   NULL,
                   {NULL},
                   NULL},
    [WHO_UNBLOCK] =
        {"unblock", PV_BY_ADMINISTRATOR | PV_BY_CONSOLE, "block", {NULL}, NULL},
    [WHO_LEAVE] = {"leave", PV_BY_ADMINISTRATOR, NULL, {NULL}, NULL},
};

#define WHO_SET (ON(WHO_REGISTER) | ON(WHO_CHANGE))

static const struct pv_field who_fields[] = {
    {.name = "name_fa",
     .type = PV_FIELD_TEXT,
     .set_by = WHO_SET,
     .needed_by = ON(WHO_REGISTER)},
    {.name = "name_en", .type = PV_FIELD_TEXT, .set_by = WHO_SET},
    {.name = "agency", .type = PV_FIELD_PARTY, .set_by = WHO_SET},
    {.name = "issuer",
     .type = PV_FIELD_TEXT,
     .set_by = ON(WHO_LINK),
     .needed_by = ON(WHO_LINK)},
    {.name = "subject",
     .type = PV_FIELD_TEXT,
     .set_by = ON(WHO_LINK),
     .needed_by = ON(WHO_LINK)},
};

const struct pv_kind_row pv_kind_person = {
    "person",       "شخص",      "R-095",         who_states, WHO_STATES,
    who_events,     WHO_EVENTS, &who_next[0][0], who_fields, COUNT(who_fields),
    pv_refer_person};
