#include "trace/tiles.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HELD_MAX 1024 /* hashes of a level in memory; a multiple of a tile */

/* One file. A writer holds its end in memory, from a tile's beginning on. */
struct level {
    int             fd;      /* -1: no file yet */
    bool            changed; /* since the last fdatasync */
    uint64_t        count;   /* hashes, with those in memory */
    uint64_t        written; /* of them, in the file */
    uint64_t        first;   /* held[0] is this one; multiple of a tile */
    struct pv_hash *held;    /* of a writer: HELD_MAX */
};

struct pv_tiles {
    int               dirfd;
    bool              writable;
    bool              trimmed;  /* truncated since it was opened */
    bool              broken;   /* a write or fdatasync failed */
    bool              new_file; /* since the last fsync of the directory */
    uint64_t          size;     /* leaves */
    struct pv_sha256 *sha;
    /* of a reader that asked for it; else NULL */
    struct pv_merkle_nodes *nodes;
    struct pv_hash held[PV_TILE_LEVELS][HELD_MAX]; /* a writer's only */
    struct level   level[PV_TILE_LEVELS];
};

/* ---- bytes -------------------------------------------------------------- */

static enum pv_err
read_all(int fd, void *room, size_t len, uint64_t offset)
{
    uint8_t *at = room;

    while (len > 0) {
        ssize_t n = pread(fd, at, len, (off_t)offset);

        if (n == -1 && errno == EINTR) {
            continue;
        }
        if (n == -1) {
            return PV_ESYS;
        }
        if (n == 0) {
            return PV_ERANGE; /* the file ends before */
        }
        at += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return PV_OK;
}

static enum pv_err
write_all(int fd, const void *bytes, size_t len, uint64_t offset)
{
    const uint8_t *at = bytes;

    while (len > 0) {
        ssize_t n = pwrite(fd, at, len, (off_t)offset);

        if (n == -1 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            errno = n == 0 ? ENOSPC : errno;
            return PV_ESYS;
        }
        at += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return PV_OK;
}

/* ---- opening ------------------------------------------------------------ */

static void
name_of(unsigned number, char name[2])
{
    name[0] = (char)('0' + number);
    name[1] = '\0';
}

/* The file of a level, if there is one; a writer makes it when told to. */
static enum pv_err
open_level(struct pv_tiles *tiles, unsigned number, bool make)
{
    struct level *level = &tiles->level[number];
    struct stat   st;
    char          name[2];
    int           flags = tiles->writable ? O_RDWR : O_RDONLY;

    if (level->fd == -1) {
        name_of(number, name);
        level->fd = openat(tiles->dirfd, name, flags | O_CLOEXEC | O_NOFOLLOW);
        if (level->fd == -1 && errno == ENOENT && make) {
            level->fd = openat(tiles->dirfd, name,
                               flags | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
            tiles->new_file = true;
        }
        if (level->fd == -1) {
            return errno == ENOENT ? PV_ENOTFOUND : PV_ESYS;
        }
    }
    if (fstat(level->fd, &st) != 0) {
        return PV_ESYS;
    }
    level->written = (uint64_t)st.st_size / PV_HASH_LEN;
    level->count = level->written;
    return PV_OK;
}

/* The largest size that the files as they are can serve. */
static uint64_t
size_of(const struct pv_tiles *tiles)
{
    uint64_t size = tiles->level[0].count;

    for (unsigned i = 1; i < PV_TILE_LEVELS; i++) {
        uint64_t most = (tiles->level[i].count + 1) << (i * PV_TILE_HEIGHT);

        /* past 2^63 the shift has lost its bits, and there is no limit */
        if (tiles->level[i].count <
                (PV_MERKLE_SIZE_MAX >> (i * PV_TILE_HEIGHT)) &&
            size >= most) {
            size = most - 1;
        }
    }
    return size;
}

enum pv_err
pv_tiles_refresh(struct pv_tiles *tiles)
{
    if (tiles->writable) {
        return PV_OK;
    }
    for (unsigned i = 0; i < PV_TILE_LEVELS; i++) {
        enum pv_err err;

        if (i > 0 && tiles->level[i - 1].count < PV_TILE_WIDTH) {
            break; /* there is nothing above it yet */
        }
        err = open_level(tiles, i, false);
        if (err != PV_OK && (err != PV_ENOTFOUND || i == 0)) {
            return err;
        }
    }
    tiles->size = size_of(tiles);
    return PV_OK;
}

/* The file has count hashes that are used: its last partial tile to memory. */
static enum pv_err
hold_end(struct pv_tiles *tiles, unsigned number, uint64_t count)
{
    struct level *level = &tiles->level[number];

    level->count = count;
    level->written = count;
    level->first = count - count % PV_TILE_WIDTH;
    return read_all(level->fd, level->held,
                    (size_t)(count - level->first) * PV_HASH_LEN,
                    level->first * PV_HASH_LEN);
}

static enum pv_err
open_writer(struct pv_tiles *tiles)
{
    for (unsigned i = 0; i < PV_TILE_LEVELS; i++) {
        enum pv_err err = open_level(tiles, i, i == 0);

        if (err != PV_OK && err != PV_ENOTFOUND) {
            return err;
        }
    }
    tiles->size = size_of(tiles);
    for (unsigned i = 0; i < PV_TILE_LEVELS; i++) {
        enum pv_err err = hold_end(tiles, i, pv_tile_count(i, tiles->size));

        if (err != PV_OK) {
            return err;
        }
    }
    return PV_OK;
}

static struct pv_tiles *
new_tiles(bool writable)
{
    /* a reader's held hashes are never touched, so they take no memory */
    struct pv_tiles *tiles = calloc(1, sizeof(*tiles));

    if (tiles == NULL) {
        return NULL;
    }
    tiles->writable = writable;
    tiles->dirfd = -1;
    for (unsigned i = 0; i < PV_TILE_LEVELS; i++) {
        tiles->level[i].fd = -1;
        tiles->level[i].held = tiles->held[i];
    }
    return tiles;
}

enum pv_err
pv_tiles_open(int dirfd, bool writable, struct pv_tiles **ret)
{
    struct pv_tiles *tiles = new_tiles(writable);
    enum pv_err      err = PV_ENOMEM;

    if (tiles == NULL) {
        goto out;
    }
    err = pv_sha256_new(&tiles->sha);
    if (err != PV_OK) {
        goto out;
    }
    tiles->dirfd = fcntl(dirfd, F_DUPFD_CLOEXEC, 0);
    if (tiles->dirfd == -1) {
        err = PV_ESYS;
        goto out;
    }
    err = writable ? open_writer(tiles) : pv_tiles_refresh(tiles);
    if (err != PV_OK) {
        goto out;
    }
    *ret = tiles;
    tiles = NULL;

out:
    pv_tiles_close(tiles);
    return err;
}

void
pv_tiles_close(struct pv_tiles *tiles)
{
    int saved = errno;

    if (tiles == NULL) {
        return;
    }
    for (unsigned i = 0; i < PV_TILE_LEVELS; i++) {
        if (tiles->level[i].fd != -1) {
            (void)close(tiles->level[i].fd); /* what matters was synced */
        }
    }
    if (tiles->dirfd != -1) {
        (void)close(tiles->dirfd); /* a directory: nothing to lose */
    }
    pv_sha256_free(tiles->sha);
    free(tiles->nodes);
    free(tiles);
    errno = saved;
}

enum pv_err
pv_tiles_keep_nodes(struct pv_tiles *tiles)
{
    if (tiles->nodes == NULL) {
        tiles->nodes = calloc(1, sizeof(*tiles->nodes));
    }
    return tiles->nodes == NULL ? PV_ENOMEM : PV_OK;
}

uint64_t
pv_tiles_size(const struct pv_tiles *tiles)
{
    return tiles->size;
}

/* ---- writing ------------------------------------------------------------ */

static enum pv_err
may_write(const struct pv_tiles *tiles)
{
    return tiles->writable && !tiles->broken ? PV_OK : PV_ESTATE;
}

static enum pv_err
flush_level(struct pv_tiles *tiles, unsigned number)
{
    struct level *level = &tiles->level[number];
    enum pv_err   err = PV_OK;

    if (level->count == level->written) {
        return PV_OK;
    }
    if (level->fd == -1) {
        uint64_t count = level->count;

        err = open_level(tiles, number, true);
        level->count = count;
        level->written = 0; /* this file is ours from its first byte */
    }
    if (err == PV_OK) {
        err =
            write_all(level->fd, level->held + (level->written - level->first),
                      (level->count - level->written) * PV_HASH_LEN,
                      level->written * PV_HASH_LEN);
    }
    if (err != PV_OK) {
        tiles->broken = true;
        return PV_ESYS;
    }
    level->written = level->count;
    level->changed = true;
    return PV_OK;
}

/* Room for more hashes: what is written may be forgotten by whole tiles. */
static enum pv_err
make_room(struct pv_tiles *tiles, unsigned number)
{
    struct level *level = &tiles->level[number];
    enum pv_err   err;

    if (level->count - level->first < HELD_MAX) {
        return PV_OK;
    }
    err = flush_level(tiles, number);
    if (err == PV_OK) {
        level->first = level->count; /* HELD_MAX is whole tiles */
    }
    return err;
}

static enum pv_err push(struct pv_tiles *tiles, unsigned number,
                        const struct pv_hash *hash);

/* The last tile of a level is full: its root goes one level up. */
static enum pv_err
push_root(struct pv_tiles *tiles, unsigned number)
{
    struct level  *level = &tiles->level[number];
    struct pv_hash room[PV_TILE_WIDTH];
    struct pv_hash root;
    enum pv_err    err;

    memcpy(room, level->held + (level->count - PV_TILE_WIDTH - level->first),
           sizeof(room));
    err = pv_merkle_fold(tiles->sha, room, PV_TILE_WIDTH, &root);
    return err == PV_OK ? push(tiles, number + 1, &root) : err;
}

static enum pv_err
push(struct pv_tiles *tiles, unsigned number, const struct pv_hash *hash)
{
    struct level *level = &tiles->level[number];
    enum pv_err   err = make_room(tiles, number);

    if (err != PV_OK) {
        return err;
    }
    level->held[level->count - level->first] = *hash;
    level->count++;
    return level->count % PV_TILE_WIDTH == 0 && number + 1 < PV_TILE_LEVELS
               ? push_root(tiles, number)
               : PV_OK;
}

enum pv_err
pv_tiles_append(struct pv_tiles *tiles, const struct pv_hash *leaf,
                size_t count)
{
    enum pv_err err = tiles->trimmed ? may_write(tiles) : PV_ESTATE;

    if (err != PV_OK) {
        return err;
    }
    for (size_t i = 0; err == PV_OK && i < count; i++) {
        err = tiles->size < PV_MERKLE_SIZE_MAX ? push(tiles, 0, &leaf[i])
                                               : PV_ERANGE;
        if (err == PV_OK) {
            tiles->size++;
        }
    }
    if (err != PV_OK) {
        tiles->broken = true; /* levels may be out of step */
    }
    return err;
}

enum pv_err
pv_tiles_flush(struct pv_tiles *tiles)
{
    enum pv_err err = may_write(tiles);

    for (unsigned i = 0; err == PV_OK && i < PV_TILE_LEVELS; i++) {
        err = flush_level(tiles, i);
    }
    return err;
}

enum pv_err
pv_tiles_sync(struct pv_tiles *tiles)
{
    enum pv_err err = pv_tiles_flush(tiles);

    if (err != PV_OK) {
        return err;
    }
    for (unsigned i = 0; i < PV_TILE_LEVELS; i++) {
        struct level *level = &tiles->level[i];

        if (level->changed && fdatasync(level->fd) != 0) {
            tiles->broken = true; /* never asked again on this descriptor */
            return PV_ESYS;
        }
        level->changed = false;
    }
    if (tiles->new_file && fsync(tiles->dirfd) != 0) {
        tiles->broken = true;
        return PV_ESYS;
    }
    tiles->new_file = false;
    return PV_OK;
}

static enum pv_err
cut_level(struct pv_tiles *tiles, unsigned number, uint64_t count)
{
    struct level *level = &tiles->level[number];

    if (level->fd != -1) {
        if (ftruncate(level->fd, (off_t)(count * PV_HASH_LEN)) != 0) {
            return PV_ESYS;
        }
        level->changed = true;
    }
    return hold_end(tiles, number, count);
}

enum pv_err
pv_tiles_truncate(struct pv_tiles *tiles, uint64_t size)
{
    enum pv_err err = may_write(tiles);

    if (err != PV_OK) {
        return err;
    }
    if (size > tiles->size) {
        return PV_ERANGE;
    }
    err = pv_tiles_flush(tiles);
    for (unsigned i = 0; err == PV_OK && i < PV_TILE_LEVELS; i++) {
        err = cut_level(tiles, i, pv_tile_count(i, size));
    }
    if (err != PV_OK) {
        tiles->broken = true;
        return err;
    }
    tiles->size = size;
    tiles->trimmed = true;
    return PV_OK;
}

/* ---- reading ------------------------------------------------------------ */

enum pv_err
pv_tiles_read(struct pv_tiles *tiles, unsigned number, uint64_t n,
              unsigned width, struct pv_hash out[PV_TILE_WIDTH])
{
    struct level *level;
    uint64_t      at = n * PV_TILE_WIDTH;

    if (number >= PV_TILE_LEVELS || n > PV_TILE_N_MAX || width == 0 ||
        width > PV_TILE_WIDTH) {
        return PV_ERANGE;
    }
    level = &tiles->level[number];
    if (at + width > level->count) {
        return PV_ERANGE;
    }
    if (tiles->writable && at >= level->first) {
        memcpy(out, level->held + (at - level->first), width * sizeof(out[0]));
        return PV_OK;
    }
    return read_all(level->fd, out, width * sizeof(out[0]), at * PV_HASH_LEN);
}

static enum pv_err
read_tile(void *context, unsigned level, uint64_t n, unsigned width,
          struct pv_hash out[PV_TILE_WIDTH])
{
    struct pv_tiles *tiles = context;

    return pv_tiles_read(tiles, level, n, width, out);
}

static struct pv_merkle_source
source_of(struct pv_tiles *tiles)
{
    return (struct pv_merkle_source){
        .sha = tiles->sha,
        .read = read_tile,
        .context = tiles,
        .nodes = tiles->nodes,
    };
}

enum pv_err
pv_tiles_root(struct pv_tiles *tiles, uint64_t size, struct pv_hash *ret)
{
    const struct pv_merkle_source source = source_of(tiles);

    return size <= tiles->size ? pv_merkle_root(&source, size, ret) : PV_ERANGE;
}

enum pv_err
pv_tiles_inclusion(struct pv_tiles *tiles, uint64_t index, uint64_t size,
                   struct pv_merkle_proof *ret)
{
    const struct pv_merkle_source source = source_of(tiles);

    return size <= tiles->size ? pv_merkle_inclusion(&source, index, size, ret)
                               : PV_ERANGE;
}

enum pv_err
pv_tiles_consistency(struct pv_tiles *tiles, uint64_t old_size,
                     uint64_t new_size, struct pv_merkle_proof *ret)
{
    const struct pv_merkle_source source = source_of(tiles);

    return new_size <= tiles->size
               ? pv_merkle_consistency(&source, old_size, new_size, ret)
               : PV_ERANGE;
}
