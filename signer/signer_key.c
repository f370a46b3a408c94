/* signer_key.c - the key of a log: opened, made, and used. */
#include "signer_key.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "crypto/token.h"
#include "daemon/file.h"

#define VKEY_ROOM (PV_NOTE_VKEY_MAX + 1)

enum pv_err
pv_signer_cut(struct pv_slice bytes, struct pv_signer_notes *ret)
{
    struct pv_signer_notes notes = {{NULL, 0}, {NULL, 0}};
    size_t                 lines = 0;

    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.ptr[i] == '\n' && ++lines == PV_SIGNER_NOTE_LINES) {
            notes.last = (struct pv_slice){bytes.ptr, i + 1};
            notes.before =
                (struct pv_slice){bytes.ptr + i + 1, bytes.len - i - 1};
        }
    }
    if (bytes.len == 0 || bytes.ptr[bytes.len - 1] != '\n' ||
        (lines != PV_SIGNER_NOTE_LINES &&
         lines != (size_t)2 * PV_SIGNER_NOTE_LINES)) {
        return PV_EINVAL;
    }
    *ret = notes;
    return PV_OK;
}

/* One line of a file, without its end. */
static enum pv_err
read_line(int dirfd, const char *name, struct pv_buf *room,
          struct pv_slice *ret)
{
    enum pv_err     err = pv_file_read(dirfd, name, room);
    struct pv_slice rest;

    if (err != PV_OK) {
        return err;
    }
    (void)pv_slice_cut(pv_buf_view(room), '\n', ret, &rest);
    return rest.len == 0 ? PV_OK : PV_EINVAL;
}

static enum pv_err
open_vkey(int dirfd, struct pv_note_key *ret, struct pv_why *why)
{
    struct pv_buf   room;
    struct pv_slice line;
    enum pv_err     err;

    pv_buf_init(&room, VKEY_ROOM);
    err = read_line(dirfd, PV_SIGNER_VKEY, &room, &line);
    if (err == PV_ENOTFOUND) {
        pv_why_set(why, "the signer's directory holds no " PV_SIGNER_VKEY
                        "; make the log's key with --init-key, or "
                        "restore the directory as it was");
    } else if (err == PV_OK) {
        err = pv_note_key_parse(line, ret);
    }
    if (err == PV_OK && ret->type != PV_NOTE_ED25519) {
        err = PV_EINVAL;
    }
    if (err != PV_OK && err != PV_ENOTFOUND) {
        pv_why_set(why,
                   "the signer's " PV_SIGNER_VKEY
                   " does not read (%s); restore it from a copy",
                   pv_err_text(err));
    }
    pv_buf_clear(&room);
    return err;
}

static enum pv_err
open_token(int dirfd, struct pv_token **ret, struct pv_why *why)
{
    struct pv_buf   room;
    struct pv_slice uri;
    enum pv_err     err;

    pv_buf_init(&room, PV_TOKEN_URI_MAX + 1);
    err = read_line(dirfd, PV_SIGNER_TOKEN, &room, &uri);
    if (err == PV_OK) {
        err = pv_token_open(uri, ret, why);
    } else {
        pv_why_set(why, "the signer's " PV_SIGNER_TOKEN " does not read: %s",
                   pv_err_text(err));
    }
    pv_buf_clear(&room);
    return err;
}

static enum pv_err
open_secret(int dirfd, struct pv_signer_key *key, struct pv_why *why)
{
    enum pv_err err;

    if (pv_file_is_there(dirfd, PV_SIGNER_TOKEN)) {
        return open_token(dirfd, &key->token, why);
    }
    err = pv_ed25519_load(dirfd, PV_SIGNER_KEY, &key->secret);
    if (err == PV_ENOTFOUND) {
        pv_why_set(why, "the log's key is missing: neither " PV_SIGNER_KEY
                        " nor " PV_SIGNER_TOKEN
                        " is in the signer's directory; restore it. A key "
                        "that is lost ends its log: keep the log as it is and "
                        "begin another with --init-key in new directories");
    } else if (err == PV_EINVAL) {
        pv_why_set(why, "the log's key is readable by others; chmod 0600, and "
                        "ask who may have read it");
    } else if (err != PV_OK) {
        pv_why_set(why, "the log's key does not read: %s; restore it",
                   pv_err_text(err));
    }
    return err;
}

static void
public_of(const struct pv_signer_key *key, uint8_t room[PV_ED25519_PUBLIC_LEN])
{
    if (key->token != NULL) {
        pv_token_public(key->token, room);
    } else {
        pv_ed25519_public(key->secret, room);
    }
}

enum pv_err
pv_signer_key_open(int dirfd, struct pv_signer_key *ret, struct pv_why *why)
{
    struct pv_signer_key key;
    uint8_t              public_key[PV_ED25519_PUBLIC_LEN];
    enum pv_err          err;

    memset(&key, 0, sizeof(key));
    err = open_vkey(dirfd, &key.key, why);
    if (err == PV_OK) {
        err = open_secret(dirfd, &key, why);
    }
    if (err == PV_OK) {
        public_of(&key, public_key);
        if (memcmp(public_key, key.key.public_key, sizeof(public_key)) != 0) {
            pv_why_set(why, "the log's key was replaced: it is not the one "
                            "that " PV_SIGNER_VKEY
                            " names; restore the old one. A log has one key: "
                            "for another, begin another log");
            err = PV_EVERIFY;
        }
    }
    if (err != PV_OK) {
        pv_signer_key_close(&key);
        return err;
    }
    *ret = key;
    return PV_OK;
}

void
pv_signer_key_close(struct pv_signer_key *key)
{
    pv_ed25519_free(key->secret);
    pv_token_close(key->token);
    key->secret = NULL;
    key->token = NULL;
}

enum pv_err
pv_signer_key_sign_text(struct pv_signer_key *key, struct pv_slice text,
                        struct pv_buf *out)
{
    uint8_t     signature[PV_ED25519_SIGNATURE_LEN];
    enum pv_err err;

    out->len = 0;
    err = pv_buf_add(out, text);
    if (err == PV_OK) {
        err = pv_buf_add_char(out, '\n');
    }
    if (err != PV_OK) {
        return err;
    }
    if (key->token == NULL) {
        return pv_note_sign(out, &key->key, key->secret, text, 0);
    }
    err = pv_token_sign(key->token, text, signature);
    return err == PV_OK
               ? pv_note_add_line(out, &key->key, signature, sizeof(signature))
               : err;
}

enum pv_err
pv_signer_key_sign(struct pv_signer_key       *key,
                   const struct pv_checkpoint *checkpoint, struct pv_buf *out)
{
    struct pv_buf text;
    enum pv_err   err;

    pv_buf_init(&text, PV_CHECKPOINT_TEXT_MAX);
    err = pv_checkpoint_write(checkpoint, &text);
    if (err == PV_OK) {
        err = pv_signer_key_sign_text(key, pv_buf_view(&text), out);
    }
    pv_buf_clear(&text);
    return err;
}
