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

#define PV_CACHE_SLOTS 4096
#define PV_CACHE_LEN_MAX (8 * 1024 * 1024) /* of the bodies as text */

struct pv_cache;
struct pv_record; /* decide.h */

struct pv_cache *pv_cache_new(void); /* NULL: no memory */
void             pv_cache_free(struct pv_cache *cache);
void             pv_cache_clear(struct pv_cache *cache);

/* False: it is not kept. The caller clears ret. */
bool pv_cache_get(const struct pv_cache *cache, enum pv_kind kind,
                  const char *id, struct pv_record *ret);

/* Keep it, with its body's canonical text; without memory, nothing is kept. */
void pv_cache_put(struct pv_cache *cache, enum pv_kind kind, const char *id,
                  const struct pv_record *record, struct pv_slice text);

/*
 * Is the body of the kept version the same as this one? Its text then, until
 * the next call, and the version whose references hold for it.
 */
bool pv_cache_same(const struct pv_cache *cache, enum pv_kind kind,
                   const char *id, int64_t version, const json_t *body,
                   struct pv_slice *ret_text, int64_t *ret_references);

#endif
