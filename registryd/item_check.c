/* item_check.c - checks of data items, by lib/contract. */
#include "item_check.h"

#include "contract/check.h"

bool
pv_item_check_is_known(struct pv_slice name)
{
    return pv_check_find(name) != NULL;
}

/* The shape that the check takes for granted: numbers, two at least. */
static bool
has_arcs(struct pv_slice text)
{
    struct pv_slice rest = text;
    struct pv_slice arc;
    size_t          count = 0;
    bool            more;

    do {
        more = pv_slice_cut(rest, '.', &arc, &rest);
        if (arc.len == 0 || (arc.len > 1 && arc.ptr[0] == '0')) {
            return false;
        }
        for (size_t i = 0; i < arc.len; i++) {
            if (arc.ptr[i] < '0' || arc.ptr[i] > '9') {
                return false;
            }
        }
        count++;
    } while (more);
    return count > 1;
}

bool
pv_item_is_oid(struct pv_slice text)
{
    return has_arcs(text) && pv_check_oid(text);
}
