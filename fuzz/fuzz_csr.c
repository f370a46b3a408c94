/*
 * Law: a request that is taken has one key in its one encoding; read again it
 * is the same key under the same hash.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "pki/pki.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pv_slice   bytes = {(const char *)data, size};
    struct pv_pki_key key = {.len = 0};
    struct pv_pki_key again = {.len = 0};
    struct pv_why     why = {""};

    if (pv_pki_request_key(bytes, &key, &why) != PV_OK) {
        assert(key.len == 0 && why.text[0] != '\0');
        /* a key alone, as the authority's process gets it */
        if (pv_pki_key_read(bytes, &key, &why) != PV_OK) {
            return 0;
        }
        assert(key.len == size && memcmp(key.der, data, size) == 0);
    }
    assert(pv_pki_key_read((struct pv_slice){(const char *)key.der, key.len},
                           &again, &why) == PV_OK);
    assert(again.len == key.len && memcmp(again.der, key.der, key.len) == 0 &&
           memcmp(again.hash, key.hash, sizeof(key.hash)) == 0);
    return 0;
}
