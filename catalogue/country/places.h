/*
 * places.h - the provinces of Iran, their capitals and a list of counties.
 *
 * Names of provinces, capitals, counties and county seats are facts; the
 * list of counties is not complete. Codes are synthetic: 99, then the
 * province's number in the Statistical Centre's coding, then our own
 * numbers. Districts below the county are reduced to the central one, one
 * rural district and two villages of common names.
 *
 * Borrowed: all text is constant.
 */
#ifndef PV_COUNTRY_PLACES_H
#define PV_COUNTRY_PLACES_H

#include <stdint.h>

#define PV_PLACES_PROVINCES 31
#define PV_PLACES_COUNTIES_MAX 20
#define PV_PLACES_DISTRICT "مرکزی"
#define PV_PLACES_RURAL_DISTRICT "حومه"

struct pv_county {
    const char *name;
    const char *seat; /* its city; NULL when it has the county's name */
};

struct pv_province {
    const char      *name;
    const char      *capital;
    uint32_t         number; /* in the Statistical Centre's coding */
    uint32_t         weight; /* thousands of inhabitants, rounded */
    uint32_t         slots;  /* ranges of synthetic postal codes */
    struct pv_county county[PV_PLACES_COUNTIES_MAX]; /* the capital's first */
};

extern const struct pv_province pv_provinces[PV_PLACES_PROVINCES];

/* How many counties the list has for this province. */
uint32_t    pv_province_counties(const struct pv_province *province);
const char *pv_county_seat(const struct pv_county *county);

#endif
