/*
 * view_duties.h - rows of commitments, shared by their views. Private.
 */
#ifndef PV_REGISTRYD_VIEW_DUTIES_H
#define PV_REGISTRYD_VIEW_DUTIES_H

#include "rules.h"
#include "view.h"

#define PV_REMIND_WITHIN 14  /* days before the day, when none are said */
#define PV_ESCALATE_AFTER 30 /* days over: then the body is told */
#define PV_WEEK_DAYS 7

/*
 * {"id","state","text_fa","text_en","due","due_day","due_gregorian",
 *  "days_over" | "days_left","falls_to":[party],"responsible":[party], ...}
 * as of the call's day; a new reference, NULL without memory.
 */
json_t *pv_view_duty(struct pv_view_call *call, const char *id,
                     const struct pv_record *record);

/* Its "falls_to": whom it falls to on the call's day; as above. */
json_t *pv_view_falls_to(struct pv_view_call    *call,
                         const struct pv_record *record);

/* Is it still to be done: waiting, open or reported? */
bool pv_view_is_open(const struct pv_record *record);

/* Days until its day at the end of today, 0 on it; false when it has none
 * or the day has passed. */
bool pv_view_days_left(const json_t *body, int64_t today, int64_t *ret);

#endif
