/*
 * heads.h - signed heads of the decision log: asks the signer (lib/signer),
 * shows what it signed. Private to payvand-registryd.
 *
 * In the log's directory, beside the tree:
 *   vkey        the log's public key and name (origin), one line
 *   checkpoint  the last signed note (trace/checkpoint.h)
 * Both are copies for people; what counts is in the signer's `signed`, and is
 * compared with the tree at every start.
 *
 * Ownership: the caller places the struct and closes it.
 * Threads: one.  Blocks: only in start and open.
 */
#ifndef PV_REGISTRYD_HEADS_H
#define PV_REGISTRYD_HEADS_H

#include <sys/types.h>

#include "registry.h"
#include "signer_client.h"

struct pv_heads {
    struct pv_registry     *registry;
    struct pv_signer_client signer;
    int                     logfd;
    pid_t                   pid;
    bool                    asked; /* an answer is awaited */
    int64_t                 asked_ms;
    int64_t                 silent_ms; /* rights were not answered; 0: were */
};

/*
 * Start the signer's process: fork and exec of this binary with `-P signer`.
 * Before any thread and before the database is open. PV_ESYS.
 */
enum pv_err pv_heads_start(struct pv_heads *heads, const char *signer_dir,
                           struct pv_why *why) PV_MUST_CHECK;

/*
 * Is what is there what was signed? PV_EVERIFY: it is not, why has the way
 * out. Others: the signer does not answer.
 */
enum pv_err pv_heads_open(struct pv_heads *heads, struct pv_registry *registry,
                          const char    *log_dir,
                          struct pv_why *why) PV_MUST_CHECK;
void        pv_heads_close(struct pv_heads *heads);

/* Readable when there is an answer of the signer; -1 without a signer. */
int pv_heads_fd(const struct pv_heads *heads);

/* In how many ms a round has something to ask; 0: now; -1: nothing. */
int pv_heads_wait(const struct pv_heads *heads);

/*
 * Hear what was signed, and ask for more where there is more. ret_new: there
 * is a new head. PV_EVERIFY, PV_ECLOSED, PV_EPROTO: it cannot go on; why.
 */
enum pv_err pv_heads_round(struct pv_heads *heads, bool *ret_new,
                           struct pv_why *why) PV_MUST_CHECK;

/*
 * The note of an agency's rights (rights/rights.h), in note. PV_EAGAIN: the
 * signer is at a head; once that is there it can be asked. Blocks until the
 * signer has answered, up to five seconds. PV_ENOTFOUND: there is no signer.
 * PV_ECLOSED: it does not answer; then it is not asked for half a minute.
 */
enum pv_err pv_heads_rights(struct pv_heads             *heads,
                            const struct pv_rights_head *head,
                            struct pv_buf               *note) PV_MUST_CHECK;

/* main of the signer's process: an exit code. */
int pv_heads_signer_main(void);

#endif
