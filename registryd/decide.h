/*
 * decide.h - the inside of one decision, for checks and effects.
 * Private to registryd.
 */
#ifndef PV_REGISTRYD_DECIDE_H
#define PV_REGISTRYD_DECIDE_H

#include "base/jalali.h"
#include "cache.h"
#include "canonical.h"
#include "log.h"
#include "policy/image.h"
#include "registry.h"
#include "store/store.h"
#include "unwritten.h"

#define PV_EFFECT_DEPTH_MAX 6
#define PV_JALALI_ROOM 11

/* What the public views ask again and again: the same until another decision
   or day (view_public.c). */
struct pv_public_kept {
    int64_t last; /* decision */
    int64_t day;
    json_t *agencies; /* exempt as a whole: id -> true; owned. NULL: not kept */
    json_t *services; /* exempt; owned */
    json_t *modes;    /* rows of those that may be told; owned. NULL: not yet */
};

struct pv_registry {
    struct pv_registry_config config;
    struct pv_public_kept     kept;
    struct pv_store          *store;
    struct pv_image          *image; /* NULL: none */
    struct pv_decision_log   *log;   /* NULL: none */
    struct pv_cache          *cache;
    struct pv_unwritten      *unwritten;
    bool                      lags;    /* pv_registry_catch_up has work to do */
    int64_t                   last;    /* decision; -1: ask the database */
    uint64_t                  session; /* of the store, when both were filled */
    struct pv_buf             head;    /* the signed note of head_size leaves */
    uint64_t                  head_size;
    size_t                    authority_waits; /* refused, asked again */
    size_t                    authority_ahead; /* issued, and no record here */
    struct pv_why             why;
};

/* One that is not open yet; closed like others. NULL: no memory. (read.c) */
struct pv_registry *pv_registry_new(const struct pv_registry_config *config);

/*
 * One version of a record; body is owned, but shared with others: copy it to
 * change it.
 */
struct pv_record {
    size_t  state;
    int64_t version;
    int64_t from_decision;
    int64_t from_day;
    int64_t references; /* the version whose references hold for it too */
    json_t *body;
};

/* What all changes of one decision share. */
struct pv_decision_context {
    struct pv_registry *registry;
    struct pv_refusal  *refusal;
    int64_t             number;
    int64_t             day;
    int64_t             now_ms; /* when it was entered */
    const char         *actor;
    const char         *role;
    const char         *of;
    bool                by_console;
    bool                by_authority;
};

/* One record on its way through one event. */
struct pv_change {
    struct pv_decision_context *context;
    enum pv_kind                kind;
    const struct pv_kind_row   *row;
    const char                 *id;
    size_t                      event;
    size_t                      before; /* states */
    size_t                      after;
    int64_t                     version;
    bool                        is_held; /* unwritten.h */
    const json_t               *data;
    json_t                     *body; /* new; checks may fill it */
    int                         depth;
};

/* ---- refusing (refusal.c) ---- */

/* Both sentences take the same arguments; always PV_EREFUSED. */
enum pv_err pv_refuse(struct pv_refusal *refusal, const char *rule,
                      const char *word, const char *en, const char *fa, ...)
    __attribute__((format(printf, 4, 6), format(printf, 5, 6))) PV_MUST_CHECK;

/* A member of a decision is missing or not right. */
enum pv_err pv_refuse_member(struct pv_refusal *refusal,
                             const char        *name) PV_MUST_CHECK;

/* ---- applying (decide.c) ---- */

/*
 * Another change of the same decision, as its effect: the event needs no
 * role, everything else is checked. data is borrowed.
 */
enum pv_err pv_change_also(struct pv_change *change, enum pv_kind kind,
                           const char *id, const char *event,
                           const json_t *data) PV_MUST_CHECK;

/* Is it a decision as it is handed in? A refusal otherwise. */
enum pv_err pv_decision_members(const json_t      *decision,
                                struct pv_refusal *refusal) PV_MUST_CHECK;

/* Check and write one decision under its number, entered at now_ms. */
enum pv_err pv_decide_one(struct pv_registry *registry, const json_t *decision,
                          const char *by, int64_t number, int64_t now_ms,
                          struct pv_refusal *refusal) PV_MUST_CHECK;

/* ---- fields (field.c) ---- */

/* Check data against the fields of the event, and merge it into the body. */
enum pv_err pv_change_fields(struct pv_change *change) PV_MUST_CHECK;

/* Is the actor one who may, by the tables and the appointments? (who.c) */
enum pv_err pv_change_who(struct pv_change *change) PV_MUST_CHECK;

/* Does an appointment in force on that day give the person the role there? */
enum pv_err pv_role_is_held(struct pv_registry *registry, const char *person,
                            const char *role, const char *of, int64_t day,
                            bool *ret) PV_MUST_CHECK;

/* ---- records (record.c) ---- */

/* Forget what is remembered when another may have written meanwhile. */
void pv_record_follow_session(struct pv_registry *registry);

/* PV_ENOTFOUND. The caller clears ret. */
enum pv_err pv_record_get(struct pv_registry *registry, enum pv_kind kind,
                          const char *id, struct pv_record *ret) PV_MUST_CHECK;
void        pv_record_clear(struct pv_record *record);

/* Write the change's body as the next version, close the one before. */
enum pv_err pv_record_put(struct pv_change *change) PV_MUST_CHECK;

/*
 * Before the store is asked for records or references, or commits: have it all
 * that was decided. Undone: forget that, and what is remembered of it.
 */
enum pv_err pv_record_flush(struct pv_registry *registry) PV_MUST_CHECK;
void        pv_record_undone(struct pv_registry *registry);

/* One reference of the version being written. */
enum pv_err pv_record_refer(struct pv_change *change, const char *name,
                            const char *target_kind,
                            const char *target_id) PV_MUST_CHECK;

/* Ids (strings, an owned array) of current records of kind that refer to a
 * target, in any of wanted states (0 ends the list; none: all). */
enum pv_err pv_record_users(struct pv_registry *registry,
                            const char *target_kind, const char *target_id,
                            enum pv_kind kind, json_t **ret) PV_MUST_CHECK;

/*
 * Was the record made in this transaction, and is nothing of it in the
 * database? Then nothing there refers to it, or to what holds its name, and the
 * users are found without asking.
 */
bool pv_record_is_new(const struct pv_registry *registry, enum pv_kind kind,
                      const char *id);
enum pv_err pv_record_new_users(struct pv_registry *registry,
                                const char *target_kind, const char *target_id,
                                enum pv_kind kind, json_t **ret) PV_MUST_CHECK;

/* Ids of all current records of a kind. */
enum pv_err pv_record_all(struct pv_registry *registry, enum pv_kind kind,
                          json_t **ret) PV_MUST_CHECK;

/* ---- members of bodies ---- */

/* "" when absent; borrowed. */
const char *pv_member(const json_t *object, const char *name);
bool        pv_member_true(const json_t *object, const char *name);
bool        pv_list_has(const json_t *list, const char *text);

/* Day of a member "1401-06-15"; PV_ENOTFOUND when absent. */
enum pv_err pv_member_day(const json_t *object, const char *name,
                          int64_t *ret) PV_MUST_CHECK;
/* As 10 characters and a NUL. */
void pv_day_text(int64_t day, char room[PV_JALALI_ROOM]);

/* Set a string; PV_ENOMEM. */
enum pv_err pv_set(json_t *object, const char *name,
                   const char *text) PV_MUST_CHECK;

/* ---- the image (project.c) ---- */

/*
 * Bring the image to the state after decision `last`, in one transaction.
 * rows_alone: not when nothing of the image changes but that number.
 */
enum pv_err pv_project(struct pv_registry *registry, int64_t last,
                       bool rows_alone) PV_MUST_CHECK;

#endif
