/*
 * cache.c - a table of records, each in one of the few slots that its name
 * chooses; the one that was met longest ago makes room.
 */
#include "cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "decide.h"

#define WAYS 8
#define SETS (PV_CACHE_SLOTS / WAYS)

struct slot {
    struct pv_record record; /* ->body NULL: free */
    size_t           len;    /* of the body as text */
    enum pv_kind     kind;
    char             id[PV_RECORD_ID_MAX + 1];
};

/* What is compared first lies together. */
struct set {
    uint64_t    hash[WAYS]; /* of kind and id */
    uint64_t    met[WAYS];  /* by the cache's clock; 0: free */
    struct slot slot[WAYS];
};

struct pv_cache {
    size_t     count;
    size_t     len;
    uint64_t   clock;
    struct set set[SETS];
};

struct pv_cache *
pv_cache_new(void)
{
    return calloc(1, sizeof(struct pv_cache));
}

static void
drop(struct pv_cache *cache, struct set *set, size_t way)
{
    struct slot *slot = &set->slot[way];

    if (set->met[way] == 0) {
        return;
    }
    set->met[way] = 0;
    cache->count--;
    cache->len -= slot->len;
    slot->len = 0;
    pv_record_clear(&slot->record);
}

void
pv_cache_clear(struct pv_cache *cache)
{
    for (size_t i = 0; i < SETS; i++) {
        for (size_t w = 0; w < WAYS; w++) {
            drop(cache, &cache->set[i], w);
        }
    }
}

void
pv_cache_rest(struct pv_cache *cache)
{
    if (cache->count > PV_CACHE_KEPT) {
        pv_cache_clear(cache);
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

/* ---- finding ---- */

static uint64_t
hash_of(enum pv_kind kind, const char *id)
{
    return pv_hash64(pv_slice_from(id)) + (uint64_t)kind;
}

/* WAYS: it is not kept. */
static size_t
way_of(const struct set *set, uint64_t hash, enum pv_kind kind, const char *id)
{
    size_t w = 0;

    while (w < WAYS &&
           (set->met[w] == 0 || set->hash[w] != hash ||
            set->slot[w].kind != kind || strcmp(set->slot[w].id, id) != 0)) {
        w++;
    }
    return w;
}

/* NULL: it is not kept. */
static const struct slot *
find(struct pv_cache *cache, enum pv_kind kind, const char *id)
{
    uint64_t    hash = hash_of(kind, id);
    struct set *set = &cache->set[hash % SETS];
    size_t      way = way_of(set, hash, kind, id);

    if (way == WAYS) {
        return NULL;
    }
    set->met[way] = ++cache->clock;
    return &set->slot[way];
}

bool
pv_cache_get(struct pv_cache *cache, enum pv_kind kind, const char *id,
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

bool
pv_cache_same(struct pv_cache *cache, enum pv_kind kind, const char *id,
              int64_t version, const json_t *body, size_t *ret_len,
              int64_t *ret_references)
{
    const struct slot *slot = find(cache, kind, id);

    if (slot == NULL || slot->record.version != version ||
        !json_equal(slot->record.body, body)) {
        return false;
    }
    *ret_len = slot->len;
    *ret_references = slot->record.references;
    return true;
}

/* ---- keeping ---- */

/* The one that was met longest ago, or a free one. */
static size_t
oldest_of(const struct set *set)
{
    size_t oldest = 0;

    for (size_t w = 1; w < WAYS; w++) {
        oldest = set->met[w] < set->met[oldest] ? w : oldest;
    }
    return oldest;
}

void
pv_cache_put(struct pv_cache *cache, enum pv_kind kind, const char *id,
             const struct pv_record *record, size_t len)
{
    uint64_t     hash = hash_of(kind, id);
    struct set  *set = &cache->set[hash % SETS];
    size_t       way = way_of(set, hash, kind, id);
    size_t       id_len = strlen(id);
    struct slot *slot;

    way = way == WAYS ? oldest_of(set) : way;
    drop(cache, set, way);
    if (id_len > PV_RECORD_ID_MAX || len > PV_CACHE_LEN_MAX) {
        return;
    }
    if (cache->len + len > PV_CACHE_LEN_MAX) {
        pv_cache_clear(cache);
    }
    slot = &set->slot[way];
    slot->record = *record;
    (void)json_incref(slot->record.body); /* the same */
    slot->len = len;
    slot->kind = kind;
    memcpy(slot->id, id, id_len + 1);
    set->hash[way] = hash;
    set->met[way] = ++cache->clock;
    cache->count++;
    cache->len += len;
}
