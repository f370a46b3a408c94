#include "base/utf8.h"

#define LAST_CODE_POINT UINT32_C(0x10ffff)

static size_t
utf8_length(unsigned char first, uint32_t *ret_bits)
{
    if (first < 0x80) {
        *ret_bits = first;
        return 1;
    }
    if (first >= 0xc2 && first < 0xe0) {
        *ret_bits = first & 0x1fu;
        return 2;
    }
    if (first >= 0xe0 && first < 0xf0) {
        *ret_bits = first & 0x0fu;
        return 3;
    }
    if (first >= 0xf0 && first < 0xf5) {
        *ret_bits = first & 0x07u;
        return 4;
    }
    return 0;
}

bool
pv_utf8_next(struct pv_slice *text, uint32_t *ret)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t              c = 0;
    size_t                len;

    if (text->len == 0) {
        return false;
    }
    len = utf8_length((unsigned char)text->ptr[0], &c);
    if (len == 0 || len > text->len) {
        return false;
    }
    for (size_t i = 1; i < len; i++) {
        unsigned char next = (unsigned char)text->ptr[i];

        if ((next & 0xc0) != 0x80) {
            return false;
        }
        c = c << 6 | (next & 0x3fu);
    }
    if (c < least[len] || c > LAST_CODE_POINT || (c >= 0xd800 && c < 0xe000)) {
        return false;
    }
    text->ptr += len;
    text->len -= len;
    *ret = c;
    return true;
}

bool
pv_utf8_is_valid(struct pv_slice text)
{
    uint32_t c;

    while (text.len > 0) {
        if (!pv_utf8_next(&text, &c)) {
            return false;
        }
    }
    return true;
}
