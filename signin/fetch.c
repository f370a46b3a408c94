/* fetch.c - one bounded request by libcurl. */
#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "fetch.h"

bool
fetch_is_url(const char *url, bool loopback)
{
    static const char https[] = "https://";
    static const char local[] = "http://127.0.0.1";
    const char       *at;

    for (at = url; *at > ' ' && *at <= '~'; at++) {
    }
    if (*at != '\0') {
        return false;
    }
    if (strncmp(url, https, sizeof(https) - 1) == 0) {
        return true;
    }
    at = url + sizeof(local) - 1;
    return loopback && strncmp(url, local, sizeof(local) - 1) == 0 &&
           (*at == ':' || *at == '/' || *at == '\0');
}

/* libcurl's type for what takes an answer's bytes */
static size_t
on_answer(char *bytes, size_t one, size_t len, void *context)
{
    return pv_buf_add(context, (struct pv_slice){bytes, one * len}) == PV_OK
               ? one * len
               : 0; /* too long: the request fails */
}

static bool
set_common(CURL *curl, const struct fetch *fetch, struct pv_buf *answer)
{
    const char *protocols =
        fetch->loopback || fetch->unix_socket != NULL ? "http,https" : "https";

    return curl_easy_setopt(curl, CURLOPT_URL, fetch->url) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, protocols) ==
               CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                            FETCH_CONNECT_MS) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, FETCH_MS) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_answer) ==
               CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer) == CURLE_OK &&
           (fetch->ca_file == NULL ||
            curl_easy_setopt(curl, CURLOPT_CAINFO, fetch->ca_file) ==
                CURLE_OK) &&
           (fetch->unix_socket == NULL ||
            curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH,
                             fetch->unix_socket) == CURLE_OK);
}

static bool
set_body(CURL *curl, const struct fetch *fetch, struct curl_slist **headers)
{
    char type[128];

    if (fetch->body == NULL) {
        return true;
    }
    (void)snprintf(type, sizeof(type), "Content-Type: %s",
                   fetch->type); /* a literal of ours */
    *headers = curl_slist_append(NULL, type);
    return *headers != NULL &&
           curl_easy_setopt(curl, CURLOPT_POSTFIELDS, fetch->body) ==
               CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HTTPHEADER, *headers) == CURLE_OK &&
           (fetch->user == NULL ||
            (curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC) ==
                 CURLE_OK &&
             curl_easy_setopt(curl, CURLOPT_USERNAME, fetch->user) ==
                 CURLE_OK &&
             curl_easy_setopt(curl, CURLOPT_PASSWORD, fetch->password) ==
                 CURLE_OK));
}

static enum pv_err
perform(CURL *curl, struct pv_buf *answer, json_t **ret, long *ret_status)
{
    CURLcode code = curl_easy_perform(curl);
    json_t  *json;
    long     status = 0;

    if (code != CURLE_OK) {
        return code == CURLE_WRITE_ERROR ? PV_ERANGE : PV_ECLOSED;
    }
    if (curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK) {
        return PV_EPROTO;
    }
    *ret_status = status;
    if (status != 200 || answer->len == 0) {
        return PV_EPROTO;
    }
    json = json_loadb(answer->ptr, answer->len, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(json)) {
        json_decref(json);
        return PV_EPROTO;
    }
    *ret = json;
    return PV_OK;
}

enum pv_err
fetch_json(const struct fetch *fetch, json_t **ret, long *ret_status)
{
    CURL              *curl = curl_easy_init();
    struct curl_slist *headers = NULL;
    struct pv_buf      answer;
    enum pv_err        err = PV_ENOMEM;

    pv_buf_init(&answer, FETCH_MAX);
    *ret_status = 0;
    if (curl != NULL && set_common(curl, fetch, &answer) &&
        set_body(curl, fetch, &headers)) {
        err = perform(curl, &answer, ret, ret_status);
    }
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    pv_buf_clear(&answer);
    return err;
}
