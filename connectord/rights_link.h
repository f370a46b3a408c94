/*
 * rights_link.h - the main process's end of the fetcher: the rights that are
 * held, as the registry's log signed them.
 *
 * A state that is not signed, of another agency or older than the one that is
 * held is no state, and ends the link: the fetcher would not have said it.
 *
 * Ownership: the link owns its socket and rights. Threads: one. Blocks: never.
 */
#ifndef PV_CONNECTORD_RIGHTS_LINK_H
#define PV_CONNECTORD_RIGHTS_LINK_H

#include "connectord/config.h"
#include "rights/rights.h"

struct pv_rights_link;

/* fd is taken; config must live longer. PV_ENOMEM, PV_ESYS. */
enum pv_err pv_rights_link_new(int fd, int epoll,
                               const struct pv_connector_config *config,
                               struct pv_rights_link **ret) PV_MUST_CHECK;
void        pv_rights_link_free(struct pv_rights_link *link);
bool        pv_rights_link_is_alive(const struct pv_rights_link *link);

/* Has the fetcher said that contracts came, since this was asked last? */
bool pv_rights_link_take_word(struct pv_rights_link *link);

/* Is a contract signed that this one has not seen? */
bool pv_rights_link_lacks(const struct pv_rights_link      *link,
                          const struct pv_connector_config *config);

/* What is held; NULL: nothing yet, or too old for a call at when_ms. */
const struct pv_rights *pv_rights_link_at(const struct pv_rights_link *link,
                                          int64_t                      when_ms);

/* Its numbers behind those in out. */
enum pv_err pv_rights_link_metrics(const struct pv_rights_link *link,
                                   struct pv_buf *out) PV_MUST_CHECK;

#endif
