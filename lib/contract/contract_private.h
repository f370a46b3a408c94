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

/* What a call needs: consent, order, a key, consumers, hours (contract_need.c);
 * a part of pv_take_rules. */
enum pv_err pv_take_needs(struct pv_taker *taker, const json_t *object,
                          struct pv_contract        *contract,
                          struct pv_contract_method *method) PV_MUST_CHECK;

/* The keyword "pages" (pages.c); a part of pv_take_rules. */
enum pv_err pv_take_pages(struct pv_taker *taker, const json_t *object,
                          struct pv_contract_method *method) PV_MUST_CHECK;

/* The keyword "coding" (coding.c), after pages; a part of pv_take_rules. */
enum pv_err pv_take_coding(struct pv_taker *taker, const json_t *object,
                           struct pv_contract_method *method) PV_MUST_CHECK;

/* A list of names of inputs, as their indexes. */
enum pv_err pv_take_input_names(const struct pv_taker           *taker,
                                const struct pv_contract_method *method,
                                const json_t *object, const char *member,
                                size_t  input[PV_FIELDS_MAX],
                                size_t *ret_count) PV_MUST_CHECK;

/* Bytes of the longest answer of one yes_no: see answer.h. */
size_t pv_pad_needed(const struct pv_contract_method *method);

static inline bool
pv_has(const json_t *object, const char *name)
{
    return json_object_get(object, name) != NULL;
}

#endif
