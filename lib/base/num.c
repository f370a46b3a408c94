#include "base/num.h"

#if defined(__SSE4_2__) || defined(__x86_64__)
#include <nmmintrin.h>
#define HAVE_CRC32_INSTRUCTION 1
#endif

enum pv_err
pv_slice_to_u64(struct pv_slice s, uint64_t max, uint64_t *ret)
{
    uint64_t n = 0;

    if (s.len == 0 || (s.len > 1 && s.ptr[0] == '0')) {
        return PV_EINVAL;
    }
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') {
            return PV_EINVAL;
        }
    }
    for (size_t i = 0; i < s.len; i++) {
        uint64_t d = (uint64_t)(s.ptr[i] - '0');

        if (d > max || n > (max - d) / 10) {
            return PV_ERANGE;
        }
        n = n * 10 + d;
    }
    *ret = n;
    return PV_OK;
}

size_t
pv_u64_text(uint64_t n, char room[PV_U64_TEXT_MAX])
{
    char   reversed[PV_U64_TEXT_MAX];
    size_t len = 0;

    do {
        reversed[len++] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    for (size_t i = 0; i < len; i++) {
        room[i] = reversed[len - 1 - i];
    }
    return len;
}

void
pv_hex_text(const uint8_t *bytes, size_t len, char *room)
{
    static const char digit[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        room[2 * i] = digit[bytes[i] >> 4];
        room[2 * i + 1] = digit[bytes[i] & 15];
    }
}

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

enum pv_err
pv_hex_bytes(struct pv_slice hex, uint8_t *bytes, size_t len)
{
    if (hex.len != 2 * len) {
        return PV_EINVAL;
    }
    for (size_t i = 0; i < hex.len; i++) {
        if (hex_digit(hex.ptr[i]) < 0) {
            return PV_EINVAL;
        }
    }
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)(hex_digit(hex.ptr[2 * i]) << 4 |
                             hex_digit(hex.ptr[2 * i + 1]));
    }
    return PV_OK;
}

static uint32_t
crc_by_bit(uint32_t crc, const uint8_t *at, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        crc ^= at[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (0x82f63b78u & (0u - (crc & 1)));
        }
    }
    return crc;
}

#ifdef HAVE_CRC32_INSTRUCTION
__attribute__((target("sse4.2"))) static uint32_t
crc_by_instruction(uint32_t crc, const uint8_t *at, size_t len)
{
    uint64_t wide = crc;

    for (; len >= 8; at += 8, len -= 8) {
        wide = _mm_crc32_u64(wide, pv_load_u64(at));
    }
    crc = (uint32_t)wide;
    for (; len > 0; at++, len--) {
        crc = _mm_crc32_u8(crc, *at);
    }
    return crc;
}
#endif

uint32_t
pv_crc32c(uint32_t crc, const void *bytes, size_t len)
{
#ifdef HAVE_CRC32_INSTRUCTION
    if (__builtin_cpu_supports("sse4.2")) {
        return ~crc_by_instruction(~crc, bytes, len);
    }
#endif
    return ~crc_by_bit(~crc, bytes, len);
}

uint64_t
pv_hash64(struct pv_slice s)
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (size_t i = 0; i < s.len; i++) {
        hash = (hash ^ (uint8_t)s.ptr[i]) * 0x100000001b3u;
    }
    return hash;
}
