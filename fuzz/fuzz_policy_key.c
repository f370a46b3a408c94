/*
 * Law: bytes that the image's reader takes for a row are exactly the bytes
 * that its writer makes of that row, and a key gives back the place it was
 * made from. Whatever was read, deciding on it does not allow more than the
 * fields say: a row that is blocked at the moment of the call never allows.
 * A bundle that is taken is the same when it is made again of its rows, each of
 * which is found by its key; with one bit of its head changed it is none.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "policy/bundle.h"
#include "policy/row.h"

#define BUNDLE 0xff /* first byte of the input */
#define ROW_LEN_MAX 96
#define WHEN INT64_C(1795255200000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
law(bool holds)
{
    if (!holds) {
        abort();
    }
}

union row {
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
};

static void
check_decision(const struct pv_grant_row *grant)
{
    struct pv_certificate certificate = {.not_after_ms = INT64_MAX};
    struct pv_call        call = {
               .when_ms = WHEN, .certificate = &certificate, .has_consent = true};
    struct pv_found    found = {.consumer.known = true, .target.known = true};
    struct pv_rows     rows = pv_rows_of(&found);
    struct pv_decision decision;

    found.consumer.system.network_count = 1;
    found.target.method.endpoint_number = 1;
    found.rights.grant_count = 1;
    found.rights.grant[0] = *grant;
    pv_policy_decide(&rows, &call, false, &decision);
    if (decision.verdict == PV_ALLOW) {
        law(grant->purpose_count == 1);
        law(grant->start_ms <= WHEN);
        law(grant->end_ms == 0 || grant->end_ms > WHEN);
        law(grant->blocked == 0 || grant->blocked_since_ms > WHEN ||
            (grant->blocked_until_ms != 0 && grant->blocked_until_ms <= WHEN));
    }
}

static void
check_row(enum pv_row_kind kind, const uint8_t *data, size_t len)
{
    static const uint8_t key[] = {1, 2, 3};
    uint8_t              bytes[PV_IMAGE_ROW_MAX];
    uint8_t              again[PV_IMAGE_ROW_MAX];
    union row            row;
    size_t               again_len;

    if (len > sizeof(bytes) - PV_ROW_CRC_LEN) {
        return;
    }
    memset(&row, 0, sizeof(row));
    memcpy(bytes, data, len);
    pv_store_u32(bytes + len,
                 pv_crc32c(pv_crc32c(0, key, sizeof(key)), data, len));
    if (pv_row_read(kind, key, sizeof(key), bytes, len + PV_ROW_CRC_LEN,
                    &row) != PV_OK) {
        return;
    }
    law(pv_row_write(kind, &row, key, sizeof(key), again, &again_len) == PV_OK);
    law(again_len == len + PV_ROW_CRC_LEN);
    law(memcmp(again, bytes, again_len) == 0);
    if (kind == PV_ROW_GRANT) {
        check_decision(&row.grant);
    }
    bytes[len / 2] ^= 1; /* one bit of damage never passes */
    law(pv_row_read(kind, key, sizeof(key), bytes, len + PV_ROW_CRC_LEN,
                    &row) != PV_OK);
}

static void
check_key(const uint8_t *data, size_t len)
{
    struct pv_certificate certificate = {.serial_len = 0};
    struct pv_image_place place;
    struct pv_key         key;

    if (len == PV_KEY_GRANT_LEN) {
        place = pv_key_place(data);
        pv_key_grant(&key, &place);
        law(key.len == len && memcmp(key.bytes, data, len) == 0);
    }
    certificate.serial_len = (uint8_t)len;
    memcpy(certificate.serial, data,
           len < PV_POLICY_SERIAL_MAX ? len : PV_POLICY_SERIAL_MAX);
    if (pv_key_revoked(&key, &certificate) == PV_OK) {
        law(certificate.serial_len <= PV_POLICY_SERIAL_MAX);
        law(key.len <= 1 + sizeof(certificate.issuer_hash) + len);
        law(key.len == 1 + sizeof(certificate.issuer_hash) ||
            key.bytes[1 + sizeof(certificate.issuer_hash)] != 0);
    }
    pv_key_start(&key, PV_TABLE_METHODS);
    law((pv_key_bytes(&key, data, len) == PV_OK) == (len < PV_IMAGE_KEY_MAX));
}

static const uint8_t bundle_key[PV_KEY_GRANT_LEN] = {0xff, 0xff};

/* Each row a length, then its key and value out of the input. */
static void
rows_of(const uint8_t *data, size_t len, struct pv_bundle_rows *rows)
{
    rows->count = 0;
    while (len > 1 && rows->count < PV_BUNDLE_ROWS_MAX) {
        size_t row_len = PV_KEY_GRANT_LEN + PV_ROW_CRC_LEN +
                         *data % (ROW_LEN_MAX - PV_KEY_GRANT_LEN);

        if (len - 1 < row_len) {
            return;
        }
        if (rows->count > 0 && memcmp(rows->row[rows->count - 1].key, data + 1,
                                      PV_KEY_GRANT_LEN) >= 0) {
            return; /* not in order: no writer makes it */
        }
        rows->row[rows->count++] = (struct pv_bundle_row){
            .key = data + 1,
            .value = data + 1 + PV_KEY_GRANT_LEN,
            .len = row_len - PV_KEY_GRANT_LEN,
        };
        data += 1 + row_len;
        len -= 1 + row_len;
    }
}

static void
check_found(const struct pv_bundle *bundle, const struct pv_bundle_row *row)
{
    struct pv_bundle_part part;
    struct pv_bundle_row  found;
    struct pv_key         key = {.len = PV_KEY_GRANT_LEN};
    size_t                at = 0;

    memcpy(key.bytes, row->key, PV_KEY_GRANT_LEN);
    law(pv_bundle_part_of(bundle, &key, &part) == PV_OK);
    law(pv_bundle_next(&part, &key, &at, &found) == PV_OK);
    law(found.len == row->len &&
        memcmp(found.value, row->value, row->len) == 0);
    law(pv_bundle_next(&part, &key, &at, &found) == PV_ENOTFOUND);
}

static void
check_made(const struct pv_bundle_rows *rows)
{
    static uint8_t               room[PV_BUNDLE_MAX];
    static uint8_t               again[PV_BUNDLE_MAX];
    static struct pv_bundle_rows back;
    struct pv_bundle bundle = {bundle_key, PV_KEY_GRANT_LEN, room, 0};
    size_t           len;

    if (pv_bundle_pack(rows, 0, rows->count, bundle_key, room, &bundle.len) !=
        PV_OK) {
        return;
    }
    back.count = 0;
    law(pv_bundle_unpack(&bundle, &back) == PV_OK);
    law(back.count == rows->count);
    for (size_t i = 0; i < back.count; i++) {
        check_found(&bundle, &rows->row[i]);
    }
    law(pv_bundle_pack(&back, 0, back.count, bundle_key, again, &len) == PV_OK);
    law(len == bundle.len && memcmp(room, again, len) == 0);
    room[rows->count % 8] ^= 1; /* check or count */
    back.count = 0;
    law(pv_bundle_unpack(&bundle, &back) == PV_ECORRUPT);
}

/* Any bytes, whose check holds: nothing behind them is read. */
static void
check_any(const uint8_t *data, size_t len)
{
    static struct pv_bundle_rows rows;
    struct pv_bundle bundle = {bundle_key, PV_KEY_GRANT_LEN, NULL, len};
    uint8_t         *room;
    size_t           count;

    if (len < 8 || len > PV_BUNDLE_PART_MAX) {
        return;
    }
    count = data[4] % PV_BUNDLE_PART_ROWS_MAX;
    room = malloc(len);
    if (room == NULL || 8 + count * 4 > len) {
        free(room);
        return;
    }
    memcpy(room, data, len);
    pv_store_u32(room + 4, (uint32_t)count);
    pv_store_u32(room, pv_crc32c(pv_crc32c(0, bundle_key, PV_KEY_GRANT_LEN),
                                 room + 4, 4 + count * 4));
    bundle.bytes = room;
    rows.count = 0;
    if (pv_bundle_unpack(&bundle, &rows) == PV_OK) {
        law(rows.count == count);
        law(count == 0 ||
            rows.row[count - 1].value + rows.row[count - 1].len <= room + len);
    }
    free(room);
}

static void
check_bundle(const uint8_t *data, size_t len)
{
    static struct pv_bundle_rows rows;

    rows_of(data, len, &rows);
    check_made(&rows);
    check_any(data, len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len == 0) {
        return 0;
    }
    if (data[0] == BUNDLE) {
        check_bundle(data + 1, len - 1);
    } else if (data[0] >= PV_ROW_META && data[0] <= PV_ROW_SUSPENSION) {
        check_row((enum pv_row_kind)data[0], data + 1, len - 1);
    } else {
        check_key(data + 1, len - 1);
    }
    return 0;
}
