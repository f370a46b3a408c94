/*
 * Law: bytes that the image's reader takes for a row are exactly the bytes
 * that its writer makes of that row, and a key gives back the place it was
 * made from. Whatever was read, deciding on it does not allow more than the
 * fields say: a row that is blocked at the moment of the call never allows.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "policy/row.h"

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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len == 0) {
        return 0;
    }
    if (data[0] >= PV_ROW_META && data[0] <= PV_ROW_SUSPENSION) {
        check_row((enum pv_row_kind)data[0], data + 1, len - 1);
    } else {
        check_key(data + 1, len - 1);
    }
    return 0;
}
