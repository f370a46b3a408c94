/* record_read.c - reading records: the same members in the same order. */
#include "trace/record_private.h"

#include <string.h>

struct in {
    const char *at;
    const char *end;
    enum pv_err err;
};

static void
stop(struct in *in, enum pv_err err)
{
    if (in->err == PV_OK) {
        in->err = err;
    }
    in->at = in->end;
}

/* Step over the literal when it comes next. */
static inline bool
take(struct in *in, const char *literal, size_t len)
{
    if ((size_t)(in->end - in->at) < len || memcmp(in->at, literal, len) != 0) {
        return false;
    }
    in->at += len;
    return true;
}

#define TAKE(in, literal) take(in, "" literal, sizeof(literal) - 1)
#define NEED(in, literal)                                                      \
    do {                                                                       \
        if (!TAKE(in, literal)) {                                              \
            stop(in, PV_EINVAL);                                               \
        }                                                                      \
    } while (0)

/* Characters of the class up to the closing quote, which is stepped over. */
static inline void
take_word(struct in *in, struct pv_slice *ret_word)
{
    const char *start = in->at;
    const char *at = start;

    while (at < in->end && record_char[(uint8_t)*at] != 0) {
        at++;
    }
    if (at == in->end || *at != '"' || at == start ||
        at - start > PV_RECORD_WORD_MAX) {
        stop(in, PV_EINVAL);
        return;
    }
    *ret_word = (struct pv_slice){start, (size_t)(at - start)};
    in->at = at + 1;
}

/* Exactly len characters and the closing quote; the caller checks them. */
static void
take_text(struct in *in, size_t len, struct pv_slice *ret_text)
{
    if ((size_t)(in->end - in->at) < len + 1 || in->at[len] != '"') {
        stop(in, PV_EINVAL);
        return;
    }
    *ret_text = (struct pv_slice){in->at, len};
    in->at += len + 1;
}

static inline void
take_number(struct in *in, uint64_t *ret_n)
{
    const char *start = in->at;
    const char *at = start;
    uint64_t    n = 0;

    while (at < in->end && at - start < 17 && *at >= '0' && *at <= '9') {
        n = n * 10 + (uint64_t)(*at - '0');
        at++;
    }
    if (at == start || (at - start > 1 && *start == '0') ||
        n > PV_RECORD_NUMBER_MAX) {
        stop(in, PV_EINVAL);
        return;
    }
    *ret_n = n;
    in->at = at;
}

static void
take_version(struct in *in)
{
    uint64_t n = 0;

    take_number(in, &n);
    if (in->err == PV_OK && n != PV_RECORD_VERSION) {
        stop(in, PV_EVERSION);
    }
}

/* After the first member: `name` starts with the comma before it. */
#define READ_WORD(in, name, to)                                                \
    do {                                                                       \
        NEED(in, name);                                                        \
        take_word(in, to);                                                     \
    } while (0)
#define READ_MAYBE(in, name, to)                                               \
    do {                                                                       \
        if (TAKE(in, name)) {                                                  \
            take_word(in, to);                                                 \
        }                                                                      \
    } while (0)
#define READ_NUMBER(in, name, to)                                              \
    do {                                                                       \
        NEED(in, name);                                                        \
        take_number(in, to);                                                   \
    } while (0)

/* A number that is absent when it is 0. */
#define READ_COUNT(in, name, to)                                               \
    do {                                                                       \
        if (TAKE(in, name)) {                                                  \
            take_number(in, to);                                               \
            if (*(to) == 0) {                                                  \
                stop(in, PV_EINVAL);                                           \
            }                                                                  \
        }                                                                      \
    } while (0)

static void
read_request(struct in *in, struct pv_request_record *r)
{
    memset(r, 0, sizeof(*r));
    NEED(in, "{");
    if (TAKE(in, "\"case\":\"")) {
        take_text(in, PV_TRACKING_ID_LEN, &r->case_id);
        NEED(in, ",");
    }
    if (TAKE(in, "\"commitment\":\"")) {
        take_text(in, PV_COMMITMENT_LEN, &r->commitment);
        NEED(in, ",");
    }
    READ_WORD(in, "\"consumer\":\"", &r->consumer);
    READ_WORD(in, ",\"decision\":\"", &r->decision);
    READ_MAYBE(in, ",\"grant\":\"", &r->grant);
    READ_COUNT(in, ",\"grant_decision\":", &r->grant_decision);
    READ_NUMBER(in, ",\"hop\":", &r->hop);
    NEED(in, ",\"id\":\"");
    take_text(in, PV_TRACKING_ID_LEN, &r->id);
    READ_NUMBER(in, ",\"image\":", &r->image);
    READ_COUNT(in, ",\"max_answered\":", &r->max_answered);
    READ_MAYBE(in, ",\"method\":\"", &r->method);
    READ_WORD(in, ",\"node\":\"", &r->node);
    READ_MAYBE(in, ",\"provider\":\"", &r->provider);
    READ_MAYBE(in, ",\"purpose\":\"", &r->purpose);
    READ_MAYBE(in, ",\"reason\":\"", &r->reason);
    READ_MAYBE(in, ",\"service\":\"", &r->service);
    READ_WORD(in, ",\"size\":\"", &r->size);
    READ_NUMBER(in, ",\"time\":", &r->time_ms);
    NEED(in, ",\"type\":\"request\"");
    READ_MAYBE(in, ",\"unit\":\"", &r->unit);
    NEED(in, ",\"v\":");
    take_version(in);
    READ_MAYBE(in, ",\"version\":\"", &r->version);
    READ_MAYBE(in, ",\"via\":\"", &r->via);
    NEED(in, "}");
    if (in->err == PV_OK && !record_request_holds(r)) {
        stop(in, PV_EINVAL);
    }
}

static void
read_completion(struct in *in, struct pv_completion *c)
{
    struct pv_slice word = {NULL, 0};

    READ_NUMBER(in, "[", &c->of);
    READ_NUMBER(in, ",", &c->forwarded_ms);
    READ_NUMBER(in, ",", &c->first_ms);
    READ_NUMBER(in, ",", &c->last_ms);
    READ_WORD(in, ",\"", &word);
    NEED(in, "]");
    c->outcome = pv_outcome_from_word(word);
    if (c->outcome == PV_OUTCOME_NONE) {
        stop(in, PV_EINVAL);
    }
}

static void
take_salt(struct in *in, struct pv_slice *ret_salt)
{
    NEED(in, ",\"salt\":\"");
    take_text(in, PV_RECORD_SALT_LEN, ret_salt);
    if (in->err == PV_OK && !record_is_salt(*ret_salt)) {
        stop(in, PV_EINVAL);
    }
}

static void
read_completions(struct in *in, struct pv_record *record)
{
    struct pv_completion completion;
    const char          *start;
    size_t               count = 0;

    memset(&completion, 0, sizeof(completion));
    NEED(in, "{\"done\":[");
    start = in->at;
    do {
        read_completion(in, &completion);
        count++;
    } while (count < PV_COMPLETIONS_MAX && TAKE(in, ","));
    record->completions = (struct pv_slice){start, (size_t)(in->at - start)};
    record->completion_count = count;
    READ_WORD(in, "],\"node\":\"", &record->node);
    take_salt(in, &record->completion_salt);
    NEED(in, ",\"type\":\"completions\",\"v\":");
    take_version(in);
    NEED(in, "}");
}

static void
read_refusals(struct in *in, struct pv_refusals_record *r)
{
    memset(r, 0, sizeof(*r));
    READ_WORD(in, "{\"consumer\":\"", &r->consumer);
    READ_NUMBER(in, ",\"count\":", &r->count);
    READ_NUMBER(in, ",\"from\":", &r->from_ms);
    READ_WORD(in, ",\"node\":\"", &r->node);
    take_salt(in, &r->salt);
    READ_NUMBER(in, ",\"type\":\"refusals\",\"until\":", &r->until_ms);
    NEED(in, ",\"v\":");
    take_version(in);
    NEED(in, "}");
}

static void
read_worker_lost(struct in *in, struct pv_worker_lost_record *r)
{
    struct pv_slice text = {NULL, 0};

    memset(r, 0, sizeof(*r));
    NEED(in, "{\"epoch\":\"");
    take_text(in, RECORD_EPOCH_LEN, &text);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (c >= '0' && c <= '9') {
            r->epoch = r->epoch << 4 | (uint64_t)(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            r->epoch = r->epoch << 4 | (uint64_t)(c - 'a' + 10);
        } else {
            stop(in, PV_EINVAL);
        }
    }
    READ_WORD(in, ",\"node\":\"", &r->node);
    READ_NUMBER(in, ",\"open\":", &r->open);
    READ_NUMBER(in, ",\"time\":", &r->time_ms);
    NEED(in, ",\"type\":\"worker-lost\",\"v\":");
    take_version(in);
    NEED(in, "}");
}

/* What is in the array; record_reading_holds says whether it is ids. */
static void
take_ids(struct in *in, struct pv_slice *ret)
{
    const char *end = memchr(in->at, ']', (size_t)(in->end - in->at));

    if (end == NULL || end == in->at) {
        stop(in, PV_EINVAL);
        return;
    }
    *ret = (struct pv_slice){in->at, (size_t)(end - in->at)};
    in->at = end + 1;
}

static void
read_reading(struct in *in, struct pv_reading_record *r)
{
    memset(r, 0, sizeof(*r));
    READ_WORD(in, "{\"by\":\"", &r->by);
    READ_NUMBER(in, ",\"count\":", &r->count);
    if (TAKE(in, ",\"id\":\"")) {
        take_text(in, PV_TRACKING_ID_LEN, &r->id);
    }
    if (TAKE(in, ",\"ids\":[")) {
        take_ids(in, &r->ids);
    }
    READ_WORD(in, ",\"node\":\"", &r->node);
    READ_WORD(in, ",\"role\":\"", &r->role);
    take_salt(in, &r->salt);
    READ_NUMBER(in, ",\"time\":", &r->time_ms);
    NEED(in, ",\"type\":\"reading\",\"v\":");
    take_version(in);
    READ_WORD(in, ",\"what\":\"", &r->what);
    NEED(in, "}");
    if (in->err == PV_OK && !record_reading_holds(r)) {
        stop(in, PV_EINVAL);
    }
}

static void
read_pruned(struct in *in, struct pv_pruned_record *r)
{
    memset(r, 0, sizeof(*r));
    READ_NUMBER(in, "{\"count\":", &r->count);
    READ_WORD(in, ",\"decision\":\"", &r->decision);
    READ_NUMBER(in, ",\"first\":", &r->first);
    READ_WORD(in, ",\"node\":\"", &r->node);
    take_salt(in, &r->salt);
    READ_NUMBER(in, ",\"time\":", &r->time_ms);
    NEED(in, ",\"type\":\"pruned\",\"v\":");
    take_version(in);
    NEED(in, "}");
}

/* The first member tells the types apart, but for consumer: see count. */
static enum pv_record_type
type_of(struct pv_slice line)
{
    static const struct pv_slice count = PV_SLICE_INIT("\",\"count\":");
    const char                  *quote;

    if (pv_slice_starts(line, PV_LIT("{\"done\":"))) {
        return PV_RECORD_COMPLETIONS;
    }
    if (pv_slice_starts(line, PV_LIT("{\"epoch\":"))) {
        return PV_RECORD_WORKER_LOST;
    }
    if (pv_slice_starts(line, PV_LIT("{\"by\":"))) {
        return PV_RECORD_READING;
    }
    if (pv_slice_starts(line, PV_LIT("{\"count\":"))) {
        return PV_RECORD_PRUNED;
    }
    if (pv_slice_starts(line, PV_LIT("{\"consumer\":\""))) {
        quote = memchr(line.ptr + 13, '"', line.len - 13);
        if (quote != NULL &&
            pv_slice_starts(
                (struct pv_slice){quote, line.len - (size_t)(quote - line.ptr)},
                count)) {
            return PV_RECORD_REFUSALS;
        }
    }
    return PV_RECORD_REQUEST;
}

enum pv_err
pv_record_parse(struct pv_slice line, struct pv_record *ret_record)
{
    struct pv_record record;
    struct in        in = {line.ptr, line.ptr, PV_OK};

    if (line.len == 0) {
        return PV_EINVAL;
    }
    in.end = line.ptr + line.len;
    record.type = type_of(line);
    record.node = (struct pv_slice){NULL, 0};
    record.completion_count = 0;
    record.completions = record.node;
    record.completion_salt = record.node;
    if (line.len > (record.type == PV_RECORD_COMPLETIONS
                        ? PV_COMPLETIONS_LEN_MAX
                        : PV_RECORD_MAX)) {
        return PV_EINVAL;
    }

    switch (record.type) {
    case PV_RECORD_REQUEST:
        read_request(&in, &record.request);
        record.node = record.request.node;
        break;
    case PV_RECORD_COMPLETIONS:
        read_completions(&in, &record);
        break;
    case PV_RECORD_REFUSALS:
        read_refusals(&in, &record.refusals);
        record.node = record.refusals.node;
        break;
    case PV_RECORD_WORKER_LOST:
        read_worker_lost(&in, &record.worker_lost);
        record.node = record.worker_lost.node;
        break;
    case PV_RECORD_READING:
        read_reading(&in, &record.reading);
        record.node = record.reading.node;
        break;
    case PV_RECORD_PRUNED:
        read_pruned(&in, &record.pruned);
        record.node = record.pruned.node;
        break;
    }
    if (in.err == PV_OK && in.at != in.end) {
        in.err = PV_EINVAL;
    }
    if (in.err == PV_OK) {
        *ret_record = record;
    }
    return in.err;
}

enum pv_err
pv_record_next_completion(struct pv_slice      *rest,
                          struct pv_completion *ret_completion)
{
    struct pv_completion completion;
    struct in            in = {rest->ptr, rest->ptr, PV_OK};

    if (rest->len == 0) {
        return PV_ENOTFOUND;
    }
    in.end = rest->ptr + rest->len;
    memset(&completion, 0, sizeof(completion));
    read_completion(&in, &completion);
    if (in.err == PV_OK && in.at != in.end && !TAKE(&in, ",")) {
        in.err = PV_EINVAL;
    }
    if (in.err == PV_OK) {
        *ret_completion = completion;
        *rest = (struct pv_slice){in.at, (size_t)(in.end - in.at)};
    }
    return in.err;
}
