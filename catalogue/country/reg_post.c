/*
 * reg_post.c - the post company: postal codes and their addresses.
 */
#include "registers.h"

#include "base/num.h"
#include "names.h"

#define CODE "postal-code/inquire"
#define DESCRIPTION "address-description/inquire"

static const char tables[] =
    "CREATE TABLE postal_address (postal_code TEXT PRIMARY KEY,"
    " province TEXT, county TEXT, district TEXT, city TEXT,"
    " rural_district TEXT, street TEXT, building_number TEXT, floor TEXT,"
    " unit_number TEXT, address TEXT, last_change_date TEXT) WITHOUT ROWID";

static void
sample_address(struct pv_making *making, uint32_t address, const char *note)
{
    char code[PV_ID_ROOM];

    pv_postal_code(making->country, address, code);
    pv_sample_add(making->samples, CODE, "found", note, "postal_code", code,
                  NULL);
    pv_sample_add(making->samples, DESCRIPTION, "found", note, "postal_code",
                  code, NULL);
}

static void
pick_samples(struct pv_making *making)
{
    const struct pv_country *country = making->country;
    uint32_t                 rural = 1;

    while (rural + 1 < country->address_count &&
           country->addresses[rural].village == 0) {
        rural++;
    }
    sample_address(making, 0, "in a city");
    sample_address(making, rural, "in a village: a rural district, no city");
    pv_sample_add(making->samples, CODE, "not-found", "no such postal code",
                  "postal_code", "9999999999", NULL);
    pv_sample_add(making->samples, DESCRIPTION, "not-found",
                  "no such postal code", "postal_code", "9999999999", NULL);
}

static void
number_text(uint64_t n, char room[PV_U64_TEXT_MAX + 1])
{
    room[pv_u64_text(n, room)] = '\0';
}

static void
write_address(struct pv_making *making, uint32_t address)
{
    const struct pv_country  *country = making->country;
    const struct pv_address  *at = &country->addresses[address];
    const struct pv_province *province = &pv_provinces[at->province];
    const struct pv_county   *county = &province->county[at->county];
    char                      code[PV_ID_ROOM];
    char                      text[PV_TEXT_ROOM];
    char                      building[PV_U64_TEXT_MAX + 1];
    char                      floor[PV_U64_TEXT_MAX + 1];
    char                      unit[PV_U64_TEXT_MAX + 1];

    pv_postal_code(country, address, code);
    pv_address_text(country, address, text);
    number_text(at->building, building);
    number_text((uint64_t)at->floor, floor);
    number_text(at->unit, unit);
    pv_writer_row(
        making->writer, 0, "tttttttttttt", code, province->name, county->name,
        PV_PLACES_DISTRICT, at->village == 0 ? pv_county_seat(county) : NULL,
        at->village == 0 ? NULL : PV_PLACES_RURAL_DISTRICT,
        pv_word(&pv_names_streets, at->street), building, floor, unit, text,
        pv_country_date(country, country->as_of - at->change_days));
}

void
pv_register_post(struct pv_making *making)
{
    const struct pv_country *country = making->country;

    pv_writer_exec(making->writer, tables);
    (void)pv_writer_prepare(making->writer, "INSERT INTO postal_address VALUES"
                                            " (?,?,?,?,?,?,?,?,?,?,?,?)");
    for (uint32_t i = 0; i < country->address_count; i++) {
        write_address(making, i);
        pv_making_step(making, i, country->address_count);
    }
    pick_samples(making);
}
