#include "policy/address.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/num.h"

#define V4_MAPPED_LEN 12
#define V4_BITS 96

static const uint8_t v4_mapped[V4_MAPPED_LEN] = {0, 0, 0, 0, 0,    0,
                                                 0, 0, 0, 0, 0xff, 0xff};

bool
pv_to_address(struct pv_slice text, uint8_t ret[16])
{
    char room[INET6_ADDRSTRLEN];

    if (pv_slice_to_cstr(text, room, sizeof(room)) != PV_OK) {
        return false;
    }
    if (inet_pton(AF_INET, room, ret + V4_MAPPED_LEN) == 1) {
        memcpy(ret, v4_mapped, V4_MAPPED_LEN);
        return true;
    }
    return inet_pton(AF_INET6, room, ret) == 1;
}

bool
pv_to_network(struct pv_slice text, struct pv_network *ret)
{
    struct pv_slice address;
    struct pv_slice bits;
    uint64_t        count = 128;
    bool            v4;

    if (!pv_slice_cut(text, '/', &address, &bits) ||
        !pv_to_address(address, ret->address)) {
        return false;
    }
    v4 = memchr(address.ptr, ':', address.len) == NULL;
    if (pv_slice_to_u64(bits, v4 ? 32 : 128, &count) != PV_OK) {
        return false;
    }
    ret->bits = (uint8_t)(v4 ? count + V4_BITS : count);
    return true;
}

bool
pv_in_network(const struct pv_network *network, const uint8_t at[16])
{
    size_t  whole = network->bits / 8;
    uint8_t mask = (uint8_t)(0xff00u >> network->bits % 8);

    return memcmp(network->address, at, whole) == 0 &&
           (network->bits % 8 == 0 ||
            ((network->address[whole] ^ at[whole]) & mask) == 0);
}

static const struct {
    const char *network;
    const char *what;
    bool        loopback;
} special[] = {
    {"127.0.0.0/8", "a loopback address", true},
    {"::1/128", "a loopback address", true},
    {"0.0.0.0/8", "no address of a host", false},
    {"169.254.0.0/16", "a link-local address", false},
    {"224.0.0.0/4", "a multicast address", false},
    {"240.0.0.0/4", "a reserved address", false},
    {"::/128", "no address of a host", false},
    {"fe80::/10", "a link-local address", false},
    {"ff00::/8", "a multicast address", false},
};

const char *
pv_address_special(const uint8_t address[16], bool *ret_is_loopback)
{
    *ret_is_loopback = false;
    for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++) {
        struct pv_network network;

        if (pv_to_network(pv_slice_from(special[i].network), &network) &&
            pv_in_network(&network, address)) {
            *ret_is_loopback = special[i].loopback;
            return special[i].what;
        }
    }
    return NULL;
}
