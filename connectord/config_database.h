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

/* Is the driver SQLite's? */
bool pv_config_is_sqlite(const json_t *root);

/* Append the connection string. PV_EINVAL with the reason in why, PV_ERANGE,
   PV_ENOMEM. */
enum pv_err pv_config_database(const json_t *root, struct pv_buf *out,
                               struct pv_why *why) PV_MUST_CHECK;

#endif
