/*
 * reg_parcels.h - what the deeds organisation's register says of a plate: its
 * shape, size and use, whether its ledger is electronic, and how much of it
 * the maps cover. Written into the register of reg_deeds.c.
 */
#ifndef PV_COUNTRY_REG_PARCELS_H
#define PV_COUNTRY_REG_PARCELS_H

#include "registers.h"

#define PV_PARCEL_TABLE                                                        \
    "CREATE TABLE parcel (plate_number TEXT PRIMARY KEY, area TEXT,"           \
    " property_use TEXT, ledger TEXT, coverage TEXT, shape TEXT)"              \
    " WITHOUT ROWID;"
#define PV_PARCEL_INSERT "INSERT INTO parcel VALUES (?,?,?,?,?,?)"

/* The parcel of that plate, which is property `number`; a company's is an
 * office. `statement` is that of PV_PARCEL_INSERT. */
void pv_parcel_write(struct pv_making *making, int statement,
                     struct pv_rng *rng, uint32_t number, const char *plate,
                     const char *property, bool is_company);

/* The samples of plates and properties that do not exist. */
void pv_parcel_strangers(struct pv_making *making);

#endif
