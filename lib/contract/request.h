/*
 * request.h - a request's body, checked against its method.
 *
 * The body is one JSON object of at most PV_BODY_MAX bytes whose members are
 * the method's inputs, in the shapes of shape.h, and "order_token" where the
 * method comes after another (R-154; whether it is good is not judged here),
 * and "coding" where the method may speak another (coding.h).
 * Duplicate and unknown
 * members, absent required ones, values that are not of their data item,
 * inputs that break a rule together and days outside the window are faults
 * that name the member and never hold its value.
 *
 * Ownership: the request owns the parsed body; values are parts of it.
 * Threads:   one owner at a time.  Blocks: never.  Limits: below.
 */
#ifndef PV_CONTRACT_REQUEST_H
#define PV_CONTRACT_REQUEST_H

#include "contract/contract.h"
#include "contract/statement.h"

#define PV_BODY_MAX (64 * 1024)
#define PV_BODY_DEPTH_MAX 10 /* brackets in each other */

struct pv_value {
    bool                       present;
    struct pv_slice            text; /* canonical; JSON for a structure */
    const struct pv_data_item *type; /* the member of a union that it is */
};

struct pv_request {
    json_t         *root;
    struct pv_value value[PV_FIELDS_MAX]; /* by input */
    char           *dump[PV_FIELDS_MAX];  /* texts of structures, or NULL */
    struct pv_slice order_token; /* of a method after another; else empty */
    struct pv_slice coding;      /* a code list; empty: the provider's own */
    struct pv_slice call[PV_CALL_VALUES]; /* set by who has it, for commands */
};

/*
 * when_ms (wall clock) is the time of the call, for windows of days. PV_EINVAL
 * with *ret_fault for every breach of the contract. PV_ENOMEM. The request is
 * to be cleared when PV_OK.
 */
enum pv_err pv_request_parse(const struct pv_contract_method *method,
                             struct pv_slice body, int64_t when_ms,
                             struct pv_request *ret,
                             struct pv_fault   *ret_fault) PV_MUST_CHECK;
void        pv_request_clear(struct pv_request *request);

/* What a parameter is bound to; false for NULL (the input is absent). */
bool pv_request_bind(const struct pv_request *request,
                     const struct pv_bind *bind, struct pv_slice *ret);

#endif
