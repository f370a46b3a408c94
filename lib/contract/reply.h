/*
 * reply.h - an answer as its consumer got it, held against the contract once
 * more: what answer.h may have sent and nothing else.
 *
 * Threads: one at a time for one set of data items. Blocks: never.
 */
#ifndef PV_CONTRACT_REPLY_H
#define PV_CONTRACT_REPLY_H

#include "contract/contract.h"
#include "contract/fault.h"

/*
 * Is body an answer of the method? when_ms is when it was asked for, by the
 * wall clock: an item whose last day had passed then must not be
 * there. An item that is no output of the contract, among them those that are
 * never sent, is a fault too. PV_EINVAL with *ret_fault, which names a
 * member and never a value; PV_ENOMEM.
 */
enum pv_err pv_reply_check(const struct pv_contract_method *method,
                           struct pv_slice body, int64_t when_ms,
                           struct pv_fault *ret_fault) PV_MUST_CHECK;

/*
 * What the yes or the no in body means, in language "fa" or "en";
 * NULL for a method that answers otherwise. Borrowed from the contract.
 */
const char *pv_reply_meaning(const struct pv_contract_method *method,
                             struct pv_slice body, const char *language);

#endif
