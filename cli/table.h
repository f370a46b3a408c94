/*
 * table.h - a table of a database, looked at over ODBC: its columns, its key,
 * whether that is indexed, and some rows to recognise values by.
 *
 * The values stay in memory, are wiped by _close and are never printed.
 *
 * Ownership: the table owns all below it. Threads: one. Blocks: yes.
 * Errors: PV_EDB with a sentence in why, which holds no value; PV_ENOTFOUND,
 * PV_ENOMEM. Limits: below.
 */
#ifndef PV_CLI_TABLE_H
#define PV_CLI_TABLE_H

#include <sql.h>
#include <sqlext.h>

#include "base/buf.h"

#define PV_TABLE_COLUMNS_MAX 64
#define PV_TABLE_ROWS_MAX 200
#define PV_TABLE_NAME_MAX 128
#define PV_TABLE_CELL_MAX 512 /* a longer value is looked at as far */

struct pv_table_column {
    char   name[PV_TABLE_NAME_MAX + 1];
    char **cell; /* by row; NULL for NULL */
};

struct pv_table {
    SQLHENV                env;
    SQLHDBC                dbc;
    char                   schema[PV_TABLE_NAME_MAX + 1]; /* or "" */
    char                   name[PV_TABLE_NAME_MAX + 1];
    char                   quote; /* around names */
    struct pv_table_column column[PV_TABLE_COLUMNS_MAX];
    size_t                 column_count;
    size_t                 row_count;
    char                   key[PV_TABLE_NAME_MAX + 1]; /* "": has none */
};

/* name is TABLE or SCHEMA.TABLE. The table is to be closed in any case. */
enum pv_err pv_table_open(struct pv_table *table, const char *connection,
                          const char *name, struct pv_why *why) PV_MUST_CHECK;
void        pv_table_close(struct pv_table *table);

/* Does an index begin with this column? */
bool pv_table_is_indexed(const struct pv_table *table, const char *column);

/* Append a name as it stands in a statement. PV_EINVAL: it holds a quote. */
enum pv_err pv_table_quote(const struct pv_table *table, const char *name,
                           struct pv_buf *out) PV_MUST_CHECK;

/* Append SCHEMA.TABLE as it stands in a statement. */
enum pv_err pv_table_put_name(const struct pv_table *table,
                              struct pv_buf         *out) PV_MUST_CHECK;

#endif
