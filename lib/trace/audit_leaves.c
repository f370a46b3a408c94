#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trace/audit_private.h"
#include "trace/packs.h"

#define PACK_PATH_MAX (sizeof(PV_PACK_DIR) + 1 + PV_PACK_NAME_LEN)

/* ---- packs ----------------------------------------------------------------
 */

static enum pv_err
check_bundles(struct audit *audit, const char *file, uint64_t number,
              struct pv_pack *pack)
{
    struct pv_bundle bundle;
    enum pv_err      err = PV_OK;

    pv_bundle_init(&bundle);
    for (unsigned i = 0; err == PV_OK && i < PV_PACK_BUNDLES; i++) {
        uint64_t first = number * PV_PACK_LEAVES + i * PV_BUNDLE_LEAVES;

        err = pv_pack_bundle(pack, i, &bundle);
        if (err == PV_ECORRUPT) {
            audit_found(audit, "bundle-damaged", file, first,
                        "bundle %u of the pack (leaves from %llu on) does not "
                        "read",
                        i, (unsigned long long)first);
            err = PV_OK;
            continue;
        }
        for (unsigned j = 0; err == PV_OK && j < bundle.width; j++) {
            err =
                audit_leaf(audit, file, first + j, pv_bundle_line(&bundle, j));
        }
    }
    pv_bundle_clear(&bundle);
    return err;
}

static enum pv_err
check_pack(struct audit *audit, const struct pv_pack_line *line)
{
    char            file[PACK_PATH_MAX + 1] = PV_PACK_DIR "/";
    struct pv_pack *pack = NULL;
    struct pv_hash  hash;
    uint64_t        len;
    enum pv_err     err;

    pv_pack_name(&line->hash, file + sizeof(PV_PACK_DIR));
    err = pv_pack_open(audit->ask->log_dirfd, &line->hash, line->number, &pack);
    if (err == PV_ENOTFOUND || err == PV_ECORRUPT || err == PV_EVERSION) {
        audit_found(audit,
                    err == PV_ENOTFOUND ? "pack-missing" : "pack-damaged", file,
                    line->number, "pack %llu (leaves from %llu on): %s",
                    (unsigned long long)line->number,
                    (unsigned long long)line->number * PV_PACK_LEAVES,
                    pv_err_text(err));
        return PV_OK;
    }
    if (err == PV_OK) {
        err = pv_pack_hash(pack, &hash, &len);
    }
    if (err == PV_OK && (!pv_hash_eq(&hash, &line->hash) || len != line->len)) {
        audit_found(audit, "pack-differs", file, line->number,
                    "the bytes of pack %llu are not those that its name and "
                    "line say",
                    (unsigned long long)line->number);
    }
    if (err == PV_OK) {
        audit->ask->packs++;
        err = check_bundles(audit, file, line->number, pack);
    }
    pv_pack_close(pack);
    return err;
}

/* Is a name in pack/ that of a line that is not pruned? Packs are few. */
static bool
is_listed(const struct pv_packs *packs, const char *name)
{
    char listed[PV_PACK_NAME_LEN + 1];

    for (uint64_t i = packs->pruned; i < packs->count; i++) {
        struct pv_pack_line line;

        if (pv_packs_line(packs, i, &line) == PV_OK) {
            pv_pack_name(&line.hash, listed);
            if (strcmp(listed, name) == 0) {
                return true;
            }
        }
    }
    return false;
}

static enum pv_err
check_names(struct audit *audit, const struct pv_packs *packs)
{
    int            fd = openat(audit->ask->log_dirfd, PV_PACK_DIR,
                               O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR           *dir;
    struct dirent *entry;

    if (fd == -1) {
        return errno == ENOENT ? PV_OK : PV_ESYS;
    }
    dir = fdopendir(fd);
    if (dir == NULL) {
        (void)close(fd); /* a folder: nothing to lose */
        return PV_ESYS;
    }
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.' &&
            strcmp(entry->d_name, PV_PACK_SPARE) != 0 &&
            !is_listed(packs, entry->d_name)) {
            audit_found(audit, "pack-extra", PV_PACK_DIR, 0,
                        "the file %.80s belongs to no line of the packs",
                        entry->d_name);
        }
    }
    (void)closedir(dir); /* as above */
    return PV_OK;
}

/* The file of lines has nothing behind its last whole one. */
static enum pv_err
check_lines_end(struct audit *audit, const struct pv_packs *packs)
{
    struct stat st;

    if (packs->fd == -1) {
        return PV_OK;
    }
    if (fstat(packs->fd, &st) != 0) {
        return PV_ESYS;
    }
    if ((uint64_t)st.st_size != packs->count * PV_PACK_LINE_LEN) {
        audit_found(audit, "pack-line", PV_PACKS_FILE, packs->count,
                    "behind line %llu stand bytes that are no line",
                    (unsigned long long)packs->count);
    }
    return PV_OK;
}

static enum pv_err
on_pruning(void *context, const struct pv_pruning *pruning)
{
    struct audit *audit = context;

    if (pruning->decision.len > sizeof(audit->decision)) {
        return PV_ECORRUPT;
    }
    audit->pruned_end = pruning->end * PV_PACK_LEAVES;
    audit->decision_len = pruning->decision.len;
    memcpy(audit->decision, pruning->decision.ptr, pruning->decision.len);
    return PV_OK;
}

enum pv_err
audit_packs(struct audit *audit)
{
    struct pv_packs packs;
    enum pv_err     err;

    pv_packs_init(&packs, audit->ask->log_dirfd);
    err = pv_packs_refresh(&packs);
    if (err == PV_OK) {
        err = pv_packs_prunings(audit->ask->log_dirfd, on_pruning, audit);
    }
    if (err == PV_ECORRUPT) {
        audit_found(audit, "pack-line", PV_PACKS_FILE, 0,
                    "the lists of packs or of prunings do not read");
        err = PV_OK;
    }
    if (err == PV_OK) {
        audit->ask->pruned = packs.pruned * PV_PACK_LEAVES;
        audit->packed_end = packs.count * PV_PACK_LEAVES;
        err = check_lines_end(audit, &packs);
    }
    for (uint64_t i = packs.pruned; err == PV_OK && i < packs.count; i++) {
        struct pv_pack_line line;

        err = pv_packs_line(&packs, i, &line);
        if (err == PV_ECORRUPT) {
            audit_found(audit, "pack-line", PV_PACKS_FILE, i,
                        "line %llu does not read", (unsigned long long)i);
            err = PV_OK;
        } else if (err == PV_OK) {
            err = check_pack(audit, &line);
        }
    }
    if (err == PV_OK) {
        err = check_names(audit, &packs);
    }
    pv_packs_clear(&packs);
    return err;
}

void
audit_coverage(struct audit *audit)
{
    uint64_t end = audit->seen_end > audit->packed_end ? audit->seen_end
                                                       : audit->packed_end;

    /* its record may be in the journal still */
    if (audit->pruned_end > 0 && !audit->decided &&
        audit->ask->journal_dirfd != -1) {
        audit_found(audit, "pruning-unrecorded", PV_PRUNED_FILE, 0,
                    "leaves before %llu were removed by %.*s, and no record "
                    "of the log says so",
                    (unsigned long long)audit->pruned_end,
                    (int)audit->decision_len, audit->decision);
    }
    if (audit->ask->size > end) {
        audit_found(audit, "leaves-missing", AUDIT_JOURNAL, end,
                    "the published checkpoint is of %llu leaves; records end "
                    "at %llu",
                    (unsigned long long)audit->ask->size,
                    (unsigned long long)end);
    }
    if (audit->leaves > end) {
        audit_found(audit, "tree-extra", AUDIT_TREE "/0", end,
                    "the tree has %llu leaf hashes; records end at %llu",
                    (unsigned long long)audit->leaves, (unsigned long long)end);
    }
}
