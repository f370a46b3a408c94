/* Law: a receipt that is read is written again to the same bytes. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "trace/receipt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pv_slice           bytes = {(const char *)data, size};
    struct pv_note_key        key = {.type = PV_NOTE_ED25519};
    struct pv_receipt_trust   trust = {.log = &key};
    struct pv_receipt_verdict verdict;
    struct pv_receipt         receipt;
    struct pv_buf             out;
    enum pv_err               err;

    if (pv_receipt_parse(bytes, &receipt, NULL) != PV_OK) {
        return 0;
    }
    pv_buf_init(&out, PV_RECEIPT_MAX);
    err = pv_receipt_write(&receipt, &out);
    assert(err == PV_OK && pv_slice_eq(pv_buf_view(&out), bytes));
    /* nobody signs with a key without a name */
    err = pv_receipt_verify(&receipt, &trust, &verdict, NULL);
    assert(err != PV_OK && verdict.fault != PV_RECEIPT_GOOD);
    pv_buf_clear(&out);
    pv_receipt_clear(&receipt);
    return 0;
}
