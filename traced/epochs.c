/* epochs.c - which frames of which worker are on disk. */
#include "traced.h"

#include <stdlib.h>
#include <string.h>

/* Lowest first: free, then forgotten without loss, then the oldest. */
static struct epoch *
slot(struct epochs *epochs)
{
    struct epoch *best = NULL;

    if (epochs->used < EPOCHS_MAX) {
        return &epochs->epoch[epochs->used++];
    }
    for (uint32_t i = 0; i < EPOCHS_MAX; i++) {
        struct epoch *epoch = &epochs->epoch[i];

        if (epoch->peer != NULL) {
            continue;
        }
        if (best == NULL || (epoch->open == 0 && best->open > 0) ||
            ((epoch->open == 0) == (best->open == 0) &&
             epoch->gone_ms < best->gone_ms)) {
            best = epoch;
        }
    }
    if (best != NULL && best->open > 0) {
        pv_log_event("warning", "traced.epoch_forgotten",
                     "epoch=%016llx open=%llu; the table of workers is full",
                     (unsigned long long)best->id,
                     (unsigned long long)best->open);
    }
    return best;
}

struct epoch *
epochs_get(struct epochs *epochs, uint64_t id, int64_t now_ms)
{
    struct epoch *epoch;

    for (uint32_t i = 0; i < epochs->used; i++) {
        if (epochs->epoch[i].id == id) {
            if (now_ms > epochs->epoch[i].gone_ms) {
                epochs->epoch[i].gone_ms = now_ms;
            }
            return &epochs->epoch[i];
        }
    }
    epoch = slot(epochs);
    if (epoch == NULL) {
        return NULL;
    }
    free(epoch->frame);
    memset(epoch, 0, sizeof(*epoch));
    epoch->id = id;
    epoch->gone_ms = now_ms;
    return epoch;
}

enum pv_err
epoch_hold(struct epoch *epoch)
{
    if (epoch->frame == NULL) {
        epoch->frame = calloc(EPOCH_FRAMES, sizeof(*epoch->frame));
    }
    return epoch->frame == NULL ? PV_ENOMEM : PV_OK;
}

void
epoch_keep(struct epoch *epoch, uint64_t sequence, uint64_t index)
{
    struct epoch_frame *frame;

    if (sequence > epoch->kept) {
        epoch->kept = sequence;
    }
    if (epoch->frame == NULL) {
        return; /* forgotten: see EPOCH_RESEND_MS */
    }
    frame = &epoch->frame[sequence & (EPOCH_FRAMES - 1)];
    frame->sequence = sequence;
    frame->index = index;
}

enum pv_err
epoch_find(const struct epoch *epoch, uint64_t sequence, uint64_t *ret_index)
{
    const struct epoch_frame *frame;

    if (sequence > epoch->kept) {
        return PV_ENOTFOUND;
    }
    if (epoch->frame == NULL || epoch->kept - sequence >= EPOCH_FRAMES) {
        return PV_ERANGE;
    }
    frame = &epoch->frame[sequence & (EPOCH_FRAMES - 1)];
    if (frame->sequence != sequence) {
        return PV_ENOTFOUND;
    }
    *ret_index = frame->index;
    return PV_OK;
}

void
epochs_forget_frames(struct epochs *epochs, int64_t begun_ms, int64_t now_ms)
{
    for (uint32_t i = 0; i < epochs->used; i++) {
        struct epoch *epoch = &epochs->epoch[i];

        if (epoch->peer == NULL && epoch->frame != NULL &&
            now_ms - begun_ms > EPOCH_RESEND_MS &&
            now_ms - epoch->gone_ms > EPOCH_RESEND_MS) {
            free(epoch->frame);
            epoch->frame = NULL;
        }
    }
}

void
epochs_clear(struct epochs *epochs)
{
    for (uint32_t i = 0; i < epochs->used; i++) {
        free(epochs->epoch[i].frame);
    }
    memset(epochs, 0, sizeof(*epochs));
}

/* ---- the snapshot ---------------------------------------------------------
 */

enum pv_err
epochs_save(const struct epochs *epochs, int64_t now_ms, int64_t wall_ms,
            struct pv_buf *out)
{
    enum pv_err err = saved_put_u32(out, epochs->used);

    for (uint32_t i = 0; err == PV_OK && i < epochs->used; i++) {
        const struct epoch *epoch = &epochs->epoch[i];
        int64_t away_ms = epoch->peer != NULL ? 0 : now_ms - epoch->gone_ms;
        const uint64_t number[4] = {epoch->id, epoch->kept, epoch->open,
                                    (uint64_t)(wall_ms - away_ms)};

        err = saved_put(out, number, sizeof(number));
        for (uint32_t n = 0;
             err == PV_OK && epoch->frame != NULL && n < EPOCH_FRAMES; n++) {
            if (epoch->frame[n].sequence != 0) {
                err = saved_put(out, &epoch->frame[n], sizeof(epoch->frame[n]));
            }
        }
        if (err == PV_OK) { /* the end of the frames: none has sequence 0 */
            err = saved_put_u64(out, 0);
        }
    }
    return err;
}

static enum pv_err
load_epoch(struct epoch *epoch, int64_t now_ms, int64_t wall_ms,
           struct saved *saved)
{
    uint64_t sequence;
    int64_t  age_ms;

    epoch->id = saved_get_u64(saved);
    epoch->kept = saved_get_u64(saved);
    epoch->open = saved_get_u64(saved);
    age_ms = wall_ms - (int64_t)saved_get_u64(saved);
    epoch->gone_ms = now_ms - (age_ms > 0 ? age_ms : 0);
    while ((sequence = saved_get_u64(saved)) != 0) {
        struct epoch_frame *frame;

        if (epoch_hold(epoch) != PV_OK) {
            return PV_ENOMEM;
        }
        frame = &epoch->frame[sequence & (EPOCH_FRAMES - 1)];
        frame->sequence = sequence;
        frame->index = saved_get_u64(saved);
    }
    return saved->bad ? PV_ECORRUPT : PV_OK;
}

enum pv_err
epochs_load(struct epochs *epochs, int64_t now_ms, int64_t wall_ms,
            struct saved *saved)
{
    uint32_t    count = saved_get_u32(saved, EPOCHS_MAX);
    enum pv_err err = PV_OK;

    for (uint32_t i = 0; err == PV_OK && i < count; i++) {
        epochs->used = i + 1;
        err = load_epoch(&epochs->epoch[i], now_ms, wall_ms, saved);
    }
    return err;
}
