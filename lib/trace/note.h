/*
 * note.h - signed notes of C2SP signed-note, and the keys of them.
 *
 *   note       text that ends in a newline, an empty line, signature lines
 *   signature  "\xe2\x80\x94 " name " " base64(u32 be key id || signature) "\n"
 *   key id     SHA-256(name || "\n" || type || public key)[:4]
 *   vkey       name "+" hex(key id) "+" base64(type || public key)
 *   skey       "PRIVATE+KEY+" name "+" hex(key id) "+" base64(type || seed)
 *
 * Types: 0x01, an Ed25519 signature over the text; 0x04, a timestamped
 * cosignature (C2SP tlog-cosignature): u64 be seconds since 1970, then an
 * Ed25519 signature over "cosignature/v1\ntime <seconds>\n" and the text.
 * Base64 is taken in its canonical form only, so no byte of a signature
 * can change unseen.
 *
 * Ownership: slices borrow the note's bytes.  Threads: any.  Blocks: never.
 * Errors:    PV_EINVAL: breaks the grammar; PV_ERANGE: past a maximum below.
 */
#ifndef PV_TRACE_NOTE_H
#define PV_TRACE_NOTE_H

#include "base/base64.h"
#include "base/buf.h"
#include "crypto/ed25519.h"

#define PV_NOTE_MAX 65536
#define PV_NOTE_SIGNATURES_MAX 64
#define PV_NOTE_NAME_MAX 255
#define PV_NOTE_SIGNATURE_MAX 5120 /* bytes behind the key id */
#define PV_NOTE_VKEY_MAX (PV_NOTE_NAME_MAX + 10 + PV_BASE64_LEN(33))

#define PV_COSIGNATURE_LEN (8 + PV_ED25519_SIGNATURE_LEN)

enum pv_note_type {
    PV_NOTE_ED25519 = 0x01,
    PV_NOTE_COSIGNATURE = 0x04,
};

struct pv_note_key { /* who may sign: what a vkey says */
    enum pv_note_type type;
    uint32_t          id;
    uint8_t           public_key[PV_ED25519_PUBLIC_LEN];
    size_t            name_len;
    char              name[PV_NOTE_NAME_MAX];
};

/* Whether text can name a key: UTF-8, no spaces, no '+', no controls. */
bool pv_note_is_name(struct pv_slice text);

/* Work out the id. PV_EINVAL: a name that cannot be one. PV_ECRYPTO. */
enum pv_err
pv_note_key_init(struct pv_note_key *key, struct pv_slice name,
                 enum pv_note_type type,
                 const uint8_t public_key[PV_ED25519_PUBLIC_LEN]) PV_MUST_CHECK;

/* Read and write a vkey. The id is worked out and must agree: PV_EVERIFY. */
enum pv_err pv_note_key_parse(struct pv_slice     vkey,
                              struct pv_note_key *ret) PV_MUST_CHECK;
enum pv_err pv_note_key_write(const struct pv_note_key *key,
                              struct pv_buf            *out) PV_MUST_CHECK;

/* Read an skey: both halves. Seeds are kept in files by ed25519.h. */
enum pv_err pv_note_skey_parse(struct pv_slice skey, struct pv_note_key *ret,
                               struct pv_ed25519 **ret_secret) PV_MUST_CHECK;

struct pv_note {
    struct pv_slice text;       /* with its last newline */
    struct pv_slice signatures; /* the lines, for pv_note_next */
    size_t          count;
};

struct pv_note_signature {
    struct pv_slice name;
    uint32_t        id;
    struct pv_slice base64; /* of the key id and the signature */
    struct pv_slice line;   /* with its newline */
};

/* Cut a note and check the form of every line; verifies nothing. */
enum pv_err pv_note_parse(struct pv_slice bytes,
                          struct pv_note *ret) PV_MUST_CHECK;

/* Signature lines alone, as a witness answers. May be of none. */
enum pv_err pv_note_parse_lines(struct pv_slice lines,
                                size_t         *ret_count) PV_MUST_CHECK;

/* Walk note->signatures; false at the end. */
bool pv_note_next(struct pv_slice *rest, struct pv_note_signature *ret);

/*
 * PV_OK only if key signed the note; then ret_when_s (may be NULL) is the
 * time of a cosignature, or 0. PV_ENOTFOUND: no line of this key. PV_EVERIFY:
 * a line of this key is wrong (then the note is to be refused, whatever else
 * it holds). PV_ECRYPTO.
 */
enum pv_err pv_note_verify(const struct pv_note     *note,
                           const struct pv_note_key *key,
                           uint64_t                 *ret_when_s) PV_MUST_CHECK;

/*
 * The line of a signature made elsewhere (a token, another process), behind
 * what out holds. len is PV_ED25519_SIGNATURE_LEN or PV_COSIGNATURE_LEN.
 */
enum pv_err pv_note_add_line(struct pv_buf *out, const struct pv_note_key *key,
                             const uint8_t *signature,
                             size_t         len) PV_MUST_CHECK;

/*
 * Sign text and put the line behind what out holds. when_s is used for a
 * cosignature only and is not 0. PV_EINVAL: text does not end in a newline.
 */
enum pv_err pv_note_sign(struct pv_buf *out, const struct pv_note_key *key,
                         struct pv_ed25519 *secret, struct pv_slice text,
                         uint64_t when_s) PV_MUST_CHECK;

#endif
