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

#include <stdatomic.h>

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
    const atomic_bool *stop; /* a question ends soon after it; NULL ok */
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

/* ---- contracts.c ---- */

#define PV_RIGHTS_CONTRACT_MAX ((size_t)512 * 1024) /* bytes of one */
#define PV_RIGHTS_CONTRACT_NAME 70 /* room for "<64 hex>.json" */

/* The file that a contract is kept in. */
void pv_rights_contract_name(const struct pv_hash *sha256,
                             char room[PV_RIGHTS_CONTRACT_NAME]);

/*
 * What the file holds, behind out, if that has this hash. PV_ENOTFOUND;
 * PV_EVERIFY: it holds something else; PV_ESYS, PV_ENOMEM.
 */
enum pv_err pv_rights_contract_read(int dirfd, const struct pv_hash *sha256,
                                    struct pv_buf *out) PV_MUST_CHECK;

/*
 * Bring the folder up to what is held: of the contracts below that path
 * ("/x/post/", "/x/") those that are not there, or not whole, are asked for and
 * checked. *ret_is_new: one came. PV_EAGAIN: one could not be asked for;
 * PV_EVERIFY: one that came has another hash than was signed; PV_ESYS: one
 * cannot be kept; ->why has the words. The others are there all the same.
 */
enum pv_err pv_rights_fetch_contracts(struct pv_rights_fetch *fetch, int dirfd,
                                      const char *below,
                                      bool       *ret_is_new) PV_MUST_CHECK;

/* Delete the files of contracts that what is held does not name: after whoever
   reads them has taken it over. */
void pv_rights_drop_contracts(const struct pv_rights_fetch *fetch, int dirfd);

/* GET of a path of the registry ("/registry/v1/..."), at most timeout_s.
   PV_EAGAIN: no answer, or another than 200; ->why. */
enum pv_err pv_rights_ask(struct pv_rights_fetch *fetch, const char *path,
                          long timeout_s, struct pv_buf *answer) PV_MUST_CHECK;

#endif
