/*
 * reg_gas.c - the gas company: the last bill of a connection.
 */
#include "draw.h"

#define BILL "gas-bill-details/inquire"
#define FILES UINT64_C(1000000)
#define FILE_FIRST 99000000u
#define GAS 3              /* the service in a bill id */
#define COMPANY_FIRST 960u /* a company for each province */
#define RIAL_PER_M3 2500u

static const char tables[] =
    "CREATE TABLE bill (bill_id TEXT PRIMARY KEY, billing_period TEXT,"
    " consumption TEXT, bill_amount TEXT, due_date TEXT, postal_code TEXT)"
    " WITHOUT ROWID";

static void
write_bill(struct pv_draw *draw, uint64_t file, uint32_t address)
{
    uint32_t province = draw->country->addresses[address].province;
    uint32_t used = 20 + pv_rng_below(&draw->rng, 600);
    char     bill[PV_ID_ROOM];
    char     consumption[PV_ID_ROOM];
    char     amount[PV_ID_ROOM];
    char     code[PV_ID_ROOM];

    pv_bill_id(FILE_FIRST + (uint32_t)file,
               COMPANY_FIRST + pv_provinces[province].number, GAS, bill);
    pv_amount(used, consumption);
    pv_amount((uint64_t)used * RIAL_PER_M3, amount);
    pv_postal_code(draw->country, address, code);
    pv_writer_row(draw->making->writer, 0, "tttttt", bill, "1404-11",
                  consumption, amount, pv_draw_day(draw, 1, 20), code);
    if (address == 0) {
        pv_sample_add(draw->making->samples, BILL, "found", "the last bill",
                      "bill_id", bill, NULL);
    }
}

void
pv_register_gas(struct pv_making *making)
{
    const struct pv_country *country = making->country;
    struct pv_draw           draw;
    struct pv_perm           perm;
    char                     bill[PV_ID_ROOM];

    pv_draw_init(&draw, making, "gas", tables);
    pv_perm_init(&perm, FILES, 1, country->seed, "gas file");
    (void)pv_writer_prepare(making->writer,
                            "INSERT INTO bill VALUES (?,?,?,?,?,?)");
    for (uint32_t i = 0; i < country->address_count; i++) {
        if (i == 0 || pv_rng_chance(&draw.rng, 250)) {
            write_bill(&draw, pv_perm_at(&perm, i), i);
        }
        pv_making_step(making, i, country->address_count);
    }
    pv_bill_id(98999999, COMPANY_FIRST, GAS, bill);
    pv_sample_add(making->samples, BILL, "not-found", "no such connection",
                  "bill_id", bill, NULL);
}
