#include "trace/note.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/num.h"
#include "base/utf8.h"
#include "crypto/sha256.h"

#define KEY_ID_LEN 4
#define KEY_HEX_LEN 8
#define SKEY_PREFIX "PRIVATE+KEY+"

static bool
is_space(uint32_t c)
{
    return c <= ' ' || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 ||
           c == 0x202f || c == 0x205f || c == 0x3000;
}

bool
pv_note_is_name(struct pv_slice text)
{
    uint32_t c;

    if (text.len == 0 || text.len > PV_NOTE_NAME_MAX) {
        return false;
    }
    while (text.len > 0) {
        if (!pv_utf8_next(&text, &c) || is_space(c) || c == '+') {
            return false;
        }
    }
    return true;
}

static struct pv_slice
name_of(const struct pv_note_key *key)
{
    return (struct pv_slice){key->name, key->name_len};
}

static enum pv_err
key_id(struct pv_note_key *key)
{
    char                  kind[2] = {'\n', (char)key->type};
    const struct pv_slice part[] = {
        name_of(key),
        {kind, sizeof(kind)},
        {(const char *)key->public_key, sizeof(key->public_key)},
    };
    struct pv_sha256 *sha = NULL;
    struct pv_hash    hash;
    enum pv_err       err = pv_sha256_new(&sha);

    if (err == PV_OK) {
        err = pv_sha256(sha, part, 3, &hash);
    }
    if (err == PV_OK) {
        key->id = pv_load_be32(hash.bytes);
    }
    pv_sha256_free(sha);
    return err;
}

enum pv_err
pv_note_key_init(struct pv_note_key *key, struct pv_slice name,
                 enum pv_note_type type,
                 const uint8_t     public_key[PV_ED25519_PUBLIC_LEN])
{
    struct pv_note_key made = {.type = type, .name_len = name.len};
    enum pv_err        err;

    if (!pv_note_is_name(name)) {
        return PV_EINVAL;
    }
    memcpy(made.name, name.ptr, name.len);
    memcpy(made.public_key, public_key, sizeof(made.public_key));
    err = key_id(&made);
    if (err == PV_OK) {
        *key = made;
    }
    return err;
}

static void
hex_of_id(uint32_t id, char hex[KEY_HEX_LEN])
{
    uint8_t bytes[KEY_ID_LEN];

    pv_store_be32(bytes, id);
    pv_hex_text(bytes, sizeof(bytes), hex);
}

/* name "+" hex "+" base64(type || 32 bytes): cut, the id not yet checked. */
static enum pv_err
cut_key(struct pv_slice text, struct pv_slice *name, struct pv_slice *hex,
        uint8_t type_and_bytes[33])
{
    struct pv_slice rest;

    if (!pv_slice_cut(text, '+', name, &rest) ||
        !pv_slice_cut(rest, '+', hex, &rest) || hex->len != KEY_HEX_LEN ||
        pv_base64_exactly(rest, type_and_bytes, 33) != PV_OK ||
        (type_and_bytes[0] != PV_NOTE_ED25519 &&
         type_and_bytes[0] != PV_NOTE_COSIGNATURE)) {
        return PV_EINVAL;
    }
    return PV_OK;
}

static enum pv_err
check_id(const struct pv_note_key *key, struct pv_slice hex)
{
    char text[KEY_HEX_LEN];

    hex_of_id(key->id, text);
    return pv_slice_eq(hex, (struct pv_slice){text, sizeof(text)}) ? PV_OK
                                                                   : PV_EVERIFY;
}

enum pv_err
pv_note_key_parse(struct pv_slice vkey, struct pv_note_key *ret)
{
    uint8_t            bytes[1 + PV_ED25519_PUBLIC_LEN];
    struct pv_slice    name;
    struct pv_slice    hex;
    struct pv_note_key key;
    enum pv_err        err = cut_key(vkey, &name, &hex, bytes);

    if (err == PV_OK) {
        err = pv_note_key_init(&key, name, (enum pv_note_type)bytes[0],
                               bytes + 1);
    }
    if (err == PV_OK) {
        err = check_id(&key, hex);
    }
    if (err == PV_OK) {
        *ret = key;
    }
    return err;
}

enum pv_err
pv_note_key_write(const struct pv_note_key *key, struct pv_buf *out)
{
    uint8_t bytes[1 + PV_ED25519_PUBLIC_LEN] = {(uint8_t)key->type};
    char    text[PV_BASE64_LEN(sizeof(bytes))];
    char    hex[KEY_HEX_LEN];

    memcpy(bytes + 1, key->public_key, sizeof(key->public_key));
    pv_base64_text(bytes, sizeof(bytes), text);
    hex_of_id(key->id, hex);
    return pv_buf_addf(out, "%.*s+%.*s+%.*s", (int)key->name_len, key->name,
                       KEY_HEX_LEN, hex, (int)sizeof(text), text);
}

enum pv_err
pv_note_skey_parse(struct pv_slice skey, struct pv_note_key *ret,
                   struct pv_ed25519 **ret_secret)
{
    const struct pv_slice prefix = PV_SLICE_INIT(SKEY_PREFIX);
    uint8_t               bytes[1 + PV_ED25519_SEED_LEN];
    uint8_t               public_key[PV_ED25519_PUBLIC_LEN];
    struct pv_slice       name;
    struct pv_slice       hex;
    struct pv_note_key    key;
    struct pv_ed25519    *secret = NULL;
    enum pv_err           err = PV_EINVAL;

    if (!pv_slice_starts(skey, prefix)) {
        return PV_EINVAL;
    }
    skey.ptr += prefix.len;
    skey.len -= prefix.len;
    err = cut_key(skey, &name, &hex, bytes);
    if (err == PV_OK) {
        err = pv_ed25519_from_seed(bytes + 1, &secret);
    }
    if (err == PV_OK) {
        pv_ed25519_public(secret, public_key);
        err = pv_note_key_init(&key, name, (enum pv_note_type)bytes[0],
                               public_key);
    }
    if (err == PV_OK) {
        err = check_id(&key, hex);
    }
    if (err == PV_OK) {
        *ret = key;
        *ret_secret = secret;
        secret = NULL;
    }
    pv_ed25519_free(secret);
    OPENSSL_cleanse(bytes, sizeof(bytes));
    return err;
}
