#include "crypto/ed25519.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

struct pv_ed25519 {
    EVP_PKEY   *key;
    EVP_MD_CTX *context;
    uint8_t     public_key[PV_ED25519_PUBLIC_LEN];
};

enum pv_err
pv_ed25519_from_seed(const uint8_t       seed[PV_ED25519_SEED_LEN],
                     struct pv_ed25519 **ret)
{
    struct pv_ed25519 *key = calloc(1, sizeof(*key));
    size_t             len = PV_ED25519_PUBLIC_LEN;
    enum pv_err        err = PV_ENOMEM;

    if (key == NULL) {
        goto out;
    }
    err = PV_ECRYPTO;
    key->key = EVP_PKEY_new_raw_private_key_ex(NULL, "ED25519", NULL, seed,
                                               PV_ED25519_SEED_LEN);
    key->context = EVP_MD_CTX_new();
    if (key->key == NULL || key->context == NULL ||
        EVP_PKEY_get_raw_public_key(key->key, key->public_key, &len) != 1 ||
        len != PV_ED25519_PUBLIC_LEN) {
        goto out;
    }
    *ret = key;
    key = NULL;
    err = PV_OK;

out:
    pv_ed25519_free(key);
    return err;
}

enum pv_err
pv_ed25519_generate(uint8_t ret_seed[PV_ED25519_SEED_LEN])
{
    ssize_t n;

    do {
        n = getrandom(ret_seed, PV_ED25519_SEED_LEN, 0);
    } while (n == -1 && errno == EINTR);
    return n == PV_ED25519_SEED_LEN ? PV_OK : PV_ESYS;
}

/* The file and its name, on disk. */
static enum pv_err
write_seed(int dirfd, int fd, const uint8_t seed[PV_ED25519_SEED_LEN])
{
    ssize_t n;

    do {
        n = write(fd, seed, PV_ED25519_SEED_LEN);
    } while (n == -1 && errno == EINTR);
    if (n != PV_ED25519_SEED_LEN) {
        errno = n == -1 ? errno : ENOSPC;
        return PV_ESYS;
    }
    return fsync(fd) == 0 && fsync(dirfd) == 0 ? PV_OK : PV_ESYS;
}

enum pv_err
pv_ed25519_save(int dirfd, const char *name,
                const uint8_t seed[PV_ED25519_SEED_LEN])
{
    enum pv_err err;
    int         saved;
    int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd == -1) {
        return errno == EEXIST ? PV_EEXIST : PV_ESYS;
    }
    err = write_seed(dirfd, fd, seed);
    saved = errno;
    if (close(fd) != 0 && err == PV_OK) {
        saved = errno;
        err = PV_ESYS;
    }
    if (err != PV_OK) {
        /* half a key is none; the first failure is the one to tell */
        (void)unlinkat(dirfd, name, 0);
    }
    errno = saved;
    return err;
}

static enum pv_err
read_seed(int fd, uint8_t seed[PV_ED25519_SEED_LEN + 1])
{
    struct stat st;
    ssize_t     n;

    if (fstat(fd, &st) != 0) {
        return PV_ESYS;
    }
    if (!S_ISREG(st.st_mode) || (st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return PV_EINVAL;
    }
    do {
        n = read(fd, seed, PV_ED25519_SEED_LEN + 1);
    } while (n == -1 && errno == EINTR);
    if (n == -1) {
        return PV_ESYS;
    }
    return n == PV_ED25519_SEED_LEN ? PV_OK : PV_ECORRUPT;
}

enum pv_err
pv_ed25519_load(int dirfd, const char *name, struct pv_ed25519 **ret)
{
    uint8_t     seed[PV_ED25519_SEED_LEN + 1]; /* one more: is there more? */
    enum pv_err err;
    int         fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd == -1) {
        return errno == ENOENT ? PV_ENOTFOUND : PV_ESYS;
    }
    err = read_seed(fd, seed);
    (void)close(fd); /* read-only: nothing to lose */
    if (err == PV_OK) {
        err = pv_ed25519_from_seed(seed, ret);
    }
    OPENSSL_cleanse(seed, sizeof(seed));
    return err;
}

void
pv_ed25519_free(struct pv_ed25519 *key)
{
    if (key == NULL) {
        return;
    }
    EVP_MD_CTX_free(key->context);
    EVP_PKEY_free(key->key); /* wipes the seed */
    free(key);
}

void
pv_ed25519_public(const struct pv_ed25519 *key,
                  uint8_t                  room[PV_ED25519_PUBLIC_LEN])
{
    memcpy(room, key->public_key, PV_ED25519_PUBLIC_LEN);
}

enum pv_err
pv_ed25519_sign(struct pv_ed25519 *key, struct pv_slice message,
                uint8_t ret_signature[PV_ED25519_SIGNATURE_LEN])
{
    size_t len = PV_ED25519_SIGNATURE_LEN;

    if (EVP_MD_CTX_reset(key->context) != 1 ||
        EVP_DigestSignInit(key->context, NULL, NULL, NULL, key->key) != 1 ||
        EVP_DigestSign(key->context, ret_signature, &len,
                       (const unsigned char *)message.ptr, message.len) != 1 ||
        len != PV_ED25519_SIGNATURE_LEN) {
        return PV_ECRYPTO;
    }
    return PV_OK;
}

enum pv_err
pv_ed25519_verify(const uint8_t   public_key[PV_ED25519_PUBLIC_LEN],
                  struct pv_slice message,
                  const uint8_t   signature[PV_ED25519_SIGNATURE_LEN])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY   *key = EVP_PKEY_new_raw_public_key_ex(
          NULL, "ED25519", NULL, public_key, PV_ED25519_PUBLIC_LEN);
    enum pv_err err = PV_ECRYPTO;

    if (context != NULL && key != NULL &&
        EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1) {
        /* 1 is right; 0, and less for a malformed one, are not */
        err = EVP_DigestVerify(context, signature, PV_ED25519_SIGNATURE_LEN,
                               (const unsigned char *)message.ptr,
                               message.len) == 1
                  ? PV_OK
                  : PV_EVERIFY;
    }
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return err;
}
