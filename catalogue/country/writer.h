/*
 * writer.h - writes one provider's SQLite file.
 *
 * The file is made under a temporary name in one transaction and gets its
 * own name only when it is whole. The first error sticks and later calls do
 * nothing; pv_writer_finish tells.
 *
 * Ownership: the caller owns the struct; pv_writer_finish ends it always.
 * Errors:    PV_EDB from SQLite, PV_ESYS from the file system.
 * Blocks:    on the disk.
 */
#ifndef PV_COUNTRY_WRITER_H
#define PV_COUNTRY_WRITER_H

#include <stdint.h>

#include "base/err.h"

struct sqlite3;
struct sqlite3_stmt;

#define PV_WRITER_STATEMENTS_MAX 8

struct pv_writer {
    struct sqlite3      *db;
    struct sqlite3_stmt *statement[PV_WRITER_STATEMENTS_MAX];
    int                  statement_count;
    int                  dirfd; /* borrowed */
    enum pv_err          err;
    uint64_t             row_count;
    const char          *name; /* borrowed */
    struct pv_why        why;
};

/* dir and dirfd are the same folder; name is the provider's. */
void pv_writer_open(struct pv_writer *writer, const char *dir, int dirfd,
                    const char *name);

/* Statements without results: the tables first, the indexes last. */
void pv_writer_exec(struct pv_writer *writer, const char *sql);

/* Prepare an INSERT; gives its number for pv_writer_row. */
int pv_writer_prepare(struct pv_writer *writer, const char *sql);

/*
 * One row. types has a letter for each value: t a const char * (NULL for
 * null), i an int64_t. The text is used before the call returns.
 */
void pv_writer_row(struct pv_writer *writer, int statement, const char *types,
                   ...);

/* Commit, close and rename; or, after an error, remove what was begun. */
enum pv_err pv_writer_finish(struct pv_writer *writer) PV_MUST_CHECK;

#endif
