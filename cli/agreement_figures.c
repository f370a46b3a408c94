/* agreement_figures.c - see agreement_figures.h. */
#include "agreement_figures.h"

#include <stdio.h>
#include <string.h>

#include "base/jalali.h"
#include "registry.h"

#define PATH_ROOM 512
#define DAY_ROOM (PV_JALALI_TEXT_LEN + 1)
#define WEEK_DAYS 7
#define SATURDAY_SHIFT 5 /* day 0 of the count is a Thursday */
#define PERMILLE 1000

void
pv_figures_clear(struct pv_figures *figures)
{
    json_decref(figures->agencies); /* accepts NULL */
    pv_client_clear(&figures->client);
}

/* ---- the period ---- */

struct period {
    int64_t from;
    int64_t until; /* the last day of it */
    char    from_text[DAY_ROOM];
    char    until_text[DAY_ROOM];
    char    end_text[DAY_ROOM]; /* the day behind it */
};

static void
day_text(int64_t day, char room[DAY_ROOM])
{
    pv_jalali_text(day * PV_DAY_MS, room);
    room[PV_JALALI_TEXT_LEN] = '\0';
}

/* The first day of the month before the one that a day is in. */
static bool
month_before(int64_t day, struct period *period)
{
    struct pv_civil date;

    if (pv_jalali_from_days(day, &date) != PV_OK) {
        return false;
    }
    period->until = day - date.day;
    if (pv_jalali_from_days(period->until, &date) != PV_OK) {
        return false;
    }
    period->from = period->until - date.day + 1;
    return true;
}

static bool
find_period(const char *word, int64_t day, struct period *period)
{
    if (strcmp(word, "month") == 0) {
        if (!month_before(day, period)) {
            return false;
        }
    } else if (strcmp(word, "week") == 0) {
        period->until = day - (day + SATURDAY_SHIFT) % WEEK_DAYS - 1;
        period->from = period->until - WEEK_DAYS + 1;
    } else {
        period->from = period->until = day - 1;
    }
    day_text(period->from, period->from_text);
    day_text(period->until, period->until_text);
    day_text(period->until + 1, period->end_text);
    return true;
}

/* ---- whose calls ---- */

const char *
pv_figures_agency(struct pv_figures *figures, const char *system)
{
    char          path[PATH_ROOM];
    struct pv_why why = {""};
    json_t       *record = NULL;
    json_t       *agency;

    if (figures->agencies == NULL) {
        figures->agencies = json_object();
    }
    agency = json_object_get(figures->agencies, system);
    if (agency != NULL) {
        return json_string_value(agency);
    }
    if (snprintf(path, sizeof(path), "/registry/v1/system/%s", system) >=
            (int)sizeof(path) ||
        pv_registry_get_json(figures->registry, path, &record, &why) != PV_OK) {
        return "";
    }
    agency =
        json_incref(json_object_get(json_object_get(record, "body"), "agency"));
    json_decref(record);
    if (!json_is_string(agency) ||
        json_object_set_new(figures->agencies, system, agency) != 0) {
        json_decref(agency);
        return "";
    }
    return json_string_value(agency);
}

/* Of the three parties, the one that neither provides nor is the exchange. */
static bool
find_consumer(struct pv_figures *figures, const json_t *agreement,
              const char *exchange, const char **ret)
{
    char          path[PATH_ROOM];
    struct pv_why why = {""};
    json_t       *version = NULL;
    const char   *provider;
    json_t       *party;
    size_t        i;

    *ret = NULL;
    if (snprintf(path, sizeof(path), "/registry/v1/version/%s",
                 pv_client_text(agreement, "version")) >= (int)sizeof(path) ||
        pv_registry_get_json(figures->registry, path, &version, &why) !=
            PV_OK) {
        pv_cli_error("%s: %s", pv_client_text(agreement, "version"), why.text);
        return false;
    }
    provider = pv_client_text(json_object_get(version, "body"), "provider");
    json_array_foreach(json_object_get(agreement, "parties"), i, party)
    {
        const char *id = json_string_value(party);

        if (strcmp(id, provider) != 0 && strcmp(id, exchange) != 0) {
            *ret = id;
        }
    }
    json_decref(version);
    return *ret != NULL;
}

/* ---- sums ---- */

struct sums {
    json_int_t ended; /* in time: answered, invalid, failed */
    json_int_t invalid;
    json_int_t failed;
    json_int_t timeout;
    json_int_t not_ended; /* by the exchange: unavailable, unknown */
    json_int_t most;      /* of one step */
    json_int_t slowest_ms;
};

static void
add_row(struct sums *sums, const json_t *row, json_int_t of_step)
{
    const char *outcome = pv_client_text(row, "outcome");
    json_int_t  count = json_integer_value(json_object_get(row, "count"));
    json_int_t  p95 = json_integer_value(json_object_get(row, "p95_ms"));
    bool        failed = strcmp(outcome, "failed") == 0;
    bool        invalid = strcmp(outcome, "invalid") == 0;

    if (strcmp(outcome, "answered") == 0 || failed || invalid) {
        sums->ended += count;
    }
    sums->failed += failed ? count : 0;
    sums->invalid += invalid ? count : 0;
    sums->timeout += strcmp(outcome, "timeout") == 0 ? count : 0;
    if (strcmp(outcome, "unavailable") == 0 ||
        strcmp(outcome, "unknown") == 0) {
        sums->not_ended += count;
    }
    sums->most = of_step > sums->most ? of_step : sums->most;
    if (strcmp(outcome, "answered") == 0 && p95 > sums->slowest_ms) {
        sums->slowest_ms = p95;
    }
}

/* -1: nothing was there to measure. */
static json_int_t
value_of(const char *measure, const struct sums *sums)
{
    json_int_t reached = sums->ended + sums->timeout;
    json_int_t all = reached + sums->not_ended;

    if (strcmp(measure, "calls-per-day") == 0 ||
        strcmp(measure, "calls-per-hour") == 0) {
        return sums->most;
    }
    if (strcmp(measure, "exchange-failure-rate") == 0) {
        return all == 0 ? -1 : sums->not_ended * PERMILLE / all;
    }
    if (reached == 0) {
        return -1;
    }
    if (strcmp(measure, "availability") == 0) {
        return sums->ended * PERMILLE / reached;
    }
    if (strcmp(measure, "error-rate") == 0) {
        return sums->failed * PERMILLE / reached;
    }
    if (strcmp(measure, "invalid-rate") == 0) {
        return sums->invalid * PERMILLE / reached;
    }
    return sums->slowest_ms == 0 ? -1 : sums->slowest_ms;
}

/* ---- asking ---- */

static bool
is_of_version(const char *path, const char *version)
{
    const char *service = strchr(path, '/');
    size_t      len = strlen(version);

    return service != NULL && strncmp(service + 1, version, len) == 0 &&
           service[1 + len] == '/';
}

static const char *
step_of(const char *measure)
{
    return strcmp(measure, "calls-per-day") == 0    ? "day"
           : strcmp(measure, "calls-per-hour") == 0 ? "hour"
                                                    : "all";
}

static int
sum_calls(struct pv_figures *figures, const char *version, const char *consumer,
          const char *measure, const struct period *period, struct sums *sums)
{
    char    service[PATH_ROOM];
    json_t *page = NULL;
    json_t *steps = json_object(); /* begin -> calls */
    json_t *row;
    size_t  i;
    int     code;

    (void)snprintf(service, sizeof(service), "%.*s", (int)strcspn(version, "/"),
                   version); /* cut is not found */
    if (!pv_client_path(&figures->client, "/trace/v1/rollups", "") ||
        !pv_client_add(&figures->client, "by", step_of(measure)) ||
        !pv_client_add(&figures->client, "from", period->from_text) ||
        !pv_client_add(&figures->client, "until", period->end_text) ||
        !pv_client_add(&figures->client, "service", service)) {
        json_decref(steps);
        return PV_EXIT_FAILED;
    }
    code = pv_client_get_json(&figures->client, &page);
    json_array_foreach(json_object_get(page, "rows"), i, row)
    {
        const char *begin = pv_client_text(row, "begin");
        json_int_t  sum;

        if (!is_of_version(pv_client_text(row, "method"), version) ||
            strcmp(pv_figures_agency(figures, pv_client_text(row, "consumer")),
                   consumer) != 0) {
            continue;
        }
        sum = json_integer_value(json_object_get(steps, begin)) +
              json_integer_value(json_object_get(row, "count"));
        if (json_object_set_new(steps, begin, json_integer(sum)) != 0) {
            code = PV_EXIT_FAILED;
        }
        add_row(sums, row, sum);
    }
    json_decref(page); /* accepts NULL */
    json_decref(steps);
    return code;
}

int
pv_figures_measure(struct pv_figures *figures, const json_t *agreement,
                   const json_t *term, const char *exchange, int64_t day,
                   json_t **ret)
{
    const char   *measure = pv_client_text(term, "measure");
    const char   *consumer = NULL;
    struct period period;
    struct sums   sums = {.ended = 0};
    json_int_t    value;
    int           code;

    *ret = NULL;
    if (!find_period(pv_client_text(term, "period"), day, &period) ||
        !find_consumer(figures, agreement, exchange, &consumer)) {
        return PV_EXIT_FAILED;
    }
    code = sum_calls(figures, pv_client_text(agreement, "version"), consumer,
                     measure, &period, &sums);
    value = value_of(measure, &sums);
    if (code != PV_EXIT_OK || value < 0) {
        return code;
    }
    *ret = json_pack("{s:s, s:I, s:s, s:s}", "measure", measure, "value", value,
                     "from", period.from_text, "until", period.until_text);
    return *ret == NULL ? PV_EXIT_FAILED : PV_EXIT_OK;
}
