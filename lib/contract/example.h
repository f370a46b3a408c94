/*
 * example.h - example requests and answers of a method, made from the
 * examples of its data items: what a person tries first, and what a mock
 * answers.
 *
 * Ownership: results are the caller's to json_decref. Threads: any.
 * Blocks: never. Errors: PV_ENOMEM.
 */
#ifndef PV_CONTRACT_EXAMPLE_H
#define PV_CONTRACT_EXAMPLE_H

#include "contract/contract.h"

/*
 * A request that the contract takes on the day of when_ms: required inputs,
 * and optional ones too when `all` is set. A window's input is its newest day.
 */
enum pv_err pv_example_request(const struct pv_contract_method *method,
                               bool all, int64_t when_ms,
                               json_t **ret) PV_MUST_CHECK;

/* The answer with everything in it that is sent on that day. */
enum pv_err pv_example_answer(const struct pv_contract_method *method,
                              int64_t when_ms, json_t **ret) PV_MUST_CHECK;

#endif
