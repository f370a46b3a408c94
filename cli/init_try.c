/* init_try.c - the written statement, asked for some keys of the table. */
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "contract/answer.h"
#include "init.h"

struct trying {
    struct pv_init         *init;
    const struct pv_method *method;
    SQLHSTMT                stmt;
    struct pv_slice         column[PV_COLUMNS_MAX];
    struct pv_cell          cell[PV_COLUMNS_MAX];
    char                    name[PV_COLUMNS_MAX][PV_TABLE_NAME_MAX + 1];
    char                    text[PV_COLUMNS_MAX][PV_TABLE_CELL_MAX];
};

static bool
read_row(struct trying *trying, struct pv_rows *rows)
{
    for (size_t i = 0; i < rows->column_count; i++) {
        SQLLEN got = 0;

        if (!SQL_SUCCEEDED(SQLGetData(trying->stmt, (SQLUSMALLINT)(i + 1),
                                      SQL_C_CHAR, trying->text[i],
                                      PV_TABLE_CELL_MAX, &got))) {
            return false;
        }
        trying->cell[i].null = got == SQL_NULL_DATA;
        trying->cell[i].text =
            pv_slice_from(trying->cell[i].null ? "" : trying->text[i]);
    }
    rows->row_count = 1;
    return true;
}

static bool
read_names(struct trying *trying, struct pv_rows *rows)
{
    SQLSMALLINT columns = 0;

    if (!SQL_SUCCEEDED(SQLNumResultCols(trying->stmt, &columns)) ||
        columns < 1 || columns > PV_COLUMNS_MAX) {
        return false;
    }
    for (SQLSMALLINT i = 0; i < columns; i++) {
        SQLSMALLINT len;

        if (!SQL_SUCCEEDED(SQLColAttribute(
                trying->stmt, (SQLUSMALLINT)(i + 1), SQL_DESC_LABEL,
                trying->name[i], sizeof(trying->name[i]), &len, NULL))) {
            return false;
        }
        trying->column[i] = pv_slice_from(trying->name[i]);
    }
    rows->column_count = (size_t)columns;
    rows->column = trying->column;
    rows->cell = trying->cell;
    return true;
}

/* Is the record of this key answered as the contract says? */
static bool
is_answered(struct trying *trying, char *key)
{
    struct pv_rows  rows = {0, 0, NULL, NULL};
    struct pv_fault fault = {PV_FAULT_NONE, ""};
    struct pv_buf   out;
    SQLLEN          len = (SQLLEN)strlen(key);
    bool            done;

    pv_buf_init(&out, PV_ANSWER_MAX);
    done = SQL_SUCCEEDED(SQLBindParameter(
               trying->stmt, 1, SQL_PARAM_INPUT, SQL_C_CHAR, SQL_VARCHAR,
               (SQLULEN)len + 1, 0, key, len, &len)) &&
           SQL_SUCCEEDED(SQLExecute(trying->stmt)) &&
           read_names(trying, &rows) && SQL_SUCCEEDED(SQLFetch(trying->stmt)) &&
           read_row(trying, &rows) && SQLFetch(trying->stmt) == SQL_NO_DATA &&
           pv_answer_build(trying->method, &rows, NULL, pv_time_wall_ms(),
                           PV_LIT(""), 0, NULL, &out, &fault) == PV_OK;
    (void)SQLFreeStmt(trying->stmt, SQL_CLOSE); /* also when none is open */
    pv_buf_wipe(&out);
    return done;
}

static enum pv_err
try_keys(struct trying *trying, struct pv_why *why)
{
    struct pv_init         *init = trying->init;
    struct pv_table_column *key = &init->table.column[init->key_column];

    if (!SQL_SUCCEEDED(
            SQLAllocHandle(SQL_HANDLE_STMT, init->table.dbc, &trying->stmt))) {
        pv_why_set(why, "the database takes no statement");
        return PV_EDB;
    }
    if (!SQL_SUCCEEDED(SQLPrepare(
            trying->stmt, (SQLCHAR *)trying->method->statement.sql, SQL_NTS))) {
        (void)SQLFreeHandle(SQL_HANDLE_STMT, trying->stmt); /* as it is */
        pv_why_set(why, "the database does not take the statement");
        return PV_EDB;
    }
    for (size_t i = 0; i < init->table.row_count && init->tried < PV_INIT_TRIES;
         i++) {
        if (key->cell[i] != NULL) {
            init->tried++;
            init->answered += is_answered(trying, key->cell[i]);
        }
    }
    (void)SQLFreeHandle(SQL_HANDLE_STMT, trying->stmt); /* nothing to do */
    return PV_OK;
}

enum pv_err
pv_init_try(struct pv_init *init, struct pv_why *why)
{
    struct trying      *trying = calloc(1, sizeof(*trying));
    struct pv_contract *contract = NULL;
    struct pv_service  *service = NULL;
    enum pv_err         err = trying == NULL ? PV_ENOMEM : PV_OK;

    if (err == PV_OK) {
        err = pv_contract_load_file(init->path[PV_INIT_CONTRACT], init->items,
                                    &contract, why);
    }
    if (err == PV_OK) {
        err = pv_service_load_file(init->path[PV_INIT_SERVICE],
                                   (const struct pv_contract *const *)&contract,
                                   1, &service, why);
    }
    if (err == PV_OK) {
        trying->init = init;
        trying->method = &service->method[0];
        err = try_keys(trying, why);
        explicit_bzero(trying, sizeof(*trying)); /* rows were in it */
    }
    free(trying);
    pv_service_free(service);
    pv_contract_free(contract);
    return err;
}
