/*
 * cmd.h - what the commands of `payvand` share: the entry points, the exit
 * codes, the language, and a few helpers around getopt and output.
 *
 * A command is pv_cmd_<name>(argc, argv) in cmd_<name>.c; argv[0] is the
 * command's own name. It writes its result to stdout and everything else to
 * stderr, and returns an exit code below. main.c has the table.
 */
#ifndef PV_CLI_CMD_H
#define PV_CLI_CMD_H

#include "base/err.h"
#include "base/json.h"
#include "policy/outcome.h"

/* Exit codes, documented in payvand(1); stable. */
enum pv_exit {
    PV_EXIT_OK = 0,         /* done; for `call`: answered */
    PV_EXIT_FAILED = 1,     /* the command could not do its work */
    PV_EXIT_USAGE = 2,      /* the command line is wrong */
    PV_EXIT_UNVERIFIED = 3, /* `verify`: what was checked does not hold */
    /* `call`: one code for each class of outcome */
    PV_EXIT_INVALID = 10,
    PV_EXIT_REFUSED = 11,
    PV_EXIT_LIMITED = 12,
    PV_EXIT_CLOSED = 13,
    PV_EXIT_PROVIDER_FAILED = 14,
    PV_EXIT_TIMEOUT = 15,
    PV_EXIT_UNAVAILABLE = 16,
    PV_EXIT_UNKNOWN = 17,
};

enum pv_lang {
    PV_LANG_EN = 0,
    PV_LANG_FA,
};

int pv_cmd_agreement(int argc, char **argv);
int pv_cmd_backup(int argc, char **argv);
int pv_cmd_call(int argc, char **argv);
int pv_cmd_commitment(int argc, char **argv);
int pv_cmd_consent(int argc, char **argv);
int pv_cmd_contract(int argc, char **argv);
int pv_cmd_doctor(int argc, char **argv);
int pv_cmd_evidence(int argc, char **argv);
int pv_cmd_explain(int argc, char **argv);
int pv_cmd_grant(int argc, char **argv);
int pv_cmd_import(int argc, char **argv);
int pv_cmd_kind(int argc, char **argv);
int pv_cmd_log(int argc, char **argv);
int pv_cmd_prove(int argc, char **argv);
int pv_cmd_receipt(int argc, char **argv);
int pv_cmd_report(int argc, char **argv);
int pv_cmd_service(int argc, char **argv);
int pv_cmd_service_init(int argc, char **argv); /* cmd_init.c */
int pv_cmd_service_submit(int argc, char **argv);
int pv_cmd_service_test(int argc, char **argv);
int pv_cmd_status(int argc, char **argv);
int pv_cmd_trace(int argc, char **argv);
int pv_cmd_verify(int argc, char **argv);
/* resolution, meeting, commitment: by its name in argv[0] */
int pv_cmd_resolution(int argc, char **argv);
int pv_cmd_view(int argc, char **argv);
int pv_cmd_who_asked(int argc, char **argv);
int pv_cmd_witness(int argc, char **argv);

/*
 * The language to speak: name is the value of --lang or NULL, then
 * PAYVAND_LANG, LC_ALL, LC_MESSAGES, LANG; English when none says fa.
 */
enum pv_lang pv_cli_lang(const char *name);

/* The text in the language; both are borrowed. */
const char *pv_cli_text(enum pv_lang lang, const char *en, const char *fa);

/* "payvand: <sentence>" to stderr. */
void pv_cli_error(const char *format, ...) PV_PRINTF(1, 2);

/* Names of commands that begin so, one a line. */
void pv_cli_offer_commands(const char *begin);

/* The views of a kind of record besides list and show; how many. */
#define PV_VIEW_VERBS_MAX 8
size_t pv_view_verbs(const char *command, const char *ret[PV_VIEW_VERBS_MAX]);

/* Points at --help on stderr; gives PV_EXIT_USAGE. */
int pv_cli_usage_error(const char *command);

/* Writes to stdout, on a terminal without control characters. False: it cannot.
 */
bool pv_cli_put(struct pv_slice text);

/* The same of a buffer and a line feed, at once; gives an exit code. */
int pv_cli_print(const struct pv_buf *out);

/* The value of PAYVAND_<kind>_<SYSTEM>; NULL when it is not set. */
const char *pv_cli_of_system(const char *kind, const char *system);

/* The exit code of `call` for a class of outcome. */
int pv_cli_outcome_exit(enum pv_outcome outcome);

#endif
