/* seal.c - AES-256-GCM over OpenSSL. */
#include "crypto/seal.h"

#include <openssl/evp.h>

#include "crypto/secret.h"

static const unsigned char *
bytes_of(struct pv_slice s)
{
    return (const unsigned char *)s.ptr;
}

enum pv_err
pv_seal(const uint8_t key[PV_SEAL_KEY_LEN], struct pv_slice about,
        struct pv_slice secret, uint8_t *ret)
{
    EVP_CIPHER_CTX *cipher;
    uint8_t        *text = ret + PV_SEAL_NONCE_LEN;
    enum pv_err     err;
    int             len;

    if (secret.len > PV_SEAL_MAX || about.len > PV_SEAL_MAX) {
        return PV_ERANGE;
    }
    cipher = EVP_CIPHER_CTX_new();
    err = cipher == NULL ? PV_ENOMEM : pv_secret_random(ret, PV_SEAL_NONCE_LEN);
    if (err == PV_OK &&
        (EVP_EncryptInit_ex(cipher, EVP_aes_256_gcm(), NULL, key, ret) != 1 ||
         EVP_EncryptUpdate(cipher, NULL, &len, bytes_of(about),
                           (int)about.len) != 1 ||
         EVP_EncryptUpdate(cipher, text, &len, bytes_of(secret),
                           (int)secret.len) != 1 ||
         EVP_EncryptFinal_ex(cipher, text + len, &len) != 1 ||
         EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_GET_TAG, PV_SEAL_TAG_LEN,
                             text + secret.len) != 1)) {
        err = PV_ECRYPTO;
    }
    EVP_CIPHER_CTX_free(cipher); /* accepts NULL */
    return err;
}

enum pv_err
pv_unseal(const uint8_t key[PV_SEAL_KEY_LEN], struct pv_slice about,
          struct pv_slice sealed, uint8_t *ret)
{
    EVP_CIPHER_CTX *cipher;
    uint8_t         tag[PV_SEAL_TAG_LEN];
    size_t          secret_len;
    enum pv_err     err = PV_OK;
    int             len;

    if (sealed.len < PV_SEAL_MORE_LEN ||
        sealed.len > PV_SEAL_MAX + PV_SEAL_MORE_LEN ||
        about.len > PV_SEAL_MAX) {
        return PV_ECORRUPT;
    }
    secret_len = sealed.len - PV_SEAL_MORE_LEN;
    for (size_t i = 0; i < sizeof(tag); i++) {
        tag[i] = bytes_of(sealed)[PV_SEAL_NONCE_LEN + secret_len + i];
    }
    cipher = EVP_CIPHER_CTX_new();
    if (cipher == NULL) {
        return PV_ENOMEM;
    }
    if (EVP_DecryptInit_ex(cipher, EVP_aes_256_gcm(), NULL, key,
                           bytes_of(sealed)) != 1 ||
        EVP_DecryptUpdate(cipher, NULL, &len, bytes_of(about),
                          (int)about.len) != 1 ||
        EVP_DecryptUpdate(cipher, ret, &len,
                          bytes_of(sealed) + PV_SEAL_NONCE_LEN,
                          (int)secret_len) != 1 ||
        EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_SET_TAG, PV_SEAL_TAG_LEN,
                            tag) != 1) {
        err = PV_ECRYPTO;
    } else if (EVP_DecryptFinal_ex(cipher, ret + len, &len) != 1) {
        err = PV_ECORRUPT;
    }
    if (err != PV_OK) {
        pv_secret_wipe(ret, secret_len);
    }
    EVP_CIPHER_CTX_free(cipher); /* wipes what it held */
    return err;
}
