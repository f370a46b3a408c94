/* rollup_private.h - what rollup.c and rollup_count.c share. */
#ifndef PV_TRACE_ROLLUP_PRIVATE_H
#define PV_TRACE_ROLLUP_PRIVATE_H

#include "trace/rollup.h"

#define PV_ROLLUP_BEFORE_MAX (PV_ROLLUP_OPEN_MIN + 1)

struct pv_rollup_key {        /* a consumer and a method */
    struct pv_slice consumer; /* both in ->text */
    struct pv_slice method;
    char           *text;
};

struct pv_rollup_call { /* an open one */
    uint64_t index;
    uint64_t minute;
    uint32_t key;
    uint32_t next; /* in its bucket, or among the free */
    uint32_t older;
    uint32_t newer;
};

struct pv_rollup_item {
    uint32_t             key;
    enum pv_outcome      outcome;
    bool                 is_verify; /* all its times are whole tenths */
    uint64_t             count;
    struct pv_histogram *histogram; /* NULL: none yet */
};

struct pv_rollup_row { /* a cell in its place in the file */
    const struct pv_rollup_key  *key;
    const struct pv_rollup_item *cell;
};

struct pv_rollup_table { /* open addressing: number + 1 */
    uint32_t *slot;
    uint32_t  mask;
};

struct pv_rollup {
    int      dirfd; /* borrowed */
    int      fd;    /* of the day, or -1 */
    int64_t  day;
    uint64_t size; /* of its good part */

    struct pv_rollup_key  *key;
    uint32_t               key_count;
    uint32_t               key_cap;
    struct pv_rollup_table keys;

    struct pv_rollup_call *call;
    uint32_t               call_cap;
    uint32_t               call_free;
    uint32_t               oldest;
    uint32_t               newest;
    uint32_t              *bucket; /* by index; call_cap of them */

    struct pv_rollup_item *cell;
    struct pv_rollup_row  *row;
    uint32_t               cell_count;
    struct pv_rollup_table cells;

    uint64_t      minute; /* the open one; 0: none */
    uint64_t      first;  /* its first leaf */
    uint64_t      next;   /* the leaf to be added next */
    uint64_t      at;     /* the leaf being added */
    uint64_t      from;   /* leaves below were counted before the start */
    uint64_t      closed; /* the last minute written; 0: none */
    uint64_t      torn;   /* bytes cut at the start */
    struct pv_buf text;

    struct pv_rollup_minute
           before[PV_ROLLUP_BEFORE_MAX]; /* the last ones written */
    size_t before_count;
};

/* Memory for the cells and the key "*". PV_ENOMEM. */
enum pv_err pv_rollup_count_init(struct pv_rollup *rollup) PV_MUST_CHECK;
void        pv_rollup_count_clear(struct pv_rollup *rollup);

/* Count what a record says into the cells of the open minute. */
enum pv_err pv_rollup_count(struct pv_rollup *rollup, uint64_t minute,
                            const struct pv_record *record) PV_MUST_CHECK;

/* The calls that are open for too long end in the open minute. */
void pv_rollup_count_late(struct pv_rollup *rollup);

/* ->row in the order of the file. */
void pv_rollup_count_sort(struct pv_rollup *rollup);
void pv_rollup_count_next(struct pv_rollup *rollup); /* empty cells again */

#endif
