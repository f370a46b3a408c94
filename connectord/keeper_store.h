/*
 * keeper_store.h - consent numbers and the access ledger
 * in one SQLite file of the provider.
 *
 *   consent  id, number, person, agency, service, purpose, made_ms, ends_ms,
 *            uses, withdrawn_ms
 *   used     consent, path, tracking_id, at_ms: one row a counted call
 *   wrong    who, count, since_ms: wrong numbers of a day
 *   ledger   person, at_ms, told_ms, agency, consumer, path, tracking_id,
 *            grant_id, outcome
 *
 * number, person and who are keyed digests (keyed.h): the file holds no usable
 * number and names nobody. What is written is under the first
 * secret; what the secrets before it wrote is found, too.
 *
 * Counting is exact: a call holds a use in memory from _judge to _settle, which
 * writes it down when the provider has answered. The answer leaves
 * after the commit, so a use that a crash forgets is one whose answer nobody
 * had. A call with the tracking id of one that is counted is that call again.
 *
 * A number is valid for months of the Jalali calendar, to the moment.
 *
 * Ownership: the store owns all; what a row holds ends with the call of the
 *            row's function. Threads: one owner. Blocks: on the disk.
 * Errors:    PV_EDB, PV_EFULL, PV_ENOMEM, PV_ECRYPTO; why has words. Between
 *            _begin and _commit all functions act together.
 */
#ifndef PV_CONNECTORD_KEEPER_STORE_H
#define PV_CONNECTORD_KEEPER_STORE_H

#include "connectord/keeper_message.h"
#include "connectord/keyed.h"

#define PV_WRONG_DAY_MS INT64_C(86400000)
#define PV_WRONG_PAIR_MAX 5       /* of one consumer about one person a day */
#define PV_WRONG_CONSUMER_MAX 100 /* of one consumer a day */
#define PV_HOLDS_MAX 8192         /* calls under way */
#define PV_CONSENT_LIST_MAX 100   /* newest first */
#define PV_LEDGER_LIST_MAX 1000   /* newest first */

struct pv_keeper_store;

struct pv_consent_terms {
    struct pv_slice person;
    struct pv_slice agency;
    struct pv_slice service; /* provider/service/v1; empty: any of them */
    struct pv_slice purpose; /* words that the person has read; may be empty */
    uint32_t        months;
    uint32_t        uses;
};

struct pv_consent_row {
    int64_t         id;
    struct pv_slice agency;
    struct pv_slice service;
    struct pv_slice purpose;
    int64_t         made_ms;
    int64_t         ends_ms;
    int64_t         withdrawn_ms; /* 0: not */
    int64_t         uses;
    int64_t         used;
};

struct pv_ledger_row {
    int64_t         at_ms;
    int64_t         told_ms; /* when the person may know of it */
    struct pv_slice agency;
    struct pv_slice consumer;
    struct pv_slice path;
    struct pv_slice tracking_id;
    struct pv_slice grant;
    struct pv_slice outcome;
};

typedef enum pv_err pv_consent_row_fn(void                        *context,
                                      const struct pv_consent_row *row);
typedef enum pv_err pv_ledger_row_fn(void                       *context,
                                     const struct pv_ledger_row *row);

/* Made, 0600, when there is none. secrets are copied. PV_EAGAIN: another
 * process has it open, and keeps it for 5 seconds. */
enum pv_err pv_keeper_open(const char *path, const struct pv_secrets *secrets,
                           struct pv_keeper_store **ret,
                           struct pv_why           *why) PV_MUST_CHECK;
void        pv_keeper_close(struct pv_keeper_store *store);

enum pv_err pv_keeper_begin(struct pv_keeper_store *store) PV_MUST_CHECK;
enum pv_err pv_keeper_commit(struct pv_keeper_store *store) PV_MUST_CHECK;
void        pv_keeper_rollback(struct pv_keeper_store *store);

/* keeper_consent.c */

/* A new number for these terms; number without a NUL. */
enum pv_err pv_consent_issue(struct pv_keeper_store        *store,
                             const struct pv_consent_terms *terms,
                             int64_t when_ms, char number[PV_CONSENT_DIGITS],
                             int64_t *ret_ends_ms) PV_MUST_CHECK;

/* Whether call may use the number; PV_CONSENT_OK holds a use until _settle. */
enum pv_err pv_consent_judge(struct pv_keeper_store *store, uint64_t call,
                             const struct pv_keeper_ask *ask, int64_t when_ms,
                             enum pv_consent_verdict *ret) PV_MUST_CHECK;

/* Give the held use of a call back. One that holds none is nothing. */
void pv_consent_release(struct pv_keeper_store *store, uint64_t call);

/* The same, after counting it if it counts. */
enum pv_err pv_consent_settle(struct pv_keeper_store *store, uint64_t call,
                              bool counts, int64_t when_ms) PV_MUST_CHECK;

/* The person's numbers, newest first. */
enum pv_err pv_consent_list(struct pv_keeper_store *store,
                            struct pv_slice person, pv_consent_row_fn *fn,
                            void *context) PV_MUST_CHECK;

/* PV_ENOTFOUND: the person has no such number, or it is withdrawn. */
enum pv_err pv_consent_withdraw(struct pv_keeper_store *store,
                                struct pv_slice person, int64_t id,
                                int64_t when_ms) PV_MUST_CHECK;

/* keeper_ledger.c */

/* One row for each person of the call; one of nobody has none. */
enum pv_err pv_ledger_add(struct pv_keeper_store     *store,
                          const struct pv_keeper_end *end,
                          int64_t                     when_ms) PV_MUST_CHECK;

/*
 * Who asked about the person, newest first, before the moment before_ms; rows
 * that may not be told yet only with `all`.
 */
enum pv_err pv_ledger_list(struct pv_keeper_store *store,
                           struct pv_slice person, bool all, int64_t before_ms,
                           int64_t when_ms, pv_ledger_row_fn *fn,
                           void *context) PV_MUST_CHECK;

/*
 * Delete some of what is older than keep_days, and consent numbers that ended
 * so long ago.
 */
enum pv_err pv_ledger_sweep(struct pv_keeper_store *store, uint32_t keep_days,
                            int64_t when_ms) PV_MUST_CHECK;

#endif
