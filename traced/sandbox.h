/*
 * sandbox.h - what each process of payvand-traced may ask of the kernel once
 * it runs: a list of system calls, and where files are used, the directories
 * below which it may read or write (daemon/sandbox.h).
 */
#ifndef PV_TRACED_SANDBOX_H
#define PV_TRACED_SANDBOX_H

#include "base/err.h"

enum sandbox {
    SANDBOX_JOURNAL,
    SANDBOX_CHILDREN, /* the supervisor: its children inherit what it loses */
    SANDBOX_COURIER,
    SANDBOX_KEEPER,
    SANDBOX_LOG,
    SANDBOX_READER,
};

/* Give up everything else, for good; as pv_sandbox_enter. */
enum pv_err sandbox_enter(enum sandbox   sandbox,
                          struct pv_why *why) PV_MUST_CHECK;

#endif
