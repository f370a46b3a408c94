/*
 * Law: what is asked, written again, asks the same: the same serials, hashes
 * and nonce.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "pki/ocsp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pv_slice bytes = {(const char *)data, size};
    struct pv_ocsp  first;
    struct pv_ocsp  second;
    struct pv_buf   out;

    if (pv_ocsp_read(bytes, &first) != PV_OK) {
        return 0;
    }
    pv_buf_init(&out, (size_t)2 * PV_OCSP_REQUEST_MAX);
    assert(pv_ocsp_write(&first, &out) == PV_OK);
    assert(pv_ocsp_read(pv_buf_view(&out), &second) == PV_OK);
    assert(memcmp(&first, &second, sizeof(first)) == 0);
    pv_buf_clear(&out);
    return 0;
}
