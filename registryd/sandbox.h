/*
 * sandbox.h - what payvand-registryd may ask of the kernel once it runs
 * (daemon/sandbox.h). Private to registryd.
 *
 * With SQLite files are walled in too: the folders of the database, the image,
 * the log and the socket. libpq finds its server anew when it was gone, which
 * needs the resolver's files: with PostgreSQL there is the filter alone. So it
 * is for payvand-follow, which asks a registry elsewhere.
 */
#ifndef PV_REGISTRYD_SANDBOX_H
#define PV_REGISTRYD_SANDBOX_H

#include "registry.h"

/* After all is open and listens; socket is NULL for one that asks others.
   PV_ESYS with words. */
enum pv_err pv_registry_sandbox(const struct pv_registry_config *config,
                                const char                      *socket,
                                struct pv_why *why) PV_MUST_CHECK;

/* The same for its reader, which has the database alone. */
enum pv_err pv_reader_sandbox(const struct pv_registry_config *config,
                              struct pv_why *why) PV_MUST_CHECK;

#endif
