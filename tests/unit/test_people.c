/*
 * Persons: the first administrator, invitations, signing in, lock-out,
 * sessions. On SQLite, or on the database that PAYVAND_TEST_STORE names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <libpq-fe.h>

#include "people_inside.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define PASSWORD PV_LIT("correct horse battery")
#define START INT64_C(1764000000000)
#define STEP_MS (INT64_C(1000) * PV_TOTP_STEP_S)

static char                dir[64];
static char                where[256];
static struct pv_registry *registry;
static struct pv_people   *people;
static int64_t             now_ms;
static char                totp[PV_TOTP_TEXT_ROOM];

static int64_t
clock_ms(void)
{
    return now_ms;
}

static int
open_all(void)
{
    struct pv_registry_config config = {.store = where, .clock = clock_ms};
    struct pv_why             why = {""};

    /* PostgreSQL gives the lock back when it sees the session's end */
    for (int try = 0; try < 100; try++) {
        enum pv_err err = pv_registry_open(&config, &registry, &why);

        if (err != PV_EAGAIN) {
            return err == PV_OK ? (int)pv_people_open(registry, &people) : -1;
        }
        (void)usleep(20000);
    }
    return -1;
}

/* Each test begins on an empty database. */
static void
empty_postgres(const char *conninfo)
{
    PGconn   *connection = PQconnectdb(conninfo);
    PGresult *result = PQexec(connection, "SET client_min_messages = error; "
                                          "DROP SCHEMA public CASCADE; "
                                          "CREATE SCHEMA public");

    assert_int_equal(PQresultStatus(result), PGRES_COMMAND_OK);
    PQclear(result);
    PQfinish(connection);
}

static int
setup(void **state)
{
    const char *given = getenv("PAYVAND_TEST_STORE");

    (void)state;
    now_ms = START;
    memcpy(dir, "/tmp/pv-people-XXXXXX", sizeof("/tmp/pv-people-XXXXXX"));
    if (mkdtemp(dir) == NULL) {
        return -1;
    }
    if (given != NULL) {
        (void)snprintf(where, sizeof(where), "%s", given); /* it fits */
        empty_postgres(given + strlen("postgresql:"));
    } else {
        (void)snprintf(where, sizeof(where), "sqlite:%s/r.db", dir);
    }
    return open_all();
}

static int
teardown(void **state)
{
    static const char *const name[] = {"r.db", "r.db-wal", "r.db-shm",
                                       "r.db-writer", "keys"};

    (void)state;
    pv_people_close(people);
    pv_registry_close(registry);
    for (size_t i = 0; i < COUNT(name); i++) {
        char path[128];

        if (snprintf(path, sizeof(path), "%s/%s", dir, name[i]) > 0) {
            (void)unlink(path); /* not there on PostgreSQL */
        }
    }
    return rmdir(dir);
}

/* ---- helpers ---- */

/* The code of a step from now, from the secret that was given in base32. */
static struct pv_slice
code_at(const char *base32, int64_t steps)
{
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    static char       code[PV_TOTP_DIGITS_MAX + 1];
    char              secret[PV_TOTP_SECRET_LEN];
    uint64_t          held = 0;
    unsigned          bits = 0;
    size_t            len = 0;

    for (const char *at = base32; *at != '\0'; at++) {
        held = held << 5 | (uint64_t)(strchr(digit, *at) - digit);
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            secret[len++] = (char)(held >> bits & 0xffu);
        }
    }
    assert_int_equal(len, sizeof(secret));
    assert_int_equal(pv_totp((struct pv_slice){secret, len},
                             (uint64_t)(now_ms / STEP_MS + steps), 6, code),
                     PV_OK);
    return pv_slice_from(code);
}

static enum pv_err
sign_in_at(int64_t steps, struct pv_session *session)
{
    return pv_people_sign_in(people, PV_LIT("maryam"), PASSWORD,
                             code_at(totp, steps), session);
}

/* maryam is the first administrator. */
static void
first(void)
{
    struct pv_refusal refusal = {.word = ""};
    char              code[PV_CODE_LEN + 1];

    assert_int_equal(pv_people_first_code(people, code), PV_OK);
    assert_int_equal(pv_people_first(people, pv_slice_from(code), "maryam",
                                     "مریم", PASSWORD, totp, sizeof(totp),
                                     &refusal),
                     PV_OK);
}

static void
decided(const char *by, const char *actor, const char *role, const char *of,
        const char *kind, const char *id, const char *event, json_t *data,
        const char *refused)
{
    char              day[PV_JALALI_ROOM];
    struct pv_refusal refusal = {.word = ""};
    struct pv_decided done;
    json_t           *decision;
    enum pv_err       err;

    pv_day_text(pv_time_tehran_day(now_ms), day);
    decision = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "actor",
                         actor, "role", role, "of", of, "date", day, "kind",
                         kind, "id", id, "event", event, "data", data);
    assert_non_null(decision);
    err = pv_registry_decide(registry, decision, by, &done, &refusal);
    json_decref(decision);
    if (strcmp(refusal.word, refused) != 0 ||
        (err == PV_OK) != (refused[0] == '\0')) {
        fail_msg("%s %s: %d %s %s", id, event, (int)err, refusal.word,
                 refusal.en);
    }
}

/* ---- the first administrator ---- */

static void
the_first_is_who_has_the_printed_code(void **state)
{
    struct pv_refusal refusal = {.word = ""};
    char              code[PV_CODE_LEN + 1];

    (void)state;
    assert_int_equal(pv_people_first(people, PV_LIT(""), "eve", "x", PASSWORD,
                                     totp, sizeof(totp), &refusal),
                     PV_EVERIFY); /* none was printed: an empty one is none */
    assert_int_equal(pv_people_first_code(people, code), PV_OK);
    assert_int_equal(
        pv_people_first(people, PV_LIT("00000000000000000000000000000000"),
                        "eve", "x", PASSWORD, totp, sizeof(totp), &refusal),
        PV_EVERIFY);
    now_ms += PV_FIRST_MS;
    assert_int_equal(pv_people_first(people, pv_slice_from(code), "maryam", "x",
                                     PASSWORD, totp, sizeof(totp), &refusal),
                     PV_EVERIFY); /* too late */
    first();
    assert_int_equal(pv_people_first(people, pv_slice_from(code), "eve", "x",
                                     PASSWORD, totp, sizeof(totp), &refusal),
                     PV_EVERIFY); /* used */
    assert_int_equal(pv_people_first_code(people, code), PV_ENOTFOUND);
}

static void
the_first_code_bears_few_attempts(void **state)
{
    struct pv_refusal refusal = {.word = ""};
    char              code[PV_CODE_LEN + 1];

    (void)state;
    assert_int_equal(pv_people_first_code(people, code), PV_OK);
    for (int i = 0; i < PV_FIRST_TRIES_MAX; i++) {
        assert_int_equal(pv_people_first(people, PV_LIT("guess"), "eve", "x",
                                         PASSWORD, totp, sizeof(totp),
                                         &refusal),
                         PV_EVERIFY);
    }
    assert_int_equal(pv_people_first(people, pv_slice_from(code), "maryam", "x",
                                     PASSWORD, totp, sizeof(totp), &refusal),
                     PV_EVERIFY);
}

/* ---- signing in ---- */

static void
a_code_is_good_once_and_near_its_time(void **state)
{
    static const struct {
        int64_t     steps;
        enum pv_err err;
        const char *what;
    } row[] = {
        {-2, PV_EVERIFY, "two steps late"}, {2, PV_EVERIFY, "two steps early"},
        {-1, PV_OK, "one step late"},       {-1, PV_EVERIFY, "again"},
        {1, PV_OK, "one step early"},       {0, PV_EVERIFY, "an earlier one"},
        {1, PV_EVERIFY, "again"},
    };
    struct pv_session session;

    (void)state;
    first();
    for (size_t i = 0; i < COUNT(row); i++) {
        print_message("# signing in with a code %s\n", row[i].what);
        assert_int_equal(sign_in_at(row[i].steps, &session), row[i].err);
    }
}

static void
what_is_not_right_is_not_told_apart(void **state)
{
    static const struct {
        struct pv_slice person;
        struct pv_slice password;
        bool            code;
        const char     *what;
    } row[] = {
        {PV_SLICE_INIT("nobody"), PV_SLICE_INIT("correct horse battery"), true,
         "an unknown person"},
        {PV_SLICE_INIT("maryam"), PV_SLICE_INIT("correct horse batterz"), true,
         "a wrong password"},
        {PV_SLICE_INIT("maryam"), PV_SLICE_INIT("correct horse battery"), false,
         "a wrong code"},
        {PV_SLICE_INIT("maryam"), PV_SLICE_INIT(""), true, "no password"},
        {PV_SLICE_INIT(""), PV_SLICE_INIT(""), false, "nothing"},
    };
    struct pv_session session = {.person = "left alone"};

    (void)state;
    first();
    for (size_t i = 0; i < COUNT(row); i++) {
        print_message("# %s\n", row[i].what);
        assert_int_equal(
            pv_people_sign_in(people, row[i].person, row[i].password,
                              row[i].code ? code_at(totp, 0) : PV_LIT("000000"),
                              &session),
            PV_EVERIFY);
    }
    assert_string_equal(session.person, "left alone");
    assert_int_equal(sign_in_at(0, &session), PV_OK);
    assert_string_equal(session.person, "maryam");
}

static void
wrong_attempts_lock_for_a_while(void **state)
{
    struct pv_session session;

    (void)state;
    first();
    for (int i = 0; i < PV_FAILURES_MAX; i++) {
        assert_int_equal(pv_people_sign_in(people, PV_LIT("maryam"),
                                           PV_LIT("not her password"),
                                           code_at(totp, 0), &session),
                         PV_EVERIFY);
    }
    assert_int_equal(sign_in_at(0, &session), PV_EVERIFY);
    now_ms += PV_LOCKED_MS - 1;
    assert_int_equal(sign_in_at(0, &session), PV_EVERIFY);
    now_ms += 1;
    assert_int_equal(sign_in_at(0, &session), PV_OK);
}

static void
an_address_tries_only_so_often(void **state)
{
    unsigned allowed = 0;

    (void)state;
    for (int i = 0; i < 10 * PV_ADDRESS_BURST; i++) {
        allowed += pv_people_may_try(people, PV_LIT("192.0.2.7"));
    }
    assert_int_equal(allowed, PV_ADDRESS_BURST);
    assert_true(pv_people_may_try(people, PV_LIT("192.0.2.8")));
    now_ms += PV_ADDRESS_EVERY_MS;
    assert_true(pv_people_may_try(people, PV_LIT("192.0.2.7")));
    assert_false(pv_people_may_try(people, PV_LIT("192.0.2.7")));
}

static void
a_blocked_person_is_out_at_once(void **state)
{
    struct pv_session session;
    struct pv_session found;

    (void)state;
    first();
    assert_int_equal(sign_in_at(0, &session), PV_OK);
    decided("console", "console", "console", "console", "person", "maryam",
            "block", json_object(), "");
    assert_int_equal(
        pv_session_find(people, pv_slice_from(session.token), &found),
        PV_EVERIFY);
    assert_int_equal(sign_in_at(1, &session), PV_EVERIFY);
    decided("console", "console", "console", "console", "person", "maryam",
            "unblock", json_object(), "");
    assert_int_equal(sign_in_at(1, &session), PV_OK);
}

/* ---- invitations ---- */

static void
an_invitation_gives_a_password_once(void **state)
{
    struct pv_session session;
    char              code[PV_CODE_LEN + 1];
    char              secret[PV_TOTP_TEXT_ROOM];
    int64_t           until_ms = 0;

    (void)state;
    first();
    decided("person/maryam", "maryam", "administrator", "administration",
            "person", "reza", "register", json_pack("{s:s}", "name_fa", "رضا"),
            "");
    assert_int_equal(pv_people_invite(people, "reza", code, &until_ms), PV_OK);
    assert_true(until_ms == now_ms + PV_INVITE_MS);
    assert_int_equal(pv_people_enrol(people, PV_LIT("maryam"),
                                     pv_slice_from(code), PASSWORD, secret,
                                     sizeof(secret)),
                     PV_EVERIFY); /* it is another's */
    assert_int_equal(pv_people_enrol(people, PV_LIT("reza"),
                                     pv_slice_from(code), PV_LIT("short"),
                                     secret, sizeof(secret)),
                     PV_EINVAL);
    assert_int_equal(pv_people_enrol(people, PV_LIT("reza"),
                                     pv_slice_from(code), PASSWORD, secret,
                                     sizeof(secret)),
                     PV_OK);
    assert_int_equal(pv_people_enrol(people, PV_LIT("reza"),
                                     pv_slice_from(code), PASSWORD, secret,
                                     sizeof(secret)),
                     PV_EVERIFY); /* once */
    assert_int_equal(pv_people_sign_in(people, PV_LIT("reza"), PASSWORD,
                                       code_at(secret, 0), &session),
                     PV_OK);
    assert_int_equal(pv_people_invite(people, "reza", code, &until_ms), PV_OK);
    now_ms = until_ms;
    assert_int_equal(pv_people_enrol(people, PV_LIT("reza"),
                                     pv_slice_from(code), PASSWORD, secret,
                                     sizeof(secret)),
                     PV_EVERIFY); /* too late */
}

static void
passwords_have_rules(void **state)
{
    static const struct {
        struct pv_slice password;
        bool            good;
        const char     *what;
    } row[] = {
        {PV_SLICE_INIT("elevenchars"), false, "refuses eleven characters"},
        {PV_SLICE_INIT("twelve-chars"), true, "takes twelve"},
        {PV_SLICE_INIT("رمزعبورمنیس"), false, "counts characters, not bytes"},
        {PV_SLICE_INIT("رمزعبورمنیست"), true, "takes twelve Persian letters"},
        {PV_SLICE_INIT("maryam-maryam"), false, "refuses the person's own id"},
        {PV_SLICE_INIT("twelve\nchars"), false, "refuses a control character"},
        {PV_SLICE_INIT("twelve-chars\xff"), false, "refuses what is no UTF-8"},
    };
    char long_one[PV_PASSWORD_MAX + 1];

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        print_message("# %s\n", row[i].what);
        assert_int_equal(
            pv_people_is_password(row[i].password, "maryam-maryam"),
            row[i].good);
    }
    memset(long_one, 'x', sizeof(long_one));
    assert_true(pv_people_is_password(
        (struct pv_slice){long_one, PV_PASSWORD_MAX}, "m"));
    assert_false(pv_people_is_password(
        (struct pv_slice){long_one, PV_PASSWORD_MAX + 1}, "m"));
}

static void
another_password_ends_all_sessions(void **state)
{
    struct pv_session one;
    struct pv_session two;

    (void)state;
    first();
    assert_int_equal(sign_in_at(0, &one), PV_OK);
    assert_int_equal(sign_in_at(1, &two), PV_OK);
    assert_int_equal(pv_people_password(people, &one, PV_LIT("wrong old one"),
                                        PV_LIT("another password")),
                     PV_EVERIFY);
    assert_int_equal(
        pv_people_password(people, &one, PASSWORD, PV_LIT("another password")),
        PV_OK);
    assert_int_equal(pv_session_find(people, pv_slice_from(two.token), &two),
                     PV_EVERIFY);
    now_ms += 2 * STEP_MS;
    assert_int_equal(sign_in_at(0, &one), PV_EVERIFY);
    assert_int_equal(pv_people_sign_in(people, PV_LIT("maryam"),
                                       PV_LIT("another password"),
                                       code_at(totp, 0), &one),
                     PV_OK);
}

/* ---- sessions ---- */

static void
a_session_ends_by_rest_by_age_and_by_itself(void **state)
{
    struct pv_session session;
    struct pv_session found;
    struct pv_slice   token = {session.token, PV_TOKEN_LEN};

    (void)state;
    first();
    assert_int_equal(sign_in_at(0, &session), PV_OK);
    now_ms += PV_SESSION_IDLE_MS - 1;
    assert_int_equal(pv_session_find(people, token, &found), PV_OK);
    assert_string_equal(found.csrf, session.csrf);
    assert_string_equal(found.token, "");
    now_ms += PV_SESSION_IDLE_MS;
    assert_int_equal(pv_session_find(people, token, &found), PV_EVERIFY);

    assert_int_equal(sign_in_at(0, &session), PV_OK);
    for (int64_t age = 0; age < PV_SESSION_LIFE_MS;
         age += PV_SESSION_IDLE_MS / 2) {
        assert_int_equal(pv_session_find(people, token, &found), PV_OK);
        now_ms += PV_SESSION_IDLE_MS / 2;
    }
    assert_int_equal(pv_session_find(people, token, &found), PV_EVERIFY);

    assert_int_equal(sign_in_at(0, &session), PV_OK);
    assert_int_equal(pv_session_end(people, token), PV_OK);
    assert_int_equal(pv_session_find(people, token, &found), PV_EVERIFY);
}

static enum pv_err
note_row(void *context, const struct pv_value *column)
{
    (void)column;
    *(bool *)context = true;
    return PV_OK;
}

static void
a_session_outlives_a_restart_and_only_its_hash_is_kept(void **state)
{
    struct pv_session session;
    struct pv_session found;
    struct pv_value   argument;
    bool              by_token = false;

    (void)state;
    first();
    assert_int_equal(sign_in_at(0, &session), PV_OK);
    argument = PV_TEXT(pv_slice_from(session.token));
    assert_int_equal(pv_store_run(registry->store, PV_STMT_SESSION_GET,
                                  &argument, 1, note_row, &by_token),
                     PV_OK);
    assert_false(by_token);
    pv_people_close(people);
    people = NULL;
    pv_registry_close(registry);
    registry = NULL;
    assert_int_equal(open_all(), 0);
    assert_int_equal(
        pv_session_find(people, pv_slice_from(session.token), &found), PV_OK);
    session.token[0] = session.token[0] == '0' ? '1' : '0';
    assert_int_equal(
        pv_session_find(people, pv_slice_from(session.token), &found),
        PV_EVERIFY);
    assert_int_equal(pv_session_find(people, PV_LIT(""), &found), PV_EVERIFY);
}

static void
a_role_is_chosen_among_those_held(void **state)
{
    struct pv_session session;
    struct pv_session chosen;
    struct pv_session found;
    json_t           *roles = NULL;

    (void)state;
    first();
    assert_int_equal(sign_in_at(0, &session), PV_OK);
    assert_int_equal(pv_session_roles(people, "maryam", &roles), PV_OK);
    assert_int_equal(json_array_size(roles), 1);
    assert_string_equal(pv_member(json_array_get(roles, 0), "role"),
                        "administrator");
    json_decref(roles);
    assert_int_equal(pv_session_choose(people, pv_slice_from(session.token),
                                       "secretariat", "administration",
                                       &chosen),
                     PV_EVERIFY);
    assert_int_equal(pv_session_choose(people, pv_slice_from(session.token),
                                       "administrator", "administration",
                                       &chosen),
                     PV_OK);
    assert_int_equal(
        pv_session_find(people, pv_slice_from(session.token), &found),
        PV_EVERIFY); /* the token changed with the role */
    assert_int_equal(
        pv_session_find(people, pv_slice_from(chosen.token), &found), PV_OK);
    assert_string_equal(found.role, "administrator");
    decided("console", "console", "console", "console", "appointment",
            "administrator-maryam", "end", json_object(), "");
    assert_int_equal(
        pv_session_find(people, pv_slice_from(chosen.token), &found),
        PV_EVERIFY);
}

/* ---- who may make whom ---- */

static void
administrators_give_first_roles_to_others_only(void **state)
{
    static const struct {
        const char *person;
        const char *role;
        const char *refused;
    } row[] = {
        {"reza", "secretariat", ""},
        {"reza", "operator", ""},
        {"reza", "auditor", ""},
        {"reza", "administrator", ""},
        {"reza", "representative", "console"},
        {"reza", "chair", "console"},
        {"maryam", "secretariat", "self-appointment"},
    };

    (void)state;
    first();
    for (size_t i = 0; i < COUNT(row); i++) {
        char id[64];

        (void)snprintf(id, sizeof(id), "a-%zu", i); /* it fits */
        decided("person/maryam", "maryam", "administrator", "administration",
                "appointment", id, "appoint",
                json_pack("{s:s, s:s, s:s}", "person", row[i].person, "role",
                          row[i].role, "of", "administration"),
                row[i].refused);
    }
    decided("person/reza", "reza", "administrator", "administration", "person",
            "ali/x", "register", json_pack("{s:s}", "name_fa", "x"),
            "person-id");
    decided("person/reza", "reza", "console", "console", "person", "ali",
            "register", json_pack("{s:s}", "name_fa", "x"), "role");
}

static void
who_blocked_a_person_does_not_unblock_him(void **state)
{
    (void)state;
    first();
    decided("console", "console", "console", "console", "person", "reza",
            "register", json_pack("{s:s}", "name_fa", "x"), "");
    for (int i = 0; i < 2; i++) {
        const char *role = i == 0 ? "administrator" : "secretariat";

        decided("console", "console", "console", "console", "appointment", role,
                "appoint",
                json_pack("{s:s, s:s, s:s}", "person",
                          i == 0 ? "reza" : "maryam", "role", role, "of",
                          "administration"),
                "");
    }
    decided("person/maryam", "maryam", "secretariat", "administration",
            "person", "reza", "block", json_object(), "");
    /* two roles of one person are not two persons */
    decided("person/maryam", "maryam", "administrator", "administration",
            "person", "reza", "unblock", json_object(), "four-eyes");
    decided("person/reza", "reza", "administrator", "administration", "person",
            "reza", "unblock", json_object(), "");
}

static void
a_national_sign_in_is_linked_to_one_person(void **state)
{
    struct pv_session session;

    (void)state;
    first();
    decided("person/maryam", "maryam", "administrator", "administration",
            "person", "reza", "register", json_pack("{s:s}", "name_fa", "x"),
            "");
    assert_int_equal(
        pv_people_sign_in_by(people, "https://sso.test", "77", &session),
        PV_EVERIFY);
    decided(
        "person/maryam", "maryam", "administrator", "administration", "person",
        "reza", "link",
        json_pack("{s:s, s:s}", "issuer", "https://sso.test", "subject", "77"),
        "");
    decided(
        "person/maryam", "maryam", "administrator", "administration", "person",
        "maryam", "link",
        json_pack("{s:s, s:s}", "issuer", "https://sso.test", "subject", "77"),
        "subject-taken");
    assert_int_equal(
        pv_people_sign_in_by(people, "https://sso.test", "77", &session),
        PV_OK);
    assert_string_equal(session.person, "reza");
    assert_int_equal(
        pv_people_sign_in_by(people, "https://other.test", "77", &session),
        PV_EVERIFY);
    decided("person/maryam", "maryam", "administrator", "administration",
            "person", "reza", "unlink", json_object(), "");
    assert_int_equal(
        pv_people_sign_in_by(people, "https://sso.test", "77", &session),
        PV_EVERIFY);
    decided("person/maryam", "maryam", "administrator", "administration",
            "person", "reza", "unlink", json_object(), "not-linked");
}

/* ---- what the database holds of them ---- */

static enum pv_err
keep_totp(void *context, const struct pv_value *column)
{
    return pv_slice_to_cstr(column[1].text, context, PV_SEALED_TEXT_MAX);
}

static void
kept_totp(char ret[PV_SEALED_TEXT_MAX])
{
    ret[0] = '\0';
    assert_int_equal(pv_store_run(registry->store, PV_STMT_CREDENTIAL_TOTP,
                                  NULL, 0, keep_totp, ret),
                     PV_OK);
}

static void
write_keys(const char *path, const char *keys)
{
    FILE *file;

    (void)unlink(path); /* not there the first time */
    file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fchmod(fileno(file), 0600), 0);
    assert_true(fputs(keys, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void
start_again(void)
{
    pv_people_close(people);
    pv_registry_close(registry);
    people = NULL;
    registry = NULL;
    assert_int_equal(open_all(), 0);
}

#define OLD "00000000000000000000000000000000000000000000000000000000000000aa\n"
#define NEW "00000000000000000000000000000000000000000000000000000000000000bb\n"

static void
one_time_secrets_are_sealed_by_a_key_that_may_change(void **state)
{
    static const struct {
        const char *keys; /* NULL: no file is named */
        enum pv_err err;
        bool        again; /* sealed again */
        const char *what;
    } row[] = {
        {OLD, PV_OK, true, "seals what stood open"},
        {OLD, PV_OK, false, "leaves what it sealed"},
        {NEW OLD, PV_OK, true, "seals again by a new first key"},
        {NEW, PV_OK, false, "needs the old one no more"},
        {OLD, PV_ECORRUPT, false, "refuses a file without the key"},
        {NULL, PV_ECORRUPT, false, "refuses no file"},
        {"", PV_EINVAL, false, "refuses an empty file"},
        {"0g\n", PV_EINVAL, false, "refuses what is no key"},
        {NEW NEW NEW NEW NEW, PV_EINVAL, false, "refuses a fifth key"},
        {NEW, PV_OK, false, "opens with its own again"},
    };
    char              path[128];
    char              before[PV_SEALED_TEXT_MAX];
    char              after[PV_SEALED_TEXT_MAX];
    struct pv_session session;
    struct pv_why     why;

    (void)state;
    assert_true(snprintf(path, sizeof(path), "%s/keys", dir) > 0);
    first();
    kept_totp(before);
    assert_int_equal(strlen(before), PV_TOTP_HEX_LEN); /* no file: open */
    for (size_t i = 0; i < COUNT(row); i++) {
        print_message("# a key file %s\n", row[i].what);
        start_again();
        if (row[i].keys != NULL) {
            write_keys(path, row[i].keys);
        }
        why.text[0] = '\0';
        assert_int_equal(
            pv_people_seal(people, row[i].keys == NULL ? NULL : path, &why),
            row[i].err);
        assert_int_equal(why.text[0] == '\0', row[i].err == PV_OK);
        kept_totp(after);
        assert_int_equal(strcmp(before, after) != 0, row[i].again);
        memcpy(before, after, sizeof(before));
        assert_true(strncmp(after, "v1:", 3) == 0);
    }
    assert_int_equal(sign_in_at(0, &session), PV_OK);
}

static void
a_key_file_is_made_and_read_by_its_owner_alone(void **state)
{
    char              path[128];
    char              kept[128];
    char              made[PV_SEALED_TEXT_MAX];
    struct pv_session session;
    struct pv_why     why = {""};

    (void)state;
    assert_true(snprintf(path, sizeof(path), "%s/keys", dir) > 0);
    assert_true(snprintf(kept, sizeof(kept), "%s/kept", dir) > 0);
    assert_int_equal(pv_people_seal(people, path, &why), PV_OK);
    first();
    kept_totp(made);
    assert_true(strncmp(made, "v1:", 3) == 0);
    start_again();
    assert_int_equal(pv_people_seal(people, path, &why), PV_OK);
    assert_int_equal(sign_in_at(0, &session), PV_OK);
    start_again();
    assert_int_equal(rename(path, kept), 0);
    assert_int_equal(pv_people_seal(people, path, &why), PV_ENOTFOUND);
    assert_int_equal(access(path, F_OK), -1); /* another key is no help */
    assert_int_equal(rename(kept, path), 0);
    start_again();
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(pv_people_seal(people, path, &why), PV_EINVAL);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_first_is_who_has_the_printed_code),
        TEST(the_first_code_bears_few_attempts),
        TEST(a_code_is_good_once_and_near_its_time),
        TEST(what_is_not_right_is_not_told_apart),
        TEST(wrong_attempts_lock_for_a_while),
        TEST(an_address_tries_only_so_often),
        TEST(a_blocked_person_is_out_at_once),
        TEST(an_invitation_gives_a_password_once),
        TEST(passwords_have_rules),
        TEST(another_password_ends_all_sessions),
        TEST(a_session_ends_by_rest_by_age_and_by_itself),
        TEST(a_session_outlives_a_restart_and_only_its_hash_is_kept),
        TEST(a_role_is_chosen_among_those_held),
        TEST(administrators_give_first_roles_to_others_only),
        TEST(who_blocked_a_person_does_not_unblock_him),
        TEST(one_time_secrets_are_sealed_by_a_key_that_may_change),
        TEST(a_key_file_is_made_and_read_by_its_owner_alone),
        TEST(a_national_sign_in_is_linked_to_one_person),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("people", tests, NULL, NULL);
}
