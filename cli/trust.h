/*
 * trust.h - whom the one at the command line trusts: public keys of a log and
 * of witnesses, and the files that are checked with them.
 *
 * Ownership: everything is the caller's.  Blocks: pv_cli_read_file, on the
 * disk.
 */
#ifndef PV_CLI_TRUST_H
#define PV_CLI_TRUST_H

#include "trace/receipt.h"

#define PV_CLI_WITNESSES_MAX 16

struct pv_cli_trust {
    bool               has_log;
    struct pv_note_key log;
    struct pv_note_key witness[PV_CLI_WITNESSES_MAX];
    size_t             witness_count;
    uint64_t           quorum; /* UINT64_MAX: all of them */
};

/* For getopt_long; the values are of no short option. */
enum {
    PV_CLI_OPT_LOG_KEY = 2000,
    PV_CLI_OPT_WITNESS_KEY,
    PV_CLI_OPT_WITNESSES,
};
#define PV_CLI_TRUST_OPTIONS                                                   \
    {"log-key", required_argument, NULL, PV_CLI_OPT_LOG_KEY},                  \
        {"witness-key", required_argument, NULL, PV_CLI_OPT_WITNESS_KEY},      \
    {                                                                          \
        "witnesses", required_argument, NULL, PV_CLI_OPT_WITNESSES             \
    }

void pv_cli_trust_init(struct pv_cli_trust *trust);

/* Takes one of the options; false after saying what is wrong with it. */
bool pv_cli_trust_take(struct pv_cli_trust *trust, int option,
                       const char *value);

/* A log's key, and no more witnesses asked for than given. */
bool pv_cli_trust_is_whole(const struct pv_cli_trust *trust);

/* Borrows from trust. */
struct pv_receipt_trust pv_cli_trust_view(const struct pv_cli_trust *trust);

/* All of a file; "-" is standard input. PV_ESYS, PV_ERANGE, PV_ENOMEM. */
enum pv_err pv_cli_read_file(const char    *name,
                             struct pv_buf *out) PV_MUST_CHECK;

#endif
