/*
 * feed.h - the contracts of what the agency may call, pulled from the registry:
 * a thread that asks (rights/fetch.h), and what it holds.
 *
 * Each call reads its contract's file and holds it against the hash that the
 * registry's log signed: a new one is in force at the next call, and what was
 * changed on the disk is none.
 *
 * Threads: feed_contract from any. Blocks: feed_contract on the disk; feed_stop
 *          for a second.
 */
#ifndef CONSUMERD_FEED_H
#define CONSUMERD_FEED_H

#include "config.h"

struct feed;

/* Takes what the file holds, then asks. config lives longer. */
enum pv_err feed_start(const struct consumer_config *config, struct feed **ret,
                       struct pv_why *why) PV_MUST_CHECK;
void        feed_stop(struct feed *feed); /* NULL ok */

/*
 * The document of a method's version, behind out, as pv_client_set_contracts
 * wants it. PV_ENOTFOUND: none is named, or it has not come; PV_EVERIFY: it is
 * not what was signed, and is asked for again.
 */
enum pv_err feed_contract(void *feed, const char *path, struct pv_buf *out,
                          struct pv_why *why) PV_MUST_CHECK;

#endif
