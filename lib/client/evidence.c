/*
 * evidence.c - makes and keeps the evidence of a call.
 */
#include "client/evidence_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/json.h"
#include "base/time.h"

#define NAME_LEN 64
#define PENDING "pending-"
#define CONTENT_MAX (1024 * 1024)

void
pv_evidence_init(struct pv_evidence *evidence)
{
    memset(evidence, 0, sizeof(*evidence));
    evidence->dirfd = -1;
    pv_buf_init(&evidence->content, CONTENT_MAX);
}

static void
clear_buf(struct pv_buf *buf)
{
    if (buf->ptr != NULL) {
        explicit_bzero(buf->ptr, buf->cap);
    }
    pv_buf_clear(buf);
}

void
pv_evidence_clear(struct pv_evidence *evidence)
{
    if (evidence->dirfd != -1) {
        (void)close(evidence->dirfd); /* what counts was synced before */
    }
    clear_buf(&evidence->content);
    explicit_bzero(evidence, sizeof(*evidence));
    evidence->dirfd = -1;
}

/* ---- writing ---------------------------------------------------------- */

static enum pv_err
add_content(struct pv_json *json, struct pv_slice content)
{
    size_t      len = PV_BASE64_LEN(content.len);
    char       *text = malloc(len + 1);
    enum pv_err err = PV_ENOMEM;

    if (text == NULL) {
        goto out;
    }
    pv_base64_text((const uint8_t *)content.ptr, content.len, text);
    pv_json_string(json, "content", (struct pv_slice){text, len});
    explicit_bzero(text, len);
    err = json->err;

out:
    free(text);
    return err;
}

static void
add_signed(struct pv_json *json, const struct pv_signed *answer)
{
    pv_json_object(json, "signed");
    pv_json_object(json, "answer");
    pv_json_text(json, "content_digest", answer->digest);
    pv_json_text(json, "content_type", answer->type);
    pv_json_text(json, "signature", answer->signature);
    pv_json_text(json, "signature_input", answer->input);
    pv_json_end_object(json);
    pv_json_object(json, "request");
    pv_json_text(json, "content_digest", answer->request_digest);
    pv_json_text(json, "signature", answer->request_signature);
    pv_json_end_object(json);
    pv_json_end_object(json);
}

enum pv_err
pv_evidence_text(const struct pv_evidence *evidence, struct pv_buf *out)
{
    const bool     is_signed = evidence->answer.signature[0] != '\0';
    struct pv_json json;
    enum pv_err    err = PV_OK;

    pv_json_init(&json, out);
    pv_json_object(&json, NULL);
    pv_json_text(&json, "commitment", evidence->commitment);
    if (evidence->has_content) {
        err = add_content(&json, pv_buf_view(&evidence->content));
    }
    if (err != PV_OK) {
        return err;
    }
    pv_json_text(&json, "method", evidence->method);
    pv_json_text(&json, "nonce", evidence->nonce_text);
    if (evidence->outcome[0] != '\0') {
        pv_json_text(&json, "outcome", evidence->outcome);
    }
    if (is_signed) {
        add_signed(&json, &evidence->answer);
    }
    pv_json_i64(&json, "time", evidence->time_ms);
    if (evidence->tracking_id[0] != '\0') {
        pv_json_text(&json, "tracking_id", evidence->tracking_id);
    }
    pv_json_text(&json, "type", PV_EVIDENCE_TYPE);
    pv_json_u64(&json, "v",
                is_signed ? PV_EVIDENCE_VERSION_SIGNED : PV_EVIDENCE_VERSION);
    pv_json_end_object(&json);
    err = pv_json_finish(&json);
    return err == PV_OK ? pv_buf_add_char(out, '\n') : err;
}

static enum pv_err
write_all(int fd, struct pv_slice s)
{
    while (s.len > 0) {
        ssize_t n = write(fd, s.ptr, s.len);

        if (n == -1 && errno == EINTR) {
            continue; /* nothing was written */
        }
        if (n <= 0) {
            return PV_ESYS;
        }
        s.ptr += n;
        s.len -= (size_t)n;
    }
    return PV_OK;
}

/* A new file, whole and durable under its name, or not there. */
static enum pv_err
store(int dirfd, const char *name, struct pv_slice text)
{
    char        room[NAME_LEN + 8];
    enum pv_err err = PV_ESYS;
    int         kept;
    int         fd;

    (void)snprintf(room, sizeof(room), ".%s.new", name); /* fits */
    if (unlinkat(dirfd, room, 0) == -1 && errno != ENOENT) {
        return PV_ESYS;
    }
    fd = openat(dirfd, room, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd == -1) {
        return PV_ESYS;
    }
    if (write_all(fd, text) != PV_OK || fsync(fd) == -1) {
        goto out;
    }
    if (renameat2(dirfd, room, dirfd, name, RENAME_NOREPLACE) == -1) {
        err = errno == EEXIST ? PV_EEXIST : PV_ESYS;
        goto out;
    }
    err = fsync(dirfd) == -1 ? PV_ESYS : PV_OK;

out:
    kept = errno;
    (void)close(fd); /* synced, or thrown away */
    if (err != PV_OK) {
        (void)unlinkat(dirfd, room, 0); /* gone when it was renamed */
    }
    errno = kept;
    return err;
}

static enum pv_err
keep(const struct pv_evidence *evidence, const char *name, struct pv_why *why)
{
    struct pv_buf text;
    enum pv_err   err;

    pv_buf_init(&text, PV_EVIDENCE_FILE_MAX);
    err = pv_evidence_text(evidence, &text);
    if (err == PV_OK) {
        err = store(evidence->dirfd, name, pv_buf_view(&text));
    }
    if (err != PV_OK) {
        pv_why_set(why, "cannot keep the evidence %s: %s", name,
                   err == PV_ESYS ? strerror(errno) : pv_err_text(err));
    }
    clear_buf(&text);
    return err;
}

static enum pv_err
open_dir(const char *dir, int *ret_fd, struct pv_why *why)
{
    struct stat st;
    int         fd;

    if (mkdir(dir, 0700) == -1 && errno != EEXIST) {
        pv_why_set(why, "cannot make %s: %s", dir, strerror(errno));
        return PV_ESYS;
    }
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd == -1 || fstat(fd, &st) == -1) {
        pv_why_set(why, "cannot open %s: %s", dir, strerror(errno));
        if (fd != -1) {
            (void)close(fd); /* read-only: nothing to lose */
        }
        return PV_ESYS;
    }
    if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        pv_why_set(why,
                   "others may write to %s: evidence is kept in a directory "
                   "of its owner's (chmod go-w)",
                   dir);
        (void)close(fd); /* as above */
        return PV_EINVAL;
    }
    *ret_fd = fd;
    return PV_OK;
}

enum pv_err
pv_evidence_commit(const struct pv_evidence *evidence, struct pv_slice content,
                   char room[PV_COMMITMENT_TEXT_LEN])
{
    struct pv_sha256 *sha = NULL;
    struct pv_hash    hash;
    enum pv_err       err;

    err = pv_sha256_new(&sha);
    if (err == PV_OK) {
        err = pv_commitment_make(sha, evidence->nonce, content, &hash);
    }
    if (err == PV_OK) {
        pv_commitment_text(hash.bytes, room);
    }
    pv_sha256_free(sha);
    return err;
}

static void
pending_name(const struct pv_evidence *evidence, char room[NAME_LEN])
{
    (void)snprintf(room, NAME_LEN, PENDING "%s.json",
                   evidence->commitment); /* fits */
}

enum pv_err
pv_evidence_make(struct pv_evidence *evidence, const char *method,
                 struct pv_slice content, struct pv_why *why)
{
    enum pv_err err = pv_slice_to_cstr(pv_slice_from(method), evidence->method,
                                       sizeof(evidence->method));

    if (err == PV_OK) {
        err = pv_buf_add(&evidence->content, content);
    }
    if (err == PV_OK) {
        err = pv_commitment_nonce(evidence->nonce);
    }
    if (err == PV_OK) {
        pv_commitment_text(evidence->nonce, evidence->nonce_text);
        err = pv_evidence_commit(evidence, content, evidence->commitment);
    }
    if (err != PV_OK) {
        pv_why_set(why, "cannot make a commitment: %s", pv_err_text(err));
        return err;
    }
    evidence->has_content = true;
    evidence->time_ms = pv_time_wall_ms();
    return PV_OK;
}

enum pv_err
pv_evidence_begin(struct pv_evidence *evidence, const char *dir,
                  const char *method, struct pv_slice content,
                  struct pv_why *why)
{
    char        name[NAME_LEN];
    enum pv_err err;

    err = open_dir(dir, &evidence->dirfd, why);
    if (err == PV_OK) {
        err = pv_evidence_make(evidence, method, content, why);
    }
    if (err != PV_OK) {
        return err;
    }
    pending_name(evidence, name);
    return keep(evidence, name, why);
}

enum pv_err
pv_evidence_end(struct pv_evidence *evidence, const char *tracking_id,
                const char *outcome, struct pv_why *why)
{
    struct pv_tracking_id id;
    char                  pending[NAME_LEN];
    char                  name[NAME_LEN];
    enum pv_err           err;

    pending_name(evidence, pending);
    if (pv_tracking_id_parse(pv_slice_from(tracking_id), &id) != PV_OK ||
        pv_slice_to_cstr(pv_slice_from(outcome), evidence->outcome,
                         sizeof(evidence->outcome)) != PV_OK) {
        pv_why_set(why, "the answer has no tracking id; the evidence stays %s",
                   pending);
        return PV_EINVAL;
    }
    pv_tracking_id_text(&id, evidence->tracking_id);
    (void)snprintf(name, sizeof(name), "%s.json",
                   evidence->tracking_id); /* fits */
    err = keep(evidence, name, why);
    if (err != PV_OK) {
        return err;
    }
    /* twice is no harm: the other says the same and more */
    (void)unlinkat(evidence->dirfd, pending, 0);
    return PV_OK;
}
