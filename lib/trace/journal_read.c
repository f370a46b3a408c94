/* journal_read.c - reading segments. */
#include "trace/journal_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"

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

enum pv_err
segment_read_at(int fd, uint8_t *bytes, size_t len, uint64_t at)
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
    err = segment_read_at(reader.fd, bytes, sizeof(bytes), 0);
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
    err = segment_read_at(reader->fd, reader->buf, PV_COMMIT_HEAD_LEN, at);
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
    err =
        segment_read_at(reader->fd, reader->buf, (size_t)(view.next - at), at);
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
    err = segment_read_at(reader->fd, bytes, sizeof(bytes), at);
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

enum pv_err
segment_find_head(struct pv_segment_reader *reader, uint64_t at, uint64_t limit,
                  bool zeros_end, struct pv_commit_head *ret_head,
                  uint64_t *ret_at)
{
    uint64_t align = reader->head.align;
    uint64_t chunk = SEEK_CHUNK; /* most commits are short */

    for (uint64_t len; at < limit; at += len) {
        enum pv_err err;

        len = limit - at < chunk ? limit - at : chunk;
        chunk = chunk < SEGMENT_SCAN_CHUNK ? chunk * 4 : chunk;
        err = segment_read_at(reader->fd, reader->buf, (size_t)len, at);
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

    err = segment_find_head(reader, at + reader->head.align,
                            limit < reader->size ? limit : reader->size, false,
                            &head, &found);
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

        err = segment_find_head(reader, middle, limit < high ? limit : high,
                                true, &head, &at);
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
        err = segment_read_at(reader->fd, reader->buf, PV_COMMIT_HEAD_LEN, low);
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
