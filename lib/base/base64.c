#include "base/base64.h"

#include <string.h>

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
pv_base64_text(const uint8_t *bytes, size_t len, char *room)
{
    for (size_t i = 0; i < len; i += 3, room += 4) {
        uint32_t bits = (uint32_t)bytes[i] << 16;

        if (i + 1 < len) {
            bits |= (uint32_t)bytes[i + 1] << 8;
        }
        if (i + 2 < len) {
            bits |= bytes[i + 2];
        }
        room[0] = alphabet[bits >> 18];
        room[1] = alphabet[(bits >> 12) & 63];
        room[2] = '=';
        room[3] = '=';
        if (i + 1 < len) {
            room[2] = alphabet[(bits >> 6) & 63];
        }
        if (i + 2 < len) {
            room[3] = alphabet[bits & 63];
        }
    }
}

/* The six bits of c, or -1. */
static int
value(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    if (c == '+') {
        return 62;
    }
    return c == '/' ? 63 : -1;
}

/* Up to three bytes of one group of four; 0 when it is not canonical. */
static size_t
group(const char *text, bool last, uint8_t out[3])
{
    size_t   len = 3;
    uint32_t bits = 0;

    if (last && text[3] == '=') {
        len = text[2] == '=' ? 1 : 2;
    }
    for (size_t i = 0; i <= len; i++) {
        int six = value(text[i]);

        if (six < 0) {
            return 0;
        }
        bits |= (uint32_t)six << (18 - 6 * i);
    }
    out[0] = (uint8_t)(bits >> 16);
    out[1] = (uint8_t)(bits >> 8);
    out[2] = (uint8_t)bits;
    for (size_t i = len; i < 3; i++) {
        if (out[i] != 0) {
            return 0; /* unused bits that are set */
        }
    }
    return len;
}

enum pv_err
pv_base64_bytes(struct pv_slice text, uint8_t *room, size_t room_len,
                size_t *ret_len)
{
    size_t  len = 0;
    uint8_t out[3];

    if (text.len % 4 != 0) {
        return PV_EINVAL;
    }
    for (size_t i = 0; i < text.len; i += 4) {
        size_t count = group(text.ptr + i, i + 4 == text.len, out);

        if (count == 0) {
            return PV_EINVAL;
        }
        if (count > room_len - len) {
            return PV_ERANGE;
        }
        memcpy(room + len, out, count);
        len += count;
    }
    *ret_len = len;
    return PV_OK;
}

enum pv_err
pv_base64_exactly(struct pv_slice text, uint8_t *room, size_t len)
{
    size_t      got;
    enum pv_err err;

    if (text.len != PV_BASE64_LEN(len)) {
        return PV_EINVAL;
    }
    err = pv_base64_bytes(text, room, len, &got);
    if (err == PV_ERANGE || (err == PV_OK && got != len)) {
        return PV_EINVAL;
    }
    return err;
}
