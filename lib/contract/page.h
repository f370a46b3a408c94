/*
 * page.h - the page about a service that a person reads: HTML from its
 * contract, in Persian (right to left) or English, without scripts.
 *
 * Threads: any. Blocks: never.
 */
#ifndef PV_CONTRACT_PAGE_H
#define PV_CONTRACT_PAGE_H

#include "contract/contract.h"

/* Append the page. when_ms: the day of its examples. PV_ENOMEM, PV_ERANGE. */
enum pv_err pv_contract_page(const struct pv_contract *contract, bool persian,
                             int64_t when_ms, struct pv_buf *out) PV_MUST_CHECK;

#endif
