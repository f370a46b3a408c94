/*
 * reg_interior.c - the interior ministry: the divisions of the country.
 *
 * Code: 99, province (2 digits), county (2), district (2), then the rural
 * district or city (2) and the village (2). What lies under an element
 * begins with its code, so one range of the key holds it all.
 */
#include "registers.h"

#include <string.h>

#define INQUIRY "country-divisions/inquire"
#define CITY 50 /* numbers from here are cities, below rural districts */

static const char tables[] =
    "CREATE TABLE division (code TEXT PRIMARY KEY, name TEXT, level TEXT,"
    " parent_code TEXT) WITHOUT ROWID;"
    "CREATE TABLE register_state (as_of TEXT)";

/* Append two digits to parent and write the row. */
static void
add_division(struct pv_making *making, const char *parent, uint32_t number,
             const char *name, const char *level, char room[PV_ID_ROOM])
{
    size_t len = strnlen(parent, PV_ID_ROOM);

    memcpy(room, parent, len);
    pv_digits(room + len, 2, number);
    room[len + 2] = '\0';
    pv_writer_row(making->writer, 0, "tttt", room, name, level,
                  len == 2 ? NULL : parent);
}

static void
write_county(struct pv_making *making, const char *province, uint32_t p,
             uint32_t c)
{
    const struct pv_county *county = &pv_provinces[p].county[c];
    char                    code[PV_ID_ROOM];
    char                    district[PV_ID_ROOM];
    char                    rural[PV_ID_ROOM];
    char                    other[PV_ID_ROOM];

    add_division(making, province, c + 1, county->name, "county", code);
    add_division(making, code, 1, PV_PLACES_DISTRICT, "district", district);
    add_division(making, district, 1, PV_PLACES_RURAL_DISTRICT,
                 "rural-district", rural);
    for (uint32_t v = 1; v <= 2; v++) {
        add_division(making, rural, v, pv_village_name(p, c, v), "village",
                     other);
    }
    add_division(making, district, CITY, pv_county_seat(county), "city", other);
}

static void
pick_samples(struct pv_samples *samples)
{
    pv_sample_add(samples, INQUIRY, "found", "the whole country", NULL);
    pv_sample_add(samples, INQUIRY, "found", "all provinces", "level",
                  "province", NULL);
    pv_sample_add(samples, INQUIRY, "found", "one province with all under it",
                  "code", "9901", NULL);
    pv_sample_add(samples, INQUIRY, "found", "the counties of a province",
                  "code", "9923", "level", "county", NULL);
    pv_sample_add(samples, INQUIRY, "not-found", "no such code", "code", "9999",
                  NULL);
}

void
pv_register_interior(struct pv_making *making)
{
    char province[PV_ID_ROOM];

    pv_writer_exec(making->writer, tables);
    (void)pv_writer_prepare(making->writer,
                            "INSERT INTO division VALUES (?,?,?,?)");
    (void)pv_writer_prepare(making->writer,
                            "INSERT INTO register_state VALUES (?)");
    for (uint32_t p = 0; p < PV_PLACES_PROVINCES; p++) {
        uint32_t count = pv_province_counties(&pv_provinces[p]);

        add_division(making, "99", pv_provinces[p].number, pv_provinces[p].name,
                     "province", province);
        for (uint32_t c = 0; c < count; c++) {
            write_county(making, province, p, c);
        }
        pv_making_step(making, p, PV_PLACES_PROVINCES);
    }
    pv_writer_row(making->writer, 1, "t",
                  pv_country_date(making->country, making->country->as_of));
    pick_samples(making->samples);
}
