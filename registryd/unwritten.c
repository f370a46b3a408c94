/*
 * unwritten.c - versions and references in the order in which they were made,
 * found by hash through chains.
 */
#include "unwritten.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/num.h"
#include "kind_tables.h"

#define CHAINS 16384
#define ROOM_FIRST 64

struct version {
    struct pv_version is; /* without its texts */
    size_t            id; /* texts are places in ->text */
    size_t            body;
    int64_t           until_decision; /* 0: it stands */
    int64_t           until_day;
    size_t            chain;
    size_t            older; /* in it */
};

struct reference {
    size_t version; /* that it belongs to */
    size_t name;
    size_t target_kind;
    size_t target_id;
    size_t chain; /* of its target */
    size_t later; /* in it */
    bool   is_written;
};

/* Numbers of things are one more than their places; 0: none. */
struct chain {
    size_t newest_version;
    size_t first_reference;
    size_t last_reference;
};

struct pv_unwritten {
    struct pv_buf     text; /* each ends with a NUL */
    struct version   *version;
    size_t            versions;
    size_t            versions_room;
    struct reference *reference;
    size_t            references;
    size_t            references_room;
    struct chain      chain[CHAINS];
};

struct pv_unwritten *
pv_unwritten_new(void)
{
    struct pv_unwritten *unwritten = calloc(1, sizeof(*unwritten));

    if (unwritten != NULL) {
        pv_buf_init(&unwritten->text, 2 * PV_UNWRITTEN_LEN_MAX);
    }
    return unwritten;
}

void
pv_unwritten_free(struct pv_unwritten *unwritten)
{
    if (unwritten != NULL) {
        pv_buf_clear(&unwritten->text);
        free(unwritten->version);
        free(unwritten->reference);
        free(unwritten);
    }
}

void
pv_unwritten_forget(struct pv_unwritten *unwritten)
{
    const struct chain empty = {0, 0, 0};

    for (size_t i = 0; i < unwritten->versions; i++) {
        unwritten->chain[unwritten->version[i].chain] = empty;
    }
    for (size_t i = 0; i < unwritten->references; i++) {
        unwritten->chain[unwritten->reference[i].chain] = empty;
    }
    unwritten->text.len = 0;
    unwritten->versions = 0;
    unwritten->references = 0;
}

/* ---- texts and places ---- */

static const char *
text_at(const struct pv_unwritten *unwritten, size_t place)
{
    return unwritten->text.ptr + place;
}

static enum pv_err
keep(struct pv_unwritten *unwritten, struct pv_slice text, size_t *ret_place)
{
    size_t      place = unwritten->text.len;
    enum pv_err err = pv_buf_add(&unwritten->text, text);

    if (err == PV_OK) {
        err = pv_buf_add_char(&unwritten->text, '\0');
    }
    if (err == PV_OK) {
        *ret_place = place;
    }
    return err;
}

static enum pv_err
keep_cstr(struct pv_unwritten *unwritten, const char *text, size_t *ret_place)
{
    return keep(unwritten, pv_slice_from(text), ret_place);
}

/* One more of what list points to, in *room. */
static enum pv_err
grow(void **list, size_t size, size_t count, size_t *room)
{
    size_t more = *room == 0 ? ROOM_FIRST : *room * 2;
    void  *larger;

    if (count < *room) {
        return PV_OK;
    }
    larger = reallocarray(*list, more, size);
    if (larger == NULL) {
        return PV_ENOMEM;
    }
    *list = larger;
    *room = more;
    return PV_OK;
}

static size_t
chain_of(const char *kind, const char *id)
{
    return (pv_hash64(pv_slice_from(id)) ^ pv_hash64(pv_slice_from(kind))) %
           CHAINS;
}

/* The newest version of a record; its number, or 0. */
static size_t
newest(const struct pv_unwritten *unwritten, enum pv_kind kind, const char *id)
{
    size_t number =
        unwritten->versions == 0
            ? 0
            : unwritten->chain[chain_of(pv_kind_row(kind)->name, id)]
                  .newest_version;

    while (number != 0) {
        const struct version *version = &unwritten->version[number - 1];

        if (version->is.kind == kind &&
            strcmp(text_at(unwritten, version->id), id) == 0) {
            break;
        }
        number = version->older;
    }
    return number;
}

bool
pv_unwritten_has(const struct pv_unwritten *unwritten, enum pv_kind kind,
                 const char *id)
{
    return newest(unwritten, kind, id) != 0;
}

/* ---- keeping ---- */

enum pv_err
pv_unwritten_add(struct pv_unwritten     *unwritten,
                 const struct pv_version *version)
{
    struct version one = {
        .is = *version,
        .chain = chain_of(pv_kind_row(version->kind)->name, version->id)};
    size_t      before = newest(unwritten, version->kind, version->id);
    void       *list = unwritten->version;
    enum pv_err err = grow(&list, sizeof(one), unwritten->versions,
                           &unwritten->versions_room);

    unwritten->version = list;
    if (err == PV_OK) {
        err = keep_cstr(unwritten, version->id, &one.id);
    }
    if (err == PV_OK) {
        err = keep(unwritten, version->body, &one.body);
    }
    if (err != PV_OK) {
        return err;
    }
    if (before != 0) {
        unwritten->version[before - 1].until_decision = version->from_decision;
        unwritten->version[before - 1].until_day = version->from_day;
    }
    one.is.id = NULL;
    one.is.body.ptr = NULL;
    one.older = unwritten->chain[one.chain].newest_version;
    unwritten->version[unwritten->versions++] = one;
    unwritten->chain[one.chain].newest_version = unwritten->versions;
    return PV_OK;
}

enum pv_err
pv_unwritten_refer(struct pv_unwritten *unwritten, const char *name,
                   const char *target_kind, const char *target_id)
{
    struct reference one = {.version = unwritten->versions - 1,
                            .chain = chain_of(target_kind, target_id)};
    struct chain    *chain = &unwritten->chain[one.chain];
    void            *list = unwritten->reference;
    enum pv_err      err = grow(&list, sizeof(one), unwritten->references,
                                &unwritten->references_room);

    unwritten->reference = list;
    if (err == PV_OK) {
        err = keep_cstr(unwritten, name, &one.name);
    }
    if (err == PV_OK) {
        err = keep_cstr(unwritten, target_kind, &one.target_kind);
    }
    if (err == PV_OK) {
        err = keep_cstr(unwritten, target_id, &one.target_id);
    }
    if (err != PV_OK) {
        return err;
    }
    unwritten->reference[unwritten->references++] = one;
    if (chain->first_reference == 0) {
        chain->first_reference = unwritten->references;
    } else {
        unwritten->reference[chain->last_reference - 1].later =
            unwritten->references;
    }
    chain->last_reference = unwritten->references;
    return PV_OK;
}

/* ---- writing ---- */

static enum pv_err
write_version(const struct pv_unwritten *unwritten, struct pv_store *store,
              const struct version *version)
{
    bool            stands = version->until_decision == 0;
    struct pv_slice body = {text_at(unwritten, version->body),
                            version->is.body.len};
    struct pv_value arguments[] = {
        PV_TEXT(pv_slice_from(pv_kind_row(version->is.kind)->name)),
        PV_TEXT(pv_slice_from(text_at(unwritten, version->id))),
        PV_INT(version->is.version),
        PV_INT(version->is.from_decision),
        PV_INT(version->is.from_day),
        PV_TEXT(pv_slice_from(version->is.state)),
        PV_TEXT(body),
        PV_INT(version->is.references),
        stands ? PV_NULL : PV_INT(version->until_decision),
        stands ? PV_NULL : PV_INT(version->until_day)};

    return pv_store_run(store, PV_STMT_RECORD_ADD, arguments, COUNT(arguments),
                        NULL, NULL);
}

static enum pv_err
write_reference(const struct pv_unwritten *unwritten, struct pv_store *store,
                const struct reference *reference)
{
    const struct version *version = &unwritten->version[reference->version];
    struct pv_value       arguments[] = {
              PV_TEXT(pv_slice_from(pv_kind_row(version->is.kind)->name)),
              PV_TEXT(pv_slice_from(text_at(unwritten, version->id))),
              PV_INT(version->is.version),
              PV_TEXT(pv_slice_from(text_at(unwritten, reference->name))),
              PV_TEXT(pv_slice_from(text_at(unwritten, reference->target_kind))),
              PV_TEXT(pv_slice_from(text_at(unwritten, reference->target_id)))};

    return pv_store_run(store, PV_STMT_REFERENCE_ADD, arguments,
                        COUNT(arguments), NULL, NULL);
}

/* It and all behind it in its chain: those lie together. */
static enum pv_err
write_chain(const struct pv_unwritten *unwritten, struct pv_store *store,
            size_t number)
{
    enum pv_err err = PV_OK;

    while (number != 0 && err == PV_OK) {
        struct reference *reference = &unwritten->reference[number - 1];

        if (!reference->is_written) {
            err = write_reference(unwritten, store, reference);
            reference->is_written = true;
        }
        number = reference->later;
    }
    return err;
}

enum pv_err
pv_unwritten_make_room(struct pv_unwritten *unwritten, struct pv_store *store)
{
    return unwritten->text.len > PV_UNWRITTEN_LEN_MAX
               ? pv_unwritten_flush(unwritten, store)
               : PV_OK;
}

enum pv_err
pv_unwritten_flush(struct pv_unwritten *unwritten, struct pv_store *store)
{
    enum pv_err err = PV_OK;

    for (size_t i = 0; i < unwritten->versions && err == PV_OK; i++) {
        err = write_version(unwritten, store, &unwritten->version[i]);
    }
    for (size_t i = 0; i < unwritten->references && err == PV_OK; i++) {
        if (!unwritten->reference[i].is_written) {
            err = write_chain(unwritten, store, i + 1);
        }
    }
    pv_unwritten_forget(unwritten);
    return err;
}

/* ---- finding ---- */

struct ids {
    const char **id; /* owned */
    size_t       count;
    size_t       room;
};

/* Does it hold for the version that stands? */
static bool
holds(const struct pv_unwritten *unwritten, const struct reference *reference)
{
    const struct version *of = &unwritten->version[reference->version];
    size_t now = newest(unwritten, of->is.kind, text_at(unwritten, of->id));

    return unwritten->version[now - 1].is.references == of->is.version;
}

static enum pv_err
find(const struct pv_unwritten *unwritten, const char *target_kind,
     const char *target_id, enum pv_kind kind, struct ids *ids)
{
    size_t      number = unwritten->references == 0
                             ? 0
                             : unwritten->chain[chain_of(target_kind, target_id)]
                              .first_reference;
    enum pv_err err = PV_OK;

    while (number != 0 && err == PV_OK) {
        const struct reference *one = &unwritten->reference[number - 1];
        const struct version   *of = &unwritten->version[one->version];
        void                   *list = ids->id;

        if (of->is.kind == kind &&
            strcmp(text_at(unwritten, one->target_id), target_id) == 0 &&
            strcmp(text_at(unwritten, one->target_kind), target_kind) == 0 &&
            holds(unwritten, one)) {
            err = grow(&list, sizeof(*ids->id), ids->count, &ids->room);
            ids->id = list;
            if (err == PV_OK) {
                ids->id[ids->count++] = text_at(unwritten, of->id);
            }
        }
        number = one->later;
    }
    return err;
}

static int
by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Both lists are in order, and have no id in common. */
static enum pv_err
merge(json_t **list, const struct ids *ids)
{
    json_t *merged = json_array();
    size_t  old = json_array_size(*list);
    size_t  o = 0;
    int     failed = merged == NULL ? 1 : 0;

    for (size_t i = 0; i < ids->count && failed == 0; i++) {
        if (i > 0 && strcmp(ids->id[i], ids->id[i - 1]) == 0) {
            continue; /* it refers twice */
        }
        while (o < old && failed == 0 &&
               strcmp(json_string_value(json_array_get(*list, o)), ids->id[i]) <
                   0) {
            failed = json_array_append(merged, json_array_get(*list, o++));
        }
        failed = failed == 0
                     ? json_array_append_new(merged, json_string(ids->id[i]))
                     : failed;
    }
    while (o < old && failed == 0) {
        failed = json_array_append(merged, json_array_get(*list, o++));
    }
    if (failed != 0) {
        json_decref(merged); /* accepts NULL */
        return PV_ENOMEM;
    }
    json_decref(*list);
    *list = merged;
    return PV_OK;
}

enum pv_err
pv_unwritten_users(const struct pv_unwritten *unwritten,
                   const char *target_kind, const char *target_id,
                   enum pv_kind kind, json_t **ids)
{
    struct ids  found = {NULL, 0, 0};
    enum pv_err err = find(unwritten, target_kind, target_id, kind, &found);

    if (err == PV_OK && found.count > 0) {
        qsort(found.id, found.count, sizeof(*found.id), by_text);
        err = merge(ids, &found);
    }
    free(found.id);
    return err;
}
