/* init.c - the command line's: an authority's key and certificate. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "authority.h"
#include "base/time.h"
#include "daemon/file.h"
#include "pki/pki.h"
#include "trace/note.h"

#define YEARS_MS (INT64_C(3653) * PV_DAY_MS)
#define BACK_MS (INT64_C(5) * 60 * 1000)

static int
failed(const char *program, const char *what, const char *why)
{
    (void)fprintf(stderr, "%s: %s: %s\n", program, what,
                  why); /* the exit code says it too */
    return 1;
}

static const char *
is_wrong(const struct pv_authority_new *made)
{
    struct pv_note_key key;
    size_t             len = strlen(made->id);

    if (len == 0 || len > PV_AUTHORITY_ID_MAX ||
        made->id[strspn(made->id, "abcdefghijklmnopqrstuvwxyz0123456789-")] !=
            '\0') {
        return "an authority's id is of lower-case letters, digits, hyphens";
    }
    if (pv_note_key_parse(pv_slice_from(made->log_key), &key) != PV_OK) {
        return "--log-key is not the public key of a log";
    }
    if ((made->crl_url != NULL &&
         !pv_pki_is_url(pv_slice_from(made->crl_url))) ||
        (made->ocsp_url != NULL &&
         !pv_pki_is_url(pv_slice_from(made->ocsp_url)))) {
        return "a URL begins with http:// or https:// and has no comma";
    }
    return NULL;
}

/* Each with a line's end; NULL ends the list. */
static enum pv_err
write_lines(int dirfd, const char *name, const char *const *line)
{
    struct pv_buf text;
    enum pv_err   err = PV_OK;

    pv_buf_init(&text, PV_PKI_PEM_MAX);
    for (; *line != NULL && err == PV_OK; line++) {
        err = pv_buf_addf(&text, "%s\n", *line);
    }
    if (err == PV_OK) {
        err =
            pv_file_replace(dirfd, name, pv_buf_view(&text), PV_FILE_MODE_OWN);
    }
    pv_buf_clear(&text);
    return err;
}

/* The small ones first; the certificate, by which it is known, last. */
static enum pv_err
write_all(int dirfd, const struct pv_authority_new *made, struct pv_slice key,
          struct pv_slice certificate)
{
    const char *const urls[] = {made->crl_url == NULL ? "" : made->crl_url,
                                made->ocsp_url == NULL ? "" : made->ocsp_url,
                                NULL};
    const char *const id[] = {made->id, NULL};
    const char *const log_key[] = {made->log_key, NULL};
    const char *const none[] = {NULL};
    enum pv_err       err = pv_folder_make(dirfd, PV_AUTHORITY_ISSUED, 0700);

    if (err == PV_OK) {
        err = write_lines(dirfd, PV_AUTHORITY_ID, id);
    }
    if (err == PV_OK) {
        err = write_lines(dirfd, PV_AUTHORITY_LOG_KEY, log_key);
    }
    if (err == PV_OK) {
        err = write_lines(dirfd, PV_AUTHORITY_URLS, urls);
    }
    if (err == PV_OK) {
        err = write_lines(dirfd, PV_AUTHORITY_REVOKED, none);
    }
    if (err == PV_OK) {
        err = pv_file_replace(dirfd, PV_AUTHORITY_CRL, PV_LIT("0"),
                              PV_FILE_MODE_OWN);
    }
    if (err == PV_OK) {
        err = pv_file_replace(dirfd, PV_AUTHORITY_KEY, key, PV_FILE_MODE_OWN);
    }
    return err == PV_OK ? pv_file_replace(dirfd, PV_AUTHORITY_CERTIFICATE,
                                          certificate, PV_FILE_MODE_GROUP)
                        : err;
}

static enum pv_err
make(int dirfd, const struct pv_authority_new *made)
{
    uint8_t       serial[PV_PKI_SERIAL_LEN];
    int64_t       from_ms = pv_time_wall_ms() - BACK_MS;
    struct pv_buf certificate;
    struct pv_buf key;
    enum pv_err   err = pv_pki_serial(serial);

    pv_buf_init(&certificate, PV_PKI_PEM_MAX);
    pv_buf_init(&key, PV_PKI_PEM_MAX);
    if (err == PV_OK) {
        err = pv_pki_make(pv_slice_from(made->id), serial, from_ms,
                          from_ms + YEARS_MS, &certificate, &key);
    }
    if (err == PV_OK) {
        err = write_all(dirfd, made, pv_buf_view(&key),
                        pv_buf_view(&certificate));
    }
    if (err == PV_OK && fwrite(certificate.ptr, 1, certificate.len, stdout) !=
                            certificate.len) {
        err = PV_ESYS;
    }
    pv_buf_wipe(&key);
    pv_buf_clear(&certificate);
    return err;
}

int
pv_authority_init(const char *program, const struct pv_authority_new *made)
{
    const char *wrong = is_wrong(made);
    int         dirfd;
    enum pv_err err;

    if (wrong != NULL) {
        return failed(program, "--init-authority", wrong);
    }
    (void)umask(077); /* cannot fail */
    dirfd = open(made->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dirfd == -1) {
        return failed(program, made->dir, strerror(errno));
    }
    if (pv_file_is_there(dirfd, PV_AUTHORITY_KEY) ||
        pv_file_is_there(dirfd, PV_AUTHORITY_CERTIFICATE)) {
        (void)close(dirfd); /* a folder: nothing to lose */
        return failed(program, made->dir,
                      "there is an authority's key already. Nothing was "
                      "changed");
    }
    errno = 0;
    err = make(dirfd, made);
    (void)close(dirfd); /* as above */
    return err == PV_OK
               ? 0
               : failed(program, made->dir,
                        err == PV_ESYS ? strerror(errno) : pv_err_text(err));
}
