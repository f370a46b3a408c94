/*
 * order.h - method order: a token that a yes brings, and that the
 * method behind it asks for.
 *
 * The token is base64 of the second it ends at (8 bytes, big-endian) and of
 * a keyed digest (keyed.h) of that second, the consumer, the path of the first
 * method and the values that both calls must share. So the order is kept
 * without anybody keeping a serial, and no other
 * consumer and no other note can use it.
 *
 * Threads: any. Blocks: never.
 */
#ifndef PV_CONNECTORD_ORDER_H
#define PV_CONNECTORD_ORDER_H

#include "base/base64.h"
#include "connectord/keyed.h"
#include "contract/request.h"

#define PV_ORDER_TOKEN_BYTES (8 + 32)
#define PV_ORDER_TOKEN_LEN PV_BASE64_LEN(PV_ORDER_TOKEN_BYTES)

/*
 * The token that a yes of `first` brings for `second`, whose `after` names it;
 * request is that of `first`. No NUL. PV_ECRYPTO.
 */
enum pv_err pv_order_make(const struct pv_secrets         *secrets,
                          const char                      *consumer,
                          const struct pv_contract_method *first,
                          const struct pv_contract_method *second,
                          const struct pv_request *request, int64_t when_ms,
                          char token[PV_ORDER_TOKEN_LEN]) PV_MUST_CHECK;

/*
 * Whether the token of a request of `second` is one that this connector gave
 * to this consumer for these values, under any of its secrets, and has not
 * ended. PV_EVERIFY: not;
 * PV_ECRYPTO.
 */
enum pv_err pv_order_check(const struct pv_secrets         *secrets,
                           const char                      *consumer,
                           const struct pv_contract_method *second,
                           const struct pv_request         *request,
                           int64_t when_ms) PV_MUST_CHECK;

#endif
