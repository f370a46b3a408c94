/* journal_read.c - reading segments, and recovery of the writer. */
#include "trace/journal_read.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"

#define SCAN_CHUNK (UINT64_C(256) << 10)
#define SEEK_CHUNK (UINT64_C(16) << 10)
#define SEEK_WALK (UINT64_C(32) << 10) /* shorter: walked head by head */

static int
compare_numbers(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

enum pv_err
pv_segment_list_read(int dirfd, struct pv_segment_list *ret_list)
{
    struct pv_segment_list list = {NULL, 0};
    struct dirent         *entry;
    enum pv_err            err = PV_ESYS;
    size_t                 cap = 0;
    DIR                   *dir = NULL;
    int                    fd;

    fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd == -1) {
        return PV_ESYS;
    }
    dir = fdopendir(fd);
    if (dir == NULL) {
        (void)close(fd); /* read-only: nothing to lose */
        return PV_ESYS;
    }
    for (;;) {
        uint64_t number;

        errno = 0;
        entry = readdir(dir);
        if (entry == NULL) {
            break;
        }
        if (pv_segment_number(pv_slice_from(entry->d_name), &number) != PV_OK) {
            continue;
        }
        if (list.count == cap) {
            size_t    more = cap == 0 ? 64 : cap * 2;
            uint64_t *grown;

            if (more > PV_SEGMENTS_MAX) {
                err = PV_ERANGE;
                goto out;
            }
            grown = realloc(list.number, more * sizeof(*grown));
            if (grown == NULL) {
                err = PV_ENOMEM;
                goto out;
            }
            list.number = grown;
            cap = more;
        }
        list.number[list.count++] = number;
    }
    if (errno != 0) {
        goto out;
    }
    if (list.count > 0) {
        qsort(list.number, list.count, sizeof(*list.number), compare_numbers);
    }
    *ret_list = list;
    list.number = NULL; /* handed to the caller */
    err = PV_OK;

out:
    free(list.number);
    (void)closedir(dir); /* read-only: nothing to lose */
    return err;
}

void
pv_segment_list_clear(struct pv_segment_list *list)
{
    if (list != NULL) {
        free(list->number);
        list->number = NULL;
        list->count = 0;
    }
}

/* len bytes, or PV_ESYS; PV_ECORRUPT when the file ends before. */
static enum pv_err
read_at(int fd, uint8_t *bytes, size_t len, uint64_t at)
{
    while (len > 0) {
        ssize_t n = pread(fd, bytes, len, (off_t)at);

        if (n == -1 && errno == EINTR) {
            continue;
        }
        if (n == -1) {
            return PV_ESYS;
        }
        if (n == 0) {
            return PV_ECORRUPT;
        }
        bytes += n;
        len -= (size_t)n;
        at += (uint64_t)n;
    }
    return PV_OK;
}

enum pv_err
pv_segment_open(int dirfd, uint64_t number,
                struct pv_segment_reader *ret_reader)
{
    struct pv_segment_reader reader;
    uint8_t                  bytes[PV_SEGMENT_HEAD_LEN];
    char                     name[PV_SEGMENT_NAME_LEN + 1];
    struct stat              st;
    enum pv_err              err = PV_ESYS;

    memset(&reader, 0, sizeof(reader));
    pv_segment_name(number, name);
    reader.fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (reader.fd == -1) {
        return errno == ENOENT ? PV_ENOTFOUND : PV_ESYS;
    }
    if (fstat(reader.fd, &st) == -1) {
        goto out;
    }
    err = read_at(reader.fd, bytes, sizeof(bytes), 0);
    if (err != PV_OK) {
        goto out;
    }
    err = pv_segment_head_read(bytes, &reader.head);
    if (err != PV_OK) {
        goto out;
    }
    if (reader.head.number != number || st.st_size < 0 ||
        (uint64_t)st.st_size < reader.head.size) {
        err = PV_ECORRUPT;
        goto out;
    }
    reader.size = reader.head.size;
    reader.buf = malloc(PV_COMMIT_LEN_MAX + PV_COMMIT_ALIGN_MAX);
    if (reader.buf == NULL) {
        err = PV_ENOMEM;
        goto out;
    }
    *ret_reader = reader;
    reader.fd = -1; /* handed to the caller */
    reader.buf = NULL;

out:
    pv_segment_close(&reader);
    return err;
}

void
pv_segment_close(struct pv_segment_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    free(reader->buf);
    reader->buf = NULL;
    if (reader->fd != -1) {
        (void)close(reader->fd); /* read-only: nothing to lose */
        reader->fd = -1;
    }
}

enum pv_err
pv_segment_commit(struct pv_segment_reader *reader, uint64_t at,
                  struct pv_commit_view *ret_view, uint64_t *ret_bad)
{
    struct pv_commit_view view;
    uint64_t              align = reader->head.align;
    size_t                bad = 0;
    enum pv_err           err;

    if (at >= reader->size || reader->size - at < PV_COMMIT_HEAD_LEN) {
        return PV_ENOTFOUND;
    }
    err = read_at(reader->fd, reader->buf, PV_COMMIT_HEAD_LEN, at);
    if (err != PV_OK) {
        goto out;
    }
    err = pv_commit_head_read(reader->buf, &view.head);
    if (err != PV_OK) {
        goto out;
    }
    view.at = at;
    view.next = (at + view.head.len + align - 1) & ~(align - 1);
    if (view.next > reader->size) {
        err = PV_ECORRUPT;
        goto out;
    }
    err = read_at(reader->fd, reader->buf, (size_t)(view.next - at), at);
    if (err != PV_OK) {
        goto out;
    }
    for (uint64_t i = view.head.len; i < view.next - at; i++) {
        if (reader->buf[i] != 0) { /* the padding */
            bad = view.head.len;
            err = PV_ECORRUPT;
            goto out;
        }
    }
    view.bytes = (struct pv_slice){(const char *)reader->buf, view.head.len};
    err = pv_commit_check(view.bytes, &view.head, &bad);
    if (err == PV_OK) {
        *ret_view = view;
    }

out:
    if (err == PV_ECORRUPT && ret_bad != NULL) {
        *ret_bad = at + bad;
    }
    return err;
}

enum pv_err
pv_segment_commit_head(const struct pv_segment_reader *reader, uint64_t at,
                       struct pv_commit_head *ret_head, uint64_t *ret_next)
{
    uint8_t               bytes[PV_COMMIT_HEAD_LEN];
    uint64_t              align = reader->head.align;
    struct pv_commit_head head;
    uint64_t              next;
    enum pv_err           err;

    if (at >= reader->size || reader->size - at < PV_COMMIT_HEAD_LEN) {
        return PV_ENOTFOUND;
    }
    err = read_at(reader->fd, bytes, sizeof(bytes), at);
    if (err == PV_OK) {
        err = pv_commit_head_read(bytes, &head);
    }
    if (err != PV_OK) {
        return err;
    }
    next = (at + head.len + align - 1) & ~(align - 1);
    if (next > reader->size) {
        return PV_ECORRUPT;
    }
    *ret_head = head;
    *ret_next = next;
    return PV_OK;
}

void
pv_segment_forget_cached(const struct pv_segment_reader *reader, uint64_t from,
                         uint64_t until)
{
    from &= ~(uint64_t)(PV_COMMIT_ALIGN_MAX - 1); /* whole pages */
    /* a hint; pages that were not written yet stay */
    (void)posix_fadvise(reader->fd, (off_t)from, (off_t)(until - from),
                        POSIX_FADV_DONTNEED);
}

static bool
is_zero(const uint8_t *bytes, size_t len)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0;
}

/*
 * The next commit head at or behind an offset (a multiple of the alignment),
 * as its check sum knows it. PV_ENOTFOUND when there is none before limit, or
 * before the first block of zeros when that ends the search: no commit of a
 * sound journal has one in it.
 */
static enum pv_err
find_head(struct pv_segment_reader *reader, uint64_t at, uint64_t limit,
          bool zeros_end, struct pv_commit_head *ret_head, uint64_t *ret_at)
{
    uint64_t align = reader->head.align;
    uint64_t chunk = SEEK_CHUNK; /* most commits are short */

    for (uint64_t len; at < limit; at += len) {
        enum pv_err err;

        len = limit - at < chunk ? limit - at : chunk;
        chunk = chunk < SCAN_CHUNK ? chunk * 4 : chunk;
        err = read_at(reader->fd, reader->buf, (size_t)len, at);
        if (err != PV_OK) {
            return err;
        }
        for (uint64_t i = 0; i + PV_COMMIT_HEAD_LEN <= len; i += align) {
            if (pv_load_u32(reader->buf + i) == PV_COMMIT_MAGIC &&
                pv_commit_head_read(reader->buf + i, ret_head) == PV_OK) {
                *ret_at = at + i;
                return PV_OK;
            }
            if (zeros_end && i + align <= len &&
                is_zero(reader->buf + i, (size_t)align)) {
                return PV_ENOTFOUND;
            }
        }
    }
    return PV_ENOTFOUND;
}

enum pv_err
pv_segment_judge_end(struct pv_segment_reader *reader, uint64_t at)
{
    uint64_t              limit = at + PV_COMMIT_LEN_MAX + reader->head.align;
    struct pv_commit_view view;
    struct pv_commit_head head;
    uint64_t              found;
    enum pv_err           err;

    err = find_head(reader, at + reader->head.align,
                    limit < reader->size ? limit : reader->size, false, &head,
                    &found);
    if (err != PV_OK) {
        return err;
    }
    /* both may have been written since it was read */
    pv_segment_forget_cached(reader, at, limit);
    err = pv_segment_commit(reader, at, &view, NULL);
    return err == PV_ENOTFOUND ? PV_ECORRUPT : err;
}

/* What a search in a segment looks for. */
struct goal {
    bool     by_index;
    int64_t  when_ms;
    uint64_t index;
};

/* The commit stands wholly before what is looked for. */
static bool
is_before(const struct pv_commit_head *head, const struct goal *goal)
{
    return goal->by_index ? head->first_index + head->leaf_count <= goal->index
                          : head->time_ms < goal->when_ms;
}

/* *ret_before: of the commit before *ret_at; 0 when that is the first. */
static enum pv_err
seek(struct pv_segment_reader *reader, const struct goal *goal,
     uint64_t *ret_at, uint64_t *ret_before)
{
    uint64_t              align = reader->head.align;
    uint64_t              low = PV_SEGMENT_HEAD_LEN; /* a commit, or the end */
    uint64_t              high = reader->size; /* nothing from here is before */
    uint64_t              before = 0;
    struct pv_commit_head head;
    uint64_t              at;
    enum pv_err           err;

    /*
     * Narrow down by the first head behind the middle. Commits stand without
     * gaps: where none begins within the longest one, none follows.
     */
    while (high > low && high - low > SEEK_WALK) {
        uint64_t middle = (low + (high - low) / 2) & ~(align - 1);
        uint64_t limit = middle + PV_COMMIT_LEN_MAX + align;

        err = find_head(reader, middle, limit < high ? limit : high, true,
                        &head, &at);
        if (err != PV_OK && err != PV_ENOTFOUND) {
            return err;
        }
        if (err == PV_ENOTFOUND || !is_before(&head, goal)) {
            high = middle;
        } else {
            low = at;
        }
    }
    /* then walk */
    while (low < reader->size && reader->size - low >= PV_COMMIT_HEAD_LEN) {
        err = read_at(reader->fd, reader->buf, PV_COMMIT_HEAD_LEN, low);
        if (err != PV_OK) {
            return err;
        }
        if (pv_commit_head_read(reader->buf, &head) != PV_OK ||
            !is_before(&head, goal)) {
            break;
        }
        before = low;
        low = (low + head.len + align - 1) & ~(align - 1);
        if (low > reader->size) {
            return PV_ECORRUPT;
        }
    }
    *ret_at = low;
    *ret_before = before;
    return PV_OK;
}

enum pv_err
pv_segment_seek(struct pv_segment_reader *reader, int64_t when_ms,
                uint64_t *ret_at)
{
    const struct goal goal = {.when_ms = when_ms};
    uint64_t          before;

    return seek(reader, &goal, ret_at, &before);
}

enum pv_err
pv_segment_seek_index(struct pv_segment_reader *reader, uint64_t index,
                      uint64_t *ret_at)
{
    const struct goal goal = {.by_index = true, .index = index};
    uint64_t          before;

    return seek(reader, &goal, ret_at, &before);
}

enum pv_err
pv_segment_last(struct pv_segment_reader *reader, uint64_t *ret_at)
{
    const struct goal goal = {.by_index = true, .index = UINT64_MAX};
    uint64_t          at;
    uint64_t          before = 0;
    enum pv_err       err = seek(reader, &goal, &at, &before);

    if (err == PV_OK && before == 0) {
        err = PV_ENOTFOUND;
    }
    if (err == PV_OK) {
        *ret_at = before;
    }
    return err;
}

/* ---- recovery --------------------------------------------------------- */

struct walk {
    struct pv_journal  *journal;
    struct pv_recovery *recovery;
    struct pv_why      *why;
    uint64_t            last_at; /* of the last commit in the last segment */
    size_t              last_len;
};

static enum pv_err
damaged(struct walk *walk, uint64_t number, uint64_t at, const char *what)
{
    char name[PV_SEGMENT_NAME_LEN + 1];

    pv_segment_name(number, name);
    pv_why_set(walk->why,
               "damage in the journal: %s at offset %llu: %s; nothing was "
               "changed. Restore this file from a copy, or move the journal "
               "away and keep it as evidence",
               name, (unsigned long long)at, what);
    return PV_ECORRUPT;
}

static enum pv_err
failed(struct walk *walk, uint64_t number, enum pv_err err)
{
    char name[PV_SEGMENT_NAME_LEN + 1];

    pv_segment_name(number, name);
    if (err == PV_ECORRUPT || err == PV_EVERSION) {
        pv_why_set(walk->why,
                   "damage in the journal: %s at offset 0: its head does not "
                   "read (%s)",
                   name, pv_err_text(err));
    } else {
        pv_why_set(walk->why, "cannot read the segment %s: %s%s%s", name,
                   pv_err_text(err), err == PV_ESYS ? ": " : "",
                   err == PV_ESYS ? strerror(errno) : "");
    }
    return err;
}

/* Hand the frames of a commit on. */
static enum pv_err
walk_frames(struct walk *walk, uint64_t number,
            const struct pv_commit_view *view)
{
    struct pv_frame frame;
    size_t          at = 0;
    enum pv_err     err;

    while ((err = pv_commit_next_frame(view->bytes, &at, &frame)) == PV_OK) {
        walk->recovery->frame_count++;
        if (walk->recovery->on_frame != NULL &&
            number >= walk->recovery->from_number) {
            err = walk->recovery->on_frame(walk->recovery->context, &frame,
                                           view->head.time_ms);
            if (err == PV_ECORRUPT) {
                return damaged(walk, number, view->at,
                               "a record of this commit is not of the closed "
                               "list, or a later program's");
            }
            if (err != PV_OK) {
                return failed(walk, number, err);
            }
        }
    }
    return err == PV_ENOTFOUND ? PV_OK : err;
}

/*
 * Commits from the start of a segment up to end (0: up to what reads). Gives
 * PV_ENOTFOUND at zeros, PV_ECORRUPT at something else, PV_OK at end.
 */
static enum pv_err
walk_segment(struct walk *walk, struct pv_segment_reader *reader, uint64_t end)
{
    struct pv_journal    *journal = walk->journal;
    struct pv_commit_view view;
    uint64_t              number = reader->head.number;
    uint64_t              bad = 0;
    enum pv_err           err;

    journal->at = PV_SEGMENT_HEAD_LEN;
    while (end == 0 || journal->at < end) {
        err = pv_segment_commit(reader, journal->at, &view, &bad);
        if (err == PV_ESYS) {
            return failed(walk, number, err);
        }
        if (err != PV_OK) {
            if (end != 0) {
                return damaged(walk, number,
                               err == PV_ECORRUPT ? bad : journal->at,
                               "a commit that was acknowledged does not read");
            }
            return err;
        }
        if (view.head.number != journal->next_commit ||
            view.head.first_index != journal->next_index ||
            view.head.before_crc != journal->last_crc ||
            view.head.time_ms < journal->time_ms) {
            return damaged(walk, number, journal->at,
                           "a commit does not follow the one before it");
        }
        err = walk_frames(walk, number, &view);
        if (err != PV_OK) {
            return err;
        }
        journal->next_commit++;
        journal->next_index += view.head.leaf_count;
        journal->last_crc = view.head.head_crc;
        journal->time_ms = view.head.time_ms;
        journal->marked = view.head.frame_count == 0;
        walk->last_at = journal->at;
        walk->last_len = view.head.len;
        journal->at = view.next;
    }
    return journal->at == end
               ? PV_OK
               : damaged(walk, number, end, "a commit reaches over the end");
}

/* Start from what a segment's head says of all before it. */
static void
begin_at(struct pv_journal *journal, const struct pv_segment_head *head)
{
    journal->next_index = head->first_index;
    journal->next_commit = head->first_commit;
    journal->last_crc = head->before_crc;
    journal->time_ms = head->made_ms;
}

/*
 * Behind the last commit that reads, in the last segment: zeros, or one torn
 * commit, or damage. Law and reasons: journal.h.
 */
static enum pv_err
judge_tail(struct walk *walk, struct pv_segment_reader *reader, bool *ret_torn)
{
    struct pv_journal    *journal = walk->journal;
    uint64_t              at = journal->at;
    uint64_t              last = 0; /* behind the last byte that is not 0 */
    struct pv_commit_head head;
    uint64_t              found;
    enum pv_err           err;

    for (uint64_t from = at; from < reader->size; from += SCAN_CHUNK) {
        uint64_t len =
            reader->size - from < SCAN_CHUNK ? reader->size - from : SCAN_CHUNK;

        err = read_at(reader->fd, reader->buf, (size_t)len, from);
        if (err != PV_OK) {
            return failed(walk, reader->head.number, err);
        }
        if (reader->buf[0] == 0 &&
            memcmp(reader->buf, reader->buf + 1, (size_t)len - 1) == 0) {
            continue; /* all zeros */
        }
        while (reader->buf[len - 1] == 0) {
            len--;
        }
        last = from + len;
    }
    if (last == 0) {
        *ret_torn = false;
        return PV_OK;
    }
    found = at + reader->head.align;
    while ((err = find_head(reader, found, reader->size, false, &head,
                            &found)) == PV_OK) {
        if (head.number > journal->next_commit) {
            return damaged(walk, reader->head.number, at,
                           "a commit does not read, and later ones do");
        }
        found += reader->head.align;
    }
    if (err != PV_ENOTFOUND) {
        return failed(walk, reader->head.number, err);
    }
    if (last > at + PV_COMMIT_LEN_MAX) {
        return damaged(walk, reader->head.number, at,
                       "bytes stand where no torn commit can have put them");
    }
    walk->recovery->torn_number = reader->head.number;
    walk->recovery->torn_at = at;
    *ret_torn = true;
    return PV_OK;
}

/* Write the last commit's own bytes once more and sync them. */
static enum pv_err
make_durable(struct walk *walk, struct pv_segment_reader *reader)
{
    struct pv_journal *journal = walk->journal;
    size_t             len = walk->last_len;
    enum pv_err        err = PV_OK;

    if (len > 0) {
        err = read_at(reader->fd, reader->buf, len, walk->last_at);
    }
    if (err == PV_OK && len > 0) {
        uint8_t *bytes = reader->buf;
        uint64_t at = walk->last_at;

        while (len > 0) {
            ssize_t n = pwrite(journal->fd, bytes, len, (off_t)at);

            if (n == -1 && errno == EINTR) {
                continue;
            }
            if (n <= 0) {
                err = PV_ESYS;
                break;
            }
            bytes += n;
            at += (uint64_t)n;
            len -= (size_t)n;
        }
    }
    if (err == PV_OK && fdatasync(journal->fd) == -1) {
        err = PV_ESYS;
    }
    if (err == PV_OK && fsync(journal->dirfd) == -1) {
        err = PV_ESYS;
    }
    if (err != PV_OK) {
        pv_why_set(walk->why, "cannot write the end of the journal again: %s",
                   strerror(errno));
    }
    return err;
}

/* Open the last segment for writing behind its last commit. */
static enum pv_err
go_on(struct walk *walk, struct pv_segment_reader *reader, bool torn)
{
    struct pv_journal *journal = walk->journal;
    char               name[PV_SEGMENT_NAME_LEN + 1];
    enum pv_err        err;

    pv_segment_name(reader->head.number, name);
    journal->fd = openat(journal->dirfd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (journal->fd == -1) {
        pv_why_set(walk->why, "cannot open %s for writing: %s", name,
                   strerror(errno));
        return PV_ESYS;
    }
    err = make_durable(walk, reader);
    if (err == PV_OK) {
        pv_journal_go_direct(journal);
    }
    if (err != PV_OK || !torn) {
        return err;
    }
    err = pv_journal_next(journal, -1, PV_SEGMENT_TORN);
    if (err != PV_OK) {
        pv_why_set(walk->why,
                   "cannot begin a segment behind the torn end of %s: %s", name,
                   strerror(errno));
    }
    return err;
}

/* Check that b follows a, by their heads alone. */
static enum pv_err
check_heads(struct walk *walk, const struct pv_segment_head *a,
            const struct pv_segment_head *b)
{
    if (b->number != a->number + 1) {
        char name[PV_SEGMENT_NAME_LEN + 1];

        pv_segment_name(a->number + 1, name);
        pv_why_set(walk->why,
                   "damage in the journal: the segment %s is missing", name);
        return PV_ECORRUPT;
    }
    if (b->first_index < a->first_index || b->first_commit < a->first_commit ||
        b->made_ms < a->made_ms || b->before_end < PV_SEGMENT_HEAD_LEN ||
        b->before_end > a->size || b->why == PV_SEGMENT_FIRST ||
        memcmp(a->journal_id, b->journal_id, PV_JOURNAL_ID_LEN) != 0) {
        return damaged(walk, b->number, 0,
                       "the segment does not follow the one before it");
    }
    return PV_OK;
}

/* The first segment may be missing only where that was written down. */
static enum pv_err
check_first(struct walk *walk, uint64_t number)
{
    char            text[PV_U64_TEXT_MAX + 1];
    char            name[PV_SEGMENT_NAME_LEN + 1];
    struct pv_slice line;
    struct pv_slice rest;
    uint64_t        removed = 1;
    ssize_t         len = 0;
    int             fd;

    fd = openat(walk->journal->dirfd, PV_JOURNAL_REMOVED,
                O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd == -1 && errno != ENOENT) {
        return PV_ESYS;
    }
    if (fd != -1) {
        len = read(fd, text, sizeof(text));
        (void)close(fd); /* read-only: nothing to lose */
        if (len < 0 ||
            !pv_slice_cut((struct pv_slice){text, (size_t)len}, '\n', &line,
                          &rest) ||
            pv_slice_to_u64(line, PV_SEGMENT_NUMBER_MAX, &removed) != PV_OK) {
            pv_why_set(walk->why,
                       "damage in the journal: the file " PV_JOURNAL_REMOVED
                       " does not read");
            return PV_ECORRUPT;
        }
    }
    if (number > removed) {
        pv_segment_name(removed, name);
        pv_why_set(
            walk->why,
            "damage in the journal: the segment %s is missing; it was "
            "removed behind our back. Restore it from a copy; or, when "
            "somebody decided to remove it, write the number of the "
            "first segment that is left into the file " PV_JOURNAL_REMOVED,
            name);
        return PV_ECORRUPT;
    }
    return PV_OK;
}

/* Read all heads; ret_head has list->count items. */
static enum pv_err
read_heads(struct walk *walk, const struct pv_segment_list *list,
           struct pv_segment_head *head)
{
    struct pv_segment_reader reader;
    enum pv_err              err;

    for (size_t i = 0; i < list->count; i++) {
        err = pv_segment_open(walk->journal->dirfd, list->number[i], &reader);
        if (err != PV_OK) {
            return failed(walk, list->number[i], err);
        }
        head[i] = reader.head;
        pv_segment_close(&reader);
        if (i > 0) {
            err = check_heads(walk, &head[i - 1], &head[i]);
            if (err != PV_OK) {
                return err;
            }
        }
    }
    return PV_OK;
}

/* The first segment that is read in full. */
static size_t
choose_first(const struct pv_recovery     *recovery,
             const struct pv_segment_head *head, size_t count)
{
    uint64_t len = 0;
    size_t   first = count - 1;

    while (first > 0) {
        bool needed = head[first].number > recovery->from_number;

        len += head[first].size;
        if (len >= recovery->verify_len && !needed && count - first >= 2) {
            break;
        }
        first--;
    }
    return first;
}

static enum pv_err
walk_all(struct walk *walk, const struct pv_segment_list *list,
         const struct pv_segment_head *head)
{
    struct pv_journal       *journal = walk->journal;
    struct pv_segment_reader reader = {.fd = -1};
    size_t      first = choose_first(walk->recovery, head, list->count);
    bool        torn = false;
    enum pv_err err = PV_OK;

    begin_at(journal, &head[first]);
    for (size_t i = first; i < list->count; i++) {
        bool last = i + 1 == list->count;

        if (head[i].first_index != journal->next_index ||
            head[i].first_commit != journal->next_commit ||
            head[i].before_crc != journal->last_crc ||
            head[i].made_ms < journal->time_ms) {
            return damaged(walk, head[i].number, 0,
                           "the segment does not go on where the one before "
                           "it ends");
        }
        err = pv_segment_open(journal->dirfd, list->number[i], &reader);
        if (err != PV_OK) {
            return failed(walk, list->number[i], err);
        }
        pv_segment_forget_cached(&reader, 0, reader.size);
        journal->time_ms = head[i].made_ms;
        journal->marked = true;
        walk->last_len = 0;
        walk->recovery->read_count++;
        err = walk_segment(walk, &reader, last ? 0 : head[i + 1].before_end);
        if (last && (err == PV_ENOTFOUND ||
                     (err == PV_ECORRUPT && walk->why->text[0] == '\0'))) {
            err = judge_tail(walk, &reader, &torn);
            journal->segment = head[i];
            if (err == PV_OK && !walk->recovery->check_only) {
                err = go_on(walk, &reader, torn);
            }
        }
        pv_segment_close(&reader);
        if (err != PV_OK) {
            return err;
        }
    }
    return err;
}

static enum pv_err
begin_first(struct walk *walk)
{
    struct pv_journal *journal = walk->journal;
    enum pv_err        err;

    if (walk->recovery->check_only) {
        return PV_OK;
    }
    journal->time_ms = walk->recovery->now_ms;
    err = pv_journal_next(journal, -1, PV_SEGMENT_FIRST);
    if (err != PV_OK) {
        pv_why_set(walk->why, "cannot make the first segment: %s",
                   strerror(errno));
    }
    return err;
}

enum pv_err
pv_journal_recover(struct pv_journal *journal, struct pv_recovery *recovery,
                   struct pv_why *why)
{
    struct pv_why           own_why;
    struct walk             walk = {.journal = journal,
                                    .recovery = recovery,
                                    .why = why == NULL ? &own_why : why};
    struct pv_segment_list  list = {NULL, 0};
    struct pv_segment_head *head = NULL;
    enum pv_err             err;

    walk.why->text[0] = '\0';
    recovery->segment_count = 0;
    recovery->read_count = 0;
    recovery->frame_count = 0;
    recovery->torn_number = 0;
    if (!recovery->check_only &&
        unlinkat(journal->dirfd, PV_SEGMENT_SPARE, 0) == -1 &&
        errno != ENOENT) {
        pv_why_set(walk.why, "cannot remove " PV_SEGMENT_SPARE ": %s",
                   strerror(errno));
        return PV_ESYS;
    }
    err = pv_segment_list_read(journal->dirfd, &list);
    if (err != PV_OK) {
        pv_why_set(walk.why, "cannot list the journal directory: %s",
                   pv_err_text(err));
        return err;
    }
    recovery->segment_count = list.count;
    if (list.count == 0) {
        err = begin_first(&walk);
        goto out;
    }
    head = calloc(list.count, sizeof(*head));
    if (head == NULL) {
        err = PV_ENOMEM;
        goto out;
    }
    err = check_first(&walk, list.number[0]);
    if (err == PV_OK) {
        err = read_heads(&walk, &list, head);
    }
    if (err == PV_OK && !recovery->check_only &&
        (head[0].node_len != journal->segment.node_len ||
         memcmp(head[0].node, journal->segment.node, head[0].node_len) != 0)) {
        pv_why_set(walk.why, "the journal belongs to the node %.*s",
                   (int)head[0].node_len, head[0].node);
        err = PV_EINVAL;
    }
    if (err == PV_OK) {
        err = walk_all(&walk, &list, head);
    }
out:
    free(head);
    pv_segment_list_clear(&list);
    return err;
}
