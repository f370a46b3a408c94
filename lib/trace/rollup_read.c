/* rollup_read.c - the files of roll-ups: their lines, and walking them. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "trace/rollup.h"

#define MINUTE_MS 60000
#define CRC_LEN 8
#define CELL_FIELDS 7
#define MINUTE_FIELDS 6
#define READ_LEN (256 * 1024)

void
pv_rollup_name(int64_t day, char room[PV_ROLLUP_NAME_LEN + 1])
{
    char text[PV_TIME_TEXT_LEN];

    pv_time_text(day * PV_DAY_MS, text);
    memcpy(room, text, 10);
    memcpy(room + 10, ".pvr", 5);
}

/* Exactly count fields parted by tabs. */
static bool
fields(struct pv_slice line, struct pv_slice *field, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (pv_slice_cut(line, '\t', &field[i], &line) != (i + 1 < count) ||
            field[i].len == 0) {
            return false;
        }
    }
    return true;
}

enum pv_err
pv_rollup_next_cell(struct pv_slice *lines, struct pv_rollup_cell *ret_cell)
{
    struct pv_slice       field[CELL_FIELDS];
    struct pv_slice       line;
    struct pv_slice       rest;
    struct pv_rollup_cell cell;

    if (lines->len == 0) {
        return PV_ENOTFOUND;
    }
    if (!pv_slice_cut(*lines, '\n', &line, &rest) ||
        !fields(line, field, CELL_FIELDS) ||
        !pv_slice_eq(field[0], PV_LIT("c")) ||
        pv_slice_to_u64(field[1], PV_RECORD_NUMBER_MAX, &cell.minute) !=
            PV_OK ||
        pv_slice_to_u64(field[5], PV_RECORD_NUMBER_MAX, &cell.count) != PV_OK) {
        return PV_ECORRUPT;
    }
    cell.consumer = field[2];
    cell.method = field[3];
    cell.outcome = pv_outcome_from_word(field[4]);
    cell.histogram = field[6];
    if (cell.outcome == PV_OUTCOME_NONE) {
        return PV_ECORRUPT;
    }
    *ret_cell = cell;
    *lines = rest;
    return PV_OK;
}

static enum pv_err
read_minute(struct pv_slice line, const char *begin,
            struct pv_rollup_minute *minute)
{
    struct pv_slice field[MINUTE_FIELDS];
    uint8_t         crc[CRC_LEN / 2];
    uint32_t        sum;

    if (!fields(line, field, MINUTE_FIELDS) ||
        pv_slice_to_u64(field[1], PV_RECORD_NUMBER_MAX, &minute->minute) !=
            PV_OK ||
        pv_slice_to_u64(field[2], UINT64_MAX, &minute->first) != PV_OK ||
        pv_slice_to_u64(field[3], UINT64_MAX, &minute->end) != PV_OK ||
        pv_slice_to_u64(field[4], PV_ROLLUP_CELLS_MAX, &minute->cells) !=
            PV_OK ||
        field[5].len != CRC_LEN ||
        pv_hex_bytes(field[5], crc, sizeof(crc)) != PV_OK) {
        return PV_ECORRUPT;
    }
    sum = pv_crc32c(0, begin, (size_t)(field[5].ptr - 1 - begin));
    if (sum != ((uint32_t)crc[0] << 24 | (uint32_t)crc[1] << 16 |
                (uint32_t)crc[2] << 8 | crc[3])) {
        return PV_ECORRUPT;
    }
    minute->lines = (struct pv_slice){begin, (size_t)(line.ptr - begin)};
    return PV_OK;
}

enum pv_err
pv_rollup_next_minute(struct pv_slice         *rest,
                      struct pv_rollup_minute *ret_minute)
{
    struct pv_slice         text = *rest;
    struct pv_slice         line;
    struct pv_rollup_minute minute;
    uint64_t                cells = 0;
    enum pv_err             err;

    while (pv_slice_cut(text, '\n', &line, &text)) {
        if (pv_slice_starts(line, PV_LIT("c\t"))) {
            cells++;
            continue;
        }
        if (!pv_slice_starts(line, PV_LIT("m\t"))) {
            return PV_ECORRUPT;
        }
        err = read_minute(line, rest->ptr, &minute);
        if (err == PV_OK && minute.cells != cells) {
            err = PV_ECORRUPT;
        }
        if (err == PV_OK) {
            *ret_minute = minute;
            *rest = text;
        }
        return err;
    }
    return PV_ENOTFOUND;
}

void
pv_rollup_file_init(struct pv_rollup_file *file, int fd)
{
    file->fd = fd;
    file->at = 0;
    file->taken = 0;
    pv_buf_init(&file->buf, PV_ROLLUP_MINUTE_LEN_MAX);
}

void
pv_rollup_file_clear(struct pv_rollup_file *file)
{
    pv_buf_clear(&file->buf);
}

/* Read on behind what is there. PV_ENOTFOUND: the file ends. */
static enum pv_err
read_more(struct pv_rollup_file *file)
{
    struct pv_buf *buf = &file->buf;
    enum pv_err    err;
    ssize_t        n;

    if (file->at > 0) {
        memmove(buf->ptr, buf->ptr + file->at, buf->len - file->at);
        buf->len -= file->at;
        file->at = 0;
    }
    err = pv_buf_reserve(buf, READ_LEN);
    if (err != PV_OK) {
        return err;
    }
    do {
        n = read(file->fd, buf->ptr + buf->len, READ_LEN);
    } while (n == -1 && errno == EINTR);
    if (n > 0) {
        buf->len += (size_t)n;
    }
    return n > 0 ? PV_OK : n == 0 ? PV_ENOTFOUND : PV_ESYS;
}

enum pv_err
pv_rollup_file_next(struct pv_rollup_file   *file,
                    struct pv_rollup_minute *ret_minute)
{
    enum pv_err err;

    do {
        struct pv_slice rest = {NULL, file->buf.len - file->at};
        size_t          len = rest.len;

        if (len > 0) {
            rest.ptr = file->buf.ptr + file->at;
        }
        err = pv_rollup_next_minute(&rest, ret_minute);
        if (err == PV_OK) {
            file->at += len - rest.len;
            file->taken += len - rest.len;
        }
    } while (err == PV_ENOTFOUND && (err = read_more(file)) == PV_OK);
    return err;
}

static enum pv_err
walk_cells(struct pv_slice lines, pv_rollup_fn *fn, void *context)
{
    struct pv_rollup_cell cell;
    enum pv_err           err;

    while ((err = pv_rollup_next_cell(&lines, &cell)) == PV_OK) {
        err = fn(context, &cell);
        if (err != PV_OK) {
            return err;
        }
    }
    return err == PV_ENOTFOUND ? PV_OK : err;
}

static enum pv_err
walk_file(int fd, int64_t from_ms, int64_t until_ms, pv_rollup_fn *fn,
          void *context)
{
    struct pv_rollup_file   file;
    struct pv_rollup_minute minute;
    enum pv_err             err;

    pv_rollup_file_init(&file, fd);
    while ((err = pv_rollup_file_next(&file, &minute)) == PV_OK) {
        int64_t begin_ms = (int64_t)minute.minute * MINUTE_MS;

        if (begin_ms < from_ms || begin_ms >= until_ms) {
            continue;
        }
        err = walk_cells(minute.lines, fn, context);
        if (err != PV_OK) {
            break;
        }
    }
    pv_rollup_file_clear(&file);
    return err == PV_ENOTFOUND ? PV_OK : err;
}

enum pv_err
pv_rollup_read(int dirfd, int64_t from_ms, int64_t until_ms, pv_rollup_fn *fn,
               void *context)
{
    int64_t     day = pv_time_tehran_day(from_ms);
    enum pv_err err = PV_OK;

    for (; err == PV_OK && from_ms < until_ms &&
           day <= pv_time_tehran_day(until_ms - 1);
         day++) {
        char name[PV_ROLLUP_NAME_LEN + 1];
        int  fd;

        pv_rollup_name(day, name);
        fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd == -1) {
            err = errno == ENOENT ? PV_OK : PV_ESYS;
            continue;
        }
        err = walk_file(fd, from_ms, until_ms, fn, context);
        (void)close(fd); /* read-only: nothing to lose */
    }
    return err;
}
