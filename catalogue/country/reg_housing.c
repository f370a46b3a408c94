/*
 * reg_housing.c - the housing foundation: zones of the plans of villages.
 */
#include "draw.h"

#define ZONES "hadi-plan-zones/inquire"
#define SIDE 400 /* hundred-thousandths of a degree: about 400 m */

static const char tables[] =
    "CREATE TABLE zone (division_code TEXT, zone_number INTEGER,"
    " zone_name TEXT, shape TEXT, PRIMARY KEY (division_code, zone_number))"
    " WITHOUT ROWID";

static const char *const zone[] = {"پهنه مسکونی", "پهنه کشاورزی",
                                   "پهنه خدماتی"};
#define ZONE_COUNT ((uint32_t)(sizeof(zone) / sizeof(zone[0])))

static void
write_village(struct pv_draw *draw, uint32_t province, uint32_t county,
              uint32_t village)
{
    uint32_t count = 1 + pv_rng_below(&draw->rng, ZONE_COUNT);
    char     code[PV_ID_ROOM];
    char     shape[PV_SHAPE_ROOM];

    pv_village_code(province, county, village, code);
    for (uint32_t i = 0; i < count; i++) {
        pv_rectangle(draw->count * ZONE_COUNT + i, SIDE, shape);
        pv_writer_row(draw->making->writer, 0, "titt", code, (int64_t)(i + 1),
                      zone[i], shape);
    }
    if (draw->count++ == 0) {
        pv_sample_add(draw->making->samples, ZONES, "found",
                      "the zones of a village", "division_code", code, NULL);
    }
}

void
pv_register_housing(struct pv_making *making)
{
    struct pv_draw draw;

    pv_draw_init(&draw, making, "housing", tables);
    (void)pv_writer_prepare(making->writer,
                            "INSERT INTO zone VALUES (?,?,?,?)");
    for (uint32_t p = 0; p < PV_PLACES_PROVINCES; p++) {
        uint32_t count = pv_province_counties(&pv_provinces[p]);

        for (uint32_t c = 0; c < count; c++) {
            write_village(&draw, p, c, 1); /* the other has no plan yet */
        }
    }
    pv_sample_add(making->samples, ZONES, "not-found", "no plan of that place",
                  "division_code", "9901", NULL);
}
