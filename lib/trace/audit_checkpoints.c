#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "trace/audit_private.h"

#define PUBLISHED "checkpoint"
#define SIGNED "checkpoint.log" /* with witnesses: the last one signed */
#define KEPT "checkpoints"
#define DASH "\xe2\x80\x94 "
#define ROOM_MAX ((size_t)2 * PV_CHECKPOINT_NOTE_MAX)

struct last { /* the kept checkpoint before, for the proof of growth */
    uint64_t       size;
    struct pv_hash root;
};

/* The signatures, and that the tree has this root at this size. */
static enum pv_err
check_note(struct audit *audit, const char *file, uint64_t number,
           struct pv_slice bytes, struct pv_checkpoint *ret,
           struct pv_note *ret_note, bool *ret_good)
{
    struct pv_hash root;
    enum pv_err err = pv_checkpoint_open(bytes, audit->ask->log, ret, ret_note);

    *ret_good = false;
    if (err == PV_ENOMEM || err == PV_ECRYPTO) {
        return err;
    }
    if (err != PV_OK || ret->extensions.len > 0) {
        audit_found(audit, "checkpoint-unsigned", file, number,
                    "checkpoint %llu of the file is not signed by this log: %s",
                    (unsigned long long)number, pv_err_text(err));
        return PV_OK;
    }
    for (size_t i = 0; i < audit->ask->witness_count; i++) {
        const struct pv_note_key *key = &audit->ask->witness[i];

        if (pv_note_verify(ret_note, key, NULL) == PV_EVERIFY) {
            audit_found(audit, "cosignature-wrong", file, number,
                        "the line of %.*s on checkpoint %llu is wrong",
                        (int)key->name_len, key->name,
                        (unsigned long long)number);
            return PV_OK;
        }
    }
    err = audit->tiles == NULL ? PV_ERANGE
                               : pv_tiles_root(audit->tiles, ret->size, &root);
    if (err == PV_ERANGE) {
        audit_found(audit, "checkpoint-ahead", file, number,
                    "checkpoint %llu is of %llu leaves, more than the tree has",
                    (unsigned long long)number, (unsigned long long)ret->size);
        return PV_OK;
    }
    if (err == PV_OK && !pv_hash_eq(&root, &ret->root)) {
        audit_found(audit, "root-differs", file, number,
                    "the tree of %llu leaves has another root than checkpoint "
                    "%llu, which the log signed",
                    (unsigned long long)ret->size, (unsigned long long)number);
        return PV_OK;
    }
    *ret_good = err == PV_OK;
    return err;
}

static enum pv_err
read_note(struct audit *audit, const char *name, struct pv_buf *room)
{
    int fd =
        openat(audit->ask->log_dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t n;

    if (fd == -1) {
        return errno == ENOENT ? PV_ENOTFOUND : PV_ESYS;
    }
    n = read(fd, room->ptr, room->cap);
    (void)close(fd); /* read-only: nothing to lose */
    room->len = n > 0 ? (size_t)n : 0;
    return n == -1 ? PV_ESYS : PV_OK;
}

static enum pv_err
check_quorum(struct audit *audit, const struct pv_note *note)
{
    size_t      count = 0;
    enum pv_err err = pv_checkpoint_cosigned(note, audit->ask->witness,
                                             audit->ask->witness_count, &count);

    if (err == PV_OK && count < audit->ask->quorum) {
        audit_found(audit, "quorum", PUBLISHED, 0,
                    "%zu of the %zu witnesses given signed it; %zu are needed",
                    count, audit->ask->witness_count, audit->ask->quorum);
    }
    return err;
}

/* Put back from a copy: who trusts it sees an old log. */
static void
older_than(struct audit *audit, const char *name, uint64_t size,
           const char *other, uint64_t other_size)
{
    audit_found(audit, "checkpoint-old", name, 0,
                "it is of %llu leaves, but %s has one of %llu: it was rolled "
                "back",
                (unsigned long long)size, other,
                (unsigned long long)other_size);
}

static enum pv_err
check_one(struct audit *audit, const char *name, struct pv_buf *room,
          bool must_be)
{
    struct pv_checkpoint checkpoint = {.size = 0};
    struct pv_note       note;
    bool                 good = false;
    enum pv_err          err = read_note(audit, name, room);

    if (err == PV_ENOTFOUND) {
        if (must_be) {
            audit_found(audit, "checkpoint-missing", name, 0,
                        "there is no published checkpoint");
        }
        return PV_OK;
    }
    if (err == PV_OK) {
        err = check_note(audit, name, 0, pv_buf_view(room), &checkpoint, &note,
                         &good);
    }
    if (err == PV_OK && good) {
        audit->ask->checkpoints++;
        if (must_be) {
            audit->ask->size = checkpoint.size;
            err = check_quorum(audit, &note);
        } else if (checkpoint.size < audit->ask->size) {
            older_than(audit, name, checkpoint.size, PUBLISHED,
                       audit->ask->size);
        }
    }
    return err;
}

enum pv_err
audit_published(struct audit *audit)
{
    struct pv_buf room;
    enum pv_err   err;

    pv_buf_init(&room, ROOM_MAX);
    err = pv_buf_reserve(&room, PV_CHECKPOINT_NOTE_MAX + 1);
    if (err == PV_OK) {
        err = check_one(audit, PUBLISHED, &room, true);
    }
    if (err == PV_OK) {
        err = check_one(audit, SIGNED, &room, false);
    }
    pv_buf_clear(&room);
    return err;
}

/* ---- the kept ones ------------------------------------------------------- */

/*
 * Where the first note of bytes ends: behind the signature lines that follow
 * an empty line. 0: it is not whole here.
 */
static size_t
note_end(struct pv_slice bytes, bool is_last)
{
    struct pv_slice rest = bytes;
    struct pv_slice line;
    bool            signatures = false;

    while (pv_slice_cut(rest, '\n', &line, &rest)) {
        if (line.len == 0) {
            signatures = true;
            continue;
        }
        if (signatures && !pv_slice_starts(line, PV_LIT(DASH))) {
            return (size_t)(line.ptr - bytes.ptr);
        }
        if (signatures && rest.len == 0) {
            return is_last ? bytes.len : 0;
        }
    }
    return 0;
}

/* The next is to have grown out of the one before; shown by a proof. */
static enum pv_err
check_growth(struct audit *audit, uint64_t number, struct last *last,
             const struct pv_checkpoint *next)
{
    struct pv_merkle_proof proof = {.count = 0};
    enum pv_err            err = PV_ERANGE;

    if (next->size >= last->size) {
        err =
            pv_tiles_consistency(audit->tiles, last->size, next->size, &proof);
    }
    if (err == PV_OK) {
        err = pv_merkle_verify_consistency(audit->sha, last->size, next->size,
                                           &last->root, &next->root, proof.hash,
                                           proof.count);
    }
    if (err == PV_ERANGE || err == PV_EVERIFY) {
        audit_found(audit, "checkpoint-order", KEPT, number,
                    "checkpoint %llu (%llu leaves) does not go on from the one "
                    "before it (%llu)",
                    (unsigned long long)number, (unsigned long long)next->size,
                    (unsigned long long)last->size);
        err = PV_OK;
    }
    last->size = next->size;
    last->root = next->root;
    return err;
}

static enum pv_err
walk_kept(struct audit *audit, int fd, struct pv_buf *room)
{
    struct last last = {.size = 0, .root = pv_merkle_empty};
    uint64_t    number = 0;
    bool        is_end = false;
    enum pv_err err = PV_OK;

    for (;;) {
        struct pv_checkpoint checkpoint = {.size = 0};
        struct pv_note       note;
        bool                 good;
        size_t               len;

        while (!is_end && room->len < room->cap) {
            ssize_t n = read(fd, room->ptr + room->len, room->cap - room->len);

            if (n == -1) {
                return PV_ESYS;
            }
            is_end = n == 0;
            room->len += (size_t)n;
        }
        if (room->len == 0) {
            if (last.size > audit->ask->size) {
                older_than(audit, PUBLISHED, audit->ask->size, KEPT, last.size);
            }
            return PV_OK;
        }
        len = note_end(pv_buf_view(room), is_end);
        if (len == 0) {
            audit_found(audit, "checkpoint-torn", KEPT, number,
                        "what follows checkpoint %llu of the file is no whole "
                        "note",
                        (unsigned long long)number);
            return PV_OK;
        }
        number++;
        err = check_note(audit, KEPT, number, (struct pv_slice){room->ptr, len},
                         &checkpoint, &note, &good);
        if (err == PV_OK && good) {
            audit->ask->checkpoints++;
            err = check_growth(audit, number, &last, &checkpoint);
        }
        if (err != PV_OK) {
            return err;
        }
        memmove(room->ptr, room->ptr + len, room->len - len);
        room->len -= len;
    }
}

enum pv_err
audit_kept(struct audit *audit)
{
    struct pv_buf room;
    enum pv_err   err;
    int           fd =
        openat(audit->ask->log_dirfd, KEPT, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd == -1) {
        return errno == ENOENT ? PV_OK : PV_ESYS; /* none was kept yet */
    }
    pv_buf_init(&room, ROOM_MAX);
    err = pv_buf_reserve(&room, ROOM_MAX);
    if (err == PV_OK) {
        err = walk_kept(audit, fd, &room);
    }
    pv_buf_clear(&room);
    (void)close(fd); /* read-only: nothing to lose */
    return err;
}
