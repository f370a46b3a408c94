/*
 * keeper_private.h - the statements of the keeper's file, and how they are
 * run: what keeper_store.c, keeper_consent.c and keeper_ledger.c share.
 */
#ifndef PV_CONNECTORD_KEEPER_PRIVATE_H
#define PV_CONNECTORD_KEEPER_PRIVATE_H

#include <sqlite3.h>

#include "connectord/keeper_store.h"

enum keeper_stmt {
    KEEPER_BEGIN = 0,
    KEEPER_COMMIT,
    KEEPER_ROLLBACK,
    KEEPER_CONSENT_ADD,
    KEEPER_CONSENT_FIND,
    KEEPER_CONSENT_LIST,
    KEEPER_CONSENT_WITHDRAW,
    KEEPER_USED_ADD,
    KEEPER_USED_COUNT,
    KEEPER_USED_COUNT_PATH,
    KEEPER_USED_FIND,
    KEEPER_WRONG_GET,
    KEEPER_WRONG_SET,
    KEEPER_LEDGER_ADD,
    KEEPER_LEDGER_LIST,
    KEEPER_LEDGER_SWEEP,
    KEEPER_CONSENT_SWEEP,
    KEEPER_USED_SWEEP,
    KEEPER_WRONG_SWEEP,
    KEEPER_STMTS,
};

/* A use that a call under way may come to count. */
struct keeper_hold {
    uint64_t call;
    int64_t  consent;
    bool     counts; /* not the repetition of a counted call */
    char     path[PV_PATH_MAX];
    char     tracking_id[PV_KEEPER_TEXT_MAX + 1];
};

struct pv_keeper_store {
    int                 lock_fd; /* FILE, locked while the store is open */
    sqlite3            *db;
    sqlite3_stmt       *stmt[KEEPER_STMTS];
    struct pv_secrets   secrets;
    struct keeper_hold *hold; /* PV_HOLDS_MAX */
    size_t              hold_count;
};

struct keeper_digest {
    uint8_t bytes[PV_KEYED_LEN];
};

/* What a statement is given, in its order. */
struct keeper_value {
    bool            is_text;
    bool            is_blob;
    struct pv_slice text;
    int64_t         number;
};

#define K_TEXT(s) ((struct keeper_value){true, false, (s), 0})
#define K_INT(n) ((struct keeper_value){false, false, {"", 0}, (n)})
#define K_BLOB(d)                                                              \
    ((struct keeper_value){                                                    \
        false, true, {(const char *)(d)->bytes, PV_KEYED_LEN}, 0})

/* Bind; then _step gives rows until PV_ENOTFOUND; _done whatever happened. */
enum pv_err keeper_start(struct pv_keeper_store *store, enum keeper_stmt stmt,
                         const struct keeper_value *value,
                         size_t                     count) PV_MUST_CHECK;
enum pv_err keeper_step(struct pv_keeper_store *store,
                        enum keeper_stmt        stmt) PV_MUST_CHECK;
void        keeper_done(struct pv_keeper_store *store, enum keeper_stmt stmt);

/* The three for a statement without rows. */
enum pv_err keeper_run(struct pv_keeper_store *store, enum keeper_stmt stmt,
                       const struct keeper_value *value,
                       size_t                     count) PV_MUST_CHECK;

int64_t         keeper_int(struct pv_keeper_store *store, enum keeper_stmt stmt,
                           int column);
struct pv_slice keeper_text(struct pv_keeper_store *store,
                            enum keeper_stmt stmt, int column);

/* The digest of one or two texts under a label and secret k. */
enum pv_err keeper_digest_of(const struct pv_keeper_store *store, size_t k,
                             const char *label, struct pv_slice one,
                             struct pv_slice       two,
                             struct keeper_digest *ret) PV_MUST_CHECK;
enum pv_err keeper_person(const struct pv_keeper_store *store, size_t k,
                          struct pv_slice       person,
                          struct keeper_digest *ret) PV_MUST_CHECK;

#endif
