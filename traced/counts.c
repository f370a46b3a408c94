/* counts.c - calls forwarded on today's civil day of Tehran, by grant. */
#include "traced.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"

#define SLOTS_FIRST 4096u
#define TEXT_FIRST 65536u
#define KEY_BITS 20        /* of a key; above them the generation, one a day */
#define GENERATIONS 0xfffu /* 0xfff itself is for COUNT_NONE */
#define PATH_FIXED_LEN 6   /* "/x/" and three more slashes */
#define LINE_LEN 64        /* of what memory gives at once */

_Static_assert(COUNT_KEYS_MAX == 1u << KEY_BITS, "a key fits its bits");

/* of a call, in the order of a key's text */
enum { GRANT, CONSUMER, PROVIDER, SERVICE, VERSION, METHOD, PARTS };

static const struct pv_slice before[PARTS] = {
    [PROVIDER] = PV_SLICE_INIT("/x/"),
    [SERVICE] = PV_SLICE_INIT("/"),
    [VERSION] = PV_SLICE_INIT("/"),
    [METHOD] = PV_SLICE_INIT("/"),
};

struct count_key {
    uint32_t hash;
    uint32_t calls;
    uint32_t text_at; /* grant, consumer, path, one behind the other */
    uint8_t  grant_len;
    uint8_t  consumer_len;
    uint16_t path_len;
};

/* One call of the frame at hand, in the commit's bytes. */
struct count_call {
    struct pv_slice part[PARTS];
    uint32_t        hash;
    size_t          path_len;
    int64_t         day;
    uint32_t       *ret_key;
};

enum pv_err
counts_init(struct counts *counts)
{
    memset(counts, 0, sizeof(*counts));
    counts->slot_count = SLOTS_FIRST;
    counts->slot = calloc(counts->slot_count, sizeof(*counts->slot));
    counts->owner = calloc(COUNT_OWNERS, sizeof(*counts->owner));
    counts->call = calloc(PV_WIRE_RECORDS_MAX, sizeof(*counts->call));
    if (counts->slot == NULL || counts->owner == NULL || counts->call == NULL) {
        counts_clear(counts);
        return PV_ENOMEM;
    }
    return PV_OK;
}

void
counts_clear(struct counts *counts)
{
    free(counts->key);
    free(counts->text);
    free(counts->slot);
    free(counts->owner);
    free(counts->call);
    memset(counts, 0, sizeof(*counts));
}

static void
begin_day(struct counts *counts, int64_t day)
{
    counts->day = day;
    counts->generation = (counts->generation + 1) % GENERATIONS;
    counts->key_count = 0;
    counts->text_len = 0;
    memset(counts->slot, 0, counts->slot_count * sizeof(*counts->slot));
    memset(counts->owner, 0, COUNT_OWNERS * sizeof(*counts->owner));
    counts->full_logged = false;
}

static bool
step(const char **at, struct pv_slice part)
{
    if (part.len > 0 && memcmp(*at, part.ptr, part.len) != 0) {
        return false;
    }
    *at += part.len;
    return true;
}

static bool
same(const struct counts *counts, const struct count_key *key,
     const struct count_call *call)
{
    const char *at = counts->text + key->text_at;

    if (key->hash != call->hash || key->grant_len != call->part[GRANT].len ||
        key->consumer_len != call->part[CONSUMER].len ||
        key->path_len != call->path_len) {
        return false;
    }
    /* a part may hold a slash; then the whole decides */
    for (size_t i = 0; i < PARTS; i++) {
        if (!step(&at, before[i]) || !step(&at, call->part[i])) {
            return false;
        }
    }
    return true;
}

static bool
grow(struct counts *counts, size_t text_len)
{
    if (counts->key_count == counts->key_cap) {
        uint32_t cap = counts->key_cap == 0 ? 1024 : counts->key_cap * 2;
        struct count_key *key;

        if (cap > COUNT_KEYS_MAX) {
            return false;
        }
        key = realloc(counts->key, cap * sizeof(*key));
        if (key == NULL) {
            return false;
        }
        counts->key = key;
        counts->key_cap = cap;
    }
    if (counts->text_cap - counts->text_len < text_len) {
        size_t cap = counts->text_cap == 0 ? TEXT_FIRST : counts->text_cap * 2;
        char  *text;

        if (cap > UINT32_MAX) {
            return false;
        }
        text = realloc(counts->text, cap);
        if (text == NULL) {
            return false;
        }
        counts->text = text;
        counts->text_cap = cap;
    }
    if (counts->key_count * 2 >= counts->slot_count) {
        uint32_t  slots = counts->slot_count * 2;
        uint32_t *slot = calloc(slots, sizeof(*slot));

        if (slot == NULL) {
            return false;
        }
        for (uint32_t i = 0; i < counts->key_count; i++) {
            uint32_t at = counts->key[i].hash & (slots - 1);

            while (slot[at] != 0) {
                at = (at + 1) & (slots - 1);
            }
            slot[at] = i + 1;
        }
        free(counts->slot);
        counts->slot = slot;
        counts->slot_count = slots;
    }
    return true;
}

static void
put(struct counts *counts, struct pv_slice part)
{
    if (part.len > 0) {
        memcpy(counts->text + counts->text_len, part.ptr, part.len);
        counts->text_len += part.len;
    }
}

static uint32_t
add_key(struct counts *counts, const struct count_call *call)
{
    size_t            len = call->part[GRANT].len + call->part[CONSUMER].len;
    struct count_key *key;
    uint32_t          at;

    /* the packet's lengths are bytes; so are the registry's */
    if (call->path_len > UINT8_MAX || !grow(counts, len + call->path_len)) {
        if (!counts->full_logged) {
            pv_log_event("error", "traced.counts_full",
                         "keys=%u; daily quotas cannot be rebuilt for others",
                         counts->key_count);
            counts->full_logged = true;
        }
        return COUNT_NONE;
    }
    key = &counts->key[counts->key_count];
    *key = (struct count_key){
        .hash = call->hash,
        .text_at = (uint32_t)counts->text_len,
        .grant_len = (uint8_t)call->part[GRANT].len,
        .consumer_len = (uint8_t)call->part[CONSUMER].len,
        .path_len = (uint16_t)call->path_len,
    };
    for (size_t i = 0; i < PARTS; i++) {
        put(counts, before[i]);
        put(counts, call->part[i]);
    }
    at = call->hash & (counts->slot_count - 1);
    while (counts->slot[at] != 0) {
        at = (at + 1) & (counts->slot_count - 1);
    }
    counts->slot[at] = ++counts->key_count;
    return counts->generation << KEY_BITS | (counts->key_count - 1);
}

static uint32_t
find_key(struct counts *counts, const struct count_call *call)
{
    uint32_t at;

    if (call->day != counts->day) {
        if (call->day < counts->day) {
            return COUNT_NONE;
        }
        begin_day(counts, call->day);
    }
    at = call->hash & (counts->slot_count - 1);
    while (counts->slot[at] != 0) {
        uint32_t n = counts->slot[at] - 1;

        if (same(counts, &counts->key[n], call)) {
            return counts->generation << KEY_BITS | n;
        }
        at = (at + 1) & (counts->slot_count - 1);
    }
    return add_key(counts, call);
}

void
counts_begin(struct counts *counts)
{
    counts->call_count = 0;
}

void
counts_gather(struct counts *counts, const struct pv_request_record *r,
              uint32_t *ret_key)
{
    struct count_call *call = &counts->call[counts->call_count++];

    *call = (struct count_call){
        .part = {r->grant, r->consumer, r->provider, r->service, r->version,
                 r->method},
        .path_len = PATH_FIXED_LEN + r->provider.len + r->service.len +
                    r->version.len + r->method.len,
        .day = pv_time_tehran_day((int64_t)r->time_ms),
        .ret_key = ret_key,
    };
    for (size_t i = 0; i < PARTS; i++) {
        call->hash =
            pv_crc32c(call->hash + 1, call->part[i].ptr, call->part[i].len);
    }
    __builtin_prefetch(&counts->slot[call->hash & (counts->slot_count - 1)]);
}

/* Where a call's key most likely is, or NULL. */
static const struct count_key *
guess(const struct counts *counts, const struct count_call *call)
{
    uint32_t n = counts->slot[call->hash & (counts->slot_count - 1)];

    return n == 0 ? NULL : &counts->key[n - 1];
}

/*
 * With many keys each look-up waits for memory three times, slot, key and
 * text; so each step is asked for, for all calls, before the next is taken.
 */
void
counts_find(struct counts *counts)
{
    for (uint32_t i = 0; i < counts->call_count; i++) {
        __builtin_prefetch(guess(counts, &counts->call[i]));
    }
    for (uint32_t i = 0; i < counts->call_count; i++) {
        const struct count_key *key = guess(counts, &counts->call[i]);

        if (key != NULL) {
            __builtin_prefetch(counts->text + key->text_at);
            __builtin_prefetch(counts->text + key->text_at + LINE_LEN);
        }
    }
    for (uint32_t i = 0; i < counts->call_count; i++) {
        *counts->call[i].ret_key = find_key(counts, &counts->call[i]);
    }
    counts->call_count = 0;
}

void
counts_add(struct counts *counts, uint32_t key, uint64_t index)
{
    struct count_owner *owner = &counts->owner[index & (COUNT_OWNERS - 1)];

    uint32_t n = key & (COUNT_KEYS_MAX - 1);

    if (key >> KEY_BITS == counts->generation && n < counts->key_count) {
        counts->key[n].calls++;
        owner->index_low = (uint32_t)index;
        owner->key = n + 1;
    }
}

void
counts_take_back(struct counts *counts, uint64_t index)
{
    struct count_owner *owner = &counts->owner[index & (COUNT_OWNERS - 1)];

    if (owner->key != 0 && owner->index_low == (uint32_t)index) {
        if (counts->key[owner->key - 1].calls > 0) {
            counts->key[owner->key - 1].calls--;
        }
        owner->key = 0; /* once only */
    }
}

size_t
counts_packet(const struct counts *counts, int64_t today, uint32_t *at,
              uint8_t packet[PV_WIRE_PACKET_MAX])
{
    size_t   len = 16;
    uint16_t count = 0;
    uint32_t n = counts->day == today ? counts->key_count : 0;

    while (*at < n && count < UINT16_MAX) {
        const struct count_key *key = &counts->key[*at];
        size_t                  text_len =
            (size_t)key->grant_len + key->consumer_len + key->path_len;

        if (len + 7 + text_len > PV_WIRE_PACKET_MAX) {
            break;
        }
        if (key->calls > 0) {
            pv_store_u32(packet + len, key->calls);
            packet[len + 4] = key->grant_len;
            packet[len + 5] = key->consumer_len;
            packet[len + 6] = (uint8_t)key->path_len;
            memcpy(packet + len + 7, counts->text + key->text_at, text_len);
            len += 7 + text_len;
            count++;
        }
        (*at)++;
    }
    if (*at >= n) {
        *at = UINT32_MAX;
    }
    pv_store_u32(packet, PV_WIRE_MAGIC);
    pv_store_u32(packet + 4, (uint32_t)PV_WIRE_COUNTS | (uint32_t)count << 16);
    pv_store_u64(packet + 8, (uint64_t)today);
    return len;
}

/* ---- the snapshot ---------------------------------------------------------
 */

/* The owners of the last calls: an older one's count is not taken back. */
#define OWNERS_SAVED (1u << 18)

enum pv_err
counts_save(const struct counts *counts, uint64_t next_index,
            struct pv_buf *out)
{
    uint64_t from = next_index > OWNERS_SAVED ? next_index - OWNERS_SAVED : 0;
    enum pv_err err = saved_put_u64(out, (uint64_t)counts->day);

    if (err == PV_OK) {
        err = saved_put_u32(out, counts->key_count);
    }
    for (uint32_t i = 0; err == PV_OK && i < counts->key_count; i++) {
        const struct count_key *key = &counts->key[i];
        const uint32_t          head[3] = {key->hash, key->calls,
                                           (uint32_t)key->grant_len |
                                               (uint32_t)key->consumer_len << 8 |
                                               (uint32_t)key->path_len << 16};

        err = saved_put(out, head, sizeof(head));
        if (err == PV_OK) {
            err = saved_put(out, counts->text + key->text_at,
                            (size_t)key->grant_len + key->consumer_len +
                                key->path_len);
        }
    }
    for (uint64_t i = from; err == PV_OK && i < next_index; i++) {
        const struct count_owner *owner =
            &counts->owner[i & (COUNT_OWNERS - 1)];

        if (owner->key != 0 && owner->index_low == (uint32_t)i) {
            err = saved_put(out, owner, sizeof(*owner));
        }
    }
    /* the end of the owners: none has the key 0 */
    return err == PV_OK ? saved_put_u64(out, 0) : err;
}

static enum pv_err
load_key(struct counts *counts, struct saved *saved)
{
    uint32_t         hash = saved_get_u32(saved, UINT32_MAX);
    uint32_t         calls = saved_get_u32(saved, UINT32_MAX);
    uint32_t         lens = saved_get_u32(saved, UINT32_MAX);
    struct count_key key = {
        .hash = hash,
        .calls = calls,
        .grant_len = (uint8_t)lens,
        .consumer_len = (uint8_t)(lens >> 8),
        .path_len = (uint16_t)(lens >> 16),
    };
    size_t      len = (size_t)key.grant_len + key.consumer_len + key.path_len;
    const char *text = saved_get(saved, len);
    uint32_t    at;

    if (text == NULL || key.path_len > UINT8_MAX) {
        return PV_ECORRUPT;
    }
    if (!grow(counts, len)) {
        return PV_ENOMEM;
    }
    key.text_at = (uint32_t)counts->text_len;
    put(counts, (struct pv_slice){text, len});
    counts->key[counts->key_count] = key;
    at = hash & (counts->slot_count - 1);
    while (counts->slot[at] != 0) {
        at = (at + 1) & (counts->slot_count - 1);
    }
    counts->slot[at] = ++counts->key_count;
    return PV_OK;
}

enum pv_err
counts_load(struct counts *counts, struct saved *saved)
{
    int64_t     day = (int64_t)saved_get_u64(saved);
    uint32_t    count = saved_get_u32(saved, COUNT_KEYS_MAX);
    enum pv_err err = PV_OK;

    begin_day(counts, day);
    for (uint32_t i = 0; err == PV_OK && i < count; i++) {
        err = load_key(counts, saved);
    }
    while (err == PV_OK && !saved->bad) {
        struct count_owner owner;

        owner.index_low = saved_get_u32(saved, UINT32_MAX);
        owner.key = saved_get_u32(saved, count);
        if (owner.key == 0) {
            break;
        }
        counts->owner[owner.index_low & (COUNT_OWNERS - 1)] = owner;
    }
    return err == PV_OK && saved->bad ? PV_ECORRUPT : err;
}

void
counts_reset(struct counts *counts)
{
    begin_day(counts, 0);
}
