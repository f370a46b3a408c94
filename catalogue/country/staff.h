/*
 * staff.h - who works where, for the registers of insurance and tax: some
 * companies have a workshop with a few employees, paid by the month.
 *
 * It is computed from the seed alone, so that both registers say the same.
 */
#ifndef PV_COUNTRY_STAFF_H
#define PV_COUNTRY_STAFF_H

#include "country.h"

#define PV_STAFF_MAX 6
#define PV_STAFF_MONTHS 2 /* the last ones before the present state */
#define PV_STAFF_YEAR (PV_AS_OF_YEAR - 1)
#define PV_STAFF_FIRST_MONTH 11

struct pv_employee {
    uint32_t person;
    uint32_t days;  /* worked in each month */
    uint64_t wage;  /* of a month, subject to premium; rial */
    uint64_t other; /* not subject to it */
};

struct pv_staff {
    uint32_t           count; /* 0: no workshop */
    struct pv_employee employee[PV_STAFF_MAX];
};

/* Company 0 employs person 0. Nobody works twice for one company. */
void pv_staff_of(const struct pv_country *country, uint32_t company,
                 struct pv_staff *staff);

/* Code of the company's workshop and insurance number of a person. */
void pv_workshop_code(uint32_t company, char room[PV_ID_ROOM]);
void pv_insurance_number(uint32_t person, char room[PV_ID_ROOM]);

#endif
