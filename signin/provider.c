/* provider.c - discovery, keys, and the exchange of a code. */
#include "provider.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/time.h"
#include "crypto/secret.h"
#include "fetch.h"

#define CONFIG_MAX (16 * 1024)
#define FORM_MAX (8 * 1024)
#define WELL_KNOWN "/.well-known/openid-configuration"

/* ---- configuration ---- */

static enum pv_err
read_file(const char *path, char *room, size_t room_len, struct pv_why *why)
{
    int     fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd == -1 ? -1 : read(fd, room, room_len);

    if (fd != -1) {
        (void)close(fd); /* read-only: nothing to lose */
    }
    if (n < 0 || (size_t)n >= room_len) {
        pv_why_set(why, "%s: %s", path,
                   n < 0 ? strerror(errno) : "the file is too long");
        return PV_ESYS;
    }
    room[n] = '\0';
    return PV_OK;
}

static bool
take(const json_t *config, const char *name, bool needed,
     char room[PROVIDER_TEXT_MAX])
{
    const json_t *value = json_object_get(config, name);
    const char   *text = json_string_value(value);

    room[0] = '\0';
    if (value == NULL) {
        return !needed;
    }
    return text != NULL && text[0] != '\0' &&
           pv_slice_to_cstr(pv_slice_from(text), room, PROVIDER_TEXT_MAX) ==
               PV_OK;
}

/* Members that are not known would be wishes that nothing follows. */
static bool
take_all(const json_t *json, struct provider_config *config, char *secret_file)
{
    static const char *const known[] = {"issuer",       "client_id",
                                        "redirect_uri", "client_secret_file",
                                        "ca_file",      "loopback"};
    const json_t            *loopback = json_object_get(json, "loopback");
    size_t                   count = 0;

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        count += json_object_get(json, known[i]) != NULL;
    }
    config->loopback = json_is_true(loopback);
    return json_object_size(json) == count &&
           (loopback == NULL || json_is_boolean(loopback)) &&
           take(json, "issuer", true, config->issuer) &&
           take(json, "client_id", true, config->client_id) &&
           take(json, "redirect_uri", true, config->redirect_uri) &&
           take(json, "client_secret_file", true, secret_file) &&
           take(json, "ca_file", false, config->ca_file) &&
           fetch_is_url(config->issuer, config->loopback);
}

enum pv_err
provider_read(const char *path, struct provider *ret, struct pv_why *why)
{
    struct provider_config *config = &ret->config;
    char                    text[CONFIG_MAX];
    char                    secret_file[PROVIDER_TEXT_MAX];
    json_t                 *json = NULL;
    enum pv_err             err = read_file(path, text, sizeof(text), why);

    *ret = (struct provider){.found = NULL};
    if (err == PV_OK) {
        json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        if (!take_all(json, config, secret_file)) {
            pv_why_set(why,
                       "%s: it has issuer (https), client_id, "
                       "client_secret_file, redirect_uri, and may have "
                       "ca_file and loopback",
                       path);
            err = PV_EINVAL;
        }
    }
    if (err == PV_OK) {
        err = read_file(secret_file, config->client_secret,
                        sizeof(config->client_secret), why);
    }
    if (err == PV_OK) {
        config->client_secret[strcspn(config->client_secret, "\r\n")] = '\0';
    }
    json_decref(json);
    return err;
}

void
provider_clear(struct provider *provider)
{
    json_decref(provider->found);
    json_decref(provider->keys);
    pv_secret_wipe(provider, sizeof(*provider));
}

/* ---- what the provider says of itself ---- */

static enum pv_err
get(struct provider *provider, const char *url, json_t **ret)
{
    const struct provider_config *config = &provider->config;
    struct fetch                  fetch = {
                         .url = url,
                         .ca_file = config->ca_file[0] == '\0' ? NULL : config->ca_file,
                         .loopback = config->loopback};
    long status;

    return fetch_is_url(url, config->loopback)
               ? fetch_json(&fetch, ret, &status)
               : PV_EPROTO;
}

static const char *
member(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text == NULL ? "" : text;
}

static enum pv_err
find_out(struct provider *provider)
{
    int64_t     now_ms = pv_time_monotonic_ms();
    char        url[PROVIDER_TEXT_MAX + sizeof(WELL_KNOWN)];
    size_t      len = strlen(provider->config.issuer);
    json_t     *found = NULL;
    enum pv_err err;

    if (provider->found != NULL &&
        now_ms - provider->found_ms < PROVIDER_FRESH_MS) {
        return PV_OK;
    }
    while (len > 0 && provider->config.issuer[len - 1] == '/') {
        len--; /* Discovery 1.0, section 4 */
    }
    (void)snprintf(url, sizeof(url), "%.*s" WELL_KNOWN, (int)len,
                   provider->config.issuer); /* it fits */
    err = get(provider, url, &found);
    if (err == PV_OK &&
        strcmp(member(found, "issuer"), provider->config.issuer) != 0) {
        err = PV_EPROTO; /* another one answers in its place */
    }
    if (err != PV_OK) {
        json_decref(found);
        return err;
    }
    json_decref(provider->found);
    provider->found = found;
    provider->found_ms = now_ms;
    return PV_OK;
}

static enum pv_err
get_keys(struct provider *provider, int64_t fresh_ms)
{
    int64_t     now_ms = pv_time_monotonic_ms();
    json_t     *keys = NULL;
    enum pv_err err;

    if (provider->keys != NULL && now_ms - provider->keys_ms < fresh_ms) {
        return PV_OK;
    }
    err = get(provider, member(provider->found, "jwks_uri"), &keys);
    if (err == PV_OK) {
        json_decref(provider->keys);
        provider->keys = keys;
        provider->keys_ms = now_ms;
    }
    return err;
}

enum pv_err
provider_place(struct provider *provider, const char **ret_url)
{
    const char *url;
    enum pv_err err = find_out(provider);

    if (err != PV_OK) {
        return err;
    }
    url = member(provider->found, "authorization_endpoint");
    if (!fetch_is_url(url, provider->config.loopback)) {
        return PV_EPROTO;
    }
    *ret_url = url;
    return PV_OK;
}

/* ---- the code ---- */

static enum pv_err
add_field(struct pv_buf *form, const char *name, const char *value)
{
    char       *escaped = curl_easy_escape(NULL, value, 0);
    enum pv_err err =
        escaped == NULL ? PV_ENOMEM
                        : pv_buf_addf(form, "%s%s=%s",
                                      form->len == 0 ? "" : "&", name, escaped);

    curl_free(escaped);
    return err;
}

static enum pv_err
post_form(struct provider *provider, const char *form, json_t **ret)
{
    const struct provider_config *config = &provider->config;
    char        *user = curl_easy_escape(NULL, config->client_id, 0);
    char        *secret = curl_easy_escape(NULL, config->client_secret, 0);
    struct fetch fetch = {
        .url = member(provider->found, "token_endpoint"),
        .body = form,
        .type = "application/x-www-form-urlencoded",
        .user = user,
        .password = secret,
        .ca_file = config->ca_file[0] == '\0' ? NULL : config->ca_file,
        .loopback = config->loopback};
    long        status = 0;
    enum pv_err err = PV_ENOMEM;

    if (user != NULL && secret != NULL) {
        err = fetch_is_url(fetch.url, config->loopback)
                  ? fetch_json(&fetch, ret, &status)
                  : PV_EPROTO;
    }
    if (err == PV_EPROTO && status >= 400 && status < 500) {
        err = PV_EVERIFY; /* the code is not right, or used */
    }
    curl_free(user);
    curl_free(secret);
    return err;
}

static enum pv_err
redeem(struct provider *provider, const char *code, const char *verifier,
       json_t **ret)
{
    struct pv_buf form;
    const char   *text;
    enum pv_err   err;

    pv_buf_init(&form, FORM_MAX);
    err = add_field(&form, "grant_type", "authorization_code");
    if (err == PV_OK) {
        err = add_field(&form, "code", code);
    }
    if (err == PV_OK) {
        err = add_field(&form, "redirect_uri", provider->config.redirect_uri);
    }
    if (err == PV_OK) {
        err = add_field(&form, "code_verifier", verifier);
    }
    if (err == PV_OK) {
        err = pv_buf_cstr(&form, &text);
    }
    if (err == PV_OK) {
        err = post_form(provider, text, ret);
    }
    pv_buf_clear(&form);
    return err;
}

enum pv_err
provider_exchange(struct provider *provider, const char *code,
                  const char *verifier, const char *nonce,
                  char ret_subject[PV_ID_TOKEN_SUBJECT_MAX + 1])
{
    struct pv_id_token_wanted wanted = {.issuer = provider->config.issuer,
                                        .client_id = provider->config.client_id,
                                        .nonce = nonce};
    struct pv_slice           token;
    json_t                   *answer = NULL;
    enum pv_err               err = find_out(provider);

    if (err == PV_OK) {
        err = redeem(provider, code, verifier, &answer);
    }
    if (err == PV_OK) {
        err = get_keys(provider, PROVIDER_FRESH_MS);
    }
    if (err == PV_OK) {
        wanted.now_s = pv_time_wall_ms() / 1000;
        token = pv_slice_from(member(answer, "id_token"));
        err = pv_id_token_subject(token, provider->keys, &wanted, ret_subject);
        if (err == PV_ENOTFOUND) { /* a key that is new */
            err = get_keys(provider, PROVIDER_AGAIN_MS);
            err = err == PV_OK ? pv_id_token_subject(token, provider->keys,
                                                     &wanted, ret_subject)
                               : err;
        }
    }
    json_decref(answer);
    return err == PV_ENOTFOUND ? PV_EVERIFY : err;
}
