/* commitment.c - a hash with a nonce in it, and base64url of 32 bytes. */
#include "trace/commitment.h"

#include <string.h>
#include <sys/random.h>

#include "base/base64.h"

#define PADDED_LEN PV_BASE64_LEN(PV_NONCE_LEN)

enum pv_err
pv_commitment_nonce(uint8_t ret_nonce[PV_NONCE_LEN])
{
    uint8_t nonce[PV_NONCE_LEN];

    /* so few bytes come whole or not at all */
    if (getrandom(nonce, sizeof(nonce), 0) != (ssize_t)sizeof(nonce)) {
        return PV_ESYS;
    }
    memcpy(ret_nonce, nonce, sizeof(nonce));
    return PV_OK;
}

enum pv_err
pv_commitment_make(struct pv_sha256 *sha, const uint8_t nonce[PV_NONCE_LEN],
                   struct pv_slice content, struct pv_hash *ret)
{
    struct pv_hash        inner;
    const struct pv_slice part[] = {
        PV_SLICE_INIT("payvand-commitment-v1"),
        {(const char *)nonce, PV_NONCE_LEN},
        {(const char *)inner.bytes, sizeof(inner.bytes)},
    };
    enum pv_err err;

    err = pv_sha256(sha, &content, 1, &inner);
    if (err != PV_OK) {
        return err;
    }
    return pv_sha256(sha, part, sizeof(part) / sizeof(part[0]), ret);
}

void
pv_commitment_text(const uint8_t bytes[PV_NONCE_LEN],
                   char          room[PV_COMMITMENT_TEXT_LEN])
{
    char padded[PADDED_LEN];

    pv_base64_text(bytes, PV_NONCE_LEN, padded);
    for (size_t i = 0; i < PV_COMMITMENT_TEXT_LEN; i++) {
        char c = padded[i];

        room[i] = c == '+' ? '-' : c == '/' ? '_' : c;
    }
}

enum pv_err
pv_commitment_bytes(struct pv_slice text, uint8_t ret[PV_NONCE_LEN])
{
    char        padded[PADDED_LEN];
    uint8_t     bytes[PV_NONCE_LEN];
    enum pv_err err;

    if (text.len != PV_COMMITMENT_TEXT_LEN) {
        return PV_EINVAL;
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (c == '+' || c == '/') {
            return PV_EINVAL; /* the other alphabet */
        }
        padded[i] = (char)(c == '-' ? '+' : c == '_' ? '/' : c);
    }
    padded[PADDED_LEN - 1] = '=';
    err = pv_base64_exactly((struct pv_slice){padded, sizeof(padded)}, bytes,
                            sizeof(bytes));
    if (err == PV_OK) {
        memcpy(ret, bytes, sizeof(bytes));
    }
    return err;
}
