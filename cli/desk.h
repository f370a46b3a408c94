/*
 * desk.h - asking the keeper of a connector at its desk (connectord/desk.h).
 *
 * Ownership: answers are the caller's to json_decref.
 * Blocks: for at most 10 seconds. What goes wrong is said to stderr.
 */
#ifndef PV_CLI_DESK_H
#define PV_CLI_DESK_H

#include <jansson.h>

#include "cmd.h"

/* The socket that --desk or PAYVAND_DESK names; NULL after saying so. */
const char *pv_cli_desk(const char *option);

/*
 * Send the request, which is taken, and read the answer. NULL after saying why
 * not, also for an answer that is an error.
 */
json_t *pv_cli_desk_ask(const char *socket_path, json_t *request,
                        enum pv_lang lang);

/*
 * The person that the argument names, "-" for a line of standard input: what
 * stands on a command line can be seen by every user of the machine. NULL
 * after saying why not; otherwise borrowed until the next call.
 */
const char *pv_cli_person(const char *argument);

/* A member that is a text, or "". */
const char *pv_cli_desk_text(const json_t *object, const char *name);

/* `<name>_fa` or `<name>_en`, or what stands in `name`. */
const char *pv_cli_desk_title(const json_t *object, const char *name,
                              enum pv_lang lang);

#endif
