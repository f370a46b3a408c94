/* secret.c - passwords, one-time codes and random tokens over OpenSSL. */
#include "crypto/secret.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "base/num.h"

#define SCRYPT_BLOCK 128 /* bytes of one block, RFC 7914 section 2 */
#define LOG2_N_MAX 24
#define SHA1_LEN 20

enum pv_err
pv_secret_random(uint8_t *bytes, size_t len)
{
    return len <= INT32_MAX && RAND_bytes(bytes, (int)len) == 1 ? PV_OK
                                                                : PV_ECRYPTO;
}

bool
pv_secret_eq(struct pv_slice a, struct pv_slice b)
{
    return a.len == b.len &&
           (a.len == 0 || CRYPTO_memcmp(a.ptr, b.ptr, a.len) == 0);
}

void
pv_secret_wipe(void *bytes, size_t len)
{
    OPENSSL_cleanse(bytes, len);
}

enum pv_err
pv_scrypt(struct pv_slice password, struct pv_slice salt, unsigned log2_n,
          unsigned r, unsigned p, uint8_t *ret, size_t len)
{
    uint64_t n;

    if (log2_n == 0 || log2_n > LOG2_N_MAX || r == 0 || p == 0) {
        return PV_ERANGE;
    }
    n = UINT64_C(1) << log2_n;
    if (r > PV_SCRYPT_MEMORY_MAX / SCRYPT_BLOCK / n ||
        p > PV_SCRYPT_MEMORY_MAX / SCRYPT_BLOCK / r) {
        return PV_ERANGE;
    }
    return EVP_PBE_scrypt(password.ptr == NULL ? "" : password.ptr,
                          password.len, (const unsigned char *)salt.ptr,
                          salt.len, n, r, p, 2 * PV_SCRYPT_MEMORY_MAX, ret,
                          len) == 1
               ? PV_OK
               : PV_ECRYPTO;
}

enum pv_err
pv_totp(struct pv_slice secret, uint64_t step, unsigned digits,
        char ret[PV_TOTP_DIGITS_MAX + 1])
{
    uint8_t  message[8];
    uint8_t  mac[EVP_MAX_MD_SIZE];
    unsigned mac_len = sizeof(mac);
    unsigned offset;
    uint32_t number;

    if (digits == 0 || digits > PV_TOTP_DIGITS_MAX || secret.len > INT32_MAX) {
        return PV_ERANGE;
    }
    pv_store_be64(message, step);
    if (HMAC(EVP_sha1(), secret.ptr, (int)secret.len, message, sizeof(message),
             mac, &mac_len) == NULL ||
        mac_len != SHA1_LEN) {
        return PV_ECRYPTO;
    }
    offset = mac[SHA1_LEN - 1] & 0xfu;
    number = pv_load_be32(mac + offset) & 0x7fffffffu; /* RFC 4226 5.3 */
    ret[digits] = '\0';
    for (unsigned i = digits; i > 0; i--) {
        ret[i - 1] = (char)('0' + number % 10);
        number /= 10;
    }
    pv_secret_wipe(mac, sizeof(mac));
    return PV_OK;
}

void
pv_base32_text(const uint8_t *bytes, size_t len, char *room)
{
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    uint32_t          held = 0;
    unsigned          bits = 0;

    for (size_t i = 0; i < len; i++) {
        held = (held << 8 | bytes[i]) & 0xffffu;
        bits += 8;
        while (bits >= 5) {
            bits -= 5;
            *room++ = digit[held >> bits & 31u];
        }
    }
    if (bits > 0) {
        *room = digit[held << (5 - bits) & 31u];
    }
}
