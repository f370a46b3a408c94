#include "crypto/token.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <p11-kit/p11-kit.h>
#include <p11-kit/uri.h>

#define FILE_SCHEME "file:"
#define KEY_ATTRIBUTES_MAX 8
#define POINT_MAX 64

struct pv_token {
    CK_FUNCTION_LIST *module;
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE  key;
    bool              initialised;
    bool              in_session;
    uint8_t           public_key[PV_ED25519_PUBLIC_LEN];
};

static enum pv_err
failed(struct pv_why *why, const char *what, CK_RV rv)
{
    pv_why_set(why, "the token failed at %s: %s", what, p11_kit_strerror(rv));
    return PV_ECRYPTO;
}

/* ---- the URI ------------------------------------------------------------ */

static enum pv_err
parse_uri(struct pv_slice text, P11KitUri *uri, struct pv_why *why)
{
    char        room[PV_TOKEN_URI_MAX + 1];
    enum pv_err err = pv_slice_to_cstr(text, room, sizeof(room));
    int         result;

    if (err != PV_OK) {
        pv_why_set(why, "the URI is longer than %d bytes or holds a NUL",
                   PV_TOKEN_URI_MAX);
        return PV_EINVAL;
    }
    result = p11_kit_uri_parse(
        room, P11_KIT_URI_FOR_ANY | P11_KIT_URI_FOR_MODULE, uri);
    if (result != P11_KIT_URI_OK) {
        pv_why_set(why, "the URI is not RFC 7512: %s",
                   p11_kit_uri_message(result));
        return PV_EINVAL;
    }
    if (p11_kit_uri_any_unrecognized(uri)) {
        pv_why_set(why, "the URI names something unknown");
        return PV_EINVAL;
    }
    if (p11_kit_uri_get_pin_value(uri) != NULL) {
        pv_why_set(why, "the URI holds the PIN itself; put it in a file and "
                        "name that with pin-source=file:");
        return PV_EINVAL;
    }
    if (p11_kit_uri_get_module_path(uri) == NULL) {
        pv_why_set(why, "the URI names no module-path");
        return PV_EINVAL;
    }
    return PV_OK;
}

/* The first line of the file that pin-source names. */
static enum pv_err
read_pin(P11KitUri *uri, char pin[PV_TOKEN_PIN_MAX + 1], size_t *ret_len,
         struct pv_why *why)
{
    const char *path = p11_kit_uri_get_pin_source(uri);
    struct stat st;
    enum pv_err err = PV_EINVAL;
    ssize_t     n = -1;
    int         fd = -1;

    if (path == NULL) {
        pv_why_set(why, "the token wants a PIN and the URI has no pin-source");
        goto out;
    }
    if (strncmp(path, FILE_SCHEME, strlen(FILE_SCHEME)) == 0) {
        path += strlen(FILE_SCHEME);
    }
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd == -1 || fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) ||
        (st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        pv_why_set(why,
                   "the PIN's file %s must be readable by its owner, and "
                   "by nobody else",
                   path);
        goto out;
    }
    n = read(fd, pin, PV_TOKEN_PIN_MAX + 1);
    if (n > 0 && memchr(pin, '\n', (size_t)n) != NULL) {
        n = (char *)memchr(pin, '\n', (size_t)n) - pin;
    }
    if (n <= 0 || n > PV_TOKEN_PIN_MAX) {
        pv_why_set(why, "the PIN's file %s must hold 1 to %d bytes", path,
                   PV_TOKEN_PIN_MAX);
        goto out;
    }
    *ret_len = (size_t)n;
    err = PV_OK;

out:
    if (fd != -1) {
        (void)close(fd); /* read-only: nothing to lose */
    }
    return err;
}

/* ---- the token ---------------------------------------------------------- */

static enum pv_err
find_slot(struct pv_token *token, P11KitUri *uri, CK_SLOT_ID *ret_slot,
          CK_FLAGS *ret_flags, struct pv_why *why)
{
    CK_SLOT_ID    slot[PV_TOKEN_SLOTS_MAX];
    CK_ULONG      count = PV_TOKEN_SLOTS_MAX;
    CK_TOKEN_INFO info;
    CK_RV         rv = token->module->C_GetSlotList(CK_TRUE, slot, &count);
    unsigned      fit = 0;

    if (rv != CKR_OK) {
        return failed(why, "C_GetSlotList", rv);
    }
    for (CK_ULONG i = 0; i < count; i++) {
        rv = token->module->C_GetTokenInfo(slot[i], &info);
        if (rv != CKR_OK) {
            return failed(why, "C_GetTokenInfo", rv);
        }
        if (p11_kit_uri_match_token_info(uri, &info)) {
            *ret_slot = slot[i];
            *ret_flags = info.flags;
            fit++;
        }
    }
    if (fit != 1) {
        pv_why_set(why, "%s token fits the URI",
                   fit == 0 ? "no" : "more than one");
        return fit == 0 ? PV_ENOTFOUND : PV_EEXIST;
    }
    return PV_OK;
}

static enum pv_err
begin_session(struct pv_token *token, P11KitUri *uri, struct pv_why *why)
{
    CK_SLOT_ID  slot = 0;
    CK_FLAGS    flags = 0;
    CK_RV       rv;
    char        pin[PV_TOKEN_PIN_MAX + 1];
    size_t      pin_len = 0;
    enum pv_err err = find_slot(token, uri, &slot, &flags, why);

    if (err != PV_OK) {
        return err;
    }
    rv = token->module->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL,
                                      &token->session);
    if (rv != CKR_OK) {
        return failed(why, "C_OpenSession", rv);
    }
    token->in_session = true;
    if ((flags & CKF_LOGIN_REQUIRED) == 0) {
        return PV_OK;
    }
    err = read_pin(uri, pin, &pin_len, why);
    if (err == PV_OK) {
        rv = token->module->C_Login(token->session, CKU_USER,
                                    (unsigned char *)pin, pin_len);
        err = rv == CKR_OK ? PV_OK : failed(why, "C_Login", rv);
    }
    OPENSSL_cleanse(pin, sizeof(pin));
    return err;
}

/* The one object of a class that the URI names. */
static enum pv_err
find_object(struct pv_token *token, P11KitUri *uri, CK_OBJECT_CLASS class,
            CK_OBJECT_HANDLE *ret, struct pv_why *why)
{
    CK_KEY_TYPE      type = CKK_EC_EDWARDS;
    CK_ATTRIBUTE     want[KEY_ATTRIBUTES_MAX + 2];
    CK_ATTRIBUTE    *named;
    CK_OBJECT_HANDLE object[2];
    CK_ULONG         named_count = 0;
    CK_ULONG         count = 0;
    CK_ULONG         wanted = 0;
    CK_RV            rv;

    want[wanted++] = (CK_ATTRIBUTE){CKA_CLASS, &class, sizeof(class)};
    want[wanted++] = (CK_ATTRIBUTE){CKA_KEY_TYPE, &type, sizeof(type)};
    named = p11_kit_uri_get_attributes(uri, &named_count);
    for (CK_ULONG i = 0; i < named_count && i < KEY_ATTRIBUTES_MAX; i++) {
        if (named[i].type != CKA_CLASS) {
            want[wanted++] = named[i];
        }
    }
    rv = token->module->C_FindObjectsInit(token->session, want, wanted);
    if (rv == CKR_OK) {
        rv = token->module->C_FindObjects(token->session, object, 2, &count);
    }
    if (rv == CKR_OK) {
        rv = token->module->C_FindObjectsFinal(token->session);
    }
    if (rv != CKR_OK) {
        return failed(why, "C_FindObjects", rv);
    }
    if (count != 1) {
        pv_why_set(why, "%s Ed25519 %s key fits the URI",
                   count == 0 ? "no" : "more than one",
                   class == CKO_PRIVATE_KEY ? "private" : "public");
        return count == 0 ? PV_ENOTFOUND : PV_EEXIST;
    }
    *ret = object[0];
    return PV_OK;
}

/* CKA_EC_POINT is the 32 bytes, by most modules in a DER octet string. */
static enum pv_err
read_public(struct pv_token *token, P11KitUri *uri, struct pv_why *why)
{
    static const uint8_t der[2] = {0x04, PV_ED25519_PUBLIC_LEN};
    uint8_t              point[POINT_MAX];
    CK_ATTRIBUTE         wanted = {CKA_EC_POINT, point, sizeof(point)};
    CK_OBJECT_HANDLE     object = 0;
    const uint8_t       *at = point;
    CK_RV                rv;
    enum pv_err err = find_object(token, uri, CKO_PUBLIC_KEY, &object, why);

    if (err != PV_OK) {
        return err;
    }
    rv = token->module->C_GetAttributeValue(token->session, object, &wanted, 1);
    if (rv != CKR_OK) {
        return failed(why, "C_GetAttributeValue", rv);
    }
    if (wanted.ulValueLen == sizeof(der) + PV_ED25519_PUBLIC_LEN &&
        memcmp(point, der, sizeof(der)) == 0) {
        at += sizeof(der);
    } else if (wanted.ulValueLen != PV_ED25519_PUBLIC_LEN) {
        pv_why_set(why, "the token's public key is not an Ed25519 point");
        return PV_EVERIFY;
    }
    memcpy(token->public_key, at, PV_ED25519_PUBLIC_LEN);
    return PV_OK;
}

static enum pv_err
try_key(struct pv_token *token, struct pv_why *why)
{
    static const struct pv_slice word = PV_SLICE_INIT("payvand-token-v1");
    uint8_t                      signature[PV_ED25519_SIGNATURE_LEN];
    enum pv_err                  err = pv_token_sign(token, word, signature);

    if (err == PV_OK) {
        err = pv_ed25519_verify(token->public_key, word, signature);
    }
    if (err != PV_OK) {
        pv_why_set(why, "the token does not sign with the key it shows");
    }
    return err;
}

static enum pv_err
load_module(struct pv_token *token, P11KitUri *uri, struct pv_why *why)
{
    const char *path = p11_kit_uri_get_module_path(uri);
    CK_RV       rv;

    token->module = p11_kit_module_load(path, P11_KIT_MODULE_CRITICAL);
    if (token->module == NULL) {
        pv_why_set(why, "cannot load the module %s: %s", path,
                   p11_kit_message());
        return PV_ENOTFOUND;
    }
    rv = p11_kit_module_initialize(token->module);
    if (rv != CKR_OK) {
        return failed(why, "C_Initialize", rv);
    }
    token->initialised = true;
    return PV_OK;
}

enum pv_err
pv_token_open(struct pv_slice text, struct pv_token **ret, struct pv_why *why)
{
    P11KitUri       *uri = p11_kit_uri_new();
    struct pv_token *token = calloc(1, sizeof(*token));
    enum pv_err      err = PV_ENOMEM;

    if (uri == NULL || token == NULL) {
        pv_why_set(why, "no memory");
        goto out;
    }
    err = parse_uri(text, uri, why);
    if (err == PV_OK) {
        err = load_module(token, uri, why);
    }
    if (err == PV_OK) {
        err = begin_session(token, uri, why);
    }
    if (err == PV_OK) {
        err = find_object(token, uri, CKO_PRIVATE_KEY, &token->key, why);
    }
    if (err == PV_OK) {
        err = read_public(token, uri, why);
    }
    if (err == PV_OK) {
        err = try_key(token, why);
    }
    if (err == PV_OK) {
        *ret = token;
        token = NULL;
    }

out:
    pv_token_close(token);
    p11_kit_uri_free(uri);
    return err;
}

void
pv_token_close(struct pv_token *token)
{
    if (token == NULL) {
        return;
    }
    if (token->in_session) {
        /* ends the login too; a token that is gone has no session to end */
        (void)token->module->C_CloseSession(token->session);
    }
    if (token->initialised) {
        (void)p11_kit_module_finalize(token->module); /* nothing to do then */
    }
    if (token->module != NULL) {
        p11_kit_module_release(token->module);
    }
    free(token);
}

void
pv_token_public(const struct pv_token *token,
                uint8_t                room[PV_ED25519_PUBLIC_LEN])
{
    memcpy(room, token->public_key, PV_ED25519_PUBLIC_LEN);
}

enum pv_err
pv_token_sign(struct pv_token *token, struct pv_slice message,
              uint8_t ret_signature[PV_ED25519_SIGNATURE_LEN])
{
    CK_MECHANISM mechanism = {CKM_EDDSA, NULL, 0};
    uint8_t      signature[PV_ED25519_SIGNATURE_LEN];
    CK_ULONG     len = sizeof(signature);
    CK_RV        rv =
        token->module->C_SignInit(token->session, &mechanism, token->key);

    if (rv == CKR_OK) {
        rv = token->module->C_Sign(token->session,
                                   (unsigned char *)(uintptr_t)message.ptr,
                                   message.len, signature, &len);
    }
    if (rv != CKR_OK || len != sizeof(signature)) {
        return PV_ECRYPTO;
    }
    memcpy(ret_signature, signature, sizeof(signature));
    return PV_OK;
}
