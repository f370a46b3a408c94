#include "contract/binary.h"

#include <string.h>

#include "base/base64.h"

static int
digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

enum pv_err
pv_binary_from_hex(struct pv_slice hex, struct pv_buf *bytes)
{
    enum pv_err err;

    if (hex.len % 2 != 0) {
        return PV_EINVAL;
    }
    err = pv_buf_reserve(bytes, hex.len / 2);
    for (size_t i = 0; err == PV_OK && i < hex.len; i += 2) {
        int high = digit(hex.ptr[i]);
        int low = digit(hex.ptr[i + 1]);

        if (high < 0 || low < 0) {
            return PV_EINVAL;
        }
        err = pv_buf_add_char(bytes, (char)(high * 16 + low));
    }
    return err;
}

enum pv_err
pv_binary_from_base64(struct pv_slice text, struct pv_buf *bytes)
{
    size_t      len = text.len / 4 * 3;
    enum pv_err err;

    if (text.len == 0) {
        return PV_EINVAL;
    }
    err = pv_buf_reserve(bytes, len);
    if (err == PV_OK) {
        err = pv_base64_bytes(text, (uint8_t *)bytes->ptr + bytes->len, len,
                              &len);
    }
    if (err == PV_OK) {
        bytes->len += len;
    }
    return err;
}

enum pv_err
pv_binary_to_base64(struct pv_slice bytes, struct pv_buf *text)
{
    size_t      len = PV_BASE64_LEN(bytes.len);
    enum pv_err err = pv_buf_reserve(text, len);

    if (err == PV_OK && len > 0) {
        pv_base64_text((const uint8_t *)bytes.ptr, bytes.len,
                       text->ptr + text->len);
        text->len += len;
    }
    return err;
}

bool
pv_media_fits(struct pv_slice media, struct pv_slice bytes)
{
    static const struct {
        struct pv_slice media;
        struct pv_slice first;
    } known[] = {
        {PV_SLICE_INIT("image/jpeg"), PV_SLICE_INIT("\xff\xd8\xff")},
        {PV_SLICE_INIT("image/png"), PV_SLICE_INIT("\x89PNG\r\n\x1a\n")},
        {PV_SLICE_INIT("application/pdf"), PV_SLICE_INIT("%PDF-")},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (pv_slice_eq(known[i].media, media)) {
            return pv_slice_starts(bytes, known[i].first);
        }
    }
    return bytes.len > 0;
}
