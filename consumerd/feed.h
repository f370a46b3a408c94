/*
 * feed.h - what the registry signed for the agency, pulled from there: a thread
 * that asks (rights/fetch.h), and what it holds.
 *
 * A call has contract and rights of one state. It reads its contract's file and
 * holds it against the hash that the registry's log signed: a new one is in
 * force at the next call, and what was changed on the disk is none.
 *
 * Threads: feed_take and feed_release from any. Blocks: feed_take on the disk;
 *          feed_stop for a second.
 */
#ifndef CONSUMERD_FEED_H
#define CONSUMERD_FEED_H

#include "client/host.h"
#include "config.h"

struct feed;

/* Takes what the file holds, then asks. config lives longer. */
enum pv_err feed_start(const struct consumer_config *config, struct feed **ret,
                       struct pv_why *why) PV_MUST_CHECK;
void        feed_stop(struct feed *feed); /* NULL ok */

/*
 * As struct pv_client_source wants it. PV_ENOTFOUND: nothing is held, no
 * contract is named, or it has not come; PV_EVERIFY: it is not what was signed,
 * and is asked for again.
 */
enum pv_err feed_take(void *feed, const char *path, struct pv_client_state *ret,
                      struct pv_buf *out, struct pv_why *why) PV_MUST_CHECK;
void        feed_release(void *feed, struct pv_client_state *state);

#endif
