/*
 * api_people.c - signing in and out, roles, invitations.
 */
#include <string.h>

#include "api.h"
#include "base/jalali.h"
#include "base/time.h"
#include "crypto/secret.h"
#include "decide.h"

#define COOKIE_REST "; Path=/; Secure; HttpOnly; SameSite=Strict"
#define ISSUER "Payvand"

static struct pv_api *
api_of(const struct pv_server_call *call)
{
    return call->context;
}

/* ---- bodies and answers ---- */

#define MEMBERS_MAX 6

struct member {
    const char *name;
    bool        needed;
    const char *value; /* "" when absent */
    size_t      len;
};

/* Texts only, no other member; ret_body owns what the values borrow. */
static enum pv_err
read_body(struct pv_server_call *call, struct member *member, size_t count,
          json_t **ret_body)
{
    json_t *body = json_loadb(call->body.ptr == NULL ? "" : call->body.ptr,
                              call->body.len, JSON_REJECT_DUPLICATES, NULL);
    size_t known = 0;
    bool   good = json_is_object(body);

    for (size_t i = 0; i < count && good; i++) {
        const json_t *value = json_object_get(body, member[i].name);

        known += value != NULL;
        good = value == NULL ? !member[i].needed : json_is_string(value);
        member[i].value = value == NULL ? "" : json_string_value(value);
        member[i].len = value == NULL ? 0 : json_string_length(value);
    }
    if (!good || json_object_size(body) != known) {
        json_decref(body);
        return PV_EINVAL;
    }
    *ret_body = body;
    return PV_OK;
}

static struct pv_slice
slice_of(const struct member *member)
{
    return (struct pv_slice){member->value, member->len};
}

/* Takes the answer; NULL: no memory. */
static void
answer(struct pv_server_call *call, json_t *json)
{
    enum pv_err err = json == NULL ? PV_ENOMEM : PV_OK;

    if (err == PV_OK) {
        err = pv_canonical(json, &call->answer);
    }
    json_decref(json);
    if (err != PV_OK) {
        pv_api_error(call, err);
        return;
    }
    pv_server_answer(call, 200, "application/json");
}

/* One answer to whatever was not right. */
static void
answer_wrong(struct pv_server_call *call)
{
    pv_server_problem(
        call, 401, "sign-in-failed",
        "name, password or code is not right, or too many attempts were made; "
        "wait a quarter of an hour",
        "نام، رمز عبور یا کد درست نیست یا تلاش بیش از اندازه بوده است؛ "
        "یک ربع ساعت صبر کنید");
}

static void
finish(struct pv_server_call *call, enum pv_err err)
{
    if (err == PV_EVERIFY) {
        answer_wrong(call);
    } else {
        pv_api_error(call, err);
    }
}

static void
answer_password(struct pv_server_call *call)
{
    pv_server_problem(
        call, 422, "password-rule",
        "a password has at least 12 characters, no control "
        "character, and is not the person's id",
        "رمز عبور دست‌کم ۱۲ نویسه دارد، نویسه کنترلی ندارد و "
        "شناسه شخص نیست");
}

/* Attempts from one address; behind nginx only. */
static bool
may_try(struct pv_server_call *call)
{
    struct pv_slice address = {"", 0};

    if (api_of(call)->face != PV_FACE_WEB) {
        return true;
    }
    if (pv_server_header(call, "Payvand-Peer-Address", &address) != PV_OK) {
        address = PV_LIT("unknown"); /* all such share one */
    }
    if (pv_people_may_try(api_of(call)->people, address)) {
        return true;
    }
    call->retry_after_s = PV_ADDRESS_EVERY_MS / 1000;
    pv_server_problem(call, 429, "too-many-attempts",
                      "too many attempts from this address",
                      "تلاش از این نشانی بیش از اندازه است");
    return false;
}

static void
answer_totp(struct pv_server_call *call, const char *person, const char *totp)
{
    answer(call, json_pack("{s:s, s:s, s:o}", "person", person, "totp", totp,
                           "totp_uri",
                           json_sprintf("otpauth://totp/" ISSUER
                                        ":%s?secret=%s&issuer=" ISSUER,
                                        person, totp)));
}

/* ---- passwords ---- */

void
pv_api_first(struct pv_server_call *call)
{
    struct member     member[] = {{"code", true, NULL, 0},
                                  {"person", true, NULL, 0},
                                  {"name_fa", true, NULL, 0},
                                  {"password", true, NULL, 0}};
    struct pv_refusal refusal = {.index = 0};
    char              totp[PV_TOTP_TEXT_ROOM];
    json_t           *body = NULL;
    enum pv_err       err;

    if (!may_try(call)) {
        return;
    }
    err = read_body(call, member, 4, &body);
    if (err == PV_OK && !pv_is_record_id(slice_of(&member[1]))) {
        err = PV_EINVAL;
    }
    if (err == PV_OK) {
        err =
            pv_people_first(api_of(call)->people, slice_of(&member[0]),
                            member[1].value, member[2].value,
                            slice_of(&member[3]), totp, sizeof(totp), &refusal);
        if (err == PV_EINVAL) {
            answer_password(call);
            goto out;
        }
    }
    if (err == PV_EREFUSED) {
        pv_api_refusal(call, &refusal);
    } else if (err != PV_OK) {
        finish(call, err);
    } else {
        answer_totp(call, member[1].value, totp);
    }

out:
    pv_secret_wipe(totp, sizeof(totp));
    json_decref(body);
}

void
pv_api_enrol(struct pv_server_call *call)
{
    struct member member[] = {{"person", true, NULL, 0},
                              {"code", true, NULL, 0},
                              {"password", true, NULL, 0}};
    char          totp[PV_TOTP_TEXT_ROOM];
    json_t       *body = NULL;
    enum pv_err   err;

    if (!may_try(call)) {
        return;
    }
    err = read_body(call, member, 3, &body);
    if (err == PV_OK) {
        err = pv_people_enrol(api_of(call)->people, slice_of(&member[0]),
                              slice_of(&member[1]), slice_of(&member[2]), totp,
                              sizeof(totp));
        if (err == PV_EINVAL) {
            answer_password(call);
            goto out;
        }
    }
    if (err != PV_OK) {
        finish(call, err);
    } else {
        answer_totp(call, member[0].value, totp);
    }

out:
    pv_secret_wipe(totp, sizeof(totp));
    json_decref(body);
}

void
pv_api_password(struct pv_server_call *call)
{
    struct member member[] = {{"old", true, NULL, 0}, {"new", true, NULL, 0}};
    json_t       *body = NULL;
    enum pv_err   err;

    if (!may_try(call)) {
        return;
    }
    err = read_body(call, member, 2, &body);
    if (err == PV_OK) {
        err = pv_people_password(api_of(call)->people,
                                 &api_of(call)->caller.session,
                                 slice_of(&member[0]), slice_of(&member[1]));
        if (err == PV_EINVAL) {
            answer_password(call);
            goto out;
        }
    }
    if (err != PV_OK) {
        finish(call, err);
    } else {
        answer(call, json_object()); /* all sessions ended, this one too */
    }

out:
    json_decref(body);
}

/* ---- sessions ---- */

static void
set_cookie(struct pv_server_call *call, const char *token)
{
    (void)snprintf(call->set_cookie, sizeof(call->set_cookie),
                   "__Host-payvand=%s" COOKIE_REST "%s", token,
                   token[0] == '\0' ? "; Max-Age=0" : ""); /* it fits */
}

static void
answer_session(struct pv_server_call *call, const struct pv_session *session)
{
    char        until[PV_TIME_TEXT_LEN + 1] = "";
    json_t     *roles = NULL;
    enum pv_err err =
        pv_session_roles(api_of(call)->people, session->person, &roles);

    if (err != PV_OK) {
        pv_api_error(call, err);
        return;
    }
    pv_time_text(session->made_ms + PV_SESSION_LIFE_MS, until);
    answer(call,
           json_pack("{s:s, s:s, s:s, s:s, s:o, s:s, s:I}", "person",
                     session->person, "role", session->role, "of", session->of,
                     "csrf", session->csrf, "roles", roles, "until", until,
                     "idle_s", (json_int_t)(PV_SESSION_IDLE_MS / 1000)));
}

/* The role asked for, or the only one; none is no error. */
static enum pv_err
choose_first(struct pv_people *people, const char *role, const char *of,
             struct pv_session *session)
{
    json_t     *roles = NULL;
    enum pv_err err = PV_OK;

    if (role[0] == '\0') {
        err = pv_session_roles(people, session->person, &roles);
        if (err == PV_OK && json_array_size(roles) == 1) {
            role = pv_member(json_array_get(roles, 0), "role");
            of = pv_member(json_array_get(roles, 0), "of");
        }
    }
    if (err == PV_OK && role[0] != '\0') {
        char token[PV_TOKEN_LEN + 1];

        memcpy(token, session->token, sizeof(token));
        err =
            pv_session_choose(people, pv_slice_from(token), role, of, session);
    }
    json_decref(roles);
    return err;
}

void
pv_api_sign_in(struct pv_server_call *call)
{
    struct member member[] = {
        {"person", true, NULL, 0}, {"password", true, NULL, 0},
        {"code", true, NULL, 0},   {"role", false, NULL, 0},
        {"of", false, NULL, 0},
    };
    struct pv_session session;
    json_t           *body = NULL;
    enum pv_err       err;

    if (!may_try(call)) {
        return;
    }
    err = read_body(call, member, 5, &body);
    if (err == PV_OK) {
        err = pv_people_sign_in(api_of(call)->people, slice_of(&member[0]),
                                slice_of(&member[1]), slice_of(&member[2]),
                                &session);
    }
    if (err == PV_OK) {
        err = choose_first(api_of(call)->people, member[3].value,
                           member[4].value, &session);
    }
    if (err != PV_OK) {
        finish(call, err);
    } else {
        answer_session(call, &session);
        set_cookie(call, session.token);
    }
    pv_secret_wipe(&session, sizeof(session));
    json_decref(body);
}

/* Whom a provider of sign-ins has told; the token goes on to his browser. */
void
pv_api_sign_in_by(struct pv_server_call *call)
{
    struct member     member[] = {{"issuer", true, NULL, 0},
                                  {"subject", true, NULL, 0}};
    struct pv_session session;
    json_t           *body = NULL;
    enum pv_err       err = read_body(call, member, 2, &body);

    if (err == PV_OK) {
        err = pv_people_sign_in_by(api_of(call)->people, member[0].value,
                                   member[1].value, &session);
    }
    if (err == PV_OK) {
        err = choose_first(api_of(call)->people, "", "", &session);
    }
    if (err != PV_OK) {
        finish(call, err);
    } else {
        answer(call, json_pack("{s:s}", "token", session.token));
    }
    pv_secret_wipe(&session, sizeof(session));
    json_decref(body);
}

void
pv_api_session(struct pv_server_call *call)
{
    answer_session(call, &api_of(call)->caller.session);
}

void
pv_api_sign_out(struct pv_server_call *call)
{
    enum pv_err err = pv_session_end(api_of(call)->people,
                                     pv_slice_from(api_of(call)->caller.token));

    if (err != PV_OK) {
        finish(call, err);
        return;
    }
    answer(call, json_object());
    set_cookie(call, "");
}

void
pv_api_role(struct pv_server_call *call)
{
    struct member member[] = {{"role", true, NULL, 0}, {"of", true, NULL, 0}};
    struct pv_session session;
    json_t           *body = NULL;
    enum pv_err       err = read_body(call, member, 2, &body);

    if (err == PV_OK) {
        err = pv_session_choose(api_of(call)->people,
                                pv_slice_from(api_of(call)->caller.token),
                                member[0].value, member[1].value, &session);
    }
    if (err == PV_EVERIFY) {
        pv_server_problem(call, 403, "role-not-held",
                          "you do not hold this role now",
                          "این نقش اکنون در اختیار شما نیست");
    } else if (err != PV_OK) {
        pv_api_error(call, err);
    } else {
        answer_session(call, &session);
        set_cookie(call, session.token);
    }
    pv_secret_wipe(&session, sizeof(session));
    json_decref(body);
}

/* ---- invitations ---- */

/* Inviting is a decision; the code that follows from it is none. */
static enum pv_err
decide_invitation(struct pv_server_call *call, const char *person,
                  const char *reason, struct pv_refusal *refusal)
{
    const struct pv_caller  *caller = &api_of(call)->caller;
    const struct pv_session *session = &caller->session;
    bool                     console = caller->kind == PV_CALLER_CONSOLE;
    struct pv_decided        decided;
    char                     day[PV_JALALI_ROOM];
    json_t                  *decision;
    enum pv_err              err = PV_ENOMEM;

    pv_day_text(pv_time_tehran_day(pv_time_wall_ms()), day);
    decision = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:{}}", "actor",
                         console ? "console" : session->person, "role",
                         console ? "console" : session->role, "of",
                         console ? "console" : session->of, "date", day, "kind",
                         "person", "id", person, "event", "invite", "data");
    if (decision != NULL &&
        (reason[0] == '\0' ||
         json_object_set_new(decision, "reason", json_string(reason)) == 0)) {
        err = pv_registry_decide(api_of(call)->registry, decision, caller->by,
                                 &decided, refusal);
    }
    json_decref(decision);
    return err;
}

void
pv_api_invite(struct pv_server_call *call)
{
    struct member     member[] = {{"person", true, NULL, 0},
                                  {"reason", false, NULL, 0}};
    struct pv_refusal refusal = {.index = 0};
    char              code[PV_CODE_LEN + 1];
    char              until[PV_TIME_TEXT_LEN + 1] = "";
    int64_t           until_ms = 0;
    json_t           *body = NULL;
    enum pv_err       err = read_body(call, member, 2, &body);

    if (err == PV_OK && !pv_is_record_id(slice_of(&member[0]))) {
        err = PV_EINVAL;
    }
    if (err == PV_OK) {
        err =
            decide_invitation(call, member[0].value, member[1].value, &refusal);
    }
    if (err == PV_OK) {
        err = pv_people_invite(api_of(call)->people, member[0].value, code,
                               &until_ms);
    }
    if (err == PV_EREFUSED) {
        pv_api_refusal(call, &refusal);
    } else if (err != PV_OK) {
        pv_api_error(call, err);
    } else {
        pv_time_text(until_ms, until);
        answer(call, json_pack("{s:s, s:s, s:s}", "person", member[0].value,
                               "code", code, "until", until));
    }
    pv_secret_wipe(code, sizeof(code));
    json_decref(body);
}
