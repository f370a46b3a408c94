/*
 * start.h - how a journal begins.
 */
#ifndef PV_TRACED_START_H
#define PV_TRACED_START_H

#include "options.h"
#include "traced.h"

/*
 * Memory, the journal with its lock, recovery, children, signals, the spare
 * segment, the socket, then the sandbox: in this order, for frames are taken
 * only when all before them stand. Reads nothing that a worker sent. What was
 * begun when it fails ends with the process. argc and argv are the program's:
 * its children get them too.
 */
enum pv_err traced_start(struct traced *traced, const struct options *options,
                         int argc, char **argv,
                         struct pv_why *why) PV_MUST_CHECK;

#endif
