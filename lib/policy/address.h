/*
 * address.h - addresses and networks as text: literal, never a name.
 *
 * Sixteen bytes; IPv4 as ::ffff:a.b.c.d. Threads: any.  Blocks: never.
 */
#ifndef PV_POLICY_ADDRESS_H
#define PV_POLICY_ADDRESS_H

#include "policy/policy.h"

/* "10.0.0.1", "2001:db8::1"; false when it is none. */
bool pv_to_address(struct pv_slice text, uint8_t ret[16]);

/* "10.0.0.0/8", "2001:db8::/32"; false when it is none. */
bool pv_to_network(struct pv_slice text, struct pv_network *ret);
bool pv_in_network(const struct pv_network *network, const uint8_t at[16]);

/*
 * What the address is when no host of another agency can be there (loopback,
 * link-local, multicast ...); NULL when one can.
 */
const char *pv_address_special(const uint8_t address[16],
                               bool         *ret_is_loopback);

#endif
