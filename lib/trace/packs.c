/* packs.c - the list of packs, and of prunings. Format: packs.h. */
#include "trace/packs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"

#define NUMBER_DIGITS 10
#define LEN_DIGITS 12
#define MS_DIGITS 15
#define CRC_AT 121
#define MS_MAX UINT64_C(999999999999999)

/* ---- codec -------------------------------------------------------------- */

void
pv_pack_line_write(const struct pv_pack_line *line, char room[PV_PACK_LINE_LEN])
{
    char     text[PV_PACK_LINE_LEN + 1];
    char     hex[2 * PV_HASH_LEN];
    uint32_t crc;
    int      len;

    pv_hex_text(line->hash.bytes, PV_HASH_LEN, hex);
    len = snprintf(text, sizeof(text), "%010llu %.*s %012llu %015lld %015lld ",
                   (unsigned long long)line->number, (int)sizeof(hex), hex,
                   (unsigned long long)line->len, (long long)line->first_ms,
                   (long long)line->last_ms);
    crc = pv_crc32c(0, text, CRC_AT);
    (void)snprintf(text + len, sizeof(text) - (size_t)len, "%08x\n",
                   crc); /* all fields are within their digits: fits */
    memcpy(room, text, PV_PACK_LINE_LEN);
}

/* Exactly so many digits, at *at, and a separator behind. */
static bool
take_number(struct pv_slice text, size_t *at, size_t digits, uint64_t *ret)
{
    uint64_t n = 0;

    for (size_t i = 0; i < digits; i++) {
        char c = text.ptr[*at + i];

        if (c < '0' || c > '9') {
            return false;
        }
        n = n * 10 + (uint64_t)(c - '0');
    }
    *at += digits + 1;
    *ret = n;
    return text.ptr[*at - 1] == ' ';
}

enum pv_err
pv_pack_line_read(struct pv_slice text, struct pv_pack_line *ret_line)
{
    struct pv_pack_line line = {.number = 0};
    char                again[PV_PACK_LINE_LEN];
    uint64_t            first_ms;
    uint64_t            last_ms;
    size_t              at = 0;

    if (text.len != PV_PACK_LINE_LEN ||
        !take_number(text, &at, NUMBER_DIGITS, &line.number) ||
        pv_hex_bytes((struct pv_slice){text.ptr + at, 2 * PV_HASH_LEN},
                     line.hash.bytes, PV_HASH_LEN) != PV_OK) {
        return PV_ECORRUPT;
    }
    at += 2 * PV_HASH_LEN + 1;
    if (!take_number(text, &at, LEN_DIGITS, &line.len) ||
        !take_number(text, &at, MS_DIGITS, &first_ms) ||
        !take_number(text, &at, MS_DIGITS, &last_ms) || first_ms > last_ms) {
        return PV_ECORRUPT;
    }
    line.first_ms = (int64_t)first_ms;
    line.last_ms = (int64_t)last_ms;
    pv_pack_line_write(&line, again);
    if (memcmp(again, text.ptr, sizeof(again)) != 0) {
        return PV_ECORRUPT;
    }
    *ret_line = line;
    return PV_OK;
}

/* ---- reading ------------------------------------------------------------ */

void
pv_packs_init(struct pv_packs *packs, int dirfd)
{
    *packs = (struct pv_packs){
        .dirfd = dirfd, .fd = -1, .list_len = -1, .pruned_len = -1};
}

void
pv_packs_clear(struct pv_packs *packs)
{
    if (packs != NULL && packs->fd != -1) {
        (void)close(packs->fd); /* read-only: nothing to lose */
        packs->fd = -1;
    }
}

static enum pv_err
read_line(int fd, uint64_t number, struct pv_pack_line *ret_line)
{
    char    text[PV_PACK_LINE_LEN];
    ssize_t n;

    do {
        n = pread(fd, text, sizeof(text), (off_t)(number * PV_PACK_LINE_LEN));
    } while (n == -1 && errno == EINTR);
    if (n == -1) {
        return PV_ESYS;
    }
    if (n != PV_PACK_LINE_LEN ||
        pv_pack_line_read((struct pv_slice){text, sizeof(text)}, ret_line) !=
            PV_OK ||
        ret_line->number != number) {
        return PV_ECORRUPT;
    }
    return PV_OK;
}

/* Whole lines; a last one that does not read was never complete. */
static enum pv_err
count_lines(int fd, uint64_t *ret_count)
{
    struct pv_pack_line line;
    struct stat         st;
    uint64_t            count;
    enum pv_err         err;

    if (fstat(fd, &st) == -1) {
        return PV_ESYS;
    }
    count = (uint64_t)st.st_size / PV_PACK_LINE_LEN;
    if (count > PV_PACK_NUMBER_MAX) {
        return PV_ECORRUPT;
    }
    if (count > 0) {
        err = read_line(fd, count - 1, &line);
        if (err == PV_ECORRUPT) {
            count--;
        } else if (err != PV_OK) {
            return err;
        }
    }
    *ret_count = count;
    return PV_OK;
}

static enum pv_err
take_end(void *context, const struct pv_pruning *pruning)
{
    uint64_t *end = context;

    *end = pruning->end;
    return PV_OK;
}

/* Both files only grow: what is as long as it was says what it said. */
static enum pv_err
refresh_list(struct pv_packs *packs)
{
    struct stat st;
    uint64_t    count = 0;
    enum pv_err err;

    if (fstat(packs->fd, &st) == -1) {
        return PV_ESYS;
    }
    if (st.st_size == packs->list_len) {
        return PV_OK;
    }
    err = count_lines(packs->fd, &count);
    if (err != PV_OK) {
        return err;
    }
    packs->count = count;
    /* a last line that is being written is looked at again */
    packs->list_len =
        (uint64_t)st.st_size == count * PV_PACK_LINE_LEN ? st.st_size : -1;
    return PV_OK;
}

static enum pv_err
refresh_pruned(struct pv_packs *packs)
{
    struct stat st;
    enum pv_err err;

    if (fstatat(packs->dirfd, PV_PRUNED_FILE, &st, AT_SYMLINK_NOFOLLOW) == -1) {
        return errno == ENOENT ? PV_OK : PV_ESYS;
    }
    if (st.st_size == packs->pruned_len &&
        st.st_mtim.tv_sec == packs->pruned_at.tv_sec &&
        st.st_mtim.tv_nsec == packs->pruned_at.tv_nsec) {
        return PV_OK;
    }
    err = pv_packs_prunings(packs->dirfd, take_end, &packs->pruned);
    if (err == PV_OK) {
        packs->pruned_len = st.st_size;
        packs->pruned_at = st.st_mtim;
    }
    return err;
}

enum pv_err
pv_packs_refresh(struct pv_packs *packs)
{
    enum pv_err err;

    if (packs->dirfd == -1) {
        return PV_OK;
    }
    if (packs->fd == -1) {
        packs->fd = openat(packs->dirfd, PV_PACKS_FILE,
                           O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (packs->fd == -1) {
            return errno == ENOENT ? PV_OK : PV_ESYS;
        }
    }
    err = refresh_list(packs);
    return err == PV_OK ? refresh_pruned(packs) : err;
}

enum pv_err
pv_packs_line(const struct pv_packs *packs, uint64_t number,
              struct pv_pack_line *ret_line)
{
    return number < packs->count ? read_line(packs->fd, number, ret_line)
                                 : PV_ENOTFOUND;
}

enum pv_err
pv_packs_seek(const struct pv_packs *packs, int64_t when_ms,
              uint64_t *ret_number)
{
    struct pv_pack_line line;
    uint64_t            low = 0;
    uint64_t            high = packs->count;

    while (low < high) {
        uint64_t    middle = low + (high - low) / 2;
        enum pv_err err = pv_packs_line(packs, middle, &line);

        if (err != PV_OK) {
            return err;
        }
        if (line.last_ms < when_ms) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *ret_number = low;
    return PV_OK;
}

/* ---- writing the list --------------------------------------------------- */

static enum pv_err
write_all(int fd, const char *bytes, size_t len, uint64_t at)
{
    while (len > 0) {
        ssize_t n = pwrite(fd, bytes, len, (off_t)at);

        if (n == -1 && errno == EINTR) {
            continue;
        }
        if (n == -1) {
            return PV_ESYS;
        }
        bytes += n;
        len -= (size_t)n;
        at += (uint64_t)n;
    }
    return PV_OK;
}

enum pv_err
pv_packs_mend(int log_dirfd, uint64_t *ret_count)
{
    uint64_t    count = 0;
    enum pv_err err = PV_OK;
    int         fd = openat(log_dirfd, PV_PACKS_FILE,
                            O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);

    if (fd == -1) {
        return PV_ESYS;
    }
    err = count_lines(fd, &count);
    if (err == PV_OK &&
        (ftruncate(fd, (off_t)(count * PV_PACK_LINE_LEN)) == -1 ||
         fsync(fd) == -1 || fsync(log_dirfd) == -1)) {
        err = PV_ESYS;
    }
    if (close(fd) == -1 && err == PV_OK) {
        err = PV_ESYS;
    }
    if (err == PV_OK) {
        *ret_count = count;
    }
    return err;
}

enum pv_err
pv_packs_append(int log_dirfd, const struct pv_pack_line *line)
{
    char        text[PV_PACK_LINE_LEN];
    enum pv_err err;
    int         fd =
        openat(log_dirfd, PV_PACKS_FILE, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd == -1) {
        return PV_ESYS;
    }
    pv_pack_line_write(line, text);
    err = write_all(fd, text, sizeof(text), line->number * PV_PACK_LINE_LEN);
    if (err == PV_OK && fdatasync(fd) == -1) {
        err = PV_ESYS;
    }
    if (close(fd) == -1 && err == PV_OK) {
        err = PV_ESYS;
    }
    return err;
}

/* ---- prunings ------------------------------------------------------------ */

/* "end when decision crc" without the line feed. */
static enum pv_err
pruning_read(struct pv_slice text, struct pv_pruning *ret)
{
    char     crc[9];
    uint64_t when;
    size_t   at = 0;

    if (text.len < NUMBER_DIGITS + MS_DIGITS + 2 + 1 + 9 ||
        !take_number(text, &at, NUMBER_DIGITS, &ret->end) ||
        !take_number(text, &at, MS_DIGITS, &when)) {
        return PV_ECORRUPT;
    }
    ret->when_ms = (int64_t)when;
    ret->decision = (struct pv_slice){text.ptr + at, text.len - at - 9};
    (void)snprintf(crc, sizeof(crc), "%08x",
                   pv_crc32c(0, text.ptr, text.len - 8)); /* fits */
    return text.ptr[text.len - 9] == ' ' &&
                   memcmp(crc, text.ptr + text.len - 8, 8) == 0 &&
                   pv_record_is_word(ret->decision)
               ? PV_OK
               : PV_ECORRUPT;
}

/* *ret_len: of the whole lines. */
static enum pv_err
walk_prunings(int fd, pv_pruning_fn *fn, void *context, uint64_t *ret_len)
{
    struct pv_pruning pruning;
    struct pv_slice   rest;
    struct pv_slice   text;
    struct stat       st;
    char             *bytes;
    enum pv_err       err = PV_OK;
    ssize_t           n;

    if (fstat(fd, &st) == -1) {
        return PV_ESYS;
    }
    if (st.st_size > PV_PRUNED_LEN_MAX) {
        return PV_ERANGE;
    }
    bytes = malloc((size_t)st.st_size + 1);
    if (bytes == NULL) {
        return PV_ENOMEM;
    }
    n = pread(fd, bytes, (size_t)st.st_size, 0);
    if (n == -1) {
        free(bytes);
        return PV_ESYS;
    }
    rest = (struct pv_slice){bytes, (size_t)n};
    *ret_len = 0;
    while (err == PV_OK && pv_slice_cut(rest, '\n', &text, &rest)) {
        err = pruning_read(text, &pruning);
        if (err != PV_OK && rest.len == 0) {
            err = PV_OK; /* the last one, never complete */
            break;
        }
        if (err == PV_OK) {
            *ret_len += text.len + 1;
            err = fn(context, &pruning);
        }
    }
    free(bytes);
    return err;
}

enum pv_err
pv_packs_prunings(int log_dirfd, pv_pruning_fn *fn, void *context)
{
    uint64_t    len;
    enum pv_err err;
    int         fd =
        openat(log_dirfd, PV_PRUNED_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd == -1) {
        return errno == ENOENT ? PV_OK : PV_ESYS;
    }
    err = walk_prunings(fd, fn, context, &len);
    (void)close(fd); /* read-only: nothing to lose */
    return err;
}

static enum pv_err
append_pruning(int log_dirfd, int fd, const struct pv_pruning *pruning)
{
    char        text[PV_PRUNED_LINE_MAX + 1];
    uint64_t    end = 0;
    uint64_t    at = 0;
    int         len;
    enum pv_err err = walk_prunings(fd, take_end, &end, &at);

    if (err != PV_OK || pruning->end <= end) {
        return err; /* said already: only the files are left */
    }
    len = snprintf(text, sizeof(text), "%010llu %015llu %.*s ",
                   (unsigned long long)pruning->end,
                   (unsigned long long)pruning->when_ms % (MS_MAX + 1),
                   PV_FMT(pruning->decision));
    len += snprintf(text + len, sizeof(text) - (size_t)len, "%08x\n",
                    pv_crc32c(0, text, (size_t)len));
    if (ftruncate(fd, (off_t)at) == -1) {
        return PV_ESYS;
    }
    err = write_all(fd, text, (size_t)len, at);
    if (err == PV_OK && (fsync(fd) == -1 || fsync(log_dirfd) == -1)) {
        err = PV_ESYS;
    }
    return err;
}

/* What was told to be gone must not be back after the power went. */
static enum pv_err
sync_names(int log_dirfd)
{
    enum pv_err err;
    int         fd = openat(log_dirfd, PV_PACK_DIR,
                            O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

    if (fd == -1) {
        return errno == ENOENT ? PV_OK : PV_ESYS;
    }
    err = fsync(fd) == 0 ? PV_OK : PV_ESYS;
    (void)close(fd); /* a directory */
    return err;
}

/* Those that are gone already were removed before a crash. */
static enum pv_err
remove_files(int log_dirfd, uint64_t end, uint64_t *ret_removed,
             uint64_t *ret_len)
{
    struct pv_packs packs;
    enum pv_err     err;

    pv_packs_init(&packs, log_dirfd);
    err = pv_packs_refresh(&packs);
    for (uint64_t i = 0; err == PV_OK && i < end; i++) {
        char path[sizeof(PV_PACK_DIR) + PV_PACK_NAME_LEN + 1] = PV_PACK_DIR "/";
        struct pv_pack_line line;

        err = pv_packs_line(&packs, i, &line);
        if (err != PV_OK) {
            break;
        }
        pv_pack_name(&line.hash, path + sizeof(PV_PACK_DIR));
        if (unlinkat(log_dirfd, path, 0) == 0) {
            (*ret_removed)++;
            *ret_len += line.len;
        } else if (errno != ENOENT) {
            err = PV_ESYS;
        }
    }
    pv_packs_clear(&packs);
    return err == PV_OK ? sync_names(log_dirfd) : err;
}

enum pv_err
pv_packs_prune(int log_dirfd, const struct pv_pruning *pruning,
               uint64_t *ret_removed, uint64_t *ret_len)
{
    enum pv_err err;
    int         fd;

    *ret_removed = 0;
    *ret_len = 0;
    if (!pv_record_is_word(pruning->decision)) {
        return PV_EINVAL;
    }
    fd = openat(log_dirfd, PV_PRUNED_FILE,
                O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd == -1) {
        return PV_ESYS;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) == -1) {
        err = errno == EWOULDBLOCK ? PV_EEXIST : PV_ESYS;
    } else {
        err = append_pruning(log_dirfd, fd, pruning);
    }
    if (err == PV_OK) {
        err = remove_files(log_dirfd, pruning->end, ret_removed, ret_len);
    }
    if (close(fd) == -1 && err == PV_OK) {
        err = PV_ESYS;
    }
    return err;
}
