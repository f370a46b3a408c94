/*
 * contract_private.h - what the files that load a contract share.
 *
 * Private to lib/contract. Errors: as take.h says.
 */
#ifndef PV_CONTRACT_CONTRACT_PRIVATE_H
#define PV_CONTRACT_CONTRACT_PRIVATE_H

#include "contract/contract.h"
#include "contract/take.h"

/*
 * The fields of a list; inputs say whether they are required, outputs until
 * when they are sent. *ret is the caller's, to free with pv_fields_free.
 */
enum pv_err pv_take_fields(struct pv_taker *taker, const json_t *object,
                           const char *name, bool inputs, bool proposed,
                           struct pv_field **ret,
                           size_t           *ret_count) PV_MUST_CHECK;
void        pv_fields_free(struct pv_field *field, size_t count);

/* Everything of a method beside its name, pattern and fields. */
enum pv_err pv_take_rules(struct pv_taker *taker, const json_t *object,
                          struct pv_contract        *contract,
                          struct pv_contract_method *method) PV_MUST_CHECK;

#endif
