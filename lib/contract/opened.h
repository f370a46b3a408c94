/*
 * opened.h - which items a right opens, by their names.
 *
 * A name opens the output of that name and all below it. An item of a list is
 * opened by "list", by "list.item" and, where no output beside the list begins
 * with it, by "item".
 *
 * Threads: any. Blocks: never.
 */
#ifndef PV_CONTRACT_OPENED_H
#define PV_CONTRACT_OPENED_H

#include "contract/contract.h"
#include "contract/fault.h"

/* Is name, or what it is below, one of these? names may be NULL: none is. */
bool pv_opens(const json_t *names, const char *name);

/*
 * Has an answer that pv_reply_check has taken only what a right opens? open:
 * the names, NULL for all of the contract; over: those that it opens no more
 * or NULL. A list or object of which nothing is open must not be
 * there at all. PV_EINVAL with *ret_fault, PV_FAULT_CLOSED; PV_ENOMEM.
 */
enum pv_err pv_reply_check_items(const struct pv_contract_method *method,
                                 struct pv_slice body, const json_t *open,
                                 const json_t    *over,
                                 struct pv_fault *ret_fault) PV_MUST_CHECK;

#endif
