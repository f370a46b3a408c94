/*
 * reg_tavanir.c - Tavanir: electricity connections and their addresses.
 */
#include "registers.h"

#define INQUIRY "electricity-connection-address/inquire"
#define NEW "electricity-new-bill-ids/list"
#define LAST_NEW_YEAR 1409 /* a new connection for each day until its end */
#define FILES UINT64_C(1000000)
#define FILE_FIRST 99000000u
#define EXAMPLE_FILE 999999
#define ELECTRICITY 2
#define COMPANY_FIRST 960u  /* a distribution company for each province */
#define COMPANY_TEHRAN 999u /* the catalogue's example */

static const char tables[] =
    "CREATE TABLE connection (bill_id TEXT PRIMARY KEY,"
    " connection_status TEXT, province TEXT, county TEXT, address TEXT,"
    " postal_code TEXT, created_on TEXT) WITHOUT ROWID";

static const char *
pick_status(struct pv_rng *rng)
{
    uint32_t at = pv_rng_below(rng, 100);

    return at < 93   ? "فعال"
           : at < 97 ? "قطع موقت"
                     : "جمع‌آوری‌شده";
}

static void
write_connection(struct pv_making *making, struct pv_rng *rng, uint64_t file,
                 uint32_t address, int32_t day)
{
    const struct pv_country  *country = making->country;
    const struct pv_address  *at = &country->addresses[address];
    const struct pv_province *province = &pv_provinces[at->province];
    char                      bill[PV_ID_ROOM];
    char                      code[PV_ID_ROOM];
    char                      text[PV_TEXT_ROOM];

    pv_bill_id(FILE_FIRST + (uint32_t)file,
               at->province == 0 ? COMPANY_TEHRAN
                                 : COMPANY_FIRST + province->number,
               ELECTRICITY, bill);
    pv_postal_code(country, address, code);
    pv_address_text(country, address, text);
    pv_writer_row(making->writer, 0, "ttttttt", bill,
                  address == 0 ? "فعال" : pick_status(rng), province->name,
                  province->county[at->county].name, text, code,
                  pv_country_date(country, day));
    if (day >= country->as_of) {
        return; /* a second connection of its address */
    }
    if (address == 0) {
        pv_sample_add(making->samples, INQUIRY, "found",
                      "without the address since 1 Mehr 1402", "bill_id", bill,
                      NULL);
    } else if (address == 3) {
        pv_sample_add(making->samples, INQUIRY, "found", "another connection",
                      "bill_id", bill, NULL);
    }
}

/* The service answers for the days before today, whenever that is. */
static void
new_connections(struct pv_making *making, struct pv_rng *rng,
                const struct pv_perm *perm)
{
    const struct pv_country *country = making->country;
    int32_t                  last = pv_jalali_day(LAST_NEW_YEAR, 12, 29);
    uint32_t                 count = 0;

    for (int32_t day = country->as_of; day <= last; day++) {
        uint32_t address = count % country->address_count;

        write_connection(making, rng,
                         pv_perm_at(perm, country->address_count + count++),
                         address, day);
    }
    pv_sample_add(making->samples, NEW, "found", "yesterday", "creation_date",
                  "days-ago 1", NULL);
    pv_sample_add(making->samples, NEW, "found", "seven days ago",
                  "creation_date", "days-ago 7", NULL);
    pv_sample_add(making->samples, NEW, "invalid", "today is not answered",
                  "creation_date", "days-ago 0", NULL);
    pv_sample_add(making->samples, NEW, "invalid", "nor the eighth day",
                  "creation_date", "days-ago 8", NULL);
}

void
pv_register_tavanir(struct pv_making *making)
{
    const struct pv_country *country = making->country;
    struct pv_rng            rng;
    struct pv_perm           perm;
    char                     bill[PV_ID_ROOM];

    pv_rng_init(&rng, country->seed, "tavanir");
    pv_perm_init(&perm, FILES, EXAMPLE_FILE, country->seed, "file");
    pv_writer_exec(making->writer, tables);
    (void)pv_writer_prepare(making->writer,
                            "INSERT INTO connection VALUES (?,?,?,?,?,?,?)");
    for (uint32_t i = 0; i < country->address_count; i++) {
        if (i < 4 || pv_rng_chance(&rng, 960)) {
            int32_t day = country->as_of - pv_rng_between(&rng, 1, 9000);

            write_connection(making, &rng, pv_perm_at(&perm, i), i, day);
        }
        pv_making_step(making, i, country->address_count);
    }
    new_connections(making, &rng, &perm);
    pv_writer_exec(making->writer, "CREATE INDEX connection_created ON"
                                   " connection (created_on)");
    pv_bill_id(98999999, COMPANY_TEHRAN, ELECTRICITY, bill);
    pv_sample_add(making->samples, INQUIRY, "not-found", "no such connection",
                  "bill_id", bill, NULL);
}
