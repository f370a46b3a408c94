#include "policy/row.h"

#include <string.h>

#include "base/num.h"

struct codec {
    bool           writing;
    bool           bad;
    uint8_t       *out; /* writing: where the next byte goes */
    uint8_t       *out_end;
    const uint8_t *in; /* reading: the next byte */
    const uint8_t *in_end;
};

static void
raw(struct codec *c, void *field, size_t len)
{
    if (c->bad) {
        return;
    }
    if (c->writing) {
        if ((size_t)(c->out_end - c->out) < len) {
            c->bad = true;
            return;
        }
        memcpy(c->out, field, len);
        c->out += len;
    } else {
        if ((size_t)(c->in_end - c->in) < len) {
            c->bad = true;
            return;
        }
        memcpy(field, c->in, len);
        c->in += len;
    }
}

/* A number or a count that must not pass max. */
static void
count(struct codec *c, uint8_t *field, uint8_t max)
{
    uint8_t n = *field;

    raw(c, &n, sizeof(n));
    if (n > max) {
        c->bad = true;
    } else if (!c->bad) {
        *field = n;
    }
}

static void
flag(struct codec *c, bool *field)
{
    uint8_t n = c->writing && *field ? 1 : 0;

    count(c, &n, 1);
    *field = n == 1;
}

/*
 * Seven bits a byte, the lowest first; the top bit says that more follow. Most
 * numbers of a grant are small or 0, and fewer bytes are fewer lines of memory.
 */
static void
varying(struct codec *c, uint64_t *field)
{
    uint64_t n = *field;
    unsigned shift = 0;
    uint8_t  byte;

    if (c->writing) {
        do {
            byte = (uint8_t)(n & 0x7f) | (n > 0x7f ? 0x80 : 0);
            raw(c, &byte, sizeof(byte));
            n >>= 7;
        } while (n > 0);
        return;
    }
    for (n = 0; !c->bad; shift += 7) {
        byte = 0;
        raw(c, &byte, sizeof(byte));
        if ((shift == 63 && byte > 1) || (shift > 0 && byte == 0)) {
            c->bad = true; /* more than 64 bits, or more bytes than needed */
            return;
        }
        n |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            break;
        }
    }
    if (!c->bad) {
        *field = n;
    }
}

static void
number(struct codec *c, uint32_t *field)
{
    uint64_t n = *field;

    varying(c, &n);
    if (n > UINT32_MAX) {
        c->bad = true;
    } else if (!c->bad) {
        *field = (uint32_t)n;
    }
}

static void
when(struct codec *c, int64_t *field)
{
    uint64_t n = (uint64_t)*field;

    varying(c, &n);
    if (!c->bad) {
        *field = (int64_t)n;
    }
}

static void
text(struct codec *c, uint8_t *len, char *bytes, uint8_t max)
{
    count(c, len, max);
    if (!c->bad) {
        raw(c, bytes, *len);
    }
}

static void
id(struct codec *c, struct pv_id *field)
{
    text(c, &field->len, field->text, PV_POLICY_ID_MAX);
}

/* Numbers of reasons never leave a process: stored as words. */
static void
reason(struct codec *c, uint8_t *field)
{
    struct pv_id word = {0};

    if (c->writing && *field != PV_REASON_NONE) {
        struct pv_slice s = pv_reason_word((enum pv_reason) * field);

        if (s.len == 0 || s.len > PV_POLICY_ID_MAX) {
            c->bad = true;
            return;
        }
        word.len = (uint8_t)s.len;
        memcpy(word.text, s.ptr, s.len);
    }
    id(c, &word);
    if (c->writing || c->bad) {
        return;
    }
    *field = PV_REASON_NONE;
    if (word.len > 0) {
        *field = (uint8_t)pv_reason_from_word(
            (struct pv_slice){word.text, word.len});
        c->bad = *field == PV_REASON_NONE; /* an unknown word refuses */
    }
}

/* A key that is good until then, and no bytes where there is none. */
static void
replaced(struct codec *c, int64_t *until_ms, uint8_t hash[PV_KEY_HASH_LEN])
{
    when(c, until_ms);
    if (*until_ms != 0) {
        raw(c, hash, PV_KEY_HASH_LEN);
    } else if (!c->writing) {
        memset(hash, 0, PV_KEY_HASH_LEN);
    }
}

static void
meta_fields(struct codec *c, struct pv_meta *row)
{
    char magic[] = PV_ROW_MAGIC;

    raw(c, magic, sizeof(magic) - 1);
    if (memcmp(magic, PV_ROW_MAGIC, sizeof(magic) - 1) != 0) {
        c->bad = true;
    }
    raw(c, &row->format, sizeof(row->format));
    raw(c, &row->decision, sizeof(row->decision));
    raw(c, &row->valid_until_ms, sizeof(row->valid_until_ms));
}

static void
system_fields(struct codec *c, struct pv_image_system *image)
{
    struct pv_system_row *row = &image->row;

    raw(c, &row->number, sizeof(row->number));
    raw(c, &row->unit_number, sizeof(row->unit_number));
    raw(c, &row->agency_number, sizeof(row->agency_number));
    count(c, &row->kind, PV_SYSTEM_GATEWAY);
    flag(c, &row->suspended);
    flag(c, &row->proposed);
    count(c, &row->network_count, PV_POLICY_NETWORKS_MAX);
    for (size_t i = 0; i < row->network_count && !c->bad; i++) {
        raw(c, row->network[i].address, sizeof(row->network[i].address));
        count(c, &row->network[i].bits, 128);
    }
    id(c, &row->system);
    id(c, &row->unit);
    id(c, &row->agency);
    count(c, &image->group_count, PV_POLICY_GROUPS_MAX);
    for (size_t i = 0; i < image->group_count && !c->bad; i++) {
        raw(c, &image->group[i], sizeof(image->group[i]));
    }
    flag(c, &image->has_key);
    raw(c, image->key_hash, sizeof(image->key_hash));
    replaced(c, &image->old_until_ms, image->old_key_hash);
}

static void
method_fields(struct codec *c, struct pv_image_method *image)
{
    struct pv_method_row *row = &image->row;

    raw(c, &row->number, sizeof(row->number));
    count(c, &row->pattern, PV_PATTERN_EVENTS);
    reason(c, &row->state);
    raw(c, &row->state_since_ms, sizeof(row->state_since_ms));
    raw(c, &row->state_until_ms, sizeof(row->state_until_ms));
    flag(c, &row->proposed);
    raw(c, &row->dedicated, sizeof(row->dedicated));
    flag(c, &row->needs_consent);
    flag(c, &row->reason_hidden);
    raw(c, &row->connect_timeout_ms, sizeof(row->connect_timeout_ms));
    raw(c, &row->deadline_ms, sizeof(row->deadline_ms));
    raw(c, &row->answer_max_len, sizeof(row->answer_max_len));
    raw(c, &row->open_minute, sizeof(row->open_minute));
    raw(c, &row->close_minute, sizeof(row->close_minute));
    count(c, &row->weekdays, 0x7f);
    count(c, &row->notice_count, PV_POLICY_NOTICES_MAX);
    for (size_t i = 0; i < row->notice_count && !c->bad; i++) {
        raw(c, &row->notice[i].from_ms, sizeof(row->notice[i].from_ms));
        raw(c, &row->notice[i].until_ms, sizeof(row->notice[i].until_ms));
    }
    id(c, &row->provider);
    id(c, &row->service);
    id(c, &row->version);
    id(c, &row->method);
    id(c, &image->code);
    raw(c, &row->endpoint_number, sizeof(row->endpoint_number));
}

static void
endpoint_fields(struct codec *c, struct pv_image_endpoint *row)
{
    raw(c, &row->version, sizeof(row->version));
    raw(c, &row->port, sizeof(row->port));
    raw(c, row->address, sizeof(row->address));
    raw(c, row->pin, sizeof(row->pin));
    replaced(c, &row->old_until_ms, row->old_pin);
    id(c, &row->name);
}

static void
grant_fields(struct codec *c, struct pv_grant_row *row)
{
    count(c, &row->kind, PV_GRANT_MODE);
    reason(c, &row->blocked);
    when(c, &row->blocked_since_ms);
    when(c, &row->blocked_until_ms);
    flag(c, &row->proposed);
    flag(c, &row->needs_consent);
    flag(c, &row->per_member);
    when(c, &row->start_ms);
    when(c, &row->end_ms);
    number(c, &row->rate_per_s);
    number(c, &row->burst);
    number(c, &row->per_day);
    number(c, &row->max_answered);
    varying(c, &row->decision);
    id(c, &row->id);
    id(c, &row->resolution);
    count(c, &row->purpose_count, PV_POLICY_PURPOSES_MAX);
    for (size_t i = 0; i < row->purpose_count && !c->bad; i++) {
        id(c, &row->purpose[i]);
    }
}

static void
mode_fields(struct codec *c, struct pv_image_mode *row)
{
    grant_fields(c, &row->row);
    count(c, &row->mode, PV_MODE_ALLOW_LIST);
    raw(c, &row->list_count, sizeof(row->list_count));
    if (row->list_count > PV_IMAGE_MODE_LIST_MAX) {
        c->bad = true;
        return;
    }
    raw(c, row->list, row->list_count * sizeof(row->list[0]));
}

static void
suspension_fields(struct codec *c, struct pv_image_suspension *row)
{
    reason(c, &row->reason);
    raw(c, &row->since_ms, sizeof(row->since_ms));
    raw(c, &row->until_ms, sizeof(row->until_ms));
    flag(c, &row->imported);
}

static void
fields(struct codec *c, enum pv_row_kind kind, void *row)
{
    struct pv_row_text *words;

    switch (kind) {
    case PV_ROW_META:
        meta_fields(c, row);
        break;
    case PV_ROW_NUMBER:
        raw(c, row, sizeof(uint32_t));
        break;
    case PV_ROW_TEXT:
        words = row;
        text(c, &words->len, words->text, PV_POLICY_PATH_MAX);
        break;
    case PV_ROW_WHEN:
        raw(c, row, sizeof(int64_t));
        break;
    case PV_ROW_SYSTEM:
        system_fields(c, row);
        break;
    case PV_ROW_METHOD:
        method_fields(c, row);
        break;
    case PV_ROW_ENDPOINT:
        endpoint_fields(c, row);
        break;
    case PV_ROW_GRANT:
        grant_fields(c, row);
        break;
    case PV_ROW_MODE:
        mode_fields(c, row);
        break;
    case PV_ROW_SUSPENSION:
        suspension_fields(c, row);
        break;
    }
}

/* Bytes of the struct that a kind is read into. */
static size_t
row_size(enum pv_row_kind kind)
{
    static const size_t size[] = {
        [PV_ROW_META] = sizeof(struct pv_meta),
        [PV_ROW_NUMBER] = sizeof(uint32_t),
        [PV_ROW_TEXT] = sizeof(struct pv_row_text),
        [PV_ROW_WHEN] = sizeof(int64_t),
        [PV_ROW_SYSTEM] = sizeof(struct pv_image_system),
        [PV_ROW_METHOD] = sizeof(struct pv_image_method),
        [PV_ROW_ENDPOINT] = sizeof(struct pv_image_endpoint),
        [PV_ROW_GRANT] = sizeof(struct pv_grant_row),
        [PV_ROW_MODE] = sizeof(struct pv_image_mode),
        [PV_ROW_SUSPENSION] = sizeof(struct pv_image_suspension),
    };

    return size[kind];
}

/* What a row owes to its key is checked too: a value cannot change places. */
static uint32_t
check_of(const void *key, size_t key_len, const void *value, size_t len)
{
    return pv_crc32c(pv_crc32c(0, key, key_len), value, len);
}

enum pv_err
pv_row_write(enum pv_row_kind kind, const void *row, const void *key,
             size_t key_len, uint8_t room[PV_IMAGE_ROW_MAX], size_t *ret_len)
{
    union {
        struct pv_meta             meta;
        uint32_t                   number;
        struct pv_row_text         words;
        int64_t                    when_ms;
        struct pv_image_system     caller;
        struct pv_image_method     method;
        struct pv_image_endpoint   endpoint;
        struct pv_grant_row        grant;
        struct pv_image_mode       mode;
        struct pv_image_suspension suspension;
    } copy; /* the walkers take both directions, so they want it writable */
    struct codec c = {
        .writing = true,
        .out = room,
        .out_end = room + PV_IMAGE_ROW_MAX - PV_ROW_CRC_LEN,
    };
    size_t len;

    memcpy(&copy, row, row_size(kind));
    fields(&c, kind, &copy);
    if (c.bad) {
        return PV_ERANGE;
    }
    len = (size_t)(c.out - room);
    pv_store_u32(room + len, check_of(key, key_len, room, len));
    *ret_len = len + PV_ROW_CRC_LEN;
    return PV_OK;
}

enum pv_err
pv_row_read(enum pv_row_kind kind, const void *key, size_t key_len,
            const void *bytes, size_t len, void *ret_row)
{
    const uint8_t *at = bytes;
    struct codec   c = {.in = at};

    if (len < PV_ROW_CRC_LEN) {
        return PV_ECORRUPT;
    }
    len -= PV_ROW_CRC_LEN;
    if (pv_load_u32(at + len) != check_of(key, key_len, at, len)) {
        return PV_ECORRUPT;
    }
    c.in_end = at + len;
    fields(&c, kind, ret_row);
    return c.bad || c.in != c.in_end ? PV_ECORRUPT : PV_OK;
}
