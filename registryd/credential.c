/*
 * credential.c - the row of what a person signs in with, and its password.
 */
#include <string.h>

#include "base/num.h"
#include "people_inside.h"

#define SCRYPT_LOG2_N 15
#define SCRYPT_R 8
#define SCRYPT_P 1
#define SALT_LEN 16
#define KEY_LEN 32
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

_Static_assert(PV_PASSWORD_TEXT_LEN == 2 * SALT_LEN + 1 + 2 * KEY_LEN,
               "as the text is written");

/* ---- credentials ---- */

static enum pv_err
take_text(const struct pv_value *column, char *room, size_t room_len)
{
    room[0] = '\0';
    return column->type == PV_VALUE_NULL
               ? PV_OK
               : pv_slice_to_cstr(column->text, room, room_len);
}

struct kept { /* as the database has it */
    struct pv_credential *credential;
    char                  totp[PV_SEALED_TEXT_MAX];
};

static enum pv_err
take_credential(void *context, const struct pv_value *column)
{
    struct kept          *kept = context;
    struct pv_credential *credential = kept->credential;
    enum pv_err           err = take_text(&column[0], credential->password,
                                          sizeof(credential->password));

    if (err == PV_OK) {
        err = take_text(&column[1], kept->totp, sizeof(kept->totp));
    }
    if (err == PV_OK) {
        err = take_text(&column[3], credential->code, sizeof(credential->code));
    }
    credential->totp_step = column[2].number;
    credential->code_until_ms = column[4].number;
    credential->found = true;
    return err == PV_OK ? PV_OK : PV_ECORRUPT;
}

enum pv_err
pv_credential_get(struct pv_people *people, const char *person,
                  struct pv_credential *ret)
{
    struct pv_value argument = PV_TEXT(pv_slice_from(person));
    struct kept     kept = {ret, ""};
    enum pv_err     err;

    *ret = (struct pv_credential){.found = false};
    err = pv_store_run(people->registry->store, PV_STMT_CREDENTIAL_GET,
                       &argument, 1, take_credential, &kept);
    return err == PV_OK ? pv_sealing_open(&people->sealing, person, kept.totp,
                                          ret->totp, sizeof(ret->totp))
                        : err;
}

static struct pv_value
text_or_null(const char *text)
{
    return text[0] == '\0' ? PV_NULL : PV_TEXT(pv_slice_from(text));
}

enum pv_err
pv_credential_set(struct pv_people *people, const char *person,
                  const struct pv_credential *credential)
{
    char            totp[PV_SEALED_TEXT_MAX] = "";
    enum pv_err     err = PV_OK;
    struct pv_value arguments[] = {PV_TEXT(pv_slice_from(person)),
                                   text_or_null(credential->password),
                                   PV_NULL,
                                   PV_INT(credential->totp_step),
                                   text_or_null(credential->code),
                                   PV_INT(credential->code_until_ms)};

    if (credential->totp[0] != '\0') {
        err =
            pv_sealing_close(&people->sealing, person, credential->totp, totp);
        arguments[2] = PV_TEXT(pv_slice_from(totp));
    }
    if (err == PV_OK) {
        err = pv_store_run(people->registry->store, PV_STMT_CREDENTIAL_SET,
                           arguments, COUNT(arguments), NULL, NULL);
    }
    return err;
}

/* ---- sealing them again ---- */

static enum pv_err
take_sealed(void *context, const struct pv_value *column)
{
    size_t     *count = context;
    char        totp[PV_SEALED_TEXT_MAX];
    enum pv_err err = pv_slice_to_cstr(column[1].text, totp, sizeof(totp));

    *count += err == PV_OK && pv_sealing_is_sealed(totp);
    return err;
}

struct unsealed {
    struct pv_people *people;
    json_t           *persons; /* owned by the caller */
};

static enum pv_err
take_unsealed(void *context, const struct pv_value *column)
{
    struct unsealed *unsealed = context;
    char             person[PV_RECORD_ID_MAX + 1];
    char             totp[PV_SEALED_TEXT_MAX];
    enum pv_err err = pv_slice_to_cstr(column[0].text, person, sizeof(person));

    if (err == PV_OK) {
        err = pv_slice_to_cstr(column[1].text, totp, sizeof(totp));
    }
    if (err == PV_OK && !pv_sealing_is_new(&unsealed->people->sealing, totp) &&
        json_array_append_new(unsealed->persons, json_string(person)) != 0) {
        err = PV_ENOMEM;
    }
    return err;
}

/* He signs in no more, until he is invited again. */
static enum pv_err
forget_one(struct pv_people *people, const char *person, json_t *forgotten)
{
    const struct pv_credential nothing = {.found = false};
    struct pv_value            argument = PV_TEXT(pv_slice_from(person));
    enum pv_err err = pv_credential_set(people, person, &nothing);

    if (err == PV_OK) {
        err = pv_store_run(people->registry->store, PV_STMT_SESSION_DROP_OF,
                           &argument, 1, NULL, NULL);
    }
    return err == PV_OK &&
                   json_array_append_new(forgotten, json_string(person)) != 0
               ? PV_ENOMEM
               : err;
}

static enum pv_err
seal_one(struct pv_people *people, const char *person, json_t *forgotten,
         struct pv_why *why)
{
    struct pv_credential credential;
    enum pv_err          err = pv_credential_get(people, person, &credential);

    if (err == PV_OK) {
        err = pv_credential_set(people, person, &credential);
    } else if (err == PV_ECORRUPT && forgotten != NULL) {
        err = forget_one(people, person, forgotten);
    } else if (err == PV_ECORRUPT) {
        pv_why_set(why,
                   "the key that sealed the one-time codes of %s is not in the "
                   "file of --secrets; if it is lost for good, see "
                   "--forget-sealed",
                   person);
    }
    pv_secret_wipe(&credential, sizeof(credential));
    return err;
}

/*
 * All by the first key; whom no key opens is forgotten, or in the way. Dry:
 * only to see who that is.
 */
static enum pv_err
seal_all(struct pv_people *people, json_t *forgotten, bool dry,
         struct pv_why *why)
{
    struct pv_store *store = people->registry->store;
    struct unsealed  unsealed = {people, json_array()};
    json_t          *person;
    size_t           i;
    enum pv_err      err = unsealed.persons == NULL ? PV_ENOMEM : PV_OK;

    if (err == PV_OK) {
        err = pv_store_begin(store);
    }
    if (err == PV_OK) {
        err = pv_store_run(store, PV_STMT_CREDENTIAL_TOTP, NULL, 0,
                           take_unsealed, &unsealed);
    }
    json_array_foreach(unsealed.persons, i, person)
    {
        err = err == PV_OK
                  ? seal_one(people, json_string_value(person), forgotten, why)
                  : err;
    }
    if (err == PV_OK && !dry) {
        err = pv_store_commit(store);
    }
    pv_store_rollback(store);
    json_decref(unsealed.persons); /* accepts NULL */
    return err;
}

enum pv_err
pv_people_seal(struct pv_people *people, const char *file, struct pv_why *why)
{
    size_t      sealed = 0;
    enum pv_err err =
        pv_store_run(people->registry->store, PV_STMT_CREDENTIAL_TOTP, NULL, 0,
                     take_sealed, &sealed);

    if (err == PV_OK && file != NULL) {
        err = pv_sealing_read(file, sealed > 0, &people->sealing, why);
    }
    return err == PV_OK ? seal_all(people, NULL, false, why) : err;
}

enum pv_err
pv_people_forget_sealed(struct pv_people *people, const char *file, bool dry,
                        struct pv_forgotten *ret, struct pv_why *why)
{
    enum pv_err err = pv_sealing_read(file, true, &people->sealing, why);

    if (err == PV_ENOTFOUND) {
        pv_why_set(why,
                   "the key file %s is not there; if its key is lost for good, "
                   "make one with a new key: openssl rand -hex 32",
                   file);
    }
    if (err == PV_OK) {
        err = pv_store_run(people->registry->store, PV_STMT_CREDENTIAL_TOTP,
                           NULL, 0, take_sealed, &ret->sealed);
    }
    return err == PV_OK ? seal_all(people, ret->persons, dry, why) : err;
}

enum pv_err
pv_credential_write(struct pv_people *people, const char *person,
                    const struct pv_credential *credential, bool end_sessions)
{
    struct pv_store *store = people->registry->store;
    struct pv_value  argument = PV_TEXT(pv_slice_from(person));
    enum pv_err      err = pv_store_begin(store);

    if (err == PV_OK) {
        err = pv_credential_set(people, person, credential);
    }
    if (err == PV_OK && end_sessions) {
        err = pv_store_run(store, PV_STMT_SESSION_DROP_OF, &argument, 1, NULL,
                           NULL);
    }
    if (err == PV_OK) {
        err = pv_store_commit(store);
    }
    pv_store_rollback(store);
    return err;
}

/* ---- passwords ---- */

enum pv_err
pv_password_text(struct pv_slice password, char ret[PV_PASSWORD_TEXT_LEN + 1])
{
    uint8_t     salt[SALT_LEN];
    uint8_t     key[KEY_LEN];
    enum pv_err err = pv_secret_random(salt, sizeof(salt));

    if (err == PV_OK) {
        err = pv_scrypt(password, (struct pv_slice){(char *)salt, sizeof(salt)},
                        SCRYPT_LOG2_N, SCRYPT_R, SCRYPT_P, key, sizeof(key));
    }
    if (err == PV_OK) {
        pv_hex_text(salt, sizeof(salt), ret);
        ret[2 * SALT_LEN] = '.';
        pv_hex_text(key, sizeof(key), ret + 2 * SALT_LEN + 1);
        ret[PV_PASSWORD_TEXT_LEN] = '\0';
    }
    pv_secret_wipe(key, sizeof(key));
    return err;
}

enum pv_err
pv_password_fits(struct pv_slice password, const char *stored, bool *ret)
{
    uint8_t     salt[SALT_LEN] = {0};
    uint8_t     wanted[KEY_LEN] = {0};
    uint8_t     key[KEY_LEN];
    bool        is_there = strlen(stored) == PV_PASSWORD_TEXT_LEN;
    enum pv_err err = PV_OK;

    if (is_there) {
        struct pv_slice text = {stored, 2 * SALT_LEN};
        struct pv_slice more = {stored + 2 * SALT_LEN + 1, 2 * KEY_LEN};

        err = pv_hex_bytes(text, salt, sizeof(salt));
        if (err == PV_OK) {
            err = pv_hex_bytes(more, wanted, sizeof(wanted));
        }
    }
    if (err == PV_OK) {
        err = pv_scrypt(password, (struct pv_slice){(char *)salt, sizeof(salt)},
                        SCRYPT_LOG2_N, SCRYPT_R, SCRYPT_P, key, sizeof(key));
    }
    if (err == PV_OK) {
        *ret =
            pv_secret_eq((struct pv_slice){(char *)key, sizeof(key)},
                         (struct pv_slice){(char *)wanted, sizeof(wanted)}) &&
            is_there;
    }
    pv_secret_wipe(key, sizeof(key));
    return err;
}
