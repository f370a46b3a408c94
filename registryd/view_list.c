/*
 * view_list.c - rows of a list: the whole of it, or page after page; and
 * those of custodians first.
 */
#include <stdio.h>
#include <string.h>

#include "kind_tables.h"
#include "rules.h"
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
    if (err == PV_OK && row != NULL && call->count == 0 &&
        is_full(call, rows)) { /* one row too many */
        rows->more = true;
        json_decref(row);
        return PV_EFULL;
    }
    (void)snprintf(rows->last, sizeof(rows->last), "%s", id); /* an id fits */
    if (err != PV_OK || row == NULL) {
        return err;
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
    if (err == PV_OK && (call->count > 0 || rows.more)) {
        err = pv_view_set(view, "next",
                          rows.more ? json_string(rows.last) : json_null());
    }
    json_decref(rows.list);
    return err;
}

enum pv_err
pv_view_list(struct pv_view_call *call, enum pv_kind kind, pv_view_row_fn *fn,
             void *context, const char *name, json_t **ret)
{
    char        day[PV_JALALI_ROOM];
    json_t     *view;
    enum pv_err err;

    pv_day_text(call->today, day);
    view = json_pack("{s:s}", "day", day);
    err = view == NULL ? PV_ENOMEM
                       : pv_view_rows(call, kind, fn, context, name, view);
    if (err != PV_OK) {
        json_decref(view); /* accepts NULL */
        return err;
    }
    *ret = view;
    return PV_OK;
}

enum pv_err
pv_view_text(const struct pv_view_call *call, enum pv_view_param param,
             char room[PV_RECORD_ID_MAX + 1])
{
    return pv_slice_to_cstr(call->param[param], room, PV_RECORD_ID_MAX + 1) ==
                   PV_OK
               ? PV_OK
               : PV_EINVAL;
}

/* ---- custodians ---- */

static enum pv_err
add_register(json_t *custodians, const char *agency, const char *id)
{
    json_t *registers = json_object_get(custodians, agency);

    if (registers == NULL) {
        registers = json_array();
        if (json_object_set_new(custodians, agency, registers) != 0) {
            return PV_ENOMEM;
        }
    }
    return json_array_append_new(registers, json_string(id)) == 0 ? PV_OK
                                                                  : PV_ENOMEM;
}

static enum pv_err
note_custodians(struct pv_view_call *call, const char *id,
                const struct pv_record *record, void *context)
{
    const char *custodian = pv_member(record->body, "custodian");
    json_t     *other;
    size_t      i;
    enum pv_err err = PV_OK;

    (void)call;
    if (strcmp(pv_view_state(PV_KIND_REGISTER, record), "ended") == 0) {
        return PV_OK;
    }
    if (custodian[0] != '\0') {
        err = add_register(context, custodian, id);
    }
    json_array_foreach(json_object_get(record->body, "co_custodians"), i, other)
    {
        err = err == PV_OK ? add_register(context, json_string_value(other), id)
                           : err;
    }
    return err;
}

enum pv_err
pv_view_custodians(struct pv_view_call *call, json_t **ret)
{
    json_t     *custodians = json_object();
    enum pv_err err =
        custodians == NULL
            ? PV_ENOMEM
            : pv_view_each(call, PV_KIND_REGISTER, note_custodians, custodians);

    if (err != PV_OK) {
        json_decref(custodians); /* accepts NULL */
        return err;
    }
    *ret = custodians;
    return PV_OK;
}

/* Of the parties of a matter only the one that provides counts. */
static bool
is_custodian(const json_t *custodians, const json_t *who)
{
    const char *as = pv_member(who, "as");
    json_t     *one;
    size_t      i;

    json_array_foreach(who, i, one)
    {
        if (is_custodian(custodians, one)) {
            return true;
        }
    }
    return (as[0] == '\0' || strcmp(as, "provider") == 0) &&
           json_object_get(custodians, pv_member(who, "id")) != NULL;
}

enum pv_err
pv_view_custodians_first(struct pv_view_call *call, json_t *view,
                         const char *list, const char *member)
{
    json_t     *custodians = NULL;
    json_t     *first = json_array();
    json_t     *others = json_array();
    json_t     *row;
    size_t      i;
    enum pv_err err = first == NULL || others == NULL ? PV_ENOMEM : PV_OK;

    if (err == PV_OK && call->count == 0) {
        err = pv_view_custodians(call, &custodians);
    }
    json_array_foreach(json_object_get(view, list), i, row)
    {
        bool is_one = is_custodian(custodians, json_object_get(row, member));

        if (err == PV_OK &&
            json_array_append(is_one ? first : others, row) != 0) {
            err = PV_ENOMEM;
        }
    }
    if (err == PV_OK && json_array_extend(first, others) != 0) {
        err = PV_ENOMEM;
    }
    if (err == PV_OK) {
        err = pv_view_set(view, list, json_incref(first));
    }
    json_decref(custodians); /* accepts NULL */
    json_decref(first);
    json_decref(others);
    return err;
}
