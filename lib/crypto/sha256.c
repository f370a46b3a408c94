#include "crypto/sha256.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

struct pv_sha256 {
    EVP_MD     *algorithm; /* looked up once */
    EVP_MD_CTX *context;
};

enum pv_err
pv_sha256_new(struct pv_sha256 **ret)
{
    struct pv_sha256 *sha = calloc(1, sizeof(*sha));
    enum pv_err       err = PV_ENOMEM;

    if (sha == NULL) {
        goto out;
    }
    sha->algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
    sha->context = EVP_MD_CTX_new();
    if (sha->algorithm == NULL || sha->context == NULL ||
        EVP_DigestInit_ex2(sha->context, sha->algorithm, NULL) != 1) {
        err = PV_ECRYPTO;
        goto out;
    }
    *ret = sha;
    sha = NULL;
    err = PV_OK;

out:
    pv_sha256_free(sha);
    return err;
}

void
pv_sha256_free(struct pv_sha256 *sha)
{
    if (sha == NULL) {
        return;
    }
    EVP_MD_CTX_free(sha->context);
    EVP_MD_free(sha->algorithm);
    free(sha);
}

enum pv_err
pv_sha256_begin(struct pv_sha256 *sha)
{
    /* no algorithm given: the context's own is used again */
    return EVP_DigestInit_ex2(sha->context, NULL, NULL) == 1 ? PV_OK
                                                             : PV_ECRYPTO;
}

enum pv_err
pv_sha256_add(struct pv_sha256 *sha, const void *bytes, size_t len)
{
    return EVP_DigestUpdate(sha->context, bytes, len) == 1 ? PV_OK : PV_ECRYPTO;
}

enum pv_err
pv_sha256_end(struct pv_sha256 *sha, struct pv_hash *ret)
{
    struct pv_hash hash;

    if (EVP_DigestFinal_ex(sha->context, hash.bytes, NULL) != 1) {
        return PV_ECRYPTO;
    }
    *ret = hash;
    return PV_OK;
}

enum pv_err
pv_sha256(struct pv_sha256 *sha, const struct pv_slice *part, size_t count,
          struct pv_hash *ret)
{
    enum pv_err err = pv_sha256_begin(sha);

    for (size_t i = 0; err == PV_OK && i < count; i++) {
        err = pv_sha256_add(sha, part[i].ptr, part[i].len);
    }
    return err == PV_OK ? pv_sha256_end(sha, ret) : err;
}

bool
pv_hash_eq(const struct pv_hash *a, const struct pv_hash *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}
