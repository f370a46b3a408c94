/*
 * due.h - periods and due dates in the Jalali calendar (R-224, R-296 to
 *
 *
 * A period is ISO 8601's duration with whole years, months, weeks and days:
 * P2M, P1Y, P3W, P15D, P1Y6M, P0D. "One month" from day 31 ends on the last
 * day of a shorter month; a year from 30 Esfand ends on 29 Esfand where the
 * year is no leap year. Years and months are added first, then weeks, days.
 *
 * A due date is a rule and what is known of its anchor:
 *   absolute     the day itself; it may lie before the day of its making, and
 *                is then overdue from the first day
 *   relative     a period from an anchor: a notification, a resolution, a
 *                meeting, a go-live, the end of another task. Without
 *                the anchor's day there is no due day yet
 *   conditional  as relative, with an event that may never happen
 *   recurring    every period from an anchor; counted from the anchor itself,
 *                so that 31 Mordad, 30 Mehr, 30 Aban do not drift to day 29
 *   open         no date is stated
 *
 * Days are days since 1970-01-01, as in time.h. Threads: any. Blocks: never.
 */
#ifndef PV_BASE_DUE_H
#define PV_BASE_DUE_H

#include "base/jalali.h"

#define PV_PERIOD_PART_MAX 1000 /* of each number in a period */

struct pv_period {
    int years;
    int months;
    int weeks;
    int days;
};

enum pv_due_kind {
    PV_DUE_OPEN,
    PV_DUE_ABSOLUTE,
    PV_DUE_RELATIVE,
    PV_DUE_CONDITIONAL,
    PV_DUE_RECURRING,
};

struct pv_due {
    enum pv_due_kind kind;
    int64_t          day;    /* absolute */
    struct pv_period period; /* the others */
    bool             has_anchor;
    int64_t          anchor; /* its day, when has_anchor */
};

/* "open", "absolute" ...; NULL out of range. */
const char *pv_due_word(enum pv_due_kind kind);

/* PV_EINVAL for a word not in the list. */
enum pv_err pv_due_from_word(struct pv_slice   word,
                             enum pv_due_kind *ret) PV_MUST_CHECK;

/* PV_EINVAL: no period. PV_ERANGE: a part above PV_PERIOD_PART_MAX. */
enum pv_err pv_period_parse(struct pv_slice   text,
                            struct pv_period *ret) PV_MUST_CHECK;

/* times periods after day, 0 or more. PV_ERANGE outside jalali.h's years. */
enum pv_err pv_period_add(int64_t day, const struct pv_period *period,
                          int times, int64_t *ret_day) PV_MUST_CHECK;

/*
 * The due day; for a recurring one the first that is after the day `after`.
 * PV_ENOTFOUND: there is none, or none yet. PV_EINVAL: a recurring period of
 * nothing. PV_ERANGE.
 */
enum pv_err pv_due_day(const struct pv_due *due, int64_t after,
                       int64_t *ret_day) PV_MUST_CHECK;

/*
 * Is it overdue at the end of today? The due day itself is still in time. Of
 * a recurring one: since the day last_done (or the anchor) a due day passed.
 */
enum pv_err pv_due_is_over(const struct pv_due *due, int64_t today,
                           const int64_t *last_done, bool *ret) PV_MUST_CHECK;

#endif
