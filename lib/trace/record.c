/* record.c - words of the closed list, and the rules between its fields. */
#include "trace/record_private.h"

#include <string.h>

#define HOP_MAX 3

const uint8_t record_char[256] = {
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
        all &= record_char[(uint8_t)word.ptr[i]];
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

bool
record_is_salt(struct pv_slice text)
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

bool
record_request_holds(const struct pv_request_record *r)
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

/* So many tracking ids, each in quotes, with commas between. */
static bool
are_ids(struct pv_slice ids, uint64_t count)
{
    const size_t step = PV_TRACKING_ID_LEN + sizeof("\"\",") - 1;

    if (count < 2 || count > PV_READING_IDS_MAX ||
        ids.len + 1 != count * step) {
        return false;
    }
    for (size_t at = 0; at < ids.len; at += step) {
        const char           *id = ids.ptr + at;
        struct pv_tracking_id parsed;

        if (id[0] != '"' || id[PV_TRACKING_ID_LEN + 1] != '"' ||
            (at + step < ids.len && id[step - 1] != ',') ||
            pv_tracking_id_parse((struct pv_slice){id + 1, PV_TRACKING_ID_LEN},
                                 &parsed) != PV_OK) {
            return false;
        }
    }
    return true;
}

bool
record_reading_holds(const struct pv_reading_record *r)
{
    struct pv_tracking_id id;

    return IS_ONE_OF(r->role, role) && IS_ONE_OF(r->what, what) &&
           (r->id.len == 0 || pv_tracking_id_parse(r->id, &id) == PV_OK) &&
           (r->ids.len == 0 || (r->id.len == 0 && are_ids(r->ids, r->count)));
}
