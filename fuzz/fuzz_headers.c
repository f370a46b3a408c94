/*
 * The first byte chooses a header, the rest is its value and then its name.
 * Laws: a value that is taken is within its maximum and could be written into
 * a message (no control character, no byte above 0x7e, no blank at its ends);
 * a name that is found is the header's own; taking a value does not depend on
 * what stands behind it in memory.
 */
#include <stdlib.h>
#include <string.h>

#include "header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
expect(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void
value_law(enum pv_header header, struct pv_slice value)
{
    char *exact;

    if (value.len == 0 || value.len > 2 * PV_HEADER_VALUE_MAX) {
        return;
    }

    /* heap memory of the very length, so that a step too far is seen */
    exact = malloc(value.len);
    expect(exact != NULL);
    memcpy(exact, value.ptr, value.len);
    value.ptr = exact;

    if (pv_header_is_valid(header, value)) {
        expect(value.len <= PV_HEADER_VALUE_MAX);
        expect(exact[0] != ' ' && exact[0] != '\t');
        expect(exact[value.len - 1] != ' ' && exact[value.len - 1] != '\t');
        for (size_t i = 0; i < value.len; i++) {
            expect(exact[i] == '\t' || (exact[i] >= 0x20 && exact[i] <= 0x7e));
        }
    }
    free(exact);
}

static void
name_law(struct pv_slice lower)
{
    enum pv_header  header = pv_header_find(lower);
    struct pv_slice name = pv_header_name(header);

    expect(header < PV_HEADER_END);
    if (header == PV_HEADER_OTHER) {
        expect(!pv_slice_starts(lower, PV_LIT("payvand-")));
        expect(pv_header_from_consumer(header) == PV_HEADER_DROP);
        expect(pv_header_from_provider(header) == PV_HEADER_DROP);
        return;
    }
    if (header == PV_HEADER_PAYVAND_RESERVED) {
        expect(pv_slice_starts(lower, PV_LIT("payvand-")));
        expect(pv_header_from_consumer(header) == PV_HEADER_REFUSE);
        return;
    }
    expect(name.len == lower.len);
    for (size_t i = 0; i < name.len; i++) {
        expect((name.ptr[i] | 0x20) == (lower.ptr[i] | 0x20));
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct pv_slice rest;

    if (len == 0) {
        return 0;
    }
    rest = (struct pv_slice){(const char *)data + 1, len - 1};
    value_law((enum pv_header)(data[0] % PV_HEADER_END), rest);
    name_law(rest);
    return 0;
}
