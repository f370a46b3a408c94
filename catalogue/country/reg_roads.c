/*
 * reg_roads.c - the ministry of roads and urban development: changes of the
 * legal residence.
 */
#include "draw.h"

#define CHANGE "legal-residence-change/inquire"

static const char tables[] =
    "CREATE TABLE residence_change (national_id TEXT PRIMARY KEY,"
    " postal_code TEXT, address TEXT, change_status TEXT, change_date TEXT)"
    " WITHOUT ROWID";

static const char *const status[] = {"registered", "registered", "registered",
                                     "pending", "refused"};

static void
mover(struct pv_draw *draw, uint32_t person, const char *id)
{
    uint32_t address = draw->country->persons[person].address;
    char     code[PV_ID_ROOM];
    char     text[PV_TEXT_ROOM];

    pv_postal_code(draw->country, address, code);
    pv_address_text(draw->country, address, text);
    pv_writer_row(draw->making->writer, 0, "ttttt", id, code, text,
                  person == 0 ? status[0] : PV_DRAW_WORD(draw, status),
                  pv_draw_day(draw, -1200, -1));
    if (person == 0) {
        pv_sample_add(draw->making->samples, CHANGE, "found",
                      "a registered change", "national_id", id, NULL);
    }
}

void
pv_register_roads(struct pv_making *making)
{
    struct pv_draw draw;

    pv_draw_init(&draw, making, "roads", tables);
    (void)pv_writer_prepare(making->writer,
                            "INSERT INTO residence_change VALUES (?,?,?,?,?)");
    pv_draw_persons(&draw, (struct pv_some){18, 120, 15}, mover);
    pv_sample_stranger(&draw, CHANGE, "not-found", "national_id");
}
