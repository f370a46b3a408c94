/*
 * unwritten.h - records that a batch of decisions makes, until they are
 * written. A resolution makes thousands, and its notification closes each at
 * once: held here, a version goes to the database once, with its end, and
 * references of one target go there one after another. Private to registryd.
 *
 * Only records that are new in this transaction are held, so that what is here
 * and what the database has are different records. Whoever asks the database
 * for records or references flushes first, or asks here too (record.c does).
 *
 * Ownership: what is held is copied.
 * Errors:    PV_ENOMEM, and those of the store.
 * Threads:   one.    Limits: PV_UNWRITTEN_LEN_MAX, and one record more.
 */
#ifndef PV_REGISTRYD_UNWRITTEN_H
#define PV_REGISTRYD_UNWRITTEN_H

#include <jansson.h>

#include "kind.h"
#include "store/store.h"

#define PV_UNWRITTEN_LEN_MAX (32 * 1024 * 1024) /* bytes of texts */

struct pv_unwritten;

struct pv_unwritten *pv_unwritten_new(void); /* NULL: no memory */
void                 pv_unwritten_free(struct pv_unwritten *unwritten);

/* What a transaction that was undone held. */
void pv_unwritten_forget(struct pv_unwritten *unwritten);

/* Write all; before the commit, and before the database is asked. */
enum pv_err pv_unwritten_flush(struct pv_unwritten *unwritten,
                               struct pv_store     *store) PV_MUST_CHECK;

/* The same when there is much, before the next record. */
enum pv_err pv_unwritten_make_room(struct pv_unwritten *unwritten,
                                   struct pv_store     *store) PV_MUST_CHECK;

/* Is a version of this record held? */
bool pv_unwritten_has(const struct pv_unwritten *unwritten, enum pv_kind kind,
                      const char *id);

/* One version; texts are borrowed. The one before it, if held, is closed. */
struct pv_version {
    enum pv_kind    kind;
    const char     *id;
    int64_t         version;
    int64_t         from_decision;
    int64_t         from_day;
    const char     *state; /* of the kind's table */
    struct pv_slice body;  /* empty: that of the version in references */
    int64_t         references;
};

/* The first version of a new record, or the next of one that is held. */
enum pv_err pv_unwritten_add(struct pv_unwritten     *unwritten,
                             const struct pv_version *version) PV_MUST_CHECK;

/* One reference of the version that was added last. */
enum pv_err pv_unwritten_refer(struct pv_unwritten *unwritten, const char *name,
                               const char *target_kind,
                               const char *target_id) PV_MUST_CHECK;

/*
 * Add to the ids (strings in order, each once) those of held records of a kind
 * that refer to a target; *ids may be replaced.
 */
enum pv_err pv_unwritten_users(const struct pv_unwritten *unwritten,
                               const char *target_kind, const char *target_id,
                               enum pv_kind kind, json_t **ids) PV_MUST_CHECK;

#endif
