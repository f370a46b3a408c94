#include "registers.h"

#define STEP 2000

const struct pv_register pv_registers[PV_REGISTERS] = {
    {"civil-registration-organisation", pv_register_civil},
    {"central-bank", pv_register_bank},
    {"communications-regulatory-authority", pv_register_shahkar},
    {"national-post-company", pv_register_post},
    {"ministry-interior", pv_register_interior},
    {"tax-administration", pv_register_tax},
    {"deeds-registration-organisation", pv_register_deeds},
    {"ministry-science-research-technology", pv_register_science},
    {"ministry-economic-affairs-finance", pv_register_economy},
    {"judiciary-statistics-centre", pv_register_judiciary},
    {"tavanir", pv_register_tavanir},
    {"vp-science-technology", pv_register_knowledge},
    {"judiciary", pv_register_courts},
    {"social-security-organisation", pv_register_insurance},
    {"state-welfare-organisation", pv_register_welfare},
    {"emdad-committee", pv_register_relief},
    {"martyrs-foundation", pv_register_veterans},
    {"police-command", pv_register_police},
    {"ministry-education", pv_register_education},
    {"ministry-health", pv_register_health},
    {"sanjesh-organisation", pv_register_exams},
    {"ministry-roads-urban-development", pv_register_roads},
    {"national-gas-company", pv_register_gas},
    {"housing-foundation", pv_register_housing},
    {"ministry-industry-mine-trade", pv_register_goods},
    {"customs-administration", pv_register_customs},
    {"vp-management-human-capital", pv_register_services},
    {"municipalities", pv_register_completions},
    {"all-executive-agencies", pv_register_answers},
    {"e-certification-policy-secretariat", pv_register_signatures},
    {"information-technology-organisation", pv_register_inbox},
    {"ministry-ict", pv_register_oids},
};

void
pv_making_step(struct pv_making *making, uint64_t done, uint64_t total)
{
    if (done % STEP == 0 && making->progress != NULL) {
        making->progress(making->context, done, total);
    }
}

uint32_t
pv_pick_adult(const struct pv_country *country, struct pv_rng *rng, int age)
{
    uint32_t person;

    do {
        person = pv_rng_below(rng, country->person_count);
    } while (!pv_person_lives(&country->persons[person]) ||
             pv_person_age(country, person) < age);
    return person;
}

void
pv_nobodys_id(char room[PV_ID_ROOM])
{
    pv_national_id(998500000, room); /* 998 holds one person at most */
}

void
pv_no_companys_id(char room[PV_ID_ROOM])
{
    pv_legal_id(UINT64_C(9990099999), room); /* 99900... is not generated */
}
