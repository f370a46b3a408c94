#include "trace/histogram.h"

#include "base/num.h"

#define SPLIT 16u
#define SPLIT_BITS 4u

unsigned
pv_histogram_bucket(uint64_t ms)
{
    unsigned power;

    if (ms < SPLIT) {
        return (unsigned)ms;
    }
    if (ms >= PV_HISTOGRAM_LIMIT_MS) {
        return PV_HISTOGRAM_BUCKETS - 1;
    }
    power = 63u - (unsigned)__builtin_clzll(ms);
    return (power - SPLIT_BITS + 1) * SPLIT +
           (unsigned)(ms >> (power - SPLIT_BITS)) - SPLIT;
}

uint64_t
pv_histogram_low(unsigned bucket)
{
    unsigned power;

    if (bucket < SPLIT) {
        return bucket;
    }
    power = bucket / SPLIT - 1;
    return (uint64_t)(SPLIT + bucket % SPLIT) << power;
}

uint64_t
pv_histogram_next(unsigned bucket)
{
    return pv_histogram_low(bucket + 1);
}

void
pv_histogram_add(struct pv_histogram *histogram, uint64_t ms)
{
    histogram->bucket[pv_histogram_bucket(ms)]++;
    histogram->count++;
}

void
pv_histogram_merge(struct pv_histogram       *histogram,
                   const struct pv_histogram *other)
{
    for (unsigned i = 0; i < PV_HISTOGRAM_BUCKETS; i++) {
        histogram->bucket[i] += other->bucket[i];
    }
    histogram->count += other->count;
}

uint64_t
pv_histogram_quantile(const struct pv_histogram *histogram, unsigned per_mille)
{
    uint64_t rank = (histogram->count * per_mille + 999) / 1000;
    uint64_t sum = 0;

    for (unsigned i = 0; i < PV_HISTOGRAM_BUCKETS; i++) {
        sum += histogram->bucket[i];
        if (sum >= rank && sum > 0) {
            uint64_t low = pv_histogram_low(i);

            return low + (pv_histogram_next(i) - low) / 2;
        }
    }
    return 0;
}

enum pv_err
pv_histogram_write(const struct pv_histogram *histogram, struct pv_buf *out)
{
    enum pv_err err = PV_OK;
    bool        any = false;

    for (unsigned i = 0; err == PV_OK && i < PV_HISTOGRAM_BUCKETS; i++) {
        if (histogram->bucket[i] > 0) {
            err = pv_buf_addf(out, "%s%u:%llu", any ? "," : "", i,
                              (unsigned long long)histogram->bucket[i]);
            any = true;
        }
    }
    return err == PV_OK && !any ? pv_buf_add_char(out, '-') : err;
}

enum pv_err
pv_histogram_read(struct pv_slice text, struct pv_histogram *histogram)
{
    struct pv_slice item;
    bool            more = text.len > 0;
    uint64_t        next = 0;

    if (pv_slice_eq(text, PV_LIT("-"))) {
        return PV_OK;
    }
    if (!more) {
        return PV_EINVAL;
    }
    while (more) {
        struct pv_slice head;
        struct pv_slice tail;
        uint64_t        bucket;
        uint64_t        count;

        more = pv_slice_cut(text, ',', &item, &text);
        if (!pv_slice_cut(item, ':', &head, &tail) ||
            pv_slice_to_u64(head, PV_HISTOGRAM_BUCKETS - 1, &bucket) != PV_OK ||
            pv_slice_to_u64(tail, UINT32_MAX, &count) != PV_OK ||
            bucket < next || count == 0) {
            return PV_EINVAL;
        }
        histogram->bucket[bucket] += count;
        histogram->count += count;
        next = bucket + 1;
    }
    return PV_OK;
}
