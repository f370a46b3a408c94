/*
 * record.c - LD_PRELOAD for tests: writes down every call that changes a file
 * or makes a change durable, in order, for tests/e2e/powerloss.py to replay.
 *
 * PAYVAND_RECORD  the log: a file of the size that it may fill, zeros, made by
 *                 the test. Every process of the tree maps it; without the
 *                 variable nothing happens.
 *
 * It goes to the kernel directly and asks it for nothing more than the program
 * did, so a system call filter stays as it is. Not seen: stores to a shared
 * mapping, calls that libc makes inside itself (stdio), descriptors passed in
 * messages. The replay finds that out: its last state must be the real one.
 *
 * The log: 0 u64 bytes used (with these 16), 8 u64 events that did not fit;
 * then events, each on a multiple of 8:
 *    0 u32 length; 4 u16 kind; 6 u16 1 when it is whole;
 *    8 u32 process, 12 i32 descriptor; 16 i64 a, 24 i64 b;
 *   32 u32 length of path, 36 u32 of path2, 40 u32 of data, 44 u32 0; these.
 * An event stands there before its call is made; RETURN follows it with
 * a = its offset, b = result or -errno.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define HEAD 16
#define EVENT_HEAD 48
#define SENT_MAX 4096 /* of a message that leaves */
#define PATH_LEN 4096
#define FDS_MAX 4096

enum kind {
    BEGIN = 1, /* a program started; path: its working directory */
    HAS,       /* it inherited fd; path */
    FORK,      /* a: the new process */
    RETURN,
    OPEN,     /* fd: the directory; path; a: flags */
    CLOSE,    /* fd; a: the last one, for close_range */
    DUP,      /* fd; the result is a copy of it */
    SEEK,     /* fd; the result is where it stands */
    READ,     /* fd; the result moves it */
    WRITE,    /* fd; a: offset, -1 for where it stands; data */
    TRUNCATE, /* fd; a: size */
    ALLOCATE, /* fd; a: offset, b: length; path: mode in decimal */
    RENAME,   /* fd, a: directories; path, path2; b: flags */
    LINK,     /* as RENAME */
    UNLINK,   /* fd: directory; path; a: flags */
    MKDIR,    /* fd: directory; path */
    FSYNC,    /* fd */
    SYNC,     /* everything */
    SENT,     /* fd; data: the first bytes of it; no RETURN */
};

struct event {
    uint32_t len;
    uint16_t kind;
    uint16_t whole;
    uint32_t pid;
    int32_t  fd;
    int64_t  a;
    int64_t  b;
    uint32_t path_len;
    uint32_t path2_len;
    uint32_t data_len;
    uint32_t zero2;
};

static uint8_t *log_at; /* NULL: nothing is recorded */
static uint64_t log_size;
static uint32_t pid;
static bool     is_file[FDS_MAX]; /* opened by a path */

/* ---- the log ---------------------------------------------------------- */

/*
 * A place of so many bytes, or 0 when the log is full. Its length is what
 * takes it, so that one who is killed in the middle leaves no hole that the
 * next ones, and the reader, cannot step over.
 */
static uint64_t
take_place(uint64_t room)
{
    uint64_t *used = (uint64_t *)log_at;
    uint64_t  at = __atomic_load_n(used, __ATOMIC_SEQ_CST);
    uint64_t  end;

    for (;;) {
        uint32_t taken = 0;

        if (at + room > log_size) {
            return 0;
        }
        if (__atomic_compare_exchange_n((uint32_t *)(log_at + at), &taken,
                                        (uint32_t)room, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST)) {
            break;
        }
        at += taken;
    }
    end = __atomic_load_n(used, __ATOMIC_SEQ_CST);
    while (end < at + room &&
           !__atomic_compare_exchange_n(used, &end, at + room, false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
    }
    return at;
}

static struct event *
reserve(enum kind kind, int fd, int64_t a, int64_t b, const char *path,
        const char *path2, size_t data_len, uint64_t *ret_at)
{
    size_t        path_len = path == NULL ? 0 : strlen(path);
    size_t        path2_len = path2 == NULL ? 0 : strlen(path2);
    uint64_t      len = EVENT_HEAD + path_len + path2_len + data_len;
    uint64_t      room = (len + 7) & ~UINT64_C(7);
    uint64_t      at = take_place(room);
    struct event *event;

    if (at == 0) {
        __atomic_fetch_add((uint64_t *)(log_at + 8), 1, __ATOMIC_SEQ_CST);
        return NULL;
    }
    event = (struct event *)(log_at + at);
    event->kind = (uint16_t)kind;
    event->pid = pid;
    event->fd = fd;
    event->a = a;
    event->b = b;
    event->path_len = (uint32_t)path_len;
    event->path2_len = (uint32_t)path2_len;
    event->data_len = (uint32_t)data_len;
    if (path_len > 0) {
        memcpy((uint8_t *)event + EVENT_HEAD, path, path_len);
    }
    if (path2_len > 0) {
        memcpy((uint8_t *)event + EVENT_HEAD + path_len, path2, path2_len);
    }
    *ret_at = at;
    return event;
}

static uint8_t *
data_of(struct event *event)
{
    return (uint8_t *)event + EVENT_HEAD + event->path_len + event->path2_len;
}

static void
finish(struct event *event)
{
    __atomic_store_n(&event->whole, 1, __ATOMIC_RELEASE);
}

/* An event without data; gives its offset for returned(). */
static uint64_t
note(enum kind kind, int fd, int64_t a, int64_t b, const char *path,
     const char *path2)
{
    struct event *event;
    uint64_t      at = 0;

    if (log_at == NULL) {
        return 0;
    }
    event = reserve(kind, fd, a, b, path, path2, 0, &at);
    if (event != NULL) {
        finish(event);
    }
    return at;
}

static uint64_t
note_data(enum kind kind, int fd, int64_t a, const struct iovec *iov, int count,
          size_t max)
{
    struct event *event;
    uint64_t      at = 0;
    size_t        len = 0;
    uint8_t      *to;

    if (log_at == NULL) {
        return 0;
    }
    for (int i = 0; i < count; i++) {
        len += iov[i].iov_len;
    }
    len = len < max ? len : max;
    event = reserve(kind, fd, a, 0, NULL, NULL, len, &at);
    if (event == NULL) {
        return 0;
    }
    to = data_of(event);
    for (int i = 0; i < count && len > 0; i++) {
        size_t part = iov[i].iov_len < len ? iov[i].iov_len : len;

        memcpy(to, iov[i].iov_base, part);
        to += part;
        len -= part;
    }
    finish(event);
    return at;
}

/* Gives the result back; errno is as the call left it. */
static long
returned(uint64_t at, long result)
{
    int kept = errno;

    if (at != 0) {
        (void)note(RETURN, -1, (int64_t)at, result < 0 ? -(long)kept : result,
                   NULL, NULL);
    }
    errno = kept;
    return result;
}

static bool
known(int fd)
{
    return log_at != NULL && fd >= 0 && fd < FDS_MAX && is_file[fd];
}

static void
learn(int fd, bool is)
{
    if (fd >= 0 && fd < FDS_MAX) {
        is_file[fd] = is;
    }
}

/* ---- the beginning of a program --------------------------------------- */

static void
in_child(void)
{
    uint32_t child = (uint32_t)syscall(SYS_getpid);

    if (pid != 0) {
        (void)note(FORK, -1, child, 0, NULL, NULL);
    }
    pid = child;
}

static void
inherited(void)
{
    char           path[64];
    char           link[PATH_LEN];
    struct dirent *entry;
    DIR           *dir = opendir("/proc/self/fd");

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        int     fd = 0;
        ssize_t len;

        for (const char *c = entry->d_name; *c >= '0' && *c <= '9'; c++) {
            fd = fd * 10 + (*c - '0');
        }
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd); /* fits */
        len = readlink(path, link, sizeof(link) - 1);
        if (entry->d_name[0] == '.' || fd == dirfd(dir) || len <= 0 ||
            link[0] != '/') {
            continue;
        }
        link[len] = '\0';
        learn(fd, true);
        (void)note(HAS, fd, 0, 0, link, NULL);
    }
    if (dir != NULL) {
        (void)closedir(dir); /* nothing to lose */
    }
}

__attribute__((constructor)) static void
begin(void)
{
    const char *path = getenv("PAYVAND_RECORD");
    struct stat st;
    char        cwd[PATH_LEN];
    void       *at;
    int         fd;

    if (path == NULL) {
        return;
    }
    fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
    if (fd == -1 || fstat(fd, &st) == -1) {
        return; /* the test misses the log */
    }
    at = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
              0);
    (void)syscall(SYS_close, fd); /* the mapping stays */
    if (at == MAP_FAILED) {
        return;
    }
    log_at = at;
    log_size = (uint64_t)st.st_size;
    in_child();
    (void)pthread_atfork(NULL, NULL, in_child); /* misses: a test would see */
    (void)note(BEGIN, -1, 0, 0, getcwd(cwd, sizeof(cwd)), NULL);
    inherited();
}

/* ---- descriptors ------------------------------------------------------ */

static int
open_at(int dirfd, const char *path, int flags, mode_t mode)
{
    uint64_t at = note(OPEN, dirfd, flags, 0, path, NULL);
    int      fd = (int)syscall(SYS_openat, dirfd, path, flags, mode);

    learn(fd, true);
    return (int)returned(at, fd);
}

#define MODE(flags)                                                            \
    mode_t mode = 0;                                                           \
    if ((flags & (O_CREAT | O_TMPFILE)) != 0) {                                \
        va_list list;                                                          \
        va_start(list, flags);                                                 \
        mode = va_arg(list, mode_t);                                           \
        va_end(list);                                                          \
    }

int     open64(const char *path, int flags, ...);
int     openat64(int dirfd, const char *path, int flags, ...);
int     __open_2(const char *path, int flags);
int     __open64_2(const char *path, int flags);
int     __openat_2(int dirfd, const char *path, int flags);
int     __openat64_2(int dirfd, const char *path, int flags);
int     creat64(const char *path, mode_t mode);
off64_t lseek64(int fd, off64_t at, int whence);
ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t at);
ssize_t pwritev64(int fd, const struct iovec *iov, int count, off64_t at);
ssize_t pwritev64v2(int fd, const struct iovec *iov, int count, off64_t at,
                    int flags);
int     ftruncate64(int fd, off64_t size);
int     fallocate64(int fd, int mode, off64_t at, off64_t len);
int     posix_fallocate64(int fd, off64_t at, off64_t len);

EXPORT int
open(const char *path, int flags, ...)
{
    MODE(flags)
    return open_at(AT_FDCWD, path, flags, mode);
}

EXPORT int
open64(const char *path, int flags, ...)
{
    MODE(flags)
    return open_at(AT_FDCWD, path, flags, mode);
}

EXPORT int
openat(int dirfd, const char *path, int flags, ...)
{
    MODE(flags)
    return open_at(dirfd, path, flags, mode);
}

EXPORT int
openat64(int dirfd, const char *path, int flags, ...)
{
    MODE(flags)
    return open_at(dirfd, path, flags, mode);
}

EXPORT int
__open_2(const char *path, int flags)
{
    return open_at(AT_FDCWD, path, flags, 0);
}

EXPORT int
__open64_2(const char *path, int flags)
{
    return open_at(AT_FDCWD, path, flags, 0);
}

EXPORT int
__openat_2(int dirfd, const char *path, int flags)
{
    return open_at(dirfd, path, flags, 0);
}

EXPORT int
__openat64_2(int dirfd, const char *path, int flags)
{
    return open_at(dirfd, path, flags, 0);
}

EXPORT int
creat(const char *path, mode_t mode)
{
    return open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

EXPORT int
creat64(const char *path, mode_t mode)
{
    return open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

EXPORT int
close(int fd)
{
    if (known(fd)) {
        (void)note(CLOSE, fd, fd, 0, NULL, NULL);
        learn(fd, false);
    }
    return (int)syscall(SYS_close, fd);
}

EXPORT int
close_range(unsigned first, unsigned last, int flags)
{
    if (flags == 0) {
        (void)note(CLOSE, (int)first, last, 0, NULL, NULL);
        for (unsigned fd = first; fd <= last && fd < FDS_MAX; fd++) {
            is_file[fd] = false;
        }
    }
    return (int)syscall(SYS_close_range, first, last, flags);
}

EXPORT int
dup(int fd)
{
    uint64_t at = known(fd) ? note(DUP, fd, 0, 0, NULL, NULL) : 0;
    int      copy = (int)syscall(SYS_dup, fd);

    learn(copy, known(fd));
    return (int)returned(at, copy);
}

EXPORT int
dup3(int fd, int to, int flags)
{
    uint64_t at = known(fd) ? note(DUP, fd, 0, 0, NULL, NULL) : 0;
    int      copy = (int)syscall(SYS_dup3, fd, to, flags);

    if (at == 0 && known(to)) {
        (void)note(CLOSE, to, to, 0, NULL, NULL);
    }
    learn(copy, known(fd));
    return (int)returned(at, copy);
}

EXPORT int
dup2(int fd, int to)
{
    return fd == to ? fd : dup3(fd, to, 0);
}

static int
control(int fd, int what, void *value)
{
    bool     copies = what == F_DUPFD || what == F_DUPFD_CLOEXEC;
    uint64_t at = copies && known(fd) ? note(DUP, fd, 0, 0, NULL, NULL) : 0;
    int      result = (int)syscall(SYS_fcntl, fd, what, value);

    if (copies) {
        learn(result, known(fd));
    }
    return (int)returned(at, result);
}

EXPORT int
fcntl(int fd, int what, ...)
{
    va_list list;
    void   *value;

    va_start(list, what);
    value = va_arg(list, void *);
    va_end(list);
    return control(fd, what, value);
}

EXPORT int
fcntl64(int fd, int what, ...)
{
    va_list list;
    void   *value;

    va_start(list, what);
    value = va_arg(list, void *);
    va_end(list);
    return control(fd, what, value);
}

static off_t
seek(int fd, off_t where, int whence)
{
    uint64_t at = known(fd) ? note(SEEK, fd, 0, 0, NULL, NULL) : 0;

    return returned(at, syscall(SYS_lseek, fd, where, whence));
}

EXPORT off_t
lseek(int fd, off_t at, int whence)
{
    return seek(fd, at, whence);
}

EXPORT off64_t
lseek64(int fd, off64_t at, int whence)
{
    return seek(fd, at, whence);
}

EXPORT ssize_t
read(int fd, void *room, size_t len)
{
    uint64_t at = known(fd) ? note(READ, fd, 0, 0, NULL, NULL) : 0;

    return returned(at, syscall(SYS_read, fd, room, len));
}

/* ---- content ---------------------------------------------------------- */

static uint64_t
note_write(int fd, int64_t where, const struct iovec *iov, int count)
{
    if (!known(fd)) {
        (void)note_data(SENT, fd, -1, iov, count, SENT_MAX);
        return 0;
    }
    return note_data(WRITE, fd, where, iov, count, SIZE_MAX);
}

EXPORT ssize_t
write(int fd, const void *bytes, size_t len)
{
    struct iovec iov = {(void *)(uintptr_t)bytes, len};
    uint64_t     at = note_write(fd, -1, &iov, 1);

    return returned(at, syscall(SYS_write, fd, bytes, len));
}

EXPORT ssize_t
writev(int fd, const struct iovec *iov, int count)
{
    uint64_t at = note_write(fd, -1, iov, count);

    return returned(at, syscall(SYS_writev, fd, iov, count));
}

static ssize_t
write_at(int fd, const void *bytes, size_t len, off_t where)
{
    struct iovec iov = {(void *)(uintptr_t)bytes, len};
    uint64_t     at = note_write(fd, where, &iov, 1);

    return returned(at, syscall(SYS_pwrite64, fd, bytes, len, where));
}

EXPORT ssize_t
pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    return write_at(fd, bytes, len, at);
}

EXPORT ssize_t
pwrite64(int fd, const void *bytes, size_t len, off64_t at)
{
    return write_at(fd, bytes, len, at);
}

static ssize_t
writev_at(int fd, const struct iovec *iov, int count, off_t where, int flags)
{
    uint64_t at = note_write(fd, where, iov, count);

    return returned(
        at, flags == 0
                ? syscall(SYS_pwritev, fd, iov, count, where, 0L)
                : syscall(SYS_pwritev2, fd, iov, count, where, 0L, flags));
}

EXPORT ssize_t
pwritev(int fd, const struct iovec *iov, int count, off_t at)
{
    return writev_at(fd, iov, count, at, 0);
}

EXPORT ssize_t
pwritev64(int fd, const struct iovec *iov, int count, off64_t at)
{
    return writev_at(fd, iov, count, at, 0);
}

EXPORT ssize_t
pwritev2(int fd, const struct iovec *iov, int count, off_t at, int flags)
{
    return writev_at(fd, iov, count, at, flags);
}

EXPORT ssize_t
pwritev64v2(int fd, const struct iovec *iov, int count, off64_t at, int flags)
{
    return writev_at(fd, iov, count, at, flags);
}

static int
cut(int fd, off_t size)
{
    uint64_t at = note(TRUNCATE, fd, size, 0, NULL, NULL);

    return (int)returned(at, syscall(SYS_ftruncate, fd, size));
}

EXPORT int
ftruncate(int fd, off_t size)
{
    return cut(fd, size);
}

EXPORT int
ftruncate64(int fd, off64_t size)
{
    return cut(fd, size);
}

static int
allocate(int fd, int mode, off_t where, off_t len)
{
    char     text[16];
    uint64_t at;

    (void)snprintf(text, sizeof(text), "%d", mode); /* fits */
    at = note(ALLOCATE, fd, where, len, text, NULL);
    return (int)returned(at, syscall(SYS_fallocate, fd, mode, where, len));
}

EXPORT int
fallocate(int fd, int mode, off_t at, off_t len)
{
    return allocate(fd, mode, at, len);
}

EXPORT int
fallocate64(int fd, int mode, off64_t at, off64_t len)
{
    return allocate(fd, mode, at, len);
}

EXPORT int
posix_fallocate(int fd, off_t at, off_t len)
{
    return allocate(fd, 0, at, len) == -1 ? errno : 0;
}

EXPORT int
posix_fallocate64(int fd, off64_t at, off64_t len)
{
    return allocate(fd, 0, at, len) == -1 ? errno : 0;
}

/* ---- names ------------------------------------------------------------ */

EXPORT int
renameat2(int from, const char *a, int to, const char *b, unsigned flags)
{
    uint64_t at = note(RENAME, from, to, flags, a, b);

    return (int)returned(at, syscall(SYS_renameat2, from, a, to, b, flags));
}

EXPORT int
renameat(int from, const char *a, int to, const char *b)
{
    uint64_t at = note(RENAME, from, to, 0, a, b);

    return (int)returned(at, syscall(SYS_renameat, from, a, to, b));
}

EXPORT int
rename(const char *a, const char *b)
{
    uint64_t at = note(RENAME, AT_FDCWD, AT_FDCWD, 0, a, b);

    return (int)returned(at, syscall(SYS_rename, a, b));
}

EXPORT int
linkat(int from, const char *a, int to, const char *b, int flags)
{
    uint64_t at = note(LINK, from, to, flags, a, b);

    return (int)returned(at, syscall(SYS_linkat, from, a, to, b, flags));
}

EXPORT int
link(const char *a, const char *b)
{
    return linkat(AT_FDCWD, a, AT_FDCWD, b, 0);
}

EXPORT int
unlinkat(int dirfd, const char *path, int flags)
{
    uint64_t at = note(UNLINK, dirfd, flags, 0, path, NULL);

    return (int)returned(at, syscall(SYS_unlinkat, dirfd, path, flags));
}

EXPORT int
unlink(const char *path)
{
    uint64_t at = note(UNLINK, AT_FDCWD, 0, 0, path, NULL);

    return (int)returned(at, syscall(SYS_unlink, path));
}

EXPORT int
mkdirat(int dirfd, const char *path, mode_t mode)
{
    uint64_t at = note(MKDIR, dirfd, 0, 0, path, NULL);

    return (int)returned(at, syscall(SYS_mkdirat, dirfd, path, mode));
}

EXPORT int
mkdir(const char *path, mode_t mode)
{
    uint64_t at = note(MKDIR, AT_FDCWD, 0, 0, path, NULL);

    return (int)returned(at, syscall(SYS_mkdir, path, mode));
}

/* ---- durability ------------------------------------------------------- */

EXPORT int
fsync(int fd)
{
    uint64_t at = note(FSYNC, fd, 0, 0, NULL, NULL);

    return (int)returned(at, syscall(SYS_fsync, fd));
}

EXPORT int
fdatasync(int fd)
{
    uint64_t at = note(FSYNC, fd, 0, 0, NULL, NULL);

    return (int)returned(at, syscall(SYS_fdatasync, fd));
}

EXPORT int
syncfs(int fd)
{
    uint64_t at = note(SYNC, fd, 0, 0, NULL, NULL);

    return (int)returned(at, syscall(SYS_syncfs, fd));
}

EXPORT void
sync(void)
{
    uint64_t at = note(SYNC, -1, 0, 0, NULL, NULL);

    (void)returned(at, syscall(SYS_sync)); /* it has no result */
}

/* ---- what leaves ------------------------------------------------------ */

EXPORT ssize_t
send(int fd, const void *bytes, size_t len, int flags)
{
    struct iovec iov = {(void *)(uintptr_t)bytes, len};

    (void)note_data(SENT, fd, flags, &iov, 1, SENT_MAX);
    return syscall(SYS_sendto, fd, bytes, len, flags, NULL, 0);
}

EXPORT ssize_t
sendmsg(int fd, const struct msghdr *message, int flags)
{
    (void)note_data(SENT, fd, flags, message->msg_iov, (int)message->msg_iovlen,
                    SENT_MAX);
    return syscall(SYS_sendmsg, fd, message, flags);
}
