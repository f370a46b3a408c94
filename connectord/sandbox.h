/*
 * sandbox.h - what each process of the connector gives up.
 *
 * Every one: no core dump, not dumpable (so no ptrace by the same user), no
 * new privileges, freed memory overwritten.
 *   main     a closed list of system calls: no open for writing, no exec,
 *            no fork, no new socket
 *   keeper   a closed list: what files that are open need, and its sockets
 *   spawner  no ptrace, mount, module, bpf and the like
 *   worker   the spawner's, and no exec; no file grows unless may_write; no
 *            more memory of its own than PV_WORKER_MEMORY_MAX: a driver that
 *            reads a huge row whole gets an error, or ends
 *   signer   reading and writing what is open, memory, the end
 *   rest     the worker's without may_write, and only sockets of the Internet,
 *            none of which listens
 *   fetcher  the spawner's, no exec, no signal to anybody, no listening; with
 *            a registry by_url only sockets of the Internet. A socketpair
 * stays: libcurl's thread for names has one Filters are left out of sanitizer
 * builds, whose runtime needs more.
 *
 * Errors: PV_ESYS. Nothing goes on half sandboxed: the caller ends.
 */
#ifndef PV_CONNECTORD_SANDBOX_H
#define PV_CONNECTORD_SANDBOX_H

#include "base/slice.h"

#define PV_WORKER_MEMORY_MAX (256u * 1024 * 1024)

enum pv_err pv_sandbox_every(void) PV_MUST_CHECK;
enum pv_err pv_sandbox_main(void) PV_MUST_CHECK;
enum pv_err pv_sandbox_spawner(void) PV_MUST_CHECK;
enum pv_err pv_sandbox_keeper(void) PV_MUST_CHECK;
enum pv_err pv_sandbox_worker(bool may_write) PV_MUST_CHECK;
enum pv_err pv_sandbox_signer(void) PV_MUST_CHECK;
enum pv_err pv_sandbox_rest(void) PV_MUST_CHECK;
enum pv_err pv_sandbox_fetcher(bool by_url) PV_MUST_CHECK;

#endif
