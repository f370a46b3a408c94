/*
 * registry.h - the registry: decisions in, records out.
 *
 * The decision is the only source; records, references, the policy image and
 * the decision log are made from decisions and can be made again. A decision
 * is accepted or refused as a whole. Its document is canonical JSON (RFC 8785
 * order, no floats, no spaces) with exactly these members:
 *
 *   actor     who decided: an id of a person or an office
 *   role, of  the role that was used, and where it is held
 *   date      the civil day of the decision, Jalali
 *   kind, id  the record that it is about
 *   event     what was decided: an event of the kind's life cycle
 *   data      the event's fields
 *   reason    why, for people (may be absent)
 *   document  number of the letter behind it (may be absent)
 *   key       the submitter's own key, so that sending it twice decides once
 *             (may be absent)
 *   by        who handed it in: "console", "person/ID" of the API,
 *             "first-code", the first administrator's own appointment, or
 *             "authority", what the process that signs certificates signed
 *   number    1, 2, 3 ... without gaps
 *   time      when it was entered, RFC 3339 in UTC
 *
 * Ownership: the caller owns what it passes and what out parameters hold.
 * Threads:   one at a time.    Blocks: on the database and the image.
 * Errors:    PV_EREFUSED with a refusal: a rule forbids it and nothing
 *            happened. PV_EAGAIN, PV_ECLOSED: the database is busy or gone;
 *            send it again with its key. Others as lib/store, lib/policy.
 */
#ifndef PV_REGISTRYD_REGISTRY_H
#define PV_REGISTRYD_REGISTRY_H

#include <jansson.h>

#include "base/buf.h"
#include "kind.h"

#define PV_DOCUMENT_MAX (4 * 1024 * 1024) /* bytes of one decision */
#define PV_BATCH_MAX 1000                 /* decisions handed in at once */
#define PV_PAGE_MAX 500                   /* rows of one answer */

#define PV_REFUSAL_TEXT_MAX 1024

/* Why not: the rule, a stable word, and a sentence in each language. */
struct pv_refusal {
    char   rule[16]; /* "R-112"; "" when it is no rule of the documents */
    char   word[48];
    char   en[PV_REFUSAL_TEXT_MAX];
    char   fa[PV_REFUSAL_TEXT_MAX];
    size_t index; /* of the refused decision in a batch */
};

struct pv_decided {
    int64_t first; /* number of the first and the last decision */
    int64_t last;
    size_t  repeated; /* of them, accepted earlier under the same key */
};

struct pv_registry_config {
    const char *store;      /* of pv_store_open */
    const char *image;      /* directory of the policy image; NULL: none */
    const char *log;        /* directory of the decision log; NULL: none */
    const char *node;       /* name of this exchange, home of its agencies */
    bool        durable;    /* the image's commits wait for the disk */
    bool        loopback;   /* endpoints on loopback are allowed (demo) */
    int64_t (*clock)(void); /* wall clock in ms; NULL: the machine's */
};

struct pv_registry;

/* Opens, and brings image and log up to the last decision. */
enum pv_err pv_registry_open(const struct pv_registry_config *config,
                             struct pv_registry             **ret,
                             struct pv_why *why) PV_MUST_CHECK;
void        pv_registry_close(struct pv_registry *registry);

/*
 * Decide one decision (an object) or a batch of them (an array), in one
 * transaction: all or none. by says who handed it in; only "console" and
 * "first-code" may use the console's rights, only "authority" the authority's.
 */
enum pv_err pv_registry_decide(struct pv_registry *registry,
                               const json_t *decisions, const char *by,
                               struct pv_decided *ret,
                               struct pv_refusal *ret_refusal) PV_MUST_CHECK;

/*
 * Bring image and log up to the last decision; nothing to do costs one
 * look-up. After an error of deciding or at any time.
 */
enum pv_err pv_registry_catch_up(struct pv_registry *registry) PV_MUST_CHECK;

/*
 * What the last decisions change for calls is in force at return. The rest of
 * pv_registry_catch_up is left to it: the decision log, and that the image's
 * last change outlives a power loss, after which opening makes it again.
 */
enum pv_err pv_registry_apply(struct pv_registry *registry) PV_MUST_CHECK;

/* Has pv_registry_apply left something to pv_registry_catch_up? */
bool pv_registry_lags(const struct pv_registry *registry);

/* Words of the last error of the database or the image. */
const char *pv_registry_why(const struct pv_registry *registry);

/* ---- reading ---- */

/*
 * Beside the registry that decides: reads the same database, without image and
 * log, and decides nothing. Between begin and end everything is of one moment;
 * PV_EAGAIN, PV_ECLOSED of the database. (snapshot.c)
 */
enum pv_err pv_registry_open_reader(const struct pv_registry_config *config,
                                    struct pv_registry             **ret,
                                    struct pv_why *why) PV_MUST_CHECK;
enum pv_err pv_registry_read_begin(struct pv_registry *registry) PV_MUST_CHECK;
void        pv_registry_read_end(struct pv_registry *registry);

enum pv_moment_kind {
    PV_NOW,
    PV_ON_DAY,    /* at the end of that civil day, by the decisions' dates */
    PV_AT_NUMBER, /* after the decision with that number */
};

struct pv_moment {
    enum pv_moment_kind kind;
    int64_t             n; /* days since epoch, or the number */
};

/* One record as JSON; PV_ENOTFOUND. */
enum pv_err pv_registry_get(struct pv_registry *registry, enum pv_kind kind,
                            struct pv_slice id, struct pv_moment at,
                            struct pv_buf *out) PV_MUST_CHECK;

/*
 * {"<kind>":[...],"next":"<id>"|null}: up to count records with ids after
 * `after`; state may be empty (only with PV_NOW).
 */
enum pv_err pv_registry_list(struct pv_registry *registry, enum pv_kind kind,
                             struct pv_slice state, struct pv_moment at,
                             struct pv_slice after, size_t count,
                             struct pv_buf *out) PV_MUST_CHECK;

/* Every version of a record, oldest first; PV_ENOTFOUND. */
enum pv_err pv_registry_history(struct pv_registry *registry, enum pv_kind kind,
                                struct pv_slice id,
                                struct pv_buf  *out) PV_MUST_CHECK;

/* Current records of a kind that refer to a record ("where used", R-016). */
enum pv_err pv_registry_users(struct pv_registry *registry, enum pv_kind target,
                              struct pv_slice id, enum pv_kind kind,
                              struct pv_slice after, size_t count,
                              struct pv_buf *out) PV_MUST_CHECK;

/* {"decisions":[document...],"last":n} behind number after. */
enum pv_err pv_registry_decisions(struct pv_registry *registry, int64_t after,
                                  size_t         count,
                                  struct pv_buf *out) PV_MUST_CHECK;

/*
 * {"checkpoint":note,"decision":n,"leaf":hex,"proof":[hex],"root":hex,
 * "size":n}: that the document of decision n stands in the log (RFC 6962
 * 2.1.1), in the tree of the last signed head; before a head covers it, in the
 * tree on disk, and then without checkpoint. PV_ENOTFOUND.
 */
enum pv_err pv_registry_proof(struct pv_registry *registry, int64_t number,
                              struct pv_buf *out) PV_MUST_CHECK;

/* {"image":n,"last":n,"log":{"root":hex,"signed":n,"size":n}}; without a log
 * no log. */
enum pv_err pv_registry_status(struct pv_registry *registry,
                               struct pv_buf      *out) PV_MUST_CHECK;

/*
 * The head of the decision log that was signed last (trace/checkpoint.h):
 * proofs lead to it from now on. The note is copied; size is its own.
 */
enum pv_err pv_registry_set_head(struct pv_registry *registry,
                                 struct pv_slice     note,
                                 uint64_t            size) PV_MUST_CHECK;

/* Borrowed until the next one; empty and 0 when there is none yet. */
struct pv_slice pv_registry_head(const struct pv_registry *registry,
                                 uint64_t                 *ret_size);

/* Numbers of the last decision and of the last one in the image. */
enum pv_err pv_registry_numbers(struct pv_registry *registry, int64_t *ret_last,
                                int64_t *ret_image) PV_MUST_CHECK;

#endif
