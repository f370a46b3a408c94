/*
 * http.h - the provider face: HTTP/1.1 on a Unix socket for one nginx.
 *
 * Takes connections of one uid only (SO_PEERCRED), POST on the registered
 * paths only, bodies of at most PV_BODY_MAX bytes, and needs the headers the
 * gate sets: Payvand-Consumer and Payvand-Tracking-Id.
 *
 *   200 Payvand-Outcome: answered   the method's answer
 *   200 Payvand-Outcome: invalid    problem+json naming the member
 *   200 Payvand-Outcome: failed, timeout    problem+json with the reason
 *   403, 404, 405 Payvand-Outcome: failed   not a call of the exchange, or
 *                                           of another connector
 *
 * Each answer to a call of the gate repeats its Payvand-Tracking-Id, so that
 * the gate can tell an answer that belongs to another call.
 *
 * Threads: one.  Blocks: never.
 */
#ifndef PV_CONNECTORD_HTTP_H
#define PV_CONNECTORD_HTTP_H

#include "connectord/keeper_link.h"
#include "connectord/pool.h"
#include "connectord/rights_link.h"
#include "connectord/signer.h"

struct pv_http;

/* What calls are answered by: methods, and the workers that know them. */
struct pv_serving {
    struct pv_connector_config *config; /* its services alone are looked at */
    struct pv_pool             *pool;
    size_t                      calls; /* that began under it and have not
                                          ended; of http.c */
};

/* Bind, listen and begin to answer. PV_ESYS with words in why. */
enum pv_err pv_http_new(const struct pv_connector_config *config,
                        struct pv_serving *serving, struct pv_signer *signer,
                        int epoll, struct pv_http **ret,
                        struct pv_why *why) PV_MUST_CHECK;

/* From now on calls begin under this one; others go on under theirs. */
void pv_http_serve(struct pv_http *http, struct pv_serving *serving);

/* From now on calls are recorded by this keeper, which must live longer. */
void pv_http_keep(struct pv_http *http, struct pv_keeper_link *keeper);

/* From now on calls need a right that is there; it must live longer. */
void pv_http_need_rights(struct pv_http              *http,
                         const struct pv_rights_link *rights);

/* Let libmicrohttpd do what is due; ret_wait_ms is when it wants more. */
void pv_http_run(struct pv_http *http, int64_t *ret_wait_ms);

/* Calls whose first line came and whose answer is not sent whole. */
size_t pv_http_open_count(const struct pv_http *http);

/*
 * No new connections, and no further call on those that are there once they
 * had an answer. Calls that have begun are answered.
 */
void pv_http_stop(struct pv_http *http);

/* After the pool's jobs have ended. */
void pv_http_free(struct pv_http *http);

#endif
