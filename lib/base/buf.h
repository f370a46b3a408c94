/*
 * buf.h - owned, growable bytes with a ceiling chosen at birth.
 *
 * Ownership: the caller owns the struct, the struct owns ->ptr.
 * Errors:    PV_ENOMEM, or PV_ERANGE past ->max; the content is unchanged.
 * Threads:   one owner at a time.    Blocks: never.    Limits: ->max.
 */
#ifndef PV_BASE_BUF_H
#define PV_BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct pv_buf {
    char  *ptr; /* NULL while empty; no final NUL unless asked for */
    size_t len; /* bytes in use */
    size_t cap; /* bytes allocated */
    size_t max; /* never more than this */
};

void pv_buf_init(struct pv_buf *buf, size_t max);
void pv_buf_clear(struct pv_buf *buf); /* frees; accepts a zeroed struct */
void pv_buf_wipe(struct pv_buf *buf);  /* overwrites, then frees */

/* Make room for more bytes behind ->len, without changing ->len. */
enum pv_err pv_buf_reserve(struct pv_buf *buf, size_t more) PV_MUST_CHECK;
enum pv_err pv_buf_add(struct pv_buf *buf, struct pv_slice s) PV_MUST_CHECK;
enum pv_err pv_buf_add_char(struct pv_buf *buf, char c) PV_MUST_CHECK;
enum pv_err pv_buf_add_u64(struct pv_buf *buf, uint64_t n) PV_MUST_CHECK;
enum pv_err pv_buf_addf(struct pv_buf *buf, const char *format, ...)
    PV_PRINTF(2, 3) PV_MUST_CHECK;

/* End with a NUL that ->len does not count; borrowed until the next change. */
enum pv_err pv_buf_cstr(struct pv_buf *buf, const char **ret) PV_MUST_CHECK;

/* What the buffer holds; borrowed until the next change. */
struct pv_slice pv_buf_view(const struct pv_buf *buf);

#endif
