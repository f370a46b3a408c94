/*
 * issuing.h - the authorities of this registry: has them sign what was
 * approved, tells them what was revoked. Private to payvand-registryd.
 *
 * It follows the decisions as the image does: a stop between an approval and
 * its certificate is made up for at the next start. A certificate waits until
 * the signed head of the log covers its approval (authority.h). What an
 * authority refuses, with a full disk for instance, is asked again, ever later.
 *
 * Ownership: the caller places the struct and closes it.
 * Errors:    PV_ECLOSED: an authority's process cannot go on; why. A refusal is
 *            an event.
 * Threads:   one.  Blocks: on an authority's disk, milliseconds.
 */
#ifndef PV_REGISTRYD_ISSUING_H
#define PV_REGISTRYD_ISSUING_H

#include "authority/client.h"
#include "registry.h"

#define PV_AUTHORITIES_MAX 4 /* two while one follows the other */

/* Ids of records. */
struct pv_issuing_list {
    json_t *now;   /* to be looked at in the next round; owned */
    json_t *again; /* refused: not before ->again_ms; owned */
};

struct pv_issuing {
    struct pv_registry        *registry;
    struct pv_authority_client client[PV_AUTHORITIES_MAX];
    size_t                     count;
    int64_t                    seen; /* decisions that were looked at */
    struct pv_issuing_list     requests;
    struct pv_issuing_list     revoked;  /* certificates that have changed */
    bool                       compared; /* since the start */
    int64_t                    again_ms; /* monotonic */
    int64_t                    wait_ms;  /* between two tries; 0: no refusal */
};

/* The processes, before any thread and before the database is open. */
enum pv_err pv_issuing_start(struct pv_issuing *issuing,
                             const char *const *dirs, size_t count,
                             struct pv_why *why) PV_MUST_CHECK;
enum pv_err pv_issuing_open(struct pv_issuing  *issuing,
                            struct pv_registry *registry,
                            struct pv_why      *why) PV_MUST_CHECK;
void        pv_issuing_close(struct pv_issuing *issuing);

/* What was decided since the last round. */
enum pv_err pv_issuing_round(struct pv_issuing *issuing,
                             struct pv_why     *why) PV_MUST_CHECK;

/* NULL: none of that id here. */
struct pv_authority_client *pv_issuing_find(struct pv_issuing *issuing,
                                            struct pv_slice    id);

/* In which all that is asked about was issued; NULL: none. */
struct pv_authority_client *pv_issuing_of(struct pv_issuing    *issuing,
                                          const struct pv_ocsp *ocsp);

/* ---- issuing_tell.c, for the rounds ---- */

/*
 * Tell its authority of a certificate: that it is revoked, and one that forgot
 * it what it is. *ret_waits: never. PV_EREFUSED: that was said.
 */
enum pv_err pv_issuing_tell(struct pv_issuing *issuing, const char *id,
                            bool *ret_waits) PV_MUST_CHECK;

/*
 * What an older copy of an authority's directory lacks, by its serial: before
 * the first round, when the list of certificates holds all.
 */
enum pv_err pv_issuing_see_forgot(struct pv_issuing *issuing) PV_MUST_CHECK;

/*
 * What an older copy of the registry lacks of what its authority issued: said
 * in its status. Nothing of those is in the image, so the exchange refuses
 * them.
 */
enum pv_err pv_issuing_compare(struct pv_issuing *issuing) PV_MUST_CHECK;

#endif
