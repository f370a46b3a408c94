#include "merkle/tile.h"

#include <string.h>

#include "base/num.h"

#define GROUP 1000 /* numbers of one path element */
#define GROUPS_MAX 6

uint64_t
pv_tile_count(unsigned level, uint64_t size)
{
    return level < PV_TILE_LEVELS ? size >> (level * PV_TILE_HEIGHT) : 0;
}

unsigned
pv_tile_width(unsigned level, uint64_t n, uint64_t size)
{
    uint64_t count = pv_tile_count(level, size);

    if (n > count / PV_TILE_WIDTH) {
        return 0;
    }
    count -= n * PV_TILE_WIDTH;
    return count < PV_TILE_WIDTH ? (unsigned)count : PV_TILE_WIDTH;
}

/* Take what stands before the next slash off rest. */
static struct pv_slice
element(struct pv_slice *rest)
{
    struct pv_slice head;

    (void)pv_slice_cut(*rest, '/', &head, rest); /* or all that is left */
    return head;
}

/* Three digits, after an x when one is due. */
static bool
parse_group(struct pv_slice text, bool x, uint64_t *n)
{
    unsigned value = 0;

    if (x) {
        if (text.len == 0 || text.ptr[0] != 'x') {
            return false;
        }
        text.ptr++;
        text.len--;
    }
    if (text.len != 3) {
        return false;
    }
    for (size_t i = 0; i < 3; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return false;
        }
        value = value * 10 + (unsigned)(text.ptr[i] - '0');
    }
    *n = *n * GROUP + value;
    return true;
}

/* x001/x234/067, and the rest of the path behind it. */
static bool
parse_n(struct pv_slice *rest, uint64_t *ret)
{
    uint64_t n = 0;
    unsigned groups = 0;

    while (rest->len > 0 && rest->ptr[0] == 'x') {
        if (++groups >= GROUPS_MAX || !parse_group(element(rest), true, &n) ||
            n == 0) { /* a leading group of zeros is another spelling */
            return false;
        }
    }
    if (rest->len < 3 ||
        !parse_group((struct pv_slice){rest->ptr, 3}, false, &n) ||
        n > PV_TILE_N_MAX) {
        return false;
    }
    rest->ptr += 3;
    rest->len -= 3;
    *ret = n;
    return true;
}

static enum pv_err
parse_width(struct pv_slice rest, unsigned *ret)
{
    const struct pv_slice partial = PV_SLICE_INIT(".p/");
    uint64_t              width = PV_TILE_WIDTH;
    enum pv_err           err;

    if (rest.len > 0) {
        if (!pv_slice_starts(rest, partial)) {
            return PV_EINVAL;
        }
        rest.ptr += partial.len;
        rest.len -= partial.len;
        err = pv_slice_to_u64(rest, PV_TILE_WIDTH - 1, &width);
        if (err != PV_OK || width == 0) {
            return PV_EINVAL;
        }
    }
    *ret = (unsigned)width;
    return PV_OK;
}

enum pv_err
pv_tile_parse(struct pv_slice path, struct pv_tile *ret)
{
    struct pv_tile  tile = {.entries = false};
    struct pv_slice level;
    uint64_t        number = 0;

    if (!pv_slice_eq(element(&path), PV_LIT("tile"))) {
        return PV_EINVAL;
    }
    level = element(&path);
    if (pv_slice_eq(level, PV_LIT("entries"))) {
        tile.entries = true;
    } else if (pv_slice_to_u64(level, PV_TILE_LEVEL_MAX, &number) != PV_OK) {
        return PV_EINVAL;
    }
    tile.level = (unsigned)number;
    if (!parse_n(&path, &tile.n) || parse_width(path, &tile.width) != PV_OK) {
        return PV_EINVAL;
    }
    *ret = tile;
    return PV_OK;
}

static size_t
put(char *room, size_t at, struct pv_slice text)
{
    memcpy(room + at, text.ptr, text.len);
    return at + text.len;
}

static size_t
put_u64(char *room, size_t at, uint64_t n)
{
    return at + pv_u64_text(n, room + at);
}

size_t
pv_tile_path(const struct pv_tile *tile, char room[PV_TILE_PATH_MAX])
{
    uint64_t power = 1; /* of GROUP, that of the first group */
    size_t   at = put(room, 0, PV_LIT("tile/"));

    at = tile->entries ? put(room, at, PV_LIT("entries"))
                       : put_u64(room, at, tile->level);
    while (tile->n / power >= GROUP) {
        power *= GROUP;
    }
    for (; power > 0; power /= GROUP) {
        unsigned group = (unsigned)(tile->n / power % GROUP);

        room[at++] = '/';
        if (power > 1) {
            room[at++] = 'x';
        }
        room[at++] = (char)('0' + group / 100);
        room[at++] = (char)('0' + group / 10 % 10);
        room[at++] = (char)('0' + group % 10);
    }
    if (tile->width < PV_TILE_WIDTH) {
        at = put_u64(room, put(room, at, PV_LIT(".p/")), tile->width);
    }
    room[at] = '\0';
    return at;
}
