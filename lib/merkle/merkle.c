#include "merkle/merkle.h"

#include <string.h>

const struct pv_hash pv_merkle_empty = {
    {0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4,
     0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b,
     0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55}};

enum pv_err
pv_merkle_leaf(struct pv_sha256 *sha, struct pv_slice entry,
               struct pv_hash *ret)
{
    const struct pv_slice part[] = {PV_SLICE_INIT("\0"), entry};

    return pv_sha256(sha, part, 2, ret);
}

enum pv_err
pv_merkle_node(struct pv_sha256 *sha, const struct pv_hash *left,
               const struct pv_hash *right, struct pv_hash *ret)
{
    char                  bytes[1 + 2 * PV_HASH_LEN] = {1};
    const struct pv_slice part = {bytes, sizeof(bytes)};

    memcpy(bytes + 1, left->bytes, PV_HASH_LEN);
    memcpy(bytes + 1 + PV_HASH_LEN, right->bytes, PV_HASH_LEN);
    return pv_sha256(sha, &part, 1, ret);
}

uint64_t
pv_merkle_split(uint64_t n)
{
    return UINT64_C(1) << (63 - __builtin_clzll(n - 1));
}

enum pv_err
pv_merkle_fold(struct pv_sha256 *sha, struct pv_hash *node, size_t count,
               struct pv_hash *ret)
{
    /*
     * Level by level, pairs from the left; an odd last node goes up as it is.
     * That gives the tree of RFC 6962: the cut at the largest power of two
     * below count never parts a pair.
     */
    while (count > 1) {
        size_t pairs = count / 2;

        for (size_t i = 0; i < pairs; i++) {
            enum pv_err err =
                pv_merkle_node(sha, &node[2 * i], &node[2 * i + 1], &node[i]);

            if (err != PV_OK) {
                return err;
            }
        }
        if (count % 2 == 1) {
            node[pairs] = node[count - 1];
        }
        count = pairs + count % 2;
    }
    *ret = node[0];
    return PV_OK;
}
