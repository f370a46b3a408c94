/* quality.c - see quality.h. */
#include "quality.h"

#include <string.h>

#include "decide.h"
#include "kind_tables.h"
#include "rules.h"

static const struct pv_measure measure_row[] = {
    {"availability", "provider", "permille", true},
    {"error-rate", "provider", "permille", false},
    {"response-p95", "provider", "ms", false},
    {"calls-per-day", "consumer", "calls", false},
    {"calls-per-hour", "consumer", "calls", false},
    {"invalid-rate", "consumer", "permille", false},
    {"exchange-failure-rate", "exchange", "permille", false},
};

const struct pv_measure *
pv_measure_of(const char *word)
{
    for (size_t i = 0; i < COUNT(measure_row); i++) {
        if (strcmp(measure_row[i].word, word) == 0) {
            return &measure_row[i];
        }
    }
    return NULL;
}

static bool
is_limit(const json_t *one)
{
    static const char *const names[] = {"measure", "limit", "period", "note",
                                        NULL};
    static const char *const periods[] = {"day", "week", "month", NULL};
    const struct pv_measure *measure = pv_measure_of(pv_member(one, "measure"));
    json_int_t  limit = json_integer_value(json_object_get(one, "limit"));
    const char *name;
    json_t     *value;
    bool        right = measure != NULL &&
                 json_is_integer(json_object_get(one, "limit")) && limit >= 0 &&
                 (limit <= 1000 || strcmp(measure->unit, "permille") != 0) &&
                 pv_is_one_of(pv_member(one, "period"), periods);

    json_object_foreach((json_t *)(uintptr_t)one, name, value)
    {
        right = right && pv_is_one_of(name, names);
    }
    return right;
}

bool
pv_are_limits(const json_t *limits)
{
    json_t *one;
    size_t  i;
    bool    right = json_is_array(limits) && json_array_size(limits) > 0 &&
                 json_array_size(limits) <= PV_LIMITS_MAX;

    json_array_foreach(limits, i, one)
    {
        right = right && is_limit(one) &&
                pv_limit_on(limits, pv_member(one, "measure")) == one;
    }
    return right;
}

const json_t *
pv_limit_on(const json_t *limits, const char *measure)
{
    json_t *one;
    size_t  i;

    json_array_foreach(limits, i, one)
    {
        if (strcmp(pv_member(one, "measure"), measure) == 0) {
            return one;
        }
    }
    return NULL;
}

bool
pv_is_within(const struct pv_measure *measure, json_int_t value,
             json_int_t limit)
{
    return measure->at_least ? value >= limit : value <= limit;
}
