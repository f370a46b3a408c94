#include <string.h>

#include "policy/row.h"

void
pv_key_start(struct pv_key *key, enum pv_table table)
{
    key->len = 0;
    if (table != PV_TABLE_GRANTS) {
        key->bytes[key->len++] = (uint8_t)table;
    }
}

void
pv_key_u8(struct pv_key *key, uint8_t n)
{
    key->bytes[key->len++] = n;
}

/* Big-endian, so that keys sort by number. */
void
pv_key_u32(struct pv_key *key, uint32_t n)
{
    pv_key_u8(key, (uint8_t)(n >> 24));
    pv_key_u8(key, (uint8_t)(n >> 16));
    pv_key_u8(key, (uint8_t)(n >> 8));
    pv_key_u8(key, (uint8_t)n);
}

uint32_t
pv_key_load_u32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
           (uint32_t)at[2] << 8 | at[3];
}

enum pv_err
pv_key_bytes(struct pv_key *key, const void *bytes, size_t len)
{
    if (len > sizeof(key->bytes) - key->len) {
        return PV_ERANGE;
    }
    if (len > 0) {
        memcpy(key->bytes + key->len, bytes, len);
    }
    key->len += len;
    return PV_OK;
}

void
pv_key_grants_of(struct pv_key *key, uint32_t agency, uint32_t method)
{
    pv_key_start(key, PV_TABLE_GRANTS);
    pv_key_u32(key, agency);
    pv_key_u32(key, method);
}

void
pv_key_grant(struct pv_key *key, const struct pv_image_place *place)
{
    pv_key_grants_of(key, place->agency, place->method);
    pv_key_u8(key, place->level);
    pv_key_u32(key, place->subject);
    pv_key_u8(key, place->seq);
}

struct pv_image_place
pv_key_place(const uint8_t at[PV_KEY_GRANT_LEN])
{
    return (struct pv_image_place){
        .agency = pv_key_load_u32(at),
        .method = pv_key_load_u32(at + 4),
        .level = at[8],
        .subject = pv_key_load_u32(at + 9),
        .seq = at[13],
    };
}

enum pv_err
pv_key_revoked(struct pv_key *key, const struct pv_certificate *certificate)
{
    const uint8_t *serial = certificate->serial;
    size_t         len = certificate->serial_len;
    enum pv_err    err;

    if (len > PV_POLICY_SERIAL_MAX) {
        return PV_ERANGE;
    }
    while (len > 0 && serial[0] == 0) {
        serial++;
        len--;
    }
    pv_key_start(key, PV_TABLE_REVOKED);
    err = pv_key_bytes(key, certificate->issuer_hash,
                       sizeof(certificate->issuer_hash));
    return err != PV_OK ? err : pv_key_bytes(key, serial, len);
}
