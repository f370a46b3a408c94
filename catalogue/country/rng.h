/*
 * rng.h - the generator's own random numbers: the same on every machine.
 *
 * SplitMix64 (Steele, Lea, Flood 2014), written from its published
 * definition. A stream has a name, so that a register's numbers do not
 * depend on how many another register drew. No secret is ever made here.
 *
 * Errors: none.  Threads: one owner at a time.  Blocks: never.
 */
#ifndef PV_COUNTRY_RNG_H
#define PV_COUNTRY_RNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pv_rng {
    uint64_t state;
};

/* The stream of this name under this seed. */
void     pv_rng_init(struct pv_rng *rng, uint64_t seed, const char *stream);
uint64_t pv_rng_next(struct pv_rng *rng);

/* 0 to count - 1; count is at least 1. */
uint32_t pv_rng_below(struct pv_rng *rng, uint32_t count);

/* low to high, both included. */
int pv_rng_between(struct pv_rng *rng, int low, int high);

/* True in per_mille of 1000 cases. */
bool pv_rng_chance(struct pv_rng *rng, uint32_t per_mille);

/*
 * A permutation of 0 to count - 1 (Feistel network, cycle walking) under
 * which 0 always becomes `pinned`: numbers that look random, never repeat
 * and need no table.
 */
struct pv_perm {
    uint64_t count;
    uint64_t pinned;
    uint64_t key;
    unsigned half_bits;
};

void     pv_perm_init(struct pv_perm *perm, uint64_t count, uint64_t pinned,
                      uint64_t seed, const char *stream);
uint64_t pv_perm_at(const struct pv_perm *perm, uint64_t i);

#endif
