#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"

#define FIRST_CAP 256

void
pv_buf_init(struct pv_buf *buf, size_t max)
{
    *buf = (struct pv_buf){NULL, 0, 0, max};
}

void
pv_buf_clear(struct pv_buf *buf)
{
    if (buf == NULL) {
        return;
    }
    free(buf->ptr);
    buf->ptr = NULL;
    buf->len = 0;
    buf->cap = 0;
}

void
pv_buf_wipe(struct pv_buf *buf)
{
    if (buf->ptr != NULL) {
        explicit_bzero(buf->ptr, buf->cap);
    }
    pv_buf_clear(buf);
}

enum pv_err
pv_buf_reserve(struct pv_buf *buf, size_t more)
{
    size_t need;
    size_t cap = buf->cap < FIRST_CAP ? FIRST_CAP : buf->cap;
    char  *ptr;

    if (more > buf->max || buf->len > buf->max - more) {
        return PV_ERANGE;
    }
    need = buf->len + more;
    if (need <= buf->cap) {
        return PV_OK;
    }
    while (cap < need) {
        cap = cap > buf->max / 2 ? buf->max : cap * 2;
    }
    cap = cap < buf->max ? cap : buf->max; /* pv_buf_add looks at it alone */
    ptr = realloc(buf->ptr, cap);
    if (ptr == NULL) {
        return PV_ENOMEM;
    }
    buf->ptr = ptr;
    buf->cap = cap;
    return PV_OK;
}

enum pv_err
pv_buf_add(struct pv_buf *buf, struct pv_slice s)
{
    if (s.len > buf->cap - buf->len) {
        enum pv_err err = pv_buf_reserve(buf, s.len);

        if (err != PV_OK) {
            return err;
        }
    }
    if (s.len > 0) {
        memcpy(buf->ptr + buf->len, s.ptr, s.len);
        buf->len += s.len;
    }
    return PV_OK;
}

enum pv_err
pv_buf_add_char(struct pv_buf *buf, char c)
{
    return pv_buf_add(buf, (struct pv_slice){&c, 1});
}

enum pv_err
pv_buf_add_u64(struct pv_buf *buf, uint64_t n)
{
    char   text[PV_U64_TEXT_MAX];
    size_t len = pv_u64_text(n, text);

    return pv_buf_add(buf, (struct pv_slice){text, len});
}

enum pv_err
pv_buf_addf(struct pv_buf *buf, const char *format, ...)
{
    va_list     args;
    int         len;
    enum pv_err err;

    va_start(args, format);
    len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0) {
        return PV_EINVAL;
    }
    err = pv_buf_reserve(buf, (size_t)len + 1);
    if (err != PV_OK) {
        return err;
    }
    va_start(args, format);
    len = vsnprintf(buf->ptr + buf->len, (size_t)len + 1, format, args);
    va_end(args);
    if (len < 0) {
        return PV_EINVAL;
    }
    buf->len += (size_t)len;
    return PV_OK;
}

enum pv_err
pv_buf_cstr(struct pv_buf *buf, const char **ret)
{
    enum pv_err err = pv_buf_reserve(buf, 1);

    if (err != PV_OK) {
        return err;
    }
    buf->ptr[buf->len] = '\0';
    *ret = buf->ptr;
    return PV_OK;
}

struct pv_slice
pv_buf_view(const struct pv_buf *buf)
{
    return (struct pv_slice){buf->ptr, buf->len};
}
