/*
 * call_private.h - one call on its way: what the files of a call share.
 *
 * http_call.c leads it from the request's head to the answer; each step of the
 * way stands in a file of its own.
 */
#ifndef PV_CONNECTORD_CALL_PRIVATE_H
#define PV_CONNECTORD_CALL_PRIVATE_H

#include "connectord/http_private.h"
#include "connectord/order.h"
#include "contract/coding.h"
#include "contract/request.h"
#include "trace/tracking_id.h"

#define PV_CALL_HEADER_MAX 128 /* bytes of a header's value */

struct call {
    uint32_t                magic;
    struct pv_http         *http;
    struct pv_serving      *serving; /* of its method; NULL: it has none */
    struct MHD_Connection  *connection;
    const struct pv_method *method;
    int64_t                 since_ms; /* monotonic */
    char                    uri[PV_PATH_MAX];
    char                    tracking_id[PV_TRACKING_ID_LEN + 1];
    char                    consumer[PV_CALL_HEADER_MAX + 1];
    char                    order_token[PV_ORDER_TOKEN_LEN]; /* for a yes */
    bool                    has_order_token;
    /* digests of a command's key, one a secret */
    char                   key[PV_SECRETS_MAX][PV_KEYED_TEXT_LEN];
    struct pv_buf          body;
    struct pv_job          job;
    bool                   begun;     /* headers have been judged */
    bool                   too_large; /* swallow the rest */
    bool                   suspended;
    bool                   asked;     /* the ledger is to have it */
    bool                   recording; /* the keeper is at it */
    char                   grant[PV_CALL_HEADER_MAX + 1]; /* "": none said */
    uint64_t               closed; /* columns, of pv_method_closed */
    json_t                *codes;  /* pv_rights_code_map; NULL: own coding */
    struct pv_code_map     code_map;
    struct pv_keeping      keeping;
    struct pv_buf          after;   /* where its page begins (pages.h) */
    struct pv_buf          persons; /* texts, as in keeper_message.h */
    uint32_t               person_count;
    struct pv_httpsig_made made;
    bool                   is_made; /* signed already */
    struct call           *to_sign; /* the next of http->to_sign */
    unsigned               status;
    const char            *outcome;
    bool                   problem;
    bool                   metrics; /* no call: the numbers */
    struct pv_buf          answer;
};

/* call_head.c: false when an answer stands already. */
bool pv_call_judge_head(struct call *call, const char *http_method);

/* call_frame.c */

/* The digest of a command's key; false when a problem is the answer. */
bool pv_call_take_key(struct call *call);

/* call->job.call; a command's own values are set in request. PV_ERANGE ... */
enum pv_err pv_call_make_frame(struct call       *call,
                               struct pv_request *request) PV_MUST_CHECK;

/* call_sign.c */

/* The body is whole. False: an answer stands, the request is not taken. */
bool pv_call_check_signature(struct call *call);

/* Add the fields of its signature. False: there is a key, and no signature. */
bool pv_call_sign_answer(struct call *call, struct MHD_Response *response);

/*
 * The answer stands: a call that waits is let go when it is signed, with the
 * others of its round.
 */
void pv_call_sign_soon(struct call *call);

/* http_call.c */

/* Of the answer. */
const char *pv_call_type(const struct call *call);

/* Hand the call to a worker. Its end is _end. */
void pv_call_submit(struct call *call);

/* The answer stands: record it, then let it go. */
void pv_call_end(struct call *call);

/* Let the answer go. */
void pv_call_resume(struct call *call);

/* call_keep.c */

/* Whom the request asks about; PV_ERANGE: more than can be recorded. */
enum pv_err
pv_call_note_persons(struct call             *call,
                     const struct pv_request *request) PV_MUST_CHECK;

/* Ask the keeper; then _submit or _end. False: a problem is the answer. */
bool pv_call_ask_consent(struct call *call, const struct pv_request *request);

/* Tell the keeper; then _resume. False: nothing is waited for. */
bool pv_call_record(struct call *call);

/* call_rights.c */

/* The right, and what it opens. False: a problem is the answer. */
bool pv_call_check_right(struct call *call);

/* To the provider's coding. False: a problem is the answer. */
bool pv_call_translate(struct call *call, struct pv_request *request);

/* call_say.c: set the call's answer to a problem (RFC 9457). */
void pv_call_say_problem(struct call *call, unsigned status,
                         const char *outcome, const char *word,
                         const char *title, const char *title_fa);
void pv_call_say_failed(struct call *call);
void pv_call_say_timeout(struct call *call);
void pv_call_say_fault(struct call *call, const struct pv_fault *fault);
void pv_call_say_key_missing(struct call *call);
void pv_call_say_key_reused(struct call *call);
void pv_call_say_not_done(struct call *call);
void pv_call_say_no_member(struct call *call);

#endif
