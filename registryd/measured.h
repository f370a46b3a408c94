/*
 * measured.h - commitments in figures that the registry has itself:
 * calculated when they are asked for, never typed in. Private to registryd.
 *
 * The member "measure" of a commitment is {"of":word,"permille":N} (1 to 1000)
 * or {"of":word,"count":N}: so many of the things of its responsible agencies
 * are to be as the word says.
 *
 *   services-live          of their services, those with a live version
 *   passports-confirmed    of their services, those with a confirmed passport
 *   inquiries-electronic   of their inquiries, those that left paper
 */
#ifndef PV_REGISTRYD_MEASURED_H
#define PV_REGISTRYD_MEASURED_H

#include "view.h"

struct pv_measured {
    json_int_t done;
    json_int_t whole;
    json_int_t permille; /* done of whole; 0 when there is nothing */
    bool       reached;
};

bool pv_is_duty_measure(const json_t *measure);

/* As of the call's moment; body has a measure. Only registry and at of the
 * call are looked at. */
enum pv_err pv_duty_measured(struct pv_view_call *call, const json_t *body,
                             struct pv_measured *ret) PV_MUST_CHECK;

#endif
