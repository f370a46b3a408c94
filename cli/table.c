#include "table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_TIMEOUT_S 10

static SQLCHAR *
sql_text(const char *text)
{
    return (SQLCHAR *)(uintptr_t)text; /* ODBC only reads it */
}

/* The SQLSTATE alone: a driver's words may hold values. */
static enum pv_err
fail(SQLSMALLINT kind, SQLHANDLE handle, const char *what, struct pv_why *why)
{
    SQLCHAR     state[6] = "HY000";
    SQLCHAR     text[SQL_MAX_MESSAGE_LENGTH];
    SQLINTEGER  native;
    SQLSMALLINT len;

    (void)SQLGetDiagRec(kind, handle, 1, state, &native, text, sizeof(text),
                        &len); /* on failure HY000 stays */
    pv_why_set(why, "%s: the database says SQLSTATE %.5s", what,
               (const char *)state);
    return PV_EDB;
}

static enum pv_err
begin(struct pv_table *table, SQLHSTMT *ret, struct pv_why *why)
{
    return SQL_SUCCEEDED(SQLAllocHandle(SQL_HANDLE_STMT, table->dbc, ret))
               ? PV_OK
               : fail(SQL_HANDLE_DBC, table->dbc, "cannot ask", why);
}

static enum pv_err
connect_to(struct pv_table *table, const char *connection, struct pv_why *why)
{
    if (!SQL_SUCCEEDED(
            SQLAllocHandle(SQL_HANDLE_ENV, SQL_NULL_HANDLE, &table->env)) ||
        !SQL_SUCCEEDED(SQLSetEnvAttr(table->env, SQL_ATTR_ODBC_VERSION,
                                     (SQLPOINTER)SQL_OV_ODBC3, 0)) ||
        !SQL_SUCCEEDED(
            SQLAllocHandle(SQL_HANDLE_DBC, table->env, &table->dbc))) {
        pv_why_set(why, "unixODBC does not begin");
        return PV_EDB;
    }
    /* wishes: not every driver knows them */
    (void)SQLSetConnectAttr(table->dbc, SQL_ATTR_LOGIN_TIMEOUT,
                            (SQLPOINTER)(uintptr_t)CONNECT_TIMEOUT_S,
                            SQL_IS_UINTEGER);
    (void)SQLSetConnectAttr(table->dbc, SQL_ATTR_ACCESS_MODE,
                            (SQLPOINTER)(uintptr_t)SQL_MODE_READ_ONLY,
                            SQL_IS_UINTEGER);
    if (!SQL_SUCCEEDED(SQLDriverConnect(table->dbc, NULL, sql_text(connection),
                                        SQL_NTS, NULL, 0, NULL,
                                        SQL_DRIVER_NOPROMPT))) {
        return fail(SQL_HANDLE_DBC, table->dbc, "cannot connect", why);
    }
    return PV_OK;
}

/* A cell of the row at hand; "" when it is NULL or the driver has none. */
static void
read_name(SQLHSTMT stmt, SQLUSMALLINT column, char room[PV_TABLE_NAME_MAX + 1])
{
    SQLLEN got = 0;

    room[0] = '\0';
    if (!SQL_SUCCEEDED(SQLGetData(stmt, column, SQL_C_CHAR, room,
                                  PV_TABLE_NAME_MAX + 1, &got)) ||
        got == SQL_NULL_DATA) {
        room[0] = '\0';
    }
}

static enum pv_err
read_columns(struct pv_table *table, struct pv_why *why)
{
    SQLHSTMT    stmt;
    bool        has_schema = table->schema[0] != '\0';
    enum pv_err err = begin(table, &stmt, why);

    if (err != PV_OK) {
        return err;
    }
    if (!SQL_SUCCEEDED(SQLColumns(
            stmt, NULL, 0, has_schema ? sql_text(table->schema) : NULL, SQL_NTS,
            sql_text(table->name), SQL_NTS, NULL, 0))) {
        err = fail(SQL_HANDLE_STMT, stmt, "cannot read the columns", why);
    }
    while (err == PV_OK && SQL_SUCCEEDED(SQLFetch(stmt))) {
        char schema[PV_TABLE_NAME_MAX + 1];
        char name[PV_TABLE_NAME_MAX + 1];

        read_name(stmt, 2, schema);
        read_name(stmt, 3, name); /* _ of a pattern fits other tables too */
        if (strcmp(name, table->name) != 0) {
            continue;
        }
        if (table->column_count == 0) {
            memcpy(table->schema, schema, sizeof(schema));
        }
        if (strcmp(schema, table->schema) != 0 ||
            table->column_count == PV_TABLE_COLUMNS_MAX) {
            pv_why_set(why,
                       "%s stands in two schemas, or has more than %d "
                       "columns",
                       table->name, PV_TABLE_COLUMNS_MAX);
            err = PV_ERANGE;
            break;
        }
        read_name(stmt, 4, table->column[table->column_count].name);
        table->column_count++;
    }
    (void)SQLFreeHandle(SQL_HANDLE_STMT, stmt); /* nothing to do about it */
    if (err == PV_OK && table->column_count == 0) {
        pv_why_set(why, "there is no table %s", table->name);
        err = PV_ENOTFOUND;
    }
    return err;
}

/* A key of more than one column is none that one value finds. */
static enum pv_err
read_key(struct pv_table *table, struct pv_why *why)
{
    SQLHSTMT    stmt;
    size_t      count = 0;
    enum pv_err err = begin(table, &stmt, why);

    if (err != PV_OK) {
        return err;
    }
    if (SQL_SUCCEEDED(SQLPrimaryKeys(
            stmt, NULL, 0,
            table->schema[0] != '\0' ? sql_text(table->schema) : NULL, SQL_NTS,
            sql_text(table->name), SQL_NTS))) {
        while (SQL_SUCCEEDED(SQLFetch(stmt))) {
            read_name(stmt, 4, table->key);
            count++;
        }
    }
    if (count != 1) {
        table->key[0] = '\0';
    }
    (void)SQLFreeHandle(SQL_HANDLE_STMT, stmt); /* nothing to do about it */
    return PV_OK;
}

bool
pv_table_is_indexed(const struct pv_table *table, const char *column)
{
    SQLHSTMT stmt;
    bool     found = strcmp(column, table->key) == 0;

    if (!SQL_SUCCEEDED(SQLAllocHandle(SQL_HANDLE_STMT, table->dbc, &stmt))) {
        return found;
    }
    if (SQL_SUCCEEDED(SQLStatistics(
            stmt, NULL, 0,
            table->schema[0] != '\0' ? sql_text(table->schema) : NULL, SQL_NTS,
            sql_text(table->name), SQL_NTS, SQL_INDEX_ALL, SQL_QUICK))) {
        while (SQL_SUCCEEDED(SQLFetch(stmt))) {
            char place[PV_TABLE_NAME_MAX + 1];
            char name[PV_TABLE_NAME_MAX + 1];

            read_name(stmt, 8, place);
            read_name(stmt, 9, name);
            found =
                found || (strcmp(place, "1") == 0 && strcmp(name, column) == 0);
        }
    }
    (void)SQLFreeHandle(SQL_HANDLE_STMT, stmt); /* nothing to do about it */
    return found;
}

/* ---- names ---- */

enum pv_err
pv_table_quote(const struct pv_table *table, const char *name,
               struct pv_buf *out)
{
    enum pv_err err;

    if (strpbrk(name, "\"`[]'") != NULL) {
        return PV_EINVAL;
    }
    err = pv_buf_add_char(out, table->quote);
    if (err == PV_OK) {
        err = pv_buf_add(out, pv_slice_from(name));
    }
    return err == PV_OK ? pv_buf_add_char(out, table->quote) : err;
}

enum pv_err
pv_table_put_name(const struct pv_table *table, struct pv_buf *out)
{
    enum pv_err err = PV_OK;

    if (table->schema[0] != '\0') {
        err = pv_table_quote(table, table->schema, out);
        if (err == PV_OK) {
            err = pv_buf_add_char(out, '.');
        }
    }
    return err == PV_OK ? pv_table_quote(table, table->name, out) : err;
}

static void
read_quote(struct pv_table *table)
{
    char        text[8] = "";
    SQLSMALLINT len;

    table->quote = '"';
    if (SQL_SUCCEEDED(SQLGetInfo(table->dbc, SQL_IDENTIFIER_QUOTE_CHAR, text,
                                 sizeof(text), &len)) &&
        text[0] == '`') {
        table->quote = '`';
    }
}

/* ---- some rows ---- */

static enum pv_err
read_row(struct pv_table *table, SQLHSTMT stmt, struct pv_why *why)
{
    char room[PV_TABLE_CELL_MAX];

    for (size_t i = 0; i < table->column_count; i++) {
        SQLLEN    got = 0;
        SQLRETURN done = SQLGetData(stmt, (SQLUSMALLINT)(i + 1), SQL_C_CHAR,
                                    room, sizeof(room), &got);

        if (!SQL_SUCCEEDED(done)) {
            return fail(SQL_HANDLE_STMT, stmt, "cannot read a row", why);
        }
        if (got != SQL_NULL_DATA) {
            table->column[i].cell[table->row_count] = strdup(room);
            if (table->column[i].cell[table->row_count] == NULL) {
                return PV_ENOMEM;
            }
        }
    }
    table->row_count++;
    explicit_bzero(room, sizeof(room));
    return PV_OK;
}

static enum pv_err
read_rows(struct pv_table *table, struct pv_buf *sql, struct pv_why *why)
{
    const char *text;
    SQLHSTMT    stmt;
    enum pv_err err = pv_buf_cstr(sql, &text);

    if (err == PV_OK) {
        err = begin(table, &stmt, why);
    }
    if (err != PV_OK) {
        return err;
    }
    if (!SQL_SUCCEEDED(SQLExecDirect(stmt, sql_text(text), SQL_NTS))) {
        err = fail(SQL_HANDLE_STMT, stmt, "cannot read the table", why);
    }
    while (err == PV_OK && table->row_count < PV_TABLE_ROWS_MAX &&
           SQL_SUCCEEDED(SQLFetch(stmt))) {
        err = read_row(table, stmt, why);
    }
    (void)SQLFreeHandle(SQL_HANDLE_STMT, stmt); /* nothing to do about it */
    return err;
}

static enum pv_err
sample(struct pv_table *table, struct pv_why *why)
{
    struct pv_buf sql;
    enum pv_err   err;

    pv_buf_init(&sql, 32u * 1024);
    err = pv_buf_addf(&sql, "SELECT ");
    for (size_t i = 0; err == PV_OK && i < table->column_count; i++) {
        struct pv_table_column *column = &table->column[i];

        column->cell = calloc(PV_TABLE_ROWS_MAX, sizeof(char *));
        if (column->cell == NULL) {
            err = PV_ENOMEM;
            break;
        }
        err = i == 0 ? PV_OK : pv_buf_add_char(&sql, ',');
        if (err == PV_OK) {
            err = pv_table_quote(table, column->name, &sql);
        }
    }
    if (err == PV_OK) {
        err = pv_buf_addf(&sql, " FROM ");
    }
    if (err == PV_OK) {
        err = pv_table_put_name(table, &sql);
    }
    if (err == PV_OK) { /* all four of our databases but SQL Server have it */
        err = pv_buf_addf(&sql, " LIMIT %d", PV_TABLE_ROWS_MAX);
    }
    if (err == PV_EINVAL) {
        pv_why_set(why, "a name in %s holds a quote", table->name);
    }
    if (err == PV_OK) {
        err = read_rows(table, &sql, why);
    }
    pv_buf_clear(&sql);
    return err;
}

enum pv_err
pv_table_open(struct pv_table *table, const char *connection, const char *name,
              struct pv_why *why)
{
    struct pv_slice schema = PV_LIT("");
    struct pv_slice rest = pv_slice_from(name);
    enum pv_err     err;

    memset(table, 0, sizeof(*table));
    if (!pv_slice_cut(pv_slice_from(name), '.', &schema, &rest)) {
        schema = PV_LIT("");
        rest = pv_slice_from(name);
    }
    if (pv_slice_to_cstr(schema, table->schema, sizeof(table->schema)) !=
            PV_OK ||
        pv_slice_to_cstr(rest, table->name, sizeof(table->name)) != PV_OK) {
        pv_why_set(why, "the table's name is too long");
        return PV_ERANGE;
    }
    err = connect_to(table, connection, why);
    if (err == PV_OK) {
        read_quote(table);
        err = read_columns(table, why);
    }
    if (err == PV_OK) {
        err = read_key(table, why);
    }
    return err == PV_OK ? sample(table, why) : err;
}

void
pv_table_close(struct pv_table *table)
{
    for (size_t i = 0; i < table->column_count; i++) {
        for (size_t j = 0;
             table->column[i].cell != NULL && j < table->row_count; j++) {
            char *text = table->column[i].cell[j];

            if (text != NULL) {
                explicit_bzero(text, strlen(text));
            }
            free(text);
        }
        free(table->column[i].cell);
    }
    if (table->dbc != SQL_NULL_HDBC) {
        (void)SQLDisconnect(table->dbc); /* it ends with us anyway */
        (void)SQLFreeHandle(SQL_HANDLE_DBC, table->dbc);
    }
    if (table->env != SQL_NULL_HENV) {
        (void)SQLFreeHandle(SQL_HANDLE_ENV, table->env);
    }
    memset(table, 0, sizeof(*table));
}
