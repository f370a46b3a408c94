/* service_column.c - which column of a statement is which output. */
#include <string.h>

#include "contract/service_private.h"

static bool
is_structure(const struct pv_field *field)
{
    return field->type->base == PV_BASE_LIST ||
           field->type->base == PV_BASE_OBJECT;
}

/* An object of plain items: each of them is a column of its own. */
static bool
is_flat(const struct pv_field *field)
{
    if (field->type->base != PV_BASE_OBJECT || field->item_count == 0) {
        return false;
    }
    for (size_t i = 0; i < field->item_count; i++) {
        if (is_structure(&field->item[i])) {
            return false;
        }
    }
    return true;
}

static enum pv_err
add_column(const struct pv_taker *taker, struct pv_method *method,
           const struct pv_field *parent, const struct pv_field *field,
           enum pv_column_source source)
{
    struct pv_column *column = &method->column[method->column_count];
    int               len;

    if (method->column_count == PV_COLUMNS_MAX) {
        return pv_taker_refuse(taker, NULL, "more than %d columns",
                               PV_COLUMNS_MAX);
    }
    len = snprintf(column->name, sizeof(column->name), "%s%s%s",
                   parent == NULL ? "" : parent->name,
                   parent == NULL ? "" : ".", field->name);
    if (len < 0 || (size_t)len >= sizeof(column->name)) {
        return pv_taker_refuse(taker, NULL, "the name of column %s is too long",
                               field->name);
    }
    column->field = field;
    column->until = field->until[0] != '\0' || parent == NULL ? field->until
                                                              : parent->until;
    column->source = source;
    method->column_count++;
    return PV_OK;
}

static enum pv_err
add_columns(const struct pv_taker *taker, struct pv_method *method,
            const struct pv_field *field, size_t count,
            enum pv_column_source source)
{
    enum pv_err err = PV_OK;

    for (size_t i = 0; err == PV_OK && i < count; i++) {
        if (&field[i] == method->rows_as) {
            continue; /* its rows are the statement's */
        }
        if (!is_flat(&field[i])) {
            err = add_column(taker, method, NULL, &field[i], source);
            continue;
        }
        for (size_t j = 0; err == PV_OK && j < field[i].item_count; j++) {
            err =
                add_column(taker, method, &field[i], &field[i].item[j], source);
        }
    }
    return err;
}

enum pv_err
pv_take_columns(struct pv_taker *taker, struct pv_method *method)
{
    const struct pv_contract_method *contract = method->contract;
    enum pv_err                      err;

    if (method->rows_as == NULL) {
        return add_columns(taker, method, contract->output,
                           contract->output_count, PV_FROM_STATEMENT);
    }
    err = add_columns(taker, method, method->rows_as->item,
                      method->rows_as->item_count, PV_FROM_STATEMENT);
    if (err == PV_OK) {
        err = add_columns(taker, method, contract->output,
                          contract->output_count, PV_FROM_SCALAR);
    }
    return err;
}
