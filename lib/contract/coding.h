/*
 * coding.h - codes in the consumer's own coding: the method's keyword
 * `coding`, and what a map of the registry does to a request and to an
 * answer.
 *
 * A method with `coding` {map, list, type} takes and gives codes of the list
 * `list` in every field of that type, and of a union with it, where the value
 * is of that member. A request whose member "coding" names
 * another list of the map brings codes of that list and gets such codes. Its
 * answer says "coding", "code_map" and "code_map_version".
 *
 * Nothing is guessed. A code of the request that has not exactly one
 * partner breaks the contract. A code of the answer that has not stays in the
 * provider's list, typed:
 *
 *   {"type":"settlements/interior","value":"0103","partners":"none"}
 *
 * or "partners":"many". Without "coding" nothing of this happens.
 *
 * Ownership: a pv_code_map borrows; texts are borrowed from its index.
 * Threads: any. Blocks: never.
 */
#ifndef PV_CONTRACT_CODING_H
#define PV_CONTRACT_CODING_H

#include "contract/request.h"

/*
 * One map between the provider's list and that of one consumer. An index is
 * an object from code to its one partner, or to null where there are many.
 */
struct pv_code_map {
    char          list[PV_CODE_LIST_MAX + 1]; /* the consumer's */
    const json_t *version;                    /* of the map; a string */
    const json_t *from;                       /* theirs to the provider's */
    const json_t *to;                         /* the provider's to theirs */
};

/*
 * Translate the inputs of a request that names another coding. PV_EINVAL with
 * *ret_fault: a code without a partner, or with many.
 */
enum pv_err pv_coding_request(const struct pv_contract_method *method,
                              const struct pv_code_map        *map,
                              struct pv_request               *request,
                              struct pv_fault *ret_fault) PV_MUST_CHECK;

/* Translate the outputs of an answer, and say by what. PV_ENOMEM. */
enum pv_err pv_coding_answer(const struct pv_contract_method *method,
                             const struct pv_code_map        *map,
                             json_t *body) PV_MUST_CHECK;

/*
 * An answer as it came: take what says its coding away, and what is typed
 * becomes a plain code. PV_EINVAL with *ret_fault for another form.
 */
enum pv_err pv_coding_reply(const struct pv_contract_method *method,
                            json_t                          *body,
                            struct pv_fault *ret_fault) PV_MUST_CHECK;

/* Is the answer in the coding that was asked for? PV_EINVAL: it is not. */
enum pv_err pv_coding_check_reply(const struct pv_contract_method *method,
                                  struct pv_slice                  question,
                                  struct pv_slice                  answer,
                                  struct pv_fault *ret_fault) PV_MUST_CHECK;

#endif
