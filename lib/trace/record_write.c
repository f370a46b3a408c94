/* record_write.c - writing records, member by member. */
#include "trace/record_private.h"

#include <string.h>

#include "base/num.h"

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
        all &= record_char[(uint8_t)word.ptr[i]];
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

    if (!record_request_holds(request)) {
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
    if (!record_is_salt(salt)) {
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
    uint8_t     epoch[RECORD_EPOCH_LEN / 2];
    char        text[RECORD_EPOCH_LEN];

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

    if (!record_reading_holds(reading)) {
        return PV_EINVAL;
    }
    WORD("{\"by\":\"", reading->by);
    PUT(out, "\",\"count\":");
    put_number(out, reading->count);
    if (reading->id.len > 0) {
        CHECKED(",\"id\":\"", reading->id);
        PUT(out, "\"");
    }
    if (reading->ids.len > 0) {
        CHECKED(",\"ids\":[", reading->ids);
        PUT(out, "]");
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
