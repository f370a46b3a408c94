/* saved.c - the bytes of a snapshot: put one after another, and got again. */
#include "snapshot.h"

enum pv_err
saved_put(struct pv_buf *out, const void *bytes, size_t len)
{
    return pv_buf_add(out, (struct pv_slice){bytes, len});
}

enum pv_err
saved_put_u32(struct pv_buf *out, uint32_t n)
{
    return saved_put(out, &n, sizeof(n));
}

enum pv_err
saved_put_u64(struct pv_buf *out, uint64_t n)
{
    return saved_put(out, &n, sizeof(n));
}

const char *
saved_get(struct saved *saved, size_t len)
{
    const char *at = saved->rest.ptr;

    if (saved->bad || saved->rest.len < len) {
        saved->bad = true;
        return NULL;
    }
    saved->rest.ptr += len;
    saved->rest.len -= len;
    return at;
}

uint32_t
saved_get_u32(struct saved *saved, uint32_t max)
{
    const char *at = saved_get(saved, sizeof(uint32_t));
    uint32_t    n = at == NULL ? 0 : pv_load_u32(at);

    if (n > max) {
        saved->bad = true;
        return 0;
    }
    return n;
}

uint64_t
saved_get_u64(struct saved *saved)
{
    const char *at = saved_get(saved, sizeof(uint64_t));

    return at == NULL ? 0 : pv_load_u64(at);
}
