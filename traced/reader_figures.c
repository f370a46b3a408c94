/* reader_figures.c - roll-ups and unusual volumes; each sees his own. */
#include "reader.h"

#include <fcntl.h>

#include "base/num.h"
#include "base/time.h"
#include "trace/request_json.h"
#include "trace/rollup_sum.h"

#define ROWS_MAX 5000
#define HOUR_MS INT64_C(3600000)

enum param {
    P_FROM = 0,
    P_UNTIL,
    P_BY,
    P_CONSUMER,
    P_PROVIDER,
    P_SERVICE,
    P_OUTCOME,
    P_AS,
    P_END,
};

static bool
take_step(struct pv_slice text, enum pv_rollup_step *ret_step)
{
    static const struct pv_slice word[] = {
        [PV_ROLLUP_MINUTE] = PV_SLICE_INIT("minute"),
        [PV_ROLLUP_HOUR] = PV_SLICE_INIT("hour"),
        [PV_ROLLUP_DAY] = PV_SLICE_INIT("day"),
        [PV_ROLLUP_ALL] = PV_SLICE_INIT("all"),
    };

    if (text.len == 0) {
        *ret_step = PV_ROLLUP_HOUR;
        return true;
    }
    for (size_t i = 0; i < sizeof(word) / sizeof(word[0]); i++) {
        if (pv_slice_eq(text, word[i])) {
            *ret_step = (enum pv_rollup_step)i;
            return true;
        }
    }
    return false;
}

/* Without times: the 24 hours up to now. */
static bool
take_times(const struct pv_server_param param[P_END],
           struct pv_rollup_query      *query)
{
    query->until_ms = pv_time_wall_ms();
    if (param[P_UNTIL].value.len > 0 &&
        reader_time(param[P_UNTIL].value, &query->until_ms) != PV_OK) {
        return false;
    }
    query->from_ms =
        query->until_ms > PV_DAY_MS ? query->until_ms - PV_DAY_MS : 0;
    return param[P_FROM].value.len == 0 ||
           reader_time(param[P_FROM].value, &query->from_ms) == PV_OK;
}

static bool
take_params(struct pv_slice text, const struct who *who,
            struct reading *reading, struct pv_rollup_query *query,
            bool *ret_nothing)
{
    struct pv_server_param param[P_END] = {
        [P_FROM] = {PV_SLICE_INIT("from"), {NULL, 0}},
        [P_UNTIL] = {PV_SLICE_INIT("until"), {NULL, 0}},
        [P_BY] = {PV_SLICE_INIT("by"), {NULL, 0}},
        [P_CONSUMER] = {PV_SLICE_INIT("consumer"), {NULL, 0}},
        [P_PROVIDER] = {PV_SLICE_INIT("provider"), {NULL, 0}},
        [P_SERVICE] = {PV_SLICE_INIT("service"), {NULL, 0}},
        [P_OUTCOME] = {PV_SLICE_INIT("outcome"), {NULL, 0}},
        [P_AS] = {PV_SLICE_INIT("as"), {NULL, 0}},
    };

    if (pv_server_query(text, param, P_END) != PV_OK ||
        !reader_is_side(param[P_AS].value) || !take_times(param, query) ||
        !take_step(param[P_BY].value, &query->step)) {
        return false;
    }
    query->consumer = param[P_CONSUMER].value;
    query->provider = param[P_PROVIDER].value;
    query->service = param[P_SERVICE].value;
    query->outcome = pv_outcome_from_word(param[P_OUTCOME].value);
    if (param[P_OUTCOME].value.len > 0 && query->outcome == PV_OUTCOME_NONE) {
        return false;
    }
    reading->as_provider = pv_slice_eq(param[P_AS].value, PV_LIT("provider"));
    *ret_nothing = !reader_narrows(who, reading->as_provider, &query->consumer,
                                   &query->provider);
    return true;
}

struct page {
    struct pv_json json;
    uint64_t       count;
};

static enum pv_err
show_sum(void *context, const struct pv_rollup_sum *sum)
{
    struct page    *page = context;
    struct pv_json *json = &page->json;

    pv_json_object(json, NULL);
    pv_json_time(json, "begin", "begin_jalali", sum->begin_ms);
    pv_json_string(json, "consumer", sum->consumer);
    pv_json_u64(json, "count", sum->count);
    pv_json_string(json, "method", sum->method);
    pv_json_string(json, "outcome", pv_outcome_word(sum->outcome));
    if (sum->histogram->count > 0) {
        pv_json_u64(json, "p50_ms", pv_histogram_quantile(sum->histogram, 500));
        pv_json_u64(json, "p95_ms", pv_histogram_quantile(sum->histogram, 950));
        pv_json_u64(json, "p99_ms", pv_histogram_quantile(sum->histogram, 990));
        pv_json_u64(json, "timed", sum->histogram->count);
    }
    pv_json_end_object(json);
    page->count++;
    return json->err;
}

static enum pv_err
show_volume(void *context, const struct pv_volume_row *row)
{
    struct page    *page = context;
    struct pv_json *json = &page->json;

    pv_json_object(json, NULL);
    pv_json_u64(json, "calls", row->calls);
    pv_json_string(json, "consumer", row->consumer);
    pv_json_string(json, "method", row->method);
    pv_json_u64(json, "refused", row->refused);
    pv_json_u64(json, "usual_high", row->usual_high);
    pv_json_u64(json, "usual_low", row->usual_low);
    pv_json_u64(json, "usual_refused", row->usual_refused);
    pv_json_string(json, "volume", pv_volume_word(row->verdict));
    pv_json_end_object(json);
    page->count++;
    return json->err;
}

/* The keeper makes the directory when it first writes. */
static int
rollup_dir(struct reader *reader)
{
    if (reader->rollupfd == -1) {
        reader->rollupfd =
            openat(reader->logfd, "rollup", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    return reader->rollupfd;
}

/*
 * Who asks and for what; *ret_nothing: for what is another's, so the answer is
 * empty. False: an answer stands already.
 */
static bool
begin(struct pv_server_call *call, struct who *who, struct reading *reading,
      struct pv_rollup_query *query, bool *ret_nothing)
{
    if (!who_asks(call, who)) {
        return false;
    }
    if (who->role == ROLE_PUBLIC) {
        reader_refuses_role(call, who);
        return false;
    }
    if (!take_params(call->query, who, reading, query, ret_nothing)) {
        reader_refuses_query(call);
        return false;
    }
    if (rollup_dir(reader_of(call)) == -1) {
        pv_server_problem(call, 503, "no-figures", "There are no figures yet",
                          "هنوز آماری نیست");
        return false;
    }
    return true;
}

static void
finish(struct pv_server_call *call, const struct who *who,
       struct reading *reading, const struct page *page, enum pv_err err)
{
    if (err == PV_EFULL || err == PV_ERANGE) {
        pv_server_problem(call, 400, "too-much",
                          "That is too much for one answer; ask for less",
                          "این برای یک پاسخ بسیار است؛ کمتر بخواهید");
        return;
    }
    if (err == PV_OK) {
        err = pv_json_finish(&page->json);
    }
    if (err != PV_OK) {
        reader_fails(call, "figures", err);
        return;
    }
    reading->count = page->count;
    if (reading_record(call, who, reading)) {
        pv_server_answer(call, 200, "application/json");
    }
}

void
reader_rollups(struct pv_server_call *call)
{
    struct reading         reading = {.what = WHAT_ROLLUP};
    struct pv_rollup_query query;
    struct page            page = {.count = 0};
    struct who             who;
    bool                   nothing = true;
    enum pv_err            err = PV_OK;

    if (!begin(call, &who, &reading, &query, &nothing)) {
        return;
    }
    pv_json_init(&page.json, &call->answer);
    pv_json_object(&page.json, NULL);
    pv_json_array(&page.json, "rows");
    if (!nothing) {
        err = pv_rollup_sums(reader_of(call)->rollupfd, &query, ROWS_MAX,
                             show_sum, &page);
    }
    pv_json_end_array(&page.json);
    pv_json_end_object(&page.json);
    finish(call, &who, &reading, &page, err);
}

void
reader_volumes(struct pv_server_call *call)
{
    struct reading         reading = {.what = WHAT_ROLLUP};
    struct pv_rollup_query query;
    struct page            page = {.count = 0};
    struct who             who;
    unsigned               days = 0;
    bool                   nothing = true;
    enum pv_err            err = PV_OK;

    if (!begin(call, &who, &reading, &query, &nothing)) {
        return;
    }
    /* the last whole hour of Tehran's clock before `until` */
    query.from_ms = query.until_ms + PV_TEHRAN_OFFSET_MS;
    query.from_ms -= query.from_ms % HOUR_MS + HOUR_MS + PV_TEHRAN_OFFSET_MS;
    pv_json_init(&page.json, &call->answer);
    pv_json_object(&page.json, NULL);
    pv_json_time(&page.json, "begin", "begin_jalali", query.from_ms);
    pv_json_array(&page.json, "rows");
    if (!nothing) {
        err = pv_rollup_volumes(reader_of(call)->rollupfd, &query, ROWS_MAX,
                                show_volume, &page, &days);
    }
    pv_json_end_array(&page.json);
    pv_json_u64(&page.json, "compared_days", days);
    pv_json_end_object(&page.json);
    finish(call, &who, &reading, &page, err);
}
