/* make.c - a new witness, and a new log for it to follow. */
#include <openssl/crypto.h>
#include <string.h>

#include "base/num.h"
#include "private.h"

static enum pv_err
write_vkey(int dirfd, const struct pv_note_key *key, struct pv_buf *ret_vkey)
{
    struct pv_buf line;
    enum pv_err   err;

    pv_buf_init(&line, PV_NOTE_VKEY_MAX + 1);
    err = pv_note_key_write(key, &line);
    if (err == PV_OK) {
        err = pv_buf_add(ret_vkey, pv_buf_view(&line));
    }
    if (err == PV_OK) {
        err = pv_buf_add_char(&line, '\n');
    }
    if (err == PV_OK) {
        err = pv_file_replace(dirfd, PV_WITNESS_VKEY, pv_buf_view(&line),
                              PV_FILE_MODE_GROUP);
    }
    pv_buf_clear(&line);
    return err;
}

enum pv_err
pv_witness_init(int dirfd, struct pv_slice name, struct pv_buf *ret_vkey)
{
    uint8_t            seed[PV_ED25519_SEED_LEN];
    uint8_t            public_key[PV_ED25519_PUBLIC_LEN];
    struct pv_ed25519 *secret = NULL;
    struct pv_note_key key;
    enum pv_err        err = PV_EINVAL;

    if (!pv_note_is_name(name)) {
        return err;
    }
    err = pv_ed25519_generate(seed);
    if (err == PV_OK) {
        err = pv_ed25519_from_seed(seed, &secret);
    }
    if (err == PV_OK) {
        pv_ed25519_public(secret, public_key);
        err = pv_note_key_init(&key, name, PV_NOTE_COSIGNATURE, public_key);
    }
    /* vkey is the last: with it a witness is whole */
    if (err == PV_OK && !pv_file_is_there(dirfd, PV_WITNESS_LOGS)) {
        err = pv_file_replace(dirfd, PV_WITNESS_LOGS, PV_LIT(""),
                              PV_FILE_MODE_GROUP);
    }
    if (err == PV_OK) {
        err = pv_ed25519_save(dirfd, PV_WITNESS_KEY, seed);
    }
    if (err == PV_OK) {
        err = write_vkey(dirfd, &key, ret_vkey);
    }
    OPENSSL_cleanse(seed, sizeof(seed));
    pv_ed25519_free(secret);
    return err;
}

/* ---- a log --------------------------------------------------------------- */

static const struct seen_log *
find(const struct pv_witness *witness, const struct pv_note_key *key)
{
    for (size_t i = 0; i < witness->log_count; i++) {
        const struct pv_note_key *own = &witness->log[i].key;

        if (pv_slice_eq((struct pv_slice){key->name, key->name_len},
                        (struct pv_slice){own->name, own->name_len})) {
            return &witness->log[i];
        }
    }
    return NULL;
}

/* The empty tree, which every tree begins with, in the witness's own word. */
static enum pv_err
see_nothing(struct pv_witness *witness, const struct seen_log *log,
            uint64_t now_s)
{
    const struct pv_checkpoint empty = {
        .origin = {log->key.name, log->key.name_len},
        .root = pv_merkle_empty,
    };
    struct pv_buf note;
    size_t        text;
    enum pv_err   err;

    pv_buf_init(&note, PV_NOTE_MAX);
    err = pv_checkpoint_write(&empty, &note);
    text = note.len;
    if (err == PV_OK) {
        err = pv_buf_add_char(&note, '\n');
    }
    if (err == PV_OK) {
        err = pv_note_sign(&note, &witness->key, witness->secret,
                           (struct pv_slice){note.ptr, text}, now_s);
    }
    if (err == PV_OK) {
        err = pv_file_replace(witness->seenfd, log->hex, pv_buf_view(&note),
                              PV_FILE_MODE_GROUP);
    }
    pv_buf_clear(&note);
    return err;
}

static enum pv_err
add_line(struct pv_witness *witness, struct pv_slice vkey)
{
    struct pv_buf text;
    enum pv_err   err;

    pv_buf_init(&text, LOGS_TEXT_MAX);
    err = pv_file_read(witness->dirfd, PV_WITNESS_LOGS, &text);
    if (err == PV_OK && text.len > 0 && text.ptr[text.len - 1] != '\n') {
        err = pv_buf_add_char(&text, '\n');
    }
    if (err == PV_OK) {
        err = pv_buf_addf(&text, "log %.*s\n", PV_FMT(vkey));
    }
    if (err == PV_OK) {
        err = pv_file_replace(witness->dirfd, PV_WITNESS_LOGS,
                              pv_buf_view(&text), PV_FILE_MODE_GROUP);
    }
    pv_buf_clear(&text);
    return err;
}

/* Listed, or what was seen is kept, or neither: which of the two is to do? */
static enum pv_err
know(struct pv_witness *witness, struct pv_slice vkey, uint64_t now_s,
     bool anew, struct pv_why *why)
{
    struct pv_note_key     key;
    const struct seen_log *log;
    bool                   listed;
    bool                   seen;
    enum pv_err            err = pv_note_key_parse(vkey, &key);

    if (err != PV_OK || key.type != PV_NOTE_ED25519) {
        pv_why_set(why, "that is not the public key of a log");
        return PV_EINVAL;
    }
    log = find(witness, &key);
    listed = log != NULL;
    if (listed && memcmp(log->key.public_key, key.public_key,
                         sizeof(key.public_key)) != 0) {
        pv_why_set(why, "the file " PV_WITNESS_LOGS " has another key of it");
        return PV_EEXIST;
    }
    if (!listed) {
        err = add_log(witness, vkey);
        if (err != PV_OK) {
            return err;
        }
        log = &witness->log[witness->log_count - 1];
    }
    seen = pv_file_is_there(witness->seenfd, log->hex);
    if (listed && seen) {
        pv_why_set(why, "this log is known already");
        return PV_EEXIST;
    }
    if (listed && !anew) {
        pv_why_set(
            why,
            "it is in the file " PV_WITNESS_LOGS ", but " PV_WITNESS_SEEN
            "/%s is not there. If it was lost, bring it back, or begin with a new "
            "key and name; only if nothing of it was ever cosigned, "
            "add --anew",
            log->hex);
        return PV_ECORRUPT;
    }
    if (!seen) {
        err = see_nothing(witness, log, now_s);
    }
    return err == PV_OK && !listed ? add_line(witness, vkey) : err;
}

enum pv_err
pv_witness_know(int dirfd, struct pv_slice vkey, uint64_t now_s, bool anew,
                struct pv_why *why)
{
    struct pv_witness *witness = NULL;
    enum pv_err        err = open_unseen(dirfd, &witness, why);

    if (err == PV_OK) {
        why->text[0] = '\0';
        err = know(witness, vkey, now_s, anew, why);
    }
    if (err != PV_OK && why->text[0] == '\0') {
        pv_why_set(why, "%s", pv_err_text(err));
    }
    pv_witness_close(witness);
    return err;
}
