/* Law: a path that parses is written again to the same bytes. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "merkle/tile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pv_slice path = {(const char *)data, size};
    struct pv_tile  tile;
    char            room[PV_TILE_PATH_MAX];

    if (pv_tile_parse(path, &tile) != PV_OK) {
        return 0;
    }
    assert(tile.width >= 1 && tile.width <= PV_TILE_WIDTH);
    assert(tile.n <= PV_TILE_N_MAX);
    assert(pv_tile_path(&tile, room) == size);
    assert(memcmp(room, data, size) == 0);
    return 0;
}
