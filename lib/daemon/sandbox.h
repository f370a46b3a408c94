/*
 * sandbox.h - what a process may ask of the kernel once it runs: a list of
 * system calls (seccomp), and the directories below which it may use files
 * (Landlock, where the kernel has it). No core dump, not dumpable, no new
 * privileges.
 *
 * What OpenSSL and others read once (configuration, locales) is to be read
 * before. Under a sanitizer nothing is filtered: its runtime needs more.
 *
 * Errors: PV_ESYS, PV_ENOMEM, why tells. Nothing goes on half sandboxed: the
 *         caller ends.
 */
#ifndef PV_DAEMON_SANDBOX_H
#define PV_DAEMON_SANDBOX_H

#include <stdbool.h>

#include "base/err.h"

#define PV_SANDBOX_LISTS 4
#define PV_SANDBOX_PLACES 4
#define PV_SANDBOX_END (-1) /* of a list; no system call has this number */

/* libc, memory, time, threads, a line to stderr, the end */
extern const int pv_sandbox_every[];
/* reading and writing files below descriptors that a process has */
extern const int pv_sandbox_files[];
/* answering HTTP on a socket that listens already (lib/http) */
extern const int pv_sandbox_http[];

struct pv_sandbox_place { /* a directory that is used, by its descriptor */
    int  fd;              /* 0: end of the list; one that is not open: none */
    bool write;
};

struct pv_sandbox {
    bool       deny; /* the lists are what is refused, not what is left */
    const int *list[PV_SANDBOX_LISTS]; /* of system calls; NULL: none */
    bool       walls;                  /* files only below ->place */
    struct pv_sandbox_place place[PV_SANDBOX_PLACES];
};

/* No core dump, no debugger of the same user, no new privileges: the first
   thing that a process does which will read a key. */
enum pv_err pv_sandbox_harden(struct pv_why *why) PV_MUST_CHECK;

/* All of that, and give up everything else, for good; threads that run already
   too. */
enum pv_err pv_sandbox_enter(const struct pv_sandbox *how,
                             struct pv_why           *why) PV_MUST_CHECK;

#endif
