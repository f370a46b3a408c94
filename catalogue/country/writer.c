#include "writer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define TEMPORARY "sqlite.tmp"
#define PATH_ROOM PATH_MAX

static void
fail(struct pv_writer *writer, const char *doing)
{
    if (writer->err != PV_OK) {
        return;
    }
    writer->err = PV_EDB;
    pv_why_set(&writer->why, "%s: %s: %s", writer->name, doing,
               sqlite3_errmsg(writer->db));
}

static void
fail_sys(struct pv_writer *writer, const char *doing)
{
    if (writer->err != PV_OK) {
        return;
    }
    writer->err = PV_ESYS;
    pv_why_set(&writer->why, "%s: %s: %s", writer->name, doing,
               strerror(errno));
}

static bool
file_name(const struct pv_writer *writer, const char *end, char room[NAME_MAX])
{
    int len = snprintf(room, NAME_MAX, "%s.%s", writer->name, end);

    return len > 0 && len < NAME_MAX;
}

void
pv_writer_exec(struct pv_writer *writer, const char *sql)
{
    if (writer->err == PV_OK &&
        sqlite3_exec(writer->db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        fail(writer, "cannot write the tables");
    }
}

void
pv_writer_open(struct pv_writer *writer, const char *dir, int dirfd,
               const char *name)
{
    char path[PATH_ROOM];
    char file[NAME_MAX];
    int  len;

    memset(writer, 0, sizeof(*writer));
    writer->name = name;
    writer->dirfd = dirfd;
    if (!file_name(writer, TEMPORARY, file)) {
        errno = ENAMETOOLONG;
        fail_sys(writer, "cannot name the file");
        return;
    }
    len = snprintf(path, sizeof(path), "%s/%s", dir, file);
    if (len < 0 || (size_t)len >= sizeof(path)) {
        errno = ENAMETOOLONG;
        fail_sys(writer, "cannot name the file");
        return;
    }
    if (unlinkat(dirfd, file, 0) == -1 && errno != ENOENT) {
        fail_sys(writer, "cannot remove an unfinished file");
        return;
    }
    if (sqlite3_open_v2(path, &writer->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
                            SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK) {
        fail(writer, "cannot make the file");
        return;
    }
    /* a crash leaves a temporary file, so the journal would save nothing */
    pv_writer_exec(writer, "PRAGMA page_size = 4096;"
                           "PRAGMA journal_mode = OFF;"
                           "PRAGMA synchronous = OFF;"
                           "PRAGMA locking_mode = EXCLUSIVE;"
                           "PRAGMA cache_size = -200000;"
                           "PRAGMA temp_store = MEMORY;"
                           "BEGIN");
}

int
pv_writer_prepare(struct pv_writer *writer, const char *sql)
{
    int at = writer->statement_count;

    if (writer->err != PV_OK) {
        return 0;
    }
    if (at == PV_WRITER_STATEMENTS_MAX ||
        sqlite3_prepare_v2(writer->db, sql, -1, &writer->statement[at], NULL) !=
            SQLITE_OK) {
        fail(writer, "cannot prepare a row");
        return 0;
    }
    return writer->statement_count++;
}

void
pv_writer_row(struct pv_writer *writer, int statement, const char *types, ...)
{
    sqlite3_stmt *at;
    va_list       args;

    if (writer->err != PV_OK) {
        return;
    }
    at = writer->statement[statement];
    va_start(args, types);
    for (int i = 0; types[i] != '\0'; i++) {
        int rc;

        if (types[i] == 't') {
            rc = sqlite3_bind_text(at, i + 1, va_arg(args, const char *), -1,
                                   SQLITE_STATIC);
        } else {
            rc = sqlite3_bind_int64(at, i + 1, va_arg(args, int64_t));
        }
        if (rc != SQLITE_OK) {
            fail(writer, "cannot bind a value");
        }
    }
    va_end(args);
    if (writer->err == PV_OK && sqlite3_step(at) != SQLITE_DONE) {
        fail(writer, "cannot write a row");
    }
    if (writer->err == PV_OK && sqlite3_reset(at) != SQLITE_OK) {
        fail(writer, "cannot write a row");
    }
    writer->row_count++;
}

/* Onto the disk before it gets its name. */
static void
sync_file(struct pv_writer *writer, const char *file)
{
    int fd = openat(writer->dirfd, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd == -1 || fsync(fd) == -1) {
        fail_sys(writer, "cannot write the file to the disk");
    }
    if (fd != -1) {
        (void)close(fd); /* read-only: nothing to lose */
    }
}

enum pv_err
pv_writer_finish(struct pv_writer *writer)
{
    char file[NAME_MAX];
    char named[NAME_MAX];

    for (int i = 0; i < writer->statement_count; i++) {
        (void)sqlite3_finalize(writer->statement[i]); /* told by the step */
    }
    pv_writer_exec(writer, "COMMIT");
    if (writer->db != NULL && sqlite3_close(writer->db) != SQLITE_OK) {
        fail(writer, "cannot close the file");
    }
    writer->db = NULL;
    if (!file_name(writer, TEMPORARY, file) ||
        !file_name(writer, "sqlite", named)) {
        return writer->err == PV_OK ? PV_ERANGE : writer->err;
    }
    if (writer->err == PV_OK) {
        sync_file(writer, file);
    }
    if (writer->err == PV_OK &&
        renameat(writer->dirfd, file, writer->dirfd, named) == -1) {
        fail_sys(writer, "cannot give the file its name");
    }
    if (writer->err != PV_OK) {
        (void)unlinkat(writer->dirfd, file, 0); /* the error is told already */
    }
    return writer->err;
}
