#include "trace/tracking_id.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/num.h"

#define COUNTER_MAX 0x0fffu
#define MS_MAX ((UINT64_C(1) << 48) - 1)
#define RANDOM_LEN 8 /* of which 62 bits are used */

void
pv_tracking_ids_init(struct pv_tracking_ids *ids)
{
    memset(ids, 0, sizeof(*ids));
    ids->pool_at = sizeof(ids->pool);
}

/* getrandom gives at most 256 bytes without a chance of an interruption. */
static enum pv_err
refill(struct pv_tracking_ids *ids)
{
    size_t len = 0;

    while (len < sizeof(ids->pool)) {
        ssize_t n = getrandom(ids->pool + len, sizeof(ids->pool) - len, 0);

        if (n == -1 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return PV_ESYS;
        }
        len += (size_t)n;
    }
    ids->pool_at = 0;
    return PV_OK;
}

enum pv_err
pv_tracking_ids_next(struct pv_tracking_ids *ids, int64_t when_ms,
                     struct pv_tracking_id *ret_id)
{
    uint64_t ms = when_ms < 0 ? 0 : (uint64_t)when_ms;
    uint32_t counter = 0;
    uint8_t *b = ret_id->bytes;

    if (ms <= ids->last_ms) {
        ms = ids->last_ms;
        counter = (uint32_t)ids->counter + 1;
        if (counter > COUNTER_MAX) {
            ms++;
            counter = 0;
        }
    }
    if (ms > MS_MAX) {
        return PV_ERANGE;
    }
    if (sizeof(ids->pool) - ids->pool_at < RANDOM_LEN) {
        enum pv_err err = refill(ids);

        if (err != PV_OK) {
            return err;
        }
    }
    ids->last_ms = ms;
    ids->counter = (uint16_t)counter;

    for (int i = 0; i < 6; i++) {
        b[i] = (uint8_t)(ms >> (40 - 8 * i));
    }
    b[6] = (uint8_t)(0x70u | counter >> 8);
    b[7] = (uint8_t)counter;
    memcpy(b + 8, ids->pool + ids->pool_at, RANDOM_LEN);
    memset(ids->pool + ids->pool_at, 0, RANDOM_LEN);
    ids->pool_at += RANDOM_LEN;
    b[8] = (uint8_t)(0x80u | (b[8] & 0x3fu));
    return PV_OK;
}

void
pv_tracking_id_text(const struct pv_tracking_id *id,
                    char                         room[PV_TRACKING_ID_LEN])
{
    pv_hex_text(id->bytes, 4, room);
    room[8] = '-';
    pv_hex_text(id->bytes + 4, 2, room + 9);
    room[13] = '-';
    pv_hex_text(id->bytes + 6, 2, room + 14);
    room[18] = '-';
    pv_hex_text(id->bytes + 8, 2, room + 19);
    room[23] = '-';
    pv_hex_text(id->bytes + 10, 6, room + 24);
}

/* one more than the value of a lower-case hex digit; 0 for anything else */
static const uint8_t hex_value[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,
    ['6'] = 7,  ['7'] = 8,  ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
    ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
};

static bool
uuid_bytes(struct pv_slice text, uint8_t bytes[16])
{
    size_t at = 0;

    if (text.len != PV_TRACKING_ID_LEN) {
        return false;
    }
    for (size_t i = 0; i < 16; i++) {
        unsigned high;
        unsigned low;

        if (i == 4 || i == 6 || i == 8 || i == 10) {
            if (text.ptr[at++] != '-') {
                return false;
            }
        }
        high = hex_value[(uint8_t)text.ptr[at]];
        low = hex_value[(uint8_t)text.ptr[at + 1]];
        if (high == 0 || low == 0) {
            return false;
        }
        bytes[i] = (uint8_t)((high - 1) << 4 | (low - 1));
        at += 2;
    }
    return true;
}

enum pv_err
pv_tracking_id_parse(struct pv_slice text, struct pv_tracking_id *ret_id)
{
    struct pv_tracking_id id;

    if (!uuid_bytes(text, id.bytes) || id.bytes[6] >> 4 != 7 ||
        id.bytes[8] >> 6 != 2) {
        return PV_EINVAL;
    }
    *ret_id = id;
    return PV_OK;
}

int64_t
pv_tracking_id_when_ms(const struct pv_tracking_id *id)
{
    uint64_t ms = 0;

    for (int i = 0; i < 6; i++) {
        ms = ms << 8 | id->bytes[i];
    }
    return (int64_t)ms;
}

bool
pv_uuid_is_valid(struct pv_slice text)
{
    uint8_t bytes[16];

    return uuid_bytes(text, bytes);
}
