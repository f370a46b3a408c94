/*
 * heirs.h - the first class of heirs of someone who died: children, parents
 * and the spouse, as far as they live.
 */
#ifndef PV_COUNTRY_HEIRS_H
#define PV_COUNTRY_HEIRS_H

#include "country.h"

#define PV_HEIRS_MAX 16
#define PV_HEIR_CHILD "فرزند"
#define PV_HEIR_SPOUSE "همسر"
#define PV_HEIR_FATHER "پدر"
#define PV_HEIR_MOTHER "مادر"

struct pv_heir {
    uint32_t    person;
    const char *relation; /* constant */
};

/* How many there are. */
uint32_t pv_heirs_of(const struct pv_country *country, uint32_t deceased,
                     struct pv_heir heirs[PV_HEIRS_MAX]);

#endif
