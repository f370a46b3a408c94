/* reader_requests.c - one request by its tracking id, many by their fields. */
#include "reader.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"
#include "trace/request_json.h"

#define WINDOW 262144 /* leaves between two looks at the clock */

/* As what may he see it? False: not at all. */
bool
reader_may_see(const struct who *who, const struct pv_request_record *request,
               bool *ret_as_provider)
{
    *ret_as_provider = false;
    if (who->role >= ROLE_AUDITOR) {
        return true;
    }
    if (who->role != ROLE_PARTY) {
        return false;
    }
    if (pv_slice_eq(request->consumer,
                    (struct pv_slice){who->system.text, who->system.len})) {
        return true;
    }
    *ret_as_provider =
        pv_slice_eq(request->provider,
                    (struct pv_slice){who->agency.text, who->agency.len});
    return *ret_as_provider;
}

static enum pv_err
find(struct reader *reader, const struct pv_tracking_id *id, enum what what,
     struct pv_trace_found *found)
{
    uint64_t    published = state_get(&reader->state->published_size);
    enum pv_err err = PV_ENOTFOUND;

    if (what ==
        WHAT_RECEIPT) { /* others have read these commits a moment ago */
        err = reader_refresh(reader, published);
        if (err == PV_OK) {
            err = pv_log_find_newest(reader->log, id, pv_time_wall_ms(), found);
        }
    }
    if (err == PV_ENOTFOUND) {
        err = reader_refresh(reader, reader_durable(reader));
        if (err == PV_OK) {
            err = pv_log_find(reader->log, id, pv_time_wall_ms(), found);
        }
    }
    return err;
}

enum pv_err
reader_look(struct reader *reader, const struct who *who, struct pv_slice text,
            enum what what, struct pv_trace_found *found, bool *ret_as_provider)
{
    struct pv_tracking_id id;
    enum pv_err           err;

    if (pv_tracking_id_parse(text, &id) != PV_OK) {
        return PV_ENOTFOUND;
    }
    err = find(reader, &id, what, found);
    if (err == PV_OK &&
        !reader_may_see(who, &found->record.request, ret_as_provider)) {
        err = PV_ENOTFOUND;
    }
    return err;
}

bool
reader_find(struct pv_server_call *call, const struct who *who,
            struct reading *reading, struct pv_trace_found *found)
{
    enum pv_err err = reader_look(reader_of(call), who, call->rest,
                                  reading->what, found, &reading->as_provider);

    if (err == PV_EPRUNED && !reading_record(call, who, reading)) {
        return false; /* an attempt is recorded too, as below */
    }
    if (err == PV_EPRUNED) {
        pv_server_problem(
            call, 410, "request-pruned",
            "The records of that time were removed by a decision",
            "رکوردهای آن زمان با تصمیم نگهداری حذف شده‌اند");
        return false;
    }
    if (err == PV_OK) {
        reading->id = call->rest;
        reading->count = 1;
        return true;
    }
    if (err != PV_ENOTFOUND) {
        reader_fails(call, "lookup", err);
        return false;
    }
    /* an attempt is recorded too, without what was written there */
    if (reading_record(call, who, reading)) {
        reader_finds_nothing(call);
    }
    return false;
}

void
reader_lookup(struct pv_server_call *call)
{
    static struct pv_trace_found found;
    struct reading               reading = {.what = WHAT_LOOKUP};
    struct pv_json               json;
    struct who                   who;

    if (!who_asks(call, &who)) {
        return;
    }
    if (who.role == ROLE_PUBLIC || call->query.len > 0) {
        if (who.role == ROLE_PUBLIC) {
            reader_refuses_role(call, &who);
        } else {
            reader_refuses_query(call);
        }
        return;
    }
    if (!reader_find(call, &who, &reading, &found)) {
        return;
    }
    pv_json_init(&json, &call->answer);
    pv_json_request(&json, &found);
    if (pv_json_finish(&json) != PV_OK) {
        reader_fails(call, "lookup", pv_json_finish(&json));
        return;
    }
    if (reading_record(call, &who, &reading)) {
        pv_server_answer(call, 200, "application/json");
    }
}

/* ---- many -------------------------------------------------------------- */

enum param {
    P_FROM = 0,
    P_UNTIL,
    P_CONSUMER,
    P_PROVIDER,
    P_SERVICE,
    P_OUTCOME,
    P_AS,
    P_ORDER,
    P_LIMIT,
    P_CURSOR,
    P_END,
};

struct place { /* where a page ends: the leaf, and how many were given of it */
    uint64_t at;
    uint64_t given;
};

struct search {
    struct who          who; /* the query points into it */
    struct pv_log_query query;
    uint64_t            limit;
    uint64_t            skip; /* of the first leaf */
    struct place        place;
    bool                has_place;
    size_t              count;
    struct {
        uint64_t     index;
        struct place place;
    } hit[SEARCH_LIMIT_MAX];
};

static bool
take_cursor(struct pv_slice text, struct search *search)
{
    struct pv_slice head;
    struct pv_slice tail;

    if (text.len == 0) {
        return true;
    }
    search->has_place = true;
    if (!pv_slice_cut(text, '.', &head, &tail) ||
        pv_slice_to_u64(head, PV_RECORD_NUMBER_MAX, &search->place.at) !=
            PV_OK ||
        pv_slice_to_u64(tail, PV_COMPLETIONS_MAX, &search->place.given) !=
            PV_OK) {
        return false;
    }
    if (search->query.newest_first) {
        search->query.end_index = search->place.at + 1;
    } else {
        search->query.from_index = search->place.at;
    }
    search->skip = search->place.given;
    return true;
}

static bool
take_order(struct pv_slice text, bool *ret_newest_first)
{
    *ret_newest_first = !pv_slice_eq(text, PV_LIT("oldest"));
    return text.len == 0 || !*ret_newest_first ||
           pv_slice_eq(text, PV_LIT("newest"));
}

static bool
is_outcome(struct pv_slice text)
{
    return text.len == 0 || pv_slice_eq(text, PV_LIT("allowed")) ||
           pv_outcome_from_word(text) != PV_OUTCOME_NONE;
}

static bool
take_params(const struct pv_server_param param[P_END], struct search *search)
{
    struct pv_log_query *query = &search->query;

    query->types = 1u << PV_RECORD_REQUEST;
    query->consumer = param[P_CONSUMER].value;
    query->provider = param[P_PROVIDER].value;
    query->service = param[P_SERVICE].value;
    query->outcome = param[P_OUTCOME].value;
    search->limit = SEARCH_LIMIT_DEFAULT;
    return (param[P_FROM].value.len == 0 ||
            reader_time(param[P_FROM].value, &query->from_ms) == PV_OK) &&
           (param[P_UNTIL].value.len == 0 ||
            reader_time(param[P_UNTIL].value, &query->until_ms) == PV_OK) &&
           (param[P_LIMIT].value.len == 0 ||
            (pv_slice_to_u64(param[P_LIMIT].value, SEARCH_LIMIT_MAX,
                             &search->limit) == PV_OK &&
             search->limit > 0)) &&
           is_outcome(query->outcome) &&
           take_order(param[P_ORDER].value, &query->newest_first) &&
           take_cursor(param[P_CURSOR].value, search);
}

bool
reader_narrows(const struct who *who, bool as_provider,
               struct pv_slice *consumer, struct pv_slice *provider)
{
    struct pv_slice  own = {who->system.text, who->system.len};
    struct pv_slice *field = consumer;

    if (who->role >= ROLE_AUDITOR) {
        return true;
    }
    if (as_provider) {
        own = (struct pv_slice){who->agency.text, who->agency.len};
        field = provider;
    }
    if (field->len > 0 && !pv_slice_eq(*field, own)) {
        return false;
    }
    *field = own;
    return true;
}

static enum pv_err
collect(void *context, const struct pv_log_item *item)
{
    struct search *search = context;

    if (search->skip > 0 && item->at == search->place.at) {
        search->skip--; /* shown on the page before */
        return PV_OK;
    }
    if (search->has_place && item->at == search->place.at) {
        search->place.given++;
    } else {
        search->place = (struct place){item->at, 1};
        search->has_place = true;
    }
    search->hit[search->count].index = item->leaf.index;
    search->hit[search->count].place = search->place;
    search->count++;
    return search->count == search->limit ? PV_EAGAIN : PV_OK;
}

/*
 * Fill ->hit, a window of leaves at a time. *ret_more: the page or the time
 * ended before the leaves did; ->place says where to go on.
 */
static enum pv_err
gather(struct pv_log *log, struct search *search, bool *ret_more)
{
    struct pv_log_query query = search->query;
    int64_t             end_ms = pv_time_monotonic_ms() + SEARCH_BUDGET_MS;
    uint64_t            from;
    uint64_t            end;
    enum pv_err         err = pv_log_bounds(log, &query, &from, &end);

    while (err == PV_OK && from < end) {
        if (query.newest_first) {
            query.from_index = end - from > WINDOW ? end - WINDOW : from;
            query.end_index = end;
            end = query.from_index;
        } else {
            query.from_index = from;
            query.end_index = end - from > WINDOW ? from + WINDOW : end;
            from = query.end_index;
        }
        err = pv_log_walk(log, &query, collect, search);
        if (err == PV_OK && from < end && pv_time_monotonic_ms() >= end_ms) {
            search->place =
                (struct place){query.newest_first ? end - 1 : from, 0};
            err = PV_EAGAIN;
        }
    }
    *ret_more = err == PV_EAGAIN;
    return err == PV_EAGAIN ? PV_OK : err;
}

static enum pv_err
show(struct reader *reader, struct search *search, struct pv_buf *out,
     bool more, uint64_t *ret_count)
{
    static struct pv_trace_found found;
    int64_t                      now_ms = pv_time_wall_ms();
    int64_t        end_ms = pv_time_monotonic_ms() + SEARCH_BUDGET_MS;
    struct pv_json json;
    size_t         i = 0;

    pv_json_init(&json, out);
    pv_json_object(&json, NULL);
    pv_json_array(&json, "requests");
    for (; i < search->count; i++) {
        enum pv_err err = pv_log_find_index(reader->log, search->hit[i].index,
                                            now_ms, &found);

        if (err == PV_EPRUNED || err == PV_ENOTFOUND) {
            continue; /* removed since */
        }
        if (err != PV_OK) {
            return err;
        }
        pv_json_request(&json, &found);
        *ret_count += 1;
        if (i + 1 < search->count && pv_time_monotonic_ms() >= end_ms) {
            search->place = search->hit[i].place;
            more = true;
            break;
        }
    }
    pv_json_end_array(&json);
    if (more) {
        char   text[2 * PV_U64_TEXT_MAX + 1];
        size_t len = pv_u64_text(search->place.at, text);

        text[len++] = '.';
        len += pv_u64_text(search->place.given, text + len);
        pv_json_string(&json, "cursor", (struct pv_slice){text, len});
    }
    pv_json_end_object(&json);
    return pv_json_finish(&json);
}

void
reader_search(struct pv_server_call *call)
{
    static struct search   search;
    struct pv_server_param param[P_END] = {
        [P_FROM] = {PV_SLICE_INIT("from"), {NULL, 0}},
        [P_UNTIL] = {PV_SLICE_INIT("until"), {NULL, 0}},
        [P_CONSUMER] = {PV_SLICE_INIT("consumer"), {NULL, 0}},
        [P_PROVIDER] = {PV_SLICE_INIT("provider"), {NULL, 0}},
        [P_SERVICE] = {PV_SLICE_INIT("service"), {NULL, 0}},
        [P_OUTCOME] = {PV_SLICE_INIT("outcome"), {NULL, 0}},
        [P_AS] = {PV_SLICE_INIT("as"), {NULL, 0}},
        [P_ORDER] = {PV_SLICE_INIT("order"), {NULL, 0}},
        [P_LIMIT] = {PV_SLICE_INIT("limit"), {NULL, 0}},
        [P_CURSOR] = {PV_SLICE_INIT("cursor"), {NULL, 0}},
    };
    struct reader *reader = reader_of(call);
    struct reading reading = {.what = WHAT_SEARCH};
    bool           more = false;
    enum pv_err    err;

    memset(&search, 0, sizeof(search));
    if (!who_asks(call, &search.who)) {
        return;
    }
    if (search.who.role == ROLE_PUBLIC) {
        reader_refuses_role(call, &search.who);
        return;
    }
    if (pv_server_query(call->query, param, P_END) != PV_OK ||
        !reader_is_side(param[P_AS].value) || !take_params(param, &search)) {
        reader_refuses_query(call);
        return;
    }
    err = reader_refresh(reader, reader_durable(reader));
    reading.as_provider = pv_slice_eq(param[P_AS].value, PV_LIT("provider"));
    if (err == PV_OK &&
        reader_narrows(&search.who, reading.as_provider, &search.query.consumer,
                       &search.query.provider)) {
        err = gather(reader->log, &search, &more);
    }
    if (err == PV_OK) {
        err = show(reader, &search, &call->answer, more, &reading.count);
    }
    if (err != PV_OK) {
        reader_fails(call, "search", err);
        return;
    }
    if (reading_record(call, &search.who, &reading)) {
        pv_server_answer(call, 200, "application/json");
    }
}
