/* bundle.c - filling a bundle, and finding one's way in it. */
#include "trace/bundle.h"

#include <string.h>

void
pv_bundle_init(struct pv_bundle *bundle)
{
    memset(bundle, 0, sizeof(*bundle));
    pv_buf_init(&bundle->entries, PV_BUNDLE_ENTRIES_MAX);
}

void
pv_bundle_clear(struct pv_bundle *bundle)
{
    if (bundle != NULL) {
        pv_buf_clear(&bundle->entries);
        bundle->width = 0;
    }
}

void
pv_bundle_begin(struct pv_bundle *bundle, uint64_t n)
{
    bundle->n = n;
    bundle->width = 0;
    bundle->entries.len = 0;
    bundle->at[0] = 0;
}

enum pv_err
pv_bundle_add(struct pv_bundle *bundle, struct pv_slice line, uint64_t epoch,
              int64_t written_ms)
{
    const char  len[2] = {(char)(line.len >> 8), (char)(line.len & 0xff)};
    enum pv_err err;

    if (bundle->width == PV_BUNDLE_LEAVES || line.len == 0 ||
        line.len > PV_ENTRY_MAX) {
        return PV_ERANGE;
    }
    err = pv_buf_reserve(&bundle->entries, sizeof(len) + line.len);
    if (err != PV_OK) {
        return err;
    }
    memcpy(bundle->entries.ptr + bundle->entries.len, len, sizeof(len));
    memcpy(bundle->entries.ptr + bundle->entries.len + sizeof(len), line.ptr,
           line.len);
    bundle->entries.len += sizeof(len) + line.len;
    bundle->epoch[bundle->width] = epoch;
    bundle->written_ms[bundle->width] = written_ms;
    bundle->width++;
    bundle->at[bundle->width] = (uint32_t)bundle->entries.len;
    return PV_OK;
}

struct pv_slice
pv_bundle_line(const struct pv_bundle *bundle, unsigned i)
{
    return (struct pv_slice){bundle->entries.ptr + bundle->at[i] + 2,
                             bundle->at[i + 1] - bundle->at[i] - 2};
}

unsigned
pv_bundle_leaf_at(const struct pv_bundle *bundle, size_t offset)
{
    unsigned low = 0;
    unsigned high = bundle->width;

    while (high - low > 1) {
        unsigned middle = low + (high - low) / 2;

        if (bundle->at[middle] <= offset) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

struct pv_slice
pv_bundle_entries(const struct pv_bundle *bundle, unsigned width)
{
    return (struct pv_slice){bundle->entries.ptr, bundle->at[width]};
}
