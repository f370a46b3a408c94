/*
 * record.c - writing and reading the closed list of fields.
 *
 * Both directions go through the members in their canonical order, so the
 * order stands in one place for each type: write_x() and read_x().
 */
#include "trace/record.h"

#include <string.h>

#include "base/num.h"

#define HOP_MAX 3
#define EPOCH_LEN 16 /* hex digits of a worker epoch */

/* 1 for the characters of ids and words: [a-z0-9./_-] */
static const uint8_t is_word[256] = {
    ['a'] = 1, ['b'] = 1, ['c'] = 1, ['d'] = 1, ['e'] = 1, ['f'] = 1, ['g'] = 1,
    ['h'] = 1, ['i'] = 1, ['j'] = 1, ['k'] = 1, ['l'] = 1, ['m'] = 1, ['n'] = 1,
    ['o'] = 1, ['p'] = 1, ['q'] = 1, ['r'] = 1, ['s'] = 1, ['t'] = 1, ['u'] = 1,
    ['v'] = 1, ['w'] = 1, ['x'] = 1, ['y'] = 1, ['z'] = 1, ['0'] = 1, ['1'] = 1,
    ['2'] = 1, ['3'] = 1, ['4'] = 1, ['5'] = 1, ['6'] = 1, ['7'] = 1, ['8'] = 1,
    ['9'] = 1, ['.'] = 1, ['/'] = 1, ['_'] = 1, ['-'] = 1,
};

static const struct {
    uint64_t        max;
    struct pv_slice word;
} size_class[] = {
    {0, PV_SLICE_INIT("0")},
    {UINT64_C(1) << 10, PV_SLICE_INIT("1k")},
    {UINT64_C(1) << 12, PV_SLICE_INIT("4k")},
    {UINT64_C(1) << 14, PV_SLICE_INIT("16k")},
    {UINT64_C(1) << 16, PV_SLICE_INIT("64k")},
    {UINT64_C(1) << 18, PV_SLICE_INIT("256k")},
    {UINT64_C(1) << 20, PV_SLICE_INIT("1m")},
    {PV_SIZE_CHUNKED - 1, PV_SLICE_INIT("big")},
    {PV_SIZE_CHUNKED, PV_SLICE_INIT("chunked")},
};

static const struct pv_slice decision[] = {
    PV_SLICE_INIT("allowed"), PV_SLICE_INIT("refused"),
    PV_SLICE_INIT("limited"), PV_SLICE_INIT("closed"),
    PV_SLICE_INIT("invalid"), PV_SLICE_INIT("unavailable"),
};

/* who may read the trace, and how */
static const struct pv_slice role[] = {
    PV_SLICE_INIT("auditor"),
    PV_SLICE_INIT("consumer"),
    PV_SLICE_INIT("operator"),
    PV_SLICE_INIT("provider"),
};
static const struct pv_slice what[] = {
    PV_SLICE_INIT("bundle"),  PV_SLICE_INIT("follow"), PV_SLICE_INIT("lookup"),
    PV_SLICE_INIT("receipt"), PV_SLICE_INIT("rollup"), PV_SLICE_INIT("search"),
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

struct pv_slice
pv_record_size_class(uint64_t len)
{
    size_t i = 0;

    while (len > size_class[i].max) {
        i++; /* the last maximum is the largest number */
    }
    return size_class[i].word;
}

static bool
is_size_class(struct pv_slice word)
{
    for (size_t i = 0; i < COUNT(size_class); i++) {
        if (pv_slice_eq(word, size_class[i].word)) {
            return true;
        }
    }
    return false;
}

static bool
is_one_of(struct pv_slice word, const struct pv_slice *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (pv_slice_eq(word, list[i])) {
            return true;
        }
    }
    return false;
}

#define IS_ONE_OF(word, list) is_one_of(word, list, COUNT(list))

bool
pv_record_is_word(struct pv_slice word)
{
    uint8_t all = 1;

    for (size_t i = 0; i < word.len; i++) {
        all &= is_word[(uint8_t)word.ptr[i]];
    }
    return all != 0 && word.len > 0 && word.len <= PV_RECORD_WORD_MAX;
}

/* 43 characters hold 258 bits: the last two must be 0. */
bool
pv_record_is_commitment(struct pv_slice text)
{
    static const struct pv_slice last = PV_SLICE_INIT("AEIMQUYcgkosw048");

    if (text.len != PV_COMMITMENT_LEN ||
        memchr(last.ptr, text.ptr[text.len - 1], last.len) == NULL) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c >= '0' && c <= '9') || c == '-' || c == '_')) {
            return false;
        }
    }
    return true;
}

/* Lower-case hex digits: one spelling. */
static bool
is_salt(struct pv_slice text)
{
    if (text.len != PV_RECORD_SALT_LEN) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }
    }
    return true;
}

/* The rules between fields, the same for both directions. */
static bool
request_holds_together(const struct pv_request_record *r)
{
    struct pv_tracking_id id;
    bool                  allowed = pv_slice_eq(r->decision, decision[0]);

    if (!IS_ONE_OF(r->decision, decision) || !is_size_class(r->size) ||
        pv_tracking_id_parse(r->id, &id) != PV_OK) {
        return false;
    }
    if (r->hop > HOP_MAX || r->image > PV_RECORD_NUMBER_MAX ||
        r->time_ms > PV_RECORD_NUMBER_MAX) {
        return false;
    }
    if (r->grant_decision > PV_RECORD_NUMBER_MAX ||
        (r->grant_decision > 0 && r->grant.len == 0)) {
        return false;
    }
    if (r->max_answered > PV_RECORD_ANSWERED_MAX ||
        (r->max_answered > 0 && (!allowed || r->grant.len == 0))) {
        return false;
    }
    if (allowed != (r->reason.len == 0) || (r->hop == 0) != (r->via.len == 0)) {
        return false;
    }
    if ((allowed ||
         r->method.len + r->provider.len + r->service.len + r->version.len >
             0) &&
        (r->method.len == 0 || r->provider.len == 0 || r->service.len == 0 ||
         r->version.len == 0)) {
        return false; /* all four, or none where no method is known */
    }
    return (r->case_id.len == 0 || pv_uuid_is_valid(r->case_id)) &&
           (r->commitment.len == 0 || pv_record_is_commitment(r->commitment));
}

static bool
reading_holds_together(const struct pv_reading_record *r)
{
    struct pv_tracking_id id;

    return IS_ONE_OF(r->role, role) && IS_ONE_OF(r->what, what) &&
           (r->id.len == 0 || pv_tracking_id_parse(r->id, &id) == PV_OK);
}

/* ---- writing ---------------------------------------------------------- */

struct out {
    char       *at;
    char       *end;
    enum pv_err err; /* the first that happened; then nothing is written */
};

static void
fail(struct out *out, enum pv_err err)
{
    if (out->err == PV_OK) {
        out->err = err;
    }
    out->end = out->at; /* no room: later puts do nothing */
}

static inline void
put(struct out *out, const char *text, size_t len)
{
    if ((size_t)(out->end - out->at) < len) {
        fail(out, PV_ERANGE);
        return;
    }
    memcpy(out->at, text, len);
    out->at += len;
}

#define PUT(out, literal) put(out, "" literal, sizeof(literal) - 1)

static void
put_number(struct out *out, uint64_t n)
{
    char   text[PV_U64_TEXT_MAX];
    size_t at = sizeof(text);

    if (n > PV_RECORD_NUMBER_MAX) {
        fail(out, PV_EINVAL);
        return;
    }
    do {
        text[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    put(out, text + at, sizeof(text) - at);
}

/* A word whose grammar the caller has checked. */
static inline void
put_checked(struct out *out, const char *name, size_t name_len,
            struct pv_slice value)
{
    put(out, name, name_len);
    put(out, value.ptr, value.len);
}

static inline void
put_word(struct out *out, const char *name, size_t name_len,
         struct pv_slice word)
{
    uint8_t all = 1;
    char   *at;

    if ((size_t)(out->end - out->at) < name_len + word.len) {
        fail(out, PV_ERANGE);
        return;
    }
    memcpy(out->at, name, name_len);
    at = out->at + name_len;
    for (size_t i = 0; i < word.len; i++) {
        all &= is_word[(uint8_t)word.ptr[i]];
        at[i] = word.ptr[i];
    }
    if (all == 0 || word.len == 0 || word.len > PV_RECORD_WORD_MAX) {
        fail(out, PV_EINVAL);
        return;
    }
    out->at = at + word.len;
}

/* `name` closes the string before it and opens its own */
#define WORD(name, word) put_word(out, name, sizeof(name) - 1, word)
#define CHECKED(name, text) put_checked(out, name, sizeof(name) - 1, text)
#define MAYBE(name, word)                                                      \
    do {                                                                       \
        if ((word).len > 0) {                                                  \
            WORD(name, word);                                                  \
        }                                                                      \
    } while (0)

static void
write_request(struct out *out, const struct pv_request_record *r)
{
    PUT(out, "{");
    if (r->case_id.len > 0) {
        CHECKED("\"case\":\"", r->case_id);
        PUT(out, "\",");
    }
    if (r->commitment.len > 0) {
        CHECKED("\"commitment\":\"", r->commitment);
        PUT(out, "\",");
    }
    WORD("\"consumer\":\"", r->consumer);
    CHECKED("\",\"decision\":\"", r->decision);
    MAYBE("\",\"grant\":\"", r->grant);
    if (r->grant_decision > 0) {
        PUT(out, "\",\"grant_decision\":");
        put_number(out, r->grant_decision);
        PUT(out, ",\"hop\":");
    } else {
        PUT(out, "\",\"hop\":");
    }
    put_number(out, r->hop);
    CHECKED(",\"id\":\"", r->id);
    PUT(out, "\",\"image\":");
    put_number(out, r->image);
    if (r->max_answered > 0) {
        PUT(out, ",\"max_answered\":");
        put_number(out, r->max_answered);
    }
    if (r->method.len > 0) {
        WORD(",\"method\":\"", r->method);
        WORD("\",\"node\":\"", r->node);
        WORD("\",\"provider\":\"", r->provider);
    } else {
        WORD(",\"node\":\"", r->node);
    }
    MAYBE("\",\"purpose\":\"", r->purpose);
    MAYBE("\",\"reason\":\"", r->reason);
    MAYBE("\",\"service\":\"", r->service);
    CHECKED("\",\"size\":\"", r->size);
    PUT(out, "\",\"time\":");
    put_number(out, r->time_ms);
    PUT(out, ",\"type\":\"request");
    MAYBE("\",\"unit\":\"", r->unit);
    PUT(out, "\",\"v\":1");
    if (r->version.len > 0) {
        WORD(",\"version\":\"", r->version);
        MAYBE("\",\"via\":\"", r->via);
        PUT(out, "\"}");
    } else if (r->via.len > 0) {
        WORD(",\"via\":\"", r->via);
        PUT(out, "\"}");
    } else {
        PUT(out, "}");
    }
}

enum pv_err
pv_record_write_request(const struct pv_request_record *request, char *room,
                        size_t room_len, size_t *ret_len)
{
    struct out out = {room, room, PV_OK};

    if (!request_holds_together(request)) {
        return PV_EINVAL;
    }
    out.end += room_len < PV_RECORD_MAX ? room_len : PV_RECORD_MAX;
    write_request(&out, request);
    if (out.err == PV_OK) {
        *ret_len = (size_t)(out.at - room);
    }
    return out.err;
}

/* Behind a value whose closing quote is still to come. */
static void
put_salt(struct out *out, struct pv_slice salt)
{
    if (!is_salt(salt)) {
        out->err = PV_EINVAL;
        return;
    }
    PUT(out, "\",\"salt\":\"");
    put(out, salt.ptr, salt.len);
}

enum pv_err
pv_record_begin_completions(char *room, size_t room_len, size_t *ret_len)
{
    struct out out = {room, room + room_len, PV_OK};

    PUT(&out, "{\"done\":[");
    if (out.err == PV_OK) {
        *ret_len = (size_t)(out.at - room);
    }
    return out.err;
}

enum pv_err
pv_record_add_completion(char *room, size_t room_len, size_t *len,
                         const struct pv_completion *completion, bool first)
{
    struct pv_slice word = pv_outcome_word(completion->outcome);
    struct out      out = {room + *len, room + *len, PV_OK};

    if (completion->outcome == PV_OUTCOME_NONE || word.len == 0) {
        return PV_EINVAL;
    }
    if (room_len < PV_COMPLETIONS_TAIL_MAX ||
        room_len - PV_COMPLETIONS_TAIL_MAX < *len) {
        return PV_ERANGE;
    }
    out.end = room + (room_len - PV_COMPLETIONS_TAIL_MAX);
    if (!first) {
        PUT(&out, ",");
    }
    PUT(&out, "[");
    put_number(&out, completion->of);
    PUT(&out, ",");
    put_number(&out, completion->forwarded_ms);
    PUT(&out, ",");
    put_number(&out, completion->first_ms);
    PUT(&out, ",");
    put_number(&out, completion->last_ms);
    PUT(&out, ",\"");
    put(&out, word.ptr, word.len);
    PUT(&out, "\"]");
    if (out.err == PV_OK) {
        *len = (size_t)(out.at - room);
    }
    return out.err;
}

enum pv_err
pv_record_end_completions(char *room, size_t room_len, size_t *len,
                          struct pv_slice node, struct pv_slice salt)
{
    struct out  state = {room + *len, room + *len, PV_OK};
    struct out *out = &state;

    if (room_len < *len) {
        return PV_ERANGE;
    }
    if (*len == 0 || room[*len - 1] != ']') {
        return PV_EINVAL; /* not begun, or nothing in it */
    }
    out->end = room + room_len;
    WORD("],\"node\":\"", node);
    put_salt(out, salt);
    PUT(out, "\",\"type\":\"completions\",\"v\":1}");
    if (out->err == PV_OK) {
        *len = (size_t)(out->at - room);
    }
    return out->err;
}

enum pv_err
pv_record_write_refusals(const struct pv_refusals_record *refusals, char *room,
                         size_t room_len, size_t *ret_len)
{
    struct out  state = {room, room + room_len, PV_OK};
    struct out *out = &state;

    WORD("{\"consumer\":\"", refusals->consumer);
    PUT(out, "\",\"count\":");
    put_number(out, refusals->count);
    PUT(out, ",\"from\":");
    put_number(out, refusals->from_ms);
    WORD(",\"node\":\"", refusals->node);
    put_salt(out, refusals->salt);
    PUT(out, "\",\"type\":\"refusals\",\"until\":");
    put_number(out, refusals->until_ms);
    PUT(out, ",\"v\":1}");
    if (out->err == PV_OK) {
        *ret_len = (size_t)(out->at - room);
    }
    return out->err;
}

enum pv_err
pv_record_write_worker_lost(const struct pv_worker_lost_record *lost,
                            char *room, size_t room_len, size_t *ret_len)
{
    struct out  state = {room, room + room_len, PV_OK};
    struct out *out = &state;
    uint8_t     epoch[EPOCH_LEN / 2];
    char        text[EPOCH_LEN];

    for (size_t i = 0; i < sizeof(epoch); i++) {
        epoch[i] = (uint8_t)(lost->epoch >> (56 - 8 * i));
    }
    pv_hex_text(epoch, sizeof(epoch), text);
    PUT(out, "{\"epoch\":\"");
    put(out, text, sizeof(text));
    WORD("\",\"node\":\"", lost->node);
    PUT(out, "\",\"open\":");
    put_number(out, lost->open);
    PUT(out, ",\"time\":");
    put_number(out, lost->time_ms);
    PUT(out, ",\"type\":\"worker-lost\",\"v\":1}");
    if (out->err == PV_OK) {
        *ret_len = (size_t)(out->at - room);
    }
    return out->err;
}

enum pv_err
pv_record_write_reading(const struct pv_reading_record *reading, char *room,
                        size_t room_len, size_t *ret_len)
{
    struct out  state = {room, room + room_len, PV_OK};
    struct out *out = &state;

    if (!reading_holds_together(reading)) {
        return PV_EINVAL;
    }
    WORD("{\"by\":\"", reading->by);
    PUT(out, "\",\"count\":");
    put_number(out, reading->count);
    if (reading->id.len > 0) {
        CHECKED(",\"id\":\"", reading->id);
        PUT(out, "\"");
    }
    WORD(",\"node\":\"", reading->node);
    CHECKED("\",\"role\":\"", reading->role);
    put_salt(out, reading->salt);
    PUT(out, "\",\"time\":");
    put_number(out, reading->time_ms);
    CHECKED(",\"type\":\"reading\",\"v\":1,\"what\":\"", reading->what);
    PUT(out, "\"}");
    if (out->err == PV_OK) {
        *ret_len = (size_t)(out->at - room);
    }
    return out->err;
}

enum pv_err
pv_record_write_pruned(const struct pv_pruned_record *pruned, char *room,
                       size_t room_len, size_t *ret_len)
{
    struct out  state = {room, room + room_len, PV_OK};
    struct out *out = &state;

    PUT(out, "{\"count\":");
    put_number(out, pruned->count);
    WORD(",\"decision\":\"", pruned->decision);
    PUT(out, "\",\"first\":");
    put_number(out, pruned->first);
    WORD(",\"node\":\"", pruned->node);
    put_salt(out, pruned->salt);
    PUT(out, "\",\"time\":");
    put_number(out, pruned->time_ms);
    PUT(out, ",\"type\":\"pruned\",\"v\":1}");
    if (out->err == PV_OK) {
        *ret_len = (size_t)(out->at - room);
    }
    return out->err;
}

/* ---- reading ---------------------------------------------------------- */

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

    while (at < in->end && is_word[(uint8_t)*at] != 0) {
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
    if (in->err == PV_OK && !request_holds_together(r)) {
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
    if (in->err == PV_OK && !is_salt(*ret_salt)) {
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
    take_text(in, EPOCH_LEN, &text);
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

static void
read_reading(struct in *in, struct pv_reading_record *r)
{
    memset(r, 0, sizeof(*r));
    READ_WORD(in, "{\"by\":\"", &r->by);
    READ_NUMBER(in, ",\"count\":", &r->count);
    if (TAKE(in, ",\"id\":\"")) {
        take_text(in, PV_TRACKING_ID_LEN, &r->id);
    }
    READ_WORD(in, ",\"node\":\"", &r->node);
    READ_WORD(in, ",\"role\":\"", &r->role);
    take_salt(in, &r->salt);
    READ_NUMBER(in, ",\"time\":", &r->time_ms);
    NEED(in, ",\"type\":\"reading\",\"v\":");
    take_version(in);
    READ_WORD(in, ",\"what\":\"", &r->what);
    NEED(in, "}");
    if (in->err == PV_OK && !reading_holds_together(r)) {
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
