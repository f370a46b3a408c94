/* log_private.h - what the files of the reading facade share (log_read.h). */
#ifndef PV_TRACE_LOG_PRIVATE_H
#define PV_TRACE_LOG_PRIVATE_H

#include "base/num.h"
#include "trace/log_read.h"
#include "trace/packs.h"
#include "trace/raw.h"

#define LOG_CACHE 8 /* bundles kept; a completion is near its request */
#define LOG_PACKS 3 /* packs kept open */

struct log_slot {
    struct pv_bundle bundle;
    bool             used;
    uint64_t         when; /* ->clock of the last use */
};

struct log_pack {
    struct pv_pack *pack; /* NULL: free */
    uint64_t        number;
    uint64_t        when; /* ->clock of the last use */
};

struct pv_log {
    struct pv_packs packs;
    struct log_pack pack[LOG_PACKS];
    struct pv_raw   raw;
    uint64_t        set_end;
    uint64_t        clock;
    struct log_slot slot[LOG_CACHE];
};

/* ---- log_read.c ---------------------------------------------------------- */

/*
 * The first leaf written at when_ms or later; the end when there is none. It
 * may be pruned.
 */
enum pv_err log_seek(struct pv_log *log, int64_t when_ms,
                     uint64_t *ret_index) PV_MUST_CHECK;

/* What a pack's table says of a bundle, so that it need not be read. */
struct log_about {
    int64_t  first_ms;  /* its first leaf was written */
    uint64_t id_low_ms; /* times in the ids of requests; low > high: none */
    uint64_t id_high_ms;
    uint64_t of_low; /* requests that end here; low > high: none */
    uint64_t of_high;
    bool     has_own; /* records of payvand-traced itself */
};

/*
 * PV_ENOTFOUND: nothing is known, it must be read. PV_EPRUNED: removed; only
 * the times are given.
 */
enum pv_err log_about(struct pv_log *log, uint64_t n,
                      struct log_about *ret_about) PV_MUST_CHECK;

/*
 * Which bundles of pack number may match the query (bits as in pack.h). All
 * are set when the leaves of that number are not in a pack. PV_EPRUNED.
 */
enum pv_err log_mask(struct pv_log *log, uint64_t number,
                     const struct pv_log_query *query,
                     uint8_t mask[PV_PACK_BITS_LEN]) PV_MUST_CHECK;

/* ---- log_find.c, log_recent.c: one request ------------------------------ */

#define LOG_ID_MEMBER_LEN (6 + PV_TRACKING_ID_LEN + 1) /* "id":"..." */

struct log_hunt {
    struct pv_log         *log;
    struct pv_trace_found *found;
    int64_t                id_ms;
    char                   member[LOG_ID_MEMBER_LEN];
    char                   of[PV_U64_TEXT_MAX + 2]; /* [index, */
    size_t                 of_len;
    bool                   lost;   /* its worker was lost */
    bool                   pruned; /* something was passed over */
};

/* Take the leaf as the request. PV_ENOTFOUND: it is none. PV_ECORRUPT. */
enum pv_err log_take(struct pv_trace_found    *found,
                     const struct pv_log_leaf *leaf) PV_MUST_CHECK;

/* A record of ends, as record.h has it. */
#define LOG_ENDS_BEGIN "{\"done\":["
#define LOG_ENDS_END ",\"type\":\"completions\",\"v\":1}"

/*
 * The end of the request in a record of ends, when it is in this one: the
 * others of it are not read. Each end begins with `[` and the number of its
 * request, and no word of the record has a `[`.
 */
bool log_take_end(struct log_hunt *hunt, uint64_t index, struct pv_slice line);

/* Leaf index, if the newest commits hold it. PV_ENOTFOUND. */
enum pv_err log_recent_leaf(struct pv_log *log, uint64_t index,
                            struct pv_log_leaf *ret_leaf) PV_MUST_CHECK;

/* The request among the newest commits. PV_ENOTFOUND: look in bundles. */
enum pv_err log_recent_request(struct log_hunt *hunt) PV_MUST_CHECK;

/*
 * Its end there. PV_OK: ->found says it, or there is none up to the end that
 * was set. PV_ENOTFOUND: look in bundles.
 */
enum pv_err log_recent_end(struct log_hunt *hunt) PV_MUST_CHECK;

#endif
