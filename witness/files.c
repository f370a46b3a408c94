#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "private.h"

#define TEMPORARY ".new"
#define NAME_MAX_LEN 96

enum pv_err
read_file(int dirfd, const char *name, struct pv_buf *out)
{
    int         fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t     n = 1;
    enum pv_err err = PV_OK;

    if (fd == -1) {
        return errno == ENOENT ? PV_ENOTFOUND : PV_ESYS;
    }
    while (err == PV_OK && n > 0) {
        err = pv_buf_reserve(out, 1);
        if (err == PV_OK) {
            n = read(fd, out->ptr + out->len, out->cap - out->len);
            err = n == -1 ? PV_ESYS : PV_OK;
            out->len += n > 0 ? (size_t)n : 0;
        }
    }
    (void)close(fd); /* read-only: nothing to lose */
    return err;
}

static enum pv_err
write_all(int fd, struct pv_slice bytes)
{
    while (bytes.len > 0) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);

        if (n == -1 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return PV_ESYS;
        }
        bytes.ptr += n;
        bytes.len -= (size_t)n;
    }
    return fsync(fd) == 0 ? PV_OK : PV_ESYS;
}

static enum pv_err
replace_in(int folderfd, const char *name, struct pv_slice bytes)
{
    char        temporary[NAME_MAX_LEN];
    enum pv_err err;
    int         fd;

    if (snprintf(temporary, sizeof(temporary), "%s" TEMPORARY, name) >=
        (int)sizeof(temporary)) {
        return PV_ERANGE;
    }
    fd = openat(folderfd, temporary,
                O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd == -1) {
        return PV_ESYS;
    }
    err = write_all(fd, bytes);
    if (close(fd) != 0 && err == PV_OK) {
        err = PV_ESYS;
    }
    if (err == PV_OK && (renameat(folderfd, temporary, folderfd, name) != 0 ||
                         fsync(folderfd) != 0)) {
        err = PV_ESYS;
    }
    return err;
}

enum pv_err
replace_file(int dirfd, const char *folder, const char *name,
             struct pv_slice bytes)
{
    int folderfd = openat(dirfd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum pv_err err;

    if (folderfd == -1) {
        return PV_ESYS;
    }
    err = replace_in(folderfd, name, bytes);
    (void)close(folderfd); /* a folder: nothing to lose */
    return err;
}

enum pv_err
make_folder(int dirfd, const char *name)
{
    if (mkdirat(dirfd, name, 0755) != 0) {
        return errno == EEXIST ? PV_OK : PV_ESYS;
    }
    return fsync(dirfd) == 0 ? PV_OK : PV_ESYS;
}
