/*
 * num.h - numbers from and to text and bytes, each with its range checked.
 *
 * Threads: any.  Blocks: never.
 */
#ifndef PV_BASE_NUM_H
#define PV_BASE_NUM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/slice.h"

#define PV_U64_TEXT_MAX 20

/*
 * Decimal digits only, at least one, no sign, no blank, no leading zero
 * except "0" itself. PV_EINVAL for the grammar, PV_ERANGE above max.
 */
enum pv_err pv_slice_to_u64(struct pv_slice s, uint64_t max,
                            uint64_t *ret) PV_MUST_CHECK;

/* Write n in decimal, no NUL; gives the length. */
size_t pv_u64_text(uint64_t n, char room[PV_U64_TEXT_MAX]);

/* Lower-case hex without a NUL: room takes 2 * len. */
void pv_hex_text(const uint8_t *bytes, size_t len, char *room);

/* Exactly 2 * len lower- or upper-case hex digits, otherwise PV_EINVAL. */
enum pv_err pv_hex_bytes(struct pv_slice hex, uint8_t *bytes,
                         size_t len) PV_MUST_CHECK;

/* CRC32C (Castagnoli, RFC 3720 appendix B.4); start with 0. */
uint32_t pv_crc32c(uint32_t crc, const void *bytes, size_t len);

/* FNV-1a, 64 bit: for tables whose keys no outsider chooses. */
uint64_t pv_hash64(struct pv_slice s);

/* Little-endian loads and stores at any alignment. */
static inline uint32_t
pv_load_u32(const void *at)
{
    uint32_t n;

    memcpy(&n, at, sizeof(n));
    return n;
}

static inline uint64_t
pv_load_u64(const void *at)
{
    uint64_t n;

    memcpy(&n, at, sizeof(n));
    return n;
}

static inline void
pv_store_u32(void *at, uint32_t n)
{
    memcpy(at, &n, sizeof(n));
}

static inline void
pv_store_u64(void *at, uint64_t n)
{
    memcpy(at, &n, sizeof(n));
}

/* Big-endian, as networks and the C2SP formats want it. */
static inline uint64_t
pv_load_be64(const void *at)
{
    return __builtin_bswap64(pv_load_u64(at));
}

static inline void
pv_store_be64(void *at, uint64_t n)
{
    pv_store_u64(at, __builtin_bswap64(n));
}

static inline uint32_t
pv_load_be32(const void *at)
{
    return __builtin_bswap32(pv_load_u32(at));
}

static inline void
pv_store_be32(void *at, uint32_t n)
{
    pv_store_u32(at, __builtin_bswap32(n));
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "files and frames are little-endian; so must the host be");

#endif
