/* rollup_sum.c - cells added up into rows, in a table that is sorted at last */
#include "trace/rollup_sum.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS INT64_C(3600000)

struct row {
    int64_t             begin_ms;
    struct pv_slice     consumer; /* both in ->text */
    struct pv_slice     method;
    char               *text;
    enum pv_outcome     outcome;
    uint64_t            count;
    struct pv_histogram histogram;
};

struct table {
    const struct pv_rollup_query *query;
    struct row                  **row;
    size_t                        count;
    size_t                        max;
    uint32_t                     *slot; /* number + 1; open addressing */
    size_t                        mask;
};

static int64_t
begin_of(const struct pv_rollup_query *query, int64_t ms)
{
    int64_t size = MINUTE_MS;

    switch (query->step) {
    case PV_ROLLUP_MINUTE:
        break;
    case PV_ROLLUP_HOUR:
        size = HOUR_MS;
        break;
    case PV_ROLLUP_DAY:
        size = PV_DAY_MS;
        break;
    case PV_ROLLUP_ALL:
        return query->from_ms;
    }
    ms += PV_TEHRAN_OFFSET_MS;
    return ms - ms % size - PV_TEHRAN_OFFSET_MS;
}

static bool
is_asked(const struct pv_rollup_query *query, const struct pv_rollup_cell *cell)
{
    struct pv_slice provider;
    struct pv_slice service;
    struct pv_slice rest;

    (void)pv_slice_cut(cell->method, '/', &provider, &rest); /* "-": no more */
    (void)pv_slice_cut(rest, '/', &service, &rest);
    return (query->consumer.len == 0 ||
            pv_slice_eq(query->consumer, cell->consumer)) &&
           (query->provider.len == 0 ||
            pv_slice_eq(query->provider, provider)) &&
           (query->service.len == 0 || pv_slice_eq(query->service, service)) &&
           (query->outcome == PV_OUTCOME_NONE ||
            query->outcome == cell->outcome);
}

static enum pv_err
row_new(const struct pv_rollup_cell *cell, int64_t begin_ms,
        struct row **ret_row)
{
    struct row *row = calloc(1, sizeof(*row));

    if (row == NULL) {
        return PV_ENOMEM;
    }
    row->text = malloc(cell->consumer.len + cell->method.len);
    if (row->text == NULL) {
        free(row);
        return PV_ENOMEM;
    }
    memcpy(row->text, cell->consumer.ptr, cell->consumer.len);
    memcpy(row->text + cell->consumer.len, cell->method.ptr, cell->method.len);
    row->consumer = (struct pv_slice){row->text, cell->consumer.len};
    row->method =
        (struct pv_slice){row->text + cell->consumer.len, cell->method.len};
    row->begin_ms = begin_ms;
    row->outcome = cell->outcome;
    *ret_row = row;
    return PV_OK;
}

static enum pv_err
row_of(struct table *table, const struct pv_rollup_cell *cell,
       struct row **ret_row)
{
    int64_t begin_ms =
        begin_of(table->query, (int64_t)cell->minute * MINUTE_MS);
    uint64_t hash = pv_hash64(cell->consumer) * 31 + pv_hash64(cell->method) +
                    (uint64_t)begin_ms * UINT64_C(0x9e3779b97f4a7c15) +
                    (uint64_t)cell->outcome;
    size_t      at = (hash ^ hash >> 32) & table->mask;
    enum pv_err err;

    for (; table->slot[at] != 0; at = (at + 1) & table->mask) {
        struct row *row = table->row[table->slot[at] - 1];

        if (row->begin_ms == begin_ms && row->outcome == cell->outcome &&
            pv_slice_eq(row->consumer, cell->consumer) &&
            pv_slice_eq(row->method, cell->method)) {
            *ret_row = row;
            return PV_OK;
        }
    }
    if (table->count == table->max) {
        return PV_EFULL;
    }
    err = row_new(cell, begin_ms, ret_row);
    if (err == PV_OK) {
        table->row[table->count++] = *ret_row;
        table->slot[at] = (uint32_t)table->count;
    }
    return err;
}

static enum pv_err
add_cell(void *context, const struct pv_rollup_cell *cell)
{
    struct table *table = context;
    struct row   *row;
    enum pv_err   err;

    if (!is_asked(table->query, cell)) {
        return PV_OK;
    }
    err = row_of(table, cell, &row);
    if (err == PV_OK) {
        row->count += cell->count;
        err = pv_histogram_read(cell->histogram, &row->histogram) == PV_OK
                  ? PV_OK
                  : PV_ECORRUPT;
    }
    return err;
}

static int
compare(const void *a, const void *b)
{
    const struct row *x = *(struct row *const *)a;
    const struct row *y = *(struct row *const *)b;
    int order = (x->begin_ms > y->begin_ms) - (x->begin_ms < y->begin_ms);

    if (order == 0) {
        order = pv_slice_cmp(x->consumer, y->consumer);
    }
    if (order == 0) {
        order = pv_slice_cmp(x->method, y->method);
    }
    if (order == 0) {
        order = pv_slice_cmp(pv_outcome_word(x->outcome),
                             pv_outcome_word(y->outcome));
    }
    return order;
}

static enum pv_err
give(const struct table *table, pv_rollup_sum_fn *fn, void *context)
{
    enum pv_err err = PV_OK;

    qsort(table->row, table->count, sizeof(struct row *), compare);
    for (size_t i = 0; err == PV_OK && i < table->count; i++) {
        const struct row    *row = table->row[i];
        struct pv_rollup_sum sum = {row->begin_ms, row->consumer,
                                    row->method,   row->outcome,
                                    row->count,    &row->histogram};

        err = fn(context, &sum);
    }
    return err;
}

enum pv_err
pv_rollup_sums(int dirfd, const struct pv_rollup_query *query, size_t rows_max,
               pv_rollup_sum_fn *fn, void *context)
{
    struct table table = {.query = query, .max = rows_max, .mask = 1};
    enum pv_err  err = PV_ENOMEM;

    if (query->from_ms < 0 ||
        query->until_ms - query->from_ms > PV_ROLLUP_SPAN_MAX_MS ||
        rows_max > PV_ROLLUP_ROWS_MAX) {
        return PV_ERANGE;
    }
    while (table.mask < 2 * rows_max) {
        table.mask *= 2;
    }
    table.row = calloc(rows_max, sizeof(struct row *));
    table.slot = calloc(table.mask, sizeof(*table.slot));
    table.mask--;
    if (table.row != NULL && table.slot != NULL) {
        err = pv_rollup_read(dirfd, query->from_ms, query->until_ms, add_cell,
                             &table);
    }
    if (err == PV_OK) {
        err = give(&table, fn, context);
    }
    for (size_t i = 0; i < table.count; i++) {
        free(table.row[i]->text);
        free(table.row[i]);
    }
    free(table.row);
    free(table.slot);
    return err;
}
