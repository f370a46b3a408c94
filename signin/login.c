/* login.c - the two addresses that a browser comes to. */
#include "login.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"
#include "crypto/secret.h"
#include "crypto/sha256.h"
#include "daemon/event.h"
#include "fetch.h"

#define COOKIE "__Host-payvand-start"
#define CODE_MAX 2048

static struct logins *
logins_of(const struct pv_server_call *call)
{
    return call->context;
}

/* ---- answers ---- */

static void
answer_failed(struct pv_server_call *call, enum pv_err err)
{
    pv_log_event(err == PV_EVERIFY ? "info" : "error", "sign-in.failed", "%s",
                 pv_err_text(err));
    if (err == PV_EVERIFY) {
        pv_server_problem(
            call, 401, "sign-in-failed",
            "the national sign-in was not completed, or is linked to nobody "
            "here; begin again or ask an administrator",
            "ورود ملی کامل نشد یا به کسی در این سامانه پیوند ندارد؛ دوباره "
            "آغاز کنید یا از مدیر سامانه بپرسید");
        return;
    }
    call->retry_after_s = 5;
    pv_server_problem(call, 503, "sign-in-unavailable",
                      "the national sign-in cannot be reached now",
                      "ورود ملی اکنون در دسترس نیست");
}

static void
set_cookie(struct pv_server_call *call, const char *name, const char *value,
           const char *rest)
{
    (void)snprintf(call->set_cookie, sizeof(call->set_cookie),
                   "%s=%s; Path=/; Secure; HttpOnly; %s", name, value,
                   rest); /* it fits */
}

/* ---- beginning ---- */

static enum pv_err
random_text(char ret[LOGIN_TEXT_LEN + 1])
{
    uint8_t     bytes[LOGIN_TEXT_LEN / 2];
    enum pv_err err = pv_secret_random(bytes, sizeof(bytes));

    if (err == PV_OK) {
        pv_hex_text(bytes, sizeof(bytes), ret);
        ret[LOGIN_TEXT_LEN] = '\0';
    }
    return err;
}

/* A free place, one that is too old, or the oldest. */
static struct login *
take_place(struct logins *logins)
{
    struct login *oldest = &logins->login[0];

    for (size_t i = 0; i < LOGINS_MAX; i++) {
        struct login *login = &logins->login[i];

        if (login->state[0] == '\0') {
            return login;
        }
        if (login->until_ms < oldest->until_ms) {
            oldest = login;
        }
    }
    return oldest;
}

static enum pv_err
begin(struct logins *logins, struct login **ret)
{
    struct login login = {.until_ms = pv_time_monotonic_ms() + LOGIN_MS};
    enum pv_err  err = random_text(login.state);

    if (err == PV_OK) {
        err = random_text(login.nonce);
    }
    if (err == PV_OK) {
        err = random_text(login.verifier);
    }
    if (err == PV_OK) {
        err = random_text(login.browser);
    }
    if (err == PV_OK) {
        *ret = take_place(logins);
        **ret = login;
    }
    return err;
}

/* RFC 7636 4.2: BASE64URL(SHA256(ASCII(verifier))) */
static enum pv_err
challenge_of(const char *verifier, char *room, size_t room_len)
{
    struct pv_slice   part = pv_slice_from(verifier);
    struct pv_sha256 *sha = NULL;
    struct pv_hash    hash;
    enum pv_err       err = pv_sha256_new(&sha);

    if (err == PV_OK) {
        err = pv_sha256(sha, &part, 1, &hash);
    }
    pv_sha256_free(sha);
    return err == PV_OK ? pv_base64url_text(hash.bytes, sizeof(hash.bytes),
                                            room, room_len)
                        : err;
}

static enum pv_err
write_location(struct logins *logins, const char *place,
               const struct login *login)
{
    const struct provider_config *config = &logins->provider.config;
    char       *client = curl_easy_escape(NULL, config->client_id, 0);
    char       *redirect = curl_easy_escape(NULL, config->redirect_uri, 0);
    char        challenge[64];
    enum pv_err err =
        challenge_of(login->verifier, challenge, sizeof(challenge));

    if (err == PV_OK && (client == NULL || redirect == NULL)) {
        err = PV_ENOMEM;
    }
    if (err == PV_OK &&
        snprintf(logins->location, sizeof(logins->location),
                 "%s%sresponse_type=code&scope=openid&client_id=%s"
                 "&redirect_uri=%s&state=%s&nonce=%s&code_challenge=%s"
                 "&code_challenge_method=S256",
                 place, strchr(place, '?') == NULL ? "?" : "&", client,
                 redirect, login->state, login->nonce,
                 challenge) >= (int)sizeof(logins->location)) {
        err = PV_ERANGE;
    }
    curl_free(client);
    curl_free(redirect);
    return err;
}

static void
get_start(struct pv_server_call *call)
{
    struct logins *logins = logins_of(call);
    struct login  *login = NULL;
    const char    *place;
    enum pv_err    err = provider_place(&logins->provider, &place);

    if (err == PV_OK) {
        err = begin(logins, &login);
    }
    if (err == PV_OK) {
        err = write_location(logins, place, login);
    }
    if (err != PV_OK) {
        answer_failed(call, err);
        return;
    }
    pv_server_answer(call, 302, "text/plain");
    call->location = logins->location;
    /* Lax: the way back begins at the provider */
    set_cookie(call, COOKIE, login->browser, "SameSite=Lax; Max-Age=600");
}

/* ---- coming back ---- */

/* Percent escapes undone; PV_ENOTFOUND; PV_EVERIFY twice, or not a text. */
static enum pv_err
query_value(struct pv_slice query, const char *name, char *room,
            size_t room_len)
{
    struct pv_slice pair;
    struct pv_slice key;
    struct pv_slice value;
    unsigned        count = 0;
    bool            more = query.len > 0;
    enum pv_err     err = PV_ENOTFOUND;

    while (more) {
        char *text;
        int   len = 0;

        more = pv_slice_cut(query, '&', &pair, &query);
        if (!pv_slice_cut(pair, '=', &key, &value) ||
            !pv_slice_eq(key, pv_slice_from(name))) {
            continue;
        }
        text = curl_easy_unescape(NULL, value.ptr, (int)value.len, &len);
        err = text == NULL || ++count > 1
                  ? PV_EVERIFY
                  : pv_slice_to_cstr((struct pv_slice){text, (size_t)len}, room,
                                     room_len);
        curl_free(text);
        if (err != PV_OK) {
            return PV_EVERIFY;
        }
    }
    return err;
}

static bool
holds_cookie(const struct pv_server_call *call, const char *wanted)
{
    struct pv_slice header;
    struct pv_slice pair;
    struct pv_slice name;
    struct pv_slice value;
    bool            found = false;
    bool            more = pv_server_header(call, "Cookie", &header) == PV_OK;

    while (more) {
        more = pv_slice_cut(header, ';', &pair, &header);
        found =
            found || (pv_slice_cut(pv_slice_trim(pair), '=', &name, &value) &&
                      pv_slice_eq(name, PV_LIT(COOKIE)) &&
                      pv_secret_eq(value, pv_slice_from(wanted)));
    }
    return found;
}

/* The way of that state, which ends with this. */
static enum pv_err
end(struct logins *logins, const struct pv_server_call *call, const char *state,
    struct login *ret)
{
    int64_t now_ms = pv_time_monotonic_ms();

    for (size_t i = 0; i < LOGINS_MAX; i++) {
        struct login *login = &logins->login[i];

        if (login->state[0] == '\0' ||
            !pv_secret_eq(pv_slice_from(login->state), pv_slice_from(state))) {
            continue;
        }
        if (!holds_cookie(call, login->browser)) {
            return PV_EVERIFY; /* another browser: it stays the other's */
        }
        *ret = *login;
        pv_secret_wipe(login, sizeof(*login));
        return ret->until_ms > now_ms ? PV_OK : PV_EVERIFY;
    }
    return PV_EVERIFY;
}

/* The registry says who that is, and begins his session. */
static enum pv_err
ask_registry(const struct logins *logins, const char *subject,
             char token[LOGIN_TEXT_LEN + 1])
{
    struct fetch fetch = {.url = "http://registry/registry/v1/sign-in-by",
                          .type = "application/json",
                          .unix_socket = logins->registry};
    json_t      *body =
        json_pack("{s:s, s:s}", "issuer", logins->provider.config.issuer,
                  "subject", subject);
    char       *text = json_dumps(body, JSON_COMPACT);
    json_t     *answer = NULL;
    const char *given;
    long        status = 0;
    enum pv_err err = text == NULL ? PV_ENOMEM : PV_OK;

    if (err == PV_OK) {
        fetch.body = text;
        err = fetch_json(&fetch, &answer, &status);
    }
    if (err == PV_EPROTO && status == 401) {
        err = PV_EVERIFY;
    }
    given = json_string_value(json_object_get(answer, "token"));
    if (err == PV_OK &&
        (given == NULL || pv_slice_to_cstr(pv_slice_from(given), token,
                                           LOGIN_TEXT_LEN + 1) != PV_OK)) {
        err = PV_EPROTO;
    }
    json_decref(answer);
    json_decref(body);
    free(text);
    return err;
}

static enum pv_err
come_back(struct pv_server_call *call, char token[LOGIN_TEXT_LEN + 1])
{
    struct logins *logins = logins_of(call);
    struct login   login;
    char           state[LOGIN_TEXT_LEN + 1];
    char           issuer[PROVIDER_TEXT_MAX];
    char           code[CODE_MAX];
    char           subject[PV_ID_TOKEN_SUBJECT_MAX + 1];
    enum pv_err    err;

    err = query_value(call->query, "state", state, sizeof(state));
    if (err == PV_OK) {
        err = end(logins, call, state, &login);
    }
    if (err == PV_OK) {
        err = query_value(call->query, "iss", issuer, sizeof(issuer));
        if (err == PV_ENOTFOUND) {
            err = PV_OK; /* the provider may be older than RFC 9207 */
        } else if (err == PV_OK &&
                   strcmp(issuer, logins->provider.config.issuer) != 0) {
            err = PV_EVERIFY;
        }
    }
    if (err == PV_OK) {
        err = query_value(call->query, "code", code, sizeof(code));
    }
    if (err == PV_OK) {
        err = provider_exchange(&logins->provider, code, login.verifier,
                                login.nonce, subject);
    }
    return err == PV_OK          ? ask_registry(logins, subject, token)
           : err == PV_ENOTFOUND ? PV_EVERIFY
                                 : err;
}

static void
get_callback(struct pv_server_call *call)
{
    static const char page[] =
        "<!doctype html><html lang=\"fa\" dir=\"rtl\"><meta charset=\"utf-8\">"
        "<meta http-equiv=\"refresh\" content=\"0;url=/\">"
        "<title>پیوند</title><p><a href=\"/\">ادامه</a> · "
        "<a href=\"/\" lang=\"en\">Continue</a></p></html>\n";
    char        token[LOGIN_TEXT_LEN + 1] = "";
    enum pv_err err = come_back(call, token);

    if (err == PV_OK) {
        err = pv_buf_add(&call->answer, pv_slice_from(page));
    }
    if (err != PV_OK) {
        answer_failed(call, err);
    } else {
        /* a page, not a redirect: a Strict cookie goes with what it starts */
        pv_server_answer(call, 200, "text/html; charset=utf-8");
        set_cookie(call, "__Host-payvand", token, "SameSite=Strict");
    }
    pv_secret_wipe(token, sizeof(token));
}

const struct pv_server_route login_route[] = {
    {"GET", "/registry/v1/oidc/start", 0, get_start},
    {"GET", "/registry/v1/oidc/callback", 0, get_callback},
};
const size_t login_route_count = sizeof(login_route) / sizeof(login_route[0]);
