/*
 * supervisor.h - what children.c and supervisor.c share.
 */
#ifndef PV_TRACED_SUPERVISOR_H
#define PV_TRACED_SUPERVISOR_H

#include <sys/types.h>

#define SUPERVISOR "children" /* its name behind -P */

/* `payvand-traced -P name` and what it was started with, in a new process of
   parent, with whose end it ends; does not return. */
void children_become(const char *name, int argc, char **argv, pid_t parent);

#endif
