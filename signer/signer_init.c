/* pv_signer_init.c - making the key of a log, and going on from a checkpoint.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/token.h"
#include "daemon/file.h"
#include "signer_key.h"

static int
failed(const char *program, const char *what, const char *why)
{
    (void)fprintf(stderr, "%s: %s: %s\n", program, what,
                  why); /* the exit code says it too */
    return 1;
}

static int
open_dir(const char *program, const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd == -1) {
        (void)failed(program, path,
                     strerror(errno)); /* the caller ends with it */
    }
    return fd;
}

/* The public half of a new key, or of the token's. */
static enum pv_err
make_secret(int dirfd, const char *token_uri,
            uint8_t public_key[PV_ED25519_PUBLIC_LEN], struct pv_why *why)
{
    uint8_t            seed[PV_ED25519_SEED_LEN];
    struct pv_ed25519 *secret = NULL;
    struct pv_token   *token = NULL;
    struct pv_buf      line;
    enum pv_err        err;

    pv_buf_init(&line, PV_TOKEN_URI_MAX + 1);
    if (token_uri != NULL) {
        err = pv_token_open(pv_slice_from(token_uri), &token, why);
        if (err == PV_OK) {
            pv_token_public(token, public_key);
            err = pv_buf_addf(&line, "%s\n", token_uri);
        }
        if (err == PV_OK) {
            err = pv_file_replace(dirfd, PV_SIGNER_TOKEN, pv_buf_view(&line),
                                  PV_FILE_MODE_OWN);
        }
    } else {
        err = pv_ed25519_generate(seed);
        if (err == PV_OK) {
            err = pv_ed25519_from_seed(seed, &secret);
        }
        if (err == PV_OK) {
            pv_ed25519_public(secret, public_key);
            err = pv_ed25519_save(dirfd, PV_SIGNER_KEY, seed);
        }
        OPENSSL_cleanse(seed, sizeof(seed));
    }
    pv_ed25519_free(secret);
    pv_token_close(token);
    pv_buf_clear(&line);
    return err;
}

/* `signed` for the tree of no leaves: from now on its absence is a loss. */
static enum pv_err
sign_nothing(int dirfd, struct pv_why *why)
{
    struct pv_signer_key key;
    struct pv_checkpoint empty = {.size = 0, .root = pv_merkle_empty};
    struct pv_buf        note;
    enum pv_err          err = pv_signer_key_open(dirfd, &key, why);

    if (err != PV_OK) {
        return err;
    }
    pv_buf_init(&note, PV_SIGNER_NOTE_MAX);
    empty.origin = (struct pv_slice){key.key.name, key.key.name_len};
    err = pv_signer_key_sign(&key, &empty, &note);
    if (err == PV_OK) {
        err = pv_file_replace(dirfd, PV_SIGNER_SIGNED, pv_buf_view(&note),
                              PV_FILE_MODE_OWN);
    }
    pv_buf_clear(&note);
    pv_signer_key_close(&key);
    return err;
}

static enum pv_err
write_vkey(int dirfd, const struct pv_note_key *key, struct pv_buf *vkey)
{
    enum pv_err err = pv_note_key_write(key, vkey);

    if (err == PV_OK) {
        err = pv_buf_add_char(vkey, '\n');
    }
    if (err == PV_OK) {
        err = pv_file_replace(dirfd, PV_SIGNER_VKEY, pv_buf_view(vkey),
                              PV_FILE_MODE_GROUP);
    }
    return err;
}

/* `signed` is made last: the power may have gone before it. */
static const char *
found_words(int dirfd)
{
    return pv_file_is_there(dirfd, PV_SIGNER_SIGNED)
               ? "a key was made here before; one log has one key. Nothing "
                 "was changed"
               : "a key was made here before, but `signed` is missing: an "
                 "--init-key did not end, or `signed` was lost. If no "
                 "checkpoint was ever published under this key, remove the "
                 "files and make one anew; otherwise see --accept-checkpoint. "
                 "Nothing was changed";
}

int
pv_signer_init(const char *program, const char *dir, const char *name,
               const char *token_uri)
{
    static const char *const files[] = {PV_SIGNER_KEY, PV_SIGNER_TOKEN,
                                        PV_SIGNER_VKEY, PV_SIGNER_SIGNED};
    uint8_t                  public_key[PV_ED25519_PUBLIC_LEN];
    struct pv_slice          origin = pv_slice_from(name);
    struct pv_note_key       key;
    struct pv_buf            vkey;
    struct pv_why            why = {""};
    int                      dirfd = open_dir(program, dir);
    int                      code = 0;
    enum pv_err              err = PV_OK;

    (void)umask(077); /* cannot fail */
    if (dirfd == -1) {
        return 1;
    }
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        if (pv_file_is_there(dirfd, files[i])) {
            return failed(program, dir, found_words(dirfd));
        }
    }
    if (!pv_note_is_name(origin) || origin.len > PV_ORIGIN_MAX) {
        return failed(program, name, "not a name of a log: no spaces, no plus");
    }
    pv_buf_init(&vkey, PV_NOTE_VKEY_MAX + 1);
    err = make_secret(dirfd, token_uri, public_key, &why);
    if (err == PV_OK) {
        err = pv_note_key_init(&key, origin, PV_NOTE_ED25519, public_key);
    }
    if (err == PV_OK) {
        err = write_vkey(dirfd, &key, &vkey);
    }
    if (err == PV_OK) {
        err = sign_nothing(dirfd, &why);
    }
    if (err != PV_OK) {
        code = failed(program, "cannot make the log's key",
                      why.text[0] != '\0' ? why.text : pv_err_text(err));
    } else if (printf("%.*s", PV_FMT(pv_buf_view(&vkey))) < 0) {
        code = 1;
    }
    pv_buf_clear(&vkey);
    return code;
}

/*
 * The way out when `signed` is lost: a person says that this checkpoint is
 * the last one that was published. It must be this key's.
 */
int
pv_signer_accept(const char *program, const char *dir, const char *file)
{
    struct pv_signer_key key;
    struct pv_checkpoint checkpoint;
    struct pv_note       note;
    struct pv_buf        bytes;
    struct pv_buf        own;
    struct pv_why        why;
    int                  dirfd = open_dir(program, dir);
    enum pv_err          err;

    (void)umask(077); /* cannot fail */
    if (dirfd == -1) {
        return 1;
    }
    if (pv_file_is_there(dirfd, PV_SIGNER_SIGNED)) {
        return failed(program, dir,
                      "it knows what it signed last; nothing was changed");
    }
    if (pv_signer_key_open(dirfd, &key, &why) != PV_OK) {
        return failed(program, dir, why.text);
    }
    pv_buf_init(&bytes, PV_CHECKPOINT_NOTE_MAX);
    pv_buf_init(&own, PV_SIGNER_NOTE_MAX);
    err = pv_file_read(AT_FDCWD, file, &bytes);
    if (err == PV_OK) {
        err = pv_checkpoint_open(pv_buf_view(&bytes), &key.key, &checkpoint,
                                 &note);
    }
    if (err == PV_OK) { /* without the witnesses' lines */
        err = pv_signer_key_sign(&key, &checkpoint, &own);
    }
    if (err == PV_OK) {
        err = pv_file_replace(dirfd, PV_SIGNER_SIGNED, pv_buf_view(&own),
                              PV_FILE_MODE_OWN);
    }
    pv_signer_key_close(&key);
    pv_buf_clear(&bytes);
    pv_buf_clear(&own);
    if (err != PV_OK) {
        return failed(program, file, pv_err_text(err));
    }
    return printf("goes on from %llu leaves\n",
                  (unsigned long long)checkpoint.size) < 0
               ? 1
               : 0;
}
