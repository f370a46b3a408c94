/*
 * state.h - one page of numbers that the processes of payvand-traced share.
 *
 * The journal process makes it (a memfd) and every child that needs it gets a
 * descriptor. Each field has one writer, named at it; all are 0 at start, and
 * a child's values outlive the child. A number is read and written alone:
 * nothing is said about two of them together.
 *
 * Threads: any.  Blocks: never.
 */
#ifndef PV_TRACED_STATE_H
#define PV_TRACED_STATE_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/err.h"
#include "trace/journal.h"

#define LOG_STATE_LEN 4096

typedef _Atomic uint64_t state_number;

struct log_state {
    /* the journal process */
    state_number durable_index;  /* leaves on disk; no reader goes past it */
    state_number durable_place;  /* where they end: state_place() */
    state_number durable_ms;     /* wall clock of the last commit with leaves */
    state_number journal_oldest; /* first leaf that is still in a segment */
    state_number journal_broken; /* 1: the journal cannot be written */
    state_number uses_unknown;   /* 1: uses.c does not know all answers */
    /* -P children */
    state_number child_restarts;
    /* -P log */
    state_number signed_size;
    state_number signed_ms;
    state_number published_size;
    state_number published_ms;
    state_number unsigned_ms;   /* 0: all leaves are in a published
                                   checkpoint; else since when one is not */
    state_number log_refusal;   /* 0, or why it does not go on: log.h */
    state_number witness_count; /* cosignatures on the published checkpoint */
    state_number witness_failed_ms;
    state_number split_view;   /* 1: a witness saw another history */
    state_number witness_back; /* 1: a witness forgot what it had cosigned */
    /* -P keeper */
    state_number packed_index; /* leaves wholly in packs: the journal may
                                  remove segments below it that are also below
                                  published_size */
    state_number packed_known; /* 1: the keeper has looked */
};

_Static_assert(sizeof(struct log_state) <= LOG_STATE_LEN, "one page");

/*
 * Make the page. ret_fd writes, ret_read_fd can only be read. PV_ESYS.
 */
enum pv_err state_make(int *ret_fd, int *ret_read_fd,
                       struct log_state **ret) PV_MUST_CHECK;

/* Map the page of a descriptor; writable only where it is. PV_ESYS. */
enum pv_err state_map(int fd, struct log_state **ret) PV_MUST_CHECK;
enum pv_err state_map_read(int fd, const struct log_state **ret) PV_MUST_CHECK;

/* A segment and an offset in it, in one number: both change at once. */
#define STATE_PLACE_BITS 24
#define STATE_PLACE_MASK ((UINT64_C(1) << STATE_PLACE_BITS) - 1)

_Static_assert(PV_SEGMENT_SIZE_MAX / PV_COMMIT_ALIGN_MIN < STATE_PLACE_MASK,
               "an offset in sectors fits");

static inline uint64_t
state_place(uint64_t segment, uint64_t at)
{
    return segment << STATE_PLACE_BITS | at / PV_COMMIT_ALIGN_MIN;
}

static inline uint64_t
state_get(const state_number *number)
{
    return atomic_load_explicit(number, memory_order_acquire);
}

static inline void
state_set(state_number *number, uint64_t value)
{
    atomic_store_explicit(number, value, memory_order_release);
}

#endif
