/*
 * outcome.h - the one table of words: outcome classes, reasons, their HTTP
 * status and their titles in Persian and English.
 *
 * classes are always distinguishable. R-110: the reason names the
 * missing step. A class or a reason is stored and sent as its word; the
 * numbers below are not stable and never leave a process.
 */
#ifndef PV_POLICY_OUTCOME_H
#define PV_POLICY_OUTCOME_H

#include "base/slice.h"

enum pv_outcome {
    PV_OUTCOME_NONE = 0, /* not known yet; never sent */
    PV_OUTCOME_ANSWERED,
    PV_OUTCOME_INVALID,     /* the input breaks the contract */
    PV_OUTCOME_REFUSED,     /* no right; the reason names the missing step */
    PV_OUTCOME_LIMITED,     /* a quota is spent */
    PV_OUTCOME_CLOSED,      /* outside hours, or an announced outage */
    PV_OUTCOME_FAILED,      /* the provider broke */
    PV_OUTCOME_TIMEOUT,     /* the provider did not answer in time */
    PV_OUTCOME_UNAVAILABLE, /* the exchange cannot decide or journal */
    PV_OUTCOME_UNKNOWN,     /* a node died during the call */
    PV_OUTCOME_END
};

enum pv_reason {
    PV_REASON_NONE = 0, /* allowed, or not about a right */
    /* who calls */
    PV_REASON_CERTIFICATE_MISSING,
    PV_REASON_CERTIFICATE_INVALID, /* chain, or not made by a known authority */
    PV_REASON_CERTIFICATE_EXPIRED,
    PV_REASON_CERTIFICATE_NOT_YET_VALID,
    PV_REASON_CERTIFICATE_REVOKED,
    PV_REASON_KEY_UNREGISTERED,
    PV_REASON_NETWORK_NOT_REGISTERED,
    PV_REASON_SYSTEM_SUSPENDED,
    /* how it is asked */
    PV_REASON_PATH_NOT_CANONICAL,
    PV_REASON_HTTP_METHOD,
    PV_REASON_HEADER_NOT_ALLOWED, /* a header the gate alone sets, Expect ... */
    PV_REASON_HEADER_GRAMMAR,
    PV_REASON_REQUEST_MALFORMED, /* the HTTP parser refused it */
    PV_REASON_BODY_TOO_LARGE,
    PV_REASON_REQUEST_TOO_SLOW,
    PV_REASON_CONTRACT, /* said by a connector: items break the contract */
    /* what is asked for */
    PV_REASON_METHOD_UNKNOWN,
    PV_REASON_PASSPORT_NOT_APPROVED,
    PV_REASON_SERVICE_CODE_MISSING,
    PV_REASON_SERVICE_NOT_LIVE,
    PV_REASON_SERVICE_SUSPENDED,
    PV_REASON_SERVICE_WITHDRAWN,
    PV_REASON_ENDPOINT_MISSING,
    /* the right */
    PV_REASON_NO_GRANT,
    PV_REASON_GRANT_NOT_STARTED,
    PV_REASON_GRANT_ENDED,
    PV_REASON_GRANT_SUSPENDED,
    PV_REASON_GRANT_WITHDRAWN,
    PV_REASON_CONSUMER_SUSPENDED,
    PV_REASON_PROVIDER_READINESS_MISSING,
    PV_REASON_CONSUMER_READINESS_MISSING,
    PV_REASON_GRANT_AWAITS_SERVICE,
    PV_REASON_NOT_THIS_UNIT,
    PV_REASON_NOT_THIS_SYSTEM,
    PV_REASON_DEDICATED,
    PV_REASON_NOT_COVERED_BY_MODE,
    PV_REASON_MODE_WITHOUT_RESOLUTION,
    PV_REASON_MODE_NOT_STARTED,
    PV_REASON_MODE_ENDED,
    PV_REASON_PURPOSE_MISSING,
    PV_REASON_PURPOSE_NOT_GRANTED,
    PV_REASON_CONSENT_MISSING,
    PV_REASON_USED_UP, /* max_answered calls are answered */
    /* when */
    PV_REASON_RATE,
    PV_REASON_DAILY,
    PV_REASON_LAST_CALL_OPEN, /* the last that max_answered allows */
    PV_REASON_HOURS,
    PV_REASON_OUTAGE,
    /* the exchange and the provider */
    PV_REASON_POLICY_UNREADABLE,
    PV_REASON_POLICY_STALE, /* a copy that was not renewed in time (design 5) */
    PV_REASON_JOURNAL_DOWN,
    PV_REASON_JOURNAL_FULL,
    PV_REASON_OVERLOADED,
    PV_REASON_PROVIDER_UNREACHABLE,
    PV_REASON_PROVIDER_IDENTITY, /* chain, name or pin of the endpoint */
    PV_REASON_PROVIDER_ANSWER,   /* 1xx, 3xx, malformed, too large */
    PV_REASON_PROVIDER_TIMEOUT,
    PV_REASON_CALLER_GONE, /* the caller left before the record was durable */
    PV_REASON_END
};

/* "answered" ...; the empty slice for a number out of range. */
struct pv_slice pv_outcome_word(enum pv_outcome outcome);

/* PV_OUTCOME_NONE for a word that is not in the table. */
enum pv_outcome pv_outcome_from_word(struct pv_slice word);

/* The HTTP status that the consumer sees for the class. */
int pv_outcome_status(enum pv_outcome outcome);

/* "no-grant" ...: the last part of urn:payvand:problem:<word>. */
struct pv_slice pv_reason_word(enum pv_reason reason);
enum pv_reason  pv_reason_from_word(struct pv_slice word);

/* The class that a reason belongs to. */
enum pv_outcome pv_reason_outcome(enum pv_reason reason);

/* The HTTP status of the reason: that of its class unless it has its own. */
int pv_reason_status(enum pv_reason reason);

/* One sentence in each language: what is wrong and what to do. */
struct pv_slice pv_reason_title_en(enum pv_reason reason);
struct pv_slice pv_reason_title_fa(enum pv_reason reason);

#endif
