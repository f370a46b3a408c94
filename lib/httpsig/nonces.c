#include "httpsig/nonces.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "crypto/secret.h"
#include "crypto/sha256.h"

#define SALT_LEN 16
#define MARK_LEN 16
#define GENERATIONS 2

/* Open addressing, at most half full; a mark of zeroes is an empty place. */
struct generation {
    uint8_t (*mark)[MARK_LEN];
    size_t count;
};

struct pv_nonces {
    struct pv_sha256 *sha;
    uint8_t           salt[SALT_LEN];
    size_t            max;
    size_t            places; /* a power of two */
    int64_t           since_s;
    struct generation generation[GENERATIONS]; /* the younger first */
};

void
pv_nonces_free(struct pv_nonces *nonces)
{
    if (nonces == NULL) {
        return;
    }
    pv_sha256_free(nonces->sha);
    for (size_t i = 0; i < GENERATIONS; i++) {
        free(nonces->generation[i].mark);
    }
    free(nonces);
}

enum pv_err
pv_nonces_new(size_t max, struct pv_nonces **ret)
{
    struct pv_nonces *nonces = NULL;
    enum pv_err       err;

    if (max == 0 || max > PV_NONCES_MAX) {
        return PV_ERANGE;
    }
    nonces = calloc(1, sizeof(*nonces));
    if (nonces == NULL) {
        return PV_ENOMEM;
    }
    nonces->max = max;
    nonces->places = 2;
    while (nonces->places < 2 * max) {
        nonces->places *= 2;
    }
    err = pv_sha256_new(&nonces->sha);
    if (err == PV_OK) {
        err = pv_secret_random(nonces->salt, sizeof(nonces->salt));
    }
    for (size_t i = 0; err == PV_OK && i < GENERATIONS; i++) {
        nonces->generation[i].mark = calloc(nonces->places, MARK_LEN);
        err = nonces->generation[i].mark == NULL ? PV_ENOMEM : PV_OK;
    }
    if (err == PV_OK) {
        *ret = nonces;
        nonces = NULL;
    }
    pv_nonces_free(nonces);
    return err;
}

static void
forget(struct pv_nonces *nonces, struct generation *generation)
{
    if (generation->count > 0) {
        memset(generation->mark, 0, nonces->places * MARK_LEN);
        generation->count = 0;
    }
}

/* Grow older by what has passed. */
static void
age(struct pv_nonces *nonces, int64_t now_s)
{
    struct generation elder = nonces->generation[1];
    int64_t           passed_s = now_s - nonces->since_s;

    if (passed_s < PV_NONCES_LIFE_S) {
        return;
    }
    forget(nonces, &elder);
    nonces->generation[1] = nonces->generation[0];
    nonces->generation[0] = elder;
    if (passed_s >= 2 * PV_NONCES_LIFE_S) {
        forget(nonces, &nonces->generation[1]);
    }
    nonces->since_s = now_s;
}

/* The place of the mark, or the empty one where it would go. */
static uint8_t *
find(const struct pv_nonces *nonces, const struct generation *generation,
     const uint8_t mark[MARK_LEN])
{
    static const uint8_t empty[MARK_LEN];
    size_t               at = pv_load_u64(mark) & (nonces->places - 1);

    while (memcmp(generation->mark[at], empty, MARK_LEN) != 0 &&
           memcmp(generation->mark[at], mark, MARK_LEN) != 0) {
        at = (at + 1) & (nonces->places - 1);
    }
    return generation->mark[at];
}

static enum pv_err
make_mark(struct pv_nonces *nonces, struct pv_slice keyid,
          struct pv_slice nonce, struct pv_hash *ret)
{
    const struct pv_slice part[] = {
        {(const char *)nonces->salt, sizeof(nonces->salt)},
        keyid,
        PV_LIT("\n"), /* neither holds one */
        nonce,
    };
    enum pv_err err =
        pv_sha256(nonces->sha, part, sizeof(part) / sizeof(part[0]), ret);

    ret->bytes[0] |= 1; /* never a mark of zeroes */
    return err;
}

enum pv_err
pv_nonces_take(struct pv_nonces *nonces, struct pv_slice keyid,
               struct pv_slice nonce, int64_t now_s)
{
    struct generation *young = &nonces->generation[0];
    struct pv_hash     mark;
    enum pv_err        err = make_mark(nonces, keyid, nonce, &mark);

    if (err != PV_OK) {
        return err;
    }
    age(nonces, now_s);
    for (size_t i = 0; i < GENERATIONS; i++) {
        if (memcmp(find(nonces, &nonces->generation[i], mark.bytes), mark.bytes,
                   MARK_LEN) == 0) {
            return PV_EEXIST;
        }
    }
    if (young->count == nonces->max) {
        return PV_EFULL;
    }
    memcpy(find(nonces, young, mark.bytes), mark.bytes, MARK_LEN);
    young->count++;
    return PV_OK;
}
