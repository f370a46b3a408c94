#include "base/time.h"

#include <time.h>

#include "base/num.h"

static int64_t
clock_ms(clockid_t id)
{
    struct timespec ts;

    if (clock_gettime(id, &ts) != 0) {
        return 0; /* cannot fail for the two clocks used here */
    }
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
pv_time_wall_ms(void)
{
    return clock_ms(CLOCK_REALTIME);
}

int64_t
pv_time_monotonic_ms(void)
{
    return clock_ms(CLOCK_MONOTONIC);
}

static int64_t
floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Counts from 1 March of year 0, so that the leap day ends a year. */
int64_t
pv_time_days(struct pv_civil gregorian)
{
    int64_t year = gregorian.year - (gregorian.month <= 2);
    int64_t era = floor_div(year, 400);
    int64_t of_era = year - era * 400;
    int64_t month = (gregorian.month + 9) % 12;
    int64_t of_year = (153 * month + 2) / 5 + gregorian.day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year -
           719468;
}

struct pv_civil
pv_time_civil(int64_t days)
{
    int64_t shifted = days + 719468;
    int64_t era = floor_div(shifted, 146097);
    int64_t of_era = shifted - era * 146097;
    int64_t year =
        (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153;
    int     civil_month = (int)(month < 10 ? month + 3 : month - 9);

    return (struct pv_civil){
        .year = (int)(year + era * 400 + (civil_month <= 2)),
        .month = civil_month,
        .day = (int)(of_year - (153 * month + 2) / 5 + 1),
    };
}

int64_t
pv_time_tehran_day(int64_t when_ms)
{
    return floor_div(when_ms + PV_TEHRAN_OFFSET_MS, PV_DAY_MS);
}

int
pv_time_tehran_minute(int64_t when_ms)
{
    int64_t local = when_ms + PV_TEHRAN_OFFSET_MS;

    return (int)((local - floor_div(local, PV_DAY_MS) * PV_DAY_MS) / 60000);
}

static void
put_digits(char *at, int count, int64_t n)
{
    for (int i = count - 1; i >= 0; i--) {
        at[i] = (char)('0' + n % 10);
        n /= 10;
    }
}

void
pv_time_text(int64_t when_ms, char room[PV_TIME_TEXT_LEN])
{
    int64_t         days = floor_div(when_ms, PV_DAY_MS);
    int64_t         ms = when_ms - days * PV_DAY_MS;
    struct pv_civil day = pv_time_civil(days);

    memcpy(room, "0000-00-00T00:00:00.000Z", PV_TIME_TEXT_LEN);
    put_digits(room, 4, day.year);
    put_digits(room + 5, 2, day.month);
    put_digits(room + 8, 2, day.day);
    put_digits(room + 11, 2, ms / 3600000);
    put_digits(room + 14, 2, ms / 60000 % 60);
    put_digits(room + 17, 2, ms / 1000 % 60);
    put_digits(room + 20, 3, ms % 1000);
}

static bool
take_digits(const char *at, int count, int *ret)
{
    int n = 0;

    for (int i = 0; i < count; i++) {
        if (at[i] < '0' || at[i] > '9') {
            return false;
        }
        n = n * 10 + (at[i] - '0');
    }
    *ret = n;
    return true;
}

enum pv_err
pv_time_from_date(struct pv_slice date, int64_t *ret_when_ms)
{
    struct pv_civil day;
    struct pv_civil again;
    int64_t         days;

    if (date.len != 10 || date.ptr[4] != '-' || date.ptr[7] != '-' ||
        !take_digits(date.ptr, 4, &day.year) ||
        !take_digits(date.ptr + 5, 2, &day.month) ||
        !take_digits(date.ptr + 8, 2, &day.day) || day.month < 1 ||
        day.month > 12) {
        return PV_EINVAL;
    }
    days = pv_time_days(day);
    again = pv_time_civil(days);
    if (again.year != day.year || again.month != day.month ||
        again.day != day.day) {
        return PV_EINVAL; /* such as 30 February */
    }
    *ret_when_ms = days * PV_DAY_MS - PV_TEHRAN_OFFSET_MS;
    return PV_OK;
}

enum pv_err
pv_time_from_text(struct pv_slice text, int64_t *ret_when_ms)
{
    char        again[PV_TIME_TEXT_LEN];
    int64_t     when_ms;
    int         hour;
    int         minute;
    int         second;
    int         ms;
    enum pv_err err;

    if (text.len != PV_TIME_TEXT_LEN || !take_digits(text.ptr + 11, 2, &hour) ||
        !take_digits(text.ptr + 14, 2, &minute) ||
        !take_digits(text.ptr + 17, 2, &second) ||
        !take_digits(text.ptr + 20, 3, &ms)) {
        return PV_EINVAL;
    }
    err = pv_time_from_date((struct pv_slice){text.ptr, 10}, &when_ms);
    if (err != PV_OK) {
        return err;
    }
    when_ms += PV_TEHRAN_OFFSET_MS; /* the text is in UTC */
    when_ms += ((hour * INT64_C(60) + minute) * 60 + second) * 1000 + ms;
    pv_time_text(when_ms, again);
    if (memcmp(again, text.ptr, text.len) != 0) {
        return PV_EINVAL; /* such as 25 o'clock */
    }
    *ret_when_ms = when_ms;
    return PV_OK;
}
