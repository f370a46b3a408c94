/*
 * private.h - what the files of libpayvand share: an exchange with its
 * settings and keys, and a call on its way.
 */
#ifndef PV_CLIENT_PRIVATE_H
#define PV_CLIENT_PRIVATE_H

#include <jansson.h>
#include <sys/stat.h>

#include "client/evidence.h"
#include "client/host.h"
#include "client/http.h"
#include "contract/contract.h"
#include "httpsig/profile.h"
#include "rights/rights.h"

#define SETTINGS (PAYVAND_AGENCY + 1)
#define CALL_SETTINGS (PAYVAND_REPEATABLE + 1)
#define VALUE_MAX 1024
#define METHOD_MAX 280
#define PROVIDER_MAX 64
#define LINE_MAX_LEN 2304 /* a header: the longest is a signature's */

struct payvand {
    char                          *setting[SETTINGS]; /* NULL: not set */
    struct pv_httpsig_key         *key; /* of ->setting[PAYVAND_KEY], or NULL */
    struct pv_data_items          *items;  /* of PAYVAND_CONTRACTS, or NULL */
    const struct pv_client_store  *store;  /* or NULL */
    const struct pv_client_source *source; /* or NULL */
    struct pv_rights              *rights; /* of PAYVAND_RIGHTS, or NULL */
    struct pv_rights_head          rights_head;
    struct stat                    rights_file; /* as it was read */
    struct pv_why                  why;
};

struct payvand_call {
    struct payvand                  *exchange;
    char                             method[METHOD_MAX + 1]; /* without "/x/" */
    char                             provider[PROVIDER_MAX + 1];
    char                            *setting[CALL_SETTINGS];
    char                             address[VALUE_MAX + METHOD_MAX + 8];
    char                             path[METHOD_MAX + 8]; /* "/x/..." */
    struct pv_buf                    body;
    struct pv_http                   http;
    struct pv_evidence               evidence;
    json_t                          *problem;
    struct pv_client_state           state; /* ->rights NULL: none is asked */
    struct pv_contract              *contract; /* of this call, or NULL */
    const struct pv_contract_method *terms;    /* in ->contract, or NULL */
    struct pv_buf   last;    /* key of the page's last row; empty: no more */
    bool            is_next; /* of a list that has begun */
    int64_t         sent_ms; /* wall clock, of the present try */
    int             tries;
    int             verified;
    bool            has_no_contract;
    struct pv_fault fault;   /* of its contract */
    int64_t         kept_id; /* of ->exchange->store */
    void           *owner;   /* pv_client_owner */
    struct pv_why   why;

    /* the request of the present try */
    char                    line[PV_HTTP_HEADERS_MAX][LINE_MAX_LEN];
    struct pv_httpsig_field field[PV_HTTPSIG_FIELDS_MAX];
    size_t                  field_count;
    struct pv_httpsig_made  made;
};

/* A setting with its default, a number within its maximum. */
long pv_client_number(const struct payvand *exchange,
                      enum payvand_setting  setting);

/* How long a try may take: the setting, or by the contract, or 30 s. */
long pv_client_timeout_ms(const struct payvand_call *call);

/* keep.c: evidence before a try and after it; PAYVAND_EEVIDENCE. */
enum payvand_result pv_client_keep_begin(struct payvand_call *call);
enum payvand_result pv_client_keep_end(struct payvand_call *call,
                                       enum payvand_result  result);

/* The request as its signature sees it. */
struct pv_httpsig_message pv_client_request(const struct payvand_call *call);

/*
 * verify.c: is the answer that came the provider's answer to this request?
 * PV_OK; PV_EVERIFY with the reason in why; PV_ENOMEM, PV_ECRYPTO.
 */
enum pv_err pv_client_verify(const struct payvand_call *call,
                             struct pv_why             *why) PV_MUST_CHECK;

/* contracts.c */

/* The call's contract, where there is a folder of them. Words in why. */
enum pv_err pv_client_load_contract(struct payvand_call *call,
                                    struct pv_why       *why) PV_MUST_CHECK;

/* Its method changes nothing, as its contract says. */
bool pv_client_only_asks(const struct payvand_call *call);

/* PV_EINVAL: the request is not as its contract says; ->fault, why. */
enum pv_err pv_client_check_request(struct payvand_call *call,
                                    struct pv_why       *why) PV_MUST_CHECK;

/* PV_EINVAL: the answer is not as its contract says; ->fault, why. */
enum pv_err pv_client_check_contract(struct payvand_call *call,
                                     struct pv_why       *why) PV_MUST_CHECK;

void pv_client_forget_items(struct payvand *exchange);

/* rights.c */

/* The rights of PAYVAND_RIGHTS, where it is set. PV_EINVAL, PV_EVERIFY ...:
   none that may be used; words in why. */
enum pv_err pv_client_load_rights(struct payvand_call *call,
                                  struct pv_why       *why) PV_MUST_CHECK;

/* Of rights, the registry signed nothing newer for too long. Words in why. */
bool pv_client_is_stale(const struct payvand_call *call, struct pv_why *why);
void pv_client_release_state(struct payvand_call *call);

/* What may change something is sent under a right of the agency alone: its
   answer would come too late. Words in why. */
bool pv_client_may_be_sent(const struct payvand_call *call, struct pv_why *why);

/* PV_EINVAL: the answer has an item that no grant opens; ->fault. */
enum pv_err pv_client_check_rights(struct payvand_call *call) PV_MUST_CHECK;

void pv_client_forget_rights(struct payvand *exchange);

/* problem.c: of an answer that is not `answered` its known members alone are
   left, in ->http.answer and ->problem. */
void pv_client_take_problem(struct payvand_call *call);

#endif
