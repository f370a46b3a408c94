/*
 * registers.h - what each provider's file holds. One function a provider
 * writes its tables, its rows and its indexes, and picks the samples.
 *
 * Each register draws from a random stream of its own name. Tables and
 * columns are those that the statements in catalogue/services name.
 */
#ifndef PV_COUNTRY_REGISTERS_H
#define PV_COUNTRY_REGISTERS_H

#include <stdint.h>

#include "country.h"
#include "samples.h"
#include "writer.h"

#define PV_REGISTERS 32

struct pv_making {
    const struct pv_country *country;
    struct pv_samples       *samples;
    const uint32_t          *by_id; /* persons in the order of their ids */
    struct pv_writer        *writer;
    void (*progress)(void *context, uint64_t done, uint64_t total);
    void *context;
};

struct pv_register {
    const char *provider; /* the id in catalogue/agencies.json */
    void (*write)(struct pv_making *making);
};

extern const struct pv_register pv_registers[PV_REGISTERS];

void pv_register_civil(struct pv_making *making);
void pv_register_bank(struct pv_making *making);
void pv_register_shahkar(struct pv_making *making);
void pv_register_post(struct pv_making *making);
void pv_register_interior(struct pv_making *making);
void pv_register_tax(struct pv_making *making);
void pv_register_deeds(struct pv_making *making);
void pv_register_science(struct pv_making *making);
void pv_register_economy(struct pv_making *making);
void pv_register_judiciary(struct pv_making *making);
void pv_register_tavanir(struct pv_making *making);
void pv_register_knowledge(struct pv_making *making);
void pv_register_courts(struct pv_making *making);
void pv_register_insurance(struct pv_making *making);
void pv_register_welfare(struct pv_making *making);
void pv_register_relief(struct pv_making *making);
void pv_register_veterans(struct pv_making *making);
void pv_register_police(struct pv_making *making);
void pv_register_education(struct pv_making *making);
void pv_register_health(struct pv_making *making);
void pv_register_exams(struct pv_making *making);
void pv_register_roads(struct pv_making *making);
void pv_register_gas(struct pv_making *making);
void pv_register_housing(struct pv_making *making);
void pv_register_goods(struct pv_making *making);
void pv_register_customs(struct pv_making *making);
void pv_register_services(struct pv_making *making);
void pv_register_completions(struct pv_making *making);
void pv_register_answers(struct pv_making *making);
void pv_register_signatures(struct pv_making *making);
void pv_register_inbox(struct pv_making *making);
void pv_register_oids(struct pv_making *making);

/* Every thousandth call or so reaches the person at the terminal. */
void pv_making_step(struct pv_making *making, uint64_t done, uint64_t total);

/* A living person of at least that age. */
uint32_t pv_pick_adult(const struct pv_country *country, struct pv_rng *rng,
                       int age);

/* An id with a valid check digit that nobody in this country has. */
void pv_nobodys_id(char room[PV_ID_ROOM]);
void pv_no_companys_id(char room[PV_ID_ROOM]);

/* Members of SETAD, as catalogue/enactment.json lists them. */
#define PV_SETAD_MEMBERS 8

struct pv_setad_member {
    const char *agency;
    const char *name;
    const char *unique_id;
    const char *since; /* Jalali, or NULL */
    const char *until; /* Jalali, or NULL */
    int         is_current;
};

extern const struct pv_setad_member pv_setad_members[PV_SETAD_MEMBERS];

#endif
