#include "trace/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "trace/audit_private.h"

void
audit_found(struct audit *audit, const char *word, const char *file,
            uint64_t at, const char *format, ...)
{
    struct pv_audit_finding finding = {.word = word, .at = at};
    va_list                 args;

    (void)snprintf(finding.file, sizeof(finding.file), "%s",
                   file); /* a longer name is cut */
    va_start(args, format);
    (void)vsnprintf(finding.why.text, sizeof(finding.why.text), format,
                    args); /* as above */
    va_end(args);
    audit->ask->findings++;
    audit->ask->fn(audit->ask->context, &finding);
}

enum pv_err
audit_read_tile(const struct audit *audit, unsigned level, uint64_t n,
                unsigned width, struct pv_hash out[PV_TILE_WIDTH])
{
    const char name[2] = {(char)('0' + level), '\0'};
    size_t     len = width * sizeof(out[0]);
    ssize_t    got;
    int        fd = openat(audit->treefd, name, O_RDONLY | O_CLOEXEC);

    if (fd == -1) {
        return errno == ENOENT ? PV_ERANGE : PV_ESYS;
    }
    got = pread(fd, out, len, (off_t)(n * PV_TILE_WIDTH * sizeof(out[0])));
    (void)close(fd); /* read-only: nothing to lose */
    if (got == -1) {
        return PV_ESYS;
    }
    return (size_t)got == len ? PV_OK : PV_ERANGE;
}

/* Does it say why leaves are gone? */
static void
note_pruning(struct audit *audit, struct pv_slice line)
{
    struct pv_record record;

    if (audit->pruned_end > 0 && !audit->decided &&
        pv_slice_starts(line, PV_LIT("{\"count\":")) &&
        pv_record_parse(line, &record) == PV_OK &&
        record.pruned.first + record.pruned.count == audit->pruned_end) {
        audit->decided = pv_slice_eq(
            record.pruned.decision,
            (struct pv_slice){audit->decision, audit->decision_len});
    }
}

enum pv_err
audit_leaf(struct audit *audit, const char *file, uint64_t index,
           struct pv_slice line)
{
    uint64_t       n = index / PV_TILE_WIDTH;
    struct pv_hash hash;
    enum pv_err    err;

    audit->ask->records++;
    if (index >= audit->seen_end) {
        audit->seen_end = index + 1;
    }
    note_pruning(audit, line);
    if (index >= audit->leaves) {
        return PV_OK; /* not in the tree yet; audit_coverage judges */
    }
    if (!audit->have_tile || audit->tile_n != n) {
        audit->have_tile = false;
        err = audit_read_tile(audit, 0, n, pv_tile_width(0, n, audit->leaves),
                              audit->tile);
        if (err != PV_OK) {
            return err;
        }
        audit->have_tile = true;
        audit->tile_n = n;
    }
    err = pv_merkle_leaf(audit->sha, line, &hash);
    if (err == PV_OK &&
        !pv_hash_eq(&hash, &audit->tile[index % PV_TILE_WIDTH])) {
        audit_found(audit, "leaf-differs", file, index,
                    "the record of leaf %llu is not the one whose hash stands "
                    "in tree/0 at byte %llu: the record or the hash was "
                    "changed",
                    (unsigned long long)index,
                    (unsigned long long)index * PV_HASH_LEN);
    }
    return err;
}

static enum pv_err
open_tree(struct audit *audit, struct pv_why *why)
{
    enum pv_err err;

    audit->treefd = openat(audit->ask->log_dirfd, AUDIT_TREE,
                           O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (audit->treefd == -1) {
        if (errno == ENOENT) {
            audit_found(audit, "tree-missing", AUDIT_TREE, 0,
                        "there is no tree");
            return PV_OK;
        }
        pv_why_set(why, "cannot open the tree: %s", strerror(errno));
        return PV_ESYS;
    }
    err = pv_tiles_open(audit->treefd, false, &audit->tiles);
    if (err == PV_ENOTFOUND) {
        audit_found(audit, "tree-missing", AUDIT_TREE "/0", 0,
                    "there are no leaf hashes");
        return PV_OK;
    }
    return err;
}

enum pv_err
pv_audit_run(struct pv_audit *ask, struct pv_why *why)
{
    static enum pv_err (*const step[])(struct audit * audit) = {
        audit_published, audit_tree_files,  audit_packs,
        audit_journal,   audit_tree_hashes, audit_kept};
    struct audit audit = {.ask = ask, .treefd = -1};
    enum pv_err  err = pv_sha256_new(&audit.sha);

    if (err == PV_OK) {
        err = open_tree(&audit, why);
    }
    for (size_t i = 0; err == PV_OK && i < sizeof(step) / sizeof(step[0]);
         i++) {
        err = step[i](&audit);
    }
    if (err == PV_OK) {
        audit_coverage(&audit);
    } else {
        pv_why_set(why, "the log cannot be read: %s",
                   err == PV_ESYS ? strerror(errno) : pv_err_text(err));
    }
    pv_tiles_close(audit.tiles);
    if (audit.treefd != -1) {
        (void)close(audit.treefd); /* a folder: nothing to lose */
    }
    pv_sha256_free(audit.sha);
    return err;
}
