/*
 * payvand.h - libpayvand: governed calls through a Payvand exchange, with
 * signatures, evidence and safe repetition. The public header; see
 * libpayvand(3).
 *
 *     struct payvand *exchange = payvand_new();
 *     struct payvand_call *call;
 *
 *     payvand_set(exchange, PAYVAND_URL, "https://exchange.example:8443");
 *     payvand_set(exchange, PAYVAND_CERT, "system.crt");
 *     payvand_set(exchange, PAYVAND_KEY, "system.key");
 *     payvand_set(exchange, PAYVAND_PROVIDER_KEYS, "/etc/payvand/providers");
 *     call = payvand_call_new(exchange, "tavanir/bills/v1/inquire");
 *     if (payvand_call_run(call, "{...}", 5) == PAYVAND_OK &&
 *         strcmp(payvand_call_outcome(call), "answered") == 0) {
 *             ... payvand_call_answer(call, &len) ...
 *     }
 *     payvand_call_free(call);
 *     payvand_free(exchange);
 *
 * Ownership: what _new gives is freed by _free, which takes NULL; the calls
 *            before their exchange. Texts that are given are copied; texts
 *            that are gotten live until the next _run or _free of the call.
 * Threads:   one at a time for one exchange and its calls; different
 *            exchanges are independent. With several threads, call
 *            curl_global_init(3) first.
 * Blocks:    payvand_call_run, until the answer or its timeout.
 * ABI:       struct members are hidden; numbers of the enums stay what they
 *            are; functions are only added.
 */
#ifndef PAYVAND_H
#define PAYVAND_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define PAYVAND_API __attribute__((visibility("default")))
#define PAYVAND_CHECK __attribute__((warn_unused_result))
#else
#define PAYVAND_API
#define PAYVAND_CHECK
#endif

#define PAYVAND_BODY_MAX (1024 * 1024)        /* bytes of a request */
#define PAYVAND_ANSWER_MAX (16 * 1024 * 1024) /* bytes of an answer */
#define PAYVAND_TRIES_MAX 5
#define PAYVAND_TIMEOUT_MAX_MS 600000

struct payvand;
struct payvand_call;

enum payvand_result {
    PAYVAND_OK = 0,        /* the exchange answered; see the outcome */
    PAYVAND_EINVAL = 1,    /* a setting or an input; nothing was sent */
    PAYVAND_ENOMEM = 2,    /* no memory; nothing was sent */
    PAYVAND_ENOANSWER = 3, /* no answer; the call may have been made */
    PAYVAND_EPROTOCOL = 4, /* an answer, but not of a Payvand exchange: it is
                              withheld */
    PAYVAND_EEVIDENCE = 5, /* evidence was not kept: with an outcome, after
                              the call, otherwise nothing was sent */
    PAYVAND_EVERIFY = 6,   /* answered, and not shown to be the provider's
                              answer to this call: it is withheld */
    PAYVAND_ECONTRACT = 7, /* answered, and not as its contract says: it is
                              withheld */
    PAYVAND_ERIGHT = 8     /* the agency has no right to this call, that may
                              change something; nothing was sent */
};

/* Settings of an exchange; texts. */
enum payvand_setting {
    PAYVAND_URL = 0,  /* https://host:port */
    PAYVAND_CA = 1,   /* PEM file of who signed the exchange's key; default:
                         those of the system */
    PAYVAND_CERT = 2, /* PEM file of the calling system's certificate */
    PAYVAND_KEY = 3,  /* PEM file of its key. Requests are signed with it when
                         it is of Ed25519 or P-256 */
    PAYVAND_PROVIDER_KEYS = 4, /* folder of <provider>.pem, and for the time of
                         a change <provider>.next.pem: public keys. With it an
                         answer must be signed by its provider */
    PAYVAND_EVIDENCE = 5,      /* folder in which evidence is kept */
    PAYVAND_TIMEOUT_MS = 6,    /* of one try; decimal. Default: by its contract,
                         5000 more than the method's deadline; else 30000 */
    PAYVAND_TRIES = 7,         /* at most, of a call that may be repeated; 3 */
    PAYVAND_CONTRACTS = 8,     /* folder with data_items.json, enactment.json,
                                  data_items_proposed.json and
                                  contracts/<provider>/<service>.json: requests
                                  and answers are held against them */
    PAYVAND_RIGHTS = 9,        /* file with what the registry signed of the
                                  agency's grants: an answer with an item that
                                  none of this call opens is withheld, and a
                                  command without one is not sent. Needs
                                  PAYVAND_CONTRACTS, PAYVAND_LOG_KEY and
                                  PAYVAND_AGENCY; read again when it has
                                  changed */
    PAYVAND_LOG_KEY = 10,      /* public key of the registry's log, a vkey */
    PAYVAND_SYSTEM = 11,       /* id of the calling system, for grants of one
                                  system or unit; default: not known, all of
                                  the agency's count */
    PAYVAND_AGENCY = 12        /* id of the calling agency, whose rights must
                                  be in the file */
};

/* Settings of one call; texts. */
enum payvand_call_setting {
    PAYVAND_PURPOSE = 0,
    PAYVAND_CONSENT = 1,         /* 16 digits */
    PAYVAND_CASE = 2,            /* a UUID */
    PAYVAND_IDEMPOTENCY_KEY = 3, /* it makes a command repeatable */
    PAYVAND_REPEATABLE = 4       /* "yes": the method changes nothing; "no".
                                    Default: what its contract says */
};

/* NULL: no memory. */
PAYVAND_API struct payvand *payvand_new(void);
PAYVAND_API void            payvand_free(struct payvand *exchange);

/*
 * NULL takes a setting back. PAYVAND_EINVAL: not such a value, or contracts
 * that a call has read already.
 */
PAYVAND_API enum payvand_result payvand_set(struct payvand      *exchange,
                                            enum payvand_setting setting,
                                            const char          *value);

/*
 * A call of "provider/service/version/method" (a leading "/x/" is taken too).
 * NULL: no memory, or not of this form.
 */
PAYVAND_API struct payvand_call *payvand_call_new(struct payvand *exchange,
                                                  const char     *method);
PAYVAND_API void                 payvand_call_free(struct payvand_call *call);

PAYVAND_API enum payvand_result
payvand_call_set(struct payvand_call *call, enum payvand_call_setting setting,
                 const char *value);

/*
 * Make the call with this JSON. A call that may be repeated is, with a pause
 * between, when there was no answer or the exchange was `unavailable`; each
 * try is a call of its own for the exchange, with its own tracking id,
 * signature and evidence. What is told afterwards is of the last.
 */
PAYVAND_API enum payvand_result payvand_call_run(struct payvand_call *call,
                                                 const char          *json,
                                                 size_t len) PAYVAND_CHECK;

/*
 * A list longer than an answer comes in pages, where its contract says so; that
 * needs PAYVAND_CONTRACTS. 1: rows came, and _next asks for those behind them.
 * 0: the list is whole, its last answer came without rows; or it has no pages,
 * or the call was not answered.
 *
 *     result = payvand_call_run(call, json, len);
 *     while (result == PAYVAND_OK && payvand_call_has_next(call)) {
 *             ... payvand_call_answer(call, &len) ...
 *             result = payvand_call_next(call);
 *     }
 *     whole = result == PAYVAND_OK && outcome is "answered"
 */
PAYVAND_API int payvand_call_has_next(const struct payvand_call *call);

/* As _run, with the key of the last row. PAYVAND_EINVAL: there is no next. */
PAYVAND_API enum payvand_result
payvand_call_next(struct payvand_call *call) PAYVAND_CHECK;

/* "answered", "invalid", "refused" ...; "" when there was no answer. */
PAYVAND_API const char *payvand_call_outcome(const struct payvand_call *call);

/* شناسه پیگیری; "" when the exchange gave none. */
PAYVAND_API const char *
payvand_call_tracking_id(const struct payvand_call *call);

/*
 * The body and its length; NULL and 0 when there is none. Of a call that was
 * not answered it is a problem (RFC 9457) of the known members alone, whatever
 * else came.
 */
PAYVAND_API const char *payvand_call_answer(const struct payvand_call *call,
                                            size_t                    *ret_len);

/*
 * A text of the problem (RFC 9457) of a call that was not answered: "type",
 * "title", "title_fa", "detail", "detail_fa", "reason", "fault", "member" ...;
 * NULL when it has none.
 */
PAYVAND_API const char *payvand_call_problem(const struct payvand_call *call,
                                             const char                *name);

/* 1: the answer is signed by its provider, for this call. 0: not looked at. */
PAYVAND_API int payvand_call_is_verified(const struct payvand_call *call);

/*
 * What the yes or no of the answer means by its contract, in "en" or "fa";
 * NULL without a contract, and for an answer of another kind.
 */
PAYVAND_API const char *payvand_call_meaning(const struct payvand_call *call,
                                             const char *language);

/* HTTP status; seconds to wait, 0 when nothing was said; tries that were made.
 */
PAYVAND_API int payvand_call_status(const struct payvand_call *call);
PAYVAND_API int payvand_call_retry_after(const struct payvand_call *call);
PAYVAND_API int payvand_call_tries(const struct payvand_call *call);

/* A sentence on the last result that was not PAYVAND_OK; never NULL. */
PAYVAND_API const char *payvand_error(const struct payvand *exchange);
PAYVAND_API const char *payvand_call_error(const struct payvand_call *call);

#ifdef __cplusplus
}
#endif

#endif
