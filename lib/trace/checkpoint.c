#include "trace/checkpoint.h"

#include <string.h>

#include "base/base64.h"
#include "base/num.h"

/* Some text without control characters; whether it is UTF-8 the note says. */
static bool
is_line(struct pv_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] < ' ') {
            return false;
        }
    }
    return text.len > 0;
}

static bool
is_origin(struct pv_slice text)
{
    return text.len <= PV_ORIGIN_MAX && is_line(text);
}

static bool
are_extensions(struct pv_slice rest)
{
    struct pv_slice line;

    while (rest.len > 0) {
        if (!pv_slice_cut(rest, '\n', &line, &rest) || !is_line(line)) {
            return false;
        }
    }
    return true;
}

enum pv_err
pv_checkpoint_parse(struct pv_slice text, struct pv_checkpoint *ret)
{
    struct pv_checkpoint read = {.size = 0};
    struct pv_slice      size;
    struct pv_slice      root;
    struct pv_slice      rest;
    enum pv_err          err;

    if (!pv_slice_cut(text, '\n', &read.origin, &rest) ||
        !pv_slice_cut(rest, '\n', &size, &rest) ||
        !pv_slice_cut(rest, '\n', &root, &read.extensions) ||
        !is_origin(read.origin) || !are_extensions(read.extensions)) {
        return PV_EINVAL;
    }
    err = pv_slice_to_u64(size, PV_MERKLE_SIZE_MAX, &read.size);
    if (err == PV_OK) {
        err = pv_base64_exactly(root, read.root.bytes, PV_HASH_LEN);
    }
    if (err == PV_OK) {
        *ret = read;
    }
    return err;
}

enum pv_err
pv_checkpoint_write(const struct pv_checkpoint *checkpoint, struct pv_buf *out)
{
    char root[PV_BASE64_LEN(PV_HASH_LEN)];

    if (!is_origin(checkpoint->origin) ||
        !are_extensions(checkpoint->extensions)) {
        return PV_EINVAL;
    }
    pv_base64_text(checkpoint->root.bytes, PV_HASH_LEN, root);
    return pv_buf_addf(out, "%.*s\n%llu\n%.*s\n%.*s",
                       PV_FMT(checkpoint->origin),
                       (unsigned long long)checkpoint->size, (int)sizeof(root),
                       root, PV_FMT(checkpoint->extensions));
}

enum pv_err
pv_checkpoint_open(struct pv_slice bytes, const struct pv_note_key *key,
                   struct pv_checkpoint *ret, struct pv_note *ret_note)
{
    struct pv_checkpoint checkpoint = {.size = 0};
    struct pv_note       note;
    enum pv_err          err = pv_note_parse(bytes, &note);

    if (err == PV_OK) {
        err = pv_note_verify(&note, key, NULL);
    }
    if (err == PV_OK) {
        err = pv_checkpoint_parse(note.text, &checkpoint);
    }
    if (err == PV_OK &&
        !pv_slice_eq(checkpoint.origin,
                     (struct pv_slice){key->name, key->name_len})) {
        err = PV_EVERIFY;
    }
    if (err == PV_OK && checkpoint.size == 0 &&
        !pv_hash_eq(&checkpoint.root, &pv_merkle_empty)) {
        err = PV_EVERIFY;
    }
    if (err != PV_OK) {
        return err;
    }
    *ret = checkpoint;
    if (ret_note != NULL) {
        *ret_note = note;
    }
    return PV_OK;
}

enum pv_err
pv_checkpoint_sign(const struct pv_checkpoint *checkpoint,
                   const struct pv_note_key *key, struct pv_ed25519 *secret,
                   struct pv_buf *out)
{
    struct pv_buf text;
    enum pv_err   err;

    pv_buf_init(&text, PV_NOTE_MAX);
    err = pv_checkpoint_write(checkpoint, &text);
    if (err == PV_OK) {
        err = pv_buf_add(out, pv_buf_view(&text));
    }
    if (err == PV_OK) {
        err = pv_buf_add_char(out, '\n');
    }
    if (err == PV_OK) {
        err = pv_note_sign(out, key, secret, pv_buf_view(&text), 0);
    }
    pv_buf_clear(&text);
    return err;
}

/* The same key under two names is one witness. */
static bool
is_repeated(const struct pv_note_key *witness, size_t i)
{
    for (size_t j = 0; j < i; j++) {
        if (memcmp(witness[j].public_key, witness[i].public_key,
                   sizeof(witness[i].public_key)) == 0) {
            return true;
        }
    }
    return false;
}

enum pv_err
pv_checkpoint_cosigned(const struct pv_note     *note,
                       const struct pv_note_key *witness, size_t count,
                       size_t *ret)
{
    size_t cosigned = 0;

    for (size_t i = 0; i < count; i++) {
        enum pv_err err = pv_note_verify(note, &witness[i], NULL);

        if (err != PV_OK && err != PV_ENOTFOUND) {
            return err;
        }
        if (err == PV_OK && !is_repeated(witness, i)) {
            cosigned++;
        }
    }
    *ret = cosigned;
    return PV_OK;
}
