#include "trace/note.h"

#include <string.h>

#include "base/num.h"
#include "base/utf8.h"

#define DASH "\xe2\x80\x94 " /* em dash, space */
#define KEY_ID_LEN 4
#define COSIGNED_HEAD "cosignature/v1\ntime "
#define COSIGNED_HEAD_MAX 64

/* One signature line, without its newline. */
static bool
parse_line(struct pv_slice line, struct pv_note_signature *ret)
{
    const struct pv_slice dash = PV_SLICE_INIT(DASH);
    uint8_t               bytes[KEY_ID_LEN + PV_NOTE_SIGNATURE_MAX];
    size_t                len;

    if (!pv_slice_starts(line, dash)) {
        return false;
    }
    ret->line = (struct pv_slice){line.ptr, line.len + 1};
    line.ptr += dash.len;
    line.len -= dash.len;
    if (!pv_slice_cut(line, ' ', &ret->name, &ret->base64) ||
        !pv_note_is_name(ret->name) ||
        pv_base64_bytes(ret->base64, bytes, sizeof(bytes), &len) != PV_OK ||
        len <= KEY_ID_LEN) {
        return false;
    }
    ret->id = pv_load_be32(bytes);
    return true;
}

enum pv_err
pv_note_parse_lines(struct pv_slice lines, size_t *ret_count)
{
    struct pv_note_signature signature;
    struct pv_slice          rest = lines;
    struct pv_slice          line;
    size_t                   count = 0;

    while (rest.len > 0) {
        if (!pv_slice_cut(rest, '\n', &line, &rest) ||
            !parse_line(line, &signature)) {
            return PV_EINVAL;
        }
        if (++count > PV_NOTE_SIGNATURES_MAX) {
            return PV_ERANGE;
        }
    }
    *ret_count = count;
    return PV_OK;
}

/* UTF-8 without controls, but for newlines. */
static bool
is_plain(struct pv_slice text)
{
    uint32_t c;

    while (text.len > 0) {
        if (!pv_utf8_next(&text, &c) || (c < ' ' && c != '\n')) {
            return false;
        }
    }
    return true;
}

enum pv_err
pv_note_parse(struct pv_slice bytes, struct pv_note *ret)
{
    struct pv_note note;
    size_t         cut; /* where the signatures begin */
    enum pv_err    err;

    if (bytes.len > PV_NOTE_MAX) {
        return PV_ERANGE;
    }
    for (cut = bytes.len; cut >= 3; cut--) {
        if (bytes.ptr[cut - 1] == '\n' && bytes.ptr[cut - 2] == '\n') {
            break;
        }
    }
    if (cut < 3 || !is_plain(bytes)) {
        return PV_EINVAL;
    }
    note.text = (struct pv_slice){bytes.ptr, cut - 1};
    note.signatures = (struct pv_slice){bytes.ptr + cut, bytes.len - cut};
    err = pv_note_parse_lines(note.signatures, &note.count);
    if (err == PV_OK && note.count == 0) {
        err = PV_EINVAL;
    }
    if (err == PV_OK) {
        *ret = note;
    }
    return err;
}

bool
pv_note_next(struct pv_slice *rest, struct pv_note_signature *ret)
{
    struct pv_slice line;

    return pv_slice_cut(*rest, '\n', &line, rest) && parse_line(line, ret);
}

/* ---- signing and verifying --------------------------------------------- */

/* What a cosignature is over; out is cleared by the caller. */
static enum pv_err
cosigned_message(struct pv_slice text, uint64_t when_s, struct pv_buf *out)
{
    enum pv_err err;

    pv_buf_init(out, PV_NOTE_MAX + COSIGNED_HEAD_MAX);
    err = pv_buf_add(out, PV_LIT(COSIGNED_HEAD));
    if (err == PV_OK) {
        err = pv_buf_add_u64(out, when_s);
    }
    if (err == PV_OK) {
        err = pv_buf_add_char(out, '\n');
    }
    return err == PV_OK ? pv_buf_add(out, text) : err;
}

static enum pv_err
verify_cosignature(struct pv_slice text, const struct pv_note_key *key,
                   const uint8_t signature[PV_COSIGNATURE_LEN],
                   uint64_t     *ret_when_s)
{
    uint64_t      when_s = pv_load_be64(signature);
    struct pv_buf message = {0};
    enum pv_err   err;

    if (when_s == 0 || when_s > INT64_MAX) {
        return PV_EVERIFY;
    }
    err = cosigned_message(text, when_s, &message);
    if (err == PV_OK) {
        err = pv_ed25519_verify(key->public_key, pv_buf_view(&message),
                                signature + 8);
    }
    if (err == PV_OK) {
        *ret_when_s = when_s;
    }
    pv_buf_clear(&message);
    return err;
}

static enum pv_err
verify_line(struct pv_slice text, const struct pv_note_key *key,
            const struct pv_note_signature *signature, uint64_t *ret_when_s)
{
    uint8_t bytes[KEY_ID_LEN + PV_NOTE_SIGNATURE_MAX];
    size_t  len;

    if (pv_base64_bytes(signature->base64, bytes, sizeof(bytes), &len) !=
        PV_OK) {
        return PV_EVERIFY;
    }
    len -= KEY_ID_LEN;
    switch (key->type) {
    case PV_NOTE_ED25519:
        *ret_when_s = 0;
        return len == PV_ED25519_SIGNATURE_LEN
                   ? pv_ed25519_verify(key->public_key, text,
                                       bytes + KEY_ID_LEN)
                   : PV_EVERIFY;
    case PV_NOTE_COSIGNATURE:
        return len == PV_COSIGNATURE_LEN
                   ? verify_cosignature(text, key, bytes + KEY_ID_LEN,
                                        ret_when_s)
                   : PV_EVERIFY;
    }
    return PV_EVERIFY;
}

enum pv_err
pv_note_verify(const struct pv_note *note, const struct pv_note_key *key,
               uint64_t *ret_when_s)
{
    struct pv_slice          rest = note->signatures;
    struct pv_note_signature signature;
    enum pv_err              found = PV_ENOTFOUND;
    uint64_t                 first_s = 0;

    while (pv_note_next(&rest, &signature)) {
        uint64_t    when_s = 0;
        enum pv_err err;

        if (signature.id != key->id ||
            !pv_slice_eq(signature.name,
                         (struct pv_slice){key->name, key->name_len})) {
            continue;
        }
        err = verify_line(note->text, key, &signature, &when_s);
        if (err != PV_OK) {
            return err; /* one wrong line spoils the note */
        }
        if (found != PV_OK) {
            found = PV_OK;
            first_s = when_s;
        }
    }
    if (found == PV_OK && ret_when_s != NULL) {
        *ret_when_s = first_s;
    }
    return found;
}

enum pv_err
pv_note_add_line(struct pv_buf *out, const struct pv_note_key *key,
                 const uint8_t *signature, size_t len)
{
    uint8_t bytes[KEY_ID_LEN + PV_COSIGNATURE_LEN];
    char    text[PV_BASE64_LEN(sizeof(bytes))];

    if (len != PV_ED25519_SIGNATURE_LEN && len != PV_COSIGNATURE_LEN) {
        return PV_EINVAL;
    }
    pv_store_be32(bytes, key->id);
    memcpy(bytes + KEY_ID_LEN, signature, len);
    pv_base64_text(bytes, KEY_ID_LEN + len, text);
    return pv_buf_addf(out, DASH "%.*s %.*s\n", (int)key->name_len, key->name,
                       (int)PV_BASE64_LEN(KEY_ID_LEN + len), text);
}

enum pv_err
pv_note_sign(struct pv_buf *out, const struct pv_note_key *key,
             struct pv_ed25519 *secret, struct pv_slice text, uint64_t when_s)
{
    uint8_t       bytes[PV_COSIGNATURE_LEN];
    struct pv_buf message = {0};
    enum pv_err   err;

    if (text.len == 0 || text.ptr[text.len - 1] != '\n') {
        return PV_EINVAL;
    }
    if (key->type == PV_NOTE_ED25519) {
        err = pv_ed25519_sign(secret, text, bytes);
        return err == PV_OK
                   ? pv_note_add_line(out, key, bytes, PV_ED25519_SIGNATURE_LEN)
                   : err;
    }
    if (when_s == 0 || when_s > INT64_MAX) {
        return PV_EINVAL;
    }
    pv_store_be64(bytes, when_s);
    err = cosigned_message(text, when_s, &message);
    if (err == PV_OK) {
        err = pv_ed25519_sign(secret, pv_buf_view(&message), bytes + 8);
    }
    pv_buf_clear(&message);
    return err == PV_OK ? pv_note_add_line(out, key, bytes, sizeof(bytes))
                        : err;
}
