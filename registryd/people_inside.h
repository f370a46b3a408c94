/*
 * people_inside.h - what the files of people.h share. Private to them.
 */
#ifndef PV_REGISTRYD_PEOPLE_INSIDE_H
#define PV_REGISTRYD_PEOPLE_INSIDE_H

#include "base/time.h"
#include "crypto/secret.h"
#include "crypto/sha256.h"
#include "decide.h"
#include "people.h"
#include "sealing.h"

#define PV_PEOPLE_SLOTS 4096
#define PV_PEOPLE_SALT_LEN 16

/* Names that hash alike share one: a lock-out may hit both, never neither. */
struct pv_failures {
    unsigned count;
    int64_t  last_ms;
    int64_t  until_ms; /* locked */
};

struct pv_attempts {
    int64_t spent_ms; /* tokens spent, in time: a bucket that leaks */
};

struct pv_people {
    struct pv_registry *registry; /* borrowed */
    struct pv_sealing   sealing;
    struct pv_sha256   *sha;
    uint8_t             salt[PV_PEOPLE_SALT_LEN];
    struct pv_failures  failures[PV_PEOPLE_SLOTS]; /* by name */
    struct pv_attempts  attempts[PV_PEOPLE_SLOTS]; /* by address */
    char                first[PV_CODE_LEN + 1];    /* "": none */
    int64_t             first_until_ms;
    unsigned            first_tries;
};

#define PV_PASSWORD_TEXT_LEN 97
#define PV_TOTP_HEX_LEN (2 * PV_TOTP_SECRET_LEN)

/* The password is hex of a salt, ".", hex of scrypt's key. */
struct pv_credential {
    bool    found;
    char    password[PV_PASSWORD_TEXT_LEN + 1]; /* "": none */
    char    totp[PV_TOTP_HEX_LEN + 1];          /* sealed in the database */
    int64_t totp_step;                          /* the last one used */
    char    code[PV_TOKEN_LEN + 1];             /* hash of an invitation */
    int64_t code_until_ms;
};

int64_t pv_people_now_ms(const struct pv_people *people);

/* Hex of len random bytes and a NUL. */
enum pv_err pv_people_random(char *ret, size_t hex_len) PV_MUST_CHECK;

/* Hex of SHA-256 of label and secret. */
enum pv_err pv_people_hash(struct pv_people *people, const char *label,
                           struct pv_slice secret,
                           char            ret[PV_TOKEN_LEN + 1]) PV_MUST_CHECK;

/* Is there a person in the state active? */
enum pv_err pv_people_is_active(struct pv_people *people, const char *person,
                                bool *ret) PV_MUST_CHECK;

/* Long enough, valid, not his name. */
bool pv_people_is_password(struct pv_slice password, const char *person);

/*
 * Write a new password and secret of a person and end his sessions, in one
 * transaction. ret_totp: the secret in base32.
 */
enum pv_err pv_people_set_password(struct pv_people *people, const char *person,
                                   struct pv_slice password, char *ret_totp,
                                   size_t totp_room) PV_MUST_CHECK;

/* ---- credential.c ---- */

/* Empty when there is none. */
enum pv_err pv_credential_get(struct pv_people *people, const char *person,
                              struct pv_credential *ret) PV_MUST_CHECK;

/* Inside a transaction. */
enum pv_err
pv_credential_set(struct pv_people *people, const char *person,
                  const struct pv_credential *credential) PV_MUST_CHECK;

/* In a transaction of its own; end_sessions: all of that person. */
enum pv_err pv_credential_write(struct pv_people *people, const char *person,
                                const struct pv_credential *credential,
                                bool end_sessions) PV_MUST_CHECK;

enum pv_err pv_password_text(struct pv_slice password,
                             char ret[PV_PASSWORD_TEXT_LEN + 1]) PV_MUST_CHECK;

/* The same work for one who has no password (""), who is never right. */
enum pv_err pv_password_fits(struct pv_slice password, const char *stored,
                             bool *ret) PV_MUST_CHECK;

/* ---- session.c ---- */

/* Inside a transaction: a session of that person; fills ret. */
enum pv_err pv_session_add(struct pv_people *people, const char *person,
                           const char *role, const char *of, int64_t made_ms,
                           struct pv_session *ret) PV_MUST_CHECK;

#endif
