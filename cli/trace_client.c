/* trace_client.c - one request to the reader of a trace. */
#include <stdlib.h>
#include <string.h>

#include "trace_client.h"

#define LOCAL_URL "http://localhost"
#define URL_MAX_LEN 4096

void
pv_client_init(struct pv_client *client)
{
    memset(client, 0, sizeof(*client));
    pv_http_init(&client->http);
}

void
pv_client_clear(struct pv_client *client)
{
    pv_http_clear(&client->http);
}

bool
pv_client_take(struct pv_client *client, int option, const char *value)
{
    switch (option) {
    case PV_CLIENT_SOCKET:
        client->socket = value;
        return true;
    case PV_CLIENT_URL:
        client->url = value;
        return true;
    case PV_CLIENT_CA:
        client->ca = value;
        return true;
    case PV_CLIENT_AS:
        client->system = value;
        return true;
    case PV_CLIENT_CERT:
        client->cert = value;
        return true;
    case PV_CLIENT_KEY:
        client->key = value;
        return true;
    default:
        return false;
    }
}

/* What a value may hold, so that nothing has to be escaped. */
static bool
is_value(const char *text)
{
    for (; *text != '\0'; text++) {
        if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                   "0123456789._/:+-,",
                   *text) == NULL) {
            return false;
        }
    }
    return true;
}

static bool
append(struct pv_client *client, const char *text)
{
    size_t len = strlen(client->target);

    if (!is_value(text) && strcmp(text, "?") != 0 && strcmp(text, "&") != 0 &&
        strcmp(text, "=") != 0) {
        pv_cli_error("%s: %s",
                     pv_cli_text(client->lang, "this cannot be asked for",
                                 "این را نمی‌توان پرسید"),
                     text);
        return false;
    }
    if (strlen(text) >= sizeof(client->target) - len) {
        pv_cli_error("the question is too long");
        return false;
    }
    memcpy(client->target + len, text, strlen(text) + 1);
    return true;
}

bool
pv_client_path(struct pv_client *client, const char *path, const char *rest)
{
    client->target[0] = '\0';
    return append(client, path) && append(client, rest);
}

bool
pv_client_add(struct pv_client *client, const char *name, const char *value)
{
    if (value == NULL || value[0] == '\0') {
        return true;
    }
    return append(client, strchr(client->target, '?') == NULL ? "?" : "&") &&
           append(client, name) && append(client, "=") && append(client, value);
}

/* Where to ask: what was said, else what the environment says. */
static bool
find_address(struct pv_client *client)
{
    if (client->socket == NULL && client->url == NULL) {
        client->url = client->system != NULL || client->cert != NULL
                          ? getenv("PAYVAND_API_URL")
                          : NULL;
    }
    if (client->socket == NULL && client->url == NULL) {
        client->socket = getenv("PAYVAND_TRACE_SOCKET");
    }
    if (client->socket == NULL && client->url == NULL) {
        pv_cli_error(
            "%s",
            pv_cli_text(
                client->lang,
                "whom to ask? --socket or PAYVAND_TRACE_SOCKET on the "
                "exchange's machine, --url and --as from elsewhere",
                "از که پرسیده شود؟ ‎--socket یا PAYVAND_TRACE_SOCKET در "
                "رایانه مرکز، ‎--url و ‎--as از راه دور"));
        return false;
    }
    if (client->url == NULL) {
        return true;
    }
    if (client->ca == NULL) {
        client->ca = getenv("PAYVAND_CA");
    }
    if (client->cert == NULL && client->system != NULL) {
        client->cert = pv_cli_of_system("CERT", client->system);
        client->key = pv_cli_of_system("KEY", client->system);
        if (client->cert == NULL || client->key == NULL) {
            pv_cli_error("no certificate of %s: PAYVAND_CERT_... and "
                         "PAYVAND_KEY_... are not set",
                         client->system);
            return false;
        }
    }
    return true;
}

/* The title of a problem in the language, or the bare status. */
static void
say_problem(const struct pv_client *client)
{
    struct pv_slice body = pv_buf_view(&client->http.answer);
    json_t         *problem = body.len == 0 ? NULL
                                            : json_loadb(body.ptr, body.len,
                                                         JSON_REJECT_DUPLICATES, NULL);
    const char     *title = pv_client_text(
            problem, client->lang == PV_LANG_FA ? "title_fa" : "title");

    if (title[0] != '\0') {
        pv_cli_error("%s", title);
    } else {
        pv_cli_error("%s: HTTP %ld",
                     pv_cli_text(client->lang, "the reader did not answer",
                                 "خواننده دفتر پاسخ نداد"),
                     client->http.status);
    }
    json_decref(problem); /* accepts NULL */
}

int
pv_client_get(struct pv_client *client)
{
    char            url[URL_MAX_LEN];
    const char     *base;
    struct pv_why   why;
    struct pv_slice from;
    int             len;

    if (!find_address(client)) {
        return PV_EXIT_USAGE;
    }
    base = client->url != NULL ? client->url : LOCAL_URL;
    from = pv_slice_from(base);
    while (from.len > 0 && from.ptr[from.len - 1] == '/') {
        from.len--;
    }
    len = snprintf(url, sizeof(url), "%.*s%s", PV_FMT(from), client->target);
    if (len < 0 || (size_t)len >= sizeof(url)) {
        pv_cli_error("the address is too long");
        return PV_EXIT_USAGE;
    }
    client->http.url = url;
    client->http.unix_socket = client->url != NULL ? NULL : client->socket;
    client->http.ca = client->ca;
    client->http.cert = client->cert;
    client->http.key = client->key;
    client->http.answer.len = 0;
    client->http.status = 0;
    if (pv_http_run(&client->http, &why) != PV_OK) {
        pv_cli_error("%s", why.text);
        return PV_EXIT_FAILED;
    }
    if (client->http.status != 200) {
        if (client->http.status != PV_CLIENT_UNAVAILABLE ||
            !client->quiet_503) {
            say_problem(client);
        }
        return PV_EXIT_FAILED;
    }
    return PV_EXIT_OK;
}

int
pv_client_get_json(struct pv_client *client, json_t **ret)
{
    int             code = pv_client_get(client);
    struct pv_slice body = pv_buf_view(&client->http.answer);

    if (code != PV_EXIT_OK) {
        return code;
    }
    *ret = json_loadb(body.ptr, body.len, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(*ret)) {
        json_decref(*ret); /* accepts NULL */
        *ret = NULL;
        pv_cli_error("%s", pv_cli_text(client->lang,
                                       "the reader's answer is not JSON",
                                       "پاسخ خواننده دفتر JSON نیست"));
        return PV_EXIT_FAILED;
    }
    return PV_EXIT_OK;
}

const char *
pv_client_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text == NULL ? "" : text;
}
