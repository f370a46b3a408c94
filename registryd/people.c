/*
 * people.c - invitations, lock-out, signing in.
 */
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/utf8.h"
#include "kind_tables.h"
#include "people_inside.h"

#define TOTP_DIGITS 6

/* ---- small things ---- */

int64_t
pv_people_now_ms(const struct pv_people *people)
{
    int64_t (*clock)(void) = people->registry->config.clock;

    return clock == NULL ? pv_time_wall_ms() : clock();
}

enum pv_err
pv_people_random(char *ret, size_t hex_len)
{
    uint8_t     bytes[PV_TOKEN_LEN / 2];
    enum pv_err err = hex_len / 2 > sizeof(bytes)
                          ? PV_ERANGE
                          : pv_secret_random(bytes, hex_len / 2);

    if (err == PV_OK) {
        pv_hex_text(bytes, hex_len / 2, ret);
        ret[hex_len] = '\0';
        pv_secret_wipe(bytes, sizeof(bytes));
    }
    return err;
}

enum pv_err
pv_people_hash(struct pv_people *people, const char *label,
               struct pv_slice secret, char ret[PV_TOKEN_LEN + 1])
{
    struct pv_slice part[] = {pv_slice_from(label), secret};
    struct pv_hash  hash;
    enum pv_err     err = pv_sha256(people->sha, part, COUNT(part), &hash);

    if (err == PV_OK) {
        pv_hex_text(hash.bytes, PV_HASH_LEN, ret);
        ret[PV_TOKEN_LEN] = '\0';
    }
    return err;
}

enum pv_err
pv_people_is_active(struct pv_people *people, const char *person, bool *ret)
{
    struct pv_record record = {.body = NULL};
    enum pv_err      err =
        pv_record_get(people->registry, PV_KIND_PERSON, person, &record);

    if (err == PV_OK) {
        *ret = strcmp(pv_kind_row(PV_KIND_PERSON)->states[record.state],
                      "active") == 0;
    } else if (err == PV_ENOTFOUND) {
        *ret = false;
        err = PV_OK;
    }
    pv_record_clear(&record);
    return err;
}

bool
pv_people_is_password(struct pv_slice password, const char *person)
{
    struct pv_slice rest = password;
    uint32_t        point;
    size_t          count = 0;

    while (pv_utf8_next(&rest, &point)) {
        if (point < ' ' || point == 0x7f) {
            return false;
        }
        count++;
    }
    return rest.len == 0 && count >= PV_PASSWORD_MIN &&
           password.len <= PV_PASSWORD_MAX &&
           !pv_slice_eq(password, pv_slice_from(person));
}

enum pv_err
pv_people_open(struct pv_registry *registry, struct pv_people **ret)
{
    struct pv_people *people = calloc(1, sizeof(*people));
    enum pv_err       err = people == NULL ? PV_ENOMEM : PV_OK;

    if (err == PV_OK) {
        people->registry = registry;
        err = pv_sha256_new(&people->sha);
    }
    if (err == PV_OK) {
        err = pv_secret_random(people->salt, sizeof(people->salt));
    }
    if (err == PV_OK) {
        *ret = people;
        people = NULL;
    }
    pv_people_close(people);
    return err;
}

void
pv_people_close(struct pv_people *people)
{
    if (people != NULL) {
        pv_sha256_free(people->sha);
        pv_secret_wipe(people, sizeof(*people));
        free(people);
    }
}

/* ---- lock-out ---- */

/* Runs evenly where the wall clock may be set. */
static int64_t
tick_ms(const struct pv_people *people)
{
    return people->registry->config.clock == NULL
               ? pv_time_monotonic_ms()
               : people->registry->config.clock();
}

/* With the salt nobody outside can choose whom he shares a slot with. */
static size_t
slot_of(struct pv_people *people, struct pv_slice text)
{
    struct pv_slice part[] = {
        {(const char *)people->salt, sizeof(people->salt)}, text};
    struct pv_hash hash;

    return pv_sha256(people->sha, part, COUNT(part), &hash) == PV_OK
               ? pv_load_u64(hash.bytes) % PV_PEOPLE_SLOTS
               : 0; /* all share one: stricter, never laxer */
}

bool
pv_people_may_try(struct pv_people *people, struct pv_slice address)
{
    struct pv_attempts *attempts = &people->attempts[slot_of(people, address)];
    int64_t             now_ms = tick_ms(people);

    if (attempts->spent_ms < now_ms) {
        attempts->spent_ms = now_ms;
    }
    if (attempts->spent_ms - now_ms >
        (int64_t)(PV_ADDRESS_BURST - 1) * PV_ADDRESS_EVERY_MS) {
        return false;
    }
    attempts->spent_ms += PV_ADDRESS_EVERY_MS;
    return true;
}

static bool
is_locked(struct pv_people *people, struct pv_slice person)
{
    return people->failures[slot_of(people, person)].until_ms > tick_ms(people);
}

/* While it is locked nothing counts, so that it ends in any case. */
static void
count_attempt(struct pv_people *people, struct pv_slice person, bool right)
{
    struct pv_failures *failures = &people->failures[slot_of(people, person)];
    int64_t             now_ms = tick_ms(people);

    if (failures->until_ms > now_ms) {
        return;
    }
    if (right || now_ms - failures->last_ms > PV_LOCKED_MS) {
        failures->count = 0;
    }
    failures->last_ms = now_ms;
    if (!right && ++failures->count == PV_FAILURES_MAX) {
        failures->count = 0;
        failures->until_ms = now_ms + PV_LOCKED_MS;
    }
}

enum pv_err
pv_people_set_password(struct pv_people *people, const char *person,
                       struct pv_slice password, char *ret_totp,
                       size_t totp_room)
{
    struct pv_credential credential = {.totp_step = 0};
    uint8_t              secret[PV_TOTP_SECRET_LEN];
    enum pv_err          err = totp_room <= PV_BASE32_LEN(sizeof(secret))
                                   ? PV_ERANGE
                                   : pv_secret_random(secret, sizeof(secret));

    if (err == PV_OK) {
        err = pv_password_text(password, credential.password);
    }
    if (err == PV_OK) {
        pv_hex_text(secret, sizeof(secret), credential.totp);
        credential.totp[PV_TOTP_HEX_LEN] = '\0';
        err = pv_credential_write(people, person, &credential, true);
    }
    if (err == PV_OK) {
        pv_base32_text(secret, sizeof(secret), ret_totp);
        ret_totp[PV_BASE32_LEN(sizeof(secret))] = '\0';
    }
    pv_secret_wipe(secret, sizeof(secret));
    pv_secret_wipe(&credential, sizeof(credential));
    return err;
}

/* ---- invitations ---- */

enum pv_err
pv_people_invite(struct pv_people *people, const char *person,
                 char ret[PV_CODE_LEN + 1], int64_t *ret_until_ms)
{
    struct pv_credential credential;
    char                 code[PV_CODE_LEN + 1];
    enum pv_err          err = pv_credential_get(people, person, &credential);

    if (err == PV_OK) {
        err = pv_people_random(code, PV_CODE_LEN);
    }
    if (err == PV_OK) {
        err = pv_people_hash(people, "payvand-invitation-v1 ",
                             pv_slice_from(code), credential.code);
    }
    if (err == PV_OK) {
        credential.code_until_ms = pv_people_now_ms(people) + PV_INVITE_MS;
        err = pv_credential_write(people, person, &credential, false);
    }
    if (err == PV_OK) {
        memcpy(ret, code, sizeof(code));
        *ret_until_ms = credential.code_until_ms;
    }
    pv_secret_wipe(&credential, sizeof(credential));
    return err;
}

enum pv_err
pv_people_enrol(struct pv_people *people, struct pv_slice person,
                struct pv_slice code, struct pv_slice password, char *ret_totp,
                size_t totp_room)
{
    struct pv_credential credential;
    char                 name[PV_PERSON_MAX + 1];
    char                 hash[PV_TOKEN_LEN + 1];
    bool                 active = false;
    bool                 right;
    enum pv_err          err = pv_slice_to_cstr(person, name, sizeof(name));

    if (err != PV_OK) {
        return PV_EVERIFY;
    }
    if (!pv_people_is_password(password, name)) {
        return PV_EINVAL;
    }
    err = pv_credential_get(people, name, &credential);
    if (err == PV_OK) {
        err = pv_people_is_active(people, name, &active);
    }
    if (err == PV_OK) {
        err = pv_people_hash(people, "payvand-invitation-v1 ", code, hash);
    }
    if (err != PV_OK) {
        return err;
    }
    right = pv_secret_eq(pv_slice_from(hash), pv_slice_from(credential.code)) &&
            active && credential.code_until_ms > pv_people_now_ms(people) &&
            !is_locked(people, person);
    count_attempt(people, person, right);
    pv_secret_wipe(&credential, sizeof(credential));
    return right ? pv_people_set_password(people, name, password, ret_totp,
                                          totp_room)
                 : PV_EVERIFY;
}

enum pv_err
pv_people_password(struct pv_people *people, const struct pv_session *session,
                   struct pv_slice old_password, struct pv_slice new_password)
{
    struct pv_slice      person = pv_slice_from(session->person);
    struct pv_credential credential;
    bool                 right = false;
    enum pv_err err = pv_credential_get(people, session->person, &credential);

    if (!pv_people_is_password(new_password, session->person)) {
        return PV_EINVAL;
    }
    if (err == PV_OK) {
        err = pv_password_fits(old_password, credential.password, &right);
    }
    if (err == PV_OK) {
        right = right && !is_locked(people, person);
        count_attempt(people, person, right);
        err = right ? pv_password_text(new_password, credential.password)
                    : PV_EVERIFY;
    }
    if (err == PV_OK) {
        err = pv_credential_write(people, session->person, &credential, true);
    }
    pv_secret_wipe(&credential, sizeof(credential));
    return err;
}

/* ---- signing in ---- */

/* The step whose code it is, later than the last one used; 0: none is. */
static enum pv_err
totp_step(const struct pv_credential *credential, struct pv_slice code,
          int64_t now_ms, int64_t *ret)
{
    uint8_t     secret[PV_TOTP_SECRET_LEN] = {0};
    int64_t     now = now_ms / 1000 / PV_TOTP_STEP_S;
    int64_t     found = 0;
    enum pv_err err = PV_OK;

    if (strlen(credential->totp) == PV_TOTP_HEX_LEN) {
        err = pv_hex_bytes(pv_slice_from(credential->totp), secret,
                           sizeof(secret));
    }
    for (int64_t step = now - PV_TOTP_DRIFT;
         step <= now + PV_TOTP_DRIFT && err == PV_OK; step++) {
        char text[PV_TOTP_DIGITS_MAX + 1];

        err = pv_totp((struct pv_slice){(char *)secret, sizeof(secret)},
                      (uint64_t)step, TOTP_DIGITS, text);
        if (err == PV_OK && pv_secret_eq(pv_slice_from(text), code) &&
            step > credential->totp_step) {
            found = step;
        }
    }
    pv_secret_wipe(secret, sizeof(secret));
    *ret = found;
    return err;
}

/* The code's step is spent and the session begins in one transaction. */
static enum pv_err
begin_session(struct pv_people *people, const char *person,
              const struct pv_credential *credential, struct pv_session *ret)
{
    struct pv_store *store = people->registry->store;
    int64_t          now_ms = pv_people_now_ms(people);
    struct pv_value  old[] = {PV_INT(now_ms - PV_SESSION_LIFE_MS),
                              PV_INT(now_ms - PV_SESSION_IDLE_MS)};
    enum pv_err      err = pv_store_begin(store);

    if (err == PV_OK && credential != NULL) {
        err = pv_credential_set(people, person, credential);
    }
    if (err == PV_OK) {
        err = pv_store_run(store, PV_STMT_SESSION_DROP_OLD, old, COUNT(old),
                           NULL, NULL);
    }
    if (err == PV_OK) {
        err = pv_session_add(people, person, "", "", now_ms, ret);
    }
    if (err == PV_OK) {
        err = pv_store_commit(store);
    }
    pv_store_rollback(store);
    return err;
}

enum pv_err
pv_people_sign_in(struct pv_people *people, struct pv_slice person,
                  struct pv_slice password, struct pv_slice code,
                  struct pv_session *ret)
{
    struct pv_credential credential;
    char                 name[PV_PERSON_MAX + 1] = "";
    bool                 active = false;
    bool                 right = false;
    int64_t              step = 0;
    enum pv_err          err;

    if (pv_slice_to_cstr(person, name, sizeof(name)) != PV_OK) {
        name[0] = '\0'; /* nobody's */
    }
    err = pv_credential_get(people, name, &credential);
    if (err == PV_OK) {
        err = pv_people_is_active(people, name, &active);
    }
    if (err == PV_OK) {
        err = pv_password_fits(password, credential.password, &right);
    }
    if (err == PV_OK) {
        err = totp_step(&credential, code, pv_people_now_ms(people), &step);
    }
    if (err == PV_OK) {
        right = right && active && step != 0 && !is_locked(people, person);
        count_attempt(people, person, right);
        credential.totp_step = step;
        err =
            right ? begin_session(people, name, &credential, ret) : PV_EVERIFY;
    }
    pv_secret_wipe(&credential, sizeof(credential));
    return err;
}

enum pv_err
pv_people_sign_in_by(struct pv_people *people, const char *issuer,
                     const char *subject, struct pv_session *ret)
{
    char        key[2 * PV_SUBJECT_MAX + 2];
    json_t     *ids = NULL;
    const char *person;
    bool        active = false;
    enum pv_err err;

    if (strlen(issuer) > PV_SUBJECT_MAX || strlen(subject) > PV_SUBJECT_MAX ||
        snprintf(key, sizeof(key), "%s %s", issuer, subject) < 0) {
        return PV_EVERIFY;
    }
    err =
        pv_record_users(people->registry, "subject", key, PV_KIND_PERSON, &ids);
    person = json_string_value(json_array_get(ids, 0));
    if (err == PV_OK && person == NULL) {
        err = PV_EVERIFY; /* nobody is made by signing in */
    }
    if (err == PV_OK) {
        err = pv_people_is_active(people, person, &active);
    }
    if (err == PV_OK) {
        err = active ? begin_session(people, person, NULL, ret) : PV_EVERIFY;
    }
    json_decref(ids);
    return err;
}
