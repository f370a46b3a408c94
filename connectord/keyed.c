#include "connectord/keyed.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/num.h"

void
pv_keyed_begin(struct pv_keyed *keyed, const char *label)
{
    pv_buf_init(&keyed->parts, PV_KEYED_MAX);
    keyed->err = PV_OK;
    pv_keyed_add(keyed, pv_slice_from(label));
}

void
pv_keyed_add(struct pv_keyed *keyed, struct pv_slice part)
{
    if (keyed->err == PV_OK) {
        keyed->err = pv_buf_addf(&keyed->parts, "%zu:", part.len);
    }
    if (keyed->err == PV_OK) {
        keyed->err = pv_buf_add(&keyed->parts, part);
    }
}

void
pv_keyed_add_u64(struct pv_keyed *keyed, uint64_t n)
{
    char text[PV_U64_TEXT_MAX];

    pv_keyed_add(keyed, (struct pv_slice){text, pv_u64_text(n, text)});
}

enum pv_err
pv_keyed_end(struct pv_keyed *keyed, const uint8_t key[PV_KEY_LEN],
             uint8_t ret[PV_KEYED_LEN])
{
    enum pv_err err = keyed->err;
    unsigned    len = 0;

    if (err == PV_OK &&
        (HMAC(EVP_sha256(), key, PV_KEY_LEN, (const uint8_t *)keyed->parts.ptr,
              keyed->parts.len, ret, &len) == NULL ||
         len != PV_KEYED_LEN)) {
        err = PV_ECRYPTO;
    }
    pv_buf_wipe(&keyed->parts);
    return err;
}

enum pv_err
pv_keyed_end_text(struct pv_keyed *keyed, const uint8_t key[PV_KEY_LEN],
                  char ret[PV_KEYED_TEXT_LEN])
{
    uint8_t     bytes[PV_KEYED_LEN];
    enum pv_err err = pv_keyed_end(keyed, key, bytes);

    if (err == PV_OK) {
        pv_hex_text(bytes, sizeof(bytes), ret);
    }
    return err;
}
