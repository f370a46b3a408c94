/*
 * waiting.c - grants that wait until they are written, in order of their keys.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/writer.h"

#define BYTES_MAX ((size_t)4 * 1024 * 1024)
#define ROWS_FIRST 64

void
pv_waiting_init(struct pv_waiting *waiting)
{
    memset(waiting, 0, sizeof(*waiting));
    pv_buf_init(&waiting->bytes, BYTES_MAX);
}

void
pv_waiting_clear(struct pv_waiting *waiting)
{
    pv_buf_clear(&waiting->bytes);
    free(waiting->row);
    pv_waiting_init(waiting);
}

static enum pv_err
make_room(struct pv_waiting *waiting)
{
    size_t                room = waiting->room * 2;
    struct pv_bundle_row *more;

    if (waiting->count < waiting->room) {
        return PV_OK;
    }
    room = room == 0 ? ROWS_FIRST : room;
    more = reallocarray(waiting->row, room, sizeof(*more));
    if (more == NULL) {
        return PV_ENOMEM;
    }
    waiting->row = more;
    waiting->room = room;
    return PV_OK;
}

void
pv_waiting_forget(struct pv_waiting *waiting)
{
    waiting->bytes.len = 0;
    waiting->count = 0;
}

enum pv_err
pv_waiting_add(struct pv_waiting *waiting, const struct pv_key *key,
               const uint8_t *value, size_t len)
{
    enum pv_err err;

    if (waiting->bytes.ptr == NULL) { /* whole: rows point into it */
        err = pv_buf_reserve(&waiting->bytes, BYTES_MAX);
        if (err != PV_OK) {
            return err;
        }
    }
    if (PV_KEY_GRANT_LEN + len > BYTES_MAX - waiting->bytes.len) {
        return PV_ERANGE;
    }
    err = make_room(waiting);
    if (err == PV_OK) {
        uint8_t *to = (uint8_t *)waiting->bytes.ptr + waiting->bytes.len;

        memcpy(to, key->bytes, PV_KEY_GRANT_LEN);
        memcpy(to + PV_KEY_GRANT_LEN, value, len);
        waiting->bytes.len += PV_KEY_GRANT_LEN + len;
        waiting->row[waiting->count++] =
            (struct pv_bundle_row){to, to + PV_KEY_GRANT_LEN, len};
    }
    return err;
}

/* Of two with one key the later one stands behind. */
static int
by_key(const void *a, const void *b)
{
    const struct pv_bundle_row *one = a;
    const struct pv_bundle_row *other = b;
    int order = memcmp(one->key, other->key, PV_KEY_GRANT_LEN);

    if (order == 0) {
        order = one->key < other->key ? -1 : 1;
    }
    return order;
}

void
pv_waiting_sort(struct pv_waiting *waiting)
{
    struct pv_bundle_row *row = waiting->row;
    size_t                kept = 0;

    if (waiting->count == 0) {
        return;
    }
    qsort(row, waiting->count, sizeof(*row), by_key);
    for (size_t i = 1; i < waiting->count; i++) {
        kept +=
            memcmp(row[kept].key, row[i].key, PV_KEY_GRANT_LEN) == 0 ? 0 : 1;
        row[kept] = row[i];
    }
    waiting->count = kept + 1;
}
