/*
 * children.h - the processes beside the journal: one table, one supervisor.
 *
 * Each is fork and exec of this binary with `-P name` and gets the
 * descriptors its row names and no others, each under its fixed number. It
 * ends with its parent (PDEATHSIG), and is started again, ever later, when it
 * ends by itself. None of them is needed for a call; the journal never waits.
 *
 * To add one: a row in the table of supervisor.c, a `sandbox_` row in
 * sandbox.c, a file with `int name_main(const struct options *)`.
 */
#ifndef PV_TRACED_CHILDREN_H
#define PV_TRACED_CHILDREN_H

#include "options.h"
#include "state.h"

/* The number under which a child finds what it was given. */
enum child_fd {
    FD_STATE = 3,   /* the state page, writable */
    FD_STATE_READ,  /* the same, read only */
    FD_JOURNAL,     /* the journal's directory */
    FD_LOG,         /* the log's directory */
    FD_LOG_LOCK,    /* its lock, held; to be kept open and left alone */
    FD_SIGNER,      /* the signer's directory */
    FD_ASK_SIGNER,  /* SOCK_SEQPACKET: the log's end */
    FD_SERVE_LOG,   /* the signer's end */
    FD_ASK_COURIER, /* SOCK_SEQPACKET: the log's end */
    FD_SERVE_COURIER,
    FD_WITNESSES, /* the witnesses file, read only, at its beginning */
    FD_POLICY,    /* the policy image's directory, where it could be opened */
    FD_CONTROL,   /* of the supervisor: its end of the journal's socket */
    FD_END,
};

/*
 * Open and lock what the options ask for, and start the supervisor. The state
 * page (both of its descriptors, taken over) says already what is on disk:
 * the children look at once. Without --log there are none.
 * The directories must exist. PV_EEXIST: another process keeps this log.
 */
enum pv_err children_start(const struct options *options, int argc, char **argv,
                           int journal_dirfd, int state_fd, int state_read_fd,
                           int *ret_control, struct pv_why *why) PV_MUST_CHECK;

/*
 * End them, the log with a last checkpoint; waits at most CHILDREN_STOP_MS.
 * Takes what children_start gave as ret_control, or -1.
 */
void children_stop(int control);

/* The main function of every process with `-P name`: an exit code. */
int children_main(const struct options *options, int argc, char **argv);

/* ---- the children ------------------------------------------------------ */

/* A child that cannot go on until somebody acts says so and ends with it. */
#define CHILD_REFUSES 3
/* Of the supervisor to a child: end. SIGTERM and SIGINT are ignored. */
#define CHILD_STOP_SIGNAL SIGUSR2
#define CHILDREN_STOP_MS 10000

int keeper_main(const struct options *options);
int courier_main(const struct options *options);
int log_main(const struct options *options);
int reader_main(const struct options *options);
int signer_main(const struct options *options);

#endif
