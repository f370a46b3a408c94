#include "base/jalali.h"

#include <string.h>

/* 1 Farvardin 1200 is 21 March 1821. */
#define FIRST_DAY INT64_C(-54342)

bool
pv_jalali_is_leap(int year)
{
    switch (year % 33) {
    case 1:
    case 5:
    case 9:
    case 13:
    case 17:
    case 22:
    case 26:
    case 30:
        return true;
    default:
        return false;
    }
}

/* Any so many years in a row have so many days: eight of them are leap. */
#define CYCLE_YEARS 33
#define CYCLE_DAYS (33 * 365 + 8)

int
pv_jalali_month_days(int year, int month)
{
    if (month < 1 || month > 12) {
        return 0;
    }
    if (month <= 6) {
        return 31;
    }
    return month < 12 || pv_jalali_is_leap(year) ? 30 : 29;
}

static int64_t
days_before_year(int year)
{
    int     cycles = (year - PV_JALALI_MIN) / CYCLE_YEARS;
    int64_t days = FIRST_DAY + (int64_t)cycles * CYCLE_DAYS;

    for (int y = PV_JALALI_MIN + cycles * CYCLE_YEARS; y < year; y++) {
        days += 365 + pv_jalali_is_leap(y);
    }
    return days;
}

enum pv_err
pv_jalali_to_days(struct pv_civil jalali, int64_t *ret_days)
{
    int64_t days;

    if (jalali.year < PV_JALALI_MIN || jalali.year > PV_JALALI_MAX) {
        return PV_ERANGE;
    }
    if (jalali.day < 1 ||
        jalali.day > pv_jalali_month_days(jalali.year, jalali.month)) {
        return PV_EINVAL;
    }
    days = days_before_year(jalali.year) + jalali.day - 1;
    for (int m = 1; m < jalali.month; m++) {
        days += pv_jalali_month_days(jalali.year, m);
    }
    *ret_days = days;
    return PV_OK;
}

enum pv_err
pv_jalali_from_days(int64_t days, struct pv_civil *ret_jalali)
{
    struct pv_civil day = {PV_JALALI_MIN, 1, 1};
    int64_t         left = days - FIRST_DAY;

    if (left < 0 || days >= days_before_year(PV_JALALI_MAX + 1)) {
        return PV_ERANGE;
    }
    day.year += (int)(left / CYCLE_DAYS) * CYCLE_YEARS;
    left %= CYCLE_DAYS;
    while (left >= 365 + pv_jalali_is_leap(day.year)) {
        left -= 365 + pv_jalali_is_leap(day.year);
        day.year++;
    }
    while (left >= pv_jalali_month_days(day.year, day.month)) {
        left -= pv_jalali_month_days(day.year, day.month);
        day.month++;
    }
    day.day = (int)left + 1;
    *ret_jalali = day;
    return PV_OK;
}

enum pv_err
pv_jalali_parse(struct pv_slice text, struct pv_civil *ret_jalali)
{
    struct pv_civil day = {0, 0, 0};
    int64_t         unused;
    int            *part[] = {&day.year, &day.month, &day.day};
    size_t          at = 0;
    enum pv_err     err;

    if (text.len != PV_JALALI_TEXT_LEN || text.ptr[4] != '-' ||
        text.ptr[7] != '-') {
        return PV_EINVAL;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (i == 4 || i == 7) {
            at++;
            continue;
        }
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return PV_EINVAL;
        }
        *part[at] = *part[at] * 10 + (text.ptr[i] - '0');
    }
    err = pv_jalali_to_days(day, &unused);
    if (err == PV_OK) {
        *ret_jalali = day;
    }
    return err;
}

static void
put_two(char *at, int n)
{
    at[0] = (char)('0' + n / 10 % 10);
    at[1] = (char)('0' + n % 10);
}

void
pv_jalali_text(int64_t when_ms, char room[PV_JALALI_TEXT_LEN])
{
    struct pv_civil day;

    memcpy(room, "----------", PV_JALALI_TEXT_LEN);
    if (pv_jalali_from_days(pv_time_tehran_day(when_ms), &day) != PV_OK) {
        return;
    }
    put_two(room, day.year / 100);
    put_two(room + 2, day.year % 100);
    put_two(room + 5, day.month);
    put_two(room + 8, day.day);
}
