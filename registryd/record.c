/*
 * record.c - records in the store, and members of their bodies.
 */
#include <string.h>

#include "base/due.h"
#include "decide.h"
#include "kind_tables.h"

#define PAGE 500

/* ---- members ---- */

const char *
pv_member(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text == NULL ? "" : text;
}

bool
pv_member_true(const json_t *object, const char *name)
{
    return json_is_true(json_object_get(object, name));
}

bool
pv_list_has(const json_t *list, const char *text)
{
    json_t *one;
    size_t  i;

    json_array_foreach(list, i, one)
    {
        if (json_is_string(one) && strcmp(json_string_value(one), text) == 0) {
            return true;
        }
    }
    return false;
}

enum pv_err
pv_member_day(const json_t *object, const char *name, int64_t *ret)
{
    const char     *text = pv_member(object, name);
    struct pv_civil date;
    enum pv_err     err;

    if (text[0] == '\0') {
        return PV_ENOTFOUND;
    }
    err = pv_jalali_parse(pv_slice_from(text), &date);
    return err == PV_OK ? pv_jalali_to_days(date, ret) : err;
}

void
pv_day_text(int64_t day, char room[PV_JALALI_ROOM])
{
    /* noon of that day in Tehran */
    pv_jalali_text(day * PV_DAY_MS + PV_DAY_MS / 2 - PV_TEHRAN_OFFSET_MS, room);
    room[PV_JALALI_TEXT_LEN] = '\0';
}

enum pv_err
pv_set(json_t *object, const char *name, const char *text)
{
    return json_object_set_new(object, name, json_string(text)) == 0
               ? PV_OK
               : PV_ENOMEM;
}

/* ---- reading ---- */

struct found {
    struct pv_cache          *cache;
    enum pv_kind              kind;
    const struct pv_kind_row *row;
    struct pv_record         *record;
    const char               *id;
    bool                      is_there;
};

static enum pv_err
take_record(void *context, const struct pv_value *column)
{
    struct found *found = context;
    char          state[48];
    enum pv_err   err;

    err = pv_slice_to_cstr(column[3].text, state, sizeof(state));
    if (err != PV_OK ||
        pv_kind_state(found->row, state, &found->record->state) != PV_OK) {
        return PV_ECORRUPT;
    }
    found->record->version = column[0].number;
    found->record->from_decision = column[1].number;
    found->record->from_day = column[2].number;
    found->record->body = json_loadb(column[4].text.ptr, column[4].text.len,
                                     JSON_REJECT_DUPLICATES, NULL);
    if (found->record->body == NULL) {
        return PV_ECORRUPT;
    }
    found->record->references = column[5].number;
    found->is_there = true;
    pv_cache_put(found->cache, found->kind, found->id, found->record,
                 column[4].text.len);
    return PV_OK;
}

enum pv_err
pv_record_flush(struct pv_registry *registry)
{
    return pv_unwritten_flush(registry->unwritten, registry->store);
}

void
pv_record_undone(struct pv_registry *registry)
{
    pv_unwritten_forget(registry->unwritten);
    pv_cache_clear(registry->cache);
}

void
pv_record_follow_session(struct pv_registry *registry)
{
    if (registry->session != pv_store_session(registry->store)) {
        pv_record_undone(registry);
        registry->last = -1;
        registry->session = pv_store_session(registry->store);
    }
}

enum pv_err
pv_record_get(struct pv_registry *registry, enum pv_kind kind, const char *id,
              struct pv_record *ret)
{
    const struct pv_kind_row *row = pv_kind_row(kind);
    struct pv_value           arguments[] = {PV_TEXT(pv_slice_from(row->name)),
                                             PV_TEXT(pv_slice_from(id))};
    struct pv_record          record = {.body = NULL};
    struct found found = {registry->cache, kind, row, &record, id, false};
    enum pv_err  err;

    pv_record_follow_session(registry);
    if (pv_cache_get(registry->cache, kind, id, ret)) {
        return PV_OK;
    }
    err = pv_unwritten_has(registry->unwritten, kind, id)
              ? pv_record_flush(registry)
              : PV_OK;
    if (err == PV_OK) {
        err = pv_store_run(registry->store, PV_STMT_RECORD_GET, arguments,
                           COUNT(arguments), take_record, &found);
    }
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

void
pv_record_clear(struct pv_record *record)
{
    json_decref(record->body); /* accepts NULL */
    record->body = NULL;
}

/* ---- lists of ids ---- */

struct ids {
    json_t *list; /* owned by the caller */
    size_t  count;
    char    last[PV_RECORD_ID_MAX + 1];
};

static enum pv_err
take_id(void *context, const struct pv_value *column)
{
    struct ids *ids = context;
    enum pv_err err;

    ids->count++;
    /* a record that refers twice to the same target comes twice */
    if (pv_slice_eq(pv_slice_from(ids->last), column[0].text)) {
        return PV_OK;
    }
    err = pv_slice_to_cstr(column[0].text, ids->last, sizeof(ids->last));
    if (err == PV_OK &&
        json_array_append_new(ids->list, json_string(ids->last)) != 0) {
        err = PV_ENOMEM;
    }
    return err;
}

static enum pv_err
all_pages(struct pv_registry *registry, enum pv_stmt stmt,
          struct pv_value *arguments, size_t count, size_t after, json_t **ret)
{
    struct ids  ids = {.list = json_array()};
    enum pv_err err = ids.list == NULL ? PV_ENOMEM : PV_OK;

    while (err == PV_OK) {
        char from[PV_RECORD_ID_MAX + 1];

        memcpy(from, ids.last, sizeof(from));
        arguments[after] = PV_TEXT(pv_slice_from(from));
        ids.count = 0;
        err = pv_store_run(registry->store, stmt, arguments, count, take_id,
                           &ids);
        if (ids.count < PAGE) {
            break;
        }
    }
    if (err != PV_OK) {
        json_decref(ids.list);
        return err;
    }
    *ret = ids.list;
    return PV_OK;
}

bool
pv_record_is_new(const struct pv_registry *registry, enum pv_kind kind,
                 const char *id)
{
    return pv_unwritten_has(registry->unwritten, kind, id);
}

enum pv_err
pv_record_new_users(struct pv_registry *registry, const char *target_kind,
                    const char *target_id, enum pv_kind kind, json_t **ret)
{
    json_t     *ids = json_array();
    enum pv_err err = ids == NULL
                          ? PV_ENOMEM
                          : pv_unwritten_users(registry->unwritten, target_kind,
                                               target_id, kind, &ids);

    if (err != PV_OK) {
        json_decref(ids); /* accepts NULL */
        return err;
    }
    *ret = ids;
    return PV_OK;
}

enum pv_err
pv_record_users(struct pv_registry *registry, const char *target_kind,
                const char *target_id, enum pv_kind kind, json_t **ret)
{
    struct pv_value arguments[] = {
        PV_TEXT(pv_slice_from(target_kind)), PV_TEXT(pv_slice_from(target_id)),
        PV_TEXT(pv_slice_from(pv_kind_row(kind)->name)), PV_NULL, PV_INT(PAGE)};
    json_t     *ids = NULL;
    enum pv_err err = all_pages(registry, PV_STMT_REFERENCE_FIND, arguments,
                                COUNT(arguments), 3, &ids);

    if (err == PV_OK) {
        err = pv_unwritten_users(registry->unwritten, target_kind, target_id,
                                 kind, &ids);
    }
    if (err != PV_OK) {
        json_decref(ids); /* accepts NULL */
        return err;
    }
    *ret = ids;
    return PV_OK;
}

enum pv_err
pv_record_all(struct pv_registry *registry, enum pv_kind kind, json_t **ret)
{
    struct pv_value arguments[] = {
        PV_TEXT(pv_slice_from(pv_kind_row(kind)->name)), PV_NULL, PV_INT(PAGE)};
    enum pv_err err = pv_record_flush(registry);

    return err == PV_OK ? all_pages(registry, PV_STMT_RECORD_LIST, arguments,
                                    COUNT(arguments), 1, ret)
                        : err;
}

/* ---- writing ---- */

enum pv_err
pv_record_refer(struct pv_change *change, const char *name,
                const char *target_kind, const char *target_id)
{
    struct pv_registry *registry = change->context->registry;
    struct pv_value arguments[] = {PV_TEXT(pv_slice_from(change->row->name)),
                                   PV_TEXT(pv_slice_from(change->id)),
                                   PV_INT(change->version),
                                   PV_TEXT(pv_slice_from(name)),
                                   PV_TEXT(pv_slice_from(target_kind)),
                                   PV_TEXT(pv_slice_from(target_id))};

    /* looking for a party may have asked the database, and so written it */
    if (change->is_held &&
        pv_unwritten_has(registry->unwritten, change->kind, change->id)) {
        return pv_unwritten_refer(registry->unwritten, name, target_kind,
                                  target_id);
    }
    return pv_store_run(registry->store, PV_STMT_REFERENCE_ADD, arguments,
                        COUNT(arguments), NULL, NULL);
}

/* Which table a party stands in: agency, body or cluster. */
static enum pv_err
party_kind(struct pv_change *change, const char *id, const char **ret)
{
    static const enum pv_kind kinds[] = {PV_KIND_AGENCY, PV_KIND_BODY,
                                         PV_KIND_CLUSTER};
    enum pv_err               err = PV_ENOTFOUND;

    for (size_t i = 0; i < COUNT(kinds) && err == PV_ENOTFOUND; i++) {
        struct pv_record record = {.body = NULL};

        err = pv_record_get(change->context->registry, kinds[i], id, &record);
        pv_record_clear(&record);
        *ret = pv_kind_row(kinds[i])->name;
    }
    return err;
}

static enum pv_err
refer_one(struct pv_change *change, const struct pv_field *field,
          const json_t *value)
{
    const char *target = pv_kind_row(field->target)->name;
    const char *id = json_string_value(value);
    enum pv_err err = PV_OK;

    if (id == NULL) {
        return PV_OK;
    }
    if (field->type == PV_FIELD_PARTY) {
        err = party_kind(change, id, &target);
    }
    return err == PV_OK ? pv_record_refer(change, field->name, target, id)
                        : err;
}

static enum pv_err
refer_all(struct pv_change *change)
{
    enum pv_err err = PV_OK;

    for (size_t f = 0; f < change->row->field_count && err == PV_OK; f++) {
        const struct pv_field *field = &change->row->fields[f];
        const json_t *value = json_object_get(change->body, field->name);
        json_t       *one;
        size_t        i;

        if (field->type != PV_FIELD_RECORD && field->type != PV_FIELD_PARTY) {
            continue;
        }
        if (!field->is_list) {
            err = refer_one(change, field, value);
            continue;
        }
        json_array_foreach(value, i, one)
        {
            err = err == PV_OK ? refer_one(change, field, one) : err;
        }
    }
    if (err == PV_OK && change->row->references != NULL) {
        err = change->row->references(change);
    }
    return err;
}

static enum pv_err
close_before(struct pv_change *change)
{
    struct pv_value arguments[] = {
        PV_TEXT(pv_slice_from(change->row->name)),
        PV_TEXT(pv_slice_from(change->id)), PV_INT(change->version - 1),
        PV_INT(change->context->number), PV_INT(change->context->day)};

    return pv_store_run(change->context->registry->store, PV_STMT_RECORD_CLOSE,
                        arguments, COUNT(arguments), NULL, NULL);
}

/* A version of a record that the database has; the one before is closed. */
static enum pv_err
write_version(struct pv_change *change, struct pv_slice text,
              int64_t references)
{
    struct pv_value arguments[] = {
        PV_TEXT(pv_slice_from(change->row->name)),
        PV_TEXT(pv_slice_from(change->id)),
        PV_INT(change->version),
        PV_INT(change->context->number),
        PV_INT(change->context->day),
        PV_TEXT(pv_slice_from(change->row->states[change->after])),
        PV_TEXT(text),
        PV_INT(references),
        PV_NULL,
        PV_NULL};
    enum pv_err err = close_before(change);

    return err == PV_OK ? pv_store_run(change->context->registry->store,
                                       PV_STMT_RECORD_ADD, arguments,
                                       COUNT(arguments), NULL, NULL)
                        : err;
}

static enum pv_err
add_version(struct pv_change *change, struct pv_slice text, int64_t references)
{
    struct pv_registry *registry = change->context->registry;
    struct pv_version   version = {change->kind,
                                   change->id,
                                   change->version,
                                   change->context->number,
                                   change->context->day,
                                   change->row->states[change->after],
                                   text,
                                   references};

    return change->is_held ? pv_unwritten_add(registry->unwritten, &version)
                           : write_version(change, text, references);
}

/* A new state alone: the text and the references before hold for it too. */
enum pv_err
pv_record_put(struct pv_change *change)
{
    struct pv_registry *registry = change->context->registry;
    struct pv_cache    *cache = registry->cache;
    struct pv_record    record = {.state = change->after,
                                  .version = change->version,
                                  .from_decision = change->context->number,
                                  .from_day = change->context->day,
                                  .references = change->version,
                                  .body = change->body};
    size_t              len = 0; /* of the body as text */
    struct pv_buf       body;
    enum pv_err         err;
    bool                same =
        pv_cache_same(cache, change->kind, change->id, change->version - 1,
                      change->body, &len, &record.references);

    pv_buf_init(&body, PV_DOCUMENT_MAX);
    err = pv_unwritten_make_room(registry->unwritten, registry->store);
    change->is_held =
        change->version == 1 ||
        pv_unwritten_has(registry->unwritten, change->kind, change->id);
    if (err == PV_OK && same) {
        err = add_version(change, PV_LIT(""), record.references);
    } else if (err == PV_OK) {
        err = pv_canonical(change->body, &body);
        len = body.len;
        if (err == PV_OK) {
            err = add_version(change, pv_buf_view(&body), record.references);
        }
        if (err == PV_OK) {
            err = refer_all(change);
        }
    }
    if (err == PV_OK) {
        pv_cache_put(cache, change->kind, change->id, &record, len);
    }
    pv_buf_clear(&body);
    return err;
}
