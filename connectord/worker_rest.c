/* worker_rest.c - the one address that is ever asked, and the asking. */
#include "connectord/worker_rest.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define URL_MAX (16 * 1024)
#define BODY_MAX PV_CALL_MAX

enum pv_err
pv_rest_fail(struct worker *worker, const char *state)
{
    memcpy(worker->state, state, PV_SQLSTATE_LEN);
    worker->state[PV_SQLSTATE_LEN] = '\0';
    return PV_EDB;
}

static enum pv_err
fail_number(struct worker *worker, const char *kind, long number)
{
    char state[16];

    (void)snprintf(state, sizeof(state), "%s%03ld", kind,
                   number < 0 || number > 999 ? 999 : number); /* it fits */
    return pv_rest_fail(worker, state);
}

/* ---- the address ---- */

static const char *
text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* libcurl asks for a socket; any other address than the configured has none. */
static curl_socket_t
open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *to)
{
    const struct pv_rest *rest = context;
    const char           *allowed = text_of(rest->settings, "address");
    char                  text[INET6_ADDRSTRLEN] = "";
    unsigned char         want[sizeof(struct in6_addr)];
    const void           *have = NULL;

    if (purpose == CURLSOCKTYPE_IPCXN && to->family == AF_INET) {
        have = &((const struct sockaddr_in *)(const void *)&to->addr)->sin_addr;
    } else if (purpose == CURLSOCKTYPE_IPCXN && to->family == AF_INET6) {
        have =
            &((const struct sockaddr_in6 *)(const void *)&to->addr)->sin6_addr;
    }
    if (have == NULL || inet_pton(to->family, allowed, want) != 1 ||
        memcmp(have, want, to->family == AF_INET ? 4 : sizeof(want)) != 0 ||
        inet_ntop(to->family, have, text, sizeof(text)) == NULL) {
        return CURL_SOCKET_BAD;
    }
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

static size_t
take_bytes(char *bytes, size_t size, size_t count, void *context)
{
    struct pv_rest *rest = context;
    struct pv_slice s = {bytes, size * count};

    return pv_buf_add(&rest->body, s) == PV_OK ? s.len : 0;
}

static bool
set_address(struct pv_rest *rest)
{
    const char *address = text_of(rest->settings, "address");
    const char *host = text_of(rest->settings, "host");
    const char *port = text_of(rest->settings, "port");
    bool        six = strchr(address, ':') != NULL;
    char        line[512];
    int         len = snprintf(line, sizeof(line), "%s:%s:%s%s%s", host, port,
                       six ? "[" : "", address, six ? "]" : "");

    if (host[0] == '[') {
        return true; /* a literal: nothing would be looked up */
    }
    if (len < 0 || (size_t)len >= sizeof(line)) {
        return false;
    }
    rest->resolve = curl_slist_append(NULL, line);
    return rest->resolve != NULL &&
           curl_easy_setopt(rest->curl, CURLOPT_RESOLVE, rest->resolve) ==
               CURLE_OK;
}

static bool
set_fixed(struct pv_rest *rest)
{
    CURL          *curl = rest->curl;
    bool           tls = text_of(rest->settings, "ca") != NULL;
    const CURLcode code[] = {
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L),
        curl_easy_setopt(
            curl, CURLOPT_PROTOCOLS_STR,
            strncmp(text_of(rest->settings, "url"), "https", 5) == 0 ? "https"
                                                                     : "http"),
        curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L),
        curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L),
        curl_easy_setopt(curl, CURLOPT_PROXY, ""),
        curl_easy_setopt(curl, CURLOPT_NOPROXY, "*"),
        curl_easy_setopt(curl, CURLOPT_HTTP_VERSION,
                         (long)CURL_HTTP_VERSION_1_1),
        curl_easy_setopt(curl, CURLOPT_SSLVERSION,
                         (long)CURL_SSLVERSION_TLSv1_2),
        curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket),
        curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, rest),
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes),
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, rest),
        /* no authority but the configured one, not those of the machine */
        curl_easy_setopt(curl, CURLOPT_CAPATH, NULL),
        tls ? curl_easy_setopt(curl, CURLOPT_CAINFO,
                               text_of(rest->settings, "ca"))
            : CURLE_OK,
        curl_easy_setopt(curl, CURLOPT_SSLCERT,
                         text_of(rest->settings, "cert")),
        curl_easy_setopt(curl, CURLOPT_SSLKEY, text_of(rest->settings, "key")),
    };

    for (size_t i = 0; i < sizeof(code) / sizeof(code[0]); i++) {
        if (code[i] != CURLE_OK) {
            return false;
        }
    }
    return set_address(rest);
}

enum pv_err
pv_rest_open(struct worker *worker, struct pv_rest **ret)
{
    struct pv_rest *rest = calloc(1, sizeof(*rest)); /* for the process */

    if (rest == NULL) {
        return PV_ENOMEM;
    }
    pv_buf_init(&rest->body, PV_ROWS_BYTES_MAX);
    rest->settings = json_loads(worker->dsn, JSON_REJECT_DUPLICATES, NULL);
    rest->spec = calloc(worker->method_count + 1, sizeof(json_t *));
    if (rest->spec == NULL || rest->settings == NULL ||
        curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
        (rest->curl = curl_easy_init()) == NULL || !set_fixed(rest)) {
        return pv_rest_fail(worker, "PC002");
    }
    for (uint32_t i = 0; i < worker->method_count; i++) {
        rest->spec[i] = json_loads(worker->method[i].query[0].sql,
                                   JSON_REJECT_DUPLICATES, NULL);
        if (rest->spec[i] == NULL) {
            return pv_rest_fail(worker, "PVJSN");
        }
    }
    *ret = rest;
    return PV_OK;
}

/* ---- asking ---- */

static CURLcode
send_request(struct pv_rest *rest, const struct pv_asking *asking,
             uint32_t timeout_s, const char *url)
{
    const char *verb = text_of(asking->spec, "method");
    bool        get = strcmp(verb, "GET") == 0;
    CURL       *curl = rest->curl;
    CURLcode    code[] = {
           curl_easy_setopt(curl, CURLOPT_URL, url),
           curl_easy_setopt(curl, CURLOPT_HTTPHEADER, asking->headers),
           curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_s * 1000),
        get ? curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L)
               : curl_easy_setopt(curl, CURLOPT_POST, 1L),
           curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST,
                         strcmp(verb, "PUT") == 0 ? verb : NULL),
           curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                            (curl_off_t)asking->body.len),
           curl_easy_setopt(curl, CURLOPT_POSTFIELDS,
                         get                        ? NULL
                            : asking->body.ptr == NULL ? ""
                                                       : asking->body.ptr),
        get ? curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L) : CURLE_OK,
    };

    for (size_t i = 0; i < sizeof(code) / sizeof(code[0]); i++) {
        if (code[i] != CURLE_OK) {
            return code[i];
        }
    }
    return curl_easy_perform(curl);
}

static enum pv_err
ask(struct worker *worker, const struct method *method,
    struct pv_asking *asking, long *ret_status, enum pv_query_error *kind)
{
    struct pv_rest *rest = worker->rest;
    const char     *url;
    char           *media = NULL;
    CURLcode        code;
    enum pv_err     err = pv_buf_cstr(&asking->url, &url);

    if (err != PV_OK) {
        return err;
    }
    rest->body.len = 0;
    code = send_request(rest, asking, method->query[0].timeout_s, url);
    if (code == CURLE_WRITE_ERROR) {
        *kind = PV_QUERY_SIZE;
        return PV_ERANGE;
    }
    if (code != CURLE_OK) {
        return fail_number(worker, "PC", (long)code);
    }
    if (curl_easy_getinfo(rest->curl, CURLINFO_RESPONSE_CODE, ret_status) !=
            CURLE_OK ||
        curl_easy_getinfo(rest->curl, CURLINFO_CONTENT_TYPE, &media) !=
            CURLE_OK) {
        return fail_number(worker, "PC", 0);
    }
    (void)snprintf(rest->media, sizeof(rest->media), "%s",
                   media == NULL ? "" : media); /* cut: no type that is long */
    return PV_OK;
}

static bool
says_none(const json_t *spec, long status)
{
    const json_t *none = json_object_get(spec, "none");

    for (size_t i = 0; i < json_array_size(none); i++) {
        if (json_integer_value(json_array_get(none, i)) == status) {
            return true;
        }
    }
    return false;
}

enum pv_err
pv_rest_run(struct worker *worker, const struct method *method,
            const struct parameter *parameter, enum pv_query_error *kind)
{
    struct pv_asking asking = {.spec =
                                   worker->rest->spec[method - worker->method],
                               .parameter = parameter};
    long             status = 0;
    enum pv_err      err;

    pv_buf_init(&asking.url, URL_MAX);
    pv_buf_init(&asking.body, BODY_MAX);
    err = pv_rest_build(worker, &asking);
    if (err == PV_OK) {
        err = ask(worker, method, &asking, &status, kind);
    }
    if (err == PV_OK && status != 200) {
        err = says_none(asking.spec, status)
                  ? pv_rest_none(worker, method, asking.spec)
                  : fail_number(worker, "PV", status);
    } else if (err == PV_OK) {
        err = pv_rest_answer(worker, method, asking.spec, kind);
    }
    curl_slist_free_all(asking.headers);
    pv_buf_wipe(&asking.url);
    pv_buf_wipe(&asking.body);
    pv_buf_wipe(&worker->rest->body);
    pv_buf_init(&worker->rest->body, PV_ROWS_BYTES_MAX);
    return err;
}
