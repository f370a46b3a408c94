/* rollup.c - minutes of roll-ups: where they end, and writing them. */
#include "trace/rollup_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"

#define MINUTE_MS 60000
#define FILE_MODE 0640

/* ---- the end of a minute ------------------------------------------------ */

static enum pv_err
put_cell(struct pv_buf *text, uint64_t minute, const struct pv_rollup_row *row)
{
    static const struct pv_histogram none;
    const struct pv_rollup_item     *cell = row->cell;
    bool        hide = cell->is_verify && cell->count < PV_ROLLUP_VERIFY_MIN;
    enum pv_err err;

    err = pv_buf_addf(text, "c\t%llu\t%.*s\t%.*s\t%.*s\t%llu\t",
                      (unsigned long long)minute, PV_FMT(row->key->consumer),
                      PV_FMT(row->key->method),
                      PV_FMT(pv_outcome_word(cell->outcome)),
                      (unsigned long long)cell->count);
    if (err == PV_OK) {
        err = pv_histogram_write(
            hide || cell->histogram == NULL ? &none : cell->histogram, text);
    }
    return err == PV_OK ? pv_buf_add_char(text, '\n') : err;
}

static enum pv_err
put_minute(struct pv_rollup *r)
{
    enum pv_err err = PV_OK;
    uint32_t    crc;

    r->text.len = 0;
    pv_rollup_count_sort(r);
    for (uint32_t i = 0; err == PV_OK && i < r->cell_count; i++) {
        err = put_cell(&r->text, r->minute, &r->row[i]);
    }
    if (err == PV_OK) {
        err = pv_buf_addf(&r->text, "m\t%llu\t%llu\t%llu\t%u",
                          (unsigned long long)r->minute,
                          (unsigned long long)r->first,
                          (unsigned long long)r->next, r->cell_count);
    }
    if (err != PV_OK) {
        return err == PV_ERANGE ? PV_EFULL : err;
    }
    crc = pv_crc32c(0, r->text.ptr, r->text.len);
    return pv_buf_addf(&r->text, "\t%08x\n", crc);
}

static enum pv_err
open_day(struct pv_rollup *r, int64_t day)
{
    char name[PV_ROLLUP_NAME_LEN + 1];
    int  fd;

    if (r->fd != -1 && r->day == day) {
        return PV_OK;
    }
    pv_rollup_name(day, name);
    fd = openat(r->dirfd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
                FILE_MODE);
    if (fd == -1) {
        return PV_ESYS;
    }
    if (fsync(r->dirfd) == -1) {
        (void)close(fd); /* nothing was written */
        return PV_ESYS;
    }
    if (r->fd != -1) {
        (void)close(r->fd); /* all of it is durable */
    }
    r->fd = fd;
    r->day = day;
    r->size = 0; /* a later day than any before */
    return PV_OK;
}

static enum pv_err
write_text(struct pv_rollup *r)
{
    size_t done = 0;

    while (done < r->text.len) {
        ssize_t n = pwrite(r->fd, r->text.ptr + done, r->text.len - done,
                           (off_t)(r->size + done));

        if (n == -1 && errno != EINTR) {
            return PV_ESYS;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    if (fdatasync(r->fd) == -1) {
        return PV_ESYS;
    }
    r->size += done;
    return PV_OK;
}

static enum pv_err
end_minute(struct pv_rollup *r)
{
    enum pv_err err;

    pv_rollup_count_late(r);
    err = put_minute(r);
    if (err == PV_OK) {
        err = open_day(r, pv_time_tehran_day((int64_t)r->minute * MINUTE_MS));
    }
    if (err == PV_OK) {
        err = write_text(r);
    }
    if (err == PV_OK) {
        r->closed = r->minute;
        r->minute = 0;
        pv_rollup_count_next(r);
    }
    return err;
}

/* ---- leaves ------------------------------------------------------------ */

/* The minute in which a leaf was counted before the start. */
static uint64_t
minute_before(const struct pv_rollup *r, uint64_t index)
{
    size_t i = 0;

    while (i + 1 < r->before_count && index >= r->before[i].end) {
        i++;
    }
    return r->before[i].minute;
}

enum pv_err
pv_rollup_add(struct pv_rollup *rollup, uint64_t index, int64_t written_ms,
              const struct pv_record *record)
{
    uint64_t    minute = (uint64_t)written_ms / MINUTE_MS;
    enum pv_err err = PV_OK;

    if (index < rollup->next || written_ms < 0) {
        return PV_ESTATE;
    }
    if (index < rollup->from) {
        minute = minute_before(rollup, index);
    } else {
        if (minute <= rollup->closed) { /* the clock stepped back */
            minute = rollup->closed + 1;
        }
        if (rollup->minute != 0 && minute > rollup->minute) {
            err = end_minute(rollup);
        }
        if (err == PV_OK && rollup->minute == 0) {
            rollup->minute = minute;
            rollup->first =
                rollup->next > rollup->from ? rollup->next : rollup->from;
        }
    }
    rollup->at = index;
    if (err == PV_OK && record != NULL) {
        err = pv_rollup_count(rollup, minute, record);
    }
    if (err == PV_OK) {
        rollup->next = index + 1;
    }
    return err;
}

enum pv_err
pv_rollup_tick(struct pv_rollup *rollup, int64_t now_ms)
{
    if (rollup->minute == 0 ||
        now_ms <
            (int64_t)(rollup->minute + 1) * MINUTE_MS + PV_ROLLUP_TICK_MS) {
        return PV_OK;
    }
    return end_minute(rollup);
}

uint64_t
pv_rollup_next(const struct pv_rollup *rollup)
{
    return rollup->next;
}

uint64_t
pv_rollup_torn(const struct pv_rollup *rollup)
{
    return rollup->torn;
}

/* ---- life -------------------------------------------------------------- */

static void
remember(struct pv_rollup *r, const struct pv_rollup_minute *minute)
{
    size_t drop = 0;

    while (drop < r->before_count &&
           r->before[drop].minute + PV_ROLLUP_OPEN_MIN < minute->minute) {
        drop++;
    }
    if (r->before_count - drop == PV_ROLLUP_BEFORE_MAX) {
        drop++; /* cannot be: minutes ascend */
    }
    r->before_count -= drop;
    memmove(r->before, r->before + drop, r->before_count * sizeof(*r->before));
    r->before[r->before_count++] = *minute;
}

/* The minutes of a day's file, and where its good part ends. */
static enum pv_err
look_at_day(struct pv_rollup *r, int fd, uint64_t *ret_good)
{
    struct pv_rollup_file   file;
    struct pv_rollup_minute minute;
    enum pv_err             err;

    pv_rollup_file_init(&file, fd);
    while ((err = pv_rollup_file_next(&file, &minute)) == PV_OK) {
        minute.lines = (struct pv_slice){NULL, 0};
        remember(r, &minute);
    }
    *ret_good = file.taken;
    pv_rollup_file_clear(&file);
    return err;
}

/* The two newest days that have a file; -1 for none. */
static enum pv_err
newest_days(int dirfd, int64_t day[2])
{
    int            fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR           *dir = fd == -1 ? NULL : fdopendir(fd);
    struct dirent *entry;

    day[0] = -1;
    day[1] = -1;
    if (dir == NULL) {
        if (fd != -1) {
            (void)close(fd); /* nothing was read */
        }
        return PV_ESYS;
    }
    while ((entry = readdir(dir)) != NULL) {
        struct pv_slice name = pv_slice_from(entry->d_name);
        int64_t         ms;

        if (name.len != PV_ROLLUP_NAME_LEN ||
            strcmp(entry->d_name + 10, ".pvr") != 0 ||
            pv_time_from_date((struct pv_slice){name.ptr, 10}, &ms) != PV_OK) {
            continue;
        }
        ms = pv_time_tehran_day(ms);
        if (ms > day[0]) {
            day[1] = day[0];
            day[0] = ms;
        } else if (ms > day[1]) {
            day[1] = ms;
        }
    }
    (void)closedir(dir); /* it was read */
    return PV_OK;
}

static enum pv_err
open_file(const struct pv_rollup *r, int64_t day, int *ret_fd)
{
    char name[PV_ROLLUP_NAME_LEN + 1];

    pv_rollup_name(day, name);
    *ret_fd = openat(r->dirfd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    return *ret_fd == -1 ? PV_ESYS : PV_OK;
}

static enum pv_err
look_at_days(struct pv_rollup *r, struct pv_why *why)
{
    int64_t     day[2];
    uint64_t    good;
    struct stat st;
    enum pv_err err = newest_days(r->dirfd, day);
    int         fd = -1;

    if (err == PV_OK && day[1] != -1) {
        err = open_file(r, day[1], &fd);
        if (err == PV_OK) {
            err = look_at_day(r, fd, &good);
            (void)close(fd); /* nothing was written */
        }
        if (err == PV_ECORRUPT) {
            pv_why_set(why, "the roll-up of day %lld is damaged at byte %llu",
                       (long long)day[1], (unsigned long long)good);
        }
        err = err == PV_ENOTFOUND ? PV_OK : err;
    }
    if (err != PV_OK || day[0] == -1) {
        return err;
    }
    err = open_file(r, day[0], &r->fd);
    if (err == PV_OK) {
        err = look_at_day(r, r->fd, &good);
    }
    if (err != PV_ENOTFOUND && err != PV_ECORRUPT) {
        return err;
    }
    /* made again from the log: what is cut is not lost */
    if (fstat(r->fd, &st) == -1 || ftruncate(r->fd, (off_t)good) == -1 ||
        fsync(r->fd) == -1) {
        return PV_ESYS;
    }
    r->torn = (uint64_t)st.st_size - good;
    r->day = day[0];
    r->size = good;
    return PV_OK;
}

static enum pv_err
start(struct pv_rollup *r, struct pv_why *why)
{
    enum pv_err err = pv_rollup_count_init(r);

    if (err == PV_OK) {
        err = look_at_days(r, why);
    }
    if (err == PV_OK && r->before_count > 0) {
        const struct pv_rollup_minute *last = &r->before[r->before_count - 1];

        r->next = r->before[0].first;
        r->from = last->end;
        r->closed = last->minute;
    }
    return err;
}

enum pv_err
pv_rollup_open(int dirfd, struct pv_rollup **ret_rollup, struct pv_why *why)
{
    struct pv_rollup *r = calloc(1, sizeof(*r));
    enum pv_err       err;

    if (r == NULL) {
        return PV_ENOMEM;
    }
    r->dirfd = dirfd;
    r->fd = -1;
    pv_buf_init(&r->text, PV_ROLLUP_MINUTE_LEN_MAX);
    pv_why_set(why, "the roll-ups cannot be read");
    err = start(r, why);
    if (err != PV_OK) {
        pv_rollup_close(r);
        return err;
    }
    *ret_rollup = r;
    return PV_OK;
}

void
pv_rollup_close(struct pv_rollup *rollup)
{
    if (rollup == NULL) {
        return;
    }
    pv_rollup_count_clear(rollup);
    if (rollup->fd != -1) {
        (void)close(rollup->fd); /* all of it is durable */
    }
    pv_buf_clear(&rollup->text);
    free(rollup);
}
