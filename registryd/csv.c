/*
 * csv.c - rows as CSV, safe to open in a spreadsheet.
 */
#include "csv.h"

#include <string.h>

#define CELL_MAX ((size_t)64 * 1024)

/* One value at the end of a path, into the cell's text. */
static enum pv_err
add_value(struct pv_buf *cell, const json_t *value)
{
    enum pv_err err = PV_OK;

    if (value == NULL || json_is_null(value) || json_is_object(value)) {
        return PV_OK;
    }
    if (cell->len > 0) {
        err = pv_buf_add(cell, PV_LIT("; "));
    }
    if (err != PV_OK) {
        return err;
    }
    if (json_is_string(value)) {
        return pv_buf_add(cell, (struct pv_slice){json_string_value(value),
                                                  json_string_length(value)});
    }
    if (json_is_integer(value)) {
        return pv_buf_addf(cell, "%lld", (long long)json_integer_value(value));
    }
    return pv_buf_add(cell, json_is_true(value) ? PV_LIT("yes") : PV_LIT("no"));
}

static enum pv_err
walk(struct pv_buf *cell, const json_t *value, struct pv_slice path)
{
    struct pv_slice name = {NULL, 0};
    struct pv_slice rest = {NULL, 0};
    json_t         *one;
    size_t          i;
    enum pv_err     err = PV_OK;

    if (json_is_array(value)) {
        json_array_foreach(value, i, one)
        {
            err = err == PV_OK ? walk(cell, one, path) : err;
        }
        return err;
    }
    if (path.len == 0) {
        return add_value(cell, value);
    }
    (void)pv_slice_cut(path, '.', &name, &rest); /* without a dot: all of it */
    return walk(cell, json_object_getn(value, name.ptr, name.len), rest);
}

static bool
is_formula(const struct pv_buf *cell)
{
    return cell->len > 0 && memchr("=+-@\t\r", cell->ptr[0], 6) != NULL;
}

static enum pv_err
write_cell(struct pv_buf *out, const struct pv_buf *cell)
{
    enum pv_err err = pv_buf_add_char(out, '"');

    if (err == PV_OK && is_formula(cell)) {
        err = pv_buf_add_char(out, '\'');
    }
    for (size_t i = 0; i < cell->len && err == PV_OK; i++) {
        if (cell->ptr[i] == '"') {
            err = pv_buf_add_char(out, '"');
        }
        err = err == PV_OK ? pv_buf_add_char(out, cell->ptr[i]) : err;
    }
    return err == PV_OK ? pv_buf_add_char(out, '"') : err;
}

static enum pv_err
write_row(struct pv_buf *out, const json_t *row, const char *const *columns)
{
    struct pv_buf cell;
    enum pv_err   err = PV_OK;

    pv_buf_init(&cell, CELL_MAX);
    for (size_t c = 0; columns[c] != NULL && err == PV_OK; c++) {
        cell.len = 0;
        err = c > 0 ? pv_buf_add_char(out, ',') : PV_OK;
        if (err == PV_OK) {
            err = walk(&cell, row, pv_slice_from(columns[c]));
        }
        err = err == PV_OK ? write_cell(out, &cell) : err;
    }
    pv_buf_clear(&cell);
    return err == PV_OK ? pv_buf_add(out, PV_LIT("\r\n")) : err;
}

enum pv_err
pv_csv(const json_t *rows, const char *const *columns, struct pv_buf *out)
{
    json_t     *row;
    size_t      i;
    enum pv_err err = pv_buf_add(out, PV_LIT("\xef\xbb\xbf"));

    for (size_t c = 0; columns[c] != NULL && err == PV_OK; c++) {
        err = pv_buf_addf(out, "%s%s", c > 0 ? "," : "", columns[c]);
    }
    err = err == PV_OK ? pv_buf_add(out, PV_LIT("\r\n")) : err;
    json_array_foreach(rows, i, row)
    {
        err = err == PV_OK ? write_row(out, row, columns) : err;
    }
    return err;
}
