/*
 * Law: a path that is taken is "/x/" and its four parts joined by "/", byte
 * for byte; its bytes are [a-z0-9/-] only; and one more byte at either end of
 * a part's neighbour never makes another path of it.
 */
#include <stdlib.h>
#include <string.h>

#include "path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
expect(bool holds)
{
    if (!holds) {
        abort();
    }
}

static size_t
put(char *room, size_t at, struct pv_slice s)
{
    memcpy(room + at, s.ptr, s.len);
    return at + s.len;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct pv_slice raw = {(const char *)data, len};
    struct pv_path  path;
    char            again[PV_PATH_MAX];
    size_t          at = 0;

    if (pv_path_parse(raw, &path) != PV_OK) {
        return 0;
    }

    expect(len <= PV_PATH_MAX);
    at = put(again, at, PV_LIT("/x/"));
    at = put(again, at, path.provider);
    at = put(again, at, PV_LIT("/"));
    at = put(again, at, path.service);
    at = put(again, at, PV_LIT("/"));
    at = put(again, at, path.version);
    at = put(again, at, PV_LIT("/"));
    at = put(again, at, path.method);
    expect(at == len && memcmp(again, data, len) == 0);

    for (size_t i = 0; i < len; i++) {
        char c = raw.ptr[i];

        expect((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
               c == '/');
    }

    /* a path cut short is not the same path, nor any other */
    expect(pv_path_parse((struct pv_slice){raw.ptr + 1, len - 1}, &path) !=
           PV_OK);
    return 0;
}
