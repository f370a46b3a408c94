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

/*
 * Rights of an agency (rights/rights.h) that are to be signed: agency, body,
 * the decision that body is as of and the moment they are wanted since are the
 * caller's, the rest is ours.
 */
struct pv_heads_question {
    char                      agency[PV_RIGHTS_AGENCY_MAX + 1];
    struct pv_hash            body;
    uint64_t                  decision;
    int64_t                   since_ms; /* monotonic */
    uint64_t                  id;       /* 0: not asked yet */
    bool                      is_answered;
    enum pv_err               err;
    size_t                    len; /* of the note */
    char                      note[PV_SIGNER_NOTE_MAX];
    struct pv_heads_question *next;
};

struct pv_heads {
    struct pv_registry       *registry;
    struct pv_signer_client   signer;
    int                       logfd;
    pid_t                     pid;
    bool                      asked; /* a head is awaited */
    int64_t                   asked_ms;
    struct pv_heads_question *question; /* asked and not answered; borrowed */
    size_t                    owed; /* answers, of those and forgotten ones */
    int64_t                   owed_ms; /* since when none of them came */
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
 * Have rights signed as of now; never waits. PV_EAGAIN: call again a little
 * later with the same question; PV_OK: its note is there. PV_ENOTFOUND: there
 * is no signer. PV_ECLOSED: it has been silent for five seconds. PV_EVERIFY: it
 * refuses.
 */
enum pv_err pv_heads_rights(struct pv_heads          *heads,
                            struct pv_heads_question *question) PV_MUST_CHECK;

/* Nobody waits for its answer any more; a question that was never asked too. */
void pv_heads_forget(struct pv_heads          *heads,
                     struct pv_heads_question *question);

/* main of the signer's process: an exit code. */
int pv_heads_signer_main(void);

#endif
