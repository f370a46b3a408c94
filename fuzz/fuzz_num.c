/*
 * Laws: a number that pv_slice_to_u64 takes is within its maximum and is
 * written back to the same bytes; a Jalali date that parses comes back from
 * its day number; hex that parses is written back in lower case.
 */
#include <stdlib.h>

#include "base/jalali.h"
#include "base/num.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
number_law(struct pv_slice text, uint64_t max)
{
    char     again[PV_U64_TEXT_MAX];
    uint64_t n = 0;

    if (pv_slice_to_u64(text, max, &n) != PV_OK) {
        return;
    }
    if (n > max || pv_u64_text(n, again) != text.len ||
        memcmp(again, text.ptr, text.len) != 0) {
        abort();
    }
}

static void
date_law(struct pv_slice text)
{
    struct pv_civil day;
    struct pv_civil again;
    int64_t         days = 0;

    if (pv_jalali_parse(text, &day) != PV_OK) {
        return;
    }
    if (pv_jalali_to_days(day, &days) != PV_OK ||
        pv_jalali_from_days(days, &again) != PV_OK ||
        memcmp(&day, &again, sizeof(day)) != 0) {
        abort();
    }
}

static void
hex_law(struct pv_slice text)
{
    uint8_t bytes[16];
    char    again[32];

    if (text.len > sizeof(again) ||
        pv_hex_bytes(text, bytes, text.len / 2) != PV_OK) {
        return;
    }
    pv_hex_text(bytes, text.len / 2, again);
    for (size_t i = 0; i < text.len; i++) {
        if ((again[i] | 0x20) != (text.ptr[i] | 0x20)) {
            abort();
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct pv_slice text = {(const char *)data, len};
    uint64_t        max = UINT64_MAX;

    if (len >= 8) {
        max = pv_load_u64(data);
        number_law((struct pv_slice){(const char *)data + 8, len - 8}, max);
    }
    number_law(text, UINT64_MAX);
    date_law(text);
    hex_law(text);
    return 0;
}
