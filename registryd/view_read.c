/*
 * view_read.c - records as they stood at a moment, and the names of things.
 */
#include <stdlib.h>
#include <string.h>

#include "kind_tables.h"
#include "view.h"

_Static_assert(PV_KIND_END <= 64, "a kind has a bit in the mask");

static bool
is_hidden(const struct pv_view_call *call, enum pv_kind kind)
{
    return (call->hidden & (UINT64_C(1) << kind)) != 0;
}

/* ---- one record ---- */

struct found {
    const struct pv_kind_row *row;
    struct pv_record         *record;
    bool                      is_there;
};

static enum pv_err
read_record(const struct pv_kind_row *row, const struct pv_value *column,
            struct pv_record *record)
{
    char        state[48];
    enum pv_err err = pv_slice_to_cstr(column[3].text, state, sizeof(state));

    if (err != PV_OK || pv_kind_state(row, state, &record->state) != PV_OK) {
        return PV_ECORRUPT;
    }
    record->version = column[0].number;
    record->from_decision = column[1].number;
    record->from_day = column[2].number;
    record->body = json_loadb(column[4].text.ptr, column[4].text.len,
                              JSON_REJECT_DUPLICATES, NULL);
    return record->body == NULL ? PV_ECORRUPT : PV_OK;
}

static enum pv_err
take_one(void *context, const struct pv_value *column)
{
    struct found *found = context;

    found->is_there = true;
    return read_record(found->row, column, found->record);
}

enum pv_err
pv_view_get(const struct pv_view_call *call, enum pv_kind kind, const char *id,
            struct pv_record *ret)
{
    static const enum pv_stmt stmt[] = {[PV_NOW] = PV_STMT_RECORD_GET,
                                        [PV_ON_DAY] = PV_STMT_RECORD_AS_OF,
                                        [PV_AT_NUMBER] = PV_STMT_RECORD_AT};
    struct pv_value           arguments[] = {
                  PV_TEXT(pv_slice_from(pv_kind_row(kind)->name)),
                  PV_TEXT(pv_slice_from(id)), PV_INT(call->at.n)};
    struct pv_record record = {.body = NULL};
    struct found     found = {pv_kind_row(kind), &record, false};
    enum pv_err      err;

    if (is_hidden(call, kind)) {
        return PV_ENOTFOUND;
    }
    err = pv_store_run(call->registry->store, stmt[call->at.kind], arguments,
                       call->at.kind == PV_NOW ? 2 : 3, take_one, &found);
    if (err == PV_OK && !found.is_there) {
        err = PV_ENOTFOUND;
    }
    if (err != PV_OK) {
        pv_record_clear(&record);
        return err;
    }
    *ret = record;
    return PV_OK;
}

const char *
pv_view_state(enum pv_kind kind, const struct pv_record *record)
{
    return pv_kind_row(kind)->states[record->state];
}

/* ---- all of a kind ---- */

struct listed {
    char             id[PV_RECORD_ID_MAX + 1];
    struct pv_record record;
};

struct page {
    const struct pv_kind_row *row;
    struct listed            *listed; /* PV_VIEW_PAGE of them; owned */
    size_t                    count;
};

static enum pv_err
take_listed(void *context, const struct pv_value *column)
{
    struct page   *page = context;
    struct listed *one = &page->listed[page->count];
    enum pv_err    err =
        pv_slice_to_cstr(column[0].text, one->id, sizeof(one->id));

    if (err != PV_OK) {
        return err;
    }
    page->count++;
    return read_record(page->row, column + 1, &one->record);
}

static enum pv_err
read_page(const struct pv_view_call *call, enum pv_kind kind, const char *after,
          struct page *page)
{
    struct pv_value name = PV_TEXT(pv_slice_from(pv_kind_row(kind)->name));
    struct pv_value from = PV_TEXT(pv_slice_from(after));
    struct pv_value now[] = {name, from, PV_INT(PV_VIEW_PAGE)};
    struct pv_value then[] = {name, PV_INT(call->at.n), from,
                              PV_INT(PV_VIEW_PAGE)};

    if (call->at.kind == PV_NOW) {
        return pv_store_run(call->registry->store, PV_STMT_RECORD_LIST, now,
                            COUNT(now), take_listed, page);
    }
    return pv_store_run(call->registry->store,
                        call->at.kind == PV_ON_DAY ? PV_STMT_RECORD_LIST_AS_OF
                                                   : PV_STMT_RECORD_LIST_AT,
                        then, COUNT(then), take_listed, page);
}

enum pv_err
pv_view_each(struct pv_view_call *call, enum pv_kind kind, pv_view_each_fn *fn,
             void *context)
{
    return pv_view_each_after(call, kind, "", fn, context);
}

enum pv_err
pv_view_each_after(struct pv_view_call *call, enum pv_kind kind,
                   const char *from, pv_view_each_fn *fn, void *context)
{
    struct page page = {.row = pv_kind_row(kind)};
    char        after[PV_RECORD_ID_MAX + 1] = "";
    enum pv_err err = PV_OK;

    (void)snprintf(after, sizeof(after), "%s", from); /* an id fits */
    if (is_hidden(call, kind)) {
        return PV_OK;
    }
    page.listed = calloc(PV_VIEW_PAGE, sizeof(*page.listed));
    if (page.listed == NULL) {
        return PV_ENOMEM;
    }
    do {
        page.count = 0;
        err = read_page(call, kind, after, &page);
        for (size_t i = 0; i < page.count; i++) {
            struct listed *one = &page.listed[i];

            err = err == PV_OK ? fn(call, one->id, &one->record, context) : err;
            pv_record_clear(&one->record);
            memcpy(after, one->id, sizeof(after));
        }
    } while (err == PV_OK && page.count == PV_VIEW_PAGE);
    free(page.listed);
    return err;
}

/* ---- when it came into a state ---- */

struct since {
    const struct pv_view_call *call;
    const char                *state;
    int64_t                    day;
    int64_t                    decision; /* 0: never */
};

static enum pv_err
take_version(void *context, const struct pv_value *column)
{
    struct since              *since = context;
    const struct pv_view_call *call = since->call;
    bool                       stood =
        call->at.kind == PV_NOW ||
        (call->at.kind == PV_ON_DAY && column[2].number <= call->at.n) ||
        (call->at.kind == PV_AT_NUMBER && column[1].number <= call->at.n);

    if (since->decision == 0 && stood &&
        pv_slice_eq(column[3].text, pv_slice_from(since->state))) {
        since->day = column[2].number;
        since->decision = column[1].number;
    }
    return PV_OK;
}

enum pv_err
pv_view_since(const struct pv_view_call *call, enum pv_kind kind,
              const char *id, const char *state, char day[PV_JALALI_ROOM],
              int64_t *ret_decision)
{
    struct pv_value arguments[] = {
        PV_TEXT(pv_slice_from(pv_kind_row(kind)->name)),
        PV_TEXT(pv_slice_from(id))};
    struct since since = {call, state, 0, 0};
    enum pv_err  err =
        pv_store_run(call->registry->store, PV_STMT_RECORD_HISTORY, arguments,
                     COUNT(arguments), take_version, &since);

    if (err != PV_OK) {
        return err;
    }
    day[0] = '\0';
    if (since.decision != 0) {
        pv_day_text(since.day, day);
    }
    *ret_decision = since.decision;
    return PV_OK;
}

/* ---- objects ---- */

enum pv_err
pv_view_set(json_t *object, const char *name, json_t *value)
{
    return json_object_set_new(object, name, value) == 0 ? PV_OK : PV_ENOMEM;
}

enum pv_err
pv_view_copy(json_t *object, const json_t *from, const char *const *names)
{
    enum pv_err err = PV_OK;

    for (size_t i = 0; names[i] != NULL && err == PV_OK; i++) {
        json_t *value = json_object_get(from, names[i]);

        if (value != NULL) {
            err = pv_view_set(object, names[i], json_incref(value));
        }
    }
    return err;
}

/* ---- names ---- */

static json_t *
read_name(struct pv_view_call *call, enum pv_kind kind, const char *id)
{
    static const char *const names[] = {"name_fa", "name_en", NULL};
    json_t                  *out = json_pack("{s:s}", "id", id);
    struct pv_record         record = {.body = NULL};

    if (out != NULL && pv_view_get(call, kind, id, &record) == PV_OK &&
        pv_view_copy(out, record.body, names) != PV_OK) {
        json_decref(out);
        out = NULL;
    }
    pv_record_clear(&record);
    return out;
}

json_t *
pv_view_name(struct pv_view_call *call, enum pv_kind kind, const char *id)
{
    char    key[PV_RECORD_ID_MAX + 32];
    char    service[PV_RECORD_ID_MAX + 1];
    json_t *found;

    if (kind == PV_KIND_VERSION) { /* "service/v1" speaks of the service */
        (void)snprintf(service, sizeof(service), "%s", id); /* ids fit */
        if (strchr(service, '/') != NULL) {
            *strchr(service, '/') = '\0';
        }
        kind = PV_KIND_SERVICE;
        id = service;
    }
    (void)snprintf(key, sizeof(key), "%s %s", pv_kind_row(kind)->name,
                   id); /* ids fit */
    found = json_object_get(call->names, key);
    if (found != NULL) {
        return json_incref(found);
    }
    found = read_name(call, kind, id);
    if (found != NULL) {
        (void)json_object_set(call->names, key, found); /* a cache only */
    }
    return found;
}

json_t *
pv_view_party(struct pv_view_call *call, const char *id)
{
    static const enum pv_kind kinds[] = {PV_KIND_AGENCY, PV_KIND_BODY,
                                         PV_KIND_CLUSTER};
    json_t                   *found = NULL;

    for (size_t i = 0; i < COUNT(kinds); i++) {
        json_decref(found); /* accepts NULL */
        found = pv_view_name(call, kinds[i], id);
        if (found == NULL || json_object_size(found) > 1) {
            break;
        }
    }
    return found;
}

json_t *
pv_view_parties(struct pv_view_call *call, const json_t *ids)
{
    json_t *list = json_array();
    json_t *id;
    size_t  i;

    json_array_foreach(ids, i, id)
    {
        if (json_array_append_new(
                list, pv_view_party(call, json_string_value(id))) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}
