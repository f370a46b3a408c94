#include "reg_parcels.h"

#include "draw.h"

#define DETAILS "property-details/inquire"
#define CADASTRE "property-cadastre-registry-inquiry/inquire"
#define COVERAGE "deed-plate-coverage/inquire"

static void
sample_parcel(struct pv_samples *samples, const char *plate,
              const char *property)
{
    pv_sample_add(samples, DETAILS, "found", "with an electronic ledger",
                  "property_id", property, NULL);
    pv_sample_add(samples, CADASTRE, "found", "a property of two owners",
                  "property_id", property, NULL);
    pv_sample_add(samples, COVERAGE, "found", "a plate on the map", "plate",
                  plate, NULL);
}

void
pv_parcel_write(struct pv_making *making, int statement, struct pv_rng *rng,
                uint32_t number, const char *plate, const char *property,
                bool is_company)
{
    bool        is_first = number == 1; /* the example: electronic, covered */
    uint32_t    mapped = is_first ? 0 : pv_rng_below(rng, 10);
    bool        is_electronic = is_first || pv_rng_chance(rng, 800);
    const char *use = is_company                ? "اداری"
                      : pv_rng_chance(rng, 940) ? "مسکونی"
                                                : "تجاری";
    char        area[PV_ID_ROOM];
    char        shape[PV_SHAPE_ROOM];

    pv_amount(40 + pv_rng_below(rng, 360), area);
    pv_rectangle(number, 20, shape);
    pv_writer_row(making->writer, statement, "tttttt", plate, area, use,
                  is_electronic ? "electronic" : "paper",
                  mapped < 8    ? "covered"
                  : mapped == 8 ? "partly"
                                : "none",
                  mapped < 9 ? shape : NULL);
    if (is_first) {
        sample_parcel(making->samples, plate, property);
    }
    if (!is_electronic && pv_samples_with(making->samples, DETAILS,
                                          "the ledger is on paper") == 0) {
        pv_sample_add(making->samples, DETAILS, "not-found",
                      "the ledger is on paper", "property_id", property, NULL);
    }
}

void
pv_parcel_strangers(struct pv_making *making)
{
    static const char property[] = "9989999999";

    pv_sample_add(making->samples, DETAILS, "not-found", "no such property",
                  "property_id", property, NULL);
    pv_sample_add(making->samples, CADASTRE, "not-found", "no such property",
                  "property_id", property, NULL);
    pv_sample_add(making->samples, COVERAGE, "not-found", "no such plate",
                  "plate", "999/0", NULL);
}
