/* file.c - small files that are replaced as a whole. */
#include "daemon/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_ROOM (PV_FILE_NAME_MAX + sizeof(".tmp"))
#define READ_STEP 4096
#define LOCK_WAIT_MS 2000
#define LOCK_STEP_US 10000

static enum pv_err
write_all(int fd, struct pv_slice bytes)
{
    size_t at = 0;

    while (at < bytes.len) {
        ssize_t n = pwrite(fd, bytes.ptr + at, bytes.len - at, (off_t)at);

        if (n == -1 && errno == EINTR) {
            continue; /* nothing was written */
        }
        if (n <= 0) {
            errno = n == 0 ? ENOSPC : errno;
            return PV_ESYS;
        }
        at += (size_t)n;
    }
    return PV_OK;
}

static enum pv_err
replace(int dirfd, const char *name, struct pv_slice bytes, int mode,
        bool durable)
{
    char        temporary[NAME_ROOM];
    enum pv_err err = PV_ESYS;
    int         fd;
    int         kept;

    if (snprintf(temporary, sizeof(temporary), "%s.tmp", name) >=
        (int)sizeof(temporary)) {
        return PV_ERANGE;
    }
    fd = openat(dirfd, temporary,
                O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd == -1) {
        return PV_ESYS;
    }
    if (write_all(fd, bytes) == PV_OK && (!durable || fsync(fd) == 0) &&
        renameat(dirfd, temporary, dirfd, name) == 0 &&
        (!durable || fsync(dirfd) == 0)) {
        err = PV_OK;
    }
    kept = errno;
    (void)close(fd); /* what counts was synced */
    errno = kept;
    return err;
}

enum pv_err
pv_file_replace(int dirfd, const char *name, struct pv_slice bytes, int mode)
{
    return replace(dirfd, name, bytes, mode, true);
}

void
pv_file_replace_lightly(int dirfd, const char *name, struct pv_slice bytes,
                        int mode)
{
    (void)replace(dirfd, name, bytes, mode, false); /* it may be lost */
}

enum pv_err
pv_file_read(int dirfd, const char *name, struct pv_buf *ret)
{
    enum pv_err err = PV_OK;
    int         fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd == -1) {
        return errno == ENOENT ? PV_ENOTFOUND : PV_ESYS;
    }
    for (;;) {
        char    step[READ_STEP];
        ssize_t n = read(fd, step, sizeof(step));

        if (n == -1 && errno == EINTR) {
            continue;
        }
        if (n == -1) {
            err = PV_ESYS;
        }
        if (n <= 0) {
            break;
        }
        err = pv_buf_add(ret, (struct pv_slice){step, (size_t)n});
        if (err != PV_OK) {
            break;
        }
    }
    (void)close(fd); /* read-only: nothing to lose */
    return err;
}

enum pv_err
pv_folder_make(int dirfd, const char *name, int mode)
{
    if (mkdirat(dirfd, name, (mode_t)mode) != 0) {
        return errno == EEXIST ? PV_OK : PV_ESYS;
    }
    return fsync(dirfd) == 0 ? PV_OK : PV_ESYS;
}

bool
pv_file_is_there(int dirfd, const char *name)
{
    struct stat st;

    return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

enum pv_err
pv_file_lock(int fd)
{
    for (int waited_ms = 0; flock(fd, LOCK_EX | LOCK_NB) == -1;
         waited_ms += LOCK_STEP_US / 1000) {
        if (errno != EWOULDBLOCK) {
            return PV_ESYS;
        }
        if (waited_ms >= LOCK_WAIT_MS) {
            return PV_EEXIST;
        }
        (void)usleep(LOCK_STEP_US); /* shorter is as good */
    }
    return PV_OK;
}
