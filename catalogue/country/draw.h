/*
 * draw.h - what the registers have in common: their random stream, who of
 * the country stands in one, days, amounts and the sample of a stranger.
 *
 * Errors: none of its own; those of the writer stick.  Blocks: on the disk.
 */
#ifndef PV_COUNTRY_DRAW_H
#define PV_COUNTRY_DRAW_H

#include "registers.h"

struct pv_draw {
    struct pv_making        *making;
    const struct pv_country *country;
    struct pv_rng            rng;
    uint32_t                 count; /* rows so far, the caller's */
};

/* Of the living persons of these ages so many of a thousand; person 0, the
 * catalogue's example, is always among them. */
struct pv_some {
    int      age_min;
    int      age_max;
    uint32_t per_mille;
};

typedef void pv_person_fn(struct pv_draw *draw, uint32_t person,
                          const char *id);

/* The stream of that name, and the tables. */
void pv_draw_init(struct pv_draw *draw, struct pv_making *making,
                  const char *stream, const char *tables);

/* The table that commands need: connectord/idempotency.sql, to the letter. */
void pv_draw_commands(struct pv_draw *draw);

/* fn for each, in the order of the ids. */
void pv_draw_persons(struct pv_draw *draw, struct pv_some some,
                     pv_person_fn *fn);

/* Jalali text of a day so many days from the present state; constant. */
const char *pv_draw_day(struct pv_draw *draw, int from, int until);

/* One of the words. */
const char *pv_draw_word(struct pv_draw *draw, const char *const *word,
                         size_t count);
#define PV_DRAW_WORD(draw, words)                                              \
    pv_draw_word(draw, words, sizeof(words) / sizeof((words)[0]))

/* Decimal digits of n. */
void pv_amount(uint64_t n, char room[PV_ID_ROOM]);

/* The JSON text of a rectangle in Iran for that number. */
#define PV_SHAPE_ROOM 256
void pv_rectangle(uint32_t number, uint32_t side, char room[PV_SHAPE_ROOM]);

/* A sample of a person whom nobody knows; `input` as in pv_sample_add. */
void pv_sample_stranger(struct pv_draw *draw, const char *method,
                        const char *expect, const char *input);

#endif
