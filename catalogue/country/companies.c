/*
 * companies.c - one company for every 25 persons, headed by one of them.
 */
#include "country.h"

#define PERSONS_PER_COMPANY 25

static uint32_t
pick_head(const struct pv_country *country, struct pv_rng *rng)
{
    uint32_t person;

    do {
        person = pv_rng_below(rng, country->person_count);
    } while (!pv_person_lives(&country->persons[person]) ||
             pv_person_age(country, person) < 25);
    return person;
}

static uint8_t
pick_type(struct pv_rng *rng)
{
    uint32_t at = pv_rng_below(rng, 100);
    uint8_t  type = 0;

    /* text.c has the words in this order */
    static const uint8_t until[] = {48, 82, 89, 94, 97, 99, 100};

    while (at >= until[type]) {
        type++;
    }
    return type;
}

static enum pv_company_status
pick_status(struct pv_rng *rng)
{
    uint32_t at = pv_rng_below(rng, 100);

    if (at < 80) {
        return PV_COMPANY_ACTIVE;
    }
    if (at < 91) {
        return PV_COMPANY_DISSOLVED;
    }
    if (at < 95) {
        return PV_COMPANY_IN_LIQUIDATION;
    }
    return at < 98 ? PV_COMPANY_SUSPENDED : PV_COMPANY_MERGED;
}

enum pv_err
pv_companies_make(struct pv_country *country)
{
    struct pv_rng rng;
    uint32_t      count = country->person_count / PERSONS_PER_COMPANY;
    int32_t       first = pv_jalali_day(1350, 1, 1);
    enum pv_err   err = PV_OK;

    pv_rng_init(&rng, country->seed, "companies");
    country->companies = calloc(count, sizeof(*country->companies));
    if (country->companies == NULL) {
        return PV_ENOMEM;
    }
    for (uint32_t i = 0; i < count && err == PV_OK; i++) {
        struct pv_company *company = &country->companies[i];
        uint32_t           province = pv_pick_province(&rng);
        uint32_t           county = pv_pick_county(&rng, province);
        int32_t            a = pv_rng_between(&rng, first, country->as_of - 1);
        int32_t            b = pv_rng_between(&rng, first, country->as_of - 1);

        company->head = pick_head(country, &rng);
        company->number = 100 + i * 7 + pv_rng_below(&rng, 7);
        company->birth_day = a > b ? a : b; /* more of them are young */
        company->change_day =
            pv_rng_between(&rng, company->birth_day, country->as_of - 1);
        company->type = pick_type(&rng);
        company->status = pick_status(&rng);
        err =
            pv_address_add(country, &rng, province, county, &company->address);
    }
    if (err == PV_OK) { /* the catalogue's example */
        country->companies[0].head = 0;
        country->companies[0].status = PV_COMPANY_ACTIVE;
        country->companies[0].birth_day = pv_jalali_day(1395, 2, 10);
        country->companies[0].change_day = pv_jalali_day(1401, 5, 1);
    }
    country->company_count = count;
    return err;
}
