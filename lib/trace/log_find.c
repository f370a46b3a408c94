/* log_find.c - finding one request and its end in the stored log. */
#include <string.h>

#include "base/num.h"
#include "trace/log_private.h"
#include "trace/wire.h"

#define USUAL_BEFORE_MS 5 /* the id is made first, by the same clock */

/* The next leaf from *at on that has the text; false at the end. */
static bool
next_with(const struct pv_bundle *bundle, const char *text, size_t len,
          size_t *at, unsigned *ret_i)
{
    const char *from = bundle->entries.ptr + *at;
    const char *hit = memmem(from, bundle->entries.len - *at, text, len);

    if (hit == NULL) {
        return false;
    }
    *ret_i = pv_bundle_leaf_at(bundle, (size_t)(hit - bundle->entries.ptr));
    *at = bundle->at[*ret_i + 1];
    return true;
}

enum pv_err
log_take(struct pv_trace_found *found, const struct pv_log_leaf *leaf)
{
    enum pv_err err;

    if (leaf->line.len > sizeof(found->line)) {
        return PV_ENOTFOUND; /* no request is so long */
    }
    memcpy(found->line, leaf->line.ptr, leaf->line.len);
    found->line_len = leaf->line.len;
    found->index = leaf->index;
    found->epoch = leaf->epoch;
    found->written_ms = leaf->written_ms;
    err = pv_record_parse((struct pv_slice){found->line, found->line_len},
                          &found->record);
    if (err == PV_OK && found->record.type != PV_RECORD_REQUEST) {
        err = PV_ENOTFOUND; /* another record that names the request */
    }
    return err;
}

static enum pv_err
take(struct pv_trace_found *found, const struct pv_bundle *bundle, unsigned i)
{
    const struct pv_log_leaf leaf = {
        .index = bundle->n * PV_BUNDLE_LEAVES + i,
        .epoch = bundle->epoch[i],
        .written_ms = bundle->written_ms[i],
        .line = pv_bundle_line(bundle, i),
    };

    return log_take(found, &leaf);
}

static enum pv_err
request_in(struct log_hunt *hunt, const struct pv_bundle *bundle)
{
    size_t   at = 0;
    unsigned i;

    while (next_with(bundle, hunt->member, sizeof(hunt->member), &at, &i)) {
        enum pv_err err = take(hunt->found, bundle, i);

        if (err != PV_ENOTFOUND) {
            return err;
        }
    }
    return PV_ENOTFOUND;
}

/*
 * The bundle to look into next: *n or a later one, none that begins after
 * until. PV_ENOTFOUND: no more. With *ret_bundle NULL it is to be skipped.
 */
static enum pv_err
look(struct log_hunt *hunt, uint64_t n, int64_t until_ms,
     bool (*may_hold)(const struct log_hunt *, const struct log_about *),
     const struct pv_bundle **ret_bundle)
{
    struct log_about about;
    enum pv_err      err = log_about(hunt->log, n, &about);

    *ret_bundle = NULL;
    if (err == PV_OK) {
        if (about.first_ms > until_ms) {
            return PV_ENOTFOUND;
        }
        if (!may_hold(hunt, &about)) {
            return PV_OK;
        }
    } else if (err == PV_EPRUNED) {
        hunt->pruned = true;
        return about.first_ms > until_ms ? PV_ENOTFOUND : PV_OK;
    } else if (err != PV_ENOTFOUND) {
        return err;
    }
    err = pv_log_view(hunt->log, n, ret_bundle);
    if (err == PV_EPRUNED) {
        hunt->pruned = true;
        *ret_bundle = NULL;
        return PV_OK;
    }
    if (err == PV_OK && (*ret_bundle)->written_ms[0] > until_ms) {
        err = PV_ENOTFOUND;
    }
    return err;
}

static bool
may_hold_request(const struct log_hunt *hunt, const struct log_about *about)
{
    uint64_t ms = (uint64_t)hunt->id_ms;

    return ms >= about->id_low_ms && ms <= about->id_high_ms;
}

static enum pv_err
find_between(struct log_hunt *hunt, int64_t from_ms, int64_t until_ms)
{
    const struct pv_bundle *bundle;
    uint64_t                index;
    enum pv_err             err = log_seek(hunt->log, from_ms, &index);

    for (uint64_t n = index / PV_BUNDLE_LEAVES; err == PV_OK; n++) {
        err = look(hunt, n, until_ms, may_hold_request, &bundle);
        if (err == PV_OK && bundle != NULL) {
            err = request_in(hunt, bundle);
            if (err == PV_OK) {
                return PV_OK;
            }
            err = err == PV_ENOTFOUND ? PV_OK : err;
        }
    }
    return err;
}

/* ---- its end ----------------------------------------------------------- */

static bool
may_hold_end(const struct log_hunt *hunt, const struct log_about *about)
{
    return about->has_own || (hunt->found->index >= about->of_low &&
                              hunt->found->index <= about->of_high);
}

static bool
ends_with(struct pv_slice text, struct pv_slice end)
{
    return text.len >= end.len &&
           memcmp(text.ptr + text.len - end.len, end.ptr, end.len) == 0;
}

bool
log_take_end(struct log_hunt *hunt, uint64_t index, struct pv_slice line)
{
    struct pv_completion completion;
    struct pv_slice      one;
    const char          *end;

    if (!pv_slice_starts(line, PV_LIT(LOG_ENDS_BEGIN)) ||
        !ends_with(line, PV_LIT(LOG_ENDS_END))) {
        return false; /* of a later version; what is known is told */
    }
    one.ptr = memmem(line.ptr, line.len, hunt->of, hunt->of_len);
    if (one.ptr == NULL) {
        return false;
    }
    end = memchr(one.ptr, ']', (size_t)(line.ptr + line.len - one.ptr));
    one.len = end == NULL ? 0 : (size_t)(end - one.ptr) + 1;
    if (pv_record_next_completion(&one, &completion) != PV_OK) {
        return false;
    }
    hunt->found->completion = completion;
    hunt->found->completion_index = index;
    hunt->found->state = PV_TRACE_DONE;
    return true;
}

static bool
completion_in(struct log_hunt *hunt, const struct pv_bundle *bundle)
{
    size_t   at = 0;
    unsigned i;

    while (next_with(bundle, hunt->of, hunt->of_len, &at, &i)) {
        if (log_take_end(hunt, bundle->n * PV_BUNDLE_LEAVES + i,
                         pv_bundle_line(bundle, i))) {
            return true;
        }
    }
    return false;
}

/* When the request's worker was lost according to this bundle; 0: it was not */
static int64_t
lost_in(const struct log_hunt *hunt, const struct pv_bundle *bundle)
{
    struct pv_record record;

    for (unsigned i = 0; i < bundle->width; i++) {
        if (bundle->epoch[i] == 0 &&
            bundle->n * PV_BUNDLE_LEAVES + i > hunt->found->index &&
            pv_record_parse(pv_bundle_line(bundle, i), &record) == PV_OK &&
            record.type == PV_RECORD_WORKER_LOST &&
            record.worker_lost.epoch == hunt->found->epoch) {
            return bundle->written_ms[i];
        }
    }
    return 0;
}

static enum pv_err
end_in_bundles(struct log_hunt *hunt)
{
    struct pv_trace_found  *found = hunt->found;
    int64_t                 until = found->written_ms + PV_TRACE_CALL_MAX_MS;
    const struct pv_bundle *bundle;
    enum pv_err             err = PV_OK;

    for (uint64_t n = found->index / PV_BUNDLE_LEAVES; err == PV_OK; n++) {
        err = look(hunt, n, until, may_hold_end, &bundle);
        if (err != PV_OK || bundle == NULL) {
            continue;
        }
        if (completion_in(hunt, bundle)) {
            return PV_OK;
        }
        if (!hunt->lost) {
            int64_t lost_ms = lost_in(hunt, bundle);

            if (lost_ms != 0) {
                hunt->lost = true;
                until = lost_ms + PV_TRACE_LATE_MS;
            }
        }
    }
    return err == PV_ENOTFOUND ? PV_OK : err;
}

static enum pv_err
find_end(struct log_hunt *hunt, int64_t now_ms)
{
    struct pv_trace_found *found = hunt->found;
    enum pv_err            err;

    hunt->of[0] = '[';
    hunt->of_len = 1 + pv_u64_text(found->index, hunt->of + 1);
    hunt->of[hunt->of_len++] = ',';
    found->state = PV_TRACE_RECEIVED;
    err = log_recent_end(hunt);
    if (err == PV_ENOTFOUND) {
        err = end_in_bundles(hunt);
    }
    if (found->state != PV_TRACE_DONE &&
        (hunt->lost || now_ms > found->written_ms + PV_TRACE_CALL_MAX_MS)) {
        found->state = PV_TRACE_UNKNOWN;
    }
    return err;
}

static enum pv_err
finish(struct log_hunt *hunt, int64_t now_ms)
{
    if (hunt->found->record.request.reason.len > 0) {
        hunt->found->state = PV_TRACE_DECIDED;
        return PV_OK;
    }
    return find_end(hunt, now_ms);
}

static void
begin(struct log_hunt *hunt, const struct pv_tracking_id *id)
{
    hunt->id_ms = pv_tracking_id_when_ms(id);
    memcpy(hunt->member, "\"id\":\"", 6);
    pv_tracking_id_text(id, hunt->member + 6);
    hunt->member[LOG_ID_MEMBER_LEN - 1] = '"';
}

enum pv_err
pv_log_find_newest(struct pv_log *log, const struct pv_tracking_id *id,
                   int64_t now_ms, struct pv_trace_found *ret_found)
{
    struct log_hunt hunt = {.log = log, .found = ret_found};
    enum pv_err     err;

    begin(&hunt, id);
    err = log_recent_request(&hunt);
    return err == PV_OK ? finish(&hunt, now_ms) : err;
}

enum pv_err
pv_log_find(struct pv_log *log, const struct pv_tracking_id *id, int64_t now_ms,
            struct pv_trace_found *ret_found)
{
    struct log_hunt hunt = {.log = log, .found = ret_found};
    enum pv_err     err;

    begin(&hunt, id);
    err = log_recent_request(&hunt);
    if (err == PV_ENOTFOUND) {
        err = find_between(&hunt, hunt.id_ms - USUAL_BEFORE_MS,
                           hunt.id_ms + PV_WIRE_SKEW_MAX_MS);
    }
    if (err == PV_ENOTFOUND) {
        err = find_between(&hunt, hunt.id_ms - PV_WIRE_SKEW_MAX_MS,
                           hunt.id_ms - USUAL_BEFORE_MS);
    }
    if (err == PV_ENOTFOUND && hunt.pruned) {
        err = PV_EPRUNED;
    }
    return err == PV_OK ? finish(&hunt, now_ms) : err;
}

enum pv_err
pv_log_find_index(struct pv_log *log, uint64_t index, int64_t now_ms,
                  struct pv_trace_found *ret_found)
{
    struct log_hunt         hunt = {.log = log, .found = ret_found};
    const struct pv_bundle *bundle;
    unsigned                i = (unsigned)(index % PV_BUNDLE_LEAVES);
    enum pv_err err = pv_log_view(log, index / PV_BUNDLE_LEAVES, &bundle);

    if (err == PV_OK && i >= bundle->width) {
        err = PV_ENOTFOUND;
    }
    if (err == PV_OK) {
        err = take(ret_found, bundle, i);
    }
    return err == PV_OK ? finish(&hunt, now_ms) : err;
}
