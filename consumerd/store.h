/*
 * store.h - the agency's own evidence of its calls: an SQLite file to which
 * rows are only added. A row of `asked` is on disk before a call is sent, one
 * of `answered` after it; no statement changes a row, and triggers refuse what
 * would. Rows end with keep_days.
 *
 *   asked     when, application, system, method, purpose, nonce, commitment,
 *             digest of the request; its content only where the agency says so
 *   answered  when, tracking id, outcome, result (as struct pv_client_end has
 *             it), fault, and the provider's signature with its fields
 *
 * Ownership: the caller's until _close. Threads: any; one at a time inside.
 * Blocks:    on the disk. Errors: PV_EDB, PV_EFULL, PV_ENOMEM; why of _open.
 */
#ifndef CONSUMERD_STORE_H
#define CONSUMERD_STORE_H

#include "client/host.h"

#define CONSUMER_LIST_ROWS_MAX 10000

struct consumer_store;

struct consumer_asked {
    const char               *application;
    const char               *system;
    const char               *purpose; /* "": none */
    bool                      keep_content;
    const struct pv_evidence *evidence;
};

/* A row as it is shown; texts are borrowed until the function returns. */
struct consumer_row {
    const char               *application;
    const char               *system;
    const char               *purpose;
    const char               *result; /* "": not ended */
    const char               *fault;  /* "": none */
    const struct pv_evidence *evidence;
};

typedef void consumer_row_fn(void *context, const struct consumer_row *row);

/* read_only: the file must be there. PV_EINVAL: it is no such store. */
enum pv_err consumer_store_open(const char *path, bool read_only,
                                struct consumer_store **ret,
                                struct pv_why          *why) PV_MUST_CHECK;
void        consumer_store_close(struct consumer_store *store); /* NULL ok */

enum pv_err consumer_store_ask(struct consumer_store       *store,
                               const struct consumer_asked *asked,
                               int64_t *ret_id) PV_MUST_CHECK;
enum pv_err
consumer_store_answer(struct consumer_store *store, int64_t id,
                      const struct pv_client_end *end) PV_MUST_CHECK;

/*
 * Let rows go that were asked more than keep_ms ago, a few at a time;
 * *ret_more: there may be others. Now is at most a day after the newest row, so
 * that a clock that is ahead takes nothing away.
 */
enum pv_err consumer_store_sweep(struct consumer_store *store, int64_t now_ms,
                                 int64_t keep_ms, bool *ret_more) PV_MUST_CHECK;

/*
 * The newest first, at most `most`; or with an id, which is a tracking id or a
 * commitment, that one. Rows whose fields are longer than evidence has them are
 * left out and counted. PV_ENOTFOUND: there is no such row.
 */
enum pv_err consumer_store_show(struct consumer_store *store, const char *id,
                                unsigned most, consumer_row_fn *fn,
                                void   *context,
                                size_t *ret_skipped) PV_MUST_CHECK;

#endif
