/*
 * hang_driver.c - an ODBC driver that misbehaves on demand, for the tests of
 * the connector. What it does stands in the statement or, for connecting, in
 * the connection string:
 *
 *   hang-connect   SQLDriverConnect blocks in read(2) for ever
 *   hang           SQLExecute blocks in read(2) with every signal blocked
 *   stuck          the same, as long as the file in $STUCK_FILE is there
 *   trap           the same, when the parameter is "trap"
 *   crash          SQLExecute dies of SIGSEGV
 *   leave          SQLExecute ends the process with status 0
 *   lost           SQLExecute fails with SQLSTATE 08S01
 *   write          SQLExecute writes the parameter to the file in $MARK_FILE
 *                  and to both output streams, then gives its row
 *   two            two rows;  long: a value of 100,000 bytes
 *   otherwise      one row, column n, value 1
 */
#include <fcntl.h>
#include <signal.h>
#include <sql.h>
#include <sqlext.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#pragma GCC visibility push(default)

struct statement {
    char        sql[512];
    char        parameter[512];
    const char *state;
    int         row;
    int         rows;
    size_t      given; /* bytes of the cell so far */
};

static int  handles; /* an address for handles that hold nothing */
static char database[512];

static void
block_for_ever(void)
{
    sigset_t all;
    int      pair[2];
    char     c;

    (void)sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, NULL);
    if (pipe(pair) == 0) {
        (void)!read(pair[0], &c, 1);
    }
}

SQLRETURN SQL_API
SQLAllocHandle(SQLSMALLINT type, SQLHANDLE input, SQLHANDLE *output)
{
    (void)input;
    *output = &handles;
    if (type == SQL_HANDLE_STMT) {
        *output = calloc(1, sizeof(struct statement));
    }
    return *output == NULL ? SQL_ERROR : SQL_SUCCESS;
}

SQLRETURN SQL_API
SQLFreeHandle(SQLSMALLINT type, SQLHANDLE handle)
{
    if (type == SQL_HANDLE_STMT) {
        free(handle);
    }
    return SQL_SUCCESS;
}

SQLRETURN SQL_API
SQLSetEnvAttr(SQLHENV env, SQLINTEGER attribute, SQLPOINTER value,
              SQLINTEGER len)
{
    (void)env;
    (void)attribute;
    (void)value;
    (void)len;
    return SQL_SUCCESS;
}

SQLRETURN SQL_API
SQLSetConnectAttr(SQLHDBC dbc, SQLINTEGER attribute, SQLPOINTER value,
                  SQLINTEGER len)
{
    (void)dbc;
    (void)attribute;
    (void)value;
    (void)len;
    return SQL_SUCCESS;
}

SQLRETURN SQL_API
SQLDriverConnect(SQLHDBC dbc, SQLHWND window, SQLCHAR *in, SQLSMALLINT in_len,
                 SQLCHAR *out, SQLSMALLINT out_max, SQLSMALLINT *out_len,
                 SQLUSMALLINT completion)
{
    (void)dbc;
    (void)window;
    (void)in_len;
    (void)out;
    (void)out_max;
    (void)out_len;
    (void)completion;
    (void)snprintf(database, sizeof(database), "%s", (const char *)in);
    if (strstr(database, "hang-connect") != NULL) {
        block_for_ever();
    }
    return SQL_SUCCESS;
}

SQLRETURN SQL_API
SQLDisconnect(SQLHDBC dbc)
{
    (void)dbc;
    return SQL_SUCCESS;
}

SQLRETURN SQL_API
SQLGetInfo(SQLHDBC dbc, SQLUSMALLINT type, SQLPOINTER value, SQLSMALLINT max,
           SQLSMALLINT *len)
{
    (void)dbc;
    if (type == SQL_CURSOR_COMMIT_BEHAVIOR ||
        type == SQL_CURSOR_ROLLBACK_BEHAVIOR) {
        *(SQLUSMALLINT *)value = SQL_CB_PRESERVE;
        return SQL_SUCCESS;
    }
    if (max > 0 && value != NULL) {
        (void)snprintf(value, (size_t)max, "%s",
                       type == SQL_DRIVER_ODBC_VER ? "03.00" : "hang");
    }
    if (len != NULL) {
        *len = 4;
    }
    return SQL_SUCCESS;
}

SQLRETURN SQL_API
SQLPrepare(SQLHSTMT stmt, SQLCHAR *sql, SQLINTEGER len)
{
    struct statement *statement = stmt;

    (void)len;
    (void)snprintf(statement->sql, sizeof(statement->sql), "%s",
                   (const char *)sql);
    return SQL_SUCCESS;
}

SQLRETURN SQL_API
SQLBindParameter(SQLHSTMT stmt, SQLUSMALLINT number, SQLSMALLINT kind,
                 SQLSMALLINT c_type, SQLSMALLINT type, SQLULEN size,
                 SQLSMALLINT digits, SQLPOINTER value, SQLLEN max,
                 SQLLEN *indicator)
{
    struct statement *statement = stmt;

    (void)number;
    (void)kind;
    (void)c_type;
    (void)type;
    (void)size;
    (void)digits;
    (void)indicator;
    (void)snprintf(statement->parameter, sizeof(statement->parameter), "%.*s",
                   (int)max, (const char *)value);
    return SQL_SUCCESS;
}

static void
leak(const struct statement *statement)
{
    const char *path = getenv("MARK_FILE");
    int         fd;

    (void)fprintf(stderr, "driver: %s\n", statement->parameter);
    (void)printf("driver: %s\n", statement->parameter);
    (void)fflush(stdout);
    fd = path == NULL ? -1 : open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd != -1) {
        (void)!write(fd, statement->parameter, strlen(statement->parameter));
        (void)close(fd);
    }
}

static bool
is_stuck(const struct statement *statement)
{
    const char *path = getenv("STUCK_FILE");
    const char *sql = statement->sql;

    if (strstr(sql, "trap") != NULL) {
        return strcmp(statement->parameter, "trap") == 0;
    }
    return strstr(sql, "stuck") != NULL && path != NULL &&
           access(path, F_OK) == 0;
}

SQLRETURN SQL_API
SQLExecute(SQLHSTMT stmt)
{
    struct statement *statement = stmt;
    const char       *sql = statement->sql;

    statement->row = 0;
    statement->rows = strstr(sql, "two") != NULL ? 2 : 1;
    statement->state = NULL;
    if (strstr(sql, "hang") != NULL || is_stuck(statement)) {
        block_for_ever();
    } else if (strstr(sql, "crash") != NULL) {
        (void)signal(SIGSEGV, SIG_DFL);
        (void)raise(SIGSEGV);
    } else if (strstr(sql, "leave") != NULL) {
        _exit(0);
    } else if (strstr(sql, "lost") != NULL) {
        statement->state = "08S01";
        return SQL_ERROR;
    } else if (strstr(sql, "write") != NULL) {
        leak(statement);
    }
    return SQL_SUCCESS;
}

SQLRETURN SQL_API
SQLNumResultCols(SQLHSTMT stmt, SQLSMALLINT *count)
{
    (void)stmt;
    *count = 1;
    return SQL_SUCCESS;
}

SQLRETURN SQL_API
SQLColAttribute(SQLHSTMT stmt, SQLUSMALLINT column, SQLUSMALLINT field,
                SQLPOINTER text, SQLSMALLINT max, SQLSMALLINT *len,
                SQLLEN *number)
{
    (void)stmt;
    (void)column;
    (void)field;
    (void)number;
    (void)snprintf(text, (size_t)max, "n");
    *len = 1;
    return SQL_SUCCESS;
}

SQLRETURN SQL_API
SQLFetch(SQLHSTMT stmt)
{
    struct statement *statement = stmt;

    statement->given = 0;
    return statement->row++ < statement->rows ? SQL_SUCCESS : SQL_NO_DATA;
}

SQLRETURN SQL_API
SQLGetData(SQLHSTMT stmt, SQLUSMALLINT column, SQLSMALLINT type,
           SQLPOINTER value, SQLLEN max, SQLLEN *len)
{
    struct statement *statement = stmt;
    size_t total = strstr(statement->sql, "long") != NULL ? 100000 : 1;
    size_t left = total - statement->given;
    size_t now = left < (size_t)max ? left : (size_t)max - 1;

    (void)column;
    (void)type;
    memset(value, '1', now);
    ((char *)value)[now] = '\0';
    *len = (SQLLEN)left;
    statement->given += now;
    return now < left ? SQL_SUCCESS_WITH_INFO : SQL_SUCCESS;
}

SQLRETURN SQL_API
SQLFreeStmt(SQLHSTMT stmt, SQLUSMALLINT option)
{
    (void)stmt;
    (void)option;
    return SQL_SUCCESS;
}

SQLRETURN SQL_API
SQLGetDiagRec(SQLSMALLINT type, SQLHANDLE handle, SQLSMALLINT number,
              SQLCHAR *state, SQLINTEGER *native, SQLCHAR *text,
              SQLSMALLINT max, SQLSMALLINT *len)
{
    const struct statement *statement = handle;

    if (type != SQL_HANDLE_STMT || number != 1 || statement->state == NULL) {
        return SQL_NO_DATA;
    }
    (void)snprintf((char *)state, 6, "%s", statement->state);
    (void)snprintf((char *)text, (size_t)max, "x");
    *native = 0;
    *len = 1;
    return SQL_SUCCESS;
}

/* the driver manager asks SQLGetDiagRec only where this is there too */
SQLRETURN SQL_API
SQLGetDiagField(SQLSMALLINT type, SQLHANDLE handle, SQLSMALLINT number,
                SQLSMALLINT field, SQLPOINTER value, SQLSMALLINT max,
                SQLSMALLINT *len)
{
    (void)type;
    (void)handle;
    (void)number;
    (void)field;
    (void)value;
    (void)max;
    (void)len;
    return SQL_NO_DATA;
}

#pragma GCC visibility pop
