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
    pv_packs_init(&log->packs, log_dirfd);
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
    pv_packs_clear(&log->packs);
    for (size_t i = 0; i < LOG_PACKS; i++) {
        pv_pack_close(log->pack[i].pack);
    }
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

/* Learn anew what is there: something is not where it was. */
static enum pv_err
refresh_all(struct pv_log *log)
{
    enum pv_err err;

    forget_parts(log);
    /* the segments first: what leaves them by then is in the packs */
    err = pv_raw_refresh(&log->raw);
    return err == PV_OK ? pv_packs_refresh(&log->packs) : err;
}

enum pv_err
pv_log_refresh(struct pv_log *log)
{
    enum pv_err err;

    if (log->set_end == UINT64_MAX) {
        return refresh_all(log);
    }
    forget_parts(log);
    err = pv_raw_follow(&log->raw, log->set_end);
    return err == PV_OK ? pv_packs_refresh(&log->packs) : err;
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
    uint64_t end = log->packs.count * PV_PACK_LEAVES;

    end = end > log->raw.end ? end : log->raw.end;
    /* the journal alone: from the first whole bundle on */
    *ret_first = log->packs.count > 0
                     ? log->packs.pruned * PV_PACK_LEAVES
                     : (log->raw.first + PV_BUNDLE_LEAVES - 1) /
                           PV_BUNDLE_LEAVES * PV_BUNDLE_LEAVES;
    *ret_first = *ret_first < end ? *ret_first : end;
    *ret_end = end < log->set_end ? end : log->set_end;
}

/* The bundle is in memory. */
static bool
is_kept(const struct pv_log *log, uint64_t n)
{
    for (size_t i = 0; i < LOG_CACHE; i++) {
        if (log->slot[i].used && log->slot[i].bundle.n == n) {
            return true;
        }
    }
    return false;
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

/* The open pack of that number. PV_ENOTFOUND: it is not there. */
static enum pv_err
open_pack(struct pv_log *log, uint64_t number, struct pv_pack **ret_pack)
{
    struct log_pack    *oldest = &log->pack[0];
    struct pv_pack_line line;
    enum pv_err         err;

    for (size_t i = 0; i < LOG_PACKS; i++) {
        struct log_pack *pack = &log->pack[i];

        if (pack->pack != NULL && pack->number == number) {
            pack->when = ++log->clock;
            *ret_pack = pack->pack;
            return PV_OK;
        }
        if (pack->pack == NULL ||
            (oldest->pack != NULL && pack->when < oldest->when)) {
            oldest = pack;
        }
    }
    pv_pack_close(oldest->pack);
    oldest->pack = NULL;
    err = pv_packs_line(&log->packs, number, &line);
    if (err == PV_OK) {
        err = pv_pack_open(log->packs.dirfd, &line.hash, number, &oldest->pack);
    }
    if (err == PV_OK) {
        oldest->number = number;
        oldest->when = ++log->clock;
        *ret_pack = oldest->pack;
    }
    return err;
}

static enum pv_err
read_bundle(struct pv_log *log, uint64_t n, struct pv_bundle *bundle)
{
    uint64_t        number = n / PV_PACK_BUNDLES;
    struct pv_pack *pack;
    enum pv_err     err;

    if (number >= log->packs.count) {
        return pv_raw_bundle(&log->raw, n, log->set_end, bundle);
    }
    if (number < log->packs.pruned) {
        return PV_EPRUNED;
    }
    err = open_pack(log, number, &pack);
    return err == PV_OK
               ? pv_pack_bundle(pack, (unsigned)(n % PV_PACK_BUNDLES), bundle)
               : err;
}

/* What is not where it was has moved to a pack, or was pruned, or is lost. */
static enum pv_err
read_twice(struct pv_log *log, uint64_t n, struct pv_bundle *bundle)
{
    enum pv_err err = read_bundle(log, n, bundle);

    if (err == PV_ENOTFOUND) {
        err = refresh_all(log);
        if (err == PV_OK) {
            err = read_bundle(log, n, bundle);
        }
    }
    return err == PV_ENOTFOUND ? PV_ECORRUPT : err;
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
    if (log->packs.dirfd == -1 && n < first / PV_BUNDLE_LEAVES) {
        return PV_ENOTFOUND; /* in packs that are not shown here */
    }
    if (n / PV_PACK_BUNDLES < log->packs.pruned) {
        return PV_EPRUNED; /* whoever has seen it before */
    }
    if (!slot->used) {
        err = read_twice(log, n, &slot->bundle);
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
    enum pv_err             err;

    if (!is_kept(log, index / PV_BUNDLE_LEAVES) &&
        log_recent_leaf(log, index, ret_leaf) == PV_OK) {
        return PV_OK; /* without the other 255 */
    }
    err = pv_log_view(log, index / PV_BUNDLE_LEAVES, &bundle);
    if (err != PV_OK) {
        return err;
    }
    if (i >= bundle->width || index >= log->set_end) {
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

/* ---- by time, and what may be skipped ----------------------------------- */

static enum pv_err
seek_raw(struct pv_log *log, int64_t when_ms, uint64_t *ret_index)
{
    uint64_t    packed = log->packs.count * PV_PACK_LEAVES;
    enum pv_err err = pv_raw_seek(&log->raw, when_ms, ret_index);

    if (err == PV_OK && *ret_index < packed) {
        *ret_index = packed; /* these are in a pack too, and were earlier */
    }
    return err;
}

static enum pv_err
seek_pack(struct pv_log *log, uint64_t number, int64_t when_ms,
          uint64_t *ret_index)
{
    const struct pv_pack_foot *foot;
    const struct pv_bundle    *bundle;
    struct pv_pack            *pack;
    uint64_t                   n = number * PV_PACK_BUNDLES;
    unsigned                   i = 0;
    enum pv_err                err;

    *ret_index = number * PV_PACK_LEAVES;
    if (number < log->packs.pruned) {
        return PV_OK;
    }
    err = open_pack(log, number, &pack);
    if (err != PV_OK) {
        return err;
    }
    foot = pv_pack_foot(pack);
    while (i + 1 < PV_PACK_BUNDLES && foot->row[i].last_ms < when_ms) {
        i++;
    }
    err = pv_log_view(log, n + i, &bundle);
    if (err == PV_OK) {
        unsigned k = 0;

        while (k + 1 < bundle->width && bundle->written_ms[k] < when_ms) {
            k++;
        }
        *ret_index = (n + i) * PV_BUNDLE_LEAVES + k;
    }
    return err;
}

static enum pv_err
seek(struct pv_log *log, int64_t when_ms, uint64_t *ret_index)
{
    uint64_t    number;
    enum pv_err err = pv_packs_seek(&log->packs, when_ms, &number);

    if (err != PV_OK) {
        return err;
    }
    return number < log->packs.count
               ? seek_pack(log, number, when_ms, ret_index)
               : seek_raw(log, when_ms, ret_index);
}

enum pv_err
log_seek(struct pv_log *log, int64_t when_ms, uint64_t *ret_index)
{
    enum pv_err err = seek(log, when_ms, ret_index);

    if (err == PV_ENOTFOUND) { /* moved to a pack, or pruned, since */
        err = refresh_all(log);
        if (err == PV_OK) {
            err = seek(log, when_ms, ret_index);
        }
    }
    return err == PV_ENOTFOUND ? PV_ECORRUPT : err;
}

enum pv_err
log_about(struct pv_log *log, uint64_t n, struct log_about *ret_about)
{
    uint64_t                  number = n / PV_PACK_BUNDLES;
    const struct pv_pack_row *row;
    struct pv_pack           *pack;
    enum pv_err               err;

    if (number < log->packs.pruned) {
        struct pv_pack_line line;

        err = pv_packs_line(&log->packs, number, &line);
        if (err == PV_OK) {
            ret_about->first_ms = line.first_ms;
            err = PV_EPRUNED;
        }
        return err;
    }
    err = number < log->packs.count ? open_pack(log, number, &pack)
                                    : PV_ENOTFOUND;
    if (err == PV_OK) {
        row = &pv_pack_foot(pack)->row[n % PV_PACK_BUNDLES];
        *ret_about = (struct log_about){
            .first_ms = row->first_ms,
            .id_low_ms = row->id_low_ms,
            .id_high_ms = row->id_high_ms,
            .of_low = row->of_low,
            .of_high = row->of_high,
            .has_own = row->has_own,
        };
    }
    return err;
}

static void
narrow(const struct pv_pack *pack, enum pv_pack_kind kind, struct pv_slice text,
       uint8_t mask[PV_PACK_BITS_LEN])
{
    const uint8_t *bits;

    if (text.len == 0) {
        return;
    }
    bits = pv_pack_bits(pack, kind, text);
    for (size_t i = 0; i < PV_PACK_BITS_LEN; i++) {
        mask[i] &= bits[i];
    }
}

enum pv_err
log_mask(struct pv_log *log, uint64_t number, const struct pv_log_query *query,
         uint8_t mask[PV_PACK_BITS_LEN])
{
    struct pv_pack *pack;
    enum pv_err     err;

    memset(mask, 0xff, PV_PACK_BITS_LEN);
    if (number >= log->packs.count) {
        return PV_OK;
    }
    if (number < log->packs.pruned) {
        return PV_EPRUNED;
    }
    err = open_pack(log, number, &pack);
    if (err != PV_OK) {
        return err == PV_ENOTFOUND ? PV_OK : err; /* reading will tell */
    }
    narrow(pack, PV_PACK_OUTCOME, query->outcome, mask);
    if (query->outcome.len == 0) { /* the end may be in another bundle */
        narrow(pack, PV_PACK_CONSUMER, query->consumer, mask);
        narrow(pack, PV_PACK_PROVIDER, query->provider, mask);
        narrow(pack, PV_PACK_SERVICE, query->service, mask);
    }
    return PV_OK;
}
