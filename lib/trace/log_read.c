/* log_read.c - the stored log as one row of leaves. */
#include "trace/log_read.h"

#include <stdlib.h>
#include <string.h>

#include "trace/log_private.h"

enum pv_err
pv_log_open(int journal_dirfd, int log_dirfd, struct pv_log **ret_log)
{
    struct pv_log *log = calloc(1, sizeof(*log));
    enum pv_err    err;

    if (log == NULL) {
        return PV_ENOMEM;
    }
    log->log_dirfd = log_dirfd;
    log->set_end = UINT64_MAX;
    pv_raw_init(&log->raw, journal_dirfd);
    for (size_t i = 0; i < LOG_CACHE; i++) {
        pv_bundle_init(&log->slot[i].bundle);
    }
    err = pv_log_refresh(log);
    if (err != PV_OK) {
        pv_log_close(log);
        return err;
    }
    *ret_log = log;
    return PV_OK;
}

void
pv_log_close(struct pv_log *log)
{
    if (log == NULL) {
        return;
    }
    pv_raw_clear(&log->raw);
    for (size_t i = 0; i < LOG_CACHE; i++) {
        pv_bundle_clear(&log->slot[i].bundle);
    }
    free(log);
}

/* A whole bundle stays as it is; one in part may have grown. */
static void
forget_parts(struct pv_log *log)
{
    for (size_t i = 0; i < LOG_CACHE; i++) {
        if (log->slot[i].bundle.width < PV_BUNDLE_LEAVES) {
            log->slot[i].used = false;
        }
    }
}

enum pv_err
pv_log_refresh(struct pv_log *log)
{
    forget_parts(log);
    return pv_raw_refresh(&log->raw);
}

void
pv_log_set_end(struct pv_log *log, uint64_t end)
{
    if (log->set_end != end) {
        log->set_end = end;
        forget_parts(log);
    }
}

void
pv_log_range(const struct pv_log *log, uint64_t *ret_first, uint64_t *ret_end)
{
    uint64_t end = log->raw.end;

    *ret_first = log->raw.first;
    *ret_end = end < log->set_end ? end : log->set_end;
}

static struct log_slot *
find_slot(struct pv_log *log, uint64_t n)
{
    struct log_slot *oldest = &log->slot[0];

    for (size_t i = 0; i < LOG_CACHE; i++) {
        struct log_slot *slot = &log->slot[i];

        if (slot->used && slot->bundle.n == n) {
            return slot;
        }
        if (!slot->used || (oldest->used && slot->when < oldest->when)) {
            oldest = slot;
        }
    }
    oldest->used = false;
    return oldest;
}

static enum pv_err
read_bundle(struct pv_log *log, uint64_t n, struct pv_bundle *bundle)
{
    return pv_raw_bundle(&log->raw, n, log->set_end, bundle);
}

enum pv_err
pv_log_view(struct pv_log *log, uint64_t n, const struct pv_bundle **ret_bundle)
{
    struct log_slot *slot = find_slot(log, n);
    uint64_t         first;
    uint64_t         end;
    enum pv_err      err = PV_OK;

    pv_log_range(log, &first, &end);
    if (n >= (end + PV_BUNDLE_LEAVES - 1) / PV_BUNDLE_LEAVES) {
        return log->raw.damaged && end == log->raw.end ? PV_ECORRUPT
                                                       : PV_ENOTFOUND;
    }
    if (!slot->used) {
        err = read_bundle(log, n, &slot->bundle);
        if (err == PV_ENOTFOUND) { /* it may have moved to a pack */
            err = pv_log_refresh(log);
            if (err == PV_OK) {
                err = read_bundle(log, n, &slot->bundle);
            }
        }
    }
    if (err == PV_OK) {
        slot->used = true;
        slot->when = ++log->clock;
        *ret_bundle = &slot->bundle;
    }
    return err;
}

enum pv_err
pv_log_leaf(struct pv_log *log, uint64_t index, struct pv_log_leaf *ret_leaf)
{
    const struct pv_bundle *bundle;
    unsigned                i = (unsigned)(index % PV_BUNDLE_LEAVES);
    enum pv_err err = pv_log_view(log, index / PV_BUNDLE_LEAVES, &bundle);

    if (err != PV_OK) {
        return err;
    }
    if (i >= bundle->width) {
        return PV_ENOTFOUND;
    }
    *ret_leaf = (struct pv_log_leaf){.index = index,
                                     .epoch = bundle->epoch[i],
                                     .written_ms = bundle->written_ms[i],
                                     .line = pv_bundle_line(bundle, i)};
    return PV_OK;
}

enum pv_err
pv_log_bundle(struct pv_log *log, uint64_t n, unsigned width,
              struct pv_buf *out)
{
    const struct pv_bundle *bundle;
    enum pv_err             err;

    if (width == 0 || width > PV_BUNDLE_LEAVES) {
        return PV_EINVAL;
    }
    err = pv_log_view(log, n, &bundle);
    if (err == PV_OK && bundle->width < width) {
        err = PV_ENOTFOUND;
    }
    return err == PV_OK ? pv_buf_add(out, pv_bundle_entries(bundle, width))
                        : err;
}

enum pv_err
log_seek(struct pv_log *log, int64_t when_ms, uint64_t *ret_index)
{
    enum pv_err err = pv_raw_seek(&log->raw, when_ms, ret_index);

    if (err == PV_ENOTFOUND) { /* a segment has moved to a pack */
        err = pv_log_refresh(log);
        if (err == PV_OK) {
            err = pv_raw_seek(&log->raw, when_ms, ret_index);
        }
    }
    return err;
}

enum pv_err
log_about(struct pv_log *log, uint64_t n, struct log_about *ret_about)
{
    (void)log; /* @@ */
    (void)n;
    (void)ret_about;
    return PV_ENOTFOUND;
}

bool
log_may_match(struct pv_log *log, uint64_t n, const struct pv_log_query *query)
{
    (void)log; /* @@ */
    (void)n;
    (void)query;
    return true;
}
