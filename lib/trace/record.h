/*
 * record.h - what the trace keeps of a call: a closed list of fields.
 *
 * A record is one line of canonical JSON (RFC 8785: members in code-point
 * order, integers only, no spaces). Adding a field is a governed change and a
 * new PV_RECORD_VERSION; the writer refuses unknown fields and versions.
 * No subject, no body, no digest of content, no answer size.
 *
 * request     one leaf per request
 *   case        citizen's case, UUID; absent when none
 *   commitment  base64url of 32 bytes, 43 characters; absent when none
 *   consumer    system id
 *   decision    "allowed" or an outcome word (refused, limited, closed,
 *               invalid, unavailable)
 *   grant       grant or mode id; absent when none applied
 *   grant_decision
 *               number of the registry's decision that made the grant what it
 *               was; absent when no grant applied, or one that no decision made
 *   hop         0 for a direct call
 *   id          tracking id
 *   image       registry decision number of the policy image
 *   max_answered
 *               how many calls of the grant may be answered in all;
 *               absent when there is no such limit, and on a refusal
 *   method, provider, service, version
 *               all four; absent on a refusal whose path names no known method
 *               (what a caller wrote there could be content)
 *   node        exchange node id
 *   purpose     absent when none
 *   reason      reason word; absent when allowed
 *   size        class of the request body: "0", "1k", "4k", "16k", "64k",
 *               "256k", "1m", "big", "chunked" (upper bound of the class)
 *   time        ms since 1970, when the request was read
 *   type        "request"
 *   unit        absent when none
 *   v           1
 *   via         relaying exchange's system id; absent when hop is 0
 * completions one leaf per frame
 *   done        array of [of, forwarded, first, last, outcome]: of is the index
 *               of the request's leaf; the three times are ms since 1970, 0
 *               when it did not happen, rounded down to 100 ms on verify
 *               methods
 *   node, salt, type "completions", v
 * refusals    the summary above a system's budget, one a minute
 *   consumer, count, from, node, salt, type "refusals", until, v
 * worker-lost written by traced when a worker vanished with calls open
 *   epoch (16 hex digits), node, open (how many), time, type "worker-lost", v
 * reading     somebody looked at the trace; on disk before he is told
 *   by          system id, or "uid/<number>" of a user of this machine
 *   count       how many records he was shown (bundles count their entries)
 *   id          tracking id of the one request shown; absent otherwise
 *   ids         array of those of `count` requests, 2 to 32, where they were
 *               asked for by name; absent otherwise
 *   node
 *   role        as what he may see it: "auditor", "consumer", "operator",
 *               "provider"
 *   salt, time, type "reading", v
 *   what        "bundle", "follow", "lookup", "receipt", "rollup", "search"
 * pruned      leaves were removed, by a decision on retention; on disk
 *             before the first of them goes
 *   count       how many leaves, from `first` on
 *   decision    reference of the decision, a word
 *   first       index of the first leaf removed
 *   node, salt, time, type "pruned", v
 *
 * salt is 128 random bits, 32 hex digits, of whoever writes the record: hashes
 * of leaves are public, and without it a guess of a whole record could be
 * tried on them. A request has the 62 random bits of its id, worker-lost the
 * 64 of its epoch.
 */
#ifndef PV_TRACE_RECORD_H
#define PV_TRACE_RECORD_H

#include "base/buf.h"
#include "policy/outcome.h"
#include "trace/tracking_id.h"

#define PV_RECORD_VERSION 1
#define PV_RECORD_MAX 2048           /* bytes of a request record */
#define PV_READING_IDS_MAX 32        /* in one record */
#define PV_COMPLETIONS_MAX 512       /* in one leaf */
#define PV_COMPLETIONS_LEN_MAX 57344 /* bytes of that leaf */
#define PV_COMPLETIONS_TAIL_MAX 512  /* kept free for the leaf's end */
#define PV_COMMITMENT_LEN 43
#define PV_RECORD_SALT_LEN 32                          /* text */
#define PV_RECORD_WORD_MAX 255                         /* an id or a word */
#define PV_RECORD_NUMBER_MAX ((UINT64_C(1) << 53) - 1) /* exact in any JSON */
#define PV_RECORD_ANSWERED_MAX 0xfffffu                /* of max_answered */
#define PV_SIZE_CHUNKED UINT64_MAX /* for pv_record_size_class */

enum pv_record_type {
    PV_RECORD_REQUEST = 1,
    PV_RECORD_COMPLETIONS,
    PV_RECORD_REFUSALS,
    PV_RECORD_WORKER_LOST,
    PV_RECORD_READING,
    PV_RECORD_PRUNED,
};

struct pv_request_record { /* all slices borrowed */
    struct pv_slice case_id;
    struct pv_slice commitment;
    struct pv_slice consumer;
    struct pv_slice decision;
    struct pv_slice grant;
    uint64_t        grant_decision; /* 0: absent */
    uint64_t        hop;
    struct pv_slice id;
    uint64_t        image;
    uint64_t        max_answered; /* 0: absent */
    struct pv_slice method;
    struct pv_slice node;
    struct pv_slice provider;
    struct pv_slice purpose;
    struct pv_slice reason;
    struct pv_slice service;
    struct pv_slice size;
    uint64_t        time_ms;
    struct pv_slice unit;
    struct pv_slice version;
    struct pv_slice via;
};

struct pv_completion {
    uint64_t        of; /* leaf index of the request */
    uint64_t        forwarded_ms;
    uint64_t        first_ms;
    uint64_t        last_ms;
    enum pv_outcome outcome;
};

struct pv_refusals_record {
    struct pv_slice consumer;
    uint64_t        count;
    uint64_t        from_ms;
    struct pv_slice node;
    struct pv_slice salt;
    uint64_t        until_ms;
};

struct pv_worker_lost_record {
    uint64_t        epoch;
    struct pv_slice node;
    uint64_t        open;
    uint64_t        time_ms;
};

struct pv_reading_record {
    struct pv_slice by;
    uint64_t        count;
    struct pv_slice id;  /* empty: none */
    struct pv_slice ids; /* "...","...": what is in the array; empty: none */
    struct pv_slice node;
    struct pv_slice role;
    struct pv_slice salt;
    uint64_t        time_ms;
    struct pv_slice what;
};

struct pv_pruned_record {
    uint64_t        count;
    struct pv_slice decision;
    uint64_t        first;
    struct pv_slice node;
    struct pv_slice salt;
    uint64_t        time_ms;
};

struct pv_record { /* what pv_record_parse gives; slices borrow the line */
    enum pv_record_type          type;
    struct pv_request_record     request;
    struct pv_refusals_record    refusals;
    struct pv_worker_lost_record worker_lost;
    struct pv_reading_record     reading;
    struct pv_pruned_record      pruned;
    struct pv_slice              node;
    struct pv_slice              completion_salt;
    size_t                       completion_count;
    struct pv_slice              completions; /* text of `done`, for
                                                 pv_record_next_completion */
};

/*
 * Write the request record at room (PV_RECORD_MAX bytes) in one pass. Ids and
 * words must match [a-z0-9./_-]; PV_EINVAL otherwise, PV_ERANGE when it does
 * not fit. Runs on every call: no allocation, no printf.
 */
enum pv_err pv_record_write_request(const struct pv_request_record *request,
                                    char *room, size_t room_len,
                                    size_t *ret_len) PV_MUST_CHECK;

/*
 * Opens a completions leaf in room; then add items; then end it. PV_ERANGE
 * from add leaves the leaf as it was: end it and begin another. Room for the
 * end is kept free. A leaf without items cannot be ended: PV_EINVAL.
 */
enum pv_err pv_record_begin_completions(char *room, size_t room_len,
                                        size_t *ret_len) PV_MUST_CHECK;
enum pv_err pv_record_add_completion(char *room, size_t room_len, size_t *len,
                                     const struct pv_completion *completion,
                                     bool first) PV_MUST_CHECK;
enum pv_err pv_record_end_completions(char *room, size_t room_len, size_t *len,
                                      struct pv_slice node,
                                      struct pv_slice salt) PV_MUST_CHECK;

/* A new salt, from the kernel's random bytes (salt.c). PV_ESYS. */
enum pv_err pv_record_make_salt(char room[PV_RECORD_SALT_LEN]) PV_MUST_CHECK;

enum pv_err pv_record_write_refusals(const struct pv_refusals_record *refusals,
                                     char *room, size_t room_len,
                                     size_t *ret_len) PV_MUST_CHECK;
enum pv_err
pv_record_write_worker_lost(const struct pv_worker_lost_record *lost,
                            char *room, size_t room_len,
                            size_t *ret_len) PV_MUST_CHECK;

/* PV_EINVAL for a role, what or id that is none; PV_ERANGE. */
enum pv_err pv_record_write_reading(const struct pv_reading_record *reading,
                                    char *room, size_t room_len,
                                    size_t *ret_len) PV_MUST_CHECK;
enum pv_err pv_record_write_pruned(const struct pv_pruned_record *pruned,
                                   char *room, size_t room_len,
                                   size_t *ret_len) PV_MUST_CHECK;

/*
 * Strict: exactly the canonical form above, nothing else, otherwise PV_EINVAL;
 * PV_EVERSION for another v. Law: what is parsed and written again is equal
 * to the byte.
 */
enum pv_err pv_record_parse(struct pv_slice   line,
                            struct pv_record *ret_record) PV_MUST_CHECK;

/* Walk record->completions; PV_ENOTFOUND at the end. */
enum pv_err
pv_record_next_completion(struct pv_slice      *rest,
                          struct pv_completion *ret_completion) PV_MUST_CHECK;

/* What write_request asks of ids and words: 1 to 255 of [a-z0-9./_-]. */
bool pv_record_is_word(struct pv_slice word);

/* base64url of 32 bytes without padding, in its one canonical form. */
bool pv_record_is_commitment(struct pv_slice text);

/* The class word for a body of len bytes; PV_SIZE_CHUNKED: not known. */
struct pv_slice pv_record_size_class(uint64_t len);

#endif
