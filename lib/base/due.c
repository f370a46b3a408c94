#include "base/due.h"

#include "base/num.h"

#define MONTHS_OF_YEAR 12
#define DAYS_OF_WEEK 7

static const char *const due_word[] = {
    [PV_DUE_OPEN] = "open",           [PV_DUE_ABSOLUTE] = "absolute",
    [PV_DUE_RELATIVE] = "relative",   [PV_DUE_CONDITIONAL] = "conditional",
    [PV_DUE_RECURRING] = "recurring",
};

#define DUE_WORDS (sizeof(due_word) / sizeof(due_word[0]))

const char *
pv_due_word(enum pv_due_kind kind)
{
    return (unsigned)kind < DUE_WORDS ? due_word[kind] : NULL;
}

enum pv_err
pv_due_from_word(struct pv_slice word, enum pv_due_kind *ret)
{
    for (size_t i = 0; i < DUE_WORDS; i++) {
        if (pv_slice_eq(word, pv_slice_from(due_word[i]))) {
            *ret = (enum pv_due_kind)i;
            return PV_OK;
        }
    }
    return PV_EINVAL;
}

/* ---- periods ---- */

enum pv_err
pv_period_parse(struct pv_slice text, struct pv_period *ret)
{
    static const char units[] = "YMWD";
    struct pv_period  period = {0, 0, 0, 0};
    int *part[] = {&period.years, &period.months, &period.weeks, &period.days};
    size_t next = 0; /* units come once, in their order */
    size_t at = 1;

    if (text.len < 3 || text.ptr[0] != 'P') {
        return PV_EINVAL;
    }
    while (at < text.len) {
        size_t      start = at;
        uint64_t    n;
        enum pv_err err;

        while (at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9') {
            at++;
        }
        err = pv_slice_to_u64((struct pv_slice){text.ptr + start, at - start},
                              PV_PERIOD_PART_MAX, &n);
        if (err != PV_OK) {
            return err;
        }
        while (next < sizeof(part) / sizeof(part[0]) &&
               (at == text.len || units[next] != text.ptr[at])) {
            next++;
        }
        if (next == sizeof(part) / sizeof(part[0])) {
            return PV_EINVAL;
        }
        *part[next] = (int)n;
        next++;
        at++;
    }
    *ret = period;
    return PV_OK;
}

enum pv_err
pv_period_add(int64_t day, const struct pv_period *period, int times,
              int64_t *ret_day)
{
    struct pv_civil date;
    int64_t         months;
    int64_t         days;
    int64_t         year;
    int             last;
    enum pv_err     err = pv_jalali_from_days(day, &date);

    if (err != PV_OK || times < 0) {
        return err != PV_OK ? err : PV_EINVAL;
    }
    months =
        ((int64_t)period->years * MONTHS_OF_YEAR + period->months) * times +
        date.month - 1;
    year = date.year + months / MONTHS_OF_YEAR;
    if (year > PV_JALALI_MAX) {
        return PV_ERANGE;
    }
    date.year = (int)year;
    date.month = (int)(months % MONTHS_OF_YEAR) + 1;
    last = pv_jalali_month_days(date.year, date.month);
    if (date.day > last) {
        date.day = last;
    }
    err = pv_jalali_to_days(date, &days);
    if (err != PV_OK) {
        return err;
    }
    days += ((int64_t)period->weeks * DAYS_OF_WEEK + period->days) * times;
    err = pv_jalali_from_days(days, &date); /* is it in range */
    if (err == PV_OK) {
        *ret_day = days;
    }
    return err;
}

/* ---- due days ---- */

static bool
is_nothing(const struct pv_period *period)
{
    return period->years == 0 && period->months == 0 && period->weeks == 0 &&
           period->days == 0;
}

/* No period is shorter than a day, so this ends: at the calendar's end. */
static enum pv_err
next_after(const struct pv_due *due, int64_t after, int64_t *ret_day)
{
    enum pv_err err;
    int64_t     day;

    if (is_nothing(&due->period)) {
        return PV_EINVAL;
    }
    for (int times = 1;; times++) {
        err = pv_period_add(due->anchor, &due->period, times, &day);
        if (err != PV_OK) {
            return err;
        }
        if (day > after) {
            *ret_day = day;
            return PV_OK;
        }
    }
}

enum pv_err
pv_due_day(const struct pv_due *due, int64_t after, int64_t *ret_day)
{
    switch (due->kind) {
    case PV_DUE_OPEN:
        return PV_ENOTFOUND;
    case PV_DUE_ABSOLUTE:
        *ret_day = due->day;
        return PV_OK;
    case PV_DUE_RELATIVE:
    case PV_DUE_CONDITIONAL:
        return due->has_anchor
                   ? pv_period_add(due->anchor, &due->period, 1, ret_day)
                   : PV_ENOTFOUND;
    case PV_DUE_RECURRING:
        return due->has_anchor ? next_after(due, after, ret_day) : PV_ENOTFOUND;
    }
    return PV_EINVAL;
}

enum pv_err
pv_due_is_over(const struct pv_due *due, int64_t today,
               const int64_t *last_done, bool *ret)
{
    int64_t     since = last_done != NULL ? *last_done : due->anchor;
    int64_t     day;
    enum pv_err err = pv_due_day(due, since, &day);

    if (err == PV_ENOTFOUND) {
        *ret = false;
        return PV_OK;
    }
    if (err == PV_OK) {
        *ret = today > day;
    }
    return err;
}
