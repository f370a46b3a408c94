/*
 * fetch.h - asks a registry for an agency's rights and keeps the last good
 * state in a file, so that it is there when the registry is not.
 *
 * Nothing is taken that is not signed by the log's key for this agency, or that
 * is older than what is held, or signed in the future; the file keeps what it
 * had. Where the file cannot be written a new state is held all the same.
 *
 * Ownership: the caller places the struct; texts are borrowed.
 * Threads:   one. Blocks: _round, up to wait_s and a few seconds.
 */
#ifndef PV_RIGHTS_FETCH_H
#define PV_RIGHTS_FETCH_H

#include "rights/rights.h"

#define PV_RIGHTS_WAIT_MAX_S 30

struct pv_rights_source {
    const char        *agency;
    const char        *socket; /* a Unix socket; "": url */
    const char        *url;    /* https://... */
    const char        *ca;
    const char        *cert;
    const char        *key;
    struct pv_note_key log; /* whose signature is believed */
};

struct pv_rights_fetch {
    const struct pv_rights_source *source;
    int                            dirfd; /* of the file */
    const char                    *name;
    void                          *curl;
    struct pv_rights_head          head;    /* of what is held */
    struct pv_buf                  state;   /* empty: nothing yet */
    bool                           is_kept; /* in the file, by the last round */
    struct pv_why                  why; /* why that failed, or kept nothing */
};

/*
 * Begin with what the file holds; what is not good in it is as if there were
 * none, and ->why says so. dirfd stays the caller's. PV_ENOMEM, PV_ESYS.
 */
enum pv_err pv_rights_fetch_open(struct pv_rights_fetch        *fetch,
                                 const struct pv_rights_source *source,
                                 int dirfd, const char *name) PV_MUST_CHECK;
void        pv_rights_fetch_close(struct pv_rights_fetch *fetch);

/*
 * Ask once; with nothing new the answer comes after wait_s seconds, with a new
 * time. PV_OK: ->state and ->head are what was said now; ->is_kept: they stand
 * in the file, else ->why says why not. PV_EAGAIN: no answer; PV_EVERIFY,
 * PV_EINVAL: one that is refused. Then what was held is held.
 */
enum pv_err pv_rights_fetch_round(struct pv_rights_fetch *fetch,
                                  unsigned                wait_s) PV_MUST_CHECK;

#endif
