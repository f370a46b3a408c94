/*
 * view_list.c - rows of a list: the whole of it, or page after page.
 */
#include <stdio.h>

#include "view.h"

struct rows {
    pv_view_row_fn *fn;
    void           *context;
    json_t         *list;
    size_t          seen;
    char            last[PV_RECORD_ID_MAX + 1];
    bool            more;
};

static bool
is_full(const struct pv_view_call *call, const struct rows *rows)
{
    if (call->count == 0) {
        return json_array_size(rows->list) == PV_VIEW_ROWS_MAX;
    }
    return json_array_size(rows->list) == call->count ||
           rows->seen == PV_VIEW_SCAN_MAX;
}

/* PV_EFULL: there are more records than the list takes. */
static enum pv_err
take(struct pv_view_call *call, const char *id, const struct pv_record *record,
     void *context)
{
    struct rows *rows = context;
    json_t      *row = NULL;
    enum pv_err  err;

    if (call->count > 0 && is_full(call, rows)) {
        rows->more = true;
        return PV_EFULL;
    }
    err = rows->fn(call, id, record, rows->context, &row);
    rows->seen++;
    (void)snprintf(rows->last, sizeof(rows->last), "%s", id); /* an id fits */
    if (err != PV_OK || row == NULL) {
        return err;
    }
    if (call->count == 0 && is_full(call, rows)) { /* one row too many */
        rows->more = true;
        json_decref(row);
        return PV_EFULL;
    }
    return json_array_append_new(rows->list, row) == 0 ? PV_OK : PV_ENOMEM;
}

enum pv_err
pv_view_rows(struct pv_view_call *call, enum pv_kind kind, pv_view_row_fn *fn,
             void *context, const char *name, json_t *view)
{
    struct rows rows = {.fn = fn, .context = context, .list = json_array()};
    enum pv_err err =
        rows.list == NULL
            ? PV_ENOMEM
            : pv_view_each_after(call, kind, call->after, take, &rows);

    if (err == PV_EFULL && rows.more) {
        err = PV_OK;
    }
    if (err == PV_OK) {
        err = pv_view_set(view, name, json_incref(rows.list));
    }
    if (err == PV_OK) {
        err = pv_view_set(view, "more", json_boolean(rows.more));
    }
    if (err == PV_OK && call->count > 0) {
        err = pv_view_set(view, "next",
                          rows.more ? json_string(rows.last) : json_null());
    }
    json_decref(rows.list);
    return err;
}
