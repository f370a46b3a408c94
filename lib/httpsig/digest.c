#include "httpsig/digest.h"

#include <openssl/evp.h>
#include <string.h>

#define HASH_MAX 64

static const struct algorithm {
    struct pv_slice name; /* with the mark before the bytes */
    const char     *evp;
    size_t          len;
} algorithms[] = {
    {PV_SLICE_INIT("sha-256=:"), "SHA256", 32},
    {PV_SLICE_INIT("sha-512=:"), "SHA512", 64},
};

#define ALGORITHMS (sizeof(algorithms) / sizeof(algorithms[0]))

static enum pv_err
hash(const struct algorithm *algorithm, struct pv_slice body,
     uint8_t ret[HASH_MAX])
{
    size_t len = 0;

    return EVP_Q_digest(NULL, algorithm->evp, NULL,
                        body.len == 0 ? "" : body.ptr, body.len, ret,
                        &len) == 1 &&
                   len == algorithm->len
               ? PV_OK
               : PV_ECRYPTO;
}

enum pv_err
pv_httpsig_digest_make(struct pv_slice body,
                       char            ret[PV_HTTPSIG_DIGEST_LEN + 1])
{
    const struct algorithm *algorithm = &algorithms[0];
    uint8_t                 bytes[HASH_MAX];
    enum pv_err             err = hash(algorithm, body, bytes);

    if (err == PV_OK) {
        memcpy(ret, algorithm->name.ptr, algorithm->name.len);
        pv_base64_text(bytes, algorithm->len, ret + algorithm->name.len);
        memcpy(ret + PV_HTTPSIG_DIGEST_LEN - 1, ":", 2);
    }
    return err;
}

static enum pv_err
check_one(struct pv_slice member, struct pv_slice body, bool seen[ALGORITHMS])
{
    uint8_t said[HASH_MAX];
    uint8_t made[HASH_MAX];

    for (size_t i = 0; i < ALGORITHMS; i++) {
        const struct algorithm *algorithm = &algorithms[i];
        struct pv_slice         base64 = member;
        enum pv_err             err;

        if (!pv_slice_starts(member, algorithm->name)) {
            continue;
        }
        base64.ptr += algorithm->name.len;
        base64.len -= algorithm->name.len;
        if (seen[i] || base64.len == 0 || base64.ptr[base64.len - 1] != ':') {
            return PV_EINVAL;
        }
        base64.len--;
        seen[i] = true;
        if (pv_base64_exactly(base64, said, algorithm->len) != PV_OK) {
            return PV_EINVAL;
        }
        err = hash(algorithm, body, made);
        if (err != PV_OK) {
            return err;
        }
        return memcmp(said, made, algorithm->len) == 0 ? PV_OK : PV_EVERIFY;
    }
    return PV_EINVAL;
}

enum pv_err
pv_httpsig_digest_check(struct pv_slice value, struct pv_slice body)
{
    bool        seen[ALGORITHMS] = {false};
    bool        more = true;
    enum pv_err err = PV_OK;

    while (err == PV_OK && more) {
        struct pv_slice member;

        more = pv_slice_cut(value, ',', &member, &value);
        err = check_one(pv_slice_trim(member), body, seen);
    }
    return err;
}
