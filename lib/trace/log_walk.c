/* log_walk.c - giving the records that match a query, in order. */
#include <string.h>

#include "trace/log_private.h"

struct walk {
    struct pv_log             *log;
    const struct pv_log_query *query;
    pv_log_fn                 *fn;
    void                      *context;
    uint64_t                   from; /* leaves to look at */
    uint64_t                   end;
    uint64_t                   left;    /* items that may still be given */
    uint64_t                   mask_of; /* pack that ->mask is of */
    uint8_t                    mask[PV_PACK_BITS_LEN];
};

static bool
matches(struct pv_slice asked, struct pv_slice has)
{
    return asked.len == 0 || pv_slice_eq(asked, has);
}

static bool
request_matches(const struct pv_log_query *query,
                const struct pv_record    *record)
{
    return record->type == PV_RECORD_REQUEST &&
           matches(query->consumer, record->request.consumer) &&
           matches(query->provider, record->request.provider) &&
           matches(query->service, record->request.service);
}

static bool
asks_for_fields(const struct pv_log_query *query)
{
    return query->consumer.len > 0 || query->provider.len > 0 ||
           query->service.len > 0 || query->outcome.len > 0 ||
           query->types != 0;
}

static bool
type_matches(const struct pv_log_query *query, enum pv_record_type type)
{
    return query->types == 0 || (query->types & (1u << type)) != 0;
}

/* Does the record itself match, apart from ends that stand elsewhere? */
static bool
record_matches(const struct pv_log_query *query, const struct pv_record *record)
{
    if (record == NULL) {
        return !asks_for_fields(query);
    }
    if (!type_matches(query, record->type)) {
        return false;
    }
    if (record->type == PV_RECORD_REQUEST) {
        return request_matches(query, record) &&
               matches(query->outcome, record->request.decision);
    }
    return query->provider.len == 0 && query->service.len == 0 &&
           query->outcome.len == 0 &&
           (query->consumer.len == 0 ||
            (record->type == PV_RECORD_REFUSALS &&
             pv_slice_eq(query->consumer, record->refusals.consumer)));
}

static enum pv_err
give(struct walk *walk, const struct pv_log_item *item)
{
    enum pv_err err = walk->fn(walk->context, item);

    if (err == PV_OK && walk->left != UINT64_MAX) {
        walk->left--;
    }
    return err;
}

/* The request that ended here, when it matches. */
static enum pv_err
give_ended(struct walk *walk, const struct pv_completion *completion,
           uint64_t at)
{
    struct pv_record   record;
    struct pv_log_item item = {
        .record = &record, .completion = completion, .at = at};
    enum pv_err err = pv_log_leaf(walk->log, completion->of, &item.leaf);

    if (err == PV_EPRUNED || err == PV_ENOTFOUND) {
        return PV_OK;
    }
    if (err == PV_OK && pv_record_parse(item.leaf.line, &record) == PV_OK &&
        request_matches(walk->query, &record)) {
        err = give(walk, &item);
    }
    return err;
}

/* Requests with the outcome asked for that ended in this leaf. */
static enum pv_err
give_ends(struct walk *walk, const struct pv_record *record, uint64_t at)
{
    struct pv_completion hit[PV_COMPLETIONS_MAX];
    struct pv_completion completion;
    struct pv_slice      rest = record->completions;
    size_t               count = 0;
    enum pv_err          err = PV_OK;

    /* the leaf's bytes are gone once its requests are read: copy first */
    while (count < PV_COMPLETIONS_MAX &&
           pv_record_next_completion(&rest, &completion) == PV_OK) {
        if (pv_slice_eq(pv_outcome_word(completion.outcome),
                        walk->query->outcome)) {
            hit[count++] = completion;
        }
    }
    for (size_t i = 0; i < count && err == PV_OK && walk->left > 0; i++) {
        size_t k = walk->query->newest_first ? count - 1 - i : i;

        err = give_ended(walk, &hit[k], at);
    }
    return err;
}

static enum pv_err
visit(struct walk *walk, uint64_t index)
{
    const struct pv_log_query *query = walk->query;
    struct pv_record           record;
    struct pv_log_item         item = {.record = &record, .at = index};
    enum pv_err                err = pv_log_leaf(walk->log, index, &item.leaf);

    if (err != PV_OK) {
        return err;
    }
    if (pv_record_parse(item.leaf.line, &record) != PV_OK) {
        item.record = NULL;
    }
    if (record_matches(query, item.record)) {
        return give(walk, &item);
    }
    if (item.record != NULL && record.type == PV_RECORD_COMPLETIONS &&
        query->outcome.len > 0 && type_matches(query, PV_RECORD_REQUEST)) {
        return give_ends(walk, &record, index);
    }
    return PV_OK;
}

/* Bundle n, as far as the query reaches into it. */
static enum pv_err
visit_bundle(struct walk *walk, uint64_t n)
{
    uint64_t    low = n * PV_BUNDLE_LEAVES;
    uint64_t    high = low + PV_BUNDLE_LEAVES;
    enum pv_err err = PV_OK;

    if (walk->mask_of != n / PV_PACK_BUNDLES) {
        walk->mask_of = n / PV_PACK_BUNDLES;
        err = log_mask(walk->log, walk->mask_of, walk->query, walk->mask);
        if (err == PV_EPRUNED) { /* removed since this began */
            memset(walk->mask, 0, sizeof(walk->mask));
        } else if (err != PV_OK) {
            return err;
        }
        err = PV_OK;
    }
    if ((walk->mask[n % PV_PACK_BUNDLES / 8] & (1u << n % 8)) == 0) {
        return PV_OK;
    }
    low = low > walk->from ? low : walk->from;
    high = high < walk->end ? high : walk->end;
    for (uint64_t i = 0; i < high - low && walk->left > 0; i++) {
        err = visit(walk, walk->query->newest_first ? high - 1 - i : low + i);
        if (err != PV_OK) {
            break;
        }
    }
    return err;
}

static enum pv_err
find_bounds(struct walk *walk)
{
    const struct pv_log_query *query = walk->query;
    uint64_t                   first;
    uint64_t                   end;
    uint64_t                   index;
    enum pv_err                err = PV_OK;

    pv_log_range(walk->log, &first, &end);
    if (query->from_ms > 0) {
        err = log_seek(walk->log, query->from_ms, &index);
        if (err != PV_OK) {
            return err;
        }
        first = index > first ? index : first;
    }
    if (query->until_ms > 0) {
        err = log_seek(walk->log, query->until_ms, &index);
        if (err != PV_OK) {
            return err;
        }
        end = index < end ? index : end;
    }
    first = query->from_index > first ? query->from_index : first;
    end =
        query->end_index > 0 && query->end_index < end ? query->end_index : end;
    walk->from = first;
    walk->end = end;
    return PV_OK;
}

enum pv_err
pv_log_bounds(struct pv_log *log, const struct pv_log_query *query,
              uint64_t *ret_from, uint64_t *ret_end)
{
    struct walk walk = {.log = log, .query = query};
    enum pv_err err = find_bounds(&walk);

    if (err == PV_OK) {
        *ret_from = walk.from;
        *ret_end = walk.end > walk.from ? walk.end : walk.from;
    }
    return err;
}

enum pv_err
pv_log_walk(struct pv_log *log, const struct pv_log_query *query, pv_log_fn *fn,
            void *context)
{
    struct walk walk = {
        .log = log,
        .query = query,
        .fn = fn,
        .context = context,
        .mask_of = UINT64_MAX,
        .left = query->limit == 0 ? UINT64_MAX : query->limit,
    };
    uint64_t    first;
    uint64_t    last;
    enum pv_err err = find_bounds(&walk);

    if (err != PV_OK || walk.from >= walk.end) {
        return err;
    }
    first = walk.from / PV_BUNDLE_LEAVES;
    last = (walk.end - 1) / PV_BUNDLE_LEAVES;
    for (uint64_t i = 0; i <= last - first && err == PV_OK && walk.left > 0;
         i++) {
        err = visit_bundle(&walk, query->newest_first ? last - i : first + i);
        err = err == PV_EPRUNED ? PV_OK : err; /* removed just now */
    }
    return err;
}
