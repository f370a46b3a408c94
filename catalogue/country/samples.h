/*
 * samples.h - a few inputs for each method with what they are answered, for
 * the tour, the tests and whoever makes a first call.
 *
 * Ownership: the struct owns its copies.  Errors: PV_ENOMEM sticks.
 * Limits: PV_SAMPLES_MAX samples; further ones are dropped.
 */
#ifndef PV_COUNTRY_SAMPLES_H
#define PV_COUNTRY_SAMPLES_H

#include <stdint.h>

#include "base/json.h"
#include "ids.h"

#define PV_SAMPLES_MAX 400
#define PV_SAMPLE_INPUTS_MAX 9
#define PV_SAMPLE_VALUE_ROOM 128

struct pv_sample {
    const char *method; /* constant: service/method */
    const char *expect; /* constant: yes, no, found, not-found, invalid,
                           refused: not a member */
    const char *note;   /* constant */
    uint32_t    input_count;
    const char *name[PV_SAMPLE_INPUTS_MAX]; /* constant */
    char        value[PV_SAMPLE_INPUTS_MAX][PV_SAMPLE_VALUE_ROOM];
};

struct pv_samples {
    uint32_t         count;
    struct pv_sample sample[PV_SAMPLES_MAX];
};

/*
 * Pairs of name and value, then NULL. A name "holder_id:national_id" makes
 * {"holder_id": {"type": "national_id", "value": ...}}, a name
 * "signature@application/pdf" {"media": "application/pdf", "data": ...}. A
 * value "days-ago N" is a Jalali day that the reader counts from today.
 */
void pv_sample_add(struct pv_samples *samples, const char *method,
                   const char *expect, const char *note, ...)
    __attribute__((sentinel));

/* How many samples of this method there are with this note. */
uint32_t pv_samples_with(const struct pv_samples *samples, const char *method,
                         const char *note);

/* The member "samples" of an open object. */
void pv_samples_write(const struct pv_samples *samples, struct pv_json *json);

#endif
