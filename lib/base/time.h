/*
 * time.h - clocks, RFC 3339 text, and the civil day of Tehran.
 *
 * Wall clock: milliseconds since 1970-01-01T00:00:00Z, in int64_t, called
 * `when_ms`. Monotonic: `now_ms`, for deadlines only. Tehran is UTC+03:30
 * without summer time since 1401 (law of 1401/01/29); earlier summers are not
 * needed here, since only present calls are placed on a civil day.
 */
#ifndef PV_BASE_TIME_H
#define PV_BASE_TIME_H

#include <stdint.h>

#include "base/slice.h"

#define PV_TEHRAN_OFFSET_MS INT64_C(12600000)
#define PV_DAY_MS INT64_C(86400000)
#define PV_TIME_TEXT_LEN 24 /* 2026-11-21T10:00:00.123Z */

struct pv_civil {
    int year;
    int month; /* 1 to 12 */
    int day;   /* 1 to 31 */
};

int64_t pv_time_wall_ms(void);
int64_t pv_time_monotonic_ms(void);

/* Days since 1970-01-01 of the Gregorian date; no range is checked. */
int64_t         pv_time_days(struct pv_civil gregorian);
struct pv_civil pv_time_civil(int64_t days);

/* Number of the Tehran civil day that when_ms falls on (days since epoch). */
int64_t pv_time_tehran_day(int64_t when_ms);

/* Minute of the Tehran day, 0 to 1439. */
int pv_time_tehran_minute(int64_t when_ms);

/* 24 characters in UTC, no NUL. */
void pv_time_text(int64_t when_ms, char room[PV_TIME_TEXT_LEN]);

/* What pv_time_text writes, back to its moment. PV_EINVAL: another text. */
enum pv_err pv_time_from_text(struct pv_slice text,
                              int64_t        *ret_when_ms) PV_MUST_CHECK;

/* "YYYY-MM-DD" to the first millisecond of that day in Tehran. PV_EINVAL. */
enum pv_err pv_time_from_date(struct pv_slice date,
                              int64_t        *ret_when_ms) PV_MUST_CHECK;

#endif
