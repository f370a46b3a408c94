/*
 * reg_inbox.c - what only commands fill: the messages, bills and opinions of
 * the IT organisation, and the object identifiers of the ICT ministry.
 */
#include "draw.h"

static const char inbox[] =
    "CREATE TABLE message (number INTEGER PRIMARY KEY, call_id TEXT UNIQUE,"
    " consumer TEXT, sent_at TEXT, channel TEXT, person_id TEXT,"
    " message TEXT);"
    "CREATE TABLE bill (bill_id TEXT, billing_period TEXT, person_id TEXT,"
    " amount TEXT, due_date TEXT, delivered_at TEXT,"
    " PRIMARY KEY (bill_id, billing_period)) WITHOUT ROWID;"
    "CREATE TABLE opinion (tracking_id TEXT PRIMARY KEY, service_code TEXT,"
    " score TEXT, remark TEXT, given_at TEXT) WITHOUT ROWID";

/* 2.999 is for examples (X.660); the catalogue's own example is below it. */
static const char oids[] =
    "CREATE TABLE oid (oid TEXT PRIMARY KEY, parent TEXT, arc INTEGER,"
    " title TEXT, call_id TEXT UNIQUE) WITHOUT ROWID;"
    "CREATE INDEX oid_parent ON oid (parent, arc);"
    "INSERT INTO oid VALUES ('2.999.1', NULL, 1, 'پیوند', NULL)";

void
pv_register_inbox(struct pv_making *making)
{
    struct pv_draw draw;

    pv_draw_init(&draw, making, "inbox", inbox);
    pv_draw_commands(&draw);
}

void
pv_register_oids(struct pv_making *making)
{
    struct pv_draw draw;

    pv_draw_init(&draw, making, "oids", oids);
    pv_draw_commands(&draw);
}
