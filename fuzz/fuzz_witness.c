/* Law: a request that is read is written again to the same bytes. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/base64.h"
#include "private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pv_slice    body = {(const char *)data, size};
    struct add_request request = {.proof_count = 0};
    struct pv_buf      out;
    char               text[PV_BASE64_LEN(PV_HASH_LEN)];
    enum pv_err        err;

    if (!parse_add(body, &request)) {
        return 0;
    }
    pv_buf_init(&out, size + 1); /* and the NUL of a print */
    err = pv_buf_addf(&out, "old %llu\n", (unsigned long long)request.old_size);
    assert(err == PV_OK);
    for (size_t i = 0; i < request.proof_count; i++) {
        pv_base64_text(request.proof[i].bytes, PV_HASH_LEN, text);
        err = pv_buf_addf(&out, "%.*s\n", (int)sizeof(text), text);
        assert(err == PV_OK);
    }
    err = pv_buf_addf(&out, "\n%.*s", PV_FMT(request.bytes));
    assert(err == PV_OK && pv_slice_eq(pv_buf_view(&out), body));
    assert(request.checkpoint.size <= PV_MERKLE_SIZE_MAX);
    pv_buf_clear(&out);
    return 0;
}
