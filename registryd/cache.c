/*
 * cache.c - a table of records, each in the one slot that its name chooses.
 */
#include "cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "decide.h"

struct slot {
    struct pv_record record; /* ->body NULL: free */
    char            *text;   /* owned */
    size_t           len;
    enum pv_kind     kind;
    char             id[PV_RECORD_ID_MAX + 1];
};

struct pv_cache {
    size_t      len;
    struct slot slot[PV_CACHE_SLOTS];
};

struct pv_cache *
pv_cache_new(void)
{
    return calloc(1, sizeof(struct pv_cache));
}

static void
drop(struct pv_cache *cache, struct slot *slot)
{
    cache->len -= slot->len;
    slot->len = 0;
    free(slot->text);
    slot->text = NULL;
    pv_record_clear(&slot->record);
}

void
pv_cache_clear(struct pv_cache *cache)
{
    for (size_t i = 0; i < PV_CACHE_SLOTS; i++) {
        drop(cache, &cache->slot[i]);
    }
}

void
pv_cache_free(struct pv_cache *cache)
{
    if (cache != NULL) {
        pv_cache_clear(cache);
        free(cache);
    }
}

static size_t
slot_of(enum pv_kind kind, const char *id)
{
    return (size_t)((pv_hash64(pv_slice_from(id)) + (uint64_t)kind) %
                    PV_CACHE_SLOTS);
}

/* NULL: it is not kept. */
static const struct slot *
find(const struct pv_cache *cache, enum pv_kind kind, const char *id)
{
    const struct slot *slot = &cache->slot[slot_of(kind, id)];

    return slot->record.body != NULL && slot->kind == kind &&
                   strcmp(slot->id, id) == 0
               ? slot
               : NULL;
}

bool
pv_cache_get(const struct pv_cache *cache, enum pv_kind kind, const char *id,
             struct pv_record *ret)
{
    const struct slot *slot = find(cache, kind, id);

    if (slot == NULL) {
        return false;
    }
    *ret = slot->record;
    (void)json_incref(ret->body); /* the same */
    return true;
}

void
pv_cache_put(struct pv_cache *cache, enum pv_kind kind, const char *id,
             const struct pv_record *record, struct pv_slice text)
{
    struct slot *slot = &cache->slot[slot_of(kind, id)];
    size_t       id_len = strlen(id);
    char        *copy;

    drop(cache, slot);
    if (id_len > PV_RECORD_ID_MAX || text.len > PV_CACHE_LEN_MAX) {
        return;
    }
    if (cache->len + text.len > PV_CACHE_LEN_MAX) {
        pv_cache_clear(cache);
    }
    copy = malloc(text.len + 1); /* may be empty */
    if (copy == NULL) {
        return;
    }
    memcpy(copy, text.ptr, text.len);
    slot->record = *record;
    (void)json_incref(slot->record.body); /* the same */
    slot->text = copy;
    slot->len = text.len;
    slot->kind = kind;
    memcpy(slot->id, id, id_len + 1);
    cache->len += text.len;
}

bool
pv_cache_same(const struct pv_cache *cache, enum pv_kind kind, const char *id,
              int64_t version, const json_t *body, struct pv_slice *ret_text,
              int64_t *ret_references)
{
    const struct slot *slot = find(cache, kind, id);

    if (slot == NULL || slot->record.version != version ||
        !json_equal(slot->record.body, body)) {
        return false;
    }
    *ret_text = (struct pv_slice){slot->text, slot->len};
    *ret_references = slot->record.references;
    return true;
}
