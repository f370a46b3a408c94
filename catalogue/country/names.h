/*
 * names.h - the word lists that the synthetic country is made of.
 *
 * First names are ordered by the years in which they were common, from the
 * oldest to the newest; everything else is ordered by how common it is.
 *
 * Borrowed: all text is constant.  Errors: none; an index wraps around.
 */
#ifndef PV_COUNTRY_NAMES_H
#define PV_COUNTRY_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pv_words {
    const char *const *at;
    uint32_t           count;
};

extern const struct pv_words pv_names_men;
extern const struct pv_words pv_names_women;
extern const struct pv_words pv_names_family;
extern const struct pv_words pv_names_family_tail; /* the first is empty */
extern const struct pv_words pv_names_streets;
extern const struct pv_words pv_names_alleys;
extern const struct pv_words pv_names_villages;
extern const struct pv_words pv_names_activities;
extern const struct pv_words pv_names_brands;
extern const struct pv_words pv_names_brand_tails;
extern const struct pv_words pv_names_fields;

const char *pv_word(const struct pv_words *words, uint32_t i);

#endif
