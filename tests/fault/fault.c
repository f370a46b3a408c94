/*
 * fault.c - LD_PRELOAD for tests: fails or cuts short the n-th call that
 * writes to a journal. Counted: pwrite, fdatasync, fsync, fallocate, renameat2
 * on segments, the spare and their directory.
 *
 * PAYVAND_FAULT_AT      the call that fails, from 1
 * PAYVAND_FAULT_COUNT   how many from there on (default 1)
 * PAYVAND_FAULT_ERRNO   with which errno (default 5, EIO)
 * PAYVAND_FAULT_DIE     instead: end the process; a pwrite writes so many
 *                       bytes first
 * PAYVAND_FAULT_CHILD   not the journal's: of this child of payvand-traced
 *                       (log, signer) every pwrite, fdatasync, fsync,
 *                       ftruncate and renameat; once in all its lives, which
 *                       it notes as `fault.once` in the directory it writes
 * PAYVAND_FAULT_BACK    the wall clock steps back by so many seconds, one
 *                       second after the process began
 * It goes to the kernel directly: the filter of payvand-traced allows no more
 * than the calls themselves. What happens is said on stderr: "FAULT ...".
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define FDS_MAX 1024
#define EXPORT __attribute__((visibility("default")))

static bool          watched[FDS_MAX];
static unsigned long calls;
static unsigned long fault_at;
static unsigned long fault_count = 1;
static int           fault_errno = EIO;
static long          fault_die = -1;

static long            step_back;
static struct timespec begun;
static int             once = -1; /* the directory of `fault.once` */

int     openat64(int dirfd, const char *path, int flags, ...);
int     __openat_2(int dirfd, const char *path, int flags);
int     __openat64_2(int dirfd, const char *path, int flags);
ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t at);
int     ftruncate64(int fd, off64_t len);
int     fallocate64(int fd, int mode, off64_t at, off64_t len);

static unsigned long
number(const char *name, unsigned long otherwise)
{
    const char   *text = getenv(name);
    unsigned long n = 0;

    if (text == NULL) {
        return otherwise;
    }
    for (; *text >= '0' && *text <= '9'; text++) {
        n = n * 10 + (unsigned long)(*text - '0');
    }
    return n;
}

/* The name behind -P, "" in the journal process. */
static const char *
process_name(void)
{
    static char room[512];
    long        fd = syscall(SYS_openat, AT_FDCWD, "/proc/self/cmdline",
                             O_RDONLY | O_CLOEXEC);
    long        len = fd < 0 ? 0 : syscall(SYS_read, fd, room, 511);
    const char *first = room + strlen(room) + 1; /* behind argv[0] */

    if (fd >= 0) {
        (void)syscall(SYS_close, fd);
    }
    if (len <= 0 || first >= room + len || strcmp(first, "-P") != 0) {
        return "";
    }
    return first + 3;
}

/* Watch the child that is asked for, the journal process otherwise. */
static void
choose_process(void)
{
    const char *child = getenv("PAYVAND_FAULT_CHILD");
    const char *name = process_name();

    if (child == NULL) {
        return;
    }
    if (strcmp(child, name) != 0) {
        fault_at = 0;
        return;
    }
    once = strcmp(name, "log") == 0 ? 6 : 8; /* traced/children.h */
    watched[once] = true;
}

/* False: another life of this process has failed already. */
static bool
is_first(void)
{
    return once == -1 ||
           syscall(SYS_openat, once, "fault.once",
                   O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600) >= 0;
}

__attribute__((constructor)) static void
begin(void)
{
    fault_at = number("PAYVAND_FAULT_AT", 0);
    fault_count = number("PAYVAND_FAULT_COUNT", 1);
    fault_errno = (int)number("PAYVAND_FAULT_ERRNO", EIO);
    fault_die = getenv("PAYVAND_FAULT_DIE") == NULL
                    ? -1
                    : (long)number("PAYVAND_FAULT_DIE", 0);
    choose_process();
    step_back = (long)number("PAYVAND_FAULT_BACK", 0);
    (void)syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &begun);
}

static bool
is_journal(const char *path, int flags)
{
    size_t len = strlen(path);

    return (len >= 4 && strcmp(path + len - 4, ".pvj") == 0) ||
           strcmp(path, "spare.tmp") == 0 ||
           ((flags & O_DIRECTORY) != 0 && strstr(path, "journal") != NULL);
}

/* True when this call is to fail. */
static bool
strike(int fd, const char *name)
{
    unsigned long n;

    if (fd < 0 || fd >= FDS_MAX || !watched[fd]) {
        return false;
    }
    n = __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
    if (fault_at == 0 || n < fault_at || n - fault_at >= fault_count ||
        !is_first()) {
        return false;
    }
    /* a test reads it; nothing to do when it cannot be written */
    if (syscall(SYS_write, 2, "FAULT ", 6) < 0 ||
        syscall(SYS_write, 2, name, strlen(name)) < 0 ||
        syscall(SYS_write, 2, "\n", 1) < 0) {
        return true;
    }
    return true;
}

static int
fail(void)
{
    if (fault_die >= 0) {
        (void)syscall(SYS_exit_group, 137); /* does not return */
    }
    errno = fault_errno;
    return -1;
}

static int
open_at(int dirfd, const char *path, int flags, mode_t mode)
{
    int fd = (int)syscall(SYS_openat, dirfd, path, flags, mode);

    if (fd >= 0 && fd < FDS_MAX) {
        watched[fd] =
            (once != -1 || (getenv("PAYVAND_FAULT_CHILD") == NULL &&
                            is_journal(path, flags))) &&
            ((flags & (O_WRONLY | O_RDWR)) != 0 || (flags & O_DIRECTORY) != 0);
    }
    return fd;
}

EXPORT int
openat64(int dirfd, const char *path, int flags, ...)
{
    __builtin_va_list list;
    mode_t            mode = 0;

    __builtin_va_start(list, flags);
    if ((flags & O_CREAT) != 0) {
        mode = __builtin_va_arg(list, mode_t);
    }
    __builtin_va_end(list);
    return open_at(dirfd, path, flags, mode);
}

EXPORT int
__openat64_2(int dirfd, const char *path, int flags)
{
    return open_at(dirfd, path, flags, 0);
}

EXPORT int
__openat_2(int dirfd, const char *path, int flags)
{
    return open_at(dirfd, path, flags, 0);
}

EXPORT int
open64(const char *path, int flags, ...)
{
    __builtin_va_list list;
    mode_t            mode = 0;

    __builtin_va_start(list, flags);
    if ((flags & O_CREAT) != 0) {
        mode = __builtin_va_arg(list, mode_t);
    }
    __builtin_va_end(list);
    return open_at(AT_FDCWD, path, flags, mode);
}

EXPORT ssize_t
pwrite64(int fd, const void *bytes, size_t len, off64_t at)
{
    if (strike(fd, "pwrite")) {
        if (fault_die > 0 &&
            syscall(SYS_pwrite64, fd, bytes,
                    (size_t)fault_die < len ? (size_t)fault_die : len,
                    at) < 0) {
            return fail();
        }
        return fail();
    }
    return (ssize_t)syscall(SYS_pwrite64, fd, bytes, len, at);
}

EXPORT int
fdatasync(int fd)
{
    return strike(fd, "fdatasync") ? fail() : (int)syscall(SYS_fdatasync, fd);
}

EXPORT int
fsync(int fd)
{
    return strike(fd, "fsync") ? fail() : (int)syscall(SYS_fsync, fd);
}

EXPORT int
fallocate64(int fd, int mode, off64_t at, off64_t len)
{
    return strike(fd, "fallocate")
               ? fail()
               : (int)syscall(SYS_fallocate, fd, mode, at, len);
}

EXPORT int
renameat2(int from, const char *a, int to, const char *b, unsigned flags)
{
    return strike(from, "renameat2")
               ? fail()
               : (int)syscall(SYS_renameat2, from, a, to, b, flags);
}

EXPORT int
renameat(int from, const char *a, int to, const char *b)
{
    return once != -1 && strike(from, "renameat")
               ? fail()
               : (int)syscall(SYS_renameat, from, a, to, b);
}

EXPORT int
ftruncate64(int fd, off64_t len)
{
    return once != -1 && strike(fd, "ftruncate")
               ? fail()
               : (int)syscall(SYS_ftruncate, fd, len);
}

EXPORT int
clock_gettime(clockid_t clock, struct timespec *ret)
{
    struct timespec now;
    int             result = (int)syscall(SYS_clock_gettime, clock, ret);

    if (clock == CLOCK_REALTIME && step_back > 0 && result == 0 &&
        syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now) == 0 &&
        now.tv_sec - begun.tv_sec > 1) {
        ret->tv_sec -= step_back;
    }
    return result;
}
