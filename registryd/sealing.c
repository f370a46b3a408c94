/*
 * sealing.c - the keys of a file, and texts that they seal.
 */
#include "sealing.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "crypto/secret.h"
#include "crypto/sha256.h"
#include "daemon/file.h"

#define VERSION "v1:"
#define VERSION_LEN (sizeof(VERSION) - 1)
#define KEY_HEX_LEN (2 * PV_SEAL_KEY_LEN)
#define FILE_MAX (PV_SEALING_KEYS_MAX * (KEY_HEX_LEN + 1))
#define SECRET_MAX 64

/* ---- the file ---- */

/* A name tells nothing of the key: it is of its hash. */
static enum pv_err
name_key(const uint8_t key[PV_SEAL_KEY_LEN], char ret[PV_SEALING_NAME_LEN + 1])
{
    struct pv_sha256 *sha = NULL;
    struct pv_hash    hash;
    enum pv_err       err = pv_sha256_new(&sha);

    if (err == PV_OK) {
        struct pv_slice bytes = {(const char *)key, PV_SEAL_KEY_LEN};

        err = pv_sha256(sha, &bytes, 1, &hash);
    }
    if (err == PV_OK) {
        pv_hex_text(hash.bytes, PV_SEALING_NAME_LEN / 2, ret);
        ret[PV_SEALING_NAME_LEN] = '\0';
    }
    pv_sha256_free(sha); /* accepts NULL */
    return err;
}

static enum pv_err
read_keys(struct pv_slice text, struct pv_sealing *ret)
{
    struct pv_slice line;
    enum pv_err     err = PV_OK;

    while (text.len > 0 && err == PV_OK) {
        (void)pv_slice_cut(text, '\n', &line, &text); /* the last: the rest */
        if (ret->count == PV_SEALING_KEYS_MAX) {
            return PV_EINVAL;
        }
        err = line.len == KEY_HEX_LEN
                  ? pv_hex_bytes(line, ret->key[ret->count], PV_SEAL_KEY_LEN)
                  : PV_EINVAL;
        if (err == PV_OK) {
            err = name_key(ret->key[ret->count], ret->name[ret->count]);
        }
        ret->count++;
    }
    return err == PV_OK && ret->count == 0 ? PV_EINVAL : err;
}

/* Whole or not at all, also when the power goes. */
static enum pv_err
make_file(const char *file)
{
    const char *slash = strrchr(file, '/');
    const char *name = slash == NULL ? file : slash + 1;
    char        folder[PATH_MAX] = ".";
    uint8_t     key[PV_SEAL_KEY_LEN];
    char        line[KEY_HEX_LEN + 1];
    int         dirfd = -1;
    enum pv_err err = PV_OK;

    if (slash != NULL) {
        err = pv_slice_to_cstr(
            (struct pv_slice){file, (size_t)(slash - file) + 1}, folder,
            sizeof(folder));
    }
    if (err == PV_OK) {
        err = pv_secret_random(key, sizeof(key));
    }
    if (err == PV_OK) {
        pv_hex_text(key, sizeof(key), line);
        line[KEY_HEX_LEN] = '\n';
        dirfd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        err = dirfd == -1
                  ? PV_ESYS
                  : pv_file_replace(dirfd, name,
                                    (struct pv_slice){line, sizeof(line)},
                                    PV_FILE_MODE_OWN);
    }
    if (dirfd != -1) {
        (void)close(dirfd); /* a folder: nothing to lose */
    }
    pv_secret_wipe(key, sizeof(key));
    pv_secret_wipe(line, sizeof(line));
    return err;
}

enum pv_err
pv_sealing_read(const char *file, bool is_needed, struct pv_sealing *ret,
                struct pv_why *why)
{
    char        text[FILE_MAX + 1];
    struct stat about;
    ssize_t     len = -1;
    enum pv_err err = PV_OK;
    int         fd;

    *ret = (struct pv_sealing){.count = 0};
    fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd == -1 && errno == ENOENT && is_needed) {
        pv_why_set(why,
                   "the key file %s is not there, and the secrets of one-time "
                   "codes are sealed with its key: restore it from its copy, "
                   "or see --forget-sealed",
                   file);
        return PV_ENOTFOUND;
    }
    if (fd == -1 && errno == ENOENT && make_file(file) == PV_OK) {
        fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    }
    if (fd == -1 || fstat(fd, &about) != 0) {
        pv_why_set(why, "the key file %s: %s", file, strerror(errno));
        err = PV_ESYS;
        goto out;
    }
    if ((about.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        pv_why_set(why, "the key file %s is open to others; chmod 600", file);
        err = PV_EINVAL;
        goto out;
    }
    len = read(fd, text, sizeof(text));
    err = len < 0 ? PV_ESYS
          : len > FILE_MAX
              ? PV_EINVAL
              : read_keys((struct pv_slice){text, (size_t)len}, ret);
    if (err != PV_OK) {
        pv_why_set(why, "the key file %s needs 1 to %d lines of %d hex digits",
                   file, PV_SEALING_KEYS_MAX, KEY_HEX_LEN);
    }

out:
    if (fd != -1) {
        (void)close(fd); /* read-only: nothing to lose */
    }
    pv_secret_wipe(text, sizeof(text));
    return err;
}

/* ---- texts ---- */

bool
pv_sealing_is_sealed(const char *text)
{
    return strncmp(text, VERSION, VERSION_LEN) == 0;
}

bool
pv_sealing_is_new(const struct pv_sealing *sealing, const char *text)
{
    return sealing->count == 0
               ? !pv_sealing_is_sealed(text)
               : pv_sealing_is_sealed(text) &&
                     strncmp(text + VERSION_LEN, sealing->name[0],
                             PV_SEALING_NAME_LEN) == 0;
}

enum pv_err
pv_sealing_close(const struct pv_sealing *sealing, const char *person,
                 const char *hex, char ret[PV_SEALED_TEXT_MAX])
{
    uint8_t     secret[SECRET_MAX];
    uint8_t     sealed[SECRET_MAX + PV_SEAL_MORE_LEN];
    size_t      len = strlen(hex) / 2;
    int         head;
    enum pv_err err;

    if (sealing->count == 0) {
        return pv_slice_to_cstr(pv_slice_from(hex), ret, PV_SEALED_TEXT_MAX);
    }
    head =
        snprintf(ret, PV_SEALED_TEXT_MAX, "%s%s:", VERSION, sealing->name[0]);
    if (len > sizeof(secret) ||
        (size_t)head + 2 * (len + PV_SEAL_MORE_LEN) >= PV_SEALED_TEXT_MAX) {
        return PV_ERANGE;
    }
    err = pv_hex_bytes(pv_slice_from(hex), secret, len);
    if (err == PV_OK) {
        err = pv_seal(sealing->key[0], pv_slice_from(person),
                      (struct pv_slice){(char *)secret, len}, sealed);
    }
    if (err == PV_OK) {
        pv_hex_text(sealed, len + PV_SEAL_MORE_LEN, ret + head);
        ret[(size_t)head + 2 * (len + PV_SEAL_MORE_LEN)] = '\0';
    }
    pv_secret_wipe(secret, sizeof(secret));
    return err;
}

static enum pv_err
open_with(const uint8_t key[PV_SEAL_KEY_LEN], const char *person,
          struct pv_slice hex, char *ret, size_t room)
{
    uint8_t     sealed[SECRET_MAX + PV_SEAL_MORE_LEN];
    uint8_t     secret[SECRET_MAX];
    size_t      len = hex.len / 2;
    enum pv_err err = PV_ECORRUPT;

    if (len < PV_SEAL_MORE_LEN || len > sizeof(sealed) ||
        2 * (len - PV_SEAL_MORE_LEN) >= room ||
        pv_hex_bytes(hex, sealed, len) != PV_OK) {
        return PV_ECORRUPT;
    }
    err = pv_unseal(key, pv_slice_from(person),
                    (struct pv_slice){(char *)sealed, len}, secret);
    if (err == PV_OK) {
        pv_hex_text(secret, len - PV_SEAL_MORE_LEN, ret);
        ret[2 * (len - PV_SEAL_MORE_LEN)] = '\0';
    }
    pv_secret_wipe(secret, sizeof(secret));
    return err;
}

enum pv_err
pv_sealing_open(const struct pv_sealing *sealing, const char *person,
                const char *text, char *ret, size_t room)
{
    struct pv_slice rest = pv_slice_from(text);
    struct pv_slice name;

    if (!pv_sealing_is_sealed(text)) {
        return pv_slice_to_cstr(rest, ret, room);
    }
    rest = pv_slice_from(text + VERSION_LEN);
    if (!pv_slice_cut(rest, ':', &name, &rest)) {
        return PV_ECORRUPT;
    }
    for (size_t k = 0; k < sealing->count; k++) {
        if (pv_slice_eq(name, pv_slice_from(sealing->name[k]))) {
            return open_with(sealing->key[k], person, rest, ret, room);
        }
    }
    return PV_ECORRUPT;
}
