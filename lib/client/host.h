/*
 * host.h - what a program that makes calls for others needs of libpayvand
 * beside payvand.h: a store of evidence in the place of a folder, and how an
 * answer broke its contract. Not in the shared library.
 *
 * Ownership: as payvand.h says; a store is its owner's and lives longer than
 *            the exchanges that have it.
 * Threads:   a store's functions are called by whichever thread runs a call.
 */
#ifndef PV_CLIENT_HOST_H
#define PV_CLIENT_HOST_H

#include "base/buf.h"
#include "client/evidence.h"
#include "client/payvand.h"
#include "contract/fault.h"
#include "rights/rights.h"

/* How a call ended, as the store is told. */
struct pv_client_end {
    const char         *method; /* provider/service/version/method */
    enum payvand_result result;
    const char         *outcome;     /* "": there was no answer */
    const char         *tracking_id; /* "": the exchange gave none */
    bool                verified;
    enum pv_fault_kind  fault; /* of PAYVAND_ECONTRACT */
    struct pv_slice     answer;
    struct pv_signed signature; /* as it came; ->answer.signature may be "" */
};

/*
 * begin is called before a try is sent, with nonce, commitment and content;
 * *ret_id is given back to end, once for each begin that gave PV_OK. Another
 * error than PV_OK: words in why; after begin nothing is sent.
 */
struct pv_client_store {
    void *context;
    enum pv_err (*begin)(void *context, const struct payvand_call *call,
                         const struct pv_evidence *evidence, int64_t *ret_id,
                         struct pv_why *why);
    enum pv_err (*end)(void *context, int64_t id,
                       const struct pv_client_end *end, struct pv_why *why);
};

/* In the place of PAYVAND_EVIDENCE; NULL takes it back. */
void pv_client_set_store(struct payvand               *exchange,
                         const struct pv_client_store *store);

/*
 * Are its requests signed? False without PAYVAND_KEY, and for a file that is
 * not read or whose key is of another kind: payvand_error says why.
 */
bool pv_client_signs(const struct payvand *exchange);

/* What a registry signed, held by a program that makes calls for others. */
struct pv_client_state {
    const struct pv_rights *rights;
    uint64_t                when_s; /* when it was signed last */
    void                   *held;   /* of its source */
};

/*
 * In the place of PAYVAND_CONTRACTS and PAYVAND_RIGHTS: a call has its contract
 * and its rights of one state. take gives the state, and behind out the
 * document (contract/document.h) of the version of a path "/x/..."; release
 * takes the state back, after the call. An error with words in why: the call is
 * not sent, and pv_client_has_no_contract.
 */
struct pv_client_source {
    void *context;
    enum pv_err (*take)(void *context, const char *path,
                        struct pv_client_state *ret, struct pv_buf *out,
                        struct pv_why *why);
    void (*release)(void *context, struct pv_client_state *state);
};

/* Lives longer than the exchange and its calls; NULL takes it back. */
void pv_client_set_source(struct payvand                *exchange,
                          const struct pv_client_source *source);

/* Of PAYVAND_EINVAL: its contract was not given. */
bool pv_client_has_no_contract(const struct payvand_call *call);

/* A method as payvand_call_new takes it, without "/x/". */
bool pv_client_is_method(struct pv_slice method);

/* For the store: what a caller has with its call. */
void  pv_client_set_owner(struct payvand_call *call, void *owner);
void *pv_client_owner(const struct payvand_call *call);

/* Of PAYVAND_EINVAL before it was sent, and of PAYVAND_ECONTRACT: how input or
   answer breaks the contract; kind PV_FAULT_NONE when it is something else. */
const struct pv_fault *pv_client_fault(const struct payvand_call *call);

#endif
