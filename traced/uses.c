/*
 * uses.c - grants of which only so many calls may be answered in all.
 *
 * The order of the journal decides: a call is in time when, of those before
 * it, fewer than the maximum are under way or answered. So every worker, also
 * of another master, is told the same, and so is who asks after a restart.
 */
#include "traced.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"

#define MAX_BITS 20            /* of a key; the grant's number above them */
#define UNKNOWN_BIT (1u << 31) /* of the saved number of grants */
#define LATE_BIT (UINT64_C(1) << 32) /* of a saved call's grant */

_Static_assert(PV_RECORD_ANSWERED_MAX < 1u << MAX_BITS, "a maximum fits");
_Static_assert(USES_NONE < 1u << (32 - MAX_BITS), "a number fits");

struct use {
    uint32_t hash;
    uint32_t begun; /* under way or answered */
    uint32_t spent; /* answered, or nobody knows */
    uint8_t  len;
    char     grant[PV_RECORD_WORD_MAX];
};

enum pv_err
uses_init(struct uses *uses)
{
    memset(uses, 0, sizeof(*uses));
    uses->use = calloc(USES_MAX, sizeof(*uses->use));
    uses->open = calloc(USES_OPEN_MAX + USES_MAX, sizeof(*uses->open));
    uses->late = calloc(USES_LATE_MAX, sizeof(*uses->late));
    if (uses->use == NULL || uses->open == NULL || uses->late == NULL) {
        uses_clear(uses);
        return PV_ENOMEM;
    }
    return PV_OK;
}

void
uses_clear(struct uses *uses)
{
    free(uses->use);
    free(uses->open);
    free(uses->late);
    memset(uses, 0, sizeof(*uses));
}

static uint32_t
number_of(struct uses *uses, struct pv_slice grant)
{
    uint32_t    hash = pv_crc32c(0, grant.ptr, grant.len);
    struct use *use;

    for (uint32_t i = 0; i < uses->use_count; i++) {
        use = &uses->use[i];
        if (use->hash == hash && use->len == grant.len &&
            memcmp(use->grant, grant.ptr, grant.len) == 0) {
            return i;
        }
    }
    if (uses->use_count == USES_MAX) {
        if (!uses->full_said) {
            uses->full_said = true;
            pv_log_event(
                "error", "traced.uses_full",
                "grant=%.*s; its calls are not forwarded, nor those of "
                "later grants with max_calls_answered",
                PV_FMT(grant));
        }
        return USES_NONE;
    }
    use = &uses->use[uses->use_count];
    *use = (struct use){.hash = hash, .len = (uint8_t)grant.len};
    memcpy(use->grant, grant.ptr, grant.len); /* at most a record's word */
    return uses->use_count++;
}

uint32_t
uses_key(struct uses *uses, const struct pv_request_record *r)
{
    return number_of(uses, r->grant) << MAX_BITS | (uint32_t)r->max_answered;
}

static void
note_late(struct uses *uses, uint64_t index, uint64_t frame, bool spent)
{
    assert(uses->late_count < USES_LATE_MAX); /* the caller left room */
    uses->late[uses->late_count++] = (struct use_late){
        .frame = frame,
        .position = (uint32_t)(index - frame),
        .spent = spent,
    };
}

/*
 * A grant may have as many calls under way as there are places free, and one
 * in any case: so one that takes all it can leaves half of them to the others,
 * and none is ever stopped by others.
 */
static bool
has_place(const struct uses *uses, const struct use *use)
{
    uint32_t own = use->begun - use->spent;

    return own == 0 || own + uses->open_count < USES_OPEN_MAX;
}

void
uses_begin(struct uses *uses, uint32_t key, uint64_t index, uint64_t frame,
           uint64_t epoch)
{
    uint32_t    number = key >> MAX_BITS;
    uint32_t    max = key & ((1u << MAX_BITS) - 1);
    struct use *use = number == USES_NONE ? NULL : &uses->use[number];

    if (uses->unknown || use == NULL || use->begun >= max ||
        !has_place(uses, use)) {
        note_late(uses, index, frame,
                  uses->unknown || (use != NULL && use->spent >= max));
        return;
    }
    uses->open[uses->open_count++] = (struct use_open){
        .index = index,
        .epoch = epoch,
        .use = number,
    };
    use->begun++;
}

static struct use_open *
find(const struct uses *uses, uint64_t index)
{
    for (uint32_t i = 0; i < uses->open_count; i++) {
        if (uses->open[i].index == index) {
            return &uses->open[i];
        }
    }
    return NULL;
}

bool
uses_is_open(const struct uses *uses, uint64_t index)
{
    return find(uses, index) != NULL;
}

void
uses_again(struct uses *uses, uint32_t key, uint64_t index, uint64_t frame)
{
    uint32_t number = key >> MAX_BITS;
    uint32_t max = key & ((1u << MAX_BITS) - 1);

    if (find(uses, index) == NULL) {
        note_late(uses, index, frame,
                  uses->unknown ||
                      (number != USES_NONE && uses->use[number].spent >= max));
    }
}

static void
close_one(struct uses *uses, struct use_open *open, bool answered)
{
    if (answered) {
        uses->use[open->use].spent++;
    } else {
        uses->use[open->use].begun--;
    }
    *open = uses->open[--uses->open_count];
}

void
uses_end(struct uses *uses, uint64_t index, enum pv_outcome outcome)
{
    struct use_open *open = find(uses, index);

    if (open != NULL) {
        close_one(uses, open,
                  outcome == PV_OUTCOME_ANSWERED ||
                      outcome == PV_OUTCOME_UNKNOWN);
    }
}

void
uses_lost(struct uses *uses, uint64_t epoch)
{
    uint32_t i = 0;

    while (i < uses->open_count) {
        if (uses->open[i].epoch == epoch) {
            close_one(uses, &uses->open[i], true);
        } else {
            i++;
        }
    }
}

static int
by_frame(const void *a, const void *b)
{
    const struct use_late *x = a;
    const struct use_late *y = b;

    if (x->frame != y->frame) {
        return x->frame < y->frame ? -1 : 1;
    }
    return (x->position > y->position) - (x->position < y->position);
}

void
uses_sort_late(struct uses *uses)
{
    qsort(uses->late, uses->late_count, sizeof(*uses->late), by_frame);
}

const struct use_late *
uses_late(const struct uses *uses, uint64_t frame, uint32_t *ret_count)
{
    uint32_t low = 0;
    uint32_t high = uses->late_count;
    uint32_t count = 0;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (uses->late[middle].frame < frame) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    while (low + count < uses->late_count &&
           uses->late[low + count].frame == frame) {
        count++;
    }
    *ret_count = count;
    return &uses->late[low];
}

void
uses_forget_late(struct uses *uses)
{
    uses->late_count = 0;
}

/* ---- the snapshot ---------------------------------------------------------
 */

enum pv_err
uses_save(const struct uses *uses, struct pv_buf *out)
{
    enum pv_err err =
        saved_put_u32(out, uses->use_count | (uses->unknown ? UNKNOWN_BIT : 0));

    for (uint32_t i = 0; err == PV_OK && i < uses->use_count; i++) {
        const struct use *use = &uses->use[i];
        const uint32_t    head[3] = {use->begun, use->spent, use->len};

        err = saved_put(out, head, sizeof(head));
        if (err == PV_OK) {
            err = saved_put(out, use->grant, use->len);
        }
    }
    if (err == PV_OK) {
        err = saved_put_u32(out, uses->open_count);
    }
    for (uint32_t i = 0; err == PV_OK && i < uses->open_count; i++) {
        const struct use_open *open = &uses->open[i];
        const uint64_t number[4] = {open->index, 0, open->epoch, open->use};

        err = saved_put(out, number, sizeof(number));
    }
    return err;
}

static enum pv_err
load_use(struct uses *uses, struct saved *saved)
{
    struct use *use = &uses->use[uses->use_count];
    struct use  read = {.begun = saved_get_u32(saved, UINT32_MAX)};
    const char *grant;

    read.spent = saved_get_u32(saved, UINT32_MAX);
    read.len = (uint8_t)saved_get_u32(saved, PV_RECORD_WORD_MAX);
    grant = saved_get(saved, read.len);
    if (grant == NULL) {
        return PV_ECORRUPT;
    }
    read.hash = pv_crc32c(0, grant, read.len);
    *use = read;
    memcpy(use->grant, grant, read.len);
    uses->use_count++;
    return PV_OK;
}

enum pv_err
uses_load(struct uses *uses, struct saved *saved)
{
    uint32_t    count = saved_get_u32(saved, UNKNOWN_BIT | USES_MAX);
    enum pv_err err = PV_OK;

    uses->unknown = (count & UNKNOWN_BIT) != 0;
    count &= ~UNKNOWN_BIT;
    if (count > USES_MAX) {
        return PV_ECORRUPT;
    }
    for (uint32_t i = 0; err == PV_OK && i < count; i++) {
        err = load_use(uses, saved);
    }
    count = saved_get_u32(saved, USES_OPEN_MAX + USES_MAX);
    for (uint32_t i = 0; err == PV_OK && i < count; i++) {
        struct use_open open = {.index = saved_get_u64(saved)};
        uint64_t        use;

        (void)saved_get_u64(saved); /* not used any more */
        open.epoch = saved_get_u64(saved);
        use = saved_get_u64(saved);
        if (use & LATE_BIT) {
            continue; /* they were kept once */
        }
        if (saved->bad || use >= uses->use_count) {
            return PV_ECORRUPT;
        }
        open.use = (uint32_t)use;
        uses->open[uses->open_count++] = open;
    }
    return err == PV_OK && saved->bad ? PV_ECORRUPT : err;
}

void
uses_reset(struct uses *uses)
{
    uses->use_count = 0;
    uses->open_count = 0;
    uses->late_count = 0;
    uses->unknown = false;
}
