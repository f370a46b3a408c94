#include "rng.h"

#include "base/num.h"

#define GOLDEN_GAMMA UINT64_C(0x9e3779b97f4a7c15)
#define FEISTEL_ROUNDS 4

static uint64_t
mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void
pv_rng_init(struct pv_rng *rng, uint64_t seed, const char *stream)
{
    rng->state = mix(seed + GOLDEN_GAMMA) ^ pv_hash64(pv_slice_from(stream));
}

uint64_t
pv_rng_next(struct pv_rng *rng)
{
    rng->state += GOLDEN_GAMMA;
    return mix(rng->state);
}

uint32_t
pv_rng_below(struct pv_rng *rng, uint32_t count)
{
    /* the bias is below count / 2^32: nothing here notices it */
    return (uint32_t)(((pv_rng_next(rng) >> 32) * count) >> 32);
}

int
pv_rng_between(struct pv_rng *rng, int low, int high)
{
    return low + (int)pv_rng_below(rng, (uint32_t)(high - low + 1));
}

bool
pv_rng_chance(struct pv_rng *rng, uint32_t per_mille)
{
    return pv_rng_below(rng, 1000) < per_mille;
}

void
pv_perm_init(struct pv_perm *perm, uint64_t count, uint64_t pinned,
             uint64_t seed, const char *stream)
{
    struct pv_rng rng;

    pv_rng_init(&rng, seed, stream);
    perm->count = count;
    perm->pinned = pinned;
    perm->key = pv_rng_next(&rng);
    perm->half_bits = 1;
    while ((UINT64_C(1) << (2 * perm->half_bits)) < count) {
        perm->half_bits++;
    }
}

static uint64_t
feistel(const struct pv_perm *perm, uint64_t i)
{
    uint64_t mask = (UINT64_C(1) << perm->half_bits) - 1;
    uint64_t left = i >> perm->half_bits;
    uint64_t right = i & mask;

    for (uint64_t round = 1; round <= FEISTEL_ROUNDS; round++) {
        uint64_t was = right;

        right = left ^ (mix(right + perm->key + round * GOLDEN_GAMMA) & mask);
        left = was;
    }
    return (left << perm->half_bits) | right;
}

static uint64_t
walk(const struct pv_perm *perm, uint64_t i)
{
    do {
        i = feistel(perm, i);
    } while (i >= perm->count);
    return i;
}

uint64_t
pv_perm_at(const struct pv_perm *perm, uint64_t i)
{
    uint64_t at;

    if (i == 0) {
        return perm->pinned;
    }
    at = walk(perm, i);
    return at == perm->pinned ? walk(perm, 0) : at;
}
