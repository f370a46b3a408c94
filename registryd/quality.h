/*
 * quality.h - measures of quality, and limits on them: what the criteria of
 * the working group and the terms of an agreement say, and
 * what figures of the trace are held against. Private to registryd.
 *
 * A limit is {"measure":word,"limit":whole number,"period":"day"|"week"|
 * "month"}, and may say "note". The measures:
 *
 *   availability           provider  per mille of its calls that it ended in
 *                                    time; at least
 *   error-rate             provider  per mille of its calls that it failed
 *   response-p95           provider  ms; of its slowest method
 *   calls-per-day          consumer  of its busiest day
 *   calls-per-hour         consumer  of its busiest hour
 *   invalid-rate           consumer  per mille of its calls that broke the
 *                                    contract
 *   exchange-failure-rate  exchange  per mille of all calls that it did not
 *                                    bring to an end
 *
 * Everything but availability is "at most". Threads: any.
 */
#ifndef PV_REGISTRYD_QUALITY_H
#define PV_REGISTRYD_QUALITY_H

#include <jansson.h>
#include <stdbool.h>

#define PV_LIMITS_MAX 32

struct pv_measure {
    const char *word;
    const char *side; /* "provider", "consumer", "exchange": who answers */
    const char *unit; /* "permille", "ms", "calls" */
    bool        at_least;
};

/* NULL for a word that is no measure. */
const struct pv_measure *pv_measure_of(const char *word);

/* Is it a list of limits, each measure once? */
bool pv_are_limits(const json_t *limits);

/* The limit on a measure in such a list, NULL when there is none. */
const json_t *pv_limit_on(const json_t *limits, const char *measure);

/* Does a value keep within the limit? */
bool pv_is_within(const struct pv_measure *measure, json_int_t value,
                  json_int_t limit);

#endif
