/*
 * reg_tax.c - the tax administration: the debt of each taxpayer; the rest
 * of its register is in reg_tax_wages.c.
 */
#include "registers.h"

#include <string.h>

#include "base/num.h"
#include "reg_tax_wages.h"

#define INQUIRY "tax-debt/inquire"

static const char tables[] =
    "CREATE TABLE taxpayer (taxpayer_id TEXT PRIMARY KEY,"
    " tax_debt_status TEXT, tax_debt_amount TEXT) WITHOUT ROWID";

static const char *const status[] = {"no-debt", "has-debt", "instalments",
                                     "disputed"};
static const char *const note[] = {"no debt", "a final debt",
                                   "a debt paid in instalments",
                                   "disputed: nothing final yet"};
#define STATUSES (sizeof(status) / sizeof(status[0]))

struct debts {
    struct pv_making *making;
    struct pv_rng     rng;
    uint32_t          sampled[STATUSES];
};

static uint32_t
pick_status(struct pv_rng *rng)
{
    uint32_t at = pv_rng_below(rng, 100);

    return at < 78 ? 0 : at < 90 ? 1 : at < 96 ? 2 : 3;
}

static void
add_taxpayer(struct debts *debts, const char *id, uint32_t at,
             uint32_t thousands)
{
    struct pv_rng *rng = &debts->rng;
    uint64_t       amount = 0;
    char           text[PV_U64_TEXT_MAX + 1];

    if (at == 1 || at == 2) {
        amount = (UINT64_C(1) + pv_rng_below(rng, thousands)) * 10000;
    }
    text[pv_u64_text(amount, text)] = '\0';
    pv_writer_row(debts->making->writer, 0, "ttt", id, status[at], text);
    if (debts->sampled[at]++ == 0) {
        pv_sample_add(debts->making->samples, INQUIRY, "found", note[at],
                      "taxpayer_id:national_id", id, NULL);
    }
}

static void
add_companies(struct debts *debts)
{
    const struct pv_country *country = debts->making->country;
    char                     id[PV_ID_ROOM];

    for (uint32_t i = 0; i < country->company_count; i++) {
        pv_company_id(country, i, id);
        add_taxpayer(debts, id, i == 0 ? 0 : pick_status(&debts->rng),
                     10000000);
        if (i < 2) {
            pv_sample_add(debts->making->samples, INQUIRY, "found", "a company",
                          "taxpayer_id:legal_person_id", id, NULL);
        }
    }
}

void
pv_register_tax(struct pv_making *making)
{
    const struct pv_country *country = making->country;
    struct debts             debts = {.making = making};
    char                     id[PV_ID_ROOM];

    pv_rng_init(&debts.rng, country->seed, "tax");
    pv_writer_exec(making->writer, tables);
    (void)pv_writer_prepare(making->writer,
                            "INSERT INTO taxpayer VALUES (?,?,?)");
    for (uint32_t i = 0; i < country->person_count; i++) {
        uint32_t person = making->by_id[i];

        if (pv_person_lives(&country->persons[person]) &&
            pv_person_age(country, person) >= 18) {
            pv_person_id(country, person, id);
            add_taxpayer(&debts, id, person == 0 ? 0 : pick_status(&debts.rng),
                         100000);
        }
        pv_making_step(making, i, country->person_count);
    }
    add_companies(&debts);
    pv_nobodys_id(id);
    pv_sample_add(making->samples, INQUIRY, "not-found", "no such taxpayer",
                  "taxpayer_id:national_id", id, NULL);
    pv_person_id(country, 0, id);
    pv_sample_add(making->samples, INQUIRY, "found",
                  "the type told by the length", "taxpayer_id", id, NULL);
    pv_tax_wages(making);
}
