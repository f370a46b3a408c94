/* Law: a text that parses is written again to the same bytes. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "trace/checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pv_slice      text = {(const char *)data, size};
    struct pv_checkpoint checkpoint;
    struct pv_buf        out;
    enum pv_err          err;

    if (pv_checkpoint_parse(text, &checkpoint) != PV_OK) {
        return 0;
    }
    assert(checkpoint.size <= PV_MERKLE_SIZE_MAX);
    pv_buf_init(&out, size + 1); /* and the NUL of a print */
    err = pv_checkpoint_write(&checkpoint, &out);
    assert(err == PV_OK && pv_slice_eq(pv_buf_view(&out), text));
    pv_buf_clear(&out);
    return 0;
}
