/*
 * mock.h - a contract's methods answered on loopback, for a developer who has
 * no access yet: the gateway's paths, headers and problems, and made-up values.
 *
 * It checks a request as a connector does and answers with the examples of the
 * data items, the same each time on one day (but for the moment of the call).
 * It knows no grant, purpose, signature or person: every answer says
 * `Payvand-Mock: 1`.
 */
#ifndef PV_CLI_MOCK_H
#define PV_CLI_MOCK_H

#include <stdint.h>

#include "contract/contract.h"

/*
 * Serve at http://127.0.0.1:PORT/x/... until SIGINT or SIGTERM; port 0 takes a
 * free one. One line on standard output says where: with json, an object.
 * Blocks. PV_ESYS with words: the port is taken, or cannot be had.
 */
enum pv_err pv_mock_serve(const struct pv_contract *contract, uint16_t port,
                          bool json, struct pv_why *why) PV_MUST_CHECK;

#endif
