/*
 * tracking_id.h - شناسه پیگیری: a UUIDv7 (RFC 9562 5.7) naming one request.
 *
 * A generator never steps back: 48 bits of Unix milliseconds, then 12 bits
 * counter (rand_a, method 1 of RFC 9562 6.2; on overflow the millisecond is
 * advanced by one), then 62 random bits. Two generators do not collide thanks
 * to the random bits.
 */
#ifndef PV_TRACE_TRACKING_ID_H
#define PV_TRACE_TRACKING_ID_H

#include "base/slice.h"

#define PV_TRACKING_ID_LEN 36 /* text, lower case, with hyphens */

struct pv_tracking_id {
    uint8_t bytes[16];
};

struct pv_tracking_ids { /* a generator; one per process */
    uint64_t last_ms;
    uint16_t counter;
    uint8_t  pool[1024]; /* random bytes, refilled by getrandom(2) */
    size_t   pool_at;    /* first unused; set to sizeof(pool) at init */
};

void pv_tracking_ids_init(struct pv_tracking_ids *ids);

/* The next id at when_ms. PV_ESYS when the kernel gives no random bytes. */
enum pv_err pv_tracking_ids_next(struct pv_tracking_ids *ids, int64_t when_ms,
                                 struct pv_tracking_id *ret_id) PV_MUST_CHECK;

void pv_tracking_id_text(const struct pv_tracking_id *id,
                         char                         room[PV_TRACKING_ID_LEN]);

/* Lower-case text of a version 7, variant 10 UUID; PV_EINVAL otherwise. */
enum pv_err pv_tracking_id_parse(struct pv_slice        text,
                                 struct pv_tracking_id *ret_id) PV_MUST_CHECK;

int64_t pv_tracking_id_when_ms(const struct pv_tracking_id *id);

/* Any UUID in lower case (for Payvand-Case). */
bool pv_uuid_is_valid(struct pv_slice text);

#endif
