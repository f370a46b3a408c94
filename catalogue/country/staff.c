#include "staff.h"

#define EVERY 5 /* this company of so many has a workshop */
#define AGE_MIN 20
#define STEP UINT64_C(0x9e3779b97f4a7c15) /* one company's stream */

static bool
works_there(const struct pv_staff *staff, uint32_t person)
{
    for (uint32_t i = 0; i < staff->count; i++) {
        if (staff->employee[i].person == person) {
            return true;
        }
    }
    return false;
}

static void
hire(const struct pv_country *country, struct pv_rng *rng,
     struct pv_staff *staff, uint32_t person)
{
    if (!pv_person_lives(&country->persons[person]) ||
        pv_person_age(country, person) < AGE_MIN ||
        works_there(staff, person)) {
        return;
    }
    staff->employee[staff->count++] = (struct pv_employee){
        .person = person,
        .days = (uint32_t)pv_rng_between(rng, 10, 30),
        .wage = UINT64_C(100000) * (900 + pv_rng_below(rng, 4000)),
        .other = UINT64_C(100000) * pv_rng_below(rng, 300)};
}

void
pv_staff_of(const struct pv_country *country, uint32_t company,
            struct pv_staff *staff)
{
    struct pv_rng rng;
    int           places;

    staff->count = 0;
    if (company % EVERY != 0) {
        return;
    }
    pv_rng_init(&rng, country->seed + company * STEP, "staff");
    places = pv_rng_between(&rng, 2, PV_STAFF_MAX);
    if (company == 0) {
        hire(country, &rng, staff, 0);
        places--;
    }
    while (places-- > 0) {
        hire(country, &rng, staff, pv_rng_below(&rng, country->person_count));
    }
}

void
pv_workshop_code(uint32_t company, char room[PV_ID_ROOM])
{
    pv_plain_id("999", 7, company + 1, room);
}

void
pv_insurance_number(uint32_t person, char room[PV_ID_ROOM])
{
    pv_plain_id("99", 8, person, room);
}
