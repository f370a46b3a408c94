/*
 * tile.h - where hashes stand in the tiles of C2SP tlog-tiles, and the paths.
 *
 * Tile n of level l holds 256 hashes, each the root of 256^l leaves; the last
 * one of a level may be partial. Paths, as published:
 *
 *   tile/<level>/<n>[.p/<width>]      hashes, 32 bytes each
 *   tile/entries/<n>[.p/<width>]      an entry bundle: u16 big-endian length
 *                                     and entry, 256 times or width times
 *
 * n is written in groups of three digits, all but the last with an x before:
 * 1234067 is x001/x234/067. One path for one tile: other spellings are
 * refused.
 *
 * Threads: any.  Blocks: never.
 */
#ifndef PV_MERKLE_TILE_H
#define PV_MERKLE_TILE_H

#include "base/slice.h"

#define PV_TILE_HEIGHT 8
#define PV_TILE_WIDTH 256
#define PV_TILE_LEVELS 8     /* of a tree of at most 2^63 leaves */
#define PV_TILE_LEVEL_MAX 63 /* that a path may name */
#define PV_TILE_N_MAX ((UINT64_C(1) << 55) - 1)
#define PV_TILE_PATH_MAX 64

struct pv_tile {
    bool     entries; /* an entry bundle; level is 0 */
    unsigned level;
    uint64_t n;
    unsigned width; /* 1 to PV_TILE_WIDTH; full is PV_TILE_WIDTH */
};

/*
 * A path without a leading slash. PV_EINVAL: anything else than one of the
 * spellings above. Law: what is parsed is written again to the same bytes.
 */
enum pv_err pv_tile_parse(struct pv_slice path,
                          struct pv_tile *ret) PV_MUST_CHECK;

/* Write the path and a final NUL; gives the length without it. */
size_t pv_tile_path(const struct pv_tile *tile, char room[PV_TILE_PATH_MAX]);

/* How many hashes level has in a tree of size leaves. */
uint64_t pv_tile_count(unsigned level, uint64_t size);

/* How wide tile n of level is in a tree of size leaves; 0: not there. */
unsigned pv_tile_width(unsigned level, uint64_t n, uint64_t size);

#endif
