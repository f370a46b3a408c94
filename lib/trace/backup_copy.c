/* backup_copy.c - copying files with their hashes, and small helpers. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "trace/backup_private.h"

enum pv_err
backup_failed(struct pv_why *why, enum pv_err err, const char *what)
{
    pv_why_set(why, "%s: %s%s%s", what, pv_err_text(err),
               err == PV_ESYS ? ": " : "",
               err == PV_ESYS ? strerror(errno) : "");
    return err;
}

void
backup_close(int fd)
{
    if (fd != -1) {
        (void)close(fd); /* nothing to lose */
    }
}

void
backup_say(const struct pv_backup *backup, const char *step, uint64_t done,
           uint64_t total)
{
    if (backup->progress != NULL) {
        backup->progress(backup->context, step, done, total);
    }
}

enum pv_err
copier_init(struct copier *copier, struct pv_backup *backup, struct pv_why *why)
{
    enum pv_err err;

    memset(copier, 0, sizeof(*copier));
    copier->backup = backup;
    copier->why = why;
    pv_buf_init(&copier->manifest, PV_BACKUP_MANIFEST_MAX);
    copier->chunk = malloc(COPY_CHUNK);
    err = copier->chunk == NULL ? PV_ENOMEM : pv_sha256_new(&copier->sha);
    return err == PV_OK ? err : backup_failed(why, err, "cannot start");
}

void
copier_clear(struct copier *copier)
{
    pv_sha256_free(copier->sha);
    free(copier->chunk);
    pv_buf_clear(&copier->manifest);
}

static enum pv_err
write_all(int fd, const void *bytes, size_t len)
{
    const char *at = bytes;

    while (len > 0) {
        ssize_t n = write(fd, at, len);

        if (n == -1 && errno == EINTR) {
            continue;
        }
        if (n == -1) {
            return PV_ESYS;
        }
        at += n;
        len -= (size_t)n;
    }
    return PV_OK;
}

static enum pv_err
read_all(int fd, void *room, size_t len, uint64_t at)
{
    char *bytes = room;

    while (len > 0) {
        ssize_t n = pread(fd, bytes, len, (off_t)at);

        if (n == -1 && errno == EINTR) {
            continue;
        }
        if (n == -1) {
            return PV_ESYS;
        }
        if (n == 0) {
            return PV_ECORRUPT; /* shorter than it was said to be */
        }
        bytes += n;
        len -= (size_t)n;
        at += (uint64_t)n;
    }
    return PV_OK;
}

static enum pv_err
copy_bytes(struct copier *copier, int from, uint64_t data_len, uint64_t len,
           int to)
{
    enum pv_err err = pv_sha256_begin(copier->sha);

    for (uint64_t at = 0; err == PV_OK && at < len;) {
        size_t n = len - at < COPY_CHUNK ? (size_t)(len - at) : COPY_CHUNK;

        if (at < data_len) {
            n = data_len - at < n ? (size_t)(data_len - at) : n;
            err = read_all(from, copier->chunk, n, at);
        } else {
            memset(copier->chunk, 0, n);
        }
        if (err == PV_OK) {
            err = pv_sha256_add(copier->sha, copier->chunk, n);
        }
        if (err == PV_OK) {
            err = write_all(to, copier->chunk, n);
        }
        at += n;
        copier->done += n;
        backup_say(copier->backup, "copy", copier->done,
                   copier->done > copier->total ? copier->done : copier->total);
    }
    return err;
}

enum pv_err
backup_copy_file(struct copier *copier, int from, uint64_t data_len,
                 uint64_t len, int to_dirfd, const char *name, const char *path,
                 struct pv_hash *ret_hash)
{
    struct pv_hash hash;
    enum pv_err    err;
    int            to =
        openat(to_dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);

    if (to == -1) {
        return backup_failed(copier->why, PV_ESYS, path);
    }
    err = copy_bytes(copier, from, data_len, len, to);
    if (err == PV_OK) {
        err = pv_sha256_end(copier->sha, &hash);
    }
    if (close(to) == -1 && err == PV_OK) {
        err = PV_ESYS;
    }
    if (err != PV_OK) {
        return backup_failed(copier->why, err, path);
    }
    if (ret_hash != NULL) {
        *ret_hash = hash;
    }
    return backup_note_file(copier, &hash, len, path);
}

enum pv_err
backup_note_file(struct copier *copier, const struct pv_hash *hash,
                 uint64_t len, const char *path)
{
    char        hex[2 * PV_HASH_LEN];
    enum pv_err err;

    pv_hex_text(hash->bytes, PV_HASH_LEN, hex);
    err = pv_buf_addf(&copier->manifest, "%.*s %llu %s\n", (int)sizeof(hex),
                      hex, (unsigned long long)len, path);
    copier->backup->file_count++;
    copier->backup->len += len;
    return err == PV_OK ? err
                        : backup_failed(copier->why, err, PV_BACKUP_MANIFEST);
}

enum pv_err
backup_need_empty(int dirfd, const char *what, struct pv_why *why)
{
    int            fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR           *dir = fd == -1 ? NULL : fdopendir(fd);
    struct dirent *entry;
    enum pv_err    err = PV_OK;

    if (dir == NULL) {
        return backup_failed(why, PV_ESYS, what);
    }
    while (err == PV_OK && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 &&
            strcmp(entry->d_name, "..") != 0 &&
            strcmp(entry->d_name, "lock") != 0) {
            pv_why_set(why,
                       "%s is not empty (%s is in it); nothing is "
                       "overwritten: give an empty directory",
                       what, entry->d_name);
            err = PV_EEXIST;
        }
    }
    (void)closedir(dir); /* read-only: nothing to lose */
    return err;
}

enum pv_err
backup_make_dir(int dirfd, const char *name, int *ret_fd)
{
    if (mkdirat(dirfd, name, 0750) == -1 && errno != EEXIST) {
        return PV_ESYS;
    }
    *ret_fd =
        openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return *ret_fd == -1 ? PV_ESYS : PV_OK;
}

enum pv_err
backup_read_file(int dirfd, const char *name, struct pv_buf *out)
{
    struct stat st;
    enum pv_err err = PV_ESYS;
    int         fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd == -1) {
        return errno == ENOENT ? PV_ENOTFOUND : PV_ESYS;
    }
    if (fstat(fd, &st) == 0) {
        out->len = 0;
        err = pv_buf_reserve(out, (size_t)st.st_size + 1);
        if (err == PV_OK) {
            err = read_all(fd, out->ptr, (size_t)st.st_size, 0);
        }
        if (err == PV_OK) {
            out->len = (size_t)st.st_size;
        }
    }
    (void)close(fd); /* read-only: nothing to lose */
    return err;
}

enum pv_err
backup_write_file(int dirfd, const char *name, struct pv_slice bytes)
{
    enum pv_err err;
    int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);

    if (fd == -1) {
        return PV_ESYS;
    }
    err = write_all(fd, bytes.ptr, bytes.len);
    if (err == PV_OK && fsync(fd) == -1) {
        err = PV_ESYS;
    }
    if (close(fd) == -1 && err == PV_OK) {
        err = PV_ESYS;
    }
    return err;
}

enum pv_err
backup_read_checkpoint(int log_dirfd, const char *name, struct pv_buf *note,
                       struct pv_checkpoint *ret)
{
    struct pv_note parsed;
    enum pv_err    err = backup_read_file(log_dirfd, name, note);

    if (err == PV_OK) {
        err = pv_note_parse(pv_buf_view(note), &parsed);
    }
    if (err == PV_OK) {
        err = pv_checkpoint_parse(parsed.text, ret);
    }
    return err == PV_EINVAL || err == PV_ERANGE ? PV_ECORRUPT : err;
}
