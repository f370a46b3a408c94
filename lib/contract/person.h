/*
 * person.h - the persons that a request names: values of national_id,
 * legal_person_id and foreigner_code, also as members of a union and inside
 * lists and objects. Other items that lead to a person (an IBAN, a postal
 * code) are not followed.
 *
 * Threads: any. Blocks: never.
 */
#ifndef PV_CONTRACT_PERSON_H
#define PV_CONTRACT_PERSON_H

#include "contract/request.h"

/* Whether a value of the item names a person; of a union, some value. */
bool pv_item_is_person(const struct pv_data_item *item);

/*
 * The one input of a method that is a person, by index, for a method that
 * needs that person's consent. PV_ENOTFOUND: none, or more than one, or one
 * that may be absent.
 */
enum pv_err pv_method_person(const struct pv_contract_method *method,
                             size_t *ret) PV_MUST_CHECK;

typedef enum pv_err pv_person_fn(void *context, struct pv_slice id);

/* Call fn with each, in the order of the inputs, doubles too; what it gives
 * ends the walk unless it is PV_OK. */
enum pv_err pv_request_persons(const struct pv_contract_method *method,
                               const struct pv_request         *request,
                               pv_person_fn *fn, void *context) PV_MUST_CHECK;

#endif
