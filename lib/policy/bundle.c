#include "policy/bundle.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"

#define CACHE_LINE 64
#define HEAD_LINES 4 /* lines: the head of a full part */
#define ROW_LINES 2
#define CHECK_LEN 4 /* the CRC32C */
#define HEAD_LEN 8  /* and the count */
#define SLOT_LEN 4  /* end of the row, and above it the tag */
#define END_BITS 12 /* a part is shorter than 4,096 */
#define END_MASK ((1u << END_BITS) - 1)
#define PART_SHIFT 10 /* bits of the hash that are in no tag */
#define PAGE_LEN ((size_t)4096)
#define LMDB_HEAD_LEN ((size_t)16) /* in front of a value in its first page */
#define ROW_MIN (PV_KEY_GRANT_LEN + PV_ROW_CRC_LEN)

static void
ask(const uint8_t *at, size_t lines)
{
    for (size_t i = 0; i < lines; i++) {
        __builtin_prefetch(at + i * CACHE_LINE);
    }
}

/* Of agency and method. */
static uint32_t
hash_of(const uint8_t *key)
{
    uint32_t hash = pv_key_load_u32(key) * 0x9e3779b1u +
                    pv_key_load_u32(key + sizeof(uint32_t));

    return hash * 0x85ebca6bu;
}

/* In the place that it has in a slot. */
static uint32_t
tag_of(const uint8_t *key)
{
    return hash_of(key) & ~END_MASK;
}

static size_t
part_of(const uint8_t *key)
{
    return hash_of(key) >> PART_SHIFT & (PV_BUNDLE_PARTS - 1);
}

static size_t
start_of(size_t part)
{
    return part == 0 ? 0 : part * PAGE_LEN - LMDB_HEAD_LEN;
}

static uint32_t
slot_of(const struct pv_bundle_part *part, size_t at)
{
    return pv_load_u32(part->bytes + HEAD_LEN + at * SLOT_LEN);
}

static size_t
end_of(const struct pv_bundle_part *part, size_t at)
{
    return slot_of(part, at) & END_MASK;
}

/* The head owes its check to key and part too: it cannot change places. */
static uint32_t
check_of(const uint8_t *key, size_t number, const uint8_t *bytes, size_t count)
{
    uint32_t check = pv_crc32c((uint32_t)number, key, PV_KEY_GRANT_LEN);

    return pv_crc32c(check, bytes + CHECK_LEN,
                     HEAD_LEN - CHECK_LEN + count * SLOT_LEN);
}

static enum pv_err
open_part(const struct pv_bundle *bundle, size_t number,
          struct pv_bundle_part *ret_part)
{
    struct pv_bundle_part part = {.bytes = bundle->bytes + start_of(number)};
    size_t                most =
        bundle->len < PV_BUNDLE_PART_MAX ? bundle->len : PV_BUNDLE_PART_MAX;

    if (bundle->key_len != PV_KEY_GRANT_LEN || most < HEAD_LEN) {
        return PV_ECORRUPT;
    }
    part.count = pv_load_u32(part.bytes + CHECK_LEN);
    if (part.count > PV_BUNDLE_PART_ROWS_MAX ||
        most < HEAD_LEN + part.count * SLOT_LEN ||
        pv_load_u32(part.bytes) !=
            check_of(bundle->key, number, part.bytes, part.count)) {
        return PV_ECORRUPT;
    }
    part.len = part.count == 0 ? HEAD_LEN : end_of(&part, part.count - 1);
    if (part.len > most) {
        return PV_ECORRUPT;
    }
    *ret_part = part;
    return PV_OK;
}

/* How many parts a bundle has is told by its length. */
static enum pv_err
parts_of(const struct pv_bundle *bundle, size_t *ret_parts)
{
    if (bundle->len > PV_BUNDLE_PART_MAX && bundle->len != PV_BUNDLE_MAX) {
        return PV_ECORRUPT;
    }
    *ret_parts = bundle->len == PV_BUNDLE_MAX ? PV_BUNDLE_PARTS : 1;
    return PV_OK;
}

void
pv_bundle_ask(const struct pv_bundle *bundle, const struct pv_key *prefix)
{
    size_t parts;

    if (parts_of(bundle, &parts) == PV_OK) {
        ask(bundle->bytes + (parts == 1 ? 0 : start_of(part_of(prefix->bytes))),
            HEAD_LINES);
    }
}

enum pv_err
pv_bundle_part_of(const struct pv_bundle *bundle, const struct pv_key *prefix,
                  struct pv_bundle_part *ret_part)
{
    size_t      parts;
    enum pv_err err = parts_of(bundle, &parts);

    if (err != PV_OK) {
        return err;
    }
    return open_part(bundle, parts == 1 ? 0 : part_of(prefix->bytes), ret_part);
}

static enum pv_err
row_at(const struct pv_bundle_part *part, size_t at,
       struct pv_bundle_row *ret_row)
{
    size_t start =
        at == 0 ? HEAD_LEN + part->count * SLOT_LEN : end_of(part, at - 1);
    size_t end = end_of(part, at);

    if (end > part->len || start > end || end - start < ROW_MIN) {
        return PV_ECORRUPT;
    }
    *ret_row = (struct pv_bundle_row){
        .key = part->bytes + start,
        .value = part->bytes + start + PV_KEY_GRANT_LEN,
        .len = end - start - PV_KEY_GRANT_LEN,
    };
    return PV_OK;
}

enum pv_err
pv_bundle_next(const struct pv_bundle_part *part, const struct pv_key *prefix,
               size_t *at, struct pv_bundle_row *ret_row)
{
    uint32_t    tag = tag_of(prefix->bytes);
    enum pv_err err;

    for (; *at < part->count; ++*at) {
        if ((slot_of(part, *at) & ~END_MASK) != tag) {
            continue;
        }
        err = row_at(part, *at, ret_row);
        if (err != PV_OK) {
            return err;
        }
        ask(ret_row->key, ROW_LINES);
        if (memcmp(ret_row->key, prefix->bytes, prefix->len) == 0) {
            ++*at;
            return PV_OK;
        }
    }
    return PV_ENOTFOUND;
}

static enum pv_err
unpack_part(const struct pv_bundle *bundle, size_t number,
            struct pv_bundle_rows *rows)
{
    struct pv_bundle_part part;
    enum pv_err           err = open_part(bundle, number, &part);

    if (err == PV_OK &&
        part.count > sizeof(rows->row) / sizeof(*rows->row) - rows->count) {
        return PV_ERANGE;
    }
    for (size_t at = 0; err == PV_OK && at < part.count; at++) {
        err = row_at(&part, at, &rows->row[rows->count++]);
    }
    return err;
}

enum pv_err
pv_bundle_unpack_part(const struct pv_bundle *bundle, const struct pv_key *key,
                      struct pv_bundle_rows *rows)
{
    size_t      parts;
    enum pv_err err = parts_of(bundle, &parts);

    if (err != PV_OK) {
        return err;
    }
    return unpack_part(bundle, parts == 1 ? 0 : part_of(key->bytes), rows);
}

static int
by_key(const void *a, const void *b)
{
    return memcmp(((const struct pv_bundle_row *)a)->key,
                  ((const struct pv_bundle_row *)b)->key, PV_KEY_GRANT_LEN);
}

enum pv_err
pv_bundle_unpack(const struct pv_bundle *bundle, struct pv_bundle_rows *rows)
{
    size_t      first = rows->count;
    size_t      parts;
    enum pv_err err = parts_of(bundle, &parts);

    for (size_t i = 0; err == PV_OK && i < parts; i++) {
        err = unpack_part(bundle, i, rows);
    }
    if (err == PV_OK && parts > 1) {
        qsort(rows->row + first, rows->count - first, sizeof(*rows->row),
              by_key);
    }
    return err;
}

static size_t
row_size(const struct pv_bundle_row *row)
{
    return SLOT_LEN + PV_KEY_GRANT_LEN + row->len;
}

size_t
pv_bundle_size(const struct pv_bundle_rows *rows)
{
    size_t size = HEAD_LEN;

    for (size_t i = 0; i < rows->count; i++) {
        size += row_size(&rows->row[i]);
    }
    return size;
}

size_t
pv_bundle_middle(const struct pv_bundle_rows *rows, size_t changed)
{
    size_t number = part_of(rows->row[changed].key);
    size_t all = 0;
    size_t low = 0;
    size_t middle = 0;

    for (size_t i = 0; i < rows->count; i++) {
        if (part_of(rows->row[i].key) == number) {
            all += row_size(&rows->row[i]);
        }
    }
    for (size_t i = 0; i < rows->count && low < all / 2; i++) {
        if (part_of(rows->row[i].key) == number) {
            low += row_size(&rows->row[i]);
            middle = low < all ? i + 1 : middle;
        }
    }
    return middle;
}

/* The rows of [from, until) that belong into this one of so many parts. */
struct share {
    const struct pv_bundle_row *row[PV_BUNDLE_PART_ROWS_MAX];
    size_t                      count;
};

static enum pv_err
share_of(const struct pv_bundle_rows *rows, size_t from, size_t until,
         size_t number, size_t parts, struct share *share)
{
    size_t size = HEAD_LEN;

    share->count = 0;
    for (size_t i = from; i < until; i++) {
        const struct pv_bundle_row *row = &rows->row[i];

        if (parts > 1 && part_of(row->key) != number) {
            continue;
        }
        size += row_size(row);
        if (size > PV_BUNDLE_PART_MAX ||
            share->count == PV_BUNDLE_PART_ROWS_MAX) {
            return PV_ERANGE;
        }
        share->row[share->count++] = row;
    }
    return PV_OK;
}

static size_t
pack_part(const struct share *share, size_t number, const uint8_t *key,
          uint8_t *room)
{
    uint8_t *slot = room + HEAD_LEN;
    uint8_t *out = slot + share->count * SLOT_LEN;

    for (size_t i = 0; i < share->count; i++) {
        const struct pv_bundle_row *row = share->row[i];

        memcpy(out, row->key, PV_KEY_GRANT_LEN);
        memcpy(out + PV_KEY_GRANT_LEN, row->value, row->len);
        out += PV_KEY_GRANT_LEN + row->len;
        pv_store_u32(slot, tag_of(row->key) | (uint32_t)(out - room));
        slot += SLOT_LEN;
    }
    pv_store_u32(room + CHECK_LEN, (uint32_t)share->count);
    pv_store_u32(room, check_of(key, number, room, share->count));
    return (size_t)(out - room);
}

/* In one part where that is enough. */
enum pv_err
pv_bundle_pack(const struct pv_bundle_rows *rows, size_t from, size_t until,
               const uint8_t key[PV_KEY_GRANT_LEN], uint8_t room[PV_BUNDLE_MAX],
               size_t *ret_len)
{
    struct share share;
    enum pv_err  err = share_of(rows, from, until, 0, 1, &share);

    if (err == PV_OK) {
        *ret_len = pack_part(&share, 0, key, room);
        return PV_OK;
    }
    memset(room, 0, PV_BUNDLE_MAX);
    for (size_t i = 0; i < PV_BUNDLE_PARTS; i++) {
        err = share_of(rows, from, until, i, PV_BUNDLE_PARTS, &share);
        if (err != PV_OK) {
            return err;
        }
        (void)pack_part(&share, i, key, room + start_of(i));
    }
    *ret_len = PV_BUNDLE_MAX;
    return PV_OK;
}

enum pv_err
pv_bundle_repack(const struct pv_bundle *bundle, const struct pv_key *key,
                 const struct pv_bundle_rows *rows, uint8_t room[PV_BUNDLE_MAX],
                 size_t *ret_len)
{
    struct share share;
    size_t       parts;
    size_t       number;
    size_t       len;
    enum pv_err  err = parts_of(bundle, &parts);

    if (err == PV_OK) {
        err = share_of(rows, 0, rows->count, 0, 1, &share);
    }
    if (err != PV_OK) {
        return err;
    }
    if (parts > 1) {
        memcpy(room, bundle->bytes, PV_BUNDLE_MAX);
    }
    number = parts == 1 ? 0 : part_of(key->bytes);
    len = pack_part(&share, number, bundle->key, room + start_of(number));
    *ret_len = parts == 1 ? len : PV_BUNDLE_MAX;
    return PV_OK;
}

/* ---- many rows at once ---- */

/* Put it in its place; false: it is there as it is. */
static bool
put_row(struct pv_bundle_rows *rows, const struct pv_bundle_row *row)
{
    struct pv_bundle_row *to = rows->row;
    size_t                left = rows->count;
    struct pv_bundle_row *end = rows->row + rows->count;

    while (left > 0) { /* the first whose key is not below */
        size_t half = left / 2;

        if (memcmp(to[half].key, row->key, PV_KEY_GRANT_LEN) < 0) {
            to += half + 1;
            left -= half + 1;
        } else {
            left = half;
        }
    }
    if (to == end || memcmp(to->key, row->key, PV_KEY_GRANT_LEN) != 0) {
        memmove(to + 1, to, (size_t)(end - to) * sizeof(*to));
        rows->count++;
    } else if (to->len == row->len &&
               memcmp(to->value, row->value, row->len) == 0) {
        return false;
    }
    *to = *row;
    return true;
}

/* One part: its rows and those put into it, packed where they differ. */
static enum pv_err
merge_part(const struct pv_bundle *bundle, size_t number, size_t parts,
           const struct pv_bundle_row *put, size_t count,
           struct pv_bundle_rows *rows, uint8_t *room, size_t *ret_len,
           size_t *changed)
{
    size_t       before = *changed;
    struct share share;
    enum pv_err  err;

    rows->count = 0;
    err = unpack_part(bundle, number, rows);
    for (size_t i = 0; i < count && err == PV_OK; i++) {
        if ((parts == 1 || part_of(put[i].key) == number) &&
            put_row(rows, &put[i])) {
            ++*changed;
        }
        err = rows->count > PV_BUNDLE_PART_ROWS_MAX ? PV_ERANGE : PV_OK;
    }
    if (err != PV_OK || *changed == before) {
        return err;
    }
    err = share_of(rows, 0, rows->count, 0, 1, &share);
    if (err == PV_OK) {
        *ret_len =
            pack_part(&share, number, bundle->key, room + start_of(number));
    }
    return err;
}

enum pv_err
pv_bundle_merge(const struct pv_bundle *bundle, const struct pv_bundle_row *put,
                size_t count, struct pv_bundle_rows *rows,
                uint8_t room[PV_BUNDLE_MAX], size_t *ret_len,
                size_t *ret_changed)
{
    size_t      changed = 0;
    size_t      parts;
    size_t      len = 0;
    enum pv_err err = parts_of(bundle, &parts);

    if (err == PV_OK && parts > 1) {
        memcpy(room, bundle->bytes, PV_BUNDLE_MAX);
    }
    for (size_t i = 0; err == PV_OK && i < parts; i++) {
        err = merge_part(bundle, i, parts, put, count, rows, room, &len,
                         &changed);
    }
    if (err == PV_OK) {
        *ret_len = parts == 1 ? len : PV_BUNDLE_MAX;
        *ret_changed = changed;
    }
    return err;
}
