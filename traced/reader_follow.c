/* reader_follow.c - records as they come, from a place on. */
#include "reader.h"

#include "base/num.h"
#include "base/time.h"
#include "trace/request_json.h"

struct follow {
    struct reader    *reader;
    const struct who *who;
    bool              as_provider;
    uint64_t          count;
    struct pv_json    json;
};

bool
reader_is_side(struct pv_slice as)
{
    return as.len == 0 || pv_slice_eq(as, PV_LIT("consumer")) ||
           pv_slice_eq(as, PV_LIT("provider"));
}

static bool
is_mine(const struct follow *follow, const struct pv_request_record *request)
{
    bool as_provider;

    return reader_may_see(follow->who, request, &as_provider) &&
           as_provider == follow->as_provider;
}

/* What following writes itself is not shown to him who follows. */
static bool
is_echo(const struct follow *follow, const struct pv_record *record)
{
    return record->type == PV_RECORD_READING &&
           pv_slice_eq(record->reading.what, PV_LIT("follow")) &&
           pv_slice_eq(
               record->reading.by,
               (struct pv_slice){follow->who->by.text, follow->who->by.len});
}

static void
show_line(struct follow *follow, const struct pv_log_leaf *leaf)
{
    pv_json_object(&follow->json, NULL);
    pv_json_u64(&follow->json, "index", leaf->index);
    pv_json_line(&follow->json, "record", leaf->line);
    pv_json_end_object(&follow->json);
    follow->count++;
}

static void
show_end(struct follow *follow, uint64_t index, const struct pv_completion *c)
{
    struct pv_json *json = &follow->json;

    pv_json_object(json, NULL);
    pv_json_object(json, "completion");
    pv_json_u64(json, "first", c->first_ms);
    pv_json_u64(json, "forwarded", c->forwarded_ms);
    pv_json_u64(json, "last", c->last_ms);
    pv_json_u64(json, "of", c->of);
    pv_json_string(json, "outcome", pv_outcome_word(c->outcome));
    pv_json_end_object(json);
    pv_json_u64(json, "index", index);
    pv_json_end_object(json);
    follow->count++;
}

/* Of a leaf of completions, those of the calls that he may see. */
static enum pv_err
show_ends(struct follow *follow, uint64_t index, const struct pv_record *record)
{
    struct pv_completion completion[PV_COMPLETIONS_MAX];
    struct pv_slice      rest = record->completions;
    size_t               count = 0;

    /* the leaf's bytes are gone once another is read: copy first */
    while (count < PV_COMPLETIONS_MAX &&
           pv_record_next_completion(&rest, &completion[count]) == PV_OK) {
        count++;
    }
    for (size_t i = 0; i < count; i++) {
        struct pv_log_leaf leaf;
        struct pv_record   request;
        enum pv_err        err =
            pv_log_leaf(follow->reader->log, completion[i].of, &leaf);

        if (err != PV_OK && err != PV_EPRUNED && err != PV_ENOTFOUND) {
            return err;
        }
        if (err == PV_OK && pv_record_parse(leaf.line, &request) == PV_OK &&
            request.type == PV_RECORD_REQUEST &&
            is_mine(follow, &request.request)) {
            show_end(follow, index, &completion[i]);
        }
    }
    return PV_OK;
}

static enum pv_err
show_leaf(struct follow *follow, uint64_t index)
{
    struct pv_log_leaf leaf;
    struct pv_record   record;
    enum pv_err        err = pv_log_leaf(follow->reader->log, index, &leaf);

    if (err != PV_OK) {
        return err == PV_EPRUNED ? PV_OK : err;
    }
    if (pv_record_parse(leaf.line, &record) != PV_OK) {
        if (follow->who->role >= ROLE_AUDITOR) {
            show_line(follow, &leaf); /* of a later version */
        }
        return PV_OK;
    }
    if (follow->who->role >= ROLE_AUDITOR) {
        if (!is_echo(follow, &record)) {
            show_line(follow, &leaf);
        }
        return PV_OK;
    }
    if (record.type == PV_RECORD_REQUEST) {
        if (is_mine(follow, &record.request)) {
            show_line(follow, &leaf);
        }
        return PV_OK;
    }
    return record.type == PV_RECORD_COMPLETIONS
               ? show_ends(follow, index, &record)
               : PV_OK;
}

static enum pv_err
show_from(struct follow *follow, uint64_t at, uint64_t limit,
          struct pv_buf *out)
{
    int64_t     end_ms = pv_time_monotonic_ms() + SEARCH_BUDGET_MS;
    char        text[PV_U64_TEXT_MAX];
    uint64_t    first;
    uint64_t    end;
    enum pv_err err = PV_OK;

    pv_log_range(follow->reader->log, &first, &end);
    at = at > end ? end : at;
    at = at < first ? first : at;
    pv_json_init(&follow->json, out);
    pv_json_object(&follow->json, NULL);
    pv_json_array(&follow->json, "records");
    while (err == PV_OK && at < end && follow->count < limit &&
           (at % PV_BUNDLE_LEAVES != 0 || pv_time_monotonic_ms() < end_ms)) {
        err = show_leaf(follow, at);
        at++;
    }
    pv_json_end_array(&follow->json);
    pv_json_string(&follow->json, "cursor",
                   (struct pv_slice){text, pv_u64_text(at, text)});
    pv_json_end_object(&follow->json);
    return err == PV_OK ? pv_json_finish(&follow->json) : err;
}

void
reader_follow(struct pv_server_call *call)
{
    struct pv_server_param param[] = {
        {PV_SLICE_INIT("cursor"), {NULL, 0}},
        {PV_SLICE_INIT("limit"), {NULL, 0}},
        {PV_SLICE_INIT("as"), {NULL, 0}},
    };
    struct who    who;
    struct follow follow = {.reader = reader_of(call), .who = &who};
    uint64_t      at = UINT64_MAX; /* what is to come */
    uint64_t      limit = FOLLOW_LIMIT;
    enum pv_err   err;

    if (!who_asks(call, &who)) {
        return;
    }
    if (who.role == ROLE_PUBLIC) {
        reader_refuses_role(call, &who);
        return;
    }
    if (pv_server_query(call->query, param, 3) != PV_OK ||
        !reader_is_side(param[2].value) ||
        (param[0].value.len > 0 &&
         pv_slice_to_u64(param[0].value, PV_RECORD_NUMBER_MAX, &at) != PV_OK) ||
        (param[1].value.len > 0 &&
         pv_slice_to_u64(param[1].value, FOLLOW_LIMIT, &limit) != PV_OK)) {
        reader_refuses_query(call);
        return;
    }
    follow.as_provider = pv_slice_eq(param[2].value, PV_LIT("provider"));
    err = reader_refresh(follow.reader, reader_durable(follow.reader));
    if (err == PV_OK) {
        err = show_from(&follow, at, limit, &call->answer);
    }
    if (err != PV_OK) {
        reader_fails(call, "follow", err);
        return;
    }
    /* a look that showed nothing is no reading: it would only see itself */
    if (follow.count == 0 ||
        reading_record(call, &who,
                       &(struct reading){.what = WHAT_FOLLOW,
                                         .as_provider = follow.as_provider,
                                         .count = follow.count})) {
        pv_server_answer(call, 200, "application/json");
    }
}
