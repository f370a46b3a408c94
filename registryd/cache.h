/*
 * cache.h - records that stand, as they were last read or written, so that a
 * batch of decisions about the same things does not take their bodies apart
 * again and again. Private to registryd.
 *
 * The one writer of the database keeps it: a record that is written is put,
 * and everything is dropped when a transaction is undone or the database was
 * lost meanwhile. Bodies are shared: whoever changes one copies it first.
 *
 * Ownership: a cached body is counted, and given with a count of its own.
 * Threads:   one.    Limits: PV_CACHE_SLOTS, PV_CACHE_LEN_MAX.
 */
#ifndef PV_REGISTRYD_CACHE_H
#define PV_REGISTRYD_CACHE_H

#include "kind.h"

#define PV_CACHE_SLOTS 32768
#define PV_CACHE_KEPT 4096                  /* between decisions */
#define PV_CACHE_LEN_MAX (16 * 1024 * 1024) /* of the bodies as text */

struct pv_cache;
struct pv_record; /* decide.h */

struct pv_cache *pv_cache_new(void); /* NULL: no memory */
void             pv_cache_free(struct pv_cache *cache);
void             pv_cache_clear(struct pv_cache *cache);

/*
 * After decisions: a large batch leaves nothing behind, so that the next one
 * finds memory in order, and does not wander through what is left between.
 */
void pv_cache_rest(struct pv_cache *cache);

/* False: it is not kept. The caller clears ret. */
bool pv_cache_get(struct pv_cache *cache, enum pv_kind kind, const char *id,
                  struct pv_record *ret);

/* Keep it; len is that of its body as text. */
void pv_cache_put(struct pv_cache *cache, enum pv_kind kind, const char *id,
                  const struct pv_record *record, size_t len);

/*
 * Is the body of the kept version the same as this one? Its length then, and
 * the version whose references hold for it.
 */
bool pv_cache_same(struct pv_cache *cache, enum pv_kind kind, const char *id,
                   int64_t version, const json_t *body, size_t *ret_len,
                   int64_t *ret_references);

#endif
