#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "trace/audit_private.h"

#define FILE_NAME_LEN 16

static void
name_of(unsigned level, char name[FILE_NAME_LEN])
{
    (void)snprintf(name, FILE_NAME_LEN, AUDIT_TREE "/%u", level); /* fits */
}

/* How long each file is to be, by the leaf hashes and by the checkpoint. */
static enum pv_err
check_file(struct audit *audit, unsigned level)
{
    const char *name = (char[2]){(char)('0' + level), '\0'};
    char        file[FILE_NAME_LEN];
    struct stat st = {.st_size = 0};
    uint64_t    count;

    name_of(level, file);
    if (fstatat(audit->treefd, name, &st, AT_SYMLINK_NOFOLLOW) != 0 &&
        errno != ENOENT) {
        return PV_ESYS;
    }
    count = (uint64_t)st.st_size / PV_HASH_LEN;
    if ((uint64_t)st.st_size % PV_HASH_LEN != 0) {
        audit_found(audit, "tree-torn", file, count * PV_HASH_LEN,
                    "the file ends within a hash, at byte %llu",
                    (unsigned long long)st.st_size);
    }
    if (level == 0) {
        audit->leaves = count;
        audit->ask->leaves = count;
    }
    if (count < pv_tile_count(level, audit->ask->size)) {
        audit_found(audit, "tree-short", file, count,
                    "the file has %llu hashes; the published checkpoint of "
                    "%llu leaves needs %llu",
                    (unsigned long long)count,
                    (unsigned long long)audit->ask->size,
                    (unsigned long long)pv_tile_count(level, audit->ask->size));
    }
    if (count > pv_tile_count(level, audit->leaves)) {
        audit_found(
            audit, "tree-long", file, pv_tile_count(level, audit->leaves),
            "the file has %llu hashes; %llu leaves give %llu",
            (unsigned long long)count, (unsigned long long)audit->leaves,
            (unsigned long long)pv_tile_count(level, audit->leaves));
    }
    return PV_OK;
}

enum pv_err
audit_tree_files(struct audit *audit)
{
    for (unsigned level = 0; audit->treefd != -1 && level < PV_TILE_LEVELS;
         level++) {
        enum pv_err err = check_file(audit, level);

        if (err != PV_OK) {
            return err;
        }
    }
    return PV_OK;
}

/* Hash i of a level is the root of tile i of the level below. */
static enum pv_err
check_hash(struct audit *audit, unsigned level, uint64_t i,
           const struct pv_hash *hash)
{
    struct pv_hash below[PV_TILE_WIDTH];
    struct pv_hash root;
    char           file[FILE_NAME_LEN];
    enum pv_err    err =
        audit_read_tile(audit, level - 1, i, PV_TILE_WIDTH, below);

    if (err == PV_ERANGE) {
        return PV_OK; /* a file that is short was found already */
    }
    if (err == PV_OK) {
        err = pv_merkle_fold(audit->sha, below, PV_TILE_WIDTH, &root);
    }
    if (err == PV_OK && !pv_hash_eq(&root, hash)) {
        name_of(level, file);
        audit_found(audit, "tree-differs", file, i,
                    "hash %llu (byte %llu) is not the root of the 256 hashes "
                    "below it, tree/%u from byte %llu on",
                    (unsigned long long)i, (unsigned long long)i * PV_HASH_LEN,
                    level - 1,
                    (unsigned long long)i * PV_TILE_WIDTH * PV_HASH_LEN);
    }
    return err;
}

static enum pv_err
check_level(struct audit *audit, unsigned level)
{
    struct pv_hash tile[PV_TILE_WIDTH];
    uint64_t       count = pv_tile_count(level, audit->leaves);
    enum pv_err    err = PV_OK;

    for (uint64_t n = 0; err == PV_OK && n * PV_TILE_WIDTH < count; n++) {
        unsigned width = pv_tile_width(level, n, audit->leaves);

        err = audit_read_tile(audit, level, n, width, tile);
        if (err == PV_ERANGE) {
            return PV_OK; /* as above */
        }
        for (unsigned i = 0; err == PV_OK && i < width; i++) {
            err = check_hash(audit, level, n * PV_TILE_WIDTH + i, &tile[i]);
        }
    }
    return err;
}

enum pv_err
audit_tree_hashes(struct audit *audit)
{
    for (unsigned level = 1; audit->treefd != -1 && level < PV_TILE_LEVELS;
         level++) {
        enum pv_err err = check_level(audit, level);

        if (err != PV_OK) {
            return err;
        }
    }
    return PV_OK;
}
