/*
 * config_database.h - the "driver" and "dsn" of a connector's configuration, as
 * one ODBC connection string.
 *
 * Ownership: the caller's. Threads: any. Blocks: never.
 */
#ifndef PV_CONNECTORD_CONFIG_DATABASE_H
#define PV_CONNECTORD_CONFIG_DATABASE_H

#include <jansson.h>

#include "base/buf.h"

/*
 * Append the connection string. only_reads: there are commands and no driver
 * may write a file, which SQLite's would have to. PV_EINVAL with the reason in
 * why, PV_ERANGE, PV_ENOMEM.
 */
enum pv_err pv_config_database(const json_t *root, bool only_reads,
                               struct pv_buf *out,
                               struct pv_why *why) PV_MUST_CHECK;

#endif
