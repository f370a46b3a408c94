/* open.c - what a witness finds in its directory. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/num.h"
#include "private.h"

#define FOLDER_MODE 0755 /* the directory itself is closed to others */

static enum pv_err
lock(struct pv_witness *witness, struct pv_why *why)
{
    witness->lockfd = openat(witness->dirfd, PV_WITNESS_LOCK,
                             O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (witness->lockfd == -1) {
        pv_why_set(why, "cannot open " PV_WITNESS_LOCK ": %s", strerror(errno));
        return PV_ESYS;
    }
    if (flock(witness->lockfd, LOCK_EX | LOCK_NB) != 0) {
        pv_why_set(why, "another witness runs on this directory");
        return PV_EEXIST;
    }
    return PV_OK;
}

static enum pv_err
load_key(struct pv_witness *witness, struct pv_why *why)
{
    uint8_t         public_key[PV_ED25519_PUBLIC_LEN];
    struct pv_slice line;
    struct pv_slice rest;
    struct pv_buf   text;
    enum pv_err     err =
        pv_ed25519_load(witness->dirfd, PV_WITNESS_KEY, &witness->secret);

    pv_buf_init(&text, PV_NOTE_VKEY_MAX + 1);
    if (err != PV_OK) {
        pv_why_set(why,
                   "cannot use the file " PV_WITNESS_KEY ": %s; a new one is "
                   "made with --init NAME",
                   err == PV_EINVAL ? "others than its owner may read it"
                                    : pv_err_text(err));
        goto out;
    }
    err = pv_file_read(witness->dirfd, PV_WITNESS_VKEY, &text);
    if (err == PV_OK) {
        (void)pv_slice_cut(pv_buf_view(&text), '\n', &line,
                           &rest); /* or all of it */
        err = pv_note_key_parse(line, &witness->key);
    }
    if (err == PV_OK) {
        pv_ed25519_public(witness->secret, public_key);
        if (memcmp(public_key, witness->key.public_key, sizeof(public_key)) !=
                0 ||
            witness->key.type != PV_NOTE_COSIGNATURE) {
            err = PV_EVERIFY;
        }
    }
    if (err != PV_OK) {
        pv_why_set(why,
                   "the file " PV_WITNESS_VKEY " is not the public key of the "
                   "file " PV_WITNESS_KEY ": %s",
                   pv_err_text(err));
    }

out:
    pv_buf_clear(&text);
    return err;
}

static enum pv_err
load_logs(struct pv_witness *witness, struct pv_why *why)
{
    struct pv_buf text;
    enum pv_err   err;

    pv_buf_init(&text, LOGS_TEXT_MAX);
    err = pv_file_read(witness->dirfd, PV_WITNESS_LOGS, &text);
    if (err == PV_OK) {
        err = read_logs(witness, pv_buf_view(&text), why);
    } else {
        pv_why_set(why,
                   "cannot read the file " PV_WITNESS_LOGS " (lines `log "
                   "VKEY`): %s",
                   err == PV_ESYS ? strerror(errno) : pv_err_text(err));
    }
    pv_buf_clear(&text);
    return err;
}

/* The last cosigned checkpoint: only one that this key signed counts. */
static enum pv_err
load_seen(struct pv_witness *witness, struct seen_log *log, struct pv_why *why)
{
    struct pv_note       note;
    struct pv_checkpoint checkpoint;
    enum pv_err          err;

    err = pv_file_read(witness->seenfd, log->hex, &log->note);
    if (err == PV_ENOTFOUND) {
        pv_why_set(why,
                   PV_WITNESS_SEEN
                   "/%s is not there: nothing is known of what was seen of the "
                   "log %.*s. If it was lost, bring it back, or begin with a "
                   "new key and name. Only a log that this witness has never "
                   "cosigned is begun with --add VKEY --anew",
                   log->hex, (int)log->key.name_len, log->key.name);
        return PV_ECORRUPT;
    }
    if (err == PV_OK) {
        err = pv_note_parse(pv_buf_view(&log->note), &note);
    }
    if (err == PV_OK) {
        err = pv_note_verify(&note, &witness->key, NULL);
    }
    if (err == PV_OK) {
        err = pv_checkpoint_parse(note.text, &checkpoint);
    }
    if (err == PV_OK &&
        !pv_slice_eq(checkpoint.origin,
                     (struct pv_slice){log->key.name, log->key.name_len})) {
        err = PV_EVERIFY;
    }
    if (err != PV_OK) {
        pv_why_set(why,
                   PV_WITNESS_SEEN
                   "/%s is not a checkpoint that this key cosigned: %s. A "
                   "witness that forgets what it saw is none: bring the file "
                   "back, or begin with a new key and name",
                   log->hex,
                   err == PV_ESYS ? strerror(errno) : pv_err_text(err));
        return err == PV_ESYS || err == PV_ENOMEM ? err : PV_ECORRUPT;
    }
    log->size = checkpoint.size;
    log->root = checkpoint.root;
    if (pv_note_verify(&note, &log->key, NULL) == PV_ENOTFOUND) {
        log->note.len = 0; /* the first one, of --add: not for showing */
    }
    return PV_OK;
}

static enum pv_err
open_folder(const struct pv_witness *witness, const char *name, int *ret_fd,
            struct pv_why *why)
{
    if (pv_folder_make(witness->dirfd, name, FOLDER_MODE) == PV_OK) {
        *ret_fd = openat(witness->dirfd, name,
                         O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    }
    if (*ret_fd == -1) {
        pv_why_set(why, "cannot use the folder %s: %s", name, strerror(errno));
        return PV_ESYS;
    }
    return PV_OK;
}

static enum pv_err
load(struct pv_witness *witness, struct pv_why *why)
{
    enum pv_err err = lock(witness, why);

    if (err == PV_OK) {
        err = load_key(witness, why);
    }
    if (err == PV_OK) {
        err = load_logs(witness, why);
    }
    if (err == PV_OK) {
        err = open_folder(witness, PV_WITNESS_SEEN, &witness->seenfd, why);
    }
    if (err == PV_OK) {
        err =
            open_folder(witness, PV_WITNESS_STRANGE, &witness->strangefd, why);
    }
    return err;
}

enum pv_err
open_unseen(int dirfd, struct pv_witness **ret, struct pv_why *why)
{
    struct pv_witness *witness = calloc(1, sizeof(*witness));
    enum pv_err        err = PV_ENOMEM;

    pv_why_set(why, "out of memory");
    if (witness == NULL) {
        goto out;
    }
    witness->lockfd = -1;
    witness->seenfd = -1;
    witness->strangefd = -1;
    witness->dirfd = fcntl(dirfd, F_DUPFD_CLOEXEC, 0);
    if (witness->dirfd == -1) {
        err = PV_ESYS;
        goto out;
    }
    err = pv_sha256_new(&witness->sha);
    if (err == PV_OK) {
        err = load(witness, why);
    }
    if (err != PV_OK) {
        goto out;
    }
    *ret = witness;
    witness = NULL;

out:
    pv_witness_close(witness);
    return err;
}

enum pv_err
pv_witness_open(int dirfd, struct pv_witness **ret, struct pv_why *why)
{
    struct pv_witness *witness = NULL;
    enum pv_err        err = open_unseen(dirfd, &witness, why);

    for (size_t i = 0; err == PV_OK && i < witness->log_count; i++) {
        err = load_seen(witness, &witness->log[i], why);
    }
    if (err != PV_OK) {
        pv_witness_close(witness);
        return err;
    }
    *ret = witness;
    return PV_OK;
}

static void
close_one(int fd)
{
    if (fd != -1) {
        (void)close(fd); /* folders and a lock: nothing to lose */
    }
}

void
pv_witness_close(struct pv_witness *witness)
{
    if (witness == NULL) {
        return;
    }
    for (size_t i = 0; i < witness->log_count; i++) {
        pv_buf_clear(&witness->log[i].note);
    }
    close_one(witness->seenfd);
    close_one(witness->strangefd);
    close_one(witness->lockfd); /* gives the lock back */
    close_one(witness->dirfd);
    pv_ed25519_free(witness->secret);
    pv_sha256_free(witness->sha);
    free(witness);
}

const struct pv_note_key *
pv_witness_key(const struct pv_witness *witness)
{
    return &witness->key;
}

size_t
pv_witness_log_count(const struct pv_witness *witness)
{
    return witness->log_count;
}
