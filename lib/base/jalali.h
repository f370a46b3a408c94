/*
 * jalali.h - the solar Hijri calendar by the 33-year rule: year y is a leap
 * year when y mod 33 is one of 1, 5, 9, 13, 17, 22, 26, 30. The official
 * calendar is astronomical; the rule gives the same days in our range, and
 * outside PV_JALALI_MIN to PV_JALALI_MAX dates are refused.
 */
#ifndef PV_BASE_JALALI_H
#define PV_BASE_JALALI_H

#include "base/time.h"

#define PV_JALALI_MIN 1200
#define PV_JALALI_MAX 1500
#define PV_JALALI_TEXT_LEN 10 /* 1405-08-30 */

bool pv_jalali_is_leap(int year);
int  pv_jalali_month_days(int year, int month); /* 0 for no such month */

/* PV_ERANGE outside the years above, PV_EINVAL for no such day. */
enum pv_err pv_jalali_to_days(struct pv_civil jalali,
                              int64_t        *ret_days) PV_MUST_CHECK;
enum pv_err pv_jalali_from_days(int64_t          days,
                                struct pv_civil *ret_jalali) PV_MUST_CHECK;

/* "YYYY-MM-DD" with a real Jalali day; PV_EINVAL or PV_ERANGE otherwise. */
enum pv_err pv_jalali_parse(struct pv_slice  text,
                            struct pv_civil *ret_jalali) PV_MUST_CHECK;

/* The Jalali day in Tehran, 10 characters, no NUL; dashes when out of range */
void pv_jalali_text(int64_t when_ms, char room[PV_JALALI_TEXT_LEN]);

#endif
