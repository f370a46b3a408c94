/* journal.c - the one writer of segment files. */
#include "trace/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/num.h"

#define LOCK_NAME "lock"
#define ZERO_CHUNK (UINT64_C(1) << 20)
#define FILE_MODE 0640 /* a group may be let to read the trace */

/*
 * The sector that the disk under dirfd writes as a whole, which is often
 * larger than the one it takes. The largest one where that is not known.
 */
static uint32_t
disk_align(int dirfd)
{
    static const char *const up[] = {"", "../"}; /* a disk, a partition */
    struct stat              st;

    for (size_t i = 0; i < 2 && fstat(dirfd, &st) == 0; i++) {
        char     path[96];
        char     text[PV_U64_TEXT_MAX + 1];
        uint64_t size;
        ssize_t  len;
        int      fd;

        (void)snprintf(path, sizeof(path),
                       "/sys/dev/block/%u:%u/%squeue/physical_block_size",
                       major(st.st_dev), minor(st.st_dev), up[i]); /* fits */
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd == -1) {
            continue;
        }
        len = read(fd, text, sizeof(text));
        (void)close(fd); /* read-only: nothing to lose */
        if (len > 1 &&
            pv_slice_to_u64((struct pv_slice){text, (size_t)len - 1},
                            PV_COMMIT_ALIGN_MAX, &size) == PV_OK &&
            size >= PV_COMMIT_ALIGN_MIN && (size & (size - 1)) == 0) {
            return (uint32_t)size;
        }
    }
    return PV_COMMIT_ALIGN_MAX;
}

enum pv_err
pv_journal_open(const char *dir, const struct pv_journal_options *options,
                struct pv_journal *ret_journal, struct pv_why *why)
{
    struct pv_journal journal;
    enum pv_err       err = PV_ESYS;

    memset(&journal, 0, sizeof(journal));
    journal.lockfd = -1;
    journal.fd = -1;
    journal.dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (journal.dirfd == -1) {
        pv_why_set(why, "cannot open the journal directory %s: %s", dir,
                   strerror(errno));
        goto out;
    }
    journal.lockfd = openat(journal.dirfd, LOCK_NAME,
                            O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (journal.lockfd == -1) {
        pv_why_set(why, "cannot open %s/" LOCK_NAME ": %s", dir,
                   strerror(errno));
        goto out;
    }
    if (flock(journal.lockfd, LOCK_EX | LOCK_NB) == -1) {
        err = errno == EWOULDBLOCK ? PV_EEXIST : PV_ESYS;
        pv_why_set(why, "another process writes the journal %s; stop it first",
                   dir);
        goto out;
    }
    if (options->node.len == 0 || options->node.len > PV_NODE_MAX ||
        options->segment_size < PV_SEGMENT_SIZE_MIN ||
        options->segment_size > PV_SEGMENT_SIZE_MAX ||
        options->segment_size % PV_COMMIT_ALIGN_MAX != 0) {
        pv_why_set(why, "the segment size or the node id is out of range");
        err = PV_EINVAL;
        goto out;
    }
    journal.segment.node_len = (uint8_t)options->node.len;
    memcpy(journal.segment.node, options->node.ptr, options->node.len);
    journal.segment.align =
        options->align != 0 ? options->align : disk_align(journal.dirfd);
    journal.segment_size = options->segment_size;
    journal.next_commit = 1;
    *ret_journal = journal;
    journal.dirfd = -1; /* handed to the caller */
    journal.lockfd = -1;
    err = PV_OK;

out:
    pv_journal_close(&journal);
    return err;
}

void
pv_journal_close(struct pv_journal *journal)
{
    int *const fd[] = {&journal->fd, &journal->lockfd, &journal->dirfd};

    for (size_t i = 0; i < sizeof(fd) / sizeof(fd[0]); i++) {
        if (*fd[i] != -1) {
            (void)close(*fd[i]); /* what counts was synced before */
            *fd[i] = -1;
        }
    }
}

/* All of it, or PV_ESYS with errno. */
static enum pv_err
write_at(int fd, const uint8_t *bytes, size_t len, uint64_t at)
{
    while (len > 0) {
        ssize_t n = pwrite(fd, bytes, len, (off_t)at);

        if (n == -1 && errno == EINTR) {
            continue; /* nothing was written */
        }
        if (n <= 0) {
            if (n == 0) {
                errno = EIO;
            }
            return PV_ESYS;
        }
        bytes += n;
        len -= (size_t)n;
        at += (uint64_t)n;
    }
    return PV_OK;
}

void
pv_journal_go_direct(struct pv_journal *journal)
{
    int flags = fcntl(journal->fd, F_GETFL);

    journal->direct =
        flags != -1 && fcntl(journal->fd, F_SETFL, flags | O_DIRECT) == 0;
}

/* Without O_DIRECT, on a file system or a disk that does not take it so. */
static void
go_buffered(struct pv_journal *journal)
{
    int flags = fcntl(journal->fd, F_GETFL);

    journal->direct = false;
    if (flags != -1) {
        /* the next write tells whether it helped */
        (void)fcntl(journal->fd, F_SETFL, flags & ~O_DIRECT);
    }
}

enum pv_err
pv_segment_prepare(int dirfd, uint64_t size, int *ret_fd)
{
    static const uint8_t zeros[ZERO_CHUNK];
    enum pv_err          err = PV_ESYS;
    int                  kept;
    int                  fd;

    if (unlinkat(dirfd, PV_SEGMENT_SPARE, 0) == -1 && errno != ENOENT) {
        return PV_ESYS;
    }
    fd = openat(dirfd, PV_SEGMENT_SPARE,
                O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    if (fd == -1) {
        return PV_ESYS;
    }
    if (fallocate(fd, 0, 0, (off_t)size) == -1 && errno != EOPNOTSUPP) {
        goto out;
    }
    for (uint64_t at = 0; at < size; at += ZERO_CHUNK) {
        uint64_t len = size - at < ZERO_CHUNK ? size - at : ZERO_CHUNK;

        if (write_at(fd, zeros, (size_t)len, at) != PV_OK) {
            goto out;
        }
    }
    if (fsync(fd) == -1) {
        goto out;
    }
    /* zeros in the page cache would only be in the way; a hint */
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    *ret_fd = fd;
    fd = -1; /* handed to the caller */
    err = PV_OK;

out:
    kept = errno;
    if (fd != -1) {
        (void)close(fd); /* the spare is thrown away */
        (void)unlinkat(dirfd, PV_SEGMENT_SPARE, 0); /* removed at start too */
    }
    errno = kept;
    return err;
}

/* Is the file under the spare's name the one that will be written? A segment
 * whose name stood for another file would take commits that nobody finds. */
static bool
is_spare(int dirfd, const struct stat *written)
{
    struct stat named;

    return fstatat(dirfd, PV_SEGMENT_SPARE, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           named.st_dev == written->st_dev && named.st_ino == written->st_ino;
}

enum pv_err
pv_journal_next(struct pv_journal *journal, int spare, enum pv_segment_why why)
{
    struct pv_segment_head head = journal->segment;
    char                   name[PV_SEGMENT_NAME_LEN + 1];
    uint8_t                bytes[PV_SEGMENT_HEAD_LEN];
    struct stat            st;
    enum pv_err            err = PV_ESYS;
    int                    fd = spare;
    int                    kept;

    if (fd == -1) {
        err = pv_segment_prepare(journal->dirfd, journal->segment_size, &fd);
        if (err != PV_OK) {
            return err;
        }
    }
    err = PV_ESYS;
    if (fstat(fd, &st) == -1) {
        goto out;
    }
    if (why == PV_SEGMENT_FIRST &&
        getrandom(head.journal_id, sizeof(head.journal_id), 0) !=
            sizeof(head.journal_id)) {
        goto out;
    }
    head.number = journal->segment.number + 1;
    head.first_index = journal->next_index;
    head.first_commit = journal->next_commit;
    head.size = (uint64_t)st.st_size;
    head.made_ms = journal->time_ms;
    head.why = why;
    head.before_end = why == PV_SEGMENT_FIRST ? 0 : journal->at;
    head.before_crc = journal->last_crc;
    pv_segment_head_write(&head, bytes);
    if (write_at(fd, bytes, sizeof(bytes), 0) != PV_OK || fsync(fd) == -1) {
        goto out;
    }
    pv_segment_name(head.number, name);
    if (!is_spare(journal->dirfd, &st)) {
        errno = ESTALE;
        goto out;
    }
    /* no segment is ever replaced: EEXIST would be a stranger's file */
    if (renameat2(journal->dirfd, PV_SEGMENT_SPARE, journal->dirfd, name,
                  RENAME_NOREPLACE) == -1) {
        goto out;
    }
    if (fsync(journal->dirfd) == -1) {
        kept = errno;
        /* not durable: it must not be found by the next start */
        (void)unlinkat(journal->dirfd, name, 0); /* no leaf is in it */
        errno = kept;
        goto out;
    }
    if (journal->fd != -1) {
        (void)close(journal->fd); /* all of it was synced, or has failed */
    }
    journal->fd = fd;
    fd = -1; /* handed to the journal */
    journal->segment = head;
    journal->at = PV_SEGMENT_HEAD_LEN;
    pv_journal_go_direct(journal);
    journal->failed = false;
    journal->marked = true; /* the new head says that all before is complete */
    err = PV_OK;

out:
    kept = errno;
    if (fd != -1) {
        (void)close(fd); /* the spare is thrown away */
        (void)unlinkat(journal->dirfd, PV_SEGMENT_SPARE, 0); /* or by start */
    }
    errno = kept;
    return err;
}

static uint64_t
align_up(uint64_t n, uint64_t align)
{
    return (n + align - 1) & ~(align - 1);
}

bool
pv_journal_fits(const struct pv_journal *journal, size_t len)
{
    return journal->fd != -1 && align_up(len, journal->segment.align) <=
                                    journal->segment.size - journal->at;
}

/* The head, the padding, one pwrite, one fdatasync. */
enum pv_err
pv_journal_commit(struct pv_journal *journal, struct pv_commit *commit,
                  int64_t now_ms)
{
    uint64_t    len = align_up(commit->len, journal->segment.align);
    int64_t     time_ms = now_ms > journal->time_ms ? now_ms : journal->time_ms;
    uint8_t    *head = commit->buf;
    enum pv_err err;

    if (journal->fd == -1 || journal->failed ||
        commit->first_index != journal->next_index) {
        return PV_ESTATE;
    }
    if (!pv_journal_fits(journal, commit->len)) {
        return PV_EFULL;
    }
    pv_store_u32(head, PV_COMMIT_MAGIC);
    pv_store_u64(head + 8, journal->next_commit);
    pv_store_u64(head + 16, commit->first_index);
    pv_store_u64(head + 24, (uint64_t)time_ms);
    pv_store_u32(head + 32, (uint32_t)commit->len);
    pv_store_u32(head + 36, commit->frame_count);
    pv_store_u32(head + 40, commit->leaf_count);
    pv_store_u32(head + 44, commit->body_crc);
    pv_store_u32(head + 48, journal->last_crc);
    pv_store_u32(head + 4, pv_crc32c(0, head + 8, PV_COMMIT_HEAD_LEN - 8));
    memset(commit->buf + commit->len, 0, len - commit->len);

    err = write_at(journal->fd, commit->buf, len, journal->at);
    if (err != PV_OK && errno == EINVAL && journal->direct) {
        go_buffered(journal); /* nothing was tried yet, let alone written */
        err = write_at(journal->fd, commit->buf, len, journal->at);
    }
    if (err != PV_OK || fdatasync(journal->fd) == -1) {
        journal->failed = true; /* what the disk holds now is unknown */
        return PV_ESYS;
    }
    journal->at += len;
    journal->next_index += commit->leaf_count;
    journal->next_commit++;
    journal->last_crc = pv_load_u32(head + 4);
    journal->time_ms = time_ms;
    journal->marked = commit->frame_count == 0;
    return PV_OK;
}

enum pv_err
pv_journal_mark(struct pv_journal *journal, int64_t now_ms)
{
    _Alignas(PV_COMMIT_ALIGN_MAX)
        uint8_t      room[PV_COMMIT_HEAD_LEN + PV_COMMIT_ALIGN_MAX];
    struct pv_commit mark = {.buf = room, .cap = PV_COMMIT_HEAD_LEN};

    pv_commit_begin(&mark, journal->next_index);
    return pv_journal_commit(journal, &mark, now_ms);
}
