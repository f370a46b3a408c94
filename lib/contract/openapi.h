/*
 * openapi.h - the OpenAPI 3.1 document of a contract, with JSON Schema
 * 2020-12 for its requests and answers.
 *
 * The document says what a caller can say of a call: paths, bodies, the
 * headers of a governed call, outcomes, meaning and rules in two languages
 * (English in `description`, Persian in `x-payvand-fa`). What no schema can
 * say (check digits, windows, rules over several inputs) stands as
 * `x-payvand-...` members with the contract's own words.
 *
 * Ownership: the result is the caller's to json_decref. Threads: any.
 * Blocks: never.
 */
#ifndef PV_CONTRACT_OPENAPI_H
#define PV_CONTRACT_OPENAPI_H

#include "contract/contract.h"

/*
 * server: the exchange's URL, or NULL for none. when_ms: the day of the
 * examples. PV_ENOMEM.
 */
enum pv_err pv_openapi(const struct pv_contract *contract, const char *server,
                       int64_t when_ms, json_t **ret) PV_MUST_CHECK;

/* The schema of a request, or of an answer that is `answered`. PV_ENOMEM. */
enum pv_err pv_schema_request(const struct pv_contract_method *method,
                              json_t **ret) PV_MUST_CHECK;
enum pv_err pv_schema_answer(const struct pv_contract_method *method,
                             json_t **ret) PV_MUST_CHECK;

#endif
