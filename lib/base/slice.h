/*
 * slice.h - borrowed text: a pointer and a length.
 *
 * Ownership: a slice never owns. Errors: see each function.
 * Threads: any.  Blocks: never.  Limits: those of size_t.
 */
#ifndef PV_BASE_SLICE_H
#define PV_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct pv_slice {
    const char *ptr; /* may be NULL only when len is 0 */
    size_t      len;
};

#define PV_SLICE_INIT(s)                                                       \
    {                                                                          \
        "" s, sizeof(s) - 1                                                    \
    }
#define PV_LIT(s) ((struct pv_slice)PV_SLICE_INIT(s))

/* For printf: "%.*s", PV_FMT(slice) */
#define PV_FMT(s) (int)(s).len, (s).ptr == NULL ? "" : (s).ptr

/* Borrow a C string; NULL gives the empty slice. */
struct pv_slice pv_slice_from(const char *text);

bool pv_slice_eq(struct pv_slice a, struct pv_slice b);
bool pv_slice_starts(struct pv_slice s, struct pv_slice prefix);

/* Like memcmp, the shorter first when one is a prefix of the other. */
int pv_slice_cmp(struct pv_slice a, struct pv_slice b);

/*
 * Cut s at the first sep: ret_head is before it, ret_tail behind it. Without
 * a sep, ret_head is all of s, ret_tail is empty and the result is false.
 */
bool pv_slice_cut(struct pv_slice s, char sep, struct pv_slice *ret_head,
                  struct pv_slice *ret_tail);

/* Without blanks and tabs at both ends. */
struct pv_slice pv_slice_trim(struct pv_slice s);

/*
 * Copy s and a final NUL into room; PV_ERANGE when it does not fit,
 * PV_EINVAL when s holds a NUL. The one border to libc's strings.
 */
enum pv_err pv_slice_to_cstr(struct pv_slice s, char *room,
                             size_t room_len) PV_MUST_CHECK;

#endif
