/*
 * people.h - how persons prove who they are, and their sessions.
 *
 * A person is a record (kind person) made by decisions; what he signs in with
 * is a row of lib/store that no decision holds: a password by scrypt and a
 * secret for one-time codes (TOTP), always both. An administrator invites a
 * person by a code; the first administrator has one that the server printed.
 *
 * Nobody learns from an answer or its time whether a person exists: whatever
 * is not right gives PV_EVERIFY, after the same work. Wrong attempts are
 * counted in memory by a salted hash of the name given, known or not.
 *
 * A session is a random token of which only the hash is stored. It holds one
 * role at one place; choosing another gives a new token. A person who is not
 * active, or a role that is no longer held, ends it at the next call.
 *
 * Ownership: the caller owns what it passes and the structs it gives.
 * Threads:   one. Blocks: on the database; for scrypt about a tenth of a
 * second. Errors:    PV_EVERIFY not right; PV_EINVAL breaks a rule of
 * passwords; others as lib/store and registry.h.
 */
#ifndef PV_REGISTRYD_PEOPLE_H
#define PV_REGISTRYD_PEOPLE_H

#include "registry.h"

#define PV_PERSON_MAX 64   /* characters of a person's id */
#define PV_SUBJECT_MAX 255 /* OpenID Connect Core 1.0, section 2 */
#define PV_ROLE_MAX 31

#define PV_PASSWORD_MIN 12  /* characters */
#define PV_PASSWORD_MAX 256 /* bytes */
#define PV_CODE_LEN 32      /* hex digits of an invitation */
#define PV_TOKEN_LEN 64     /* hex digits of a session's token */

#define PV_INVITE_MS (INT64_C(72) * 3600 * 1000)
#define PV_FIRST_MS (INT64_C(3600) * 1000)
#define PV_FIRST_TRIES_MAX 5
#define PV_FAILURES_MAX 5 /* in a row, then: */
#define PV_LOCKED_MS (INT64_C(15) * 60 * 1000)
#define PV_ADDRESS_BURST 20 /* attempts from one address, then: */
#define PV_ADDRESS_EVERY_MS 6000
#define PV_TOTP_DRIFT 1 /* steps of 30 s, either way */

#define PV_SESSION_IDLE_MS (INT64_C(30) * 60 * 1000)
#define PV_SESSION_LIFE_MS (INT64_C(12) * 3600 * 1000)
#define PV_SESSION_SEEN_MS 60000 /* how exact the last use is kept */

struct pv_people;

struct pv_session {
    char    token[PV_TOKEN_LEN + 1]; /* only where it is made */
    char    csrf[PV_TOKEN_LEN + 1];  /* what a change must show, too */
    char    person[PV_PERSON_MAX + 1];
    char    role[PV_ROLE_MAX + 1];    /* "" until one is chosen */
    char    of[PV_RECORD_ID_MAX + 1]; /* where it is held */
    int64_t made_ms;
    int64_t seen_ms;
};

/* PV_ENOMEM, PV_ECRYPTO. The registry outlives it. */
/*
 * file seals the secrets of one-time codes (sealing.h); NULL: they stand as
 * they are. What another key sealed, or none, is sealed again. PV_ECORRUPT with
 * words: the file does not have the key of one of them.
 */
enum pv_err pv_people_seal(struct pv_people *people, const char *file,
                           struct pv_why *why) PV_MUST_CHECK;

struct pv_forgotten {
    json_t *persons; /* the caller's array: names are added */
    size_t  sealed;  /* how many have a sealed secret before */
};

/*
 * The key of the file is lost: whose codes none of its keys opens signs in no
 * more, and is to be invited again. Dry: nothing is changed, only said. A file
 * that is not there is refused (PV_ENOTFOUND): it may be a wrong name.
 */
enum pv_err pv_people_forget_sealed(struct pv_people *people, const char *file,
                                    bool dry, struct pv_forgotten *ret,
                                    struct pv_why *why) PV_MUST_CHECK;

enum pv_err pv_people_open(struct pv_registry *registry,
                           struct pv_people  **ret) PV_MUST_CHECK;
void        pv_people_close(struct pv_people *people);

/* May this address try again? Counts the attempt. */
bool pv_people_may_try(struct pv_people *people, struct pv_slice address);

/* ---- the first administrator (people_first.c) ---- */

/*
 * While nobody has a password: a code for the first administrator, good once,
 * for PV_FIRST_MS and PV_FIRST_TRIES_MAX attempts. PV_ENOTFOUND: somebody has.
 */
enum pv_err pv_people_first_code(struct pv_people *people,
                                 char ret[PV_CODE_LEN + 1]) PV_MUST_CHECK;

/*
 * Use it: the person is registered and appointed administrator of the body
 * "administration" by decisions `by` "first-code", and gets the password.
 * ret_totp is the new secret in base32. PV_EREFUSED with a refusal.
 */
enum pv_err pv_people_first(struct pv_people *people, struct pv_slice code,
                            const char *person, const char *name_fa,
                            struct pv_slice password, char *ret_totp,
                            size_t             totp_room,
                            struct pv_refusal *refusal) PV_MUST_CHECK;

/* ---- credentials (people.c) ---- */

#define PV_TOTP_TEXT_ROOM 40

/* A code for a person whose invitation was decided; the old one is void. */
enum pv_err pv_people_invite(struct pv_people *people, const char *person,
                             char     ret[PV_CODE_LEN + 1],
                             int64_t *ret_until_ms) PV_MUST_CHECK;

/* Use it: a new password and a new secret; all sessions of before end. */
enum pv_err pv_people_enrol(struct pv_people *people, struct pv_slice person,
                            struct pv_slice code, struct pv_slice password,
                            char *ret_totp, size_t totp_room) PV_MUST_CHECK;

/* Another password for who knows the one of now; all other sessions end. */
enum pv_err pv_people_password(struct pv_people        *people,
                               const struct pv_session *session,
                               struct pv_slice          old_password,
                               struct pv_slice new_password) PV_MUST_CHECK;

/* Password and one-time code; no role is chosen yet. */
enum pv_err pv_people_sign_in(struct pv_people *people, struct pv_slice person,
                              struct pv_slice password, struct pv_slice code,
                              struct pv_session *ret) PV_MUST_CHECK;

/* The person whom a decision linked to a subject of an issuer. */
enum pv_err pv_people_sign_in_by(struct pv_people *people, const char *issuer,
                                 const char        *subject,
                                 struct pv_session *ret) PV_MUST_CHECK;

/* ---- sessions (session.c) ---- */

/* ->token stays empty. PV_EVERIFY: there is none, or no longer. */
enum pv_err pv_session_find(struct pv_people *people, struct pv_slice token,
                            struct pv_session *ret) PV_MUST_CHECK;

/* Use another role; PV_EVERIFY: it is not held. ret has a new token. */
enum pv_err pv_session_choose(struct pv_people *people, struct pv_slice token,
                              const char *role, const char *of,
                              struct pv_session *ret) PV_MUST_CHECK;

enum pv_err pv_session_end(struct pv_people *people,
                           struct pv_slice   token) PV_MUST_CHECK;

/* [{"of":...,"role":...}] of appointments in force. The caller owns it. */
enum pv_err pv_session_roles(struct pv_people *people, const char *person,
                             json_t **ret) PV_MUST_CHECK;

#endif
