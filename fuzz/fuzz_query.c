/*
 * Law: a query that is taken is exactly its parameters, each once, joined by
 * "=" and "&" in the order they came; a byte that could mean something else in
 * a URL never passes.
 */
#include <stdlib.h>
#include <string.h>

#include "http/server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
expect(bool holds)
{
    if (!holds) {
        abort();
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct pv_server_param param[] = {
        {PV_SLICE_INIT("from"), {NULL, 0}},
        {PV_SLICE_INIT("until"), {NULL, 0}},
        {PV_SLICE_INIT("consumer"), {NULL, 0}},
        {PV_SLICE_INIT("limit"), {NULL, 0}},
    };
    const size_t    count = sizeof(param) / sizeof(param[0]);
    struct pv_slice query = {(const char *)data, len};
    size_t          sum = 0;
    size_t          came = 0;

    if (pv_server_query(query, param, count) != PV_OK) {
        for (size_t i = 0; i < count; i++) {
            expect(param[i].value.len == 0);
        }
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        struct pv_slice value = param[i].value;

        if (value.len == 0) {
            continue;
        }
        came++;
        sum += param[i].name.len + 1 + value.len;
        expect(value.ptr >= query.ptr &&
               value.ptr + value.len <= query.ptr + len);
        expect(memcmp(value.ptr - 1 - param[i].name.len, param[i].name.ptr,
                      param[i].name.len) == 0);
        for (size_t k = 0; k < value.len; k++) {
            expect(strchr("%&=?#\\\"'<> \t\r\n", value.ptr[k]) == NULL ||
                   value.ptr[k] == '\0');
            expect(value.ptr[k] > ' ' && value.ptr[k] <= 'z');
        }
    }
    expect(len == (came == 0 ? 0 : sum + came - 1));
    return 0;
}
