/*
 * seen.c - which rows a replacing import named, and the sweep of the others.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/writer.h"

#define ROOM_AT_FIRST 1024

void
pv_seen_init(struct pv_seen *seen)
{
    *seen = (struct pv_seen){.offset = NULL};
    pv_buf_init(&seen->keys, PV_SEEN_BYTES_MAX);
}

void
pv_seen_clear(struct pv_seen *seen)
{
    pv_buf_clear(&seen->keys);
    free(seen->offset);
    pv_seen_init(seen);
}

enum pv_err
pv_seen_add(struct pv_seen *seen, uint8_t database, const void *key, size_t len)
{
    char        head[2] = {(char)database, (char)len};
    enum pv_err err;

    if (seen->count == seen->room) {
        size_t  room = seen->room == 0 ? ROOM_AT_FIRST : seen->room * 2;
        size_t *more = reallocarray(seen->offset, room, sizeof(*more));

        if (more == NULL) {
            return PV_ENOMEM;
        }
        seen->offset = more;
        seen->room = room;
    }
    err = pv_buf_reserve(&seen->keys, sizeof(head) + len);
    if (err != PV_OK) {
        return err;
    }
    seen->offset[seen->count++] = seen->keys.len;
    err = pv_buf_add(&seen->keys, (struct pv_slice){head, sizeof(head)});
    return err != PV_OK ? err
                        : pv_buf_add(&seen->keys, (struct pv_slice){key, len});
}

static int
compare(const uint8_t *a, uint8_t database, const uint8_t *key, size_t len)
{
    size_t a_len = a[1];
    int    order;

    if (a[0] != database) {
        return a[0] < database ? -1 : 1;
    }
    order = memcmp(a + 2, key, a_len < len ? a_len : len);
    return order != 0 ? order : (a_len > len) - (a_len < len);
}

static int
by_key(const void *left, const void *right, void *context)
{
    const struct pv_seen *seen = context;
    const uint8_t        *bytes = (const uint8_t *)(const void *)seen->keys.ptr;
    const uint8_t        *a = bytes + *(const size_t *)left;
    const uint8_t        *b = bytes + *(const size_t *)right;

    return compare(a, b[0], b + 2, b[1]);
}

void
pv_seen_sort(struct pv_seen *seen)
{
    if (seen->count > 0) {
        qsort_r(seen->offset, seen->count, sizeof(*seen->offset), by_key, seen);
    }
}

bool
pv_seen_has(const struct pv_seen *seen, bool sorted, uint8_t database,
            const void *key, size_t len)
{
    const uint8_t *bytes = (const uint8_t *)(const void *)seen->keys.ptr;
    size_t         low = 0;
    size_t         high = seen->count;

    if (!sorted) {
        for (size_t i = 0; i < seen->count; i++) {
            if (compare(bytes + seen->offset[i], database, key, len) == 0) {
                return true;
            }
        }
        return false;
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare(bytes + seen->offset[middle], database, key, len);

        if (order == 0) {
            return true;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return false;
}

/* Revocations, suspensions by decision and numbers outlive an import. */
static bool
is_replaced(const MDB_val *key, const MDB_val *value)
{
    static const bool replaced[PV_TABLE_END] = {
        [PV_TABLE_KEYS] = true,         [PV_TABLE_SYSTEMS] = true,
        [PV_TABLE_METHODS] = true,      [PV_TABLE_ENDPOINTS] = true,
        [PV_TABLE_GROUP_GRANTS] = true, [PV_TABLE_MODES] = true,
        [PV_TABLE_HOMES] = true,
    };

    struct pv_image_suspension row;
    uint8_t                    table = *(const uint8_t *)key->mv_data;

    if (table == PV_TABLE_SUSPENSIONS) {
        return pv_row_read(PV_ROW_SUSPENSION, key->mv_data, key->mv_size,
                           value->mv_data, value->mv_size, &row) == PV_OK &&
               row.imported;
    }
    return table < PV_TABLE_END && replaced[table];
}

static enum pv_err
sweep_small(struct pv_image *image)
{
    MDB_cursor *cursor = NULL;
    MDB_val     key;
    MDB_val     value;
    enum pv_err err;
    int         rc;

    rc = mdb_cursor_open(image->txn, image->small, &cursor);
    if (rc != 0) {
        return pv_db_err(rc);
    }
    while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        if (is_replaced(&key, &value) &&
            !pv_seen_has(&image->seen, true, 0, key.mv_data, key.mv_size)) {
            rc = mdb_cursor_del(cursor, 0);
            if (rc != 0) {
                break;
            }
            image->changes++;
        }
    }
    err = rc == MDB_NOTFOUND ? PV_OK : pv_db_err(rc);
    mdb_cursor_close(cursor);
    return err;
}

enum pv_err
pv_image_sweep(struct pv_image *image)
{
    enum pv_err err;

    pv_seen_sort(&image->seen);
    err = sweep_small(image);
    return err != PV_OK ? err : pv_grants_sweep(image);
}
