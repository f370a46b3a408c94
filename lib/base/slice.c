#include "base/slice.h"

#include <string.h>

struct pv_slice
pv_slice_from(const char *text)
{
    struct pv_slice s = {NULL, 0};

    if (text != NULL) {
        s.ptr = text;
        s.len = strlen(text);
    }
    return s;
}

bool
pv_slice_eq(struct pv_slice a, struct pv_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool
pv_slice_starts(struct pv_slice s, struct pv_slice prefix)
{
    return s.len >= prefix.len &&
           (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

int
pv_slice_cmp(struct pv_slice a, struct pv_slice b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int    order = len == 0 ? 0 : memcmp(a.ptr, b.ptr, len);

    if (order != 0) {
        return order;
    }
    return a.len < b.len ? -1 : a.len > b.len;
}

bool
pv_slice_cut(struct pv_slice s, char sep, struct pv_slice *ret_head,
             struct pv_slice *ret_tail)
{
    const char *at = s.len == 0 ? NULL : memchr(s.ptr, sep, s.len);

    if (at == NULL) {
        *ret_head = s;
        *ret_tail = (struct pv_slice){NULL, 0};
        return false;
    }
    *ret_head = (struct pv_slice){s.ptr, (size_t)(at - s.ptr)};
    *ret_tail = (struct pv_slice){at + 1, s.len - (size_t)(at - s.ptr) - 1};
    return true;
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct pv_slice
pv_slice_trim(struct pv_slice s)
{
    while (s.len > 0 && is_blank(s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    while (s.len > 0 && is_blank(s.ptr[s.len - 1])) {
        s.len--;
    }
    return s;
}

enum pv_err
pv_slice_to_cstr(struct pv_slice s, char *room, size_t room_len)
{
    if (s.len > 0 && memchr(s.ptr, '\0', s.len) != NULL) {
        return PV_EINVAL;
    }
    if (s.len >= room_len) {
        return PV_ERANGE;
    }
    if (s.len > 0) {
        memcpy(room, s.ptr, s.len);
    }
    room[s.len] = '\0';
    return PV_OK;
}
